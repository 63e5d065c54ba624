/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store: the files of a tree that have several names. */
#pragma once

#include "store.h"

#include <sys/stat.h>

struct tar_above;
struct tar_seen;

/* One of the directories that the walk is in. */
struct tar_level {
        size_t length; /* of the path that all in it begin with */
        const struct tar_above *above;
};

struct tar_links {
        struct arena kept;
        struct tar_seen *seen; /* a table of `room` places, a power of two */
        size_t n, room, bytes;
        struct tar_level levels[LAYER_DEPTH_MAX + 2];
        char name[TAR_PATH_MAX]; /* the last that was found */
};

/* The walk is in another directory now, so many below where it begins (from 1 on), whose entries' paths have `length`
 * bytes in front. */
void tar_links_enter(struct tar_links *links, unsigned depth, size_t length);
/* The path under which a file was met first, until the next call; or NULL, and from now on `path` is it. -E2BIG: they take
 * more than TAR_LINKS_MAX bytes of memory. */
int tar_links_first(
        struct tar_links *links, const char *path, unsigned depth, const struct stat *st,
        const char **ret_name);
void tar_links_free(struct tar_links *links);

#define TAR_LINKS_MAX ((size_t)256 << 20)
