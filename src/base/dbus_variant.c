/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: GVariant's text form, as bytes of D-Bus.
 *
 * A variant's signature comes before its value, so the text is gone through twice: once for what type
 * it is (a type word, a signature behind '@', or the look of the value), once for the value. Arrays
 * and tuples nest four deep, which is one more than any property of systemd has. What is left out:
 * dictionaries, maybes, nested variants, byte strings and doubles, which no property that concerns us
 * takes. */
#include "base.h"
#include "dbus_private.h"

#include <errno.h>

enum {
        DEPTH_MAX = 4,
        TYPE_MAX = 64,
        WORD_MAX = 1024
};

static const struct {
        const char *word;
        char type;
} words[] = {
        { "boolean", 'b' }, { "byte", 'y' },       { "int16", 'n' },     { "uint16", 'q' },
        { "int32", 'i' },   { "uint32", 'u' },     { "int64", 'x' },     { "uint64", 't' },
        { "string", 's' },  { "objectpath", 'o' }, { "signature", 'g' },
};

struct input {
        const char *at;
        char type[TYPE_MAX]; /* what was found to be the type */
        size_t n;
};

static void skip_spaces(struct input *in)
{
        in->at += strspn(in->at, " \t\n");
}

static bool is_word_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A type word: its letter, 0 when there is none. */
static char take_word(struct input *in)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                size_t size = strlen(words[i].word);

                if (strncmp(in->at, words[i].word, size) == 0 && !is_word_char(in->at[size])) {
                        in->at += size;
                        return words[i].type;
                }
        }
        return 0;
}

/* One complete type, without variants and dictionaries: its length, 0 when it is none. */
static size_t type_size(const char *type, unsigned depth)
{
        size_t n = 1, one;

        if (depth > DEPTH_MAX || !*type)
                return 0;
        if (strchr("ybnqiuxtsog", *type))
                return 1;
        if (*type == 'a') {
                one = type_size(type + 1, depth + 1);
                return one ? 1 + one : 0;
        }
        if (*type != '(' || type[1] == ')')
                return 0;
        for (; type[n] != ')'; n += one)
                if ((one = type_size(type + n, depth + 1)) == 0)
                        return 0;
        return n + 1;
}

static int add_type(struct input *in, const char *type, size_t size)
{
        if (in->n + size >= sizeof in->type)
                return -EINVAL;
        memcpy(in->type + in->n, type, size);
        in->n += size;
        in->type[in->n] = '\0';
        return 0;
}

static int take_quoted(struct input *in, char *word, size_t room)
{
        char quote = *in->at;
        size_t n = 0;

        if (quote != '\'' && quote != '"')
                return -EINVAL;
        for (in->at++; *in->at != quote; in->at++) {
                in->at += *in->at == '\\';
                if (!*in->at || n + 1 >= room)
                        return -EINVAL;
                word[n++] = *in->at;
        }
        word[n] = '\0';
        in->at++;
        return 0;
}

/* To the comma or bracket behind a value. */
static void skip_value(struct input *in)
{
        unsigned open = 0;
        char word[WORD_MAX];

        for (; *in->at; in->at++) {
                char c = *in->at;

                if (c == '\'' || c == '"') {
                        if (take_quoted(in, word, sizeof word) < 0)
                                return;
                        in->at--;
                } else if (c == '[' || c == '(') {
                        open++;
                } else if (open == 0 && strchr(",])", c)) {
                        return;
                } else if (c == ']' || c == ')') {
                        open--;
                }
        }
}

static int find_type(struct input *in, unsigned depth);

static int find_type_of_tuple(struct input *in, unsigned depth)
{
        int r = add_type(in, "(", 1);

        in->at++;
        for (; r == 0; in->at++) {
                r = find_type(in, depth + 1);
                if (r < 0)
                        return r;
                skip_spaces(in);
                if (*in->at != ',')
                        break;
        }
        if (r < 0 || *in->at != ')')
                return -EINVAL;
        in->at++;
        return add_type(in, ")", 1);
}

/* Like its first element; what the others are is seen when they are put. */
static int find_type_of_array(struct input *in, unsigned depth)
{
        const char *begin = in->at++;
        int r = add_type(in, "a", 1);

        if (r == 0)
                r = find_type(in, depth + 1);
        in->at = begin;
        skip_value(in);
        return r;
}

static int find_type(struct input *in, unsigned depth)
{
        char word[WORD_MAX], type;
        size_t n;

        skip_spaces(in);
        if (depth > DEPTH_MAX)
                return -EINVAL;
        if (*in->at == '@') {
                const char *type_at = in->at + 1;

                n = type_size(type_at, depth);
                in->at += 1 + n;
                skip_value(in);
                return n ? add_type(in, type_at, n) : -EINVAL;
        }
        if (*in->at == '[')
                return find_type_of_array(in, depth);
        if (*in->at == '(')
                return find_type_of_tuple(in, depth);
        if (*in->at == '\'' || *in->at == '"')
                return take_quoted(in, word, sizeof word) < 0 ? -EINVAL : add_type(in, "s", 1);
        type = take_word(in);
        if (type) {
                skip_spaces(in);
                if (*in->at == '\'' || *in->at == '"')
                        return take_quoted(in, word, sizeof word) < 0 ? -EINVAL
                                                                      : add_type(in, &type, 1);
        }
        n = strcspn(in->at, " \t\n,])");
        if (!type)
                type = *in->at == 't' || *in->at == 'f' ? 'b' : 'i';
        in->at += n;
        return n ? add_type(in, &type, 1) : -EINVAL;
}

/* -- values -------------------------------------------------------------------------------------- */

static int take_bare(struct input *in, char word[64])
{
        size_t n = strcspn(in->at, " \t\n,])");

        if (n == 0 || n >= 64)
                return -EINVAL;
        memcpy(word, in->at, n);
        word[n] = '\0';
        in->at += n;
        return 0;
}

static int put_bool(struct dbus_writer *w, struct input *in)
{
        char word[64];

        if (take_bare(in, word) < 0 || (!text_equal(word, "true") && !text_equal(word, "false")))
                return -EINVAL;
        dbus_put_u32(w, word[0] == 't');
        return 0;
}

/* Decimal, hexadecimal with 0x, octal with 0: -EINVAL, too when it is more than 64 bits. */
static int read_digits(const char *text, uint64_t *ret_value)
{
        unsigned base = *text != '0' ? 10 : text[1] == 'x' ? 16 : 8;
        uint64_t value = 0;

        text += base == 16 ? 2 : 0;
        do {
                unsigned digit = *text >= '0' && *text <= '9' ? (unsigned)(*text - '0')
                               : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a' + 10)
                               : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A' + 10)
                                                              : 16;

                if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return -EINVAL;
        } while (*++text);
        *ret_value = value;
        return 0;
}

static size_t integer_size(char type)
{
        return type == 'y'                ? 1
             : type == 'n' || type == 'q' ? 2
             : type == 'i' || type == 'u' ? 4
                                          : 8;
}

static int put_integer(struct dbus_writer *w, struct input *in, char type)
{
        size_t size = integer_size(type);
        bool is_signed = strchr("nix", type) != NULL, minus;
        uint64_t value, most = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
        char word[64];
        const char *digits = word;

        if (take_bare(in, word) < 0)
                return -EINVAL;
        minus = *digits == '-';
        digits += minus || *digits == '+';
        if (read_digits(digits, &value) < 0 || (minus && !is_signed) ||
            value > (is_signed ? most / 2 + minus : most))
                return -EINVAL;
        if (minus)
                value = -value;
        if (size == 8) {
                dbus_put_number(w, &value, size);
        } else if (size == 4) {
                dbus_put_u32(w, (uint32_t)value);
        } else if (size == 2) {
                uint16_t half = (uint16_t)value;

                dbus_put_number(w, &half, size);
        } else {
                uint8_t byte = (uint8_t)value;

                dbus_put_bytes(w, &byte, size);
        }
        return 0;
}

static bool is_utf8(const char *text)
{
        for (size_t left = strlen(text), n; left; left -= n, text += n)
                if ((n = text_utf8(text, left)) == 0)
                        return false;
        return true;
}

static int put_text(struct dbus_writer *w, struct input *in, char type)
{
        char word[WORD_MAX];

        if (take_quoted(in, word, sizeof word) < 0 || !is_utf8(word) ||
            (type == 'g' && strlen(word) > UINT8_MAX))
                return -EINVAL;
        if (type == 'g')
                dbus_put_signature(w, word);
        else
                dbus_put_string(w, word);
        return 0;
}

/* Type words and signatures may stand before any value: they must say what is wanted. */
static int check_prefix(struct input *in, const char *type, size_t size)
{
        char word;

        skip_spaces(in);
        if (*in->at == '@') {
                if (strncmp(in->at + 1, type, size) != 0)
                        return -EINVAL;
                in->at += 1 + size;
        } else {
                word = take_word(in);
                if (word && (size != 1 || word != *type))
                        return -EINVAL;
        }
        skip_spaces(in);
        return 0;
}

static int put_value(struct dbus_writer *w, struct input *in, const char *type, unsigned depth);

/* The elements up to `close`; of a tuple the type moves on, and must come to its end. */
static int put_elements(
        struct dbus_writer *w, struct input *in, const char *type, char close, unsigned depth)
{
        const char *at = type;

        in->at++;
        skip_spaces(in);
        while (*in->at != close) {
                int r = *at == ')' ? -EINVAL : put_value(w, in, at, depth + 1);

                if (r < 0)
                        return r;
                if (close == ')')
                        at += type_size(at, 0);
                skip_spaces(in);
                if (*in->at != ',' && *in->at != close)
                        return -EINVAL;
                in->at += *in->at == ',';
                skip_spaces(in);
        }
        in->at++;
        return close == ')' && *at != ')' ? -EINVAL : 0;
}

static size_t alignment(char type)
{
        return strchr("yg", type) ? 1 : strchr("nq", type) ? 2 : strchr("biusoa", type) ? 4 : 8;
}

static int put_container(struct dbus_writer *w, struct input *in, const char *type, unsigned depth)
{
        size_t mark, align;
        int r;

        if (*type == '(') {
                if (*in->at != '(')
                        return -EINVAL;
                dbus_put_struct(w);
                return put_elements(w, in, type + 1, ')', depth);
        }
        if (*in->at != '[')
                return -EINVAL;
        align = alignment(type[1]);
        mark = dbus_open_array(w, align);
        r = put_elements(w, in, type + 1, ']', depth);
        dbus_close_array(w, mark, align);
        return r;
}

static int put_value(struct dbus_writer *w, struct input *in, const char *type, unsigned depth)
{
        if (depth > DEPTH_MAX || check_prefix(in, type, type_size(type, 0)) < 0)
                return -EINVAL;
        switch (*type) {
        case 'a':
        case '(':
                return put_container(w, in, type, depth);
        case 'b':
                return put_bool(w, in);
        case 's':
        case 'o':
        case 'g':
                return put_text(w, in, *type);
        default:
                return put_integer(w, in, *type);
        }
}

int dbus_put_variant(struct dbus_writer *w, const char *text)
{
        struct input type = { .at = text }, value = { .at = text };
        struct dbus_writer before = *w;
        int r = find_type(&type, 0);

        if (r == 0 && type_size(type.type, 0) != type.n)
                r = -EINVAL;
        if (r == 0) {
                dbus_put_signature(w, type.type);
                r = put_value(w, &value, type.type, 0);
        }
        skip_spaces(&value);
        if (r == 0 && *value.at)
                r = -EINVAL;
        if (r < 0)
                *w = before;
        return r;
}
