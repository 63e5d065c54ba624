/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include <sys/types.h>

struct idmap {
        const char *uid_map, *gid_map;
        const char *uid_helper, *gid_helper; /* NULL: by ourselves, who may map our own id */
};

/* A new user namespace with these maps (lines of "inside outside count", user_namespaces(7)) and nobody in it:
 * its descriptor, for mount_map_ids() and namespace_join(). /proc must show our own children. child-safe. */
int idmap_open(const struct idmap *map);

/* One file, "uid_map" or "gid_map", of a process in a new user namespace: written by us, or by the
 * helper newuidmap(1) or newgidmap(1). child-safe. */
int idmap_write(pid_t process, const char *file, const char *helper, const char *map);

/* Work to be done as id 0 of a user namespace with these maps, by a process of its own, whose memory
 * is a copy of ours: its result, or what went wrong with the namespace. Its trail, hint and warnings are ours then. */
typedef int idmap_work(void *context);
int idmap_run(const struct idmap *map, idmap_work *work, void *context);

/* Become id 0 of a user namespace with these maps, and of new namespaces of `types` that belong to it. Our process
 * stays what it is, so that it can execute a program there; it must have no thread. */
int idmap_enter(const struct idmap *map, uint32_t types);
