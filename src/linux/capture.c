/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a program's whole output.
 *
 * For tools of the host that know what we do not, ps(1). What they print is all read before anything is
 * done with it, or the lines of it that are wanted. A second pipe, closed by exec, carries the errno of an exec that failed. */
#include "linux.h"

#include <fcntl.h>
#include <unistd.h>

static void enter(const struct capture_job *job, int input, int output, int error)
{
        int null = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0), failure = null;

        process_reset_signals();
        if (null >= 0) {
                if (dup2(input >= 0 ? input : null, 0) >= 0 && dup2(output, 1) >= 0 &&
                    dup2(job->output_only ? null : output, 2) >= 0)
                        execvp(job->arguments[0], (char *const *)(uintptr_t)job->arguments);
                failure = -errno;
        }
        file_write(error, (const char *)&failure, sizeof failure);
        _exit(127);
}

/* A pipe with the input in it, closed behind: nobody has to write while it runs. */
static int put_input(const char *input)
{
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        r = file_write(pair[1], input, strlen(input));
        close(pair[1]);
        if (r < 0)
                close(pair[0]);
        return r < 0 ? r : pair[0];
}

/* What is thrown away takes no memory, however much it is. */
static int read_lines(struct arena *arena, const struct capture_job *job, int fd, struct text *ret)
{
        char bytes[32 << 10], head[CAPTURE_HEAD];
        size_t in_head = 0;
        bool decided = false, kept = false;
        ssize_t n;

        *ret = (struct text){ .arena = arena };
        while ((n = read(fd, bytes, sizeof bytes)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                for (ssize_t i = 0; i < n; i++) {
                        if (!decided)
                                head[in_head++] = bytes[i];
                        if (!decided && (bytes[i] == '\n' || in_head == sizeof head - 1)) {
                                head[in_head] = '\0';
                                decided = true;
                                kept = job->keep(job->context, head);
                                if (kept)
                                        text_add_bytes(ret, head, in_head);
                        } else if (decided && kept) {
                                text_add_char(ret, bytes[i]);
                        }
                        if (bytes[i] == '\n') {
                                decided = false;
                                in_head = 0;
                        }
                        if (ret->len > job->most)
                                return -EFBIG;
                }
        }
        head[in_head] = '\0';
        if (!decided && in_head && job->keep(job->context, head)) /* the last, without an end */
                text_add_bytes(ret, head, in_head);
        return 0;
}

int capture_run(
        struct arena *arena, const struct capture_job *job, struct text *ret_output,
        int *ret_status)
{
        auto_close output = NO_FD, output_in = NO_FD, error = NO_FD, error_in = NO_FD;
        auto_close input = job->input ? put_input(job->input) : NO_FD;
        int pair[2], r, failure;
        pid_t pid;

        if (job->input && input < 0)
                return input;
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
                enter(job, input, output_in, error_in);
        file_close(&output_in);
        file_close(&error_in);
        r = job->keep ? read_lines(arena, job, output, ret_output)
                      : file_read_fd(arena, output, job->most, ret_output);
        file_close(&output); /* one that has more to say ends by SIGPIPE */
        if (process_wait(pid, ret_status) < 0 && r == 0)
                r = -ECHILD;
        if (read(error, &failure, sizeof failure) == (ssize_t)sizeof failure)
                r = failure;
        return r;
}
