/* SPDX-License-Identifier: Apache-2.0 */
#include "layer_private.h"
#include "linux/linux.h"

#include <fcntl.h>
#include <string.h>

/* Theory of operation: each entry is a directory (its parent, resolved by openat2(2) inside the layer's
 * root, and kept open while entries lie in it) and one name in that, which is made anew: what has it already
 * is removed first, unless both are directories. So nothing is ever written through something that the
 * archive put there before: no open of an existing name for writing, no chmod or chown that follows.
 *
 * Layers are unpacked apart from each other, each into its own directory, as overlayfs wants them. A
 * whiteout is therefore nothing to be removed, but something to be written down: a character device 0:0, or
 * the attribute `opaque` of a directory. Whatever in an archive looks like one of these is refused or left
 * out.
 *
 * Writing into a directory changes its time. What it was is looked up when the directory is opened as a
 * parent and put back when the next one is; an archive may say it before or after the entries in it. */

/* -- the parent --------------------------------------------------------------------------------------- */

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static const char *opaque_name(const struct layer_writer *layer)
{
        return layer->options.user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

static int set_opaque(const struct layer_writer *layer, int dir, const char *name)
{
        auto_close fd = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

        return fd < 0 ? fd : tree_set_xattr(fd, opaque_name(layer), "y", 1);
}

static int leave_parent(struct layer_writer *layer)
{
        int r = 0;

        /* What was there before has a new time, as with any other writer. */
        if (layer->parent >= 0 && !(layer->options.plain && !*layer->parent_path))
                r = tree_set_mtime_path(
                        layer->parent, layer->parent_mtime_s, layer->parent_mtime_ns);
        file_close(&layer->parent);
        return r;
}

/* A directory that replaces a whiteout of this layer shows nothing of the layers below. */
static int replace_whiteout(struct layer_writer *layer, int dir, const char *name)
{
        auto_close made = NO_FD;
        int r = file_remove_tree(dir, name);

        if (r < 0)
                return r;
        made = tree_make_directory(dir, name);
        r = made < 0 ? made : file_set_mode_fd(made, 0755);
        return r < 0 ? r : tree_set_xattr(made, opaque_name(layer), "y", 1);
}

/* A part of the path is no directory. If it is a whiteout, the archive means a new directory there. */
static int clear_whiteout(struct layer_writer *layer, const char *path)
{
        char part[TAR_PATH_MAX];
        auto_close dir = NO_FD;
        struct stat st;
        size_t at;
        int r;

        memcpy(part, path, strlen(path) + 1);
        dir = rootpath_longest(layer->root, part, &at);
        at += part[at] == '/';
        part[at + strcspn(part + at, "/")] = '\0';
        r = dir < 0 ? dir : tree_stat(dir, part + at, &st);
        if (r < 0)
                return r;
        return is_whiteout(&st) ? replace_whiteout(layer, dir, part + at) : -ENOTDIR;
}

/* Without links a way costs what the path says. With links the kernel may look up ten thousands of names, and it does
 * not say how many. *ret_dir: the directory, or the error of who has looked for it without following links. */
static int count_way(
        struct layer_writer *layer, const struct tar_entry *entry, const char *path, int *ret_dir)
{
        uint32_t steps = *path != '\0';

        *ret_dir = rootpath_open(layer->root, path, O_PATH | O_DIRECTORY, true);
        if (*ret_dir == -ELOOP)
                steps = rootpath_count(layer->root, path);
        else
                for (const char *at = path; (at = strchr(at, '/')); at++)
                        steps++;
        return layer_count_steps(layer, entry, steps);
}

/* Directories of which no entry has spoken, which are made with what is in them. */
static int count_implied(
        struct layer_writer *layer, const struct tar_entry *entry, const char *path)
{
        char part[TAR_PATH_MAX];
        auto_close dir = NO_FD;
        size_t at, bytes = 0;
        uint32_t n = 0;

        memcpy(part, path, strlen(path) + 1);
        dir = rootpath_longest(layer->root, part, &at);
        for (at += path[at] == '/'; dir >= 0 && path[at]; n++) {
                const size_t size = strcspn(path + at, "/");

                bytes += size;
                at += size + (path[at + size] == '/');
        }
        return layer_count_implied(layer, entry, n, bytes);
}

static int enter_parent(struct layer_writer *layer, const struct tar_entry *entry, const char *path)
{
        auto_close found = NO_FD;
        struct stat st;
        int r;

        if (layer->parent >= 0 && !layer->changed && text_equal(layer->parent_path, path))
                return 0;
        r = leave_parent(layer);
        layer->changed = false;
        if (r < 0)
                return layer_failed(entry, r, "cannot set the time of the directory before");
        r = count_way(layer, entry, path, &found);
        if (r == 0 && found < 0)
                r = count_implied(layer, entry, path);
        if (r < 0)
                return r;
        layer->parent = found >= 0 ? found : rootpath_make_dirs(layer->root, path, 0755);
        found = NO_FD;
        if (layer->parent == -ENOTDIR && !layer->options.plain && clear_whiteout(layer, path) == 0)
                layer->parent = rootpath_make_dirs(layer->root, path, 0755);
        if (layer->parent < 0) {
                r = layer->parent;
                layer->parent = NO_FD;
                return layer_failed(entry, r, "cannot open the directory that it is in");
        }
        memcpy(layer->parent_path, path, strlen(path) + 1);
        r = tree_stat(layer->parent, ".", &st);
        if (r < 0)
                return layer_failed(entry, r, "cannot look at the directory that it is in");
        layer->parent_mtime_s = st.st_mtim.tv_sec;
        layer->parent_mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
        return 0;
}

/* -- attributes --------------------------------------------------------------------------------------- */

static struct tree_status status_of(const struct layer_writer *layer, const struct tar_entry *entry)
{
        const struct layer_options *options = &layer->options;

        if (options->own)
                return (struct tree_status){ options->uid, options->gid, entry->mode & 01777,
                                             entry->mtime_s, entry->mtime_ns };
        return (struct tree_status){ entry->uid, entry->gid, entry->mode, entry->mtime_s,
                                     entry->mtime_ns };
}

bool layer_wants_xattr(const char *name)
{
        return (text_starts(name, "user.") && !text_starts(name, "user.overlay.") &&
                !text_starts(name, "user.fuseoverlayfs.")) ||
               text_equal(name, "security.capability") ||
               text_equal(name, "system.posix_acl_access") ||
               text_equal(name, "system.posix_acl_default");
}

static int set_all(const struct layer_writer *layer, int fd, const struct tar_entry *entry)
{
        const struct tree_status status = status_of(layer, entry);
        int r = tree_set_status(fd, &status);

        if (r < 0)
                return layer_failed(entry, r, "cannot set its owner, mode or time");
        for (size_t i = 0; i < entry->n_xattrs; i++) {
                const struct tar_xattr *attr = &entry->xattrs[i];

                if (!layer_wants_xattr(attr->name) ||
                    (layer->options.own && !text_starts(attr->name, "user.")))
                        continue;
                r = tree_set_xattr(fd, attr->name, attr->value, attr->size);
                if (r < 0)
                        return layer_failed(entry, r, "cannot set an extended attribute");
        }
        /* An access list is a mode, too; and both have changed the time. */
        return entry->n_xattrs ? tree_set_mtime(fd, entry->mtime_s, entry->mtime_ns) : 0;
}

int layer_finish(struct layer_writer *layer)
{
        int r = 0;

        if (layer->image)
                return flat_finish(layer);
        if (layer->file >= 0)
                r = set_all(layer, layer->file, &layer->entry);
        file_close(&layer->file);
        return r;
}

/* -- entries ------------------------------------------------------------------------------------------ */

static int add_whiteout(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        const char *hidden = name + strlen(LAYER_WHITEOUT);
        struct stat st;
        int r;

        if (entry->type != TAR_FILE && entry->type != TAR_HARD_LINK)
                return layer_refuse(entry, -EINVAL, "a whiteout must be a plain file");
        if (text_equal(name, LAYER_OPAQUE)) {
                r = set_opaque(layer, layer->parent, ".");
                return r < 0 ? layer_failed(entry, r, "cannot mark its directory as opaque") : 0;
        }
        if (text_starts(hidden, LAYER_WHITEOUT))
                return 0; /* AUFS's own, as docker has it */
        if (!*hidden || text_is_dots(hidden))
                return layer_refuse(entry, -EINVAL, "a whiteout of nothing");
        r = tree_stat(layer->parent, hidden, &st);
        if (r == 0 && S_ISDIR(st.st_mode)) {
                r = set_opaque(layer, layer->parent, hidden);
                return r < 0 ? layer_failed(entry, r, "cannot mark the directory as opaque") : 0;
        }
        if (r == 0)
                return 0; /* it hides what is below, and stays itself */
        r = r == -ENOENT ? tree_make_node(layer->parent, hidden, S_IFCHR, 0, 0) : r;
        return r < 0 ? layer_failed(entry, r, "cannot make the whiteout") : 0;
}

/* What has an entry's name goes. Where that is a tree that is in use, volumes may be mounted in it: it is looked
 * through before the first file of it is gone. */
static int clear_name(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        int r = layer->options.plain ? file_holds_mount(layer->parent, name) : 0;

        if (r > 0)
                return layer_refuse(
                        entry, -EBUSY,
                        "what has its name cannot be removed: something is mounted there");
        if (r == 0)
                r = file_remove_tree(layer->parent, name);
        return r < 0 ? layer_failed(entry, r, "cannot remove what has its name") : 0;
}

static int add_directory(
        struct layer_writer *layer, const struct tar_entry *entry, const char *name,
        const struct stat *old)
{
        auto_close fd = NO_FD;
        const bool opaque = old && is_whiteout(old);
        int r = 0;

        layer->changed |= old && !S_ISDIR(old->st_mode);
        if (old && !S_ISDIR(old->st_mode) && (r = clear_name(layer, entry, name)) < 0)
                return r;
        if (old && S_ISDIR(old->st_mode))
                fd = file_open(layer->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        else
                fd = tree_make_directory(layer->parent, name);
        if (fd < 0)
                r = fd;
        if (r == 0 && opaque)
                r = tree_set_xattr(fd, opaque_name(layer), "y", 1);
        return r < 0 ? layer_failed(entry, r, "cannot make the directory")
                     : set_all(layer, fd, entry);
}

/* A file that is mounted there stays, with other content: to remove its name would take the mount away. */
static int refill(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        auto_close fd = NO_FD;
        struct stat st;
        int r;

        if (entry->type != TAR_FILE)
                return layer_refuse(entry, -EBUSY, "something is mounted there");
        fd = file_open(layer->parent, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);
        if (r == 0 && !S_ISREG(st.st_mode))
                r = -EBUSY;
        if (r == 0)
                r = tree_set_size(fd, 0);
        if (r == 0)
                r = tree_set_size(fd, entry->size);
        if (r < 0)
                return layer_failed(entry, r, "cannot change the file that is mounted there");
        layer->file = fd;
        layer->entry = *entry;
        fd = NO_FD;
        return 0;
}

static int add_file(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        int fd = tree_make_file(layer->parent, name), r;

        if (fd < 0)
                return layer_failed(entry, fd, "cannot make the file");
        layer->file = fd;
        layer->entry = *entry;
        r = entry->size ? tree_set_size(fd, entry->size) : 0;
        return r < 0 ? layer_failed(entry, r, "cannot give the file its size") : 0;
}

/* Only to what this layer has: a link to a lower layer's file could not be kept anyway. */
static int add_hard_link(
        struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        char path[TAR_PATH_MAX + 1];
        auto_close dir = NO_FD;
        const char *leaf;
        struct stat st;
        int r = layer_normalize(entry, entry->link, path);

        if (r < 0)
                return r;
        if (!*path)
                return layer_refuse(entry, -EINVAL, "a hard link to a directory");
        leaf = layer_split(path);
        r = count_way(layer, entry, path, &dir);
        if (r < 0)
                return r;
        if (dir == -ELOOP)
                dir = rootpath_open(layer->root, path, O_PATH | O_DIRECTORY, false);
        r = dir < 0 ? dir : tree_stat(dir, leaf, &st);
        if (r < 0 || is_whiteout(&st))
                return layer_refuse(entry, -EINVAL, "a hard link to what is not in the layer");
        if (S_ISDIR(st.st_mode))
                return layer_refuse(entry, -EINVAL, "a hard link to a directory");
        r = tree_make_link(dir, leaf, layer->parent, name);
        return r < 0 ? layer_failed(entry, r, "cannot make the hard link") : 0;
}

static int add_symlink(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        const struct tree_status status = status_of(layer, entry);
        int r = tree_make_symlink(layer->parent, name, entry->link);

        if (r == 0)
                r = tree_set_status_at(layer->parent, name, S_IFLNK, &status);
        return r < 0 ? layer_failed(entry, r, "cannot make the symbolic link") : 0;
}

static int add_node(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        const struct tree_status status = status_of(layer, entry);
        const mode_t type = entry->type == TAR_FIFO  ? S_IFIFO
                          : entry->type == TAR_BLOCK ? S_IFBLK
                                                     : S_IFCHR;
        int r;

        if (type == S_IFCHR && !entry->major && !entry->minor)
                return layer_refuse(
                        entry, -EINVAL, "a device 0:0 would hide a file instead of being one");
        if (type != S_IFIFO && layer->options.pass_devices) {
                layer->passed++;
                return 0;
        }
        r = tree_make_node(layer->parent, name, type, entry->major, entry->minor);
        if (r == 0)
                r = tree_set_status_at(layer->parent, name, type, &status);
        return r < 0 ? layer_failed(entry, r, "cannot make the node") : 0;
}

/* The layer's own directory: nothing but a directory can be there. */
static int add_root(struct layer_writer *layer, const struct tar_entry *entry)
{
        auto_close fd = NO_FD;
        int r = leave_parent(layer);

        if (r < 0)
                return layer_failed(entry, r, "cannot set the time of the directory before");
        if (entry->type != TAR_DIRECTORY)
                return layer_refuse(entry, -EINVAL, "the root of a layer must be a directory");
        fd = file_open(layer->root, ".", O_RDONLY | O_DIRECTORY, 0);
        return fd < 0 ? layer_failed(entry, fd, "cannot open the root") : set_all(layer, fd, entry);
}

static int add_named(struct layer_writer *layer, const struct tar_entry *entry, const char *name)
{
        struct stat st;
        int r = tree_stat(layer->parent, name, &st);
        const bool is_old = r == 0;

        if (r < 0 && r != -ENOENT)
                return layer_failed(entry, r, "cannot look at what has its name");
        if (is_old && layer->options.plain && !layer->options.overwrite &&
            S_ISDIR(st.st_mode) != (entry->type == TAR_DIRECTORY))
                return layer_refuse(
                        entry, -EEXIST,
                        S_ISDIR(st.st_mode) ? "a directory has its name"
                                            : "what has its name is no directory");
        if (entry->type == TAR_DIRECTORY)
                return add_directory(layer, entry, name, is_old ? &st : NULL);
        if (is_old && layer->options.plain && mount_is_root(layer->parent, name))
                return refill(layer, entry, name);
        layer->changed |= is_old;
        if (is_old && (r = clear_name(layer, entry, name)) < 0)
                return r;
        if (entry->type == TAR_FILE)
                return add_file(layer, entry, name);
        if (entry->type == TAR_HARD_LINK)
                return add_hard_link(layer, entry, name);
        if (entry->type == TAR_SYMLINK)
                return add_symlink(layer, entry, name);
        return add_node(layer, entry, name);
}

int layer_add(struct layer_writer *layer, const struct tar_entry *entry)
{
        char path[TAR_PATH_MAX + 1];
        const char *name;
        int r = layer_finish(layer);

        if (r < 0)
                return r;
        r = layer_count_entry(layer, entry);
        if (r < 0)
                return r;
        r = layer_normalize(entry, entry->path, path);
        if (r < 0)
                return r;
        if (!*path && layer->options.plain)
                return 0;
        if (!*path)
                return layer->image ? flat_add_root(layer, entry) : add_root(layer, entry);
        name = layer_split(path);
        if (layer->image)
                return flat_add(layer, entry, path, name);
        r = enter_parent(layer, entry, path);
        if (r < 0)
                return r;
        if (text_starts(name, LAYER_WHITEOUT) && !layer->options.plain)
                return add_whiteout(layer, entry, name);
        return add_named(layer, entry, name);
}

int layer_write(struct layer_writer *layer, uint64_t offset, const void *bytes, size_t size)
{
        int r;

        if (layer->image ? !flat_awaits(layer) : layer->file < 0)
                return 0; /* of a whiteout */
        if (offset > layer->entry.size || size > layer->entry.size - offset)
                return layer_refuse(&layer->entry, -EINVAL, "more data than the file is long");
        if (size > layer->options.bytes_max - layer->bytes)
                return layer_refuse(
                        &layer->entry, -E2BIG, "the layer's files are too large together");
        layer->bytes += size;
        r = layer->image ? flat_write(layer, offset, bytes, size)
                         : tree_write(layer->file, offset, bytes, size);
        return r < 0 ? layer_failed(&layer->entry, r, "cannot write the file") : 0;
}

void layer_begin(struct layer_writer *layer, int root, const struct layer_options *options)
{
        *layer = (struct layer_writer){
                .root = root, .options = *options, .parent = NO_FD, .file = NO_FD
        };
        if (options->image)
                flat_begin(layer);
        if (!layer->options.entries_max)
                layer->options.entries_max = options->plain ? 10000000 : 2000000;
        if (!layer->options.steps_max)
                layer->options.steps_max = 1000000;
        if (!layer->options.bytes_max)
                layer->options.bytes_max = (uint64_t)100 << 30;
        if (!layer->options.kept_max)
                layer->options.kept_max = options->plain ? UINT64_MAX : (uint64_t)256 << 20;
}

void layer_abort(struct layer_writer *layer)
{
        file_close(&layer->file);
        file_close(&layer->parent);
        flat_abort(layer);
}

int layer_end(struct layer_writer *layer)
{
        int r = layer_finish(layer);

        if (r == 0 && layer->image)
                r = flat_end(layer);
        if (r == 0 && (r = leave_parent(layer)) < 0)
                r = trail(r, "cannot set the time of the last directory: %m");
        layer_abort(layer);
        return r;
}

int layer_unpack(struct layer_writer *layer, struct tar_reader *reader)
{
        struct tar_entry entry;
        int r;

        while ((r = tar_next(reader, &entry)) > 0) {
                char bytes[64 << 10];
                uint64_t offset;
                ssize_t n = 0;

                r = layer_add(layer, &entry);
                while (r == 0 && (n = tar_data(reader, bytes, sizeof bytes, &offset)) > 0)
                        r = layer_write(layer, offset, bytes, (size_t)n);
                if (r == 0 && n < 0)
                        r = (int)n;
                /* The entry's names live until the next one is read. */
                if (r == 0)
                        r = layer_finish(layer);
                if (r < 0)
                        break;
        }
        if (r < 0) {
                layer_abort(layer);
                return r;
        }
        return layer_end(layer);
}
