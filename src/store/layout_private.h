/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that keep images on disk only. */
#pragma once

#include "store.h"

/* A tree of unpacked files, in the user namespace in which they belong to somebody. */
int layout_remove_dir(const struct layout *layout, int dir, const char *name);

/* The file of a layer that is an image. */
#define LAYOUT_IMAGE "fs.erofs"

/* Does the kernel mount images that lie in this store, with all that they say? It is asked once a process. */
bool layout_mounts_images(const struct layout *layout);
