/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* Theory of operation: printf(3)'s small, harmless half, for a process between clone and exec: no
 * memory, no locale, no lock. A sink counts every byte and keeps those that fit. A verb that is
 * not known would make the rest of the operands a guess, so from there on the format is copied as
 * it stands: visible, and never an operand read as a wrong type. Floating point, positional
 * operands, %n and a width or precision taken from the operands (but %.*s) are not there. */

struct sink {
        char *buffer;
        size_t size; /* of the buffer, with the NUL */
        size_t length;
};

/* A va_list in a struct can be handed on by pointer on every ABI. */
struct operands {
        va_list list;
};

struct verb {
        bool left; /* - */
        bool zero; /* 0 */
        size_t width;
        size_t precision; /* SIZE_MAX: none */
        char size;        /* 'l' for l and ll, 'z', 'h', 'H' for hh, 0 */
        char type;
};

static void sink_bytes(struct sink *sink, const char *bytes, size_t count)
{
        if (sink->length + 1 < sink->size) {
                size_t room = sink->size - 1 - sink->length;

                text_copy(sink->buffer + sink->length, bytes, count < room ? count : room);
        }
        sink->length += count;
}

static void sink_fill(struct sink *sink, char c, size_t count)
{
        for (; count; count--)
                sink_bytes(sink, &c, 1);
}

static void sink_padded(struct sink *sink, const struct verb *verb, const char *bytes, size_t count)
{
        const size_t fill = verb->width > count ? verb->width - count : 0;

        if (!verb->left)
                sink_fill(sink, ' ', fill);
        sink_bytes(sink, bytes, count);
        if (verb->left)
                sink_fill(sink, ' ', fill);
}

static size_t format_number(const char **at)
{
        size_t number = 0;

        while (**at >= '0' && **at <= '9' && number < 4096)
                number = number * 10 + (size_t)(*(*at)++ - '0');
        return number;
}

/* From behind the %: the verb, with `at` behind it. A `.*` is read from the operands. */
static struct verb format_verb(const char **at, struct operands *operands)
{
        struct verb verb = { .precision = SIZE_MAX };

        for (; **at == '-' || **at == '0'; (*at)++) {
                verb.left |= **at == '-';
                verb.zero |= **at == '0';
        }
        verb.width = format_number(at);
        if ((*at)[0] == '.' && (*at)[1] == '*') {
                const int precision = va_arg(operands->list, int);

                verb.precision = precision < 0 ? SIZE_MAX : (size_t)precision;
                *at += 2;
        } else if (**at == '.') {
                (*at)++;
                verb.precision = format_number(at);
        }
        for (; **at == 'l' || **at == 'z' || **at == 'h'; (*at)++)
                verb.size = (char)(verb.size == 'h' && **at == 'h' ? 'H' : **at);
        verb.type = (char)(**at ? *(*at)++ : '\0');
        return verb;
}

/* long, long long and size_t are told apart for 32-bit ABIs' sake by nobody: husk is LP64 only. */
_Static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "l, ll and z are all 64 bits wide");

static uint64_t format_integer(const struct verb *verb, struct operands *operands)
{
        const bool is_signed = verb->type == 'd';

        switch (verb->size) {
        case 'l':
        case 'z':
                return va_arg(operands->list, unsigned long);
        case 'h':
                return is_signed ? (uint64_t)(short)va_arg(operands->list, int)
                                 : (unsigned short)va_arg(operands->list, int);
        case 'H':
                return is_signed ? (uint64_t)(signed char)va_arg(operands->list, int)
                                 : (unsigned char)va_arg(operands->list, int);
        default:
                return is_signed ? (uint64_t)va_arg(operands->list, int)
                                 : va_arg(operands->list, unsigned);
        }
}

static void format_put_integer(struct sink *sink, const struct verb *verb, uint64_t value)
{
        const unsigned base = verb->type == 'o'                      ? 8
                            : verb->type == 'x' || verb->type == 'p' ? 16
                                                                     : 10;
        const bool negative = verb->type == 'd' && (int64_t)value < 0;
        const char *prefix = negative ? "-" : verb->type == 'p' ? "0x" : "";
        char digits[24], *first = digits + sizeof digits;
        size_t count, lead = strlen(prefix);

        if (negative)
                value = -value;
        do
                *--first = "0123456789abcdef"[value % base];
        while (value /= base);
        count = (size_t)(digits + sizeof digits - first);
        if (verb->zero && !verb->left) {
                sink_bytes(sink, prefix, lead);
                sink_fill(sink, '0', verb->width > lead + count ? verb->width - lead - count : 0);
                sink_bytes(sink, first, count);
                return;
        }
        first -= lead;
        memcpy(first, prefix, lead);
        sink_padded(sink, verb, first, count + lead);
}

static void format_put_string(struct sink *sink, const struct verb *verb, const char *string)
{
        if (!string)
                string = "(null)";
        sink_padded(sink, verb, string, strnlen(string, verb->precision));
}

/* One verb; false when it is not known. */
static bool format_put(
        struct sink *sink, const struct verb *verb, int error, struct operands *operands)
{
        char c;

        switch (verb->type) {
        case '%':
                sink_bytes(sink, "%", 1);
                return true;
        case 'c':
                c = (char)va_arg(operands->list, int);
                sink_padded(sink, verb, &c, 1);
                return true;
        case 'm':
                format_put_string(sink, verb, text_errno(error));
                return true;
        case 's':
                format_put_string(sink, verb, va_arg(operands->list, const char *));
                return true;
        case 'p':
                format_put_integer(sink, verb, (uintptr_t)va_arg(operands->list, void *));
                return true;
        case 'd':
        case 'u':
        case 'x':
        case 'o':
                format_put_integer(sink, verb, format_integer(verb, operands));
                return true;
        default:
                return false;
        }
}

size_t text_vformat(char *buffer, size_t size, const char *format, va_list values)
{
        struct sink sink = { buffer, size, 0 };
        const int error = errno;
        struct operands operands;

        va_copy(operands.list, values);
        while (*format) {
                const size_t plain = strcspn(format, "%");
                const char *next = format + plain;
                struct verb verb;

                sink_bytes(&sink, format, plain);
                if (!*next)
                        break;
                format = next++;
                verb = format_verb(&next, &operands);
                if (!format_put(&sink, &verb, error, &operands)) {
                        sink_bytes(&sink, format, strlen(format));
                        break;
                }
                format = next;
        }
        va_end(operands.list);
        if (size)
                buffer[sink.length < size ? sink.length : size - 1] = '\0';
        return sink.length;
}

size_t text_format(char *buffer, size_t size, const char *format, ...)
{
        va_list values;
        size_t length;

        va_start(values, format);
        length = text_vformat(buffer, size, format, values);
        va_end(values);
        return length;
}
