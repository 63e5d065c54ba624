/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper can clean up, and little else. */
#include "keeper/keeper.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static int joined = NO_FD; /* the user namespace that hardened() leaves */
static char top[] = "/tmp/husk-keeper-XXXXXX";

/* In a child that ends by the bare call: what the sanitizers do at an exit, and before a function that
 * does not return, is more than a keeper may. */
static void hardened(void (*look)(void))
{
        const struct keeper_grant grants[] = { { top, LANDLOCK_FILES_ALL },
                                               { "/proc", LANDLOCK_READ_FILE },
                                               { "/nowhere", LANDLOCK_FILES_ALL } };
        int status;
        pid_t pid;

        CHECK(mkdtemp(top) != NULL);
        pid = fork();
        if (pid == 0) {
                CHECK_INT(keeper_harden(grants, ARRAY_SIZE(grants), joined), 0);
                look();
                syscall(SYS_exit_group, 0);
        }
        CHECK_INT(process_wait(pid, &status), 0);
        CHECK_INT(rmdir(top), 0);
        CHECK_INT(status, 0);
}

static void remove_tree(void)
{
        char path[64], stat[1024];

        CHECK(file_get(AT_FDCWD, "/proc/self/stat", stat, sizeof stat) > 0);
        text_format(path, sizeof path, "%s/inner", top);
        CHECK_INT(file_remove_tree(AT_FDCWD, path), 0);
        CHECK_INT(access(path, F_OK), -1);
}

static void make_tree_and_remove(void)
{
        char path[64];
        int fd;

        text_format(path, sizeof path, "%s/inner", top);
        fd = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0);
        CHECK(fd >= 0);
        CHECK_INT(file_write(fd, "x", 1), 0);
        remove_tree();
}

TEST(it_reads_writes_and_removes)
{
        hardened(make_tree_and_remove);
}

static void start_program(void)
{
        char *const argv[] = { (char *)(uintptr_t) "true", NULL };

        CHECK_INT(execve("/bin/true", argv, argv + 1), -1);
        CHECK_INT(errno, EPERM);
        CHECK_INT(fork(), -1);
        CHECK_INT(errno, EPERM);
        CHECK_INT(socket(AF_UNIX, SOCK_STREAM, 0), -1);
        CHECK_INT(errno, EPERM);
        CHECK_INT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), -1);
        CHECK_INT(errno, EPERM);
}

TEST(it_starts_no_program_and_reaches_nobody)
{
        hardened(start_program);
}

static void refuse_all(void)
{
        CHECK_INT(namespace_join(0, CLONE_NEWUSER), -EPERM);
}

static void join_one(void)
{
        CHECK_INT(namespace_join(0, CLONE_NEWUSER), -EPERM);
        CHECK_INT(namespace_join(joined, CLONE_NEWNS), -EPERM);
        CHECK_INT(namespace_join(joined, 0), -EPERM);
        CHECK_INT(namespace_join(joined, CLONE_NEWUSER), 0);
}

TEST(it_joins_the_one_user_namespace_that_it_was_left)
{
        char map[64];

        text_format(map, sizeof map, "0 %u 1", (unsigned)geteuid());
        joined = idmap_open(&(struct idmap){ .uid_map = map, .gid_map = map });
        SKIP_UNLESS(joined >= 0, "no user namespaces here");
        hardened(join_one);
}

TEST(it_joins_none_that_it_was_not)
{
        hardened(refuse_all);
}

static void open_others(void)
{
        CHECK_INT(file_open(AT_FDCWD, "/etc/passwd", O_RDONLY, 0), -EACCES);
        CHECK_INT(file_open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0), -EACCES);
}

TEST(it_opens_only_what_was_granted)
{
        SKIP_UNLESS(landlock_abi() > 0, "no Landlock here");
        hardened(open_others);
}

static void read_status(void)
{
        const uint64_t wanted = 1 << 1 | 1 << 3 | 1 << 5; /* dac_override fowner kill */
        char status[4096], *line;

        CHECK(file_get(AT_FDCWD, "/proc/self/status", status, sizeof status) > 0);
        line = strstr(status, "CapPrm:");
        CHECK(line != NULL);
        CHECK_INT(strtoull(line + 8, NULL, 16) & ~wanted, 0);
        CHECK(strstr(status, "NoNewPrivs:\t1") != NULL);
        CHECK(strstr(status, "Seccomp:\t2") != NULL);
}

TEST(it_keeps_three_capabilities)
{
        hardened(read_status);
}
