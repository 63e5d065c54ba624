/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Control groups of both versions, cgroups(7). Paths are absolute and must lie on a cgroup
 * filesystem: the magic is checked on the descriptor that is used. */

/* Is the path a cgroup's directory? Its version, 1 or 2; 0; or -errno: it cannot be found out. */
int cgroup_is_one(const char *path);
/* Does the descriptor lie on a cgroup file system? 0, -ENOTTY or another -errno. Child-safe. */
int cgroup_check(int fd);
/* The directory: a descriptor of it, or with `tasks` its file of that name (v1), open for writing.
 * -ENOENT: a parent is missing. -ENOTTY when it is not on cgroupfs; -EEXIST when it exists and has
 * processes in it or below (somebody else's), -EDEADLK when it exists and is frozen. What is new is removed again
 * when it fails. v1 cpusets, of parents
 * too, are filled from theirs so that the child can have tasks. */
int cgroup_make(const char *path, bool tasks);
/* The same, to be claimed: who is neither root nor its owner cannot open a new one, and hold a claim of his own, until
 * it is disclosed. */
int cgroup_make_closed(const char *path, bool tasks, bool *ret_made);
int cgroup_disclose(int cgroup);
/* How many of its parents are missing; -ENOTTY when the first that is there is no cgroup. */
int cgroup_missing(const char *path);
/* Make its last `n` parents, from the top down; what is there by now is no error. -ENOENT: somebody
 * removes them at the same time; count again. */
int cgroup_make_parents(const char *path, unsigned n);
/* Does it lie at the top of a hierarchy of v1, `version` being cgroup_is_one()'s answer? Each has its own mount,
 * which nobody's mark is on. */
bool cgroup_is_outermost(const char *path, int version);
/* Remove its last `n` parents, from the bottom up, and those above that have the mark of having been made by
 * cgroup_make_parents(), until one is in use. 0 or -errno. */
int cgroup_remove_parents(const char *path, unsigned n);
/* The lowest directory above it that stays when it goes with the parents that have that mark. 0 or
 * -ENOENT. */
int cgroup_lasting_parent(const char *path, char ret_parent[4096]);
/* Of all who claim one cgroup at one moment, be it new or not, one gets a descriptor. It is theirs until
 * that and its copies are closed; by then there should be a process in it. -EALREADY: another has claimed it, -EEXIST:
 * there is a process in it or below, both with `wait` after some 2 s; -ENOENT, -ENODEV: it is gone. */
int cgroup_claim(const char *path, bool wait);
/* Wait until no process is in it or below: 0, also when it is gone; -EBUSY after some 2 s; -errno. */
int cgroup_await_empty(const char *path);
/* Mark one that was claimed as one that a container has had. 1: it had been before, 0: it had not; -errno: nothing is
 * known, and no mark can be made: who is not root can on v2 alone, since Linux 5.7. What a program in it can do
 * unmakes neither root's mark nor, on v2, what is known without one. Child-safe. */
int cgroup_mark(int cgroup);
/* What tells it from all that its hierarchy had or will have until the machine boots again: its inode's number.
 * Child-safe. */
int cgroup_number(int cgroup, uint64_t *ret_number);
/* Has what is at the path that number? 1, 0; -ENOENT: nothing is there; -errno. Child-safe. */
int cgroup_has_number(const char *path, uint64_t number);
/* The same for one that is to be shared with who is in it already: a descriptor of the directory. */
int cgroup_share(const char *path);
/* Go into it by its file `file`, relative to `cgroup` or absolute; "": `cgroup` is that file. -ENOTTY: that file is
 * none of a cgroup's, and nothing is written. Child-safe. */
int cgroup_join(int cgroup, const char *file);
/* One write(2) for each line of `values`. `cgroup` is a descriptor from cgroup_make, or of a
 * directory below a mount that was found to be one. */
int cgroup_set(int cgroup, const char *file, const char *values);
/* Enable "+a +b" in cgroup.subtree_control of every ancestor of `path` up to the mount's root. A
 * controller that an ancestor does not have is passed over, and so is an ancestor that has processes
 * of its own: cgroups(7), "no internal processes". */
int cgroup_delegate(const char *path, const char *controllers);
/* Give a v2 cgroup to a user: the directory, and those of its files that are listed in
 * /sys/kernel/cgroup/delegate (since Linux 4.15; without it the three that the OCI specification
 * names). The group stays. */
int cgroup_give(int cgroup, uint32_t uid);
/* How many of its processes the kernel has killed for want of memory: "oom_kill" of memory.events (v2)
 * or memory.oom_control (v1). -ENOENT when it has no such file. Since Linux 4.13. */
int64_t cgroup_oom_kills(const char *path);
typedef int cgroup_visit(void *context, int cgroup);

/* Call `visit` for all cgroups below it, each before those below itself, whatever the depth; it gets a descriptor to
 * read the directory by. What goes meanwhile is passed over. 0; else what `visit` returned (-ENOENT and -ENODEV: it is
 * gone, and the next one has its turn); -ESTALE: far down one was taken away under us, and others have perhaps not been
 * seen; -errno. Child-safe when `visit` is. */
int cgroup_walk(int cgroup, cgroup_visit *visit, void *context);
/* Kill every process in it and below: cgroup.kill where there is one (v2, since Linux 5.14), else
 * by pidfd until none is left; v1's freezer lets all of them go then. -EBUSY when processes survive (state D) after about 2 s. Not child-safe. */
int cgroup_kill(const char *path);
/* Remove it and all below it, whatever the depth. What is missing is no error; -EBUSY after about 2 s of trying. */
int cgroup_remove(const char *path);
/* Remove it when it has no children and, within about 2 s, no processes: -EBUSY, -ENOTEMPTY. */
int cgroup_remove_empty(const char *path);
