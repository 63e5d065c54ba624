/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the commands of the sweep, and what makes them right.
 *
 * Each is run once without a fault; what the container's program (tests/probe.c) reports of its
 * namespaces, mounts, capabilities, limits and filters is then what it has to report whenever the
 * command says that it has succeeded. A fault may cost the command, but never a protection. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#define HOME "/run/calls"

/* -- the table -------------------------------------------------------------------------------------------- */

#define RUN_D "run --detach --bundle BUNDLE ID"
#define HUSK_RUN \
        "--name ID --hostname calls --cgroup-parent PARENT --memory 64m --pids-limit 99 --rootfs ROOTFS /bin/probe"

#define PULL "pull -q oci:" HOME "/layout"

const struct scene scenes[] = {
        { "create", "plain", "create --bundle BUNDLE ID", .then = "start ID", .writes = true,
          .makes = true },
        { "run", "plain", "run --bundle BRIEF ID", .writes = true, .makes = true },
        { "run-d", "plain", RUN_D, .writes = true, .makes = true },
        { "run-user", "user", RUN_D, .writes = true, .makes = true },
        { "run-init", "init", RUN_D, .writes = true, .makes = true },
        { "start", "plain", "start ID", .before = "create --bundle BUNDLE ID", .writes = true },
        { "exec", "plain", "exec ID /bin/probe", .before = RUN_D, .stays = true, .writes = true },
        { "exec-d", "plain", "exec --detach ID /bin/probe", .before = RUN_D, .stays = true,
          .writes = true },
        { "kill", "plain", "kill ID KILL", .before = RUN_D, .look = "state ID", .want = "stopped" },
        { "delete", "plain", "delete --force ID", .before = RUN_D, .look = "list -q" },
        { "pause", "plain", "pause ID", .before = RUN_D, .look = "state ID" },
        { "resume", "plain", "resume ID", .before = RUN_D ";pause ID", .look = "state ID" },
        { "update", "plain", "update --pids-limit 77 --memory 50331648 ID", .before = RUN_D,
          .look = "exec ID /bin/probe limits" },
        { "state", "plain", "state ID", .before = RUN_D, .stays = true },
        { "list", "plain", "list -q", .before = RUN_D, .stays = true },
        { "husk-run", NULL, "run --rm " HUSK_RUN, .engine = true, .writes = true, .makes = true },
        { "husk-run-d", NULL, "run -d " HUSK_RUN " stay", .engine = true,
          .look = "exec ID /bin/probe", .makes = true },
        { "husk-exec", NULL, "exec ID /bin/probe", .before = "run -d " HUSK_RUN " stay",
          .engine = true, .stays = true, .writes = true },
        { "husk-kill", NULL, "kill ID", .before = "run -d " HUSK_RUN " stay", .engine = true,
          .look = "wait ID" },
        { "husk-stop", NULL, "stop ID", .before = "run -d " HUSK_RUN " stay", .engine = true,
          .look = "wait ID" },
        { "husk-rm", NULL, "rm -f ID", .before = "run -d " HUSK_RUN " stay", .engine = true,
          .look = "ps -aq" },
        { "husk-ps", NULL, "ps -a --format {{.Names}}", .before = "run -d " HUSK_RUN " stay",
          .engine = true, .stays = true },
        { "husk-pull", NULL, PULL, .engine = true, .look = "images", .want = "localhost/layout",
          .after = PULL ";prune --all" },
        { "husk-load", NULL, "load -q -i ARCHIVE", .engine = true, .look = "images",
          .want = "localhost/layout", .after = "load -q -i ARCHIVE;prune --all" },
        { "husk-rmi", NULL, "rmi localhost/layout", .before = PULL, .engine = true,
          .look = "images", .after = PULL ";prune --all" },
        { "husk-prune", NULL, "prune --all", .before = PULL, .engine = true, .look = "images",
          .after = PULL ";prune --all" },
};
const size_t scenes_n = ARRAY_SIZE(scenes);

/* -- words and commands ------------------------------------------------------------------------------------ */

enum {
        WORDS_MAX = 40
};

static const char *meant(struct arena *arena, const struct stage *stage, const char *word)
{
        const char *document = stage->scene ? stage->scene->document : "plain";

        if (text_equal(word, "ID"))
                return stage->place.word;
        if (text_equal(word, "OTHER"))
                return arena_format(arena, "%s.other", stage->place.word);
        if (text_equal(word, "PARENT"))
                return arena_format(arena, "/%s.parent", stage->place.word);
        if (text_equal(word, "ARCHIVE"))
                return HOME "/archive";
        if (text_equal(word, "ROOTFS"))
                return HOME "/rootfs";
        if (text_equal(word, "BUNDLE") || text_equal(word, "BRIEF") || text_equal(word, "BESIDE"))
                return arena_format(arena, HOME "/%s.%s", document, word);
        return word;
}

static void make_words(
        struct arena *arena, const struct stage *stage, const char *command,
        const char *ret_argv[WORDS_MAX])
{
        bool engine = stage->scene && stage->scene->engine;
        char *save = NULL, *words = (char *)(uintptr_t)arena_string(arena, command);
        size_t n = 0;

        ret_argv[n++] = engine ? HOME "/husk" : HOME "/husk-oci";
        ret_argv[n++] = "--root";
        ret_argv[n++] = engine ? HOME "/store" : HOME "/state";
        if (engine) {
                ret_argv[n++] = "--runroot";
                ret_argv[n++] = HOME "/runroot";
        }
        for (char *word = strtok_r(words, " ", &save); word && n < WORDS_MAX - 1;
             word = strtok_r(NULL, " ", &save))
                ret_argv[n++] = meant(arena, stage, word);
        ret_argv[n] = NULL;
}

/* Standard output and error of all commands of a point; what the container says is among it. */
static int open_streams(int streams[3], const char *out, const char *err)
{
        streams[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        streams[1] = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        streams[2] = open(err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        return streams[0] < 0 || streams[1] < 0 || streams[2] < 0 ? -errno : 0;
}

static void close_streams(int streams[3])
{
        for (int i = 0; i < 3; i++)
                file_close(&streams[i]);
}

static const char *contents(struct arena *arena, const char *path)
{
        struct text text;

        return file_read(arena, AT_FDCWD, path, 1 << 20, &text) < 0 ? "" : text_string(&text);
}

/* Without a fault and without a tracer. Its exit status; -1: it hung or was killed. */
static int simple(struct arena *arena, const struct stage *stage, const char *command)
{
        const char *argv[WORDS_MAX];
        int streams[3], status = 0;
        pid_t pid;

        make_words(arena, stage, command, argv);
        /* What is made before the command is traced speaks where that does. */
        if (open_streams(streams, stage->before ? HOME "/out" : HOME "/out2", HOME "/err2") < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                for (int i = 0; i < 3; i++)
                        dup2(streams[i], i);
                alarm(HANG_S);
                execv(argv[0], (char **)(uintptr_t)argv);
                _exit(127);
        }
        close_streams(streams);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Some commands, ';' between them: NULL, or which one failed. */
static const char *perform(struct arena *arena, const struct stage *stage, const char *commands)
{
        char *save = NULL, *copy = (char *)(uintptr_t)arena_string(arena, commands);

        for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
                int r = simple(arena, stage, one);

                if (r != 0)
                        return arena_format(
                                arena, "'%s' ends with %d: %s", one, r,
                                contents(arena, HOME "/err2"));
        }
        return NULL;
}

/* -- what it says ------------------------------------------------------------------------------------------ */

/* Whether the probe has come to its end. */
static bool is_whole(const char *report)
{
        size_t n = strlen(report);

        return n >= 4 && memcmp(report + n - 4, "end\n", 4) == 0;
}

/* Numbers that differ from run to run are told apart from those of this process only. */
static void add_line(struct text *text, const char *line)
{
        static const char *const fleeting[] = { "\"pid\":",    "\"Pid\":",      "\"created\"",
                                                "\"Created\"", "\"StartedAt\"", "\"FinishedAt\"",
                                                "\"Id\"",      "\"ID\"",        "HOSTNAME=" };
        char name[32], path[64];
        unsigned long number;
        struct stat st;

        for (size_t i = 0; i < ARRAY_SIZE(fleeting); i++)
                if (strstr(line, fleeting[i]))
                        return;
        if (sscanf(line, "ns_%31s %lu", name, &number) == 2) {
                snprintf(path, sizeof path, "/proc/self/ns/%s", name);
                text_addf(
                        text, "ns_%s %s\n", name,
                        stat(path, &st) == 0 && st.st_ino == number ? "host" : "own");
        } else
                text_addf(text, "%s\n", line);
}

static const char *plainly(struct arena *arena, const char *report)
{
        struct text text = { .arena = arena };
        char *save = NULL, *copy = (char *)(uintptr_t)arena_string(arena, report);

        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                add_line(&text, line);
        return text_string(&text);
}

static bool in_time(struct timespec *until)
{
        struct timespec now, pause = { .tv_nsec = 100000 };

        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!until->tv_sec) {
                *until = now;
                until->tv_sec += HANG_S;
        }
        nanosleep(&pause, NULL);
        return now.tv_sec < until->tv_sec;
}

/* All that the command, the container and the look at it say. */
static const char *say(struct arena *arena, const struct stage *stage, const char **ret_wrong)
{
        const struct scene *scene = stage->scene;
        struct timespec until = { 0 };
        const char *report;

        *ret_wrong = scene->then ? perform(arena, stage, scene->then) : NULL;
        if (*ret_wrong)
                return "";
        while (report = contents(arena, HOME "/out"),
               scene->writes && !is_whole(report) && in_time(&until))
                ;
        if (scene->writes && !is_whole(report))
                *ret_wrong = "the container's program does not come to its end";
        /* What cannot be said the same way twice: a container's id. */
        if (scene->look && scene->makes && scene->engine)
                report = "";
        if (!scene->look)
                return plainly(arena, report);
        *ret_wrong = perform(arena, stage, scene->look);
        return plainly(arena, arena_format(arena, "%s%s", report, contents(arena, HOME "/out2")));
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
static const char *check_success(struct arena *arena, const struct stage *stage)
{
        struct timespec until = { 0 };
        const char *wrong, *report;

        /* A signal needs its time. */
        do {
                report = say(arena, stage, &wrong);
        } while (!wrong && !text_equal(report, stage->report) && stage->scene->look &&
                 in_time(&until));
        if (wrong)
                return arena_format(arena, "it said that all is well, but %s", wrong);
        if (stage->scene->stays && !stage->scene->writes && *contents(arena, HOME "/err"))
                return NULL; /* a list that is not whole, and says so */
        return text_equal(report, stage->report)
                     ? NULL
                     : arena_format(
                               arena, "it said that all is well, but %s",
                               first_other(arena, report, stage->report));
}

static const char *check_refusal(struct arena *arena, const struct stage *stage, int error)
{
        const char *words = contents(arena, HOME "/err"), *left;

        if (!text_starts(words, "husk") && !strstr(words, "\nhusk"))
                return arena_format(arena, "it failed without a word of its own: '%s'", words);
        /* What fails when the container has run was its removal: the next command repeats that. */
        /* Nor is anything undone by a process that has no memory: it ends (ADR 6). */
        left = error != KILL && !strstr(words, "out of memory") &&
                               !is_whole(contents(arena, HOME "/out")) &&
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

static long pid_of(struct arena *arena, const struct stage *stage, const char *id)
{
        bool engine = stage->scene && stage->scene->engine;
        const char *at;

        if (simple(arena, stage, arena_format(arena, engine ? "inspect %s" : "state %s", id)) != 0)
                return 0;
        at = strstr(contents(arena, HOME "/out2"), engine ? "\"Pid\":" : "\"pid\":");
        return at ? atol(at + 6) : 0;
}

/* The one ordinary command, and the container away. */
static const char *recover(struct arena *arena, const struct stage *stage)
{
        const struct scene *scene = stage->scene;
        const char *wrong = perform(arena, stage, scene->engine ? "ps -a" : "list");
        int r;

        if (wrong)
                return arena_format(arena, "afterwards %s", wrong);
        if (scene->stays)
                return NULL;
        if (scene->after) {
                wrong = perform(arena, stage, scene->after);
                return wrong ? arena_format(arena, "afterwards %s", wrong) : NULL;
        }
        r = simple(arena, stage, scene->engine ? "rm -f ID" : "delete --force ID");
        return r == 0 || (r == 1 && scene->engine &&
                          strstr(contents(arena, HOME "/err2"), "does not exist"))
                     ? NULL
                     : arena_format(
                               arena, "afterwards the container cannot be removed: %d %s", r,
                               contents(arena, HOME "/err2"));
}

static const char *check_end(struct arena *arena, struct stage *stage)
{
        const char *wrong = recover(arena, stage), *left = place_changed(arena, &stage->place);

        if (wrong || left)
                return wrong ? wrong : arena_format(arena, "afterwards: %s", left);
        if (stage->other && !lives(stage->other))
                return "another container has died";
        if (stage->standing && !lives(stage->standing))
                return "the container has died";
        return NULL;
}

static const char *prepare(struct arena *arena, struct stage *stage)
{
        const struct scene *scene = stage->scene;
        const char *wrong;

        stage->before = scene->writes;
        wrong = scene->before && !scene->stays ? perform(arena, stage, scene->before) : NULL;
        stage->before = false;
        return wrong;
}

/* Standing in again for a container that a fault has broken, so that the next points mean something. */
static const char *stand(struct arena *arena, struct stage *stage)
{
        const char *wrong;

        stage->standing = 0;
        simple(arena, stage, stage->scene->engine ? "rm -f ID" : "delete --force ID");
        if (!stage->scene->stays)
                return NULL;
        wrong = perform(arena, stage, stage->scene->before);
        if (!wrong)
                stage->standing = pid_of(arena, stage, "ID");
        return wrong;
}

static void trace(
        struct arena *arena, struct stage *stage, const struct fault *fault, struct record *record,
        struct outcome *ret)
{
        const char *argv[WORDS_MAX];
        int streams[3];

        make_words(arena, stage, stage->scene->command, argv);
        if (open_streams(streams, HOME "/out", HOME "/err") < 0)
                abort();
        trace_run(argv, streams, fault, record, ret);
        close_streams(streams);
}

const char *stage_try(
        struct arena *arena, struct stage *stage, const struct fault *fault, struct outcome *ret)
{
        const char *wrong = prepare(arena, stage), *end;

        *ret = (struct outcome){ 0 };
        if (wrong)
                return arena_format(arena, "before it: %s", wrong);
        trace(arena, stage, fault, NULL, ret);
        if (ret->hang)
                wrong = arena_format(arena, "it hangs:%s", ret->where);
        else if (ret->crash)
                wrong = arena_format(arena, "it crashes: %s", strsignal(ret->crash));
        else if (WIFEXITED(ret->status) && WEXITSTATUS(ret->status) == stage->scene->code)
                wrong = check_success(arena, stage);
        else if (WIFEXITED(ret->status))
                wrong = check_refusal(arena, stage, fault->error);
        else if (fault->error != KILL)
                wrong = arena_format(arena, "it dies: %s", strsignal(WTERMSIG(ret->status)));
        end = check_end(arena, stage);
        if (end)
                place_clean(&stage->place);
        if ((wrong || end) && stage->scene->stays)
                stand(arena, stage);
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
                        arena, "without a fault: wait status %#x%s %s", (unsigned)out.status,
                        out.where, contents(arena, HOME "/err"));
        do {
                stage->report = say(arena, stage, &wrong);
        } while (!wrong && scene->want && !strstr(stage->report, scene->want) && in_time(&until));
        return wrong ? wrong : check_end(arena, stage);
}

const char *stage_clear(struct arena *arena, struct stage *stage)
{
        const char *wrong = NULL;

        if (stage->scene->stays) {
                stage->standing = 0;
                wrong = perform(
                        arena, stage, stage->scene->engine ? "rm -f ID" : "delete --force ID");
                place_changed(arena, &stage->place);
                place_take(&stage->place);
        }
        return wrong;
}

/* -- bundles ----------------------------------------------------------------------------------------------- */

static int put(const char *path, const char *bytes, size_t size, mode_t mode)
{
        auto_close fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        int r = fd < 0 ? -errno : file_write(fd, bytes, size);

        return r < 0 ? r : fchmod(fd, mode) < 0 ? -errno : 0;
}

/* The document, with WORD and ARGS in it replaced. */
static int put_bundle(
        struct arena *arena, const struct source *source, const char *word, const char *kind,
        const char *args)
{
        struct text text = { .arena = arena };
        const char *dir = arena_format(arena, HOME "/%s.%s", source->name, kind);

        for (const char *at = source->text; *at;) {
                if (text_starts(at, "@WORD@"))
                        text_add(&text, word);
                else if (text_starts(at, "@ARGS@"))
                        text_add(&text, args);
                else {
                        text_add_char(&text, *at++);
                        continue;
                }
                at += 6;
        }
        if (mkdir(dir, 0755) < 0 || symlink(HOME "/rootfs", arena_format(arena, "%s/rootfs", dir)))
                return -errno;
        return put(arena_format(arena, "%s/config.json", dir), text.data, text.len, 0644);
}

static int put_rootfs(struct arena *arena, const struct stage *stage)
{
        static const char *const directories[] = { "",     "/bin", "/proc", "/sys",
                                                   "/dev", "/tmp", "/etc" };

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
                if (mkdir(arena_format(arena, HOME "/rootfs%s", directories[i]), 0755) < 0)
                        return -errno;
        return put(HOME "/rootfs/bin/probe", stage->probe.data, stage->probe.len, 0755);
}

int stage_set(struct arena *arena, struct stage *stage)
{
        const char *word = stage->place.word;
        int r;

        if (mkdir(HOME, 0755) < 0 || mkdir(HOME "/state", 0700) < 0 ||
            mkdir(HOME "/store", 0700) < 0)
                return -errno;
        if ((r = put(HOME "/husk", stage->husk.data, stage->husk.len, 0755)) < 0 ||
            link(HOME "/husk", HOME "/husk-oci") < 0 || (r = put_rootfs(arena, stage)) < 0)
                return r < 0 ? r : -errno;
        for (size_t i = 0; i < DOCUMENTS && r == 0; i++) {
                const struct source *source = &stage->source[i];

                r = put_bundle(arena, source, word, "BUNDLE", ", \"stay\"");
                if (r == 0)
                        r = put_bundle(arena, source, word, "BRIEF", "");
                if (r == 0 && i == 0)
                        r = put_bundle(
                                arena, source, arena_format(arena, "%s.other", word), "BESIDE",
                                ", \"stay\"");
        }
        if (r < 0)
                return r;
        for (int i = 0; i < 2; i++) { /* so that the files are there when they are counted */
                int streams[3];

                r = open_streams(
                        streams, i ? HOME "/out" : HOME "/out2", i ? HOME "/err" : HOME "/err2");
                if (r < 0)
                        return r;
                close_streams(streams);
        }
        if (perform(arena, stage, "run --detach --bundle BESIDE OTHER"))
                return trail(-EIO, "%s", contents(arena, HOME "/err2"));
        stage->other = pid_of(arena, stage, "OTHER");
        /* The first commands of husk make the directories of its store. */
        for (size_t i = 0; i < scenes_n && !(stage->scene && stage->scene->engine); i++)
                stage->scene = &scenes[i];
        r = layout_put(arena, HOME "/layout");
        if (r < 0)
                return r;
        if (perform(arena, stage,
                    "run --rm " HUSK_RUN " uid;ps -a;" PULL
                    ";save -o ARCHIVE localhost/layout;prune --all"))
                return trail(-EIO, "%s", contents(arena, HOME "/err2"));
        stage->scene = NULL;
        stage->place.processes = 2; /* we and that container */
        place_changed(arena, &stage->place);
        place_take(&stage->place);
        return 0;
}

void stage_end(struct arena *arena, struct stage *stage)
{
        stage->scene = NULL;
        simple(arena, stage, "delete --force OTHER");
}
