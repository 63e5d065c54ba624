/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `update`, of both faces: words or a file to a resources object, that to a plan
 * (runtime/compile/update.c), and the plan applied (runtime/update.c). */
#include "oci.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>

struct change {
        const char *document; /* what messages call it */
        const struct spec_resources *resources;
        const char *l3_cache_schema, *mem_bw_schema;
        bool explain;
};

static struct spec_opt_i64 bytes(int64_t value)
{
        return (struct spec_opt_i64){ value != 0, value };
}

static struct spec_opt_u64 plain(uint64_t value)
{
        return (struct spec_opt_u64){ value != 0, value };
}

static struct spec_opt_i64 given(struct number number)
{
        return (struct spec_opt_i64){ number.set, number.value };
}

static int cpu_limits(const struct limits *limits, struct spec_cpu *cpu)
{
        *cpu = (struct spec_cpu){
                .shares = plain(limits->cpu_shares),
                .quota = given(limits->cpu_quota_us),
                .period = plain(limits->cpu_period_us),
                .realtime_runtime = given(limits->cpu_rt_runtime_us),
                .realtime_period = plain(limits->cpu_rt_period_us),
                .cpus = limits->cpuset_cpus,
                .mems = limits->cpuset_mems,
                .idle = given(limits->cpu_idle),
        };
        if (limits->cpu_burst_us.set && limits->cpu_burst_us.value < 0)
                return trail(-EINVAL, "--cpu-burst: less than nothing cannot be saved up");
        cpu->burst = (struct spec_opt_u64){ limits->cpu_burst_us.set,
                                            (uint64_t)limits->cpu_burst_us.value };
        if (!limits->nano_cpus)
                return 0;
        if (cpu->quota.set || cpu->period.set)
                return trail(
                        -EINVAL, "--cpus is --cpu-period and --cpu-quota in one: give it or them");
        cpu->period = plain(100000);
        cpu->quota = bytes((int64_t)(limits->nano_cpus / 10000));
        return 0;
}

/* The object that the options stand for. */
static int build_resources(
        struct arena *arena, const struct limits *limits, const struct spec_resources **ret)
{
        struct spec_resources *resources = arena_new(arena, struct spec_resources);
        struct spec_memory *memory = arena_new(arena, struct spec_memory);
        struct spec_cpu *cpu = arena_new(arena, struct spec_cpu);
        struct spec_pids *pids = arena_new(arena, struct spec_pids);
        struct spec_block_io *io = arena_new(arena, struct spec_block_io);
        int r = cpu_limits(limits, cpu);

        if (r < 0)
                return r;
        if (limits->blkio_weight > 1000)
                return trail(-EINVAL, "--blkio-weight: expected 10 to 1000");
        memory->limit = bytes(limits->memory_bytes);
        memory->swap = bytes(limits->memory_swap_bytes);
        memory->reservation = bytes(limits->memory_reservation_bytes);
        pids->limit = bytes(limits->pids_limit);
        io->weight =
                (struct spec_opt_u32){ limits->blkio_weight != 0, (uint32_t)limits->blkio_weight };
        resources->memory = memory;
        resources->cpu = cpu;
        resources->pids = pids;
        resources->block_io = io;
        if (limits->kernel_memory || limits->kernel_memory_tcp)
                trail_warn("--kernel-memory: passed over: the kernel counts its own memory with "
                           "the rest and has no limit for it alone");
        *ret = resources;
        return 0;
}

static int read_resources(
        struct arena *arena, const char *file, const struct spec_resources **ret_resources)
{
        bool input = text_equal(file, "-");
        struct text text;
        int r = input ? file_read_fd(arena, 0, SPEC_SIZE_MAX, &text)
                      : file_read(arena, AT_FDCWD, file, SPEC_SIZE_MAX, &text);

        if (r < 0)
                return trail(
                        r, "cannot read %s: %s", input ? "standard input" : file, text_errno(r));
        return spec_parse_resources(
                arena, input ? "standard input" : file, text_string(&text), text.len,
                ret_resources);
}

static int compile(
        struct arena *arena, const struct container *container, const struct change *change,
        struct plan **ret_plan, const struct spec_resources **ret_all)
{
        struct runtime_options options = { .id = container->id,
                                           .bundle = container->bundle,
                                           .document = change->document };
        struct runtime_update update = { .change = change->resources,
                                         .l3_cache_schema = change->l3_cache_schema,
                                         .mem_bw_schema = change->mem_bw_schema };
        struct facts facts;
        int r = container_spec(arena, container, &update.spec);

        if (r < 0 || (r = facts_gather(arena, &facts)) < 0)
                return r;
        container_cgroups(arena, container, &options.made_cgroups, &options.n_made_cgroups);
        container_unit(arena, container, &options.unit_socket, &options.unit);
        return runtime_compile_update(arena, &update, &options, &facts, ret_plan, ret_all);
}

static int update(
        struct arena *arena, struct container *container, const struct change *change,
        struct plan **ret_plan)
{
        const struct spec_resources *all;
        int r;

        if (container->status == CONTAINER_STOPPED || container->status == CONTAINER_CREATING)
                return trail(-ESRCH, "container not running: '%s'", container->id);
        r = compile(arena, container, change, ret_plan, &all);
        if (r < 0 || change->explain)
                return r;
        plan_warn(*ret_plan);
        r = container_update_repair(arena, container);
        if (r == 0)
                r = container_check_memory(
                        arena, container, change->resources->memory ? all->memory : NULL);
        return r < 0 ? r : container_update(arena, container, *ret_plan, all);
}

int engine_oci_update(
        const struct oci_update_request *request, struct arena *arena, struct plan **ret_plan)
{
        struct container container;
        struct change change = {
                .document = !request->resources                 ? "update"
                          : text_equal(request->resources, "-") ? "standard input"
                                                                : request->resources,
                .l3_cache_schema = request->l3_cache_schema,
                .mem_bw_schema = request->mem_bw_schema,
                .explain = request->explain,
        };
        int r = request->resources ? read_resources(arena, request->resources, &change.resources)
                                   : build_resources(arena, &request->limits, &change.resources);

        if (r == 0)
                r = container_open(
                        arena, request->oci.root, request->id, !request->explain, &container);
        if (r < 0)
                return r;
        r = update(arena, &container, &change, ret_plan);
        container_close(&container);
        return r;
}

int engine_update(const struct update_request *request)
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        struct container container;
        struct change change = { .document = "update" };
        struct plan *plan;
        int r = build_resources(&arena, &request->limits, &change.resources);

        if (r == 0)
                r = store_open(&arena, &request->engine, name, true, &container);
        if (r < 0)
                return r;
        container.id = name; /* what messages call it */
        r = update(&arena, &container, &change, &plan);
        container_close(&container);
        return r;
}
