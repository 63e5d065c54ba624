/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Groups of the resctrl file system: shares of caches and memory bandwidth, by Intel's RDT and its
 * kin. Paths are absolute and must lie on a mount of it: the magic is checked. Since Linux 4.10. */

/* Is it mounted there? */
bool resctrl_is_mounted(const char *path);
/* A new group with these lines of `schemata` (NULL: the kernel's default): an O_PATH descriptor.
 * -EEXIST, -ENOSPC when the hardware has no more; when the lines are refused the group is removed
 * again and the trail has what the kernel says. */
int resctrl_make(const char *path, const char *schemata);
/* One that is there. -ESTALE when it does not have these lines. */
int resctrl_open(const char *path, const char *schemata);
/* Has the text of a group's file "schemata" all that the lines ask for? Numbers are compared without
 * leading zeros and blanks, which the kernel adds. */
bool resctrl_has(const char *text, const char *lines);
/* Remove it; with `unused` only when no process is in it. What is missing is no error. */
int resctrl_remove(const char *path, bool unused);
