/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the directory of a container, without its journal.
 *
 * A state root is named by a path, which may lead anywhere: to one that is shared with another runtime, to a file
 * system's top, to where another user's link points. So a directory in which no journal tells what it is counts as ours
 * only by the mark that mkdir(2) gave it, together with its owner: the sticky bit, which has no effect on a
 * directory that its owner alone can write to, and which nobody else gives to such a one. And what is removed is
 * removed from its descriptor on, whatever the path leads to by then. */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* The set-group-id bit may come from the directory above. */
bool container_dir_is_ours(int dir)
{
        struct stat st;

        return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
               (st.st_mode & 01777) == CONTAINER_DIR_MODE;
}

/* "upper12" */
static bool is_numbered(const char *name, const char *word)
{
        size_t size = strlen(word);

        return text_starts(name, word) && name[size] &&
               name[size + strspn(name + size, "0123456789")] == '\0';
}

/* A name that we make in a container's directory. */
static bool is_our_name(const char *name)
{
        static const char *const names[] = { "journal", "start", "log", "times", "own", "merged" };
        static const char *const numbered[] = { "lower", "upper", "work" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (text_equal(name, names[i]))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(numbered); i++)
                if (is_numbered(name, numbered[i]))
                        return true;
        return false;
}

bool container_dir_has_files(int dir)
{
        DIR *list = file_list_at(dir, ".");
        bool found = !list;

        for (struct dirent *entry; !found && (entry = readdir(list));)
                found = !text_is_dots(entry->d_name) && !text_equal(entry->d_name, "journal");
        if (list)
                closedir(list);
        return found;
}

/* The way to it from itself: "..", and its name there, which needs no descriptor when there are none left. -ENOENT: it
 * has that name no more. */
static int find_above(int dir, const char *id, char way[static 300])
{
        struct stat own, named;
        int r;

        text_format(way, 300, "../%s", id);
        r = file_stat(dir, way, AT_SYMLINK_NOFOLLOW, &named);
        if (r == 0 && fstat(dir, &own) < 0)
                r = -errno;
        if (r == 0 && (own.st_dev != named.st_dev || own.st_ino != named.st_ino))
                r = -ENOENT;
        return r;
}

int container_dir_remove(int dir, const char *id)
{
        char way[300];
        int r = find_above(dir, id, way);

        return r < 0 ? r : file_remove(dir, way, AT_REMOVEDIR);
}

/* All names are ours, or none of them goes. */
static int check_names(int dir, const char *id)
{
        DIR *list = file_list_at(dir, ".");
        int r = list ? 0 : -errno;

        for (struct dirent *entry; r == 0 && list && (entry = readdir(list));)
                if (!text_is_dots(entry->d_name) && !is_our_name(entry->d_name))
                        r = trail(
                                -ENOTEMPTY,
                                "the directory of '%s' has '%s', which is not husk's, so it stays",
                                id, entry->d_name);
        if (list)
                closedir(list);
        return r;
}

int container_dir_check(int dir, const char *id, bool whole)
{
        char way[300];
        struct stat above;
        int r = find_above(dir, id, way);

        if (r == 0)
                r = file_stat(dir, "..", 0, &above);
        if (r < 0)
                return r;
        if (!whole && !container_dir_is_ours(dir)) {
                trail_hint("look at what it is, and remove it by hand");
                return trail(-EPERM, "the directory of '%s' was not made by husk, so it stays", id);
        }
        if (above.st_uid != 0 && above.st_uid != geteuid())
                return trail(
                        -EPERM, "'%s' is in a directory of user %u, so what is there stays", id,
                        (unsigned)above.st_uid);
        return whole ? 0 : check_names(dir, id);
}

int container_dir_discard(int dir, const char *id, bool whole)
{
        DIR *list = file_list_at(dir, ".");
        int r = 0, one;

        if (!list)
                return -errno;
        for (struct dirent *entry; (entry = readdir(list));) {
                one = !text_is_dots(entry->d_name) && (whole || is_our_name(entry->d_name))
                            ? file_remove_tree(dir, entry->d_name)
                            : 0;
                if (one < 0 && r == 0)
                        r = one;
        }
        closedir(list);
        return r < 0 ? r : container_dir_remove(dir, id);
}
