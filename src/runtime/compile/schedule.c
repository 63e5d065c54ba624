/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: when and where the program runs: scheduler, CPUs, I/O, memory, personality.
 *
 * The kernel refuses a wrong combination with EINVAL and no word more, so what can be told from the
 * document is refused here, by pointer. All of it is done while the capabilities of husk are still
 * there. */
#include "compile.h"

#include <limits.h>
#include <string.h>

#define refuse(c, at, pointer, ...) spec_error((at), (c)->document, (pointer), __VA_ARGS__)

static bool one_of(const char *word, const char *const *words)
{
        for (; *words; words++)
                if (text_equal(word, *words))
                        return true;
        return false;
}

/* -- lists of numbers, "0-3,7" ------------------------------------------------------------------- */

/* A decimal number; *at is moved behind it. */
static bool read_number(const char **at, uint32_t limit, uint32_t *ret_number)
{
        uint64_t number = 0;
        size_t digits = strspn(*at, "0123456789");

        if (digits == 0 || digits > 6)
                return false;
        for (size_t i = 0; i < digits; i++)
                number = number * 10 + (uint64_t)((*at)[i] - '0');
        *at += digits;
        *ret_number = (uint32_t)number;
        return number < limit;
}

static int by_number(const uint32_t *marks, uint32_t limit, IDS *ret_list, uint32_t *items)
{
        size_t n = 0;

        for (uint32_t i = 0; i < limit; i++)
                if (marks[i / 32] >> i % 32 & 1)
                        items[n++] = i;
        *ret_list = (IDS){ items, n };
        return 0;
}

/* Numbers below `limit`, each once and in order; an empty text is an empty list. -EINVAL. */
static int read_list(struct compile *c, const char *text, uint32_t limit, IDS *ret_list)
{
        uint32_t *marks = arena_array(c->arena, limit / 32 + 1, sizeof *marks);
        size_t n = 0;

        for (const char *at = text; *at;) {
                uint32_t first, last;

                if (!read_number(&at, limit, &first))
                        return -EINVAL;
                last = first;
                if (*at == '-' && (at++, !read_number(&at, limit, &last)))
                        return -EINVAL;
                if (last < first || (*at && *at != ','))
                        return -EINVAL;
                if (*at == ',' && !*++at)
                        return -EINVAL;
                for (uint32_t i = first; i <= last; i++) {
                        n += !(marks[i / 32] >> i % 32 & 1);
                        marks[i / 32] |= 1U << i % 32;
                }
        }
        return by_number(
                marks, limit, ret_list, arena_array(c->arena, n + 1, sizeof *ret_list->items));
}

/* -- execCPUAffinity ----------------------------------------------------------------------------- */

/* One of its two lists; no operation for one that is empty. */
static int add_affinity(struct compile *c, enum actor actor, const char *pointer, const char *text)
{
        IDS cpus;

        if (!text || !*text)
                return 0;
        if (read_list(c, text, SCHED_CPUS, &cpus) < 0)
                return refuse(
                        c, c->process->exec_cpu_affinity->at, pointer,
                        "'%s' is no list of CPUs like 0-3,7", text);
        if (actor != ACTORS)
                plan_add(c->plan, actor, pointer, set_affinity, .cpus = cpus);
        return 0;
}

int compile_affinity_host(struct compile *c)
{
        const struct spec_exec_cpu_affinity *affinity = c->process->exec_cpu_affinity;

        if (!affinity)
                return 0;
        return add_affinity(c, HOST, "/process/execCPUAffinity/initial", affinity->initial);
}

/* For processes that join; for the first one it is read and means nothing. */
static int compile_affinity(struct compile *c)
{
        const struct spec_exec_cpu_affinity *affinity = c->process->exec_cpu_affinity;
        bool first = c->root >= 0;
        int r = 0;

        if (!affinity)
                return 0;
        if (first)
                r = add_affinity(c, ACTORS, "/process/execCPUAffinity/initial", affinity->initial);
        if (r == 0)
                r = add_affinity(
                        c, first ? ACTORS : INIT, "/process/execCPUAffinity/final",
                        affinity->final);
        return r;
}

/* -- scheduler ----------------------------------------------------------------------------------- */

static int check_scheduler(struct compile *c, const struct spec_scheduler *from)
{
        static const char *const real_time[] = { "SCHED_FIFO", "SCHED_RR", NULL };
        static const char *const nice[] = { "SCHED_OTHER", "SCHED_BATCH", NULL };
        bool is_real_time = one_of(from->policy, real_time);

        if (sched_policy(from->policy) < 0)
                return refuse(
                        c, from->at, "/process/scheduler/policy",
                        "Linux has a number for %s and no such scheduler", from->policy);
        if (from->nice < -20 || from->nice > 19)
                return refuse(
                        c, from->at, "/process/scheduler/nice", "%d is not in -20 to 19",
                        from->nice);
        if (from->nice && !one_of(from->policy, nice))
                return refuse(
                        c, from->at, "/process/scheduler/nice",
                        "means nothing to %s: it is for SCHED_OTHER and SCHED_BATCH", from->policy);
        if (is_real_time && (from->priority < 1 || from->priority > 99))
                return refuse(
                        c, from->at, "/process/scheduler/priority",
                        "%d: %s has the priorities 1 to 99", from->priority, from->policy);
        if (!is_real_time && from->priority)
                return refuse(
                        c, from->at, "/process/scheduler/priority",
                        "means nothing to %s: it is for SCHED_FIFO and SCHED_RR", from->policy);
        return 0;
}

static int check_deadline(struct compile *c, const struct spec_scheduler *from)
{
        bool given = from->runtime || from->deadline || from->period;
        uint64_t period = from->period ? from->period : from->deadline;

        if (!text_equal(from->policy, "SCHED_DEADLINE")) {
                if (given)
                        return refuse(
                                c, from->at, "/process/scheduler",
                                "runtime, deadline and period are for SCHED_DEADLINE");
                return 0;
        }
        if (from->runtime < 1024 || from->runtime > from->deadline || from->deadline > period ||
            period > INT64_MAX)
                return refuse(
                        c, from->at, "/process/scheduler",
                        "SCHED_DEADLINE needs 1024 <= runtime <= deadline <= period, in "
                        "nanoseconds");
        return 0;
}

/* A process of a deadline cannot fork, sched(7): so nothing that forks may come behind it. And the
 * thread that takes a seccomp listener away (notify.c) would never run beside a loader that is ahead
 * of all others and waits for it. */
static int check_forks(struct compile *c, const struct spec_scheduler *from)
{
        static const char *const refused[] = { "SCHED_FIFO", "SCHED_DEADLINE", NULL };
        const struct spec_hooks *hooks = c->spec->hooks;

        if (text_equal(from->policy, "SCHED_DEADLINE") && c->start &&
            (compile_stays_init(c) || (hooks && hooks->start_container.n)))
                return refuse(
                        c, from->at, "/process/scheduler/policy",
                        "SCHED_DEADLINE cannot be had together with %s: a process with a deadline "
                        "cannot fork",
                        compile_stays_init(c) ? "--init (/annotations/dev.husk.init)"
                                              : "/hooks/startContainer");
        if (!c->linux_->seccomp || !c->linux_->seccomp->listener_path ||
            !one_of(from->policy, refused))
                return 0;
        return refuse(
                c, from->at, "/process/scheduler/policy",
                "%s cannot be had together with a seccomp agent (/linux/seccomp/listenerPath)",
                from->policy);
}

static int compile_scheduler(struct compile *c)
{
        const struct spec_scheduler *from = c->process->scheduler;
        uint64_t flags = 0;
        int r;

        if (!from)
                return 0;
        r = check_scheduler(c, from);
        if (r == 0)
                r = check_deadline(c, from);
        if (r == 0)
                r = check_forks(c, from);
        if (r < 0)
                return r;
        for (size_t i = 0; i < from->flags.n; i++)
                flags |= sched_flag(from->flags.items[i]);
        plan_add(
                c->plan, INIT, "/process/scheduler", set_scheduler, .policy = from->policy,
                .flags = flags, .nice = from->nice, .priority = from->priority,
                .runtime = (NUM)from->runtime, .deadline = (NUM)from->deadline,
                .period = (NUM)from->period);
        return 0;
}

/* -- the rest ------------------------------------------------------------------------------------ */

static int compile_io_priority(struct compile *c)
{
        const struct spec_io_priority *from = c->process->io_priority;

        if (!from)
                return 0;
        if (from->priority < 0 || from->priority > 7)
                return refuse(
                        c, from->at, "/process/ioPriority/priority", "%d is not in 0 to 7",
                        from->priority);
        plan_add(
                c->plan, INIT, "/process/ioPriority", set_io_priority, .class = from->class,
                .level = from->priority);
        return 0;
}

static int check_memory_policy(struct compile *c, const struct spec_memory_policy *from, size_t n)
{
        static const char *const without[] = { "MPOL_DEFAULT", "MPOL_LOCAL", NULL };

        if (n && one_of(from->mode, without))
                return refuse(
                        c, from->at, "/linux/memoryPolicy/nodes", "%s takes no nodes", from->mode);
        if (!n && !one_of(from->mode, without) && !text_equal(from->mode, "MPOL_PREFERRED"))
                return refuse(
                        c, from->at, "/linux/memoryPolicy/nodes", "%s needs at least one node",
                        from->mode);
        return 0;
}

static int compile_memory_policy(struct compile *c)
{
        const struct spec_memory_policy *from = c->linux_->memory_policy;
        uint64_t flags = 0;
        IDS nodes;
        int r;

        if (!from)
                return 0;
        if (read_list(c, from->nodes ? from->nodes : "", SCHED_NODES, &nodes) < 0)
                return refuse(
                        c, from->at, "/linux/memoryPolicy/nodes",
                        "'%s' is no list of memory nodes like 0-3,7", from->nodes);
        r = check_memory_policy(c, from, nodes.n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < from->flags.n; i++)
                flags |= mempolicy_flag(from->flags.items[i]);
        plan_add(
                c->plan, INIT, "/linux/memoryPolicy", set_memory_policy, .mode = from->mode,
                .flags = flags, .nodes = nodes);
        return 0;
}

static int compile_personality(struct compile *c)
{
        const struct spec_personality *from = c->linux_->personality;

        if (!from)
                return 0;
        if (from->flags.n)
                return refuse(
                        c, from->at, "/linux/personality/flags/0",
                        "'%s': the specification has no flags yet", from->flags.items[0]);
        plan_add(
                c->plan, INIT, "/linux/personality", set_personality,
                .persona = text_equal(from->domain, "LINUX32") ? 8 /* PER_LINUX32 */ : 0);
        return 0;
}

/* A deadline is refused to who may not run on all CPUs, so they come first. */
int compile_schedule(struct compile *c)
{
        int r = compile_affinity(c);

        if (r == 0)
                r = compile_scheduler(c);
        if (r == 0)
                r = compile_io_priority(c);
        if (r == 0)
                r = compile_memory_policy(c);
        if (r == 0)
                r = compile_personality(c);
        return r;
}
