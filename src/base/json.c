/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* Theory of operation: one pass of recursive descent, 64 levels at most. The items of the open
 * arrays and objects wait on a stack that all levels share; closing one copies its own to the arena
 * in one piece. Lines cost nothing but a counter at '\n', which a valid document has between
 * tokens only. Member names are compared with their few siblings, or, from 16 on, looked up in a
 * hash table, so that a hostile object costs linear time. Numbers stay text: what fits is the
 * reader's business. No extensions: a config that another runtime refuses is refused here. */

enum {
        DEPTH_MAX = 64,
        FEW_MEMBERS = 16
};

struct parser {
        struct arena *arena;
        const char *name;
        const char *start, *at, *end;
        const char *line_start;
        uint32_t line;
        unsigned depth;
        size_t most, left;         /* values that there may be, and may still be */
        struct json_member *stack; /* the items of all open levels; array items have no name */
        size_t used, room;
};

static int json_value_parse(struct parser *p, struct json *ret_value);

static uint32_t json_column(const struct parser *p, const char *at)
{
        return (uint32_t)(at - p->line_start) + 1;
}

/* "NAME:LINE:COLUMN: unexpected WHAT, expected EXPECTED" about the byte at p->at. */
static int json_unexpected(const struct parser *p, const char *expected)
{
        const uint32_t column = json_column(p, p->at);
        unsigned char c;

        if (p->at == p->end)
                return trail(
                        -EBADMSG, "%s:%u:%u: unexpected end, expected %s", p->name, p->line, column,
                        expected);
        c = (unsigned char)*p->at;
        if (c < 0x20 || c > 0x7e)
                return trail(
                        -EBADMSG, "%s:%u:%u: unexpected byte 0x%02x, expected %s", p->name, p->line,
                        column, c, expected);
        return trail(
                -EBADMSG, "%s:%u:%u: unexpected '%c', expected %s", p->name, p->line, column, c,
                expected);
}

static int json_refuse(const struct parser *p, const char *at, const char *what)
{
        return trail(-EBADMSG, "%s:%u:%u: %s", p->name, p->line, json_column(p, at), what);
}

static void json_skip_space(struct parser *p)
{
        for (; p->at < p->end; p->at++) {
                if (*p->at == '\n') {
                        p->line++;
                        p->line_start = p->at + 1;
                } else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r') {
                        return;
                }
        }
}

static bool json_next_is(const struct parser *p, char c)
{
        return p->at < p->end && *p->at == c;
}

static bool is_digit(const struct parser *p)
{
        return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

/* -- strings ----------------------------------------------------------------------------------- */

static int json_hex4(struct parser *p, unsigned *ret_unit)
{
        unsigned unit = 0;

        for (int i = 0; i < 4; i++, p->at++) {
                const int c = p->at < p->end ? *p->at : 0;

                if (c >= '0' && c <= '9')
                        unit = unit << 4 | (unsigned)(c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        unit = unit << 4 | (unsigned)((c | 0x20) - 'a' + 10);
                else
                        return json_unexpected(p, "a hexadecimal digit");
        }
        *ret_unit = unit;
        return 0;
}

static size_t json_put_utf8(char *out, unsigned code)
{
        if (code < 0x80) {
                out[0] = (char)code;
                return 1;
        }
        if (code < 0x800) {
                out[0] = (char)(0xc0 | code >> 6);
                out[1] = (char)(0x80 | (code & 0x3f));
                return 2;
        }
        if (code < 0x10000) {
                out[0] = (char)(0xe0 | code >> 12);
                out[1] = (char)(0x80 | (code >> 6 & 0x3f));
                out[2] = (char)(0x80 | (code & 0x3f));
                return 3;
        }
        out[0] = (char)(0xf0 | code >> 18);
        out[1] = (char)(0x80 | (code >> 12 & 0x3f));
        out[2] = (char)(0x80 | (code >> 6 & 0x3f));
        out[3] = (char)(0x80 | (code & 0x3f));
        return 4;
}

/* Behind "\u": one code point, of one unit or a surrogate pair. */
static int json_unicode_parse(struct parser *p, char *out, size_t *ret_size)
{
        const char *begin = p->at - 2;
        unsigned high, low;
        int r;

        r = json_hex4(p, &high);
        if (r < 0)
                return r;
        if (!high)
                return json_refuse(p, begin, "\\u0000 in a string, which C strings cannot hold");
        if (high >= 0xdc00 && high <= 0xdfff)
                return json_refuse(p, begin, "a low surrogate without the high one before it");
        if (high >= 0xd800 && high <= 0xdbff) {
                if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
                        return json_refuse(p, begin, "a high surrogate without the low one");
                p->at += 2;
                r = json_hex4(p, &low);
                if (r < 0)
                        return r;
                if (low < 0xdc00 || low > 0xdfff)
                        return json_refuse(p, begin, "a high surrogate without the low one");
                high = 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
        }
        *ret_size = json_put_utf8(out, high);
        return 0;
}

/* At the backslash. */
static int json_escape_parse(struct parser *p, char *out, size_t *ret_size)
{
        static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        const char *letter;

        p->at++;
        if (json_next_is(p, 'u')) {
                p->at++;
                return json_unicode_parse(p, out, ret_size);
        }
        letter = p->at < p->end ? memchr(letters, *p->at, sizeof letters - 1) : NULL;
        if (!letter)
                return json_unexpected(p, "one of \" \\ / b f n r t u after a backslash");
        p->at++;
        out[0] = meanings[letter - letters];
        *ret_size = 1;
        return 0;
}

/* Pass over bytes that mean themselves: up to a quote, a backslash or an error. */
static int json_plain_skip(struct parser *p)
{
        while (p->at < p->end) {
                const unsigned char c = (unsigned char)*p->at;
                size_t length = 1;

                if (c == '"' || c == '\\')
                        return 0;
                if (c < 0x20)
                        return json_unexpected(p, "control characters to be escaped");
                if (c >= 0x80)
                        length = text_utf8(p->at, (size_t)(p->end - p->at));
                if (!length)
                        return json_refuse(p, p->at, "a string that is not valid UTF-8");
                p->at += length;
        }
        return json_unexpected(p, "'\"' at the end of the string");
}

/* At the quote. Decoding never lengthens, so the first escape makes room for the rest of the
 * string at once. */
static int json_string_parse(struct parser *p, const char **ret_string)
{
        const char *from = ++p->at, *end;
        size_t length, size = 0;
        char *out;
        int r;

        r = json_plain_skip(p);
        if (r < 0)
                return r;
        length = (size_t)(p->at - from);
        if (*p->at == '"') {
                p->at++;
                *ret_string = arena_copy(p->arena, from, length);
                return 0;
        }
        for (end = p->at; end < p->end && *end != '"'; end++)
                end += *end == '\\';
        if (end >= p->end)
                end = p->end;
        out = arena_copy(p->arena, from, (size_t)(end - from));
        while (*p->at == '\\') {
                r = json_escape_parse(p, out + length, &size);
                if (r < 0)
                        return r;
                length += size;
                from = p->at;
                r = json_plain_skip(p);
                if (r < 0)
                        return r;
                memcpy(out + length, from, (size_t)(p->at - from));
                length += (size_t)(p->at - from);
        }
        p->at++;
        out[length] = '\0';
        *ret_string = out;
        return 0;
}

/* -- arrays and objects -------------------------------------------------------------------------- */

/* A slot on top of the stack; the ones below may move. */
static struct json_member *json_push(struct parser *p)
{
        if (p->used == p->room) {
                /* An element takes a dozen bytes or more: as a rule this is enough, and what is not
                 * used is never touched. */
                const size_t few = 16 + (size_t)(p->end - p->start) / 24;
                const size_t room = p->room ? p->room * 2 : few < 4096 ? few : 4096;
                struct json_member *stack = arena_array(p->arena, room, sizeof *stack);

                if (p->used)
                        memcpy(stack, p->stack, p->used * sizeof *stack);
                p->stack = stack;
                p->room = room;
        }
        return &p->stack[p->used++];
}

static int json_array_close(struct parser *p, size_t base, struct json *value)
{
        const size_t n = p->used - base;
        struct json *items = arena_array(p->arena, n, sizeof *items);

        for (size_t i = 0; i < n; i++)
                items[i] = p->stack[base + i].value;
        value->n = n;
        value->items = items;
        p->used = base;
        p->at++;
        return 0;
}

static int json_array_parse(struct parser *p, struct json *value)
{
        const size_t base = p->used;

        p->at++;
        json_skip_space(p);
        if (json_next_is(p, ']'))
                return json_array_close(p, base, value);
        for (;;) {
                struct json item;
                int r;

                json_skip_space(p);
                r = json_value_parse(p, &item);
                if (r < 0)
                        return r;
                *json_push(p) = (struct json_member){ .value = item };
                json_skip_space(p);
                if (json_next_is(p, ']'))
                        return json_array_close(p, base, value);
                if (!json_next_is(p, ','))
                        return json_unexpected(p, "',' or ']'");
                p->at++;
        }
}

static int json_duplicate(
        const struct parser *p, const struct json_member *first, const struct json_member *second)
{
        struct text name = { .arena = p->arena };

        text_add_visible(&name, second->name);
        return trail(
                -EBADMSG, "%s:%u:%u: duplicate member \"%.80s\", given first at %u:%u", p->name,
                second->line, second->column, text_string(&name), first->line, first->column);
}

/* FNV-1a; the seed is an address, which a document's writer does not know. */
static uint64_t json_hash(const char *name, uint64_t seed)
{
        uint64_t hash = 0xcbf29ce484222325 ^ seed;

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
        return hash ^ hash >> 29;
}

static int json_check_many(struct parser *p, const struct json_member *members, size_t n)
{
        size_t slots = 64;
        uint32_t *table;

        while (slots < n * 2)
                slots *= 2;
        table = arena_array(p->arena, slots, sizeof *table);
        for (size_t i = 0; i < n; i++) {
                size_t slot = json_hash(members[i].name, (uintptr_t)members) & (slots - 1);

                for (; table[slot]; slot = (slot + 1) & (slots - 1))
                        if (!strcmp(members[table[slot] - 1].name, members[i].name))
                                return json_duplicate(p, &members[table[slot] - 1], &members[i]);
                table[slot] = (uint32_t)i + 1;
        }
        return 0;
}

static int json_check_names(struct parser *p, const struct json_member *members, size_t n)
{
        if (n > FEW_MEMBERS)
                return json_check_many(p, members, n);
        for (size_t i = 1; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (!strcmp(members[j].name, members[i].name))
                                return json_duplicate(p, &members[j], &members[i]);
        return 0;
}

static int json_object_close(struct parser *p, size_t base, struct json *value)
{
        const size_t n = p->used - base;
        struct json_member *members = arena_array(p->arena, n, sizeof *members);

        if (n)
                memcpy(members, p->stack + base, n * sizeof *members);
        value->n = n;
        value->members = members;
        p->used = base;
        p->at++;
        return json_check_names(p, members, n);
}

static int json_member_parse(struct parser *p)
{
        struct json_member member = { .line = p->line, .column = json_column(p, p->at) };
        int r;

        if (!json_next_is(p, '"'))
                return json_unexpected(p, "'\"' of a member's name");
        r = json_string_parse(p, &member.name);
        if (r < 0)
                return r;
        json_skip_space(p);
        if (!json_next_is(p, ':'))
                return json_unexpected(p, "':' after a member's name");
        p->at++;
        json_skip_space(p);
        r = json_value_parse(p, &member.value);
        if (r < 0)
                return r;
        *json_push(p) = member;
        return 0;
}

static int json_object_parse(struct parser *p, struct json *value)
{
        const size_t base = p->used;

        p->at++;
        json_skip_space(p);
        if (json_next_is(p, '}'))
                return json_object_close(p, base, value);
        for (;;) {
                int r;

                json_skip_space(p);
                r = json_member_parse(p);
                if (r < 0)
                        return r;
                json_skip_space(p);
                if (json_next_is(p, '}'))
                        return json_object_close(p, base, value);
                if (!json_next_is(p, ','))
                        return json_unexpected(p, "',' or '}'");
                p->at++;
        }
}

/* -- scalars and values ------------------------------------------------------------------------ */

static int json_digits(struct parser *p)
{
        if (!is_digit(p))
                return json_unexpected(p, "a digit");
        while (is_digit(p))
                p->at++;
        return 0;
}

static int json_number_parse(struct parser *p, struct json *value)
{
        const char *from = p->at;
        int r;

        p->at += *p->at == '-';
        if (json_next_is(p, '0'))
                p->at++;
        else if ((r = json_digits(p)) < 0)
                return r;
        if (is_digit(p))
                return json_refuse(p, from, "a number with a leading zero");
        if (json_next_is(p, '.')) {
                p->at++;
                r = json_digits(p);
                if (r < 0)
                        return r;
        }
        if (json_next_is(p, 'e') || json_next_is(p, 'E')) {
                p->at++;
                p->at += json_next_is(p, '+') || json_next_is(p, '-');
                r = json_digits(p);
                if (r < 0)
                        return r;
        }
        value->kind = JSON_NUMBER;
        value->string = arena_copy(p->arena, from, (size_t)(p->at - from));
        return 0;
}

static int json_word_parse(struct parser *p, struct json *value)
{
        static const struct {
                const char *word;
                size_t length;
                enum json_kind kind;
        } words[] = {
                { "true", 4, JSON_BOOL },
                { "false", 5, JSON_BOOL },
                { "null", 4, JSON_NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                if ((size_t)(p->end - p->at) < words[i].length ||
                    memcmp(p->at, words[i].word, words[i].length) != 0)
                        continue;
                value->kind = words[i].kind;
                value->boolean = i == 0;
                p->at += words[i].length;
                return 0;
        }
        return json_unexpected(p, "a value");
}

static int json_nested_parse(struct parser *p, struct json *value)
{
        int r;

        if (p->depth == DEPTH_MAX)
                return json_refuse(p, p->at, "nested deeper than 64 levels");
        p->depth++;
        value->kind = *p->at == '[' ? JSON_ARRAY : JSON_OBJECT;
        r = value->kind == JSON_ARRAY ? json_array_parse(p, value) : json_object_parse(p, value);
        p->depth--;
        return r;
}

static int json_value_parse(struct parser *p, struct json *ret_value)
{
        struct json value = { .line = p->line, .column = json_column(p, p->at) };
        int r;

        if (p->at == p->end)
                return json_unexpected(p, "a value");
        if (p->left-- == 0)
                return trail(
                        -EBADMSG, "%s:%u:%u: more than %zu values", p->name, p->line,
                        json_column(p, p->at), p->most);
        value.start = (uint32_t)(p->at - p->start);
        if (*p->at == '"') {
                value.kind = JSON_STRING;
                r = json_string_parse(p, &value.string);
        } else if (*p->at == '{' || *p->at == '[') {
                r = json_nested_parse(p, &value);
        } else if (*p->at == '-' || is_digit(p)) {
                r = json_number_parse(p, &value);
        } else {
                r = json_word_parse(p, &value);
        }
        if (r < 0)
                return r;
        value.size = (uint32_t)(p->at - p->start) - value.start;
        *ret_value = value;
        return 0;
}

int json_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct json **ret_root)
{
        return json_parse_bounded(arena, name, bytes, size, SIZE_MAX, ret_root);
}

int json_parse_bounded(
        struct arena *arena, const char *name, const char *bytes, size_t size, size_t most,
        const struct json **ret_root)
{
        struct parser p = {
                .most = most,
                .left = most,
                .arena = arena,
                .name = name,
                .start = bytes,
                .at = bytes,
                .end = bytes + size,
                .line_start = bytes,
                .line = 1,
        };
        struct json *root = arena_new(arena, struct json);
        int r;

        if (size > UINT32_MAX)
                return trail(-EBADMSG, "%s: %zu bytes are too many for one document", name, size);
        json_skip_space(&p);
        r = json_value_parse(&p, root);
        if (r < 0)
                return r;
        json_skip_space(&p);
        if (p.at < p.end)
                return json_unexpected(&p, "the end of the document");
        *ret_root = root;
        return 0;
}

/* -- readers ----------------------------------------------------------------------------------- */

const struct json *json_member(const struct json *object, const char *name)
{
        if (!object || object->kind != JSON_OBJECT)
                return NULL;
        for (size_t i = 0; i < object->n; i++)
                if (!strcmp(object->members[i].name, name))
                        return &object->members[i].value;
        return NULL;
}

const char *json_string(const struct json *value)
{
        return value && value->kind == JSON_STRING ? value->string : NULL;
}

int json_u64(const struct json *value, uint64_t *ret_value)
{
        uint64_t magnitude;
        bool negative;
        int r;

        if (!value || value->kind != JSON_NUMBER)
                return -EINVAL;
        negative = value->string[0] == '-';
        r = text_u64(value->string + negative, &magnitude);
        if (r < 0)
                return r;
        if (negative && magnitude)
                return -ERANGE;
        *ret_value = magnitude;
        return 0;
}

int json_i64(const struct json *value, int64_t *ret_value)
{
        bool negative;
        uint64_t magnitude;
        int r;

        if (!value || value->kind != JSON_NUMBER)
                return -EINVAL;
        negative = value->string[0] == '-';
        r = text_u64(value->string + negative, &magnitude);
        if (r < 0)
                return r;
        if (magnitude > (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        *ret_value = (int64_t)(negative ? -magnitude : magnitude);
        return 0;
}
