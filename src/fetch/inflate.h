/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression of streams: gzip with any number of members, zstd with any number of frames, and none. */
#pragma once

#include "spec/spec.h"

struct inflater {
        enum image_compression compression;
        void *state; /* of the library */
        bool within; /* a member or frame has begun and not ended */
        bool any;    /* there was one */
};

/* What is at hand of the stream, and room for what it becomes; moved on by inflater_run(). */
struct inflating {
        const uint8_t *in;
        size_t in_size;
        uint8_t *out;
        size_t out_size;
};

/* -ENOMEM with a trail. */
int inflater_begin(struct inflater *inflater, enum image_compression compression);
/* Do what can be done: nothing is at hand afterwards, or no room is left. -EBADMSG with a trail: the stream is
 * broken. */
int inflater_run(struct inflater *inflater, struct inflating *work);
/* Nothing more comes: 0, or -EBADMSG with a trail when something had to. */
int inflater_finish(const struct inflater *inflater);
void inflater_free(struct inflater *inflater);

/* One gzip member, by whichever library there is (gzip_isal.c, gzip_zlib.c). */
void *gzip_new(void); /* NULL: no memory */
void gzip_free(void *state);
void gzip_again(void *state); /* for the next member */
/* 1: the member has ended; 0: not yet; -EBADMSG. */
int gzip_run(void *state, struct inflating *work);
