/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who makes an ordinary user's overlays.
 *
 * The kernel does since Linux 5.11, unless a security module or a filter around us refuses it or the store lies on a
 * file system that cannot hold an upper layer. So it is asked: an overlay of empty directories, in a user namespace of
 * our own id, once for each container that is made. Where it refuses, fuse-overlayfs(1) does it, and the journal says
 * so, since its layers are its own to read. The directories have one name, and a lock; one that a killed command left
 * is used, and removed, by the next. */
#include "store.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#define PROGRAM "/usr/bin/fuse-overlayfs"

/* What is made below the trial's directory, in this order; the last one by the kernel. */
static const char *const places[] = { "lower", "upper", "work", "work/work" };

struct trial {
        const char *lower, *upper, *work;
};

/* 0, or a positive errno: a negative one would be the user namespace's. */
static int mount_one(void *context)
{
        const struct trial *trial = context;
        auto_close fs = NO_FD, tree = NO_FD;
        int r = namespace_unshare(CLONE_NEWNS);

        if (r < 0)
                return r;
        fs = mount_open_fs("overlay");
        r = fs;
        if (r >= 0)
                r = mount_set_fs(fs, "lowerdir", trial->lower);
        if (r >= 0)
                r = mount_set_fs(fs, "upperdir", trial->upper);
        if (r >= 0)
                r = mount_set_fs(fs, "workdir", trial->work);
        if (r >= 0)
                r = mount_set_fs(fs, "userxattr", NULL);
        /* Taking away one that could be written to would write all of the store's file system to its disk. */
        if (r >= 0)
                r = mount_set_fs(fs, "ro", NULL);
        if (r >= 0)
                r = tree = mount_make(fs, 0);
        return r < 0 ? -r : 0;
}

/* A directory that nobody else has locked, and that is there: who has used it removes it. */
static int lock_place(const char *path)
{
        for (;;) {
                auto_close dir = NO_FD;
                struct stat st;
                int r = file_make_dir(path, 0700);

                if (r < 0 && r != -EEXIST)
                        return r;
                dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
                if (dir == -ENOENT)
                        continue;
                if (dir < 0 || flock(dir, LOCK_EX) < 0 || fstat(dir, &st) < 0)
                        return dir < 0 ? dir : -errno;
                if (st.st_nlink) {
                        r = dir;
                        dir = NO_FD;
                        return r;
                }
        }
}

/* 0: the kernel does it. Above: the errno with which it refuses. */
static int try_overlay(struct arena *arena, const char *containers)
{
        const char *path = arena_format(arena, "%s/.trial", containers);
        const char *own = arena_format(arena, "0 %u 1\n", (unsigned)geteuid());
        const struct idmap map = { .uid_map = own,
                                   .gid_map =
                                           arena_format(arena, "0 %u 1\n", (unsigned)getegid()) };
        struct trial trial = { arena_format(arena, "%s/lower", path),
                               arena_format(arena, "%s/upper", path),
                               arena_format(arena, "%s/work", path) };
        auto_close lock = NO_FD;
        int r = file_make_dirs(containers, 0711);

        if (r < 0)
                return trail(r, "cannot make %s: %s", containers, text_errno(r));
        lock = lock_place(path);
        r = lock < 0 ? lock : 0;
        for (size_t i = 0; r == 0 && i < 3; i++) {
                r = file_make_dir(arena_format(arena, "%s/%s", path, places[i]), 0700);
                if (r == -EEXIST)
                        r = 0;
        }
        if (r < 0)
                return trail(r, "cannot work in %s: %s", path, text_errno(r));
        r = idmap_run(&map, mount_one, &trial);
        for (size_t i = ARRAY_SIZE(places); i-- > 0;)
                file_remove(lock, places[i], AT_REMOVEDIR);
        file_remove(AT_FDCWD, path, AT_REMOVEDIR);
        trail_reset();
        return r > 0 ? r
                     : 0; /* without user namespaces there is no container: that is told later, and better */
}

/* The value of the only option that there is; the last one counts. */
static int read_options(const struct words *options, const char **ret)
{
        *ret = NULL;
        for (size_t i = 0; i < options->n; i++) {
                const char *word = options->items[i], *value;

                if (text_starts(word, "overlay."))
                        word += strlen("overlay.");
                value = strchr(word, '=');
                if (!value || !text_starts(word, "mount_program=")) {
                        trail_hint(
                                "overlay.mount_program=/usr/bin/fuse-overlayfs is what there is");
                        return trail(
                                -EINVAL, "--storage-opt %s: there is no such option",
                                options->items[i]);
                }
                *ret = value + 1;
        }
        return 0;
}

static int check_program(const char *program, bool explain)
{
        if (program[0] != '/')
                return trail(
                        -EINVAL, "--storage-opt overlay.mount_program=%s: not an absolute path",
                        program);
        if (explain)
                return 0;
        if (file_access(program, X_OK) < 0)
                return trail(
                        -ENOENT, "--storage-opt overlay.mount_program=%s: there is no such program",
                        program);
        if (geteuid() == 0)
                return trail(
                        -EINVAL,
                        "--storage-opt overlay.mount_program is for ordinary users: for root "
                        "the kernel makes overlays");
        return 0;
}

int choose_mount_program(
        struct arena *arena, const struct words *storage_opt, const char *containers, bool explain,
        const char **ret)
{
        const char *program;
        int r = read_options(storage_opt, &program);

        *ret = NULL;
        if (r < 0)
                return r;
        if (program) {
                *ret = program;
                return check_program(program, explain);
        }
        if (explain || geteuid() == 0)
                return 0;
        r = try_overlay(arena, containers);
        if (r <= 0)
                return r;
        if (file_access(PROGRAM, X_OK) < 0) {
                trail_hint(
                        "install fuse-overlayfs (on Debian and Ubuntu: the package of that name); "
                        "--rootfs DIR needs neither");
                return trail(
                        -r,
                        "the kernel mounts no overlay for an ordinary user here (%s), and there "
                        "is no " PROGRAM,
                        text_errno(-r));
        }
        *ret = PROGRAM;
        return 0;
}
