/* SPDX-License-Identifier: Apache-2.0 */
/* Layers on top of each other, as overlayfs shows them, but without a mount; part of store.h. */
#pragma once

#include "base/base.h"
#include "erofs_read.h"

#include <sys/stat.h>

#define VIEW_LINKS_MAX 40  /* symbolic links on the way, as in the kernel */
#define VIEW_DEPTH_MAX 256 /* directories below each other */

struct view {
        const int *layers; /* directories, the topmost first; the caller's */
        size_t n;
        int *locks; /* of those that are mounts of images; NULL: none are */
        const struct erofs_image
                *images; /* those that are not mounted (else .fd is NO_FD); NULL: none */
        /* The limit of open files that view_close() gives back; 0: it is as it was */
        uint64_t files_soft;
};

/* A directory of the view. */
struct view_place {
        const char *path;   /* below each layer; "." is the root */
        const uint16_t *in; /* the layers that show something of it, the topmost first */
        size_t n;
};

/* Open layers by their paths, the topmost first: what ends in ".erofs" is an image, which is mounted, or with `read`
 * not: then view_read() and view_root_mode() are all that may be done. Fewer than `n` are opened when the root of one
 * is opaque: overlayfs would not hide what is below. For view_close(). A negative errno with a trail. */
int view_open_layers(
        struct arena *arena, const char *const *paths, size_t n, bool read, struct view *ret_view);
void view_close(struct view *view);

struct view_place view_root(struct arena *arena, const struct view *view);
/* What a directory has of that name: an O_PATH descriptor, which is not followed, in the topmost layer
 * that has it. -ENOENT: none has, or it was removed. ret_place may be NULL; it is filled when the name is
 * a directory. */
int view_look(
        struct arena *arena, const struct view *view, const struct view_place *dir,
        const char *name, struct stat *ret_status, struct view_place *ret_place);
/* The directory in the `i`th of place->in, to be read. */
int view_open_place(const struct view *view, const struct view_place *place, size_t i);
/* All of a plain file of at most `most` bytes, by its path. Symbolic links lead where they would in a container:
 * absolute ones to the root, and ".." not beyond it. -ELOOP, -ENOENT, -ENOTDIR, -EISDIR; -EINVAL: it is none;
 * -EFBIG. */
int view_read(
        struct arena *arena, const struct view *view, const char *path, size_t most,
        struct text *ret_text);
/* Permissions of the root, or a negative errno. */
int view_root_mode(const struct view *view);

/* Is it what overlayfs has for a name that is removed? */
bool view_is_whiteout(const struct stat *status);
/* Does a directory hide what lower layers have of it? Asked of the attribute that the overlays we make look at:
 * with root's rights another one than in a user namespace. */
bool view_is_opaque(int dir);

/* What a name means in an upper layer that fuse-overlayfs(1) has written, whose forms depend on what the file system
 * can: a file or one of overlayfs' whiteouts; something that makes its directory opaque; or a whiteout of
 * *ret_hidden, where no device 0:0 could be made. */
enum view_served {
        VIEW_SERVED_FILE,
        VIEW_SERVED_MARKER,
        VIEW_SERVED_WHITEOUT,
};
enum view_served view_served(const char *name, const char **ret_hidden);
/* view_is_opaque() for such a layer. */
bool view_is_served_opaque(int dir);
