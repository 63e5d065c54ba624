/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct copy_options {
        bool whole;      /* owner, mode, times and attributes of the directory itself, too */
        bool no_devices; /* character and block devices are passed over, but for 0:0, which is none */
        uint64_t
                *bytes; /* of files that were gone through, in and out: a bound on several copies */
};

/* What is in the directory `from`, copied into the directory `to`, with owners, modes, times and
 * extended attributes; no link is followed. Holes stay holes, files of several names are one file again. Both are
 * left open. At most COPY_DEPTH directories deep, COPY_ENTRIES names, and COPY_BYTES bytes that are data (-E2BIG), which
 * is known of a file before any of it is written. child-safe. */
int copy_tree(int from, int to, const struct copy_options *options);

#define COPY_BYTES ((uint64_t)100 << 30) /* as many as a layer may have */

enum {
        COPY_DEPTH = 64,
        COPY_ENTRIES = 1000000
};
