/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spec/spec.h"

/* The .def files as data, for the decoder and the encoder; private to the room. */

enum spec_kind {
        SPEC_TEXT,
        SPEC_BOOL,
        SPEC_TRI,
        SPEC_I32,
        SPEC_I64,
        SPEC_U32,
        SPEC_U64,
        SPEC_ID,
        SPEC_OPT_I64,
        SPEC_OPT_U64,
        SPEC_OPT_U32,
        SPEC_OPT_U16,
        SPEC_OPT_ID,
        SPEC_TEXTS,
        SPEC_IDS,
        SPEC_MAP,
        SPEC_RAW,
        SPEC_OBJ,
        SPEC_LIST,
        SPEC_TABLE,
};

enum spec_presence {
        SPEC_OPTIONAL,
        SPEC_REQUIRED,
        SPEC_ALWAYS
};

struct spec_field {
        const char *name; /* in JSON */
        enum spec_kind kind;
        enum spec_presence presence;
        size_t offset;
        const struct spec_object *(*of)(void); /* OBJ, LIST, TABLE */
        const char *words; /* NULL, or the only ones allowed, separated by spaces */
};

struct spec_object {
        const struct spec_field *fields;
        size_t n;
        size_t size;         /* of the struct, which begins with `at` */
        size_t entry_size;   /* of the table's entry, which begins with the key */
        size_t entry_offset; /* of the struct in it */
};

/* Every list and table has this layout; it is copied in and out, by the rules of aliasing. */
struct spec_any_list {
        void *items;
        size_t n;
};

/* object_of_spec(), object_of_spec_process(), ... */
/* clang-format off */
#define OBJECT(tag) const struct spec_object *object_of_##tag(void);
#define FIELD(kind, presence, name, json)
#define FIELD_OF(kind, presence, name, json, of)
#define FIELD_ENUM(kind, presence, name, json, words)
#define END(tag)
#include "spec/documents.def"
#undef OBJECT
#undef FIELD
#undef FIELD_OF
#undef FIELD_ENUM
#undef END
/* clang-format on */

/* Fill `out`, a zeroed struct of that object, from `root`; 0, or -EINVAL with a trail. */
int spec_decode(
        struct arena *arena, const char *name, const struct json *root,
        const struct spec_object *object, void *out);
/* The same for an array of them, the document itself or its member (NULL: the former); `out` is the
 * object's list. */
int spec_decode_list(
        struct arena *arena, const char *name, const struct json *at, const char *member,
        const struct spec_object *object, void *out);
/* Write a struct of that object as the value of the member `name` (NULL: the root). */
void spec_put(
        struct json_writer *w, const char *name, const struct spec_object *object,
        const void *value);
