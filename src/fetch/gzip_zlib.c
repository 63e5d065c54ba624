/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: gzip by zlib, where there is no ISA-L. */
#include "inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum {
        GZIP_WINDOW = 15 + 16, /* zlib's word for a gzip header and the largest window */
};

void *gzip_new(void)
{
        z_stream *stream = calloc(1, sizeof *stream);

        if (stream && inflateInit2(stream, GZIP_WINDOW) != Z_OK) {
                free(stream);
                return NULL;
        }
        return stream;
}

void gzip_free(void *state)
{
        if (state)
                inflateEnd(state);
        free(state);
}

void gzip_again(void *state)
{
        inflateReset(state);
}

static unsigned bounded(size_t size)
{
        return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

int gzip_run(void *state, struct inflating *work)
{
        z_stream *stream = state;
        int r;

        stream->next_in = (Bytef *)(uintptr_t)work->in;
        stream->avail_in = bounded(work->in_size);
        stream->next_out = work->out;
        stream->avail_out = bounded(work->out_size);
        r = inflate(stream, Z_NO_FLUSH);
        work->in_size -= (size_t)(stream->next_in - work->in);
        work->in = stream->next_in;
        work->out_size -= (size_t)(stream->next_out - work->out);
        work->out = stream->next_out;
        if (r == Z_STREAM_END)
                return 1;
        return r == Z_OK || r == Z_BUF_ERROR ? 0 : -EBADMSG;
}
