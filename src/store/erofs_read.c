/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a mount costs a hundred times what it takes to find one name in an image. So who wants to
 * know what /etc/passwd of a hundred layers says reads that itself: the superblock leads to the root's inode, an inode
 * to its content, and of a directory's blocks, whose names are sorted through all of them, the one is searched for in
 * which a name must be. No more than a block is in memory, and every number is checked where it is used. */
#include "erofs_private.h"
#include "linux/linux.h"

#include <endian.h>
#include <string.h>

#include <sys/stat.h>

#define OPAQUE "overlay.opaque"

static uint16_t get16(const char *at)
{
        uint16_t word;

        memcpy(&word, at, sizeof word);
        return le16toh(word);
}

static uint32_t get32(const char *at)
{
        uint32_t word;

        memcpy(&word, at, sizeof word);
        return le32toh(word);
}

static uint64_t get64(const char *at)
{
        uint64_t word;

        memcpy(&word, at, sizeof word);
        return le64toh(word);
}

/* -- inodes --------------------------------------------------------------------------------------------- */

static int read_inode(const struct erofs_image *image, uint64_t nid, struct erofs_file *ret)
{
        char inode[INODE_SIZE];
        int r;

        if (nid > INT64_MAX / SLOT)
                return -EBADMSG;
        r = tree_read(image->fd, nid * SLOT, inode, sizeof inode);
        if (r < 0)
                return r;
        if (get16(inode) != PLAIN && get16(inode) != TAILED && get16(inode) != CHUNKED)
                return -EBADMSG;
        *ret = (struct erofs_file){
                .mode = get16(inode + 4),
                .size = get64(inode + 8),
                .at = nid * SLOT,
                .data = (uint64_t)get32(inode + 16) * EROFS_BLOCK,
                .head = INODE_SIZE,
                .is_tailed = get16(inode) == TAILED,
                .is_chunked = get16(inode) == CHUNKED,
        };
        if (ret->is_chunked && (!S_ISREG(ret->mode) || get32(inode + 16) != CHUNK_FORMAT))
                return -EBADMSG;
        if (get16(inode + 2)) /* the attributes' words, and one more */
                ret->head += XATTRS_HEAD + 4 * (get16(inode + 2) - 1U);
        ret->is_null_device = S_ISCHR(ret->mode) && get32(inode + 16) == 0;
        return ret->size > INT64_MAX ? -EBADMSG : 0;
}

int erofs_open(int fd, struct erofs_image *ret_image)
{
        char super[SUPER_SIZE];
        int r = tree_read(fd, SUPER_AT, super, sizeof super);

        if (r < 0)
                return r;
        if (get32(super) != SUPER_MAGIC || super[12] != 12)
                return -EBADMSG;
        ret_image->fd = fd;
        r = read_inode(ret_image, get16(super + 14), &ret_image->root);
        return r == 0 && !S_ISDIR(ret_image->root.mode) ? -EBADMSG : r;
}

/* -- content -------------------------------------------------------------------------------------------- */

static int read_chunks(
        const struct erofs_image *image, const struct erofs_file *file, uint64_t offset,
        char *bytes, size_t size)
{
        int r = 0;

        while (r == 0 && size) {
                const uint64_t chunk = offset / EROFS_CHUNK, in = offset % EROFS_CHUNK;
                const size_t part = size < EROFS_CHUNK - in ? size : (size_t)(EROFS_CHUNK - in);
                char word[CHUNK_WORD];

                r = tree_read(
                        image->fd, file->at + file->head + chunk * CHUNK_WORD, word, sizeof word);
                if (r == 0 && get32(word) == NO_BLOCK)
                        memset(bytes, 0, part);
                else if (r == 0)
                        r = tree_read(
                                image->fd, (uint64_t)get32(word) * EROFS_BLOCK + in, bytes, part);
                bytes += part;
                offset += part;
                size -= part;
        }
        return r;
}

int erofs_read(
        const struct erofs_image *image, const struct erofs_file *file, uint64_t offset,
        void *bytes, size_t size)
{
        /* Of what stands in blocks of its own. */
        const uint64_t end = file->is_tailed ? file->size - file->size % EROFS_BLOCK : file->size;
        size_t part = 0;
        int r = 0;

        if (offset > file->size || size > file->size - offset)
                return -EBADMSG;
        if (file->is_chunked)
                return read_chunks(image, file, offset, bytes, size);
        if (offset < end) {
                part = size < end - offset ? size : (size_t)(end - offset);
                r = tree_read(image->fd, file->data + offset, bytes, part);
        }
        if (r < 0 || part == size)
                return r;
        return tree_read(
                image->fd, file->at + file->head + (offset + part - end), (char *)bytes + part,
                size - part);
}

bool erofs_is_opaque(const struct erofs_image *image, const struct erofs_file *file)
{
        const size_t name = sizeof OPAQUE - 1;
        char bytes[XATTR_HEAD + sizeof OPAQUE]; /* of one attribute: its head, the name, "y" */
        size_t at = INODE_SIZE + XATTRS_HEAD;

        while (at + XATTR_HEAD <= file->head) {
                size_t size = file->head - at;

                if (size > sizeof bytes)
                        size = sizeof bytes;
                if (tree_read(image->fd, file->at + at, bytes, size) < 0)
                        return false;
                if (size == sizeof bytes && bytes[0] == (char)name && bytes[1] == TRUSTED &&
                    get16(bytes + 2) == 1 && memcmp(bytes + XATTR_HEAD, OPAQUE "y", name + 1) == 0)
                        return true;
                size = XATTR_HEAD + (unsigned char)bytes[0] + get16(bytes + 2);
                at += (size + 3) & ~(size_t)3;
        }
        return false;
}

/* -- names ---------------------------------------------------------------------------------------------- */

/* A block of a directory. */
struct block {
        size_t size, n; /* bytes, entries */
        char bytes[EROFS_BLOCK];
};

static int read_block(
        const struct erofs_image *image, const struct erofs_file *dir, uint64_t number,
        struct block *block)
{
        const uint64_t at = number * EROFS_BLOCK;
        size_t names;
        int r;

        block->size = dir->size - at < EROFS_BLOCK ? (size_t)(dir->size - at) : EROFS_BLOCK;
        r = erofs_read(image, dir, at, block->bytes, block->size);
        if (r < 0)
                return r;
        names = block->size < DIRENT_SIZE ? 0 : get16(block->bytes + 8);
        block->n = names / DIRENT_SIZE;
        return block->n == 0 || names > block->size ? -EBADMSG : 0;
}

static int read_name(const struct block *block, size_t i, struct erofs_name *ret)
{
        const char *entry = block->bytes + i * DIRENT_SIZE;
        const size_t begin = get16(entry + 8);
        const size_t end = i + 1 < block->n ? get16(entry + DIRENT_SIZE + 8) : block->size;

        if (begin > end || end > block->size)
                return -EBADMSG;
        *ret = (struct erofs_name){ .name = block->bytes + begin,
                                    .size = strnlen(block->bytes + begin, end - begin),
                                    .nid = get64(entry) };
        return 0;
}

/* Into the last block whose first name is not behind the wanted one. */
static int find_block(
        const struct erofs_image *image, const struct erofs_file *dir,
        const struct erofs_name *wanted, struct block *block)
{
        uint64_t low = 0, high = (dir->size + EROFS_BLOCK - 1) / EROFS_BLOCK;

        while (high - low > 1) {
                const uint64_t middle = low + (high - low) / 2;
                struct erofs_name first;
                int r = read_block(image, dir, middle, block);

                if (r == 0)
                        r = read_name(block, 0, &first);
                if (r < 0)
                        return r;
                if (erofs_compare(wanted, &first) < 0)
                        high = middle;
                else
                        low = middle;
        }
        return high ? read_block(image, dir, low, block) : -EBADMSG;
}

static int find(
        const struct erofs_image *image, const struct erofs_file *dir,
        const struct erofs_name *wanted, struct erofs_file *ret)
{
        struct block block;
        int r = S_ISDIR(dir->mode) ? find_block(image, dir, wanted, &block) : -ENOTDIR;

        for (size_t i = 0; r == 0 && i < block.n; i++) {
                struct erofs_name name;

                r = read_name(&block, i, &name);
                if (r == 0 && erofs_compare(wanted, &name) == 0)
                        return read_inode(image, name.nid, ret);
        }
        return r < 0 ? r : -ENOENT;
}

int erofs_look(const struct erofs_image *image, const char *path, struct erofs_file *ret_file)
{
        struct erofs_file at = image->root;
        int r = 0;

        while (r == 0 && *path) {
                const struct erofs_name name = { .name = path, .size = strcspn(path, "/") };

                if (!(name.size == 1 && *path == '.'))
                        r = find(image, &at, &name, &at);
                path += name.size + (path[name.size] == '/');
        }
        if (r == 0)
                *ret_file = at;
        return r;
}
