/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk update`. The options are docker's. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct update_request, kind, limits.field, __VA_ARGS__)

static const struct option options[] = {
        ROW(LIMIT, memory_bytes, 'm', "memory", "SIZE", "the most memory; -1: no limit"),
        ROW(LIMIT, memory_swap_bytes, 0, "memory-swap", "SIZE",
            "the most memory and swap together; -1: no limit"),
        ROW(LIMIT, memory_reservation_bytes, 0, "memory-reservation", "SIZE",
            "memory that is spared when there is little"),
        ROW(CPUS, nano_cpus, 0, "cpus", "NUMBER", "the most processors' time, such as 1.5"),
        ROW(U64, cpu_shares, 'c', "cpu-shares", "SHARES", "weight against others"),
        ROW(NUMBER, cpu_quota_us, 0, "cpu-quota", "USEC",
            "the most time in a period; -1: no limit"),
        ROW(U64, cpu_period_us, 0, "cpu-period", "USEC", "the length of a period"),
        ROW(NUMBER, cpu_rt_runtime_us, 0, "cpu-rt-runtime", "USEC",
            "the most time of real-time processes in a period"),
        ROW(U64, cpu_rt_period_us, 0, "cpu-rt-period", "USEC",
            "the length of a period of real-time processes"),
        ROW(TEXT, cpuset_cpus, 0, "cpuset-cpus", "LIST", "processors to run on, 0-3,7"),
        ROW(TEXT, cpuset_mems, 0, "cpuset-mems", "LIST", "memory nodes to use, 0,1"),
        ROW(I64, pids_limit, 0, "pids-limit", "NUMBER", "the most processes; -1: no limit"),
        ROW(U64, blkio_weight, 0, "blkio-weight", "WEIGHT", "weight at disks, 10 to 1000"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct update_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int update_one(struct invocation *in)
{
        return engine_update(in->request);
}

static int run(struct invocation *in)
{
        struct update_request *request = in->request;

        return cli_each_name(in, &request->names, update_one);
}

static const struct example examples[] = {
        { "husk update --memory 256m --cpus 1.5 web", "other limits, from now on" },
        { "", "" },
};

const struct command cli_cmd_update = {
        .name = "update",
        .summary = "Give running containers other limits",
        .description = "Give running containers other limits; what is not named stays as it is. "
                       "Each gets all of them or none.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct update_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
