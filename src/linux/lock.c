/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a file that stands for its maker. It is made, then locked; between the two somebody may
 * have taken it for one that a dead maker left, and have removed it. So whoever has the lock asks whether the
 * name still is this file's, and else begins anew. */
#include "linux.h"

#include <sys/file.h>
#include <sys/stat.h>

int lock_take(int fd, enum lock_how how, bool wait)
{
        int words = (how == LOCK_FOR_USE ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
        int r;

        do
                r = flock(fd, words);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int lock_make(int dir, const char *name, bool wait)
{
        for (;;) {
                struct stat ours, named;
                int fd = file_open(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
                int r = fd < 0 ? fd : lock_take(fd, LOCK_FOR_CHANGE, wait);

                if (r == 0 && fstat(fd, &ours) < 0)
                        r = -errno;
                if (r < 0) {
                        file_close(&fd);
                        return r;
                }
                if (tree_stat(dir, name, &named) == 0 && named.st_ino == ours.st_ino &&
                    named.st_dev == ours.st_dev)
                        return fd;
                file_close(&fd);
        }
}
