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

/* The platform that these words mean, or (NULL) that of this machine. */
int image_wanted_platform(
        struct arena *arena, const char *words, struct image_platform *ret_platform);

/* Is an image with this configuration for that platform? */
bool image_is_for(const struct image_config *config, const struct image_platform *platform);

/* Find an image by its name, its id or the beginning of that, or its digest, and read it. `platform` (NULL: any)
 * is what it must be for. -ENOENT: it is not in the store, or is for another platform. The caller closes `hold`. */
int image_open(
        struct arena *arena, const struct engine_options *options, const char *words,
        const struct image_platform *platform, struct engine_image *ret_image);

/* Open the store of images. -ENOENT without a trail: there is none yet, and it was not to be made. */
int image_open_store(
        struct arena *arena, const struct engine_options *options, bool make,
        struct layout *ret_layout);

/* "There is no such image": -ENOENT with a trail. */
int image_not_found(struct arena *arena, const char *words);
/* Repository, tag and name of a full name (NULL: none), as lists show them. */
void image_name_parts(struct arena *arena, const char *full, struct image_info *info);
/* What layer.json says of a layer, and of all of an image; one that is missing or damaged counts for nothing. */
int image_layer_size(
        const struct layout *layout, struct arena *arena, const char *diff_id, uint64_t *ret_bytes);
int image_size(
        const struct layout *layout, struct arena *arena, const struct image_config *config,
        uint64_t *ret_bytes);

/* -- images in files and directories -- */

enum local_kind {
        PLACE_OCI,
        PLACE_OCI_ARCHIVE,
        PLACE_DOCKER_ARCHIVE,
};

/* "oci:DIR", "oci-archive:FILE", "docker-archive:FILE", each perhaps with ":NAME". */
struct local_place {
        enum local_kind kind;
        const char *path, *name; /* name: NULL: none was said */
};

/* Is it one? The first colon behind the kind divides, unless there is a path that is called so. pull_local.c */
bool local_place_parse(struct arena *arena, const char *words, struct local_place *ret);
/* Write an image of the store there. save.c */
int image_save_to(
        struct arena *arena, const struct engine_options *options, const char *words,
        const struct local_place *place, const char **ret_digest);

/* A file that is whole when it has that name: `write` writes it to *fd, which is filled in before. */
int image_write_file(
        struct arena *arena, const char *path, int *fd, int (*write)(void *context), void *context);

/* -- inside.c -- */

/* Work to be done; its result, of a size that inside_run() is told, goes to `ret`. */
typedef int inside_work(void *context, void *ret);
/* In a user namespace with these maps, by a process that has a copy of our memory, or (map NULL) here. At most 256
 * bytes of result. The trail is that of the work. */
int inside_run(
        const struct idmap *map, inside_work *work, void *context, void *ret_result, size_t size);

/* The lowest `n` layers of an image, the topmost of them first, as views and overlays have them. */
const char **image_layers_down(struct arena *arena, const struct engine_image *image, size_t n);

/* The ids that an ordinary user's files in the store belong to; NULL for root: ours are all. */
const struct idmap *image_ids(struct arena *arena);

/* As whom the files are to be written that a container with this document (of `name`) has made: its user namespace's
 * ids (*ret_ids, of root's containers), or (NULL) as we see them. -EINVAL with a trail: it is in another one's. */
int image_container_ids(
        struct arena *arena, const char *name, const struct spec *spec, struct tar_ids **ret_ids);

/* What a file or directory takes of the disk, whose files belong to the ids of `map` (NULL: ours). usage.c */
int usage_of(const struct idmap *map, int dir, const char *name, uint64_t *ret_bytes);

/* -- diff_images.c -- */

/* What the image `words` has changed of `of`, or (NULL) of its own layers below the topmost. */
int diff_images(
        struct arena *arena, const struct engine_options *options, const char *words,
        const char *of, struct diff_entry **ret_list, size_t *ret_n);

/* -- image_filter.c: --filter -- */

/* What the words of a filter may speak of. */
struct image_filter {
        struct arena *arena;
        const struct layout *layout;
        const struct image_index *index;
};

/* Do all words let it pass? 1, 0, or a negative errno with a trail. */
int image_passes(
        struct image_filter *filter, const struct words *words, const struct image_info *info);
/* Are they known, and is what they speak of there? What is wrong is wrong without images, too. */
int image_check_filter(struct image_filter *filter, const struct words *words);
/* "24h" (ago), a date, seconds since 1970, with a fraction or not; `option` is whose value it is. */
int filter_time(struct arena *arena, const char *option, const char *words, uint64_t *ret_ns);
/* Is there a label KEY, or KEY=VALUE? */
bool filter_label(const struct spec_map *labels, const char *wanted);

/* -- inspect_image.c -- */

/* Everything about an image, as a JSON object. */
int inspect_image(
        struct arena *arena, const struct engine_options *options, const char *words,
        struct text *out);

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

/* All containers. `all`: one that cannot be read is an error, as it has to be where something is removed that it may
 * need; else it is left out, with a warning. */
int image_users(
        struct arena *arena, const struct engine_options *options, bool all,
        struct image_user **ret_users, size_t *ret_n);
/* Remove what no image and no container refers to, if nobody else is using the store; what goes wrong is a
 * warning. The store may be used no more. */
void image_collect(
        struct arena *arena, const struct engine_options *options, struct layout *layout);
