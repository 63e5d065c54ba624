/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "store.h"
#include "tar_holes.h"
#include "tar_links.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Theory of operation: down a directory by descriptors. Each name is opened once, as a place (O_PATH, not followed),
 * looked at, and only when it is a file or a directory opened for reading, by way of that very descriptor: so a
 * device that comes to stand in its place is never opened. Files with several names are noted by their
 * numbers, and the second name is a link to the first (tar_links.c). */

#define WHITEOUT ".wh."
#define OPAQUE   ".wh..wh..opq"

enum {
        LEASES_MS =
                100000 /* the kernel leaves a lease 45 seconds: all of a tree get twice that together */
};

struct tree {
        struct tar_writer *writer;
        const struct tar_tree_options *options;
        struct tar_links links;
        uint64_t entries;
        unsigned depth;
        int patience_ms; /* with leases, of who made the files */
        size_t length;   /* of the path */
        char path[TAR_PATH_MAX];
        char
                bytes[(size_t)64
                      << 10]; /* of what is read at the moment; no list of attributes is larger */
        char value[(size_t)64 << 10]; /* of an attribute: XATTR_SIZE_MAX */
};

static int refuse(const struct tree *tree, int error, const char *what)
{
        auto_arena arena = { 0 };
        struct text path = { .arena = &arena };

        text_add_visible(&path, tree->path);
        return trail(error, "'%.400s': %s", text_string(&path), what);
}

static int failed(const struct tree *tree, int error, const char *what)
{
        char words[200];

        text_format(words, sizeof words, "%s: %s", what, text_errno(error));
        return refuse(tree, error, words);
}

static void warn(const struct tree *tree, const char *what)
{
        auto_arena arena = { 0 };
        struct text path = { .arena = &arena };

        text_add_visible(&path, tree->path);
        trail_warn("'%.200s' %s", text_string(&path), what);
}

/* -- attributes ----------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

/* One that goes away meanwhile is none. It may become larger meanwhile, too: so it is asked for once, with room for
 * any, since a second call with a length of 0 would be answered with a length alone. */
static int add_xattr(
        struct tree *tree, struct arena *arena, int fd, const char *name, const struct tar_ids *ids,
        struct tar_entry *entry)
{
        ssize_t size = fgetxattr(fd, name, tree->value, sizeof tree->value);

        if (size < 0 || entry->n_xattrs == TAR_XATTRS_MAX)
                return size == -1 && errno == ENODATA ? 0 : size < 0 ? -errno : -E2BIG;
        if (ids)
                size = (ssize_t)tar_ids_value(ids, name, tree->value, (size_t)size);
        entry->xattrs[entry->n_xattrs++] =
                (struct tar_xattr){ arena_string(arena, name),
                                    arena_copy(arena, tree->value, (size_t)size), (size_t)size };
        return 0;
}

static void warn_unnamed(const struct tree *tree, const char *name)
{
        auto_arena arena = { 0 };
        struct text words = { .arena = &arena };

        text_add(
                &words,
                "has an extended attribute that was left out, as archives have no names with '=': ");
        text_add_visible(&words, name);
        warn(tree, text_string(&words));
}

static int read_xattrs(struct tree *tree, struct arena *arena, int fd, struct tar_entry *entry)
{
        const char *names = tree->bytes;
        const struct tar_ids *ids = NULL;
        ssize_t size = flistxattr(fd, tree->bytes, sizeof tree->bytes);
        int r = 0;

        if (size <= 0)
                return size == 0 || errno == EOPNOTSUPP ? 0 : -errno;
        if (tar_ids_apply(tree->options->ids, tree->path))
                ids = tree->options->ids;
        entry->xattrs = arena_array(arena, TAR_XATTRS_MAX, sizeof *entry->xattrs);
        for (const char *at = names; r == 0 && at < names + size; at += strlen(at) + 1)
                if (layer_wants_xattr(at)) {
                        if (tar_has_xattr_name(at))
                                r = add_xattr(tree, arena, fd, at, ids, entry);
                        else
                                warn_unnamed(tree, at);
                }
        qsort(entry->xattrs, entry->n_xattrs, sizeof *entry->xattrs, by_name);
        return r;
}

static struct tar_entry describe(const struct tree *tree, const struct stat *st, enum tar_type type)
{
        struct tar_entry entry = {
                .type = type,
                .path = tree->path,
                .link = "",
                .mode = st->st_mode & 07777,
                .uid = st->st_uid,
                .gid = st->st_gid,
                .mtime_s = st->st_mtim.tv_sec,
                .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
        };

        if (tar_ids_apply(tree->options->ids, tree->path))
                tar_ids_owner(tree->options->ids, &entry);
        return entry;
}

static int put(
        struct tree *tree, const struct tar_entry *entry, const struct tar_piece *pieces, size_t n)
{
        int r = tar_writer_entry(tree->writer, entry, pieces, n);

        return r < 0 ? failed(tree, r, "cannot write it to the archive") : 0;
}

/* -- files ---------------------------------------------------------------------------------------------- */

static int copy_piece(struct tree *tree, int fd, const struct tar_piece *piece)
{
        static const char zeros[4096];
        char *bytes = tree->bytes;
        uint64_t done = 0;
        bool ended = false;

        while (done < piece->size) {
                size_t most = ended ? sizeof zeros : sizeof tree->bytes;
                size_t part = piece->size - done < most ? (size_t)(piece->size - done) : most;
                ssize_t n = ended ? 0 : pread(fd, bytes, part, (off_t)(piece->offset + done));
                int r;

                if (n < 0)
                        return failed(tree, -errno, "cannot read it");
                if (n == 0 && !ended) {
                        warn(tree, "became shorter while it was read: zeros stand in its place");
                        ended = true;
                        continue;
                }
                r = tar_writer_data(tree->writer, ended ? zeros : bytes, ended ? part : (size_t)n);
                if (r < 0)
                        return failed(tree, r, "cannot write it to the archive");
                done += ended ? part : (size_t)n;
        }
        return 0;
}

/* What is open at `place`, for reading. */
static int reopen(struct tree *tree, int place, int flags)
{
        char self[40];
        int fd;

        text_format(self, sizeof self, "/proc/self/fd/%d", place);
        fd = file_open_leased(AT_FDCWD, self, O_RDONLY | flags, &tree->patience_ms);
        if (fd == -EAGAIN)
                return refuse(tree, fd, "a process has a lease on it (F_SETLEASE of fcntl(2))");
        return fd < 0 ? failed(tree, fd, "cannot open it") : fd;
}

static int add_file(struct tree *tree, int place, const struct stat *st)
{
        const struct tar_piece whole = { 0, (uint64_t)st->st_size };
        struct tar_entry entry = describe(tree, st, TAR_FILE);
        struct tar_pieces list = { 0 };
        auto_arena arena = { 0 };
        auto_close fd = reopen(tree, place, 0);
        int r = fd < 0 ? fd : read_xattrs(tree, &arena, fd, &entry);

        if (fd < 0)
                return fd;
        if (r < 0)
                return failed(tree, r, "cannot read its extended attributes");
        entry.size = whole.size;
        r = tar_find_pieces(&arena, fd, whole.size, &list);
        if (r == -E2BIG)
                return refuse(
                        tree, r,
                        "it has more pieces between its holes than an archive can tell of");
        if (r < 0)
                return failed(tree, r, "cannot look for its holes");
        r = put(tree, &entry, list.items, list.n);
        for (size_t i = 0; r == 0 && i < list.n; i++)
                r = copy_piece(tree, fd, &list.items[i]);
        return r == 0 && !list.n ? copy_piece(tree, fd, &whole) : r;
}

static int add_symlink(struct tree *tree, int place, const struct stat *st)
{
        struct tar_entry entry = describe(tree, st, TAR_SYMLINK);
        ssize_t n = tree_read_link(place, tree->bytes, TAR_PATH_MAX);

        if (n < 0)
                return failed(tree, (int)n, "cannot read the symbolic link");
        entry.link = tree->bytes;
        return put(tree, &entry, NULL, 0);
}

static int add_node(struct tree *tree, const struct stat *st)
{
        struct tar_entry entry = describe(
                tree, st,
                S_ISFIFO(st->st_mode)  ? TAR_FIFO
                : S_ISCHR(st->st_mode) ? TAR_CHAR
                                       : TAR_BLOCK);

        if (!S_ISFIFO(st->st_mode)) {
                entry.major = major(st->st_rdev);
                entry.minor = minor(st->st_rdev);
        }
        return put(tree, &entry, NULL, 0);
}

/* A plain file without anything stands for what is not there. */
static int add_whiteout(struct tree *tree, const char *path)
{
        const struct tar_entry entry = { .type = TAR_FILE, .path = path, .link = "" };

        return put(tree, &entry, NULL, 0);
}

/* -- directories ---------------------------------------------------------------------------------------- */

static int add(struct tree *tree, int dir, const char *name);

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list(struct arena *arena, int dir, const char ***ret_names, size_t *ret_n)
{
        DIR *stream = file_list_at(dir, ".");
        const char **names = NULL;
        size_t n = 0, room = 0;
        int r = stream ? 0 : -errno;

        for (struct dirent *entry; stream && (errno = 0, entry = readdir(stream));) {
                if (text_is_dots(entry->d_name))
                        continue;
                if (n == room) {
                        const char **more = arena_array(arena, 2 * room + 16, sizeof *more);

                        if (n)
                                memcpy(more, names, n * sizeof *more);
                        names = more;
                        room = 2 * room + 16;
                }
                names[n++] = arena_string(arena, entry->d_name);
        }
        if (stream) {
                r = -errno;
                closedir(stream);
        }
        if (n)
                qsort(names, n, sizeof *names, compare);
        *ret_names = names;
        *ret_n = n;
        return r;
}

/* The path with one more part; -ENAMETOOLONG. */
static int lengthen(struct tree *tree, const char *part)
{
        size_t size = strlen(part);

        if (tree->length + size >= sizeof tree->path)
                return refuse(tree, -ENAMETOOLONG, "its name is too long for an archive");
        memcpy(tree->path + tree->length, part, size + 1);
        tree->length += size;
        return 0;
}

static void shorten(struct tree *tree, size_t length)
{
        tree->length = length;
        tree->path[length] = '\0';
}

static int add_inside(struct tree *tree, int dir)
{
        auto_arena arena = { 0 };
        const char **names;
        size_t n;
        int r = list(&arena, dir, &names, &n);

        if (r < 0)
                return failed(tree, r, "cannot list it");
        if (++tree->depth > LAYER_DEPTH_MAX)
                return refuse(tree, -E2BIG, "it is more than 256 directories deep");
        tar_links_enter(&tree->links, tree->depth, tree->length);
        for (size_t i = 0; r == 0 && i < n; i++) {
                size_t length = tree->length;

                r = lengthen(tree, names[i]);
                if (r == 0)
                        r = add(tree, dir, names[i]);
                /* Of a tree that somebody works in. */
                if (r == -ENOENT) {
                        trail_reset();
                        r = 0;
                }
                shorten(tree, length);
        }
        tree->depth--;
        return r;
}

static int add_directory(struct tree *tree, int place, const struct stat *st)
{
        auto_arena arena = { 0 };
        auto_close fd = reopen(tree, place, O_DIRECTORY);
        struct tar_entry entry;
        size_t length;
        int r = fd < 0 ? fd : lengthen(tree, tree->length ? "/" : "./");

        if (r < 0)
                return r;
        entry = describe(tree, st, TAR_DIRECTORY);
        r = read_xattrs(tree, &arena, fd, &entry);
        if (r < 0)
                return failed(tree, r, "cannot read its extended attributes");
        r = put(tree, &entry, NULL, 0);
        if (text_equal(tree->path, "./"))
                shorten(tree, 0);
        length = tree->length;
        if (r == 0 && tree->options->layer && length &&
            (tree->options->served ? view_is_served_opaque(fd) : view_is_opaque(fd))) {
                r = lengthen(tree, OPAQUE);
                if (r == 0)
                        r = add_whiteout(tree, tree->path);
                shorten(tree, length);
        }
        return r < 0 ? r : add_inside(tree, fd);
}

/* In a layer: 1 when it is all that there is to say of it. */
static int add_as_layer(struct tree *tree, const char *name, const struct stat *st)
{
        size_t length = tree->length - strlen(name);
        const char *hidden;
        int r;

        switch (tree->options->served ? view_served(name, &hidden) : VIEW_SERVED_FILE) {
        case VIEW_SERVED_MARKER:
                return 1;
        case VIEW_SERVED_WHITEOUT: /* a layer has them in the same form */
                return (r = add_whiteout(tree, tree->path)) < 0 ? r : 1;
        case VIEW_SERVED_FILE:
                break;
        }
        if (view_is_whiteout(st)) {
                shorten(tree, length);
                r = lengthen(tree, WHITEOUT);
                if (r == 0)
                        r = lengthen(tree, name);
                return r < 0 ? r : (r = add_whiteout(tree, tree->path)) < 0 ? r : 1;
        }
        if (text_starts(name, WHITEOUT)) {
                warn(tree, "was left out: in a layer its name would hide another file");
                return 1;
        }
        return 0;
}

static int add_what_it_is(struct tree *tree, int place, const struct stat *st)
{
        const char *first = NULL;
        int r;

        if (S_ISDIR(st->st_mode))
                return add_directory(tree, place, st);
        if (S_ISSOCK(st->st_mode)) { /* before its name is noted: nothing can be a link to it */
                warn(tree, "was left out: it is a socket");
                return 0;
        }
        r = st->st_nlink > 1 ? tar_links_first(&tree->links, tree->path, tree->depth, st, &first)
                             : 0;
        if (r < 0)
                return refuse(tree, r, "these are too many files that have several names");
        if (first) {
                struct tar_entry entry = describe(tree, st, TAR_HARD_LINK);

                entry.link = first;
                return put(tree, &entry, NULL, 0);
        }
        if (S_ISREG(st->st_mode))
                return add_file(tree, place, st);
        if (S_ISLNK(st->st_mode))
                return add_symlink(tree, place, st);
        return add_node(tree, st);
}

/* What `dir` has under `name`; the path in the archive is there already. */
static int add(struct tree *tree, int dir, const char *name)
{
        const struct tar_tree_options *options = tree->options;
        auto_close place = file_open(dir, name, O_PATH | O_NOFOLLOW, 0);
        struct stat st;
        int r = place < 0 ? place : file_stat(place, "", AT_EMPTY_PATH, &st);

        if (r < 0)
                return failed(tree, r, "cannot look at it");
        if (++tree->entries > 10000000)
                return refuse(tree, -E2BIG, "these are too many files");
        if (options->skip && options->skip(options->context, tree->path, place, &st))
                return 0;
        r = options->layer && tree->depth ? add_as_layer(tree, name, &st) : 0;
        return r == 0 ? add_what_it_is(tree, place, &st) : r < 0 ? r : 0;
}

int tar_tree(
        struct tar_writer *writer, int dir, const char *name, const char *as,
        const struct tar_tree_options *options)
{
        struct tree *tree = calloc(1, sizeof *tree);
        int r;

        if (!tree)
                return -ENOMEM;
        tree->writer = writer;
        tree->options = options;
        tree->patience_ms = LEASES_MS;
        r = lengthen(tree, as);
        if (r == 0)
                r = add(tree, dir, name);
        tar_links_free(&tree->links);
        free(tree);
        return r;
}
