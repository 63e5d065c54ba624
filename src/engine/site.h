/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: the files of a container, as it has them. */
#pragma once

#include "store.h"

/* Where a container's files are: its root with all that is mounted there. One that does not run is visited: a process
 * of ours, which runs nothing, makes its mounts and holds them until the site is left. */
struct site {
        struct container container;
        int process;         /* pidfd: of the container, or of who visits it */
        int root;            /* O_PATH */
        int ns;              /* its user namespace, NO_FD: that is ours */
        bool unshared;       /* engine_options.unshared */
        const char *mounted; /* where it is mounted already, or NULL */
        bool visited;
        pid_t pid;
        int gate; /* as long as it is open the visit goes on */
};

#define SITE_NONE                                                                                 \
        {                                                                                         \
                .container = { .dir = NO_FD, .journal = NO_FD }, .process = NO_FD, .root = NO_FD, \
                .ns = NO_FD, .gate = NO_FD,                                                       \
        }

/* -ENOENT: no such container. The strings live in `arena`. */
int site_enter(
        struct arena *arena, const struct engine_options *options, const char *name,
        struct site *ret_site);
/* The same where site->container is open, and locked if it does not run. */
int site_reach(struct arena *arena, struct site *site);
/* Harmless twice, and after an error. */
void site_leave(struct site *site);

/* One name there, resolved inside the container's root, by nobody with more rights there than the container's own
 * root has. */
struct site_name {
        int dir; /* the directory that it is in, or itself: then `leaf` is "." */
        char leaf[256];
        bool exists;
        mode_t mode; /* of what exists */
};

/* `follow`: what the last part is a symbolic link to. Missing is no error, as long as the directory that it would be
 * in is there; a directory is opened itself when it is followed. */
int site_look(const struct site *site, const char *path, bool follow, struct site_name *ret_name);

/* Whom what we make in a container belongs to: its root, or where there is none who comes next to it. */
uint32_t site_first_id(const struct spec_id_mapping_list *map);

/* Work to be done by a process of its own that is in the container's user namespace, if it has one, as its root: 0 or
 * -errno with a trail, which comes back. */
typedef int site_work(void *context);
int site_run(const struct site *site, site_work *work, void *context);
