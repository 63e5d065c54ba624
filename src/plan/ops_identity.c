/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: how the process is scheduled, labelled and confined beyond capabilities.
 *
 * As in ops.c: one function an operation, child-safe, nothing decided that could have been known
 * when the plan was compiled. */
#include "ops.h"

int do_set_self(struct machine *m, const struct op_set_self *o)
{
        int r = selfproc_put(o->file, o->value);

        (void)m;
        return r < 0 ? trail(r, "cannot write '%s' to /proc/self/%s", o->value, o->file) : 0;
}

int do_set_affinity(struct machine *m, const struct op_set_affinity *o)
{
        (void)m;
        return sched_set_cpus(o->cpus.items, o->cpus.n);
}

int do_set_scheduler(struct machine *m, const struct op_set_scheduler *o)
{
        (void)m;
        return sched_set(&(struct sched_request){
                .policy = o->policy,
                .flags = o->flags,
                .nice = (int)o->nice,
                .priority = (unsigned)o->priority,
                .runtime = (uint64_t)o->runtime,
                .deadline = (uint64_t)o->deadline,
                .period = (uint64_t)o->period,
        });
}

int do_set_io_priority(struct machine *m, const struct op_set_io_priority *o)
{
        (void)m;
        return sched_set_io(o->class, (unsigned)o->level);
}

int do_set_memory_policy(struct machine *m, const struct op_set_memory_policy *o)
{
        (void)m;
        return mempolicy_set(o->mode, o->flags, o->nodes.items, o->nodes.n);
}

int do_set_personality(struct machine *m, const struct op_set_personality *o)
{
        (void)m;
        return personality_set(o->persona);
}
