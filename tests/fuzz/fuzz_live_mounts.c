/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a document of mounts for a container that runs, to the plan that adds them, and to
 * those that take each of them away. */
#include "host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_removals(
        struct arena *arena, const struct spec *spec, const struct spec_mounts *mounts,
        const struct runtime_options *options, const struct facts *facts)
{
        for (size_t i = 0; i < mounts->list.n && i < 8; i++) {
                struct runtime_unmount unmount = { &mounts->list.items[i], "/0", "17 18" };
                struct plan *plan;

                trail_reset();
                if (runtime_compile_unmount(arena, spec, &unmount, options, facts, &plan) == 0)
                        check_plan(arena, plan);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct cgroup_hierarchy v1[3];
        struct runtime_options options = {
                .id = "c1", .bundle = "/bundle", .document = "fuzz", .pid = 77
        };
        struct spec_mounts mounts;
        struct spec *spec;
        struct facts facts;
        struct plan *plan;
        uint32_t state = draw_seed(bytes, size);

        trail_reset();
        if (spec_parse_mounts(&arena, "fuzz", (const char *)bytes, size, &mounts) < 0)
                return 0;
        facts = draw_facts(v1, &state);
        facts.has_mount_setattr = draw(&state) % 8 != 0;
        spec = spec_default(&arena, draw(&state) % 4 == 0);
        if (runtime_compile_mounts(&arena, spec, &mounts, &options, &facts, &plan) == 0)
                check_plan(&arena, plan);
        check_removals(&arena, spec, &mounts, &options, &facts);
        return 0;
}
