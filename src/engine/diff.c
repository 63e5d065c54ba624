/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container changed.
 *
 * The upper layer of an overlay holds exactly that: new and changed files, a character device 0:0
 * for each deleted one, and directories marked opaque where the lower one is hidden. The walk goes
 * down both layers by descriptor and never follows a symbolic link. As with docker, a directory
 * above a change is itself listed as changed. */
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

static bool is_opaque(int dir)
{
        char value[2] = "";

        /* The second one is an ordinary user's overlay's. */
        return (fgetxattr(dir, "trusted.overlay.opaque", value, sizeof value) == 1 ||
                fgetxattr(dir, "user.overlay.opaque", value, sizeof value) == 1) &&
               value[0] == 'y';
}

static int open_directory(int dir, const char *name)
{
        return dir == NO_FD ? NO_FD : file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* What the opaque directory hides: names below `lower` that `upper` lacks. */
static void hidden(struct walk *walk, int upper, int lower, const char *path)
{
        int again = open_directory(lower, ".");
        DIR *dir = again < 0 ? NULL : fdopendir(again);
        struct stat st;

        if (!dir)
                file_close(&again);
        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, "..") &&
                    file_stat(upper, entry->d_name, AT_SYMLINK_NOFOLLOW, &st) < 0)
                        add(walk, 'D', arena_format(walk->arena, "%s/%s", path, entry->d_name));
        if (dir)
                closedir(dir);
}

static int walk_directory(struct walk *walk, int *upper, int lower, const char *path, int depth);

static int walk_entry(
        struct walk *walk, int upper, int lower, const char *name, const char *path, int depth)
{
        struct stat above, below;
        bool existed = lower >= 0 && file_stat(lower, name, AT_SYMLINK_NOFOLLOW, &below) == 0;
        int r = file_stat(upper, name, AT_SYMLINK_NOFOLLOW, &above);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (S_ISCHR(above.st_mode) && above.st_rdev == 0) {
                if (existed)
                        add(walk, 'D', path);
                return 0;
        }
        add(walk, existed ? 'C' : 'A', path);
        if (S_ISDIR(above.st_mode)) {
                auto_close up = open_directory(upper, name);
                auto_close down = existed ? open_directory(lower, name) : NO_FD;

                if (up < 0)
                        return up;
                if (down >= 0 && is_opaque(up)) {
                        hidden(walk, up, down, path);
                        file_close(&down);
                }
                return walk_directory(walk, &up, down, path, depth + 1);
        }
        return 0;
}

static int walk_directory(struct walk *walk, int *upper, int lower, const char *path, int depth)
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
                if (!text_equal(entry->d_name, ".") && !text_equal(entry->d_name, ".."))
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
        auto_close lower = open_directory(AT_FDCWD, overlay->lower.items[0]);
        const char *place =
                *overlay->target ? arena_format(walk->arena, "/%s", overlay->target) : "";
        size_t before = walk->n;
        int r;

        if (upper < 0)
                return trail(
                        upper, "cannot read the layer %s: %s", overlay->upper, text_errno(upper));
        r = walk_directory(walk, &upper, lower, place, 0);
        if (walk->n > before && *place)
                add(walk, 'C', place);
        return r;
}

int engine_diff(
        const struct diff_request *request, struct arena *arena, struct diff_entry **ret_list,
        size_t *ret_n)
{
        struct walk walk = { .arena = arena };
        struct container container;
        struct record record;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        record_decode(arena, &container, &record);
        container_close(&container);
        if (record.n_overlays == 0)
                return trail(
                        -EINVAL,
                        "container '%s' runs on a directory of its own (--rootfs): there "
                        "is nothing to compare it with",
                        request->container);
        for (size_t i = 0; i < record.n_overlays && r == 0; i++)
                r = walk_overlay(&walk, &record.overlays[i]);
        if (walk.n)
                qsort(walk.list, walk.n, sizeof *walk.list, by_path);
        *ret_list = walk.list;
        *ret_n = walk.n;
        return r;
}
