/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a process that was made has to do with whoever asked for it.
 *
 * Its number goes to a file, its terminal and a descriptor of it to sockets of the caller's, and one
 * who stays in front of it gets its end. create, run and exec share this. */
#include "oci.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int oci_write_pid_file(struct arena *arena, const char *path, pid_t pid)
{
        const char *temporary, *text;
        const char *slash;
        int fd, r;

        if (!path)
                return 0;
        slash = strrchr(path, '/');
        temporary = arena_format(
                arena, "%.*s.%s.%d", slash ? (int)(slash + 1 - path) : 0, path,
                slash ? slash + 1 : path, (int)getpid());
        text = arena_format(arena, "%d", (int)pid);
        fd = file_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return trail(fd, "cannot write the pid file %s: %s", path, text_errno(fd));
        r = file_write(fd, text, strlen(text));
        close(fd);
        if (r == 0)
                r = file_rename(temporary, path);
        if (r < 0) {
                file_remove(AT_FDCWD, temporary, 0);
                return trail(r, "cannot write the pid file %s: %s", path, text_errno(r));
        }
        return 0;
}

/* --console-socket: the terminal's master goes to whoever listens there. */
int oci_send_console(const char *path, int master)
{
        auto_close peer = NO_FD;
        static const char name[] = "/dev/ptmx";

        if (!path || master < 0)
                return 0;
        peer = socket_connect_stream(path);
        if (peer < 0)
                return trail(
                        peer, "cannot connect to the console socket %s: %s", path,
                        text_errno(peer));
        return socket_send(peer, name, sizeof name, master);
}

int oci_send_pidfd(const char *path, const char *words, int pidfd)
{
        auto_close peer = NO_FD;

        if (!path)
                return 0;
        peer = socket_connect_stream(path);
        if (peer < 0)
                return trail(
                        peer, "cannot connect to the pidfd socket %s: %s", path, text_errno(peer));
        return socket_send(peer, words, strlen(words), pidfd);
}

int oci_check_fds(uint64_t n)
{
        for (uint64_t i = 0; i < n; i++)
                if (i > INT_MAX - 3 || fcntl((int)i + 3, F_GETFD) < 0)
                        return trail(
                                -EBADF,
                                "descriptor %" PRIu64 " is not open: what is to be passed on?",
                                i + 3);
        return 0;
}

int oci_check_terminal(const struct spec_process *process, const char *socket, bool attached)
{
        if (!process->terminal && socket)
                return trail(
                        -EINVAL, "--console-socket is for a process with a terminal "
                                 "(/process/terminal is false)");
        if (process->terminal && !socket && !attached) {
                trail_hint("give --console-socket, or set /process/terminal to false");
                return trail(-EINVAL, "nobody would get the container's terminal");
        }
        return 0;
}

/* Stay in front of it until it ends. */
int oci_attend(struct machine *machine, int master, int *ret_exit)
{
        struct keeper_relay relay;
        int r, status;

        keeper_relay_init(&relay);
        relay.end = relay.process = machine->pidfd;
        if (master >= 0) {
                keeper_relay_terminal(&relay, master, true);
        }
        r = keeper_relay_run(&relay);
        if (r == 0)
                r = process_wait(machine->pid, &status);
        if (r == 0)
                *ret_exit = process_exit_code(status);
        return r;
}

int oci_no_command(int error, int *ret_exit)
{
        *ret_exit = error == -ENOENT || error == -ENOTDIR ? 127 : 126;
        return ENGINE_NO_COMMAND;
}
