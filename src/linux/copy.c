/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a directory tree copied by descriptors.
 *
 * For filling a tmpfs or a volume with what the image has at its place. Each name is looked at once, without
 * following, and what was opened is what is copied: the tree may be written by others at the time.
 * Owners that have no place in our user namespace stay ours, and extended attributes that the
 * target or our rights do not allow are passed over. What a copy that was interrupted has left is used.
 *
 * Who made the image must not fill the disk with it: what is a hole there, or is zeros where a file system does not
 * tell of holes, is a hole in the copy, and a file that has several names is copied once. For that each such file
 * gets one more name, its numbers, in a directory beside the copies, which goes at the end. No malloc: the caller may
 * be between clone and exec. */
#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum {
        PIECE = 64 << 10,
        BLOCK = 4 << 10, /* what is zeros is left out in units of these */
};

struct copy {
        const struct copy_options *options;
        int from, to; /* the whole */
        int depth;
        long entries;
        uint64_t *bytes;
        int links; /* the directory of files that have several names; NO_FD: none was met */
        char links_name[24];
        char piece[PIECE];
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

/* -- files ------------------------------------------------------------------------------------------------ */

static bool is_zero(const char *bytes, size_t size)
{
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Of what was read the runs of blocks that are not zeros. */
static int write_runs(struct copy *copy, int to, uint64_t at, size_t size)
{
        size_t begin = 0, end;
        int r = 0;

        for (size_t block; r == 0 && begin < size; begin = end) {
                for (end = begin; end < size; end += block) {
                        block = size - end < BLOCK ? size - end : BLOCK;
                        if (is_zero(copy->piece + end, block))
                                break;
                }
                if (end > begin)
                        r = tree_write(to, at + begin, copy->piece + begin, end - begin);
                else
                        end += block;
        }
        return r;
}

static int copy_data(struct copy *copy, int from, int to, const struct file_data *data)
{
        uint64_t at = data->begin;
        int r = 0;

        while (r == 0 && at < data->end) {
                const uint64_t rest = data->end - at;
                ssize_t n =
                        pread(from, copy->piece, rest < PIECE ? (size_t)rest : PIECE, (off_t)at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) /* it became shorter */
                        return n < 0 ? -errno : 0;
                r = write_runs(copy, to, at, (size_t)n);
                at += (uint64_t)n;
        }
        return r;
}

static int copy_file(struct copy *copy, int from, int dir, const char *name, const struct stat *st)
{
        auto_close to =
                openat(dir, name, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
        const uint64_t size = (uint64_t)st->st_size;
        struct file_data data = { 0 };
        int r = to < 0 ? -errno : 0;

        while (r == 0 && (r = file_next_data(from, data.end, size, &data)) > 0) {
                if (data.end - data.begin > COPY_BYTES - *copy->bytes)
                        return -E2BIG;
                *copy->bytes += data.end - data.begin;
                r = copy_data(copy, from, to, &data);
        }
        if (r == 0)
                r = tree_set_size(to, size);
        return r < 0 ? r : put_status(from, to, st);
}

/* -- files of several names --------------------------------------------------------------------------------- */

/* All that is in the directory of links, and the directory. */
static int remove_links(struct copy *copy)
{
        _Alignas(struct dirent64) char entries[4096];
        bool some = true;
        long size;
        int r;

        if (copy->links < 0)
                return 0;
        while (some) {
                some = false;
                if (lseek(copy->links, 0, SEEK_SET) < 0)
                        return -errno;
                while ((size = syscall(SYS_getdents64, copy->links, entries, sizeof entries)) > 0)
                        for (long at = 0; at < size;) {
                                const struct dirent64 *entry = (const void *)(entries + at);

                                at += entry->d_reclen;
                                if (text_is_dots(entry->d_name))
                                        continue;
                                r = file_remove(copy->links, entry->d_name, 0);
                                if (r < 0)
                                        return r;
                                some = true;
                        }
                if (size < 0)
                        return -errno;
        }
        file_close(&copy->links);
        return file_remove(copy->to, copy->links_name, AT_REMOVEDIR);
}

/* Its name is one that the source has not; so one that is there is of a copy that was interrupted. */
static int open_links(struct copy *copy)
{
        struct stat st;
        int r = 0;

        if (copy->links >= 0)
                return 0;
        for (int i = 0; r == 0; i++) {
                text_format(copy->links_name, sizeof copy->links_name, ".husk-copy-%d", i);
                r = fstatat(copy->from, copy->links_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
                                                                                        : 0;
        }
        if (r != -ENOENT)
                return r;
        for (int i = 0; i < 2; i++) {
                r = mkdirat(copy->to, copy->links_name, 0700) < 0 ? -errno : 0;
                if (r < 0 && r != -EEXIST)
                        return r;
                copy->links = file_open(
                        copy->to, copy->links_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
                if (copy->links < 0 || r == 0)
                        return copy->links < 0 ? copy->links : 0;
                r = remove_links(copy);
                if (r < 0)
                        return r;
        }
        return -EEXIST;
}

/* A name of what was copied before, or a copy that others may be names of. Where the target takes no more names of one
 * file, or none at all, there is one more copy, which counts like any. */
static int copy_linked(
        struct copy *copy, int from, int dir, const char *name, const struct stat *st)
{
        char key[48];
        int r = open_links(copy);

        if (r < 0)
                return r;
        text_format(
                key, sizeof key, "%llx-%llx", (unsigned long long)st->st_dev,
                (unsigned long long)st->st_ino);
        r = tree_make_link(copy->links, key, dir, name);
        if (r == -EEXIST && file_remove(dir, name, 0) == 0)
                r = tree_make_link(copy->links, key, dir, name);
        if (r == 0)
                return 0;
        if (r != -ENOENT)
                r = file_remove(copy->links, key, 0);
        if (r < 0 && r != -ENOENT)
                return r;
        r = copy_file(copy, from, dir, name, st);
        if (r == 0)
                (void)tree_make_link(dir, name, copy->links, key); /* else each is a copy */
        return r;
}

/* -- all others ---------------------------------------------------------------------------------------------- */

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
        if (copy->options->no_devices && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && st.st_rdev)
                return 0;
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
        if (!S_ISREG(st.st_mode))
                return -ELOOP;
        return st.st_nlink > 1 ? copy_linked(copy, fd, to, name, &st)
                               : copy_file(copy, fd, to, name, &st);
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

int copy_tree(int from, int to, const struct copy_options *options)
{
        uint64_t bytes = 0;
        struct copy copy = { .options = options,
                             .from = from,
                             .to = to,
                             .bytes = options->bytes ? options->bytes : &bytes,
                             .links = NO_FD };
        struct stat st;
        int r = copy_below(&copy, from, to), removed = remove_links(&copy);

        file_close(&copy.links);
        if (r == 0)
                r = removed;
        if (r < 0 || !options->whole)
                return r;
        return fstat(from, &st) < 0 ? -errno : put_status(from, to, &st);
}
