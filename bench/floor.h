/* SPDX-License-Identifier: Apache-2.0 */
/* What the floors share: they check that a call worked, and no more. */
#pragma once

#include <err.h>
#include <fcntl.h>
#include <unistd.h>

enum {
        LAST_CAP = 40
};

/* CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE */
#define KEPT ((1u << 29) | (1u << 5) | (1u << 10))

#define must(call)                                                        \
        do {                                                              \
                if ((call) < 0)                                           \
                        err(125, "%s:%d: %s", __FILE__, __LINE__, #call); \
        } while (0)

/* The first read(2) of a file, and a NUL; its size. */
static size_t slurp(const char *path, char *buffer, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

        if (n < 0)
                err(125, "%s", path);
        close(fd);
        buffer[n] = '\0';
        return (size_t)n;
}
