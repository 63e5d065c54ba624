/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A new user namespace with these maps (lines of "inside outside count", user_namespaces(7)) and
 * nobody in it: its descriptor, for mount_map_ids(). /proc must show our own children. child-safe. */
int idmap_open(const char *uid_map, const char *gid_map);
