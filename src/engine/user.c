/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who "-u NAME:GROUP" is.
 *
 * Names mean what the container's own passwd and group files say; these are hostile input: opened
 * inside the root, regular files only, bounded. A word of digits is a number and never a name, at
 * most 2^31 - 1, so that nothing wraps to root (CVE-2024-40635). */
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        FILE_MAX = 4 << 20
};

/* What an open file says; "" when it is missing or no plain file. Closes it. */
static const char *read_plain(struct arena *arena, int file)
{
        auto_close fd = file;
        struct text text;

        if (fd < 0 || file_read_plain(arena, fd, FILE_MAX, &text) < 0)
                return "";
        return text_string(&text);
}

struct user_files user_files_of_root(struct arena *arena, int root)
{
        const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

        return (struct user_files){
                read_plain(arena, rootpath_open(root, "/etc/passwd", flags, false)),
                read_plain(arena, rootpath_open(root, "/etc/group", flags, false)),
        };
}

static const char *read_in_layers(struct arena *arena, const struct view *layers, const char *path)
{
        struct text text = { .arena = arena };

        return view_read(arena, layers, path, FILE_MAX, &text) < 0 ? "" : text_string(&text);
}

struct user_files user_files_of_layers(struct arena *arena, const struct view *layers)
{
        return (struct user_files){
                read_in_layers(arena, layers, "/etc/passwd"),
                read_in_layers(arena, layers, "/etc/group"),
        };
}

/* Split off the next line, then the next field. */
static char *cut(char **at, char border)
{
        char *start = *at, *end = strchr(start, border);

        if (end)
                *end++ = '\0';
        *at = end ? end : start + strlen(start);
        return start;
}

struct entry {
        const char *name, *home;
        uint64_t uid, gid;
};

/* The entry of passwd with that name, or that uid (name NULL). */
static bool find_user(char *lines, const char *name, uint64_t uid, struct entry *ret)
{
        while (*lines) {
                char *line = cut(&lines, '\n');
                struct entry entry = { .name = cut(&line, ':') };
                const char *id, *group;

                cut(&line, ':');
                id = cut(&line, ':');
                group = cut(&line, ':');
                cut(&line, ':');
                entry.home = cut(&line, ':');
                if (text_u64(id, &entry.uid) < 0 || text_u64(group, &entry.gid) < 0)
                        continue;
                if (name ? text_equal(entry.name, name) : entry.uid == uid) {
                        *ret = entry;
                        return true;
                }
        }
        return false;
}

static bool has_member(char *members, const char *name)
{
        while (*members)
                if (text_equal(cut(&members, ','), name))
                        return true;
        return false;
}

/* The gid of a group's name, or the gids of the groups that list `member`. */
static bool find_group(char *lines, const char *name, uint64_t *ret_gid)
{
        while (*lines) {
                char *line = cut(&lines, '\n');
                const char *found = cut(&line, ':');

                cut(&line, ':');
                if (text_equal(found, name) && text_u64(cut(&line, ':'), ret_gid) == 0)
                        return true;
        }
        return false;
}

static void find_groups(
        struct arena *arena, char *lines, const char *member, struct spec_u32s *groups)
{
        groups->items = arena_array(arena, 1024, sizeof *groups->items);
        while (*lines && groups->n < 1023) {
                char *line = cut(&lines, '\n');
                uint64_t gid;

                cut(&line, ':');
                cut(&line, ':');
                if (text_u64(cut(&line, ':'), &gid) == 0 && gid <= INT32_MAX &&
                    has_member(line, member))
                        groups->items[groups->n++] = (uint32_t)gid;
        }
}

static bool is_number(const char *word)
{
        return *word && word[strspn(word, "0123456789")] == '\0';
}

static int parse_id(const char *word, const char *what, uint64_t *ret_id)
{
        if (text_u64(word, ret_id) < 0 || *ret_id > INT32_MAX)
                return trail(-ERANGE, "%s %s is not below 2^31", what, word);
        return 0;
}

int user_find_group(
        struct arena *arena, const struct user_files *files, const char *word, uint32_t *ret_gid)
{
        uint64_t gid;

        if (is_number(word)) {
                if (text_u64(word, &gid) < 0 || gid > INT32_MAX)
                        return trail(-ERANGE, "gid %s is not below 2^31", word);
        } else if (!find_group(arena_string(arena, files->group), word, &gid)) {
                return trail(-ENOENT, "there is no group '%s' in the container's /etc/group", word);
        } else if (gid > INT32_MAX) {
                return trail(-ERANGE, "the id of '%s' is not below 2^31", word);
        }
        *ret_gid = (uint32_t)gid;
        return 0;
}

int user_lookup(
        struct arena *arena, const struct user_files *files, const char *words,
        struct spec_user *ret_user, const char **ret_home)
{
        char *user = arena_string(arena, words ? words : "0");
        char *group = strchr(user, ':');
        struct entry entry = { .name = NULL, .home = "/" };
        struct spec_u32s groups = { 0 };
        uint64_t uid = 0, gid = 0;
        bool known;
        int r;

        if (group)
                *group++ = '\0';
        if (is_number(user)) {
                r = parse_id(user, "uid", &uid);
                if (r < 0)
                        return r;
                known = find_user(arena_string(arena, files->passwd), NULL, uid, &entry);
        } else {
                known = find_user(arena_string(arena, files->passwd), user, 0, &entry);
                if (!known)
                        return trail(
                                -ENOENT,
                                "there is no user '%s' in the container's "
                                "/etc/passwd",
                                user);
                uid = entry.uid;
        }
        gid = known ? entry.gid : 0;
        if (group && is_number(group)) {
                r = parse_id(group, "gid", &gid);
                if (r < 0)
                        return r;
        } else if (group && !find_group(arena_string(arena, files->group), group, &gid)) {
                return trail(
                        -ENOENT, "there is no group '%s' in the container's /etc/group", group);
        }
        if (uid > INT32_MAX || gid > INT32_MAX)
                return trail(-ERANGE, "the ids of '%s' are not below 2^31", user);
        if (known && !group)
                find_groups(arena, arena_string(arena, files->group), entry.name, &groups);
        if (!groups.items)
                groups.items = arena_array(arena, 1, sizeof *groups.items);
        groups.items[groups.n++] = (uint32_t)gid;
        *ret_user = (struct spec_user){ .uid = (uint32_t)uid,
                                        .gid = (uint32_t)gid,
                                        .additional_gids = groups };
        *ret_home = known && entry.home[0] == '/' ? entry.home : "/";
        return 0;
}
