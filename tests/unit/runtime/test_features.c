/* SPDX-License-Identifier: Apache-2.0 */
/* The features structure, held against what the compiler does: for each word that it lists, a
 * document with that word becomes a plan; with another word in its place it is refused. */
#include "runtime/runtime.h"
#include "tap.h"

#define TAIL          "\"root\":{\"path\":\"rootfs\"}}"
#define PROCESS(more) "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"" more "},"
#define LINUX(more)   "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]" more "},"
#define SECCOMP(more)                            \
        "{\"ociVersion\":\"1.3.0\"," PROCESS("") \
                LINUX(",\"seccomp\":{\"listenerPath\":\"/run/agent\"," more "}") TAIL
#define SYSCALL(more) \
        "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"close\"]," more "}]"
#define MOUNT(more)                              \
        "{\"ociVersion\":\"1.3.0\"," PROCESS("") \
                LINUX("") "\"mounts\":[{\"destination\":\"/m\"," more "}]," TAIL
#define IDS "[{\"containerID\":0,\"hostID\":1,\"size\":1}]"

static struct arena arena;

/* A host that has everything, so that whatever is refused is refused by husk. */
static const struct facts *host(void)
{
        static struct facts facts;
        const char *text = tap_read("tests/plans/default-v2/facts.json");

        CHECK(text != NULL);
        CHECK_INT(facts_parse(&arena, "facts.json", text, strlen(text), &facts), 0);
        facts.has_apparmor = facts.has_selinux = true;
        facts.resctrl = "/sys/fs/resctrl";
        return &facts;
}

static const struct facts *host_of(const char *name)
{
        static struct facts facts;
        const char *text = tap_read(arena_format(&arena, "tests/plans/%s/facts.json", name));

        CHECK(text != NULL);
        CHECK_INT(facts_parse(&arena, name, text, strlen(text), &facts), 0);
        return &facts;
}

/* The plan as text, its notes first; NULL: it was refused, and the trail says why. */
static const char *compile_on(
        const struct facts *facts, enum runtime_cgroups cgroups, const char *config)
{
        struct runtime_options options = { .id = "c1", .bundle = "/bundle", .cgroups = cgroups };
        struct text out = { .arena = &arena };
        const struct spec *spec;
        struct plan *plan;

        trail_reset();
        if (spec_parse(&arena, "config.json", config, strlen(config), &spec) < 0 ||
            runtime_compile(&arena, spec, &options, facts, &plan) < 0)
                return NULL;
        CHECK_INT(plan_verify(plan), 0);
        for (size_t i = 0; i < plan->n_notes; i++)
                text_addf(&out, "note: %s\n", plan->notes[i].words);
        plan_print_text(plan, &out);
        return text_string(&out);
}

static const char *compile(const char *config)
{
        return compile_on(host(), CGROUPS_FILES, config);
}

static const char *compile_systemd(const char *config)
{
        return compile_on(host_of("systemd-v2"), CGROUPS_SYSTEMD, config);
}

static const struct json *features(void)
{
        struct text out = { .arena = &arena };
        const struct json *root;

        runtime_features(&arena, "1.2.3", &out);
        CHECK_INT(json_parse(&arena, "features", text_string(&out), out.len, &root), 0);
        return root;
}

/* "linux/seccomp/actions" */
static const struct json *at_path(const char *path)
{
        const struct json *value = features();

        for (const char *at = path; value && *at;) {
                size_t size = strcspn(at, "/");

                value = json_member(value, arena_copy(&arena, at, size));
                at += size + (at[size] == '/');
        }
        CHECK(value != NULL);
        return value;
}

/* `document` has one "%s" for the word. */
static const char *with_word(const char *document, const char *word)
{
        const char *place = strstr(document, "%s");

        CHECK(place != NULL);
        return arena_format(&arena, "%.*s%s%s", (int)(place - document), document, word, place + 2);
}

static bool knows(const char *path, const char *word)
{
        const struct json *list = at_path(path);

        for (size_t i = 0; i < list->n; i++)
                if (text_equal(json_string(&list->items[i]), word))
                        return true;
        return false;
}

static const struct list {
        const char *path, *document;
} lists[] = {
        { "hooks", "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                           LINUX("") "\"hooks\":{\"%s\":[{\"path\":\"/h\"}]}," TAIL },
        { "linux/namespaces",
          "{\"ociVersion\":\"1.3.0\"," PROCESS(
                  "") "\"linux\":{\"uidMappings\":" IDS ",\"gidMappings\":" IDS
                      ",\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"},"
                      "{\"type\":\"%s\"}]}," TAIL },
        { "linux/seccomp/actions", SECCOMP(SYSCALL("\"action\":\"%s\"")) },
        { "linux/seccomp/operators",
          SECCOMP(SYSCALL(
                  "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"%s\"}]")) },
        { "linux/seccomp/archs",
          SECCOMP("\"architectures\":[\"%s\"]," SYSCALL("\"action\":\"SCMP_ACT_ERRNO\"")) },
        { "linux/seccomp/knownFlags",
          SECCOMP("\"flags\":[\"%s\"]," SYSCALL("\"action\":\"SCMP_ACT_NOTIFY\"")) },
        { "linux/seccomp/supportedFlags",
          SECCOMP("\"flags\":[\"%s\"]," SYSCALL("\"action\":\"SCMP_ACT_NOTIFY\"")) },
        { "linux/memoryPolicy/modes",
          "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                  LINUX(",\"memoryPolicy\":{\"mode\":\"%s\",\"nodes\":\"0\"}") TAIL },
        { "linux/memoryPolicy/flags",
          "{\"ociVersion\":\"1.3.0\"," PROCESS("") LINUX(
                  ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"%s\"]}")
                  TAIL },
};

/* What the decoder and the compiler say about a word that they were given. */
static bool is_refused_as_word(const char *config, const char *word)
{
        return !compile(config) && strstr(trail_text(), word);
}

TEST(every_listed_word_is_compiled)
{
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                const struct json *words = at_path(lists[i].path);

                CHECK(words->n > 0);
                for (size_t k = 0; k < words->n; k++) {
                        const char *word = json_string(&words->items[k]);
                        const char *config = with_word(lists[i].document, word);

                        printf("# %s: %s\n", lists[i].path, word);
                        /* These two are in the document already, or take no nodes. */
                        if (text_equal(word, "mount") || text_equal(word, "user")) {
                                CHECK(!compile(config));
                                CHECK(strstr(trail_text(), "a second entry of type"));
                                continue;
                        }
                        if (text_equal(word, "MPOL_DEFAULT") || text_equal(word, "MPOL_LOCAL"))
                                config = "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                                        LINUX(",\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\"}") TAIL;
                        if (!compile(config))
                                CHECK_STR(trail_text(), "");
                }
        }
}

/* But for hooks: a member that the specification does not know is passed over. */
TEST(another_word_is_refused)
{
        for (size_t i = 1; i < ARRAY_SIZE(lists); i++) {
                const char *config = with_word(lists[i].document, "NEVERHEARD");

                printf("# %s\n", lists[i].path);
                CHECK(is_refused_as_word(config, "NEVERHEARD"));
        }
        CHECK(compile(with_word(lists[0].document, "neverheard")) != NULL);
        CHECK(!strstr(compile(with_word(lists[0].document, "neverheard")), "run_hook"));
}

TEST(every_hook_runs)
{
        const struct json *hooks = at_path("hooks");

        CHECK_INT(hooks->n, 6);
        for (size_t i = 0; i < hooks->n; i++) {
                const char *word = json_string(&hooks->items[i]);
                const char *config = with_word(
                        "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                                LINUX("") "\"hooks\":{\"%s\":"
                                          "[{\"path\":\"/h\"}]}," TAIL,
                        word);
                const struct spec *spec;

                CHECK_INT(spec_parse(&arena, "c", config, strlen(config), &spec), 0);
                CHECK(runtime_has_hooks(spec));
                /* poststop is no part of a start. */
                CHECK_INT(
                        strstr(compile(config), "run_hook") != NULL, !text_equal(word, "poststop"));
        }
}

/* As in features.md, no option that is for a file system is listed, and the list is complete: what it
 * has not goes to the file system, what it has never does. */
TEST(mount_options_are_those_that_are_no_data)
{
        static const char *const file_systems[] = { "acl", "size=1k", "mode=755", "uid=1", "huge" };
        static const char *const supers[] = { "sync", "dirsync", "lazytime", "mand" };
        const struct json *words = at_path("mountOptions");

        CHECK(words->n > 60);
        for (size_t i = 0; i < words->n; i++) {
                const char *word = json_string(&words->items[i]), *plan;
                bool super = false, bind = text_equal(word, "idmap") || text_equal(word, "ridmap");

                printf("# %s\n", word);
                for (size_t k = 0; k < ARRAY_SIZE(supers); k++)
                        super |= text_equal(word, supers[k]);
                plan = compile(with_word(
                        bind ? MOUNT("\"source\":\"/s\",\"options\":[\"bind\",\"%s\"],"
                                     "\"uidMappings\":" IDS ",\"gidMappings\":" IDS)
                             : MOUNT("\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"%s\"]"),
                        word));
                if (!plan)
                        CHECK_STR(trail_text(), "");
                CHECK_INT(strstr(plan, arena_format(&arena, "key=%s", word)) != NULL, super);
                CHECK(!bind || strstr(plan, "map_mount"));
        }
        for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++) {
                const char *plan = compile(with_word(
                        MOUNT("\"type\":\"tmpfs\",\"options\":[\"%s\"]"), file_systems[i]));

                CHECK(!knows("mountOptions", file_systems[i]));
                CHECK(
                        strstr(plan, arena_format(
                                             &arena, "key=%.*s", (int)strcspn(file_systems[i], "="),
                                             file_systems[i])));
        }
}

TEST(every_capability_is_known)
{
        const struct json *words = at_path("linux/capabilities");
        const char *document =
                "{\"ociVersion\":\"1.3.0\"," PROCESS(",\"capabilities\":{\"bounding\":[\"%s\"]}")
                        LINUX("") TAIL;
        const char *plan;

        CHECK_INT(words->n, 41);
        for (size_t i = 0; i < words->n; i++) {
                const char *word = json_string(&words->items[i]);

                printf("# %s\n", word);
                CHECK_INT(caps_number(word), i);
                plan = compile(with_word(document, word));
                CHECK(plan != NULL && !strstr(plan, "note:"));
        }
        /* The specification wants a warning, no error. */
        plan = compile(with_word(document, "CAP_NEVERHEARD"));
        CHECK(plan != NULL && strstr(plan, "note:") && strstr(plan, "CAP_NEVERHEARD"));
}

static void check_switch(const char *path, const char *config, const char *operation)
{
        const struct json *value = at_path(path);
        const char *plan = compile(config);

        printf("# %s\n", path);
        CHECK(value->kind == JSON_BOOL && value->boolean);
        if (!plan)
                CHECK_STR(trail_text(), "");
        CHECK(strstr(plan, operation));
}

TEST(what_is_said_to_be_there_is_compiled)
{
        check_switch(
                "linux/cgroup/rdma",
                "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                        LINUX(",\"resources\":{\"rdma\":{\"mlx5_0\":{\"hcaHandles\":3}}}") TAIL,
                "rdma.max");
        check_switch(
                "linux/seccomp/enabled", SECCOMP(SYSCALL("\"action\":\"SCMP_ACT_LOG\"")),
                "load_seccomp");
        check_switch(
                "linux/apparmor/enabled",
                "{\"ociVersion\":\"1.3.0\"," PROCESS(",\"apparmorProfile\":\"p\"") LINUX("") TAIL,
                "set_label");
        check_switch(
                "linux/selinux/enabled",
                "{\"ociVersion\":\"1.3.0\"," PROCESS(",\"selinuxLabel\":\"l\"") LINUX("") TAIL,
                "set_label");
        check_switch(
                "linux/intelRdt/enabled",
                "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                        LINUX(",\"intelRdt\":{\"l3CacheSchema\":\"L3:0=f\"}") TAIL,
                "make_group");
        check_switch(
                "linux/intelRdt/schemata",
                "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                        LINUX(",\"intelRdt\":{\"schemata\":[\"L3:0=f\"]}") TAIL,
                "schemata=L3:0=f");
        check_switch(
                "linux/intelRdt/monitoring",
                "{\"ociVersion\":\"1.3.0\"," PROCESS("")
                        LINUX(",\"intelRdt\":{\"enableMonitoring\":true}") TAIL,
                "mon_groups");
        check_switch(
                "linux/mountExtensions/idmap/enabled",
                MOUNT("\"source\":\"/s\",\"options\":[\"bind\"],\"uidMappings\":" IDS
                      ",\"gidMappings\":" IDS),
                "map_mount");
        check_switch(
                "linux/netDevices/enabled",
                "{\"ociVersion\":\"1.3.0\"," PROCESS(
                        "") "\"linux\":{\"namespaces\":[{\"type\":"
                            "\"mount\"},{\"type\":\"network\"}],\"netDevices\":{\"eth9\":{}}}," TAIL,
                "move_link");
}

/* Of each mode of cgroups there is a golden plan; here: which is said to be there. */
TEST(both_versions_of_cgroups_are_there)
{
        CHECK(at_path("linux/cgroup/v1")->boolean);
        CHECK(at_path("linux/cgroup/v2")->boolean);
}

TEST(both_managers_of_systemd_are_there)
{
        static const char *const names[][2] = { { "systemd", "systemd-v2" },
                                                { "systemdUser", "systemd-rootless" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *config =
                        tap_read(arena_format(&arena, "tests/plans/%s/config.json", names[i][1]));
                const char *plan;

                CHECK(at_path(arena_format(&arena, "linux/cgroup/%s", names[i][0]))->boolean);
                CHECK(config != NULL);
                plan = compile_on(host_of(names[i][1]), CGROUPS_SYSTEMD, config);
                if (!plan)
                        CHECK_STR(trail_text(), "");
                CHECK(strstr(plan, "start_unit"));
        }
}

/* One that is listed changes the plan, or is refused with that value; another does neither. */
TEST(unsafe_annotations_are_those_that_change_the_plan)
{
        const char *document =
                "{\"ociVersion\":\"1.3.0\",\"annotations\":{\"%s\":\"true\"}," PROCESS("") LINUX("")
                        TAIL;
        const struct json *words = at_path("potentiallyUnsafeConfigAnnotations");

        CHECK(words->n > 0);
        for (size_t i = 0; i < words->n; i++) {
                const char *word = json_string(&words->items[i]);
                bool prefix = word[strlen(word) - 1] == '.';
                const char *(*by)(const char *) = prefix ? compile_systemd : compile;
                const char *key = prefix ? arena_format(&arena, "%sX", word) : word;
                const char *plain = by(with_word(document, "org.example.other"));
                const char *plan = by(with_word(document, key));

                printf("# %s\n", key);
                CHECK(plain != NULL);
                CHECK(!plan || strcmp(plan, plain) != 0);
        }
}

TEST(the_versions_are_accepted)
{
        static const char *const members[] = { "ociVersionMin", "ociVersionMax" };
        const char *document = "{\"ociVersion\":\"%s\"," PROCESS("") LINUX("") TAIL;

        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                CHECK(compile(with_word(document, json_string(at_path(members[i])))) != NULL);
        CHECK_STR(json_string(at_path("annotations/dev.husk.version")), "1.2.3");
}
