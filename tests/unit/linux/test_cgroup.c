/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups on the kernel's own trees: made, refused, joined, killed, removed. Each test makes cgroups
 * of its own below the freezer's hierarchy (v1) or the v2 one, and takes them away again. */
#include "linux/linux.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include <sys/stat.h>

static bool mounted(const char *path)
{
        return geteuid() == 0 && access(path, W_OK) == 0;
}

static char made[256]; /* the test's own */

/* A test that fails leaves its cgroup with the processes in it, frozen or not. */
static void clean(void)
{
        char file[300];

        for (int round = 0; round < 1000 && rmdir(made) < 0 && errno == EBUSY; round++) {
                int dir = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pid;
                FILE *list;

                file_put(dir, "freezer.state", "THAWED");
                file_put(dir, "cgroup.freeze", "0");
                close(dir);
                snprintf(file, sizeof file, "%s/cgroup.procs", made);
                list = fopen(file, "re");
                while (list && fscanf(list, "%d", &pid) == 1)
                        kill(pid, SIGKILL);
                if (list)
                        fclose(list);
                usleep(1000);
        }
}

static const char *place(const char *root, const char *name)
{
        if (!made[0])
                atexit(clean);
        snprintf(made, sizeof made, "%s/husk-test-%s-%d", root, name, (int)getpid());
        return made;
}

#define FREEZER "/sys/fs/cgroup/freezer"

static const char *v2_root(void)
{
        return mounted("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified"
             : mounted("/sys/fs/cgroup/cgroup.procs")         ? "/sys/fs/cgroup"
                                                              : NULL;
}

/* A child that joins the cgroup and waits to be killed; with `forks` its children do, too. */
static pid_t member(int cgroup, const char *file, int forks)
{
        int pair[2];
        pid_t pid;
        char byte;

        CHECK_INT(pipe(pair), 0);
        pid = fork();
        if (pid == 0) {
                if (cgroup_set(cgroup, file, "0") < 0)
                        _exit(1);
                while (forks-- > 0 && fork() != 0)
                        ;
                close(pair[0]);
                close(pair[1]);
                for (;;)
                        pause();
        }
        close(pair[1]);
        CHECK_INT(read(pair[0], &byte, 1), 0);
        close(pair[0]);
        return pid;
}

static void check_life(const char *root, const char *join)
{
        const char *path = place(root, "life");
        char procs[4096];
        pid_t pid;
        int fd = cgroup_make(path, false), status;

        CHECK(fd >= 0);
        pid = member(fd, join, 4);
        CHECK(file_get(fd, "cgroup.procs", procs, sizeof procs) > 0);
        CHECK_INT(cgroup_make(path, false), -EEXIST);
        CHECK_INT(cgroup_kill(path), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CHECK_INT(file_get(fd, "cgroup.procs", procs, sizeof procs), 0);
        close(fd);
        CHECK_INT(cgroup_remove_empty(path), 0);
        CHECK_INT(cgroup_remove_empty(path), 0);
        CHECK(access(path, F_OK) < 0);
}

TEST(only_the_top_of_a_v1_hierarchy_has_no_parents)
{
        CHECK(cgroup_is_outermost("/sys/fs/cgroup/pids/demo", 1));
        CHECK(!cgroup_is_outermost("/sys/fs/cgroup/pids/a/demo", 1));
        CHECK(!cgroup_is_outermost("/sys/fs/cgroup/a/demo", 2));
        CHECK(!cgroup_is_outermost("/sys/fs/cgroup/a/demo", 0));
        CHECK(!cgroup_is_outermost("/sys/fs/cgroup/demo", 1));
        CHECK(!cgroup_is_outermost("/elsewhere/pids/demo", 1));
}

TEST(all_are_killed_v1)
{
        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        check_life(FREEZER, "tasks");
}

TEST(all_are_killed_v2)
{
        SKIP_UNLESS(v2_root() != NULL, "needs root and a writable cgroup v2 hierarchy");
        check_life(v2_root(), "cgroup.procs");
}

/* What was frozen before dies as well: SIGKILL waits for the thaw. */
TEST(the_frozen_are_killed)
{
        const char *path = place(FREEZER, "ice");
        int fd, status;
        pid_t pid;

        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        fd = cgroup_make(path, false);
        CHECK(fd >= 0);
        pid = member(fd, "tasks", 0);
        CHECK_INT(cgroup_set(fd, "freezer.state", "FROZEN"), 0);
        CHECK_INT(cgroup_kill(path), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        close(fd);
        CHECK_INT(cgroup_remove(path), 0);
}

/* One that a program in it has frozen, in a cgroup of its own below. */
TEST(the_frozen_below_are_killed)
{
        const char *path = place(FREEZER, "below");
        int fd, below, status;
        pid_t pid;

        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        fd = cgroup_make(path, false);
        CHECK(fd >= 0);
        CHECK_INT(freezer_is_frozen_below(path), 0);
        CHECK_INT(mkdirat(fd, ".a", 0755), 0);
        CHECK_INT(mkdirat(fd, ".a/b", 0755), 0);
        below = openat(fd, ".a/b", O_PATH | O_DIRECTORY | O_CLOEXEC);
        pid = member(below, "tasks", 0);
        CHECK_INT(cgroup_set(below, "freezer.state", "FROZEN"), 0);
        CHECK_INT(freezer_is_frozen(path), 0);
        CHECK_INT(freezer_is_frozen_below(path), 1);
        CHECK_INT(freezer_thaw_all(path), 0);
        CHECK_INT(freezer_is_frozen_below(path), 0);
        CHECK_INT(cgroup_set(below, "freezer.state", "FROZEN"), 0);
        CHECK_INT(cgroup_kill(path), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        close(below);
        close(fd);
        CHECK_INT(cgroup_remove(path), 0);
        CHECK_INT(freezer_is_frozen_below(path), 0);
}

static int count(void *context, int cgroup)
{
        CHECK_INT(cgroup_check(cgroup), 0);
        ++*(int *)context;
        return 0;
}

static int stop_at_three(void *context, int cgroup)
{
        return count(context, cgroup), *(int *)context == 3 ? 7 : 0;
}

/* As deep as a program likes, some in each of them, and a process in the last. */
static void check_depth(const char *root, const char *join)
{
        enum {
                DEPTH = 150
        };

        const char *path = place(root, "depth");
        int fd = cgroup_make(path, false), here = dup(fd), status, n = 0;
        pid_t pid;

        CHECK(fd >= 0);
        CHECK_INT(members_exist(fd), 0);
        for (int i = 0; i < DEPTH; i++) {
                int below;

                CHECK_INT(mkdirat(here, "a", 0755), 0);
                CHECK_INT(mkdirat(here, ".b", 0755), 0);
                CHECK_INT(mkdirat(here, ".b/c", 0755), 0);
                below = openat(here, i % 3 ? ".b/c" : "a", O_PATH | O_DIRECTORY | O_CLOEXEC);
                close(here);
                here = below;
        }
        CHECK_INT(cgroup_walk(fd, count, &n), 0);
        CHECK_INT(n, 3 * DEPTH);
        n = 0;
        CHECK_INT(cgroup_walk(fd, stop_at_three, &n), 7);
        CHECK_INT(n, 3);
        pid = member(here, join, 0);
        CHECK_INT(members_exist(fd), 1);
        CHECK_INT(cgroup_kill(path), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(members_exist(fd), 0);
        close(here);
        CHECK_INT(cgroup_remove(path), 0);
        CHECK(access(path, F_OK) < 0);
        CHECK(members_exist(fd) < 0);
        close(fd);
}

TEST(the_depth_has_no_limit_v1)
{
        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        check_depth(FREEZER, "tasks");
}

TEST(the_depth_has_no_limit_v2)
{
        SKIP_UNLESS(v2_root() != NULL, "needs root and a writable cgroup v2 hierarchy");
        check_depth(v2_root(), "cgroup.procs");
}

TEST(an_old_frozen_one_is_refused)
{
        const char *root = mounted(FREEZER "/tasks") ? FREEZER : v2_root();
        const char *path;
        int fd, r;

        SKIP_UNLESS(root != NULL, "needs root and a freezer");
        path = place(root, "old");
        fd = cgroup_make(path, false);
        CHECK(fd >= 0);
        if (cgroup_set(fd, "freezer.state", "FROZEN") < 0)
                CHECK_INT(cgroup_set(fd, "cgroup.freeze", "1"), 0);
        close(fd);
        r = cgroup_make(path, false);
        rmdir(path);
        CHECK_INT(r, -EDEADLK);
}

TEST(opened_to_be_joined)
{
        const char *path = place(FREEZER, "tasks");
        int fd, again;

        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        fd = cgroup_make(path, true);
        CHECK(fd >= 0);
        CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
        again = cgroup_make(path, true); /* an empty one may be there */
        CHECK(again >= 0);
        close(fd);
        close(again);
        CHECK_INT(cgroup_remove(path), 0);
}

TEST(what_is_no_cgroup_is_neither_joined_nor_read)
{
        char path[] = "/tmp/husk-cgroup-XXXXXX", tasks[64], frozen[64], text[16];

        CHECK(mkdtemp(path) != NULL);
        snprintf(tasks, sizeof tasks, "%s/tasks", path);
        snprintf(frozen, sizeof frozen, "%s/cgroup.freeze", path);
        CHECK(mknod(tasks, S_IFREG | 0600, 0) == 0);
        CHECK_INT(cgroup_join(NO_FD, tasks), -ENOTTY);
        CHECK_INT(file_get(AT_FDCWD, tasks, text, sizeof text), 0);
        CHECK(mkfifo(frozen, 0600) == 0);
        CHECK_INT(freezer_is_frozen(path), -ENOENT); /* and nobody waits for the pipe's other end */
        CHECK_INT(unlink(frozen), 0);
        CHECK(mknod(frozen, S_IFREG | 0600, 0) == 0);
        CHECK_INT(file_put(AT_FDCWD, frozen, "1"), 0);
        CHECK_INT(freezer_is_frozen(path), -ENOENT);
        CHECK_INT(unlink(frozen), 0);
        CHECK_INT(unlink(tasks), 0);
        CHECK_INT(rmdir(path), 0);
}

TEST(no_cgroup_is_no_cgroup)
{
        char path[] = "/tmp/husk-cgroup-XXXXXX", below[64];

        CHECK(mkdtemp(path) != NULL);
        snprintf(below, sizeof below, "%s/a", path);
        CHECK_INT(cgroup_make(below, false), -ENOTTY);
        CHECK(access(below, F_OK) < 0);
        CHECK_INT(cgroup_make(below, true), -ENOTTY);
        CHECK(access(below, F_OK) < 0);
        CHECK_INT(cgroup_kill(path), -ENOTTY);
        CHECK_INT(cgroup_oom_kills(path), -ENOENT);
        rmdir(path);
}

/* Frozen and thawed, with processes that keep forking in it; the same for both versions. */
static void check_freeze(const char *root, const char *join)
{
        const char *path = place(root, "freeze");
        int fd = cgroup_make(path, false), status;
        pid_t pid;

        CHECK(fd >= 0);
        pid = member(fd, join, 3);
        CHECK_INT(freezer_is_frozen(path), 0);
        CHECK_INT(freezer_freeze(path, 10000), 0);
        CHECK_INT(freezer_is_frozen(path), 1);
        CHECK_INT(freezer_freeze(path, 10000), 0);
        CHECK_INT(freezer_thaw(path), 0);
        CHECK_INT(freezer_is_frozen(path), 0);
        CHECK_INT(freezer_thaw(path), 0);
        CHECK_INT(freezer_hold(path), 0);
        CHECK_INT(freezer_is_frozen(path), 1);
        CHECK_INT(freezer_thaw(path), 0);
        CHECK_INT(freezer_is_frozen(path), 0);
        CHECK_INT(cgroup_kill(path), 0);
        CHECK_INT(waitpid(pid, &status, 0), pid);
        close(fd);
        CHECK_INT(cgroup_remove(path), 0);
        CHECK_INT(freezer_is_frozen(path), -ENOENT);
        CHECK_INT(freezer_hold(path), -ENOENT);
        CHECK_INT(freezer_freeze(path, 10), -ENOENT);
        CHECK_INT(freezer_thaw(path), -ENOENT);
}

TEST(frozen_v1)
{
        SKIP_UNLESS(mounted(FREEZER "/tasks"), "needs root and the freezer of cgroup v1");
        check_freeze(FREEZER, "tasks");
}

TEST(frozen_v2)
{
        SKIP_UNLESS(v2_root(), "needs root and a cgroup v2 tree");
        check_freeze(v2_root(), "cgroup.procs");
}

TEST(a_directory_without_a_freezer)
{
        CHECK_INT(freezer_is_frozen("/tmp"), -ENOENT);
        CHECK_INT(freezer_freeze("/tmp", 10), -ENOTTY);
        CHECK_INT(freezer_hold("/tmp"), -ENOTTY);
        CHECK_INT(freezer_thaw("/tmp"), -ENOTTY);
}
