/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

/* Theory of operation: a manifest or index and a configuration from anywhere. What is read must be
 * read again when it was written, as the same. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void write_document(const struct image_document *document, struct text *out)
{
        if (document->index)
                image_encode_index(document->index, out);
        else
                image_encode_manifest(document->manifest, out);
}

static void try_document(struct arena *arena, const char *bytes, size_t size)
{
        struct text once = { .arena = arena }, twice = { .arena = arena };
        struct image_document document;

        if (image_parse(arena, "fuzz", bytes, size, IMAGE_UNKNOWN, &document) < 0)
                return;
        write_document(&document, &once);
        if (image_parse(arena, "again", once.data, once.len, IMAGE_UNKNOWN, &document) < 0)
                __builtin_trap();
        write_document(&document, &twice);
        if (!text_equal(once.data, twice.data))
                __builtin_trap();
}

static void try_config(struct arena *arena, const char *bytes, size_t size)
{
        struct text once = { .arena = arena }, twice = { .arena = arena };
        const struct image_config *config;

        if (image_parse_config(arena, "fuzz", bytes, size, &config) < 0)
                return;
        image_encode_config(config, &once);
        if (image_parse_config(arena, "again", once.data, once.len, &config) < 0)
                __builtin_trap();
        image_encode_config(config, &twice);
        if (!text_equal(once.data, twice.data))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };

        trail_reset();
        try_document(&arena, (const char *)bytes, size);
        try_config(&arena, (const char *)bytes, size);
        return 0;
}
