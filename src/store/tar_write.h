/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an archive of plain files; part of store.h. */
#pragma once

#include "base/base.h"

/* A header in POSIX's ustar form, for a file that is root's and has no time, so that the same content makes the same
 * archive: of `size` bytes, which follow with tar_write_padding() behind them; a name with a slash at the end
 * is a directory. At most 99 bytes of name and 8 GiB (-E2BIG). 0 or a negative errno. */
int tar_write_header(int fd, const char *name, uint64_t size);
int tar_write_padding(int fd, uint64_t size);
/* All of it: header, bytes, padding. */
int tar_write_file(int fd, const char *name, const void *bytes, size_t size);
int tar_write_end(int fd);
