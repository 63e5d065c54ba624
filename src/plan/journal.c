/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container left on the host, and how to take it back.
 *
 * The names of everything that a plan makes are known when it is compiled, so all inverses are
 * written in one write(2) before the first operation runs. Each inverse is harmless when its
 * operation never ran, so a crash at any instruction is followed by the same walk: backwards, all
 * of it, errors noted and passed over. Paths in a journal are ours (state directories are 0700),
 * yet what they name is checked again: a cgroup by its filesystem's magic, a process by its start
 * time. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void journal_undo_lines(const struct plan *plan, struct text *out)
{
        const struct op_list *list = &plan->list[HOST];

        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];
                const char *what = NULL, *path = NULL;

                if (op->code == OP_make_cgroup) {
                        what = "remove_cgroup";
                        path = op->as.make_cgroup.path;
                } else if (op->code == OP_make_group) {
                        what = "remove_group";
                        path = op->as.make_group.path;
                } else if (op->code == OP_make_store) {
                        what = "remove_tree";
                        path = op->as.make_store.path;
                }
                if (!what)
                        continue;
                text_addf(out, "{\"undo\":\"%s\",\"path\":", what);
                text_add_json(out, path);
                text_add(out, "}\n");
        }
}

int journal_append(int journal, const char *line, size_t size)
{
        char whole[512];

        if (size + 1 >= sizeof whole)
                return -E2BIG;
        memcpy(whole, line, size);
        whole[size] = '\n';
        return file_write(journal, whole, size + 1);
}

/* `ours`: a process was started in the cgroups, so whatever is in them came from it. Before that
 * what is in a cgroup was there before us: another container of the same cgroupsPath, whose making
 * was refused for that reason. It is not ours to kill. */
static int undo_cgroup(const char *path, bool ours)
{
        int r;

        if (rmdir(path) == 0 || errno == ENOENT)
                return 0; /* as a rule: what was in it has ended */
        if (!ours) {
                cgroup_remove_empty(path);
                return 0;
        }
        r = cgroup_kill(path);
        if (r == 0 || r == -ENOTTY)
                r = cgroup_remove(path);
        return r < 0 && r != -ENOENT ? trail(r, "cannot remove the cgroup %s", path) : 0;
}

static int undo_line(const struct json *line, bool ours)
{
        const char *what = json_string(json_member(line, "undo"));
        const char *path = json_string(json_member(line, "path"));
        int r;

        if (!what || !path || path[0] != '/')
                return 0;
        if (text_equal(what, "remove_cgroup"))
                return undo_cgroup(path, ours);
        if (text_equal(what, "remove_group")) {
                r = resctrl_remove(path, !ours);
                return r < 0 && r != -ENOTTY ? trail(r, "cannot remove the group %s", path) : 0;
        }
        if (text_equal(what, "remove_tree")) {
                r = file_remove_tree(AT_FDCWD, path);
                return r < 0 ? trail(r, "cannot remove %s", path) : 0;
        }
        return 0;
}

/* Is there a line that names the first process? */
static bool has_process(const char *bytes, size_t size)
{
        static const char start[] = "{\"process\"";

        for (const char *line = bytes, *end = bytes + size; line && line < end;) {
                if ((size_t)(end - line) > sizeof start && text_starts(line, start))
                        return true;
                line = memchr(line, '\n', (size_t)(end - line));
                line += line != NULL;
        }
        return false;
}

int journal_undo(struct arena *arena, const char *bytes, size_t size)
{
        const char *end = bytes + size;
        bool ours = has_process(bytes, size);
        int result = 0;

        while (end > bytes) {
                const char *line = end - 1;
                const struct json *value;

                while (line > bytes && line[-1] != '\n')
                        line--;
                /* Only whole lines count: the last one may be torn. */
                if (end[-1] == '\n' && end - line > 8 && text_starts(line, "{\"undo\"") &&
                    json_parse(arena, "journal", line, (size_t)(end - line - 1), &value) == 0) {
                        int r = undo_line(value, ours);

                        if (r < 0 && result == 0)
                                result = r;
                }
                end = line;
        }
        return result;
}
