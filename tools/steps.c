/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions of a program run: one step at a time, through fork and exec, for tools/busy.
 *
 *      steps TEXT_OFFSET OUTPUT PROGRAM WORD...
 *
 * OUTPUT gets the file offsets, one a line and in hexadecimal, of what ran in a mapping of PROGRAM's code, which begins
 * at TEXT_OFFSET of its file (its executed again, sealed copy too, which has another name). A million steps take
 * half a minute. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum {
        SIZE = 1 << 22, /* of the longest program */
        TASKS = 64
};

static unsigned char ran[SIZE];

static struct task {
        pid_t pid;
        unsigned long base; /* where the file's first byte would be; 0: not known */
} tasks[TASKS];

static struct task *find_task(pid_t pid)
{
        for (size_t i = 0; i < TASKS; i++)
                if (tasks[i].pid == pid || !tasks[i].pid) {
                        tasks[i].pid = pid;
                        return &tasks[i];
                }
        errx(1, "more than %d processes", TASKS);
}

static unsigned long find_base(pid_t pid, unsigned long text, unsigned long at)
{
        char path[64], line[512], rights[8];
        unsigned long from, to, offset, base = 0;
        FILE *maps;

        snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
        maps = fopen(path, "re");
        while (maps && fgets(line, sizeof line, maps))
                if (sscanf(line, "%lx-%lx %7s %lx", &from, &to, rights, &offset) == 4 &&
                    at >= from && at < to && offset == text)
                        base = from - offset;
        if (maps)
                fclose(maps);
        return base;
}

static void note(pid_t pid, unsigned long text)
{
        struct task *task = find_task(pid);
        struct user_regs_struct registers;

        if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0)
                return;
        if (!task->base || registers.rip - task->base >= SIZE)
                task->base = find_base(pid, text, registers.rip);
        if (task->base)
                ran[registers.rip - task->base] = 1;
}

int main(int argc, char **argv)
{
        unsigned long text;
        int status;
        pid_t pid;
        FILE *output;

        if (argc < 4)
                errx(1, "usage: steps TEXT_OFFSET OUTPUT PROGRAM WORD...");
        text = strtoul(argv[1], NULL, 16);
        pid = fork();
        if (pid == 0) {
                ptrace(PTRACE_TRACEME, 0, 0, 0);
                execv(argv[3], argv + 3);
                err(127, "%s", argv[3]);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
                errx(1, "%s does not start", argv[3]);
        /* No PTRACE_O_EXITKILL: what a command leaves behind goes on when we end. */
        ptrace(PTRACE_SETOPTIONS, pid, 0,
               PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
        for (pid_t at; (at = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
                int signal = WSTOPSIG(status);

                if (at < 0)
                        continue;
                if (!WIFSTOPPED(status)) {
                        if (at == pid)
                                break;
                        continue;
                }
                if (status >> 16 == PTRACE_EVENT_EXEC)
                        find_task(at)->base = 0;
                if (signal == SIGTRAP)
                        note(at, text);
                ptrace(PTRACE_SINGLESTEP, at, 0,
                       signal == SIGTRAP || signal == SIGSTOP ? 0L : (long)signal);
        }
        output = fopen(argv[2], "we");
        if (!output)
                err(1, "%s", argv[2]);
        for (size_t i = 0; i < SIZE; i++)
                if (ran[i])
                        fprintf(output, "%zx\n", i);
        return fclose(output) == 0 ? WEXITSTATUS(status) : 1;
}
