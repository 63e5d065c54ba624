/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: the standard's own examples, and one long stream in every way of cutting it. */

static const char *digest(const char *text)
{
        static char hex[SHA256_HEX_SIZE];

        sha256_hex(text, strlen(text), hex);
        return hex;
}

/* FIPS 180-4 examples, and the lengths round the padding's border (by sha256sum(1)). */
TEST(sha256_of_the_standards_examples)
{
        CHECK_STR(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        CHECK_STR(
                digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        CHECK_STR(
                digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256_of_a_million_letters)
{
        char letters[1000], hex[SHA256_HEX_SIZE];
        struct sha256 hash;

        memset(letters, 'a', sizeof letters);
        sha256_begin(&hash);
        for (int i = 0; i < 1000; i++)
                sha256_add(&hash, letters, sizeof letters);
        sha256_end_hex(&hash, hex);
        CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However the bytes are cut. */
TEST(sha256_does_not_depend_on_the_pieces)
{
        uint8_t bytes[1000];
        char whole[SHA256_HEX_SIZE], pieces[SHA256_HEX_SIZE];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)(i * 7 + i / 251);
        for (size_t size = 0; size <= sizeof bytes; size += size < 200 ? 1 : 37) {
                sha256_hex(bytes, size, whole);
                for (size_t step = 1; step < 140; step += 3) {
                        struct sha256 hash;

                        sha256_begin(&hash);
                        for (size_t at = 0; at < size; at += step)
                                sha256_add(&hash, bytes + at, size - at < step ? size - at : step);
                        sha256_end_hex(&hash, pieces);
                        CHECK_STR(pieces, whole);
                }
        }
}
