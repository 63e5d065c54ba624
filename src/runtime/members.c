/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: all processes of a container: those of its cgroups.
 *
 * They are in each of its cgroups, or below. The one with the freezer is asked, because there they can
 * be held; else the first one. Where the first process is not pid 1 of a namespace of its own, its end
 * does not end the others: then SIGKILL means all of them. */
#include "runtime.h"

/* *ret_path: NULL: there is none. */
static int place(struct arena *arena, struct container *container, const char **ret_path)
{
        const char *const *paths;
        size_t n;
        int r = container->status == CONTAINER_STOPPED ? container_has_cgroups(arena, container)
                                                       : 1;

        *ret_path = NULL;
        if (r <= 0)
                return r;
        container_cgroups(arena, container, &paths, &n);
        if (!container->freezer)
                container_find_freezer(arena, container);
        if (container->freezer)
                *ret_path = container->freezer;
        else if (n)
                *ret_path = paths[0];
        return 0;
}

int container_members(
        struct arena *arena, struct container *container, pid_t **ret_pids, size_t *ret_n)
{
        const char *path;
        int r = container_check_own(container, "read its cgroups");

        if (r == 0)
                r = place(arena, container, &path);
        if (r < 0)
                return r;
        if (!path) {
                trail_hint("its first process is %d", (int)container->pid);
                return trail(
                        -EOPNOTSUPP, "container '%s' has no cgroup that would tell its processes",
                        container->id);
        }
        r = members_list(arena, path, ret_pids, ret_n);
        return r < 0 ? trail(r, "cannot read the processes of %s: %s", path, text_errno(r)) : 0;
}

static bool has_own_pids(struct arena *arena, const struct container *container)
{
        const struct spec *spec;

        if (container_spec(arena, container, &spec) < 0) {
                trail_reset();
                return true;
        }
        for (size_t i = 0; spec->linux_ && i < spec->linux_->namespaces.n; i++)
                if (text_equal(spec->linux_->namespaces.items[i].type, "pid"))
                        return !spec->linux_->namespaces.items[i].path;
        return false;
}

int container_signal_all(
        struct arena *arena, struct container *container, int signal, bool explicitly)
{
        const char *path = NULL;
        size_t sent = 0;
        int r = 0;

        /* Which cgroup is another user's, that user's journal does not decide. */
        if (!container->foreign && (explicitly || (signal == 9 && !has_own_pids(arena, container))))
                r = place(arena, container, &path);
        if (r < 0)
                return r;
        if (path)
                r = members_signal(arena, path, signal, &sent);
        if (r < 0)
                return trail(r, "cannot signal the processes of %s: %s", path, text_errno(r));
        if (path)
                return sent || explicitly ? 0 : -ESRCH;
        r = container->status == CONTAINER_STOPPED ? -ESRCH : container_signal(container, signal);
        return explicitly && r == -ESRCH ? 0 : r;
}
