/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a whole document to a plan. Which host it is for, and which options come with
 * it, is drawn from the document's own bytes (host.h). Whatever the compiler accepts the verifier must
 * accept, and the printers must be able to print. */
#include "host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

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
        uint32_t state = draw_seed(bytes, size);

        trail_reset();
        if (spec_parse(&arena, "fuzz", (const char *)bytes, size, &spec) < 0)
                return 0;
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
