/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

/* The house formatter, child-safe (no malloc, no stdio, no locale): writes at most size - 1
 * bytes and a NUL, returns the length that the whole text has. Verbs: %s %.*s %c %d %u %x %o %p
 * %% with h, hh, l, ll, z; width, precision of %s, the flags 0 and -; %m is text_errno(errno).
 * A NULL %s prints "(null)". From a verb that it does not know, the rest is copied as it is. */
size_t text_vformat(char *buffer, size_t size, const char *format, va_list values);
size_t text_format(char *buffer, size_t size, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The words of strerror(3) for an errno value, positive or negative; child-safe, never NULL. */
const char *text_errno(int error);
/* The symbolic name ("EPERM"), or "E?" for one that it does not know. */
const char *text_errno_name(int error);

/* memcpy(3) for what is nearly always a word: musl's begins with `rep movs`, which takes longer than the copy. */
static inline void text_copy(char *to, const char *from, size_t size)
{
        if (size > 16) {
                memcpy(to, from, size);
        } else if (size >= 8) {
                uint64_t first, last;

                memcpy(&first, from, 8);
                memcpy(&last, from + size - 8, 8);
                memcpy(to, &first, 8);
                memcpy(to + size - 8, &last, 8);
        } else if (size >= 4) {
                uint32_t first, last;

                memcpy(&first, from, 4);
                memcpy(&last, from + size - 4, 4);
                memcpy(to, &first, 4);
                memcpy(to + size - 4, &last, 4);
        } else if (size) {
                const char first = from[0], middle = from[size / 2], last = from[size - 1];

                to[0] = first;
                to[size / 2] = middle;
                to[size - 1] = last;
        }
}

/* A growing string in an arena; `data` is NUL-terminated whenever len > 0. */
struct text {
        struct arena *arena;
        char *data;
        size_t len;
        size_t room;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add_char(struct text *text, char c);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The string so far; "" when nothing was added. */
const char *text_string(const struct text *text) __attribute__((returns_nonnull));

/* Append `string` as a JSON string with quotes; as one word of a POSIX shell (quoted only if it
 * must be); as text that is safe on a terminal (control characters and invalid UTF-8 as \xNN). */
void text_add_json(struct text *text, const char *string);
void text_add_shell(struct text *text, const char *string);
void text_add_visible(struct text *text, const char *string);
/* One step of a JSON pointer, RFC 6901: a slash and a member's name, in which '~' is written "~0" and
 * '/' is written "~1"; visible. */
void text_add_pointer(struct text *text, const char *member);
/* A pointer with one more step, in the arena. */
const char *text_pointer(struct arena *arena, const char *pointer, const char *member);

/* The length of the well-formed UTF-8 sequence that `string` begins with (1 to 4, at most `size`),
 * or 0 when it begins with none. Child-safe. Source: The Unicode Standard, table 3-7. */
size_t text_utf8(const char *string, size_t size);

/* NULL equals NULL only. Mostly the first letter tells. */
static inline bool text_equal(const char *a, const char *b)
{
        return a == b || (a && b && *a == *b && !strcmp(a, b));
}

/* "." or "..": what each directory has, and what is no name of a file of its own. */
static inline bool text_is_dots(const char *name)
{
        return text_equal(name, ".") || text_equal(name, "..");
}

bool text_starts(const char *string, const char *prefix); /* NULL starts with nothing */
/* Are there control characters among its first `size` bytes: C0, DEL, C1 in UTF-8? */
bool text_has_control(const char *string, size_t size);
/* Undo, in place, what proc_pid_mountinfo(5) does to a path: a space, a tab, a line break and a backslash
 * are three octal digits behind a backslash there. Other backslashes stay. */
void text_unescape_octal(char *path);
/* Strict decimal, no sign, no space, no overflow: 0 or -EINVAL / -ERANGE. */
int text_u64(const char *string, uint64_t *ret_value);
/* A size as docker takes it: number with optional fraction and b, k, m, g, t (and kb, kib, ...),
 * powers of 1024: 0 or -EINVAL / -ERANGE. */
int text_size(const char *string, uint64_t *ret_bytes);
/* Edit distance of two words, for "did you mean": capped at 64 bytes each. */
unsigned text_distance(const char *a, const char *b);
