/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: what arena.h promises: zeroed, aligned, disjoint, any size; and the end of
 * the process, in a child of our own, when the memory is not there. */

TEST(arena_is_zeroed_and_aligned)
{
        auto_arena arena = { 0 };
        unsigned char *last = NULL;

        for (size_t size = 0; size < 3000; size += 7) {
                unsigned char *p = arena_alloc(&arena, size);

                CHECK_INT((uintptr_t)p % 16, 0);
                CHECK(!last || p < last || p >= last + size - 7);
                for (size_t i = 0; i < size; i++)
                        CHECK_INT(p[i], 0);
                memset(p, 0xff, size);
                arena_copy(&arena, "x", 1); /* disturbs the alignment */
                last = p;
        }
}

TEST(arena_that_is_reset_gives_the_same_memory_zeroed_again)
{
        auto_arena arena = { 0 };
        char *first;

        arena_reset(&arena);
        first = arena_alloc(&arena, 1000);
        for (int round = 0; round < 3; round++) {
                char *all;

                arena_reset(&arena);
                all = arena_alloc(&arena, 1000);
                CHECK(all == first);
                for (int i = 0; i < 1000; i++)
                        CHECK_INT(all[i], 0);
                memset(all, 0xff, 1000);
        }
        /* Of many chunks the newest is kept, for what is as large as the last round. */
        first = arena_alloc(&arena, 3 << 20);
        arena_reset(&arena);
        CHECK(arena_alloc(&arena, 3 << 20) == first);
        CHECK_INT(first[(3 << 20) - 1], 0);
}

TEST(arena_gives_large_pieces)
{
        auto_arena arena = { 0 };
        char *large = arena_alloc(&arena, 5 << 20);

        CHECK_INT(large[(5 << 20) - 1], 0);
        memset(large, 1, 5 << 20);
        CHECK_INT(*(char *)arena_alloc(&arena, 1), 0);
}

TEST(arena_strings)
{
        auto_arena arena = { 0 };

        CHECK_STR(arena_string(&arena, "word"), "word");
        CHECK_STR(arena_copy(&arena, "word", 2), "wo");
        CHECK_STR(arena_copy(&arena, NULL, 0), "");
        CHECK_STR(arena_format(&arena, "%s/%d", "a", 7), "a/7");
        CHECK_STR(arena_format(&arena, "%5000d", 1) + 4999, "1");
}

TEST(arena_is_reusable)
{
        struct arena arena = { 0 };

        arena_free(&arena);
        arena_string(&arena, "word");
        arena_free(&arena);
        CHECK(!arena.chunk && !arena.at);
        CHECK_STR(arena_string(&arena, "again"), "again");
        arena_free(&arena);
}

TEST(arena_overflow_ends_the_process)
{
        struct arena arena = { 0 };
        volatile size_t half = SIZE_MAX / 2;
        int status;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (!pid) {
                close(STDERR_FILENO);
                arena_array(&arena, half, 3);
                _exit(0);
        }
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), 125);
}

TEST(arena_makes_room_for_more)
{
        struct arena arena = { 0 };
        size_t room = 0, *items = NULL;

        for (size_t n = 0; n < 100; n++) {
                items = arena_more(&arena, items, n, &room, sizeof *items, 3);
                CHECK(room > n && room <= 2 * n + 3);
                items[n] = n;
        }
        CHECK_INT(room, 192);
        for (size_t n = 0; n < 100; n++)
                CHECK_INT(items[n], n);
        arena_free(&arena);
}
