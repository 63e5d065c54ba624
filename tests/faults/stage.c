/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one scene, once without a fault and then with each.
 *
 * What the container's program (tests/probe.c) reports of its namespaces, mounts, capabilities, limits and filters
 * without a fault is what it has to report whenever the command says that it has succeeded. A fault may cost the
 * command, but never a protection. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

/* -- what it says ------------------------------------------------------------------------------------------ */

/* Whether the probe has come to its end. */
static bool is_whole(const char *report)
{
        size_t n = strlen(report);

        return n >= 4 && memcmp(report + n - 4, "end\n", 4) == 0;
}

/* Numbers that differ from run to run are told apart from those of this process only. */
static void add_line(struct text *text, const char *line, bool any_root)
{
        static const char *const fleeting[] = {
                "\"pid\":",       "\"Pid\":", "\"created\"", "\"Created\"", "\"StartedAt\"",
                "\"FinishedAt\"", "\"Id\"",   "\"ID\"",      "HOSTNAME=",   "mtime="
        };
        char name[32], path[64];
        unsigned long number;
        struct stat st;
        int options = 0;

        for (size_t i = 0; i < ARRAY_SIZE(fleeting); i++)
                if (strstr(line, fleeting[i]))
                        return;
        /* Of the root's mount only the options count: who makes an ordinary user's overlay may be found out. */
        if (any_root && sscanf(line, "mount / %*s%n", &options) == 0 && options > 0)
                text_addf(text, "%.*s\n", options, line);
        else if (sscanf(line, "ns_%31s %lu", name, &number) == 2) {
                snprintf(path, sizeof path, "/proc/self/ns/%s", name);
                text_addf(
                        text, "ns_%s %s\n", name,
                        stat(path, &st) == 0 && st.st_ino == number ? "host" : "own");
        } else
                text_addf(text, "%s\n", line);
}

static const char *plainly(struct arena *arena, const struct scene *scene, const char *report)
{
        struct text text = { .arena = arena };
        char *save = NULL, *copy = (char *)(uintptr_t)arena_string(arena, report);

        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                add_line(&text, line, scene->any_root);
        return text_string(&text);
}

/* All that the command, the container and the look at it say. */
static const char *say(struct arena *arena, const struct stage *stage, const char **ret_wrong)
{
        const struct scene *scene = stage->scene;
        struct timespec until = { 0 };
        const char *report;

        *ret_wrong = scene->then ? command_each(arena, stage, scene->then) : NULL;
        if (*ret_wrong)
                return "";
        while (report = command_file(arena, HOME "/out"),
               scene->writes && !is_whole(report) && command_in_time(&until))
                ;
        if (scene->writes && !is_whole(report))
                *ret_wrong = "the container's program does not come to its end";
        if (scene->mute)
                report = "";
        if (scene->file)
                report = arena_format(arena, "%s%s", report, command_file(arena, COMMAND_OUT));
        if (!scene->look)
                return plainly(arena, scene, report);
        *ret_wrong = command_each(arena, stage, scene->look);
        return plainly(
                arena, scene,
                arena_format(arena, "%s%s", report, command_file(arena, HOME "/out2")));
}

/* The first line that is not the same. */
static const char *first_other(struct arena *arena, const char *is, const char *should)
{
        size_t at = 0, begin;

        while (is[at] && is[at] == should[at])
                at++;
        for (begin = at; begin > 0 && is[begin - 1] != '\n'; begin--)
                ;
        return arena_format(
                arena, "it reports '%.*s' and not '%.*s'", (int)strcspn(is + begin, "\n"),
                is + begin, (int)strcspn(should + begin, "\n"), should + begin);
}

/* It said that it succeeded. */
static const char *check_success(
        struct arena *arena, const struct stage *stage, const struct fault *fault)
{
        struct timespec until = { 0 };
        const char *wrong, *report;

        /* A signal needs its time. */
        do {
                report = say(arena, stage, &wrong);
        } while (!wrong && !text_equal(report, stage->report) && stage->scene->look &&
                 command_in_time(&until));
        /* Whose first process is killed when all is made has a container that is stopped; or one that fails while it
         * waits to be started. */
        if (wrong && (fault->error == KILL || stage->scene->then) &&
            !text_equal(fault->role, "0") &&
            (strstr(wrong, "is stopped") || strstr(wrong, "ended before it ran the program")))
                return NULL;
        if (wrong)
                return arena_format(arena, "it said that all is well, but %s", wrong);
        if (stage->scene->stays && !stage->scene->writes && *command_file(arena, HOME "/err"))
                return NULL; /* a list that is not whole, and says so */
        return text_equal(report, stage->report)
                     ? NULL
                     : arena_format(
                               arena, "it said that all is well, but %s",
                               first_other(arena, report, stage->report));
}

static const char *check_refusal(struct arena *arena, const struct stage *stage, int error)
{
        const char *words = command_file(arena, HOME "/err"), *left;

        if (!text_starts(words, "husk") && !strstr(words, "\nhusk"))
                return arena_format(arena, "it failed without a word of its own: '%s'", words);
        /* What fails when the container has run was its removal: the next command repeats that. */
        /* Nor is anything undone by a process that has no memory: it ends (ADR 6). */
        /* A file that is half there would be taken for a whole one. */
        if (stage->scene->whole && *command_file(arena, COMMAND_OUT))
                return arena_format(arena, "it failed and wrote its file; it said: %s", words);
        if (stage->scene->file && !stage->scene->whole)
                file_remove(AT_FDCWD, COMMAND_OUT, 0); /* cp(1), too, leaves what it has written */
        left = error != KILL && !strstr(words, "out of memory") &&
                               !is_whole(command_file(arena, HOME "/out")) &&
                               (stage->scene->makes || stage->scene->stays)
                     ? place_changed(arena, &stage->place)
                     : NULL;
        return left ? arena_format(arena, "at once: %s; it said: %s", left, words) : NULL;
}

/* -- before and after -------------------------------------------------------------------------------------- */

static bool lives(long pid)
{
        char path[64], line[512] = "", *state;

        snprintf(path, sizeof path, "/proc/%ld/stat", pid);
        if (file_get_once(AT_FDCWD, path, line, sizeof line) <= 0)
                return false;
        state = strrchr(line, ')');
        return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

long stage_pid_of(struct arena *arena, const struct stage *stage, const char *id)
{
        bool engine = stage->scene && stage->scene->engine;
        const char *at;

        if (command_run(
                    arena, stage, arena_format(arena, engine ? "inspect %s" : "state %s", id)) != 0)
                return 0;
        at = strstr(command_file(arena, HOME "/out2"), engine ? "\"Pid\":" : "\"pid\":");
        return at ? atol(at + 6) : 0;
}

/* The one ordinary command, and the container away. */
static const char *recover(struct arena *arena, const struct stage *stage)
{
        const struct scene *scene = stage->scene;
        const char *wrong = command_each(arena, stage, scene->engine ? "ps -a" : "list");
        int r;

        if (wrong)
                return arena_format(arena, "afterwards %s", wrong);
        if (scene->stays)
                return NULL;
        if (scene->after) {
                wrong = command_each(arena, stage, scene->after);
                return wrong ? arena_format(arena, "afterwards %s", wrong) : NULL;
        }
        r = command_run(arena, stage, scene->engine ? "rm -f ID" : "delete --force ID");
        return r == 0 || (r == 1 && scene->engine &&
                          strstr(command_file(arena, HOME "/err2"), "does not exist"))
                     ? NULL
                     : arena_format(
                               arena, "afterwards the container cannot be removed: %d %s", r,
                               command_file(arena, HOME "/err2"));
}

static const char *check_end(struct arena *arena, struct stage *stage)
{
        const char *wrong, *left;

        unlink(COMMAND_OUT);
        wrong = recover(arena, stage);
        left = place_changed(arena, &stage->place);
        if (wrong || left)
                return wrong ? wrong : arena_format(arena, "afterwards: %s", left);
        if (stage->other && !lives(stage->other))
                return "another container has died";
        if (stage->standing && !lives(stage->standing))
                return "the container has died";
        return NULL;
}

/* The program of a container that is made here writes whenever it gets to it: where the traced command writes if its
 * report is waited for, else to a file that nobody reads. */
static const char *make_before(struct arena *arena, struct stage *stage, const char *out)
{
        const char *wrong = NULL;

        stage->out = out;
        if (stage->scene->before)
                wrong = command_each(arena, stage, stage->scene->before);
        stage->out = NULL;
        return wrong;
}

static const char *prepare(struct arena *arena, struct stage *stage)
{
        if (stage->scene->stays)
                return NULL;
        return make_before(arena, stage, stage->scene->writes ? HOME "/out" : COMMAND_NOISE);
}

/* Standing in again for a container that a fault has broken, so that the next points mean something. */
static const char *stand(struct arena *arena, struct stage *stage)
{
        const char *wrong;

        stage->standing = 0;
        command_run(arena, stage, stage->scene->engine ? "rm -f ID" : "delete --force ID");
        if (!stage->scene->stays)
                return NULL;
        wrong = make_before(arena, stage, COMMAND_NOISE);
        if (!wrong)
                stage->standing = stage_pid_of(arena, stage, "ID");
        return wrong;
}

/* After a bad point: what the commands behind it would have done, had not one of them failed, and a new container. What
 * stays all the same was told once; for the next points it has always been there. */
static void put_right(struct arena *arena, struct stage *stage)
{
        char *save = NULL, *copy = (char *)(uintptr_t)arena_string(
                                   arena, stage->scene->after ? stage->scene->after : "");

        place_clean(&stage->place);
        command_run(arena, stage, stage->scene->engine ? "rm -f ID" : "delete --force ID");
        for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save))
                if (!text_equal(one, "DU"))
                        command_run(arena, stage, one + (*one == '?'));
        stand(arena, stage);
        if (!place_changed(arena, &stage->place))
                return;
        place_take(&stage->place);
        if (!stage->scene->stays)
                stage->alone = stage->place;
}

static void trace(
        struct arena *arena, struct stage *stage, const struct fault *fault, struct record *record,
        struct outcome *ret)
{
        const char *argv[WORDS_MAX];
        int streams[3];

        command_words(arena, stage, stage->scene->command, argv);
        if (command_streams(streams, HOME "/out", HOME "/err") < 0)
                abort();
        trace_run(argv, streams, command_who(stage), fault, record, ret);
        command_streams_close(streams);
}

static const char *check_outcome(
        struct arena *arena, const struct stage *stage, const struct fault *fault,
        const struct outcome *outcome)
{
        const int code = WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status) : -1;

        if (outcome->hang)
                return arena_format(arena, "it hangs:%s", outcome->where);
        if (outcome->crash)
                return arena_format(arena, "it crashes: %s", strsignal(outcome->crash));
        if (code < 0)
                return fault->error == KILL
                             ? NULL
                             : arena_format(
                                       arena, "it dies: %s", strsignal(WTERMSIG(outcome->status)));
        if (code != stage->scene->code)
                return check_refusal(arena, stage, fault->error);
        /* 1 may be the status of both: what it finds is a line. */
        if (code != 0 && *command_file(arena, HOME "/out"))
                return NULL;
        return code != 0 ? check_refusal(arena, stage, fault->error)
                         : check_success(arena, stage, fault);
}

const char *stage_try(
        struct arena *arena, struct stage *stage, const struct fault *fault, struct outcome *ret)
{
        const char *wrong = prepare(arena, stage), *end;

        *ret = (struct outcome){ 0 };
        if (wrong) {
                put_right(arena, stage);
                return arena_format(arena, "before it: %s", wrong);
        }
        trace(arena, stage, fault, NULL, ret);
        wrong = check_outcome(arena, stage, fault, ret);
        end = check_end(arena, stage);
        if (wrong || end)
                put_right(arena, stage);
        return wrong ? wrong : end;
}

const char *stage_rehearse(struct arena *arena, struct stage *stage, const struct scene *scene)
{
        const struct fault none = { 0 };
        struct timespec until = { 0 };
        struct outcome out;
        const char *wrong;

        stage->scene = scene;
        wrong = scene->stays ? stand(arena, stage) : prepare(arena, stage);
        if (wrong)
                return wrong;
        if (scene->stays)
                place_take(&stage->place);
        trace(arena, stage, &none, &stage->record, &out);
        if (out.hang || !WIFEXITED(out.status) || WEXITSTATUS(out.status) != scene->code)
                return arena_format(
                        arena, "without a fault: wait status %x%s %s", (unsigned)out.status,
                        out.where, command_file(arena, HOME "/err"));
        do {
                stage->report = say(arena, stage, &wrong);
        } while (!wrong && scene->want && !strstr(stage->report, scene->want) &&
                 command_in_time(&until));
        return wrong ? wrong : check_end(arena, stage);
}

const char *stage_clear(struct arena *arena, struct stage *stage)
{
        const char *wrong = NULL;

        if (stage->scene->stays) {
                stage->standing = 0;
                wrong = command_each(
                        arena, stage, stage->scene->engine ? "rm -f ID" : "delete --force ID");
                if (!wrong && stage->scene->after)
                        wrong = command_each(arena, stage, stage->scene->after);
                stage->place = stage->alone;
                if (!wrong)
                        wrong = place_changed(arena, &stage->place);
                if (wrong) {
                        place_take(&stage->place);
                        stage->alone = stage->place;
                }
        }
        return wrong;
}
