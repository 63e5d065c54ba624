/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: scheduling, I/O priority, memory policy and personality of our own process.
 *
 * One system call a function, with the kernel's structures kept in here: the C libraries have
 * wrappers for half of them, and not the same half. Words stand for numbers in tables, so that a
 * plan reads as its document does. */
#include "linux.h"

#include <string.h>
#include <unistd.h>

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>

/* Newer than some headers. */
enum {
        MODE_PREFERRED_MANY = 5,
        MODE_WEIGHTED_INTERLEAVE = 6,
        FLAG_NUMA_BALANCING = 1 << 13
};

struct word {
        const char *name;
        uint64_t value;
};

static const struct word policies[] = {
        { "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },
        { "SCHED_RR", SCHED_RR },        { "SCHED_BATCH", SCHED_BATCH },
        { "SCHED_IDLE", SCHED_IDLE },    { "SCHED_DEADLINE", SCHED_DEADLINE },
};

static const struct word sched_flags[] = {
        { "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
        { "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
        { "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
        { "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
        { "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
        { "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
        { "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};

static const struct word io_classes[] = {
        { "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
        { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
        { "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
};

static const struct word modes[] = {
        { "MPOL_DEFAULT", MPOL_DEFAULT },
        { "MPOL_PREFERRED", MPOL_PREFERRED },
        { "MPOL_BIND", MPOL_BIND },
        { "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
        { "MPOL_LOCAL", MPOL_LOCAL },
        { "MPOL_PREFERRED_MANY", MODE_PREFERRED_MANY },
        { "MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE },
};

static const struct word mode_flags[] = {
        { "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
        { "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
        { "MPOL_F_NUMA_BALANCING", FLAG_NUMA_BALANCING },
};

static int find(const struct word *words, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (text_equal(words[i].name, name))
                        return (int)words[i].value;
        return -EINVAL;
}

static uint64_t find_flag(const struct word *words, size_t n, const char *name)
{
        int flag = find(words, n, name);

        return flag < 0 ? 0 : (uint64_t)flag;
}

int sched_policy(const char *name)
{
        return find(policies, ARRAY_SIZE(policies), name);
}

uint64_t sched_flag(const char *name)
{
        return find_flag(sched_flags, ARRAY_SIZE(sched_flags), name);
}

int mempolicy_mode(const char *name)
{
        return find(modes, ARRAY_SIZE(modes), name);
}

uint64_t mempolicy_flag(const char *name)
{
        return find_flag(mode_flags, ARRAY_SIZE(mode_flags), name);
}

int sched_set(const struct sched_request *request)
{
        /* The utilisation clamps that clamp nothing: the document has flags for them, no values. */
        struct sched_attr attr = {
                .size = SCHED_ATTR_SIZE_VER0,
                .sched_flags = request->flags,
                .sched_nice = request->nice,
                .sched_priority = request->priority,
                .sched_runtime = request->runtime,
                .sched_deadline = request->deadline,
                .sched_period = request->period,
                .sched_util_min = 0,
                .sched_util_max = 1024,
        };
        int policy = sched_policy(request->policy);

        if (policy < 0)
                return policy;
        attr.sched_policy = (uint32_t)policy;
        if (request->flags & SCHED_FLAG_UTIL_CLAMP)
                attr.size = SCHED_ATTR_SIZE_VER1;
        return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? -errno : 0;
}

/* A mask of the kernel's: bit n of the array of longs is number n. */
static void set_bits(unsigned long *mask, const uint32_t *numbers, size_t n)
{
        const size_t width = sizeof *mask * 8;

        for (size_t i = 0; i < n; i++)
                mask[numbers[i] / width] |= 1UL << numbers[i] % width;
}

int sched_set_cpus(const uint32_t *cpus, size_t n)
{
        unsigned long mask[SCHED_CPUS / sizeof(long) / 8] = { 0 };

        for (size_t i = 0; i < n; i++)
                if (cpus[i] >= SCHED_CPUS)
                        return -EINVAL;
        set_bits(mask, cpus, n);
        return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? -errno : 0;
}

int sched_set_io(const char *class, unsigned level)
{
        int number = find(io_classes, ARRAY_SIZE(io_classes), class);
        unsigned value;

        if (number < 0)
                return number;
        value = (unsigned)number << IOPRIO_CLASS_SHIFT | level;
        return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) < 0 ? -errno : 0;
}

int mempolicy_set(const char *mode, uint64_t flags, const uint32_t *nodes, size_t n)
{
        unsigned long mask[SCHED_NODES / sizeof(long) / 8] = { 0 };
        int number = mempolicy_mode(mode);

        if (number < 0)
                return number;
        for (size_t i = 0; i < n; i++)
                if (nodes[i] >= SCHED_NODES)
                        return -EINVAL;
        set_bits(mask, nodes, n);
        /* The kernel reads one bit less than it is told. */
        return syscall(SYS_set_mempolicy, (unsigned long)number | flags, n ? mask : NULL,
                       n ? SCHED_NODES + 1UL : 0UL) < 0
                     ? -errno
                     : 0;
}

int personality_set(uint64_t persona)
{
        return syscall(SYS_personality, persona) < 0 ? -errno : 0;
}
