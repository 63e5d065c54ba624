/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a command under ptrace(2), up to one of its system calls.
 *
 * The tracer sees each call before the kernel does it. There the process is killed, or the call's
 * number is replaced by one that does not exist and its result by the error: the call was never
 * made. Behind the fault nobody stops any more, so that what follows is as fast as it is alone.
 *
 * Followed are the command and all processes that it makes, until they execute a program that is
 * not the command's own file: that is the container's, and none of our business. ptrace and not a
 * seccomp filter: filters are inherited by the container, which would tell of it. */
#include "calls.h"
#include "linux/seccomp_table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>

enum {
        TRACEES_MAX = 64
};

struct tracee {
        pid_t pid; /* 0: free */
        int role;  /* -1: not known yet, it waits for the event of who made it */
        unsigned children;
        bool failing; /* its call is replaced; the result is, at the exit */
};

struct trace {
        struct tracee tracee[TRACEES_MAX];
        const struct fault *fault;
        struct record *record;
        struct outcome *out;
        struct stat program;
        pid_t root;
        bool ended; /* the command has */
        size_t seen[ROLES_MAX];
        size_t nth[ROLES_MAX]; /* calls of the fault's number */
        char name[ROLES_MAX][24];
        int roles;
};

static volatile sig_atomic_t late;

static void on_alarm(int signal)
{
        (void)signal;
        late = 1;
}

static struct tracee *find(struct trace *t, pid_t pid)
{
        for (size_t i = 0; i < TRACEES_MAX; i++)
                if (t->tracee[i].pid == pid)
                        return &t->tracee[i];
        return NULL;
}

static struct tracee *add(struct trace *t, pid_t pid)
{
        struct tracee *tracee = find(t, 0);

        if (!tracee)
                abort();
        *tracee = (struct tracee){ .pid = pid, .role = -1 };
        return tracee;
}

static int new_role(struct trace *t, const char *parent, unsigned child)
{
        int role = t->roles++;

        if (role >= ROLES_MAX)
                abort();
        if (parent)
                snprintf(t->name[role], sizeof t->name[role], "%s.%u", parent, child);
        else
                strcpy(t->name[role], "0");
        t->seen[role] = t->nth[role] = 0;
        if (t->record) {
                t->record->n = (size_t)t->roles;
                t->record->role[role].n = 0;
                strcpy(t->record->role[role].name, t->name[role]);
        }
        return role;
}

/* Until the next call; or, when there is nothing to see any more, until something happens to it. */
static void go_on(struct trace *t, const struct tracee *tracee, int signal)
{
        bool calls = t->record || tracee->failing || (t->fault->role && !t->out->hit);

        ptrace(calls ? PTRACE_SYSCALL : PTRACE_CONT, tracee->pid, 0, signal);
}

static void put_fault(struct trace *t, struct tracee *tracee)
{
        struct user_regs_struct regs;

        t->out->hit = true;
        if (t->fault->error == KILL) {
                kill(tracee->pid, SIGKILL);
                return;
        }
        tracee->failing = true;
        /* A descriptor is closed whatever close(2) returns. */
        if (t->fault->call == SYS_close || ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) < 0)
                return;
        regs.orig_rax = (unsigned long long)-1;
        ptrace(PTRACE_SETREGS, tracee->pid, 0, &regs);
}

static void at_call(struct trace *t, struct tracee *tracee)
{
        struct __ptrace_syscall_info info;
        struct user_regs_struct regs;

        if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->pid, sizeof info, &info) < 0)
                return;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->failing) {
                tracee->failing = false;
                if (ptrace(PTRACE_GETREGS, tracee->pid, 0, &regs) == 0) {
                        regs.rax = (unsigned long long)-t->fault->error;
                        ptrace(PTRACE_SETREGS, tracee->pid, 0, &regs);
                }
        }
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY || t->out->hit)
                return;
        if (t->record && t->seen[tracee->role] < CALLS_MAX) {
                struct role *role = &t->record->role[tracee->role];

                role->call[role->n++] = (short)info.entry.nr;
        }
        t->seen[tracee->role]++;
        if (t->fault->role && (int)info.entry.nr == t->fault->call &&
            strcmp(t->name[tracee->role], t->fault->role) == 0 &&
            ++t->nth[tracee->role] == t->fault->nth)
                put_fault(t, tracee);
}

/* It has become another program: it is let go. */
static bool is_foreign(const struct trace *t, pid_t pid)
{
        char path[64], to[64];
        struct stat st;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        /* husk of an ordinary user runs from a sealed copy of itself. */
        if (file_read_link(path, to, sizeof to) > 0 && text_starts(to, "/memfd:husk"))
                return false;
        return stat(path, &st) < 0 || st.st_dev != t->program.st_dev ||
               st.st_ino != t->program.st_ino;
}

static void at_event(struct trace *t, struct tracee *tracee, int event)
{
        unsigned long pid = 0;
        struct tracee *child;

        switch (event) {
        case PTRACE_EVENT_FORK:
        case PTRACE_EVENT_VFORK:
        case PTRACE_EVENT_CLONE:
                ptrace(PTRACE_GETEVENTMSG, tracee->pid, 0, &pid);
                child = find(t, (pid_t)pid);
                if (child) {
                        child->role = new_role(t, t->name[tracee->role], tracee->children++);
                        go_on(t, child, 0);
                } else {
                        child = add(t, (pid_t)pid);
                        child->role = new_role(t, t->name[tracee->role], tracee->children++);
                }
                break;
        case PTRACE_EVENT_EXEC:
                if (is_foreign(t, tracee->pid)) {
                        ptrace(PTRACE_DETACH, tracee->pid, 0, 0);
                        tracee->pid = 0;
                        return;
                }
                break;
        default:
                break;
        }
        go_on(t, tracee, 0);
}

static void at_end(struct trace *t, pid_t pid, int status)
{
        static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
        struct tracee *tracee = find(t, pid);

        if (pid == t->root) {
                t->ended = true;
                t->out->status = status;
        }
        if (!tracee)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
                if (WIFSIGNALED(status) && WTERMSIG(status) == crashes[i])
                        t->out->crash = crashes[i];
        tracee->pid = 0;
}

static void at_stop(struct trace *t, pid_t pid, int status)
{
        struct tracee *tracee = find(t, pid);
        int signal = WSTOPSIG(status), event = status >> 16;

        if (!tracee) { /* who made it has not said so yet */
                add(t, pid);
                return;
        }
        if (signal == (SIGTRAP | 0x80)) {
                at_call(t, tracee);
                go_on(t, tracee, 0);
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
                ptrace(PTRACE_LISTEN, pid, 0, 0);
        else if (event)
                at_event(t, tracee, event);
        else
                go_on(t, tracee, signal);
}

/* -- a hang --------------------------------------------------------------------------------------------- */

static void note_hang(struct trace *t)
{
        size_t used = 0;

        t->out->hang = true;
        for (size_t i = 0; i < TRACEES_MAX; i++) {
                const struct tracee *tracee = &t->tracee[i];
                char path[64], call[32] = "";
                ssize_t n;

                if (!tracee->pid || tracee->role < 0)
                        continue;
                snprintf(path, sizeof path, "/proc/%d/syscall", (int)tracee->pid);
                n = file_get_once(AT_FDCWD, path, call, sizeof call);
                if (n >= 0)
                        strtok(call, " \n");
                used += (size_t)snprintf(
                        t->out->where + used, sizeof t->out->where - used, " %s in %s",
                        t->name[tracee->role],
                        n >= 0 && call[0] != 'r' ? trace_call_name(atoi(call)) : "its program");
                if (used >= sizeof t->out->where)
                        break;
        }
        for (size_t i = 0; i < TRACEES_MAX; i++)
                if (t->tracee[i].pid)
                        kill(t->tracee[i].pid, SIGKILL);
}

/* It lives on without us, and so does a child that it has just made, of which nobody has heard yet: such a one
 * is traced from its first moment, and would stand still for ever. What a stop tells of last is the child; a
 * number of old is nobody's whom we trace. */
static void let_one_go(pid_t pid)
{
        unsigned long child = 0;
        int status = 0, signal;

        if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &child) == 0) {
                waitpid(pid, &status,
                        __WALL | WNOHANG); /* it stands; of what, was perhaps heard before */
        } else if (
                ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid(pid, &status, __WALL) != pid) {
                return;
        } else {
                ptrace(PTRACE_GETEVENTMSG, pid, 0, &child);
        }
        signal = WIFSTOPPED(status) && !(status >> 16) && WSTOPSIG(status) != (SIGTRAP | 0x80)
                       ? WSTOPSIG(status)
                       : 0;
        if (ptrace(PTRACE_DETACH, pid, 0, signal) < 0)
                return; /* it has ended, or is killed */
        if (child)
                let_one_go((pid_t)child);
}

static void let_go(struct trace *t)
{
        for (size_t i = 0; i < TRACEES_MAX; i++) {
                if (t->tracee[i].pid)
                        let_one_go(t->tracee[i].pid);
                t->tracee[i].pid = 0;
        }
}

/* -- the command ----------------------------------------------------------------------------------------- */

static pid_t begin(const char *const *argv, const int streams[3], void (*enter)(void))
{
        int gate[2];
        pid_t pid;
        char byte;

        if (pipe2(gate, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                for (int i = 0; i < 3; i++)
                        dup2(streams[i], i);
                if (enter)
                        enter();
                close(gate[1]);
                while (read(gate[0], &byte, 1) < 0)
                        ;
                execv(argv[0], (char **)(uintptr_t)argv);
                _exit(127);
        }
        close(gate[0]);
        if (pid > 0)
                ptrace(PTRACE_SEIZE, pid, 0,
                       PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                               PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
        close(gate[1]);
        return pid;
}

static void set_alarm(int seconds)
{
        struct itimerval timer = { .it_value.tv_sec = seconds };

        setitimer(ITIMER_REAL, &timer, NULL);
}

void trace_run(
        const char *const *argv, const int streams[3], void (*enter)(void),
        const struct fault *fault, struct record *record, struct outcome *ret)
{
        struct sigaction action = { .sa_handler = on_alarm };
        struct trace t = { .fault = fault, .record = record, .out = ret };
        struct tracee *root;

        *ret = (struct outcome){ 0 };
        sigaction(SIGALRM, &action, NULL);
        late = 0;
        stat(argv[0], &t.program);
        if (record)
                record->n = 0;
        t.root = begin(argv, streams, enter);
        root = add(&t, t.root);
        root->role = new_role(&t, NULL, 0);
        set_alarm(HANG_S);
        while (!t.ended) {
                int status;
                pid_t pid = waitpid(-1, &status, __WALL);

                if (pid < 0 && errno == EINTR && late && !ret->hang) {
                        note_hang(&t);
                        set_alarm(HANG_S);
                } else if (pid < 0 && errno != EINTR)
                        break;
                else if (pid > 0 && WIFSTOPPED(status))
                        at_stop(&t, pid, status);
                else if (pid > 0)
                        at_end(&t, pid, status);
        }
        let_go(&t);
        set_alarm(0);
}

const char *trace_call_name(int call)
{
        int row = seccomp_row_by_number(SECCOMP_ABI_X86_64, (unsigned)call);

        return row < 0 ? "?" : seccomp_row_name((unsigned)row);
}

int trace_call_number(const char *name)
{
        int row = seccomp_row_find(name);

        return row < 0 ? -1 : seccomp_calls[row].numbers[SECCOMP_ABI_X86_64];
}
