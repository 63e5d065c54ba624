/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a word of /linux/resources is called where.
 *
 * The specification speaks the language of cgroup v1. Each of its words is a row here: the file that
 * it is on v1, the one on v2, and how the number changes on the way. What is no number of one file
 * (rules of devices, page sizes, interfaces, rdma) is not in here. Pure. */
#include "runtime.h"

#include <math.h>

static const struct resource_word words[] = {
        { "memory/limit", RESOURCE_PLAIN, "memory", "memory.limit_in_bytes", "memory", "memory.max",
          NULL },
        { "memory/swap", RESOURCE_SWAP, "memory", "memory.memsw.limit_in_bytes", "memory",
          "memory.swap.max", NULL },
        { "memory/reservation", RESOURCE_PLAIN, "memory", "memory.soft_limit_in_bytes", "memory",
          "memory.low", NULL },
        { "memory/kernelTCP", RESOURCE_PLAIN, "memory", "memory.kmem.tcp.limit_in_bytes", NULL,
          NULL, NULL },
        { "memory/swappiness", RESOURCE_PLAIN, "memory", "memory.swappiness", NULL, NULL, NULL },
        { "memory/disableOOMKiller", RESOURCE_PLAIN, "memory", "memory.oom_control", NULL, NULL,
          NULL },
        { "memory/useHierarchy", RESOURCE_PLAIN, "memory", "memory.use_hierarchy", NULL, NULL,
          NULL },
        { "cpu/shares", RESOURCE_SHARES, "cpu", "cpu.shares", "cpu", "cpu.weight", NULL },
        { "cpu/idle", RESOURCE_PLAIN, "cpu", "cpu.idle", "cpu", "cpu.idle", NULL },
        { "cpu/quota", RESOURCE_QUOTA, "cpu", "cpu.cfs_quota_us", "cpu", "cpu.max", NULL },
        { "cpu/period", RESOURCE_PERIOD, "cpu", "cpu.cfs_period_us", "cpu", "cpu.max", NULL },
        { "cpu/burst", RESOURCE_PLAIN, "cpu", "cpu.cfs_burst_us", "cpu", "cpu.max.burst", NULL },
        { "cpu/realtimePeriod", RESOURCE_PLAIN, "cpu", "cpu.rt_period_us", NULL, NULL, NULL },
        { "cpu/realtimeRuntime", RESOURCE_PLAIN, "cpu", "cpu.rt_runtime_us", NULL, NULL, NULL },
        { "cpu/cpus", RESOURCE_LIST, "cpuset", "cpuset.cpus", "cpuset", "cpuset.cpus", NULL },
        { "cpu/mems", RESOURCE_LIST, "cpuset", "cpuset.mems", "cpuset", "cpuset.mems", NULL },
        { "pids/limit", RESOURCE_PLAIN, "pids", "pids.max", "pids", "pids.max", NULL },
        { "blockIO/weight", RESOURCE_WEIGHT, "blkio", "blkio.weight", "io", "io.weight", NULL },
        { "blockIO/leafWeight", RESOURCE_PLAIN, "blkio", "blkio.leaf_weight", NULL, NULL, NULL },
        { "blockIO/throttleReadBpsDevice", RESOURCE_DEVICE, "blkio",
          "blkio.throttle.read_bps_device", "io", "io.max", "rbps" },
        { "blockIO/throttleWriteBpsDevice", RESOURCE_DEVICE, "blkio",
          "blkio.throttle.write_bps_device", "io", "io.max", "wbps" },
        { "blockIO/throttleReadIOPSDevice", RESOURCE_DEVICE, "blkio",
          "blkio.throttle.read_iops_device", "io", "io.max", "riops" },
        { "blockIO/throttleWriteIOPSDevice", RESOURCE_DEVICE, "blkio",
          "blkio.throttle.write_iops_device", "io", "io.max", "wiops" },
        { "network/classID", RESOURCE_PLAIN, "net_cls", "net_cls.classid", NULL, NULL, NULL },
};

const struct resource_word *resource_table(size_t *ret_n)
{
        *ret_n = ARRAY_SIZE(words);
        return words;
}

const struct resource_word *resource_find(const char *pointer)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (text_equal(words[i].pointer, pointer))
                        return &words[i];
        return NULL;
}

/* Shares 2..262144 to weight 1..10000 so that the default 1024 becomes the default 100: the curve
 * of the Kubernetes enhancement on cgroup v2, taken over by the runtimes in 2025. */
static int64_t weight_of_shares(int64_t shares)
{
        double l;

        if (shares <= 2)
                return 1;
        if (shares >= 262144)
                return 10000;
        l = log2((double)shares);
        return (int64_t)ceil(exp2(((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * log2(10)));
}

/* The curve rises all the way: the least shares that have at least this weight. */
static int64_t shares_of_weight(int64_t weight)
{
        int64_t low = 2, high = 262144;

        while (low < high) {
                int64_t middle = (low + high) / 2;

                if (weight_of_shares(middle) >= weight)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

int64_t resource_to_v2(const struct resource_word *word, int64_t value, int64_t limit)
{
        if (value < 0)
                return -1;
        switch (word->form) {
        case RESOURCE_SHARES:
                return weight_of_shares(value);
        case RESOURCE_WEIGHT:
                return value <= 10 ? 1 : 1 + (value - 10) * 9999 / 990;
        case RESOURCE_SWAP:
                return limit < 0 || value < limit ? 0 : value - limit;
        case RESOURCE_PLAIN:
        case RESOURCE_QUOTA:
        case RESOURCE_PERIOD:
        case RESOURCE_LIST:
        case RESOURCE_DEVICE:
                break;
        }
        return value;
}

int64_t resource_from_v2(const struct resource_word *word, int64_t value, int64_t limit)
{
        if (value < 0)
                return -1;
        switch (word->form) {
        case RESOURCE_SHARES:
                return shares_of_weight(value);
        case RESOURCE_WEIGHT:
                return 10 + ((value - 1) * 990 + 9998) / 9999;
        case RESOURCE_SWAP:
                return limit < 0 ? -1 : value + limit;
        case RESOURCE_PLAIN:
        case RESOURCE_QUOTA:
        case RESOURCE_PERIOD:
        case RESOURCE_LIST:
        case RESOURCE_DEVICE:
                break;
        }
        return value;
}
