/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an image, looked into before it is mounted.
 *
 * Who "User: www" is stands in the image's passwd, which is in one of its layers, or behind a link in
 * another. So the way overlayfs joins directories is followed by hand: a name is what the topmost
 * layer that has it says; directories of that name below it join, down to one that is opaque, a
 * whiteout or no directory. A place is a path without links and the layers that have a part in it, so
 * no more is open at a time than the layers themselves and one file.
 *
 * Only of the root overlayfs does not ask whether it is opaque: it always joins. So the layers below one whose root is
 * opaque ("a layer starts anew") are no part of the view at all, and whoever mounts takes the layers that are. */
#include "linux/linux.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/xattr.h>

enum {
        FEW_LAYERS = 100 /* for so many the limit of open files has room */
};

bool view_is_whiteout(const struct stat *status)
{
        return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

bool view_is_opaque(int dir)
{
        const bool trusted = caps_have(CAP_SYS_ADMIN) && namespace_is_first_user();
        char value[2] = "";

        /* Where overlayfs does not look at the attribute of ordinary users' overlays ("userxattr"), it lets whoever
         * owns a directory set it. */
        return fgetxattr(
                       dir, trusted ? "trusted.overlay.opaque" : "user.overlay.opaque", value,
                       sizeof value) == 1 &&
               value[0] == 'y';
}

#define SERVED_WHITEOUT ".wh."

enum view_served view_served(const char *name, const char **ret_hidden)
{
        if (!text_starts(name, SERVED_WHITEOUT))
                return VIEW_SERVED_FILE;
        if (text_equal(name, ".wh..wh..opq") || text_equal(name, ".wh..opq"))
                return VIEW_SERVED_MARKER;
        *ret_hidden = name + strlen(SERVED_WHITEOUT);
        return VIEW_SERVED_WHITEOUT;
}

bool view_is_served_opaque(int dir)
{
        char value[2] = "";
        struct stat st;

        if (fgetxattr(dir, "user.fuseoverlayfs.opaque", value, sizeof value) == 1 &&
            value[0] == 'y')
                return true;
        return view_is_opaque(dir) || file_stat(dir, ".wh..wh..opq", AT_SYMLINK_NOFOLLOW, &st) == 0;
}

void view_close(struct view *view)
{
        for (size_t i = 0; i < view->n; i++) {
                if (view->locks)
                        file_close(&view->locks[i]);
                close(view->layers[i]);
        }
        view->n = 0;
        if (view->files_soft)
                (void)process_restore_files(view->files_soft);
        view->files_soft = 0;
}

static int open_image(const char *path, struct erofs_image *ret_image)
{
        auto_close fd = file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
        int r = fd < 0 ? fd : erofs_open(fd, ret_image);

        if (r < 0)
                return r;
        r = fd;
        fd = NO_FD;
        return r;
}

/* Does it hide all layers below? */
static bool starts_anew(const char *path, int fd, const struct erofs_image *image)
{
        auto_close root = NO_FD;

        if (!layout_is_image(path))
                return view_is_opaque(fd);
        if (image->fd >= 0)
                return erofs_is_opaque(image, &image->root);
        root = file_open(fd, ".", O_RDONLY | O_DIRECTORY, 0); /* of a mount we have the place */
        return root >= 0 && view_is_opaque(root);
}

int view_open_layers(
        struct arena *arena, const char *const *paths, size_t n, bool read, struct view *ret_view)
{
        int *layers = arena_array(arena, n + 1, sizeof *layers);
        struct erofs_image *images = arena_array(arena, n + 1, sizeof *images);
        struct view view = { .layers = layers,
                             .locks = arena_array(arena, n + 1, sizeof *view.locks),
                             .images = read ? images : NULL };
        bool last = false;

        /* One that is mounted is two. */
        if (n > FEW_LAYERS) {
                int r = process_raise_files(read ? n : n * 2, &view.files_soft);

                if (r < 0)
                        return trail(
                                r,
                                "the image has %zu layers, which are more files than we may have open",
                                n);
        }
        for (; view.n < n && !last; view.n++) {
                int *lock = &view.locks[view.n];
                int fd;

                *lock = images[view.n].fd = NO_FD;
                if (!layout_is_image(paths[view.n]))
                        fd = file_open(AT_FDCWD, paths[view.n], O_RDONLY | O_DIRECTORY, 0);
                else if (read)
                        fd = open_image(paths[view.n], &images[view.n]);
                else
                        fd = mount_image(paths[view.n], lock);
                if (fd == -EBADMSG)
                        trail_hint("its image is damaged: husk rmi removes it, then pull again");
                if (fd < 0) {
                        trail(fd, "cannot open the layer %s: %s", paths[view.n], text_errno(fd));
                        view_close(&view);
                        return fd;
                }
                layers[view.n] = fd;
                last = starts_anew(paths[view.n], fd, &images[view.n]);
        }
        *ret_view = view;
        return 0;
}

struct view_place view_root(struct arena *arena, const struct view *view)
{
        uint16_t *in = arena_array(arena, view->n + 1, sizeof *in);

        for (size_t i = 0; i < view->n; i++)
                in[i] = (uint16_t)i;
        return (struct view_place){ .path = ".", .in = in, .n = view->n };
}

/* What one layer has of a path. */
struct thing {
        struct stat status; /* in an image: the mode, and whether it is a whiteout */
        int fd;             /* O_PATH; NO_FD: it is in an image that is not mounted */
        const struct erofs_image *image;
        struct erofs_file file;
};

static const struct erofs_image *unmounted(const struct view *view, unsigned layer)
{
        return view->images && view->images[layer].fd >= 0 ? &view->images[layer] : NULL;
}

static int look_in(
        const struct view *view, unsigned layer, const char *path, struct thing *ret_thing)
{
        struct thing thing = { .image = unmounted(view, layer), .fd = NO_FD };
        int r = 0;

        if (thing.image) {
                r = erofs_look(thing.image, path, &thing.file);
                thing.status.st_mode = thing.file.mode;
                thing.status.st_rdev = !thing.file.is_null_device;
        } else {
                thing.fd = file_open_strict(view->layers[layer], path, O_PATH);
                r = thing.fd < 0 ? thing.fd : 0;
                if (r == 0 && fstat(thing.fd, &thing.status) < 0) {
                        r = -errno;
                        file_close(&thing.fd);
                }
        }
        if (r == 0)
                *ret_thing = thing;
        return r;
}

static bool is_opaque_in(
        const struct view *view, unsigned layer, const char *path, const struct thing *thing)
{
        auto_close dir = NO_FD;

        if (thing->image)
                return erofs_is_opaque(thing->image, &thing->file);
        dir = file_open_strict(view->layers[layer], path, O_RDONLY | O_DIRECTORY);
        return dir >= 0 && view_is_opaque(dir);
}

/* The layers from the `i`th of dir's on that have a part in the directory `path`. */
static struct view_place join(
        struct arena *arena, const struct view *view, const struct view_place *dir, size_t i,
        const char *path)
{
        uint16_t *in = arena_array(arena, dir->n - i + 1, sizeof *in);
        struct view_place place = { .path = path, .in = in };

        for (; i < dir->n; i++) {
                struct thing thing;
                bool last;
                int r = look_in(view, dir->in[i], path, &thing);

                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        break;
                last = !S_ISDIR(thing.status.st_mode);
                if (!last) {
                        in[place.n++] = dir->in[i];
                        last = is_opaque_in(view, dir->in[i], path, &thing);
                }
                file_close(&thing.fd);
                if (last)
                        break;
        }
        return place;
}

/* view_look(), mounted or not. */
static int look(
        struct arena *arena, const struct view *view, const struct view_place *dir,
        const char *name, struct thing *ret_thing, struct view_place *ret_place)
{
        const char *path = text_equal(dir->path, ".")
                                 ? arena_string(arena, name)
                                 : arena_format(arena, "%s/%s", dir->path, name);

        for (size_t i = 0; i < dir->n; i++) {
                int r = look_in(view, dir->in[i], path, ret_thing);

                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (view_is_whiteout(&ret_thing->status)) {
                        file_close(&ret_thing->fd);
                        return -ENOENT;
                }
                if (ret_place && S_ISDIR(ret_thing->status.st_mode))
                        *ret_place = join(arena, view, dir, i, path);
                return 0;
        }
        return -ENOENT;
}

int view_look(
        struct arena *arena, const struct view *view, const struct view_place *dir,
        const char *name, struct stat *ret_status, struct view_place *ret_place)
{
        struct thing thing;
        int r = look(arena, view, dir, name, &thing, ret_place);

        if (r < 0)
                return r;
        *ret_status = thing.status;
        return thing.fd;
}

int view_open_place(const struct view *view, const struct view_place *place, size_t i)
{
        return file_open_strict(view->layers[place->in[i]], place->path, O_RDONLY | O_DIRECTORY);
}

/* -- paths ------------------------------------------------------------------------------------------ */

struct walk {
        struct arena *arena;
        const struct view *view;
        struct view_place places[VIEW_DEPTH_MAX]; /* from the root to where we are */
        size_t depth;                             /* of the last one */
        unsigned links;
        const char *rest;
};

static ssize_t read_link(const struct thing *link, char *buffer, size_t size)
{
        int r;

        if (!link->image)
                return tree_read_link(link->fd, buffer, size);
        if (link->file.size >= size)
                return -ENAMETOOLONG;
        r = erofs_read(link->image, &link->file, 0, buffer, (size_t)link->file.size);
        buffer[link->file.size] = '\0';
        return r < 0 ? r : (ssize_t)link->file.size;
}

/* The link's target goes before what is left of the path. */
static int follow(struct walk *walk, const struct thing *link)
{
        char target[4096];
        ssize_t size = read_link(link, target, sizeof target);

        if (size < 0)
                return (int)size;
        if (++walk->links > VIEW_LINKS_MAX)
                return -ELOOP;
        if (target[0] == '/')
                walk->depth = 0;
        walk->rest =
                arena_format(walk->arena, "%s%s%s", target, *walk->rest ? "/" : "", walk->rest);
        return strlen(walk->rest) < 2 * sizeof target ? 0 : -ENAMETOOLONG;
}

static int enter(struct walk *walk, const struct view_place *place)
{
        if (walk->depth + 1 == VIEW_DEPTH_MAX)
                return -ENAMETOOLONG;
        walk->places[++walk->depth] = *place;
        return 0;
}

/* Is there another name in the path? Slashes and dots are none. */
static const char *next_name(struct walk *walk)
{
        for (;;) {
                const char *name;
                size_t size;

                walk->rest += strspn(walk->rest, "/");
                size = strcspn(walk->rest, "/");
                if (!size)
                        return NULL;
                name = arena_copy(walk->arena, walk->rest, size);
                walk->rest += size;
                if (text_equal(name, ".."))
                        walk->depth -= walk->depth > 0;
                else if (!text_equal(name, "."))
                        return name;
        }
}

/* Along the path: to what ends it, which is no link, or an error. */
static int walk_on(struct walk *walk, struct thing *ret_end)
{
        const char *name;

        while ((name = next_name(walk))) {
                struct thing thing;
                struct view_place place;
                int r = look(
                        walk->arena, walk->view, &walk->places[walk->depth], name, &thing, &place);

                if (r < 0)
                        return r;
                if (S_ISLNK(thing.status.st_mode)) {
                        r = follow(walk, &thing);
                } else if (S_ISDIR(thing.status.st_mode)) {
                        r = enter(walk, &place);
                } else if (!*walk->rest) {
                        *ret_end = thing;
                        return 0;
                } else {
                        r = -ENOTDIR;
                }
                file_close(&thing.fd);
                if (r < 0)
                        return r;
        }
        return -EISDIR;
}

static int read_in_image(
        struct arena *arena, const struct thing *thing, size_t most, struct text *ret_text)
{
        const size_t size = thing->file.size < most ? (size_t)thing->file.size : most;
        char *bytes;
        int r;

        if (thing->file.size > most)
                return -EFBIG;
        bytes = arena_alloc(arena, size + 1);
        r = erofs_read(thing->image, &thing->file, 0, bytes, size);
        if (r == 0)
                text_add_bytes(ret_text, bytes, size);
        return r;
}

int view_read(
        struct arena *arena, const struct view *view, const char *path, size_t most,
        struct text *ret_text)
{
        struct walk *walk = arena_new(arena, struct walk);
        auto_close found = NO_FD, fd = NO_FD;
        struct thing end;
        int r;

        *walk = (struct walk){ .arena = arena, .view = view, .rest = path };
        walk->places[0] = view_root(arena, view);
        r = walk_on(walk, &end);
        if (r < 0)
                return r;
        found = end.fd;
        if (!S_ISREG(end.status.st_mode))
                return -EINVAL;
        if (end.image)
                return read_in_image(arena, &end, most, ret_text);
        fd = file_open(AT_FDCWD, arena_format(arena, "/proc/self/fd/%d", found), O_RDONLY, 0);
        return fd < 0 ? fd : file_read_plain(arena, fd, most, ret_text);
}

int view_root_mode(const struct view *view)
{
        struct thing root;
        int r = view->n ? look_in(view, 0, ".", &root) : -ENOENT;

        if (r < 0)
                return r;
        file_close(&root.fd);
        return (int)(root.status.st_mode & 07777);
}
