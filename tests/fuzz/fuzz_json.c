/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

/* Theory of operation: whatever the parser accepts must, written again, be accepted again. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out, .indent = 1 };
        const struct json *root;

        trail_reset();
        if (json_parse(&arena, "fuzz", (const char *)bytes, size, &root) < 0)
                return 0;
        json_put_value(&w, NULL, root);
        if (json_parse(&arena, "again", text_string(&out), out.len, &root) < 0)
                __builtin_trap();
        return 0;
}
