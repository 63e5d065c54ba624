/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the thread behind the one that receives. It pulls: the archive's reader asks for bytes,
 * which are inflated and hashed a buffer at a time as they come through the channel. Behind the archive's end
 * the rest of the stream is inflated, too, since the digest of a layer is that of all its bytes. Whether it is
 * the right one is for husk to say, which publishes nothing before. */
#include "unpack.h"

#include "fetch.h"
#include "inflate.h"
#include "linux/linux.h"
#include "store/store.h"

#define BUFFER_SIZE ((size_t)64 << 10)
#define DATA_SIZE   ((size_t)32 << 10)

struct unpacking {
        struct unpack *unpack;
        struct inflater inflater;
        struct digest digest;
        uint64_t bytes;  /* inflated so far */
        size_t at, used; /* of `buffer`: what the archive's reader has not had yet */
        uint8_t buffer[BUFFER_SIZE];
        char data[DATA_SIZE];
        struct stream_writer writer;
};

/* Fill the buffer, which is empty, as far as bytes are at hand: 0 at the end of the stream. */
static ssize_t refill(struct unpacking *u)
{
        struct inflating work = { .out = u->buffer, .out_size = BUFFER_SIZE };
        struct channel *channel = u->unpack->channel;

        while (work.out_size == BUFFER_SIZE) {
                const void *bytes;
                size_t size = channel_peek(channel, &bytes);
                int r;

                work.in = bytes;
                work.in_size = size;
                r = inflater_run(&u->inflater, &work);
                if (r < 0)
                        return r;
                channel_take(channel, size - work.in_size);
                if (!size && work.out_size == BUFFER_SIZE) {
                        r = inflater_finish(&u->inflater);
                        return r;
                }
        }
        u->at = 0;
        u->used = BUFFER_SIZE - work.out_size;
        u->bytes += u->used;
        if (u->bytes > u->unpack->bytes_max)
                return trail(
                        -E2BIG, "inflated it has more than %llu bytes",
                        (unsigned long long)u->unpack->bytes_max);
        digest_add(&u->digest, u->buffer, u->used);
        return (ssize_t)u->used;
}

static ssize_t give(void *context, void *buffer, size_t size)
{
        struct unpacking *u = context;

        if (u->at == u->used) {
                ssize_t r = refill(u);

                if (r <= 0)
                        return r;
        }
        if (size > u->used - u->at)
                size = u->used - u->at;
        memcpy(buffer, u->buffer + u->at, size);
        u->at += size;
        return (ssize_t)size;
}

/* Who unpacks knows why it has given up, and says so to husk itself. */
static int written(int r)
{
        return r < 0 ? trail(r, "cannot write the records of its entries: %m") : 0;
}

static int run(struct unpacking *u)
{
        struct tar_reader reader;
        ssize_t n = 1;
        int r = inflater_begin(&u->inflater, u->unpack->compression);

        if (r == 0)
                r = digest_begin(&u->digest);
        if (r == 0)
                r = written(stream_begin(&u->writer, u->unpack->records));
        if (r < 0)
                return r;
        tar_begin(&reader, give, u);
        r = stream_archive(&u->writer, &reader, u->data, sizeof u->data);
        tar_end(&reader);
        while (r == 0 && n > 0)
                n = refill(u);
        if (r == 0)
                r = (int)n;
        if (r == 0)
                r = written(stream_end(&u->writer));
        if (r == 0)
                u->unpack->diff_id = digest_end(&u->unpack->arena, &u->digest);
        return r;
}

void *unpack_run(void *context)
{
        struct unpack *unpack = context;
        auto_arena arena = { 0 };
        struct unpacking *u = arena_new(&arena, struct unpacking);

        trail_own(&unpack->trail);
        u->unpack = unpack;
        unpack->error = run(u);
        if (unpack->error < 0)
                channel_abandon(unpack->channel);
        inflater_free(&u->inflater);
        digest_free(&u->digest);
        file_close(&unpack->records);
        return NULL;
}
