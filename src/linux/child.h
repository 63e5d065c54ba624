/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A program that is run to its end: a hook. */

/* What is kept of the end of what it writes. */
enum {
        CHILD_TAIL = 1024
};

struct child_job {
        const char *path;        /* absolute, given to execve as it is */
        const char *const *args; /* ends with NULL; an empty one means {path} */
        const char *const *env;  /* ends with NULL; exactly this */
        const char *cwd;         /* NULL: ours */
        const char *input;       /* what its descriptor 0 reads, input_size bytes */
        size_t input_size;
        int64_t timeout_s; /* 0: for ever */
};

struct child_result {
        int status;                /* as of waitpid(2) */
        bool timed_out;            /* it and its process group were killed */
        char tail[CHILD_TAIL + 1]; /* the last bytes that it wrote to 1 and 2 */
        size_t tail_size;
};

/* Run it in a session of its own, with descriptors 0, 1 and 2 and no others, no signal ignored or
 * blocked, umask 022; it is killed when we die. What outlives it of its own children is not waited
 * for; those that became ours and ended are reaped. 0: it ended; else why it could not be executed.
 * Child-safe. Since Linux 5.4. */
int child_run(const struct child_job *job, struct child_result *ret_result);
