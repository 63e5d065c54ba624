/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <string.h>

/* Theory of operation: one table of the names that the same processor has; and a number for how well an
 * entry of an index fits, of which the greatest wins. */

/* GOARCH and its default variant first; then what uname(1), Debian and users say. */
static const struct {
        const char *word, *architecture, *variant;
} names[] = { { "amd64", "amd64", NULL },
              { "x86_64", "amd64", NULL },
              { "x86-64", "amd64", NULL },
              { "386", "386", NULL },
              { "i386", "386", NULL },
              { "i486", "386", NULL },
              { "i586", "386", NULL },
              { "i686", "386", NULL },
              { "arm64", "arm64", "v8" },
              { "aarch64", "arm64", "v8" },
              { "arm", "arm", "v7" },
              { "armhf", "arm", "v7" },
              { "armel", "arm", "v6" },
              { "armv7l", "arm", "v7" },
              { "armv6l", "arm", "v6" },
              { "armv5tel", "arm", "v5" },
              { "ppc64le", "ppc64le", NULL },
              { "ppc64el", "ppc64le", NULL },
              { "s390x", "s390x", NULL },
              { "riscv64", "riscv64", NULL },
              { "mips64le", "mips64le", NULL },
              { "loong64", "loong64", NULL },
              { "loongarch64", "loong64", NULL } };

static bool find_architecture(
        const char *word, const char **ret_architecture, const char **ret_variant)
{
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (text_equal(names[i].word, word)) {
                        *ret_architecture = names[i].architecture;
                        *ret_variant = names[i].variant;
                        return true;
                }
        return false;
}

/* The variant that an architecture has when none is said. */
static const char *default_variant(const char *architecture)
{
        const char *same, *variant = NULL;

        find_architecture(architecture, &same, &variant);
        return variant;
}

struct image_platform image_platform_of(const char *machine)
{
        struct image_platform platform = { .os = "linux", .architecture = machine };

        find_architecture(machine, &platform.architecture, &platform.variant);
        return platform;
}

static int refuse(struct arena *arena, const char *words, const char *what)
{
        struct text seen = { .arena = arena };

        text_add_visible(&seen, words);
        trail_hint("a platform is OS/ARCHITECTURE[/VARIANT], such as linux/arm64 or linux/arm/v6");
        return trail(-EINVAL, "'%.100s' is no platform: %s", text_string(&seen), what);
}

/* [a-z0-9_.-]+, as the names of GOOS and GOARCH and the variants are. */
static bool is_word(const char *word)
{
        return *word && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(word);
}

int image_platform_parse(
        struct arena *arena, const char *words, struct image_platform *ret_platform)
{
        struct image_platform platform = { .os = "linux" };
        char *parts[3] = { arena_string(arena, words) };
        size_t n = 1, next = 0;

        for (char *at; n <= 3 && (at = strchr(parts[n - 1], '/')); n++) {
                *at = '\0';
                if (n == 3)
                        return refuse(arena, words, "it has more than three parts");
                parts[n] = at + 1;
        }
        for (size_t i = 0; i < n; i++)
                if (!is_word(parts[i]))
                        return refuse(arena, words, "a part of it is empty or has odd letters");
        /* With one or two parts the first is a processor's name, if it is one. */
        if (n == 3 || !find_architecture(parts[0], &platform.architecture, &platform.variant))
                platform.os = parts[next++];
        if (next == n)
                return refuse(arena, words, "it names no architecture");
        if (!find_architecture(parts[next], &platform.architecture, &platform.variant))
                platform.architecture = parts[next];
        if (++next < n)
                platform.variant = parts[next++];
        if (next < n)
                return refuse(arena, words, "it has a part too many");
        *ret_platform = platform;
        return 0;
}

const char *image_platform_words(struct arena *arena, const struct image_platform *platform)
{
        const char *variant = platform->variant;

        return arena_format(
                arena, "%s/%s%s%s", platform->os, platform->architecture, variant ? "/" : "",
                variant ? variant : "");
}

/* "v7" is 7, "v8.1" is 8: enough to say which is older. -1: no number. */
static int variant_number(const char *variant)
{
        if (!variant || variant[0] != 'v' || variant[1] < '0' || variant[1] > '9')
                return -1;
        return variant[1] - '0';
}

/* How well it fits: 0 not at all, 100 exactly. */
static int fit(const struct image_platform *entry, const struct image_platform *wanted)
{
        const char *own = entry->variant && *entry->variant ? entry->variant
                                                            : default_variant(entry->architecture);
        int older, number = variant_number(wanted->variant);

        if (!text_equal(entry->os, wanted->os) ||
            !text_equal(entry->architecture, wanted->architecture))
                return 0;
        if (text_equal(own, wanted->variant))
                return 100;
        if (!own || text_equal(own, "v1"))
                return 50; /* every processor of that kind */
        older = variant_number(own);
        return older >= 0 && older < number ? 60 + older : 0;
}

const struct image_descriptor *image_platform_choose(
        const struct image_index *index, const struct image_platform *platform)
{
        const struct image_descriptor *best = NULL, *plain = NULL;
        int most = 0;

        for (size_t i = 0; i < index->manifests.n; i++) {
                const struct image_descriptor *entry = &index->manifests.items[i];
                const enum image_type type = image_media(entry->media_type).type;
                int how_well;

                if (type != IMAGE_MANIFEST && type != IMAGE_INDEX)
                        continue;
                if (!entry->platform) {
                        plain = plain ? plain : entry;
                        continue;
                }
                how_well = fit(entry->platform, platform);
                if (how_well > most) {
                        most = how_well;
                        best = entry;
                }
        }
        return best ? best : plain;
}
