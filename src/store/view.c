/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an image, looked into before it is mounted.
 *
 * Who "User: www" is stands in the image's passwd, which is in one of its layers, or behind a link in
 * another. So the way overlayfs joins directories is followed by hand: a name is what the topmost
 * layer that has it says; directories of that name below it join, down to one that is opaque, a
 * whiteout or no directory. A place is a path without links and the layers that have a part in it, so
 * no more is open at a time than the layers themselves and one file. */
#include "linux/linux.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/xattr.h>

bool view_is_whiteout(const struct stat *status)
{
        return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

bool view_is_opaque(int dir)
{
        char value[2] = "";

        /* The second one is an ordinary user's overlay's. */
        return (fgetxattr(dir, "trusted.overlay.opaque", value, sizeof value) == 1 ||
                fgetxattr(dir, "user.overlay.opaque", value, sizeof value) == 1) &&
               value[0] == 'y';
}

void view_close(struct view *view)
{
        for (size_t i = 0; i < view->n; i++)
                close(view->layers[i]);
        view->n = 0;
}

int view_open_layers(struct arena *arena, const char *const *paths, size_t n, struct view *ret_view)
{
        int *layers = arena_array(arena, n + 1, sizeof *layers);
        struct view view = { layers, 0 };

        for (; view.n < n; view.n++) {
                int fd = file_open(AT_FDCWD, paths[view.n], O_RDONLY | O_DIRECTORY, 0);

                if (fd < 0) {
                        trail(fd, "cannot open the layer %s: %s", paths[view.n], text_errno(fd));
                        view_close(&view);
                        return fd;
                }
                layers[view.n] = fd;
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

/* An O_PATH descriptor in one layer, and what it is of. */
static int look_in(
        const struct view *view, unsigned layer, const char *path, struct stat *ret_status)
{
        int fd = file_open_strict(view->layers[layer], path, O_PATH);

        if (fd >= 0 && fstat(fd, ret_status) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

static bool is_opaque_in(const struct view *view, unsigned layer, const char *path)
{
        auto_close dir = file_open_strict(view->layers[layer], path, O_RDONLY | O_DIRECTORY);

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
                struct stat status;
                auto_close fd = look_in(view, dir->in[i], path, &status);

                if (fd == -ENOENT)
                        continue;
                if (fd < 0 || !S_ISDIR(status.st_mode))
                        break;
                in[place.n++] = dir->in[i];
                if (is_opaque_in(view, dir->in[i], path))
                        break;
        }
        return place;
}

int view_look(
        struct arena *arena, const struct view *view, const struct view_place *dir,
        const char *name, struct stat *ret_status, struct view_place *ret_place)
{
        const char *path = text_equal(dir->path, ".")
                                 ? arena_string(arena, name)
                                 : arena_format(arena, "%s/%s", dir->path, name);

        for (size_t i = 0; i < dir->n; i++) {
                int fd = look_in(view, dir->in[i], path, ret_status);

                if (fd == -ENOENT)
                        continue;
                if (fd < 0)
                        return fd;
                if (view_is_whiteout(ret_status)) {
                        close(fd);
                        return -ENOENT;
                }
                if (ret_place && S_ISDIR(ret_status->st_mode))
                        *ret_place = join(arena, view, dir, i, path);
                return fd;
        }
        return -ENOENT;
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

/* The link's target goes before what is left of the path. */
static int follow(struct walk *walk, int link)
{
        char target[4096];
        ssize_t size = tree_read_link(link, target, sizeof target);

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

int view_open(struct arena *arena, const struct view *view, const char *path, int flags)
{
        struct walk *walk = arena_new(arena, struct walk);
        const char *name;

        *walk = (struct walk){ .arena = arena, .view = view, .rest = path };
        walk->places[0] = view_root(arena, view);
        while ((name = next_name(walk))) {
                const struct view_place *dir = &walk->places[walk->depth];
                struct view_place place;
                struct stat status;
                auto_close fd = view_look(arena, view, dir, name, &status, &place);
                int r = 0;

                if (fd < 0)
                        return fd;
                if (S_ISLNK(status.st_mode)) {
                        r = follow(walk, fd);
                } else if (S_ISDIR(status.st_mode)) {
                        r = enter(walk, &place);
                } else if (*walk->rest) {
                        return -ENOTDIR;
                } else {
                        const char *self = arena_format(arena, "/proc/self/fd/%d", fd);

                        return file_open(AT_FDCWD, self, flags, 0);
                }
                if (r < 0)
                        return r;
        }
        return -EISDIR;
}
