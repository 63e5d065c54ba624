/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: where `husk mount` shows files. */
#pragma once

#include "store.h"

/* What is mounted at `path`, a directory of our own that is there as long as it may be: 1 something of this mount
 * namespace, 0 nothing (then the directory is gone), -EBUSY with a trail: something of another mount namespace that
 * we can look into. */
int place_look(struct arena *arena, const char *path);
/* The same of the root of a container, which the caller has open and locked, or is about to lock. *ret_path: where
 * it is; NULL: nowhere. */
int place_of_container(
        struct arena *arena, const struct container *container, const char **ret_path);
/* Show a detached tree there. */
int place_attach(const char *path, int tree);
/* Take it away; 0, too, when there is nothing. `force`: whoever uses it. -EBUSY with a trail. */
int place_clear(const char *path, bool force);

/* Where an image is shown that has this configuration. */
const char *place_of_image(
        struct arena *arena, const struct engine_options *options, const char *id);
/* Is it shown anywhere? The trail is as it was. */
bool place_has_image(struct arena *arena, const struct engine_options *options, const char *id);

/* Layers on top of each other as overlayfs shows them, the topmost first, and below them `empty` (NULL: none), a
 * directory without anything; two at least in all: a detached mount to be read. Nobody executes anything of it with
 * others' rights. */
int layers_mount(
        struct arena *arena, const char *const *layers, size_t n, const char *empty,
        bool executable);
