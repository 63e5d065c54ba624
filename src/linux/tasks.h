/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

/* Tasks of other processes, and what they may do, as procfs tells it. */

/* Each task, threads too, of a process and of all that descend from it: `look` is called with the process's
 * number and the task's, those that descend first, and ends the walk by what is not 0, which is returned. The
 * processes must stand still, but for those that `look` ends; -ESRCH: one that was looked at has gone from among its
 * parent's children. -ELOOP: more than 500 generations. Needs CONFIG_PROC_CHILDREN. Child-safe. */
int tasks_walk(pid_t pid, int (*look)(pid_t pid, pid_t tid, void *data), void *data);

/* What the kernel holds a task to. */
struct task_rights {
        uint64_t inheritable, permitted, effective, bounding, ambient; /* capabilities */
        bool no_new_privs, filtered; /* by seccomp: a filter or the strict mode */
        pid_t inside;                /* its number in its own pid namespace */
        bool ended;                  /* a zombie, which has no rights and no namespaces any more */
};

/* Why the first process of a pid namespace does not end: another one of it has ended, and its parent outside, who
 * entered, does not wait for it. */
struct task_unreaped {
        pid_t pid, parent;
        char name[16], parent_name[16];
        bool stopped; /* the parent is, by a signal or a tracer */
};

/* One such for the first process `first`. 1, 0: there is none, or it is not the first one; -errno. */
int tasks_find_unreaped(pid_t first, struct task_unreaped *ret_unreaped);

/* From /proc/PID/task/TID/status, proc_pid_status(5). -EPROTO: it does not say it all. Child-safe. */
int task_rights_read(pid_t pid, pid_t tid, struct task_rights *ret_rights);

/* The task's cgroups, /proc/PID/task/TID/cgroup. 0 or -errno; -EFBIG: that does not hold them. Child-safe. */
int task_cgroups_read(pid_t pid, pid_t tid, char *buffer, size_t size);
/* Lists as task_cgroups_read gives them: the first line of `list` with a cgroup that is neither that of `place` in the
 * same hierarchy nor one below it, and where `place` is no other one than `ours`, not it either; NULL: there is none.
 * In a hierarchy that another list has not, that one is at the top. Child-safe. */
const char *cgroups_outside(const char *list, const char *place, const char *ours);
