/* SPDX-License-Identifier: Apache-2.0 */
/* Golden plans and refusals.
 *
 * Each directory of tests/plans is a container on a host: config.json, facts.json and, where the
 * engine would say more, options.json; expect.plan is what the compiler makes of them, notes first.
 * Every plan passes the verifier. A file of one line, "= NAME", stands for that case's. What is
 * refused is a table, refusals.def: a document, and the words of the trail; hosts that only refuse are
 * in tests/plans/hosts. */
#include "runtime/runtime.h"
#include "tap.h"

#include <dirent.h>

#define CASES "tests/plans"

/* The case's own file, or that of the case which a line "= NAME" names. */
static const char *read_file(struct arena *arena, const char *name, const char *file)
{
        const char *text = tap_read(arena_format(arena, CASES "/%s/%s", name, file));

        if (text && text[0] == '=') {
                const char *other = arena_copy(arena, text + 2, strcspn(text + 2, "\n"));

                text = tap_read(arena_format(arena, CASES "/%s/%s", other, file));
                CHECK(text != NULL);
        }
        return text;
}

static const char *member(const struct json *object, const char *name, const char *otherwise)
{
        const char *value = json_string(json_member(object, name));

        return value ? value : otherwise;
}

static bool flag(const struct json *object, const char *name)
{
        const struct json *value = json_member(object, name);

        return value && value->boolean;
}

/* A path, or an array of them, the topmost first. */
static WORDS read_lower(struct arena *arena, const struct json *from)
{
        bool list = from->kind == JSON_ARRAY;
        size_t n = list ? from->n : 1;
        const char **items = arena_array(arena, n + 1, sizeof *items);

        for (size_t i = 0; i < n; i++)
                items[i] = json_string(list ? &from->items[i] : from);
        return (WORDS){ items, n };
}

static void read_overlays(
        struct arena *arena, const struct json *list, struct runtime_options *options)
{
        struct runtime_overlay *overlays;

        if (!list)
                return;
        overlays = arena_array(arena, list->n, sizeof *overlays);
        for (size_t i = 0; i < list->n; i++)
                overlays[i] = (struct runtime_overlay){
                        .target = member(&list->items[i], "target", ""),
                        .lower = read_lower(arena, json_member(&list->items[i], "lower")),
                        .upper = member(&list->items[i], "upper", NULL),
                        .work = member(&list->items[i], "work", NULL),
                        .make_lower = flag(&list->items[i], "makeLower"),
                        .read_only = flag(&list->items[i], "readOnly"),
                };
        options->overlays = overlays;
        options->n_overlays = list->n;
}

static void read_own(struct arena *arena, const struct json *list, struct runtime_options *options)
{
        struct runtime_own *own;

        if (!list)
                return;
        own = arena_array(arena, list->n, sizeof *own);
        for (size_t i = 0; i < list->n; i++)
                own[i] = (struct runtime_own){ member(&list->items[i], "path", ""),
                                               member(&list->items[i], "target", ""),
                                               member(&list->items[i], "content", NULL) };
        options->own = own;
        options->n_own = list->n;
        options->own_dir = "/var/lib/husk/containers/c1/own";
}

static void read_links(
        struct arena *arena, const struct json *list, struct runtime_options *options)
{
        struct runtime_link *links;

        if (!list)
                return;
        links = arena_array(arena, list->n, sizeof *links);
        for (size_t i = 0; i < list->n; i++)
                links[i] = (struct runtime_link){ member(&list->items[i], "path", ""),
                                                  member(&list->items[i], "target", "") };
        options->links = links;
        options->n_links = list->n;
}

static void read_cgroups(
        struct arena *arena, const struct json *list, struct runtime_options *options)
{
        const char **paths;

        if (!list)
                return;
        paths = arena_array(arena, list->n, sizeof *paths);
        for (size_t i = 0; i < list->n; i++)
                paths[i] = json_string(&list->items[i]);
        options->made_cgroups = paths;
        options->n_made_cgroups = list->n;
}

/* What is done to a container that runs: nothing but its making when all is 0. */
struct visit {
        int64_t exec_pid, live_pid; /* of its first process */
        const char *mounts;         /* live: the document of mounts to add */
        const char *added;          /* live: or the numbers of those to take away */
        int64_t checkpoint_pid;
        bool restore;
};

static WORDS read_words(struct arena *arena, const struct json *list)
{
        const char **items = arena_array(arena, (list ? list->n : 0) + 1, sizeof *items);

        for (size_t i = 0; list && i < list->n; i++)
                items[i] = json_string(&list->items[i]);
        return (WORDS){ items, list ? list->n : 0 };
}

static void read_options(
        struct arena *arena, const char *name, struct runtime_options *options,
        struct visit *ret_visit)
{
        const char *text = read_file(arena, name, "options.json");
        const struct json *json = NULL;
        uint64_t number;

        *options = (struct runtime_options){ .id = "c1", .bundle = "/bundle" };
        *ret_visit = (struct visit){ .mounts = read_file(arena, name, "mounts.json") };
        if (!text)
                return;
        CHECK_INT(json_parse(arena, "options.json", text, strlen(text), &json), 0);
        options->await_start = flag(json, "awaitStart");
        options->no_new_keyring = flag(json, "noNewKeyring");
        options->no_pivot = flag(json, "noPivot");
        options->sub_cgroups = read_words(arena, json_member(json, "subCgroups"));
        if (json_u64(json_member(json, "listenFds"), &number) == 0)
                options->listen_fds = (unsigned)number;
        options->listen_names = member(json, "listenNames", NULL);
        options->map_root = flag(json, "mapRoot");
        options->attach_point = member(json, "attachPoint", NULL);
        options->cgroup = member(json, "cgroup", NULL);
        options->cgroups = text_equal(member(json, "cgroups", ""), "systemd")  ? CGROUPS_SYSTEMD
                         : text_equal(member(json, "cgroups", ""), "disabled") ? CGROUPS_NONE
                                                                               : CGROUPS_FILES;
        options->unit = member(json, "unit", NULL);
        options->unit_socket = member(json, "unitSocket", NULL);
        if (json_u64(json_member(json, "preserveFds"), &number) == 0)
                options->preserve_fds = number;
        if (json_u64(json_member(json, "rows"), &number) == 0)
                options->rows = (unsigned)number;
        if (json_u64(json_member(json, "columns"), &number) == 0)
                options->columns = (unsigned)number;
        json_i64(json_member(json, "execPid"), &ret_visit->exec_pid);
        json_i64(json_member(json, "livePid"), &ret_visit->live_pid);
        ret_visit->added = member(json, "added", NULL);
        json_i64(json_member(json, "checkpointPid"), &ret_visit->checkpoint_pid);
        ret_visit->restore = options->restored = flag(json, "restore");
        options->mounted = member(json, "mounted", NULL);
        options->mount_program = member(json, "mountProgram", NULL);
        options->made = flag(json, "made");
        read_overlays(arena, json_member(json, "overlays"), options);
        read_own(arena, json_member(json, "own"), options);
        read_links(arena, json_member(json, "links"), options);
        read_cgroups(arena, json_member(json, "cgroups"), options);
}

static const struct visit no_visit;

static int compile_live(
        struct arena *arena, const struct spec *spec, const struct visit *visit,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan)
{
        struct runtime_options named = *options;
        struct spec_mounts mounts;
        int r = spec_parse_mounts(
                arena, "mounts.json", visit->mounts, strlen(visit->mounts), &mounts);

        named.document = "mounts.json";
        named.pid = (pid_t)visit->live_pid;
        if (r == 0 && visit->added)
                return runtime_compile_unmount(
                        arena, spec,
                        &(struct runtime_unmount){ mounts.list.items, "/0", visit->added }, &named,
                        facts, ret_plan);
        return r < 0 ? r : runtime_compile_mounts(arena, spec, &mounts, &named, facts, ret_plan);
}

static int compile_criu(
        struct arena *arena, const struct spec *spec, const struct visit *visit,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan)
{
        static const char *const words[] = { "tcp-established", "file-locks" };
        static const char *const external[] = { "mnt[/data]:/data", "mnt[/proc/kcore]:/dev/null",
                                                "file[18:4]" };
        static const char *const stdio[] = { "file[18:4]", "pipe:[77]", "pipe:[77]" };
        const struct runtime_criu criu = {
                .program = "/usr/sbin/criu",
                .images = "/images",
                .work = visit->restore ? NULL : "/work",
                .options = words,
                .n_options = ARRAY_SIZE(words),
                .external = external,
                .n_external = ARRAY_SIZE(external),
                .stdio = stdio,
        };

        if (visit->restore)
                return runtime_compile_restore(arena, spec, options, &criu, facts, ret_plan);
        return runtime_compile_checkpoint(
                arena, options, &criu, (pid_t)visit->checkpoint_pid, ret_plan);
}

/* Compile one: 0, or what the compiler said. */
static int compile(
        struct arena *arena, const char *config, const char *facts_text,
        const struct runtime_options *options, const struct visit *visit, struct plan **ret_plan)
{
        const struct spec *spec;
        struct facts facts;
        int r = spec_parse(arena, "config.json", config, strlen(config), &spec);

        if (r < 0)
                return r;
        CHECK_INT(facts_parse(arena, "facts.json", facts_text, strlen(facts_text), &facts), 0);
        if (visit->checkpoint_pid || visit->restore)
                return compile_criu(arena, spec, visit, options, &facts, ret_plan);
        if (visit->live_pid)
                return compile_live(arena, spec, visit, options, &facts, ret_plan);
        if (visit->exec_pid) {
                struct runtime_options entering = *options;

                entering.pid = (pid_t)visit->exec_pid;
                return runtime_compile_exec(
                        arena, spec, spec->process, &entering, &facts, ret_plan);
        }
        return runtime_compile(arena, spec, options, &facts, ret_plan);
}

static void check_case(const char *name)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct runtime_options options;
        const char *config = read_file(&arena, name, "config.json");
        const char *facts = read_file(&arena, name, "facts.json");
        struct plan *plan;
        struct visit visit;

        printf("# case %s\n", name);
        CHECK(config != NULL);
        CHECK(facts != NULL);
        read_options(&arena, name, &options, &visit);
        if (compile(&arena, config, facts, &options, &visit, &plan) < 0 || plan_verify(plan) < 0) {
                CHECK_STR(trail_text(), "");
                CHECK(!"it was refused without a word");
        }
        for (size_t i = 0; i < plan->n_notes; i++)
                text_addf(&out, "note: %s\n", plan->notes[i].words);
        plan_print_text(plan, &out);
        CHECK_GOLDEN(arena_format(&arena, CASES "/%s/expect.plan", name), text_string(&out));
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

TEST(every_case_compiles_to_its_plan)
{
        auto_arena arena = { 0 };
        DIR *dir = opendir(tap_source_path(CASES));
        const char *names[256];
        size_t n = 0;

        CHECK(dir != NULL);
        for (struct dirent *entry; (entry = readdir(dir));)
                if (entry->d_name[0] != '.' && !text_equal(entry->d_name, "hosts")) {
                        CHECK(n < ARRAY_SIZE(names));
                        names[n++] = arena_string(&arena, entry->d_name);
                }
        closedir(dir);
        CHECK(n > 15);
        qsort(names, n, sizeof *names, compare);
        for (size_t i = 0; i < n; i++)
                check_case(names[i]);
}

/* The facts that a fixture gives are those that facts_encode writes. */
TEST(facts_survive_a_round)
{
        auto_arena arena = { 0 };
        struct text first = { .arena = &arena }, second = { .arena = &arena };
        struct facts facts, again;

        CHECK_INT(facts_gather(&arena, &facts), 0);
        facts_encode(&facts, &first);
        CHECK_INT(facts_parse(&arena, "facts", text_string(&first), first.len, &again), 0);
        facts_encode(&again, &second);
        CHECK_STR(text_string(&second), text_string(&first));
}

/* -- refusals ------------------------------------------------------------------------------------ */

#define NAMESPACES "{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"}"
#define PROC       "{\"destination\":\"/proc\",\"type\":\"proc\"}"
#define PROCESS    "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
#define ROOT       "\"root\":{\"path\":\"rootfs\"},"
#define DOCUMENT(members, linux_members) \
        "{\"ociVersion\":\"1.2.0\"," ROOT members "\"linux\":{" linux_members "}}"
/* A document that is right but for what `members` and `linux_members` add. */
#define WITH(members, linux_members) \
        DOCUMENT(PROCESS members, "\"namespaces\":[" NAMESPACES "]" linux_members)
#define USER_NAMESPACE(process, linux_members)                               \
        DOCUMENT(                                                            \
                "\"process\":{" process "\"args\":[\"sh\"],\"cwd\":\"/\"},", \
                "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}]" linux_members)
#define MOUNT(mount) WITH("\"mounts\":[" mount "],", "")

static const struct refusal {
        const char *facts; /* of hosts/, else a case */
        const char *config;
        int error;
        const char *text;
} refusals[] = {

#define REFUSED(facts, config, error, text) { facts, config, error, text },
#include "refusals.def"
#undef REFUSED
};

TEST(refusals_say_what_and_where)
{
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                auto_arena arena = { 0 };
                struct runtime_options options = { .id = "c1", .bundle = "/bundle" };
                const char *facts =
                        tap_read(arena_format(&arena, CASES "/hosts/%s.json", refusals[i].facts));
                struct plan *plan = NULL;
                int r;

                if (!facts)
                        facts = read_file(&arena, refusals[i].facts, "facts.json");
                CHECK(facts != NULL);
                trail_reset();
                r = compile(&arena, refusals[i].config, facts, &options, &no_visit, &plan);
                printf("# %s\n", refusals[i].config);
                CHECK_STR(trail_text(), refusals[i].text);
                CHECK_INT(r, refusals[i].error);
                CHECK(plan == NULL);
        }
}

/* The table's documents are refused for what they add and nothing else. */
TEST(the_plain_document_is_accepted)
{
        auto_arena arena = { 0 };
        struct runtime_options options = { .id = "c1", .bundle = "/bundle" };
        const char *facts = read_file(&arena, "default-v2", "facts.json");
        struct plan *plan = NULL;

        CHECK(facts != NULL);
        CHECK_INT(compile(&arena, WITH("", ""), facts, &options, &no_visit, &plan), 0);
        CHECK_INT(plan_verify(plan), 0);
}
