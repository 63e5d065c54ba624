/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container reads and writes.
 *
 * A terminal of the caller's is never handed over, because whoever has it open can put words into
 * the caller's shell (TIOCSTI); a pipe takes its place and is relayed. Everything else, files and
 * pipes, is handed over as it is: no byte is copied by us. */
#include "keeper/keeper.h"
#include "store.h"

#include <fcntl.h>
#include <unistd.h>

static int open_null(int flags)
{
        return file_open(AT_FDCWD, "/dev/null", flags, 0);
}

const struct spec_console_size *stdio_size(struct arena *arena)
{
        struct spec_console_size *size = arena_new(arena, struct spec_console_size);
        unsigned rows, columns;

        if (pty_get_size(0, &rows, &columns) < 0 || rows == 0 || columns == 0)
                return NULL;
        size->height = rows;
        size->width = columns;
        return size;
}

int stdio_forget_others(const struct stdio *stdio, int keep, int also)
{
        const int *theirs = stdio->theirs;
        const int kept[] = { keep, also, theirs[0], theirs[1], theirs[2] };

        return process_close_fds(3, kept, ARRAY_SIZE(kept));
}

int stdio_prepare(bool interactive, bool null, struct stdio *ret_stdio)
{
        struct stdio stdio = { .theirs = { NO_FD, NO_FD, NO_FD },
                               .ours = { NO_FD, NO_FD, NO_FD },
                               .saved = { NO_FD, NO_FD, NO_FD } };

        for (int i = 0; i < 3; i++) {
                int pair[2];

                if (null || (i == 0 && !interactive) || (fcntl(i, F_GETFD) < 0 && errno == EBADF)) {
                        stdio.theirs[i] = open_null(i == 0 ? O_RDONLY : O_WRONLY);
                        if (stdio.theirs[i] < 0)
                                return trail(stdio.theirs[i], "cannot open /dev/null");
                } else if (isatty(i)) {
                        if (pipe2(pair, O_CLOEXEC) < 0)
                                return trail(-errno, "cannot make a pipe: %s", text_errno(errno));
                        stdio.theirs[i] = pair[i == 0 ? 0 : 1];
                        stdio.ours[i] = pair[i == 0 ? 1 : 0];
                        /* Who has the other end can open ours by it and fill it behind poll's back. */
                        if (i == 0)
                                fcntl(pair[1], F_SETFL, O_WRONLY | O_NONBLOCK);
                }
        }
        *ret_stdio = stdio;
        return 0;
}

int stdio_enter(struct stdio *stdio)
{
        for (int i = 0; i < 3; i++) {
                if (stdio->theirs[i] < 0)
                        continue;
                stdio->saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
                if (dup2(stdio->theirs[i], i) < 0)
                        return -errno;
        }
        return 0;
}

void stdio_leave(struct stdio *stdio)
{
        for (int i = 0; i < 3; i++) {
                if (stdio->saved[i] >= 0)
                        dup2(stdio->saved[i], i);
                file_close(&stdio->saved[i]);
                file_close(&stdio->theirs[i]);
        }
}

void stdio_relay(const struct stdio *stdio, struct keeper_relay *relay)
{
        for (int i = 0; i < 3; i++)
                if (stdio->ours[i] >= 0)
                        relay->copies[i] = (struct keeper_copy){
                                .from = i == 0 ? 0 : stdio->ours[i],
                                .to = i == 0 ? stdio->ours[i] : i,
                                .close_to = i == 0,
                                .last_words = i != 0,
                        };
}

void stdio_close(struct stdio *stdio)
{
        for (int i = 0; i < 3; i++) {
                file_close(&stdio->theirs[i]);
                file_close(&stdio->ours[i]);
                file_close(&stdio->saved[i]);
        }
}
