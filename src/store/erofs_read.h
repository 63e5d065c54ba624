/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into an EROFS image without a mount; part of store.h. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

/* An image as erofs.h writes them, and no others. Nothing in it is believed: -EBADMSG is what cannot be, and all that
 * is read is where the file has it. Errors have no trail. */

/* Something in an image. */
struct erofs_file {
        mode_t mode;
        bool is_null_device; /* a character device 0:0, which is a whiteout */
        uint64_t size;       /* of the content */
        uint64_t at, data;   /* bytes at which the inode and its whole blocks begin */
        size_t head;         /* bytes of inode and attributes */
        bool is_tailed;      /* what does not fill a block stands behind these */
        bool is_chunked;     /* where each chunk is stands behind these */
};

struct erofs_image {
        int fd; /* the caller's */
        struct erofs_file root;
};

int erofs_open(int fd, struct erofs_image *ret_image);
/* What is at a path, names with one slash between them ("." is the root), where no link is followed. -ENOENT,
 * -ENOTDIR. */
int erofs_look(const struct erofs_image *image, const char *path, struct erofs_file *ret_file);
/* Bytes of the content, as many as that has from `offset` on. */
int erofs_read(
        const struct erofs_image *image, const struct erofs_file *file, uint64_t offset,
        void *bytes, size_t size);
/* Is it a directory that hides what lower layers have of it? */
bool erofs_is_opaque(const struct erofs_image *image, const struct erofs_file *file);
