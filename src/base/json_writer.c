/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* Theory of operation: every put begins with json_begin, which knows from `comma` whether a
 * sibling stands before it and from `depth` how far to indent, so callers only name what they
 * write. A container that stays empty is written "{}" or "[]". Misuse (a name inside an array) is
 * the caller's bug and is not looked for. */

static void json_break(struct json_writer *w)
{
        if (!w->indent)
                return;
        text_add_char(w->out, '\n');
        for (unsigned i = 0; i < w->indent * w->depth; i++)
                text_add_char(w->out, ' ');
}

static void json_begin(struct json_writer *w, const char *name)
{
        if (w->comma)
                text_add_char(w->out, ',');
        if (w->depth)
                json_break(w);
        if (name) {
                text_add_json(w->out, name);
                text_add(w->out, w->indent ? ": " : ":");
        }
        w->comma = true;
}

static void json_open(struct json_writer *w, const char *name, char bracket)
{
        json_begin(w, name);
        text_add_char(w->out, bracket);
        w->depth++;
        w->comma = false;
}

static void json_close(struct json_writer *w, char bracket)
{
        w->depth--;
        if (w->comma)
                json_break(w);
        text_add_char(w->out, bracket);
        w->comma = true;
}

void json_open_object(struct json_writer *w, const char *name)
{
        json_open(w, name, '{');
}

void json_close_object(struct json_writer *w)
{
        json_close(w, '}');
}

void json_open_array(struct json_writer *w, const char *name)
{
        json_open(w, name, '[');
}

void json_close_array(struct json_writer *w)
{
        json_close(w, ']');
}

void json_put_string(struct json_writer *w, const char *name, const char *value)
{
        json_begin(w, name);
        text_add_json(w->out, value);
}

void json_put_i64(struct json_writer *w, const char *name, int64_t value)
{
        json_begin(w, name);
        text_addf(w->out, "%ld", (long)value);
}

void json_put_u64(struct json_writer *w, const char *name, uint64_t value)
{
        json_begin(w, name);
        text_addf(w->out, "%lu", (unsigned long)value);
}

void json_put_bool(struct json_writer *w, const char *name, bool value)
{
        json_begin(w, name);
        text_add(w->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *name)
{
        json_begin(w, name);
        text_add(w->out, "null");
}

void json_put_raw(struct json_writer *w, const char *name, const char *bytes, size_t size)
{
        json_begin(w, name);
        text_add_bytes(w->out, bytes, size);
}

static void json_put_nested(struct json_writer *w, const char *name, const struct json *value)
{
        const bool object = value->kind == JSON_OBJECT;

        json_open(w, name, object ? '{' : '[');
        for (size_t i = 0; i < value->n; i++) {
                if (object)
                        json_put_value(w, value->members[i].name, &value->members[i].value);
                else
                        json_put_value(w, NULL, &value->items[i]);
        }
        json_close(w, object ? '}' : ']');
}

void json_put_value(struct json_writer *w, const char *name, const struct json *value)
{
        switch (value->kind) {
        case JSON_NULL:
                json_put_null(w, name);
                return;
        case JSON_BOOL:
                json_put_bool(w, name, value->boolean);
                return;
        case JSON_NUMBER:
                json_put_raw(w, name, value->string, strlen(value->string));
                return;
        case JSON_STRING:
                json_put_string(w, name, value->string);
                return;
        case JSON_ARRAY:
        case JSON_OBJECT:
                json_put_nested(w, name, value);
                return;
        }
}
