/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"
#include "tap.h"

/* Theory of operation: one document that has every member the specification knows goes to structs
 * and back unchanged; tables of bad documents hold the exact messages; the default documents are
 * golden files. */

#define EVERYTHING "tests/unit/spec/everything.json"

static const char *encoded(struct arena *arena, const struct spec *spec, unsigned indent)
{
        struct text out = { .arena = arena };

        spec_encode(spec, indent, &out);
        if (indent)
                text_add_char(&out, '\n');
        return text_string(&out);
}

static const struct spec *parsed(struct arena *arena, const char *document)
{
        const struct spec *spec = NULL;
        int r = spec_parse(arena, "config.json", document, strlen(document), &spec);

        CHECK_STR(trail_text(), "");
        CHECK_INT(r, 0);
        return spec;
}

TEST(spec_keeps_every_member)
{
        auto_arena arena = { 0 };
        const char *document = tap_read(EVERYTHING), *once;

        CHECK(document);
        once = encoded(&arena, parsed(&arena, document), 2);
        CHECK_GOLDEN(EVERYTHING, once);
        CHECK_STR(
                encoded(&arena, parsed(&arena, once), 0),
                encoded(&arena, parsed(&arena, document), 0));
}

TEST(spec_values_arrive)
{
        auto_arena arena = { 0 };
        const struct spec *spec = parsed(&arena, tap_read(EVERYTHING));
        const struct spec_process *process = spec->process;
        const struct spec_linux *linux_ = spec->linux_;

        CHECK_STR(spec->hostname, "box");
        CHECK_STR(process->args.items[1], "-c");
        CHECK(!process->args.items[process->args.n]);
        CHECK_INT(process->user->uid, 4294967294);
        CHECK_INT(process->user->umask.value, 63);
        CHECK_INT(process->user->additional_gids.items[1], 7);
        CHECK_INT(process->oom_score_adj.value, -500);
        CHECK(process->rlimits.items[0].hard == UINT64_MAX);
        CHECK_INT(process->scheduler->nice, -20);
        CHECK_INT(process->rlimits.items[1].at->line, 51);
        CHECK_STR(spec->mounts.items[0].options.items[0], "rbind");
        CHECK_INT(spec->mounts.items[0].uid_mappings.items[0].host_id, 1000);
        CHECK_STR(spec->annotations.items[0].key, "com.example/a");
        CHECK_STR(linux_->net_devices.items[0].key, "eth0");
        CHECK_STR(linux_->net_devices.items[0].value.name, "box0");
        CHECK_INT(linux_->resources->rdma.items[0].value.hca_handles.value, 3);
        CHECK(linux_->resources->memory->disable_oom_killer.set);
        CHECK(!linux_->resources->memory->disable_oom_killer.value);
        CHECK(!linux_->resources->memory->kernel.set || linux_->resources->memory->kernel.value);
        CHECK_INT(linux_->resources->cpu->quota.value, -1);
        CHECK_INT(linux_->time_offsets->monotonic->secs, -5);
        CHECK(linux_->seccomp->syscalls.items[0].args.items[0].value == UINT64_MAX);
        CHECK_INT(json_member(spec->vm, "x")->kind, JSON_BOOL);
}

TEST(spec_accepts)
{
        static const char *const documents[] = {
                "{\"ociVersion\":\"1.0.0\"}",
                "{\"ociVersion\":\"1.0.2-dev\"}",
                "{\"ociVersion\":\"1.2.0-rc.1+dev.x\"}",
                "{\"ociVersion\":\"1.0.0-rc5\"}",
                "{\"ociVersion\":\"1.0.0-0a.0.--x+001\"}",
                /* newer ones are compatible, as far as the major number goes */
                "{\"ociVersion\":\"1.99.0-dev\"}",
                /* unknown members, wherever they are */
                "{\"ociVersion\":\"1.3.0\",\"new\":[{}],\"process\":{\"cwd\":\"/\",\"new\":1},"
                "\"linux\":{\"new\":null}}",
                /* null is absent */
                "{\"ociVersion\":\"1.3.0\",\"process\":null,\"mounts\":null,"
                "\"root\":{\"path\":\"r\",\"readonly\":null},\"linux\":{\"maskedPaths\":null}}",
                /* the empty word of an optional enumeration is absent */
                "{\"ociVersion\":\"1.3.0\",\"linux\":{\"rootfsPropagation\":\"\"}}",
                /* an unknown capability is not this room's error */
                "{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\","
                "\"capabilities\":{\"bounding\":[\"CAP_NEXT_YEAR\"]}}}",
        };
        auto_arena arena = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
                const char *once = encoded(&arena, parsed(&arena, documents[i]), 0);

                CHECK_STR(encoded(&arena, parsed(&arena, once), 0), once);
        }
}

struct bad {
        const char *document, *message;
        int result;
};

static void check_bad(const struct bad *bad, size_t n)
{
        auto_arena arena = { 0 };

        for (size_t i = 0; i < n; i++) {
                const struct spec *spec = NULL;
                int r;

                trail_reset();
                r = spec_parse(
                        &arena, "config.json", bad[i].document, strlen(bad[i].document), &spec);
                if (strcmp(trail_text(), bad[i].message))
                        printf("# of %s\n", bad[i].document);
                CHECK_STR(trail_text(), bad[i].message);
                CHECK_INT(r, bad[i].result ? bad[i].result : -EINVAL);
                CHECK(!spec);
        }
}

#define V "{\"ociVersion\":\"1.3.0\",\n"

TEST(spec_refuses_wrong_types)
{
        static const struct bad bad[] = {
                { "[]", "config.json:1:1: /: expected an object, found an array", 0 },
                { "{}", "config.json:1:1: /: missing required member \"ociVersion\"", 0 },
                { "{\"ociVersion\":1}",
                  "config.json:1:15: /ociVersion: expected a string, found a number", 0 },
                { V "\"process\":{\"cwd\":\"/\",\"args\":\"sh\"}}",
                  "config.json:2:29: /process/args: expected an array, found a string", 0 },
                { V "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\",1]}}",
                  "config.json:2:35: /process/args/1: expected a string, found a number", 0 },
                { V "\"process\":{\"args\":[\"sh\"]}}",
                  "config.json:2:11: /process: missing required member \"cwd\"", 0 },
                { V "\"process\":{\"cwd\":null}}",
                  "config.json:2:11: /process: missing required member \"cwd\"", 0 },
                { V "\"process\":{\"cwd\":\"/\",\"terminal\":\"yes\"}}",
                  "config.json:2:33: /process/terminal: expected a boolean, found a string", 0 },
                { V "\"mounts\":{}}",
                  "config.json:2:10: /mounts: expected an array, found an object", 0 },
                { V "\"mounts\":[\n{\"destination\":\"/a\"},\n null]}",
                  "config.json:4:2: /mounts/1: expected an object, found null", 0 },
                { V "\"annotations\":{\"a/b~c\":7}}",
                  "config.json:2:24: /annotations/a~1b~0c: expected a string, found a number", 0 },
                { V "\"linux\":{\"resources\":{\"rdma\":{\"m\":3}}}}",
                  "config.json:2:35: /linux/resources/rdma/m: expected an object, found a number",
                  0 },
                { V "\"root\":{}}", "config.json:2:8: /root: missing required member \"path\"", 0 },
        };

        check_bad(bad, ARRAY_SIZE(bad));
}

TEST(spec_refuses_numbers)
{
        static const struct bad bad[] = {
                { V "\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":4294967295}}}",
                  "config.json:2:36: /process/user/uid: 4294967295 is out of range, "
                  "expected 0 to 4294967294",
                  0 },
                { V "\"process\":{\"cwd\":\"/\",\"user\":{\"gid\":-1}}}",
                  "config.json:2:36: /process/user/gid: -1 is out of range, "
                  "expected 0 to 4294967294",
                  0 },
                { V "\"process\":{\"cwd\":\"/\",\"user\":{\"additionalGids\":[4294967295]}}}",
                  "config.json:2:48: /process/user/additionalGids/0: 4294967295 is out of range, "
                  "expected 0 to 4294967294",
                  0 },
                { V "\"process\":{\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\","
                    "\"soft\":\"x\",\"hard\":1}]}}",
                  "config.json:2:61: /process/rlimits/0/soft: expected a number, found a string",
                  0 },
                { V "\"process\":{\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\","
                    "\"soft\":1e3,\"hard\":1}]}}",
                  "config.json:2:61: /process/rlimits/0/soft: expected an integer, found 1e3", 0 },
                { V "\"process\":{\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\","
                    "\"soft\":18446744073709551616,\"hard\":1}]}}",
                  "config.json:2:61: /process/rlimits/0/soft: 18446744073709551616 is out of "
                  "range, expected 0 to 18446744073709551615",
                  0 },
                { V "\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775808}}}}",
                  "config.json:2:41: /linux/resources/memory/limit: 9223372036854775808 is out of "
                  "range, expected -9223372036854775808 to 9223372036854775807",
                  0 },
                { V "\"linux\":{\"resources\":{\"blockIO\":{\"weight\":65536}}}}",
                  "config.json:2:43: /linux/resources/blockIO/weight: 65536 is out of range, "
                  "expected 0 to 65535",
                  0 },
                { V "\"process\":{\"cwd\":\"/\",\"scheduler\":{\"policy\":\"SCHED_RR\","
                    "\"nice\":-2147483649}}}",
                  "config.json:2:62: /process/scheduler/nice: -2147483649 is out of range, "
                  "expected -2147483648 to 2147483647",
                  0 },
        };

        check_bad(bad, ARRAY_SIZE(bad));
}

TEST(spec_refuses_words)
{
        static const struct bad bad[] = {
                { V "\"linux\":{\"namespaces\":[{\"type\":\"netwrok\"}]}}",
                  "config.json:2:32: /linux/namespaces/0/type: unknown value 'netwrok', expected "
                  "one of: mount, pid, network, uts, ipc, user, cgroup, time "
                  "(did you mean 'network'?)",
                  0 },
                { V "\"linux\":{\"namespaces\":[{\"type\":\"\"}]}}",
                  "config.json:2:24: /linux/namespaces/0: missing required member \"type\"", 0 },
                { V "\"linux\":{\"personality\":{\"domain\":\"\\u001bBSD\"}}}",
                  "config.json:2:34: /linux/personality/domain: unknown value '\\x1bBSD', expected "
                  "one of: LINUX, LINUX32",
                  0 },
                { V "\"linux\":{\"memoryPolicy\":{\"mode\":\"MPOL_BIND\","
                    "\"flags\":[\"MPOL_F_STATIC_NODES\",\"\"]}}}",
                  "config.json:2:76: /linux/memoryPolicy/flags/1: unknown value '', expected one "
                  "of: MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES",
                  0 },
                { V "\"linux\":{\"devices\":[{\"path\":\"/d\",\"type\":\"x\"}]}}",
                  "config.json:2:41: /linux/devices/0/type: unknown value 'x', expected one of: c, "
                  "b, u, p",
                  0 },
                { V "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"uts\"},\n"
                    "{\"type\":\"pid\"}]}}",
                  "config.json:3:1: /linux/namespaces/2: a second entry of type 'pid'", 0 },
                { V "\"process\":{\"cwd\":\"/\",\"rlimits\":[\n"
                    "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},\n"
                    "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]}}",
                  "config.json:4:1: /process/rlimits/1: a second entry of type 'RLIMIT_CPU'", 0 },
                { "{\n\"ociVersion\":\"2.0.0\"}",
                  "config.json:2:14: /ociVersion: version '2.0.0' is not supported, expected 1.x",
                  0 },
                { "{\"ociVersion\":\"1.0\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0'", 0 },
                { "{\"ociVersion\":\"1.02.0\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.02.0'",
                  0 },
                { "{\"ociVersion\":\"1.0.0-01\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0.0-01'",
                  0 },
                { "{\"ociVersion\":\"1.0.0-a..b\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0.0-a..b'",
                  0 },
                { "{\"ociVersion\":\"1.0.0-\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0.0-'",
                  0 },
                { "{\"ociVersion\":\"1.0.0+\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0.0+'",
                  0 },
                { "{\"ociVersion\":\"1.0.0+a.\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found '1.0.0+a.'",
                  0 },
                { "{\"ociVersion\":\"v1.0.0\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found 'v1.0.0'",
                  0 },
                { "{\"ociVersion\":\"\"}",
                  "config.json:1:15: /ociVersion: expected a version like 1.3.0, found ''", 0 },
                { "{\"ociVersion\":\"0.9.0\"}",
                  "config.json:1:15: /ociVersion: version '0.9.0' is not supported, expected 1.x",
                  0 },
                { "{\"ociVersion\":\"2.0.0-rc.1\"}",
                  "config.json:1:15: /ociVersion: version '2.0.0-rc.1' is not supported, expected 1.x",
                  0 },
                { "{\"ociVersion\":\"10.0.0\"}",
                  "config.json:1:15: /ociVersion: version '10.0.0' is not supported, expected 1.x",
                  0 },
        };

        check_bad(bad, ARRAY_SIZE(bad));
}

TEST(spec_refuses_page_sizes)
{
        static const struct bad bad[] = {
                { V "\"linux\":{\"resources\":{\"hugepageLimits\":[\n"
                    "{\"pageSize\":\"64KB\",\"limit\":1},\n{\"pageSize\":\"64kB\",\"limit\":1}]}}}",
                  "config.json:4:1: /linux/resources/hugepageLimits/1: expected a pageSize like "
                  "64KB, 2MB or 1GB, found '64kB'",
                  0 },
                { V "\"linux\":{\"resources\":{\"hugepageLimits\":[\n"
                    "{\"pageSize\":\"1GB/../x\",\"limit\":1}]}}}",
                  "config.json:3:1: /linux/resources/hugepageLimits/0: expected a pageSize like "
                  "64KB, 2MB or 1GB, found '1GB/../x'",
                  0 },
                { V "\"linux\":{\"resources\":{\"hugepageLimits\":[\n"
                    "{\"pageSize\":\"2\",\"limit\":1}]}}}",
                  "config.json:3:1: /linux/resources/hugepageLimits/0: expected a pageSize like "
                  "64KB, 2MB or 1GB, found '2'",
                  0 },
        };

        check_bad(bad, ARRAY_SIZE(bad));
}

TEST(spec_refuses_what_is_not_json)
{
        static const struct bad bad[] = {
                { "", "config.json:1:1: unexpected end, expected a value", -EBADMSG },
                { "#!/bin/sh", "config.json:1:1: unexpected '#', expected a value", -EBADMSG },
                { V "\"root\":{\"path\":\"a\",\"path\":\"b\"}}",
                  "config.json:2:20: duplicate member \"path\", given first at 2:9", -EBADMSG },
                { V "\"hostname\":\"a\"", "config.json:2:15: unexpected end, expected ',' or '}'",
                  -EBADMSG },
        };

        check_bad(bad, ARRAY_SIZE(bad));
}

TEST(spec_refuses_monsters)
{
        auto_arena arena = { 0 };
        static char document[SPEC_SIZE_MAX + 1];
        const struct spec *spec;

        CHECK_INT(spec_parse(&arena, "config.json", document, sizeof document, &spec), -EFBIG);
        CHECK_STR(
                trail_text(), "config.json: 16777217 bytes are too many, at most 16777216 "
                              "(16 MiB) are read");
        trail_reset();
        memset(document, '[', 10000);
        CHECK_INT(spec_parse(&arena, "config.json", document, 10000, &spec), -EBADMSG);
        CHECK_STR(trail_text(), "config.json:1:65: nested deeper than 64 levels");
}

TEST(spec_default_is_golden)
{
        auto_arena arena = { 0 };
        const char *rootful = encoded(&arena, spec_default(&arena, false), 4);
        const char *rootless = encoded(&arena, spec_default(&arena, true), 4);

        CHECK_GOLDEN("tests/unit/spec/default.json", rootful);
        CHECK_GOLDEN("tests/unit/spec/default-rootless.json", rootless);
        CHECK_STR(encoded(&arena, parsed(&arena, rootful), 4), rootful);
        CHECK_STR(encoded(&arena, parsed(&arena, rootless), 4), rootless);
}

TEST(spec_parses_parts)
{
        auto_arena arena = { 0 };
        static const char process[] = "{\"cwd\":\"/\",\"args\":[\"id\"]}";
        static const char twice[] = "{\"cwd\":\"/\",\"rlimits\":["
                                    "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
                                    "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]}";
        static const char resources[] = "{\"pids\":{\"limit\":9}}";
        const struct spec_process *ret_process;
        const struct spec_resources *ret_resources;

        CHECK_INT(spec_parse_process(&arena, "p", process, strlen(process), &ret_process), 0);
        CHECK_STR(ret_process->args.items[0], "id");
        CHECK_INT(
                spec_parse_resources(&arena, "-", resources, strlen(resources), &ret_resources), 0);
        CHECK_INT(ret_resources->pids->limit.value, 9);
        CHECK_INT(spec_parse_process(&arena, "p", twice, strlen(twice), &ret_process), -EINVAL);
        CHECK_STR(trail_text(), "p:1:63: /rlimits/1: a second entry of type 'RLIMIT_CPU'");
        trail_reset();
        CHECK_INT(spec_parse_resources(&arena, "-", "{\"pids\":1}", 10, &ret_resources), -EINVAL);
        CHECK_STR(trail_text(), "-:1:9: /pids: expected an object, found a number");
}

static int parse_mounts(struct arena *arena, const char *text, struct spec_mounts *ret_mounts)
{
        trail_reset();
        return spec_parse_mounts(arena, "m", text, strlen(text), ret_mounts);
}

TEST(mounts_of_their_own_stand_in_three_forms)
{
        auto_arena arena = { 0 };
        struct spec_mounts mounts;

        CHECK_INT(parse_mounts(&arena, "[{\"destination\":\"/a\"}]", &mounts), 0);
        CHECK_INT((long long)mounts.list.n, 1);
        CHECK_STR(mounts.pointer, "");
        CHECK_INT(
                parse_mounts(
                        &arena, "{\"mounts\":[{\"destination\":\"/a\"},{\"destination\":\"/b\"}]}",
                        &mounts),
                0);
        CHECK_INT((long long)mounts.list.n, 2);
        CHECK_STR(mounts.list.items[1].destination, "/b");
        CHECK_STR(mounts.pointer, "/mounts");
        CHECK_INT(parse_mounts(&arena, "{\"destination\":\"/a\"}", &mounts), 0);
        CHECK_STR(mounts.list.items[0].destination, "/a");
        CHECK(mounts.pointer == NULL);

        CHECK_INT(parse_mounts(&arena, "[]", &mounts), -EINVAL);
        CHECK_STR(trail_text(), "m: no mount in it");
        CHECK_INT(parse_mounts(&arena, "{\"mounts\":[{}]}", &mounts), -EINVAL);
        CHECK_STR(trail_text(), "m:1:12: /mounts/0: missing required member \"destination\"");
        CHECK_INT(parse_mounts(&arena, "[{\"destination\":1}]", &mounts), -EINVAL);
        CHECK_STR(trail_text(), "m:1:17: /0/destination: expected a string, found a number");
        CHECK_INT(parse_mounts(&arena, "7", &mounts), -EINVAL);
        CHECK_STR(trail_text(), "m:1:1: /: expected an object, found a number");
}

TEST(spec_errors_have_places)
{
        auto_arena arena = { 0 };
        const struct spec *spec = parsed(&arena, V "\"root\":{\"path\":\"a\"}}");

        CHECK_INT(
                spec_error(spec->root->at, "config.json", "/root/path", "no %s", "such"), -EINVAL);
        CHECK_STR(trail_text(), "config.json:2:8: /root/path: no such");
        trail_reset();
        spec_error(NULL, "config.json", "/root", "made by hand");
        CHECK_STR(trail_text(), "config.json: /root: made by hand");
}

TEST(spec_state_is_runcs)
{
        auto_arena arena = { 0 };
        struct spec_pair pairs[] = { { "k", "v" } };
        struct spec_state state = {
                .id = "box",
                .pid = 42,
                .status = "running",
                .bundle = "/b",
                .rootfs = "/b/rootfs",
                .created = "2025-01-02T03:04:05.678Z",
                .annotations = { pairs, 1 },
                .owner = "",
        };
        struct text out = { .arena = &arena }, small = { .arena = &arena };

        spec_state_encode(&state, 2, &out);
        CHECK_STR(
                text_string(&out), "{\n"
                                   "  \"ociVersion\": \"1.3.0\",\n"
                                   "  \"id\": \"box\",\n"
                                   "  \"pid\": 42,\n"
                                   "  \"status\": \"running\",\n"
                                   "  \"bundle\": \"/b\",\n"
                                   "  \"rootfs\": \"/b/rootfs\",\n"
                                   "  \"created\": \"2025-01-02T03:04:05.678Z\",\n"
                                   "  \"annotations\": {\n"
                                   "    \"k\": \"v\"\n"
                                   "  },\n"
                                   "  \"owner\": \"\"\n"
                                   "}");
        state = (struct spec_state){ .oci_version = "1.2.0", .id = "a" };
        spec_state_encode(&state, 0, &small);
        CHECK_STR(text_string(&small), "{\"ociVersion\":\"1.2.0\",\"id\":\"a\",\"pid\":0}");
}
