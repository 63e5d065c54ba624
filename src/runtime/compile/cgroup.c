/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/cgroupsPath and /linux/resources.
 *
 * The spec speaks cgroup v1; each word of it has its file there and a conversion for v2. On v1 (and
 * hybrid) the container gets a cgroup in every hierarchy, which the child joins by itself; the v2
 * tree of a hybrid host is used too, for cgroup.kill. On v2 the clone starts the process inside.
 * A limit that the host has no controller for is an error, not a wish. */
#include "compile.h"

#include <math.h>
#include <string.h>

#include <linux/bpf.h>
#include <linux/filter.h>

const char *compile_cgroup_path(const struct compile *c, const struct cgroup_hierarchy *hierarchy)
{
        const char *path = c->options->cgroup ? c->options->cgroup : c->linux_->cgroups_path;
        const char *own = text_equal(hierarchy->own, "/") ? "" : hierarchy->own;
        int size = (int)strlen(own);

        if (path && path[0] == '/')
                return why(c, "%s%s", hierarchy->mount, path);
        /* Beside our own cgroup: below it no cgroup of v2 could get controllers, because there are
         * processes in it (cgroups(7), "no internal processes"). */
        if (c->facts->cgroup_mode == CGROUP_V2 && size)
                size = (int)(strrchr(own, '/') - own);
        return why(
                c, "%s%.*s/%s", hierarchy->mount, size, own, path && *path ? path : c->options->id);
}

/* Does the comma or space separated list hold the word? */
static bool has_word(const char *list, const char *word)
{
        size_t size = strlen(word);

        for (const char *at = list; at && *at;) {
                size_t n = strcspn(at, ", ");

                if (n == size && strncmp(at, word, n) == 0)
                        return true;
                at += n + (at[n] != '\0');
        }
        return false;
}

static bool is_v2(const struct compile *c)
{
        return c->facts->cgroup_mode == CGROUP_V2;
}

/* The slot of the cgroup that has the controller, or -1. */
static FD find(const struct compile *c, const char *controller)
{
        if (is_v2(c) || has_word(c->facts->v2.names, controller))
                return c->cgroup2;
        for (size_t i = 0; i < c->facts->n_v1; i++)
                if (has_word(c->facts->v1[i].names, controller))
                        return c->cgroups[i];
        return -1;
}

struct limit {
        const char *pointer; /* "/linux/resources/memory/limit" */
        const char *controller;
        const char *file;
        const char *value;
        bool optional;
};

static int add(struct compile *c, struct limit limit)
{
        FD cgroup = find(c, limit.controller);

        if (cgroup < 0 || (is_v2(c) && !has_word(c->facts->v2.names, limit.controller))) {
                if (limit.optional)
                        return 0;
                return spec_error(
                        c->linux_->resources->at, c->document, limit.pointer,
                        "this host has no %s controller for it", limit.controller);
        }
        plan_add(
                c->plan, HOST, limit.pointer, set_cgroup, .cgroup = cgroup, .file = limit.file,
                .values = limit.value, .optional = limit.optional);
        return 0;
}

#define NUMBER(value) why(c, "%lld", (long long)(value))
#define R             "/linux/resources/"
#define TRY(...)                                                   \
        do {                                                       \
                int try_r = add(c, (struct limit){ __VA_ARGS__ }); \
                if (try_r < 0)                                     \
                        return try_r;                              \
        } while (0)

static const char *v2_max(struct compile *c, int64_t value)
{
        return value < 0 ? "max" : NUMBER(value);
}

static int memory_v1(struct compile *c, const struct spec_memory *m)
{
        if (m->limit.set)
                TRY(R "memory/limit", "memory", "memory.limit_in_bytes", NUMBER(m->limit.value));
        if (m->swap.set)
                TRY(R "memory/swap", "memory", "memory.memsw.limit_in_bytes", NUMBER(m->swap.value),
                    m->swap.value <= 0);
        if (m->reservation.set)
                TRY(R "memory/reservation", "memory", "memory.soft_limit_in_bytes",
                    NUMBER(m->reservation.value));
        if (m->swappiness.set)
                TRY(R "memory/swappiness", "memory", "memory.swappiness",
                    NUMBER(m->swappiness.value));
        if (m->disable_oom_killer.set && m->disable_oom_killer.value)
                TRY(R "memory/disableOOMKiller", "memory", "memory.oom_control", "1");
        return 0;
}

static int memory_v2(struct compile *c, const struct spec_memory *m)
{
        if (m->limit.set)
                TRY(R "memory/limit", "memory", "memory.max", v2_max(c, m->limit.value));
        if (m->swap.set && m->swap.value != 0) {
                /* v1 counts memory and swap together, v2 swap alone. */
                if (m->swap.value > 0 && (!m->limit.set || m->limit.value > m->swap.value))
                        return spec_error(
                                m->at, c->document, R "memory/swap",
                                "memory and swap together cannot be less than memory");
                TRY(R "memory/swap", "memory", "memory.swap.max",
                    v2_max(c, m->swap.value < 0 ? -1 : m->swap.value - m->limit.value), true);
        }
        if (m->reservation.set)
                TRY(R "memory/reservation", "memory", "memory.low",
                    v2_max(c, m->reservation.value));
        return 0;
}

/* Shares 2..262144 to weight 1..10000 so that the default 1024 becomes the default 100: the curve
 * of the Kubernetes enhancement on cgroup v2, taken over by the runtimes in 2025. */
static uint64_t weight_of_shares(uint64_t shares)
{
        double l;

        if (shares <= 2)
                return 1;
        if (shares >= 262144)
                return 10000;
        l = log2((double)shares);
        return (uint64_t)ceil(exp2(((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * log2(10)));
}

static int cpu_v1(struct compile *c, const struct spec_cpu *cpu)
{
        if (cpu->shares.set && cpu->shares.value)
                TRY(R "cpu/shares", "cpu", "cpu.shares", NUMBER(cpu->shares.value));
        if (cpu->idle.set)
                TRY(R "cpu/idle", "cpu", "cpu.idle", NUMBER(cpu->idle.value));
        if (cpu->realtime_period.set && cpu->realtime_period.value)
                TRY(R "cpu/realtimePeriod", "cpu", "cpu.rt_period_us",
                    NUMBER(cpu->realtime_period.value));
        if (cpu->realtime_runtime.set && cpu->realtime_runtime.value)
                TRY(R "cpu/realtimeRuntime", "cpu", "cpu.rt_runtime_us",
                    NUMBER(cpu->realtime_runtime.value));
        if (cpu->period.set && cpu->period.value)
                TRY(R "cpu/period", "cpu", "cpu.cfs_period_us", NUMBER(cpu->period.value));
        if (cpu->quota.set && cpu->quota.value)
                TRY(R "cpu/quota", "cpu", "cpu.cfs_quota_us", NUMBER(cpu->quota.value));
        if (cpu->burst.set)
                TRY(R "cpu/burst", "cpu", "cpu.cfs_burst_us", NUMBER(cpu->burst.value));
        return 0;
}

static int cpu_v2(struct compile *c, const struct spec_cpu *cpu)
{
        uint64_t period = cpu->period.set && cpu->period.value ? cpu->period.value : 100000;
        bool quota = cpu->quota.set && cpu->quota.value;

        if (cpu->shares.set && cpu->shares.value)
                TRY(R "cpu/shares", "cpu", "cpu.weight",
                    NUMBER(weight_of_shares(cpu->shares.value)));
        if (cpu->idle.set)
                TRY(R "cpu/idle", "cpu", "cpu.idle", NUMBER(cpu->idle.value));
        if (quota || cpu->period.set)
                TRY(R "cpu/quota", "cpu", "cpu.max",
                    why(c, "%s %llu",
                        quota && cpu->quota.value > 0 ? NUMBER(cpu->quota.value) : "max",
                        (unsigned long long)period));
        if (cpu->burst.set)
                TRY(R "cpu/burst", "cpu", "cpu.max.burst", NUMBER(cpu->burst.value));
        return 0;
}

static int cpuset(struct compile *c, const struct spec_cpu *cpu)
{
        if (cpu->cpus && *cpu->cpus)
                TRY(R "cpu/cpus", "cpuset", "cpuset.cpus", cpu->cpus);
        if (cpu->mems && *cpu->mems)
                TRY(R "cpu/mems", "cpuset", "cpuset.mems", cpu->mems);
        return 0;
}

static int throttle(
        struct compile *c, const struct spec_throttle_device_list *list, const char *pointer,
        const char *v1_file, const char *v2_key)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct spec_throttle_device *d = &list->items[i];
                const char *device = why(c, "%lld:%lld", (long long)d->major, (long long)d->minor);

                if (is_v2(c))
                        TRY(pointer, "io", "io.max",
                            why(c, "%s %s=%llu", device, v2_key, (unsigned long long)d->rate));
                else
                        TRY(pointer, "blkio", v1_file,
                            why(c, "%s %llu", device, (unsigned long long)d->rate));
        }
        return 0;
}

static int block_io(struct compile *c, const struct spec_block_io *io)
{
        int r;

        if (io->weight.set && io->weight.value) {
                /* 10..1000 to 1..10000, linear */
                uint64_t v2 = 1 + (io->weight.value - 10) * 9999ULL / 990;

                if (is_v2(c))
                        TRY(R "blockIO/weight", "io", "io.bfq.weight", NUMBER(v2), true);
                else
                        TRY(R "blockIO/weight", "blkio", "blkio.bfq.weight",
                            NUMBER(io->weight.value), true);
        }
        if ((r = throttle(
                     c, &io->throttle_read_bps_device, R "blockIO/throttleReadBpsDevice",
                     "blkio.throttle.read_bps_device", "rbps")) < 0 ||
            (r = throttle(
                     c, &io->throttle_write_bps_device, R "blockIO/throttleWriteBpsDevice",
                     "blkio.throttle.write_bps_device", "wbps")) < 0 ||
            (r = throttle(
                     c, &io->throttle_read_iops_device, R "blockIO/throttleReadIOPSDevice",
                     "blkio.throttle.read_iops_device", "riops")) < 0 ||
            (r = throttle(
                     c, &io->throttle_write_iops_device, R "blockIO/throttleWriteIOPSDevice",
                     "blkio.throttle.write_iops_device", "wiops")) < 0)
                return r;
        return 0;
}

static int others(struct compile *c, const struct spec_resources *resources)
{
        if (resources->pids && resources->pids->limit.set && resources->pids->limit.value)
                TRY(R "pids/limit", "pids", "pids.max", v2_max(c, resources->pids->limit.value));
        for (size_t i = 0; i < resources->hugepage_limits.n; i++) {
                const struct spec_hugepage_limit *l = &resources->hugepage_limits.items[i];

                TRY(why(c, R "hugepageLimits/%zu", i), "hugetlb",
                    why(c, "hugetlb.%s.%s", l->page_size,
                        find(c, "hugetlb") == c->cgroup2 ? "max" : "limit_in_bytes"),
                    NUMBER(l->limit));
        }
        if (resources->network && resources->network->class_id.set)
                TRY(R "network/classID", "net_cls", "net_cls.classid",
                    NUMBER(resources->network->class_id.value));
        for (size_t i = 0; i < resources->unified.n; i++) {
                const struct spec_pair *pair = &resources->unified.items[i];
                const char *pointer = text_pointer(c->arena, R "unified", pair->key);

                if (!is_v2(c))
                        return spec_error(
                                resources->at, c->document, pointer,
                                "is for cgroup v2, and this host runs v1");
                if (strchr(pair->key, '/') || !strchr(pair->key, '.'))
                        return spec_error(
                                resources->at, c->document, pointer, "is no file of a cgroup");
                plan_add(
                        c->plan, HOST, pointer, set_cgroup, .cgroup = c->cgroup2, .file = pair->key,
                        .values = pair->value);
        }
        return 0;
}

/* -- devices ---------------------------------------------------------------------------------- */

/* What every container may use, whatever the rules say: to make any node, and to open the default
 * devices (config-linux.md, "Default Devices"). */
static const struct {
        char type;
        int16_t major, minor; /* -1: any */
        bool open;            /* else to be made only */
} default_rules[] = {
        { 'c', -1, -1, false }, { 'b', -1, -1, false }, { 'c', 1, 3, true }, { 'c', 1, 5, true },
        { 'c', 1, 7, true },    { 'c', 1, 8, true },    { 'c', 1, 9, true }, { 'c', 5, 0, true },
        { 'c', 5, 2, true },    { 'c', 136, -1, true },
};

/* The spec's rules, then the devices that it makes, then the defaults. */
static struct device_rule *collect_rules(struct compile *c, size_t *ret_n)
{
        const struct spec_resources *resources = c->linux_->resources;
        size_t n = resources ? resources->devices.n : 0, k = 0;
        struct device_rule *rules = arena_array(
                c->arena, n + c->linux_->devices.n + ARRAY_SIZE(default_rules), sizeof *rules);

        for (size_t i = 0; i < n; i++) {
                const struct spec_device_rule *from = &resources->devices.items[i];
                const char *access = from->access ? from->access : "rwm";

                rules[k++] = (struct device_rule){
                        .allow = from->allow,
                        .type = from->type ? from->type[0] : 'a',
                        .major = from->major.set ? from->major.value : -1,
                        .minor = from->minor.set ? from->minor.value : -1,
                        .read = strchr(access, 'r') != NULL,
                        .write = strchr(access, 'w') != NULL,
                        .mknod = strchr(access, 'm') != NULL,
                };
        }
        for (size_t i = 0; i < c->linux_->devices.n; i++) {
                const struct spec_device *device = &c->linux_->devices.items[i];

                if (device->type[0] != 'p')
                        rules[k++] = (struct device_rule){
                                .allow = true,
                                .type = device->type[0] == 'b' ? 'b' : 'c',
                                .major = device->major,
                                .minor = device->minor,
                                .read = true,
                                .write = true,
                                .mknod = true,
                        };
        }
        for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++)
                rules[k++] = (struct device_rule){
                        .allow = true,
                        .type = default_rules[i].type,
                        .major = default_rules[i].major,
                        .minor = default_rules[i].minor,
                        .read = default_rules[i].open,
                        .write = default_rules[i].open,
                        .mknod = true,
                };
        *ret_n = k;
        return rules;
}

static const char *rule_number(struct compile *c, int64_t number)
{
        return number < 0 ? "*" : NUMBER(number);
}

/* v1: everything is denied, then the rules in order; runs of one kind are one operation. */
static int devices_v1(struct compile *c, const struct device_rule *rules, size_t n)
{
        struct text values = { .arena = c->arena };
        FD cgroup = find(c, "devices");
        bool allow = true;

        if (cgroup < 0)
                return 0;
        plan_add(
                c->plan, HOST, R "devices", set_cgroup, .cgroup = cgroup, .file = "devices.deny",
                .values = "a");
        for (size_t i = 0; i <= n; i++) {
                const struct device_rule *rule = i < n ? &rules[i] : NULL;

                if (values.len && (!rule || rule->allow != allow)) {
                        plan_add(
                                c->plan, HOST, R "devices", set_cgroup, .cgroup = cgroup,
                                .file = allow ? "devices.allow" : "devices.deny",
                                .values = text_string(&values));
                        values = (struct text){ .arena = c->arena };
                }
                if (!rule || (i == 0 && !rule->allow && rule->type == 'a'))
                        continue; /* the first rule says what was done already */
                allow = rule->allow;
                text_addf(
                        &values, "%s%c %s:%s %s%s%s", values.len ? "\n" : "", rule->type,
                        rule_number(c, rule->major), rule_number(c, rule->minor),
                        rule->read ? "r" : "", rule->write ? "w" : "", rule->mknod ? "m" : "");
        }
        return 0;
}

static int devices(struct compile *c)
{
        const struct bpf_insn *program;
        size_t n, n_program;
        struct device_rule *rules;
        int r;

        if (!facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */))
                return 0;
        rules = collect_rules(c, &n);
        if (!is_v2(c))
                return devices_v1(c, rules, n);
        r = devices_compile(c->arena, rules, n, &program, &n_program);
        if (r < 0)
                return trail(r, R "devices");
        plan_add(
                c->plan, HOST, R "devices", filter_devices, .cgroup = c->cgroup2,
                .program = { program, n_program * sizeof *program });
        return 0;
}

/* -- the cgroups themselves --------------------------------------------------------------------- */

static FD make(struct compile *c, const struct cgroup_hierarchy *hierarchy)
{
        FD slot = plan_slot(c->plan);

        plan_add(
                c->plan, HOST, "/linux/cgroupsPath", make_cgroup,
                .path = compile_cgroup_path(c, hierarchy), .cgroup = slot);
        return slot;
}

static const char *controllers_to_delegate(struct compile *c)
{
        static const char *const known[] = { "cpuset",  "cpu",  "io",  "memory",
                                             "hugetlb", "pids", "rdma" };
        struct text text = { .arena = c->arena };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (has_word(c->facts->v2.names, known[i]))
                        text_addf(&text, "%s+%s", text.len ? " " : "", known[i]);
        return text_string(&text);
}

/* A name that leads out of the tree would be made, and removed afterwards, somewhere else. */
static bool climbs(const char *path)
{
        for (const char *at = path; at && *at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
                if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
                        return true;
        return false;
}

int compile_cgroup_host(struct compile *c)
{
        const struct spec_resources *resources = c->linux_->resources;
        int r = 0;

        if (climbs(c->linux_->cgroups_path))
                return spec_error(
                        c->linux_->at, c->document, "/linux/cgroupsPath", "'%s' has a '..' in it",
                        c->linux_->cgroups_path);

        if (c->facts->cgroup_mode == CGROUP_NONE || c->facts->uid != 0) {
                if (resources && (resources->memory || resources->cpu || resources->pids))
                        plan_note(
                                c->plan, "/linux/resources: no limits: %s",
                                c->facts->uid ? "an ordinary user has no cgroup of its own here"
                                              : "this host has no cgroups");
                return 0;
        }
        for (size_t i = 0; i < c->facts->n_v1; i++)
                c->cgroups[i] = make(c, &c->facts->v1[i]);
        c->n_cgroups = c->facts->n_v1;
        if (c->facts->v2.mount) {
                if (is_v2(c))
                        plan_add(
                                c->plan, HOST, "/linux/cgroupsPath", delegate_cgroup,
                                .path = compile_cgroup_path(c, &c->facts->v2),
                                .controllers = controllers_to_delegate(c));
                c->cgroup2 = make(c, &c->facts->v2);
        }
        r = devices(c);
        if (!resources || r < 0)
                return r;
        if (resources->memory)
                r = is_v2(c) ? memory_v2(c, resources->memory) : memory_v1(c, resources->memory);
        if (r == 0 && resources->cpu)
                r = is_v2(c) ? cpu_v2(c, resources->cpu) : cpu_v1(c, resources->cpu);
        if (r == 0 && resources->cpu)
                r = cpuset(c, resources->cpu);
        if (r == 0 && resources->block_io)
                r = block_io(c, resources->block_io);
        return r < 0 ? r : others(c, resources);
}

/* The one that was made in this hierarchy: a path relative to the maker's own cgroup would mean
 * another one for whoever calls exec. */
static const char *made_path(const struct compile *c, const struct cgroup_hierarchy *hierarchy)
{
        size_t size = strlen(hierarchy->mount);

        for (size_t i = 0; i < c->options->n_made_cgroups; i++) {
                const char *path = c->options->made_cgroups[i];

                if (strncmp(path, hierarchy->mount, size) == 0 && path[size] == '/')
                        return path;
        }
        return compile_cgroup_path(c, hierarchy);
}

/* exec: the cgroups are there; the new process joins them. */
int compile_cgroup_init(struct compile *c)
{
        bool has_none = c->options->made_cgroups && c->options->n_made_cgroups == 0;

        /* An ordinary user's container has none, whoever enters it. */
        if (c->facts->cgroup_mode == CGROUP_NONE || c->facts->uid != 0 || has_none)
                return 0;
        for (size_t i = 0; i < c->facts->n_v1; i++) {
                c->cgroups[i] = plan_slot(c->plan);
                plan_add(
                        c->plan, HOST, "/linux/cgroupsPath", open_path,
                        .path = made_path(c, &c->facts->v1[i]), .fd = c->cgroups[i]);
        }
        c->n_cgroups = c->facts->n_v1;
        if (c->facts->v2.mount) {
                c->cgroup2 = plan_slot(c->plan);
                plan_add(
                        c->plan, HOST, "/linux/cgroupsPath", open_path,
                        .path = made_path(c, &c->facts->v2), .fd = c->cgroup2);
        }
        return 0;
}
