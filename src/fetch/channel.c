/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a ring of bytes between two threads. The reader sees a piece in place and says how much
 * of it is done with, so nothing is copied for it; each side waits only when the ring is empty or full. */
#include "channel.h"

int channel_put(struct channel *channel, const void *bytes, size_t size)
{
        const char *from = bytes;

        pthread_mutex_lock(&channel->lock);
        while (size && !channel->abandoned) {
                size_t end = (channel->at + channel->used) % CHANNEL_SIZE;
                size_t room = CHANNEL_SIZE - channel->used;

                if (!room) {
                        pthread_cond_wait(&channel->change, &channel->lock);
                        continue;
                }
                if (room > CHANNEL_SIZE - end)
                        room = CHANNEL_SIZE - end;
                if (room > size)
                        room = size;
                memcpy(channel->bytes + end, from, room);
                if (!channel->used)
                        pthread_cond_signal(&channel->change);
                channel->used += room;
                from += room;
                size -= room;
        }
        pthread_mutex_unlock(&channel->lock);
        return size ? -EPIPE : 0;
}

static void set(struct channel *channel, bool *flag)
{
        pthread_mutex_lock(&channel->lock);
        *flag = true;
        pthread_cond_signal(&channel->change);
        pthread_mutex_unlock(&channel->lock);
}

void channel_end(struct channel *channel)
{
        set(channel, &channel->ended);
}

void channel_abandon(struct channel *channel)
{
        set(channel, &channel->abandoned);
}

size_t channel_peek(struct channel *channel, const void **ret_bytes)
{
        size_t size;

        pthread_mutex_lock(&channel->lock);
        while (!channel->used && !channel->ended)
                pthread_cond_wait(&channel->change, &channel->lock);
        size = channel->used;
        if (size > CHANNEL_SIZE - channel->at)
                size = CHANNEL_SIZE - channel->at;
        *ret_bytes = channel->bytes + channel->at;
        pthread_mutex_unlock(&channel->lock);
        return size;
}

void channel_take(struct channel *channel, size_t size)
{
        pthread_mutex_lock(&channel->lock);
        /* The writer waits only for a full ring; a quarter of it is worth a change of threads. */
        bool full = channel->used > CHANNEL_SIZE - CHANNEL_SIZE / 4;

        channel->at = (channel->at + size) % CHANNEL_SIZE;
        channel->used -= size;
        if (full && channel->used <= CHANNEL_SIZE - CHANNEL_SIZE / 4)
                pthread_cond_signal(&channel->change);
        pthread_mutex_unlock(&channel->lock);
}
