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

/* -- image_index.c: names, and what they hold -- */

struct image_name {
        const char *digest, *media_type; /* of the manifest */
        int64_t size;
        const char *name;   /* full reference; NULL: none */
        const char *source; /* digest of the index that it was chosen from, or NULL */
};

/* Let the index name an image whose blobs are there. Another one that had the name stays without. *ret_changed:
 * it was not so before. */
int image_record(
        const struct layout *layout, struct arena *arena, const struct image_name *name,
        bool *ret_changed);
/* One entry less. */
void image_drop_entry(struct image_descriptor_list *list, size_t at);
/* The name of what comes from a file or directory `path`, where it is called `name` (or NULL): full, or
 * "localhost/FILE:NAME"; NULL when none can be made. */
const char *image_local_name(struct arena *arena, const char *path, const char *name);

/* A container that was made of an image. */
struct image_user {
        const char *id, *name;
        const char *image;        /* digest of its configuration; NULL: it does not say */
        struct spec_texts layers; /* hexadecimal digits of their diff_ids */
        bool running;
};

int image_users(
        struct arena *arena, const struct engine_options *options, struct image_user **ret_users,
        size_t *ret_n);
/* Remove what no image and no container refers to, if nobody else is using the store; what goes wrong is a
 * warning. The store may be used no more. */
void image_collect(
        struct arena *arena, const struct engine_options *options, struct layout *layout);
