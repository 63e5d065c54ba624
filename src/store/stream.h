/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a layer on a pipe; part of store.h. */
#pragma once

#include "layer.h"

/* Between who reads an archive, and is not believed, and who writes its entries (docs/adr/0023): a pipe of
 * records in this machine's byte order, which say what tar_next() and tar_data() gave. */

#define STREAM_BUFFER ((size_t)128 << 10)
/* Bytes of one entry's names and attributes. */
#define STREAM_ENTRY_MAX (TAR_ABOUT_MAX * TAR_PAX_MAX)

struct stream_writer {
        int fd; /* a pipe; the caller's */
        size_t used;
        uint64_t entries;
        char buffer[STREAM_BUFFER];
};

/* All of these may write to the pipe, which may block: 0, or a negative errno without a trail. -EPIPE: who
 * unpacks has given up (SIGPIPE is the caller's to ignore). Nothing is there for sure before stream_end(). */
int stream_begin(struct stream_writer *writer, int fd);
int stream_entry(struct stream_writer *writer, const struct tar_entry *entry);
/* Bytes of the entry that was the last. */
int stream_data(struct stream_writer *writer, uint64_t offset, const void *bytes, size_t size);
int stream_end(struct stream_writer *writer);
/* All entries of an archive: the two above, one after the other, by way of `buffer`. What the archive's reader says
 * comes with its trail; of the pipe there is a trail here. */
int stream_archive(
        struct stream_writer *writer, struct tar_reader *reader, char *buffer, size_t size);

/* Make a layer of what comes through the pipe, up to its end: layer_add() and layer_write() for each. Nothing is
 * believed: what no archive could have said (tar.h's bounds), data out of order, and a stream that ends before it
 * says so are -EBADMSG with a trail. `layer` was begun by the caller; after an error it is aborted. */
int stream_unpack(struct layer_writer *layer, int fd);
