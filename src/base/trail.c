/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* Theory of operation: fixed buffers of the process, so that leaving a trail needs no memory
 * and works in a cloned child, whose copy then travels to the parent as bytes. Each call puts its
 * sentence in front of what is there; when room runs out, the end is cut, because the outermost
 * words say what the user asked for. This is the one place of base that keeps state: an error is
 * a property of the process that is about to give up, or of a thread that has said so. */

static struct trail_space process_space;
/* initial-exec: no call of the C library finds it, so it stays child-safe. */
static _Thread_local struct trail_space *thread_space __attribute__((tls_model("initial-exec")));

static struct trail_space *here(void)
{
        return thread_space ? thread_space : &process_space;
}

void trail_own(struct trail_space *space)
{
        thread_space = space;
}

/* Make `size` bytes of room in front; what does not fit falls off the end. */
static void trail_push(size_t size)
{
        char *trail_buffer = here()->words;
        size_t length = strlen(trail_buffer);

        if (length > TRAIL_SIZE - 1 - size)
                length = TRAIL_SIZE - 1 - size;
        memmove(trail_buffer + size, trail_buffer, length);
        trail_buffer[size + length] = '\0';
}

int trail(int error, const char *format, ...)
{
        char sentence[TRAIL_SIZE];
        char *trail_buffer = here()->words;
        const bool first = !trail_buffer[0];
        int saved = errno;
        va_list values;
        size_t length;

        /* so that %m says what `error` is, whoever set errno last */
        errno = error < 0 ? -error : error;
        va_start(values, format);
        length = text_vformat(sentence, sizeof sentence - 2, format, values);
        va_end(values);
        errno = saved;
        if (length > sizeof sentence - 3)
                length = sizeof sentence - 3;
        if (!first)
                length += text_format(sentence + length, 3, ": ");
        trail_push(length);
        memcpy(trail_buffer, sentence, length);
        return error;
}

void trail_hint(const char *format, ...)
{
        char *hint_buffer = here()->hint;
        va_list values;

        if (hint_buffer[0])
                return;
        va_start(values, format);
        text_vformat(hint_buffer, TRAIL_SIZE, format, values);
        va_end(values);
}

void trail_warn(const char *format, ...)
{
        char *warning_buffer = here()->warnings;
        size_t length = strlen(warning_buffer), room = TRAIL_SIZE - length;
        va_list values;

        if (room < 2)
                return;
        va_start(values, format);
        text_vformat(warning_buffer + length, room - 1, format, values);
        va_end(values);
        for (char *at = warning_buffer + length; *at; at++)
                *at = *at == '\n' ? ' ' : *at;
        length += strlen(warning_buffer + length);
        warning_buffer[length] = '\n';
        warning_buffer[length + 1] = '\0';
}

const char *trail_warnings(void)
{
        return here()->warnings;
}

const char *trail_text(void)
{
        return here()->words;
}

const char *trail_hint_text(void)
{
        return here()->hint;
}

void trail_reset(void)
{
        here()->words[0] = '\0';
        here()->hint[0] = '\0';
}
