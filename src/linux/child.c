/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one program, run to its end.
 *
 * Its input is a file in memory: there is nobody to block on a program that reads none of it. What
 * it writes goes through a pipe into a buffer that keeps the end, so that a program which writes for
 * ever costs nothing. Its end is that of the process, by pidfd, and not that of the pipe, which a
 * daemon that it leaves behind would hold open. A second pipe, closed by exec, carries the errno of
 * an exec that failed. Time is counted by CLOCK_MONOTONIC.
 *
 * It runs between clone and exec of a container too, under the container's own seccomp filter, so
 * only calls that every reasonable filter allows are used on the way that goes well. */
#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Memory as a file, with the bytes in it, at its beginning. */
static int make_input(const char *bytes, size_t size)
{
        auto_close input = file_make_memory("input");
        int r;

        if (input < 0)
                return input;
        r = file_write(input, bytes, size);
        if (r == 0 && lseek(input, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = input;
        input = NO_FD;
        return r;
}

static void child_enter(const struct child_job *job, pid_t parent, int input, int output)
{
        process_reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                _exit(127);
        setsid();
        umask(022);
        if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
            process_seal_fds(3, false) < 0 || (job->cwd && chdir(job->cwd) < 0))
                return;
        execve(job->path, (char *const *)(uintptr_t)job->args, (char *const *)(uintptr_t)job->env);
}

/* Keep the last CHILD_TAIL bytes; false when there are no more. */
static bool keep_tail(int output, struct child_result *result)
{
        char bytes[CHILD_TAIL];
        ssize_t n = read(output, bytes, sizeof bytes);
        size_t size, kept;

        if (n < 0)
                return errno == EINTR;
        if (n == 0)
                return false;
        size = (size_t)n;
        kept = result->tail_size + size > CHILD_TAIL ? CHILD_TAIL - size : result->tail_size;
        memmove(result->tail, result->tail + result->tail_size - kept, kept);
        memcpy(result->tail + kept, bytes, size);
        result->tail_size = kept + size;
        result->tail[result->tail_size] = '\0';
        return true;
}

/* Milliseconds until `deadline_ns`, rounded up; -1: no deadline. */
static int time_left(uint64_t deadline_ns)
{
        uint64_t now = process_clock_ns(), left;

        if (deadline_ns == UINT64_MAX)
                return -1;
        left = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
        return left > 3600000 ? 3600000 : (int)left;
}

/* Until it has ended, or the time is over. */
static int attend(int pidfd, int output, uint64_t deadline_ns, struct child_result *result)
{
        struct pollfd set[] = { { .fd = pidfd, .events = POLLIN },
                                { .fd = output, .events = POLLIN } };

        for (;;) {
                int left = time_left(deadline_ns), n = poll(set, ARRAY_SIZE(set), left);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0 && set[1].revents && !keep_tail(output, result))
                        set[1].fd = -1;
                if (n > 0 && set[0].revents)
                        return 0;
                if (n <= 0 && left == 0 && process_clock_ns() >= deadline_ns) {
                        result->timed_out = true;
                        return 0;
                }
        }
}

static uint64_t deadline_of(int64_t timeout_s)
{
        const uint64_t second = 1000000000;

        if (timeout_s <= 0 || (uint64_t)timeout_s > UINT64_MAX / second / 2)
                return UINT64_MAX;
        return process_clock_ns() + (uint64_t)timeout_s * second;
}

/* The process group's number is the process's own: it was made a session leader before exec, and is
 * not reaped yet, so nobody else can have it. */
static int finish(pid_t pid, int pidfd, int output, struct child_result *result)
{
        int r;

        if (result->timed_out) {
                kill(-pid, SIGKILL);
                process_signal(pidfd, SIGKILL);
        }
        r = process_wait(pid, &result->status);
        fcntl(output, F_SETFL, O_RDONLY | O_NONBLOCK);
        for (int i = 0; i < 1024 && keep_tail(output, result); i++)
                ;
        return r;
}

int child_run(const struct child_job *job, struct child_result *ret_result)
{
        auto_close input = make_input(job->input, job->input_size);
        auto_close output = NO_FD, output_in = NO_FD, error = NO_FD, error_in = NO_FD;
        auto_close pidfd = NO_FD;
        uint64_t deadline_ns = deadline_of(job->timeout_s);
        int pair[2], r, failure = 0;
        pid_t parent = getpid(), pid;

        ret_result->status = 0;
        ret_result->timed_out = false;
        ret_result->tail_size = 0;
        ret_result->tail[0] = '\0';
        if (input < 0)
                return input;
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        output = pair[0];
        output_in = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        error = pair[0];
        error_in = pair[1];
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid < 0)
                return (int)pid;
        if (pid == 0) {
                child_enter(job, parent, input, output_in);
                failure = -errno;
                file_write(error_in, (const char *)&failure, sizeof failure);
                _exit(127);
        }
        file_close(&output_in);
        file_close(&error_in);
        r = attend(pidfd, output, deadline_ns, ret_result);
        if (r < 0)
                ret_result->timed_out = true;
        if (finish(pid, pidfd, output, ret_result) < 0 && r == 0)
                r = -ECHILD;
        if (r == 0 && read(error, &failure, sizeof failure) == (ssize_t)sizeof failure)
                r = failure;
        return r;
}
