/* SPDX-License-Identifier: Apache-2.0 */
/* Does something to the terminal that is its standard input, as if it were its user's program. "typed":
 * the kernel let it.
 *
 *      terminal TEXT   types that (TIOCSTI)
 *      terminal -v     pastes the selection of a virtual console, or at least asks it something (TIOCLINUX):
 *                      since Linux 6.7 pasting needs CAP_SYS_ADMIN in any case */
#include <stdio.h>
#include <string.h>

#include <linux/tiocl.h>
#include <sys/ioctl.h>

static int paste(void)
{
        char paste_selection = TIOCL_PASTESEL, ask = TIOCL_GETFGCONSOLE;

        if (ioctl(0, TIOCLINUX, &paste_selection) < 0 && ioctl(0, TIOCLINUX, &ask) < 0) {
                perror("TIOCLINUX");
                return 1;
        }
        puts("typed");
        return 0;
}

int main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "-v") == 0)
                return paste();
        for (const char *at = argc > 1 ? argv[1] : ""; *at; at++)
                if (ioctl(0, TIOCSTI, at) < 0) {
                        perror("TIOCSTI");
                        return 1;
                }
        puts("typed");
        return 0;
}
