/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: SEEK_DATA and SEEK_HOLE are two questions, and a file may be another one between them. So an
 * answer is believed only where it can be true of what is there now: a hole that begins where data were said to be, or
 * none at all any more, is asked for again, and a file that never gives a straight answer has no more data. A length is
 * never made up: what was 4 TB for a moment would be written as 4 TB of zeros. */
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

int file_skip_holes(int a, int b, uint64_t at, uint64_t size, uint64_t *ret_at)
{
        struct file_data x, y;
        int r = file_next_data(a, at, size, &x), s = r < 0 ? r : file_next_data(b, at, size, &y);

        if (r < 0 || s < 0)
                return r < 0 ? r : s;
        if (r == 0)
                x.begin = size;
        if (s == 0)
                y.begin = size;
        *ret_at = x.begin < y.begin ? x.begin : y.begin;
        return 0;
}
