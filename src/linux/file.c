/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: plain files, by descriptor.
 *
 * Small helpers around open, read, write and removal, so that EINTR, close-on-exec and short
 * writes are handled in one place. Kernel files (cgroupfs, procfs) take exactly one write(2) a
 * value, because the kernel parses each write by itself. Paths given here are the host's or our
 * own; what lies under a container's root is reached through rootpath.c only. */
#include "linux.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

enum {
        /* Directories that are held open at once: as a rule, and where there is no other way. */
        DEPTH_HELD = 128,
        DEPTH_MAX = 512
};

int file_open(int dir, const char *path, int flags, mode_t mode)
{
        int fd;

        do
                fd = openat(dir, path, flags | O_CLOEXEC, mode);
        while (fd < 0 && errno == EINTR);
        return fd < 0 ? -errno : fd;
}

int file_open_leased(int dir, const char *path, int flags, int *patience_ms)
{
        enum {
                ROUND_MS = 20
        };

        const struct timespec moment = { .tv_nsec = ROUND_MS * 1000000 };
        int fd;

        while ((fd = file_open(dir, path, flags | O_NONBLOCK, 0)) == -EAGAIN && *patience_ms > 0) {
                nanosleep(&moment, NULL);
                *patience_ms -= ROUND_MS;
        }
        return fd;
}

int file_open_strict(int dir, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t)flags | O_CLOEXEC | O_NOFOLLOW,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                           RESOLVE_NO_XDEV,
        };
        long fd;

        do
                fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        return fd < 0 ? missing_hint(-errno, "openat2(2)", "5.6") : (int)fd;
}

int file_open_output(const char *path, int flags, mode_t mode)
{
        struct stat link;
        int fd;

        flags |= O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY;
        fd = file_open(AT_FDCWD, path, flags | O_NOFOLLOW, mode);
        if (fd != -ELOOP || file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &link) < 0 ||
            (link.st_uid && link.st_uid != geteuid()))
                return fd;
        return file_open(AT_FDCWD, path, flags, mode);
}

void file_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = NO_FD;
}

int file_write(int fd, const char *bytes, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, bytes, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                bytes += n;
                size -= (size_t)n;
        }
        return 0;
}

int file_make_memory(const char *name)
{
        int fd = memfd_create(name, MFD_CLOEXEC | 0x8U /* MFD_NOEXEC_SEAL */);

        if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
                fd = memfd_create(name, MFD_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

ssize_t file_read_some(int fd, void *bytes, size_t size)
{
        ssize_t n;

        do
                n = read(fd, bytes, size);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

int file_sync(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

int file_sync_all(int fd)
{
        return syncfs(fd) < 0 ? -errno : 0;
}

int file_put(int dir, const char *path, const char *value)
{
        auto_close fd = file_open(dir, path, O_WRONLY, 0);
        size_t size = strlen(value);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = write(fd, value, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EIO;
}

ssize_t file_get(int dir, const char *path, char *buffer, size_t size)
{
        auto_close fd = file_open(dir, path, O_RDONLY, 0);
        size_t have = 0;

        if (fd < 0)
                return fd;
        while (have < size) {
                ssize_t n = read(fd, buffer + have, size - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        buffer[have] = '\0';
                        return (ssize_t)have;
                }
                have += (size_t)n;
        }
        return -EFBIG;
}

ssize_t file_get_once(int dir, const char *path, char *buffer, size_t size)
{
        auto_close fd = file_open(dir, path, O_RDONLY, 0);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = read(fd, buffer, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if ((size_t)n == size)
                return -EFBIG;
        buffer[n] = '\0';
        return n;
}

int file_read_fd(struct arena *arena, int fd, size_t most, struct text *ret)
{
        struct stat st;

        return fstat(fd, &st) < 0 ? -errno : file_read_known(arena, fd, st.st_size, most, ret);
}

int file_read_known(struct arena *arena, int fd, off_t size, size_t most, struct text *ret)
{
        struct text got = { .arena = arena };

        /* One byte more than it should hold shows its end; kernel files say 0. */
        got.room = (size > 0 && (uint64_t)size < most ? (size_t)size : 4096) + 2;
        got.data = arena_alloc(arena, got.room);
        for (;;) {
                size_t asked = got.room - got.len - 1;
                ssize_t n = read(fd, got.data + got.len, asked);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                got.len += (size_t)n;
                got.data[got.len] = '\0';
                if (got.len > most)
                        return -EFBIG;
                /* All that it said it has, and it has no more. */
                if (n == 0 || ((size_t)n < asked && (off_t)got.len == size))
                        break;
                if (got.len + 1 == got.room) {
                        char *more = arena_alloc(arena, got.room * 2);

                        memcpy(more, got.data, got.len);
                        got.data = more;
                        got.room *= 2;
                }
        }
        *ret = got;
        return 0;
}

int file_read(struct arena *arena, int dir, const char *path, size_t most, struct text *ret)
{
        auto_close fd = file_open(dir, path, O_RDONLY, 0);

        if (fd < 0)
                return fd;
        return file_read_fd(arena, fd, most, ret);
}

int file_read_plain(struct arena *arena, int fd, size_t most, struct text *ret)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? file_read_fd(arena, fd, most, ret) : -EINVAL;
}

int64_t file_magic(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) < 0 ? -errno : (int64_t)(uint32_t)fs.f_type;
}

int64_t file_magic_at(const char *path)
{
        struct statfs fs;

        return statfs(path, &fs) < 0 ? -errno : (int64_t)(uint32_t)fs.f_type;
}

int file_stat(int dir, const char *path, int flags, struct stat *ret_st)
{
        return fstatat(dir, path, ret_st, flags) < 0 ? -errno : 0;
}

int file_access(const char *path, int how)
{
        return faccessat(AT_FDCWD, path, how, AT_EACCESS) < 0 ? -errno : 0;
}

int file_remove(int dir, const char *path, int flags)
{
        return unlinkat(dir, path, flags) < 0 ? -errno : 0;
}

int file_rename(const char *from, const char *to)
{
        return rename(from, to) < 0 ? -errno : 0;
}

int file_open_nameless(const char *dir, mode_t mode)
{
        int fd = file_open(AT_FDCWD, dir, O_TMPFILE | O_WRONLY, mode);

        /* EISDIR: of a file system that has not heard of it. */
        return fd == -EISDIR ? -EOPNOTSUPP : fd;
}

int file_name(int fd, const char *path)
{
        char link[40];

        text_format(link, sizeof link, "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int file_make_dir(const char *path, mode_t mode)
{
        return mkdir(path, mode) < 0 ? -errno : 0;
}

int file_set_mode(const char *path, mode_t mode)
{
        return fchmodat(AT_FDCWD, path, mode, 0) < 0 ? -errno : 0;
}

int file_set_mode_fd(int fd, mode_t mode)
{
        return fchmod(fd, mode) < 0 ? -errno : 0;
}

ssize_t file_read_link(const char *path, char *buffer, size_t size)
{
        ssize_t n = readlink(path, buffer, size);

        if (n < 0)
                return -errno;
        if ((size_t)n == size)
                return -ENAMETOOLONG;
        buffer[n] = '\0';
        return n;
}

int file_real_path(struct arena *arena, const char *path, const char **ret_path)
{
        char real[PATH_MAX];

        if (!realpath(path, real))
                return -errno;
        *ret_path = arena_string(arena, real);
        return 0;
}

DIR *file_list(const char *path)
{
        return opendir(path);
}

DIR *file_list_at(int dir, const char *name)
{
        int fd = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        DIR *list = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !list)
                file_close(&fd);
        return list;
}

bool file_is_reachable_cwd(void)
{
        char where[4096];

        /* The raw call: where the kernel answers "(unreachable)/...", glibc walks up by itself, out of
         * the root, and gives a name that looks well. */
        return syscall(SYS_getcwd, where, sizeof where) > 0 && where[0] == '/';
}

int file_make_dirs(const char *path, mode_t mode)
{
        char part[4096];
        size_t size = strlen(path);

        if (size >= sizeof part)
                return -ENAMETOOLONG;
        if (mkdir(path, mode) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;
        memcpy(part, path, size + 1);
        for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(part, mode) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* A directory to be emptied or looked through, on the mount that `dir` is on. It is the mount that counts: a bind
 * mount has the device number of the file system that it shows. */
static int open_below(int dir, const char *name)
{
        int fd = file_open_strict(dir, name, O_RDONLY | O_DIRECTORY);

        return fd == -EXDEV ? -EBUSY : fd;
}

struct removal {
        int top; /* where directories are put that lie too deep */
        unsigned moved;
};

/* A directory that lies deep becomes one of the topmost, where the next pass finds it. The name is one that nobody who
 * made the tree can know. */
static int move_up(struct removal *removal, int dir, const char *name)
{
        uint64_t random;
        char made[40];

        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
                return -EIO;
        text_format(made, sizeof made, ".husk-removed-%016llx", (unsigned long long)random);
        if (renameat(dir, name, removal->top, made) < 0)
                return -errno;
        removal->moved++;
        return 0;
}

/* Empty the directory behind `fd` (consumed). Each level holds a descriptor, and whoever made the tree chose its
 * depth: what lies deeper than DEPTH_HELD is moved up, and done by the next pass. Where that is refused (directories of
 * an overlay's lower layers), more are held, and at DEPTH_MAX it ends. */
static int remove_inside(struct removal *removal, int *fd, unsigned depth)
{
        DIR *dir;
        int result = 0;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        dir = fdopendir(*fd);
        if (!dir)
                return -errno;
        *fd = NO_FD;
        for (struct dirent *entry; (entry = readdir(dir));) {
                const char *name = entry->d_name;
                int r = 0;

                if (text_is_dots(name) || unlinkat(dirfd(dir), name, 0) == 0)
                        continue;
                r = -errno;
                if (r == -EISDIR || r == -EPERM) {
                        int below = open_below(dirfd(dir), name);

                        if (below >= 0 && depth >= DEPTH_HELD &&
                            move_up(removal, dirfd(dir), name) == 0) {
                                file_close(&below);
                                continue;
                        }
                        r = below < 0 ? below : remove_inside(removal, &below, depth + 1);
                        file_close(&below);
                        /* Not that in whose place something is mounted: where that is another mount namespace's,
                         * the kernel would take the mount away. */
                        if (r != -EBUSY &&
                            (unlinkat(dirfd(dir), name, AT_REMOVEDIR) == 0 || errno == ENOENT))
                                r = 0;
                        else if (r == 0)
                                r = -errno;
                }
                if (r < 0 && r != -ENOENT && result == 0)
                        result = r;
        }
        closedir(dir);
        return result;
}

int file_remove_tree(int dir, const char *name)
{
        auto_close top = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        struct removal removal = { .top = top };
        int r;

        if (top == -ENOENT)
                return 0;
        if (top == -ENOTDIR || top == -ELOOP)
                return unlinkat(dir, name, 0) < 0 ? -errno : 0;
        if (top < 0)
                return top;
        /* It has an end: each move leaves the tree less deep in sum. */
        do {
                int fd = file_open(top, ".", O_RDONLY | O_DIRECTORY, 0);

                removal.moved = 0;
                r = fd < 0 ? fd : remove_inside(&removal, &fd, 0);
                file_close(&fd);
        } while (removal.moved);
        if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        return r < 0 ? r : -errno;
}

static int holds_mount(int dir, const char *name, unsigned depth)
{
        auto_close at = file_open_strict(dir, name, O_PATH);
        struct stat st;
        DIR *list;
        int fd, r = 0;

        if (at < 0)
                return at == -EXDEV ? 1 : at == -ENOENT ? 0 : at;
        if (fstat(at, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode))
                return 0;
        if (depth > DEPTH_MAX)
                return -ELOOP;
        fd = file_open(at, ".", O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        list = fdopendir(fd);
        if (!list) {
                r = -errno;
                file_close(&fd);
                return r;
        }
        for (struct dirent *entry; r == 0 && (entry = readdir(list));)
                if (!text_is_dots(entry->d_name))
                        r = holds_mount(dirfd(list), entry->d_name, depth + 1);
        closedir(list);
        return r;
}

int file_holds_mount(int dir, const char *name)
{
        return holds_mount(dir, name, 0);
}
