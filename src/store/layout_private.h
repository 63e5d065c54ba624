/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that keep images on disk only. */
#pragma once

#include "store.h"

/* `error` with a trail: cannot `what` ROOT/`name`. */
int layout_failed(const struct layout *layout, int error, const char *what, const char *name);

/* A file of which only the whole is ever seen; "images/NAME" or "images/blobs/sha256/NAME", which may be there already. */
int layout_put(const struct layout *layout, const char *path, const char *bytes, size_t size);
/* What the index is written to when the disk is full; nothing happens where it cannot be made. */
void layout_make_spare(const struct layout *layout);

/* A tree of unpacked files, in the user namespace in which they belong to somebody. */
int layout_remove_dir(const struct layout *layout, int dir, const char *name);

/* The file of a layer that is an image. */
#define LAYOUT_IMAGE "fs.erofs"

/* Does the kernel mount images that lie in this store, with all that they say? It is asked once a process. */
bool layout_mounts_images(const struct layout *layout);
