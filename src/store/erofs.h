/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an EROFS image, from its first byte to its last; part of store.h. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

/* An uncompressed image of 4 KiB blocks. Data come first, inodes go where there is room, directories last, so
 * that nothing need be known before it comes; what was written is looked at no more.
 * Source: the kernel's Documentation/filesystems/erofs.rst. Integers are little-endian. */

enum {
        EROFS_BLOCK = 4096,
        EROFS_CHUNK = 1 << 20,     /* of a file with holes */
        EROFS_OPEN = 16,           /* blocks of inodes that have room */
        EROFS_BUFFER = 256 << 10,  /* data on their way */
        EROFS_NAME_MAX = 255,      /* bytes of one name */
        EROFS_XATTRS_MAX = 262140, /* bytes of all attributes of an inode */
};

/* 8 TiB: less than ext4 takes in one file. */
#define EROFS_BLOCKS_MAX ((uint64_t)1 << 31)
#define EROFS_CHUNKS_MAX (EROFS_BLOCKS_MAX / (EROFS_CHUNK / EROFS_BLOCK))

/* Types of directory entries. */
enum erofs_type {
        EROFS_FILE = 1,
        EROFS_DIRECTORY,
        EROFS_CHAR,
        EROFS_BLOCK_DEVICE,
        EROFS_FIFO,
        EROFS_SOCKET,
        EROFS_SYMLINK,
};

struct erofs_inode {
        mode_t mode; /* type and permissions */
        uint32_t uid, gid, links;
        uint32_t major, minor; /* of devices */
        int64_t mtime_s;
        uint32_t mtime_ns;
        const void *xattrs; /* as erofs_add_xattr() has put them together */
        size_t xattrs_size;
};

/* The attributes of an inode as they will stand there. */
struct erofs_xattrs {
        size_t size;
        char bytes[EROFS_XATTRS_MAX];
};

/* Where an inode and its content stand. */
struct erofs_place {
        uint64_t size;   /* of the content */
        uint64_t data;   /* its first block */
        uint64_t nid;    /* the inode's number, which says where it is */
        size_t head;     /* bytes of inode and attributes */
        bool is_tailed;  /* the content's last block, which is not full, stands behind these */
        bool is_chunked; /* what stands there says of each chunk whether it is a hole */
};

struct erofs_block {
        uint64_t number;
        size_t used;
        char bytes[EROFS_BLOCK];
};

struct erofs_writer {
        int fd;                 /* the file, empty at first; the caller's */
        uint64_t next;          /* the first block that nothing has */
        uint64_t spare, spares; /* blocks for inodes that were set aside, and how many */
        uint64_t inodes;
        uint64_t at; /* where the buffer belongs */
        size_t used, opened;
        bool has_chunks;        /* some file is chunked */
        uint64_t data;          /* bytes of files that are no holes of theirs */
        char tail[EROFS_BLOCK]; /* of the content that is being written */
        char buffer[EROFS_BUFFER];
        struct erofs_block open[EROFS_OPEN];
        uint8_t chunks[EROFS_CHUNKS_MAX / 8]; /* a bit for each that has data */
};

/* All that can fail gives 0 or a negative errno without a trail; -EFBIG: more than such an image can hold. */
void erofs_begin(struct erofs_writer *writer, int fd);
/* Blocks of the image, and the superblock; `root`: the root directory's place. */
int erofs_end(struct erofs_writer *writer, const struct erofs_place *root, const uint8_t uuid[16]);

/* One more attribute. -EINVAL: a name that the format has no place for; -E2BIG: too many. */
int erofs_add_xattr(struct erofs_xattrs *xattrs, const char *name, const void *value, size_t size);
/* Take one away, if it is there. */
void erofs_drop_xattr(struct erofs_xattrs *xattrs, const char *name);

/* Room for `size` bytes of an inode that will have attributes of that size. */
int erofs_place_data(
        struct erofs_writer *writer, uint64_t size, size_t xattrs_size,
        struct erofs_place *ret_place);
/* Bytes of the content, forward; what is left out is zero. */
int erofs_write(
        struct erofs_writer *writer, const struct erofs_place *place, uint64_t offset,
        const void *bytes, size_t size);
/* The inode, directly behind its content. A file in which nothing was written of some whole chunk is chunked, so that
 * lseek(2) finds its holes. */
int erofs_add_inode(
        struct erofs_writer *writer, const struct erofs_inode *inode, struct erofs_place *place);

/* For directories, whose entries name each other: a place first, and when all have one their content, of one after
 * the other. `is_root`: at the only place at which that may be. */
int erofs_place_inode(struct erofs_writer *writer, bool is_root, struct erofs_place *place);
int erofs_end_places(struct erofs_writer *writer);
int erofs_fill_inode(
        struct erofs_writer *writer, const struct erofs_inode *inode,
        const struct erofs_place *place);
/* After erofs_end_places(): the inode has this many names. */
int erofs_set_links(struct erofs_writer *writer, uint64_t nid, uint32_t links);

/* An entry of a directory. They are sorted by erofs_compare(), "." and ".." among them. */
struct erofs_name {
        const char *name;
        size_t size;
        enum erofs_type type;
        uint64_t nid;
};

int erofs_compare(const struct erofs_name *a, const struct erofs_name *b);
/* How many of the names the next block of a directory takes, and how many bytes they are; `block` (EROFS_BLOCK
 * bytes, or NULL) becomes it. */
size_t erofs_pack(const struct erofs_name *names, size_t n, char *block, size_t *ret_used);
