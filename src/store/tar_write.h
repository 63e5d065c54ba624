/* SPDX-License-Identifier: Apache-2.0 */
/* Writing archives; part of store.h. */
#pragma once

#include "spec/spec.h"
#include "tar.h"

/* -- plain files ---------------------------------------------------------------------------------------- */

/* A header in POSIX's ustar form, for a file that is root's and has no time, so that the same content makes the same
 * archive: of `size` bytes, which follow with tar_write_padding() behind them; a name with a slash at the end
 * is a directory. At most 99 bytes of name and 8 GiB (-E2BIG). 0 or a negative errno. */
int tar_write_header(int fd, const char *name, uint64_t size);
int tar_write_padding(int fd, uint64_t size);
/* All of it: header, bytes, padding. */
int tar_write_file(int fd, const char *name, const void *bytes, size_t size);
int tar_write_end(int fd);

/* -- anything ------------------------------------------------------------------------------------------- */

/* An archive in the making, of entries of any kind. */
struct tar_writer {
        int fd;             /* the caller's */
        uint64_t size;      /* of the archive so far */
        struct sha256 hash; /* of these bytes */
        uint64_t left;      /* data of the present entry that are still to come */
        unsigned padding;   /* zeros behind them */
        size_t used;
        struct arena arena; /* of the present header */
        char buffer[(size_t)64 << 10];
};

void tar_writer_begin(struct tar_writer *writer, int fd);
/* One entry, in ustar's form as far as that goes and with pax records where it does not: long names, large
 * numbers, parts of a second, extended attributes. A file's `size` bytes follow by tar_writer_data(); with `n`
 * pieces (GNU's sparse files, 1.0) only theirs do, one behind the other. The path of a directory ends in a slash.
 * -E2BIG: its attributes are more than TAR_PAX_MAX; -EINVAL: one has a name that archives cannot have; or what
 * write(2) said. */
int tar_writer_entry(
        struct tar_writer *writer, const struct tar_entry *entry, const struct tar_piece *pieces,
        size_t n);
/* Can an extended attribute of this name be in an archive? */
bool tar_has_xattr_name(const char *name);
int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t size);
/* The end of the archive, and its digest if ret_hex is no NULL. */
int tar_writer_end(struct tar_writer *writer, char ret_hex[SHA256_HEX_SIZE]);
/* After an error, and at the end. */
void tar_writer_free(struct tar_writer *writer);

/* How a user namespace counts ids: not NULL, both. */
struct tar_ids {
        const struct spec_id_mapping_list *uids, *gids;
        /* Has the file with that name in the archive the host's ids? NULL: all have. */
        bool (*of_host)(void *context, const char *path);
        void *context;
};

struct tar_tree_options {
        /* What overlayfs has as whiteouts becomes that of a layer (layer.md), and what would be taken for one is left
         * out with a warning. Else all is taken for what it is. */
        bool layer;
        bool served; /* of an upper layer that fuse-overlayfs(1) has written, with its forms of them */
        /* Is it to be left out, with all that is in it? `path` is its name in the archive, `fd` O_PATH; may be NULL. */
        bool (*skip)(void *context, const char *path, int fd, const struct stat *status);
        void *context;
        const struct tar_ids
                *ids; /* ids are to be written as a user namespace has them; NULL: as they are */
};

/* Are that file's ids to be written otherwise? `ids` may be NULL. */
bool tar_ids_apply(const struct tar_ids *ids, const char *path);
/* Its owner, and (in place, with the new size as the result, which is never larger) an extended attribute. */
void tar_ids_owner(const struct tar_ids *ids, struct tar_entry *entry);
size_t tar_ids_value(const struct tar_ids *ids, const char *name, char *value, size_t size);

/* What the directory `dir` has under `name` ("." is itself), with all that is below, as entries whose names begin
 * with `as` ("" is the root, "./"); a directory's in the order of their bytes. The tree may be a stranger's who changes
 * it meanwhile: nothing is followed, and what is read was looked at. A file that gets shorter is filled up with
 * zeros, with a warning, as sockets are left out with one. `dir` stays the caller's. 0 or a negative errno with a
 * trail; -ENOENT when there is no such name. */
int tar_tree(
        struct tar_writer *writer, int dir, const char *name, const char *as,
        const struct tar_tree_options *options);
