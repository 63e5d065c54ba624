/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Where the bytes of a file are that were written; lseek(2). */
struct file_data {
        uint64_t begin, end;
};

/* The next of them from `at` on, cut off at `size`: 1, or 0 when there is none. What only a file system that knows of no
 * holes says, all to the end, counts as data. A file that others cut meanwhile has none behind its end, whatever
 * `size` says. Moves the descriptor's position. child-safe. */
int file_next_data(int fd, uint64_t at, uint64_t size, struct file_data *ret);

/* Two files that nobody changes, which are gone through together; `next` is all zeros at first. */
struct file_pair {
        int fds[2];
        struct file_data next[2];
};

/* The first byte from `at` on that is data in one of the two, or `size`. `at` never goes back. child-safe. */
int file_skip_holes(struct file_pair *pair, uint64_t at, uint64_t size, uint64_t *ret_at);
