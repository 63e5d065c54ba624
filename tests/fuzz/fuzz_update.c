/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a document of `update` to a plan, for a container that has limits of its own. What
 * the container has then is written to the journal, so it must be read again as the same. */
#include "host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char container[] =
        "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},"
        "\"linux\":{\"resources\":{\"memory\":{\"limit\":8388608,\"swap\":16777216},\"pids\":{\"limit\":9},"
        "\"cpu\":{\"shares\":512,\"quota\":5000,\"period\":10000}}}}";

static const char *const cgroups[] = {
        "/sys/fs/cgroup/cpu,cpuacct/c1",
        "/sys/fs/cgroup/memory/c1",
        "/sys/fs/cgroup/c1",
};

static void check_again(struct arena *arena, const struct spec_resources *all)
{
        struct text once = { .arena = arena }, twice = { .arena = arena };
        const struct spec_resources *again;

        spec_encode_resources(all, &once);
        if (spec_parse_resources(arena, "again", text_string(&once), once.len, &again) < 0)
                __builtin_trap();
        spec_encode_resources(again, &twice);
        if (!text_equal(text_string(&once), text_string(&twice)))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct cgroup_hierarchy v1[3];
        struct runtime_options options = { .id = "c1",
                                           .bundle = "/bundle",
                                           .document = "update",
                                           .made_cgroups = cgroups,
                                           .n_made_cgroups = ARRAY_SIZE(cgroups) };
        struct runtime_update update = { 0 };
        const struct spec_resources *all;
        struct facts facts;
        struct plan *plan;
        uint32_t state = draw_seed(bytes, size);

        trail_reset();
        if (spec_parse_resources(&arena, "fuzz", (const char *)bytes, size, &update.change) < 0)
                return 0;
        if (spec_parse(&arena, "container", container, strlen(container), &update.spec) < 0)
                __builtin_trap();
        facts = draw_facts(v1, &state);
        if (draw(&state) % 4 == 0) {
                options.unit = "husk-c1.scope";
                options.unit_socket = "/run/systemd/private";
        }
        if (runtime_compile_update(&arena, &update, &options, &facts, &plan, &all) < 0)
                return 0;
        check_plan(&arena, plan);
        check_again(&arena, all);
        return 0;
}
