/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: which ids of the host an ordinary user was given.
 *
 * subuid(5) and subgid(5): lines of "user:first:count", where user is a name or a number. The name is
 * looked up in /etc/passwd by ourselves: no NSS in a static program, and none of a network. The helpers
 * that act on these files are looked for where distributions put them, never in a PATH of the
 * caller's: their path is executed. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
        FILE_MAX = 4 << 20
};

static const char *const helper_dirs[] = { "/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin" };

static const char *find_helper(struct arena *arena, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(helper_dirs); i++) {
                const char *path = arena_format(arena, "%s/%s", helper_dirs[i], name);

                if (file_access(path, X_OK) == 0)
                        return path;
        }
        return NULL;
}

/* The line's next field, cut off at the colon or the line's end; NULL after the last. */
static char *next_field(char **line)
{
        char *field = *line, *colon;

        if (!field)
                return NULL;
        colon = strchr(field, ':');
        *line = colon ? colon + 1 : NULL;
        if (colon)
                *colon = '\0';
        return field;
}

static char *next_line(char **at)
{
        char *line = *at, *end;

        if (!line || !*line)
                return NULL;
        end = strchr(line, '\n');
        *at = end ? end + 1 : NULL;
        if (end)
                *end = '\0';
        return line;
}

const char *subids_user(struct arena *arena, const char *passwd, uint32_t uid)
{
        char *at = arena_string(arena, passwd);

        for (char *line; (line = next_line(&at));) {
                char *name = next_field(&line), *number;
                uint64_t found;

                next_field(&line);
                number = next_field(&line);
                if (number && text_u64(number, &found) == 0 && found == uid && *name)
                        return name;
        }
        return NULL;
}

size_t subids_ranges(
        struct arena *arena, const char *file, const char *user, uint32_t uid,
        struct id_range **ret_ranges)
{
        char *at = arena_string(arena, file);
        const char *number = arena_format(arena, "%u", uid);
        size_t n = 0, room = 1;

        for (const char *c = file; *c; c++)
                room += *c == '\n';
        *ret_ranges = arena_array(arena, room, sizeof **ret_ranges);
        for (char *line; (line = next_line(&at));) {
                char *who = next_field(&line), *first = next_field(&line);
                char *count = next_field(&line);
                uint64_t from, size;

                if (!count || (!text_equal(who, user) && !text_equal(who, number)) ||
                    text_u64(first, &from) < 0 || text_u64(count, &size) < 0 || size == 0 ||
                    from + size > UINT32_MAX || from + size < from)
                        continue;
                (*ret_ranges)[n++] = (struct id_range){ (uint32_t)from, (uint32_t)size };
        }
        return n;
}

static const char *read_text(struct arena *arena, const char *path)
{
        struct text text;

        if (file_read(arena, AT_FDCWD, path, FILE_MAX, &text) < 0) {
                trail_reset();
                return "";
        }
        return text_string(&text);
}

/* The next of the numbers of a line, which are padded with spaces; 0: there is none. */
static uint64_t next_number(const char **at)
{
        uint64_t number = 0;

        for (*at += strspn(*at, " "); **at >= '0' && **at <= '9'; (*at)++)
                number = number * 10 + (uint64_t)(**at - '0');
        return number;
}

bool subids_has_group(struct arena *arena, uint32_t gid)
{
        char *at = arena_string(arena, read_text(arena, "/proc/self/gid_map"));

        if (!*at)
                return true;
        for (const char *line; (line = next_line(&at));) {
                uint64_t first = next_number(&line), count;

                next_number(&line); /* what it is outside */
                count = next_number(&line);
                if (gid >= first && gid - first < count)
                        return true;
        }
        return false;
}

static const char *all_ids(
        struct arena *arena, uint32_t own, const struct id_range *ranges, size_t n)
{
        struct text map = { .arena = arena };
        uint64_t next = 1;

        text_addf(&map, "0 %u 1\n", own);
        for (size_t i = 0; i < n && next + ranges[i].count < UINT32_MAX; next += ranges[i++].count)
                text_addf(
                        &map, "%llu %u %u\n", (unsigned long long)next, ranges[i].first,
                        ranges[i].count);
        return text_string(&map);
}

struct idmap subids_all(struct arena *arena)
{
        struct facts f = { .uid = geteuid(), .gid = getegid() };
        bool granted;

        subids_gather(arena, &f);
        granted = f.newuidmap && f.newgidmap && f.n_subuid && f.n_subgid;
        return (struct idmap){
                .uid_map = all_ids(arena, f.uid, f.subuid, granted ? f.n_subuid : 0),
                .gid_map = all_ids(arena, f.gid, f.subgid, granted ? f.n_subgid : 0),
                .uid_helper = granted ? f.newuidmap : NULL,
                .gid_helper = granted ? f.newgidmap : NULL,
        };
}

void subids_gather(struct arena *arena, struct facts *facts)
{
        facts->user = subids_user(arena, read_text(arena, "/etc/passwd"), facts->uid);
        facts->n_subuid = subids_ranges(
                arena, read_text(arena, "/etc/subuid"), facts->user, facts->uid, &facts->subuid);
        facts->n_subgid = subids_ranges(
                arena, read_text(arena, "/etc/subgid"), facts->user, facts->uid, &facts->subgid);
        facts->newuidmap = find_helper(arena, "newuidmap");
        facts->newgidmap = find_helper(arena, "newgidmap");
}
