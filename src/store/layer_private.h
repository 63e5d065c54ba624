/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store: what the two ways of writing a layer share. */
#pragma once

#include "store.h"

#define LAYER_WHITEOUT ".wh."
#define LAYER_OPAQUE   ".wh..wh..opq"

/* `error` with a trail that names the entry; the second one says the error's words, too. */
int layer_refuse(const struct tar_entry *entry, int error, const char *what);
int layer_failed(const struct tar_entry *entry, int error, const char *what);
/* The components with one slash between them into `to` (TAR_PATH_MAX); "" for the root itself. */
int layer_normalize(const struct tar_entry *entry, const char *path, char *to);
/* Cut at the last slash: `path`, which has a byte to spare, becomes the parent's; the name in it. */
const char *layer_split(char *path);
/* What an entry takes of the bounds of a layer, and what the `n` directories do that it implies, whose names have so many
 * bytes. The same for a directory as for an image, in whose memory it is. -E2BIG with a trail. */
int layer_count_entry(struct layer_writer *layer, const struct tar_entry *entry);
int layer_count_implied(
        struct layer_writer *layer, const struct tar_entry *entry, uint32_t n, size_t bytes);
/* So many components were looked up on the way to the entry, or to what it is a link to. -E2BIG with a trail: more than
 * a layer of so many entries may cost. */
int layer_count_steps(struct layer_writer *layer, const struct tar_entry *entry, uint32_t steps);

/* -- layer_flat.c: a layer as an EROFS image -- */
void flat_begin(struct layer_writer *layer);
int flat_add_root(struct layer_writer *layer, const struct tar_entry *entry);
/* `path`: of the directory that it is in. */
int flat_add(
        struct layer_writer *layer, const struct tar_entry *entry, const char *path,
        const char *text);
/* Is there a file whose data may come? */
bool flat_awaits(const struct layer_writer *layer);
int flat_write(struct layer_writer *layer, uint64_t offset, const void *bytes, size_t size);
int flat_finish(struct layer_writer *layer);
int flat_end(struct layer_writer *layer);
void flat_abort(struct layer_writer *layer);
