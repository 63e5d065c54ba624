/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: mounts of a container that runs.
 *
 * What is mounted is made before the container's mount namespace is entered, since the paths of its
 * sources are the host's: binds by HOST, new file systems by a process in all other namespaces of the
 * container, whose ids, pids and network they show. The journal learns the number of each mount; then
 * that process enters the mount namespace, opens its root, and attaches what it holds to targets which
 * it resolves inside that root. From there on it takes no path of the host, and the container, which may
 * change its own tree meanwhile, can only have the mount at another place of its own.
 *
 * A mount is taken away by its number alone: what the container has mounted, or was made with, is not
 * ours to take. */
#include "compile.h"

#include <sched.h>
#include <string.h>

/* Is the path the directory, or below it? */
static bool lies_in(const char *path, const char *directory)
{
        size_t size = strlen(directory);

        return text_starts(path, directory) && (path[size] == '/' || !path[size]);
}

static const char *find_covered(const struct spec_texts *paths, const char *destination)
{
        for (size_t i = 0; i < paths->n; i++)
                if (lies_in(paths->items[i], destination))
                        return paths->items[i];
        return NULL;
}

/* Its masks would lie below what is mounted over them. */
static int check_masks(const struct mount_job *job)
{
        const struct compile *c = job->c;
        const char *destination = job->mount.destination;
        const char *covered = find_covered(&c->linux_->masked_paths, destination);

        if (!covered)
                covered = find_covered(&c->linux_->readonly_paths, destination);
        if (!covered)
                return 0;
        return spec_error(
                job->mount.at, c->document, why(job->c, "%s/destination", job->pointer),
                "a mount at %s would cover %s, which the container's document hides or locks",
                destination, covered);
}

int compile_check_live(const struct mount_job *job)
{
        const struct compile *c = job->c;
        const char *pointer = why(job->c, "%s/destination", job->pointer);

        if (job->options.remount)
                return compile_refuse_option(
                        job, "remount", "changes a mount that is there, and adds none");
        if (compile_is_cgroup(job) && !compile_is_bind(job))
                return spec_error(
                        job->mount.at, c->document, why(job->c, "%s/type", job->pointer),
                        "the cgroup tree is mounted when a container is made, or not at all");
        if (text_equal(job->mount.destination, "/"))
                return spec_error(
                        job->mount.at, c->document, pointer,
                        "the root of a container that runs stays what it is");
        if (job->options.idmap && !job->mount.uid_mappings.n && c->joined_spaces & CLONE_NEWUSER)
                return spec_error(
                        job->mount.at, c->document, why(job->c, "%s/uidMappings", job->pointer),
                        "missing: the container's user namespace is another's");
        return check_masks(job);
}

/* -- entering ------------------------------------------------------------------------------------ */

static int begin(
        struct compile *c, struct arena *arena, const struct spec *spec,
        const struct runtime_options *options, const struct facts *facts)
{
        int r;

        compile_init(c, arena, spec, options, facts);
        c->live = true;
        if (!facts->has_mount_setattr) /* the container would see it without its attributes first */
                return trail(
                        -ENOSYS, "needs mount_setattr(2), which is since Linux 5.12 and may be "
                                 "refused by a seccomp profile around us");
        c->guard = "[container]";
        if (compile_joins_root(c))
                return trail(
                        -EOPNOTSUPP,
                        "the container's mount namespace is another's, whose mounts it may not "
                        "change");
        r = compile_namespaces_host(c);
        c->plan->list[HOST].n = 0; /* what it joined, it is in */
        return r;
}

/* A procfs shows the pid namespace of who makes it. */
static bool has_proc(const struct spec_mounts *mounts)
{
        for (size_t i = 0; i < mounts->list.n; i++)
                if (mounts->list.items[i].type && text_equal(mounts->list.items[i].type, "proc"))
                        return true;
        return false;
}

/* HOST opens the container, and spawns who is to work in it: not seen there, unless it is for a procfs,
 * since it has rights and files of the host. */
static void enter_host(struct compile *c, bool seen)
{
        c->entered = c->new_spaces | c->joined_spaces;
        if (!seen)
                c->entered &= ~(uint32_t)CLONE_NEWPID;
        c->forks = c->entered & CLONE_NEWPID && !facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */);
        c->process_fd = plan_slot(c->plan);
        plan_add(
                c->plan, HOST, "[container]", open_process, .pid = c->options->pid,
                .inode = (int64_t)c->options->process.inode,
                .start = (int64_t)c->options->process.start, .fd = c->process_fd);
}

static void spawn(struct compile *c)
{
        FD child = plan_slot(c->plan);

        if (c->entered & CLONE_NEWPID && !c->forks)
                plan_add(
                        c->plan, HOST, "[container]", join_namespace, .ns = c->process_fd,
                        .type = CLONE_NEWPID);
        plan_add(c->plan, HOST, "[container]", spawn, .spaces = 0, .cgroup = -1, .process = child);
        if (c->forks)
                plan_add(
                        c->plan, HOST, "[container]", adopt, .maker = child,
                        .process = plan_slot(c->plan));
}

/* All namespaces but that of the mounts. In a user namespace its rights are over mount namespaces that
 * belong to it: a copy of ours is one. */
static void enter_init(struct compile *c)
{
        uint32_t spaces = c->entered;

        compile_guard(c, true);
        spaces &= ~(uint32_t)CLONE_NEWNS;
        if (!c->forks)
                spaces &= ~(uint32_t)CLONE_NEWPID;
        if (spaces)
                plan_add(
                        c->plan, INIT, "[container]", join_namespace, .ns = c->process_fd,
                        .type = spaces);
        if (c->forks) {
                plan_add(c->plan, INIT, "[container]", fork_init, .spaces = 0);
                compile_guard(c, true);
        }
        compile_become_root(c);
        if (c->user_namespace)
                plan_add(c->plan, INIT, "[container]", unshare, .spaces = CLONE_NEWNS);
}

static void enter_mounts(struct compile *c)
{
        c->root = plan_slot(c->plan);
        plan_add(
                c->plan, INIT, "[container]", join_namespace, .ns = c->process_fd,
                .type = CLONE_NEWNS);
        plan_add(c->plan, INIT, "[container]", open_path, .path = "/", .fd = c->root);
}

static void finish(struct compile *c, struct plan **ret_plan)
{
        plan_add(c->plan, INIT, "[container]", leave);
        plan_add(c->plan, HOST, "[container]", await_gate, .gate = GATE_EXECUTED);
        *ret_plan = c->plan;
}

/* The container's document with the mounts in place of its own. */
static struct spec *with_mounts(
        struct arena *arena, const struct spec *spec, const struct spec_mounts *mounts)
{
        struct spec *changed = arena_new(arena, struct spec);

        *changed = *spec;
        changed->mounts = mounts->list;
        return changed;
}

int runtime_compile_mounts(
        struct arena *arena, const struct spec *spec, const struct spec_mounts *mounts,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan)
{
        struct compile state, *c = &state;
        int r = begin(c, arena, with_mounts(arena, spec, mounts), options, facts);

        if (r < 0)
                return r;
        c->mounts_at = mounts->pointer;
        compile_mounts_begin(c);
        enter_host(c, has_proc(mounts));
        if ((r = compile_live_trees(c, HOST)) < 0)
                return r;
        spawn(c);
        enter_init(c);
        if ((r = compile_live_trees(c, INIT)) < 0)
                return r;
        plan_add(c->plan, HOST, "[journal]", open_gate, .gate = GATE_HOST_READY);
        plan_add(c->plan, INIT, "[journal]", await_gate, .gate = GATE_HOST_READY);
        enter_mounts(c);
        if ((r = compile_mounts(c)) < 0)
                return r;
        finish(c, ret_plan);
        return 0;
}

int runtime_compile_unmount(
        struct arena *arena, const struct spec *spec, const struct runtime_unmount *unmount,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan)
{
        struct compile state, *c = &state;
        int r = begin(c, arena, spec, options, facts);
        FD fds;

        if (r < 0)
                return r;
        enter_host(c, false);
        spawn(c);
        enter_init(c);
        fds = plan_slot(c->plan);
        plan_add(c->plan, INIT, "[container]", open_path, .path = "/proc/self/fd", .fd = fds);
        enter_mounts(c);
        plan_add(
                c->plan, INIT, unmount->reason, detach_mount, .fds = fds, .root = c->root,
                .target = unmount->mount->destination, .mounts = unmount->added);
        finish(c, ret_plan);
        return 0;
}
