/* SPDX-License-Identifier: Apache-2.0 */
/* What is compressed in pieces of many sizes comes out again. */
#include "fetch/deflate.h"
#include "tap.h"

#include <stdint.h>

enum {
        PLAIN = 300000,
        ROOM = 400000,
};

static uint8_t plain[PLAIN], packed[ROOM], again[PLAIN + 1];

static void make_plain(void)
{
        for (size_t i = 0; i < PLAIN; i++)
                plain[i] = (uint8_t)(i * i / 977 % 251);
}

static size_t pack(enum image_compression compression, int level, size_t in_step, size_t out_step)
{
        struct deflater deflater;
        struct inflating work = { 0 };
        size_t at = 0, done = 0;
        int r = deflater_begin(&deflater, compression, level);

        CHECK_INT(r, 0);
        while (r == 0) {
                if (!work.in_size) {
                        work.in = plain + at;
                        work.in_size = in_step < PLAIN - at ? in_step : PLAIN - at;
                        at += work.in_size;
                }
                CHECK(done + out_step <= ROOM);
                work.out = packed + done;
                work.out_size = out_step;
                r = deflater_run(&deflater, &work, at == PLAIN);
                done += out_step - work.out_size;
        }
        CHECK_INT(r, 1);
        deflater_free(&deflater);
        return done;
}

static void check_inflates(enum image_compression compression, size_t size)
{
        struct inflater inflater;
        struct inflating work = { packed, size, again, sizeof again };

        CHECK_INT(inflater_begin(&inflater, compression), 0);
        CHECK_INT(inflater_run(&inflater, &work), 0);
        CHECK_INT(inflater_finish(&inflater), 0);
        CHECK_INT((int)work.in_size, 0);
        CHECK_INT((int)(sizeof again - work.out_size), PLAIN);
        CHECK(memcmp(again, plain, PLAIN) == 0);
        inflater_free(&inflater);
}

TEST(what_was_packed_is_inflated_again)
{
        static const size_t steps[] = { 1000, 4096, 131072, PLAIN };

        make_plain();
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                for (int level = 0; level < 4; level += 3) {
                        check_inflates(IMAGE_GZIP, pack(IMAGE_GZIP, level, steps[i], 4096));
                        check_inflates(IMAGE_ZSTD, pack(IMAGE_ZSTD, level, steps[i], 700));
                }
}

TEST(a_higher_level_is_smaller)
{
        make_plain();
        CHECK(pack(IMAGE_GZIP, 9, PLAIN, ROOM) < pack(IMAGE_GZIP, 1, PLAIN, ROOM));
        CHECK(pack(IMAGE_ZSTD, 19, PLAIN, ROOM) < pack(IMAGE_ZSTD, 1, PLAIN, ROOM));
}

TEST(levels_that_there_are_not)
{
        struct deflater deflater;

        CHECK_INT(deflater_begin(&deflater, IMAGE_GZIP, 10), -EINVAL);
        CHECK_STR(trail_text(), "level 10 is none, they go from 1 to 9");
        trail_reset();
        CHECK_INT(deflater_begin(&deflater, IMAGE_ZSTD, 20), -EINVAL);
        trail_reset();
        CHECK_INT(deflater_begin(&deflater, IMAGE_PLAIN, 0), -EINVAL);
        trail_reset();
        CHECK_INT(deflater_begin(&deflater, IMAGE_ZSTD, -1), -EINVAL);
}
