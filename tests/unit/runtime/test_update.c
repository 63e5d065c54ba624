/* SPDX-License-Identifier: Apache-2.0 */
/* What an update writes, on each kind of host, as "file=value" in the order of writing ("a=1+b=2": a
 * pair; "?" after a file: it may be missing; "|": or else), and what the container has then. */
#include "runtime/runtime.h"
#include "tap.h"

#define V1 "hosts/v1-full.json"
#define V2 "default-v2/facts.json"

static const char *const cgroups[] = {
        "/sys/fs/cgroup/cpu,cpuacct/c1",
        "/sys/fs/cgroup/memory/c1",
        "/sys/fs/cgroup/pids/c1",
        "/sys/fs/cgroup/cpuset/c1",
        "/sys/fs/cgroup/freezer/c1",
        "/sys/fs/cgroup/blkio/c1",
        "/sys/fs/cgroup/c1",
};

static char *quotes(char *json)
{
        for (char *at = json; *at; at++) /* rows are easier to read with the other quotes */
                *at = *at == '\'' ? '"' : *at;
        return json;
}

struct row {
        const char *host, *now, *change, *expect, *all;
        const char *unit;
};

static int compile(
        struct arena *arena, const struct row *row, size_t n_cgroups, struct plan **ret_plan,
        const struct spec_resources **ret_all)
{
        const struct runtime_options options = { .id = "c1",
                                                 .bundle = "/bundle",
                                                 .document = "update",
                                                 .unit = row->unit,
                                                 .unit_socket = "/run/systemd/private",
                                                 .made_cgroups = cgroups,
                                                 .n_made_cgroups = n_cgroups };
        const char *facts_text = tap_read(arena_format(arena, "tests/plans/%s", row->host));
        char *config = quotes(arena_format(
                arena,
                "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
                "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},\"linux\":{\"resources\":{%s}}}",
                row->now));
        char *change = quotes(arena_format(arena, "{%s}", row->change));
        struct runtime_update update = { 0 };
        struct facts facts;

        CHECK(facts_text != NULL);
        CHECK_INT(facts_parse(arena, "facts.json", facts_text, strlen(facts_text), &facts), 0);
        CHECK_INT(spec_parse(arena, "c", config, strlen(config), &update.spec), 0);
        CHECK_INT(spec_parse_resources(arena, "update", change, strlen(change), &update.change), 0);
        return runtime_compile_update(arena, &update, &options, &facts, ret_plan, ret_all);
}

static const char *writes(struct arena *arena, const struct plan *plan)
{
        struct text text = { .arena = arena };
        const char *between = "";

        for (size_t i = 0; i < plan->list[HOST].n; i++) {
                const struct op *op = &plan->list[HOST].ops[i];
                const struct op_set_cgroup *set = &op->as.set_cgroup;
                const struct op_set_cgroup_pair *pair = &op->as.set_cgroup_pair;

                if (op->code == OP_set_cgroup)
                        text_addf(
                                &text, "%s%s%s=%s", between, set->file, set->optional ? "?" : "",
                                set->values);
                else if (op->code == OP_set_cgroup_pair)
                        text_addf(
                                &text, "%s%s=%s+%s=%s", between, pair->file, pair->value,
                                pair->file2, pair->value2);
                else if (op->code == OP_set_unit) {
                        text_addf(&text, "%s%s:", between, op->as.set_unit.unit);
                        for (size_t k = 0; k < op->as.set_unit.properties.n; k++)
                                text_addf(&text, " %s", op->as.set_unit.properties.items[k]);
                } else
                        continue;
                between = op->has_else ? "|" : "; ";
        }
        return text_string(&text);
}

static void check(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                auto_arena arena = { 0 };
                const struct spec_resources *all;
                struct text text = { .arena = &arena };
                struct plan *plan;

                printf("# %s: %s -> %s\n", rows[i].host, rows[i].now, rows[i].change);
                trail_reset();
                if (compile(&arena, &rows[i], ARRAY_SIZE(cgroups), &plan, &all) < 0)
                        CHECK_STR(trail_text(), "");
                CHECK_INT(plan_verify(plan), 0);
                CHECK_INT(plan->list[INIT].n, 0);
                CHECK_STR(writes(&arena, plan), rows[i].expect);
                spec_encode_resources(all, &text);
                if (rows[i].all)
                        CHECK_STR(
                                text_string(&text),
                                quotes(arena_format(&arena, "{%s}", rows[i].all)));
        }
}

TEST(memory)
{
        static const struct row rows[] = {
                { V1, "", "'memory':{'limit':4096}", "memory.limit_in_bytes=4096",
                  "'memory':{'limit':4096}" },
                /* what bounds it goes with it, whichever is named */
                { V1, "'memory':{'limit':4096,'swap':8192,'reservation':1}",
                  "'memory':{'limit':6144}",
                  "memory.limit_in_bytes=6144+memory.memsw.limit_in_bytes=8192",
                  "'memory':{'limit':6144,'reservation':1,'swap':8192}" },
                { V2, "'memory':{'limit':4096,'swap':8192}", "'memory':{'limit':6144}",
                  "memory.max=6144; memory.swap.max=2048", "'memory':{'limit':6144,'swap':8192}" },
                { V1, "'memory':{'limit':4096,'swap':8192}", "'memory':{'swap':10240}",
                  "memory.limit_in_bytes=4096+memory.memsw.limit_in_bytes=10240", NULL },
                { V1, "'memory':{'limit':4096,'swap':4096}", "'memory':{'limit':8192,'swap':8192}",
                  "memory.limit_in_bytes=8192+memory.memsw.limit_in_bytes=8192"
                  "|memory.limit_in_bytes=8192",
                  NULL },
                /* no limit on memory is no limit on both */
                { V1, "'memory':{'limit':4096,'swap':8192}", "'memory':{'limit':-1}",
                  "memory.memsw.limit_in_bytes?=-1; memory.limit_in_bytes=-1",
                  "'memory':{'limit':-1,'swap':-1}" },
                { V2, "'memory':{'limit':4096,'swap':8192}", "'memory':{'limit':-1}",
                  "memory.swap.max?=max; memory.max=max", "'memory':{'limit':-1,'swap':-1}" },
                /* 0 is nothing */
                { V2, "'memory':{'limit':4096}", "'memory':{'limit':0,'swap':0,'reservation':0}",
                  "", "'memory':{'limit':4096}" },
                { V1, "'memory':{'disableOOMKiller':true}", "'memory':{'disableOOMKiller':false}",
                  "memory.oom_control=0", "'memory':{'disableOOMKiller':false}" },
        };

        check(rows, ARRAY_SIZE(rows));
}

TEST(cpu)
{
        static const struct row rows[] = {
                { V1, "'cpu':{'quota':50000,'period':100000}", "'cpu':{'quota':20000}",
                  "cpu.cfs_period_us=100000+cpu.cfs_quota_us=20000",
                  "'cpu':{'quota':20000,'period':100000}" },
                { V2, "'cpu':{'quota':50000,'period':200000}", "'cpu':{'quota':20000}",
                  "cpu.max=20000 200000", NULL },
                { V2, "'cpu':{'quota':50000}", "'cpu':{'period':200000}", "cpu.max=50000 200000",
                  NULL },
                { V2, "'cpu':{'quota':50000}", "'cpu':{'quota':-1}", "cpu.max=max 100000", NULL },
                /* the quota may not be less than the burst that is still there */
                { V2, "'cpu':{'quota':50000,'burst':40000}", "'cpu':{'quota':20000,'burst':10000}",
                  "cpu.max.burst?=0; cpu.max=20000 100000; cpu.max.burst=10000", NULL },
                { V1, "'cpu':{'quota':50000,'burst':10000}", "'cpu':{'quota':20000}",
                  "cpu.cfs_burst_us?=0; cpu.cfs_quota_us=20000; cpu.cfs_burst_us=10000", NULL },
                /* an idle one takes no shares: it wakes first */
                { V2, "'cpu':{'shares':512,'idle':1}", "'cpu':{'idle':0}",
                  "cpu.idle?=0; cpu.weight=59", "'cpu':{'shares':512,'idle':0}" },
                { V1, "'cpu':{'shares':512}", "'cpu':{'idle':1}", "cpu.idle=1", NULL },
                { V1, "'cpu':{'idle':1}", "'cpu':{'shares':512}", "cpu.idle=1", NULL },
                { V1, "'cpu':{'realtimePeriod':1000000,'realtimeRuntime':950000}",
                  "'cpu':{'realtimeRuntime':1000}",
                  "cpu.rt_period_us=1000000+cpu.rt_runtime_us=1000", NULL },
                { V1, "'cpu':{'cpus':'0','mems':'0','shares':3}", "'cpu':{'cpus':'0-1'}",
                  "cpuset.cpus=0-1", "'cpu':{'shares':3,'cpus':'0-1','mems':'0'}" },
                { V1, "'cpu':{'shares':512}",
                  "'cpu':{'shares':0,'quota':0,'period':0,'realtimePeriod':0}", "",
                  "'cpu':{'shares':512}" },
        };

        check(rows, ARRAY_SIZE(rows));
}

TEST(others)
{
        static const struct row rows[] = {
                { V1, "'pids':{'limit':5}", "'pids':{'limit':7}", "pids.max=7",
                  "'pids':{'limit':7}" },
                { V2, "'pids':{'limit':5}", "'pids':{'limit':-1}", "pids.max=max", NULL },
                { V2, "'pids':{'limit':5}", "'pids':{'limit':0}", "", "'pids':{'limit':5}" },
                { V2, "'blockIO':{'weight':100}",
                  "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}]}",
                  "io.max=8:0 rbps=1", NULL },
                { V2, "'unified':{'memory.high':'1','io.weight':'50'}",
                  "'unified':{'memory.high':'2','pids.max':'3'}", "memory.high=2; pids.max=3",
                  "'unified':{'memory.high':'2','io.weight':'50','pids.max':'3'}" },
                /* rules are those of the start */
                { V1, "", "'devices':[{'allow':true}]", "", "" },
        };

        check(rows, ARRAY_SIZE(rows));
}

/* systemd hears of it when the kernel has taken it, and what it rounds is written again. */
TEST(in_a_unit)
{
        static const struct row rows[] = {
                { V2, "", "'memory':{'limit':4096},'pids':{'limit':-1}",
                  "memory.max=4096; pids.max=max; c1.scope: MemoryMax=uint64 4096 "
                  "TasksMax=uint64 18446744073709551615",
                  NULL, "c1.scope" },
                { V2, "", "'cpu':{'quota':12345,'period':100000}",
                  "cpu.max=12345 100000; c1.scope: CPUQuotaPerSecUSec=uint64 130000 "
                  "CPUQuotaPeriodUSec=uint64 100000; cpu.max=12345 100000",
                  NULL, "c1.scope" },
                { V1, "", "'cpu':{'quota':12345,'period':50000}",
                  "cpu.cfs_period_us=50000+cpu.cfs_quota_us=12345; c1.scope: "
                  "CPUQuotaPerSecUSec=uint64 250000 CPUQuotaPeriodUSec=uint64 50000; "
                  "cpu.cfs_period_us=50000+cpu.cfs_quota_us=12345",
                  NULL, "c1.scope" },
                { V2, "", "'unified':{'cpu.idle':'1'}", "cpu.idle=1", NULL, "c1.scope" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                const struct spec_resources *all;
                struct plan *plan;

                CHECK_INT(compile(&arena, &rows[i], ARRAY_SIZE(cgroups), &plan, &all), 0);
                CHECK_STR(writes(&arena, plan), rows[i].expect);
        }
}

TEST(refused)
{
        static const struct {
                struct row row;
                const char *words;
        } rows[] = {
                { { V1, "'memory':{'limit':4096,'swap':8192}", "'memory':{'limit':10240}", "", "" },
                  "update:1:11: /linux/resources/memory/swap: memory and swap together cannot be "
                  "less than memory" },
                { { V2, "", "'cpu':{'quota':5}", "", "" },
                  "update:1:8: /linux/resources/cpu/quota: 5 is less than 1000 microseconds; -1 is "
                  "no limit" },
                { { V2, "'cpu':{'quota':50000,'burst':40000}", "'cpu':{'quota':20000}", "", "" },
                  "update:1:8: /linux/resources/cpu/burst: 40000 is more than the quota, 20000" },
                { { V2, "", "'memory':{'swappiness':5}", "", "" },
                  "update:1:11: /linux/resources/memory/swappiness: cgroup v2 has nothing like it: "
                  "take it out" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                const struct spec_resources *all;
                struct plan *plan;

                trail_reset();
                CHECK_INT(compile(&arena, &rows[i].row, ARRAY_SIZE(cgroups), &plan, &all), -EINVAL);
                CHECK_STR(trail_text(), rows[i].words);
        }
}

TEST(a_container_without_cgroups)
{
        static const struct row row = { V2, "", "'pids':{'limit':7}", "", "" };
        auto_arena arena = { 0 };
        const struct spec_resources *all;
        struct plan *plan;

        CHECK_INT(compile(&arena, &row, 0, &plan, &all), -EOPNOTSUPP);
        CHECK_STR(trail_text(), "the container has no cgroups");
}

/* A share of caches: on a fixture, since few processors have it. */
TEST(resctrl)
{
        auto_arena arena = { 0 };
        struct text text = { .arena = &arena };
        const struct runtime_options options = { .id = "c1",
                                                 .document = "update",
                                                 .made_cgroups = cgroups,
                                                 .n_made_cgroups = ARRAY_SIZE(cgroups) };
        const char *facts_text = tap_read("tests/plans/resctrl/facts.json");
        const char *config = tap_read("tests/plans/resctrl/config.json");
        const struct spec_resources *all;
        struct runtime_update update = { .l3_cache_schema = "L3:0=f", .mem_bw_schema = "MB:0=20" };
        struct facts facts;
        struct plan *plan;

        CHECK(facts_text && config);
        CHECK_INT(facts_parse(&arena, "facts.json", facts_text, strlen(facts_text), &facts), 0);
        CHECK_INT(spec_parse(&arena, "c", config, strlen(config), &update.spec), 0);
        CHECK_INT(spec_parse_resources(&arena, "update", "{}", 2, &update.change), 0);
        CHECK_INT(runtime_compile_update(&arena, &update, &options, &facts, &plan, &all), 0);
        CHECK_INT(plan_verify(plan), 0);
        plan_print_text(plan, &text);
        CHECK_STR(writes(&arena, plan), "schemata=L3:0=f\nMB:0=20");
        CHECK(strstr(text_string(&text), " path=/sys/fs/resctrl/c1 ") != NULL);
        update.mem_bw_schema = "L3:0=f";
        CHECK_INT(runtime_compile_update(&arena, &update, &options, &facts, &plan, &all), -EINVAL);
}
