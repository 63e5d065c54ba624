/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: directories on cgroupfs.
 *
 * A cgroup is a directory, a limit is a write, membership is a write of a pid. The directory that
 * is written to is held by descriptor and its filesystem's magic is checked, so that a plain
 * directory in the place of a mount is never taken for a limit. Removal waits only where the
 * kernel itself is late: tasks that have exited leave their cgroup a moment after wait(2). */
#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/xattr.h>

static bool is_cgroup(int64_t magic)
{
        return magic == MAGIC_CGROUP1 || magic == MAGIC_CGROUP2;
}

int cgroup_check(int fd)
{
        int64_t magic = file_magic(fd);

        return magic < 0 ? (int)magic : is_cgroup(magic) ? 0 : -ENOTTY;
}

int cgroup_is_one(const char *path)
{
        int64_t magic = file_magic_at(path);

        if (magic < 0 && magic != -ENOENT && magic != -ENOTDIR && magic != -ENODEV)
                return (int)magic;
        return magic == MAGIC_CGROUP1 ? 1 : magic == MAGIC_CGROUP2 ? 2 : 0;
}

/* A v1 cpuset that was just made is empty and accepts no task before it has cpus and mems: it gets
 * what its parent has, which was perhaps left empty by whoever made it. */
static int fill_cpuset_file(int child, const char *file, bool existed, unsigned depth)
{
        char value[4096], above[32];
        ssize_t n = existed ? file_get_once(child, file, value, sizeof value) : 0;

        if (n > 1)
                return 0; /* what somebody has put in stays */
        text_format(above, sizeof above, "../%s", file);
        n = file_get_once(child, above, value, sizeof value);
        if (n == 1 && depth < 32) {
                auto_close parent = file_open(child, "..", O_PATH | O_DIRECTORY, 0);

                n = parent < 0 ? parent : fill_cpuset_file(parent, file, true, depth + 1);
                if (n == 0)
                        n = file_get_once(child, above, value, sizeof value);
        }
        if (n > 1)
                n = file_put(child, file, value);
        return n < 0 && n != -ENOENT ? (int)n : 0;
}

static int fill_cpuset(int child, bool existed)
{
        int r = fill_cpuset_file(child, "cpuset.cpus", existed, 0);

        return r < 0 ? r : fill_cpuset_file(child, "cpuset.mems", existed, 0);
}

static bool is_cpuset(const char *path)
{
        return strstr(path, "cpuset") != NULL; /* or a name like it: that has no such files */
}

static void nap(long ms)
{
        struct timespec time = { .tv_sec = 0, .tv_nsec = ms * 1000000L };

        nanosleep(&time, NULL);
}

/* On parents that we made: the last who leaves takes them away, and that need not be their maker. Who is not
 * root cannot write it: then only the maker can. */
#define MARK "trusted.husk.made"

/* Where in `path` its last `n` steps begin: the slash in front of them. */
static size_t before_last(const char *path, unsigned n)
{
        size_t at = strlen(path);

        for (unsigned i = 0; i < n && at > 0; i++)
                while (at > 0 && path[--at] != '/')
                        ;
        return at;
}

/* `path` without its last `n` steps, in a buffer of 4096 bytes; false when nothing is left. */
static bool cut(const char *path, unsigned n, char *ret_part)
{
        size_t size = before_last(path, n);

        if (size == 0 || size >= 4096)
                return false;
        memcpy(ret_part, path, size);
        ret_part[size] = '\0';
        return true;
}

int cgroup_missing(const char *path)
{
        char part[4096];
        unsigned n = 0;

        while (cut(path, n + 1, part)) {
                int64_t magic = file_magic_at(part);

                if (magic == MAGIC_CGROUP1 || magic == MAGIC_CGROUP2)
                        return (int)n;
                if (magic != -ENOENT)
                        return magic < 0 ? (int)magic : -ENOTTY;
                n++;
        }
        return -ENOTTY;
}

int cgroup_make_parents(const char *path, unsigned n)
{
        char part[4096];

        for (; n > 0; n--) {
                auto_close fd = NO_FD;

                if (!cut(path, n, part))
                        return -EINVAL;
                if (mkdir(part, 0755) == 0)
                        setxattr(part, MARK, "", 0, 0);
                else if (errno != EEXIST)
                        return -errno;
                if (!is_cpuset(part))
                        continue;
                fd = file_open(AT_FDCWD, part, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
                if (fd >= 0)
                        fill_cpuset(fd, true);
        }
        return 0;
}

static int has_mark(const char *path)
{
        if (getxattr(path, MARK, NULL, 0) >= 0)
                return 1;
        return errno == ENODATA || errno == ENOTSUP || errno == ENOENT || errno == EPERM ? 0
                                                                                         : -errno;
}

bool cgroup_is_outermost(const char *path, int version)
{
        static const char mounts[] = "/sys/fs/cgroup/";
        const char *slash =
                text_starts(path, mounts) ? strchr(path + sizeof mounts - 1, '/') : NULL;

        return version == 1 && slash && !strchr(slash + 1, '/');
}

int cgroup_remove_parents(const char *path, unsigned n)
{
        char part[4096];

        for (unsigned i = 1; cut(path, i, part); i++) {
                int marked = i > n ? has_mark(part) : 1;

                if (marked <= 0)
                        return marked;
                if (rmdir(part) == 0 || errno == ENOENT)
                        continue;
                /* In use, or not ours to remove. */
                return errno == EBUSY || (i > n && (errno == EACCES || errno == EPERM)) ? 0
                                                                                        : -errno;
        }
        return 0;
}

int cgroup_lasting_parent(const char *path, char ret_parent[4096])
{
        for (unsigned i = 1; cut(path, i, ret_parent); i++) {
                int marked = has_mark(ret_parent);

                if (marked <= 0)
                        return marked;
        }
        return -ENOENT;
}

/* 0, or why nobody should be put into a cgroup that was there before. */
static int check_old(int cgroup)
{
        char text[16];
        int r = members_exist(cgroup);

        if (r != 0)
                return r < 0 ? r : -EEXIST;
        if ((file_get(cgroup, "cgroup.freeze", text, sizeof text) > 0 && text[0] == '1') ||
            (file_get(cgroup, "freezer.state", text, sizeof text) > 0 && text[0] == 'F'))
                return -EDEADLK;
        return 0;
}

/* A new directory in which the file "tasks" is by itself can only be a cgroup of v1. */
static int open_tasks(const char *path)
{
        char name[4096];
        int fd;

        if (text_format(name, sizeof name, "%s/tasks", path) >= sizeof name)
                return -ENAMETOOLONG;
        fd = file_open(AT_FDCWD, name, O_WRONLY | O_NOFOLLOW, 0);
        return fd == -ENOENT ? -ENOTTY : fd;
}

static int check_new(const char *path, int fd, bool existed)
{
        int r = cgroup_check(fd);

        if (r == 0 && existed)
                r = check_old(fd);
        /* An old one, too: it may never have been filled. */
        return r == 0 && is_cpuset(path) ? fill_cpuset(fd, existed) : r;
}

static int open_made(const char *path, bool tasks, bool existed)
{
        auto_close fd = NO_FD;
        int r;

        if (!tasks || existed || is_cpuset(path)) {
                fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
                r = fd < 0 ? fd : check_new(path, fd, existed);
                if (r < 0)
                        return r;
        }
        r = tasks ? open_tasks(path) : fd;
        if (!tasks)
                fd = NO_FD;
        return r;
}

static int make(const char *path, mode_t mode, bool tasks, bool *ret_made)
{
        int r = mkdir(path, mode) < 0 ? -errno : 0;
        bool existed = r == -EEXIST;

        *ret_made = r == 0;

        if (r < 0 && !existed)
                return r;
        r = open_made(path, tasks, existed);
        /* Our caller does not know whether it is new, and leaves it alone when others seem to be in it. */
        if (r < 0 && !existed)
                rmdir(path);
        return r;
}

int cgroup_make(const char *path, bool tasks)
{
        bool made;

        return make(path, 0755, tasks, &made);
}

int cgroup_make_closed(const char *path, bool tasks, bool *ret_made)
{
        return make(path, 0700, tasks, ret_made);
}

int cgroup_disclose(int cgroup)
{
        return fchmod(cgroup, 0755) < 0 ? -errno : 0;
}

static int claim(const char *path)
{
        int fd = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        int r;

        if (fd < 0)
                return fd;
        r = lock_take(fd, LOCK_FOR_CHANGE, false);
        r = r == -EAGAIN ? -EALREADY : r < 0 ? r : members_exist(fd);
        if (r == 0)
                return fd;
        close(fd);
        /* Without its files it is one that was removed while we were at its door. */
        return r > 0 ? -EEXIST : r;
}

int cgroup_claim(const char *path, bool wait)
{
        int fd = claim(path);

        for (int round = 0; wait && (fd == -EEXIST || fd == -EALREADY) && round < 200; round++) {
                nap(round < 50 ? 1 : 12);
                fd = claim(path);
        }
        return fd;
}

int cgroup_await_empty(const char *path)
{
        auto_close fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        int r = fd < 0 ? fd : members_exist(fd);

        for (int round = 0; r > 0 && round < 200; round++) {
                nap(round < 50 ? 1 : 12);
                r = members_exist(fd);
        }
        return r > 0 ? -EBUSY : r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* Who is not root may write the second one alone, since Linux 5.7 and on v2. */
#define USED      "trusted.husk.used"
#define USER_USED "user.husk.used"

/* On v2 what time was taken stays in the books: some 250 bytes, with numbers of twelve digits. */
static bool has_taken_time(int cgroup)
{
        static const char time[] = "usage_usec ";
        char text[4096];
        ssize_t n = file_get(cgroup, "cpu.stat", text, sizeof text);
        const char *at = n > 0 ? strstr(text, time) : NULL;

        return n > 0 ? !at || at[strlen(time)] != '0' : n != -ENOENT;
}

/* A program may take away the mark that it could write itself. */
int cgroup_mark(int cgroup)
{
        bool used =
                fgetxattr(cgroup, USED, NULL, 0) >= 0 || fgetxattr(cgroup, USER_USED, NULL, 0) >= 0;

        if (fsetxattr(cgroup, USED, "", 0, 0) < 0) {
                used = used || has_taken_time(cgroup);
                if (fsetxattr(cgroup, USER_USED, "", 0, 0) < 0 && !used)
                        return -errno;
        }
        return used;
}

int cgroup_number(int cgroup, uint64_t *ret_number)
{
        struct stat st;

        if (fstat(cgroup, &st) < 0)
                return -errno;
        *ret_number = st.st_ino;
        return 0;
}

int cgroup_has_number(const char *path, uint64_t number)
{
        struct stat st;
        int r = file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st);

        return r == -ENOTDIR ? -ENOENT : r < 0 ? r : st.st_ino == number;
}

int cgroup_share(const char *path)
{
        bool existed = mkdir(path, 0755) < 0;
        int fd, r;

        if (existed && errno != EEXIST)
                return -errno;
        fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd < 0)
                return fd;
        r = cgroup_check(fd);
        if (r == 0 && is_cpuset(path))
                r = fill_cpuset(fd, existed);
        if (r < 0)
                file_close(&fd);
        return r < 0 ? r : fd;
}

int cgroup_join(int cgroup, const char *file)
{
        auto_close fd = NO_FD;
        int r;

        if (!*file)
                return file_write(cgroup, "0", 1);
        fd = file_open(cgroup, file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        r = fd < 0 ? fd : cgroup_check(fd);
        return r < 0 ? r : file_write(fd, "0", 1);
}

int cgroup_set(int cgroup, const char *file, const char *values)
{
        auto_close fd = file_open(cgroup, file, O_WRONLY, 0);

        if (fd < 0)
                return fd;
        do {
                size_t size = strcspn(values, "\n");
                int r = file_write(fd, values, size);

                if (r < 0)
                        return r;
                values += size;
                values += *values == '\n';
        } while (*values);
        return 0;
}

/* A cgroup other than the root with processes in it: giving its children a threaded controller
 * would turn it into a threaded domain, in which no container can live (cgroups(7)). */
static bool is_inner(int cgroup)
{
        char text[16];

        if (faccessat(cgroup, "cgroup.type", F_OK, 0) < 0) /* the root has none */
                return false;
        return file_get(cgroup, "cgroup.procs", text, sizeof text) != 0;
}

int cgroup_delegate(const char *path, const char *controllers)
{
        char copy[4096];
        size_t size = strlen(path);

        if (size >= sizeof copy)
                return -ENAMETOOLONG;
        memcpy(copy, path, size + 1);
        /* From the top down: a child can only give on what it was given. */
        for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
                auto_close fd = NO_FD;

                *slash = '\0';
                fd = file_open(AT_FDCWD, copy, O_PATH | O_DIRECTORY, 0);
                *slash = '/';
                if (fd < 0)
                        return fd;
                if (file_magic(fd) != MAGIC_CGROUP2 || is_inner(fd))
                        continue;
                for (const char *word = controllers; *word;) {
                        char one[64];
                        size_t n = strcspn(word, " ");

                        if (n < sizeof one) {
                                memcpy(one, word, n);
                                one[n] = '\0';
                                file_put(fd, "cgroup.subtree_control", one);
                        }
                        word += n + (word[n] == ' ');
                }
        }
        return 0;
}

int cgroup_give(int cgroup, uint32_t uid)
{
        static const char by_default[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
        char list[2048];
        const gid_t same = (gid_t)-1;
        ssize_t size = file_get(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof list);

        if (size <= 0)
                memcpy(list, by_default, sizeof by_default);
        if (fchownat(cgroup, "", uid, same, AT_EMPTY_PATH) < 0)
                return -errno;
        for (char *name = list, *next; *name; name = next) {
                next = name + strcspn(name, "\n");
                next += *next ? (*next = '\0', 1) : 0;
                if (!*name || strchr(name, '/'))
                        continue;
                if (fchownat(cgroup, name, uid, same, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

int64_t cgroup_oom_kills(const char *path)
{
        static const char *const files[] = { "memory.oom_control", "memory.events" };
        static const char word[] = "oom_kill ";

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                char name[4096], text[1024];
                ssize_t n;

                text_format(name, sizeof name, "%s/%s", path, files[i]);
                n = file_get(AT_FDCWD, name, text, sizeof text - 1);
                if (n < 0)
                        continue;
                text[n] = '\0';
                for (const char *line = text; line; line = strchr(line, '\n')) {
                        line += *line == '\n';
                        if (text_starts(line, word))
                                return strtoll(line + strlen(word), NULL, 10);
                }
        }
        return -ENOENT;
}
