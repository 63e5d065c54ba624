/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed streams from anybody. The first byte says which kind and in what pieces; whatever the pieces, the
 * same comes out. */
#include "fetch/inflate.h"

#include <stdlib.h>

#define OUT_MAX ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* How much comes out (at most about OUT_MAX) with its sum, or the error. */
static int64_t run(
        enum image_compression compression, const uint8_t *bytes, size_t size, size_t step)
{
        static uint8_t out[1 << 12];
        struct inflater inflater;
        struct inflating work = { 0 };
        uint64_t sum = 0, done = 0;
        size_t at = 0;
        int r = inflater_begin(&inflater, compression);

        while (r == 0 && done < OUT_MAX) {
                if (!work.in_size) {
                        work.in = bytes + at;
                        work.in_size = step < size - at ? step : size - at;
                        at += work.in_size;
                }
                work.out = out;
                work.out_size = sizeof out;
                r = inflater_run(&inflater, &work);
                for (const uint8_t *byte = out; r == 0 && byte < work.out && done < OUT_MAX;
                     byte++, done++)
                        sum = sum * 31 + *byte;
                if (r == 0 && !work.in_size && at == size && work.out == out) {
                        r = inflater_finish(&inflater);
                        break;
                }
        }
        inflater_free(&inflater);
        /* How far it got before an error depends on the pieces. */
        return r < 0 ? r : (int64_t)(sum >> 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        enum image_compression compression;
        int64_t whole, pieces;

        trail_reset();
        if (!size)
                return 0;
        compression = bytes[0] & 1 ? IMAGE_GZIP : IMAGE_ZSTD;
        whole = run(compression, bytes + 1, size - 1, size);
        pieces = run(compression, bytes + 1, size - 1, (size_t)(bytes[0] >> 1) + 1);
        /* An error behind the bound is seen by the one or the other. */
        if (whole >= 0 && pieces >= 0 && whole != pieces)
                abort();
        return 0;
}
