/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from the thread that receives them to the one that unpacks them. */
#pragma once

#include "base/base.h"

#include <pthread.h>

#define CHANNEL_SIZE ((size_t)128 << 10)

/* Zeroed and with its lock and condition initialised: empty and open. */
struct channel {
        pthread_mutex_t lock;
        pthread_cond_t change;
        size_t at, used; /* where the oldest byte is, and how many there are */
        bool ended;      /* no more will come */
        bool abandoned;  /* nobody reads any more */
        char bytes[CHANNEL_SIZE];
};

/* Wait for room and put all of it: 0, or -EPIPE when nobody reads any more. */
int channel_put(struct channel *channel, const void *bytes, size_t size);
/* No more will come. */
void channel_end(struct channel *channel);

/* Wait for bytes: how many stand at *ret_bytes, in one piece, until channel_take(); 0 at the end. */
size_t channel_peek(struct channel *channel, const void **ret_bytes);
void channel_take(struct channel *channel, size_t size);
/* Nobody reads any more. */
void channel_abandon(struct channel *channel);
