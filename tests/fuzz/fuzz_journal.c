/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a journal of any bytes can be opened, asked about and listed; what it says is
 * to be undone is read and not done. */
#include "engine/store.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        const char *root = place_get("c1");
        const char *const *cgroups;
        const struct spec *spec;
        struct container container;
        struct record record;
        size_t n;

        trail_reset();
        place_write("c1/journal", bytes, size);
        if (container_open(&arena, root, "c1", true, &container) < 0)
                return 0;
        container_cgroups(&arena, &container, &cgroups, &n);
        for (size_t i = 0; i < n; i++)
                if (!cgroups[i])
                        __builtin_trap();
        record_decode(&arena, &container, &record);
        if (!record.name || !record.image || !container_status_word(container.status))
                __builtin_trap();
        container_spec(&arena, &container, &spec);
        container_close(&container);
        return 0;
}
