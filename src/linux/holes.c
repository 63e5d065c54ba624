/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: SEEK_DATA and SEEK_HOLE are two questions, and a file may be another one between them. So an
 * answer is believed only where it can be true of what is there now: a hole that begins where data were said to be, or
 * none at all any more, is asked for again, and a file that never gives a straight answer has no more data. A length is
 * never made up: what was 4 TB for a moment would be written as 4 TB of zeros.
 *
 * An answer may cost as much as there are pieces, or chunks of an EROFS file, in what it is about. Who goes on by some
 * KiB, and asks again how far a hole of 1 TB goes, is at it for hours: so of a pair each answer is kept. */
#include "linux.h"

#include <unistd.h>

enum {
        TRIES = 100,
};

int file_next_data(int fd, uint64_t at, uint64_t size, struct file_data *ret)
{
        for (int i = 0; i < TRIES && at < size && size <= INT64_MAX; i++) {
                const off_t data = lseek(fd, (off_t)at, SEEK_DATA);
                off_t hole;

                if (data < 0 && errno == EINVAL) { /* it does not know the question */
                        *ret = (struct file_data){ at, size };
                        return 1;
                }
                if (data < 0 && errno != ENXIO)
                        return -errno;
                if (data < 0 || (uint64_t)data >= size)
                        return 0;
                hole = lseek(fd, data, SEEK_HOLE);
                if (hole < 0 && errno != ENXIO)
                        return -errno;
                if (hole > data) {
                        *ret = (struct file_data){ (uint64_t)data, (uint64_t)hole };
                        if (ret->end > size)
                                ret->end = size;
                        return 1;
                }
        }
        return 0;
}

int file_skip_holes(struct file_pair *pair, uint64_t at, uint64_t size, uint64_t *ret_at)
{
        uint64_t first = size;

        for (size_t i = 0; i < 2; i++) {
                struct file_data *next = &pair->next[i];
                uint64_t begin;

                if (at >= next->end) {
                        int r = file_next_data(pair->fds[i], at, size, next);

                        if (r < 0)
                                return r;
                        if (r == 0)
                                *next = (struct file_data){ size, size };
                }
                begin = next->begin < at ? at : next->begin;
                if (begin < first)
                        first = begin;
        }
        *ret_at = first;
        return 0;
}
