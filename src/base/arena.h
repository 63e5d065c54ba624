/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* A bump allocator: everything of one phase (request, spec + plan) lives in one arena and goes
 * with it. Memory comes zeroed and aligned for any type. Running out of memory ends the process
 * with exit code 125 and one line on stderr: allocation happens only in pure phases, before the
 * first kernel operation of a plan, or in commands whose journal makes them repeatable. Not
 * child-safe. */
struct arena {
        char *at;                  /* next free byte of the current chunk */
        char *end;                 /* end of the current chunk */
        struct arena_chunk *chunk; /* list of the chunks to free; the newest first */
};

/* Memory for `size` bytes, zeroed, aligned to 16. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));

/* Like arena_alloc for count * size; ends the process when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size)
        __attribute__((malloc, returns_nonnull));

/* `items`, or a copy of its `n` things of `size` bytes with room for more: `*room` things, twice as many as before or
 * `first`. The old ones stay in the arena. */
void *arena_more(
        struct arena *arena, void *items, size_t n, size_t *room, size_t size, size_t first);

/* A NUL-terminated copy of `size` bytes at `bytes`, or of the string `string`. */
char *arena_copy(struct arena *arena, const char *bytes, size_t size)
        __attribute__((returns_nonnull));
char *arena_string(struct arena *arena, const char *string) __attribute__((returns_nonnull));

/* A formatted string (see text_addf for the verbs). */
char *arena_format(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3), returns_nonnull));

/* Give everything back. The empty arena ({ 0 }) is accepted; the arena is empty afterwards. */
void arena_free(struct arena *arena);

/* Forget all that it gave, and give the newest part of its memory again: for a loop whose rounds need
 * nothing of each other. */
void arena_reset(struct arena *arena);

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define auto_arena             __attribute__((cleanup(arena_free))) struct arena
