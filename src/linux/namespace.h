/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

/* Namespaces, namespaces(7). The CLONE_NEW* words are those of clone(2); all eight together: */
#ifndef CLONE_NEWTIME
#        define CLONE_NEWTIME 0x00000080
#endif
enum {
        NAMESPACES_ALL = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 |
                         0x20000000 | 0x40000000 | 0x00000080
};

/* The name under /proc/PID/ns ("mnt"), and the OCI word for it ("mount"); NULL for no single one. */
const char *namespace_proc_name(uint32_t type);
const char *namespace_oci_name(uint32_t type);
/* The CLONE_NEW* word of an OCI name, or 0. */
uint32_t namespace_type(const char *oci_name);

int namespace_unshare(uint32_t types);
int namespace_join(int fd, uint32_t types);
/* Is the namespace that the descriptor stands for the one that we are in? `fd` is a namespace file or a
 * pidfd, the type a single one. */
bool namespace_is_ours(int fd, uint32_t type);
/* Are we in the first user namespace of the host? True, too, where the kernel has no others. */
bool namespace_is_first_user(void);
/* Does our mount namespace belong to our user namespace or to one below it? In one that belongs to an
 * outer one no capability of ours is about mounts. True where it cannot be found out. Since Linux 4.9. */
bool namespace_owns_mounts(void);
/* Is the process in a user namespace that this user made? Since Linux 4.11. */
bool namespace_is_of_user(pid_t pid, uid_t user);
/* Does the namespace that the file `dir`/`path` stands for belong to a user namespace which neither root nor this user
 * has made? False where it cannot be found out. Since Linux 4.11. */
bool namespace_is_of_others(int dir, const char *path, uid_t user);
/* Open a namespace file of the host and check with ioctl_ns(2) that it is one, of that type:
 * -EINVAL when not. */
int namespace_open(const char *path, uint32_t type);

/* clone3(2): a child in new namespaces, in the cgroup2 directory `cgroup` (NO_FD: ours). 0 in the
 * child; in the parent its pid, and *ret_pidfd. Falls back to clone(2) where clone3 is missing
 * (then types must not hold CLONE_NEWTIME, nor cgroup be given: -ENOSYS). */
pid_t namespace_spawn(uint32_t types, int cgroup, int *ret_pidfd);

/* As namespace_spawn, and the child's parent is ours: a sibling. No pidfd: that would be ours. */
pid_t namespace_fork(uint32_t types);

/* Bring a network interface of the current network namespace up, netdevice(7). */
int namespace_link_up(const char *name);
