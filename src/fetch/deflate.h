/* SPDX-License-Identifier: Apache-2.0 */
/* Compression of streams, into what inflate.h reads. */
#pragma once

#include "inflate.h"

struct deflater {
        enum image_compression compression;
        bool fast;   /* gzip by ISA-L */
        void *state; /* of the library */
};

/* Level 0: what is fast and good enough; else 1 to 9 (gzip) or 19 (zstd), as those programs have them. -EINVAL,
 * -ENOMEM with a trail. */
int deflater_begin(struct deflater *deflater, enum image_compression compression, int level);
/* Do what can be done. `last`: nothing comes behind what is at hand. 1: the stream is complete; 0: nothing is at hand
 * any more, or no room is left. -EIO with a trail. */
int deflater_run(struct deflater *deflater, struct inflating *work, bool last);
void deflater_free(struct deflater *deflater);

/* ISA-L's, where there is one (gzip_isal.c). NULL: there is none, or no memory. */
void *gzip_fast_new(void);
void gzip_fast_free(void *state);
int gzip_fast_run(void *state, struct inflating *work, bool last);
