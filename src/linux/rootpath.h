/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

/* Names under a container's root: the only way to them. Every function resolves `path` inside
 * `root` with openat2(2): ".." stops at root, absolute symbolic links start at root, magic links
 * are refused; a race seen by the kernel (EAGAIN) is tried again 128 times, then refused. Since
 * Linux 5.6. security: CVE-2021-30465, CVE-2024-45310 and their kin. */

/* Open with O_CLOEXEC. `strict`: any symbolic link on the way is refused (-ELOOP). A leading '/'
 * is root; "" opens root itself (O_PATH). */
int rootpath_open(int root, const char *path, uint64_t flags, bool strict);
/* The directory that holds path's last component, with missing ones made (0755): an O_PATH
 * descriptor, and *ret_leaf pointing into `path`. -EINVAL when the last component is "..". */
int rootpath_parent(int root, const char *path, const char **ret_leaf);
/* The longest part of `path` that leads to a directory, when all of it does not: an O_PATH descriptor, and how many
 * bytes of it that is. `path` is as it was afterwards. */
int rootpath_longest(int root, char *path, size_t *ret_size);
/* How many components the kernel looks up on the way to `path`, those of the symbolic links included that it leads
 * through: at most some 160,000. Dots and slashes count, too, and so does what is not there. */
uint32_t rootpath_count(int root, const char *path);
/* mkdir -p below root: an O_PATH descriptor of the directory. */
int rootpath_make_dirs(int root, const char *path, mode_t mode);
/* An empty file (0644 less umask) and its parents, or the file that is there: O_PATH descriptor. */
int rootpath_make_file(int root, const char *path);
