/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Mounts by descriptor: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), mount_setattr(2),
 * move_mount(2). A mount is made detached, gets its attributes while nobody can see it, and is
 * attached to a directory or file given by descriptor, or to one name below it. No function takes a target path.
 * Since Linux 5.2; mount_set_attributes since 5.12. */

/* Are the calls there and not refused by a seccomp filter? Asked with impossible arguments.
 * `capable`: we have CAP_SYS_ADMIN, so that EPERM is the filter's. */
bool mount_has_interface(bool capable);
bool mount_has_setattr(void);
int mount_open_fs(const char *type);
/* value NULL: a flag. Numbers are given as text. */
int mount_set_fs(int fs, const char *key, const char *value);
/* A descriptor as the value; one that was opened with O_PATH since Linux 6.15. */
int mount_set_fs_fd(int fs, const char *key, int fd);
/* Create the superblock and a detached mount of it with MOUNT_ATTR_* attributes. */
int mount_make(int fs, uint64_t attributes);
/* A detached clone of the mount at dir/path; path "" is dir itself. A symbolic link at the end is
 * followed only for the host's own paths (dir AT_FDCWD). */
int mount_clone(int dir, const char *path, bool recursive);

/* The same, with attributes and propagation (as of mount_set_attributes) for all of it: in one call
 * since Linux 6.15, else in two. */
struct mount_change {
        uint64_t set, clear, propagation;
};

int mount_clone_changed(
        int dir, const char *path, bool recursive, const struct mount_change *change);
/* A clone, for us, of the tmpfs mount that another process (its pidfd) has at a path, changed as above.
 * Made by a child in that process's namespaces. -ELOOP: a symbolic link is in the path. -EMEDIUMTYPE: no
 * tmpfs is mounted there. Since Linux 5.8. */
int mount_borrow(int process, const char *path, const struct mount_change *change);
/* The same of the mount that is the root of its mount namespace, of whatever file system, without what is mounted
 * on it. */
int mount_borrow_root(int process, const struct mount_change *change);
/* A detached, read-only mount of the EROFS image in a file: another process's, if one has it mounted by this
 * function, else a new one. *ret_lock is closed before it. An image is mounted by a process only once at a time.
 * -ENOTBLK: the kernel does not mount files, or not those of that file system. child-safe. Since Linux 6.12. */
int mount_image(const char *path, int *ret_lock);
/* propagation 0 leaves it; else MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE. */
int mount_set_attributes(
        int tree, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive);
/* The owners that a detached tree shows are those of the user namespace `ns`. -EINVAL: its file
 * system cannot do that. Since Linux 5.12. */
int mount_map_ids(int tree, int ns, bool recursive);
/* Is a mount's root at dir/path, a symbolic link at its end not followed; path "" is dir itself, a directory. Before
 * Linux 5.8 the mount above is compared, which needs /proc; false where it cannot. */
bool mount_is_root(int dir, const char *path);
/* Attach a detached tree at a descriptor. */
int mount_attach(int tree, int target);
/* Attach it at one name below a descriptor: no '/', neither "." nor "..". A symbolic link of that
 * name is not followed: for a tree that is a directory that is -EINVAL; a file would lie on the
 * link itself. */
int mount_attach_name(int tree, int dir, const char *name);
/* Old kernels: MS_REMOUNT|MS_BIND with the MS_* equivalents of the attributes, through
 * /proc/self/fd. The descriptor must be that of an attached mount. */
int mount_remount(int tree, uint64_t attributes);
/* The same for some attributes, with the others as they are (a user namespace may have locked
 * them); and the propagation of an attached mount. */
int mount_change_attributes(int tree, uint64_t set, uint64_t clear);
int mount_change_propagation(int tree, unsigned long flags);
/* mount(2) of propagation flags (MS_PRIVATE..., MS_REC) on a path of our own; "/" works in a chroot
 * too, where it is no mount. */
int mount_set_propagation(const char *path, unsigned long flags);
/* pivot_root(2) onto root, with the old root detached: the caller's cwd and root are in the new
 * one afterwards. */
int mount_pivot(int root);
/* The same where the root of the mount namespace cannot be left, as that of a ramdisk: root is moved
 * upon it and chroot(2) goes there. All other mounts are taken away, but for those that a user namespace
 * has locked. The old root stays, below; who has CAP_SYS_ADMIN finds it. */
int mount_move_root(int root);
/* Take away whatever is mounted at a path of our own store. -EINVAL when nothing is. */
int mount_detach(const char *path);
/* The same, unless somebody uses it: -EBUSY. */
int mount_unmount(const char *path);
/* The same for what a descriptor is of; `fds` is our own /proc/self/fd, which need not be reachable by a
 * path any more. Leaves the working directory at "/". */
int mount_detach_fd(int fds, int fd);
/* The number of the mount that holds it, which no other has as long as it lives, and since Linux 6.8
 * none ever had; and is it the mount's own root? ret_is_root may be NULL. -ENOSYS before Linux 5.8. */
int mount_number(int fd, uint64_t *ret_number, bool *ret_is_root);
/* MOUNT_ATTR_* of the mount that holds it, as far as statfs(2) shows them. */
int mount_get_attributes(int fd, uint64_t *ret_attributes);
