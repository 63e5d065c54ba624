/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "store/store.h"

#include <stdlib.h>

#include <sys/mman.h>

/* Theory of operation: the input is an image of a layer, as a writer that was taken over might leave it. Its parts
 * are the superblock, the root, and what comes behind the room that a root may need; between them it is all zeros. */

enum {
        SUPER_AT = 1024,
        SUPER_SIZE = 128,
        ROOT_AT = 1 * EROFS_BLOCK,
        ROOT_SIZE = 512,
        REST_AT = 67 * EROFS_BLOCK,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void look(const struct erofs_image *image, const char *path)
{
        struct erofs_file file;
        char buffer[4096];
        size_t part;

        if (erofs_look(image, path, &file) < 0)
                return;
        erofs_is_opaque(image, &file);
        part = file.size < sizeof buffer ? (size_t)file.size : sizeof buffer;
        erofs_read(image, &file, 0, buffer, part);
        erofs_read(image, &file, file.size - part, buffer, part);
        if (erofs_read(image, &file, file.size, buffer, 1) == 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const struct {
                uint64_t at;
                size_t most;
        } parts[] = { { SUPER_AT, SUPER_SIZE }, { ROOT_AT, ROOT_SIZE }, { REST_AT, SIZE_MAX } };

        auto_close fd = memfd_create("image", MFD_CLOEXEC);
        struct erofs_image image;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                const size_t part = size < parts[i].most ? size : parts[i].most;

                if (fd < 0 || tree_write(fd, parts[i].at, bytes, part) < 0)
                        abort();
                bytes += part;
                size -= part;
        }
        if (erofs_open(fd, &image) < 0)
                return 0;
        look(&image, ".");
        look(&image, "etc");
        look(&image, "etc/passwd");
        look(&image, "a/b/c");
        return 0;
}
