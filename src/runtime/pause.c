/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: pause and resume.
 *
 * A container is paused when its cgroup is frozen, whoever did it: nothing is noted, the kernel is
 * asked. Of the cgroups that the journal names it is the one of v1's freezer, where there is one, else
 * that of v2; a container without any cannot be paused. What is frozen by v1 takes no signal, not even
 * SIGKILL, before it is thawed: whoever kills thaws afterwards. */
#include "runtime.h"

#include <string.h>

enum {
        PATIENCE_MS = 5000
};

/* v1's freezer has the word in its path, nearly always; one that has not is found by asking each. */
bool container_find_freezer(struct arena *arena, struct container *container)
{
        if (container->foreign)
                return false;
        for (int hinted = 1; hinted >= 0; hinted--)
                for (struct journal_lines at = container_events(container); journal_next(&at);) {
                        const char *path;
                        int frozen;

                        if (!text_starts(at.line, "{\"undo\"") ||
                            (hinted && !memmem(at.line, at.size, "freezer", 7)))
                                continue;
                        path = container_cgroup_line(arena, at.line, at.size);
                        frozen = path ? freezer_is_frozen(path) : -ENOENT;
                        if (frozen >= 0) {
                                container->freezer = path;
                                return frozen == 1;
                        }
                }
        return false;
}

static int need_freezer(const struct container *container)
{
        if (container->freezer)
                return 0;
        trail_hint("pausing is done by the freezer of the container's cgroup");
        return trail(-EOPNOTSUPP, "container '%s' has no cgroup that can be frozen", container->id);
}

int container_pause(const struct container *container)
{
        int r;

        if (container->status != CONTAINER_RUNNING && container->status != CONTAINER_CREATED)
                return trail(
                        -EINVAL, "container '%s' is %s: only a running one can be paused",
                        container->id, container_status_word(container->status));
        r = need_freezer(container);
        if (r < 0)
                return r;
        r = freezer_freeze(container->freezer, PATIENCE_MS);
        if (r == -ETIMEDOUT) {
                trail_hint("see what its processes wait for: ps -eo pid,stat,wchan,args");
                return trail(
                        r,
                        "a process of '%s' could not be stopped within %d seconds: the kernel "
                        "holds it; all go on",
                        container->id, PATIENCE_MS / 1000);
        }
        return r < 0 ? trail(r, "cannot freeze %s: %s", container->freezer, text_errno(r)) : 0;
}

int container_resume(const struct container *container)
{
        int r;

        if (container->status != CONTAINER_PAUSED)
                return trail(
                        -EINVAL, "container '%s' is not paused: it is %s", container->id,
                        container_status_word(container->status));
        r = freezer_thaw(container->freezer);
        return r < 0 ? trail(r, "cannot thaw %s: %s", container->freezer, text_errno(r)) : 0;
}

void container_thaw_killed(const struct container *container)
{
        container_thaw(container);
        if (container->freezer && freezer_is_frozen_below(container->freezer) == 1)
                (void)cgroup_kill(container->freezer); /* who waits for its end tells */
}

void container_thaw(const struct container *container)
{
        if (container->freezer && freezer_is_frozen(container->freezer) == 1)
                freezer_thaw(container->freezer);
}
