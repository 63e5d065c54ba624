/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: how a container comes to be, is started, gets one more process, or a visit.
 *
 * The plan is verified, the id reserved (mkdir, journal, lock), everything that may have to be undone
 * written down; then the plan is applied. A directory whose maker is gone before the end is a crash: whoever meets
 * it next undoes it, the next maker of the same id among them. What fails is undone at once. */
#include "runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

enum {
        REAP_MS = 2000 /* what a kill takes, as a rule much less */
};

/* The maker of a directory that is in our way: alive, or a crash that is undone here. */
static int clear_crash(struct arena *arena, const struct container_request *request)
{
        struct container old, now;
        const char *id = request->options->id;
        int r = container_open(arena, request->root, id, false, &old);
        struct stat st;
        bool taken;

        if (r == -ENOENT) {
                trail_reset();
                return 0; /* it is gone by now, or was never more than a directory */
        }
        if (r < 0)
                return r;
        r = container_check_own(&old, "change it");
        if (r < 0) {
                container_close(&old);
                return r;
        }
        taken = flock(old.journal, LOCK_EX | LOCK_NB) < 0;
        if (!taken && (fstat(old.journal, &st) < 0 || st.st_nlink == 0)) {
                container_close(&old); /* removed meanwhile; what has its name now is another's */
                return 0;
        }
        if (!taken) {
                /* What was read before the lock may be old: its maker can be done meanwhile. */
                r = container_open(arena, request->root, id, false, &now);
                if (r < 0) {
                        container_close(&old);
                        if (r == -ENOENT)
                                trail_reset();
                        return r == -ENOENT ? 0 : r;
                }
                taken = now.complete;
                if (!taken)
                        r = container_remove(arena, &now); /* its maker was killed */
                container_close(&now);
        }
        container_close(&old);
        if (taken) {
                trail_hint("choose another id, or delete that container first");
                return trail(-EEXIST, "a container with the id '%s' already exists", id);
        }
        return r;
}

/* What went wrong in the state directory, where no operation can be named. */
static int state_error(int error, const char *what, const char *path)
{
        runtime_hint(NULL, error);
        return trail(error, "%s %s: %s", what, path, text_errno(error));
}

/* 0: the directory is made; 1: what was in the way is not any more. */
static int make_directory(
        struct arena *arena, const struct container_request *request, const char *path)
{
        int r = file_make_dir(path, CONTAINER_DIR_MODE);

        if (r == 0)
                return 0;
        if (r == -ENOENT)
                r = file_make_dirs(request->root, request->searchable ? 0711 : 0700);
        else if (r == -EEXIST)
                r = clear_crash(arena, request);
        if (r >= 0)
                return 1;
        return r == -EEXIST || *trail_text() ? r : state_error(r, "cannot make", path);
}

/* Journal and lock in the directory that was made; 1: who took it for a crash has removed one of them. */
static int claim_directory(const char *path, int *ret_dir, int *ret_journal)
{
        auto_close dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        auto_close journal = NO_FD;
        struct stat st;
        int r;

        if (dir >= 0)
                journal = file_open(
                        dir, "journal", O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        r = dir < 0 ? dir : journal;
        /* ... and meanwhile it may be another maker's, with a journal in it. */
        if (r == -ENOENT || r == -EEXIST)
                return 1;
        if (r < 0) {
                file_remove(AT_FDCWD, path, AT_REMOVEDIR);
                return state_error(r, "cannot make the journal in", path);
        }
        if (flock(journal, LOCK_EX) < 0) {
                r = -errno;
                file_remove(dir, "journal", 0);
                file_remove(AT_FDCWD, path, AT_REMOVEDIR);
                return state_error(r, "cannot lock the journal in", path);
        }
        if (fstat(journal, &st) == 0 && st.st_nlink == 0)
                return 1;
        *ret_dir = dir;
        *ret_journal = journal;
        dir = journal = NO_FD;
        return 0;
}

/* Directory, journal, lock: the id is ours. */
static int reserve(
        struct arena *arena, const struct container_request *request, int *ret_dir,
        int *ret_journal)
{
        const char *path = arena_format(arena, "%s/%s", request->root, request->options->id);

        /* Who looks at a directory without a journal takes it for a crash and removes it: then again. */
        for (int round = 0; round < 100; round++) {
                int r = make_directory(arena, request, path);

                if (r == 0)
                        r = claim_directory(path, ret_dir, ret_journal);
                if (r <= 0)
                        return r;
        }
        return trail(
                -EEXIST, "a container with the id '%s' comes and goes, or %s is another program's",
                request->options->id, path);
}

/* Turn what apply left into one sentence: where in the document, which operation, why. */
int container_explain_failure(const struct machine *m, int error, bool *ret_command)
{
        const struct op_list *list = &m->plan->list[m->failed_actor];
        const struct op *op = m->failed < list->n ? &list->ops[m->failed] : NULL;
        char words[2048], hint[1024];

        text_format(words, sizeof words, "%s", trail_text());
        text_format(hint, sizeof hint, "%s", trail_hint_text());
        trail_reset();
        if (*hint)
                trail_hint("%s", hint);
        if (!op)
                return trail(error, "%s", words);
        runtime_hint(op, error);
        *ret_command = op->code == OP_exec || op->code == OP_find_program;
        if (error == -ECONNRESET &&
            (op->code == OP_await_gate || op->code == OP_take_fd || op->code == OP_open_gate ||
             op->code == OP_adopt || op->code == OP_serve_overlay))
                return trail(error, "the container's first process was killed during the set-up");
        if (op->code == OP_run_hook)
                return trail(error, "%s: %s", op->why, words);
        if (*words)
                trail(error, "%s (%s): %s: %s", op->why, op_name(op), words, text_errno(error));
        else
                trail(error, "%s (%s): %s", op->why, op_name(op), text_errno(error));
        return error;
}

static int find_master(const struct plan *plan, const struct machine *m)
{
        bool criu = false; /* with which descriptors are passed for other reasons */

        for (size_t i = 0; i < plan->list[HOST].n; i++) {
                const struct op *op = &plan->list[HOST].ops[i];

                criu |= op->code == OP_call_criu;
                if (op->code == OP_take_terminal)
                        return m->fd[op->as.take_terminal.fd];
        }
        for (size_t i = 0; i < plan->list[HOST].n && !criu; i++)
                if (plan->list[HOST].ops[i].code == OP_take_fd)
                        return m->fd[plan->list[HOST].ops[i].as.take_fd.fd];
        return NO_FD;
}

/* Kill and reap what spawn made. */
static void reap(struct machine *m)
{
        int status;

        if (m->pid <= 0)
                return;
        process_signal(m->pidfd, 9);
        process_wait(m->pid, &status);
}

/* The same for one who has entered a container: what holds it there (a freezer) need not hold us, whose end the kernel
 * finishes this one's. What was stopped before it could tell its number is found by that. */
static void reap_soon(struct machine *m)
{
        int status;

        if (m->pid <= 0)
                return;
        process_signal_stopped(9);
        process_signal(m->pidfd, 9);
        if (process_poll(m->pidfd, REAP_MS) == 1)
                process_wait(m->pid, &status);
}

/* Behind the first line and the document, which is another's words, whatever it looks like. */
static struct text without_document(struct text journal)
{
        for (int line = 0; line < 2 && journal.len; line++) {
                const char *end = memchr(journal.data, '\n', journal.len);
                size_t size = end ? (size_t)(end - journal.data) + 1 : journal.len;

                journal.data += size;
                journal.len -= size;
        }
        return journal;
}

/* What is to be undone: all that may have been done. A cgroup or unit that was refused because others
 * are in it is theirs; once there was a process, all that is in those before came from it. When INIT
 * failed HOST was waiting for it, with all of its own done. */
static void undo_of_failure(
        const struct plan *plan, const struct machine *machine, int error, off_t from,
        struct text *out)
{
        struct plan done = *plan;
        struct text journal;
        bool others = machine->occupied;

        if (machine->pid > 0)
                text_add(out, "{\"process\":{}}\n");
        if (machine->failed_actor == HOST) {
                others |= error == -EBUSY && machine->failed < plan->list[HOST].n &&
                          plan->list[HOST].ops[machine->failed].code != OP_make_cgroup;
                done.list[HOST].n = machine->failed + !others;
        }
        if (done.list[HOST].n > plan->list[HOST].n)
                done.list[HOST].n = plan->list[HOST].n;
        journal_undo_lines(&done, out);
        if (lseek(machine->journal, from, SEEK_SET) == from &&
            file_read_fd(out->arena, machine->journal, JOURNAL_MAX, &journal) == 0) {
                if (from == 0)
                        journal = without_document(journal);
                journal_notes_of_cgroups(journal.data, journal.len, out);
        }
}

int container_create(
        struct arena *arena, const struct container_request *request, struct machine *machine,
        int *ret_master, bool *ret_command)
{
        struct container made = {
                .root = request->root, .id = request->options->id, .dir = NO_FD, .journal = NO_FD
        };
        int r = container_check_id(made.id);

        *ret_command = false;
        if (r == 0)
                r = plan_verify(request->plan); /* some 10 us: a bug of ours makes no container */
        if (r == 0)
                r = reserve(arena, request, &made.dir, &made.journal);
        if (r < 0) {
                container_close(&made);
                return r;
        }
        r = container_write_first(arena, request, request->plan, made.journal);
        if (r < 0 && !*trail_text())
                state_error(r, "cannot write the journal of", made.id);
        machine_init(machine, request->plan);
        machine->trace = request->trace;
        machine->journal = made.journal;
        machine->state_dir = made.dir;
        if (r == 0 && request->options->await_start) {
                machine->start = socket_listen(made.dir, "start");
                if (machine->start < 0)
                        r = state_error(machine->start, "cannot make the start socket of", made.id);
        }
        if (r == 0) {
                r = plan_apply(machine, HOST);
                if (r < 0)
                        r = container_explain_failure(machine, r, ret_command);
        }
        if (r == 0 && request->options->await_start) {
                r = container_note(&made, "{\"status\":\"created\"}");
                if (r < 0)
                        state_error(r, "cannot write the journal of", made.id);
        }
        if (r < 0) {
                struct text undo = { .arena = arena };

                reap(machine);
                undo_of_failure(request->plan, machine, r, 0, &undo);
                made.text = text_string(&undo);
                made.size = undo.len;
                made.config = request->config;
                made.config_size = request->config_size;
                made.bundle = request->options->bundle;
                made.process = machine->process;
                made.pid = machine->recorded ? machine->pid : 0; /* as far as the journal knows */
                machine_done(machine);
                container_remove(arena, &made);
                container_close(&made);
                return r;
        }
        *ret_master = find_master(request->plan, machine);
        machine->journal = machine->state_dir = NO_FD;
        /* The first process was forked with the journal open: closing alone might not unlock it. */
        flock(made.journal, LOCK_UN);
        container_close(&made);
        return 0;
}

/* The operations that make what is the container's own on disk, and nothing else. */
static struct plan *files_of(struct arena *arena, const struct plan *plan)
{
        struct plan *files = arena_new(arena, struct plan);
        const struct op_list *from = &plan->list[HOST];
        struct op_list *to = &files->list[HOST];

        *files = (struct plan){ .arena = arena, .id = plan->id };
        *to = (struct op_list){ arena_array(arena, from->n + 1, sizeof *to->ops), 0, from->n + 1 };
        for (size_t i = 0; i < from->n; i++)
                if (from->ops[i].code == OP_make_store || from->ops[i].code == OP_make_file)
                        to->ops[to->n++] = from->ops[i];
        return files;
}

int container_prepare(struct arena *arena, const struct container_request *request)
{
        struct container made = {
                .root = request->root, .id = request->options->id, .dir = NO_FD, .journal = NO_FD
        };
        const struct plan *files = files_of(arena, request->plan);
        struct machine machine;
        bool command;
        int r = container_check_id(made.id);

        machine_init(&machine, files);
        if (r == 0)
                r = plan_verify(request->plan);
        if (r == 0)
                r = reserve(arena, request, &made.dir, &made.journal);
        if (r < 0)
                return r;
        r = container_write_first(arena, request, files, made.journal);
        if (r < 0 && !*trail_text())
                state_error(r, "cannot write the journal of", made.id);
        if (r == 0) {
                r = plan_apply(&machine, HOST);
                if (r < 0)
                        container_explain_failure(&machine, r, &command);
        }
        if (r == 0) {
                r = container_note(&made, "{\"status\":\"prepared\"}");
                if (r < 0)
                        state_error(r, "cannot write the journal of", made.id);
        }
        if (r < 0) {
                struct text undo = { .arena = arena };

                journal_undo_lines(files, &undo);
                made.text = text_string(&undo);
                made.size = undo.len;
                container_remove(arena, &made);
        }
        machine_done(&machine);
        container_close(&made);
        return r;
}

/* As if it had not been tried. */
static void take_back_start(
        struct arena *arena, const struct container_request *request, struct container *container,
        struct machine *machine, int error)
{
        const off_t before = (off_t)container->size;
        struct text undo = { .arena = arena };

        reap(machine);
        undo_of_failure(request->plan, machine, error, before, &undo);
        machine->journal = machine->state_dir = NO_FD;
        machine_done(machine);
        container->text = text_string(&undo);
        container->size = undo.len;
        container->events = 0;
        container_release(arena, container);
        if (ftruncate(container->journal, before) < 0)
                trail_warn("cannot write the journal of %s", container->id);
}

int container_start_again(
        struct arena *arena, const struct container_request *request, struct container *container,
        struct machine *machine, int *ret_master, bool *ret_command)
{
        int r = plan_verify(request->plan);

        *ret_command = false;
        /* What a keeper that was killed has left. */
        if (r == 0)
                r = container_release(arena, container);
        if (r < 0)
                return r;
        r = container_write_start(arena, request, container);
        if (r < 0 && !*trail_text())
                state_error(r, "cannot write the journal of", container->id);
        machine_init(machine, request->plan);
        machine->trace = request->trace;
        machine->journal = container->journal;
        machine->state_dir = container->dir;
        if (r == 0) {
                r = plan_apply(machine, HOST);
                if (r < 0)
                        r = container_explain_failure(machine, r, ret_command);
        }
        if (r < 0) {
                take_back_start(arena, request, container, machine, r);
                return r;
        }
        *ret_master = find_master(request->plan, machine);
        machine->journal = machine->state_dir = NO_FD;
        flock(container->journal, LOCK_UN); /* the first process was forked with it open */
        container_close(container);
        return 0;
}

/* Hear how it went behind START: the end closes at exec, or with the process. Which of the two it was, the
 * process tells as long as it is there; and who has hooks to run says when they are done. */
static int hear_start(
        struct arena *arena, const struct container *container, struct machine *machine,
        bool *ret_command)
{
        bool hooked = false;
        uint8_t gate;
        int r;

        while ((r = (int)gate_receive(machine, &gate, 1, NULL)) > 0) {
                if (gate != GATE_HOOKED) /* --init runs it, and executes nothing itself */
                        return 0;
                hooked = true;
        }
        if (r != -ECONNRESET) {
                *ret_command = true;
                return r;
        }
        if (process_has_executed(machine->pid) &&
            (hooked || kill(machine->pid, 0) == 0 || !container_has_start_hooks(arena, container)))
                return 0;
        return trail(r, "its first process ended before it ran the program");
}

int container_start(struct arena *arena, struct container *container, bool *ret_command)
{
        struct machine machine;
        struct plan none = { .arena = arena };
        uint8_t gate = GATE_START;
        int r;

        *ret_command = false;
        if (container->status != CONTAINER_CREATED) {
                trail_hint("only a created container can be started, and only once");
                return trail(
                        -EINVAL, "container '%s' is %s", container->id,
                        container_status_word(container->status));
        }
        machine_init(&machine, &none);
        machine.pid = container->pid;
        machine.gate = socket_connect(container->dir, "start");
        if (machine.gate < 0)
                return trail(
                        machine.gate, "the first process of '%s' does not listen", container->id);
        r = socket_send(machine.gate, &gate, 1, NO_FD);
        if (r == -EPIPE || r == -ECONNRESET) /* its end came when we were connected */
                r = trail(-ECONNRESET, "its first process ended before it ran the program");
        else if (r == 0)
                r = hear_start(arena, container, &machine, ret_command);
        file_close(&machine.gate);
        if (r < 0) {
                if (text_starts(trail_text(), "/hooks/"))
                        container_give_up(arena, container);
                return trail(r, "cannot start '%s'", container->id);
        }
        file_remove(container->dir, "start", 0);
        /* It runs, and the kernel tells so without the journal. */
        r = container_note(container, "{\"status\":\"started\"}");
        if (r < 0)
                trail_warn("cannot write the journal of %s: %s", container->id, text_errno(r));
        return container_poststart(arena, container);
}

/* The operation that opens the cgroup in which an exec's process is born, unless --cgroup named it. */
static struct op *birth_cgroup(const struct plan *plan)
{
        const struct op_list *host = &plan->list[HOST];
        FD cgroup = -1;

        for (size_t i = 0; i < host->n; i++)
                if (host->ops[i].code == OP_spawn)
                        cgroup = host->ops[i].as.spawn.cgroup;
        for (size_t i = 0; cgroup >= 0 && i < host->n; i++)
                if (host->ops[i].code == OP_open_path && host->ops[i].as.open_path.fd == cgroup &&
                    text_equal(host->ops[i].why, "/linux/cgroupsPath"))
                        return &host->ops[i];
        return NULL;
}

/* The cgroup of v2 that a process is in, when that is one below `path`. */
static bool cgroup_below(pid_t pid, const char *path, char *ret_inner, size_t size)
{
        char file[64], list[8192];
        char *own;

        text_format(file, sizeof file, "/proc/%d/cgroup", (int)pid);
        if (file_get(AT_FDCWD, file, list, sizeof list) < 0)
                return false;
        own = text_starts(list, "0::") ? list : strstr(list, "\n0::");
        if (!own)
                return false;
        own += *own == '\n' ? 4 : 3;
        own[strcspn(own, "\n")] = '\0';
        /* Without the mount in front of it, which the list has not. */
        for (const char *at = path; (at = strchr(at, '/')); at++)
                if (text_starts(own, at) && own[strlen(at)] == '/')
                        return text_format(ret_inner, size, "%s%s", path, own + strlen(at)) < size;
        return false;
}

/* A container may give its cgroup's controllers to cgroups of its own, as systemd does: it holds no
 * process itself then (EBUSY), and the place for one more is where its first process is. */
static int apply_exec(struct plan *plan, struct machine *machine)
{
        struct op *cgroup = birth_cgroup(plan);
        char inner[PATH_MAX];
        int r = plan_apply(machine, HOST);

        if (r != -EBUSY || !cgroup || plan->list[HOST].ops[0].code != OP_open_process ||
            !cgroup_below(
                    (pid_t)plan->list[HOST].ops[0].as.open_process.pid, cgroup->as.open_path.path,
                    inner, sizeof inner))
                return r;
        machine_done(machine);
        machine_init(machine, plan);
        machine->attended = true;
        trail_reset();
        cgroup->as.open_path.path = arena_string(plan->arena, inner);
        return plan_apply(machine, HOST);
}

int container_exec(struct plan *plan, struct machine *machine, int *ret_master, bool *ret_command)
{
        int r;

        *ret_command = false;
        machine_init(machine, plan);
        machine->attended = true;
        r = plan_verify(plan);
        if (r < 0)
                return r;
        r = apply_exec(plan, machine);
        if (r < 0) {
                r = container_explain_failure(machine, r, ret_command);
                reap_soon(machine);
                machine_done(machine);
                return r;
        }
        *ret_master = find_master(plan, machine);
        return 0;
}

int container_visit(const struct container *container, const struct plan *plan)
{
        struct machine machine;
        bool command;
        int r, status;

        machine_init(&machine, plan);
        machine.journal = container->journal;
        r = plan_verify(plan);
        if (r == 0) {
                r = plan_apply(&machine, HOST);
                if (r < 0) {
                        r = container_explain_failure(&machine, r, &command);
                        reap(&machine);
                } else if (machine.pid > 0) { /* criu was reaped by the plan */
                        r = process_wait(machine.pid, &status);
                }
        }
        machine_done(&machine);
        return r;
}
