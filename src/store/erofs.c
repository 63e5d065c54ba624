/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an image is written in one pass, by pwrite(2) alone.
 *
 * A file's data are whole blocks, one behind the other, at the end of what there is so far. What does not fill its
 * last block stands behind the inode, if both fit into one block (a "tail"). Inodes have blocks of their own, of
 * which a few are open at a time: each goes into the one in which the least room is left over, so that small
 * files are packed densely. These blocks are set aside by the dozen, which leaves data in long runs. The number of
 * an inode is its position in the file, in units of 32 bytes.
 *
 * Holes of sparse files, and blocks that were set aside for nothing, are holes of the image. That does not make them
 * holes for who reads the file in a mount, and goes through terabytes that an image of some KiB can claim. So a file
 * with a large hole has a table behind its inode, of where each MiB of it is, or that it is nowhere; the data stand
 * where they do without. Chunks are no smaller, so that the tables of all that an image can have are 32 MiB, and no
 * larger, so that few bytes are not many more for who copies them: it is counted what these will be. */
#include "erofs_private.h"
#include "linux/linux.h"

#include <endian.h>
#include <string.h>

enum {
        LINKS_AT = 44,    /* in an inode */
        RUN = 16,         /* blocks that are set aside at a time */
        ROOT_BLOCK = 1,   /* the superblock has 16 bits for the root's number */
        ROOT_BLOCKS = 66, /* an inode with all attributes that there can be */
};

#define COMPAT_MTIME     2U
#define INCOMPAT_CHUNKED 4U

static void put16(char *at, uint64_t value)
{
        const uint16_t word = htole16((uint16_t)value);

        memcpy(at, &word, sizeof word);
}

static void put32(char *at, uint64_t value)
{
        const uint32_t word = htole32((uint32_t)value);

        memcpy(at, &word, sizeof word);
}

static void put64(char *at, uint64_t value)
{
        const uint64_t word = htole64(value);

        memcpy(at, &word, sizeof word);
}

static size_t round_up(size_t size, size_t unit)
{
        return (size + unit - 1) / unit * unit;
}

/* -- blocks --------------------------------------------------------------------------------------------- */

static int take_blocks(struct erofs_writer *writer, uint64_t n, uint64_t *ret_first)
{
        if (n > EROFS_BLOCKS_MAX - writer->next)
                return -EFBIG;
        *ret_first = writer->next;
        writer->next += n;
        return 0;
}

static int flush(struct erofs_writer *writer)
{
        int r = writer->used ? tree_write(writer->fd, writer->at, writer->buffer, writer->used) : 0;

        writer->at += writer->used;
        writer->used = 0;
        return r;
}

static int write_at(struct erofs_writer *writer, uint64_t at, const void *bytes, size_t size)
{
        int r = 0;

        if (at != writer->at + writer->used || size > sizeof writer->buffer - writer->used) {
                r = flush(writer);
                writer->at = at;
        }
        if (r < 0)
                return r;
        /* What fills the buffer anyway is not copied. */
        if (size >= sizeof writer->buffer / 8 && writer->used == 0) {
                r = tree_write(writer->fd, at, bytes, size);
                writer->at = at + size;
                return r;
        }
        memcpy(writer->buffer + writer->used, bytes, size);
        writer->used += size;
        return 0;
}

static int write_block(struct erofs_writer *writer, struct erofs_block *block)
{
        return tree_write(
                writer->fd, block->number * EROFS_BLOCK, block->bytes, sizeof block->bytes);
}

/* Of the open blocks the one in which `size` bytes leave the least room; NULL: there is none. */
static struct erofs_block *find_room(struct erofs_writer *writer, size_t size)
{
        struct erofs_block *best = NULL;

        for (size_t i = 0; i < writer->opened; i++) {
                struct erofs_block *block = &writer->open[i];

                if (size <= EROFS_BLOCK - block->used && (!best || block->used > best->used))
                        best = block;
        }
        return best;
}

/* An empty block, in the place of the fullest one. */
static int open_block(struct erofs_writer *writer, struct erofs_block **ret_block)
{
        struct erofs_block *block = &writer->open[writer->opened];
        int r = 0;

        if (writer->opened == EROFS_OPEN) {
                block = &writer->open[0];
                for (size_t i = 1; i < EROFS_OPEN; i++)
                        if (writer->open[i].used > block->used)
                                block = &writer->open[i];
                r = write_block(writer, block);
        } else {
                writer->opened++;
        }
        if (r == 0 && writer->spares == 0) {
                r = take_blocks(writer, RUN, &writer->spare);
                writer->spares = r == 0 ? RUN : 0;
        }
        if (r < 0)
                return r;
        writer->spares--;
        block->number = writer->spare++;
        block->used = 0;
        memset(block->bytes, 0, sizeof block->bytes);
        *ret_block = block;
        return 0;
}

/* -- inodes --------------------------------------------------------------------------------------------- */

static size_t tail_size(const struct erofs_place *place)
{
        return place->is_tailed ? (size_t)(place->size % EROFS_BLOCK) : 0;
}

static bool has_data(const struct erofs_writer *writer, uint64_t chunk)
{
        return writer->chunks[chunk / 8] >> chunk % 8 & 1;
}

static uint64_t count_chunks(uint64_t size)
{
        return size / EROFS_CHUNK + (size % EROFS_CHUNK != 0);
}

static size_t table_size(const struct erofs_place *place)
{
        return place->is_chunked ? count_chunks(place->size) * CHUNK_WORD : 0;
}

/* What the table has of `n` chunks. */
static void encode_chunks(
        const struct erofs_writer *writer, const struct erofs_place *place, uint64_t chunk,
        size_t n, char *to)
{
        for (size_t i = 0; i < n; i++, chunk++)
                put32(to + i * CHUNK_WORD,
                      has_data(writer, chunk) ? place->data + chunk * (EROFS_CHUNK / EROFS_BLOCK)
                                              : NO_BLOCK);
}

static int write_chunks(struct erofs_writer *writer, const struct erofs_place *place)
{
        const uint64_t all = table_size(place) / CHUNK_WORD;
        uint64_t at = place->nid * SLOT + place->head;
        char words[EROFS_BLOCK];
        int r = 0;

        for (uint64_t chunk = 0; r == 0 && chunk < all; chunk += sizeof words / CHUNK_WORD) {
                const uint64_t rest = (all - chunk) * CHUNK_WORD;
                const size_t size = rest < sizeof words ? (size_t)rest : sizeof words;

                encode_chunks(writer, place, chunk, size / CHUNK_WORD, words);
                r = write_at(writer, at, words, size);
                at += size;
        }
        return r;
}

/* Chunks, not counting a last one that is not full, of which nothing was written. */
static uint64_t count_holes(const struct erofs_writer *writer, uint64_t size)
{
        uint64_t n = 0;

        for (uint64_t i = 0; i < size / EROFS_CHUNK; i++)
                n += !has_data(writer, i);
        return n;
}

/* What of the content would stand behind the inode goes where it is looked for, behind the other blocks. */
static int make_chunked(struct erofs_writer *writer, struct erofs_place *place)
{
        uint64_t block; /* the one behind */
        int r = 0;

        if (place->is_tailed && has_data(writer, place->size / EROFS_CHUNK)) {
                r = take_blocks(writer, 1, &block);
                if (r == 0)
                        r = write_at(writer, block * EROFS_BLOCK, writer->tail, EROFS_BLOCK);
        }
        place->is_tailed = false;
        place->is_chunked = writer->has_chunks = true;
        return r;
}

/* Room for head and tail in one block, or for a head that is larger in several; the table counts as head. *ret_at: where
 * it is in memory, or NULL when it is not. */
static int place_inode(struct erofs_writer *writer, struct erofs_place *place, char **ret_at)
{
        const size_t size = place->head + tail_size(place) + table_size(place);
        struct erofs_block *block;
        uint64_t first;
        int r = 0;

        *ret_at = NULL;
        if (size > EROFS_BLOCK) {
                r = take_blocks(writer, round_up(size, EROFS_BLOCK) / EROFS_BLOCK, &first);
                place->nid = first * (EROFS_BLOCK / SLOT);
                return r;
        }
        block = find_room(writer, size);
        if (!block)
                r = open_block(writer, &block);
        if (r < 0)
                return r;
        place->nid = (block->number * EROFS_BLOCK + block->used) / SLOT;
        *ret_at = block->bytes + block->used;
        block->used += round_up(size, SLOT);
        return 0;
}

static void encode(
        struct erofs_writer *writer, const struct erofs_inode *inode,
        const struct erofs_place *place, char to[INODE_SIZE])
{
        uint64_t where = place->size >= EROFS_BLOCK || (place->size && !place->is_tailed)
                               ? place->data
                               : NO_BLOCK;

        if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
                where = (inode->minor & 0xff) | (uint64_t)inode->major << 8 |
                        (uint64_t)(inode->minor & ~0xffU) << 12;
        if (place->is_chunked)
                where = CHUNK_FORMAT;
        memset(to, 0, INODE_SIZE);
        put16(to, place->is_chunked ? CHUNKED : place->is_tailed ? TAILED : PLAIN);
        put16(to + 2, inode->xattrs_size ? (inode->xattrs_size - XATTRS_HEAD) / 4 + 1 : 0);
        put16(to + 4, inode->mode);
        put64(to + 8, place->size);
        put32(to + 16, where);
        put32(to + 20, ++writer->inodes);
        put32(to + 24, inode->uid);
        put32(to + 28, inode->gid);
        put64(to + 32, (uint64_t)inode->mtime_s);
        put32(to + 40, inode->mtime_ns);
        put32(to + LINKS_AT, inode->links);
}

int erofs_fill_inode(
        struct erofs_writer *writer, const struct erofs_inode *inode,
        const struct erofs_place *place)
{
        const uint64_t at = place->nid * SLOT;
        char head[INODE_SIZE];
        int r;

        encode(writer, inode, place, head);
        r = write_at(writer, at, head, sizeof head);
        if (r == 0 && inode->xattrs_size)
                r = write_at(writer, at + sizeof head, inode->xattrs, inode->xattrs_size);
        if (r == 0 && place->is_tailed)
                r = write_at(writer, at + place->head, writer->tail, tail_size(place));
        if (r == 0 && place->is_chunked)
                r = write_chunks(writer, place);
        return r;
}

int erofs_add_inode(
        struct erofs_writer *writer, const struct erofs_inode *inode, struct erofs_place *place)
{
        char *to;
        const uint64_t holes = count_holes(writer, place->size);
        int r = holes ? make_chunked(writer, place) : 0;

        if (S_ISREG(inode->mode))
                writer->data += place->size - holes * EROFS_CHUNK;
        if (r == 0)
                r = place_inode(writer, place, &to);
        if (r < 0)
                return r;
        if (!to)
                return erofs_fill_inode(writer, inode, place);
        encode(writer, inode, place, to);
        if (inode->xattrs_size)
                memcpy(to + INODE_SIZE, inode->xattrs, inode->xattrs_size);
        memcpy(to + place->head, writer->tail, tail_size(place));
        encode_chunks(writer, place, 0, table_size(place) / CHUNK_WORD, to + place->head);
        return 0;
}

int erofs_place_inode(struct erofs_writer *writer, bool is_root, struct erofs_place *place)
{
        char *to;

        if (!is_root)
                return place_inode(writer, place, &to);
        place->nid = (uint64_t)ROOT_BLOCK * EROFS_BLOCK / SLOT;
        return 0;
}

int erofs_end_places(struct erofs_writer *writer)
{
        int r = flush(writer);

        for (size_t i = 0; r == 0 && i < writer->opened; i++)
                r = write_block(writer, &writer->open[i]);
        writer->opened = 0;
        return r;
}

int erofs_set_links(struct erofs_writer *writer, uint64_t nid, uint32_t links)
{
        char word[4];

        put32(word, links);
        return write_at(writer, nid * SLOT + LINKS_AT, word, sizeof word);
}

/* -- content -------------------------------------------------------------------------------------------- */

int erofs_place_data(
        struct erofs_writer *writer, uint64_t size, size_t xattrs_size,
        struct erofs_place *ret_place)
{
        struct erofs_place place = { .size = size, .head = INODE_SIZE + xattrs_size };
        const uint64_t rest = size % EROFS_BLOCK;
        int r;

        place.is_tailed = rest && place.head + rest <= EROFS_BLOCK;
        r = take_blocks(writer, size / EROFS_BLOCK + (rest && !place.is_tailed), &place.data);
        if (r < 0)
                return r;
        memset(writer->tail, 0, sizeof writer->tail);
        memset(writer->chunks, 0, size / EROFS_CHUNK / 8 + 1);
        *ret_place = place;
        return 0;
}

int erofs_write(
        struct erofs_writer *writer, const struct erofs_place *place, uint64_t offset,
        const void *bytes, size_t size)
{
        const uint64_t end = place->size - tail_size(place); /* of what stands in blocks */
        const char *from = bytes;
        int r = 0;

        for (uint64_t i = offset / EROFS_CHUNK; size && i <= (offset + size - 1) / EROFS_CHUNK; i++)
                writer->chunks[i / 8] |= (uint8_t)(1U << i % 8);
        if (offset < end) {
                size_t part = size < end - offset ? size : (size_t)(end - offset);

                r = write_at(writer, place->data * EROFS_BLOCK + offset, from, part);
                from += part;
                offset += part;
                size -= part;
        }
        if (size)
                memcpy(writer->tail + (offset - end), from, size);
        return r;
}

/* -- attributes ----------------------------------------------------------------------------------------- */

static const struct {
        const char *prefix;
        uint8_t number;
} prefixes[] = {
        { "user.", 1 },
        { "system.posix_acl_access", 2 },
        { "system.posix_acl_default", 3 },
        { "trusted.", TRUSTED },
        { "security.", 6 },
};

/* Behind the others, zeros where its bytes go; NULL: there is no room for them. */
static char *add_attribute(struct erofs_xattrs *xattrs, size_t bytes)
{
        const size_t begin = xattrs->size ? xattrs->size : XATTRS_HEAD;

        if (bytes > sizeof xattrs->bytes - begin - 4)
                return NULL;
        if (xattrs->size == 0)
                memset(xattrs->bytes, 0, XATTRS_HEAD);
        xattrs->size = round_up(begin + bytes, 4);
        memset(xattrs->bytes + begin, 0, xattrs->size - begin);
        return xattrs->bytes + begin;
}

/* ARRAY_SIZE(prefixes): there is none. */
static size_t find_prefix(const char *name)
{
        size_t i = 0;

        while (i < ARRAY_SIZE(prefixes) && !text_starts(name, prefixes[i].prefix))
                i++;
        return i;
}

int erofs_add_xattr(struct erofs_xattrs *xattrs, const char *name, const void *value, size_t size)
{
        const size_t i = find_prefix(name);
        const char *rest;
        size_t length;
        bool is_whole;
        char *at;

        if (i == ARRAY_SIZE(prefixes))
                return -EINVAL;
        is_whole = prefixes[i].number == 2 || prefixes[i].number == 3;
        rest = name + strlen(prefixes[i].prefix);
        length = strlen(rest);
        if (is_whole != (length == 0) || length > UINT8_MAX || size > UINT16_MAX)
                return -EINVAL;
        at = add_attribute(xattrs, XATTR_HEAD + length + size);
        if (!at)
                return -E2BIG;
        at[0] = (char)length;
        at[1] = (char)prefixes[i].number;
        put16(at + 2, size);
        memcpy(at + XATTR_HEAD, rest, length);
        if (size)
                memcpy(at + XATTR_HEAD + length, value, size);
        return 0;
}

void erofs_drop_xattr(struct erofs_xattrs *xattrs, const char *name)
{
        const size_t i = find_prefix(name);

        for (size_t at = XATTRS_HEAD; i < ARRAY_SIZE(prefixes) && at < xattrs->size;) {
                char *one = xattrs->bytes + at;
                const char *rest = name + strlen(prefixes[i].prefix);
                const size_t length = (unsigned char)one[0];
                const size_t value = (unsigned char)one[2] | (size_t)(unsigned char)one[3] << 8;
                const size_t size = round_up(XATTR_HEAD + length + value, 4);

                if ((uint8_t)one[1] == prefixes[i].number && strlen(rest) == length &&
                    memcmp(one + XATTR_HEAD, rest, length) == 0) {
                        memmove(one, one + size, xattrs->size - at - size);
                        xattrs->size -= size;
                } else {
                        at += size;
                }
        }
        if (xattrs->size == XATTRS_HEAD)
                xattrs->size = 0;
}

/* -- directories ---------------------------------------------------------------------------------------- */

int erofs_compare(const struct erofs_name *a, const struct erofs_name *b)
{
        int order = memcmp(a->name, b->name, a->size < b->size ? a->size : b->size);

        return order ? order : (a->size > b->size) - (a->size < b->size);
}

size_t erofs_pack(const struct erofs_name *names, size_t n, char *block, size_t *ret_used)
{
        size_t fit = 0, used = 0, name_at;

        while (fit < n && DIRENT_SIZE + names[fit].size <= EROFS_BLOCK - used)
                used += DIRENT_SIZE + names[fit++].size;
        *ret_used = used;
        if (!block)
                return fit;
        memset(block, 0, EROFS_BLOCK);
        name_at = fit * DIRENT_SIZE;
        for (size_t i = 0; i < fit; i++) {
                char *entry = block + i * DIRENT_SIZE;

                put64(entry, names[i].nid);
                put16(entry + 8, name_at);
                entry[10] = (char)names[i].type;
                memcpy(block + name_at, names[i].name, names[i].size);
                name_at += names[i].size;
        }
        return fit;
}

/* -- the whole ------------------------------------------------------------------------------------------ */

void erofs_begin(struct erofs_writer *writer, int fd)
{
        writer->fd = fd;
        writer->next = ROOT_BLOCK + ROOT_BLOCKS;
        writer->spares = writer->inodes = writer->at = 0;
        writer->used = writer->opened = 0;
        writer->has_chunks = false;
        writer->data = 0;
}

int erofs_end(struct erofs_writer *writer, const struct erofs_place *root, const uint8_t uuid[16])
{
        char super[SUPER_SIZE] = { 0 };
        int r = flush(writer);

        put32(super, SUPER_MAGIC);
        put32(super + 8, COMPAT_MTIME);
        super[12] = 12; /* the block's size is 1 << 12 */
        put16(super + 14, root->nid);
        put64(super + 16, writer->inodes);
        put32(super + 36, writer->next);
        memcpy(super + 48, uuid, 16);
        if (writer->has_chunks)
                put32(super + 80, INCOMPAT_CHUNKED);
        if (r == 0)
                r = tree_write(writer->fd, SUPER_AT, super, sizeof super);
        return r < 0 ? r : tree_set_size(writer->fd, writer->next * EROFS_BLOCK);
}
