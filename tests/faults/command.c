/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the commands that are run beside the one that is traced: before it, behind it, to look at
 * what it did. Each has HANG_S for its end; what stands then is told with what it waits for. */
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

static const char *meant(struct arena *arena, const struct stage *stage, const char *word)
{
        const char *document = stage->scene ? stage->scene->document : "plain";

        if (text_equal(word, "ID"))
                return stage->place.word;
        if (text_starts(word, "ID:"))
                return arena_format(arena, "%s%s", stage->place.word, word + 2);
        if (text_equal(word, "OTHER"))
                return arena_format(arena, "%s.other", stage->place.word);
        if (text_equal(word, "PARENT"))
                return arena_format(arena, "/%s.parent", stage->place.word);
        if (text_equal(word, "ARCHIVE"))
                return HOME "/archive";
        if (text_equal(word, "LAYER"))
                return HOME "/layout/layer";
        if (text_equal(word, "TREE"))
                return HOME "/layout";
        if (text_equal(word, "OUT"))
                return COMMAND_OUT;
        if (text_equal(word, "ROOTFS"))
                return HOME "/rootfs";
        if (text_equal(word, "BUNDLE") || text_equal(word, "BRIEF") || text_equal(word, "BESIDE"))
                return arena_format(arena, HOME "/%s.%s", document, word);
        return word;
}

static void enter_user(void)
{
        if (setgroups(0, NULL) < 0 || setresgid(COMMAND_USER, COMMAND_USER, COMMAND_USER) < 0 ||
            setresuid(COMMAND_USER, COMMAND_USER, COMMAND_USER) < 0 ||
            setenv("HOME", USER_HOME, 1) < 0)
                _exit(126);
}

command_enter *command_who(const struct stage *stage)
{
        return stage->scene && stage->scene->user ? enter_user : NULL;
}

void command_words(
        struct arena *arena, const struct stage *stage, const char *command,
        const char *ret_argv[WORDS_MAX])
{
        bool engine = stage->scene && stage->scene->engine, user = command_who(stage) != NULL;
        char *save = NULL, *words = (char *)(uintptr_t)arena_string(arena, command);
        size_t n = 0;

        ret_argv[n++] = engine ? HOME "/husk" : HOME "/husk-oci";
        ret_argv[n++] = "--root";
        ret_argv[n++] = user && engine ? USER_HOME "/store"
                      : user           ? USER_HOME "/state"
                      : engine         ? HOME "/store"
                                       : HOME "/state";
        if (engine) {
                ret_argv[n++] = "--runroot";
                ret_argv[n++] = user ? USER_HOME "/runroot" : HOME "/runroot";
        }
        for (char *word = strtok_r(words, " ", &save); word && n < WORDS_MAX - 1;
             word = strtok_r(NULL, " ", &save))
                ret_argv[n++] = meant(arena, stage, word);
        ret_argv[n] = NULL;
}

int command_streams(int streams[3], const char *out, const char *err)
{
        streams[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        streams[1] = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        streams[2] = open(err, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        return streams[0] < 0 || streams[1] < 0 || streams[2] < 0 ? -errno : 0;
}

void command_streams_close(int streams[3])
{
        for (int i = 0; i < 3; i++)
                file_close(&streams[i]);
}

const char *command_file(struct arena *arena, const char *path)
{
        struct text text;

        if (file_read(arena, AT_FDCWD, path, 4 << 20, &text) < 0)
                return "";
        for (size_t i = 0; i < text.len; i++)
                if (!text.data[i])
                        ((char *)(uintptr_t)text.data)[i] = '@';
        return text_string(&text);
}

/* What it and all others wait for is added to what it said. */
static void note_hang(struct arena *arena)
{
        const char *words = place_processes(arena);
        auto_close file = open(HOME "/err2", O_WRONLY | O_APPEND | O_CLOEXEC);

        file_write(file, "it hangs:", 9);
        file_write(file, words, strlen(words));
}

/* Its wait status. Whoever has not ended in time is killed. Others are reaped meanwhile: the first process of a pid
 * namespace does not end before the tracer has heard of the end of all in it. */
static int await(struct arena *arena, pid_t pid)
{
        const uint64_t until = process_clock_ns() + HANG_S * 1000000000ULL;
        auto_close process = process_open(pid);
        bool late = false;

        for (;;) {
                int status;
                pid_t ended = waitpid(-1, &status, __WALL | WNOHANG);

                if (ended == pid && !WIFSTOPPED(status))
                        return status;
                if (ended > 0)
                        continue;
                if (!late && process_clock_ns() > until) {
                        late = true;
                        note_hang(arena);
                        kill(pid, SIGKILL);
                }
                process_poll(process, 20);
        }
}

int command_run(struct arena *arena, const struct stage *stage, const char *command)
{
        const char *argv[WORDS_MAX];
        int streams[3], status = 0;
        pid_t pid;

        command_words(arena, stage, command, argv);
        if (command_streams(streams, stage->out ? stage->out : HOME "/out2", HOME "/err2") < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                for (int i = 0; i < 3; i++)
                        dup2(streams[i], i);
                if (command_who(stage))
                        command_who(stage)();
                execv(argv[0], (char **)(uintptr_t)argv);
                _exit(127);
        }
        command_streams_close(streams);
        status = await(arena, pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -- du ----------------------------------------------------------------------------------------------------- */

static long long counted;
static ino_t linked[256]; /* files of several names that were counted */
static size_t n_linked;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)path;
        (void)type;
        (void)ftw;
        if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
                for (size_t i = 0; i < n_linked; i++)
                        if (linked[i] == st->st_ino)
                                return 0;
                if (n_linked < ARRAY_SIZE(linked))
                        linked[n_linked++] = st->st_ino;
        }
        counted += (long long)st->st_blocks * 512;
        return 0;
}

static long long taken(const char *path)
{
        counted = 0;
        n_linked = 0;
        nftw(path, count_one, 16, FTW_PHYS);
        return counted;
}

/* `system df` says what du(1) does. */
static const char *compare_usage(struct arena *arena, const struct stage *stage)
{
        const int r = command_run(arena, stage, "system df --format {{.Type}}={{.Bytes}}");
        const char *is = command_file(arena, HOME "/out2"), *should;

        should = arena_format(
                arena, "Images=%lld\nContainers=%lld\n",
                taken(HOME "/store/images") + taken(HOME "/store/layers"),
                taken(HOME "/store/containers"));
        return r == 0 && text_equal(is, should)
                     ? NULL
                     : arena_format(
                               arena, "'system df' ends with %d and says '%s', not '%s': %s", r, is,
                               should, command_file(arena, HOME "/err2"));
}

/* -- several ------------------------------------------------------------------------------------------------ */

/* The last byte of each blob is lost. */
static const char *damage(void)
{
        static const char path[] = HOME "/store/images/blobs/sha256";
        DIR *dir = opendir(path);
        struct stat st;

        for (struct dirent *entry; dir && (entry = readdir(dir));)
                if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0) {
                        auto_close file = openat(dirfd(dir), entry->d_name, O_WRONLY | O_CLOEXEC);

                        if (ftruncate(file, st.st_size - 1) < 0)
                                return "a blob cannot be damaged";
                }
        if (dir)
                closedir(dir);
        return dir ? NULL : "there are no blobs";
}

bool command_in_time(struct timespec *until)
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

/* A signal needs its time. */
static const char *await_stopped(struct arena *arena, const struct stage *stage)
{
        struct timespec until = { 0 };

        do {
                if (command_run(arena, stage, "state ID") == 0 &&
                    strstr(command_file(arena, stage->out ? stage->out : HOME "/out2"), "stopped"))
                        return NULL;
        } while (command_in_time(&until));
        return "it does not stop";
}

/* '?': it may fail. '~': a keeper that has yet to hear that its command was killed may have the name for a moment. */
static const char *perform_one(struct arena *arena, const struct stage *stage, const char *one)
{
        bool may_fail = *one == '?', may_wait = *one == '~';
        struct timespec until = { 0 };
        int r;

        if (text_equal(one, "DU"))
                return compare_usage(arena, stage);
        if (text_equal(one, "DAMAGE"))
                return damage();
        if (text_equal(one, "STOPPED"))
                return await_stopped(arena, stage);
        if (text_equal(one, "DOUBT"))
                return truncate(USER_HOME "/store/containers/.trial/works", 0) < 0
                             ? "there is no answer"
                             : NULL;
        do {
                r = command_run(arena, stage, one + (may_fail || may_wait));
        } while (may_wait && r != 0 && strstr(command_file(arena, HOME "/err2"), "is taken by") &&
                 command_in_time(&until));
        if (r == 0 || (may_fail && r == 1))
                return NULL;
        return arena_format(
                arena, "'%s' ends with %d: %s%s", one, r, command_file(arena, HOME "/err2"),
                command_file(arena, HOME "/out2"));
}

const char *command_each(struct arena *arena, const struct stage *stage, const char *commands)
{
        char *save = NULL, *copy = (char *)(uintptr_t)arena_string(arena, commands);
        const char *wrong = NULL;

        for (char *one = strtok_r(copy, ";", &save); one && !wrong;
             one = strtok_r(NULL, ";", &save))
                wrong = perform_one(arena, stage, one);
        return wrong;
}
