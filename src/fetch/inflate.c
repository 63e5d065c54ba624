/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: three kinds of streams behind one call. A member or frame that ends is followed by
 * another or by nothing: what is no beginning of one is an error, so no byte of a blob is left unread. zstd's
 * windows are bounded by its default, 128 MiB. */
#include "inflate.h"

#include <zstd.h>

int inflater_begin(struct inflater *inflater, enum image_compression compression)
{
        *inflater = (struct inflater){ .compression = compression };
        if (compression == IMAGE_GZIP)
                inflater->state = gzip_new();
        else if (compression == IMAGE_ZSTD)
                inflater->state = ZSTD_createDStream();
        else
                return 0;
        return inflater->state ? 0 : trail(-ENOMEM, "cannot start to decompress");
}

void inflater_free(struct inflater *inflater)
{
        if (inflater->compression == IMAGE_GZIP)
                gzip_free(inflater->state);
        else if (inflater->compression == IMAGE_ZSTD)
                ZSTD_freeDStream(inflater->state);
        inflater->state = NULL;
}

static int run_plain(struct inflating *work)
{
        size_t size = work->in_size < work->out_size ? work->in_size : work->out_size;

        memcpy(work->out, work->in, size);
        work->in += size;
        work->in_size -= size;
        work->out += size;
        work->out_size -= size;
        return 0;
}

static int run_gzip(struct inflater *inflater, struct inflating *work)
{
        /* Bytes that are in the library come out without any at hand. */
        do {
                int r;

                if (!inflater->within) {
                        if (!work->in_size)
                                return 0;
                        if (inflater->any)
                                gzip_again(inflater->state);
                        inflater->within = inflater->any = true;
                }
                r = gzip_run(inflater->state, work);
                if (r < 0)
                        return trail(r, "the gzip stream is broken");
                inflater->within = r == 0;
        } while (work->in_size && work->out_size);
        return 0;
}

static int run_zstd(struct inflater *inflater, struct inflating *work)
{
        ZSTD_inBuffer in = { work->in, work->in_size, 0 };
        ZSTD_outBuffer out = { work->out, work->out_size, 0 };
        size_t r, before;

        do {
                before = in.pos + out.pos;
                if (!inflater->within && in.pos == in.size)
                        break;
                r = ZSTD_decompressStream(inflater->state, &out, &in);
                if (ZSTD_isError(r))
                        return trail(
                                -EBADMSG, "the zstd stream is broken: %s", ZSTD_getErrorName(r));
                inflater->any = true;
                inflater->within = r != 0;
        } while (out.pos < out.size && in.pos + out.pos > before);
        work->in += in.pos;
        work->in_size -= in.pos;
        work->out += out.pos;
        work->out_size -= out.pos;
        return 0;
}

int inflater_run(struct inflater *inflater, struct inflating *work)
{
        switch (inflater->compression) {
        case IMAGE_GZIP:
                return run_gzip(inflater, work);
        case IMAGE_ZSTD:
                return run_zstd(inflater, work);
        case IMAGE_PLAIN:
                break;
        }
        return run_plain(work);
}

int inflater_finish(const struct inflater *inflater)
{
        const char *name = inflater->compression == IMAGE_GZIP ? "gzip" : "zstd";

        if (inflater->compression == IMAGE_PLAIN)
                return 0;
        if (!inflater->any)
                return trail(-EBADMSG, "the %s stream is empty", name);
        return inflater->within ? trail(-EBADMSG, "the %s stream ends too early", name) : 0;
}
