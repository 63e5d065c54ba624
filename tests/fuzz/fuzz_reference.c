/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

/* Theory of operation: whatever is taken as a name has a full form and a short one that are taken, too,
 * and mean the same; and no part of it can leave a directory or a URL's path. */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must_mean(struct arena *arena, const char *words, const char *full)
{
        struct image_reference reference;

        if (image_reference_parse(arena, words, &reference) < 0 ||
            !text_equal(image_reference_full(arena, &reference), full))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        const char *words = arena_copy(&arena, (const char *)bytes, size);
        struct image_reference reference;
        struct image_platform platform;

        trail_reset();
        if (image_platform_parse(&arena, words, &platform) == 0 &&
            image_platform_parse(&arena, image_platform_words(&arena, &platform), &platform) < 0)
                __builtin_trap();
        if (image_reference_parse(&arena, words, &reference) < 0)
                return 0;
        must_mean(
                &arena, image_reference_full(&arena, &reference),
                image_reference_full(&arena, &reference));
        must_mean(
                &arena, image_reference_short(&arena, &reference),
                image_reference_full(&arena, &reference));
        if (strstr(reference.repository, "..") || strpbrk(reference.repository, "%?# @\\"))
                __builtin_trap();
        return 0;
}
