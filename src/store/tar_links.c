/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: files are known by their numbers. Of each there is its name and the directory that it is in,
 * which all in there share: a whole path each would be 4 KiB for a name of one letter. Directories in which there is no
 * such file are not kept. */
#include "tar_links.h"

#include <string.h>

/* A directory in which there are such files. */
struct tar_above {
        const struct tar_above *up;
        const char *part; /* of the path: what it adds to `up`, with the slash */
};

/* A file that has been written and has more names. */
struct tar_seen {
        dev_t device;
        ino_t inode;
        const struct tar_above *dir; /* NULL: where the tree begins */
        const char *name;            /* NULL: a free place */
};

static int keep(struct tar_links *links, size_t bytes)
{
        links->bytes += bytes;
        return links->bytes > TAR_LINKS_MAX ? -E2BIG : 0;
}

static struct tar_seen *find_seen(struct tar_links *links, const struct stat *st)
{
        size_t at = (size_t)(st->st_ino * 0x9e3779b97f4a7c15ULL >> 20) & (links->room - 1);

        while (links->seen[at].name &&
               (links->seen[at].inode != st->st_ino || links->seen[at].device != st->st_dev))
                at = (at + 1) & (links->room - 1);
        return &links->seen[at];
}

static int grow_seen(struct tar_links *links)
{
        const struct tar_seen *old = links->seen;
        const size_t room = links->room, more = room ? 2 * room : 64;
        int r = keep(links, more * sizeof *links->seen);

        if (r < 0)
                return r;
        links->room = more;
        links->seen = arena_array(&links->kept, links->room, sizeof *links->seen);
        for (size_t i = 0; i < room; i++)
                if (old[i].name) {
                        const struct stat st = { .st_dev = old[i].device, .st_ino = old[i].inode };

                        *find_seen(links, &st) = old[i];
                }
        return 0;
}

/* The directories that we are in, for as long as the archive is written. */
static int keep_levels(struct tar_links *links, const char *path, unsigned depth)
{
        int r = 0;

        for (unsigned i = 1; r == 0 && i <= depth; i++) {
                struct tar_level *level = &links->levels[i];
                const size_t from = links->levels[i - 1].length, size = level->length - from;
                struct tar_above *above;

                if (level->above)
                        continue;
                above = arena_new(&links->kept, struct tar_above);
                above->up = links->levels[i - 1].above;
                above->part = arena_copy(&links->kept, path + from, size);
                level->above = above;
                r = keep(links, sizeof *above + size);
        }
        return r;
}

/* What is above and the name, put together from their end. */
static const char *whole_name(struct tar_links *links, const struct tar_seen *seen)
{
        const char *part = seen->name;
        char *at = links->name + sizeof links->name - 1;

        *at = '\0';
        for (const struct tar_above *above = seen->dir;; above = above->up) {
                size_t size = strlen(part);

                at -= size;
                memcpy(at, part, size);
                if (!above)
                        return at;
                part = above->part;
        }
}

int tar_links_first(
        struct tar_links *links, const char *path, unsigned depth, const struct stat *st,
        const char **ret_name)
{
        struct tar_seen *place;
        const char *name;
        int r = 2 * (links->n + 1) > links->room ? grow_seen(links) : 0;

        *ret_name = NULL;
        if (r < 0)
                return r;
        place = find_seen(links, st);
        if (place->name) {
                *ret_name = whole_name(links, place);
                return 0;
        }
        r = keep_levels(links, path, depth);
        name = path + links->levels[depth].length;
        if (r == 0)
                r = keep(links, strlen(name) + 1);
        *place = (struct tar_seen){ st->st_dev, st->st_ino, links->levels[depth].above,
                                    arena_string(&links->kept, name) };
        links->n++;
        return r;
}

void tar_links_enter(struct tar_links *links, unsigned depth, size_t length)
{
        links->levels[depth] = (struct tar_level){ .length = length };
}

void tar_links_free(struct tar_links *links)
{
        arena_free(&links->kept);
}
