/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store: the names of a layer that becomes an image. */
#pragma once

#include "erofs.h"
#include "tar.h"

/* What is known of a layer while its image is written: a name for each entry, where inodes are, and of directories all
 * that they say. A path leads nowhere else. Nothing is removed: a name is given to something else, and what
 * it was of is not reached any more. Numbers of items begin with 1. */

enum {
        FLAT_CHUNK = 4096,
        FLAT_CHUNKS = 1024,
        FLAT_HEAD_BITS = 16, /* of the table of names, which has as many heads as names at least */
        FLAT_TOP = 1,        /* the root's directory */
        FLAT_WHITEOUT = 1,   /* the inode of all whiteouts */
};

struct flat_name {
        const char *text;
        uint32_t dir;     /* that it stands in */
        uint32_t next;    /* of the same head */
        uint32_t sibling; /* the one before it in that directory */
        uint32_t ref;     /* what it is of: a directory or an inode */
        uint8_t size, type;
};

struct flat_inode {
        uint64_t nid;
        const char *target; /* of a symbolic link */
        uint32_t links;     /* counted at the end */
};

struct flat_directory {
        struct erofs_inode inode;
        struct erofs_place place;
        char *xattrs; /* the inode's, where there is room for xattrs_room bytes */
        size_t xattrs_room;
        uint32_t parent, last; /* last: the name that came last */
        bool opaque;
};

/* Items that never move, numbered from 1. */
struct flat_table {
        size_t size; /* of an item */
        uint32_t n;
        char *chunks[FLAT_CHUNKS];
};

struct flat_tree {
        struct arena arena;
        struct flat_table names, inodes, directories;
        uint64_t seed;
        uint32_t *heads;
        unsigned head_bits;
};

/* In zeroed memory. The end is arena_free(). */
void flat_tree_begin(struct flat_tree *tree);

static inline void *flat_item(const struct flat_table *table, uint32_t number)
{
        return table->chunks[number / FLAT_CHUNK] + number % FLAT_CHUNK * table->size;
}

static inline struct flat_name *flat_name_at(const struct flat_tree *tree, uint32_t number)
{
        return flat_item(&tree->names, number);
}

static inline struct flat_inode *flat_inode_at(const struct flat_tree *tree, uint32_t number)
{
        return flat_item(&tree->inodes, number);
}

static inline struct flat_directory *flat_directory_at(
        const struct flat_tree *tree, uint32_t number)
{
        return flat_item(&tree->directories, number);
}

static inline bool flat_is_whiteout(const struct flat_name *name)
{
        return name->type == EROFS_CHAR && name->ref == FLAT_WHITEOUT;
}

/* The numbers of new items; 0: there are as many as there can be. */
uint32_t flat_add_item(struct flat_tree *tree, struct flat_table *table);
uint32_t flat_add_name(struct flat_tree *tree, uint32_t dir, const char *text, size_t size);
/* One that an archive only implies: root's, and as old as the entry in it (or NULL). */
uint32_t flat_add_directory(struct flat_tree *tree, const struct tar_entry *entry);
/* -E2BIG with a trail. */
int flat_too_many(const struct tar_entry *entry);

/* The name in a directory, or 0. */
uint32_t flat_find(struct flat_tree *tree, uint32_t dir, const char *text, size_t size);
/* A name becomes that of a new directory, which is opaque where it was a whiteout. */
int flat_put_directory(
        struct flat_tree *tree, const struct tar_entry *entry, uint32_t number, uint32_t *ret);

/* A way through the tree. */
struct flat_way {
        struct flat_tree *tree;
        const struct tar_entry *entry;
        uint32_t dir; /* where it has come */
        int links;
        uint32_t made;     /* directories, */
        size_t made_bytes; /* and bytes of their names */
        uint32_t steps;    /* components that were looked up, as rootpath_count() counts them */
};

/* Further, by a path in which symbolic links are followed inside the tree. `make`: what is missing on it is made, also
 * where a whiteout is, but not where a link leads. -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG; -E2BIG with a trail. */
int flat_follow(struct flat_way *way, const char *path, bool make);
