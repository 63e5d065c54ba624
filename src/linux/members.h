/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include <sys/types.h>

struct arena;

/* The processes of a cgroup and of those below it. Paths are absolute. Not child-safe, but for
 * members_exist(). */

/* Is there a process in it, or below? 1, 0, or -errno. Who made such a cgroup their own would kill them with it.
 * Child-safe. */
int members_exist(int cgroup);

/* Their pids as we see them, ascending, in the arena. A cgroup that is not there has none. -ENOTTY:
 * not on a cgroup filesystem. */
int members_list(struct arena *arena, const char *path, pid_t **ret_pids, size_t *ret_n);
/* A signal to each of them. Where there is a freezer they are held meanwhile, so that none is missed
 * that another one makes; what was frozen before stays so. SIGKILL: see cgroup_kill(). *ret_n is how
 * many got it. */
int members_signal(struct arena *arena, const char *path, int signal, size_t *ret_n);
/* SIGKILL to each that is listed now: what cgroup_kill() does, again and again, where the kernel does not. */
int members_kill(const char *path);
