/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "inflate.h"

#include <limits.h>
#include <zlib.h>

static inline unsigned zlib_bounded(size_t size)
{
        return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

/* What is to be read and where to write, as zlib has it. */
static inline void zlib_lend(z_stream *stream, const struct inflating *work)
{
        stream->next_in = (Bytef *)(uintptr_t)work->in;
        stream->avail_in = zlib_bounded(work->in_size);
        stream->next_out = work->out;
        stream->avail_out = zlib_bounded(work->out_size);
}

/* How far it came. */
static inline void zlib_take(const z_stream *stream, struct inflating *work)
{
        work->in_size -= (size_t)(stream->next_in - work->in);
        work->in = stream->next_in;
        work->out_size -= (size_t)(stream->next_out - work->out);
        work->out = stream->next_out;
}
