/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: one document over another, by the tables. A member that the second one has is
 * the second one's; objects are merged member by member, maps key by key; a list is replaced as a
 * whole. What either has is borrowed, not copied. */

static const size_t sizes[] = {
        [SPEC_TEXT] = sizeof(const char *),
        [SPEC_BOOL] = sizeof(bool),
        [SPEC_TRI] = sizeof(struct spec_opt_bool),
        [SPEC_I32] = sizeof(int32_t),
        [SPEC_I64] = sizeof(int64_t),
        [SPEC_U32] = sizeof(uint32_t),
        [SPEC_U64] = sizeof(uint64_t),
        [SPEC_ID] = sizeof(uint32_t),
        [SPEC_OPT_I64] = sizeof(struct spec_opt_i64),
        [SPEC_OPT_U64] = sizeof(struct spec_opt_u64),
        [SPEC_OPT_U32] = sizeof(struct spec_opt_u32),
        [SPEC_OPT_U16] = sizeof(struct spec_opt_u32),
        [SPEC_OPT_ID] = sizeof(struct spec_opt_u32),
        [SPEC_TEXTS] = sizeof(struct spec_texts),
        [SPEC_IDS] = sizeof(struct spec_u32s),
        [SPEC_MAP] = sizeof(struct spec_map),
        [SPEC_RAW] = sizeof(const void *),
        [SPEC_OBJ] = sizeof(const void *),
        [SPEC_LIST] = sizeof(struct spec_any_list),
        [SPEC_TABLE] = sizeof(struct spec_any_list),
};

/* Those of a struct that says whether it was given: `set` comes first in each. */
static bool has_flag(enum spec_kind kind)
{
        return kind == SPEC_TRI || kind == SPEC_OPT_I64 || kind == SPEC_OPT_U64 ||
               kind == SPEC_OPT_U32 || kind == SPEC_OPT_U16 || kind == SPEC_OPT_ID;
}

static bool is_present(enum spec_kind kind, const char *value)
{
        if (has_flag(kind))
                return *(const bool *)value;
        for (size_t i = 0; i < sizes[kind]; i++)
                if (value[i])
                        return true;
        return false;
}

static void merge_map(struct arena *arena, char *out, const char *more)
{
        struct spec_map a, b, all = { 0 };

        memcpy(&a, out, sizeof a);
        memcpy(&b, more, sizeof b);
        all.items = arena_array(arena, a.n + b.n + 1, sizeof *all.items);
        for (size_t i = 0; i < a.n + b.n; i++) {
                struct spec_pair pair = i < a.n ? a.items[i] : b.items[i - a.n];
                size_t k = 0;

                while (k < all.n && !text_equal(all.items[k].key, pair.key))
                        k++;
                all.items[k] = pair;
                all.n += k == all.n;
        }
        memcpy(out, &all, sizeof all);
}

/* `out` holds the base. */
static void merge_object(
        struct arena *arena, const struct spec_object *object, char *out, const char *more)
{
        const struct json *at; /* its place, the first member: where the last word is */

        memcpy(&at, more, sizeof at);
        memcpy(out, &at, sizeof at);
        for (size_t i = 0; i < object->n; i++) {
                const struct spec_field *field = &object->fields[i];
                char *to = out + field->offset;
                const char *from = more + field->offset;
                void *below, *over;

                if (!is_present(field->kind, from))
                        continue;
                if (field->kind == SPEC_MAP) {
                        merge_map(arena, to, from);
                        continue;
                }
                if (field->kind != SPEC_OBJ || !is_present(SPEC_OBJ, to)) {
                        memcpy(to, from, sizes[field->kind]);
                        continue;
                }
                over = arena_alloc(arena, field->of()->size);
                memcpy(&below, to, sizeof below);
                memcpy(over, below, field->of()->size);
                memcpy(to, &over, sizeof over);
                memcpy(&below, from, sizeof below);
                merge_object(arena, field->of(), over, below);
        }
}

const struct spec_resources *spec_merge_resources(
        struct arena *arena, const struct spec_resources *base, const struct spec_resources *more)
{
        struct spec_resources *all = arena_new(arena, struct spec_resources);

        if (base)
                *all = *base;
        merge_object(arena, object_of_spec_resources(), (char *)all, (const char *)more);
        return all;
}
