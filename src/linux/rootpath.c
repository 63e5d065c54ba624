/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: names under a container's root.
 *
 * The field's worst bugs are one bug: a path string that is resolved twice, with the container
 * changing a component in between. Here a name is resolved once, by the kernel, inside a root
 * descriptor, and everything afterwards is done on the descriptor or on one last component with
 * NOFOLLOW. Making a missing path walks down component by component, each step resolved by
 * openat2 from the root again only for what exists already, never by string surgery on the
 * result. */
#include "linux.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
        RACES = 128
};

static const char *relative(const char *path)
{
        while (*path == '/')
                path++;
        return *path ? path : ".";
}

int rootpath_open(int root, const char *path, uint64_t flags, bool strict)
{
        struct open_how how = {
                .flags = flags | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                           (strict ? RESOLVE_NO_SYMLINKS : 0),
        };
        long fd = -1;

        if (flags & O_CREAT)
                how.mode = 0644;
        for (int i = 0; i < RACES; i++) {
                fd = syscall(SYS_openat2, root, relative(path), &how, sizeof how);
                if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                        break;
        }
        return fd < 0 ? missing_hint(-errno, "openat2(2)", "5.6") : (int)fd;
}

/* One more component below `dir`: mkdirat, then opened in root terms. A component that is a
 * symbolic link was resolvable or not before; a dangling one is refused (-EEXIST then -ENOENT). */
static int step(int root, int dir, const char *prefix, const char *name, mode_t mode)
{
        int fd;

        if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
                return -errno;
        fd = rootpath_open(root, prefix, O_PATH | O_DIRECTORY, false);
        return fd;
}

int rootpath_make_dirs(int root, const char *path, mode_t mode)
{
        char part[4096];
        size_t size = strlen(path);
        int dir = rootpath_open(root, path, O_PATH | O_DIRECTORY, false);

        if (dir != -ENOENT)
                return dir;
        if (size >= sizeof part)
                return -ENAMETOOLONG;
        memcpy(part, path, size + 1);
        dir = rootpath_open(root, "", O_PATH | O_DIRECTORY, false);
        for (char *at = part; dir >= 0;) {
                char *name, *end, kept;
                int next;

                while (*at == '/')
                        at++;
                if (!*at)
                        break;
                name = at;
                end = at + strcspn(at, "/");
                kept = *end;
                *end = '\0';
                if (text_is_dots(name))
                        next = rootpath_open(root, part, O_PATH | O_DIRECTORY, false);
                else
                        next = step(root, dir, part, name, mode);
                *end = kept;
                close(dir);
                dir = next;
                at = end;
        }
        return dir;
}

int rootpath_parent(int root, const char *path, const char **ret_leaf)
{
        char parent[4096];
        const char *leaf = path + strlen(path);
        size_t size;
        int dir;

        while (leaf > path && leaf[-1] != '/')
                leaf--;
        size = (size_t)(leaf - path);
        if (size >= sizeof parent)
                return -ENAMETOOLONG;
        if (!*leaf || text_is_dots(leaf))
                return -EINVAL;
        memcpy(parent, path, size);
        parent[size] = '\0';
        dir = rootpath_make_dirs(root, parent, 0755);
        if (dir >= 0)
                *ret_leaf = leaf;
        return dir;
}

int rootpath_make_file(int root, const char *path)
{
        int file = rootpath_open(root, path, O_PATH, false);
        const char *leaf;
        int dir, made;

        if (file != -ENOENT)
                return file;
        dir = rootpath_parent(root, path, &leaf);
        if (dir < 0)
                return dir;
        made = openat(dir, leaf, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
        if (made < 0 && errno != EEXIST) {
                made = -errno;
                close(dir);
                return made;
        }
        if (made >= 0)
                close(made);
        close(dir);
        return rootpath_open(root, path, O_PATH, false);
}
