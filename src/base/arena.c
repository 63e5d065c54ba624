/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Theory of operation: a list of malloc'ed chunks, of which only the newest is filled; chunks
 * double, so a phase costs a handful of malloc calls. A request that is larger than a chunk gets
 * one of its own size. Every chunk comes from calloc and no byte is given out twice, so memory is
 * zero without another memset. Nothing is given back before arena_free.
 * The first chunks of a process are cut from a reserve in .bss, once: a short-lived program then
 * never asks the kernel for memory, and pages that nobody touches cost nothing.
 * Running out of memory ends the process (arena.h says why that is sound). */

enum {
        ARENA_ALIGN = 16,
        ARENA_FIRST =
                256 << 10, /* one is enough to make a container; what is not touched is free */
        ARENA_LARGEST = 1 << 20
};

struct arena_chunk {
        struct arena_chunk *next;
        size_t size;
};

static char arena_reserve[640 << 10] __attribute__((aligned(4096)));
static size_t arena_reserve_used;

_Static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0, "chunks begin aligned");

__attribute__((noreturn)) static void arena_exhausted(void)
{
        static const char words[] = "husk: out of memory\n";
        ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);

        (void)ignored;
        _exit(125);
}

static void arena_grow(struct arena *arena, size_t size)
{
        size_t room = arena->chunk ? arena->chunk->size * 2 : ARENA_FIRST;
        struct arena_chunk *chunk;

        if (room > ARENA_LARGEST)
                room = ARENA_LARGEST;
        if (size > SIZE_MAX / 2)
                arena_exhausted();
        if (room < size + sizeof *chunk + ARENA_ALIGN)
                room = size + sizeof *chunk + ARENA_ALIGN;
        if (room <= sizeof arena_reserve - arena_reserve_used) {
                chunk = (struct arena_chunk *)(void *)(arena_reserve + arena_reserve_used);
                arena_reserve_used += -(-room & -(size_t)ARENA_ALIGN);
        } else {
                chunk = calloc(1, room);
        }
        if (!chunk)
                arena_exhausted();
        chunk->next = arena->chunk;
        chunk->size = room;
        arena->chunk = chunk;
        arena->at = (char *)(chunk + 1);
        arena->end = (char *)chunk + room;
}

/* Strings are packed without alignment; all else begins at a multiple of 16. */
static void *arena_take(struct arena *arena, size_t size, size_t align)
{
        size_t skip = -(uintptr_t)arena->at & (align - 1);
        char *taken;

        if (!arena->chunk || (size_t)(arena->end - arena->at) < skip ||
            (size_t)(arena->end - arena->at) - skip < size) {
                arena_grow(arena, size);
                skip = 0;
        }
        taken = arena->at + skip;
        arena->at = taken + size;
        return taken;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        return arena_take(arena, size, ARENA_ALIGN);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
        size_t total;

        if (__builtin_mul_overflow(count, size, &total))
                arena_exhausted();
        return arena_alloc(arena, total);
}

void *arena_more(
        struct arena *arena, void *items, size_t n, size_t *room, size_t size, size_t first)
{
        void *more;

        if (n < *room)
                return items;
        *room = *room ? 2 * *room : first;
        more = arena_array(arena, *room, size);
        if (n)
                memcpy(more, items, n * size);
        return more;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t size)
{
        char *copy;

        if (size == SIZE_MAX)
                arena_exhausted();
        copy = arena_take(arena, size + 1, 1);
        text_copy(copy, bytes, size);
        return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
        return arena_copy(arena, string, strlen(string));
}

/* Nearly all are short: formatted once then, and copied. */
char *arena_format(struct arena *arena, const char *format, ...)
{
        char small[192];
        va_list values;
        size_t length;
        char *string;

        va_start(values, format);
        length = text_vformat(small, sizeof small, format, values);
        va_end(values);
        if (length < sizeof small)
                return arena_copy(arena, small, length);
        string = arena_take(arena, length + 1, 1);
        va_start(values, format);
        text_vformat(string, length + 1, format, values);
        va_end(values);
        return string;
}

static void free_chunks(struct arena_chunk *chunk)
{
        while (chunk) {
                struct arena_chunk *next = chunk->next;

                if ((char *)chunk < arena_reserve ||
                    (char *)chunk >= arena_reserve + sizeof arena_reserve)
                        free(chunk);
                chunk = next;
        }
}

void arena_free(struct arena *arena)
{
        free_chunks(arena->chunk);
        *arena = (struct arena){ 0 };
}

void arena_reset(struct arena *arena)
{
        struct arena_chunk *newest = arena->chunk;

        if (!newest)
                return;
        free_chunks(newest->next);
        newest->next = NULL;
        memset(newest + 1, 0, (size_t)(arena->at - (char *)(newest + 1)));
        arena->at = (char *)(newest + 1);
}
