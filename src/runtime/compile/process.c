/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: masks, sysctl, and what the program is given: limits, directory, keyring.
 *
 * Everything here is one operation an item of the document. Limits that the host does not allow are
 * lowered to what it allows, with a note: refusing to start, as others do, helps nobody. */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/capability.h>
#include <linux/mount.h>
#include <sys/resource.h>

enum {
        SYSCTL_NAME_MAX = 240, /* with "sys/" it fits where do_set_proc() and the kernel look */
        SYSCTL_VALUE_MAX = 4095
};

/* Which namespace makes a sysctl the container's own; 0: it is the host's. */
static uint32_t sysctl_namespace(const char *path)
{
        static const struct {
                const char *prefix;
                uint32_t type;
        } prefixes[] = {
                { "net/", CLONE_NEWNET },
                { "fs/mqueue/", CLONE_NEWIPC },
                { "kernel/shm", CLONE_NEWIPC },
                { "kernel/msg", CLONE_NEWIPC },
                { "kernel/sem", CLONE_NEWIPC },
                { "kernel/auto_msgmni", CLONE_NEWIPC },
                { "kernel/domainname", CLONE_NEWUTS },
                { "kernel/hostname", CLONE_NEWUTS },
                { "kernel/ns_last_pid", CLONE_NEWPID },
                { "user/", CLONE_NEWUSER },
        };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (text_starts(path, prefixes[i].prefix))
                        return prefixes[i].type;
        return 0;
}

/* sysctl(8)'s two spellings: dots between the names, or slashes, which let a name hold a dot
 * ("net/ipv4/conf/eth0.1/forwarding"). Both with slashes, as below /proc/sys; NULL when it is no
 * name: one of letters, digits, '_', '-', '.' and ':' each, "." and ".." are none. */
static const char *sysctl_path(struct compile *c, const char *key)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";
        char *path = why(c, "%s", key);

        if (!strchr(key, '/'))
                for (char *dot = path; (dot = strchr(dot, '.'));)
                        *dot = '/';
        for (const char *at = path;; at++) {
                size_t size = strspn(at, letters);

                if (size == 0 || size > 255 || (size <= 2 && strspn(at, ".") == size))
                        return NULL;
                at += size;
                if (!*at)
                        return strlen(path) <= SYSCTL_NAME_MAX ? path : NULL;
                if (*at != '/')
                        return NULL;
        }
}

/* Whose it is: 0 or -errno with a trail. */
static int check_sysctl_space(struct compile *c, const char *path, const char *pointer)
{
        uint32_t space = sysctl_namespace(path);

        if (!space)
                return spec_error(
                        c->linux_->at, c->document, pointer,
                        "is the host's, in every kind of namespace");
        if (!compile_has_namespace(c, space))
                return spec_error(
                        c->linux_->at, c->document, pointer,
                        "needs a %s namespace: without one it would change the host",
                        namespace_oci_name(space));
        return 0;
}

static int add_sysctl(struct compile *c, const char *key, const char *value)
{
        const char *pointer = text_pointer(c->arena, "/linux/sysctl", key);
        const char *path = sysctl_path(c, key);
        int r;

        if (!path)
                return spec_error(
                        c->linux_->at, c->document, "/linux/sysctl", "'%s' is no name of a sysctl",
                        key);
        if (strpbrk(value, "\n\r"))
                return spec_error(c->linux_->at, c->document, pointer, "a value is one line");
        /* Names can be set so, too; numbers may have tabs between. */
        for (const char *at = value; *at; at += *at == '\t') {
                size_t size = strcspn(at, "\t");

                if (text_has_control(at, size))
                        return spec_error(
                                c->linux_->at, c->document, pointer,
                                "a value has no control characters");
                at += size;
        }
        if (strlen(value) > SYSCTL_VALUE_MAX)
                return spec_error(
                        c->linux_->at, c->document, pointer, "a value has at most %d bytes",
                        (int)SYSCTL_VALUE_MAX);
        r = check_sysctl_space(c, path, pointer);
        if (r < 0)
                return r;
        if (c->proc < 0)
                return spec_error(c->linux_->at, c->document, pointer, "needs a proc mount");
        plan_add(
                c->plan, INIT, pointer, set_proc, .proc = c->proc, .file = why(c, "sys/%s", path),
                .value = value);
        return 0;
}

int compile_sysctl(struct compile *c)
{
        for (size_t i = 0; i < c->linux_->sysctl.n; i++) {
                int r = add_sysctl(
                        c, c->linux_->sysctl.items[i].key, c->linux_->sysctl.items[i].value);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Written while /proc is still the host's, so a container without a proc mount has it too. */
static int compile_oom_score(struct compile *c)
{
        int64_t score = c->process->oom_score_adj.value;

        if (!c->process->oom_score_adj.set)
                return 0;
        if (score < -1000 || score > 1000)
                return spec_error(
                        c->process->at, c->document, "/process/oomScoreAdj",
                        "%lld is not in -1000 to 1000", (long long)score);
        if (score < c->facts->oom_score_adj && !facts_capable(c->facts, CAP_SYS_RESOURCE)) {
                plan_note(
                        c->plan,
                        "/process/oomScoreAdj: %lld raised to %d, our own: to go below it needs "
                        "CAP_SYS_RESOURCE",
                        (long long)score, c->facts->oom_score_adj);
                score = c->facts->oom_score_adj;
        }
        plan_add(
                c->plan, INIT, "/process/oomScoreAdj", set_self, .file = "oom_score_adj",
                .value = why(c, "%lld", (long long)score));
        return 0;
}

/* What a process writes to its own /proc directory while that is the host's. */
int compile_self(struct compile *c)
{
        int r = compile_oom_score(c);

        return r < 0 ? r : compile_labels(c);
}

/* Without mount_setattr(2) a read-only path is the top alone, and hides what is mounted below. */
static int check_below(struct compile *c, size_t number)
{
        const char *path = c->linux_->readonly_paths.items[number];
        size_t size = strlen(path);

        for (size_t i = 0; i < c->spec->mounts.n && !c->facts->has_mount_setattr; i++) {
                const char *mounted = c->spec->mounts.items[i].destination;

                if (strncmp(mounted, path, size) == 0 && mounted[size] == '/')
                        return spec_error(
                                c->linux_->at, c->document,
                                why(c, "/linux/readonlyPaths/%zu", number),
                                "%s is mounted below %s, which then needs mount_setattr(2): since "
                                "Linux 5.12, and perhaps refused by a seccomp profile around us",
                                mounted, path);
        }
        return 0;
}

static int check_absolute(
        const struct compile *c, const char *member, const struct spec_texts *paths)
{
        for (size_t i = 0; i < paths->n; i++)
                if (paths->items[i][0] != '/')
                        return spec_error(
                                c->linux_->at, c->document, why(c, "/linux/%s/%zu", member, i),
                                "'%s' is not an absolute path", paths->items[i]);
        return 0;
}

int compile_masks(struct compile *c)
{
        FD null = -1, empty = -1, fs;
        int r = check_absolute(c, "maskedPaths", &c->linux_->masked_paths);

        if (r == 0)
                r = check_absolute(c, "readonlyPaths", &c->linux_->readonly_paths);
        if (r < 0)
                return r;
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
        for (size_t i = 0; i < c->linux_->readonly_paths.n; i++) {
                r = check_below(c, i);
                if (r < 0)
                        return r;
                plan_add(
                        c->plan, INIT, why(c, "/linux/readonlyPaths/%zu", i), lock_path,
                        .root = c->root, .path = c->linux_->readonly_paths.items[i]);
        }
        for (size_t i = 0; i < c->linux_->masked_paths.n; i++)
                plan_add(
                        c->plan, INIT, why(c, "/linux/maskedPaths/%zu", i), mask_path,
                        .root = c->root, .path = c->linux_->masked_paths.items[i], .null = null,
                        .empty = empty);
        if (c->spec->root && c->spec->root->readonly) {
                if (c->facts->has_mount_setattr)
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

static int add_rlimit(struct compile *c, size_t i)
{
        const struct spec_rlimit *limit = &c->process->rlimits.items[i];
        int resource = process_rlimit_number(limit->type);
        uint64_t soft = limit->soft, hard = limit->hard;
        uint64_t most = resource < 16 ? c->facts->rlimit_hard[resource] : UINT64_MAX;
        /* A user namespace has that capability for itself, not for the limits of the host. */
        bool may_raise = !c->user_namespace && facts_capable(c->facts, CAP_SYS_RESOURCE);

        if (soft > hard)
                return spec_error(
                        limit->at, c->document, why(c, "/process/rlimits/%zu/soft", i),
                        "%llu is above the hard limit, %llu", (unsigned long long)soft,
                        (unsigned long long)hard);
        if (hard > most && !may_raise) {
                plan_note(
                        c->plan, "/process/rlimits/%zu: %s lowered from %llu to %llu, the most %s",
                        i, limit->type, (unsigned long long)hard, (unsigned long long)most,
                        c->user_namespace ? "that a user namespace may have here"
                                          : "that this host allows without CAP_SYS_RESOURCE");
                hard = most;
                soft = soft > hard ? hard : soft;
        }
        if (resource == RLIMIT_NPROC && c->entry == ENTRY_LATE && soft < UINT64_MAX) {
                c->limit_why = why(c, "/process/rlimits/%zu", i);
                c->limit_soft = soft;
                c->limit_hard = hard;
                /* For a moment there is one more: who bears the process that is to be counted. */
                hard += hard < UINT64_MAX && (may_raise || hard < most);
                soft += soft < hard;
        }
        plan_add(
                c->plan, INIT, why(c, "/process/rlimits/%zu", i), set_rlimit, .resource = resource,
                .soft = soft, .hard = hard);
        return 0;
}

void compile_process_limit(struct compile *c)
{
        if (c->limit_why)
                plan_add(
                        c->plan, INIT, c->limit_why, set_rlimit, .resource = RLIMIT_NPROC,
                        .soft = c->limit_soft, .hard = c->limit_hard);
}

void compile_session(struct compile *c)
{
        c->in_session = true;
        if (c->process->terminal)
                plan_add(c->plan, INIT, "/process/terminal", use_terminal, .slave = c->slave);
        else
                plan_add(c->plan, INIT, "[session]", new_session);
}

int compile_process(struct compile *c)
{
        int r;

        if (!c->options->no_new_keyring)
                plan_add(
                        c->plan, INIT, "[session keyring]", new_keyring,
                        .name = why(c, "_ses.%s", c->options->id));
        if (!c->process->terminal &&
            (!c->entry || (c->entry == ENTRY_LATE && !compile_filter_allows_session(c))))
                compile_session(c);
        r = compile_schedule(c);
        for (size_t i = 0; r == 0 && i < c->process->rlimits.n; i++)
                r = add_rlimit(c, i);
        if (r < 0)
                return r;
        if (c->process->user && c->process->user->umask.value > 0777)
                return spec_error(
                        c->process->user->at, c->document, "/process/user/umask",
                        "%o has more than the nine bits of permissions",
                        c->process->user->umask.value);
        if (c->process->user && c->process->user->umask.set)
                plan_add(
                        c->plan, INIT, "/process/user/umask", set_umask,
                        .mask = c->process->user->umask.value);
        else
                plan_add(c->plan, INIT, "[default umask]", set_umask, .mask = 0022);
        plan_add(
                c->plan, INIT, "/process/cwd", change_dir, .path = c->process->cwd,
                .make = c->root >= 0);
        return compile_landlock(c);
}
