/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container left on the host, and how to take it back.
 *
 * The names of everything that a plan makes are known when it is compiled, so all inverses are
 * written in one write(2) before the first operation runs. Each inverse is harmless when its
 * operation never ran, so a crash at any instruction is followed by the same walk: backwards, all
 * of it, errors noted and passed over. Paths in a journal are ours (state directories are 0700),
 * yet what they name is checked again: a cgroup by its filesystem's magic, a tree by its place below the
 * state directory, a process by its start time. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* How lines begin. */
#define CGROUP_LINE  "{\"undo\":\"remove_cgroup\""
#define PROCESS_LINE "{\"process\""
#define PARENTS_LINE "{\"parents\""
#define CLAIM_LINE   "{\"claimed\""
#define UNIT_LINE    "{\"undo\":\"stop_unit\""

void journal_undo_lines(const struct plan *plan, struct text *out)
{
        const struct op_list *list = &plan->list[HOST];

        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];
                const char *what = NULL, *path = NULL, *unit = NULL;

                if (op->code == OP_make_cgroup) {
                        what = "remove_cgroup";
                        path = op->as.make_cgroup.path;
                } else if (op->code == OP_make_group) {
                        what = "remove_group";
                        path = op->as.make_group.path;
                } else if (op->code == OP_make_store) {
                        what = "remove_tree";
                        path = op->as.make_store.path;
                } else if (op->code == OP_start_unit) {
                        what = "stop_unit";
                        path = op->as.start_unit.socket;
                        unit = op->as.start_unit.unit;
                }
                if (!what)
                        continue;
                text_addf(out, "{\"undo\":\"%s\",\"path\":", what);
                text_add_json(out, path);
                if (unit) {
                        text_add(out, ",\"unit\":");
                        text_add_json(out, unit);
                }
                text_add(out, "}\n");
        }
}

int journal_append(int journal, const char *line, size_t size)
{
        char whole[512];
        off_t before;
        int r;

        if (size + 1 >= sizeof whole)
                return -E2BIG;
        memcpy(whole, line, size);
        whole[size] = '\n';
        before = lseek(journal, 0, SEEK_END);
        r = file_write(journal, whole, size + 1);
        /* A part of a line would spoil the next one. We hold the lock: what is at the end is ours. */
        if (r < 0 && before >= 0 && ftruncate(journal, before) < 0)
                return -errno;
        return r;
}

int journal_note_parents(int journal, unsigned cgroup, unsigned n)
{
        char line[80];

        return journal_append(
                journal, line,
                text_format(line, sizeof line, "{\"parents\":%u,\"of\":%u}", n, cgroup));
}

int journal_note_claim(int journal, uint64_t number)
{
        char line[80];

        return journal_append(
                journal, line,
                text_format(line, sizeof line, CLAIM_LINE ":%llu}", (unsigned long long)number));
}

uint64_t journal_claimed(struct arena *arena, const char *line, size_t size)
{
        const struct json *value;
        uint64_t number;

        return text_starts(line, CLAIM_LINE) &&
                               json_parse(arena, "journal", line, size, &value) == 0 &&
                               json_u64(json_member(value, "claimed"), &number) == 0
                     ? number
                     : 0;
}

struct journal_lines journal_lines(const char *bytes, size_t size)
{
        return (struct journal_lines){ .rest = bytes, .end = bytes + size };
}

bool journal_next(struct journal_lines *at)
{
        const char *stop = memchr(at->rest, '\n', (size_t)(at->end - at->rest));

        if (!stop)
                return false;
        at->line = at->rest;
        at->size = (size_t)(stop - at->line);
        at->rest = stop + 1;
        return true;
}

void journal_notes_of_cgroups(const char *bytes, size_t size, struct text *out)
{
        for (struct journal_lines at = journal_lines(bytes, size); journal_next(&at);)
                if (text_starts(at.line, PARENTS_LINE) || text_starts(at.line, CLAIM_LINE))
                        text_add_bytes(out, at.line, at.size + 1);
}

bool journal_is_of_cgroups(const char *line)
{
        return text_starts(line, CGROUP_LINE) || text_starts(line, PROCESS_LINE) ||
               text_starts(line, PARENTS_LINE) || text_starts(line, CLAIM_LINE) ||
               text_starts(line, UNIT_LINE);
}

enum {
        CGROUPS_MAX = 64
};

/* What the whole journal says of the cgroups. */
struct cgroups {
        /* A process was started in them, so whatever is in them came from it. Before that what is in
         * them was put there by others, or is a first process, which dies when its maker does. It is not
         * ours to kill. */
        bool ours;
        bool claimed;                  /* the first one is still that which was claimed */
        size_t n;                      /* how many are still to be undone */
        unsigned parents[CGROUPS_MAX]; /* how many of each one's parents were made */
        const char *first;
        uint64_t number; /* of the first one when it was claimed; 0: it was not, or is systemd's */
        int claim;       /* of the first one, where that is not known, or why there is none */
        bool foreign;    /* a container that began after ours had ended has them now */
        bool rebooted;   /* nothing of it is there any more: what has the names is another's */
};

/* *ret_version is 0 when it was not found there. */
static int undo_cgroup(const char *path, const struct cgroups *cgroups, int *ret_version)
{
        int r;

        *ret_version = 0;
        if (cgroups->foreign || (!cgroups->ours && !cgroups->claimed && cgroups->claim < 0))
                return 0; /* another has them, or had them before */
        r = cgroup_is_one(path);
        if (r <= 0) /* it is gone, or a plain directory */
                return r < 0 ? trail(r, "cannot look at the cgroup %s: %s", path, text_errno(r))
                             : 0;
        *ret_version = r;
        r = file_remove(AT_FDCWD, path, AT_REMOVEDIR);
        if (r == 0 || r == -ENOENT)
                return 0; /* as a rule: what was in it has ended */
        if (!cgroups->ours && !cgroups->claimed) {
                cgroup_remove_empty(path);
                return 0;
        }
        r = cgroups->ours ? cgroup_kill(path) : 0;
        if (r == 0 || r == -ENOTTY)
                r = cgroup_remove(path);
        return r < 0 && r != -ENOENT
                     ? trail(r, "cannot remove the cgroup %s: %s", path, text_errno(r))
                     : 0;
}

static int undo_cgroup_line(const char *path, struct cgroups *cgroups)
{
        int version, r, parents;
        unsigned made;

        if (cgroups->n == 0)
                return 0; /* of an earlier start */
        r = undo_cgroup(path, cgroups, &version);
        if (--cgroups->n >= CGROUPS_MAX)
                return r;
        made = cgroups->parents[cgroups->n];
        if (cgroups->rebooted || (made == 0 && cgroup_is_outermost(path, version)))
                return r;
        parents = cgroup_remove_parents(path, made);
        return parents < 0 && r == 0
                     ? trail(parents, "cannot remove the parents of the cgroup %s: %s", path,
                             text_errno(parents))
                     : r;
}

/* Of a unit that was never ours the name says nothing: another container may bear it. A manager that
 * is gone has taken its units along. */
static int undo_unit(const char *socket, const char *unit, bool ours)
{
        int r = ours && unit ? systemd_stop_unit(socket, unit) : 0;

        return r == -ENOENT || r == -ECONNREFUSED ? 0 : r;
}

/* Can that be said of a path by stat(2) while nothing is wrong? Other errors say nothing about where it is. */
static bool is_elsewhere(int error)
{
        static const int facts[] = { -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG };

        for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
                if (error == facts[i])
                        return true;
        return false;
}

/* Of a path that has the directory `dir` among its parents, what comes behind that; NULL: it is nowhere in
 * it. However the directory is spelled, it is one. */
static int path_below(int dir, const char *path, const char **ret)
{
        char part[4096];
        struct stat own, st;

        *ret = NULL;
        if (fstat(dir, &own) < 0)
                return -errno;
        if (strlen(path) >= sizeof part)
                return 0;
        memcpy(part, path, strlen(path) + 1);
        for (char *slash; (slash = strrchr(part, '/')) && slash != part;) {
                int r;

                *slash = '\0';
                r = file_stat(AT_FDCWD, part, 0, &st);
                if (r < 0 && !is_elsewhere(r))
                        return r;
                if (r == 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino) {
                        path += slash - part;
                        *ret = strstr(path, "/../") ? NULL : path + 1;
                        return 0;
                }
        }
        return 0;
}

static int undo_tree(int dir, const char *path)
{
        const char *name;
        int r = path_below(dir, path, &name);

        if (r == 0 && !name)
                trail_warn("%s is not the container's and stays", path);
        if (r == 0 && name && *name)
                r = file_remove_tree(dir, name);
        return r < 0 ? trail(r, "cannot remove %s: %s", path, text_errno(r)) : 0;
}

static int undo_line(int dir, const struct json *line, struct cgroups *cgroups)
{
        const char *what = json_string(json_member(line, "undo"));
        const char *path = json_string(json_member(line, "path"));
        int r;

        if (!what || !path || path[0] != '/')
                return 0;
        if (text_equal(what, "remove_cgroup"))
                return undo_cgroup_line(path, cgroups);
        if (text_equal(what, "remove_group")) {
                r = cgroups->rebooted ? 0 : resctrl_remove(path, !cgroups->ours);
                return r < 0 && r != -ENOTTY
                             ? trail(r, "cannot remove the group %s: %s", path, text_errno(r))
                             : 0;
        }
        if (text_equal(what, "stop_unit"))
                return undo_unit(
                        path, json_string(json_member(line, "unit")),
                        cgroups->ours && !cgroups->rebooted);
        return text_equal(what, "remove_tree") ? undo_tree(dir, path) : 0;
}

static void read_parents(const struct json *line, struct cgroups *cgroups)
{
        uint64_t n, of;

        if (json_u64(json_member(line, "parents"), &n) == 0 &&
            json_u64(json_member(line, "of"), &of) == 0 && of < CGROUPS_MAX &&
            n > cgroups->parents[of])
                cgroups->parents[of] = (unsigned)n;
}

/* The lines in their order. */
static void read_cgroups(
        struct arena *arena, const char *bytes, size_t size, struct cgroups *cgroups)
{
        for (struct journal_lines at = journal_lines(bytes, size); journal_next(&at);) {
                const struct json *value;

                if (text_starts(at.line, JOURNAL_START_LINE))
                        *cgroups = (struct cgroups){ .claim = NO_FD };
                if (!journal_is_of_cgroups(at.line))
                        continue;
                cgroups->ours = cgroups->ours || text_starts(at.line, PROCESS_LINE);
                if (text_starts(at.line, CLAIM_LINE))
                        cgroups->number = journal_claimed(arena, at.line, at.size);
                if (json_parse(arena, "journal", at.line, at.size, &value) < 0)
                        continue;
                read_parents(value, cgroups);
                if (!text_starts(at.line, CGROUP_LINE))
                        continue;
                if (cgroups->n++ == 0)
                        cgroups->first = json_string(json_member(value, "path"));
        }
}

static int not_now(int error, const char *path)
{
        if (error == -EBUSY)
                trail_hint("try again when who is in it, or holds a lock on it, has gone");
        return trail(error, "cannot remove the cgroup %s: %s", path, text_errno(error));
}

/* Is what has the first one's name now what had it then? Who cannot find out leaves all as it is, for the next try. */
static int compare_cgroups(struct cgroups *cgroups)
{
        const char *path = cgroups->first;
        int r;

        cgroups->foreign = cgroups->rebooted;
        if (cgroups->rebooted || !path)
                return 0;
        r = cgroups->number ? cgroup_has_number(path, cgroups->number) : -ENOENT;
        if (r < 0 && r != -ENOENT)
                return not_now(r, path);
        cgroups->foreign = r == 0;
        if (cgroups->foreign || cgroups->ours)
                return 0;
        cgroups->claimed = r == 1;
        if (cgroups->claimed) { /* a first process may be dying, whose maker was killed before it was noted */
                r = cgroup_await_empty(path);
                return r < 0 ? not_now(r, path) : 0;
        }
        cgroups->claim = cgroup_claim(path, true);
        return cgroups->claim == -EALREADY ? not_now(-EBUSY, path) : 0;
}

int journal_undo(struct arena *arena, int dir, bool rebooted, const char *bytes, size_t size)
{
        const char *end = bytes + size;
        struct cgroups cgroups = { .claim = NO_FD };
        int result;

        read_cgroups(arena, bytes, size, &cgroups);
        cgroups.rebooted = rebooted;
        result = compare_cgroups(&cgroups);
        if (result < 0)
                return result;
        while (end > bytes) {
                const char *line = end - 1;
                const struct json *value;

                while (line > bytes && line[-1] != '\n')
                        line--;
                /* Only whole lines count: the last one may be torn. */
                if (end[-1] == '\n' && end - line > 8 && text_starts(line, "{\"undo\"") &&
                    json_parse(arena, "journal", line, (size_t)(end - line - 1), &value) == 0) {
                        int r = undo_line(dir, value, &cgroups);

                        if (r < 0 && result == 0)
                                result = r;
                }
                end = line;
        }
        file_close(&cgroups.claim);
        return result;
}
