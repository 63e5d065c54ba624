/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct text;

enum json_kind {
        JSON_NULL,
        JSON_BOOL,
        JSON_NUMBER,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT
};

/* A value of a parsed document; lives in the arena given to json_parse. */
struct json {
        enum json_kind kind;
        uint32_t line, column; /* of its first byte, from 1 */
        uint32_t start, size;  /* the value's bytes in the document: document + start, size long */
        bool boolean;          /* JSON_BOOL */
        size_t n;              /* JSON_ARRAY: items; JSON_OBJECT: members; else 0 */

        union {                           /* NULL for the other kinds */
                const char *string;       /* JSON_STRING: decoded, NUL-terminated UTF-8 (a \u0000 is
                                       refused); JSON_NUMBER: its literal text */
                const struct json *items; /* JSON_ARRAY */
                const struct json_member *members; /* JSON_OBJECT, in document order */
        };
};

struct json_member {
        const char *name;
        uint32_t line, column; /* of the name */
        struct json value;
};

/* Parse one strict RFC 8259 document. Refuses: trailing bytes, duplicate member names, invalid
 * UTF-8, lone surrogates, \u0000, numbers outside the grammar, more than `max_depth` (64) levels.
 * A document of 4 GiB or more is refused, too; a smaller bound is the caller's business.
 * 0 and the root, or -EBADMSG with a trail "NAME:LINE:COLUMN: what, what was expected", where NAME
 * is `name` (a file's name for messages) and columns count bytes. */
int json_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct json **ret_root);
/* The same of a document with at most `most` values: each takes a hundred bytes of memory, as few as it has in the
 * document. */
int json_parse_bounded(
        struct arena *arena, const char *name, const char *bytes, size_t size, size_t most,
        const struct json **ret_root);

/* The member's value, or NULL when there is none (or `object` is NULL or not an object). */
const struct json *json_member(const struct json *object, const char *name);
/* The string of a JSON_STRING, else NULL. */
const char *json_string(const struct json *value);
/* Exact integers only (no fraction, no exponent): 0, -EINVAL not an integer, -ERANGE. */
int json_i64(const struct json *value, int64_t *ret_value);
int json_u64(const struct json *value, uint64_t *ret_value);

/* A writer onto a text: keeps commas and indentation right. indent 0 writes one line. */
struct json_writer {
        struct text *out;
        unsigned indent; /* spaces a level; 0: compact */
        unsigned depth;
        bool comma;
};

void json_open_object(struct json_writer *w, const char *name); /* name NULL: array item or root */
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w, const char *name);
void json_close_array(struct json_writer *w);
void json_put_string(struct json_writer *w, const char *name, const char *value);
void json_put_i64(struct json_writer *w, const char *name, int64_t value);
void json_put_u64(struct json_writer *w, const char *name, uint64_t value);
void json_put_bool(struct json_writer *w, const char *name, bool value);
void json_put_null(struct json_writer *w, const char *name);
/* Already valid JSON, put as it is. */
void json_put_raw(struct json_writer *w, const char *name, const char *bytes, size_t size);
/* A parsed value, written again. */
void json_put_value(struct json_writer *w, const char *name, const struct json *value);
