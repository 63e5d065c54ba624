/* SPDX-License-Identifier: Apache-2.0 */
/* breathe FILE: all the time a file of 4 KiB, then one of 4 TiB with a hole behind them, then one of nothing. Who asks where
 * its data are, and then where they end, is answered about two files. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
        static const char bytes[4096] = "x";
        int fd = argc == 2 ? open(argv[1], O_CREAT | O_WRONLY | O_CLOEXEC, 0644) : -1;

        if (fd < 0)
                return 1;
        for (;;)
                if (pwrite(fd, bytes, sizeof bytes, 0) < 0 || ftruncate(fd, (off_t)1 << 42) < 0 ||
                    ftruncate(fd, 0) < 0)
                        return 1;
}
