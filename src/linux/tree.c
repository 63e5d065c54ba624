/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: for who unpacks. The names come from strangers, the directory is ours alone (0700,
 * or below one that is), so a name that was made here is still what it was a call later; it is not followed
 * all the same. */
#include "linux.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int done(int r)
{
        return r < 0 ? -errno : 0;
}

ssize_t tree_read_link(int link, char *buffer, size_t size)
{
        ssize_t n = readlinkat(link, "", buffer, size);

        if (n < 0)
                return -errno;
        if ((size_t)n >= size)
                return -ENAMETOOLONG;
        buffer[n] = '\0';
        return n;
}

int tree_stat(int dir, const char *name, struct stat *ret)
{
        return done(fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW));
}

int tree_make_directory(int dir, const char *name)
{
        if (mkdirat(dir, name, 0700) < 0)
                return -errno;
        return file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int tree_make_dir(int dir, const char *name, mode_t mode)
{
        return mkdirat(dir, name, 0700) < 0 ? -errno : done(fchmodat(dir, name, mode, 0));
}

int tree_move(int from_dir, const char *from, int to_dir, const char *to)
{
        return done(renameat(from_dir, from, to_dir, to));
}

int tree_exchange(int from_dir, const char *from, int to_dir, const char *to)
{
        return done((int)syscall(SYS_renameat2, from_dir, from, to_dir, to, RENAME_EXCHANGE));
}

int tree_make_file(int dir, const char *name)
{
        return file_open(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0600);
}

int tree_make_symlink(int dir, const char *name, const char *target)
{
        return done(symlinkat(target, dir, name));
}

int tree_make_node(int dir, const char *name, mode_t type, unsigned major, unsigned minor)
{
        return done(mknodat(dir, name, type | 0600, makedev(major, minor)));
}

int tree_make_link(int from_dir, const char *from_name, int dir, const char *name)
{
        return done(linkat(from_dir, from_name, dir, name, 0));
}

static void put_times(struct timespec times[2], int64_t s, uint32_t ns)
{
        times[0] = times[1] = (struct timespec){ .tv_sec = s, .tv_nsec = ns };
}

int tree_set_mtime(int fd, int64_t s, uint32_t ns)
{
        struct timespec times[2];

        put_times(times, s, ns);
        return done(futimens(fd, times));
}

int tree_set_mtime_path(int fd, int64_t s, uint32_t ns)
{
        struct timespec times[2];

        put_times(times, s, ns);
        return done(utimensat(fd, ".", times, 0));
}

int tree_set_status(int fd, const struct tree_status *status)
{
        if (fchown(fd, status->uid, status->gid) < 0 || fchmod(fd, status->mode) < 0)
                return -errno;
        return tree_set_mtime(fd, status->mtime_s, status->mtime_ns);
}

int tree_set_status_at(int dir, const char *name, mode_t type, const struct tree_status *status)
{
        struct timespec times[2];

        if (fchownat(dir, name, status->uid, status->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISLNK(type) && fchmodat(dir, name, status->mode, 0) < 0)
                return -errno;
        put_times(times, status->mtime_s, status->mtime_ns);
        return done(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW));
}

int tree_set_xattr(int fd, const char *name, const void *value, size_t size)
{
        return done(fsetxattr(fd, name, value, size, 0));
}

int tree_read(int fd, uint64_t offset, void *bytes, size_t size)
{
        char *at = bytes;

        if (offset > INT64_MAX - size)
                return -EBADMSG;
        while (size) {
                ssize_t n = pread(fd, at, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                at += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

int tree_write(int fd, uint64_t offset, const void *bytes, size_t size)
{
        const char *at = bytes;

        while (size) {
                ssize_t n = pwrite(fd, at, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                at += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

int tree_set_size(int fd, uint64_t size)
{
        return done(ftruncate(fd, (off_t)size));
}

int tree_reserve(int fd, uint64_t size)
{
        int r;

        do
                r = done(fallocate(fd, 0, 0, (off_t)size));
        while (r == -EINTR);
        return r;
}
