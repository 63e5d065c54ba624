/* SPDX-License-Identifier: Apache-2.0 */
/* The printers: whole plans against golden files, single operations by hand. */
#include "sample.h"
#include "tap.h"

static const char *one(struct arena *arena, struct op op)
{
        struct text out = { .arena = arena };

        op_print(&op, &out);
        return text_string(&out);
}

#define PRINTED(title, ...) \
        one(&arena,         \
            (struct op){ .code = OP_##title, .as.title = (struct op_##title){ __VA_ARGS__ } })

TEST(text_of_a_plan)
{
        auto_sample s = { 0 };
        struct text out = { .arena = &s.arena };

        sample_build(&s);
        plan_print_text(&s.plan, &out);
        CHECK_GOLDEN("tests/unit/plan/sample.text", text_string(&out));
}

TEST(json_of_a_plan)
{
        auto_sample s = { 0 };
        struct text out = { .arena = &s.arena };

        sample_build(&s);
        plan_print_json(&s.plan, &out);
        CHECK_GOLDEN("tests/unit/plan/sample.json", text_string(&out));
}

TEST(json_is_json)
{
        auto_sample s = { .script = "a\nb\x01\"\\" };
        struct text out = { .arena = &s.arena };
        const struct json *root, *init, *exec, *args;

        sample_build(&s);
        plan_print_json(&s.plan, &out);
        CHECK_INT(json_parse(&s.arena, "plan", out.data, out.len, &root), 0);
        CHECK_STR(json_string(json_member(root, "id")), "c1");
        CHECK_INT(json_member(root, "host")->n, s.plan.list[HOST].n);
        init = json_member(root, "init");
        CHECK_INT(init->n, s.plan.list[INIT].n);
        exec = &init->items[init->n - 1];
        CHECK_STR(json_string(json_member(exec, "op")), "exec");
        CHECK_STR(json_string(json_member(exec, "manual")), "execve(2)");
        CHECK_STR(json_string(json_member(exec, "why")), "/process/args");
        args = json_member(exec, "args");
        CHECK_INT(args->n, 3);
        CHECK_STR(json_string(&args->items[2]), "a\nb\x01\"\\");
        CHECK_INT(json_member(root, "notes")->n, 1);
}

TEST(slots_and_absent_operands)
{
        static const char *const layers[] = { "/b", "/a", NULL };
        auto_arena arena = { 0 };

        CHECK_STR(
                PRINTED(clone_tree, .dir = -1, .path = "/dev/null", .tree = 3),
                "clone_tree path=/dev/null -> tree=%3");
        CHECK_STR(
                PRINTED(clone_tree, .dir = 2, .path = "", .recursive = 1, .tree = 3),
                "clone_tree dir=%2 path='' recursive=1 -> tree=%3");
        CHECK_STR(PRINTED(set_fs, .fs = 4, .key = "ro"), "set_fs fs=%4 key=ro");
        CHECK_STR(
                PRINTED(make_mount, .fs = 4, .attrs = 0x1f, .tree = 5),
                "make_mount fs=%4 attrs=ro,nosuid,nodev,noexec,noatime -> tree=%5");
        CHECK_STR(
                PRINTED(make_layered, .fs = 4, .lower = { layers, 2 }, .tree = 5),
                "make_layered fs=%4 lower=[/b /a] -> tree=%5");
        CHECK_STR(
                PRINTED(make_file, .path = "/s/f", .mode = 0644, .content = "a\n"),
                "make_file path=/s/f mode=0644 content='a\\n'");
        CHECK_STR(
                PRINTED(attach, .tree = 5, .root = 0, .target = "a b", .make = TARGET_FILE),
                "attach tree=%5 root=%0 target='a b' make=file");
}

TEST(sets_are_words)
{
        auto_arena arena = { 0 };

        CHECK_STR(
                PRINTED(unshare, .spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME),
                "unshare spaces=pid,mnt,time");
        CHECK_STR(PRINTED(drop_bounding, .keep = 0x21), "drop_bounding keep=chown,kill");
        CHECK_STR(
                PRINTED(set_caps, .effective = 0, .permitted = ~0ull, .inheritable = 1),
                "set_caps effective=none permitted=all inheritable=chown");
        CHECK_STR(
                PRINTED(set_mount, .tree = 1, .set = 0x10, .clear = 0x70,
                        .propagation = PROPAGATE_SLAVE),
                "set_mount tree=%1 set=noatime clear=atime propagation=slave");
        CHECK_STR(
                PRINTED(set_mount, .tree = 1, .set = 1ull << 40),
                "set_mount tree=%1 set=0x10000000000");
        CHECK_STR(
                PRINTED(set_rlimit, .resource = RLIMIT_NOFILE, .soft = 0, .hard = UINT64_MAX),
                "set_rlimit resource=nofile soft=0 hard=unlimited");
        CHECK_STR(PRINTED(open_gate, .gate = GATE_IDS_MAPPED), "open_gate gate=ids_mapped");
}

TEST(values_of_other_kinds)
{
        auto_arena arena = { 0 };
        static const uint32_t ids[] = { 5, 6 };
        static const char *const words[] = { "sh", "-c", "a b", NULL };

        CHECK_STR(
                PRINTED(make_node, .dir = 0, .path = "null", .mode = 0666, .device = { 1, 3, 'c' }),
                "make_node dir=%0 path=null mode=0666 device=c 1:3");
        CHECK_STR(PRINTED(set_groups, .groups = { ids, 2 }), "set_groups groups=5,6");
        CHECK_STR(PRINTED(set_groups, .groups = { 0 }), "set_groups groups=none");
        CHECK_STR(
                PRINTED(load_seccomp, .filter = { ids, 8 }, .flags = 2),
                "load_seccomp filter=<1 instructions> flags=0x2");
        CHECK_STR(
                PRINTED(exec, .args = { words, 3 }, .env = { words, 0 }),
                "exec args=[sh -c 'a b'] env=[]");
}

TEST(control_characters_are_visible)
{
        auto_arena arena = { 0 };

        CHECK_STR(PRINTED(set_hostname, .name = "a\n\x1b[1m"), "set_hostname name='a\\n\\x1b[1m'");
}

TEST(namespaces_are_followed)
{
        auto_arena arena = { 0 };
        struct plan plan = { .arena = &arena, .id = "x" };
        struct text out = { .arena = &arena };

        plan_add(
                &plan, HOST, "/a", open_namespace, .path = "/proc/7/ns/net", .type = CLONE_NEWNET,
                .ns = 0);
        plan_add(&plan, HOST, "/a", spawn, .spaces = CLONE_NEWNS, .cgroup = -1, .process = 1);
        plan_add(&plan, INIT, "/a", join_namespace, .ns = 0, .type = CLONE_NEWNET);
        plan_print_text(&plan, &out);
        CHECK(strstr(out.data, "pid=caller's mnt=caller's"));
        CHECK(strstr(out.data, "pid=caller's mnt=new uts=caller's ipc=caller's net=caller's"));
        CHECK(strstr(
                out.data, "pid=caller's mnt=new uts=caller's ipc=caller's net=/proc/7/ns/net"));
}

TEST(every_operation_has_name_and_manual)
{
        for (int code = 0; code < OP_COUNT; code++) {
                struct op op = { .code = (uint8_t)code };

                /* Both lie in places of a fixed size: one that filled it would run into the next. */
                CHECK(strlen(op_name(&op)) > 2 && strlen(op_name(&op)) < 24);
                CHECK(strlen(op_manual(&op)) < 48);
                CHECK(strchr(op_manual(&op), '('));
                CHECK(op_stage(&op) <= STAGE_EXEC);
        }
        CHECK_STR(op_name(&(struct op){ .code = OP_COUNT }), "?");
}

TEST(equal_operations)
{
        auto_sample a = { 0 }, b = { 0 };

        sample_build(&a);
        sample_build(&b);
        for (size_t i = 0; i < a.plan.list[INIT].n; i++)
                CHECK(op_equal(&a.plan.list[INIT].ops[i], &b.plan.list[INIT].ops[i]));
        for (size_t i = 0; i + 1 < a.plan.list[INIT].n; i++)
                if (a.plan.list[INIT].ops[i].code != b.plan.list[INIT].ops[i + 1].code)
                        CHECK(!op_equal(&a.plan.list[INIT].ops[i], &b.plan.list[INIT].ops[i + 1]));
        b.plan.list[INIT].ops[1].as.link_up.name = "lo1";
        CHECK(!op_equal(&a.plan.list[INIT].ops[1], &b.plan.list[INIT].ops[1]));
}

TEST(slots_end)
{
        struct plan plan = { .slots = PLAN_SLOTS - 1 };

        CHECK_INT(plan_slot(&plan), PLAN_SLOTS - 1);
        CHECK_INT(plan_slot(&plan), PLAN_SLOTS);
        CHECK_INT(plan_slot(&plan), PLAN_SLOTS);
}

/* docs/plan-language.md is made from ops.def: BLESS=1 makes it again. */
TEST(the_documented_language_is_this_one)
{
        char *command, *bytes = calloc(1, 1 << 17);
        FILE *pipe;

        CHECK(asprintf(&command, "cd '%s' && tools/plan-language", tap_source_path("")) > 0);
        pipe = popen(command, "r");
        CHECK(pipe);
        CHECK(fread(bytes, 1, (1 << 17) - 1, pipe) > 5000);
        CHECK_INT(pclose(pipe), 0);
        CHECK_GOLDEN("docs/plan-language.md", bytes);
        free(command);
        free(bytes);
}
