/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a directory tree copied by descriptors.
 *
 * For filling a tmpfs with what the image has at its place. Each name is looked at once, without
 * following, and what was opened is what is copied: the tree may be written by others at the time.
 * Owners that have no place in our user namespace stay ours, and extended attributes that the
 * target or our rights do not allow are passed over. What a copy that was interrupted has left is used. Hard links become files of their own, holes
 * become zeros. No malloc: the caller may be between clone and exec. */
#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

struct copy {
        int depth;
        long entries;
};

static int copy_below(struct copy *copy, int from, int to);

static int put_attribute(int from, int to, const char *name)
{
        char value[65536];
        ssize_t size = fgetxattr(from, name, value, sizeof value);

        if (size < 0)
                return 0; /* gone meanwhile, or not for us */
        if (fsetxattr(to, name, value, (size_t)size, 0) == 0 || errno == EOPNOTSUPP ||
            errno == EPERM)
                return 0;
        return -errno;
}

static int put_attributes(int from, int to)
{
        char names[4096];
        ssize_t size = flistxattr(from, names, sizeof names);

        for (const char *at = names; size > 0 && at < names + size; at += strlen(at) + 1) {
                int r = put_attribute(from, to, at);

                if (r < 0)
                        return r;
        }
        return 0;
}

static void put_times(const struct stat *st, struct timespec *times)
{
        times[0] = st->st_atim;
        times[1] = st->st_mtim;
}

/* Last of all, because writing changes the times and changing the owner the mode. */
static int put_status(int from, int to, const struct stat *st)
{
        struct timespec times[2];
        int r;

        if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EINVAL)
                return -errno;
        if (fchmod(to, st->st_mode & 07777) < 0)
                return -errno;
        r = put_attributes(from, to);
        put_times(st, times);
        if (r == 0 && futimens(to, times) < 0)
                r = -errno;
        return r;
}

static int copy_file(int from, int dir, const char *name, const struct stat *st)
{
        auto_close to =
                openat(dir, name, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
        ssize_t n;

        if (to < 0)
                return -errno;
        do
                n = sendfile(to, from, NULL, 1 << 20);
        while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? -errno : put_status(from, to, st);
}

static int copy_directory(
        struct copy *copy, int from, int dir, const char *name, const struct stat *st)
{
        auto_close to = NO_FD;
        int r;

        if (copy->depth == COPY_DEPTH)
                return -E2BIG;
        if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        to = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (to < 0)
                return to;
        copy->depth++;
        r = copy_below(copy, from, to);
        copy->depth--;
        return r < 0 ? r : put_status(from, to, st);
}

/* With its mode as it is: chmod(2) by a name would follow a link that is there. */
static int make_node(int dir, const char *name, const struct stat *st)
{
        mode_t mask = umask(0);
        int r = mknodat(dir, name, st->st_mode, st->st_rdev) < 0 ? -errno : 0;

        umask(mask);
        return r == -EEXIST ? 0 : r;
}

/* What has no content of its own: made, and given its owner, mode and times by name. */
static int copy_special(int from, int dir, const char *name, const struct stat *st)
{
        struct timespec times[2];
        char target[4096];
        ssize_t size;
        int r;

        if (S_ISLNK(st->st_mode)) {
                size = readlinkat(from, name, target, sizeof target - 1);
                if (size < 0)
                        return -errno;
                target[size] = '\0';
                if (symlinkat(target, dir, name) < 0 && errno != EEXIST)
                        return -errno;
        } else if ((r = make_node(dir, name, st)) < 0) {
                return r;
        }
        if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL)
                return -errno;
        put_times(st, times);
        return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_entry(struct copy *copy, int from, int to, const char *name)
{
        auto_close fd = NO_FD;
        struct stat st;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
                return copy_special(from, to, name, &st);
        fd = file_open(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0)
                return fd;
        /* It may be another by now: what was opened counts. */
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return copy_directory(copy, fd, to, name, &st);
        return S_ISREG(st.st_mode) ? copy_file(fd, to, name, &st) : -ELOOP;
}

static int copy_below(struct copy *copy, int from, int to)
{
        _Alignas(struct dirent64) char entries[4096];
        long size;

        while ((size = syscall(SYS_getdents64, from, entries, sizeof entries)) > 0) {
                for (long at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(entries + at);
                        const char *name = entry->d_name;
                        int r;

                        at += entry->d_reclen;
                        if (text_is_dots(name))
                                continue;
                        r = copy->entries++ < COPY_ENTRIES ? copy_entry(copy, from, to, name)
                                                           : -E2BIG;
                        if (r < 0)
                                return trail(r, "cannot copy '%s'", name);
                }
        }
        return size < 0 ? -errno : 0;
}

int copy_tree(int from, int to, bool whole)
{
        struct copy copy = { 0 };
        struct stat st;
        int r = copy_below(&copy, from, to);

        if (r < 0 || !whole)
                return r;
        return fstat(from, &st) < 0 ? -errno : put_status(from, to, &st);
}
