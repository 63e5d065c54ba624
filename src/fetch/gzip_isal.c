/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: gzip by Intel's ISA-L: it inflates at twice the speed of zlib, and deflates at five times that
 * speed into a tenth more bytes. */
#include "deflate.h"

#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdlib.h>

/* The header is read beside the rest: the library's own way of doing both in one call keeps what it knows of a header
 * on the stack, where it is lost when the header comes in pieces (seen in 2.30). */
struct unpacking {
        struct inflate_state stream;
        struct isal_gzip_header header;
        bool within; /* the header is behind us */
};

static void begin(struct unpacking *unpacking)
{
        unpacking->stream.crc_flag = ISAL_GZIP_NO_HDR_VER;
        unpacking->header = (struct isal_gzip_header){ 0 }; /* none of its words is wanted */
        unpacking->within = false;
}

void *gzip_new(void)
{
        struct unpacking *unpacking = malloc(sizeof *unpacking);

        if (unpacking) {
                isal_inflate_init(&unpacking->stream);
                begin(unpacking);
        }
        return unpacking;
}

void gzip_free(void *state)
{
        free(state);
}

void gzip_again(void *state)
{
        struct unpacking *unpacking = state;

        isal_inflate_reset(&unpacking->stream);
        begin(unpacking);
}

static uint32_t bounded(size_t size)
{
        return size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

int gzip_run(void *state, struct inflating *work)
{
        struct unpacking *unpacking = state;
        struct inflate_state *stream = &unpacking->stream;
        int r = ISAL_DECOMP_OK;

        stream->next_in = (uint8_t *)(uintptr_t)work->in;
        stream->avail_in = bounded(work->in_size);
        stream->next_out = work->out;
        stream->avail_out = bounded(work->out_size);
        if (!unpacking->within) {
                r = isal_read_gzip_header(stream, &unpacking->header);
                unpacking->within = r == ISAL_DECOMP_OK;
        }
        if (unpacking->within)
                r = isal_inflate(stream);
        work->in_size -= (size_t)(stream->next_in - work->in);
        work->in = stream->next_in;
        work->out_size -= (size_t)(stream->next_out - work->out);
        work->out = stream->next_out;
        if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT && r != ISAL_OUT_OVERFLOW)
                return -EBADMSG;
        return stream->block_state == ISAL_BLOCK_FINISH;
}

/* -- the other way ------------------------------------------------------------------------------------- */

struct packing {
        struct isal_zstream stream;
        uint8_t level[ISAL_DEF_LVL2_DEFAULT];
};

void *gzip_fast_new(void)
{
        struct packing *packing = malloc(sizeof *packing);

        if (packing) {
                isal_deflate_init(&packing->stream);
                packing->stream.level = 2;
                packing->stream.level_buf = packing->level;
                packing->stream.level_buf_size = sizeof packing->level;
                packing->stream.gzip_flag = IGZIP_GZIP;
        }
        return packing;
}

void gzip_fast_free(void *state)
{
        free(state);
}

int gzip_fast_run(void *state, struct inflating *work, bool last)
{
        struct isal_zstream *stream = &((struct packing *)state)->stream;

        stream->next_in = (uint8_t *)(uintptr_t)work->in;
        stream->avail_in = bounded(work->in_size);
        stream->next_out = work->out;
        stream->avail_out = bounded(work->out_size);
        stream->end_of_stream = last;
        if (isal_deflate(stream) != COMP_OK)
                return trail(-EIO, "ISA-L cannot go on");
        work->in_size -= (size_t)(stream->next_in - work->in);
        work->in = stream->next_in;
        work->out_size -= (size_t)(stream->next_out - work->out);
        work->out = stream->next_out;
        return stream->internal_state.state == ZSTATE_END;
}
