/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What is in the directory `from`, copied into the directory `to`, with owners, modes, times and
 * extended attributes; no link is followed. `whole`: those of the directory itself, too. Both are
 * left open. At most COPY_DEPTH directories deep and COPY_ENTRIES names (-E2BIG). child-safe. */
int copy_tree(int from, int to, bool whole);

enum {
        COPY_DEPTH = 64,
        COPY_ENTRIES = 1000000
};
