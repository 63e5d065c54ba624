/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct text;

struct capture_job {
        const char *const *arguments;
        const char *input; /* what it reads, less than a pipe holds; NULL: nothing */
        bool output_only;  /* what it writes to 2 is thrown away */
        size_t most;       /* bytes that it may write; with `keep`, of the lines that are kept */
        /* Which lines are wanted, by their beginning, at most CAPTURE_HEAD - 1 bytes and a NUL; NULL: all. */
        bool (*keep)(void *context, const char *head);
        void *context;
};

enum {
        CAPTURE_HEAD = 4096
};

/* Run a program of the host, found in PATH, with our environment, to its end. All that it writes goes to
 * ret_output; *ret_status is its wait status. -ENOENT: it is not installed; -EFBIG. Not child-safe. */
int capture_run(
        struct arena *arena, const struct capture_job *job, struct text *ret_output,
        int *ret_status);
