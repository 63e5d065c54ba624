/* SPDX-License-Identifier: Apache-2.0 */
#include "layout_private.h"

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

/* Theory of operation: mark and sweep. What the index names is read, and what that names; the rest goes. An image
 * that cannot be read marks nothing, so then nothing goes: who damaged it may have damaged a name. A layer
 * is moved to tmp before it is removed, so that no half of one is ever seen. */

struct marks {
        const char **hex;
        size_t n, room;
};

static void mark(struct marks *marks, struct arena *arena, const char *hex)
{
        if (marks->n == marks->room) {
                const char **more = arena_array(arena, marks->room * 2 + 64, sizeof *more);

                if (marks->n)
                        memcpy(more, marks->hex, marks->n * sizeof *more);
                marks->hex = more;
                marks->room = marks->room * 2 + 64;
        }
        marks->hex[marks->n++] = hex;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_marked(const struct marks *marks, const char *name)
{
        return marks->n && bsearch(&name, marks->hex, marks->n, sizeof *marks->hex, compare);
}

static void mark_copy(struct marks *marks, struct arena *arena, const char *digest)
{
        mark(marks, arena, arena_string(arena, LAYOUT_HEX(digest)));
}

/* Of its documents nothing is kept but the digests: they may be large, and many. */
static int mark_image(
        const struct layout *layout, struct arena *arena, const struct image_descriptor *image,
        struct marks *blobs, struct marks *layers)
{
        auto_arena scratch = { 0 };
        struct layout_image found;
        int r = layout_read_image(layout, &scratch, image->digest, &found);

        if (r < 0)
                return r;
        mark_copy(blobs, arena, image->digest);
        mark_copy(blobs, arena, found.manifest->config->digest);
        for (size_t i = 0; i < found.manifest->layers.n; i++)
                mark_copy(blobs, arena, found.manifest->layers.items[i].digest);
        for (size_t i = 0; i < found.config->rootfs->diff_ids.n; i++)
                mark_copy(layers, arena, found.config->rootfs->diff_ids.items[i]);
        return 0;
}

/* Another name of one that was marked. */
static bool is_again(const struct image_index *index, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (text_equal(index->manifests.items[i].digest, index->manifests.items[at].digest))
                        return true;
        return false;
}

static int remove_blob(const struct layout *layout, struct arena *arena, const char *name)
{
        (void)arena;
        return file_remove(layout->blobs, name, 0);
}

static int remove_layer(const struct layout *layout, struct arena *arena, const char *name)
{
        struct layout_work work;
        int r = layout_begin(layout, arena_format(arena, "gone-%.64s", name), true, &work);

        if (r == 0) {
                r = tree_move(
                        layout->layers, name, layout->tmp, arena_format(arena, "%s.d", work.key));
                layout_drop(&work);
        }
        return r;
}

/* What of a directory is not marked. */
static int sweep(
        const struct layout *layout, struct arena *arena, int dir, const struct marks *marks,
        int (*remove)(const struct layout *layout, struct arena *arena, const char *name))
{
        DIR *list = file_list_at(dir, ".");
        struct marks gone = { 0 };
        int result = list ? 0 : -errno;

        for (struct dirent *entry; list && (entry = readdir(list));)
                if (entry->d_name[0] != '.' && !is_marked(marks, entry->d_name))
                        mark(&gone, arena, arena_string(arena, entry->d_name));
        if (list)
                closedir(list);
        for (size_t i = 0; i < gone.n; i++) {
                int r = remove(layout, arena, gone.hex[i]);

                if (r < 0 && result == 0)
                        result =
                                trail(r, "cannot remove '%s' from %s: %s", gone.hex[i],
                                      layout->path, text_errno(r));
        }
        return result;
}

int layout_lock_all(const struct layout *layout)
{
        int r = lock_take(layout->images, LOCK_FOR_CHANGE, false);

        return r == -EAGAIN ? 1 : r < 0 ? trail(r, "cannot lock %s/images: %m", layout->path) : 0;
}

int layout_collect(const struct layout *layout, struct arena *arena, const struct spec_texts *kept)
{
        struct marks blobs = { 0 }, layers = { 0 };
        struct image_index index;
        int r = layout_read_index(layout, arena, &index);

        for (size_t i = 0; r == 0 && i < index.manifests.n; i++)
                if (!is_again(&index, i))
                        r = mark_image(layout, arena, &index.manifests.items[i], &blobs, &layers);
        for (size_t i = 0; i < kept->n; i++)
                mark(&layers, arena, kept->items[i]);
        if (r < 0)
                return r;
        if (blobs.n)
                qsort(blobs.hex, blobs.n, sizeof *blobs.hex, compare);
        if (layers.n)
                qsort(layers.hex, layers.n, sizeof *layers.hex, compare);
        r = sweep(layout, arena, layout->blobs, &blobs, remove_blob);
        if (r == 0)
                r = sweep(layout, arena, layout->layers, &layers, remove_layer);
        return r;
}

int layout_remove_blob(const struct layout *layout, const char *digest)
{
        int r = remove_blob(layout, NULL, LAYOUT_HEX(digest));

        return r < 0 ? trail(r, "cannot remove the blob %s: %s", digest, text_errno(r)) : 0;
}

int layout_remove_layer(const struct layout *layout, struct arena *arena, const char *diff_id)
{
        int r = remove_layer(layout, arena, LAYOUT_HEX(diff_id));

        return r < 0 ? trail(r, "cannot remove the layer %s: %s", diff_id, text_errno(r)) : 0;
}
