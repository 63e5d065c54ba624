/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

/* Theory of operation: the preprocessor reads runtime.def once more and makes of each object a
 * constant table of its members: JSON name, kind, offset in the struct. So the decoder and the
 * encoder are one function each for all objects, and a member that is added to runtime.def needs no
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
#include "spec/runtime.def"
/* clang-format on */
