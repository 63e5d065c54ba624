/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a layer's entries into a directory, or into an EROFS image; part of store.h. */
#pragma once

#include "tar.h"

#define LAYER_DEPTH_MAX 256 /* directories below each other */

struct layer_options {
        /* `root` is an empty file, which becomes an image with what the directory would have had; its id is
         * made of `uuid`. Who writes it needs no rights. */
        bool image;
        uint8_t uuid[16];
        /* Which extended attributes overlayfs will look at: user.overlay.* (mounted in a user namespace)
         * or trusted.overlay.*. */
        bool user_xattrs;
        /* Not a layer but files for a directory that may have some: no name is a whiteout, and what the archive says of
         * the directory itself is passed over. A directory does not take the place of something else, nor the other
         * way round (-EEXIST), unless `overwrite`. */
        bool plain, overwrite;
        /* All is to belong to uid and gid, and no right comes with a file: neither a set-id bit nor any
         * attribute but user.*. */
        bool own;
        uint32_t uid, gid;
        bool pass_devices; /* leave out device nodes, which we may not make, instead of failing */
        uint64_t entries_max; /* and directories that they imply; 0: two million, of `plain` ten */
        uint64_t
                steps_max; /* of the ways to its entries through links, and 64 for each entry; 0: a million */
        /* Of all files together, holes not counted, but in an image those of less than a MiB; 0: 100 GiB. */
        uint64_t bytes_max;
        /* Of what an image's writer has in memory: names, directories, targets of links; 0: 256 MiB, but of `plain`, of
         * which nobody keeps anything, no bound. */
        uint64_t kept_max;
};

struct layer_image;

struct layer_writer {
        int root;                  /* the layer's directory or image; the caller's */
        struct layer_image *image; /* NULL: it is a directory */
        struct layer_options options;
        uint64_t entries, bytes, kept; /* written so far */
        uint64_t implied;              /* directories of which no entry had spoken */
        uint64_t passed;               /* devices left out */
        uint64_t steps;                /* components that were looked up on the way to entries */
        char parent_path[TAR_PATH_MAX];
        int parent;             /* O_PATH of it, or NO_FD */
        bool changed;           /* something was removed there: the path may lead elsewhere now */
        int64_t parent_mtime_s; /* as it was before we wrote there */
        uint32_t parent_mtime_ns;
        int file;               /* the file whose data are awaited, or NO_FD */
        struct tar_entry entry; /* what is to become of it; its texts are the caller's */
};

/* Begin a layer in an empty directory, of which only we have the name, or in an empty file. */
void layer_begin(struct layer_writer *layer, int root, const struct layer_options *options);

/* Make one entry. What the archive says twice is what it said last; a whiteout becomes overlayfs's; what
 * stands below a symbolic link of the same layer goes where that leads inside the layer. Hard links and
 * parents lead nowhere but into the layer. `entry` must live until the next call of this or layer_finish().
 *
 * Refused (-EINVAL, -ENAMETOOLONG): "..", a whiteout of nothing, a device that overlayfs would take for a
 * whiteout, a hard link to what is not in the layer, a file where a directory is needed, more than there
 * are bounds for, ways through links among it (-E2BIG). Left out: AUFS's own files, attributes that are overlayfs's or the host's
 * (trusted.*, security.* but capabilities). With a trail that names the entry.
 * Sources: image-spec layer.md; Documentation/filesystems/overlayfs.rst. */
int layer_add(struct layer_writer *layer, const struct tar_entry *entry);
/* Bytes of the file that was added last, where tar_data() says that they stand. */
int layer_write(struct layer_writer *layer, uint64_t offset, const void *bytes, size_t size);
/* No more of the last entry is to come, and its texts may go. Harmless at any time; layer_add() does it, too. */
int layer_finish(struct layer_writer *layer);
/* Finish the last file and directory. */
int layer_end(struct layer_writer *layer);
/* After an error: close what is open. Harmless at any time. */
void layer_abort(struct layer_writer *layer);

/* May a layer say this of its files: what the user of an image could, and capabilities? */
bool layer_wants_xattr(const char *name);

/* All of an archive: the four above, one entry after the other. */
int layer_unpack(struct layer_writer *layer, struct tar_reader *reader);
