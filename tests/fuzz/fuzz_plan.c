/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a whole document to a plan. Which host it is for, and which options come with
 * it, is drawn from the document's own bytes, so that the corpus are plain documents. Whatever the
 * compiler accepts the verifier must accept, and the printers must be able to print. */
#include "runtime/runtime.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
        ALL_CAPS = 40
};

static uint32_t draw(uint32_t *state)
{
        *state = *state * 1664525 + 1013904223;
        return *state >> 16;
}

static struct facts draw_facts(struct cgroup_hierarchy v1[3], uint32_t *state)
{
        struct facts facts = {
                .kernel_major = draw(state) % 4 ? 6 : 5,
                .kernel_minor = draw(state) % 20,
                .uid = draw(state) % 4 ? 0 : 1000,
                .caps = draw(state) % 4 ? ((uint64_t)1 << ALL_CAPS) - 1 : draw(state),
                .has_time_namespace = draw(state) % 4 != 0,
                .cgroup_mode = (enum cgroup_mode)(draw(state) % 4),
        };

        facts.gid = facts.uid;
        v1[0] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/" };
        v1[1] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/devices", "devices", "/user" };
        v1[2] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/memory", "memory", "/" };
        if (facts.cgroup_mode == CGROUP_V1 || facts.cgroup_mode == CGROUP_HYBRID) {
                facts.v1 = v1;
                facts.n_v1 = 1 + draw(state) % 3;
        }
        if (facts.cgroup_mode == CGROUP_V2 || facts.cgroup_mode == CGROUP_HYBRID)
                facts.v2 = (struct cgroup_hierarchy){ "/sys/fs/cgroup", "cpu io memory pids",
                                                      "/system.slice" };
        for (size_t i = 0; i < ARRAY_SIZE(facts.rlimit_hard); i++)
                facts.rlimit_hard[i] = draw(state) % 2 ? UINT64_MAX : 1024;
        return facts;
}

static void check_plan(struct arena *arena, const struct plan *plan)
{
        struct text out = { .arena = arena };

        if (plan_verify(plan) < 0) {
                plan_print_text(plan, &out);
                fprintf(stderr, "%s\n%s", text_string(&out), trail_text());
                __builtin_trap();
        }
        plan_print_text(plan, &out);
        plan_print_json(plan, &out);
        plan_print_shell(plan, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct cgroup_hierarchy v1[3];
        struct runtime_options options = { .id = "c1", .bundle = "/bundle" };
        static const char *const lower[] = { "/b", "/a", NULL };
        struct runtime_overlay overlay = { "", { lower, 2 }, "/upper", "/work" };
        const struct spec *spec;
        struct facts facts;
        struct plan *plan;
        uint32_t state = 2166136261;

        trail_reset();
        if (spec_parse(&arena, "fuzz", (const char *)bytes, size, &spec) < 0)
                return 0;
        for (size_t i = 0; i < size; i++)
                state = (state ^ bytes[i]) * 16777619;
        facts = draw_facts(v1, &state);
        options.await_start = draw(&state) % 2;
        options.preserve_fds = draw(&state) % 4 ? 0 : draw(&state) % 8;
        options.no_new_keyring = draw(&state) % 4 == 0;
        if (draw(&state) % 4 == 0) {
                options.overlays = &overlay;
                options.n_overlays = 1;
                options.attach_point = "/bundle";
        }
        if (runtime_compile(&arena, spec, &options, &facts, &plan) == 0)
                check_plan(&arena, plan);
        trail_reset();
        options.await_start = false; /* `exec` knows neither */
        options.n_overlays = 0;
        options.pid = 77;
        if (spec->process &&
            runtime_compile_exec(&arena, spec, spec->process, &options, &facts, &plan) == 0)
                check_plan(&arena, plan);
        return 0;
}
