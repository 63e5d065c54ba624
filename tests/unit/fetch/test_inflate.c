/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of gzip(1) and libzstd, in pieces of many sizes, whole, cut and broken. */
#include "fetch/inflate.h"
#include "tap.h"

#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

struct bytes {
        uint8_t *at;
        size_t size;
};

static struct bytes plain, streams[3];

static struct bytes read_all(FILE *stream)
{
        struct bytes all = { malloc(1 << 20), 0 };

        CHECK(stream && all.at);
        all.size = fread(all.at, 1, 1 << 20, stream);
        return all;
}

static void make_streams(void)
{
        const char *path = tap_source_path("ARCHITECTURE.md");
        char command[4200];
        FILE *stream = fopen(path, "re");

        plain = read_all(stream);
        fclose(stream);
        snprintf(command, sizeof command, "gzip -c '%s'", path);
        stream = popen(command, "re");
        streams[IMAGE_GZIP] = read_all(stream);
        CHECK_INT(pclose(stream), 0);
        streams[IMAGE_PLAIN] = plain;
        streams[IMAGE_ZSTD].at = malloc(1 << 20);
        streams[IMAGE_ZSTD].size =
                ZSTD_compress(streams[IMAGE_ZSTD].at, 1 << 20, plain.at, plain.size, 3);
        CHECK(plain.size > 10000 && streams[IMAGE_GZIP].size > 1000 &&
              !ZSTD_isError(streams[IMAGE_ZSTD].size));
}

/* All of it, in pieces: the size of what comes out, or the error. `out` may be NULL. */
static ssize_t inflate_all(
        enum image_compression compression, struct bytes stream, size_t in_step, size_t out_step,
        uint8_t *out)
{
        struct inflater inflater;
        uint8_t *piece = malloc(out_step), *in = malloc(in_step);
        struct inflating work = { 0 };
        size_t at = 0, done = 0;
        int r = inflater_begin(&inflater, compression);

        while (r == 0) {
                size_t n;

                if (!work.in_size) {
                        /* A buffer of its own, so that a step outside is seen. */
                        work.in_size = in_step < stream.size - at ? in_step : stream.size - at;
                        memcpy(in, stream.at + at, work.in_size);
                        work.in = in;
                        at += work.in_size;
                }
                work.out = piece;
                work.out_size = out_step;
                r = inflater_run(&inflater, &work);
                n = out_step - work.out_size;
                if (out && r == 0)
                        memcpy(out + done, piece, n);
                done += n;
                if (r == 0 && !work.in_size && at == stream.size && !n) {
                        r = inflater_finish(&inflater);
                        break;
                }
        }
        inflater_free(&inflater);
        free(piece);
        free(in);
        return r < 0 ? r : (ssize_t)done;
}

static struct bytes twice(struct bytes once)
{
        struct bytes both = { malloc(2 * once.size), 2 * once.size };

        memcpy(both.at, once.at, once.size);
        memcpy(both.at + once.size, once.at, once.size);
        return both;
}

TEST(pieces_of_all_sizes)
{
        static const size_t steps[] = { 1, 2, 3, 7, 8, 9, 64, 1000, 1 << 17 };
        uint8_t *out = malloc(1 << 20);

        make_streams();
        for (int c = IMAGE_PLAIN; c <= IMAGE_ZSTD; c++)
                for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                                CHECK_INT(
                                        inflate_all(
                                                (enum image_compression)c, streams[c], steps[i],
                                                steps[k], out),
                                        plain.size);
                                CHECK(!memcmp(out, plain.at, plain.size));
                        }
        free(out);
}

/* Every field a header can have, in pieces of every size; what was on the stack is not what it was. */
TEST(headers_in_pieces)
{
        static const uint8_t fields[] = { 0x1f, 0x8b, 8,   2 | 4 | 8 | 16,
                                          1,    2,    3,   4,
                                          0,    3,    5,   0,
                                          'e',  'x',  't', 'r',
                                          'a',  'n',  'a', 'm',
                                          'e',  0,    'w', 'o',
                                          'r',  'd',  's', 0 };
        static const size_t steps[] = { 1, 2, 3, 5, 11, 13, 29, 4096 };
        const size_t old = 10 + strlen("ARCHITECTURE.md") + 1, size = sizeof fields;
        uint8_t *out = malloc(1 << 20);
        struct bytes stream;
        uint32_t crc;

        make_streams();
        stream.size = streams[IMAGE_GZIP].size - old + size + 2;
        stream.at = malloc(stream.size);
        memcpy(stream.at, fields, size);
        crc = (uint32_t)crc32(0, fields, (unsigned)size) & 0xffff;
        stream.at[size] = crc & 0xff;
        stream.at[size + 1] = (uint8_t)(crc >> 8);
        memcpy(stream.at + size + 2, streams[IMAGE_GZIP].at + old, stream.size - size - 2);
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                CHECK_INT(inflate_all(IMAGE_GZIP, stream, steps[i], 1 << 17, out), plain.size);
                CHECK(!memcmp(out, plain.at, plain.size));
        }
        stream.at[size] ^= 1; /* the header's sum */
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                CHECK_INT(inflate_all(IMAGE_GZIP, stream, steps[i], 1 << 17, NULL), -EBADMSG);
        free(stream.at);
        free(out);
}

TEST(two_members)
{
        static const size_t steps[] = { 1, 5, 4096, 1 << 17 };
        uint8_t *out = malloc(1 << 20);

        make_streams();
        for (int c = IMAGE_GZIP; c <= IMAGE_ZSTD; c++)
                for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                        struct bytes both = twice(streams[c]);

                        CHECK_INT(
                                inflate_all(
                                        (enum image_compression)c, both, steps[i], 1 << 17, out),
                                2 * plain.size);
                        CHECK(!memcmp(out + plain.size, plain.at, plain.size));
                        free(both.at);
                }
        free(out);
}

TEST(cut_anywhere)
{
        make_streams();
        for (int c = IMAGE_GZIP; c <= IMAGE_ZSTD; c++)
                for (size_t size = 0; size < streams[c].size;
                     size += size < 40 || size > streams[c].size - 40 ? 1 : 97) {
                        struct bytes cut = { streams[c].at, size };

                        CHECK_INT(
                                inflate_all((enum image_compression)c, cut, 1 << 17, 1 << 17, NULL),
                                -EBADMSG);
                }
}

TEST(what_stands_behind)
{
        make_streams();
        for (int c = IMAGE_GZIP; c <= IMAGE_ZSTD; c++) {
                struct bytes more = { malloc(streams[c].size + 16), streams[c].size + 16 };

                memset(more.at + streams[c].size, 'x', 16);
                memcpy(more.at, streams[c].at, streams[c].size);
                CHECK_INT(
                        inflate_all((enum image_compression)c, more, 1 << 17, 1 << 17, NULL),
                        -EBADMSG);
                CHECK_INT(inflate_all((enum image_compression)c, more, 1, 1 << 17, NULL), -EBADMSG);
                free(more.at);
        }
}

TEST(a_wrong_checksum)
{
        make_streams();
        streams[IMAGE_GZIP].at[streams[IMAGE_GZIP].size - 6] ^= 1;
        CHECK_INT(inflate_all(IMAGE_GZIP, streams[IMAGE_GZIP], 1 << 17, 1 << 17, NULL), -EBADMSG);
}
