/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tar stream; part of store.h. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

/* A layer is a tar archive from anybody. The reader understands ustar, pax and what GNU tar and star add
 * to them (long names, sparse files, extended attributes), believes no number, and gives back names as
 * they stand there: what they may mean is judged by who unpacks (layer.h). Streams only: nothing is
 * looked at twice. */

#define TAR_PATH_MAX   4096              /* of a path or link, with its NUL */
#define TAR_PAX_MAX    ((size_t)1 << 20) /* bytes of one extended header */
#define TAR_ABOUT_MAX  8                 /* headers before one entry that are about it */
#define TAR_XATTRS_MAX 256   /* of one entry; a value has at most 64 KiB, as in the kernel */
#define TAR_HOLES_MAX  65536 /* pieces of a sparse file */

enum tar_type {
        TAR_FILE,
        TAR_HARD_LINK,
        TAR_SYMLINK,
        TAR_CHAR,
        TAR_BLOCK,
        TAR_DIRECTORY,
        TAR_FIFO,
};

struct tar_xattr {
        const char *name; /* "security.capability" */
        const char *value;
        size_t size;
};

struct tar_entry {
        enum tar_type type;
        const char *path;
        const char *link; /* HARD_LINK, SYMLINK; else "" */
        mode_t mode;      /* permissions, 07777 */
        uint32_t uid, gid;
        uint64_t size; /* of the file as it will be, holes included */
        int64_t mtime_s;
        uint32_t mtime_ns;
        uint32_t major, minor; /* CHAR, BLOCK */
        struct tar_xattr *xattrs;
        size_t n_xattrs;
};

/* Fill `buffer` with at most `size` bytes: how many, 0 at the end of the stream, or a negative errno with
 * a trail. */
typedef ssize_t tar_read(void *context, void *buffer, size_t size);

struct tar_piece {
        uint64_t offset, size;
};

struct tar_reader {
        tar_read *read;
        void *context;
        struct arena arena; /* of the present entry */
        uint64_t entries;   /* read so far, for messages */
        uint64_t left;      /* bytes of the present entry that are still in the stream */
        unsigned padding;   /* zero bytes behind them */
        struct tar_piece *pieces;
        size_t n_pieces, piece; /* where the next data go */
        uint64_t done;          /* of the present piece */
        bool ended;
};

void tar_begin(struct tar_reader *reader, tar_read *read, void *context);
void tar_end(struct tar_reader *reader);

/* The next entry, past what is left of the last one's data; it lives until the next call. 1, or 0 at the end
 * of the archive (the stream may have more: padding, which is not looked at). -EBADMSG with a trail "entry
 * N ('path'): what" when the archive is broken, -E2BIG beyond a bound above, or what `read` said.
 * Sources: POSIX.1-2024 pax; GNU tar manual, "Tar Internals". */
int tar_next(struct tar_reader *reader, struct tar_entry *ret_entry);

/* The next bytes of the present entry, and where in the file they stand (behind a hole perhaps). How many, 0
 * when there are no more, or an error as above; a stream that ends within them is one. */
ssize_t tar_data(struct tar_reader *reader, void *buffer, size_t size, uint64_t *ret_offset);
