/* SPDX-License-Identifier: Apache-2.0 */
/* Private to store: what a sparse file of an archive consists of. */
#pragma once

#include "store.h"

struct tar_pieces {
        struct arena *arena;
        struct tar_piece *items;
        size_t n, room;
        uint64_t filled; /* bytes of holes that are written as zeros */
        uint64_t *gaps;  /* room for as many as there may be */
};

/* Where a file of `size` bytes has data, in memory of the arena; none: everywhere, so that it is no file with holes.
 * -E2BIG: it has too many pieces, too far from each other. Without a trail. */
int tar_find_pieces(struct arena *arena, int fd, uint64_t size, struct tar_pieces *ret);
