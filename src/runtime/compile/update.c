/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `update`: other limits for a container that runs.
 *
 * The same sections that set the limits of a new container compile what is to change, on cgroups that
 * are opened instead of made. Limits that bound each other go in together, whichever of them was
 * named: memory with memory and swap, quota with period and burst. Everything else that the container
 * has stays untouched, since somebody may have changed it without us. 0 is "not said", as in all
 * runtimes, where 0 is no limit that could be wished for. */
#include "limits.h"

#include <string.h>

static void drop_zero(struct spec_opt_i64 *value)
{
        value->set &= value->value != 0;
}

static void drop_zero_u64(struct spec_opt_u64 *value)
{
        value->set &= value->value != 0;
}

/* What is really asked for. */
static struct spec_resources *normalise(struct arena *arena, const struct spec_resources *change)
{
        struct spec_resources *plain = arena_new(arena, struct spec_resources);

        *plain = *change;
        plain->devices = (struct spec_device_rule_list){ 0 };
        if (change->memory) {
                struct spec_memory *m = arena_new(arena, struct spec_memory);

                *m = *change->memory;
                drop_zero(&m->limit);
                drop_zero(&m->swap);
                drop_zero(&m->reservation);
                drop_zero(&m->kernel_tcp);
                /* Memory without limit, and a limit on memory and swap together, cannot be. */
                if (m->limit.set && m->limit.value < 0 && !m->swap.set)
                        m->swap = m->limit;
                plain->memory = m;
        }
        if (change->cpu) {
                struct spec_cpu *cpu = arena_new(arena, struct spec_cpu);

                *cpu = *change->cpu;
                drop_zero_u64(&cpu->shares);
                drop_zero(&cpu->quota);
                drop_zero_u64(&cpu->period);
                drop_zero_u64(&cpu->realtime_period);
                drop_zero(&cpu->realtime_runtime);
                plain->cpu = cpu;
        }
        if (change->pids && change->pids->limit.set && !change->pids->limit.value)
                plain->pids = NULL;
        return plain;
}

/* What goes in together with what is changed has its present value, unless that is changed, too. */
static void join(struct spec_opt_i64 *to, const struct spec_opt_i64 *now, bool together)
{
        if (together && !to->set)
                *to = *now;
}

static void join_u64(struct spec_opt_u64 *to, const struct spec_opt_u64 *now, bool together)
{
        if (together && !to->set)
                *to = *now;
}

static const struct spec_memory *with_partners_of_memory(
        struct arena *arena, const struct spec_memory *change, const struct spec_memory *all)
{
        struct spec_memory *m = arena_new(arena, struct spec_memory);
        bool limits = change->limit.set || change->swap.set;

        *m = *change;
        join(&m->limit, &all->limit, limits);
        join(&m->swap, &all->swap, limits);
        return m;
}

static const struct spec_cpu *with_partners_of_cpu(
        struct arena *arena, const struct spec_cpu *change, const struct spec_cpu *all)
{
        struct spec_cpu *cpu = arena_new(arena, struct spec_cpu);
        bool quota = change->quota.set || change->period.set || change->burst.set;
        bool weight = change->shares.set || change->idle.set;
        bool realtime = change->realtime_period.set || change->realtime_runtime.set;

        *cpu = *change;
        join(&cpu->quota, &all->quota, quota);
        join_u64(&cpu->period, &all->period, quota);
        join_u64(&cpu->burst, &all->burst, quota);
        join_u64(&cpu->shares, &all->shares, weight);
        join(&cpu->idle, &all->idle, weight);
        join_u64(&cpu->realtime_period, &all->realtime_period, realtime);
        join(&cpu->realtime_runtime, &all->realtime_runtime, realtime);
        return cpu;
}

/* Cgroups that nothing is written to need not be opened. */
static void drop_unused(struct compile *c)
{
        struct op_list *list = &c->plan->list[HOST];
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                if (list->ops[i].code != OP_open_path ||
                    compile_is_written(c, list->ops[i].as.open_path.fd))
                        list->ops[n++] = list->ops[i];
        list->n = n;
}

static int compile_changes(
        struct compile *c, const struct spec_resources *change, const struct spec_resources *all)
{
        struct spec_resources *effect = arena_new(c->arena, struct spec_resources);
        struct spec_linux *linux_ = arena_new(c->arena, struct spec_linux);

        *effect = *change;
        if (change->memory)
                effect->memory = with_partners_of_memory(c->arena, change->memory, all->memory);
        if (change->cpu)
                effect->cpu = with_partners_of_cpu(c->arena, change->cpu, all->cpu);
        *linux_ = *c->linux_;
        linux_->resources = effect;
        c->linux_ = linux_;
        if (c->options->n_made_cgroups == 0) {
                trail_hint("limits are those of cgroups, and it was made where it could have none");
                return trail(-EOPNOTSUPP, "the container has no cgroups");
        }
        compile_cgroup_update(c);
        return compile_limits(c);
}

int runtime_compile_update(
        struct arena *arena, const struct runtime_update *update,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan,
        const struct spec_resources **ret_all)
{
        struct compile state, *c = &state;
        const struct spec_linux *now = update->spec->linux_;
        const struct spec_resources *change, *all;
        int r;

        compile_init(c, arena, update->spec, options, facts);
        c->update = true;
        change = normalise(arena, update->change);
        all = spec_merge_resources(arena, now ? now->resources : NULL, change);
        if (update->change->devices.n)
                plan_note(
                        c->plan, R "devices: passed over: the rules of devices are those of the "
                                   "start");
        r = compile_changes(c, change, all);
        if (r == 0)
                r = compile_resctrl_update(c, update->l3_cache_schema, update->mem_bw_schema);
        if (r < 0)
                return r;
        drop_unused(c);
        compile_unit_set(c);
        *ret_plan = c->plan;
        *ret_all = all;
        return 0;
}
