/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: the decoder's way back over the same tables. A member is absent, and left
 * out, when it holds what an empty struct holds, unless the table says ALWAYS or REQUIRED; an empty
 * array that the document had stays, because it says more than none. Members that no table knows
 * are lost. */

static void encode_object(
        struct json_writer *w, const char *name, const struct spec_object *object,
        const char *value);

static void encode_texts(struct json_writer *w, const char *name, const struct spec_texts *texts)
{
        if (!texts->items)
                return;
        json_open_array(w, name);
        for (size_t i = 0; i < texts->n; i++)
                json_put_string(w, NULL, texts->items[i]);
        json_close_array(w);
}

static void encode_ids(struct json_writer *w, const char *name, const struct spec_u32s *ids)
{
        if (!ids->items)
                return;
        json_open_array(w, name);
        for (size_t i = 0; i < ids->n; i++)
                json_put_u64(w, NULL, ids->items[i]);
        json_close_array(w);
}

static void encode_map(struct json_writer *w, const char *name, const struct spec_map *map)
{
        if (!map->items)
                return;
        json_open_object(w, name);
        for (size_t i = 0; i < map->n; i++)
                json_put_string(w, map->items[i].key, map->items[i].value);
        json_close_object(w);
}

static void encode_list(struct json_writer *w, const struct spec_field *field, const void *value)
{
        const struct spec_object *object = field->of();
        struct spec_any_list list;

        memcpy(&list, value, sizeof list);
        if (!list.items)
                return;
        json_open_array(w, field->name);
        for (size_t i = 0; i < list.n; i++)
                encode_object(w, NULL, object, (char *)list.items + i * object->size);
        json_close_array(w);
}

static void encode_table(struct json_writer *w, const struct spec_field *field, const void *value)
{
        const struct spec_object *object = field->of();
        struct spec_any_list table;

        memcpy(&table, value, sizeof table);
        if (!table.items)
                return;
        json_open_object(w, field->name);
        for (size_t i = 0; i < table.n; i++) {
                const char *entry = (char *)table.items + i * object->entry_size, *key;

                memcpy(&key, entry, sizeof key);
                encode_object(w, key, object, entry + object->entry_offset);
        }
        json_close_object(w);
}

static void encode_text(struct json_writer *w, const struct spec_field *field, const char *string)
{
        if (string || field->presence != SPEC_OPTIONAL)
                json_put_string(w, field->name, string ? string : "");
}

static void encode_bool(struct json_writer *w, const struct spec_field *field, bool value)
{
        if (value || field->presence != SPEC_OPTIONAL)
                json_put_bool(w, field->name, value);
}

static void encode_i64(struct json_writer *w, const struct spec_field *field, int64_t value)
{
        if (value || field->presence != SPEC_OPTIONAL)
                json_put_i64(w, field->name, value);
}

static void encode_u64(struct json_writer *w, const struct spec_field *field, uint64_t value)
{
        if (value || field->presence != SPEC_OPTIONAL)
                json_put_u64(w, field->name, value);
}

static void encode_opt_i64(
        struct json_writer *w, const char *name, const struct spec_opt_i64 *value)
{
        if (value->set)
                json_put_i64(w, name, value->value);
}

static void encode_opt_u64(
        struct json_writer *w, const char *name, const struct spec_opt_u64 *value)
{
        if (value->set)
                json_put_u64(w, name, value->value);
}

static void encode_opt_u32(
        struct json_writer *w, const char *name, const struct spec_opt_u32 *value)
{
        if (value->set)
                json_put_u64(w, name, value->value);
}

static void encode_opt_bool(
        struct json_writer *w, const char *name, const struct spec_opt_bool *value)
{
        if (value->set)
                json_put_bool(w, name, value->value);
}

/* The pointer that an OBJ or a RAW member holds. */
static const void *pointer_at(const void *value)
{
        const void *pointer;

        memcpy(&pointer, value, sizeof pointer);
        return pointer;
}

static void encode_field(struct json_writer *w, const struct spec_field *field, const void *value)
{
        switch (field->kind) {
        case SPEC_TEXT:
                return encode_text(w, field, *(const char *const *)value);
        case SPEC_BOOL:
                return encode_bool(w, field, *(const bool *)value);
        case SPEC_TRI:
                return encode_opt_bool(w, field->name, value);
        case SPEC_I32:
                return encode_i64(w, field, *(const int32_t *)value);
        case SPEC_I64:
                return encode_i64(w, field, *(const int64_t *)value);
        case SPEC_U32:
        case SPEC_ID:
                return encode_u64(w, field, *(const uint32_t *)value);
        case SPEC_U64:
                return encode_u64(w, field, *(const uint64_t *)value);
        case SPEC_OPT_I64:
                return encode_opt_i64(w, field->name, value);
        case SPEC_OPT_U64:
                return encode_opt_u64(w, field->name, value);
        case SPEC_OPT_U32:
        case SPEC_OPT_U16:
        case SPEC_OPT_ID:
                return encode_opt_u32(w, field->name, value);
        case SPEC_TEXTS:
                return encode_texts(w, field->name, value);
        case SPEC_IDS:
                return encode_ids(w, field->name, value);
        case SPEC_MAP:
                return encode_map(w, field->name, value);
        case SPEC_RAW:
                if (pointer_at(value))
                        json_put_value(w, field->name, pointer_at(value));
                return;
        case SPEC_OBJ:
                if (pointer_at(value))
                        encode_object(w, field->name, field->of(), pointer_at(value));
                return;
        case SPEC_LIST:
                return encode_list(w, field, value);
        case SPEC_TABLE:
                return encode_table(w, field, value);
        }
}

static void encode_object(
        struct json_writer *w, const char *name, const struct spec_object *object,
        const char *value)
{
        json_open_object(w, name);
        for (size_t i = 0; i < object->n; i++)
                encode_field(w, &object->fields[i], value + object->fields[i].offset);
        json_close_object(w);
}

void spec_put(
        struct json_writer *w, const char *name, const struct spec_object *object,
        const void *value)
{
        encode_object(w, name, object, value);
}

void spec_encode(const struct spec *spec, unsigned indent, struct text *out)
{
        struct json_writer w = { .out = out, .indent = indent };

        encode_object(&w, NULL, object_of_spec(), (const char *)spec);
}

void spec_encode_resources(const struct spec_resources *resources, struct text *out)
{
        struct json_writer w = { .out = out };

        encode_object(&w, NULL, object_of_spec_resources(), (const char *)resources);
}
