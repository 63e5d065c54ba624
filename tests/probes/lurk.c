/* SPDX-License-Identifier: Apache-2.0 */
/* Who lurks in a container for processes that enter it: lurk PATH OUTPUT. As soon as one is there, and
 * as long as it is, look for PATH, which is the host's, by its root, its directory and each of its
 * descriptors, for an executable that can be written to, and for rights that are not the container's.
 * What is found is appended to OUTPUT, a line each: "root", "cwd", "fd 7", "exe", "rights 1ff...",
 * "met" when one was there at all, and "seen" when one could be looked at before it was a program of
 * the container's.
 *
 * Pids are guessed (pids.h). */
#include "pids.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ptrace.h>
#include <sys/wait.h>

enum {
        FDS = 24
};

static const char *wanted;
static FILE *output;

static struct stat_line {
        char text[80];
} told[200];

static int n_told;

/* Once each. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
        char line[80];
        va_list values;

        va_start(values, format);
        vsnprintf(line, sizeof line, format, values);
        va_end(values);
        for (int i = 0; i < n_told; i++)
                if (!strcmp(told[i].text, line))
                        return;
        if (n_told < 200)
                strcpy(told[n_told++].text, line);
        fprintf(output, "%s\n", line);
        fflush(output);
}

/* Is the host's file found from /proc/PID/NAME? */
static int leads_out(int pid, const char *name)
{
        char path[4096];
        int fd, found;

        snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
        fd = open(path, O_PATH | O_DIRECTORY);
        if (fd < 0)
                return 0;
        snprintf(path, sizeof path, "../../../../../../../../../../..%s", wanted);
        if (!strcmp(name, "root"))
                snprintf(path, sizeof path, ".%s", wanted);
        found = open(path[0] == '.' && path[1] == '/' ? path + 2 : path, O_RDONLY);
        if (found >= 0) /* our own has it: the test is wrong */
                close(found), tell("broken");
        found = openat(fd, path, O_RDONLY);
        close(fd);
        if (found >= 0)
                close(found);
        return found >= 0;
}

static unsigned long long number_of(const char *status, const char *name)
{
        const char *at = strstr(status, name);

        return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

/* Rights that we have not, in a process that we may trace. */
static void look_at_rights(int pid, unsigned long long ours)
{
        char path[64], status[4096];
        unsigned long long caps;
        int fd;
        ssize_t n;

        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return;
        snprintf(path, sizeof path, "/proc/%d/status", pid);
        fd = open(path, O_RDONLY);
        n = fd < 0 ? 0 : read(fd, status, sizeof status - 1);
        if (fd >= 0)
                close(fd);
        status[n > 0 ? n : 0] = '\0';
        caps = number_of(status, "CapPrm:");
        if (caps & ~ours)
                tell("rights %llx", caps);
        ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
        if (waitpid(pid, NULL, __WALL) == pid)
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void look_at(int pid, unsigned long long ours)
{
        char path[64], target[256];
        int writable;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        n = readlink(path, target, sizeof target - 1);
        if (n > 0) {
                target[n] = '\0';
                if (strcmp(target, "/bin/busybox") != 0)
                        tell("seen");
        }
        if (leads_out(pid, "root"))
                tell("root");
        if (leads_out(pid, "cwd"))
                tell("cwd");
        for (int i = 0; i < FDS; i++) {
                char name[16];

                snprintf(name, sizeof name, "fd/%d", i);
                if (leads_out(pid, name))
                        tell("fd %d", i);
        }
        if (n > 0 && strcmp(target, "/bin/busybox") != 0) {
                writable = open(path, O_WRONLY);
                if (writable >= 0) {
                        close(writable);
                        tell("exe");
                }
        }
        look_at_rights(pid, ours);
}

int main(int argc, char **argv)
{
        char status[4096], path[64];
        unsigned long long ours;
        int next = getpid() + 1, fd = open("/proc/self/status", O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, status, sizeof status - 1);

        output = argc == 3 ? fopen(argv[2], "a") : NULL;
        if (!output || n <= 0)
                return 2;
        wanted = argv[1];
        status[n] = '\0';
        ours = number_of(status, "CapPrm:");
        tell("lurking");
        for (;;) {
                next = pids_next(next);
                for (int pid = next; pid < next + AHEAD; pid++) {
                        snprintf(path, sizeof path, "/proc/%d", pid);
                        if (access(path, F_OK) < 0)
                                continue;
                        tell("met");
                        for (int i = 0; i < 200 && access(path, F_OK) == 0; i++)
                                look_at(pid, ours);
                        next = pid + 1;
                }
        }
}
