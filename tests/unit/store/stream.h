/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in memory as a stream, for the tests and the fuzzer of who reads one. */
#pragma once

#include <stddef.h>
#include <string.h>

#include <sys/types.h>

struct stream {
        char *bytes;
        size_t size, at, step; /* step: how many bytes a read gives at most */
};

static inline ssize_t give(void *context, void *buffer, size_t size)
{
        struct stream *from = context;
        size_t part = from->size - from->at;

        part = part < size ? part : size;
        part = part < from->step ? part : from->step;
        memcpy(buffer, from->bytes + from->at, part);
        from->at += part;
        return (ssize_t)part;
}
