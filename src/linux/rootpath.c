/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: names under a container's root.
 *
 * The field's worst bugs are one bug: a path string that is resolved twice, with the container
 * changing a component in between. Here a name is resolved once, by the kernel, inside a root
 * descriptor, and everything afterwards is done on the descriptor or on one last component with
 * NOFOLLOW.
 *
 * A missing path is made below the longest part of it that is there. That is found by halves, each half
 * resolved as a whole: whoever wrote a name chose how many components it has, and how many links lie behind
 * each, so no step may cost what the whole name costs. What was just made is entered from the directory that
 * it was made in, as one component that is no link and no way up; where there is a link nevertheless (others
 * make names, too), and behind "..", the prefix is resolved again from the root, never by string surgery
 * on a result. What is returned is the whole name, resolved in the root when all is there: a directory
 * that was moved out of the root meanwhile, with what was made in it, is not found by that. */
#include "linux.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
        RACES = 128,
        LINKS_MAX = 40, /* on one way, as in the kernel */
        WAY_DEPTH = 512 /* directories below each other that a way is counted through */
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

static int open_dir(int root, const char *path)
{
        return rootpath_open(root, path, O_PATH | O_DIRECTORY, false);
}

/* The first `size` bytes of a path that is ours. */
static int open_prefix(int root, char *path, size_t size)
{
        char kept = path[size];
        int fd;

        path[size] = '\0';
        fd = open_dir(root, path);
        path[size] = kept;
        return fd;
}

int rootpath_longest(int root, char *path, size_t *ret_size)
{
        size_t there = 0, missing = strlen(path); /* bytes of path, up to a slash */
        int dir = open_dir(root, "");

        while (dir >= 0) {
                size_t at = there + (missing - there) / 2;
                int next;

                while (at < missing && (at == there || path[at] != '/'))
                        at++;
                while (at > there && (at == missing || path[at] != '/'))
                        at--;
                if (at == there)
                        break;
                next = open_prefix(root, path, at);
                if (next == -ENOENT || next == -ENOTDIR) {
                        missing = at;
                        continue;
                }
                close(dir);
                dir = next;
                there = at;
        }
        *ret_size = there;
        return dir;
}

/* A directory that is one component below another, and no link. */
static int open_below(int dir, const char *name)
{
        struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

/* Of one component, that may be a link or dots: `size` bytes of `path` lead there from the root. */
static int enter(int root, int dir, const char *name, char *path, size_t size)
{
        int fd = text_is_dots(name) ? -1 : open_below(dir, name);

        return fd < 0 ? open_prefix(root, path, size) : fd;
}

int rootpath_make_dirs(int root, const char *path, mode_t mode)
{
        char part[4096];
        size_t size = strlen(path), start;
        int dir = open_dir(root, path);

        if (dir != -ENOENT)
                return dir;
        if (size >= sizeof part)
                return -ENAMETOOLONG;
        memcpy(part, path, size + 1);
        dir = rootpath_longest(root, part, &start);
        for (char *at = part + start; dir >= 0;) {
                char *name, kept;
                int next;

                while (*at == '/')
                        at++;
                if (!*at)
                        break;
                name = at;
                at += strcspn(at, "/");
                kept = *at;
                *at = '\0';
                /* A link to nothing is there, and leads nowhere. */
                if (!text_is_dots(name) && mkdirat(dir, name, mode) < 0 && errno != EEXIST)
                        next = -errno;
                else
                        next = enter(root, dir, name, part, (size_t)(at - part));
                *at = kept;
                close(dir);
                dir = next;
        }
        if (dir < 0)
                return dir;
        close(dir);
        return open_dir(root, path);
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

/* -- what a way costs --------------------------------------------------------------------------------- */

struct way {
        int root, dirs[WAY_DEPTH]; /* that it has entered, each below the one before */
        int depth, links;
        bool is_lost; /* what comes is not there: it is counted, and not looked for */
        uint32_t steps;
};

static void leave(struct way *way, int depth)
{
        while (way->depth > depth)
                close(way->dirs[--way->depth]);
}

static void follow(struct way *way, const char *path);

static void count_step(struct way *way, const char *text, size_t size)
{
        const int dir = way->depth ? way->dirs[way->depth - 1] : way->root;
        char name[256], target[4096];
        ssize_t n;
        int fd;

        memcpy(name, text, size);
        name[size] = '\0';
        n = readlinkat(dir, name, target, sizeof target - 1);
        if (n >= 0 && ++way->links <= LINKS_MAX) {
                target[n] = '\0';
                if (*target == '/')
                        leave(way, 0);
                follow(way, target);
                return;
        }
        fd = n < 0 && way->depth < WAY_DEPTH ? open_below(dir, name) : -1;
        way->is_lost = fd < 0;
        if (fd >= 0)
                way->dirs[way->depth++] = fd;
}

/* Up is the directory that it came from, never "..": that could have been moved elsewhere. */
static void follow(struct way *way, const char *path)
{
        while (*path && way->links <= LINKS_MAX) {
                const size_t size = strcspn(path, "/");

                way->steps++;
                if (size > 255)
                        way->is_lost = true;
                else if (size == 2 && path[0] == '.' && path[1] == '.' && !way->is_lost)
                        leave(way, way->depth ? way->depth - 1 : 0);
                else if (size && !(size == 1 && *path == '.') && !way->is_lost)
                        count_step(way, path, size);
                path += size + (path[size] == '/');
        }
}

uint32_t rootpath_count(int root, const char *path)
{
        struct way way = { .root = root };

        follow(&way, path);
        leave(&way, 0);
        return way.steps;
}
