/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct arena;
struct text;

/* Run a program of the host, found in PATH, with our environment and nothing to read, to its end. All
 * that it writes, at most `most` bytes, goes to ret_output; *ret_status is its wait status. -ENOENT: it
 * is not installed; -EFBIG. Not child-safe. */
int capture_run(
        struct arena *arena, const char *const *arguments, size_t most, struct text *ret_output,
        int *ret_status);
