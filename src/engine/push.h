/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: images on their way to a registry. */
#pragma once

#include "image.h"
#include "remote.h"

/* A configuration or layer; one that several images have is there once. */
struct push_blob {
        struct image_descriptor blob; /* as the store has it */
        enum image_compression pack;  /* IMAGE_PLAIN: it goes as it is */
        const char *from;             /* a repository there that may have it, or NULL */
        struct image_descriptor as;   /* as the registry has it, once it is done */
        struct layout_work work;      /* what is compressed */
        unsigned request;             /* that is under way; 0: none */
        bool done;
};

struct push {
        struct arena *arena;
        const struct push_request *request;
        enum image_compression pack; /* of layers that are stored as they are */
        unsigned level;
        struct layout layout;
        struct image_index index;
        struct remote remote;
        struct push_blob *blobs;
        struct pull_layer *shown; /* one each */
        size_t n, room;
};

/* Note that the registry is to have this blob. */
void push_add(struct push *push, const struct image_descriptor *blob, bool is_layer);
/* As the registry has it. */
const struct image_descriptor *push_result_of(const struct push *push, const char *digest);
/* Have it have all that it has not yet, a few at a time. */
int push_blobs(struct push *push);
/* The media type of a layer of that type, compressed so. */
const char *push_layer_type(const char *media_type, enum image_compression compression);
/* What of the types of Docker's documents OCI calls otherwise; else the type itself. */
const char *push_oci_type(const char *media_type);
