/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

/* Theory of operation: encode(parse(x)) must parse, and encode to the same bytes again. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct text once = { .arena = &arena }, twice = { .arena = &arena };
        const struct spec *spec;

        trail_reset();
        if (spec_parse(&arena, "fuzz", (const char *)bytes, size, &spec) < 0)
                return 0;
        spec_encode(spec, 0, &once);
        if (spec_parse(&arena, "again", once.data, once.len, &spec) < 0)
                __builtin_trap();
        spec_encode(spec, 0, &twice);
        if (!text_equal(once.data, twice.data))
                __builtin_trap();
        return 0;
}
