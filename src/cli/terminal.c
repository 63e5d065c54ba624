/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what the commands need to know about where their output goes. Output is
 * gathered in a text and written at once: no stdio, whose buffers would have to be flushed before
 * every clone and whose start costs more than the write. */
#include "terminal.h"

#include <stdlib.h>
#include <unistd.h>

#include <sys/ioctl.h>

unsigned cli_terminal_width(int fd)
{
        struct winsize size;

        return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool cli_terminal_bold(int fd)
{
        const char *no_color = getenv("NO_COLOR");

        return (!no_color || !*no_color) && isatty(fd);
}

int cli_print(int fd, const struct text *text)
{
        size_t done = 0;

        while (done < text->len) {
                ssize_t n = write(fd, text->data + done, text->len - done);

                if (n >= 0)
                        done += (size_t)n;
                else if (errno == EPIPE)
                        return -EPIPE;
                else if (errno != EINTR)
                        return trail(-errno, "cannot write the output: %s", text_errno(errno));
        }
        return 0;
}

void cli_print_id(int fd, struct text *id)
{
        const int size = (int)id->len;
        char why[256];

        if (!size)
                return;
        text_add_char(id, '\n');
        if (cli_print(fd, id) == 0)
                return;
        text_format(why, sizeof why, "%s", *trail_text() ? trail_text() : "nobody reads it");
        trail_reset();
        trail_warn("%.*s is made, but %s", size, text_string(id), why);
}
