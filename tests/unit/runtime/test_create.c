/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused before anything is made. */
#include "runtime/runtime.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sched.h>

/* A host that makes a process which has nothing to do: against the verifier's rules. */
static struct plan *broken_plan(struct arena *arena)
{
        struct plan *plan = arena_alloc(arena, sizeof *plan);

        plan->arena = arena;
        plan_add(
                plan, HOST, "[test]", spawn, .spaces = CLONE_NEWUTS, .cgroup = -1,
                .process = plan_slot(plan));
        return plan;
}

TEST(a_plan_that_breaks_a_rule_makes_no_container)
{
        static const char document[] = "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"}}";
        static struct machine machine;
        char root[] = "/tmp/husk-create-XXXXXX";
        auto_arena arena = { 0 };
        struct runtime_options options = { .id = "x", .bundle = "/" };
        struct container_request request = { .root = root, .options = &options };
        int master;
        bool command;

        CHECK(mkdtemp(root) != NULL);
        CHECK_INT(spec_parse(&arena, "test", document, strlen(document), &request.spec), 0);
        request.plan = broken_plan(&arena);
        CHECK_INT(container_create(&arena, &request, &machine, &master, &command), -EINVAL);
        CHECK(strstr(trail_text(), "plan: ") != NULL);
        CHECK_INT(rmdir(root), 0); /* nothing is in it */
}

TEST(a_plan_that_breaks_a_rule_makes_no_process)
{
        static struct machine machine;
        auto_arena arena = { 0 };
        int master;
        bool command;

        CHECK_INT(container_exec(broken_plan(&arena), &machine, &master, &command), -EINVAL);
        CHECK(strstr(trail_text(), "plan: ") != NULL);
        CHECK_INT(machine.pid, 0);
}
