/* SPDX-License-Identifier: Apache-2.0 */
/* racer ONE OTHER: exchange the two names, over and over, until killed. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/syscall.h>

int main(int argc, char **argv)
{
        const unsigned exchange = 2; /* RENAME_EXCHANGE */

        if (argc != 3)
                return 2;
        while (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], exchange) == 0)
                ;
        perror("racer");
        return 1;
}
