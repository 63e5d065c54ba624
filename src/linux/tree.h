/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

#include <sys/stat.h>

/* Making and changing the entries of a directory that nobody else writes to: each is a directory's
 * descriptor and one name in it, which is never followed and never holds a slash. All give 0 or a negative
 * errno. child-safe. */

struct tree_status {
        uint32_t uid, gid;
        mode_t mode; /* 07777 */
        int64_t mtime_s;
        uint32_t mtime_ns;
};

/* The target of a symbolic link that is open (O_PATH), with a NUL: its length, or -ENAMETOOLONG. */
ssize_t tree_read_link(int link, char *buffer, size_t size);
int tree_stat(int dir, const char *name, struct stat *ret);
/* What is made is new (-EEXIST), the caller's, and nobody else's: 0700, 0600. The first two give a
 * descriptor. */
int tree_make_directory(int dir, const char *name);
int tree_make_file(int dir, const char *name);
/* A directory of that very mode, whatever the umask, which is not opened. */
int tree_make_dir(int dir, const char *name, mode_t mode);
int tree_make_symlink(int dir, const char *name, const char *target);
/* `type`: S_IFCHR, S_IFBLK, S_IFIFO. */
int tree_make_node(int dir, const char *name, mode_t type, unsigned major, unsigned minor);
int tree_make_link(int from_dir, const char *from_name, int dir, const char *name);

/* The one name becomes the other, in the place of what has it, if that may be: rename(2). */
int tree_move(int from_dir, const char *from, int to_dir, const char *to);
/* The two names change places. */
int tree_exchange(int from_dir, const char *from, int to_dir, const char *to);

/* Of a file or directory that is open. The order matters: a new owner takes set-id bits and capabilities
 * away, chown(2). */
int tree_set_status(int fd, const struct tree_status *status);
/* Of what cannot be opened for it: symbolic links (whose mode is nobody's) and nodes. */
int tree_set_status_at(int dir, const char *name, mode_t type, const struct tree_status *status);
int tree_set_xattr(int fd, const char *name, const void *value, size_t size);
int tree_set_mtime(int fd, int64_t s, uint32_t ns);
/* Of a directory of which there is only an O_PATH descriptor. */
int tree_set_mtime_path(int fd, int64_t s, uint32_t ns);

/* All of `bytes` at that offset; and the length, a hole where nothing was written. */
int tree_write(int fd, uint64_t offset, const void *bytes, size_t size);
/* So many bytes from there. -EBADMSG: the file ends before them. */
int tree_read(int fd, uint64_t offset, void *bytes, size_t size);
int tree_set_size(int fd, uint64_t size);
/* It has room on the disk for so many bytes, and is as long at least. -EOPNOTSUPP: the file system cannot promise that. */
int tree_reserve(int fd, uint64_t size);
