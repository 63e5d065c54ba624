/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: every system call of every command goes wrong once.
 *
 *      calls [-f KILL|ERRNO,...] [-e EVERY [-o OFFSET]] [-s SCENE,...] [-p ROLE:CALL:NTH[:ERRNO|KILL]]
 *            [-t SECONDS] [-d DIR] [-v]
 *
 * A scene is a command of husk-oci or husk (scenes.c). It is run once, which shows the calls of each
 * of its processes; each call is then a point for SIGKILL and for each errno of a list. The process
 * that makes it is killed there, or the call is not made and fails. After each point:
 *
 *   - the command has succeeded: the container reports the same namespaces, mounts, capabilities, limits
 *     and filters as without the fault; or it has failed: it said why, and nothing is left at once;
 *   - no process crashed, nothing hung;
 *   - after one ordinary command, and the removal of the container: the same processes, cgroups, mounts,
 *     sockets, locks, links and files as before it all, another container lives, and the id can be used
 *     again (by the next point).
 *
 * With -d husk's store lies in DIR, an empty directory of a disk (outside of /tmp and /run), where layers become images;
 * else it lies on a tmpfs, where they become directories. With -f the points are those
 * of these faults alone, with -e only every EVERYth of them is tried, from OFFSET on; -t ends the sweep after a time, with the
 * number of the point to go on with. Nothing is random. TAP on stdout. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>
#include <sys/wait.h>

static const int errors[] = { KILL, EPERM, ENOMEM, ENOSPC, EIO, EMFILE, EAGAIN, EBUSY, EINTR };

struct options {
        size_t every, offset;
        const char *scene, *disk, *faults;
        struct fault point; /* role NULL: all; call -1, nth 0, error -1: all */
        time_t seconds;
        bool verbose;
};

struct tally {
        size_t number, points, missed, tolerated, refused, killed, bad, tests, failed;
};

/* Calls that have no error: to end a process, to return from a signal handler, to ask who one is, and what
 * the C library starts with. */
static bool cannot_fail(int call)
{
        static const int calls[] = { SYS_exit,    SYS_exit_group,  SYS_rt_sigreturn,
                                     SYS_getpid,  SYS_getppid,     SYS_gettid,
                                     SYS_getuid,  SYS_geteuid,     SYS_getgid,
                                     SYS_getegid, SYS_umask,       SYS_arch_prctl,
                                     SYS_alarm,   SYS_sched_yield, SYS_set_tid_address };

        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (calls[i] == call)
                        return true;
        return false;
}

/* That others are in a cgroup, or that it is not ours to remove, or that it was locked by another who makes
 * a container in it, is no fault but a fact: it stays. */
static bool is_fact(int call, int error)
{
        return (call == SYS_rmdir && (error == EBUSY || error == EPERM)) ||
               (call == SYS_flock && error == EAGAIN);
}

static const char *error_name(int error)
{
        return error == KILL ? "KILL" : text_errno_name(error);
}

/* One of several words with commas between them. */
static bool is_listed(const char *list, const char *word)
{
        const size_t size = strlen(word);

        for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
                if (strcspn(at, ",") == size && memcmp(at, word, size) == 0)
                        return true;
        return false;
}

static bool is_asked(const struct options *o, const struct fault *fault, size_t number)
{
        const struct fault *p = &o->point;

        if (p->role)
                return text_equal(p->role, fault->role) &&
                       (p->call < 0 || p->call == fault->call) &&
                       (!p->nth || p->nth == fault->nth) &&
                       (p->error < 0 || p->error == fault->error);
        return number % o->every == o->offset;
}

static void count(
        struct tally *tally, const struct fault *fault, const struct stage *stage,
        const struct outcome *out)
{
        if (!out->hit)
                tally->missed++;
        else if (fault->error == KILL)
                tally->killed++;
        else if (WIFEXITED(out->status) && WEXITSTATUS(out->status) == stage->scene->code)
                tally->tolerated++;
        else
                tally->refused++;
}

static void try_point(
        struct stage *stage, const struct options *o, const struct fault *fault,
        struct tally *tally)
{
        auto_arena arena = { 0 };
        struct outcome out;
        const char *wrong;

        tally->points++;
        wrong = stage_try(&arena, stage, fault, &out);
        count(tally, fault, stage, &out);
        tally->bad += wrong != NULL;
        if (wrong || o->verbose)
                fprintf(wrong ? stderr : stdout, "# -s %s -p %s:%s:%zu:%s%s: %s\n",
                        stage->scene->name, fault->role, trace_call_name(fault->call), fault->nth,
                        error_name(fault->error), out.hit ? "" : " (not met)",
                        wrong ? wrong : "as it should be");
        fflush(stdout);
}

static bool is_over(const struct options *o)
{
        static struct timespec begin;
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!begin.tv_sec)
                begin = now;
        return o->seconds && now.tv_sec - begin.tv_sec >= o->seconds;
}

static void try_call(
        struct stage *stage, const struct options *o, struct fault *fault, struct tally *tally)
{
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                fault->error = errors[i];
                if (fault->error != KILL && cannot_fail(fault->call))
                        return;
                if (is_fact(fault->call, fault->error) ||
                    (o->faults && !is_listed(o->faults, error_name(fault->error))))
                        continue;
                if (!is_over(o) && is_asked(o, fault, tally->number++))
                        try_point(stage, o, fault, tally);
        }
}

static void try_scene(
        struct stage *stage, const struct options *o, const struct scene *scene,
        struct tally *tally)
{
        auto_arena arena = { 0 };
        struct tally before = *tally;
        const char *wrong = stage_rehearse(&arena, stage, scene);
        struct record *record = &stage->record;

        if (o->verbose)
                printf("# %s says:\n%s", scene->name, stage->report ? stage->report : "");
        for (size_t r = 0; !wrong && r < record->n; r++) {
                size_t nth[CALL_NUMBERS] = { 0 };
                struct role *role = &record->role[r];

                for (size_t i = 0; i < role->n; i++) {
                        struct fault fault = { role->name, role->call[i], 0, 0 };

                        if (role->call[i] < 0 || role->call[i] >= CALL_NUMBERS)
                                continue;
                        fault.nth = ++nth[role->call[i]];
                        try_call(stage, o, &fault, tally);
                }
        }
        if (wrong)
                printf("# %s\n", wrong);
        wrong = stage_clear(&arena, stage) || wrong ? "" : NULL;
        tally->tests++;
        tally->failed += wrong || tally->bad != before.bad;
        printf("%sok %zu - %s: %zu points: %zu killed, %zu tolerated, %zu refused, %zu not met, %zu "
               "bad\n",
               wrong || tally->bad != before.bad ? "not " : "", tally->tests, scene->name,
               tally->points - before.points, tally->killed - before.killed,
               tally->tolerated - before.tolerated, tally->refused - before.refused,
               tally->missed - before.missed, tally->bad - before.bad);
        fflush(stdout);
}

/* -- options ------------------------------------------------------------------------------------------------ */

/* ROLE[:CALL[:NTH[:ERRNO]]] */
static void read_point(char *words, struct fault *ret)
{
        char *save = NULL, *word;

        ret->role = strtok_r(words, ":", &save);
        ret->call = (word = strtok_r(NULL, ":", &save)) ? trace_call_number(word) : -1;
        ret->nth = (word = strtok_r(NULL, ":", &save)) ? strtoul(word, NULL, 10) : 0;
        ret->error = (word = strtok_r(NULL, ":", &save)) ? error_named(word) : -1;
}

static bool are_faults(const char *list)
{
        for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
                size_t i = 0;

                while (i < ARRAY_SIZE(errors) &&
                       !(text_starts(at, error_name(errors[i])) &&
                         strcspn(at, ",") == strlen(error_name(errors[i]))))
                        i++;
                if (i == ARRAY_SIZE(errors))
                        return false;
        }
        return *list;
}

static bool read_options(int argc, char **argv, struct options *o)
{
        int option;

        while ((option = getopt(argc, argv, "d:e:f:o:s:p:t:v")) >= 0)
                switch (option) {
                case 'd':
                        o->disk = optarg;
                        break;
                case 'e':
                        o->every = strtoul(optarg, NULL, 10);
                        break;
                case 'f':
                        o->faults = optarg;
                        break;
                case 'o':
                        o->offset = strtoul(optarg, NULL, 10);
                        break;
                case 's':
                        o->scene = optarg;
                        break;
                case 'p':
                        read_point(optarg, &o->point);
                        break;
                case 't':
                        o->seconds = strtol(optarg, NULL, 10);
                        break;
                case 'v':
                        o->verbose = true;
                        break;
                default:
                        return false;
                }
        return o->offset < o->every && optind == argc && (!o->faults || are_faults(o->faults));
}

/* -- main --------------------------------------------------------------------------------------------------- */

static int load(struct arena *arena, struct stage *stage)
{
        static const char *const names[DOCUMENTS] = { "plain", "user", "init", "rootless" };
        const char *husk = getenv("HUSK"), *probe = getenv("PROBE");
        int r;

        r = file_read(
                arena, AT_FDCWD, husk ? husk : SOURCE_DIR "/build/husk", 64 << 20, &stage->husk);
        if (r == 0)
                r = file_read(
                        arena, AT_FDCWD, probe ? probe : SOURCE_DIR "/build/dev/tests/probe",
                        64 << 20, &stage->probe);
        for (size_t i = 0; i < DOCUMENTS && r == 0; i++) {
                struct text text;

                r = file_read(
                        arena, AT_FDCWD,
                        arena_format(arena, SOURCE_DIR "/tests/faults/%s.json", names[i]), 1 << 20,
                        &text);
                stage->source[i] = (struct source){ names[i], r < 0 ? NULL : text_string(&text) };
        }
        return r;
}

int main(int argc, char **argv)
{
        static struct stage stage;
        auto_arena arena = { 0 };
        struct options options = { .every = 1, .point = { .call = -1, .error = -1 } };
        struct tally tally = { 0 };
        int r;

        if (!read_options(argc, argv, &options)) {
                fputs("calls [-f KILL|ERRNO,...] [-e EVERY [-o OFFSET]] [-s SCENE,...] "
                      "[-p ROLE:CALL:NTH[:ERRNO]] [-t SECONDS] [-d DIR] [-v]\n",
                      stderr);
                return 2;
        }
        if (geteuid() != 0) {
                puts("1..0 # SKIP containers of root are made");
                return 0;
        }
        stage.disk = options.disk;
        r = load(&arena, &stage);
        if (r == 0)
                r = place_enter(&stage.place);
        if (r == 0)
                r = stage_set(&arena, &stage);
        if (r < 0) {
                printf("Bail out! %s %s\n", text_errno(r), trail_text());
                return 1;
        }
        for (size_t i = 0; i < scenes_n; i++)
                if (!options.scene || is_listed(options.scene, scenes[i].name))
                        try_scene(&stage, &options, &scenes[i], &tally);
        stage.scene = NULL;
        stage_end(&arena, &stage);
        printf("# %zu points of %zu: %zu killed, %zu tolerated, %zu refused, %zu not met, %zu bad\n"
               "1..%zu\n",
               tally.points, tally.number, tally.killed, tally.tolerated, tally.refused,
               tally.missed, tally.bad, tally.tests);
        return tally.failed || !tally.tests;
}
