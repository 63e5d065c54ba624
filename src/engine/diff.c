/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container changed, or the topmost layer of an image.
 *
 * The upper layer of an overlay holds exactly that: new and changed files, a character device 0:0
 * for each deleted one, and directories marked opaque where the lower one is hidden. The walk goes
 * down the upper layer by descriptor, and beside it down the lower ones as they are seen together
 * (store/view.h); it never follows a symbolic link. As with docker, a directory above a change is
 * itself listed as changed, and what was made to mount something on is no change. */
#include "image.h"
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/xattr.h>

enum {
        PATHS_MAX =
                256 << 20 /* bytes of all paths together: a container makes long ones at no cost */
};

struct walk {
        struct arena *arena;
        struct text path;            /* of what is looked at */
        size_t bytes;                /* of all paths that are told */
        struct view view;            /* the lower layers */
        const struct record *record; /* NULL: it is an image's */
        const struct spec *spec;
        size_t skipped; /* places of mounts */
        struct diff_entry *list;
        size_t n, room;
};

/* What is looked at, or with a name what is in it. */
static int add(struct walk *walk, char kind, const char *name)
{
        const char *path = text_string(&walk->path);
        char *copy;

        walk->bytes += walk->path.len + (name ? strlen(name) + 1 : 0) + 1;
        if (walk->bytes > PATHS_MAX)
                return trail(
                        -E2BIG, "what has changed has names of more than %d MiB together",
                        PATHS_MAX >> 20);
        copy = name ? arena_format(walk->arena, "%s/%s", path, name)
                    : arena_string(walk->arena, path);
        walk->list =
                arena_more(walk->arena, walk->list, walk->n, &walk->room, sizeof *walk->list, 64);
        walk->list[walk->n++] = (struct diff_entry){ .kind = kind, .path = copy };
        return 0;
}

static int open_directory(int dir, const char *name)
{
        return file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static bool is_name(const char *name)
{
        return !text_is_dots(name);
}

/* What the opaque directory hides: names of the lower ones that `upper` lacks. Of several layers one name
 * may come twice. */
static int hidden(struct walk *walk, int upper, const struct view_place *lower)
{
        struct stat st;
        int r = 0;

        for (size_t i = 0; r == 0 && i < lower->n; i++) {
                int again = view_open_place(&walk->view, lower, i);
                DIR *dir = again < 0 ? NULL : fdopendir(again);

                if (!dir)
                        file_close(&again);
                for (struct dirent *entry; r == 0 && dir && (entry = readdir(dir));) {
                        auto_close there = NO_FD;

                        if (!is_name(entry->d_name) ||
                            file_stat(upper, entry->d_name, AT_SYMLINK_NOFOLLOW, &st) == 0)
                                continue;
                        there = view_look(
                                walk->arena, &walk->view, lower, entry->d_name, &st, NULL);
                        if (there >= 0)
                                r = add(walk, 'D', entry->d_name);
                }
                if (dir)
                        closedir(dir);
        }
        return r;
}

static bool is_empty(int dir, bool served)
{
        const char *hidden;
        int again = open_directory(dir, ".");
        DIR *list = again < 0 ? NULL : fdopendir(again);
        bool empty = list != NULL;

        if (!list)
                file_close(&again);
        for (struct dirent *entry; list && (entry = readdir(list));)
                empty = empty &&
                        (!is_name(entry->d_name) ||
                         (served && view_served(entry->d_name, &hidden) == VIEW_SERVED_MARKER));
        if (list)
                closedir(list);
        return empty;
}

bool diff_is_mount_place(
        const struct record *record, const struct spec *spec, int place, const struct stat *st,
        const char *path)
{
        bool found = false;

        for (size_t i = 0; i < record->n_own && !found; i++)
                found = text_equal(record->own[i].target, path);
        for (size_t i = 0; i < spec->mounts.n && !found; i++)
                found = text_equal(spec->mounts.items[i].destination, path);
        return found && (S_ISDIR(st->st_mode) ? is_empty(place, record->mount_program != NULL)
                                              : S_ISREG(st->st_mode) && st->st_size == 0);
}

static int walk_directory(struct walk *walk, int *upper, const struct view_place *lower, int depth);

static bool is_opaque(const struct walk *walk, int dir)
{
        return walk->record && walk->record->mount_program ? view_is_served_opaque(dir)
                                                           : view_is_opaque(dir);
}

/* A directory that is there above and perhaps (`lower` not NULL) below. */
static int walk_down(struct walk *walk, int up, const struct view_place *lower, int depth)
{
        auto_close upper = up;
        int r = 0;

        if (lower && is_opaque(walk, upper)) {
                r = hidden(walk, upper, lower);
                lower = NULL;
        }
        return r < 0 ? r : walk_directory(walk, &upper, lower, depth + 1);
}

static int walk_entry(
        struct walk *walk, int upper, const struct view_place *lower, const char *name, int depth)
{
        struct stat above, below;
        struct view_place place = { .n = 0 };
        auto_close there =
                lower ? view_look(walk->arena, &walk->view, lower, name, &below, &place) : -ENOENT;
        size_t skipped = walk->skipped, n = walk->n;
        int r = file_stat(upper, name, AT_SYMLINK_NOFOLLOW, &above), up;

        if (r < 0)
                return r == -ENOENT ? 0
                                    : trail(r, "cannot look at %s: %s", text_string(&walk->path),
                                            text_errno(r));
        if (view_is_whiteout(&above))
                return there >= 0 ? add(walk, 'D', NULL) : 0;
        if (there < 0 && walk->record) {
                auto_close itself = file_open(upper, name, O_PATH | O_NOFOLLOW, 0);

                if (itself >= 0 &&
                    diff_is_mount_place(
                            walk->record, walk->spec, itself, &above, text_string(&walk->path))) {
                        walk->skipped++;
                        return 0;
                }
        }
        r = add(walk, there >= 0 ? 'C' : 'A', NULL);
        if (r < 0 || !S_ISDIR(above.st_mode))
                return r;
        up = open_directory(upper, name);
        if (up == -ENOENT || up == -ENOTDIR || up == -ELOOP)
                return 0; /* a directory no more: the container goes on meanwhile */
        if (up < 0)
                return trail(up, "cannot read %s: %s", text_string(&walk->path), text_errno(up));
        r = walk_down(walk, up, place.n ? &place : NULL, depth);
        /* Nothing but a place of a mount is new in it. */
        if (there >= 0 && walk->n == n + 1 && walk->skipped > skipped &&
            above.st_mode == below.st_mode)
                walk->n = n;
        return r;
}

/* A name that is no file's, where a program has served the overlay: 1; 0: it is one's. */
static int walk_served(struct walk *walk, const struct view_place *lower, const char *name)
{
        const char *hidden = NULL;
        auto_close there = NO_FD;
        enum view_served what;
        struct stat below;
        int r = 0;

        if (!walk->record || !walk->record->mount_program)
                return 0;
        what = view_served(name, &hidden);
        if (what == VIEW_SERVED_WHITEOUT && lower) {
                there = view_look(walk->arena, &walk->view, lower, hidden, &below, NULL);
                if (there >= 0)
                        r = add(walk, 'D', hidden);
        }
        return r < 0 ? r : what != VIEW_SERVED_FILE;
}

static int walk_name(
        struct walk *walk, int upper, const struct view_place *lower, const char *name, int depth)
{
        const size_t length = walk->path.len;
        int r = walk_served(walk, lower, name);

        if (r != 0)
                return r < 0 ? r : 0;
        text_addf(&walk->path, "/%s", name);
        r = walk_entry(walk, upper, lower, name, depth);
        walk->path.len = length;
        walk->path.data[length] = '\0';
        return r;
}

static int walk_directory(struct walk *walk, int *upper, const struct view_place *lower, int depth)
{
        DIR *dir;
        int r = 0;

        if (depth > 512)
                return trail(-ELOOP, "%s: too deep", text_string(&walk->path));
        dir = fdopendir(*upper);
        if (!dir)
                return -errno;
        *upper = NO_FD;
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
                if (is_name(entry->d_name))
                        r = walk_name(walk, dirfd(dir), lower, entry->d_name, depth);
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
        struct view_place lower;
        size_t before = walk->n;
        int r;

        if (upper < 0)
                return trail(
                        upper, "cannot read the layer %s: %s", overlay->upper, text_errno(upper));
        r = view_open_layers(
                walk->arena, overlay->lower.items, overlay->lower.n, false, &walk->view);
        if (r < 0)
                return r;
        lower = view_root(walk->arena, &walk->view);
        walk->path = (struct text){ .arena = walk->arena };
        if (*overlay->target)
                text_addf(&walk->path, "/%s", overlay->target);
        r = walk_directory(walk, &upper, &lower, 0);
        view_close(&walk->view);
        if (r == 0 && walk->n > before && *overlay->target)
                r = add(walk, 'C', NULL);
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

int diff_layer(
        struct arena *arena, int upper, const struct view *lower, struct diff_entry **ret_list,
        size_t *ret_n)
{
        struct walk walk = { .arena = arena, .path.arena = arena, .view = *lower };
        struct view_place root = view_root(arena, &walk.view);
        int fd = open_directory(upper, ".");
        int r = fd < 0 ? fd : walk_down(&walk, fd, &root, -1);

        sort_list(&walk);
        *ret_list = walk.list;
        *ret_n = walk.n;
        return r;
}

static int diff_container(
        const struct diff_request *request, struct arena *arena, const struct container *container,
        struct diff_entry **ret_list, size_t *ret_n)
{
        struct record record;
        struct walk walk = { .arena = arena, .record = &record };
        int r;

        record_decode(arena, container, &record);
        r = container_spec(arena, container, &walk.spec);
        if (r < 0)
                return r;
        if (record.n_overlays == 0)
                return trail(
                        -EINVAL,
                        "container '%s' runs on a directory of its own (--rootfs): there "
                        "is nothing to compare it with",
                        request->container);
        for (size_t i = 0; i < record.n_overlays && r == 0; i++)
                r = record.overlays[i].read_only ? 0 : walk_overlay(&walk, &record.overlays[i]);
        sort_list(&walk);
        *ret_list = walk.list;
        *ret_n = walk.n;
        return r;
}

int engine_diff(
        const struct diff_request *request, struct arena *arena, struct diff_entry **ret_list,
        size_t *ret_n)
{
        struct container container;
        const char *words, *hint;
        int r = -ENOENT, as_image;

        if (!request->other)
                r = store_open(arena, &request->engine, request->container, false, &container);
        if (r == 0) {
                r = diff_container(request, arena, &container, ret_list, ret_n);
                container_close(&container);
                return r;
        }
        if (r != -ENOENT)
                return r;
        words = arena_string(arena, trail_text());
        hint = arena_string(arena, trail_hint_text());
        trail_reset();
        as_image = diff_images(
                arena, &request->engine, request->container, request->other, ret_list, ret_n);
        if (as_image >= 0 || request->other || (as_image != -ENOENT && as_image != -EINVAL))
                return as_image;
        /* It is nothing at all: as a container it was asked for first. */
        trail_reset();
        if (*hint)
                trail_hint("%s", hint);
        return trail(r, "%s", words);
}
