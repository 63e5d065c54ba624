/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's bytes to the records of its entries. */
#pragma once

#include "channel.h"
#include "spec/spec.h"

struct unpack {
        struct channel *channel; /* where the blob's bytes come from */
        enum image_compression compression;
        uint64_t bytes_max;
        int records;         /* pipe; closed at the end of the records */
        struct arena arena;  /* of the result; one of its own, since an arena is for one thread */
        const char *diff_id; /* the result */
        int error;           /* or what went wrong, with words and hint in `trail` */
        struct trail_space trail;
};

/* A thread's start routine, of a struct unpack: inflate, hash, read the archive, write records, up to the end or an error. */
void *unpack_run(void *context);
