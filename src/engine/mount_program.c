/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who makes an ordinary user's overlays.
 *
 * The kernel does since Linux 5.11, unless a security module or a filter around us refuses it or the store lies on a
 * file system that cannot hold an upper layer. So it is asked: an overlay of empty directories, in a user namespace of
 * our own id. That it does is remembered, for this boot and this file system, until a container is refused. Where
 * it refuses, fuse-overlayfs(1) does it, and the journal says so, since its layers are its own to read.
 *
 * The directories are the store's own, and stay; what a killed command left in them the next trial removes. */
#include "store.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#define PROGRAM "/usr/bin/fuse-overlayfs"

/* Below the trial's directory. */
static const char *const places[] = { "lower", "upper", "work" };
static const char made_by_kernel[] = "work/work", answer_file[] = "works";

static const char *trial_path(struct arena *arena, const char *containers)
{
        return arena_format(arena, "%s/.trial", containers);
}

/* 0, or a positive errno: a negative one would be the user namespace's. The options have names in the directory, since
 * a path may be too long for one, or have what separates layers. */
static int mount_one(void *context)
{
        const int *dir = context;
        auto_close fs = NO_FD, tree = NO_FD;
        int r;

        /* Before the mount namespace is ours, which takes the directory along: layers must be in it. */
        if (fchdir(*dir) < 0)
                return errno;
        r = namespace_unshare(CLONE_NEWNS);
        if (r < 0)
                return r;
        fs = mount_open_fs("overlay");
        r = fs;
        if (r >= 0)
                r = mount_set_fs(fs, "lowerdir", "lower");
        if (r >= 0)
                r = mount_set_fs(fs, "upperdir", "upper");
        if (r >= 0)
                r = mount_set_fs(fs, "workdir", "work");
        if (r >= 0)
                r = mount_set_fs(fs, "userxattr", NULL);
        /* Taking away one that could be written to would write all of the store's file system to its disk. */
        if (r >= 0)
                r = mount_set_fs(fs, "ro", NULL);
        if (r >= 0)
                r = tree = mount_make(fs, 0);
        return r < 0 ? -r : 0;
}

/* The trial's directory, with all that is in it, locked. */
static int lock_place(struct arena *arena, const char *path)
{
        auto_close dir = NO_FD;
        int r = file_make_dir(path, 0700);

        if (r == -EEXIST)
                r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++) {
                r = file_make_dir(arena_format(arena, "%s/%s", path, places[i]), 0700);
                if (r == -EEXIST)
                        r = 0;
        }
        if (r < 0)
                return r;
        dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (dir < 0 || flock(dir, LOCK_EX) < 0)
                return dir < 0 ? dir : -errno;
        r = dir;
        dir = NO_FD;
        return r;
}

/* What an answer holds for: this boot, and the file system of the directory. NULL: it cannot be told. */
static const char *answer(struct arena *arena, const char *path)
{
        const char *boot;
        struct stat st;

        if (container_boot_id(&boot) < 0 || file_stat(AT_FDCWD, path, 0, &st) < 0)
                return NULL;
        return arena_format(arena, "%s %llx\n", boot, (unsigned long long)st.st_dev);
}

static bool is_answered(struct arena *arena, const char *path)
{
        const char *wanted = answer(arena, path);
        char text[128];

        return wanted &&
               file_get(
                       AT_FDCWD, arena_format(arena, "%s/%s", path, answer_file), text,
                       sizeof text) > 0 &&
               text_equal(text, wanted);
}

/* One that is half written is none. */
static void note_answer(struct arena *arena, int dir, const char *path)
{
        const char *words = answer(arena, path);
        auto_close file =
                words ? file_open(dir, answer_file, O_WRONLY | O_CREAT | O_TRUNC, 0600) : NO_FD;

        if (file >= 0)
                file_write(file, words, strlen(words));
}

bool doubt_mount_program(struct arena *arena, const char *containers, int error)
{
        static const int refusals[] = { -EPERM, -EACCES, -EINVAL, -ENODEV, -ENOSYS, -EOPNOTSUPP };
        const char *path = trial_path(arena, containers);
        bool refused = false;

        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
                refused |= error == refusals[i];
        refused &= geteuid() != 0;
        if (refused) {
                int file = file_open(
                        AT_FDCWD, arena_format(arena, "%s/%s", path, answer_file),
                        O_WRONLY | O_TRUNC, 0);

                file_close(&file);
        }
        return refused;
}

/* 0: the kernel does it. Above: the errno with which it refuses. */
static int try_overlay(struct arena *arena, const char *containers)
{
        const char *path = trial_path(arena, containers);
        const char *own = arena_format(arena, "0 %u 1\n", (unsigned)geteuid());
        const struct idmap map = { .uid_map = own,
                                   .gid_map =
                                           arena_format(arena, "0 %u 1\n", (unsigned)getegid()) };
        auto_close lock = NO_FD;
        int removed, r;

        if (is_answered(arena, path))
                return 0;
        r = file_make_dirs(containers, 0711);
        if (r < 0)
                return trail(r, "cannot make %s: %s", containers, text_errno(r));
        lock = lock_place(arena, path);
        if (lock < 0)
                return trail(lock, "cannot work in %s: %s", path, text_errno(lock));
        r = idmap_run(&map, mount_one, &lock);
        removed = file_remove(lock, made_by_kernel, AT_REMOVEDIR);
        if (r == 0 && (removed == 0 || removed == -ENOENT)) /* else the next trial removes it */
                note_answer(arena, lock, path);
        trail_reset();
        /* Without user namespaces there is no container: that is told later, and better. */
        return r > 0 ? r : 0;
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
