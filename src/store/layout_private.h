/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that keep images on disk only. */
#pragma once

#include "store.h"

/* A tree of unpacked files, in the user namespace in which they belong to somebody. */
int layout_remove_dir(const struct layout *layout, int dir, const char *name);
