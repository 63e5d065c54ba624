/* SPDX-License-Identifier: Apache-2.0 */
/* A plan by hand, like that of `runc spec`: valid, and good for a real start. */
#pragma once

#include "plan/plan.h"

#include <string.h>

#include <linux/sched.h>
#include <sys/resource.h>

enum {
        SAMPLE_RO = 1,
        SAMPLE_NOSUID = 2,
        SAMPLE_NODEV = 4,
        SAMPLE_NOEXEC = 8,
};

/* auto_sample s = { 0 }; : freed when its block ends. */
#define auto_sample __attribute__((cleanup(sample_free))) struct sample

struct sample {
        struct arena arena;
        struct plan plan;
        const char *rootfs;
        const char *script; /* what the container's shell runs */
        int64_t uid, gid;
        const char *cwd;
        int16_t root, proc, dev, null, empty;
};

static void sample_free(struct sample *s)
{
        arena_free(&s->arena);
}

#define SAMPLE_CAPS \
        ((1ull << 5) | (1ull << 10) | (1ull << 29)) /* kill net_bind_service audit_write */

static int16_t sample_mount(
        struct sample *s, const char *why, const char *type, const char *target, uint64_t attrs,
        const char *const *options)
{
        struct plan *p = &s->plan;
        int16_t fs = plan_slot(p), tree = plan_slot(p);

        plan_add(p, INIT, why, open_fs, .type = type, .fs = fs);
        plan_add(p, INIT, why, set_fs, .fs = fs, .key = "source", .value = type);
        for (; options && *options; options += 2)
                plan_add(p, INIT, why, set_fs, .fs = fs, .key = options[0], .value = options[1]);
        plan_add(p, INIT, why, make_mount, .fs = fs, .attrs = attrs, .tree = tree);
        if (target)
                plan_add(
                        p, INIT, why, attach, .tree = tree, .root = s->root, .target = target,
                        .make = TARGET_DIRECTORY);
        return tree;
}

static void sample_root(struct sample *s)
{
        struct plan *p = &s->plan;
        int16_t below = plan_slot(p);

        s->root = plan_slot(p);
        plan_add(
                p, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                .kind = PROPAGATE_SLAVE);
        plan_add(p, INIT, "/root/path", open_path, .path = s->rootfs, .fd = below);
        plan_add(
                p, INIT, "/root/path", clone_tree, .dir = -1, .path = s->rootfs, .recursive = 1,
                .tree = s->root);
        plan_add(
                p, INIT, "/root/path", set_mount, .tree = s->root, .propagation = PROPAGATE_PRIVATE,
                .recursive = 1);
        plan_add(p, INIT, "/root/path", attach, .tree = s->root, .root = below, .target = "");
}

/* What few containers have: a tmpfs with the image's content, a mount that changes. */
static void sample_filled(struct sample *s)
{
        struct plan *p = &s->plan;
        int16_t tree = sample_mount(s, "/mounts/6", "tmpfs", NULL, 0, NULL);
        int16_t there = plan_slot(p);

        plan_add(
                p, INIT, "/mounts/6", copy_up, .tree = tree, .root = s->root, .path = "etc",
                .whole = 1, .no_devices = 1);
        plan_add(
                p, INIT, "/mounts/6", attach, .tree = tree, .root = s->root, .target = "etc",
                .make = TARGET_DIRECTORY);
        plan_add(p, INIT, "/mounts/7", open_mount, .root = s->root, .path = "etc", .tree = there);
        plan_add(p, INIT, "/mounts/7", set_mount, .tree = there, .set = SAMPLE_NOEXEC);
}

static void sample_mounts(struct sample *s)
{
        static const char *const dev[] = { "mode", "755", "size", "65536k", NULL };
        static const char *const shm[] = { "mode", "1777", NULL };
        static const char *const pts[] = { "newinstance", NULL,   "ptmxmode", "0666",
                                           "mode",        "0620", NULL };
        const uint64_t safe = SAMPLE_NOSUID | SAMPLE_NODEV | SAMPLE_NOEXEC;

        s->proc = sample_mount(s, "/mounts/0", "proc", "proc", 0, NULL);
        s->dev = sample_mount(s, "/mounts/1", "tmpfs", "dev", SAMPLE_NOSUID, dev);
        sample_mount(s, "/mounts/2", "devpts", "dev/pts", SAMPLE_NOSUID | SAMPLE_NOEXEC, pts);
        sample_mount(s, "/mounts/3", "tmpfs", "dev/shm", safe, shm);
        sample_mount(s, "/mounts/4", "mqueue", "dev/mqueue", safe, NULL);
        sample_filled(s);
        sample_mount(s, "/mounts/5", "sysfs", "sys", safe | SAMPLE_RO, NULL);
}

static void sample_devices(struct sample *s)
{
        static const struct {
                const char *name;
                uint32_t minor;
        } nodes[] = {
                { "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 }, { "urandom", 9 }
        };
        struct plan *p = &s->plan;

        for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
                plan_add(
                        p, INIT, "[default device]", make_node, .dir = s->dev,
                        .path = nodes[i].name, .mode = 0666,
                        .device = { .type = 'c', .major = 1, .minor = nodes[i].minor });
        plan_add(
                p, INIT, "[default device]", make_link, .dir = s->dev, .path = "fd",
                .target = "/proc/self/fd");
        plan_add(
                p, INIT, "[default device]", make_link, .dir = s->dev, .path = "ptmx",
                .target = "pts/ptmx");
        plan_add(
                p, INIT, "/linux/sysctl/kernel.shm_rmid_forced", set_proc, .proc = s->proc,
                .file = "sys/kernel/shm_rmid_forced", .value = "1");
}

static void sample_masks(struct sample *s)
{
        static const char *const masked[] = { "proc/kcore", "proc/scsi", "sys/firmware",
                                              "proc/timer_list", "proc/nothing" };
        static const char *const locked[] = { "proc/bus", "proc/sys", "proc/sysrq-trigger" };
        static const char *const empty[] = { "nr_inodes", "1", NULL };
        struct plan *p = &s->plan;

        s->null = plan_slot(p);
        plan_add(
                p, INIT, "/linux/maskedPaths", clone_tree, .dir = s->dev, .path = "null",
                .tree = s->null);
        s->empty = sample_mount(s, "/linux/maskedPaths", "tmpfs", NULL, SAMPLE_RO, empty);
        for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
                plan_add(
                        p, INIT, "/linux/maskedPaths", mask_path, .root = s->root,
                        .path = masked[i], .null = s->null, .empty = s->empty);
        for (size_t i = 0; i < ARRAY_SIZE(locked); i++)
                plan_add(
                        p, INIT, "/linux/readonlyPaths", lock_path, .root = s->root,
                        .path = locked[i]);
}

static void sample_process(struct sample *s)
{
        static const uint32_t groups[] = { 7, 1000 }, first_cpu[] = { 0 };
        static const char *const env[] = { "PATH=/usr/bin:/bin", "GREETING=it's \"me\"", NULL };
        struct plan *p = &s->plan;
        const char **args = arena_array(&s->arena, 4, sizeof *args);
        static const char *const hook[] = { "true", "it's up", NULL };
        struct op *op;

        plan_add(
                p, INIT, "/hooks/createContainer/0", run_hook, .path = "/bin/true",
                .args = { hook, 2 }, .env = { env, 2 }, .cwd = "/", .timeout_s = 10,
                .state = "{\"id\":\"c1\"}");
        op = plan_add(p, INIT, "/root/readonly", set_mount, .tree = s->root, .set = SAMPLE_RO);
        op->has_else = true;
        plan_add(p, INIT, "/root/readonly", remount, .tree = s->root, .attrs = SAMPLE_RO);
        plan_add(p, INIT, "[root]", pivot, .root = s->root, .move = 1);
        plan_add(
                p, INIT, "/process/rlimits/0", set_rlimit, .resource = RLIMIT_NOFILE, .soft = 512,
                .hard = 1024);
        plan_add(
                p, INIT, "/process/rlimits/1", set_rlimit, .resource = RLIMIT_CORE, .soft = 0,
                .hard = UINT64_MAX);
        plan_add(
                p, INIT, "/process/execCPUAffinity/final", set_affinity,
                .cpus = { first_cpu, ARRAY_SIZE(first_cpu) });
        plan_add(p, INIT, "/process/scheduler", set_scheduler, .policy = "SCHED_BATCH", .nice = 3);
        plan_add(
                p, INIT, "/process/ioPriority", set_io_priority, .class = "IOPRIO_CLASS_BE",
                .level = 6);
        plan_add(p, INIT, "/linux/memoryPolicy", set_memory_policy, .mode = "MPOL_LOCAL");
        plan_add(p, INIT, "/linux/personality", set_personality, .persona = 8);
        plan_add(p, INIT, "/process/user/umask", set_umask, .mask = 027);
        plan_add(p, INIT, "/process/cwd", change_dir, .path = s->cwd);
        plan_add(
                p, INIT, "/process/args/0", find_program, .program = "sh",
                .search = "/usr/bin:/bin");
        plan_add(p, INIT, "/process/user", set_groups, .groups = { groups, 2 });
        plan_add(p, INIT, "/process/capabilities/bounding", drop_bounding, .keep = SAMPLE_CAPS);
        plan_add(p, INIT, "/process/capabilities", keep_caps);
        plan_add(p, INIT, "/process/user", set_ids, .uid = s->uid, .gid = s->gid);
        plan_add(
                p, INIT, "/process/capabilities", set_caps, .effective = SAMPLE_CAPS,
                .permitted = SAMPLE_CAPS, .inheritable = 1ull << 5);
        plan_add(p, INIT, "/process/capabilities/ambient", set_ambient, .ambient = 1ull << 5);
        plan_add(p, INIT, "/process/noNewPrivileges", no_new_privs);
        plan_add(p, INIT, "[nothing to look into]", close_others, .preserve_fds = 1, .keep = -1);
        plan_add(p, INIT, "[no descriptor leaks]", seal_fds, .first = 3);
        args[0] = "sh";
        args[1] = "-c";
        args[2] = s->script;
        plan_add(p, INIT, "/process/args", exec, .args = { args, 3 }, .env = { env, 2 });
}

/* The caller sets rootfs, script, uid, gid and cwd, or leaves them. */
static void sample_build(struct sample *s)
{
        static const char *const nothing[] = { NULL };
        struct plan *p = &s->plan;
        int16_t process;

        s->rootfs = s->rootfs ? s->rootfs : "/var/lib/c1/rootfs";
        s->script = s->script ? s->script : "echo \"it's up\"";
        s->cwd = s->cwd ? s->cwd : "/";
        p->arena = &s->arena;
        p->id = "c1";
        process = plan_slot(p);
        plan_add(
                p, HOST, "/linux/namespaces", spawn,
                .spaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
                          CLONE_NEWCGROUP,
                .cgroup = -1, .process = process);
        plan_add(p, HOST, "[journal]", record, .process = process);
        plan_add(p, HOST, "[gates]", await_gate, .gate = GATE_ROOT_READY);
        plan_add(p, HOST, "[gates]", open_gate, .gate = GATE_HOST_READY);
        plan_add(
                p, HOST, "/hooks/createRuntime/0", run_hook, .path = "/bin/true",
                .env = { nothing, 0 }, .state = "{\"id\":\"c1\"}");
        plan_add(p, HOST, "/hooks", note_status, .status = "started");
        plan_add(p, HOST, "[gates]", await_gate, .gate = GATE_EXECUTED);

        plan_add(p, INIT, "[init dies with husk]", guard_parent, .on = 1);
        plan_add(
                p, INIT, "/process/oomScoreAdj", set_self, .file = "oom_score_adj", .value = "100");
        plan_add(p, INIT, "/linux/namespaces/3", link_up, .name = "lo");
        plan_add(p, INIT, "/hostname", set_hostname, .name = "box");
        sample_root(s);
        sample_mounts(s);
        sample_devices(s);
        plan_add(p, INIT, "[gates]", open_gate, .gate = GATE_ROOT_READY);
        plan_add(p, INIT, "[gates]", await_gate, .gate = GATE_HOST_READY);
        plan_add(p, INIT, "[init dies with husk]", guard_parent, .on = 0);
        sample_masks(s);
        sample_process(s);
        plan_note(p, "%s was not granted", "RLIMIT_RTPRIO");
}
