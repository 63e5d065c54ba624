/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"
#include "tap.h"

/* Theory of operation: names of platforms, and indexes as registries have them. */

#define HEX  "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
#define TYPE IMAGE_TYPE_MANIFEST

static struct arena arena;

static const char *parsed(const char *words)
{
        struct image_platform platform;

        trail_reset();
        if (image_platform_parse(&arena, words, &platform) < 0)
                return trail_text();
        return image_platform_words(&arena, &platform);
}

TEST(platform_is_parsed)
{
        struct image_platform own = image_platform_of("x86_64");

        CHECK_STR(parsed("linux/amd64"), "linux/amd64");
        CHECK_STR(parsed("amd64"), "linux/amd64");
        CHECK_STR(parsed("x86_64"), "linux/amd64");
        CHECK_STR(parsed("linux/aarch64"), "linux/arm64/v8");
        CHECK_STR(parsed("arm/v6"), "linux/arm/v6");
        CHECK_STR(parsed("linux/arm/v5"), "linux/arm/v5");
        CHECK_STR(parsed("armhf"), "linux/arm/v7");
        CHECK_STR(parsed("windows/amd64"), "windows/amd64");
        CHECK_STR(parsed("linux/sparc64"), "linux/sparc64");
        CHECK_STR(image_platform_words(&arena, &own), "linux/amd64");
        CHECK_STR(parsed("linux"), "'linux' is no platform: it names no architecture");
        CHECK_STR(parsed("a/b/c/d"), "'a/b/c/d' is no platform: it has more than three parts");
        CHECK_STR(parsed("amd64/v2/x"), "amd64/v2/x");
        CHECK_STR(
                parsed("linux//v7"),
                "'linux//v7' is no platform: a part of it is empty or has odd letters");
        CHECK_STR(
                parsed("li\x1bnux/amd64"),
                "'li\\x1bnux/amd64' is no platform: a part of it is empty or has odd letters");
}

/* The size of the entry that is chosen for a platform; 0: none. */
static long chosen(const char *entries, const char *words)
{
        struct image_document document;
        struct image_platform platform;
        const struct image_descriptor *entry;
        char *text = arena_format(&arena, "{\"schemaVersion\":2,\"manifests\":[%s]}", entries);

        CHECK_INT(image_parse(&arena, "i", text, strlen(text), IMAGE_INDEX, &document), 0);
        CHECK_INT(image_platform_parse(&arena, words, &platform), 0);
        entry = image_platform_choose(document.index, &platform);
        return entry ? (long)entry->size : 0;
}

#define ENTRY(size, platform) \
        "{\"mediaType\":\"" TYPE "\",\"digest\":\"sha256:" HEX "\",\"size\":" #size platform "}"
#define OF(os, architecture) \
        ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\"}"
#define VARIANT(architecture, variant)                                     \
        ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" architecture \
        "\",\"variant\":\"" variant "\"}"

TEST(platform_is_chosen)
{
        static const char busybox[] =
                ENTRY(1, OF("unknown", "unknown")) "," ENTRY(2, OF("linux", "amd64")) "," ENTRY(3, VARIANT("arm", "v5")) "," ENTRY(4, VARIANT("arm", "v6")) "," ENTRY(
                        5,
                        VARIANT("arm",
                                "v7")) "," ENTRY(6, VARIANT("arm64", "v8")) "," ENTRY(7, OF("linux", "386")) "," ENTRY(8, OF("linux", "amd64"));

        CHECK_INT(chosen(busybox, "amd64"), 2);
        CHECK_INT(chosen(busybox, "arm"), 5);
        CHECK_INT(chosen(busybox, "arm/v6"), 4);
        CHECK_INT(chosen(busybox, "arm64"), 6);
        CHECK_INT(chosen(busybox, "386"), 7);
        CHECK_INT(chosen(busybox, "s390x"), 0);
        CHECK_INT(chosen(busybox, "windows/amd64"), 0);
        CHECK_INT(chosen(ENTRY(1, OF("unknown", "unknown")), "amd64"), 0);
}

TEST(platform_takes_what_runs)
{
        /* v7 runs what is for v6, and v6 not what is for v7. */
        CHECK_INT(
                chosen(ENTRY(1, VARIANT("arm", "v5")) "," ENTRY(2, VARIANT("arm", "v6")), "arm/v7"),
                2);
        CHECK_INT(chosen(ENTRY(1, VARIANT("arm", "v7")), "arm/v6"), 0);
        /* Without a variant it is the architecture's usual one. */
        CHECK_INT(chosen(ENTRY(1, OF("linux", "arm64")), "arm64/v8"), 1);
        /* What is for every amd64, before what is for some. */
        CHECK_INT(
                chosen(ENTRY(1, VARIANT("amd64", "v3")) "," ENTRY(2, OF("linux", "amd64")),
                       "amd64"),
                2);
        CHECK_INT(chosen(ENTRY(1, VARIANT("amd64", "v3")), "amd64"), 0);
        CHECK_INT(
                chosen(ENTRY(1, VARIANT("amd64", "v2")) "," ENTRY(2, OF("linux", "amd64")),
                       "amd64/v3"),
                1);
        /* An index of one that says nothing. */
        CHECK_INT(chosen(ENTRY(9, ""), "amd64"), 9);
        CHECK_INT(chosen(ENTRY(9, "") "," ENTRY(2, OF("linux", "amd64")), "amd64"), 2);
}

TEST(platform_passes_over_what_is_no_image)
{
        CHECK_INT(
                chosen("{\"mediaType\":\"text/plain\",\"digest\":\"sha256:" HEX
                       "\",\"size\":1}," ENTRY(2, ""),
                       "amd64"),
                2);
}
