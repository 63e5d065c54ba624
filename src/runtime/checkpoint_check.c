/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: criu is root, opens, truncates and punches holes into files of a directory by their names,
 * and follows symbolic links on the way. So before it is let into one it must be seen that nobody else can put
 * anything there, now or later, and that nothing is there through which it would come out: links, pipes, devices.
 *
 * What the images say is not looked at: who wrote them decides what is restored (docs/checkpoint.md). */
#include "runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        PARENTS_MAX = 64 /* checkpoints on top of each other */
};

static const char link_name[] =
        "parent"; /* criu's, to the checkpoint that one is on top of; a directory does as well */

struct check {
        struct arena *arena;
        const char *option;
};

static int refuse(const struct check *check, const char *path, int error, const char *what)
{
        struct text visible = { .arena = check->arena };

        text_add_visible(&visible, path);
        return trail(error, "%s: %s: %s", check->option, text_string(&visible), what);
}

/* Nobody but root and us, who are root here, can change what has this status. */
static int check_status(const struct check *check, const char *path, const struct stat *st)
{
        const char *what = NULL;

        if (st->st_uid != 0 && st->st_uid != geteuid())
                what = arena_format(
                        check->arena, "user %u, whose it is, could change it under criu",
                        (unsigned)st->st_uid);
        else if (st->st_mode & S_IWOTH)
                what = "everybody can write there, and change it under criu";
        else if (st->st_mode & S_IWGRP) /* with an access list that is whoever it names */
                what = arena_format(
                        check->arena, "group %u can write there, and change it under criu",
                        (unsigned)st->st_gid);
        if (!what)
                return 0;
        trail_hint("use a directory of root's that is below directories of root's, with mode 0700");
        return refuse(check, path, -EPERM, what);
}

/* Of the directories above it, too: who can rename one can put another there. In one that is sticky that is its
 * owner's alone. */
static int check_above(const struct check *check, const char *path)
{
        char *part = arena_string(check->arena, path);

        for (char *slash; (slash = strrchr(part, '/'));) {
                const char *above;
                struct stat st;
                int r;

                *slash = '\0';
                above = *part ? part : "/";
                r = file_stat(AT_FDCWD, above, 0, &st);
                if (r < 0)
                        return refuse(check, above, r, text_errno(r));
                if (st.st_mode & S_ISVTX)
                        st.st_mode &= ~(mode_t)(S_IWOTH | S_IWGRP);
                r = check_status(check, above, &st);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_entry(const struct check *check, int dir, const char *path, const char *name)
{
        const char *full = arena_format(check->arena, "%s/%s", path, name);
        struct stat st;
        int r = file_stat(dir, name, AT_SYMLINK_NOFOLLOW, &st);

        if (r < 0)
                return refuse(check, full, r, text_errno(r));
        if (S_ISLNK(st.st_mode) && text_equal(name, link_name))
                return 0;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) &&
            !(S_ISSOCK(st.st_mode) && text_equal(name, "lazy-pages.socket")))
                return refuse(
                        check, full, -EPERM,
                        S_ISLNK(st.st_mode) ? "is a symbolic link, which criu would follow"
                                            : "is no plain file");
        return check_status(check, full, &st);
}

/* One directory, by its real path. */
static int check_directory(const struct check *check, const char *path)
{
        auto_close dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        struct dirent *entry;
        struct stat st;
        DIR *list;
        int r = dir < 0 ? dir : file_stat(dir, "", AT_EMPTY_PATH, &st);

        if (r < 0)
                return refuse(check, path, r, text_errno(r));
        if ((r = check_status(check, path, &st)) < 0 || (r = check_above(check, path)) < 0)
                return r;
        list = file_list_at(dir, ".");
        if (!list)
                return refuse(check, path, -errno, text_errno(-errno));
        while (r == 0 && (errno = 0, entry = readdir(list)))
                if (!text_is_dots(entry->d_name))
                        r = check_entry(check, dir, path, entry->d_name);
        if (r == 0 && errno)
                r = refuse(check, path, -errno, text_errno(-errno));
        closedir(list);
        return r;
}

int criu_check_directory(struct arena *arena, const char *option, const char *path)
{
        const struct check check = { arena, option };

        for (int i = 0; i < PARENTS_MAX; i++) {
                const char *link = arena_format(arena, "%s/%s", path, link_name);
                struct stat st;
                int r = check_directory(&check, path);

                /* criu opens it whatever it is */
                if (r < 0 || file_stat(AT_FDCWD, link, AT_SYMLINK_NOFOLLOW, &st) < 0 ||
                    (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode)))
                        return r;
                r = file_real_path(arena, link, &path);
                if (r < 0)
                        return refuse(&check, link, r, text_errno(r));
        }
        return refuse(&check, path, -ELOOP, "more than 64 checkpoints on top of each other");
}
