/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a pid 1 that is as small as it can be.
 *
 * All signals are blocked and taken by sigwaitinfo(2): no handler, no descriptor. A blocked signal
 * reaches even a pid 1, for which the kernel passes over those that nobody has asked for. SIGCHLD means
 * to reap; every other one goes to the program, which is in a process group of its own, so that what
 * the terminal sends to the foreground is not sent twice. The kernel kills the rest of a pid namespace
 * when its pid 1 ends.
 *
 * The process was forked from husk and never execs: its command line and environment, which are
 * those of husk's caller, are overwritten, and it cannot be looked into by whoever lacks
 * CAP_SYS_PTRACE. It runs under the program's own seccomp filter: where that forbids to wait for
 * signals, it still reaps, and where it forbids that, too, it ends. */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const char name[] = "husk-init";

int reaper_prepare(void)
{
        return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

void reaper_enter_group(void)
{
        sigset_t set, before;

        setpgid(0, 0);
        /* A background group that takes the terminal is stopped by SIGTTOU otherwise. */
        sigemptyset(&set);
        sigaddset(&set, SIGTTOU);
        sigprocmask(SIG_BLOCK, &set, &before);
        tcsetpgrp(0, getpid());
        sigprocmask(SIG_SETMASK, &before, NULL);
}

/* setpgid(2) refuses a child that has called execve(2), dead or alive; to one that has not it does
 * what was done already. /proc may not be there, and a filter that forbids this lets the program be. */
bool reaper_has_executed(pid_t child)
{
        return setpgid(child, child) < 0;
}

/* From argv[0] to the name of the executable, which the kernel puts behind the environment, lie the
 * strings of both, execve(2). */
static void wipe(void)
{
        char *first = program_invocation_name;
        char *end = (char *)(uintptr_t)getauxval(AT_EXECFN); /* NOLINT: an address, as a number */

        if (first && end > first && end - first < (1 << 25)) {
                memset(first, 0, (size_t)(end - first));
                if ((size_t)(end - first) > sizeof name)
                        memcpy(first, name, sizeof name);
        }
        prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Whoever has ended; the child's own end is ours. A filter that forbids to wait does so each time: what
 * fails once is tried again. */
static void reap(pid_t child, int options)
{
        int status;
        pid_t pid;

        for (int tries = 0; tries < 2; tries++) {
                while ((pid = waitpid(-1, &status, options)) > 0)
                        if (pid == child)
                                _exit(process_exit_code(status));
                if (pid == 0 || errno == EINTR || errno == EAGAIN)
                        return;
        }
        _exit(128 + SIGKILL); /* no child, or no leave to wait for it */
}

/* What wipe() wrote: no filter can forbid that, and only the process itself could change it. */
bool reaper_is_running(pid_t pid)
{
        char path[64], line[sizeof name] = "";

        text_format(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        file_get(AT_FDCWD, path, line, sizeof line); /* it is longer: its beginning will do */
        return memcmp(line, name, sizeof name) == 0;
}

void reaper_run(pid_t child)
{
        sigset_t all;

        process_fill_signals(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        process_hide();
        process_seal_fds(0, true);
        if (chdir("/") < 0)
                errno = 0; /* then it stays where the program starts */
        wipe();
        for (;;) {
                int number;

                reap(child, WNOHANG);
                number = sigwaitinfo(&all, NULL);
                if (number < 0 && errno != EINTR)
                        reap(child, 0);
                else if (number > 0 && number != SIGCHLD)
                        kill(child, number);
        }
}
