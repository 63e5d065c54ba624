/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* A program that serves a file system from user space, fuse(4): fuse-overlayfs(1). */

struct serve_job {
        const char *program; /* absolute, of the host */
        const char *const *lower;
        size_t n_lower; /* the topmost first */
        const char *upper, *work;
        int ns;   /* a user namespace to be in, NO_FD: ours */
        int fuse; /* /dev/fuse, as the mount's option `fd` has it; stays the caller's */
};

/* Start it, as a child of ours that nothing ends but the end of the mount (or of every descriptor of `fuse` but its
 * own). No path may have ':', ',' or a backslash in it. 0 once it is executed; -E2BIG: more layers than fit into its
 * arguments; else why it could not be. child-safe. */
int serve_overlay(const struct serve_job *job);
