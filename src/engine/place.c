/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the places at which `husk mount` shows the files of containers and images.
 *
 * Nothing is noted about a mount: the kernel knows what is mounted, and forgets it with the last process of a mount
 * namespace, or the boot. A place is an empty directory, made before and removed after; so one that has nothing
 * mounted on it here is left over, or is a mount of another namespace (`husk unshare`, unshare -m), which no file of
 * the store tells of. Then the processes are asked, those that we may look at. That is rare: without the directory
 * there is nothing to ask. */
#include "place.h"

#include "image.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/mount.h>

/* As mountinfo writes it. */
static const char *words_of_mountinfo(struct arena *arena, const char *path)
{
        struct text words = { .arena = arena };

        for (const char *c = path; *c; c++)
                if (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\\')
                        text_addf(&words, "\\%03o", (unsigned char)*c);
                else
                        text_add_bytes(&words, c, 1);
        return text_string(&words);
}

/* Is it the fifth word of a line of a mountinfo? What is mounted may be called anything by whoever mounts. */
static bool has_place(const char *table, const char *wanted)
{
        const size_t size = strlen(wanted);

        for (const char *line = table; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                for (int word = 1; word < 5 && line; word++) {
                        line = strpbrk(line, " \n");
                        if (line && *line++ == '\n')
                                line = NULL;
                }
                if (!line)
                        break;
                if (strncmp(line, wanted, size) == 0 && line[size] == ' ')
                        return true;
        }
        return false;
}

/* A process that has something mounted there in a mount namespace of its own, which root or `owner`, whose place it is,
 * has made: anybody else is root in one of theirs, and mounts there what they like. NULL: none. */
static const char *find_process(struct arena *arena, const char *path, uid_t owner)
{
        const char *wanted = words_of_mountinfo(arena, path), *found = NULL;
        auto_close proc = file_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
        DIR *list = proc < 0 ? NULL : file_list_at(proc, ".");
        struct stat own, other;

        if (proc >= 0 && file_stat(proc, "self/ns/mnt", 0, &own) < 0)
                own.st_ino = 0;
        for (struct dirent *entry; !found && list && (entry = readdir(list));) {
                auto_arena scratch = { 0 };
                struct text table;

                if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
                    file_stat(proc, arena_format(&scratch, "%s/ns/mnt", entry->d_name), 0, &other) <
                            0 ||
                    other.st_ino == own.st_ino ||
                    file_read(
                            &scratch, proc, arena_format(&scratch, "%s/mountinfo", entry->d_name),
                            16 << 20, &table) < 0)
                        continue;
                if (has_place(text_string(&table), wanted) &&
                    !namespace_is_of_others(
                            proc, arena_format(&scratch, "%s/ns/mnt", entry->d_name), owner))
                        found = arena_string(arena, entry->d_name);
        }
        if (list)
                closedir(list);
        trail_reset();
        return found;
}

int place_look(struct arena *arena, const char *path)
{
        const char *process;
        struct stat st;

        if (file_stat(AT_FDCWD, path, 0, &st) < 0)
                return 0;
        if (mount_is_root(AT_FDCWD, path))
                return 1;
        process = find_process(arena, path, st.st_uid);
        if (process) {
                trail_hint("unmount it there, or end that process");
                return trail(
                        -EBUSY, "it is mounted at %s in the mount namespace of process %s", path,
                        process);
        }
        (void)file_remove(AT_FDCWD, path, AT_REMOVEDIR);
        return 0;
}

int place_of_container(
        struct arena *arena, const struct container *container, const char **ret_path)
{
        const char *path = container_merged(arena, container->root, container->id);
        int r = place_look(arena, path);

        if (r < 0)
                return trail(r, "container '%.12s' is in use", container->id);
        *ret_path = r ? path : NULL;
        return 0;
}

int place_attach(const char *path, int tree)
{
        auto_close place = NO_FD;
        int r = file_make_dirs(path, 0700);

        if (r == 0)
                r = place = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        if (r >= 0)
                r = mount_attach(tree, place);
        return r < 0 ? trail(r, "cannot mount at %s: %s", path, text_errno(r)) : 0;
}

int place_clear(const char *path, bool force)
{
        int r = 0;

        if (mount_is_root(AT_FDCWD, path))
                r = force ? mount_detach(path) : mount_unmount(path);
        if (r == -EBUSY)
                trail_hint("leave it (fuser -vm %s tells who is there), or use --force", path);
        if (r < 0)
                return trail(r, "cannot unmount %s: %s", path, text_errno(r));
        r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);
        return r < 0 && r != -ENOENT ? trail(r, "cannot remove %s: %s", path, text_errno(r)) : 0;
}

const char *place_of_image(
        struct arena *arena, const struct engine_options *options, const char *id)
{
        return arena_format(
                arena, "%s/mounts/%s", store_absolute(arena, options->root), LAYOUT_HEX(id));
}

bool place_has_image(struct arena *arena, const struct engine_options *options, const char *id)
{
        int r = place_look(arena, place_of_image(arena, options, id));

        if (r < 0)
                trail_reset();
        return r != 0;
}

/* -- layers ----------------------------------------------------------------------------------------------- */

static int join(
        const char *const *layers, const struct view *open, const char *empty, bool executable)
{
        auto_close fs = mount_open_fs("overlay");
        int r = fs < 0 ? fs : 0;

        for (size_t i = 0; r == 0 && i < open->n; i++)
                r = layout_is_image(layers[i]) ? mount_set_fs_fd(fs, "lowerdir+", open->layers[i])
                                               : mount_set_fs(fs, "lowerdir+", layers[i]);
        if (r == 0 && empty && open->n == 1)
                r = mount_set_fs(fs, "lowerdir+", empty);
        if (r == 0)
                r = mount_set_fs(fs, "index", "off");
        if (r == 0)
                r = namespace_is_first_user() ? mount_set_fs(fs, "metacopy", "off")
                                              : mount_set_fs(fs, "userxattr", NULL);
        r = r < 0 ? r
                  : mount_make(
                            fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                        (executable ? 0 : MOUNT_ATTR_NOEXEC));
        return r < 0 ? trail(r, "cannot put the layers on top of each other: %s", text_errno(r))
                     : r;
}

int layers_mount(
        struct arena *arena, const char *const *layers, size_t n, const char *empty,
        bool executable)
{
        struct view open;
        int r = view_open_layers(arena, layers, n, false, &open);

        if (r < 0)
                return r;
        r = join(layers, &open, empty, executable);
        view_close(&open);
        return r;
}
