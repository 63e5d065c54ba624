/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: every operation of every plan goes wrong once, and nothing may be left.
 *
 *      faults [-e EVERY [-o OFFSET]] [-d DOCUMENT | -f FIRST] [-m MODE] [-p ACTOR:OPERATION[:ERRNO]]
 *             [-v]
 *
 * The documents are those of tests/plans. Each is made to run once, which shows its plan; from that
 * plan come the points: each operation of HOST and of INIT fails with each errno that its manual
 * names; fails although it was done; and its process is killed there. After each point:
 *
 *   - the command said that it failed and where: operation and place in the document (unless the
 *     operation has an alternative, and the error is one that leads to it);
 *   - after an error nothing is left at once, after a SIGKILL nothing after the next command, which
 *     is in turn `delete --force`, `list` and `delete --force`, or `create` of the same id;
 *   - processes, cgroups, mounts, links, files, and the descriptors of the failed command.
 *
 * Modes: run (create and start in one), create (then start), exec (one more process in a container,
 * which lives on). With -e only every EVERYth point is tried, from OFFSET on; the count goes over all
 * documents, so that all operations get their share. -f goes on where an earlier sweep was stopped: at
 * the document FIRST of those in the order of their names. Nothing is random. TAP on stdout. */
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum mode {
        RUN,
        CREATE,
        EXEC,
        MODES
};

static const char *const mode_names[] = { "run", "create", "exec" };

struct options {
        size_t every, offset;
        const char *document, *first, *mode;
        bool has_point, verbose;
        struct point point;
};

struct tally {
        size_t points, missed, bad, number, tests, failed;
};

typedef int command(const struct sweep *sweep);

/* -- commands, each in a process of its own ---------------------------------------------------------- */

static const char *console_path(const struct sweep *sweep)
{
        static char path[108];

        text_format(path, sizeof path, "%s/console", sweep->work);
        return sweep->document.terminal ? path : NULL;
}

static int do_create(const struct sweep *sweep, bool run)
{
        int code;

        return engine_oci_create(
                &(struct oci_create_request){ .oci.root = sweep->root,
                                              .id = sweep->word,
                                              .bundle = sweep->document.bundle,
                                              .console_socket = console_path(sweep),
                                              .run = run,
                                              .detach = true },
                &code);
}

static int command_run(const struct sweep *sweep)
{
        return do_create(sweep, true);
}

static int command_create(const struct sweep *sweep)
{
        int r = do_create(sweep, false);

        return r ? r : engine_oci_start(&(struct oci_id_request){ { sweep->root }, sweep->word });
}

static int command_exec(const struct sweep *sweep)
{
        static const char *argv[] = { "/bin/sleep", "0", NULL };
        int code;

        return engine_oci_exec(
                &(struct oci_exec_request){ .oci.root = sweep->root,
                                            .id = sweep->word,
                                            .argv = { argv, 2 },
                                            .console_socket = console_path(sweep),
                                            .tty = sweep->document.terminal,
                                            .detach = true },
                &code);
}

static int command_delete(const struct sweep *sweep)
{
        return engine_oci_delete(
                &(struct oci_delete_request){ { sweep->root }, sweep->word, true });
}

static int command_list(const struct sweep *sweep)
{
        struct arena arena = { 0 };
        struct oci_container_info *list;
        size_t n;
        int r = engine_oci_list(
                &(struct oci_list_request){ .oci.root = sweep->root }, &arena, &list, &n);

        arena_free(&arena);
        return r;
}

static size_t count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        while (dir && readdir(dir))
                n++;
        if (dir)
                closedir(dir);
        return n;
}

static void drain_console(int console)
{
        int fd;

        while ((fd = accept(console, NULL, NULL)) >= 0)
                close(fd);
}

/* Run a command in a child that has `point`; its wait status. */
static int in_child(const struct sweep *sweep, command *run, const struct point *point)
{
        struct seen *seen = sweep->seen;
        int status = 0;
        pid_t pid;

        seen->hit = seen->ended = false;
        seen->trail[0] = '\0';
        pid = fork();
        if (pid == 0) {
                size_t fds;

                alarm(30);
                inject(point, seen);
                fds = count_fds();
                seen->result = run(sweep);
                seen->fds = (int)(count_fds() - fds);
                text_format(seen->trail, sizeof seen->trail, "%s", trail_text());
                seen->ended = true;
                _exit(0);
        }
        if (pid < 0)
                return -1;
        while (waitpid(pid, &status, 0) < 0)
                ;
        drain_console(sweep->console);
        return status;
}

/* -- one point ---------------------------------------------------------------------------------------- */

static bool is_soft(int error)
{
        return error == EPERM || error == ENOSYS || error == EINVAL;
}

/* Between the gate `created` and a `start` INIT has nobody to tell what went wrong. */
static bool nobody_listens(const struct seen *seen, const struct point *p)
{
        const struct seen_op *ops = seen->op[INIT];

        return p->actor == INIT && ((ops[p->i].code == OP_await_gate && !p->late && p->i > 0 &&
                                     ops[p->i - 1].code == OP_open_gate) ||
                                    (ops[p->i].code == OP_open_gate && p->late));
}

static const char *check_words(struct arena *arena, const struct seen *seen, const struct point *p)
{
        const struct seen_op *op = &seen->op[p->actor][p->i];
        const struct op named = { .code = op->code };

        if (!seen->trail[0])
                return "it failed without a word";
        if (p->error == KILLED || nobody_listens(seen, p))
                return strstr(seen->trail, "killed") || strstr(seen->trail, "ended before") ||
                                       strstr(seen->trail, "is stopped") ||
                                       strstr(seen->trail, "does not listen")
                             ? NULL
                             : arena_format(
                                       arena, "it does not say that the process has ended: %s",
                                       seen->trail);
        if (!strstr(seen->trail, op_name(&named)))
                return arena_format(arena, "it does not name the operation: %s", seen->trail);
        if (!strstr(seen->trail, op->why))
                return arena_format(arena, "it does not name the place: %s", seen->trail);
        return NULL;
}

/* What the command itself had to do. */
static const char *check_command(
        struct arena *arena, const struct seen *seen, const struct point *p, int status)
{
        const struct seen_op *op = &seen->op[p->actor][p->i];

        if (!seen->hit)
                return NULL;
        if (p->error == KILLED && p->actor == HOST)
                return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? NULL : "not killed";
        if (!seen->ended)
                return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                             ? "it hangs"
                             : arena_format(arena, "it died: wait status %#x", (unsigned)status);
        if (op->has_else && !p->late && is_soft(p->error))
                return seen->result == 0 || seen->trail[0] ? NULL : "it failed without a word";
        if (seen->result == 0)
                return "it said that all is well";
        if (seen->fds > 0)
                return arena_format(arena, "%d descriptors stay open", seen->fds);
        return check_words(arena, seen, p);
}

static bool is_empty(const char *path)
{
        DIR *dir = opendir(path);
        size_t n = 0;

        while (dir && readdir(dir))
                n++;
        if (dir)
                closedir(dir);
        return n <= 2;
}

/* The ordinary command after a crash. */
static const char *recover(struct arena *arena, const struct sweep *sweep, size_t number)
{
        static const struct {
                const char *name;
                command *run;
        } first[] = { { "delete", command_delete },
                      { "list", command_list },
                      { "create", command_create } };

        size_t k = number % ARRAY_SIZE(first);

        /* A crash is undone, and the id is free; what came to be alive is in the way. */
        in_child(sweep, first[k].run, NULL);
        if (!sweep->seen->ended ||
            (sweep->seen->result != 0 && !(k == 2 && sweep->seen->result == -EEXIST)))
                return arena_format(arena, "%s afterwards: %s", first[k].name, sweep->seen->trail);
        in_child(sweep, command_delete, NULL);
        if (!sweep->seen->ended || sweep->seen->result != 0)
                return arena_format(arena, "delete afterwards: %s", sweep->seen->trail);
        return NULL;
}

static const char *try_run(
        struct arena *arena, const struct sweep *sweep, enum mode mode, const struct point *p,
        size_t number)
{
        int status;
        const char *bad, *left = NULL;
        bool clean;

        status = in_child(sweep, mode == RUN ? command_run : command_create, p);
        bad = check_command(arena, sweep->seen, p, status);
        /* `create` may have come to its end before `start` failed: then there is a container. */
        clean = sweep->seen->ended && sweep->seen->result != 0 && mode == RUN;
        if (clean) {
                left = is_empty(sweep->root) ? leaks_find(arena, sweep, 2)
                                             : "the state directory stays";
                if (left)
                        left = arena_format(arena, "at once: %s", left);
        }
        if (!left)
                left = clean ? NULL : recover(arena, sweep, number);
        else
                recover(arena, sweep, 0);
        if (!left && !clean)
                left = is_empty(sweep->root) ? leaks_find(arena, sweep, 2)
                                             : "the state directory stays";
        return bad ? bad : left;
}

/* One more process: the container lives on, and nothing but it. */
static const char *try_exec(struct arena *arena, const struct sweep *sweep, const struct point *p)
{
        int status = in_child(sweep, command_exec, p);
        const char *bad = check_command(arena, sweep->seen, p, status);
        const char *left = leaks_find(arena, sweep, 3);

        return bad ? bad : left;
}

static void describe(
        FILE *out, const struct sweep *sweep, enum mode mode, const struct point *p,
        const char *what)
{
        const struct seen_op *op = &sweep->seen->op[p->actor][p->i];
        const struct op named = { .code = op->code };

        fprintf(out, "# %s %s -p %s:%zu:%s%s (%s, %s): %s\n", sweep->document.name,
                mode_names[mode], p->actor == HOST ? "host" : "init", p->i,
                p->error == KILLED ? "KILL" : text_errno_name(p->error), p->late ? ":late" : "",
                op_name(&named), op->why, what);
        fflush(out);
}

static void try_point(
        const struct sweep *sweep, enum mode mode, const struct point *p, struct tally *tally)
{
        auto_arena arena = { 0 };
        const char *bad = mode == EXEC ? try_exec(&arena, sweep, p)
                                       : try_run(&arena, sweep, mode, p, tally->number);

        tally->points++;
        if (bad) {
                tally->bad++;
                describe(sweep->errors, sweep, mode, p, bad);
        }
}

/* The k-th of all points, or the one that was asked for. */
static void offer(
        const struct sweep *sweep, const struct options *o, enum mode mode, const struct point *p,
        struct tally *tally)
{
        const struct point *q = &o->point;

        if (o->has_point && (p->actor != q->actor || p->i != q->i ||
                             (q->error >= 0 && (p->error != q->error || p->late != q->late))))
                return;
        if (tally->number++ % o->every == o->offset) {
                if (o->verbose)
                        describe(stdout, sweep, mode, p, "");
                try_point(sweep, mode, p, tally);
        }
}

static void sweep_points(
        const struct sweep *sweep, const struct options *o, enum mode mode, struct tally *tally)
{
        for (enum actor actor = HOST; actor < ACTORS; actor++)
                for (size_t i = 0; i < sweep->seen->n[actor]; i++) {
                        enum op_code code = sweep->seen->op[actor][i].code;
                        struct point p = { .actor = actor, .i = i };

                        for (const int *error = errnos_of(code); *error; error++) {
                                p.error = *error;
                                offer(sweep, o, mode, &p, tally);
                        }
                        p.error = KILLED;
                        offer(sweep, o, mode, &p, tally);
                        if (code == OP_exec)
                                continue; /* it has no afterwards */
                        p.late = true;
                        offer(sweep, o, mode, &p, tally);
                        p.error = EIO;
                        offer(sweep, o, mode, &p, tally);
                }
}

/* -- documents ---------------------------------------------------------------------------------------- */

/* A run without a fault: it shows the plan, and which files a run leaves in a root. */
static const char *try_without(struct arena *arena, struct sweep *sweep, enum mode mode)
{
        command *run = mode == RUN ? command_run : mode == CREATE ? command_create : command_exec;
        const char *left;

        in_child(sweep, run, NULL);
        if (!sweep->seen->ended || sweep->seen->result != 0)
                return arena_format(arena, "cannot be applied here: %s", sweep->seen->trail);
        if (mode != EXEC) {
                in_child(sweep, command_delete, NULL);
                sweep->files = files_count(sweep->document.bundle);
        }
        left = leaks_find(arena, sweep, mode == EXEC ? 3 : 2);
        return left ? arena_format(arena, "without any fault: %s", left) : NULL;
}

static void sweep_mode(
        struct sweep *sweep, const struct options *o, enum mode mode, struct tally *tally)
{
        auto_arena arena = { 0 };
        size_t points = tally->points, bad = tally->bad;
        const char *why;

        if (o->mode && !text_equal(o->mode, mode_names[mode]))
                return;
        sweep->lives = mode == EXEC;
        if (mode == EXEC) {
                in_child(sweep, command_run, NULL);
                sweep->files = files_count(sweep->document.bundle);
        }
        why = try_without(&arena, sweep, mode);
        if (!why)
                sweep_points(sweep, o, mode, tally);
        if (mode == EXEC)
                in_child(sweep, command_delete, NULL);
        tally->tests++;
        if (mode == RUN)
                sweep->applies = !why || text_starts(why, "without");
        /* What can be run can be created and joined, too. */
        if (why && !sweep->applies) {
                printf("ok %zu - %s %s # SKIP %s\n", tally->tests, sweep->document.name,
                       mode_names[mode], why);
                return;
        }
        if (why)
                printf("# %s\n", why);
        tally->failed += why || tally->bad != bad;
        printf("%sok %zu - %s %s: %zu points, %zu bad\n", why || tally->bad != bad ? "not " : "",
               tally->tests, sweep->document.name, mode_names[mode], tally->points - points,
               tally->bad - bad);
        fflush(stdout);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sweep_documents(struct sweep *sweep, const struct options *o, struct tally *tally)
{
        auto_arena arena = { 0 };
        const char *names[256];
        size_t n = 0;
        DIR *dir = opendir(SOURCE_DIR "/tests/plans");

        for (struct dirent *entry; dir && n < ARRAY_SIZE(names) && (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        names[n++] = arena_string(&arena, entry->d_name);
        if (dir)
                closedir(dir);
        qsort(names, n, sizeof *names, by_name);
        for (size_t i = 0; i < n; i++) {
                auto_arena own = { 0 };
                int r;

                if ((o->document && !text_equal(o->document, names[i])) ||
                    (o->first && strcmp(names[i], o->first) < 0))
                        continue;
                trail_reset();
                r = document_make(&own, sweep, names[i]);
                if (r == -EEXIST || r == -ENOENT)
                        continue;
                if (r < 0) {
                        printf("not ok %zu - %s: %s %s\n", ++tally->tests, names[i], text_errno(r),
                               trail_text());
                        tally->failed++;
                        continue;
                }
                sweep->files = files_count(sweep->document.bundle);
                sweep->applies = o->mode != NULL;
                for (enum mode mode = RUN; mode < MODES; mode++)
                        sweep_mode(sweep, o, mode, tally);
        }
}

/* -- main ----------------------------------------------------------------------------------------------- */

/* ACTOR:OPERATION[:ERRNO|KILL[:late]] */
static void read_point(char *words, struct options *o)
{
        char *save = NULL, *actor = strtok_r(words, ":", &save), *i = strtok_r(NULL, ":", &save);
        char *error = strtok_r(NULL, ":", &save);

        o->has_point = true;
        o->point.actor = text_equal(actor, "init") ? INIT : HOST;
        o->point.i = i ? strtoul(i, NULL, 10) : 0;
        o->point.error = error ? error_named(error) : -1;
        o->point.late = strtok_r(NULL, ":", &save) != NULL;
}

static bool read_options(int argc, char **argv, struct options *o)
{
        int option;

        while ((option = getopt(argc, argv, "e:o:d:f:m:p:v")) >= 0)
                switch (option) {
                case 'e':
                        o->every = strtoul(optarg, NULL, 10);
                        break;
                case 'o':
                        o->offset = strtoul(optarg, NULL, 10);
                        break;
                case 'd':
                        o->document = optarg;
                        break;
                case 'f':
                        o->first = optarg;
                        break;
                case 'm':
                        o->mode = optarg;
                        break;
                case 'p':
                        read_point(optarg, o);
                        break;
                case 'v':
                        o->verbose = true;
                        break;
                default:
                        return false;
                }
        return o->offset < o->every && optind == argc;
}

/* Who listens for terminals: their masters wait in its queue, and end with it. */
static int listen_console(const struct sweep *sweep)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        text_format(address.sun_path, sizeof address.sun_path, "%s/console", sweep->work);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, 4096) < 0)
                return -errno;
        return fd;
}

static int begin(struct sweep *sweep, char *work)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (!mkdtemp(work) || chmod(work, 0755) < 0)
                return -errno;
        sweep->word = strrchr(work, '/') + 1;
        sweep->work = work;
        sweep->seen =
                mmap(NULL, sizeof *sweep->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
        if (sweep->seen == MAP_FAILED)
                return -errno;
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        sweep->errors = fdopen(fcntl(2, F_DUPFD_CLOEXEC, 3), "w"); /* prove(1) shows it */
        if (!sweep->errors)
                return -errno;
        dup2(null, 0);
        dup2(null, 2);
        close(null);
        return joined_start(sweep);
}

int main(int argc, char **argv)
{
        static char work[] = "/tmp/hkfXXXXXX";
        auto_arena arena = { 0 };
        struct options options = { .every = 1 };
        struct sweep sweep = { 0 };
        struct tally tally = { 0 };
        int console, r;

        if (!read_options(argc, argv, &options)) {
                fputs("faults [-e EVERY [-o OFFSET]] [-d DOCUMENT | -f FIRST] [-m MODE] "
                      "[-p ACTOR:I[:ERRNO]] [-v]\n",
                      stderr);
                return 2;
        }
        if (geteuid() != 0) {
                puts("1..0 # SKIP containers of root are made");
                return 0;
        }
        r = begin(&sweep, work);
        if (r < 0) {
                printf("Bail out! %s\n", text_errno(r));
                return 1;
        }
        sweep.root = arena_format(&arena, "%s/state", work);
        mkdir(sweep.root, 0700);
        console = listen_console(&sweep);
        sweep.console = console;
        sweep_documents(&sweep, &options, &tally);
        kill((pid_t)sweep.joined, SIGKILL);
        kill((pid_t)sweep.joined_user, SIGKILL);
        file_remove_tree(AT_FDCWD, work);
        printf("# %zu points of %zu, %zu bad\n1..%zu\n", tally.points, tally.number, tally.bad,
               tally.tests);
        return tally.failed || !tally.tests;
}
