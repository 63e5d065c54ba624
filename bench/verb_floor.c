/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of the short verbs: the least work that answers, or that puts a process into a container.
 *
 *      verb_floor file PATH              read a file of state and print it
 *      verb_floor enter PID PROGRAM      the namespaces of a process and an exec in them
 *      verb_floor join PID PROGRAM       the same with all that an OCI runtime owes such a process:
 *                                        cgroups (v1), session, keyring, limit, identity, privileges
 *
 * As in floor.c nothing is parsed, checked or remembered. */
#include "floor.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void join_one(const char *controllers, const char *own)
{
        char path[4096];
        const char *name = strncmp(controllers, "name=", 5) == 0 ? controllers + 5 : controllers;
        int fd;

        snprintf(path, sizeof path, "/sys/fs/cgroup/%s%s/tasks", name, own);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                err(125, "%s", path);
        must(write(fd, "0", 1));
        close(fd);
}

/* /proc/PID/cgroup: "4:memory:/path"; that of v2 has no controllers and is left out. */
static void join_cgroups(const char *pid)
{
        static char list[8192];
        char path[64];

        snprintf(path, sizeof path, "/proc/%s/cgroup", pid);
        slurp(path, list, sizeof list);
        for (char *line = list, *end; (end = strchr(line, '\n')); line = end + 1) {
                char *controllers = strchr(line, ':') + 1;
                char *own = strchr(controllers, ':');

                *end = '\0';
                *own++ = '\0';
                if (*controllers)
                        join_one(controllers, own);
        }
}

static void drop_privileges(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { KEPT, KEPT, 0 }, { 0, 0, 0 } };

        must(syscall(SYS_setgroups, 0, NULL));
        for (int cap = 0; cap <= LAST_CAP; cap++)
                if (cap > 31 || !(KEPT & (1u << cap)))
                        must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
        must(syscall(SYS_setresgid, 0, 0, 0));
        must(syscall(SYS_setresuid, 0, 0, 0));
        must(syscall(SYS_capset, &header, data));
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int main(int argc, char **argv)
{
        const int inner = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
        static char state[65536];
        char *environment[] = { NULL };
        int pidfd, status;
        pid_t pid;

        if (argc == 3 && strcmp(argv[1], "file") == 0)
                return write(1, state, slurp(argv[2], state, sizeof state)) < 0;
        if (argc < 4)
                errx(2, "usage: verb_floor file PATH | enter PID PROGRAM | join PID PROGRAM");
        pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[2]), 0);
        must(pidfd);
        if (strcmp(argv[1], "enter") == 0) {
                must(setns(pidfd, inner | CLONE_NEWPID));
                pid = vfork();
                if (pid == 0) {
                        execve(argv[3], argv + 3, environment);
                        _exit(127);
                }
        } else {
                must(setns(pidfd, CLONE_NEWPID));
                pid = fork();
                if (pid == 0) {
                        struct rlimit files = { 1024, 1024 };

                        join_cgroups(argv[2]);
                        must(setns(pidfd, inner));
                        must(syscall(
                                SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "_ses.floor"));
                        must(setsid());
                        must(setrlimit(RLIMIT_NOFILE, &files));
                        must(chdir("/"));
                        drop_privileges();
                        execve(argv[3], argv + 3, environment);
                        err(127, "%s", argv[3]);
                }
        }
        must(pid);
        must(waitpid(pid, &status, 0));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
