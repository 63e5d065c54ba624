/* SPDX-License-Identifier: Apache-2.0 */
/* Types into the terminal that is its standard input, as if its user did: terminal TEXT (TIOCSTI). Says
 * "typed" when the kernel took all of it. */
#include <stdio.h>

#include <sys/ioctl.h>

int main(int argc, char **argv)
{
        for (const char *at = argc > 1 ? argv[1] : ""; *at; at++)
                if (ioctl(0, TIOCSTI, at) < 0) {
                        perror("TIOCSTI");
                        return 1;
                }
        puts("typed");
        return 0;
}
