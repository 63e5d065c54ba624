/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: gzip by zlib, where there is no ISA-L. */
#include "deflate.h"
#include "zlib_stream.h"

#include <stdlib.h>

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

int gzip_run(void *state, struct inflating *work)
{
        z_stream *stream = state;
        int r;

        zlib_lend(stream, work);
        r = inflate(stream, Z_NO_FLUSH);
        zlib_take(stream, work);
        if (r == Z_STREAM_END)
                return 1;
        return r == Z_OK || r == Z_BUF_ERROR ? 0 : -EBADMSG;
}

void *gzip_fast_new(void)
{
        return NULL;
}

void gzip_fast_free(void *state)
{
        (void)state;
}

int gzip_fast_run(void *state, struct inflating *work, bool last)
{
        (void)state;
        (void)work;
        (void)last;
        return -EOPNOTSUPP;
}
