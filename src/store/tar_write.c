/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tar_private.h"

#include <string.h>

/* Theory of operation: the one block before each file, and zeros behind it. What it cannot say (long names, owners,
 * links) nobody here has to say. */

static const char zeros[2 * BLOCK];

void tar_seal_header(struct tar_header *header)
{
        unsigned sum = 0;

        memcpy(header->magic,
               "ustar\0"
               "00",
               sizeof header->magic);
        memset(header->checksum, ' ', sizeof header->checksum);
        for (size_t i = 0; i < sizeof *header; i++)
                sum += ((const unsigned char *)header)[i];
        text_format(header->checksum, sizeof header->checksum - 1, "%06o", sum);
}

int tar_write_header(int fd, const char *name, uint64_t size)
{
        const size_t length = strlen(name);
        struct tar_header header = { 0 };

        if (length >= sizeof header.name || size > 077777777777)
                return -E2BIG;
        memcpy(header.name, name, length);
        text_format(
                header.mode, sizeof header.mode, "%07o", name[length - 1] == '/' ? 0755U : 0644U);
        text_format(header.uid, sizeof header.uid, "%07o", 0U);
        text_format(header.gid, sizeof header.gid, "%07o", 0U);
        text_format(header.size, sizeof header.size, "%011lo", (unsigned long)size);
        text_format(header.mtime, sizeof header.mtime, "%011o", 0U);
        header.type = name[length - 1] == '/' ? '5' : '0';
        tar_seal_header(&header);
        return file_write(fd, (const char *)&header, sizeof header);
}

int tar_write_padding(int fd, uint64_t size)
{
        return file_write(fd, zeros, tar_padding(size));
}

int tar_write_file(int fd, const char *name, const void *bytes, size_t size)
{
        int r = tar_write_header(fd, name, size);

        if (r == 0)
                r = file_write(fd, bytes, size);
        return r == 0 ? tar_write_padding(fd, size) : r;
}

int tar_write_end(int fd)
{
        return file_write(fd, zeros, sizeof zeros);
}
