/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: a walk over the parsed JSON with the object's table beside it; one function
 * a kind of member. Documents list members in about the table's order, so a member is looked for
 * from behind the last one found. Where an error stands is a chain of stack frames, made into a
 * JSON pointer only when one is reported. Members that no table knows are passed over, and a null
 * counts as absent, as the engines that write these files expect. What depends on the host (does
 * the kernel have it, does the path exist) is not looked at here. */

struct decoder {
        struct arena *arena;
        const char *name;
};

/* One step from the root to a value. */
struct place {
        const struct place *up;
        const char *member; /* NULL: an array's item */
        size_t index;
        const struct json *at;
};

static int decode_object(
        const struct decoder *d, const struct place *place, const struct spec_object *object,
        void *out);

/* -- errors -------------------------------------------------------------------------------------- */

int spec_error(
        const struct json *at, const char *name, const char *pointer, const char *format, ...)
{
        char what[2048];
        va_list values;

        va_start(values, format);
        text_vformat(what, sizeof what, format, values);
        va_end(values);
        if (!at)
                return trail(-EINVAL, "%s: %s: %s", name, pointer, what);
        return trail(-EINVAL, "%s:%u:%u: %s: %s", name, at->line, at->column, pointer, what);
}

static void place_add(const struct place *place, struct text *pointer)
{
        if (!place->up)
                return;
        place_add(place->up, pointer);
        if (place->member)
                text_add_pointer(pointer, place->member);
        else
                text_addf(pointer, "/%zu", place->index);
}

static int refuse(const struct decoder *d, const struct place *place, const char *what)
{
        struct text pointer = { .arena = d->arena };

        place_add(place, &pointer);
        if (!pointer.len)
                text_add_char(&pointer, '/');
        return spec_error(place->at, d->name, text_string(&pointer), "%s", what);
}

static const char *kind_words(enum json_kind kind)
{
        static const char *const words[] = {
                [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
                [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
        };

        return words[kind];
}

static int expect(const struct decoder *d, const struct place *place, enum json_kind kind)
{
        if (place->at->kind == kind)
                return 0;
        return refuse(
                d, place,
                arena_format(
                        d->arena, "expected %s, found %s", kind_words(kind),
                        kind_words(place->at->kind)));
}

/* -- numbers ------------------------------------------------------------------------------------- */

struct range {
        int64_t low;
        uint64_t high;
};

static int number_refuse(
        const struct decoder *d, const struct place *place, const struct range *range)
{
        return refuse(
                d, place,
                arena_format(
                        d->arena, "%.40s is out of range, expected %ld to %lu", place->at->string,
                        (long)range->low, (unsigned long)range->high));
}

/* The value's bits: a negative one's two's complement. */
static int number_decode(
        const struct decoder *d, const struct place *place, const struct range *range,
        uint64_t *ret_bits)
{
        const struct json *at = place->at;
        uint64_t bits = 0;
        int64_t low = 0;
        int r;

        r = expect(d, place, JSON_NUMBER);
        if (r < 0)
                return r;
        if (at->string[0] == '-') {
                r = json_i64(at, &low);
                bits = (uint64_t)low;
        } else {
                r = json_u64(at, &bits);
        }
        if (r == -EINVAL)
                return refuse(
                        d, place,
                        arena_format(d->arena, "expected an integer, found %.40s", at->string));
        if (r < 0 || (low < 0 ? low < range->low : bits > range->high))
                return number_refuse(d, place, range);
        *ret_bits = bits;
        return 0;
}

static const struct range range_i32 = { INT32_MIN, INT32_MAX };
static const struct range range_i64 = { INT64_MIN, INT64_MAX };
static const struct range range_u16 = { 0, UINT16_MAX };
static const struct range range_u32 = { 0, UINT32_MAX };
static const struct range range_u64 = { 0, UINT64_MAX };
/* (uid_t)-1 means "do not change" to the kernel: never an id. */
static const struct range range_id = { 0, UINT32_MAX - 1 };

static int decode_u64(
        const struct decoder *d, const struct place *place, const struct range *range, void *out)
{
        uint64_t value = 0;
        int r;

        r = number_decode(d, place, range, &value);
        if (r < 0)
                return r;
        memcpy(out, &value, sizeof value);
        return 0;
}

static int decode_u32(
        const struct decoder *d, const struct place *place, const struct range *range, void *out)
{
        uint64_t bits = 0;
        uint32_t value;
        int r;

        r = number_decode(d, place, range, &bits);
        if (r < 0)
                return r;
        value = (uint32_t)bits;
        memcpy(out, &value, sizeof value);
        return 0;
}

static int decode_opt_u32(
        const struct decoder *d, const struct place *place, const struct range *range,
        struct spec_opt_u32 *out)
{
        out->set = true;
        return decode_u32(d, place, range, &out->value);
}

static int decode_opt_u64(
        const struct decoder *d, const struct place *place, struct spec_opt_u64 *out)
{
        out->set = true;
        return decode_u64(d, place, &range_u64, &out->value);
}

static int decode_opt_i64(
        const struct decoder *d, const struct place *place, struct spec_opt_i64 *out)
{
        out->set = true;
        return decode_u64(d, place, &range_i64, &out->value);
}

/* -- strings ------------------------------------------------------------------------------------- */

static int word_refuse(const struct decoder *d, const struct place *place, const char *words)
{
        const char *value = place->at->string;
        struct text what = { .arena = d->arena };
        const char *nearest = NULL;
        unsigned least = 4;

        text_add(&what, "unknown value '");
        text_add_visible(&what, value);
        text_add(&what, "', expected one of:");
        for (const char *word = words; *word;) {
                const size_t length = strcspn(word, " ");
                const char *copy = arena_copy(d->arena, word, length);
                const unsigned distance = text_distance(value, copy);

                text_addf(&what, "%s %s", word == words ? "" : ",", copy);
                if (distance < least && distance < length) {
                        least = distance;
                        nearest = copy;
                }
                word += length + (word[length] == ' ');
        }
        if (nearest)
                text_addf(&what, " (did you mean '%s'?)", nearest);
        return refuse(d, place, text_string(&what));
}

static bool word_known(const char *words, const char *value)
{
        const size_t length = strlen(value);

        for (const char *word = words; *word;) {
                const size_t size = strcspn(word, " ");

                if (size == length && !memcmp(word, value, length))
                        return true;
                word += size + (word[size] == ' ');
        }
        return false;
}

/* The empty string of an enumeration is how Go programs write an absent one. */
static int decode_text(
        const struct decoder *d, const struct place *place, const char *words, const char **out)
{
        int r;

        r = expect(d, place, JSON_STRING);
        if (r < 0)
                return r;
        if (words && !*place->at->string)
                return 0;
        if (words && !word_known(words, place->at->string))
                return word_refuse(d, place, words);
        *out = place->at->string;
        return 0;
}

static int decode_texts(
        const struct decoder *d, const struct place *place, const char *words,
        struct spec_texts *out)
{
        int r;

        r = expect(d, place, JSON_ARRAY);
        if (r < 0)
                return r;
        out->n = place->at->n;
        out->items = arena_array(d->arena, out->n + 1, sizeof *out->items);
        for (size_t i = 0; i < out->n; i++) {
                const struct place item = { place, NULL, i, &place->at->items[i] };

                r = decode_text(d, &item, words, &out->items[i]);
                if (r < 0)
                        return r;
                if (!out->items[i])
                        return word_refuse(d, &item, words);
        }
        return 0;
}

static int decode_map(const struct decoder *d, const struct place *place, struct spec_map *out)
{
        int r;

        r = expect(d, place, JSON_OBJECT);
        if (r < 0)
                return r;
        out->n = place->at->n;
        out->items = arena_array(d->arena, out->n, sizeof *out->items);
        for (size_t i = 0; i < out->n; i++) {
                const struct json_member *member = &place->at->members[i];
                const struct place item = { place, member->name, 0, &member->value };

                out->items[i].key = member->name;
                r = decode_text(d, &item, NULL, &out->items[i].value);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- arrays and objects -------------------------------------------------------------------------- */

static int decode_ids(const struct decoder *d, const struct place *place, struct spec_u32s *out)
{
        int r;

        r = expect(d, place, JSON_ARRAY);
        if (r < 0)
                return r;
        out->n = place->at->n;
        out->items = arena_array(d->arena, out->n, sizeof *out->items);
        for (size_t i = 0; i < out->n; i++) {
                const struct place item = { place, NULL, i, &place->at->items[i] };

                r = decode_u32(d, &item, &range_id, &out->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int decode_obj(
        const struct decoder *d, const struct place *place, const struct spec_object *object,
        void *out)
{
        void *child = arena_alloc(d->arena, object->size);

        memcpy(out, &child, sizeof child);
        return decode_object(d, place, object, child);
}

static int decode_list(
        const struct decoder *d, const struct place *place, const struct spec_object *object,
        void *out)
{
        struct spec_any_list list;
        int r;

        r = expect(d, place, JSON_ARRAY);
        if (r < 0)
                return r;
        list.n = place->at->n;
        list.items = arena_array(d->arena, list.n, object->size);
        for (size_t i = 0; i < list.n; i++) {
                const struct place item = { place, NULL, i, &place->at->items[i] };

                r = decode_object(d, &item, object, (char *)list.items + i * object->size);
                if (r < 0)
                        return r;
        }
        memcpy(out, &list, sizeof list);
        return 0;
}

static int decode_table(
        const struct decoder *d, const struct place *place, const struct spec_object *object,
        void *out)
{
        struct spec_any_list table;
        int r;

        r = expect(d, place, JSON_OBJECT);
        if (r < 0)
                return r;
        table.n = place->at->n;
        table.items = arena_array(d->arena, table.n, object->entry_size);
        for (size_t i = 0; i < table.n; i++) {
                const struct json_member *member = &place->at->members[i];
                const struct place item = { place, member->name, 0, &member->value };
                char *entry = (char *)table.items + i * object->entry_size;

                memcpy(entry, &member->name, sizeof member->name);
                r = decode_object(d, &item, object, entry + object->entry_offset);
                if (r < 0)
                        return r;
        }
        memcpy(out, &table, sizeof table);
        return 0;
}

static int decode_bool(const struct decoder *d, const struct place *place, bool *out)
{
        *out = place->at->boolean;
        return expect(d, place, JSON_BOOL);
}

static int decode_field(
        const struct decoder *d, const struct place *place, const struct spec_field *field,
        void *out)
{
        switch (field->kind) {
        case SPEC_TEXT:
                return decode_text(d, place, field->words, out);
        case SPEC_BOOL:
                return decode_bool(d, place, out);
        case SPEC_TRI:
                ((struct spec_opt_bool *)out)->set = true;
                return decode_bool(d, place, &((struct spec_opt_bool *)out)->value);
        case SPEC_I32:
                return decode_u32(d, place, &range_i32, out);
        case SPEC_I64:
                return decode_u64(d, place, &range_i64, out);
        case SPEC_U32:
                return decode_u32(d, place, &range_u32, out);
        case SPEC_U64:
                return decode_u64(d, place, &range_u64, out);
        case SPEC_ID:
                return decode_u32(d, place, &range_id, out);
        case SPEC_OPT_I64:
                return decode_opt_i64(d, place, out);
        case SPEC_OPT_U64:
                return decode_opt_u64(d, place, out);
        case SPEC_OPT_U32:
                return decode_opt_u32(d, place, &range_u32, out);
        case SPEC_OPT_U16:
                return decode_opt_u32(d, place, &range_u16, out);
        case SPEC_OPT_ID:
                return decode_opt_u32(d, place, &range_id, out);
        case SPEC_TEXTS:
                return decode_texts(d, place, field->words, out);
        case SPEC_IDS:
                return decode_ids(d, place, out);
        case SPEC_MAP:
                return decode_map(d, place, out);
        case SPEC_RAW:
                *(const struct json **)out = place->at;
                return 0;
        case SPEC_OBJ:
                return decode_obj(d, place, field->of(), out);
        case SPEC_LIST:
                return decode_list(d, place, field->of(), out);
        case SPEC_TABLE:
                return decode_table(d, place, field->of(), out);
        }
        return -EINVAL;
}

/* The member called `name`, looked for from index `from` on, round the table; n when unknown. */
static size_t field_find(const struct spec_object *object, const char *name, size_t from)
{
        for (size_t i = 0; i < object->n; i++) {
                const size_t index = from + i < object->n ? from + i : from + i - object->n;

                if (!strcmp(object->fields[index].name, name))
                        return index;
        }
        return object->n;
}

static int check_required(
        const struct decoder *d, const struct place *place, const struct spec_object *object)
{
        for (size_t i = 0; i < object->n; i++) {
                const struct spec_field *field = &object->fields[i];
                const struct json *value;

                if (field->presence != SPEC_REQUIRED)
                        continue;
                value = json_member(place->at, field->name);
                if (!value || value->kind == JSON_NULL ||
                    (field->words && field->kind == SPEC_TEXT && !*value->string))
                        return refuse(
                                d, place,
                                arena_format(
                                        d->arena, "missing required member \"%s\"", field->name));
        }
        return 0;
}

static int decode_object(
        const struct decoder *d, const struct place *place, const struct spec_object *object,
        void *out)
{
        size_t next = 0;
        int r;

        r = expect(d, place, JSON_OBJECT);
        if (r < 0)
                return r;
        *(const struct json **)out = place->at;
        for (size_t i = 0; i < place->at->n; i++) {
                const struct json_member *member = &place->at->members[i];
                const struct place below = { place, member->name, 0, &member->value };
                const size_t index = field_find(object, member->name, next);

                if (index == object->n || member->value.kind == JSON_NULL)
                        continue;
                next = index + 1;
                r = decode_field(
                        d, &below, &object->fields[index],
                        (char *)out + object->fields[index].offset);
                if (r < 0)
                        return r;
        }
        return check_required(d, place, object);
}

int spec_decode(
        struct arena *arena, const char *name, const struct json *root,
        const struct spec_object *object, void *out)
{
        const struct decoder decoder = { arena, name };
        const struct place place = { .at = root };

        return decode_object(&decoder, &place, object, out);
}

int spec_decode_list(
        struct arena *arena, const char *name, const struct json *at, const char *member,
        const struct spec_object *object, void *out)
{
        const struct decoder decoder = { arena, name };
        const struct place root = { .at = at }, below = { &root, member, 0, at };

        return decode_list(&decoder, member ? &below : &root, object, out);
}
