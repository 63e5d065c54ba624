/* SPDX-License-Identifier: Apache-2.0 */
/* What criu has restored, looked at: here two processes of ours stand in for criu and for what it restored. */
#include "linux/linux.h"
#include "plan/ops.h"
#include "plan/plan.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include <sys/prctl.h>
#include <sys/wait.h>

enum {
        RESTORED,
        CRIU,
        JOINED /* slots */
};

static const struct plan plan = { .slots = 3 };
static struct machine host;
static pid_t restored, criu;

static const struct op_check_rights any = {
        .process = RESTORED, .criu = CRIU, .caps = UINT64_MAX, .bounding = UINT64_MAX
};

/* A process in new namespaces of these kinds, and in the mount namespace of another one (0: ours). */
static pid_t start(int types, pid_t with)
{
        int ready[2];
        char byte, path[64];
        pid_t pid;

        CHECK_INT(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)with);
                if (unshare(types) < 0 || (with && setns(open(path, O_RDONLY), CLONE_NEWNS) < 0))
                        _exit(1);
                byte = write(ready[1], ".", 1) == 1 ? '.' : '!';
                for (;;)
                        pause();
        }
        close(ready[1]);
        CHECK(read(ready[0], &byte, 1) == 1);
        close(ready[0]);
        return pid;
}

static void begin(int types, bool in_criu)
{
        criu = start(CLONE_NEWNS, 0);
        restored = start(types, in_criu ? criu : 0);
        machine_init(&host, &plan);
        host.fd[RESTORED] = host.pidfd = process_open(restored);
        host.fd[CRIU] = process_open(criu);
        host.pid = restored;
        CHECK_INT(task_cgroups_read(criu, criu, host.place, sizeof host.place), 0);
        trail_reset();
}

static void join(const char *file)
{
        host.fd[JOINED] = file_open(AT_FDCWD, file, O_RDONLY, 0);
        CHECK(host.fd[JOINED] >= 0);
}

/* Does it run? A signal of ours is the first that it gets then. */
static bool lives(pid_t pid)
{
        int status;

        kill(pid, SIGTERM);
        CHECK(waitpid(pid, &status, 0) == pid);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

static void check_spared(int r)
{
        CHECK_INT(r, 0);
        CHECK_STR(trail_text(), "");
        CHECK(lives(restored));
        CHECK(lives(criu));
}

static void check_killed(int r, const char *words)
{
        CHECK_INT(r, -EACCES);
        CHECK(strstr(trail_text(), words) != NULL);
        if (!strstr(trail_text(), words))
                printf("# %s\n", trail_text());
        CHECK(!lives(restored));
        CHECK(!lives(criu));
}

#define NEEDS_ROOT SKIP_UNLESS(geteuid() == 0, "needs root")

TEST(in_namespaces_of_its_own_it_is_spared)
{
        struct op_check_rights op = any;

        NEEDS_ROOT;
        begin(CLONE_NEWNS | CLONE_NEWUTS, false);
        op.spaces = CLONE_NEWNS | CLONE_NEWUTS;
        check_spared(do_check_rights(&host, &op));
}

TEST(in_a_namespace_of_ours_or_of_criu_it_is_killed)
{
        struct op_check_rights op = any;

        NEEDS_ROOT;
        op.spaces = CLONE_NEWNS | CLONE_NEWUTS;
        begin(CLONE_NEWNS, false);
        check_killed(do_check_rights(&host, &op), "in the host's uts namespace");
        begin(CLONE_NEWUTS, true);
        check_killed(do_check_rights(&host, &op), "in the host's mnt namespace");
}

TEST(in_other_cgroups_than_criu_was_it_is_killed)
{
        NEEDS_ROOT;
        begin(CLONE_NEWNS, false);
        CHECK(*host.place != '\0');
        for (char *line = host.place; *line; line += strcspn(line, "\n") + 1)
                if (line[strcspn(line, "\n") - 1] == '/') /* where all are that were not placed */
                        line[strcspn(line, "\n") - 1] = 'x';
                else
                        line[strcspn(line, "\n") - 1] ^= 1;
        check_killed(do_check_rights(&host, &any), "which is none of the container's");
}

TEST(in_the_namespace_that_was_to_be_joined_it_is_spared)
{
        const struct op_check_space op = { RESTORED, CRIU, JOINED, CLONE_NEWUTS };
        char path[64];

        NEEDS_ROOT;
        begin(CLONE_NEWUTS, false);
        snprintf(path, sizeof path, "/proc/%d/ns/uts", (int)restored);
        join(path);
        check_spared(do_check_space(&host, &op));
        /* which may be ours */
        begin(CLONE_NEWNS, false);
        join("/proc/self/ns/uts");
        check_spared(do_check_space(&host, &op));
}

TEST(in_another_one_it_is_killed)
{
        const struct op_check_space op = { RESTORED, CRIU, JOINED, CLONE_NEWUTS };
        char path[64];
        pid_t other;

        NEEDS_ROOT;
        other = start(CLONE_NEWUTS, 0);
        snprintf(path, sizeof path, "/proc/%d/ns/uts", (int)other);
        begin(CLONE_NEWUTS, false);
        join(path);
        check_killed(do_check_space(&host, &op), "in another uts namespace");
        begin(CLONE_NEWNS, false);
        join(path);
        check_killed(do_check_space(&host, &op), "in the host's uts namespace");
        CHECK(lives(other));
}
