/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

/* Why a program cannot be executed: execve(2) has one errno for many reasons. */

struct autopsy {
        const char *program;     /* the path that execve was given */
        int error;               /* what it returned, as a negative errno */
        const char *const *args; /* with NULL at the end; NULL: it was not tried yet */
        const char *const *env;
};

/* Look for the reason, as the calling process sees the files, and leave it on the trail, the guilty
 * file in it, with a hint. Returns `error`. Reads at most a few KiB of the program and of what it
 * asks for; runs nothing. Child-safe. Sources: execve(2), elf(5), path_resolution(7). */
COLD int autopsy_perform(const struct autopsy *a);
