/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a document, and names to records, without a kernel's help. */
#include "engine/image.h"
#include "engine/store.h"
#include "tap.h"

#include <fcntl.h>

#define OWN (((1ULL << 41) - 1) & ~(1ULL << 24)) /* a host that lacks CAP_SYS_RESOURCE itself */

static struct words words_of(struct arena *arena, const char *text)
{
        struct words words = { .items = arena_array(arena, 16, sizeof(char *)) };
        char *copy = arena_string(arena, text);

        for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
                words.items[words.n++] = word;
        return words;
}

static struct run_request request_of(struct arena *arena, const char *argv)
{
        return (struct run_request){ .image = "host",
                                     .workdir = "/",
                                     .argv = words_of(arena, argv),
                                     .pids_limit = PIDS_LIMIT_UNSET };
}

static const struct facts facts = { .kernel_major = 6, .kernel_minor = 1, .caps = OWN };
static const struct build_host host = { .store = "/store/containers",
                                        .facts = &facts,
                                        .explain = true };

static struct spec *build(struct arena *arena, const struct run_request *request)
{
        struct build_result result = { 0 };
        int r = build_spec(arena, request, "0123456789abcdef", &host, &result);

        if (r < 0)
                printf("# %d: %s\n", r, trail_text());
        CHECK_INT(r, 0);
        return result.spec;
}

static uint64_t caps_of(const struct spec_texts *names)
{
        uint64_t caps = 0;

        for (size_t i = 0; i < names->n; i++) {
                CHECK(caps_number(names->items[i]) >= 0);
                CHECK(text_starts(names->items[i], "CAP_"));
                caps |= 1ULL << caps_number(names->items[i]);
        }
        return caps;
}

static uint64_t bounding(const char *add, const char *drop)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");

        request.cap_add = words_of(&arena, add);
        request.cap_drop = words_of(&arena, drop);
        return caps_of(&build(&arena, &request)->process->capabilities->bounding);
}

TEST(capability_arithmetic)
{
        uint64_t base = bounding("", "");

        CHECK_INT(base, 0x800405fb);
        CHECK_INT(bounding("NET_ADMIN", ""), base | 1 << 12);
        CHECK_INT(bounding("cap_net_admin", ""), base | 1 << 12);
        CHECK_INT(bounding("CHOWN", ""), base);
        CHECK_INT(bounding("", "CHOWN"), base & ~1ULL);
        CHECK_INT(bounding("", "NET_ADMIN"), base);
        CHECK_INT(bounding("NET_ADMIN", "NET_ADMIN"), base);
        CHECK_INT(bounding("", "ALL"), 0);
        CHECK_INT(bounding("", "all"), 0);
        CHECK_INT(bounding("CHOWN KILL", "ALL"), 1 << 0 | 1 << 5);
        CHECK_INT(bounding("CHOWN", "ALL KILL"), 1);
        CHECK_INT(bounding("ALL", ""), OWN);
        CHECK_INT(bounding("ALL", "CHOWN"), OWN & ~1ULL);
        CHECK_INT(bounding("ALL NET_ADMIN", ""), OWN);
        CHECK_INT(bounding("ALL", "ALL"), 0);
}

TEST(only_root_gets_capabilities)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");
        const struct spec_capabilities *caps = build(&arena, &request)->process->capabilities;

        CHECK_INT(caps_of(&caps->effective), 0x800405fb);
        CHECK_INT(caps_of(&caps->permitted), 0x800405fb);
        CHECK_INT(caps->inheritable.n + caps->ambient.n, 0);
        request.user = "1234";
        caps = build(&arena, &request)->process->capabilities;
        CHECK_INT(caps->effective.n + caps->permitted.n + caps->inheritable.n + caps->ambient.n, 0);
        CHECK_INT(caps_of(&caps->bounding), 0x800405fb);
}

static void refuse(const struct run_request *request, int error, const char *needle)
{
        auto_arena arena = { 0 };
        struct build_result result;

        trail_reset();
        CHECK_INT(build_spec(&arena, request, "0123456789abcdef", &host, &result), error);
        if (!strstr(trail_text(), needle))
                CHECK_STR(trail_text(), needle);
}

TEST(what_is_refused)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");

        request.cap_add = words_of(&arena, "CHOWN FLY");
        refuse(&request, -EINVAL, "--cap-add: unknown capability 'FLY'");
        request = request_of(&arena, "true");
        request.cap_drop = words_of(&arena, "CAP_");
        refuse(&request, -EINVAL, "--cap-drop: unknown capability 'CAP_'");
        request = request_of(&arena, "true");
        request.workdir = "relative";
        refuse(&request, -EINVAL, "'relative' is not an absolute path");
        request = request_of(&arena, "true");
        request.network = "mine";
        refuse(&request, -EINVAL, "there is no network 'mine'");
        request = request_of(&arena, "true");
        request.rootfs = "/no/such/directory";
        refuse(&request, -ENOENT, "--rootfs /no/such/directory");
        request = request_of(&arena, "true");
        request.security_opt = words_of(&arena, "seccomp=/no/such/file");
        refuse(&request, -ENOENT, "seccomp=/no/such/file");
}

static const char *joined(struct arena *arena, const struct spec_texts *texts)
{
        struct text out = { .arena = arena };

        for (size_t i = 0; i < texts->n; i++)
                text_addf(&out, "%s%s", i ? "|" : "", texts->items[i]);
        return text_string(&out);
}

TEST(environment)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");

        request.hostname = "one";
        request.env = words_of(&arena, "A=1 B=2 PATH=/mine A=3 AB=4 EMPTY=");
        CHECK_STR(
                joined(&arena, &build(&arena, &request)->process->env),
                "B=2|PATH=/mine|A=3|AB=4|EMPTY=|HOSTNAME=one|HOME=/root");
        request.env = (struct words){ 0 };
        request.tty = true;
        CHECK_STR(
                joined(&arena, &build(&arena, &request)->process->env),
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|HOSTNAME=one|"
                "HOME=/root|TERM=xterm");
}

TEST(arguments)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "a b");

        CHECK_STR(joined(&arena, &build(&arena, &request)->process->args), "a|b");
        request.entrypoint = "sh";
        CHECK_STR(joined(&arena, &build(&arena, &request)->process->args), "sh|a|b");
        request.entrypoint = "";
        CHECK_STR(joined(&arena, &build(&arena, &request)->process->args), "a|b");
        request.argv = (struct words){ 0 };
        CHECK_STR(joined(&arena, &build(&arena, &request)->process->args), "/bin/bash");
        request.rootfs = "/";
        request.image = NULL;
        CHECK_STR(joined(&arena, &build(&arena, &request)->process->args), "/bin/sh");
}

TEST(limits)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");
        const struct spec_resources *resources = build(&arena, &request)->linux_->resources;

        CHECK(!resources->memory && !resources->cpu && !resources->pids);
        request.memory_bytes = 64 << 20;
        request.nano_cpus = 1500000000;
        request.pids_limit = 7;
        resources = build(&arena, &request)->linux_->resources;
        CHECK_INT(resources->memory->limit.value, 64 << 20);
        CHECK_INT(resources->cpu->period.value, 100000);
        CHECK_INT(resources->cpu->quota.value, 150000);
        CHECK_INT(resources->pids->limit.value, 7);
}

TEST(the_store_is_masked)
{
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "true");
        const struct spec *spec = build(&arena, &request);

        CHECK_STR(
                spec->linux_->masked_paths.items[spec->linux_->masked_paths.n - 1],
                "/store/containers");
        CHECK_STR(spec->hostname, "0123456789ab");
}

/* -- store.c ------------------------------------------------------------------------------------- */

TEST(ids_are_hexadecimal_and_differ)
{
        auto_arena arena = { 0 };
        const char *one = store_new_id(&arena), *two = store_new_id(&arena);

        CHECK_INT(strlen(one), 64);
        CHECK_INT(strspn(one, "0123456789abcdef"), 64);
        CHECK(!text_equal(one, two));
}

TEST(default_names_are_valid)
{
        auto_arena arena = { 0 };

        CHECK_STR(store_default_name(&arena, "0f12ab99"), "amber_pine_12ab");
        CHECK_STR(store_default_name(&arena, "a9cdef01"), "keen_juniper_cdef");
        for (int i = 0; i < 200; i++)
                CHECK_INT(container_check_id(store_default_name(&arena, store_new_id(&arena))), 0);
}

TEST(paths_from_the_root_on)
{
        auto_arena arena = { 0 };

        CHECK_STR(store_absolute(&arena, "/a/b"), "/a/b");
        CHECK_INT(chdir("/usr"), 0);
        CHECK_STR(store_absolute(&arena, "a/b"), "/usr/a/b");
        CHECK_INT(chdir("/"), 0);
        CHECK_STR(store_absolute(&arena, "a/b"), "/a/b");
}

/* An image without layers: what its configuration says needs none. */
static const struct spec *build_image(
        struct arena *arena, const struct run_request *request, const char *config,
        struct build_result *result, struct record *record)
{
        struct engine_image image = { .id = "sha256:x" };
        struct build_host from = host;
        const char *document = arena_format(
                arena,
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":%s,\"rootfs\":{\"type\":"
                "\"layers\",\"diff_ids\":[]}}",
                config);

        trail_reset();
        CHECK_INT(image_parse_config(arena, "x", document, strlen(document), &image.config), 0);
        from.image = &image;
        from.state = "/store/containers/x";
        *record = (struct record){ .name = "x" };
        if (build_spec(arena, request, "0123456789abcdef", &from, result) < 0 ||
            build_record(arena, request, &image, record) < 0)
                return NULL;
        return result->spec;
}

TEST(what_an_image_says)
{
        static const char config[] =
                "{\"Entrypoint\":[\"/e\",\"1\"],\"Cmd\":[\"c\"],\"Env\":[\"A=1\",\"A=2\",\"B=i\"],"
                "\"User\":\"7:8\",\"WorkingDir\":\"/w\",\"Volumes\":{\"/v//x/.\":{}},"
                "\"Labels\":{\"a\":\"i\",\"b\":\"i\"},\"StopSignal\":\"SIGRTMIN+3\",\"StopTimeout\":3}";
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "");
        struct build_result result;
        struct record record;
        const struct spec *spec;

        request.image = "x";
        request.workdir = NULL;
        request.env = words_of(&arena, "B=own");
        request.labels = words_of(&arena, "b=own");
        spec = build_image(&arena, &request, config, &result, &record);
        CHECK(spec);
        CHECK_INT(spec->process->args.n, 3);
        CHECK_STR(spec->process->args.items[0], "/e");
        CHECK_STR(spec->process->args.items[2], "c");
        CHECK_STR(spec->process->env.items[0], "A=2");
        CHECK_STR(spec->process->env.items[1], "B=own");
        CHECK_STR(spec->process->cwd, "/w");
        CHECK_INT(spec->process->user->uid, 7);
        CHECK_INT(spec->process->user->gid, 8);
        CHECK_INT(result.n_own, 4);
        CHECK_STR(result.own[3].target, "/v/x");
        CHECK_STR(result.own[3].path, "/store/containers/x/own/3");
        CHECK(!result.own[3].content);
        CHECK_INT(record.labels.n, 2);
        CHECK_STR(record.labels.items[0], "a=i");
        CHECK_STR(record.labels.items[1], "b=own");
        CHECK_INT(record.stop_signal, 37);
        CHECK_INT(record.stop_timeout_s, 3);

        request.entrypoint = "/own";
        spec = build_image(&arena, &request, config, &result, &record);
        CHECK(spec);
        CHECK_INT(spec->process->args.n, 1); /* the image's Cmd is for its own Entrypoint */
}

TEST(what_an_image_may_not_say)
{
        static const char *const configs[][2] = {
                { "{}", "neither Entrypoint nor Cmd" },
                { "{\"Cmd\":[\"x\"],\"User\":\"4294967296\"}", "/config/User: '4294967296'" },
                { "{\"Cmd\":[\"x\"],\"WorkingDir\":\"x\"}", "/config/WorkingDir: 'x'" },
                { "{\"Cmd\":[\"x\"],\"Volumes\":{\"../x\":{}}}", "/config/Volumes: '../x'" },
                { "{\"Cmd\":[\"x\"],\"StopSignal\":\"NONE\"}", "/config/StopSignal" },
        };
        auto_arena arena = { 0 };
        struct run_request request = request_of(&arena, "");
        struct build_result result;
        struct record record;

        request.image = "x";
        request.workdir = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
                CHECK(!build_image(&arena, &request, configs[i][0], &result, &record));
                if (!strstr(trail_text(), configs[i][1]))
                        CHECK_STR(trail_text(), configs[i][1]);
        }
}

/* A record survives the journal's header, whatever its labels are. */
TEST(records_come_back)
{
        auto_arena arena = { 0 };
        struct text text = { .arena = &arena };
        const char *const root[] = { "/", NULL }, *const home[] = { "/b", "/a", NULL };
        struct runtime_overlay overlays[] = {
                { "", { root, 1 }, "/s/u0", "/s/w0" },
                { "home", { home, 2 }, "/s/u1", "/s/w1", 01750, true },
                { "srv", { root, 1 }, .read_only = true }
        };
        struct runtime_link links[] = { { "bin", "usr/bin" } };
        struct joined joined[] = { { "other", 77 } };
        struct record record = { .name = "one",
                                 .image = "host",
                                 .seccomp = "default",
                                 .labels = words_of(&arena, "a=b \"quoted\\ x="),
                                 .overlays = overlays,
                                 .n_overlays = 3,
                                 .links = links,
                                 .n_links = 1,
                                 .joined = { joined, 1 },
                                 .mount_program = "/usr/bin/fuse-overlayfs",
                                 .map_root = true,
                                 .remove = true };
        struct container container = { .id = "x" };
        struct record back;

        text_add(&text, "{\"engine\":");
        record_encode(&record, &text);
        text_add(&text, "}");
        CHECK_INT(json_parse(&arena, "test", text_string(&text), text.len, &container.header), 0);
        record_decode(&arena, &container, &back);
        CHECK_STR(back.name, "one");
        CHECK_STR(back.image, "host");
        CHECK_STR(back.seccomp, "default");
        CHECK(back.remove);
        CHECK_INT(back.labels.n, 3);
        CHECK_STR(back.labels.items[1], "\"quoted\\");
        CHECK_INT(back.n_overlays, 3);
        CHECK_STR(back.overlays[1].target, "home");
        CHECK_STR(back.overlays[1].upper, "/s/u1");
        CHECK_STR(back.overlays[0].lower.items[0], "/");
        CHECK_INT(back.overlays[1].lower.n, 2);
        CHECK_STR(back.overlays[1].lower.items[1], "/a");
        CHECK_STR(back.overlays[1].work, "/s/w1");
        CHECK_INT(back.overlays[1].mode, 01750);
        CHECK(back.overlays[1].make_lower && !back.overlays[1].read_only);
        CHECK(back.overlays[2].read_only && !back.overlays[2].make_lower);
        CHECK(back.map_root);
        CHECK_STR(back.mount_program, "/usr/bin/fuse-overlayfs");
        CHECK_INT(back.n_links, 1);
        CHECK_STR(back.links[0].path, "bin");
        CHECK_STR(back.links[0].target, "usr/bin");
        CHECK_INT(back.joined.n, 1);
        CHECK_STR(back.joined.items[0].id, "other");
        CHECK_INT(back.joined.items[0].pid, 77);
}

/* A header that a hand has been at: nothing is NULL that is promised not to be. */
TEST(records_of_other_shapes)
{
        static const char *const headers[] = {
                "{}",
                "{\"engine\":null}",
                "{\"engine\":[]}",
                "{\"engine\":{\"name\":1}}",
                "{\"engine\":{\"labels\":{\"a\":1},\"overlays\":\"x\"}}",
                "{\"engine\":{\"labels\":[1,null],\"overlays\":[1,{\"target\":2}]}}",
                "{\"engine\":{\"links\":[1,{\"path\":2}],\"joined\":[{},{\"pid\":\"x\"}],\"mapRoot\":2}}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                auto_arena arena = { 0 };
                struct container container = { .id = "x" };
                struct record back;

                CHECK_INT(
                        json_parse(
                                &arena, "test", headers[i], strlen(headers[i]), &container.header),
                        0);
                record_decode(&arena, &container, &back);
                CHECK_STR(back.name, "");
                CHECK_STR(back.image, "");
                for (size_t k = 0; k < back.labels.n; k++)
                        CHECK(back.labels.items[k] != NULL);
                for (size_t k = 0; k < back.n_links; k++)
                        CHECK(back.links[k].path != NULL && back.links[k].target != NULL);
                for (size_t k = 0; k < back.joined.n; k++)
                        CHECK(back.joined.items[k].id != NULL);
                for (size_t k = 0; k < back.n_overlays; k++)
                        CHECK(back.overlays[k].target != NULL && back.overlays[k].upper != NULL);
        }
}
