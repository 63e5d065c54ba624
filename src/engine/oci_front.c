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

#include <sys/stat.h>

/* Others may write to the directory: what is written to is new, and has its name when it is whole. */
static int replace_file(struct arena *arena, const char *path, const char *words)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        const char *part = arena_format(arena, "%.*s.%s.husk", (int)(name - path), path, name);
        auto_close file = NO_FD;
        struct stat st;
        int r = file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st);

        if (r == 0 && !S_ISREG(st.st_mode))
                return S_ISLNK(st.st_mode) ? -ELOOP : -EEXIST;
        r = file_remove(AT_FDCWD, part, 0); /* left of who was killed */
        if (r < 0 && r != -ENOENT) {        /* others' directory has the name: any other one */
                part = arena_format(
                        arena, "%.*s.%s.%" PRIx64 ".husk", (int)(name - path), path, name,
                        process_clock_ns());
                r = 0;
        }
        if (r == 0 || r == -ENOENT) {
                file = file_open(AT_FDCWD, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
                r = file < 0 ? file : file_write(file, words, strlen(words));
        }
        if (r == 0)
                r = file_rename(part, path);
        if (r < 0 && file >= 0)
                file_remove(AT_FDCWD, part, 0);
        return r;
}

int oci_write_pid_file(struct arena *arena, const char *path, pid_t pid)
{
        int r = path ? replace_file(arena, path, arena_format(arena, "%d", (int)pid)) : 0;

        return r < 0 ? trail(r, "cannot write the pid file %s: %s", path, text_errno(r)) : 0;
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
        int r;

        keeper_relay_init(&relay);
        relay.end = relay.process = machine->pidfd;
        relay.child = machine->pid;
        if (master >= 0) {
                keeper_relay_terminal(&relay, master, true);
        }
        r = keeper_relay_run(&relay);
        if (r == 0)
                *ret_exit = process_exit_code(relay.status);
        return r;
}

int oci_no_command(int error, int *ret_exit)
{
        *ret_exit = error == -ENOENT || error == -ENOTDIR ? 127 : 126;
        return ENGINE_NO_COMMAND;
}
