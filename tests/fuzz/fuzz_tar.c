/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"
#include "unit/store/stream.h"

/* Theory of operation: the input is an archive whose checksums are put right first (else nothing but the
 * checksum would be tried). Read in small steps and in large ones, it must be the same. */

/* A number that differs when anything that was read does. */
static uint64_t read_all(char *bytes, size_t size, size_t step, size_t piece)
{
        struct stream input = { bytes, size, 0, step };
        struct tar_reader reader;
        struct tar_entry entry;
        uint64_t sum = 0;
        int r;

        tar_begin(&reader, give, &input);
        while ((r = tar_next(&reader, &entry)) > 0) {
                char buffer[4096];
                uint64_t offset = 0;
                ssize_t n;

                if (!*entry.path || strlen(entry.path) >= TAR_PATH_MAX || entry.mode > 07777 ||
                    entry.size > INT64_MAX)
                        __builtin_trap();
                sum = sum * 31 + entry.size + entry.uid + strlen(entry.path) + strlen(entry.link) +
                      entry.n_xattrs;
                while ((n = tar_data(&reader, buffer, piece, &offset)) > 0) {
                        if (offset + (uint64_t)n > entry.size)
                                __builtin_trap();
                        for (ssize_t i = 0; i < n; i++)
                                sum += (offset + (uint64_t)i) * (unsigned char)buffer[i];
                }
                if (n < 0) {
                        r = (int)n;
                        break;
                }
        }
        tar_end(&reader);
        return sum * 31 + (uint64_t)r;
}

static void put_sums(char *bytes, size_t size)
{
        for (size_t at = 0; at + 512 <= size; at += 512) {
                unsigned sum = 0;

                /* Only what has the form of a header: a type, and a size in octal. */
                if (bytes[at + 124] != '0')
                        continue;
                memset(bytes + at + 148, ' ', 8);
                for (size_t i = 0; i < 512; i++)
                        sum += (unsigned char)bytes[at + i];
                text_format(bytes + at + 148, 8, "%06o", sum);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        char *copy = arena_copy(&arena, (const char *)bytes, size);

        trail_reset();
        put_sums(copy, size);
        if (read_all(copy, size, SIZE_MAX, 4096) != read_all(copy, size, 7, 100))
                __builtin_trap();
        return 0;
}
