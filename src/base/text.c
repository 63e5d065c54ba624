/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* Theory of operation: a text doubles its room in the arena; when it is the last thing that the
 * arena gave out, as it is in a run of text_add calls, it grows where it stands. The three quoting
 * forms share one UTF-8 step: what is not well-formed is escaped (on a terminal) or replaced by
 * U+FFFD (in JSON), so no byte of a container reaches a reader unfiltered. ASCII rules only: no
 * locale, and letters outside ASCII are neither folded nor measured. */

/* Room for `size` more bytes and the NUL. */
static void text_reserve(struct text *text, size_t size)
{
        size_t room = text->room ? text->room : 64;
        struct arena *arena = text->arena;
        char *data;

        if (text->room - text->len > size)
                return;
        while (room - text->len <= size)
                room *= 2;
        if (text->data && text->data + text->room == arena->at &&
            (size_t)(arena->end - text->data) >= room) {
                arena->at = text->data + room;
                text->room = room;
                return;
        }
        data = arena_alloc(arena, room);
        if (text->data)
                memcpy(data, text->data, text->len);
        text->data = data;
        text->room = room;
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
        if (!size)
                return;
        text_reserve(text, size);
        text_copy(text->data + text->len, bytes, size);
        text->len += size;
        text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
        text_add_bytes(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
        text_add_bytes(text, &c, 1);
}

void text_addf(struct text *text, const char *format, ...)
{
        va_list values;
        size_t length;

        /* Into the room that is there first: mostly it is enough. */
        text_reserve(text, 32);
        va_start(values, format);
        length = text_vformat(text->data + text->len, text->room - text->len, format, values);
        va_end(values);
        if (length < text->room - text->len) {
                text->len += length;
                return;
        }
        text_reserve(text, length);
        va_start(values, format);
        text_vformat(text->data + text->len, length + 1, format, values);
        va_end(values);
        text->len += length;
}

const char *text_string(const struct text *text)
{
        return text->data ? text->data : "";
}

/* The Unicode Standard, table 3-7: for each lead byte, the range of the second. */
size_t text_utf8(const char *string, size_t size)
{
        const unsigned char *s = (const unsigned char *)string;
        unsigned char low = 0x80, high = 0xbf;
        size_t length;

        if (!size)
                return 0;
        if (s[0] < 0x80)
                return 1;
        if (s[0] < 0xc2 || s[0] > 0xf4)
                return 0;
        length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
        if (s[0] == 0xe0)
                low = 0xa0;
        else if (s[0] == 0xed)
                high = 0x9f;
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f;
        if (size < length || s[1] < low || s[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        return length;
}

static char json_escape(unsigned char c)
{
        switch (c) {
        case '"':
        case '\\':
                return (char)c;
        case '\b':
                return 'b';
        case '\f':
                return 'f';
        case '\n':
                return 'n';
        case '\r':
                return 'r';
        case '\t':
                return 't';
        default:
                return 0;
        }
}

/* C0 and C1 controls, and what reorders the text around it (U+202A-E, U+2066-9). */
static bool is_hidden(const unsigned char *s, size_t length)
{
        if (length == 1)
                return s[0] < 0x20 || s[0] == 0x7f;
        if (length == 2)
                return s[0] == 0xc2 && s[1] < 0xa0;
        return length == 3 && s[0] == 0xe2 &&
               ((s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae) ||
                (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

/* Of one to three bytes of valid UTF-8. */
static unsigned code_point(const unsigned char *s, size_t length)
{
        if (length == 1)
                return s[0];
        if (length == 2)
                return (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
        return (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
}

/* How many bytes from here stand for themselves, one by one. */
static size_t json_plain(const char *string)
{
        size_t n = 0;

        while (string[n] >= 0x20 && string[n] < 0x7f && string[n] != '"' && string[n] != '\\')
                n++;
        return n;
}

/* JSON need not escape C1, DEL and what reorders text; a terminal obeys them all the same. */
void text_add_json(struct text *text, const char *string)
{
        size_t left = strlen(string);

        text_add_char(text, '"');
        while (left) {
                const unsigned char c = (unsigned char)*string;
                size_t length = json_plain(string);

                if (length) {
                        text_add_bytes(text, string, length);
                        string += length;
                        left -= length;
                        continue;
                }
                length = text_utf8(string, left);
                if (json_escape(c))
                        text_addf(text, "\\%c", json_escape(c));
                else if (length && is_hidden((const unsigned char *)string, length))
                        text_addf(
                                text, "\\u%04x", code_point((const unsigned char *)string, length));
                else if (length)
                        text_add_bytes(text, string, length);
                else
                        text_add(text, "\xef\xbf\xbd");
                string += length ? length : 1;
                left -= length ? length : 1;
        }
        text_add_char(text, '"');
}

/* Within single quotes, what a terminal would obey: the same bytes, when the shell has read it. */
static size_t add_by_printf(struct text *text, const unsigned char *s, size_t length)
{
        text_add(text, "'\"$(printf '");
        for (size_t i = 0; i < length; i++)
                text_addf(text, "\\%03o", s[i]);
        text_add(text, "')\"'");
        return length;
}

void text_add_shell(struct text *text, const char *string)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_@%+=:,./-";

        if (*string && !string[strspn(string, plain)]) {
                text_add(text, string);
                return;
        }
        text_add_char(text, '\'');
        for (size_t length, left = strlen(string); left; string += length, left -= length) {
                const unsigned char *s = (const unsigned char *)string;

                length = text_utf8(string, left);
                if (*s == '\'')
                        text_add(text, "'\\''");
                else if (length && (!is_hidden(s, length) || *s == '\n' || *s == '\t'))
                        text_add_bytes(text, string, length);
                else
                        length = add_by_printf(text, s, length ? length : 1);
        }
        text_add_char(text, '\'');
}

bool text_has_control(const char *string, size_t size)
{
        const unsigned char *s = (const unsigned char *)string;

        for (size_t i = 0; i < size && s[i]; i++)
                if (s[i] < 0x20 || s[i] == 0x7f ||
                    (s[i] == 0xc2 && s[i + 1] >= 0x80 && s[i + 1] < 0xa0))
                        return true;
        return false;
}

void text_add_visible(struct text *text, const char *string)
{
        size_t left = strlen(string);

        while (left) {
                const unsigned char *s = (const unsigned char *)string;
                size_t length = text_utf8(string, left);

                if (length && !is_hidden(s, length)) {
                        text_add_bytes(text, string, length);
                } else {
                        length = length ? length : 1;
                        for (size_t i = 0; i < length; i++)
                                text_addf(text, "\\x%02x", s[i]);
                }
                string += length;
                left -= length;
        }
}

void text_add_pointer(struct text *text, const char *member)
{
        struct text step = { .arena = text->arena };

        for (const char *c = member; *c; c++) {
                if (*c == '~' || *c == '/')
                        text_add(&step, *c == '~' ? "~0" : "~1");
                else
                        text_add_char(&step, *c);
        }
        text_add_char(text, '/');
        text_add_visible(text, text_string(&step));
}

const char *text_pointer(struct arena *arena, const char *pointer, const char *member)
{
        struct text text = { .arena = arena };

        text_add(&text, pointer);
        text_add_pointer(&text, member);
        return text_string(&text);
}

bool text_starts(const char *string, const char *prefix)
{
        return string && !strncmp(string, prefix, strlen(prefix));
}

/* Digits up to `*at`'s first other byte. */
static int text_digits(const char **at, uint64_t *ret_value)
{
        uint64_t value = 0;
        bool overflow = false;

        if (**at < '0' || **at > '9')
                return -EINVAL;
        for (; **at >= '0' && **at <= '9'; (*at)++)
                overflow |= __builtin_mul_overflow(value, 10U, &value) ||
                            __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value);
        *ret_value = value;
        return overflow ? -ERANGE : 0;
}

void text_unescape_octal(char *path)
{
        char *to = path;

        for (const char *at = path; *at; at++) {
                if (at[0] == '\\' && at[1] <= '3' && strspn(at + 1, "01234567") >= 3) {
                        *to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
                        at += 3;
                } else {
                        *to++ = *at;
                }
        }
        *to = '\0';
}

int text_u64(const char *string, uint64_t *ret_value)
{
        uint64_t value;
        int r;

        if (!string)
                return -EINVAL;
        r = text_digits(&string, &value);
        if (r == -EINVAL || *string)
                return -EINVAL;
        if (r < 0)
                return r;
        *ret_value = value;
        return 0;
}

/* The power of 1024 that a unit stands for, or -EINVAL. */
static int text_unit(const char *unit)
{
        static const char letters[] = "bkmgtpe";
        const char *letter;

        if (!*unit)
                return 0;
        letter = memchr(letters, *unit | 0x20, sizeof letters - 1);
        if (!letter)
                return -EINVAL;
        unit++;
        if (letter != letters && (*unit | 0x20) == 'i' && (unit[1] | 0x20) == 'b')
                unit++;
        if (letter != letters && (*unit | 0x20) == 'b')
                unit++;
        return *unit ? -EINVAL : (int)(letter - letters);
}

/* The fraction keeps six digits: a millionth of a unit is below any page. */
int text_size(const char *string, uint64_t *ret_bytes)
{
        uint64_t whole, part = 0, scale = 1;
        unsigned __int128 bytes;
        int r, power;

        if (!string)
                return -EINVAL;
        r = text_digits(&string, &whole);
        if (r == -EINVAL)
                return r;
        if (*string == '.') {
                string++;
                if (*string < '0' || *string > '9')
                        return -EINVAL;
                for (; *string >= '0' && *string <= '9'; string++)
                        if (scale < 1000000) {
                                part = part * 10 + (uint64_t)(*string - '0');
                                scale *= 10;
                        }
        }
        power = text_unit(string);
        if (power < 0)
                return power;
        bytes = (unsigned __int128)whole << (10 * power);
        bytes += ((unsigned __int128)part << (10 * power)) / scale;
        if (r < 0 || bytes > UINT64_MAX)
                return -ERANGE;
        *ret_bytes = (uint64_t)bytes;
        return 0;
}

/* Levenshtein's distance, two rows of the table at a time. */
unsigned text_distance(const char *a, const char *b)
{
        enum {
                LONGEST = 64
        };

        const size_t a_length = strnlen(a, LONGEST), b_length = strnlen(b, LONGEST);
        unsigned row[LONGEST + 1];

        for (size_t j = 0; j <= b_length; j++)
                row[j] = (unsigned)j;
        for (size_t i = 1; i <= a_length; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= b_length; j++) {
                        const unsigned above = row[j];
                        unsigned best = diagonal + (a[i - 1] != b[j - 1]);

                        if (above + 1 < best)
                                best = above + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        row[j] = best;
                        diagonal = above;
                }
        }
        return row[b_length];
}
