/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store: where what stands in an EROFS image, for who writes and who reads it. */
#pragma once

#include "store.h"

enum {
        SUPER_AT = 1024,
        SUPER_SIZE = 128,
        SLOT = 32, /* the number of an inode is its position in units of these bytes */
        INODE_SIZE = 64,
        XATTRS_HEAD = 12,
        XATTR_HEAD = 4, /* of one attribute */
        DIRENT_SIZE = 12,
        PLAIN = 0 << 1 | 1, /* formats of an inode of 64 bytes */
        TAILED = 2 << 1 | 1,
        CHUNKED = 4 << 1 | 1,
        CHUNK_FORMAT = 20 - 12, /* of a chunk's blocks the logarithm; a word of 4 bytes a chunk */
        CHUNK_WORD = 4,
        TRUSTED = 4, /* the number of a prefix of attributes' names */
};

#define SUPER_MAGIC 0xe0f5e1e2U
#define NO_BLOCK    UINT32_MAX

_Static_assert(EROFS_CHUNK == EROFS_BLOCK << CHUNK_FORMAT, "as an inode says it");
