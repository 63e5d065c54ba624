/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: files that are replaced as a whole, and the index, which is one of them.
 *
 * To remove an image the index is written anew, which takes room, and on a full disk there is none. So the store has a
 * spare: a file whose blocks are there already, more than the index has. When there is no room it becomes the index, and
 * what it had too much and the old index had becomes the next spare. Everything that opens the store to change it sees to
 * it that there is one. Only who has the index's lock touches it.
 *
 * It is no promise where a file system writes nothing in its place (btrfs, ZFS), or cannot reserve room: there it is
 * given up first, and what it had is free for whoever is faster. */
#include "layout_private.h"

#include <fcntl.h>
#include <string.h>

#include <sys/stat.h>

#define SPARE "spare"

enum {
        SPARE_STEP = 64 << 10,
        SPARE_MORE = 32
                  << 10, /* than the index has: a hundred images that come while there is no room */
};

static bool is_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT;
}

int layout_failed(const struct layout *layout, int error, const char *what, const char *name)
{
        if (is_full(error))
                trail_hint("husk image prune removes images that nothing uses");
        return trail(error, "cannot %s %s/%s: %s", what, layout->path, name, text_errno(error));
}

int layout_put(const struct layout *layout, const char *path, const char *bytes, size_t size)
{
        const char *name = strrchr(path, '/') + 1;
        const int dir = text_starts(path, "images/blobs/") ? layout->blobs : layout->images;
        char key[80];
        struct layout_work work;
        int r;

        text_format(key, sizeof key, "put-%s", name);
        r = layout_begin(layout, key, true, &work);
        if (r < 0)
                return r;
        r = tree_set_size(work.file, 0);
        if (r == 0)
                r = file_write(work.file, bytes, size);
        if (r == 0)
                r = file_set_mode_fd(work.file, 0644);
        if (r == 0)
                r = file_sync(work.file);
        if (r == 0)
                r = tree_move(layout->tmp, work.key, dir, name);
        layout_drop(&work);
        return r < 0 ? layout_failed(layout, r, "write", path) : 0;
}

/* -- the index ------------------------------------------------------------------------------------------ */

int layout_read_index(
        const struct layout *layout, struct arena *arena, struct image_index *ret_index)
{
        const char *name = arena_format(arena, "%s/images/index.json", layout->path);
        struct image_document document;
        struct text bytes;
        int r = file_read(arena, layout->images, "index.json", IMAGE_DOCUMENT_MAX, &bytes);

        if (r < 0)
                return layout_failed(layout, r, "read", "images/index.json");
        r = image_parse(arena, name, bytes.data, bytes.len, IMAGE_INDEX, &document);
        if (r == 0)
                *ret_index = *document.index;
        return r;
}

int layout_lock_index(const struct layout *layout)
{
        int fd = file_open(layout->images, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        int r = fd < 0 ? fd : lock_take(fd, LOCK_FOR_CHANGE, true);

        if (r == 0)
                return fd;
        file_close(&fd);
        return layout_failed(layout, r, "lock", "images/blobs");
}

/* It is long enough and its blocks are there, or what was in the way is passed over: the next one tries again. What is in
 * it is of no meaning. */
static void reserve_spare(const struct layout *layout, uint64_t index_size)
{
        const uint64_t wanted = (index_size + SPARE_MORE) / SPARE_STEP * SPARE_STEP + SPARE_STEP;
        auto_close fd =
                file_open(layout->root, SPARE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
        struct stat st;

        if (fd < 0 || file_stat(fd, "", AT_EMPTY_PATH, &st) < 0 || !S_ISREG(st.st_mode) ||
            (uint64_t)st.st_size >= wanted || tree_reserve(fd, wanted) == 0)
                return;
        if ((uint64_t)st.st_size < index_size)
                tree_reserve(fd, index_size);
}

void layout_make_spare(const struct layout *layout)
{
        auto_close lock =
                file_open(layout->images, "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        struct stat st;

        /* Who has the lock makes it. */
        if (lock >= 0 && lock_take(lock, LOCK_FOR_CHANGE, false) == 0 &&
            tree_stat(layout->images, "index.json", &st) == 0)
                reserve_spare(layout, (uint64_t)st.st_size);
}

/* The spare becomes the index. */
static int write_spare(const struct layout *layout, const char *bytes, size_t size)
{
        auto_close fd = file_open(layout->root, SPARE, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r == 0 && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
                r = -EINVAL;
        if (r == 0)
                r = tree_write(fd, 0, bytes, size);
        /* A file system that writes nothing in its place: so much is free when the spare has nothing. */
        if (is_full(r)) {
                r = tree_set_size(fd, 0);
                if (r == 0)
                        r = tree_write(fd, 0, bytes, size);
        }
        if (r == 0)
                r = tree_set_size(fd, size);
        if (r == 0)
                r = file_set_mode_fd(fd, 0644);
        if (r == 0)
                r = file_sync(fd);
        return r < 0 ? r : tree_move(layout->root, SPARE, layout->images, "index.json");
}

int layout_write_index(
        const struct layout *layout, struct arena *arena, const struct image_index *index)
{
        struct text out = { .arena = arena };
        int r;

        if (index->manifests.n > IMAGE_MANIFESTS_MAX)
                return trail(
                        -ENOSPC,
                        "there are %d images in %s already, which is the most that it can hold",
                        IMAGE_MANIFESTS_MAX, layout->path);
        image_encode_index(index, &out);
        r = layout_put(layout, "images/index.json", out.data, out.len);
        if (is_full(r) && write_spare(layout, out.data, out.len) == 0) {
                trail_reset();
                r = 0;
        }
        /* Of the room that the old index had, too. */
        if (r == 0)
                reserve_spare(layout, out.len);
        return r;
}

const char *layout_annotation(const struct image_descriptor *descriptor, const char *key)
{
        for (size_t i = 0; i < descriptor->annotations.n; i++)
                if (text_equal(descriptor->annotations.items[i].key, key))
                        return descriptor->annotations.items[i].value;
        return NULL;
}
