/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: gzip by ISA-L, at five times the speed of zlib, unless a level is asked for: its levels are
 * others, so zlib does what is meant. zstd by libzstd, with no more memory than three of us may have (level 19). No
 * name and no time is written down, so the same bytes give the same blob on the same machine. */
#include "deflate.h"

#include "zlib_stream.h"

#include <stdlib.h>
#include <zstd.h>

enum {
        GZIP_WINDOW = 15 + 16, /* zlib's word for a gzip header and the largest window */
        GZIP_MEMORY = 8,       /* zlib's default */
        GZIP_LEVEL_MAX = 9,
        ZSTD_LEVEL_MAX = 19,
};

static void *zlib_new(int level)
{
        z_stream *stream = calloc(1, sizeof *stream);

        if (stream && deflateInit2(
                              stream, level ? level : Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                              GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
                free(stream);
                return NULL;
        }
        return stream;
}

static void *zstd_new(int level)
{
        ZSTD_CCtx *stream = ZSTD_createCCtx();

        if (!stream)
                return NULL;
        ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
        if (level)
                ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level);
        return stream;
}

int deflater_begin(struct deflater *deflater, enum image_compression compression, int level)
{
        const int most = compression == IMAGE_GZIP ? GZIP_LEVEL_MAX : ZSTD_LEVEL_MAX;

        *deflater = (struct deflater){ .compression = compression };
        if (level < 0 || level > most)
                return trail(-EINVAL, "level %d is none, they go from 1 to %d", level, most);
        if (compression == IMAGE_ZSTD) {
                deflater->state = zstd_new(level);
        } else if (compression == IMAGE_GZIP) {
                if (!level)
                        deflater->state = gzip_fast_new();
                deflater->fast = deflater->state;
                if (!deflater->state)
                        deflater->state = zlib_new(level);
        } else {
                return trail(-EINVAL, "that is no compression");
        }
        return deflater->state ? 0 : trail(-ENOMEM, "cannot start to compress");
}

void deflater_free(struct deflater *deflater)
{
        if (deflater->compression == IMAGE_ZSTD) {
                ZSTD_freeCCtx(deflater->state);
        } else if (deflater->fast) {
                gzip_fast_free(deflater->state);
        } else if (deflater->state) {
                deflateEnd(deflater->state);
                free(deflater->state);
        }
        deflater->state = NULL;
}

static int run_zlib(z_stream *stream, struct inflating *work, bool last)
{
        int r;

        zlib_lend(stream, work);
        r = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
        zlib_take(stream, work);
        if (r == Z_STREAM_END)
                return 1;
        return r == Z_OK || r == Z_BUF_ERROR ? 0 : trail(-EIO, "zlib cannot go on");
}

static int run_zstd(ZSTD_CCtx *stream, struct inflating *work, bool last)
{
        ZSTD_inBuffer in = { work->in, work->in_size, 0 };
        ZSTD_outBuffer out = { work->out, work->out_size, 0 };
        size_t left = ZSTD_compressStream2(stream, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);

        if (ZSTD_isError(left))
                return trail(-EIO, "zstd cannot go on: %s", ZSTD_getErrorName(left));
        work->in += in.pos;
        work->in_size -= in.pos;
        work->out += out.pos;
        work->out_size -= out.pos;
        return last && !left;
}

int deflater_run(struct deflater *deflater, struct inflating *work, bool last)
{
        if (deflater->compression == IMAGE_ZSTD)
                return run_zstd(deflater->state, work, last);
        return deflater->fast ? gzip_fast_run(deflater->state, work, last)
                              : run_zlib(deflater->state, work, last);
}
