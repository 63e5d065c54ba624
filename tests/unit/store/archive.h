/* SPDX-License-Identifier: Apache-2.0 */
/* Archives put together by hand, for the tests of who reads them. */
#pragma once

#include "store/store.h"
#include "unit/store/stream.h"

#include <stdio.h>
#include <string.h>

static char archive_bytes[1 << 18];
static struct stream archive = { .bytes = archive_bytes };

static inline void clear(void)
{
        archive.size = archive.at = 0;
        archive.step = SIZE_MAX;
}

static void put(const void *bytes, size_t size)
{
        memcpy(archive.bytes + archive.size, bytes, size);
        archive.size += size;
}

static inline void put_data(const char *bytes, size_t size)
{
        static const char zero[512];

        put(bytes, size);
        put(zero, (512 - size % 512) % 512);
}

static void put_sum(char *header)
{
        unsigned sum = 0;

        memset(header + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
                sum += (unsigned char)header[i];
        text_format(header + 148, 8, "%06o", sum);
}

/* A ustar header; returns it, to be changed and summed again. */
static inline char *put_header(const char *name, char type, uint64_t size, const char *link)
{
        char *header = archive.bytes + archive.size;

        memset(header, 0, 512);
        memcpy(header, name, strnlen(name, 100));
        text_format(header + 100, 8, "%07o", 0644U);
        text_format(header + 108, 8, "%07o", 1U);
        text_format(header + 116, 8, "%07o", 2U);
        text_format(header + 124, 12, "%011lo", (unsigned long)size);
        text_format(header + 136, 12, "%011lo", 1700000000UL);
        header[156] = type;
        memcpy(header + 157, link, strnlen(link, 100));
        memcpy(header + 257,
               "ustar\0"
               "00",
               8);
        put_sum(header);
        archive.size += 512;
        return header;
}

static void put_records(const char *records, size_t size)
{
        put_header("pax", 'x', size, "");
        put_data(records, size);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static inline void put_record(const char *key, const char *value)
{
        char record[8192];
        size_t size = strlen(key) + strlen(value) + 3, digits = 1;

        while (text_format(record, sizeof record, "%zu", size + digits) != digits)
                digits++;
        text_format(record, sizeof record, "%zu %s=%s\n", size + digits, key, value);
        put_records(record, size + digits);
}
