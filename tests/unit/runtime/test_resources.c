/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each word of /linux/resources on each kind of host, as "file=value" in the order of
 * writing ("a=1+b=2": a pair; "?" after a file: it may be missing; "|": or else); what is refused, and
 * where; and the table between both versions, forth and back. */
#include "runtime/runtime.h"
#include "tap.h"

#define V1     "hosts/v1-full.json"
#define V2     "default-v2/facts.json"
#define HYBRID "hosts/hybrid-hugetlb.json"

static const char *version = "1.3.0"; /* of the document */

static int compile(
        struct arena *arena, const char *host, const char *resources, struct plan **ret_plan)
{
        const struct runtime_options options = { .id = "c1", .bundle = "/bundle" };
        const char *facts_text = tap_read(arena_format(arena, "tests/plans/%s", host));
        char *config = arena_format(
                arena,
                "{\"ociVersion\":\"%s\",\"root\":{\"path\":\"r\"},"
                "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
                "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"resources\":{%s}}}",
                version, resources);
        const struct spec *spec;
        struct facts facts;
        int r;

        for (char *at = config; *at; at++) /* rows are easier to read with the other quotes */
                *at = *at == '\'' ? '"' : *at;
        r = spec_parse(arena, "c", config, strlen(config), &spec);
        CHECK(facts_text != NULL);
        CHECK_INT(facts_parse(arena, "facts.json", facts_text, strlen(facts_text), &facts), 0);
        return r < 0 ? r : runtime_compile(arena, spec, &options, &facts, ret_plan);
}

/* What is written, but for the device rules unless they are all there is. */
static const char *writes(struct arena *arena, const struct plan *plan, bool devices)
{
        struct text text = { .arena = arena };
        const char *between = "";

        for (size_t i = 0; i < plan->list[HOST].n; i++) {
                const struct op *op = &plan->list[HOST].ops[i];
                const struct op_set_cgroup *set = &op->as.set_cgroup;
                const struct op_set_cgroup_pair *pair = &op->as.set_cgroup_pair;

                if (op->code == OP_set_cgroup && text_starts(set->file, "devices.") == devices) {
                        text_addf(
                                &text, "%s%s%s=%s", between, set->file, set->optional ? "?" : "",
                                set->values);
                        between = op->has_else ? "|" : "; ";
                } else if (op->code == OP_set_cgroup_pair) {
                        text_addf(
                                &text, "%s%s=%s+%s=%s", between, pair->file, pair->value,
                                pair->file2, pair->value2);
                        between = op->has_else ? "|" : "; ";
                }
        }
        return text.len ? text_string(&text) : "";
}

struct row {
        const char *host, *resources, *expect;
};

static void check_writes(const struct row *rows, size_t n, bool devices)
{
        for (size_t i = 0; i < n; i++) {
                auto_arena arena = { 0 };
                struct plan *plan;

                printf("# %s: %s\n", rows[i].host, rows[i].resources);
                trail_reset();
                if (compile(&arena, rows[i].host, rows[i].resources, &plan) < 0)
                        CHECK_STR(trail_text(), "");
                CHECK_INT(plan_verify(plan), 0);
                CHECK_STR(writes(&arena, plan, devices), rows[i].expect);
        }
}

TEST(memory)
{
        static const struct row rows[] = {
                { V1, "'memory':{'limit':4096}", "memory.limit_in_bytes=4096" },
                { V2, "'memory':{'limit':4096}", "memory.max=4096" },
                { HYBRID, "'memory':{'limit':4096}", "memory.limit_in_bytes=4096" },
                { V1, "'memory':{'limit':-1}", "memory.limit_in_bytes=-1" },
                { V2, "'memory':{'limit':-1}", "memory.max=max" },
                { V1, "'memory':{'limit':0,'swap':0,'reservation':0}", "" },
                { V2, "'memory':{'limit':0,'swap':0,'reservation':0}", "" },
                { V1, "'memory':{'limit':4096,'swap':8192}",
                  "memory.limit_in_bytes=4096+memory.memsw.limit_in_bytes=8192" },
                { V2, "'memory':{'limit':4096,'swap':8192}",
                  "memory.max=4096; memory.swap.max=4096" },
                /* no swap at all: nothing is lost when the kernel cannot count it */
                { V1, "'memory':{'limit':4096,'swap':4096}",
                  "memory.limit_in_bytes=4096+memory.memsw.limit_in_bytes=4096"
                  "|memory.limit_in_bytes=4096" },
                { V2, "'memory':{'limit':4096,'swap':4096}",
                  "memory.max=4096; memory.swap.max?=0" },
                { V1, "'memory':{'limit':4096,'swap':-1}",
                  "memory.memsw.limit_in_bytes?=-1; memory.limit_in_bytes=4096" },
                { V2, "'memory':{'limit':4096,'swap':-1}",
                  "memory.swap.max?=max; memory.max=4096" },
                { V1, "'memory':{'limit':-1,'swap':-1}",
                  "memory.memsw.limit_in_bytes?=-1; memory.limit_in_bytes=-1" },
                { V1, "'memory':{'reservation':4096}", "memory.soft_limit_in_bytes=4096" },
                { V2, "'memory':{'reservation':4096}", "memory.low=4096" },
                { V1, "'memory':{'swappiness':0,'kernelTCP':4096,'disableOOMKiller':true}",
                  "memory.kmem.tcp.limit_in_bytes=4096; memory.swappiness=0; memory.oom_control=1" },
                { V2,
                  "'memory':{'disableOOMKiller':false,'kernelTCP':-1,'useHierarchy':true,"
                  "'checkBeforeUpdate':true}",
                  "" },
        };

        check_writes(rows, ARRAY_SIZE(rows), false);
}

TEST(cpu)
{
        static const struct row rows[] = {
                { V1, "'cpu':{'shares':0}", "" },
                { V1, "'cpu':{'shares':1}", "cpu.shares=2" },
                { V1, "'cpu':{'shares':1024}", "cpu.shares=1024" },
                { V1, "'cpu':{'shares':1000000}", "cpu.shares=262144" },
                { V2, "'cpu':{'shares':0}", "" },
                { V2, "'cpu':{'shares':1}", "cpu.weight=1" },
                { V2, "'cpu':{'shares':2}", "cpu.weight=1" },
                { V2, "'cpu':{'shares':1024}", "cpu.weight=100" },
                { V2, "'cpu':{'shares':262144}", "cpu.weight=10000" },
                { V2, "'cpu':{'shares':262145}", "cpu.weight=10000" },
                { V1, "'cpu':{'shares':512,'idle':1}", "cpu.idle=1" },
                { V2, "'cpu':{'shares':512,'idle':1}", "cpu.idle=1" },
                { V2, "'cpu':{'shares':512,'idle':0}", "cpu.idle?=0; cpu.weight=59" },
                { V1, "'cpu':{'quota':50000}", "cpu.cfs_quota_us=50000" },
                { V2, "'cpu':{'quota':50000}", "cpu.max=50000 100000" },
                { V1, "'cpu':{'period':1000}", "cpu.cfs_period_us=1000" },
                { V2, "'cpu':{'period':1000}", "cpu.max=max 1000" },
                { V1, "'cpu':{'quota':-1,'period':1000000}",
                  "cpu.cfs_period_us=1000000+cpu.cfs_quota_us=-1" },
                { V2, "'cpu':{'quota':-1,'period':1000000}", "cpu.max=max 1000000" },
                { V1, "'cpu':{'quota':2000,'period':4000,'burst':2000}",
                  "cpu.cfs_period_us=4000+cpu.cfs_quota_us=2000; cpu.cfs_burst_us=2000" },
                { V2, "'cpu':{'quota':2000,'period':4000,'burst':2000}",
                  "cpu.max=2000 4000; cpu.max.burst=2000" },
                { V2, "'cpu':{'burst':0}", "cpu.max.burst?=0" },
                { V1, "'cpu':{'realtimePeriod':1000000,'realtimeRuntime':950000}",
                  "cpu.rt_period_us=1000000+cpu.rt_runtime_us=950000" },
                { V2, "'cpu':{'realtimePeriod':0,'realtimeRuntime':0}", "" },
                { V1, "'cpu':{'cpus':'0-3,7','mems':'0'}", "cpuset.cpus=0-3,7; cpuset.mems=0" },
                { V2, "'cpu':{'cpus':'0-3,7','mems':''}", "cpuset.cpus=0-3,7" },
        };

        check_writes(rows, ARRAY_SIZE(rows), false);
}

TEST(block_io)
{
        static const struct row rows[] = {
                { V1, "'blockIO':{'weight':500}", "blkio.bfq.weight=500|blkio.weight=500" },
                { V2, "'blockIO':{'weight':500}", "io.bfq.weight=500|io.weight=4950" },
                { V2, "'blockIO':{'weight':10}", "io.bfq.weight=10|io.weight=1" },
                { V2, "'blockIO':{'weight':1000}", "io.bfq.weight=1000|io.weight=10000" },
                { V1, "'blockIO':{'weight':0,'leafWeight':10}", "blkio.leaf_weight=10" },
                { V1, "'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':300}]}",
                  "blkio.bfq.weight_device=8:0 300|blkio.weight_device=8:0 300" },
                { V1, "'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':30}]}",
                  "blkio.leaf_weight_device=8:0 30" },
                { V2, "'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':300}]}",
                  "io.bfq.weight=8:0 300|io.weight=8:0 2930" },
                { V1,
                  "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1},"
                  "{'major':8,'minor':16,'rate':0}]}",
                  "blkio.throttle.read_bps_device=8:0 1; blkio.throttle.read_bps_device=8:16 0" },
                { V2,
                  "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}],"
                  "'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':0}],"
                  "'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':3}],"
                  "'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':4}]}",
                  "io.max=8:0 rbps=1; io.max=8:0 wbps=max; io.max=8:0 riops=3; "
                  "io.max=8:0 wiops=4" },
        };

        check_writes(rows, ARRAY_SIZE(rows), false);
}

TEST(others)
{
        static const struct row rows[] = {
                { V1, "'pids':{}", "" },
                { V1, "'pids':{'limit':0}", "pids.max=1" },
                { V2, "'pids':{'limit':0}", "pids.max=1" },
                { V1, "'pids':{'limit':-1}", "pids.max=max" },
                { V2, "'pids':{'limit':-1}", "pids.max=max" },
                { V1, "'hugepageLimits':[{'pageSize':'2MB','limit':0}]",
                  "hugetlb.2MB.limit_in_bytes=0; hugetlb.2MB.rsvd.limit_in_bytes?=0" },
                { V2, "'hugepageLimits':[{'pageSize':'1GB','limit':5}]",
                  "hugetlb.1GB.max=5; hugetlb.1GB.rsvd.max?=5" },
                { HYBRID, "'hugepageLimits':[{'pageSize':'64KB','limit':18446744073709551615}]",
                  "hugetlb.64KB.max=max; hugetlb.64KB.rsvd.max?=max" },
                { V1,
                  "'network':{'classID':1048577,'priorities':[{'name':'lo','priority':5},"
                  "{'name':'eth0','priority':7}]}",
                  "net_cls.classid=1048577; net_prio.ifpriomap=lo 5; net_prio.ifpriomap=eth0 7" },
                { V1, "'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10000},'x':{'hcaObjects':0}}",
                  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000; rdma.max=x hca_object=0" },
                { V2, "'rdma':{'x':{'hcaHandles':1}}", "rdma.max=x hca_handle=1" },
                { HYBRID, "'rdma':{'x':{'hcaHandles':1}}", "rdma.max=x hca_handle=1" },
                { V2,
                  "'unified':{'memory.high':'9','io.max':'8:0 rbps=1\\n8:16 wbps=2',"
                  "'cgroup.max.descendants':'3'}",
                  "memory.high=9; io.max=8:0 rbps=1\n8:16 wbps=2; cgroup.max.descendants=3" },
                { HYBRID, "'unified':{'hugetlb.2MB.max':'0'}", "hugetlb.2MB.max=0" },
        };

        check_writes(rows, ARRAY_SIZE(rows), false);
}

#define DEFAULTS                                                                             \
        "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\nc 5:0 rwm" \
        "\nc 5:2 rwm\nc 136:* rwm"

TEST(devices)
{
        static const struct row rows[] = {
                { V1, "", "devices.deny=a; devices.allow=" DEFAULTS },
                { V1, "'devices':[{'allow':false}]", "devices.deny=a; devices.allow=" DEFAULTS },
                { HYBRID, "'devices':[{'allow':true}]", "devices.allow=a" },
                /* "a" with numbers or less than all accesses would be all devices to the kernel */
                { V1, "'devices':[{'allow':true,'major':10,'access':'r'}]",
                  "devices.deny=a; devices.allow=b 10:* r\nc 10:* r\n" DEFAULTS },
                { V1,
                  "'devices':[{'allow':true},{'allow':false,'type':'b','major':8,'access':'w'}]",
                  "devices.allow=a; devices.deny=b 8:* w" },
                { V1,
                  "'devices':[{'allow':true,'type':'c','major':10,'minor':229,'access':'rw'},"
                  "{'allow':false,'type':'c','major':10,'minor':229,'access':'w'}]",
                  "devices.deny=a; devices.allow=c 10:229 r\n" DEFAULTS },
        };

        check_writes(rows, ARRAY_SIZE(rows), true);
}

/* Podman's --pids-limit -1 is 0 in a document of 1.0. */
TEST(no_processes_was_no_limit)
{
        static const struct row rows[] = {
                { V1, "'pids':{'limit':0}", "" },
                { V2, "'pids':{'limit':0}", "" },
                { V2, "'pids':{'limit':3}", "pids.max=3" },
        };

        version = "1.0.2-dev";
        check_writes(rows, ARRAY_SIZE(rows), false);
        version = "1.2.1";
        check_writes(rows, ARRAY_SIZE(rows), false);
}

TEST(refusals)
{
        static const struct row rows[] = {
#define REFUSED(host, resources, words) { host, resources, words },
#include "refused_resources.def"
#undef REFUSED
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                struct plan *plan;
                const char *place;

                printf("# %s: %s\n", rows[i].host, rows[i].resources);
                trail_reset();
                CHECK_INT(compile(&arena, rows[i].host, rows[i].resources, &plan), -EINVAL);
                place = strstr(trail_text(), ": /linux/resources/");
                CHECK(place != NULL);
                CHECK_STR(place + strlen(": /linux/resources/"), rows[i].expect);
        }
}

static bool has_note(const struct plan *plan, const char *words)
{
        for (size_t i = 0; i < plan->n_notes; i++)
                if (strstr(plan->notes[i].words, words))
                        return true;
        return false;
}

/* What is granted in part, or in no need to be, is said. */
TEST(notes)
{
        static const struct row rows[] = {
                { V1, "'cpu':{'shares':1}", "cpu/shares: 1 is taken for 2" },
                { V2, "'cpu':{'shares':262145}", "cpu/shares: 262145 is taken for 262144" },
                { V2, "'cpu':{'shares':5,'idle':1}", "cpu/shares: passed over" },
                { V1, "'pids':{'limit':0}", "pids/limit: 0 is taken for 1" },
                { V1, "'memory':{'kernel':1}", "memory/kernel: passed over" },
                { V2, "'memory':{'useHierarchy':false}", "memory/useHierarchy: passed over" },
                { "hosts/v2-bare.json", "", NULL },
                { "rootless/facts.json", "'rdma':{'x':{'hcaHandles':1}}", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                struct plan *plan;

                printf("# %s: %s\n", rows[i].host, rows[i].resources);
                trail_reset();
                if (!rows[i].expect)
                        continue;
                CHECK_INT(compile(&arena, rows[i].host, rows[i].resources, &plan), 0);
                CHECK(has_note(plan, rows[i].expect));
        }
}

/* Both ways: v2's number survives, and so does the default. */
TEST(table_both_ways)
{
        const struct resource_word *shares = resource_find("cpu/shares");
        const struct resource_word *weight = resource_find("blockIO/weight");
        const struct resource_word *swap = resource_find("memory/swap");
        const struct resource_word *limit = resource_find("memory/limit");
        size_t n;
        const struct resource_word *all = resource_table(&n);

        CHECK(!resource_find("cpu/none"));
        CHECK_INT(resource_to_v2(shares, 1024, -1), 100);
        for (int64_t v2 = 1; v2 <= 10000; v2++) {
                int64_t v1 = resource_from_v2(shares, v2, -1);

                CHECK(v1 >= 2 && v1 <= 262144);
                CHECK_INT(resource_to_v2(shares, v1, -1), v2);
        }
        for (int64_t v1 = 3, last = 1; v1 <= 262144; v1++) {
                int64_t v2 = resource_to_v2(shares, v1, -1);

                CHECK(v2 >= last && v2 <= last + 1);
                last = v2;
        }
        for (int64_t v1 = 10; v1 <= 1000; v1++)
                CHECK_INT(resource_from_v2(weight, resource_to_v2(weight, v1, -1), -1), v1);
        CHECK_INT(resource_to_v2(weight, 10, -1), 1);
        CHECK_INT(resource_to_v2(weight, 1000, -1), 10000);
        CHECK_INT(resource_to_v2(swap, 300, 100), 200);
        CHECK_INT(resource_to_v2(swap, 100, 100), 0);
        CHECK_INT(resource_to_v2(swap, -1, 100), -1);
        CHECK_INT(resource_from_v2(swap, 200, 100), 300);
        CHECK_INT(resource_from_v2(swap, 0, 100), 100);
        CHECK_INT(resource_from_v2(swap, -1, 100), -1);
        CHECK_INT(resource_from_v2(limit, resource_to_v2(limit, 4096, -1), -1), 4096);
        for (size_t i = 0; i < n; i++) {
                CHECK(all[i].v1_file || all[i].v2_file);
                CHECK(!all[i].v1_file == !all[i].v1_controller);
                CHECK(!all[i].v2_file == !all[i].v2_controller);
                CHECK_INT(resource_to_v2(&all[i], -1, -1), -1);
                CHECK_INT(resource_from_v2(&all[i], -1, -1), -1);
                CHECK(resource_find(all[i].pointer) == &all[i]);
        }
}
