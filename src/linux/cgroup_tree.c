/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a cgroup with all that is below it: looked through, killed, removed.
 *
 * Who may write to a cgroup makes cgroups below it, as deep as the kernel's memory lasts, and gives them the names
 * that he likes. So beyond a depth that any honest program has there is one descriptor only, which goes down and,
 * by "..", up again: the kernel moves no cgroup to another parent. Where to go on in the directory above is known
 * by the inode's number of the one that was left: a position would not do, since it is made of the name and two
 * names can have the same one.
 *
 * Removal waits only where the kernel itself is late: tasks that have exited leave their cgroup a moment after
 * wait(2). */
#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

enum {
        SHALLOW = 32, /* so deep each level has a descriptor */
        ROUNDS = 200
};

static void nap(long ms)
{
        struct timespec time = { .tv_sec = 0, .tv_nsec = ms * 1000000L };

        nanosleep(&time, NULL);
}

/* -- going through it ------------------------------------------------------------------------------ */

/* A list of subdirectories that is being read. */
struct listing {
        int dir;
        long size, at;
        _Alignas(struct dirent64) char entries[1024];
};

/* The next one: 1; 0: there is none any more; -errno. */
static int next_below(struct listing *list, const struct dirent64 **ret_entry)
{
        for (;;) {
                const struct dirent64 *entry = (const void *)(list->entries + list->at);

                if (list->at >= list->size) {
                        list->at = 0;
                        list->size = syscall(
                                SYS_getdents64, list->dir, list->entries, sizeof list->entries);
                        if (list->size <= 0)
                                return list->size < 0 && errno != ENOENT ? -errno : 0;
                        continue;
                }
                list->at += entry->d_reclen;
                *ret_entry = entry;
                if (entry->d_type == DT_DIR && !text_is_dots(entry->d_name))
                        return 1;
        }
}

static int open_below(int dir, const char *name)
{
        return file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static bool is_gone(int r)
{
        return r == -ENOENT || r == -ENODEV;
}

/* The directory above `*fd` takes its place; *ret_number is which one was left. */
static int go_up(int *fd, uint64_t *ret_number)
{
        int r = cgroup_number(*fd, ret_number), above;

        if (r < 0)
                return r;
        above = open_below(*fd, "..");
        if (above < 0)
                return above;
        close(*fd);
        *fd = above;
        return 0;
}

/* The first one behind that of the number `behind`, 0: the first of all. -ENOENT: none; -ESTALE: that of the number
 * is there no more. */
static int open_behind(int dir, uint64_t behind)
{
        struct listing list = { .dir = dir };
        const struct dirent64 *entry;
        bool found = behind == 0;
        int r;

        while ((r = next_below(&list, &entry)) > 0) {
                if (found) {
                        int fd = open_below(dir, entry->d_name);

                        if (!is_gone(fd))
                                return fd;
                }
                found |= entry->d_ino == behind;
        }
        return r < 0 ? r : found ? -ENOENT : -ESTALE;
}

/* What is below one that lies deep, which is closed. */
static int walk_deep(int fd, cgroup_visit *visit, void *context)
{
        auto_close here = fd;
        uint64_t behind = 0;

        for (unsigned depth = 0;;) {
                int below = open_behind(here, behind), r;

                if (below >= 0) {
                        close(here);
                        here = below;
                        depth++;
                        behind = 0;
                        r = visit(context, here);
                        if (r != 0 && !is_gone(r))
                                return r;
                        continue;
                }
                if (!is_gone(below))
                        return below;
                if (depth-- == 0)
                        return 0;
                r = go_up(&here, &behind);
                if (r < 0)
                        return is_gone(r) ? -ESTALE : r;
        }
}

/* What is below one, which is closed. */
static int walk(int fd, unsigned depth, cgroup_visit *visit, void *context)
{
        struct listing list = { .dir = fd };
        const struct dirent64 *entry;
        int r = 0;

        if (depth == SHALLOW)
                return walk_deep(fd, visit, context);
        while (r == 0 && (r = next_below(&list, &entry)) > 0) {
                int below = open_below(fd, entry->d_name);

                r = below < 0 ? below : visit(context, below);
                if (r == 0)
                        r = walk(below, depth + 1, visit, context);
                else
                        file_close(&below);
                if (is_gone(r))
                        r = 0;
        }
        close(fd);
        return r;
}

int cgroup_walk(int cgroup, cgroup_visit *visit, void *context)
{
        int fd = open_below(cgroup, ".");

        return fd < 0 ? is_gone(fd) ? 0 : fd : walk(fd, 0, visit, context);
}

/* -- killing --------------------------------------------------------------------------------------- */

/* FROZEN, no longer FREEZING, says v1; v2 has it among others. */
static bool stands_still(int fd)
{
        char text[256] = "";
        ssize_t n = file_get(fd, "freezer.state", text, sizeof text - 1);

        if (n >= 6)
                return text[5] == 'N';
        n = file_get(fd, "cgroup.events", text, sizeof text - 1);
        text[n < 0 ? 0 : n] = '\0';
        return strstr(text, "frozen 1");
}

/* Where there is no cgroup.kill, a freezer holds what forks faster than it is killed, and what would freeze others
 * again: SIGKILL waits for the frozen of v1, who die at the thaw, and ends those of v2. */
static int kill_frozen(const char *path, int fd)
{
        const bool held = freezer_hold(path) == 0;
        int r;

        for (int i = 0; held && i < 50 && !stands_still(fd); i++)
                nap(1);
        r = members_kill(path);
        if (held)
                freezer_thaw_all(path);
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
        for (int round = 0; round < ROUNDS; round++) {
                int r = file_put(fd, "cgroup.kill", "1") < 0 ? kill_frozen(path, fd) : 0;

                if (r == 0)
                        r = members_exist(fd);
                if (r <= 0)
                        return is_gone(r) ? 0 : r;
                nap(round < 20 ? 1 : 10);
        }
        return -EBUSY;
}

/* -- removing -------------------------------------------------------------------------------------- */

/* Remove what is below a directory; the first that has others below itself is opened. 0: nothing is left; -EBUSY: one
 * has processes. `emptied` is the number of the one that has none below any more. */
static int remove_below(int dir, uint64_t emptied, int *ret_below)
{
        struct listing list = { .dir = dir };
        const struct dirent64 *entry;
        int r;

        *ret_below = NO_FD;
        while ((r = next_below(&list, &entry)) > 0) {
                r = file_remove(dir, entry->d_name, AT_REMOVEDIR);
                if (r == 0 || is_gone(r))
                        continue;
                if ((r != -EBUSY && r != -ENOTEMPTY) || entry->d_ino == emptied)
                        return r;
                r = open_below(dir, entry->d_name);
                if (is_gone(r))
                        continue;
                *ret_below = r;
                return r < 0 ? r : 1;
        }
        return r;
}

static int empty(int top)
{
        auto_close here = open_below(top, ".");
        uint64_t emptied = 0;

        if (here < 0)
                return here;
        for (unsigned depth = 0;;) {
                int below, r = remove_below(here, emptied, &below);

                if (r < 0)
                        return r;
                if (r > 0) {
                        close(here);
                        here = below;
                        depth++;
                        emptied = 0;
                        continue;
                }
                if (depth-- == 0)
                        return 0;
                r = go_up(&here, &emptied);
                if (r < 0)
                        return r;
        }
}

static int remove_tree(const char *path)
{
        int r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);

        if (r == -EBUSY || r == -ENOTEMPTY) {
                auto_close fd = open_below(AT_FDCWD, path);

                r = fd < 0 ? fd : empty(fd);
                if (r == 0)
                        r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);
        }
        return is_gone(r) ? 0 : r;
}

int cgroup_remove(const char *path)
{
        int r = 0;

        for (int round = 0; round < ROUNDS; round++) {
                r = remove_tree(path);
                if (r != -EBUSY)
                        return r;
                nap(round < 50 ? 1 : 20);
        }
        return r;
}

int cgroup_remove_empty(const char *path)
{
        for (int round = 0;; round++) {
                int r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);

                if (r == 0 || r == -ENOENT)
                        return 0;
                if (r != -EBUSY || round == ROUNDS)
                        return r;
                nap(round < 50 ? 1 : 12);
        }
}
