/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier against the compiler: what it makes of any document passes, and nothing that differs
 * from it in one place does, unless the difference is one of a written list.
 *
 * Mutations of every golden plan: an operation is left out, stands twice, changes places with the
 * next one or with any other, or reads another slot. A mutated plan that passes must be harmless by
 * the table below; the operations that a process's confinement hangs on are never in it. */
#include "runtime/runtime.h"
#include "tap.h"

#include <dirent.h>

static unsigned next_random(unsigned *state)
{
        *state = *state * 1103515245 + 12345;
        return *state >> 16;
}

/* -- mutations of the golden plans ------------------------------------------------------------------ */

enum mutation {
        DROP,
        TWICE,
        SWAP_NEXT,
        SWAP_ANY,
        SLOT,
        MUTATIONS
};

static const char *const mutation_names[] = { "left out", "twice", "swapped with the next",
                                              "swapped", "of another slot" };

/* Without these, or with two of them, a process has more than its document gives it, or nobody finds
 * it: a plan in which one is left out or doubled must be refused. */
static const enum op_code guards[] = {
        OP_spawn,          OP_pivot,        OP_drop_bounding, OP_set_ids,      OP_set_caps,
        OP_seal_fds,       OP_exec,         OP_open_gate,     OP_await_gate,   OP_send_fd,
        OP_take_fd,        OP_map_ids,      OP_set_groups,    OP_guard_parent, OP_leave,
        OP_record_mount,   OP_close_others, OP_check_rights,  OP_check_space,  OP_hold_cgroup,
        OP_release_cgroup,
};

static bool is_guard(const struct op *op)
{
        for (size_t i = 0; i < ARRAY_SIZE(guards); i++)
                if (op->code == guards[i])
                        return true;
        return false;
}

static bool has_op(const struct plan *plan, enum op_code code)
{
        for (int actor = HOST; actor < ACTORS; actor++)
                for (size_t i = 0; i < plan->list[actor].n; i++)
                        if (plan->list[actor].ops[i].code == code)
                                return true;
        return false;
}

/* Why the difference does no harm; NULL: it should have been refused. `op` is the operation that is
 * gone, doubled or moved, `plan` the plan before. */
static const char *harmless(const struct plan *plan, enum mutation mutation, const struct op *op)
{
        bool user = has_op(plan, OP_become_root) || has_op(plan, OP_join_namespace);

        switch (mutation) {
        case DROP:
                if (op->code == OP_set_groups && user)
                        return "in a user namespace there may be no right to it";
                if (op->code == OP_guard_parent && !has_op(plan, OP_record))
                        return "exec: the container's first process is what is found and killed";
                if (op->code == OP_guard_parent && user)
                        return "on again after a change of ids, where nothing was mounted yet";
                if (op->code == OP_map_ids)
                        return "ids without a map: set_ids fails";
                return is_guard(op) ? NULL : "what the document asks for is not the verifier's";
        case TWICE:
                if (op->code == OP_guard_parent || op->code == OP_seal_fds ||
                    op->code == OP_map_ids || op->code == OP_record_mount ||
                    op->code == OP_close_others || op->code == OP_check_rights ||
                    op->code == OP_check_space || op->code == OP_hold_cgroup ||
                    op->code == OP_release_cgroup)
                        return "the second one changes nothing, or fails";
                return is_guard(op) ? NULL : "done again it fails or changes nothing";
        case SWAP_NEXT:
        case SWAP_ANY:
                return "one stage, or operations that do not need each other";
        case SLOT:
                return "a descriptor of the same kind: another mount of the same container";
        case MUTATIONS:
                break;
        }
        return NULL;
}

/* What must hold of the order of any plan that passes, in other words than the verifier's. */
static const char *unsound(const struct plan *plan)
{
        static const enum op_code order[] = { OP_pivot,    OP_set_groups,   OP_set_ids,
                                              OP_set_caps, OP_no_new_privs, OP_exec };
        const struct op_list *init = &plan->list[INIT];
        long last = -1;

        for (size_t k = 0; k < ARRAY_SIZE(order); k++)
                for (size_t i = 0; i < init->n; i++)
                        if (init->ops[i].code == order[k]) {
                                if ((long)i < last)
                                        return "the order of privileges";
                                last = (long)i;
                        }
        for (size_t i = 0; i < init->n; i++) {
                bool mount = op_stage(&init->ops[i]) == STAGE_MOUNT ||
                             op_stage(&init->ops[i]) == STAGE_MASK;

                if (mount && init->ops[i].code != OP_set_propagation)
                        for (size_t k = 0; k < i; k++)
                                if (init->ops[k].code == OP_pivot)
                                        return "a mount after pivot";
        }
        return NULL;
}

static struct plan copy_plan(struct arena *arena, const struct plan *plan)
{
        struct plan copy = *plan;

        copy.arena = arena;
        for (int actor = HOST; actor < ACTORS; actor++) {
                struct op_list *list = &copy.list[actor];

                list->room = list->n + 8;
                list->ops = arena_array(arena, list->room, sizeof *list->ops);
                memcpy(list->ops, plan->list[actor].ops, list->n * sizeof *list->ops);
        }
        return copy;
}

/* Change `copy` at operation i; false: there is nothing to change. */
static bool mutate(struct op_list *list, enum mutation mutation, size_t i, unsigned *state)
{
        struct op *ops = list->ops, op = ops[i];
        size_t other = mutation == SWAP_NEXT ? i + 1 : next_random(state) % list->n;

        switch (mutation) {
        case DROP:
                memmove(&ops[i], &ops[i + 1], (list->n - i - 1) * sizeof *ops);
                list->n--;
                return !op.has_else;
        case TWICE:
                memmove(&ops[i + 1], &ops[i], (list->n - i) * sizeof *ops);
                list->n++;
                return !op.has_else;
        case SWAP_NEXT:
        case SWAP_ANY:
                if (other >= list->n || other == i || op_equal(&ops[i], &ops[other]) ||
                    op.has_else || ops[other].has_else)
                        return false;
                ops[i] = ops[other];
                ops[other] = op;
                return true;
        case SLOT:
                if (op.code != OP_attach && op.code != OP_set_fs && op.code != OP_join_cgroup)
                        return false;
                /* The first operand of all three is the slot that they use. */
                if (op.code == OP_attach)
                        ops[i].as.attach.tree = (FD)(next_random(state) % 40);
                else if (op.code == OP_set_fs)
                        ops[i].as.set_fs.fs = (FD)(next_random(state) % 40);
                else
                        ops[i].as.join_cgroup.cgroup = (FD)(next_random(state) % 40);
                return true;
        case MUTATIONS:
                break;
        }
        return false;
}

struct tally {
        size_t tried[MUTATIONS], refused[MUTATIONS], bad;
};

static void try_mutation(
        const char *name, const struct plan *plan, enum mutation mutation, enum actor actor,
        size_t i, struct tally *tally)
{
        auto_arena arena = { 0 };
        struct plan copy = copy_plan(&arena, plan);
        unsigned state = (unsigned)(i * 7919 + mutation);
        const struct op *op = &plan->list[actor].ops[i];
        const char *why;

        if (!mutate(&copy.list[actor], mutation, i, &state))
                return;
        trail_reset();
        tally->tried[mutation]++;
        if (plan_verify(&copy) < 0) {
                tally->refused[mutation]++;
                return;
        }
        why = unsound(&copy);
        if (why || !harmless(plan, mutation, op)) {
                printf("# %s: %s operation %zu (%s) %s passes%s%s\n", name,
                       actor == HOST ? "host" : "init", i, op_name(op), mutation_names[mutation],
                       why ? ": " : "", why ? why : "");
                tally->bad++;
        }
}

/* A case's file; "= NAME" stands for that case's. */
static const char *read_file(struct arena *arena, const char *name, const char *file)
{
        const char *text = tap_read(arena_format(arena, "tests/plans/%s/%s", name, file));

        if (!text || text[0] != '=')
                return text;
        return tap_read(arena_format(
                arena, "tests/plans/%.*s/%s", (int)strcspn(text + 2, "\n"), text + 2, file));
}

/* What is compiled of each document. */
enum purpose {
        START,
        EXEC,
        LIVE,
        CHECKPOINT,
        RESTORE,
        PURPOSES
};

static const struct runtime_criu criu = { .program = "/usr/sbin/criu", .images = "/images" };

static const char more[] = "[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\"},"
                           "{\"destination\":\"/c\",\"type\":\"tmpfs\"}]";

/* What the document is to plans for a container that runs: mostly its namespaces and cgroups, so a
 * few of them do. */
static bool tells(const char *name, enum purpose purpose)
{
        static const char *const names[] = { "default-v2", "default-hybrid", "hooks",
                                             "joined",     "mounts-userns",  "exec-rootless" };

        if (purpose <= EXEC || (purpose == CHECKPOINT && text_equal(name, names[0])))
                return true;
        for (size_t i = 0; purpose != CHECKPOINT && i < ARRAY_SIZE(names); i++)
                if (text_equal(name, names[i]))
                        return true;
        return false;
}

static bool compile(
        struct arena *arena, const char *name, enum purpose purpose, struct plan **ret_plan)
{
        const char *config = read_file(arena, name, "config.json");
        const char *text = read_file(arena, name, "facts.json");
        static const char *const cgroups[] = { "/sys/fs/cgroup/pids/c1", "/sys/fs/cgroup/cpu/c1" };

        struct runtime_options options = { .id = "c1",
                                           .bundle = "/bundle",
                                           .await_start = purpose == START };
        const struct spec *spec;
        struct spec_mounts mounts;
        struct facts facts;

        if (!config || !text)
                return false;
        CHECK_INT(spec_parse(arena, "config.json", config, strlen(config), &spec), 0);
        CHECK_INT(facts_parse(arena, "facts.json", text, strlen(text), &facts), 0);
        trail_reset();
        options.pid = 77;
        options.made_cgroups = cgroups;
        options.n_made_cgroups = purpose == EXEC ? ARRAY_SIZE(cgroups) : 0;
        if (purpose == START)
                return runtime_compile(arena, spec, &options, &facts, ret_plan) == 0;
        if (purpose == EXEC)
                return runtime_compile_exec(
                               arena, spec, spec->process, &options, &facts, ret_plan) == 0;
        if (purpose == CHECKPOINT)
                return runtime_compile_checkpoint(arena, &options, &criu, 77, ret_plan) == 0;
        if (purpose == RESTORE)
                return runtime_compile_restore(arena, spec, &options, &criu, &facts, ret_plan) == 0;
        CHECK_INT(spec_parse_mounts(arena, "mounts.json", more, strlen(more), &mounts), 0);
        return runtime_compile_mounts(arena, spec, &mounts, &options, &facts, ret_plan) == 0;
}

static void mutate_plan(const char *name, const struct plan *plan, struct tally *tally)
{
        for (enum mutation m = DROP; m < MUTATIONS; m++)
                for (enum actor actor = HOST; actor < ACTORS; actor++)
                        for (size_t i = 0; i < plan->list[actor].n; i++)
                                try_mutation(name, plan, m, actor, i, tally);
}

TEST(a_golden_plan_that_is_changed_is_refused_or_harmless)
{
        DIR *dir = opendir(tap_source_path("tests/plans"));
        struct tally tally = { 0 };
        size_t plans = 0;

        CHECK(dir != NULL);
        for (struct dirent *entry; (entry = readdir(dir));)
                for (enum purpose purpose = START; purpose < PURPOSES; purpose++) {
                        auto_arena arena = { 0 };
                        struct plan *plan;

                        if (entry->d_name[0] == '.' || !tells(entry->d_name, purpose) ||
                            !compile(&arena, entry->d_name, purpose, &plan))
                                continue;
                        CHECK_INT(plan_verify(plan), 0);
                        mutate_plan(entry->d_name, plan, &tally);
                        plans++;
                }
        closedir(dir);
        for (enum mutation m = DROP; m < MUTATIONS; m++)
                printf("# %s: %zu of %zu refused\n", mutation_names[m], tally.refused[m],
                       tally.tried[m]);
        CHECK(plans > 30);
        CHECK_INT((long long)tally.bad, 0);
}

/* -- documents out of a hat ------------------------------------------------------------------------- */

/* Pieces that may stand beside each other; each is there or not. */
static const char *const process_pieces[] = {
        ",\"noNewPrivileges\":true",
        ",\"user\":{\"uid\":1000,\"gid\":1000,\"additionalGids\":[4,24],\"umask\":18}",
        (",\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"effective\":[\"CAP_KILL\"],"
         "\"permitted\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]}"),
        ",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":512}]",
        ",\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80}",
        ",\"oomScoreAdj\":100",
};

static const char *const mount_pieces[] = {
        "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}",
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]}",
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"options\":[\"newinstance\"]}",
        "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"options\":[\"ro\",\"nosuid\"]}",
        ("{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv\",\"options\":[\"rbind\","
         "\"rro\"]}"),
        "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\"]}",
        "{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"options\":[\"size=1m\"]}",
};

static const char *const space_pieces[] = { "pid", "network", "ipc", "uts", "cgroup", "time" };

static const char *const linux_pieces[] = {
        ",\"maskedPaths\":[\"/proc/kcore\",\"/sys/firmware\"]",
        ",\"readonlyPaths\":[\"/proc/bus\",\"/proc/sys\"]",
        ",\"cgroupsPath\":\"/here\"",
        ",\"rootfsPropagation\":\"rslave\"",
        ",\"resources\":{\"pids\":{\"limit\":64},\"memory\":{\"limit\":67108864}}",
        (",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mount\"],"
         "\"action\":\"SCMP_ACT_ERRNO\"}]}"),
        ",\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}]",
};

static void add_pieces(
        struct text *out, const char *const *pieces, size_t n, const char *border, unsigned *state)
{
        bool first = true;

        for (size_t i = 0; i < n; i++)
                if (next_random(state) % 2) {
                        text_addf(out, "%s%s", first ? "" : border, pieces[i]);
                        first = false;
                }
}

static const char *random_document(struct arena *arena, unsigned *state)
{
        struct text out = { .arena = arena };
        bool user = next_random(state) % 3 == 0;

        text_add(
                &out,
                "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"/bin/sh\"],\"cwd\":\"/\"");
        add_pieces(&out, process_pieces, ARRAY_SIZE(process_pieces), "", state);
        text_addf(
                &out, "},\"root\":{\"path\":\"rootfs\",\"readonly\":%s},\"mounts\":[",
                next_random(state) % 2 ? "true" : "false");
        add_pieces(&out, mount_pieces, ARRAY_SIZE(mount_pieces), ",", state);
        text_add(&out, "],\"linux\":{\"namespaces\":[{\"type\":\"mount\"}");
        for (size_t i = 0; i < ARRAY_SIZE(space_pieces); i++)
                if (next_random(state) % 2)
                        text_addf(&out, ",{\"type\":\"%s\"}", space_pieces[i]);
        text_addf(&out, "%s]", user ? ",{\"type\":\"user\"}" : "");
        if (user)
                text_add(
                        &out, ",\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":"
                              "65536}],\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,"
                              "\"size\":65536}]");
        add_pieces(&out, linux_pieces, ARRAY_SIZE(linux_pieces), "", state);
        text_add(&out, "}}");
        return text_string(&out);
}

TEST(what_the_compiler_makes_of_any_document_is_accepted)
{
        static const char *const hosts[] = { "default-v1", "default-v2", "default-hybrid" };
        size_t plans = 0, rounds = 1500;

        for (unsigned seed = 1; seed <= rounds; seed++) {
                auto_arena arena = { 0 };
                unsigned state = seed * 2654435761u;
                const char *host = hosts[next_random(&state) % ARRAY_SIZE(hosts)];
                const char *facts_text =
                        tap_read(arena_format(&arena, "tests/plans/%s/facts.json", host));
                const char *document = random_document(&arena, &state);
                struct runtime_options options = { .id = "c1",
                                                   .bundle = "/bundle",
                                                   .await_start = next_random(&state) % 2 };
                const struct spec *spec;
                struct facts facts;
                struct plan *plan;

                CHECK_INT(facts_parse(&arena, host, facts_text, strlen(facts_text), &facts), 0);
                CHECK_INT(spec_parse(&arena, "drawn", document, strlen(document), &spec), 0);
                trail_reset();
                if (runtime_compile(&arena, spec, &options, &facts, &plan) < 0)
                        continue;
                plans++;
                if (plan_verify(plan) < 0) {
                        printf("# seed %u on %s: %s\n# %s\n", seed, host, document, trail_text());
                        CHECK(!"the verifier refuses what the compiler made");
                }
        }
        printf("# %zu plans of %zu documents\n", plans, rounds);
        CHECK(plans > rounds / 3);
}
