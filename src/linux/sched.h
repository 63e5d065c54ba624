/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Where and when the calling process runs, where its memory comes from, what machine it sees. All
 * of it outlives exec and goes on to children. Words are the names of the kernel's constants as the
 * OCI specification has them; -EINVAL for one that this version does not know. */

/* The most CPUs and memory nodes that a list may name: numbers are below these. */
enum {
        SCHED_CPUS = 8192,
        SCHED_NODES = 1024
};

struct sched_request {
        const char *policy; /* "SCHED_FIFO" */
        uint64_t flags;     /* SCHED_FLAG_* */
        int nice;
        unsigned priority;                  /* of SCHED_FIFO and SCHED_RR */
        uint64_t runtime, deadline, period; /* of SCHED_DEADLINE, in nanoseconds */
};

/* sched_setattr(2). -EPERM without CAP_SYS_NICE or the limits for it; -EBUSY when a deadline is
 * more than the CPUs have left. */
int sched_set(const struct sched_request *request);
/* The bit of "SCHED_FLAG_RECLAIM" or 0; its number for "SCHED_FIFO" or -EINVAL. */
uint64_t sched_flag(const char *name);
int sched_policy(const char *name);
/* Run on these CPUs only, sched_setaffinity(2). -EINVAL when there is none of them. */
int sched_set_cpus(const uint32_t *cpus, size_t n);
/* ioprio_set(2) of the calling process; level 0 to 7. */
int sched_set_io(const char *class, unsigned level);
/* set_mempolicy(2); `flags` are MPOL_F_*, from mempolicy_flag(). */
int mempolicy_set(const char *mode, uint64_t flags, const uint32_t *nodes, size_t n);
int mempolicy_mode(const char *name);
uint64_t mempolicy_flag(const char *name);
/* personality(2). */
int personality_set(uint64_t persona);
