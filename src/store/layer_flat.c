/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a layer as an EROFS image, with the same rules as one in a directory (layer.c).
 *
 * Data and inodes of files go out as they come. What is kept is the tree: a name of 32 bytes an entry, and of
 * directories all that they say, since they are written at the end, when it is known what is in them. So names
 * are looked up in memory, where a path leads nowhere else. A name that comes again takes the place of the old one;
 * what that had is unreachable, and its bytes in the image are lost.
 *
 * All whiteouts of a layer are one inode. */
#include "flat_tree.h"
#include "layer_private.h"

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

struct layer_image {
        struct flat_tree tree;
        struct arena scratch;
        struct erofs_writer out;
        struct erofs_xattrs xattrs; /* of the entry that is being added */
        uint32_t parent;            /* the directory of layer->parent_path; 0: none */
        uint32_t file;              /* the name of the file whose data are awaited; 0: none */
        struct erofs_inode inode;
        struct erofs_place place;
};

/* -- attributes and the parent ------------------------------------------------------------------------- */

static struct erofs_inode inode_like(const struct tar_entry *entry, mode_t type)
{
        return (struct erofs_inode){ .mode = type | entry->mode,
                                     .uid = entry->uid,
                                     .gid = entry->gid,
                                     .links = 1,
                                     .mtime_s = entry->mtime_s,
                                     .mtime_ns = entry->mtime_ns };
}

static int enter_parent(struct layer_writer *layer, const struct tar_entry *entry, const char *path)
{
        struct layer_image *image = layer->image;
        struct flat_way way = { .tree = &image->tree, .entry = entry, .dir = FLAT_TOP };
        int r;

        if (image->parent && text_equal(layer->parent_path, path))
                return 0;
        r = flat_follow(&way, path, true);
        if (r == 0) {
                r = layer_count_steps(layer, entry, way.steps);
                if (r == 0)
                        r = layer_count_implied(layer, entry, way.made, way.made_bytes);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r == -E2BIG
                             ? r
                             : layer_failed(entry, r, "cannot open the directory that it is in");
        image->parent = way.dir;
        memcpy(layer->parent_path, path, strlen(path) + 1);
        return 0;
}

/* What the kernel would refuse to set: it would be damage to who reads it. */
static bool is_sound(const struct tar_xattr *attr)
{
        if (text_equal(attr->name, "security.capability"))
                return attr->size == 12 || attr->size == 20 || attr->size == 24;
        if (text_starts(attr->name, "system."))
                return attr->size >= 4 && attr->size % 8 == 4 &&
                       memcmp(attr->value, "\2\0\0", 4) == 0;
        return attr->name[strlen("user.")] != '\0';
}

static bool comes_again(const struct tar_entry *entry, size_t i)
{
        for (size_t k = i + 1; k < entry->n_xattrs; k++)
                if (text_equal(entry->xattrs[k].name, entry->xattrs[i].name))
                        return true;
        return false;
}

/* Behind those that image->xattrs has, or in their place. */
static int add_xattrs(struct layer_image *image, const struct tar_entry *entry)
{
        for (size_t i = 0; i < entry->n_xattrs; i++) {
                const struct tar_xattr *attr = &entry->xattrs[i];
                int r;

                if (!layer_wants_xattr(attr->name) || comes_again(entry, i))
                        continue;
                erofs_drop_xattr(&image->xattrs, attr->name);
                r = is_sound(attr)
                          ? erofs_add_xattr(&image->xattrs, attr->name, attr->value, attr->size)
                          : -EINVAL;
                if (r < 0)
                        return layer_failed(entry, r, "cannot set an extended attribute");
        }
        return 0;
}

static int take_xattrs(struct layer_image *image, const struct tar_entry *entry)
{
        image->xattrs.size = 0;
        return add_xattrs(image, entry);
}

static void get_xattrs(struct layer_image *image, const struct flat_directory *directory)
{
        image->xattrs.size = directory->inode.xattrs_size;
        if (image->xattrs.size)
                memcpy(image->xattrs.bytes, directory->xattrs, image->xattrs.size);
}

/* One directory may come as often as there are entries: its room doubles, so that what is lost of the arena
 * is never more than what it has. */
static void keep_xattrs(struct layer_image *image, struct flat_directory *directory)
{
        const size_t size = image->xattrs.size;

        if (size > directory->xattrs_room) {
                directory->xattrs_room = size < EROFS_XATTRS_MAX / 2 ? 2 * size : EROFS_XATTRS_MAX;
                directory->xattrs = arena_alloc(&image->tree.arena, directory->xattrs_room);
        }
        if (size)
                memcpy(directory->xattrs, image->xattrs.bytes, size);
        directory->inode.xattrs = directory->xattrs;
        directory->inode.xattrs_size = size;
}

/* One that comes again keeps the attributes that are not said anew, as a directory does. */
static int describe_directory(
        struct layer_image *image, const struct tar_entry *entry, uint32_t number)
{
        struct flat_directory *directory = flat_directory_at(&image->tree, number);
        int r;

        get_xattrs(image, directory);
        r = add_xattrs(image, entry);
        if (r < 0)
                return r;
        directory->inode = inode_like(entry, S_IFDIR);
        keep_xattrs(image, directory);
        return 0;
}

/* -- entries -------------------------------------------------------------------------------------------- */

static int written(const struct tar_entry *entry, int r)
{
        return r < 0 ? layer_failed(entry, r, "cannot write it into the layer's image") : 0;
}

/* A new inode, which has this content; its number is 0 when there are too many. */
static int put_inode(
        struct layer_image *image, const struct tar_entry *entry, uint32_t number,
        const struct erofs_inode *inode, const char *content)
{
        const size_t size = strlen(content);
        struct erofs_place place;
        int r;

        if (!number)
                return flat_too_many(entry);
        r = erofs_place_data(&image->out, size, 0, &place);
        if (r == 0)
                r = erofs_write(&image->out, &place, 0, content, size);
        if (r == 0)
                r = erofs_add_inode(&image->out, inode, &place);
        if (r < 0)
                return written(entry, r);
        flat_inode_at(&image->tree, number)->nid = place.nid;
        if (size)
                flat_inode_at(&image->tree, number)->target =
                        arena_string(&image->tree.arena, content);
        return 0;
}

static int put_whiteout(
        struct layer_image *image, const struct tar_entry *entry, struct flat_name *name)
{
        const struct erofs_inode inode = { .mode = S_IFCHR | 0600, .links = 1 };

        name->type = EROFS_CHAR;
        name->ref = FLAT_WHITEOUT;
        return flat_inode_at(&image->tree, FLAT_WHITEOUT)->nid
                     ? 0
                     : put_inode(image, entry, FLAT_WHITEOUT, &inode, "");
}

static int add_whiteout(struct layer_image *image, const struct tar_entry *entry, const char *text)
{
        const char *hidden = text + strlen(LAYER_WHITEOUT);
        const size_t size = strlen(hidden);
        uint32_t number;

        if (entry->type != TAR_FILE && entry->type != TAR_HARD_LINK)
                return layer_refuse(entry, -EINVAL, "a whiteout must be a plain file");
        if (text_equal(text, LAYER_OPAQUE)) {
                flat_directory_at(&image->tree, image->parent)->opaque = true;
                return 0;
        }
        if (text_starts(hidden, LAYER_WHITEOUT))
                return 0; /* AUFS's own, as docker has it */
        if (!size || text_is_dots(hidden))
                return layer_refuse(entry, -EINVAL, "a whiteout of nothing");
        number = flat_find(&image->tree, image->parent, hidden, size);
        if (number) {
                const struct flat_name *name = flat_name_at(&image->tree, number);

                /* Else it hides what is below, and stays itself. */
                if (name->type == EROFS_DIRECTORY)
                        flat_directory_at(&image->tree, name->ref)->opaque = true;
                return 0;
        }
        number = flat_add_name(&image->tree, image->parent, hidden, size);
        return number ? put_whiteout(image, entry, flat_name_at(&image->tree, number))
                      : flat_too_many(entry);
}

/* Its inode is written when its data have come. */
static int put_file(struct layer_image *image, const struct tar_entry *entry, uint32_t number)
{
        struct flat_name *name = flat_name_at(&image->tree, number);
        int r = take_xattrs(image, entry);

        if (r < 0)
                return r;
        name->ref = flat_add_item(&image->tree, &image->tree.inodes);
        if (!name->ref)
                return flat_too_many(entry);
        name->type = EROFS_FILE;
        image->inode = inode_like(entry, S_IFREG);
        image->inode.xattrs = image->xattrs.bytes;
        image->inode.xattrs_size = image->xattrs.size;
        image->file = number;
        return written(
                entry,
                erofs_place_data(&image->out, entry->size, image->xattrs.size, &image->place));
}

/* Only to what this layer has: a link to a lower layer's file could not be kept anyway. */
static int put_hard_link(
        struct layer_writer *layer, const struct tar_entry *entry, struct flat_name *name)
{
        struct layer_image *image = layer->image;
        struct flat_way way = { .tree = &image->tree, .entry = entry, .dir = FLAT_TOP };
        char path[TAR_PATH_MAX + 1];
        const struct flat_name *target;
        const char *leaf;
        uint32_t number = 0;
        int r = layer_normalize(entry, entry->link, path);

        if (r < 0)
                return r;
        if (!*path)
                return layer_refuse(entry, -EINVAL, "a hard link to a directory");
        leaf = layer_split(path);
        if (flat_follow(&way, path, false) == 0)
                number = flat_find(&image->tree, way.dir, leaf, strlen(leaf));
        r = layer_count_steps(layer, entry, way.steps);
        if (r < 0)
                return r;
        target = number ? flat_name_at(&image->tree, number) : NULL;
        if (!target || !target->type || flat_is_whiteout(target))
                return layer_refuse(entry, -EINVAL, "a hard link to what is not in the layer");
        if (target->type == EROFS_DIRECTORY)
                return layer_refuse(entry, -EINVAL, "a hard link to a directory");
        name->type = target->type;
        name->ref = target->ref;
        return 0;
}

static int put_symlink(
        struct layer_image *image, const struct tar_entry *entry, struct flat_name *name)
{
        struct erofs_inode inode = inode_like(entry, S_IFLNK);

        inode.mode = S_IFLNK | 0777;
        name->type = EROFS_SYMLINK;
        name->ref = flat_add_item(&image->tree, &image->tree.inodes);
        return put_inode(image, entry, name->ref, &inode, entry->link);
}

static int put_node(
        struct layer_image *image, const struct tar_entry *entry, struct flat_name *name)
{
        struct erofs_inode inode = inode_like(
                entry, entry->type == TAR_FIFO    ? S_IFIFO
                       : entry->type == TAR_BLOCK ? S_IFBLK
                                                  : S_IFCHR);

        if (S_ISCHR(inode.mode) && !entry->major && !entry->minor)
                return layer_refuse(
                        entry, -EINVAL, "a device 0:0 would hide a file instead of being one");
        if (!S_ISFIFO(inode.mode)) {
                inode.major = entry->major;
                inode.minor = entry->minor;
        }
        name->type = S_ISFIFO(inode.mode) ? EROFS_FIFO
                   : S_ISBLK(inode.mode)  ? EROFS_BLOCK_DEVICE
                                          : EROFS_CHAR;
        name->ref = flat_add_item(&image->tree, &image->tree.inodes);
        return put_inode(image, entry, name->ref, &inode, "");
}

int flat_add_root(struct layer_writer *layer, const struct tar_entry *entry)
{
        if (entry->type != TAR_DIRECTORY)
                return layer_refuse(entry, -EINVAL, "the root of a layer must be a directory");
        return describe_directory(layer->image, entry, FLAT_TOP);
}

int flat_add(
        struct layer_writer *layer, const struct tar_entry *entry, const char *path,
        const char *text)
{
        struct layer_image *image = layer->image;
        struct flat_name *name;
        uint32_t number, made;
        int r = enter_parent(layer, entry, path);

        if (r < 0)
                return r;
        if (text_starts(text, LAYER_WHITEOUT))
                return add_whiteout(image, entry, text);
        number = flat_find(&image->tree, image->parent, text, strlen(text));
        if (!number && !(number = flat_add_name(&image->tree, image->parent, text, strlen(text))))
                return flat_too_many(entry);
        name = flat_name_at(&image->tree, number);
        if (name->type && (entry->type != TAR_DIRECTORY || name->type != EROFS_DIRECTORY))
                image->parent = 0; /* the path may lead elsewhere now */
        if (entry->type == TAR_DIRECTORY) {
                r = name->type == EROFS_DIRECTORY
                          ? 0
                          : flat_put_directory(&image->tree, entry, number, &made);
                return r < 0 ? r : describe_directory(image, entry, name->ref);
        }
        name->type = 0; /* what has the name goes first */
        if (entry->type == TAR_FILE) {
                layer->entry = *entry;
                return put_file(image, entry, number);
        }
        if (entry->type == TAR_HARD_LINK)
                return put_hard_link(layer, entry, name);
        if (entry->type == TAR_SYMLINK)
                return put_symlink(image, entry, name);
        return put_node(image, entry, name);
}

bool flat_awaits(const struct layer_writer *layer)
{
        return layer->image->file != 0;
}

int flat_write(struct layer_writer *layer, uint64_t offset, const void *bytes, size_t size)
{
        struct layer_image *image = layer->image;

        return erofs_write(&image->out, &image->place, offset, bytes, size);
}

int flat_finish(struct layer_writer *layer)
{
        struct layer_image *image = layer->image;
        int r;

        if (!image->file)
                return 0;
        r = erofs_add_inode(&image->out, &image->inode, &image->place);
        if (r < 0)
                return trail(r, "cannot write the layer's image: %s", text_errno(r));
        flat_inode_at(&image->tree, flat_name_at(&image->tree, image->file)->ref)->nid =
                image->place.nid;
        image->file = 0;
        /* What a mount says is data, who exports it reads. */
        if (image->out.data > layer->options.bytes_max)
                return layer_refuse(
                        &layer->entry, -E2BIG,
                        "the layer's files are too large together, holes of less than a MiB counted");
        return 0;
}

/* -- the end -------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
        return erofs_compare(a, b);
}

/* What is in a directory, with "." and "..", in order; in `scratch`. Numbers are right once all directories have a
 * place. */
static size_t list(struct layer_image *image, uint32_t number, struct erofs_name **ret_names)
{
        const struct flat_directory *directory = flat_directory_at(&image->tree, number);
        const struct flat_directory *parent =
                flat_directory_at(&image->tree, number == FLAT_TOP ? FLAT_TOP : directory->parent);
        struct erofs_name *names;
        size_t n = 2;

        for (uint32_t i = directory->last; i; i = flat_name_at(&image->tree, i)->sibling)
                n++;
        arena_reset(&image->scratch);
        names = arena_array(&image->scratch, n, sizeof *names);
        names[0] = (struct erofs_name){ ".", 1, EROFS_DIRECTORY, directory->place.nid };
        names[1] = (struct erofs_name){ "..", 2, EROFS_DIRECTORY, parent->place.nid };
        n = 2;
        for (uint32_t i = directory->last; i; i = flat_name_at(&image->tree, i)->sibling) {
                const struct flat_name *name = flat_name_at(&image->tree, i);

                names[n++] = (struct erofs_name){
                        name->text, name->size, name->type,
                        name->type == EROFS_DIRECTORY
                                ? flat_directory_at(&image->tree, name->ref)->place.nid
                                : flat_inode_at(&image->tree, name->ref)->nid
                };
        }
        qsort(names, n, sizeof *names, compare);
        *ret_names = names;
        return n;
}

static int make_opaque(struct layer_image *image, struct flat_directory *directory)
{
        int r;

        get_xattrs(image, directory);
        r = erofs_add_xattr(&image->xattrs, "trusted.overlay.opaque", "y", 1);
        if (r == 0)
                keep_xattrs(image, directory);
        return r;
}

/* Links, the size of the content, and a place. */
static int place_directory(struct layer_image *image, uint32_t number)
{
        struct flat_directory *directory = flat_directory_at(&image->tree, number);
        struct erofs_name *names;
        size_t n, used;
        uint64_t size = 0;
        int r = directory->opaque ? make_opaque(image, directory) : 0;

        if (r < 0)
                return r;
        n = list(image, number, &names);
        directory->inode.links = 0;
        for (size_t i = 0; i < n; i++)
                directory->inode.links += names[i].type == EROFS_DIRECTORY;
        for (size_t i = 0; i < n;) {
                i += erofs_pack(names + i, n - i, NULL, &used);
                size += i < n ? EROFS_BLOCK : used;
        }
        r = erofs_place_data(&image->out, size, directory->inode.xattrs_size, &directory->place);
        return r < 0 ? r : erofs_place_inode(&image->out, number == FLAT_TOP, &directory->place);
}

static int fill_directory(struct layer_image *image, uint32_t number)
{
        struct flat_directory *directory = flat_directory_at(&image->tree, number);
        struct erofs_name *names;
        size_t n = list(image, number, &names), used;
        uint64_t at = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; at += EROFS_BLOCK) {
                char block[EROFS_BLOCK];

                i += erofs_pack(names + i, n - i, block, &used);
                r = erofs_write(
                        &image->out, &directory->place, at, block, i < n ? sizeof block : used);
        }
        return r < 0 ? r : erofs_fill_inode(&image->out, &directory->inode, &directory->place);
}

/* The directories that the root leads to, each behind its parent: how many. On the way names are counted. */
static uint32_t reach(struct layer_image *image, uint32_t *reached)
{
        uint32_t n = 1;

        reached[0] = FLAT_TOP;
        for (uint32_t k = 0; k < n; k++)
                for (uint32_t i = flat_directory_at(&image->tree, reached[k])->last; i;
                     i = flat_name_at(&image->tree, i)->sibling) {
                        const struct flat_name *name = flat_name_at(&image->tree, i);

                        if (name->type == EROFS_DIRECTORY)
                                reached[n++] = name->ref;
                        else
                                flat_inode_at(&image->tree, name->ref)->links++;
                }
        return n;
}

static int write_tree(struct layer_writer *layer)
{
        struct layer_image *image = layer->image;
        uint32_t *reached =
                arena_array(&image->tree.arena, image->tree.directories.n + 1, sizeof *reached);
        const uint32_t n = reach(image, reached);
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < n; i++)
                r = place_directory(image, reached[i]);
        if (r == 0)
                r = erofs_end_places(&image->out);
        for (uint32_t i = 0; r == 0 && i < n; i++)
                r = fill_directory(image, reached[i]);
        for (uint32_t i = 1; r == 0 && i <= image->tree.inodes.n; i++)
                if (flat_inode_at(&image->tree, i)->links > 1)
                        r = erofs_set_links(
                                &image->out, flat_inode_at(&image->tree, i)->nid,
                                flat_inode_at(&image->tree, i)->links);
        return r < 0 ? r
                     : erofs_end(
                               &image->out, &flat_directory_at(&image->tree, FLAT_TOP)->place,
                               layer->options.uuid);
}

int flat_end(struct layer_writer *layer)
{
        int r = write_tree(layer);

        return r < 0 ? trail(r, "cannot write the layer's image: %s", text_errno(r)) : 0;
}

void flat_begin(struct layer_writer *layer)
{
        struct arena arena = { 0 };
        struct layer_image *image = arena_new(&arena, struct layer_image);

        image->tree.arena = arena;
        flat_tree_begin(&image->tree);
        erofs_begin(&image->out, layer->root);
        layer->image = image;
}

void flat_abort(struct layer_writer *layer)
{
        struct arena arena;

        if (!layer->image)
                return;
        arena_free(&layer->image->scratch);
        arena = layer->image->tree.arena;
        layer->image = NULL;
        arena_free(&arena);
}
