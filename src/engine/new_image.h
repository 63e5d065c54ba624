/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: images that are made here, of layers that are in the store. */
#pragma once

#include "pull.h"

/* What is to be made of a base, or (NULL) of nothing: its layers and one more. */
struct new_image {
        const struct layout_image *base;
        struct image_defaults defaults; /* the member "config" */
        const char *os, *architecture, *variant;
        struct image_descriptor layer;      /* digest and size of its blob, which is in the store */
        enum image_compression compression; /* of that */
        const char *diff_id;
        const char *created_by, *comment, *author; /* of the last step; NULL: not said */
        const char *name;                          /* full reference, or NULL */
        bool docker;                               /* documents of Docker's types */
};

/* Write its documents, see that all of its layers are unpacked, and give it its name. */
int new_image_record(
        struct pull *pull, const struct new_image *image, struct pull_result *ret_result);

/* -- import.c -- */

/* How a file is compressed, by its first bytes. -EOPNOTSUPP with a trail: in a way that is known by name alone. */
int import_compression(int fd, enum image_compression *ret_compression);
/* All that can be read from `from`, written to `to` (NO_FD: nowhere): its digest and size. */
int import_copy(struct arena *arena, int from, int to, struct image_descriptor *ret_blob);

/* -- image_change.c -- */

/* Instructions of a Dockerfile; what `defaults` points to stays as it is. */
int change_defaults(
        struct arena *arena, struct image_defaults *defaults, const struct words *changes);
/* NAME=VALUE each, in the place of what has that name; the list is made anew. */
void change_env(struct arena *arena, struct spec_texts *env, const struct spec_texts *changes);
void change_labels(struct arena *arena, struct spec_map *labels, const struct spec_map *changes);
/* Of words NAME or NAME=VALUE that one which is the last of its name, in its place; how many are left. */
size_t change_keep_last(struct arena *arena, const char **words, size_t n);
