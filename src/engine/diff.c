/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container changed.
 *
 * The upper layer of an overlay holds exactly that: new and changed files, a character device 0:0
 * for each deleted one, and directories marked opaque where the lower one is hidden. The walk goes
 * down the upper layer by descriptor, and beside it down the lower ones as they are seen together
 * (store/view.h); it never follows a symbolic link. As with docker, a directory above a change is
 * itself listed as changed, and what was made to mount something on is no change. */
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/xattr.h>

struct walk {
        struct arena *arena;
        struct view view; /* the lower layers */
        const struct record *record;
        const struct spec *spec;
        size_t skipped; /* places of mounts */
        struct diff_entry *list;
        size_t n, room;
};

static void add(struct walk *walk, char kind, const char *path)
{
        if (walk->n == walk->room) {
                size_t room = walk->room ? 2 * walk->room : 64;
                struct diff_entry *more = arena_array(walk->arena, room, sizeof *more);

                if (walk->n)
                        memcpy(more, walk->list, walk->n * sizeof *more);
                walk->list = more;
                walk->room = room;
        }
        walk->list[walk->n++] = (struct diff_entry){ .kind = kind, .path = path };
}

static int open_directory(int dir, const char *name)
{
        return file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static bool is_name(const char *name)
{
        return !text_equal(name, ".") && !text_equal(name, "..");
}

/* What the opaque directory hides: names of the lower ones that `upper` lacks. Of several layers one name
 * may come twice. */
static void hidden(struct walk *walk, int upper, const struct view_place *lower, const char *path)
{
        struct stat st;

        for (size_t i = 0; i < lower->n; i++) {
                int again = view_open_place(&walk->view, lower, i);
                DIR *dir = again < 0 ? NULL : fdopendir(again);

                if (!dir)
                        file_close(&again);
                for (struct dirent *entry; dir && (entry = readdir(dir));) {
                        auto_close there = NO_FD;

                        if (!is_name(entry->d_name) ||
                            file_stat(upper, entry->d_name, AT_SYMLINK_NOFOLLOW, &st) == 0)
                                continue;
                        there = view_look(
                                walk->arena, &walk->view, lower, entry->d_name, &st, NULL);
                        if (there >= 0)
                                add(walk, 'D',
                                    arena_format(walk->arena, "%s/%s", path, entry->d_name));
                }
                if (dir)
                        closedir(dir);
        }
}

static bool is_empty(int dir)
{
        int again = open_directory(dir, ".");
        DIR *list = again < 0 ? NULL : fdopendir(again);
        bool empty = list != NULL;

        if (!list)
                file_close(&again);
        for (struct dirent *entry; list && (entry = readdir(list));)
                empty = empty && !is_name(entry->d_name);
        if (list)
                closedir(list);
        return empty;
}

/* Was it made, empty, for something to be mounted on it? */
static bool is_mount_place(
        const struct walk *walk, int upper, const char *name, const struct stat *st,
        const char *path)
{
        bool found = false;

        for (size_t i = 0; i < walk->record->n_own && !found; i++)
                found = text_equal(walk->record->own[i].target, path);
        for (size_t i = 0; i < walk->spec->mounts.n && !found; i++)
                found = text_equal(walk->spec->mounts.items[i].destination, path);
        if (found && S_ISDIR(st->st_mode)) {
                auto_close dir = open_directory(upper, name);

                return dir >= 0 && is_empty(dir);
        }
        return found && S_ISREG(st->st_mode) && st->st_size == 0;
}

static int walk_directory(
        struct walk *walk, int *upper, const struct view_place *lower, const char *path, int depth);

/* A directory that is there above and perhaps (`lower` not NULL) below. */
static int walk_down(
        struct walk *walk, int up, const struct view_place *lower, const char *path, int depth)
{
        auto_close upper = up;

        if (lower && view_is_opaque(upper)) {
                hidden(walk, upper, lower, path);
                lower = NULL;
        }
        return walk_directory(walk, &upper, lower, path, depth + 1);
}

static int walk_entry(
        struct walk *walk, int upper, const struct view_place *lower, const char *name,
        const char *path, int depth)
{
        struct stat above, below;
        struct view_place place = { .n = 0 };
        auto_close there =
                lower ? view_look(walk->arena, &walk->view, lower, name, &below, &place) : -ENOENT;
        size_t skipped = walk->skipped, n = walk->n;
        int r = file_stat(upper, name, AT_SYMLINK_NOFOLLOW, &above), up;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (view_is_whiteout(&above)) {
                if (there >= 0)
                        add(walk, 'D', path);
                return 0;
        }
        if (there < 0 && is_mount_place(walk, upper, name, &above, path)) {
                walk->skipped++;
                return 0;
        }
        add(walk, there >= 0 ? 'C' : 'A', path);
        if (!S_ISDIR(above.st_mode))
                return 0;
        up = open_directory(upper, name);
        if (up < 0)
                return up;
        r = walk_down(walk, up, place.n ? &place : NULL, path, depth);
        /* Nothing but a place of a mount is new in it. */
        if (there >= 0 && walk->n == n + 1 && walk->skipped > skipped &&
            above.st_mode == below.st_mode)
                walk->n = n;
        return r;
}

static int walk_directory(
        struct walk *walk, int *upper, const struct view_place *lower, const char *path, int depth)
{
        DIR *dir;
        int r = 0;

        if (depth > 512)
                return trail(-ELOOP, "%s: too deep", path);
        dir = fdopendir(*upper);
        if (!dir)
                return -errno;
        *upper = NO_FD;
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
                if (is_name(entry->d_name))
                        r = walk_entry(
                                walk, dirfd(dir), lower, entry->d_name,
                                arena_format(walk->arena, "%s/%s", path, entry->d_name), depth);
        closedir(dir);
        return r;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct diff_entry *)a)->path, ((const struct diff_entry *)b)->path);
}

static int walk_overlay(struct walk *walk, const struct runtime_overlay *overlay)
{
        auto_close upper = open_directory(AT_FDCWD, overlay->upper);
        const char *place =
                *overlay->target ? arena_format(walk->arena, "/%s", overlay->target) : "";
        struct view_place lower;
        size_t before = walk->n;
        int r;

        if (upper < 0)
                return trail(
                        upper, "cannot read the layer %s: %s", overlay->upper, text_errno(upper));
        r = view_open_layers(walk->arena, overlay->lower.items, overlay->lower.n, &walk->view);
        if (r < 0)
                return r;
        lower = view_root(walk->arena, &walk->view);
        r = walk_directory(walk, &upper, &lower, place, 0);
        view_close(&walk->view);
        if (walk->n > before && *place)
                add(walk, 'C', place);
        return r;
}

/* By path, each once. */
static void sort_list(struct walk *walk)
{
        size_t n = 0;

        if (walk->n)
                qsort(walk->list, walk->n, sizeof *walk->list, by_path);
        for (size_t i = 0; i < walk->n; i++)
                if (!n || !text_equal(walk->list[n - 1].path, walk->list[i].path))
                        walk->list[n++] = walk->list[i];
        walk->n = n;
}

int engine_diff(
        const struct diff_request *request, struct arena *arena, struct diff_entry **ret_list,
        size_t *ret_n)
{
        struct record record;
        struct walk walk = { .arena = arena, .record = &record };
        struct container container;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        record_decode(arena, &container, &record);
        r = container_spec(arena, &container, &walk.spec);
        container_close(&container);
        if (r < 0)
                return r;
        if (record.n_overlays == 0)
                return trail(
                        -EINVAL,
                        "container '%s' runs on a directory of its own (--rootfs): there "
                        "is nothing to compare it with",
                        request->container);
        for (size_t i = 0; i < record.n_overlays && r == 0; i++)
                r = walk_overlay(&walk, &record.overlays[i]);
        sort_list(&walk);
        *ret_list = walk.list;
        *ret_n = walk.n;
        return r;
}
