/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Stopping all that runs in a cgroup, and letting it go on: the freezer of v1 (freezer.state), and
 * cgroup.freeze of v2, since Linux 5.2. Paths are absolute and must lie on a cgroup filesystem. */

/* Has somebody frozen this very cgroup, not one above it? 1, 0, or -ENOENT when it has no freezer. */
int freezer_is_frozen(const char *path);
/* Freeze it, and wait until all of it stands still. -ETIMEDOUT when something in it does not within
 * timeout_ms: then it is thawed again. -ENOENT: no freezer. */
int freezer_freeze(const char *path, int timeout_ms);
/* The same without waiting: from here on nothing in it runs on in user mode, as soon as the kernel lets it go there. */
int freezer_hold(const char *path);
/* What is not frozen stays so. -ENOENT: no freezer. */
int freezer_thaw(const char *path);
/* Has v1 frozen one below it by itself? 1; 0: no, or there is no such freezer; -errno. SIGKILL does not get there, nor
 * does a pid namespace end while one of its processes is there. */
int freezer_is_frozen_below(const char *path);
/* Thaw it, and on v1 all below it before. */
int freezer_thaw_all(const char *path);
