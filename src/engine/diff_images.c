/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what an image has changed of another one, or of its own layers below the topmost.
 *
 * The layers are looked at as overlayfs would join them (store/view.h), nothing is mounted but what is an image itself. Of two
 * images all names of both are gone through, side by side. A file is another one by its type, mode, owner, device, time,
 * size, target, capabilities or bytes; a directory not by its time or size, but when something in it is. As with docker,
 * all of a new directory is listed, and of one that is gone the directory alone.
 *
 * An ordinary user's layers belong to ids of a user namespace: a process in there looks, and hands the list over in a
 * file of memory. */
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
        LIST_BYTES_MAX = 256 << 20,
};

struct comparison {
        struct arena *arena;
        struct view new, old;
        struct text out; /* "C/path" and a NUL each */
};

/* What a view has of a name; `fd` is O_PATH or a negative errno. */
struct seen {
        int fd;
        bool there;
        struct stat st;
        struct view_place place;
};

static void add(struct comparison *c, char kind, const char *path)
{
        text_add_char(&c->out, kind);
        text_add_bytes(&c->out, path, strlen(path) + 1);
}

/* -- names ------------------------------------------------------------------------------------------------ */

struct names {
        const char **items;
        size_t n, room;
};

static void add_name(struct arena *arena, struct names *names, const char *name)
{
        names->items =
                arena_more(arena, names->items, names->n, &names->room, sizeof *names->items, 16);
        names->items[names->n++] = arena_string(arena, name);
}

static int list_names(
        struct arena *arena, const struct view *view, const struct view_place *place,
        struct names *names)
{
        for (size_t i = 0; place && i < place->n; i++) {
                int fd = view_open_place(view, place, i);
                DIR *dir = fd < 0 ? NULL : fdopendir(fd);

                if (fd == -ENOENT)
                        continue;
                if (!dir) {
                        file_close(&fd);
                        return trail(fd < 0 ? fd : -EIO, "cannot read /%s", place->path);
                }
                for (struct dirent *entry; (entry = readdir(dir));)
                        if (!text_is_dots(entry->d_name))
                                add_name(arena, names, entry->d_name);
                closedir(dir);
        }
        return 0;
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* -- two files -------------------------------------------------------------------------------------------- */

static int open_file(struct arena *arena, int fd)
{
        return file_open(
                AT_FDCWD, arena_format(arena, "/proc/self/fd/%d", fd), O_RDONLY | O_NONBLOCK, 0);
}

static bool same_target(int a, int b)
{
        char x[4096], y[4096];

        return tree_read_link(a, x, sizeof x) >= 0 && tree_read_link(b, y, sizeof y) >= 0 &&
               text_equal(x, y);
}

static bool same_capabilities(int a, int b)
{
        static const char name[] = "security.capability";
        char x[64], y[64];
        ssize_t n = fgetxattr(a, name, x, sizeof x), m = fgetxattr(b, name, y, sizeof y);

        return n <= 0 || m <= 0 ? n <= 0 && m <= 0 : n == m && memcmp(x, y, (size_t)n) == 0;
}

/* 1, 0, or a negative errno. Both have `size` bytes, of which holes of both are the same. */
static int same_content(struct arena *arena, int a, int b, uint64_t size)
{
        auto_close x = open_file(arena, a), y = open_file(arena, b);
        char left[32 << 10], right[32 << 10];
        struct file_pair pair = { .fds = { x, y } };
        uint64_t at = 0;
        int r;

        if (x < 0 || y < 0)
                return x < 0 ? x : y;
        if (!same_capabilities(x, y))
                return 0;
        while ((r = file_skip_holes(&pair, at, size, &at)) == 0 && at < size) {
                ssize_t n = pread(x, left, sizeof left, (off_t)at),
                        m = pread(y, right, sizeof right, (off_t)at);

                if (n < 0 || m < 0)
                        return -errno;
                if (n != m || memcmp(left, right, (size_t)n) != 0)
                        return 0;
                if (n == 0)
                        break;
                at += (uint64_t)n;
        }
        return r < 0 ? r : 1;
}

/* 1, 0, or a negative errno. */
static int is_same(struct comparison *c, const struct seen *new, const struct seen *old)
{
        const struct stat *a = &new->st, *b = &old->st;

        if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
            a->st_rdev != b->st_rdev)
                return 0;
        if (S_ISDIR(a->st_mode) || (a->st_dev == b->st_dev && a->st_ino == b->st_ino))
                return 1;
        if (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
            a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
                return 0;
        if (S_ISLNK(a->st_mode))
                return same_target(new->fd, old->fd);
        if (!S_ISREG(a->st_mode))
                return 1;
        return same_content(c->arena, new->fd, old->fd, (uint64_t)a->st_size);
}

/* -- two directories -------------------------------------------------------------------------------------- */

static void look(
        struct comparison *c, const struct view *view, const struct view_place *dir,
        const char *name, struct seen *ret)
{
        *ret = (struct seen){ .fd = -ENOENT };
        if (dir)
                ret->fd = view_look(c->arena, view, dir, name, &ret->st, &ret->place);
        ret->there = ret->fd >= 0;
}

static int compare(
        struct comparison *c, const struct view_place *new, const struct view_place *old,
        const char *path, int depth);

static int compare_name(
        struct comparison *c, const struct view_place *new_dir, const struct view_place *old_dir,
        const char *name, const char *path, int depth)
{
        struct seen new, old;
        size_t before;
        int r = 0, same = 0;

        look(c, &c->new, new_dir, name, &new);
        look(c, &c->old, old_dir, name, &old);
        if ((new.fd < 0 && new.fd != -ENOENT) || (old.fd < 0 && old.fd != -ENOENT))
                r =
                        trail(new.fd < 0 && new.fd != -ENOENT ? new.fd : old.fd,
                              "cannot look at %s", path);
        else if (new.there && old.there)
                same = is_same(c, &new, &old);
        file_close(&new.fd);
        file_close(&old.fd);
        if (same < 0)
                r = trail(same, "cannot compare %s", path);
        if (r < 0)
                return r;
        before = c->out.len;
        if (!new.there) {
                if (old.there)
                        add(c, 'D', path);
                return 0;
        }
        if (S_ISDIR(new.st.st_mode))
                r = compare(
                        c, &new.place, old.there && S_ISDIR(old.st.st_mode) ? &old.place : NULL,
                        path, depth + 1);
        if (!old.there || !same || c->out.len > before)
                add(c, old.there ? 'C' : 'A', path);
        return r;
}

static int compare(
        struct comparison *c, const struct view_place *new, const struct view_place *old,
        const char *path, int depth)
{
        struct names names = { 0 };
        int r = depth > VIEW_DEPTH_MAX ? trail(-ELOOP, "%s: too deep", path)
                                       : list_names(c->arena, &c->new, new, &names);

        if (r == 0)
                r = list_names(c->arena, &c->old, old, &names);
        if (r < 0)
                return r;
        if (names.n)
                qsort(names.items, names.n, sizeof *names.items, by_bytes);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                if (!i || !text_equal(names.items[i - 1], names.items[i]))
                        r = compare_name(
                                c, new, old, names.items[i],
                                arena_format(c->arena, "%s/%s", path, names.items[i]), depth);
        return r;
}

/* -- images ----------------------------------------------------------------------------------------------- */

struct work {
        struct engine_image new, old;
        bool parent; /* the topmost layer of `new` is compared with those below it */
        int list;    /* what is found */
};

static int open_layers(
        struct arena *arena, const struct engine_image *image, size_t n, struct view *ret_view)
{
        return view_open_layers(arena, image_layers_down(arena, image, n), n, false, ret_view);
}

static int compare_parent(struct comparison *c, const struct work *work)
{
        const struct engine_image *image = &work->new;
        struct diff_entry *list;
        size_t n;
        int r;

        if (!image->n_layers)
                return 0;
        r = view_open_layers(c->arena, &image->layers[image->n_layers - 1], 1, false, &c->new);
        if (r == 0)
                r = open_layers(c->arena, image, image->n_layers - 1, &c->old);
        if (r == 0)
                r = diff_layer(c->arena, c->new.layers[0], &c->old, &list, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                add(c, list[i].kind, list[i].path);
        return r;
}

static int compare_two(struct comparison *c, const struct work *work)
{
        struct view_place new, old;
        int r = open_layers(c->arena, &work->new, work->new.n_layers, &c->new);

        if (r == 0)
                r = open_layers(c->arena, &work->old, work->old.n_layers, &c->old);
        if (r < 0)
                return r;
        new = view_root(c->arena, &c->new);
        old = view_root(c->arena, &c->old);
        return compare(c, &new, &old, "", 0);
}

static int look_inside(void *context, void *ret)
{
        const struct work *work = context;
        auto_arena arena = { 0 };
        struct comparison c = { .arena = &arena, .out = { .arena = &arena } };
        int r = work->parent ? compare_parent(&c, work) : compare_two(&c, work);

        (void)ret;
        view_close(&c.new);
        view_close(&c.old);
        return r < 0 ? r : file_write(work->list, c.out.data, c.out.len);
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct diff_entry *)a)->path, ((const struct diff_entry *)b)->path);
}

static int read_list(struct arena *arena, int file, struct diff_entry **ret_list, size_t *ret_n)
{
        struct diff_entry *list;
        struct text bytes;
        size_t n = 0;
        int r = lseek(file, 0, SEEK_SET) < 0 ? -errno
                                             : file_read_fd(arena, file, LIST_BYTES_MAX, &bytes);

        if (r < 0)
                return trail(r, "cannot read the list: %s", text_errno(r));
        for (size_t i = 0; i < bytes.len; i++)
                n += !bytes.data[i];
        list = arena_array(arena, n + 1, sizeof *list);
        n = 0;
        for (const char *at = bytes.data; at < bytes.data + bytes.len; at += strlen(at) + 1)
                list[n++] = (struct diff_entry){ .kind = *at, .path = at + 1 };
        qsort(list, n, sizeof *list, by_path);
        *ret_list = list;
        *ret_n = n;
        return 0;
}

int diff_images(
        struct arena *arena, const struct engine_options *options, const char *words,
        const char *of, struct diff_entry **ret_list, size_t *ret_n)
{
        struct work work = { .new.hold = NO_FD, .old.hold = NO_FD, .parent = !of };
        auto_close list = NO_FD;
        int r = image_open(arena, options, words, NULL, &work.new);

        if (r == 0 && of)
                r = image_open(arena, options, of, NULL, &work.old);
        if (r == 0) {
                work.list = list = file_make_memory("diff");
                r = list < 0 ? list : 0;
        }
        if (r == 0)
                r = inside_run(image_ids(arena), look_inside, &work, NULL, 0);
        if (r == 0)
                r = read_list(arena, list, ret_list, ret_n);
        file_close(&work.new.hold);
        file_close(&work.old.hold);
        return r;
}
