/* SPDX-License-Identifier: Apache-2.0 */
#include "layer_private.h"

#include <string.h>

/* Theory of operation: what does not depend on whether a layer becomes a directory or an image, so that one layer is good,
 * or it is not, wherever it goes. */

enum {
        STEPS_ENTRY = 64, /* of a way; a walk over an ordinary system takes less than two */
        /* What an image's writer has of one in memory until the end, but for its texts (flat_tree.h): a name, and its inode
         * or all of the directory; its share of the table of names, and of the list of a directory that is written; what
         * is lost between texts. */
        ENTRY = 144,
        DIRECTORY = 256,
        /* The room for a directory's attributes doubles, and what it was before is lost. */
        XATTRS_TIMES = 4,
};

int layer_refuse(const struct tar_entry *entry, int error, const char *what)
{
        auto_arena arena = { 0 };
        struct text path = { .arena = &arena };

        text_add_visible(&path, entry->path);
        return trail(error, "'%.400s': %s", text_string(&path), what);
}

int layer_failed(const struct tar_entry *entry, int error, const char *what)
{
        char words[200];

        text_format(words, sizeof words, "%s: %s", what, text_errno(error));
        return layer_refuse(entry, error, words);
}

int layer_normalize(const struct tar_entry *entry, const char *path, char *to)
{
        int depth = 0;
        size_t n = 0;

        for (const char *at = path; *at;) {
                size_t size = strcspn(at, "/");

                if (size == 2 && at[0] == '.' && at[1] == '.')
                        return layer_refuse(
                                entry, -EINVAL, "'..' in a name leads out of the layer");
                if (size > 255)
                        return layer_refuse(
                                entry, -ENAMETOOLONG, "a part of it is longer than 255 bytes");
                if (size && !(size == 1 && at[0] == '.')) {
                        if (++depth > LAYER_DEPTH_MAX)
                                return layer_refuse(
                                        entry, -E2BIG, "it is more than 256 directories deep");
                        if (n)
                                to[n++] = '/';
                        memcpy(to + n, at, size); /* never longer than `path` */
                        n += size;
                }
                at += size + (at[size] == '/');
        }
        to[n] = '\0';
        return 0;
}

const char *layer_split(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash) {
                /* The name moves behind an empty parent. */
                memmove(path + 1, path, strlen(path) + 1);
                *path = '\0';
                return path + 1;
        }
        *slash = '\0';
        return slash + 1;
}

int layer_count_steps(struct layer_writer *layer, const struct tar_entry *entry, uint32_t steps)
{
        layer->steps += steps;
        return layer->steps > layer->options.steps_max + STEPS_ENTRY * layer->entries
                     ? layer_refuse(
                               entry, -E2BIG,
                               "the ways to the layer's entries, through links, are too long together")
                     : 0;
}

static int check_bounds(const struct layer_writer *layer, const struct tar_entry *entry)
{
        if (layer->entries + layer->implied > layer->options.entries_max)
                return layer_refuse(entry, -E2BIG, "the layer has too many entries");
        return layer->kept > layer->options.kept_max
                     ? layer_refuse(
                               entry, -E2BIG,
                               "the layer has too much in its names, links and attributes of directories")
                     : 0;
}

int layer_count_entry(struct layer_writer *layer, const struct tar_entry *entry)
{
        const char *path = entry->path;
        const size_t size = strlen(path);
        size_t leaf = size;

        /* Its last part, with the slashes behind it. */
        while (leaf && path[leaf - 1] == '/')
                leaf--;
        while (leaf && path[leaf - 1] != '/')
                leaf--;
        layer->entries++;
        layer->kept += size - leaf + (entry->type == TAR_DIRECTORY ? DIRECTORY : ENTRY);
        if (entry->type == TAR_SYMLINK)
                layer->kept += strlen(entry->link);
        for (size_t i = 0; entry->type == TAR_DIRECTORY && i < entry->n_xattrs; i++)
                layer->kept +=
                        XATTRS_TIMES * (strlen(entry->xattrs[i].name) + entry->xattrs[i].size);
        return check_bounds(layer, entry);
}

int layer_count_implied(
        struct layer_writer *layer, const struct tar_entry *entry, uint32_t n, size_t bytes)
{
        layer->implied += n;
        layer->kept += (uint64_t)n * DIRECTORY + bytes;
        return check_bounds(layer, entry);
}
