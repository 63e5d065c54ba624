/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: where a mount goes.
 *
 * The careful way, which everything can take: the target is resolved inside the root by openat2(2),
 * made when it is missing, and mounted on by its descriptor. A directory that lies directly in a
 * directory that we have open needs no such walk: one component, of which the kernel follows no
 * symbolic link, is found by the same call that mounts there. That is the root itself, /dev while it
 * is filled, and the parent that mounts in a row have in common ("/mnt/0", "/mnt/1", ...): the second
 * of them opens it, the next one that is elsewhere closes it. Nothing can cover the parent meanwhile,
 * since all that is mounted in between is a child of it. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>

#include <sys/stat.h>

/* The target of a mount inside root; made when it is missing and `make` says as what. */
static int open_target(int root, const char *path, TARGET make, bool strict)
{
        int fd = rootpath_open(root, path, O_PATH, strict);

        if (fd == -ELOOP && strict)
                return trail(
                        fd,
                        "%s is a symbolic link in the container's root: refused, because the "
                        "mount would land elsewhere",
                        path);
        if (fd != -ENOENT || make == TARGET_EXISTS)
                return fd;
        fd = make == TARGET_DIRECTORY ? rootpath_make_dirs(root, path, 0755)
                                      : rootpath_make_file(root, path);
        if (fd == -ENOENT) {
                trail_hint("make what the link leads to in the root file system, or mount there");
                return trail(
                        fd, "%s: a symbolic link on the way leads to what the root does not have",
                        path);
        }
        return fd;
}

/* Is it one component, and no way up? */
static bool is_name(const char *name)
{
        return *name && !strchr(name, '/') && !text_is_dots(name);
}

static bool is_directory(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Any failure (a symbolic link among them, on which no directory can be mounted) is left to the
 * careful way, which can say more. */
static bool attach_in_root(int tree, int root, const char *path)
{
        bool is_there =
                *path == '/'; /* in the root, as a rule; in a mount of ours, which is new, never */

        while (*path == '/')
                path++;
        if (!is_name(path))
                return false;
        if (is_there && mount_attach_name(tree, root, path) == 0)
                return true;
        mkdirat(root, path, 0755);
        return mount_attach_name(tree, root, path) == 0;
}

/* Was the last target in the directory that this one is in? Else that is remembered. */
static bool is_in_row(struct machine *m, const struct op_attach *o, size_t size)
{
        bool same = !o->strict && m->parent_path && m->parent_root == o->root &&
                    m->parent_size == size && memcmp(m->parent_path, o->target, size) == 0;

        if (!same)
                file_close(&m->parent);
        m->parent_path = o->strict ? NULL : o->target;
        m->parent_root = o->root;
        m->parent_size = size;
        return same;
}

static bool attach_in_parent(struct machine *m, const struct op_attach *o)
{
        const char *slash = strrchr(o->target, '/');
        size_t size = slash ? (size_t)(slash - o->target) : 0;
        char path[4096];

        if (!is_in_row(m, o, size) || !size || size >= sizeof path || !is_name(slash + 1) ||
            !is_directory(slot(m, o->tree)))
                return false;
        if (m->parent < 0) {
                memcpy(path, o->target, size);
                path[size] = '\0';
                m->parent = rootpath_open(slot(m, o->root), path, O_PATH | O_DIRECTORY, false);
        }
        return m->parent >= 0 && mount_attach_name(slot(m, o->tree), m->parent, slash + 1) == 0;
}

/* The kernel mounts a file upon a link, too. */
static int attach_file(int tree, int root, const char *path)
{
        const char *leaf;
        auto_close parent = rootpath_parent(root, path, &leaf);
        auto_close made = NO_FD;
        int r;

        if (parent < 0)
                return trail(parent, "there is no place for %s", path);
        r = mount_attach_name(tree, parent, leaf);
        if (r == -ENOENT) {
                made = file_open(parent, leaf, O_WRONLY | O_CREAT | O_EXCL, 0644);
                r = made < 0 ? made : mount_attach_name(tree, parent, leaf);
        }
        return r == -EINVAL ? trail(-EISDIR, "%s is a directory in the container", path) : r;
}

int do_attach(struct machine *m, const struct op_attach *o)
{
        int tree = slot(m, o->tree), root = slot(m, o->root), r;
        auto_close target = NO_FD;
        TARGET make = o->make;

        if (make == TARGET_PLAIN_FILE)
                return attach_file(tree, root, o->target);
        if (attach_in_parent(m, o))
                return 0;
        if (!*o->target)
                return mount_attach(tree, root);
        /* What the tree is matters only where there is nothing yet. */
        if (make == TARGET_DIRECTORY_OR_FILE) {
                target = rootpath_open(root, o->target, O_PATH, o->strict != 0);
                make = target >= 0        ? TARGET_EXISTS
                     : is_directory(tree) ? TARGET_DIRECTORY
                                          : TARGET_FILE;
        }
        if (target < 0 && make == TARGET_DIRECTORY && attach_in_root(tree, root, o->target))
                return 0;
        if (target < 0)
                target = open_target(root, o->target, make, o->strict != 0);
        if (target < 0)
                return target;
        r = mount_attach(tree, target);
        /* The kernel says EINVAL of this and of much else. */
        if (r == -EINVAL && is_directory(tree) != is_directory(target))
                return trail(
                        -ENOTDIR,
                        "%s is %s in the container, and what is to be mounted there is %s",
                        o->target, is_directory(target) ? "a directory" : "no directory",
                        is_directory(target) ? "none" : "one");
        return r;
}

int do_make_target(struct machine *m, const struct op_make_target *o)
{
        bool file = o->like >= 0 && !is_directory(slot(m, o->like));
        auto_close target = open_target(
                slot(m, o->root), o->path, file ? TARGET_FILE : TARGET_DIRECTORY, false);

        return target < 0 ? target : 0;
}
