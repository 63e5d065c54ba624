/* SPDX-License-Identifier: Apache-2.0 */
/* What processes do to their own descriptors, and mounts at one name. */
#include "linux/linux.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

/* Descriptors first to last, all open. */
static void fill(int first, int last)
{
        for (int fd = first; fd <= last; fd++)
                CHECK_INT(dup2(1, fd), fd);
}

TEST(close_fds_leaves_the_two_and_what_is_below)
{
        fill(20, 40);
        CHECK_INT(process_close_fds(22, (const int[]){ 33, 25 }, 2), 0);
        for (int fd = 20; fd <= 40; fd++)
                CHECK_INT(is_open(fd), fd < 22 || fd == 25 || fd == 33);
}

TEST(close_fds_may_keep_one_or_none_or_neighbours)
{
        fill(20, 24);
        CHECK_INT(process_close_fds(20, (const int[]){ NO_FD, 22 }, 2), 0);
        for (int fd = 20; fd <= 24; fd++)
                CHECK_INT(is_open(fd), fd == 22);
        fill(20, 24);
        CHECK_INT(process_close_fds(20, (const int[]){ 21, 20 }, 2), 0);
        for (int fd = 20; fd <= 24; fd++)
                CHECK_INT(is_open(fd), fd <= 21);
        fill(20, 24);
        CHECK_INT(process_close_fds(20, (const int[]){ NO_FD, NO_FD }, 2), 0);
        for (int fd = 20; fd <= 24; fd++)
                CHECK_INT(is_open(fd), false);
}

TEST(close_range_includes_both_ends)
{
        fill(20, 24);
        CHECK_INT(process_close_range(21, 23), 0);
        for (int fd = 20; fd <= 24; fd++)
                CHECK_INT(is_open(fd), fd == 20 || fd == 24);
}

/* Its number is still that of its session, in which a child lives on: no process has it. */
TEST(a_leader_that_has_ended_is_no_process)
{
        int gate[2];
        pid_t leader;
        char byte;

        CHECK_INT(pipe(gate), 0);
        leader = fork();
        if (leader == 0) {
                setsid();
                if (fork() == 0) {
                        close(gate[1]);
                        _exit(read(gate[0], &byte, 1) != 0);
                }
                _exit(0);
        }
        close(gate[0]);
        CHECK_INT(waitpid(leader, NULL, 0), leader);
        CHECK_INT(process_open(leader), -ESRCH);
        close(gate[1]); /* the child's end */
}

/* A child that waits for a signal; killed and not yet waited for it is dead, too. */
TEST(a_process_is_told_from_one_that_is_dead_and_from_every_other)
{
        struct process_id ids[2], by_start = { 0 };
        pid_t pids[2];
        int pidfds[2];

        for (int i = 0; i < 2; i++) {
                pids[i] = fork();
                if (pids[i] == 0)
                        for (;;)
                                pause();
                pidfds[i] = process_open(pids[i]);
                CHECK(pidfds[i] >= 0);
                CHECK_INT(process_identify(pids[i], pidfds[i], &ids[i]), 0);
        }
        CHECK_INT(process_is(pids[0], pidfds[0], &ids[0]), true);
        CHECK_INT(process_is(pids[1], pidfds[1], &ids[1]), true);
        CHECK_INT(ids[0].inode != 0 && ids[0].inode == ids[1].inode, false);
        if (ids[0].inode)
                CHECK_INT(process_is(pids[0], pidfds[0], &ids[1]), false);
        /* No process that we see began at this tick: nothing runs since before the clock. */
        by_start.start = UINT64_MAX;
        CHECK_INT(process_is(pids[0], pidfds[0], &by_start), false);
        CHECK_INT(process_signal(pidfds[0], SIGKILL), 0);
        CHECK_INT(process_poll(pidfds[0], -1), 1);
        CHECK_INT(process_is(pids[0], pidfds[0], &ids[0]), false);
        for (int i = 0; i < 2; i++) {
                process_signal(pidfds[i], SIGKILL);
                CHECK_INT(process_reap(pidfds[i]), 0);
                close(pidfds[i]);
        }
}

/* Kernels whose pidfds are all of one inode: the journal has the start time, read from /proc. */
TEST(a_process_is_known_by_its_start_time_without_inodes)
{
        struct process_id id = { 0 };
        char stat[1024], *at;
        int self = process_open(getpid());

        CHECK(self >= 0);
        CHECK(file_get_once(AT_FDCWD, "/proc/self/stat", stat, sizeof stat) > 0);
        at = strrchr(stat, ')') + 1;
        for (int field = 2; field < 22; at++)
                field += *at == ' ';
        CHECK_INT(text_u64(arena_copy(&(struct arena){ 0 }, at, strcspn(at, " ")), &id.start), 0);
        CHECK_INT(process_is(getpid(), self, &id), true);
        id.start++;
        CHECK_INT(process_is(getpid(), self, &id), false);
        close(self);
}

TEST(a_mount_at_a_name_does_not_follow_a_link)
{
        int fs, tree, dir;
        struct stat before, after;

        SKIP_UNLESS(unshare(CLONE_NEWNS) == 0, "needs the right to mount");
        CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        CHECK_INT(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), 0);
        CHECK_INT(mkdir("/tmp/real", 0755), 0);
        CHECK_INT(symlink("real", "/tmp/link"), 0);
        dir = file_open(AT_FDCWD, "/tmp", O_PATH | O_DIRECTORY, 0);
        fs = mount_open_fs("tmpfs");
        tree = mount_make(fs, 0);
        CHECK_INT(tree >= 0, true);
        CHECK_INT(stat("/tmp/real", &before), 0);
        CHECK_INT(mount_attach_name(tree, dir, "link"), -EINVAL);
        CHECK_INT(mount_attach_name(tree, dir, "none"), -ENOENT);
        CHECK_INT(stat("/tmp/real", &after), 0);
        CHECK_INT(before.st_dev == after.st_dev, true);
        CHECK_INT(mount_attach_name(tree, dir, "real"), 0);
        CHECK_INT(stat("/tmp/real", &after), 0);
        CHECK_INT(before.st_dev == after.st_dev, false);
}

/* Each test is a fork of the program that has them all. */
TEST(who_has_executed)
{
        CHECK(!process_has_executed(getpid()));
        CHECK(process_has_executed(getppid()));
        CHECK(process_has_executed(0x7ffffff0)); /* nobody: nobody knows */
}

TEST(a_program_is_run_and_heard)
{
        const char *const fails[] = { "/bin/sh", "-c", "echo out; echo words >&2; exit 3", NULL };
        const char *const floods[] = { "/bin/sh", "-c",
                                       "i=0; while [ $i -lt 9000 ]; do echo xxxxxxxxxxxxxxx; "
                                       "i=$((i+1)); done >&2",
                                       NULL };
        const char *const missing[] = { "/nowhere/at/all", NULL };
        char words[8];
        int status;

        CHECK_INT(process_run(fails, words, sizeof words, &status), 0);
        CHECK_INT(process_exit_code(status), 3);
        CHECK_STR(words, "words\n");
        CHECK_INT(process_run(floods, words, sizeof words, &status), 0);
        CHECK_INT(process_exit_code(status), 0);
        CHECK_STR(words, "xxxxxxx");
        CHECK_INT(process_run(missing, words, sizeof words, &status), 0);
        CHECK_INT(process_exit_code(status), 127);
}

TEST(a_pidfd_tells_whose_it_is)
{
        auto_close self = process_open(getpid()), child = NO_FD;
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(0);
        child = process_open(pid);
        CHECK_INT(process_number(self), getpid());
        CHECK(!process_is_child(self));
        CHECK_INT(process_number(child), pid);
        CHECK(process_is_child(child));
        CHECK_INT(process_wait(pid, &status), 0);
        CHECK(!process_is_child(child));
        CHECK_INT(process_number(child), -ESRCH);
}

/* A child that goes on to `program`, or dies of SIGKILL; a zombie by now. */
static pid_t ended_child(const char *program)
{
        siginfo_t info;
        pid_t pid = fork();

        if (pid == 0) {
                reaper_enter_group();
                if (program)
                        execl(program, program, (char *)NULL);
                kill(getpid(), SIGKILL);
        }
        CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        return pid;
}

TEST(a_child_that_was_killed_before_exec_has_not_executed)
{
        pid_t killed = ended_child(NULL), executed = ended_child("/bin/true");

        CHECK_INT(reaper_has_executed(killed), false);
        CHECK_INT(reaper_has_executed(executed), true);
}

/* What lies before descriptor 0 is nothing, and not all. */
TEST(close_fds_may_keep_the_first_of_all)
{
        int status;
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
                int r = process_close_fds(0, (const int[]){ 0 }, 1);

                _exit(r < 0 || fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) >= 0);
        }
        CHECK_INT(process_wait(child, &status), 0);
        CHECK_INT(status, 0);
}
