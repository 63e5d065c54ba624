/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci update`. The options are runc's. */
#include "commands.h"
#include "xray/xray.h"

#define ROW(kind, field, ...) OPTION(struct oci_update_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXT, resources, 'r', "resources", "FILE",
            "the limits as JSON, like /linux/resources; - is standard input",
            .complete = COMPLETE_FILE),
        OPTIONS_HEADING("Memory"),
        ROW(LIMIT, limits.memory_bytes, 0, "memory", "SIZE", "the most memory; -1: no limit"),
        ROW(LIMIT, limits.memory_swap_bytes, 0, "memory-swap", "SIZE",
            "the most memory and swap together; -1: no limit"),
        ROW(LIMIT, limits.memory_reservation_bytes, 0, "memory-reservation", "SIZE",
            "memory that is spared when there is little"),
        ROW(TEXT, limits.kernel_memory, 0, "kernel-memory", "SIZE",
            "nothing: the kernel has dropped it"),
        ROW(TEXT, limits.kernel_memory_tcp, 0, "kernel-memory-tcp", "SIZE",
            "nothing: the kernel has dropped it"),
        OPTIONS_HEADING("Processors"),
        ROW(U64, limits.cpu_shares, 0, "cpu-share", "SHARES", "weight against others"),
        ROW(NUMBER, limits.cpu_quota_us, 0, "cpu-quota", "USEC",
            "the most time in a period; -1: no limit"),
        ROW(U64, limits.cpu_period_us, 0, "cpu-period", "USEC", "the length of a period"),
        ROW(NUMBER, limits.cpu_burst_us, 0, "cpu-burst", "USEC",
            "time that may be saved up for later periods"),
        ROW(NUMBER, limits.cpu_idle, 0, "cpu-idle", "0|1", "run only where nobody else would"),
        ROW(U64, limits.cpu_rt_period_us, 0, "cpu-rt-period", "USEC",
            "the length of a period of real-time processes"),
        ROW(NUMBER, limits.cpu_rt_runtime_us, 0, "cpu-rt-runtime", "USEC",
            "the most time of real-time processes in it"),
        ROW(TEXT, limits.cpuset_cpus, 0, "cpuset-cpus", "LIST", "processors to run on, 0-3,7"),
        ROW(TEXT, limits.cpuset_mems, 0, "cpuset-mems", "LIST", "memory nodes to use, 0,1"),
        OPTIONS_HEADING("Others"),
        ROW(I64, limits.pids_limit, 0, "pids-limit", "NUMBER", "the most processes; -1: no limit"),
        ROW(U64, limits.blkio_weight, 0, "blkio-weight", "WEIGHT", "weight at disks, 10 to 1000"),
        ROW(TEXT, l3_cache_schema, 0, "l3-cache-schema", "SCHEMA", "share of caches, by resctrl"),
        ROW(TEXT, mem_bw_schema, 0, "mem-bw-schema", "SCHEMA",
            "share of memory bandwidth, by resctrl"),
        ROW(FLAG, explain, 0, "explain", "", "show what would be written where; do nothing"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_update_request, TEXT, id, "ID", "a running container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        const struct oci_update_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct plan *plan;
        int r = engine_oci_update(request, in->arena, &plan);

        if (r < 0 || !request->explain)
                return r;
        return cli_finish_text(xray_explain(plan, "text", &out), &out);
}

static const struct example examples[] = {
        { "husk-oci update --memory 256m --memory-swap 512m web", "other limits on memory" },
        { "husk-oci update --resources limits.json web", "as a container engine does it" },
        { "husk-oci update --explain --cpu-quota 50000 web", "what would be written where" },
        { "", "" },
};

const struct command cli_oci_update = {
        .name = "update",
        .summary = "Give a running container other limits",
        .description =
                "Give a running container other limits; what is not named stays as it is. It "
                "gets all of them or none: when the kernel refuses one, the others are "
                "taken back.\n\nWith --resources the options that are limits are not "
                "looked at.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_update_request),
        .group = GROUP_MANAGE,
        .run = run,
};
