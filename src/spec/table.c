/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: the preprocessor reads the .def files once more and makes of each object a
 * constant table of its members: JSON name, kind, offset in the struct. So the decoder and the
 * encoder are one function each for all objects, and a member that is added there needs no
 * other change. The tables stand inside functions because a FIELD does not know its struct: there
 * the name `struct current` is free to mean another one each time. */

/* clang-format off */
#define OBJECT(tag)                                                                                \
        const struct spec_object *object_of_##tag(void)                                            \
        {                                                                                          \
                struct current { struct tag is; };                                                 \
                static const struct spec_field fields[] = {
#define MEMBER(kind, presence, name, json, of, words)                                              \
        { json, SPEC_##kind, SPEC_##presence, offsetof(struct current, is.name), of, words },
#define FIELD(kind, presence, name, json) MEMBER(kind, presence, name, json, NULL, NULL)
#define FIELD_OF(kind, presence, name, json, of)                                                   \
        MEMBER(kind, presence, name, json, object_of_##of, NULL)
#define FIELD_ENUM(kind, presence, name, json, words)                                              \
        MEMBER(kind, presence, name, json, NULL, words)
#define END(tag)                                                                                   \
                };                                                                                 \
                static const struct spec_object object = {                                         \
                        .fields = fields,                                                          \
                        .n = ARRAY_SIZE(fields),                                                   \
                        .size = sizeof(struct tag),                                                \
                        .entry_size = sizeof(struct tag##_entry),                                  \
                        .entry_offset = offsetof(struct tag##_entry, value),                       \
                };                                                                                 \
                return &object;                                                                    \
        }
#include "spec/documents.def"
/* clang-format on */
#undef OBJECT
#undef MEMBER
#undef FIELD
#undef FIELD_OF
#undef FIELD_ENUM
#undef END

static const struct spec_field *find_field(
        const struct spec_object *object, const char *name, size_t size)
{
        for (size_t i = 0; object && i < object->n; i++)
                if (strlen(object->fields[i].name) == size &&
                    memcmp(object->fields[i].name, name, size) == 0)
                        return &object->fields[i];
        return NULL;
}

static struct spec_texts split_words(struct arena *arena, const char *words)
{
        struct spec_texts all = { .items = arena_array(arena, strlen(words) + 1, sizeof(char *)) };

        for (const char *at = words; *at; at += strspn(at, " ")) {
                size_t size = strcspn(at, " ");

                all.items[all.n++] = arena_copy(arena, at, size);
                at += size;
        }
        return all;
}

struct spec_texts spec_known(struct arena *arena, const char *path)
{
        const struct spec_object *object = object_of_spec();
        const struct spec_field *field = NULL;
        struct spec_texts all = { 0 };

        for (const char *at = path; *at; at += strspn(at, "/")) {
                size_t size = strcspn(at, "/");

                field = find_field(object, at, size);
                if (!field)
                        return all;
                object = field->of ? field->of() : NULL;
                at += size;
        }
        if (field && field->words)
                return split_words(arena, field->words);
        all.items = arena_array(arena, (object ? object->n : 0) + 1, sizeof(char *));
        for (size_t i = 0; object && i < object->n; i++)
                all.items[all.n++] = object->fields[i].name;
        return all;
}
