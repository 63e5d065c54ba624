/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that read a tar stream only. */
#pragma once

#include "store.h"

enum {
        BLOCK = 512
};

struct tar_header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
        char magic[8], user[32], group[32], major[8], minor[8];

        union {
                char prefix[155]; /* ustar, pax */

                struct { /* GNU */
                        char atime[12], ctime[12], offset[12], long_names[4], unused;
                        char pieces[4][24];
                        char extended, real_size[12];
                } gnu;
        };

        char rest[12];
};

_Static_assert(sizeof(struct tar_header) == BLOCK, "a header is one block");

/* What the headers before an entry say about it. */
struct tar_wish {
        const char *path, *link;
        bool has_size, has_uid, has_gid, has_mtime, has_real_size, in_data;
        uint64_t size, uid, gid, real_size;
        int64_t mtime_s;
        uint32_t mtime_ns;
        struct tar_xattr *xattrs;
        size_t n_xattrs;
        struct tar_piece *pieces;
        size_t n_pieces, room;
};

/* A sentence about the present entry into the trail; returns `error`. */
int tar_broken(struct tar_reader *reader, int error, const char *path, const char *what);
/* All of `size` bytes, or an error: the archive ends before. */
int tar_need(struct tar_reader *reader, void *buffer, size_t size);
int tar_skip(struct tar_reader *reader, uint64_t size);
/* What fills so many bytes up to a block. */
unsigned tar_padding(uint64_t size);
/* Octal digits with spaces before and a space or NUL behind; empty is 0. Or, with the first bit set, binary
 * (GNU, star). */
bool tar_number(const char *field, size_t size, int64_t *ret_value);

/* Its form's name, and its sum: the last things to be written into it. */
void tar_seal_header(struct tar_header *header);

/* tar_sparse.c: where the pieces of a sparse file are said to go. */
int tar_add_piece(struct tar_reader *reader, struct tar_wish *wish, uint64_t offset, uint64_t size);
/* Type 'S': four pieces in the header, 21 in each block behind it as long as there are more. */
int tar_read_gnu_map(
        struct tar_reader *reader, struct tar_wish *wish, const struct tar_header *header);
/* pax 1.0: before the data. */
int tar_read_data_map(struct tar_reader *reader, struct tar_wish *wish);
/* The pieces lie one behind the other, within the file, and are all the data that there are. */
int tar_check_pieces(struct tar_reader *reader, const struct tar_wish *wish, const char *path);
/* One of GNU tar's own records of pax, behind "GNU.sparse."; those that say nothing new (numblocks, the
 * version's minor) are passed over. */
int tar_take_sparse(struct tar_reader *reader, struct tar_wish *wish, const char *key, char *value);

/* tar_pax.c: "LENGTH KEY=VALUE\n", where LENGTH is that of all of it; the bytes are cut up. */
int tar_parse_records(struct tar_reader *reader, struct tar_wish *wish, char *at, size_t size);
