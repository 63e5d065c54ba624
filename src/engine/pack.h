/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: files of the host that become an image. */
#pragma once

#include "store.h"

/* One name of the image. */
struct pack_file {
        const char *path;    /* absolute; no part of it is a symbolic link */
        const char *target;  /* of a symbolic link, else NULL */
        const char *content; /* of a file that is not the host's, else NULL */
        struct stat st;
};

struct pack {
        struct arena *arena;
        int root;                /* "/"; the caller's */
        struct pack_file *files; /* by path, each once */
        size_t n, room;
        const char *search; /* directories of programs, a colon between them */
        struct text cache;  /* the loader's; empty: not read yet */
        bool cached;        /* it was found in the cache alone */
        unsigned depth;
};

/* Opens what has no symbolic link on the way, nor is one, but with O_PATH. Errors have a trail; -ESTALE: there is one
 * by now. */
int pack_open(const struct pack *pack, const char *path, int flags);
/* A file, a symbolic link with what it leads to, or a directory with all that is in it, and the directories above.
 * -ENOENT with a trail. */
int pack_add(struct pack *pack, const char *path);
/* A program, by its path or its name, and all that is loaded when it is executed: interpreters, libraries. *ret_path
 * is its path as it was found. */
int pack_add_program(struct pack *pack, const char *name, const char **ret_path);
/* One with other content than the host's. */
void pack_add_content(struct pack *pack, const char *path, const char *content);
