/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the processes of a container, as ps(1) shows them.
 *
 * Which ones they are is read from the cgroup; what is told of each is ps(1)'s business and the user's,
 * whose options it gets. Of what it prints the head line stays and the lines whose column PID names one
 * of ours; the rest is not even kept, since it is as long as others like.
 *
 * Columns in front of that one may have spaces in them, when the user has chosen the columns: the arguments of a process
 * are whatever it likes. So ps(1) is asked for the number once more, in front of all, which it does when the format is
 * the user's; its own formats have only words there. */
#include "oci.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

enum {
        OUTPUT_MAX = 64 << 20
};

/* The word number `column` of a line, or NULL. */
static const char *find_word(const char *line, size_t column)
{
        for (;;) {
                line += strspn(line, " \t");
                if (!*line || *line == '\n')
                        return NULL;
                if (column-- == 0)
                        return line;
                line += strcspn(line, " \t\n");
        }
}

/* Which column of the head line is PID; -ENOENT: none. */
static int find_pid_column(const char *head)
{
        const char *word;

        for (size_t i = 0; (word = find_word(head, i)); i++)
                if (strcspn(word, " \t\n") == 3 && text_starts(word, "PID"))
                        return (int)i;
        return -ENOENT;
}

/* A column of ours in front of the user's, without a title. */
static const char front_format[] = "pid:10=", front_title[] = "           ";

enum {
        FRONT = sizeof front_title - 1
};

/* Is that what was printed? Without a format of the user's there is no more than the column. */
static bool has_front(const char *lines)
{
        return text_starts(lines, front_title) && find_pid_column(lines) >= 0;
}

static void cut_front(const char *lines, struct text *out)
{
        for (const char *line = lines; *line;) {
                size_t size = strcspn(line, "\n");

                size += line[size] == '\n';
                if (size > FRONT)
                        text_add_bytes(out, line + FRONT, size - FRONT);
                line += size;
        }
}

/* What ps(1) prints of others is thrown away while it is read: anybody's arguments may be as long as they like. */
struct sieve {
        const struct top *top;
        bool front, begun;
        int column; /* of the number; below 0: no table */
};

static bool is_member(const char *line, size_t column, const struct top *top)
{
        const char *word = find_word(line, column);
        long pid = word ? strtol(word, NULL, 10) : 0;

        for (size_t i = 0; i < top->n; i++)
                if (top->pids[i] == pid)
                        return true;
        return false;
}

static bool keep(void *context, const char *line)
{
        struct sieve *sieve = context;

        if (!sieve->begun) {
                sieve->begun = true;
                sieve->column = find_pid_column(line);
                if (sieve->front)
                        sieve->column = has_front(line) ? 0 : -1;
                return true;
        }
        return sieve->column < 0 || is_member(line, (size_t)sieve->column, sieve->top);
}

static int run_ps(
        struct arena *arena, const struct words *options, bool front, const struct top *top,
        struct text *output, int *ret_status)
{
        const char **arguments = arena_array(arena, options->n + 5, sizeof *arguments);
        size_t n = 0, own;
        struct sieve sieve = { .top = top, .front = front };
        const struct capture_job job = {
                .arguments = arguments, .most = OUTPUT_MAX, .keep = keep, .context = &sieve
        };
        int r;

        arguments[n++] = "ps";
        if (front) {
                arguments[n++] = "-o";
                arguments[n++] = front_format;
        }
        own = n;
        for (size_t i = 0; i < options->n; i++)
                if (i > 0 || !text_equal(options->items[i], "--"))
                        arguments[n++] = options->items[i];
        if (n == own)
                arguments[n++] = "-ef";
        r = capture_run(arena, &job, output, ret_status);
        if (r == -ENOENT) {
                trail_hint("it is in the package procps; --format json does without");
                return trail(r, "there is no ps(1) on this host");
        }
        return r < 0 ? trail(r, "cannot run ps: %s", text_errno(r)) : 0;
}

/* An option that chooses columns has this letter; others have it, too. */
static bool may_choose_columns(const struct words *options)
{
        for (size_t i = 0; i < options->n; i++)
                if (strpbrk(options->items[i], "oO"))
                        return true;
        return false;
}

static int make_table(
        struct arena *arena, const struct words *options, const struct top *top, struct text *table)
{
        struct text output = { .arena = arena };
        const char *words;
        int status = 0, r;

        if (may_choose_columns(options)) {
                r = run_ps(arena, options, true, top, &output, &status);
                if (r < 0)
                        return r;
                if (status == 0 && has_front(text_string(&output))) {
                        cut_front(text_string(&output), table);
                        return 0;
                }
        }
        output = (struct text){ .arena = arena };
        r = run_ps(arena, options, false, top, &output, &status);
        if (r < 0)
                return r;
        words = text_string(&output);
        if (status == 0 && find_pid_column(words) >= 0) {
                text_add(table, words);
                return 0;
        }
        if (status == 0) {
                trail_hint("which process is whose is told by that column: -o pid,...");
                return trail(-EINVAL, "ps printed no column PID");
        }
        words += strspn(words, "\n");
        return trail(
                -EINVAL, "ps ended with %d: %.*s", process_exit_code(status),
                (int)strcspn(words, "\n"), words);
}

static int top_of(
        struct arena *arena, struct container *container, const struct words *options,
        struct top *ret_top)
{
        struct text table = { .arena = arena };
        pid_t *pids;
        int r = container_members(arena, container, &pids, &ret_top->n);

        if (r < 0)
                return r;
        ret_top->pids = pids;
        ret_top->table = NULL;
        if (!options)
                return 0;
        r = make_table(arena, options, ret_top, &table);
        ret_top->table = text_string(&table);
        return r;
}

int engine_oci_ps(const struct oci_ps_request *request, struct arena *arena, struct top *ret_top)
{
        struct container container;
        bool json = text_equal(request->format, "json");
        int r = container_open(arena, request->oci.root, request->id, false, &container);

        if (r < 0)
                return r;
        r = top_of(arena, &container, json ? NULL : &request->options, ret_top);
        container_close(&container);
        return r;
}

int engine_top(const struct top_request *request, struct arena *arena, struct top *ret_top)
{
        struct container container;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        container.id = request->container; /* what messages call it */
        if (container.status == CONTAINER_STOPPED)
                r = trail(-ESRCH, "container not running: '%s'", request->container);
        else
                r = top_of(arena, &container, &request->options, ret_top);
        container_close(&container);
        return r;
}
