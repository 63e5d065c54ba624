/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/resources, but for devices and block IO.
 *
 * What is a number of one file is looked up in the table of runtime/resources.c; what is here is
 * what a table cannot say: which values are none, which words exclude each other, and in which order
 * two limits that bound each other go in. Everything that the kernel would refuse later with an
 * errno is refused here with a place in the document; what only the host can know (is there a NUMA
 * node 3?) is left to it. A limit that this host has no controller for is an error, not a wish; so is
 * a word of v1 that v2 has no counterpart for. */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

int compile_limit_refuse(
        const struct compile *c, const struct json *at, const char *pointer, const char *controller)
{
        trail_hint("take it out to run without that limit");
        return spec_error(
                at, c->document, pointer, "this host has no %s controller for it", controller);
}

int compile_limit(struct compile *c, const struct limit *limit)
{
        struct controller found = compile_find_controller(c, limit->controller);
        struct op *op;

        if (found.cgroup < 0)
                return limit->optional ? 0
                                       : compile_limit_refuse(
                                                 c, limit->at, limit->pointer, limit->controller);
        op = plan_add(
                c->plan, HOST, limit->pointer, set_cgroup, .cgroup = found.cgroup,
                .file = limit->file, .values = limit->values, .optional = limit->optional);
        op->has_else = limit->has_else;
        return 0;
}

int compile_limit_find(
        struct compile *c, const struct json *at, const char *name, struct limit *ret_limit)
{
        const struct resource_word *word = resource_find(name);
        const char *pointer = why(c, R "%s", name);
        struct controller v1 = compile_find_controller(c, word->v1_controller);
        bool v2 = c->facts->cgroup_mode == CGROUP_V2 || (v1.cgroup < 0 && word->v2_controller);

        if (v2 && !word->v2_file)
                return spec_error(
                        at, c->document, pointer, "cgroup v2 has nothing like it: take it out");
        *ret_limit = (struct limit){
                .at = at,
                .pointer = pointer,
                .word = word,
                .v2 = v2,
                .controller = v2 ? word->v2_controller : word->v1_controller,
                .file = v2 ? word->v2_file : word->v1_file,
        };
        return 0;
}

static const char *limit_text(struct compile *c, const struct limit *limit, int64_t value)
{
        if (limit->v2) {
                value = resource_to_v2(limit->word, value, limit->memory);
                if (value < 0)
                        return "max";
        }
        return NUMBER(value);
}

/* A word that is one number of one file. `is_default`: what the kernel does anyway, so that a file which
 * it does not have is not missed. */
static int number_unless(
        struct compile *c, const struct json *at, const char *name, int64_t value, bool is_default)
{
        struct limit limit;
        int r = compile_limit_find(c, at, name, &limit);

        if (r < 0)
                return r;
        limit.values = limit_text(c, &limit, value);
        limit.optional = is_default;
        return compile_limit(c, &limit);
}

static int number(struct compile *c, const struct json *at, const char *name, int64_t value)
{
        return number_unless(c, at, name, value, false);
}

static int range(
        const struct compile *c, const struct json *at, const char *name, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

static int range(
        const struct compile *c, const struct json *at, const char *name, const char *format, ...)
{
        char words[160];
        va_list values;

        va_start(values, format);
        text_vformat(words, sizeof words, format, values);
        va_end(values);
        return spec_error(at, c->document, why(c, R "%s", name), "%s", words);
}

/* -- memory ------------------------------------------------------------------------------------- */

static int check_bytes(
        const struct compile *c, const struct json *at, const char *name,
        const struct spec_opt_i64 *value)
{
        if (value->set && value->value < -1)
                return range(
                        c, at, name, "%lld is no number of bytes; -1 is no limit",
                        (long long)value->value);
        return 0;
}

static int check_memory(const struct compile *c, const struct spec_memory *m)
{
        int r;

        if ((r = check_bytes(c, m->at, "memory/limit", &m->limit)) < 0 ||
            (r = check_bytes(c, m->at, "memory/swap", &m->swap)) < 0 ||
            (r = check_bytes(c, m->at, "memory/reservation", &m->reservation)) < 0 ||
            (r = check_bytes(c, m->at, "memory/kernel", &m->kernel)) < 0 ||
            (r = check_bytes(c, m->at, "memory/kernelTCP", &m->kernel_tcp)) < 0)
                return r;
        if (m->swap.set && m->swap.value > 0) {
                if (!m->limit.set || m->limit.value <= 0)
                        return range(
                                c, m->at, "memory/swap",
                                "memory and swap together can be limited only with memory/limit");
                if (m->swap.value < m->limit.value)
                        return range(
                                c, m->at, "memory/swap",
                                "memory and swap together cannot be less than memory");
        }
        if (m->swappiness.set && m->swappiness.value > 100)
                return range(
                        c, m->at, "memory/swappiness", "%llu is not from 0 to 100",
                        (unsigned long long)m->swappiness.value);
        return 0;
}

/* Both at once; where the file for swap may be missing, memory alone instead. */
static int memory_pair(struct compile *c, const struct limit *limit, const struct limit *both)
{
        int r = compile_limit_pair(c, limit, both);

        if (r < 0 || !both->optional)
                return r;
        c->plan->list[HOST].ops[c->plan->list[HOST].n - 1].has_else = true;
        return compile_limit(c, limit);
}

/* On v1 both limits bound each other, so they go in together; on v2 they are apart. 0 is taken for
 * "not said", as all runtimes do. A file of no swap, or of all, may be missing: then there is none. */
static int memory_limits(struct compile *c, const struct spec_memory *m)
{
        bool limited = m->limit.set && m->limit.value, swap = m->swap.set && m->swap.value;
        struct limit limit, both;
        int r = compile_limit_find(c, m->at, "memory/limit", &limit);

        if (r == 0)
                r = compile_limit_find(c, m->at, "memory/swap", &both);
        if (r < 0)
                return r;
        both.memory = limited ? m->limit.value : -1;
        both.optional = swap && (m->swap.value < 0 || m->swap.value == m->limit.value);
        if (limited)
                limit.values = limit_text(c, &limit, m->limit.value);
        if (swap)
                both.values = limit_text(c, &both, m->swap.value);
        if (limited && swap && !limit.v2 && m->swap.value > 0)
                return memory_pair(c, &limit, &both);
        /* No limit on both must be lifted from both first, should the cgroup have had one. */
        if (swap && m->swap.value < 0 && (r = compile_limit(c, &both)) < 0)
                return r;
        if (limited && (r = compile_limit(c, &limit)) < 0)
                return r;
        return swap && m->swap.value > 0 ? compile_limit(c, &both) : 0;
}

static int memory(struct compile *c, const struct spec_memory *m)
{
        bool v2 = c->facts->cgroup_mode == CGROUP_V2;
        int r = check_memory(c, m);

        if (r < 0 || (r = memory_limits(c, m)) < 0)
                return r;
        if (m->reservation.set && m->reservation.value &&
            (r = number(c, m->at, "memory/reservation", m->reservation.value)) < 0)
                return r;
        if (m->kernel.set && m->kernel.value > 0)
                plan_note(
                        c->plan, R "memory/kernel: passed over: the kernel counts its own memory "
                                   "with the rest and has no limit for it alone");
        if (m->kernel_tcp.set && m->kernel_tcp.value > 0 &&
            (r = number(c, m->at, "memory/kernelTCP", m->kernel_tcp.value)) < 0)
                return r;
        if (m->swappiness.set &&
            (r = number(c, m->at, "memory/swappiness", (int64_t)m->swappiness.value)) < 0)
                return r;
        if (m->disable_oom_killer.set && (m->disable_oom_killer.value || (c->update && !v2)) &&
            (r = number(c, m->at, "memory/disableOOMKiller", m->disable_oom_killer.value ? 1 : 0)) <
                    0)
                return r;
        if (m->use_hierarchy.set && m->use_hierarchy.value && !v2 && !facts_kernel(c->facts, 5, 11))
                return number(c, m->at, "memory/useHierarchy", 1);
        if (m->use_hierarchy.set && !m->use_hierarchy.value)
                plan_note(
                        c->plan, R "memory/useHierarchy: passed over: the kernel always counts "
                                   "children with their parent");
        return 0;
}

/* -- cpu ---------------------------------------------------------------------------------------- */

/* A list of numbers and ranges as the kernel takes it, without its strides. */
static bool is_list(const char *text)
{
        for (;;) {
                unsigned long first, last;
                size_t n = strspn(text, "0123456789");

                if (n == 0 || n > 6)
                        return false;
                first = last = strtoul(text, NULL, 10);
                text += n;
                if (*text == '-') {
                        n = strspn(++text, "0123456789");
                        if (n == 0 || n > 6)
                                return false;
                        last = strtoul(text, NULL, 10);
                        text += n;
                }
                if (last < first || (*text && *text != ','))
                        return false;
                if (!*text)
                        return true;
                text++;
        }
}

static int check_period(
        const struct compile *c, const struct json *at, const char *name,
        const struct spec_opt_u64 *value)
{
        if (value->set && value->value && (value->value < 1000 || value->value > 1000000))
                return range(
                        c, at, name, "%llu is not from 1000 to 1000000 microseconds",
                        (unsigned long long)value->value);
        return 0;
}

static int check_cpu(const struct compile *c, const struct spec_cpu *cpu)
{
        int64_t quota = cpu->quota.set ? cpu->quota.value : 0;
        int r = check_period(c, cpu->at, "cpu/period", &cpu->period);

        if (r < 0)
                return r;
        if (quota < -1 || (quota > 0 && quota < 1000))
                return range(
                        c, cpu->at, "cpu/quota",
                        "%lld is less than 1000 microseconds; -1 is no limit", (long long)quota);
        if (cpu->burst.set && quota > 0 && cpu->burst.value > (uint64_t)quota)
                return range(
                        c, cpu->at, "cpu/burst", "%llu is more than the quota, %lld",
                        (unsigned long long)cpu->burst.value, (long long)quota);
        if (cpu->burst.set && cpu->burst.value > INT64_MAX)
                return range(c, cpu->at, "cpu/burst", "is too large");
        if (cpu->idle.set && cpu->idle.value != 0 && cpu->idle.value != 1)
                return range(
                        c, cpu->at, "cpu/idle", "%lld is neither 0 nor 1",
                        (long long)cpu->idle.value);
        if (cpu->realtime_period.set && cpu->realtime_period.value > INT32_MAX)
                return range(c, cpu->at, "cpu/realtimePeriod", "is too large");
        if (cpu->realtime_runtime.set &&
            (cpu->realtime_runtime.value < -1 ||
             (cpu->realtime_period.set && cpu->realtime_period.value &&
              cpu->realtime_runtime.value > (int64_t)cpu->realtime_period.value)))
                return range(
                        c, cpu->at, "cpu/realtimeRuntime", "%lld is not from -1 to the period",
                        (long long)cpu->realtime_runtime.value);
        if (cpu->cpus && *cpu->cpus && !is_list(cpu->cpus))
                return range(
                        c, cpu->at, "cpu/cpus", "'%.60s' is no list of numbers and ranges, 0-3,7",
                        cpu->cpus);
        if (cpu->mems && *cpu->mems && !is_list(cpu->mems))
                return range(
                        c, cpu->at, "cpu/mems", "'%.60s' is no list of numbers and ranges, 0-3,7",
                        cpu->mems);
        return 0;
}

/* An idle cgroup has the least weight there is, and the kernel refuses another one. */
static int cpu_weight(struct compile *c, const struct spec_cpu *cpu)
{
        bool idle = cpu->idle.set && cpu->idle.value;
        uint64_t shares = cpu->shares.set ? cpu->shares.value : 0;
        int r = 0;

        if (cpu->idle.set && !idle)
                r = number_unless(c, cpu->at, "cpu/idle", 0, true);
        if (r < 0)
                return r;
        if (shares && idle) {
                plan_note(c->plan, R "cpu/shares: passed over: an idle cgroup has no other weight");
        } else if (shares) {
                if (shares < 2 || shares > 262144)
                        plan_note(
                                c->plan,
                                R "cpu/shares: %llu is taken for %u: the kernel has 2 to "
                                  "262144",
                                (unsigned long long)shares, shares < 2 ? 2U : 262144U);
                shares = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
                r = number(c, cpu->at, "cpu/shares", (int64_t)shares);
        }
        return r == 0 && idle ? number(c, cpu->at, "cpu/idle", 1) : r;
}

/* v2 has quota and period in one file. On v1 the quota of a period is bounded by the parent's, so a
 * shorter period can be refused as long as the old quota stands. */
static int cpu_quota(struct compile *c, const struct spec_cpu *cpu)
{
        bool quota = cpu->quota.set && cpu->quota.value,
             period = cpu->period.set && cpu->period.value;
        struct limit first, second;
        int r = compile_limit_find(c, cpu->at, "cpu/period", &first);

        if (r == 0)
                r = compile_limit_find(c, cpu->at, "cpu/quota", &second);
        if (r < 0 || (!quota && !period))
                return r;
        first.values = period ? NUMBER(cpu->period.value) : "100000";
        second.values = quota ? limit_text(c, &second, cpu->quota.value) : "max";
        if (second.v2) {
                second.values = why(c, "%s %s", second.values, first.values);
                if (!quota)
                        second.pointer = first.pointer;
                return compile_limit(c, &second);
        }
        if (quota && period)
                return compile_limit_pair(c, &first, &second);
        return compile_limit(c, quota ? &second : &first);
}

static int cpu_list(
        struct compile *c, const struct spec_cpu *cpu, const char *name, const char *list)
{
        struct limit limit;
        int r = list && *list ? compile_limit_find(c, cpu->at, name, &limit) : 0;

        if (r < 0 || !list || !*list)
                return r;
        limit.values = list;
        return compile_limit(c, &limit);
}

/* Each bounds the other. */
static int cpu_realtime(struct compile *c, const struct spec_cpu *cpu)
{
        bool has_period = cpu->realtime_period.set && cpu->realtime_period.value,
             has_runtime = cpu->realtime_runtime.set && cpu->realtime_runtime.value;
        struct limit period, runtime;
        int r = 0;

        if (has_period)
                r = compile_limit_find(c, cpu->at, "cpu/realtimePeriod", &period);
        if (r == 0 && has_runtime)
                r = compile_limit_find(c, cpu->at, "cpu/realtimeRuntime", &runtime);
        if (r < 0)
                return r;
        if (has_period)
                period.values = NUMBER(cpu->realtime_period.value);
        if (has_runtime)
                runtime.values = NUMBER(cpu->realtime_runtime.value);
        if (has_period && has_runtime)
                return compile_limit_pair(c, &period, &runtime);
        return has_period  ? compile_limit(c, &period)
             : has_runtime ? compile_limit(c, &runtime)
                           : 0;
}

static int cpu(struct compile *c, const struct spec_cpu *cpu)
{
        int r = check_cpu(c, cpu);

        if (r < 0 || (r = cpu_weight(c, cpu)) < 0)
                return r;
        /* The quota may not be less than the burst that is still there. */
        if (c->update && cpu->burst.set &&
            (r = number_unless(c, cpu->at, "cpu/burst", 0, true)) < 0)
                return r;
        if ((r = cpu_quota(c, cpu)) < 0)
                return r;
        if (cpu->burst.set &&
            (r = number_unless(
                     c, cpu->at, "cpu/burst", (int64_t)cpu->burst.value, !cpu->burst.value)) < 0)
                return r;
        if ((r = cpu_realtime(c, cpu)) < 0)
                return r;
        if ((r = cpu_list(c, cpu, "cpu/cpus", cpu->cpus)) < 0)
                return r;
        return cpu_list(c, cpu, "cpu/mems", cpu->mems);
}

/* -- all the rest ------------------------------------------------------------------------------- */

/* Version 1.3 of the specification made 0 a limit. To those before it was "not said", and Podman's
 * --pids-limit -1 still arrives as that. */
static bool zero_is_limit(const char *version)
{
        return !text_starts(version, "1.") || strtoul(version + 2, NULL, 10) >= 3;
}

static int pids(struct compile *c, const struct spec_pids *pids)
{
        int64_t limit = pids->limit.value;

        if (!pids->limit.set || (limit == 0 && !zero_is_limit(c->spec->oci_version)))
                return 0;
        if (limit < -1)
                return range(
                        c, pids->at, "pids/limit", "%lld is no number of processes; -1 is no limit",
                        (long long)limit);
        if (limit == 0) {
                /* The first process is born inside on v2, which 0 would forbid. */
                plan_note(
                        c->plan,
                        R "pids/limit: 0 is taken for 1: the first process has to be there");
                limit = 1;
        }
        {
                struct limit found;
                int r = compile_limit_find(c, pids->at, "pids/limit", &found);

                if (r < 0)
                        return r;
                found.values = limit < 0 ? "max" : NUMBER(limit); /* the word of v1, too */
                return compile_limit(c, &found);
        }
}

/* Reservations where the kernel counts them (since 5.7), and what is in use in any case. */
static int huge_pages(struct compile *c, const struct spec_resources *resources)
{
        bool v2 = compile_find_controller(c, "hugetlb").v2;

        for (size_t i = 0; i < resources->hugepage_limits.n; i++) {
                const struct spec_hugepage_limit *page = &resources->hugepage_limits.items[i];
                struct limit limit = { .at = page->at,
                                       .pointer = why(c, R "hugepageLimits/%zu", i),
                                       .controller = "hugetlb",
                                       .values = NUMBER(page->limit) };
                int r;

                if (page->limit > INT64_MAX)
                        limit.values = v2 ? "max" : "-1";
                limit.file =
                        why(c, "hugetlb.%s.%s", page->page_size, v2 ? "max" : "limit_in_bytes");
                if ((r = compile_limit(c, &limit)) < 0)
                        return r;
                limit.file = why(
                        c, "hugetlb.%s.rsvd.%s", page->page_size, v2 ? "max" : "limit_in_bytes");
                limit.optional = true;
                if ((r = compile_limit(c, &limit)) < 0)
                        return r;
        }
        return 0;
}

/* A name that goes into a line of its own. */
static bool is_word(const char *name)
{
        return *name && !name[strcspn(name, " \t\n\r/")];
}

static int network(struct compile *c, const struct spec_network *network)
{
        struct limit limit = { .at = network->at, .controller = "net_prio" };
        int r = 0;

        if (network->class_id.set && network->class_id.value)
                r = number(c, network->at, "network/classID", network->class_id.value);
        if (network->priorities.n && c->facts->cgroup_mode == CGROUP_V2)
                return range(
                        c, network->at, "network/priorities",
                        "cgroup v2 has nothing like it: take it out");
        for (size_t i = 0; i < network->priorities.n && r == 0; i++) {
                const struct spec_interface_priority *priority = &network->priorities.items[i];

                limit.pointer = why(c, R "network/priorities/%zu", i);
                if (!is_word(priority->name) || strlen(priority->name) > 15)
                        return spec_error(
                                priority->at, c->document, why(c, "%s/name", limit.pointer),
                                "'%.40s' is no name of an interface", priority->name);
                limit.file = "net_prio.ifpriomap";
                limit.values = why(c, "%s %u", priority->name, priority->priority);
                r = compile_limit(c, &limit);
        }
        return r;
}

static int rdma(struct compile *c, const struct spec_resources *resources)
{
        for (size_t i = 0; i < resources->rdma.n; i++) {
                const char *name = resources->rdma.items[i].key;
                const struct spec_rdma *limits = &resources->rdma.items[i].value;
                struct text values = { .arena = c->arena };
                struct limit limit = { .at = limits->at,
                                       .pointer = text_pointer(c->arena, R "rdma", name),
                                       .controller = "rdma",
                                       .file = "rdma.max" };
                int r;

                if (!is_word(name))
                        return spec_error(
                                limits->at, c->document, limit.pointer, "is no name of a device");
                if (!limits->hca_handles.set && !limits->hca_objects.set)
                        return spec_error(
                                limits->at, c->document, limit.pointer,
                                "has neither hcaHandles nor hcaObjects: one is needed");
                text_add(&values, name);
                if (limits->hca_handles.set)
                        text_addf(&values, " hca_handle=%u", limits->hca_handles.value);
                if (limits->hca_objects.set)
                        text_addf(&values, " hca_object=%u", limits->hca_objects.value);
                limit.values = text_string(&values);
                if ((r = compile_limit(c, &limit)) < 0)
                        return r;
        }
        return 0;
}

/* Files that are no limits: they move, stop or kill, and some would do it to the set-up itself. */
static bool is_lever(const char *file)
{
        static const char *const levers[] = { "cgroup.procs", "cgroup.threads",
                                              "cgroup.kill",  "cgroup.freeze",
                                              "cgroup.type",  "cgroup.subtree_control" };

        for (size_t i = 0; i < ARRAY_SIZE(levers); i++)
                if (text_equal(file, levers[i]))
                        return true;
        return false;
}

static int unified_file(struct compile *c, const struct json *at, const struct spec_pair *pair)
{
        const char *pointer = text_pointer(c->arena, R "unified", pair->key);
        size_t n = strcspn(pair->key, ".");
        const char *controller = arena_copy(c->arena, pair->key, n);

        if (strchr(pair->key, '/') || !pair->key[n] || n == 0)
                return spec_error(at, c->document, pointer, "is no file of a cgroup");
        if (is_lever(pair->key))
                return spec_error(at, c->document, pointer, "is no limit, and not to be set here");
        if (c->cgroup2 < 0)
                return spec_error(
                        at, c->document, pointer, "is for cgroup v2, and this host runs v1");
        if (!text_equal(controller, "cgroup") && !compile_has_word(c->facts->v2.names, controller))
                return spec_error(
                        at, c->document, pointer,
                        "this host has no %s controller for it on cgroup v2", controller);
        plan_add(
                c->plan, HOST, pointer, set_cgroup, .cgroup = c->cgroup2, .file = pair->key,
                .values = pair->value);
        return 0;
}

int compile_limits(struct compile *c)
{
        const struct spec_resources *resources = c->linux_->resources;
        int r = 0;

        if (resources->memory)
                r = memory(c, resources->memory);
        if (r == 0 && resources->cpu)
                r = cpu(c, resources->cpu);
        if (r == 0 && resources->block_io)
                r = compile_block_io(c, resources->block_io);
        if (r == 0 && resources->pids)
                r = pids(c, resources->pids);
        if (r == 0)
                r = huge_pages(c, resources);
        if (r == 0 && resources->network)
                r = network(c, resources->network);
        if (r == 0)
                r = rdma(c, resources);
        for (size_t i = 0; i < resources->unified.n && r == 0; i++)
                r = unified_file(c, resources->at, &resources->unified.items[i]);
        return r;
}
