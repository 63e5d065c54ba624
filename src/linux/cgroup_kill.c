/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an end for all processes of a cgroup and of those below it.
 *
 * Since Linux 5.14 that is one write on cgroup v2. Else the list of processes is read and each is signalled,
 * again and again until there is none, with the cgroup frozen meanwhile where it can be: a program that forks
 * faster than we read would win. What is read are numbers, which others may have by the time they are used:
 * signals go to pidfds only. */
#include "cgroup_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

/* How many processes are held by their pidfds at a time. */
enum {
        BATCH = 64
};

struct batch {
        pid_t pids[BATCH];
        int pidfds[BATCH];
        size_t n;
};

/* The numbers of a cgroup's processes, as many as there is room for: how many bytes, or -errno. */
static ssize_t read_list(int cgroup, char *list, size_t room)
{
        ssize_t size = file_get(cgroup, "cgroup.procs", list, room - 1);

        if (size == -EFBIG)
                size = (ssize_t)room - 1;
        if (size == -EOPNOTSUPP)
                size = 0; /* of a threaded cgroup: its parent's list has them */
        if (size >= 0)
                list[size] = '\0';
        return size;
}

static bool is_listed(const char *list, pid_t pid)
{
        for (char *at = (char *)list; *at; at += *at == '\n')
                if (strtol(at, &at, 10) == pid)
                        return true;
        return false;
}

/* The numbers were members a moment ago; by now each may be a stranger's, and that is what was opened then.
 * Who is listed still, while its number is pinned, is a member, or has ended and cannot be signalled. */
static int kill_batch(int cgroup, struct batch *batch)
{
        char list[65536];
        ssize_t size = read_list(cgroup, list, sizeof list);

        for (size_t i = 0; i < batch->n; i++) {
                if (size > 0 && is_listed(list, batch->pids[i]))
                        process_signal(batch->pidfds[i], SIGKILL);
                file_close(&batch->pidfds[i]);
        }
        batch->n = 0;
        return size < 0 ? (int)size : 0;
}

/* SIGKILL to each process listed: how many there were, or -errno. */
static int kill_listed(int cgroup)
{
        char list[65536], *at = list;
        struct batch batch = { .n = 0 };
        ssize_t size = read_list(cgroup, list, sizeof list);
        int n = 0, r = 0;

        for (; size > 0 && *at && r == 0; at += *at == '\n') {
                long pid = strtol(at, &at, 10);

                if (pid <= 1)
                        continue;
                n++;
                batch.pids[batch.n] = (pid_t)pid;
                batch.pidfds[batch.n] = process_open((pid_t)pid);
                if (batch.pidfds[batch.n] >= 0)
                        batch.n++;
                else if (batch.pidfds[batch.n] != -ESRCH)
                        r = batch.pidfds[batch.n];
                if (batch.n == BATCH && r == 0)
                        r = kill_batch(cgroup, &batch);
        }
        if (batch.n && kill_batch(cgroup, &batch) < 0 && r == 0)
                r = -EIO;
        return size < 0 ? (int)size : r < 0 ? r : n;
}

/* Every child cgroup first, then `fd` itself: `each` is called with the descriptor. */
static int kill_below(int fd, unsigned depth)
{
        auto_close again = file_open(fd, ".", O_RDONLY | O_DIRECTORY, 0);
        DIR *dir;
        int n;

        if (again < 0 || depth > 64)
                return again;
        dir = fdopendir(again);
        if (!dir)
                return -errno;
        again = NO_FD;
        for (struct dirent *entry; (entry = readdir(dir));) {
                auto_close below = NO_FD;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                below = file_open(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
                if (below >= 0)
                        kill_below(below, depth + 1);
        }
        closedir(dir);
        n = kill_listed(fd);
        return n < 0 ? n : 0;
}

/* Where there is no cgroup.kill, a freezer holds what forks faster than it is killed: SIGKILL waits
 * for the frozen, who die at the thaw. */
static int kill_frozen(int fd)
{
        bool freezer = file_put(fd, "freezer.state", "FROZEN") == 0;
        char state[32];
        int r;

        for (int i = 0; freezer && i < 50; i++) {
                if (file_get(fd, "freezer.state", state, sizeof state) >= 6 && state[5] == 'N')
                        break; /* FROZEN, no longer FREEZING */
                cgroup_nap(1);
        }
        r = kill_below(fd, 0);
        if (freezer)
                file_put(fd, "freezer.state", "THAWED");
        return r;
}

int cgroup_kill(const char *path)
{
        auto_close fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fd;
        if (cgroup_check(fd) < 0)
                return -ENOTTY;
        for (int round = 0; round < 200; round++) {
                char procs[16];

                if (file_get(fd, "cgroup.procs", procs, sizeof procs) == 0 && round > 0)
                        return 0;
                if (file_put(fd, "cgroup.kill", "1") < 0) {
                        int r = kill_frozen(fd);

                        if (r < 0)
                                return r;
                }
                if (file_get(fd, "cgroup.procs", procs, sizeof procs) == 0)
                        return 0;
                cgroup_nap(round < 20 ? 1 : 10);
        }
        return -EBUSY;
}
