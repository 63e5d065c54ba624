/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of processes with threads in it, and what its tasks may do, asked of the kernel. */
#include "linux/linux.h"
#include "tap.h"

#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int pipes[2];

static void say(char word)
{
        if (write(pipes[1], &word, 1) != 1)
                _exit(1);
}

static _Noreturn void rest(void)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        say('.');
        for (;;)
                pause();
}

static void *thread(void *data)
{
        if (!fork()) /* a child that is the thread's own */
                rest();
        say('.');
        for (;;)
                pause();
        return data;
}

static void await(int words)
{
        char word;

        for (int i = 0; i < words; i++)
                CHECK(read(pipes[0], &word, 1) == 1);
}

struct seen {
        pid_t order[64];
        int tasks, processes, after;
};

static int note(pid_t pid, pid_t tid, void *data)
{
        struct seen *seen = data;

        if (seen->tasks < 64)
                seen->order[seen->tasks] = tid;
        seen->tasks++;
        seen->processes += pid == tid;
        return seen->tasks == seen->after ? 77 : 0;
}

/* A child with two threads, each with a child of its own, and one that has a child: 2 + 2 + 2 tasks and the first. */
static pid_t make_tree(void)
{
        pid_t top;

        CHECK_INT(pipe(pipes), 0);
        top = fork();
        if (top)
                return top;
        for (int i = 0; i < 2; i++) {
                pthread_t id;

                if (pthread_create(&id, NULL, thread, NULL) != 0)
                        _exit(1);
        }
        if (!fork()) {
                if (!fork())
                        rest();
                rest();
        }
        rest();
}

TEST(a_walk_meets_each_task_those_that_descend_first)
{
        pid_t top = make_tree();
        struct seen seen = { 0 };

        await(7);
        CHECK_INT(tasks_walk(top, note, &seen), 0);
        CHECK_INT(seen.tasks, 7);
        CHECK_INT(seen.processes, 5);
        /* the first process's own tasks come last, and a grandchild before its parent */
        for (int i = 0; i < 4; i++)
                CHECK(getpgid(seen.order[i]) == getpgid(0));
        CHECK_INT(seen.order[4], top);
        seen = (struct seen){ .after = 3 };
        CHECK_INT(tasks_walk(top, note, &seen), 77);
        CHECK_INT(seen.tasks, 3);
        kill(top, SIGKILL);
        waitpid(top, NULL, 0);
        CHECK_INT(tasks_walk(top, note, &seen), -ENOENT);
}

/* Each the child of the one before. */
static pid_t make_chain(int generations)
{
        pid_t top;

        CHECK_INT(pipe(pipes), 0);
        top = fork();
        if (top)
                return top;
        for (int i = 1; i < generations; i++)
                if (fork())
                        rest();
        rest();
}

TEST(a_deep_tree_takes_no_more_descriptors_than_a_flat_one)
{
        struct rlimit limit;
        struct seen seen = { 0 };
        pid_t top = make_chain(300);
        int lowest;

        await(300);
        lowest = dup(0);
        CHECK(lowest >= 0);
        close(lowest);
        CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = (rlim_t)lowest + 2;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK_INT(tasks_walk(top, note, &seen), 0);
        CHECK_INT(seen.tasks, 300);
        CHECK_INT(seen.order[0] == top, 0);
        kill(top, SIGKILL);
        waitpid(top, NULL, 0);
}

TEST(a_walk_does_not_go_on_for_ever)
{
        struct seen seen = { 0 };
        pid_t top = make_chain(501);

        await(501);
        CHECK_INT(tasks_walk(top, note, &seen), -ELOOP);
        kill(top, SIGKILL);
        waitpid(top, NULL, 0);
}

TEST(of_many_children_none_is_met_twice_or_not_at_all)
{
        struct seen seen = { 0 };
        pid_t top;

        CHECK_INT(pipe(pipes), 0);
        top = fork();
        if (!top) {
                for (int i = 0; i < 300; i++)
                        if (!fork()) {
                                if (i % 7 == 0 && !fork())
                                        rest();
                                rest();
                        }
                rest();
        }
        await(344);
        CHECK_INT(tasks_walk(top, note, &seen), 0);
        CHECK_INT(seen.tasks, 344);
        kill(top, SIGKILL);
        waitpid(top, NULL, 0);
}

TEST(what_has_ended_is_known)
{
        struct task_rights rights;
        siginfo_t info;
        pid_t pid = fork();

        if (!pid)
                _exit(0);
        CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        CHECK_INT(task_rights_read(pid, pid, &rights), 0);
        CHECK(rights.ended);
        CHECK_INT(waitpid(pid, NULL, 0), pid);
        CHECK_INT(task_rights_read(getpid(), getpid(), &rights), 0);
        CHECK(!rights.ended);
}

TEST(rights_are_those_of_the_kernel)
{
        struct task_rights rights;
        uint64_t effective, permitted, inheritable;

        CHECK_INT(caps_get(&effective, &permitted, &inheritable), 0);
        CHECK_INT(task_rights_read(getpid(), getpid(), &rights), 0);
        CHECK(rights.effective == effective && rights.permitted == permitted &&
              rights.inheritable == inheritable);
        for (unsigned i = 0; caps_name(i); i++) {
                CHECK_INT(rights.bounding >> i & 1, prctl(PR_CAPBSET_READ, i) == 1);
                CHECK_INT(
                        rights.ambient >> i & 1,
                        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1);
        }
        CHECK_INT(rights.no_new_privs, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        CHECK_INT(rights.filtered, prctl(PR_GET_SECCOMP) != 0);
        CHECK_INT(task_rights_read(1 << 22, 1 << 22, &rights), -ENOENT);
}

TEST(a_long_list_of_groups_hides_nothing)
{
        static gid_t groups[20000];
        struct task_rights rights;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                groups[i] = (gid_t)(1000000 + i);
        CHECK_INT(setgroups(ARRAY_SIZE(groups), groups), 0);
        CHECK_INT(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0), 0);
        CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        CHECK_INT(prctl(PR_SET_NAME, "a\nSeccomp:\t2"), 0);
        CHECK_INT(task_rights_read(getpid(), getpid(), &rights), 0);
        CHECK_INT(rights.bounding >> CAP_SYS_BOOT & 1, 0);
        CHECK_INT(rights.bounding >> CAP_CHOWN & 1, 1);
        CHECK(rights.no_new_privs);
        CHECK_INT(rights.filtered, prctl(PR_GET_SECCOMP) != 0);
        CHECK_INT(rights.inside, getpid());
}

/* The line that cgroups_outside() finds, or "". */
static const char *outside(const char *list, const char *place, const char *ours)
{
        static char line[128];
        const char *found = cgroups_outside(list, place, ours);

        text_format(
                line, sizeof line, "%.*s", found ? (int)strcspn(found, "\n") : 0,
                found ? found : "");
        return line;
}

TEST(a_task_is_in_its_cgroups_or_below_them_in_each_hierarchy)
{
        static const char place[] = "3:cpu,cpuacct:/c\n2:memory:/a/c\n1:name=systemd:/s/c\n0::/c\n";
        static const char ours[] = "3:cpu,cpuacct:/\n2:memory:/a\n1:name=systemd:/s\n0::/\n";

        CHECK_STR(outside(place, place, ours), "");
        CHECK_STR(outside("2:memory:/a/c/d/e\n0::/c/d\n", place, ours), "");
        CHECK_STR(outside("0::/c/d\n2:memory:/a\n", place, ours), "2:memory:/a");
        CHECK_STR(outside("2:memory:/a/b\n", place, ours), "2:memory:/a/b");
        CHECK_STR(outside("2:memory:/\n", place, ours), "2:memory:/");
        CHECK_STR(outside("2:memory:/a/cd\n", place, ours), "2:memory:/a/cd");
        CHECK_STR(outside("2:memory:/c\n", place, ours), "2:memory:/c");
        CHECK_STR(outside("3:cpu,cpuacct:/c\n0::/\n", place, ours), "0::/");
        CHECK_STR(outside("0::/../c\n", place, ours), "0::/../c"); /* above our cgroup namespace */
        CHECK_STR(outside("3:cpu:/c\n", place, ours), "3:cpu:/c"); /* another hierarchy */
        CHECK_STR(outside("1:name=systemd:/s/c:d\n", place, ours), "1:name=systemd:/s/c:d");
        CHECK_STR(outside("0::/c", place, ours), ""); /* without an end */
        CHECK_STR(outside("no list", place, ours), "no list");
        CHECK_STR(outside("1:x\n", place, ours), "1:x");
        CHECK_STR(outside("\n", place, ours), "");
        CHECK(cgroups_outside("\n", place, ours) != NULL);
}

TEST(who_was_not_placed_is_where_we_are_and_nowhere_else)
{
        static const char place[] = "2:memory:/a\n0::/c\n", ours[] = "2:memory:/a\n0::/\n";

        CHECK_STR(outside("2:memory:/a\n0::/c/d\n", place, ours), "");
        CHECK_STR(outside("2:memory:/a/b\n", place, ours), "2:memory:/a/b");
        /* one that came to be meanwhile */
        CHECK_STR(outside("7:name=new:/\n", place, ours), "");
        CHECK_STR(outside("7:name=new:/x\n", place, ours), "7:name=new:/x");
}

TEST(the_cgroups_of_a_task_are_read)
{
        char list[8192], own[8192];

        SKIP_UNLESS(access("/proc/self/cgroup", F_OK) == 0, "a kernel without cgroups");
        CHECK(file_get(AT_FDCWD, "/proc/self/cgroup", own, sizeof own) > 0);
        CHECK_INT(task_cgroups_read(getpid(), getpid(), list, sizeof list), 0);
        CHECK_STR(list, own);
        CHECK_STR(outside(list, own, own), "");
        CHECK_INT(task_cgroups_read(getpid(), getpid(), list, 4), -EFBIG);
        CHECK_INT(task_cgroups_read(1 << 22, 1 << 22, list, sizeof list), -ENOENT);
}
