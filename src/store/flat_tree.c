/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: see flat_tree.h. Names stand in one table of chains, which is searched by directory and
 * text; its seed is the process's own, so that nobody can make names which all fall into one chain, and it grows with
 * them. Items lie in chunks that never move. */
#include "flat_tree.h"

#include "layer_private.h"

#include <string.h>

#include <sys/auxv.h>
#include <sys/stat.h>

enum {
        LINKS_MAX = 40 /* symbolic links on one way, as in the kernel */
};

void flat_tree_begin(struct flat_tree *tree)
{
        const void *random = (const void *)getauxval(AT_RANDOM);

        tree->names.size = sizeof(struct flat_name);
        tree->inodes.size = sizeof(struct flat_inode);
        tree->directories.size = sizeof(struct flat_directory);
        if (random)
                memcpy(&tree->seed, random, sizeof tree->seed);
        tree->head_bits = FLAT_HEAD_BITS;
        tree->heads = arena_array(&tree->arena, 1U << FLAT_HEAD_BITS, sizeof *tree->heads);
        flat_add_item(tree, &tree->inodes); /* FLAT_WHITEOUT */
        flat_add_directory(tree, NULL);     /* FLAT_TOP */
}

/* -- tables --------------------------------------------------------------------------------------------- */

uint32_t flat_add_item(struct flat_tree *tree, struct flat_table *table)
{
        const uint32_t number = table->n + 1;

        if (number / FLAT_CHUNK == FLAT_CHUNKS)
                return 0;
        if (!table->chunks[number / FLAT_CHUNK])
                table->chunks[number / FLAT_CHUNK] =
                        arena_alloc(&tree->arena, FLAT_CHUNK * table->size);
        table->n = number;
        return number;
}

static uint32_t *head_of(struct flat_tree *tree, uint32_t dir, const char *text, size_t size)
{
        uint64_t hash = tree->seed ^ dir;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (unsigned char)text[i]) * 0x9e3779b97f4a7c15U;
        return &tree->heads[hash >> (64 - tree->head_bits)];
}

/* Chains stay short, however many names there are. The heads of before stay in the arena: half as many. */
static void grow_heads(struct flat_tree *tree)
{
        tree->head_bits++;
        tree->heads = arena_array(&tree->arena, 1U << tree->head_bits, sizeof *tree->heads);
        for (uint32_t i = 1; i <= tree->names.n; i++) {
                struct flat_name *name = flat_name_at(tree, i);
                uint32_t *head = head_of(tree, name->dir, name->text, name->size);

                name->next = *head;
                *head = i;
        }
}

uint32_t flat_find(struct flat_tree *tree, uint32_t dir, const char *text, size_t size)
{
        uint32_t number = *head_of(tree, dir, text, size);

        while (number) {
                const struct flat_name *name = flat_name_at(tree, number);

                if (name->dir == dir && name->size == size && memcmp(name->text, text, size) == 0)
                        break;
                number = name->next;
        }
        return number;
}

uint32_t flat_add_name(struct flat_tree *tree, uint32_t dir, const char *text, size_t size)
{
        struct flat_directory *in = flat_directory_at(tree, dir);
        uint32_t number, *head;

        if (tree->names.n >> tree->head_bits)
                grow_heads(tree);
        number = flat_add_item(tree, &tree->names);
        if (number) {
                head = head_of(tree, dir, text, size);
                *flat_name_at(tree, number) =
                        (struct flat_name){ .text = arena_copy(&tree->arena, text, size),
                                            .dir = dir,
                                            .next = *head,
                                            .sibling = in->last,
                                            .size = (uint8_t)size };
                *head = in->last = number;
        }
        return number;
}

/* -- directories ---------------------------------------------------------------------------------------- */

uint32_t flat_add_directory(struct flat_tree *tree, const struct tar_entry *entry)
{
        uint32_t number = flat_add_item(tree, &tree->directories);

        if (number)
                flat_directory_at(tree, number)->inode =
                        (struct erofs_inode){ .mode = S_IFDIR | 0755,
                                              .mtime_s = entry ? entry->mtime_s : 0,
                                              .mtime_ns = entry ? entry->mtime_ns : 0 };
        return number;
}

int flat_too_many(const struct tar_entry *entry)
{
        return layer_refuse(entry, -E2BIG, "the layer has too many entries");
}

int flat_put_directory(
        struct flat_tree *tree, const struct tar_entry *entry, uint32_t number, uint32_t *ret)
{
        struct flat_name *name = flat_name_at(tree, number);
        const bool opaque = flat_is_whiteout(name);
        uint32_t made = flat_add_directory(tree, entry);

        if (!made)
                return flat_too_many(entry);
        flat_directory_at(tree, made)->parent = name->dir;
        flat_directory_at(tree, made)->opaque = opaque;
        name->type = EROFS_DIRECTORY;
        name->ref = made;
        *ret = made;
        return 0;
}

static int step(struct flat_way *way, const char *text, size_t size, bool make)
{
        struct flat_tree *tree = way->tree;
        uint32_t number = flat_find(tree, way->dir, text, size);
        const struct flat_name *name;
        const char *target;

        if (!number && !make)
                return -ENOENT;
        if (!number && !(number = flat_add_name(tree, way->dir, text, size)))
                return flat_too_many(way->entry);
        name = flat_name_at(tree, number);
        if (!name->type && !make)
                return -ENOENT; /* what had it has gone, and what is to have it is not there yet */
        if (!name->type || (make && flat_is_whiteout(name))) {
                way->made++;
                way->made_bytes += size;
                return flat_put_directory(tree, way->entry, number, &way->dir);
        }
        if (name->type == EROFS_DIRECTORY) {
                way->dir = name->ref;
                return 0;
        }
        if (name->type != EROFS_SYMLINK)
                return -ENOTDIR;
        if (++way->links > LINKS_MAX)
                return -ELOOP;
        target = flat_inode_at(tree, name->ref)->target;
        if (*target == '/')
                way->dir = FLAT_TOP;
        return flat_follow(way, target, false);
}

int flat_follow(struct flat_way *way, const char *path, bool make)
{
        int r = 0;

        while (r == 0 && *path) {
                size_t size = strcspn(path, "/");

                way->steps++;
                if (size == 2 && path[0] == '.' && path[1] == '.')
                        way->dir = way->dir == FLAT_TOP
                                         ? FLAT_TOP
                                         : flat_directory_at(way->tree, way->dir)->parent;
                else if (size > EROFS_NAME_MAX)
                        r = -ENAMETOOLONG;
                else if (size && !(size == 1 && path[0] == '.'))
                        r = step(way, path, size, make);
                path += size + (path[size] == '/');
        }
        return r;
}
