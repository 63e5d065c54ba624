/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: masks, sysctl, and what the program is given: limits, directory, keyring.
 *
 * Everything here is one operation an item of the document. Limits that the host does not allow are
 * lowered to what it allows, with a note: refusing to start, as others do, helps nobody. */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/mount.h>
#include <sys/resource.h>

/* Which namespace makes a sysctl the container's own; 0: it is the host's. */
static uint32_t sysctl_namespace(const char *key)
{
        static const struct {
                const char *prefix;
                uint32_t type;
        } prefixes[] = {
                { "net.", CLONE_NEWNET },
                { "fs.mqueue.", CLONE_NEWIPC },
                { "kernel.shm", CLONE_NEWIPC },
                { "kernel.msg", CLONE_NEWIPC },
                { "kernel.sem", CLONE_NEWIPC },
                { "kernel.auto_msgmni", CLONE_NEWIPC },
                { "kernel.domainname", CLONE_NEWUTS },
                { "kernel.hostname", CLONE_NEWUTS },
                { "kernel.ns_last_pid", CLONE_NEWPID },
                { "user.", CLONE_NEWUSER },
        };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (text_starts(key, prefixes[i].prefix))
                        return prefixes[i].type;
        return 0;
}

static bool plain(const char *key)
{
        for (const char *at = key; *at; at++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./",
                            *at))
                        return false;
        return *key && !strstr(key, "..") && key[0] != '.' && key[0] != '/';
}

int compile_sysctl(struct compile *c)
{
        for (size_t i = 0; i < c->linux_->sysctl.n; i++) {
                const struct spec_pair *pair = &c->linux_->sysctl.items[i];
                const char *pointer = why(c, "/linux/sysctl/%s", pair->key);
                uint32_t space;
                char *path;

                if (!plain(pair->key))
                        return spec_error(
                                c->linux_->at, c->document, "/linux/sysctl",
                                "'%s' is no name of a sysctl", pair->key);
                if (strpbrk(pair->value, "\n\r"))
                        return spec_error(
                                c->linux_->at, c->document, pointer, "a value is one line");
                path = why(c, "sys/%s", pair->key);
                if (!strchr(pair->key, '/'))
                        for (char *dot = path; (dot = strchr(dot, '.'));)
                                *dot = '/';
                /* "net/ipv4/..." is the other spelling of the same name. */
                space = sysctl_namespace(
                        strchr(pair->key, '/') ? why(c, "%s.", pair->key) : pair->key);
                if (strchr(pair->key, '/')) {
                        char *dots = why(c, "%s", pair->key);

                        for (char *at = dots; *at; at++)
                                *at = *at == '/' ? '.' : *at;
                        space = sysctl_namespace(dots);
                }
                if (!space || !compile_has_namespace(c, space))
                        return spec_error(
                                c->linux_->at, c->document, pointer,
                                space ? "needs a %s namespace: without one it would change the host"
                                      : "is the host's, in every %s namespace",
                                space ? namespace_oci_name(space) : "kind of");
                if (c->proc < 0)
                        return spec_error(
                                c->linux_->at, c->document, pointer, "needs a proc mount");
                plan_add(
                        c->plan, INIT, pointer, set_proc, .proc = c->proc, .file = path,
                        .value = pair->value);
        }
        if (c->process->oom_score_adj.set && c->proc >= 0)
                plan_add(
                        c->plan, INIT, "/process/oomScoreAdj", set_proc, .proc = c->proc,
                        .file = "self/oom_score_adj",
                        .value = why(c, "%lld", (long long)c->process->oom_score_adj.value));
        return 0;
}

int compile_masks(struct compile *c)
{
        FD null = -1, empty = -1, fs;

        if (c->linux_->masked_paths.n) {
                null = plan_slot(c->plan);
                empty = plan_slot(c->plan);
                fs = plan_slot(c->plan);
                plan_add(
                        c->plan, INIT, "/linux/maskedPaths", clone_tree, .dir = -1,
                        .path = "/dev/null", .tree = null);
                plan_add(c->plan, INIT, "/linux/maskedPaths", open_fs, .type = "tmpfs", .fs = fs);
                plan_add(
                        c->plan, INIT, "/linux/maskedPaths", set_fs, .fs = fs, .key = "source",
                        .value = "tmpfs");
                plan_add(
                        c->plan, INIT, "/linux/maskedPaths", set_fs, .fs = fs, .key = "nr_blocks",
                        .value = "1");
                plan_add(
                        c->plan, INIT, "/linux/maskedPaths", set_fs, .fs = fs, .key = "nr_inodes",
                        .value = "1");
                plan_add(
                        c->plan, INIT, "/linux/maskedPaths", make_mount, .fs = fs,
                        .attrs = MOUNT_ATTR_RDONLY, .tree = empty);
        }
        for (size_t i = 0; i < c->linux_->readonly_paths.n; i++)
                plan_add(
                        c->plan, INIT, why(c, "/linux/readonlyPaths/%zu", i), lock_path,
                        .root = c->root, .path = c->linux_->readonly_paths.items[i]);
        for (size_t i = 0; i < c->linux_->masked_paths.n; i++)
                plan_add(
                        c->plan, INIT, why(c, "/linux/maskedPaths/%zu", i), mask_path,
                        .root = c->root, .path = c->linux_->masked_paths.items[i], .null = null,
                        .empty = empty);
        if (c->spec->root && c->spec->root->readonly) {
                if (facts_kernel(c->facts, 5, 12))
                        plan_add(
                                c->plan, INIT, "/root/readonly", set_mount, .tree = c->root,
                                .set = MOUNT_ATTR_RDONLY);
                else
                        plan_add(
                                c->plan, INIT, "/root/readonly", remount, .tree = c->root,
                                .attrs = MOUNT_ATTR_RDONLY);
        }
        return 0;
}

static void add_rlimit(struct compile *c, size_t i)
{
        const struct spec_rlimit *limit = &c->process->rlimits.items[i];
        int resource = process_rlimit_number(limit->type);
        uint64_t soft = limit->soft, hard = limit->hard;
        uint64_t most = resource < 16 ? c->facts->rlimit_hard[resource] : UINT64_MAX;

        if (hard > most && !facts_capable(c->facts, 24 /* CAP_SYS_RESOURCE */)) {
                plan_note(
                        c->plan,
                        "/process/rlimits/%zu: %s lowered from %llu to %llu, the most that this "
                        "host allows without CAP_SYS_RESOURCE",
                        i, limit->type, (unsigned long long)hard, (unsigned long long)most);
                hard = most;
                soft = soft > hard ? hard : soft;
        }
        plan_add(
                c->plan, INIT, why(c, "/process/rlimits/%zu", i), set_rlimit, .resource = resource,
                .soft = soft, .hard = hard);
}

int compile_process(struct compile *c)
{
        if (!c->options->no_new_keyring)
                plan_add(
                        c->plan, INIT, "[session keyring]", new_keyring,
                        .name = why(c, "_ses.%s", c->options->id));
        if (!c->process->terminal)
                plan_add(c->plan, INIT, "[session]", new_session);
        for (size_t i = 0; i < c->process->rlimits.n; i++)
                add_rlimit(c, i);
        if (c->process->user && c->process->user->umask.set)
                plan_add(
                        c->plan, INIT, "/process/user/umask", set_umask,
                        .mask = c->process->user->umask.value & 0777);
        else
                plan_add(c->plan, INIT, "[default umask]", set_umask, .mask = 0022);
        plan_add(
                c->plan, INIT, "/process/cwd", change_dir, .path = c->process->cwd,
                .make = c->root >= 0);
        return 0;
}
