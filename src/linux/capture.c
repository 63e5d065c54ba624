/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a program's whole output.
 *
 * For tools of the host that know what we do not, ps(1). What they print is all read before anything is
 * done with it. A second pipe, closed by exec, carries the errno of an exec that failed. */
#include "linux.h"

#include <fcntl.h>
#include <unistd.h>

static void enter(const char *const *arguments, int output, int error)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), failure;

        process_reset_signals();
        if (null >= 0 && dup2(null, 0) >= 0 && dup2(output, 1) >= 0 && dup2(output, 2) >= 0)
                execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        failure = -errno;
        file_write(error, (const char *)&failure, sizeof failure);
        _exit(127);
}

int capture_run(
        struct arena *arena, const char *const *arguments, size_t most, struct text *ret_output,
        int *ret_status)
{
        auto_close output = NO_FD, output_in = NO_FD, error = NO_FD, error_in = NO_FD;
        int pair[2], r, failure;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        output = pair[0];
        output_in = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        error = pair[0];
        error_in = pair[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                enter(arguments, output_in, error_in);
        file_close(&output_in);
        file_close(&error_in);
        r = file_read_fd(arena, output, most, ret_output);
        file_close(&output); /* one that has more to say ends by SIGPIPE */
        if (process_wait(pid, ret_status) < 0 && r == 0)
                r = -ECHILD;
        if (read(error, &failure, sizeof failure) == (ssize_t)sizeof failure)
                r = failure;
        return r;
}
