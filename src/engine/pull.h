/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: how an image comes into the store, from wherever. */
#pragma once

#include "image.h"
#include "registry/registry.h"

/* Where an image comes from. */
struct origin {
        const char *words;           /* as the user wrote it */
        int dir;                     /* O_PATH of an OCI image layout, or NO_FD: a registry */
        struct registry_place place; /* the registry */
        const char *wanted; /* the tag or digest there; of a layout NULL: the only one there is */
        const char *name;   /* full reference to be recorded, or NULL */
        struct spec_map paths; /* of a layout: digests whose files have other names than it says */
};

struct pull {
        struct arena *arena;
        const struct pull_request *request;
        struct layout layout;
        struct origin origin;
        struct registry registry; /* the helper, when it was needed so far */
        int ns;                   /* user namespace of the layers' files, or NO_FD */

        struct image_descriptor top; /* what is recorded: its manifest */
        const char *source;          /* digest of the index that it was chosen from, or NULL */
        struct text manifest_bytes, config_bytes;
        const struct image_manifest *manifest; /* NULL: it is to be found */
        const struct image_config *config;
};

/* Open the store for it; and the end, whatever happened before. */
int pull_begin(struct pull *pull);
void pull_end(struct pull *pull);
/* Instead of asking the origin: this is the manifest. */
int pull_parse_manifest(struct pull *pull, const struct text *bytes);
/* All from an open origin, whose `dir` stays the caller's: documents, layers, and the name. */
int pull_image(struct pull *pull, struct pull_result *ret_result);

/* The helper, started when it is first needed. */
int pull_start_helper(struct pull *pull);
/* A blob of the origin's layout: its descriptor, a file of that size. */
int pull_open_local(const struct pull *pull, const struct image_descriptor *blob);
/* pull_layers.c: a layer whose blob is in the store; what digest its content has is found out. */
int pull_layer(struct pull *pull, const struct image_descriptor *layer, const char **ret_diff_id);
/* Is a layer that is kept as an image still what its blob, which is in the store, gives? */
int pull_compare_layer(
        struct pull *pull, const struct image_descriptor *layer, const char *diff_id,
        bool *ret_same);
/* Every layer of `config` in the store, blobs and directories. */
int pull_layers(struct pull *pull);

/* -- pull_local.c: what is in a file or directory --------------------------------------------------------- */

/* All of an image from there, with pull_begin(). */
int pull_local(struct pull *pull, const struct local_place *place, struct pull_result *ret_result);
/* What the index of the origin's layout has for what is wanted. */
int pull_read_layout(struct pull *pull, struct image_descriptor *ret);

/* -- archive.c: a tar file with images in it ------------------------------------------------------------- */

/* Unpack it: its files are in the origin's `dir` until the work is dropped. */
int archive_open(struct pull *pull, int source, struct layout_work *ret_work);
/* A small file of it; -ENOENT without a trail. */
int archive_read(struct pull *pull, const char *path, struct text *ret);
/* Docker's list of images, manifest.json; what an item of it is called; and that one as what is pulled. */
int archive_list(struct pull *pull, const struct text *bytes, const struct json **ret_list);
struct spec_texts archive_names(struct pull *pull, const struct json *item);
int archive_image(struct pull *pull, const struct json *item);
