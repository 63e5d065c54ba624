/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: the images of the store. */
#pragma once

#include "engine.h"
#include "image/image.h"
#include "store/store.h"

/* An image to make a container of. */
struct engine_image {
        const char *reference; /* its full name in the store; NULL: it has none */
        const char *id;        /* digest of its configuration */
        const char *digest;    /* of its manifest */
        const struct image_config *config;
        const char *const *layers; /* absolute paths of directories, the lowest first */
        size_t n_layers;
        int hold; /* as long as it is open, nothing of the image is removed */
};

/* Find an image by its name, its id or the beginning of that, or its digest, and read it. `platform` (NULL: any)
 * is what it must be for. -ENOENT: it is not in the store, or is for another platform. The caller closes `hold`. */
int image_open(
        struct arena *arena, const struct engine_options *options, const char *words,
        const struct image_platform *platform, struct engine_image *ret_image);

/* Open the store of images. -ENOENT without a trail: there is none yet, and it was not to be made. */
int image_open_store(
        struct arena *arena, const struct engine_options *options, bool make,
        struct layout *ret_layout);

/* Which image of the index is meant: its place. -ENOENT with a trail; -EEXIST: the beginning of an id is that of
 * several. *ret_by_name: it was called by the name that stands there. */
int image_find(
        const struct layout *layout, struct arena *arena, const struct image_index *index,
        const char *words, size_t *ret_at, bool *ret_by_name);
