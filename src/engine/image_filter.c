/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the words of --filter about images and containers: labels, and times. */
#include "image.h"
#include "store.h"

#include <fnmatch.h>
#include <string.h>
#include <time.h>

/* -- times ------------------------------------------------------------------------------------------------ */

/* "1h30m": how many seconds; false: it is none. */
static bool parse_span(struct arena *arena, const char *words, uint64_t *ret_s)
{
        uint64_t total = 0;

        while (*words) {
                size_t digits = strspn(words, "0123456789");
                uint64_t number, unit;

                if (!digits || text_u64(arena_copy(arena, words, digits), &number) < 0 ||
                    number > 1ULL << 32)
                        return false;
                unit = words[digits] == 'h' ? 3600 : words[digits] == 'm' ? 60 : 1;
                if (!strchr("hms", words[digits]) || !words[digits])
                        return false;
                total += number * unit;
                words += digits + 1;
        }
        *ret_s = total;
        return total > 0;
}

/* Cut the fraction of a second out of "12.5" and "...T12:00:00.5Z": its nanoseconds. */
static uint64_t cut_fraction(struct arena *arena, const char **words)
{
        const size_t whole = strcspn(*words, ".");
        const char *rest = *words + whole;
        uint64_t ns = 0;
        size_t digits = 0;

        if (!*rest)
                return 0;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, digits++)
                ns = digits < 9 ? ns * 10 + (uint64_t)(*rest - '0') : ns;
        if (!digits)
                return 0;
        for (; digits < 9; digits++)
                ns *= 10;
        *words = arena_format(arena, "%.*s%s", (int)whole, *words, rest);
        return ns;
}

int filter_time(struct arena *arena, const char *option, const char *words, uint64_t *ret_ns)
{
        const char *whole = words;
        uint64_t seconds, span, fraction = cut_fraction(arena, &whole);
        int64_t when = 0;

        if (text_u64(whole, &seconds) == 0)
                when = seconds > INT64_MAX ? 0 : (int64_t)seconds;
        else if (whole == words && parse_span(arena, words, &span))
                when = (int64_t)time(NULL) - (int64_t)span;
        else if (strlen(words) == strlen("2026-01-31"))
                when = store_parse_time(arena_format(arena, "%sT00:00:00Z", words));
        else
                when = store_parse_time(whole);
        if (when <= 0 || when > INT64_C(1) << 33) {
                trail_hint(
                        "a time is 24h (ago), 1h30m, 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970");
                return trail(-EINVAL, "%s: '%.100s' is no time", option, words);
        }
        *ret_ns = (uint64_t)when * 1000000000 + fraction;
        return 0;
}

/* -- labels ----------------------------------------------------------------------------------------------- */

bool filter_label(const struct spec_map *labels, const char *wanted)
{
        const size_t size = strcspn(wanted, "=");

        for (size_t i = 0; i < labels->n; i++)
                if (strncmp(labels->items[i].key, wanted, size) == 0 &&
                    !labels->items[i].key[size] &&
                    (!wanted[size] || text_equal(labels->items[i].value, wanted + size + 1)))
                        return true;
        return false;
}

/* -- images ----------------------------------------------------------------------------------------------- */

static bool matches_name(const struct image_info *info, const char *pattern)
{
        return fnmatch(pattern, info->name, 0) == 0 || fnmatch(pattern, info->repository, 0) == 0;
}

static int is_older(struct image_filter *filter, const char *image, uint64_t *ret_ns)
{
        auto_arena scratch = { 0 };
        struct layout_image documents;
        bool by_name;
        size_t at;
        int r = image_find(filter->layout, filter->arena, filter->index, image, &at, &by_name);

        if (r == 0)
                r = layout_read_image(
                        filter->layout, &scratch, filter->index->manifests.items[at].digest,
                        &documents);
        if (r == 0)
                *ret_ns = (uint64_t)store_parse_time(documents.config->created) * 1000000000;
        return r;
}

/* The value of "NAME=VALUE", or NULL. */
static const char *value_of(const char *filter, const char *name)
{
        const size_t size = strlen(name);

        return strncmp(filter, name, size) == 0 ? filter + size : NULL;
}

static int passes_one(struct image_filter *filter, const struct image_info *info, const char *words)
{
        const bool dangling = text_equal(info->repository, "<none>");
        const char *value;
        uint64_t ns;
        int r;

        if (text_equal(words, "dangling=true") || text_equal(words, "dangling=1"))
                return dangling;
        if (text_equal(words, "dangling=false") || text_equal(words, "dangling=0"))
                return !dangling;
        if ((value = value_of(words, "reference=")))
                return matches_name(info, value);
        if ((value = value_of(words, "label=")))
                return filter_label(&info->labels, value);
        if ((value = value_of(words, "label!=")))
                return !filter_label(&info->labels, value);
        if ((value = value_of(words, "before="))) {
                r = is_older(filter, value, &ns);
                return r < 0 ? r : info->created_ns < ns;
        }
        if ((value = value_of(words, "since="))) {
                r = is_older(filter, value, &ns);
                return r < 0 ? r : info->created_ns > ns;
        }
        if ((value = value_of(words, "until="))) {
                r = filter_time(filter->arena, "--filter", value, &ns);
                return r < 0 ? r : info->created_ns < ns;
        }
        trail_hint(
                "filters are dangling=true, dangling=false, reference=PATTERN, label=KEY[=VALUE], "
                "label!=KEY[=VALUE], before=IMAGE, since=IMAGE and until=TIME");
        return trail(-EINVAL, "--filter: '%.200s' is none that is known", words);
}

int image_passes(
        struct image_filter *filter, const struct words *words, const struct image_info *info)
{
        int r = 1;

        for (size_t i = 0; r > 0 && i < words->n; i++)
                r = passes_one(filter, info, words->items[i]);
        return r;
}

int image_check_filter(struct image_filter *filter, const struct words *words)
{
        static const struct image_info nothing = { .repository = "", .name = "" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < words->n; i++)
                r = passes_one(filter, &nothing, words->items[i]);
        return r < 0 ? r : 0;
}
