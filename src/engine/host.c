/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the host as an image.
 *
 * The root of `husk run host` is an overlay whose lower layer is the host's root file system, which
 * is read only there. An overlay shows one file system and none that is mounted on it: /proc, /sys,
 * /dev, /run and every tmpfs are empty directories in it by construction. The host's other disk file
 * systems (/home, /var, /usr on their own partitions) get an overlay each, at their place. What
 * overlayfs cannot have below it (vfat, network and FUSE file systems) stays an empty directory.
 * Sockets and devices that lie in the lower layer cannot be used: overlayfs gives them no peer, and
 * the mount is nodev. */
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* File systems that hold somebody's files, and that overlayfs takes as a lower layer. */
static const char *const disk_types[] = {
        "ext2", "ext3", "ext4",  "xfs",      "btrfs",  "f2fs",
        "zfs",  "jfs",  "erofs", "bcachefs", "nilfs2", "reiserfs"
};

/* Directories that are the container's own, whatever the host has there. */
static const char *const own_places[] = { "/proc", "/sys", "/dev", "/run" };

static bool is_below(const char *path, const char *place)
{
        size_t size = strlen(place);

        return strncmp(path, place, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool is_disk(const char *type)
{
        for (size_t i = 0; i < ARRAY_SIZE(disk_types); i++)
                if (text_equal(disk_types[i], type))
                        return true;
        return false;
}

/* Mount point (field 5) and type (the field behind " - ") of one line. */
static bool read_mount(char *line, char **ret_path, const char **ret_type)
{
        char *type = strstr(line, " - "), *path = line;

        for (int field = 1; field < 5 && path; field++) {
                path = strchr(path, ' ');
                path = path ? path + 1 : NULL;
        }
        if (!type || !path)
                return false;
        type += 3;
        type[strcspn(type, " ")] = '\0';
        path[strcspn(path, " ")] = '\0';
        text_unescape_octal(path);
        *ret_path = path;
        *ret_type = type;
        return true;
}

/* Something that the options of overlayfs could not spell, or that is no directory. */
static bool is_usable(const char *path)
{
        struct stat st;

        if (path[0] != '/' || strpbrk(path, ":\\,\n"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(own_places); i++)
                if (is_below(path, own_places[i]))
                        return false;
        return file_stat(AT_FDCWD, path, 0, &st) == 0 && S_ISDIR(st.st_mode);
}

bool host_shows(struct arena *arena, const char *path)
{
        struct text table;
        char *line;
        size_t longest = 0;
        bool shown = true;

        for (size_t i = 0; i < ARRAY_SIZE(own_places); i++)
                if (is_below(path, own_places[i]))
                        return false;
        if (file_read(arena, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &table) < 0)
                return false;
        line = arena_string(arena, text_string(&table));
        while (*line) {
                char *end = line + strcspn(line, "\n"), *place;
                const char *type;
                bool last = !*end;

                *end = '\0';
                if (read_mount(line, &place, &type) && place[1] && is_below(path, place) &&
                    strlen(place) >= longest) {
                        longest = strlen(place);
                        shown = is_disk(type) && is_usable(place);
                }
                line = last ? end : end + 1;
        }
        return shown;
}

static void add(
        struct arena *arena, const char *state, const char *path, struct runtime_overlay *overlays,
        size_t *n)
{
        for (size_t i = 0; i < *n; i++)
                if (text_equal(overlays[i].lower.items[0], path))
                        return; /* mounted twice on one place: the path shows the last one */
        overlays[*n] = (struct runtime_overlay){
                .target = arena_string(arena, path + 1),
                .lower = store_words(arena, arena_string(arena, path)),
                .upper = arena_format(arena, "%s/upper%zu", state, *n),
                .work = arena_format(arena, "%s/work%zu", state, *n),
        };
        ++*n;
}

void host_parse_mounts(
        struct arena *arena, const char *state, char *table, struct runtime_overlay **ret_overlays,
        size_t *ret_n)
{
        enum {
                MOST = 64
        };

        *ret_overlays = arena_array(arena, MOST, sizeof **ret_overlays);
        *ret_n = 0;
        add(arena, state, "/", *ret_overlays, ret_n);
        for (char *line = table; *line && *ret_n < MOST;) {
                char *end = line + strcspn(line, "\n"), *path;
                const char *type;
                bool last = !*end;

                *end = '\0';
                if (read_mount(line, &path, &type) && is_disk(type) && path[1] && is_usable(path))
                        add(arena, state, path, *ret_overlays, ret_n);
                line = last ? end : end + 1;
        }
}

/* -- for an ordinary user ---------------------------------------------------------------------- */

struct parts {
        struct arena *arena;
        const char *state;
        struct runtime_overlay *overlays;
        struct runtime_link *links;
        size_t n, n_links;
};

enum {
        MOST_PARTS = 64
};

static struct runtime_overlay *add_part(struct parts *parts, const char *target)
{
        struct runtime_overlay *overlay = &parts->overlays[parts->n];

        *overlay = (struct runtime_overlay){
                .target = target,
                .lower = store_words(parts->arena, arena_format(parts->arena, "/%s", target)),
                .upper = arena_format(parts->arena, "%s/upper%zu", parts->state, parts->n),
                .work = arena_format(parts->arena, "%s/work%zu", parts->state, parts->n),
        };
        parts->n++;
        return overlay;
}

static bool has_mount_below(struct arena *arena, const char *table, const char *place)
{
        char *line = arena_string(arena, table);

        while (*line) {
                char *end = line + strcspn(line, "\n"), *path;
                const char *type;
                bool last = !*end;

                *end = '\0';
                if (read_mount(line, &path, &type) && is_below(path, place))
                        return true;
                line = last ? end : end + 1;
        }
        return false;
}

/* One name of the host's root directory. */
static void add_name(struct parts *parts, const char *table, const char *name)
{
        const char *path = arena_format(parts->arena, "/%s", name);
        char target[4096];
        struct stat st;

        if (file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st) < 0 || parts->n == MOST_PARTS ||
            parts->n_links == MOST_PARTS)
                return;
        if (S_ISLNK(st.st_mode)) {
                if (file_read_link(path, target, sizeof target) <= 0)
                        return;
                parts->links[parts->n_links++] =
                        (struct runtime_link){ arena_string(parts->arena, name),
                                               arena_string(parts->arena, target) };
        } else if (
                is_usable(path) && !text_equal(path, "/tmp") &&
                file_access(path, R_OK | X_OK) == 0) {
                struct runtime_overlay *overlay = add_part(parts, arena_string(parts->arena, name));

                overlay->mode = st.st_mode & 0777;
                overlay->read_only = has_mount_below(parts->arena, table, path);
        }
}

/* In a user namespace every mount on the host's root is locked to it, and of a tree with locked mounts
 * there is no overlay. So the root is an empty directory, and each directory of the host's root that
 * can be read is an overlay in it; one that has a mount in it is shown as it is, read-only. */
int host_parts(struct arena *arena, const char *state, struct host_parts *ret)
{
        struct parts parts = {
                .arena = arena,
                .state = state,
                .overlays = arena_array(arena, MOST_PARTS + 1, sizeof *parts.overlays),
                .links = arena_array(arena, MOST_PARTS + 1, sizeof *parts.links),
        };
        struct runtime_overlay *own;
        struct text table;
        const char **names;
        size_t n;
        int r = file_read(arena, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &table);

        if (r < 0)
                return trail(r, "cannot read /proc/self/mountinfo: %s", text_errno(r));
        r = container_list(arena, "/", &names, &n); /* sorted, without hidden ones */
        if (r < 0)
                return r;
        own = add_part(&parts, "");
        own->lower = store_words(arena, arena_format(arena, "%s/lower0", state));
        own->make_lower = true;
        own = add_part(&parts, "tmp");
        own->lower = store_words(arena, arena_format(arena, "%s/lower1", state));
        own->make_lower = true;
        own->mode = 01777;
        for (size_t i = 0; i < n; i++)
                add_name(&parts, text_string(&table), names[i]);
        *ret = (struct host_parts){ parts.overlays, parts.links, parts.n, parts.n_links };
        return 0;
}

int host_overlays(
        struct arena *arena, const char *state, struct runtime_overlay **ret_overlays,
        size_t *ret_n)
{
        struct text table;
        int r = file_read(arena, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &table);

        if (r < 0)
                return trail(r, "cannot read /proc/self/mountinfo: %s", text_errno(r));
        host_parse_mounts(
                arena, state, arena_string(arena, text_string(&table)), ret_overlays, ret_n);
        return 0;
}

int host_layers(
        struct arena *arena, const char *state, const struct facts *facts, struct host_parts *ret)
{
        if (facts->uid == 0)
                return host_overlays(arena, state, &ret->overlays, &ret->n_overlays);
        return host_parts(arena, state, ret);
}
