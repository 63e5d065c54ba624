/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Locks of files and directories that belong to an open descriptor, flock(2): they go with it, however
 * its process ends. All are child-safe. */

enum lock_how {
        LOCK_FOR_USE,    /* shared */
        LOCK_FOR_CHANGE, /* exclusive */
};

/* Also from one kind to the other, which is not one step. -EAGAIN: somebody has it, and `wait` was not
 * said; a lock that `fd` had may be gone then. */
int lock_take(int fd, enum lock_how how, bool wait);
/* A file in the directory, made if it is not there (0600), locked for change, which is nobody else's and
 * still has that name. Who removes such a file must have its lock. -EAGAIN as above. */
int lock_make(int dir, const char *name, bool wait);
