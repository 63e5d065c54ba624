/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>

#include <sys/stat.h>
#include <sys/types.h>

/* Filesystem magics, statfs(2). */
enum {
        MAGIC_PROC = 0x9fa0,
        MAGIC_CGROUP1 = 0x27e0eb,
        MAGIC_CGROUP2 = 0x63677270,
        MAGIC_TMPFS = 0x01021994,
        MAGIC_OVERLAY = 0x794c7630,
        MAGIC_NSFS = 0x6e736673,
        MAGIC_PIDFS = 0x50494446,
        MAGIC_DEVPTS = 0x1cd1,
        MAGIC_EROFS = 0xe0f5e1e2,
};

/* openat(2) with O_CLOEXEC. The path is one that we trust; names under a container's root go
 * through rootpath.h. */
int file_open(int dir, const char *path, int flags, mode_t mode);
/* The same for a file that another may have a lease on (F_SETLEASE of fcntl(2)), which the kernel takes away
 * /proc/sys/fs/lease-break-time seconds after the first try: tried until *patience_ms, which is what is left of it on
 * return, are over. -EAGAIN: it still has one. */
int file_open_leased(int dir, const char *path, int flags, int *patience_ms);
/* The last component is not followed, nor any symbolic link on the way; no mount is crossed. For
 * procfs and cgroupfs, whose root descriptor is the caller's: openat2(2). Since Linux 5.6. */
int file_open_strict(int dir, const char *path, int flags);
/* A file that the user names to be written to; made if it is not there; `flags`: O_APPEND, O_TRUNC. Whoever else may write
 * to its directory has no use of that: a link is followed when it is root's or our own (/dev/stdout), else -ELOOP, and
 * nobody is waited for: -ENXIO for a pipe without a reader. */
int file_open_output(const char *path, int flags, mode_t mode);
void file_close(int *fd); /* closes when >= 0; leaves NO_FD; never retried (close(2)) */
#define auto_close __attribute__((cleanup(file_close))) int

/* Memory as a file, empty, which cannot be executed where the kernel can see to that; `name` is for /proc.
 * memfd_create(2). */
int file_make_memory(const char *name);

/* Whole writes: 0, or -errno (-EIO for a short write that does not go on). */
int file_write(int fd, const char *bytes, size_t size);
/* read(2): at most `size` bytes, 0 at the end. */
ssize_t file_read_some(int fd, void *bytes, size_t size);
/* fsync(2) of a file, and syncfs(2) of all of its file system: what was written outlives a loss of power. */
int file_sync(int fd);
int file_sync_all(int fd);
/* Open, one write(2) of the string, close: cgroupfs and procfs files. */
int file_put(int dir, const char *path, const char *value);
/* Up to size - 1 bytes and a NUL: the number of bytes, or -errno; -EFBIG when there was more. */
ssize_t file_get(int dir, const char *path, char *buffer, size_t size);
/* The same with one read(2), which gives a kernel file of one record whole (proc_pid_stat(5) and the
 * like), but not one that is a list, like cgroup.procs. */
ssize_t file_get_once(int dir, const char *path, char *buffer, size_t size);
/* A whole file into the arena, at most `most` bytes (-EFBIG). Not child-safe. */
int file_read(struct arena *arena, int dir, const char *path, size_t most, struct text *ret);
/* As file_read, from an open descriptor. Not child-safe. */
int file_read_fd(struct arena *arena, int fd, size_t most, struct text *ret);
/* The same of what must be a plain file: -EINVAL when it is none. */
int file_read_plain(struct arena *arena, int fd, size_t most, struct text *ret);
/* The same of a file that fstat(2) says is `size` bytes long. Not child-safe. */
int file_read_known(struct arena *arena, int fd, off_t size, size_t most, struct text *ret);
/* The magic of the filesystem that holds it, as a positive number; or -errno. */
int64_t file_magic(int fd);
int64_t file_magic_at(const char *path);
/* The doors of calls that take a path of the host or of our own, from `dir` on where they have one (AT_FDCWD: from
 * the working directory), or a single name below a descriptor. Child-safe, but where it is said. */
int file_stat(int dir, const char *path, int flags, struct stat *ret_st); /* fstatat(2) */
int file_access(
        const char *path, int how); /* with our effective ids and capabilities: faccessat(2) */
int file_remove(int dir, const char *path, int flags); /* unlinkat(2) */
int file_rename(const char *from, const char *to);
/* A file without a name, to be written, on the file system of a directory: whoever dies leaves nothing.
 * -EOPNOTSUPP: this one has none. Since Linux 3.11. */
int file_open_nameless(const char *dir, mode_t mode);
/* Give it one: -EEXIST. It needs /proc. */
int file_name(int fd, const char *path);
int file_make_dir(const char *path, mode_t mode);
int file_set_mode(const char *path, mode_t mode);
int file_set_mode_fd(int fd, mode_t mode);
/* The target with a NUL behind it: its length, or -errno; -ENAMETOOLONG. */
ssize_t file_read_link(const char *path, char *buffer, size_t size);
/* realpath(3). Not child-safe. */
int file_real_path(struct arena *arena, const char *path, const char **ret_path);
/* opendir(3): NULL with errno. Not child-safe. */
DIR *file_list(const char *path);
/* The same of a directory's descriptor, which stays the caller's and where it is. */
DIR *file_list_at(int dir, const char *name);
/* Can the working directory be reached from "/"? Of one that was entered by a descriptor that leads
 * out of the root the kernel says that it cannot: CVE-2024-21626. Child-safe. */
bool file_is_reachable_cwd(void);
/* mkdir -p for a host path of our own; existing directories are fine. */
int file_make_dirs(const char *path, mode_t mode);
/* Remove a tree of our own store without ever leaving it: no symbolic link is followed, no mount
 * is crossed. It may be as deep as it likes. What is missing is no error. 0 or the first error. */
int file_remove_tree(int dir, const char *name);
/* Is something mounted upon dir/name, a file or a directory, or below it? 1, 0, or a negative errno; -ELOOP: too deep to
 * tell. To be asked before removing what is another mount namespace's: there the kernel does not refuse to remove
 * a place on which something is mounted, but takes the mount away. Since Linux 5.6. */
int file_holds_mount(int dir, const char *name);
