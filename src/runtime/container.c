/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: containers as directories.
 *
 * A directory of the state root is a container; mkdir reserves its id, flock on its journal says who
 * changes it. What state it is in is read from the journal and the kernel, never from a field that
 * could be stale: a process counts as the container's only while pid and start time agree and the
 * machine has not been rebooted since. A directory whose maker is gone before the end is a crash:
 * whoever meets it next undoes it. */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

enum {
        JOURNAL_MAX = 64 << 20
};

int container_check_id(const char *id)
{
        size_t size = strlen(id);

        if (size == 0 || size > 255 || text_equal(id, ".") || text_equal(id, ".."))
                return trail(
                        -EINVAL,
                        "'%.64s' is no container id: 1 to 255 letters, digits, '_', '+', "
                        "'-' or '.'",
                        id);
        for (size_t i = 0; i < size; i++) {
                char ch = id[i];

                if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || strchr("_+-.", ch))
                        continue;
                trail_hint("allowed are letters, digits, '_', '+', '-' and '.'");
                return trail(
                        -EINVAL, "invalid container id: byte %zu is 0x%02x", i + 1,
                        (unsigned)(unsigned char)ch);
        }
        return 0;
}

const char *container_status_word(enum container_status status)
{
        switch (status) {
        case CONTAINER_CREATING:
                return "creating";
        case CONTAINER_CREATED:
                return "created";
        case CONTAINER_RUNNING:
                return "running";
        case CONTAINER_STOPPED:
                return "stopped";
        }
        return "unknown";
}

static const char *boot_id(char buffer[64])
{
        ssize_t n = file_get(AT_FDCWD, "/proc/sys/kernel/random/boot_id", buffer, 64);

        if (n < 0)
                return "";
        buffer[strcspn(buffer, "\n")] = '\0';
        return buffer;
}

/* Does the process of the journal still run? */
static bool is_alive(const struct container *container)
{
        char state, buffer[64];
        uint64_t start;

        if (container->pid <= 0 || process_start_time(container->pid, &start, &state) < 0 ||
            start != container->start_time || state == 'Z' || state == 'X')
                return false;
        return text_equal(json_string(json_member(container->header, "boot")), boot_id(buffer));
}

/* One line behind the header: process or status. */
static void read_event(struct container *container, const struct json *line, bool *started)
{
        const struct json *process = json_member(line, "process");
        const char *status = json_string(json_member(line, "status"));
        int64_t number;
        uint64_t ticks;

        if (json_i64(json_member(process, "pid"), &number) == 0 &&
            json_u64(json_member(process, "start"), &ticks) == 0) {
                container->pid = (pid_t)number;
                container->start_time = ticks;
        }
        if (text_equal(status, "created")) {
                container->status = CONTAINER_CREATED;
                container->complete = true;
        }
        if (text_equal(status, "started"))
                *started = true;
        if (text_equal(status, "stopped")) {
                container->has_exit = json_i64(json_member(line, "code"), &number) == 0;
                container->exit_code = container->has_exit ? (int)number : 0;
                if (json_i64(json_member(line, "at"), &number) == 0)
                        container->ended_s = number;
        }
}

static void read_annotations(struct arena *arena, struct container *container)
{
        const struct json *map = json_member(container->header, "annotations");

        if (!map || map->kind != JSON_OBJECT)
                return;
        container->annotations.items =
                arena_array(arena, map->n + 1, sizeof *container->annotations.items);
        for (size_t i = 0; i < map->n; i++)
                container->annotations.items[container->annotations.n++] =
                        (struct spec_pair){ map->members[i].name,
                                            json_string(&map->members[i].value) };
}

static int read_journal(struct arena *arena, struct container *container)
{
        const char *line = container->text, *end = container->text + container->size;
        bool started = false, run = false;
        size_t number = 0;

        for (const char *stop; (stop = memchr(line, '\n', (size_t)(end - line))); line = stop + 1) {
                size_t size = (size_t)(stop - line);
                const struct json *value;

                number++;
                if (number == 2) {
                        container->config = line;
                        container->config_size = size;
                        continue;
                }
                if (number > 2 && text_starts(line, "{\"undo\""))
                        continue;
                if (json_parse(arena, "journal", line, size, &value) < 0) {
                        trail_reset();
                        continue;
                }
                if (number == 1)
                        container->header = value;
                else
                        read_event(container, value, &started);
        }
        if (container->header) {
                const struct json *h = container->header;

                container->bundle = json_string(json_member(h, "bundle"));
                container->rootfs = json_string(json_member(h, "rootfs"));
                container->created = json_string(json_member(h, "created"));
                container->owner = json_string(json_member(h, "owner"));
                container->oci_version = json_string(json_member(h, "ociVersion"));
                run = text_equal(json_string(json_member(h, "mode")), "run");
                read_annotations(arena, container);
        }
        if (run && container->pid)
                container->complete = true;
        if (!is_alive(container))
                container->status = CONTAINER_STOPPED;
        else if (run || started)
                container->status = CONTAINER_RUNNING;
        return 0;
}

static int missing(const char *id)
{
        return trail(-ENOENT, "there is no container '%s'", id);
}

int container_open(
        struct arena *arena, const char *root, const char *id, bool lock,
        struct container *ret_container)
{
        struct container container = { .root = root, .dir = NO_FD, .journal = NO_FD };
        struct text text;
        struct stat st;
        int r = container_check_id(id);

        if (r < 0)
                return r;
        container.id = arena_string(arena, id);
        container.dir = file_open(
                AT_FDCWD, arena_format(arena, "%s/%s", root, id),
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (container.dir < 0)
                return container.dir == -ENOENT ? missing(id) : container.dir;
        container.journal = file_open(container.dir, "journal", O_RDWR | O_APPEND | O_NOFOLLOW, 0);
        if (container.journal < 0) {
                /* Killed between mkdir and the first write: nothing was made yet. */
                r = container.journal;
                file_close(&container.dir);
                if (r == -ENOENT && rmdir(arena_format(arena, "%s/%s", root, id)) == 0)
                        return missing(id);
                return trail(r, "cannot open the journal of container '%s'", id);
        }
        if (lock && flock(container.journal, LOCK_EX) < 0)
                r = -errno;
        if (r == 0 && fstat(container.journal, &st) == 0 && st.st_nlink == 0)
                r = missing(id); /* removed while we waited */
        if (r == 0)
                r = file_read_fd(arena, container.journal, JOURNAL_MAX, &text);
        if (r == 0) {
                container.text = text_string(&text);
                container.size = text.len;
                r = read_journal(arena, &container);
        }
        if (r < 0) {
                container_close(&container);
                return r;
        }
        *ret_container = container;
        return 0;
}

void container_close(struct container *container)
{
        file_close(&container->journal);
        file_close(&container->dir);
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int container_list(struct arena *arena, const char *root, const char ***ret_ids, size_t *ret_n)
{
        DIR *dir = opendir(root);
        size_t n = 0, room = 64;
        const char **ids = arena_array(arena, room, sizeof *ids);

        if (!dir && errno != ENOENT)
                return trail(-errno, "cannot read %s", root);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                if (n == room) {
                        const char **more = arena_array(arena, 2 * room, sizeof *more);

                        memcpy(more, ids, n * sizeof *ids);
                        ids = more;
                        room *= 2;
                }
                ids[n++] = arena_string(arena, entry->d_name);
        }
        if (dir)
                closedir(dir);
        qsort(ids, n, sizeof *ids, compare);
        *ret_ids = ids;
        *ret_n = n;
        return 0;
}

int container_spec(
        struct arena *arena, const struct container *container, const struct spec **ret_spec)
{
        if (!container->config)
                return trail(-EINVAL, "the journal of '%s' holds no document", container->id);
        return spec_parse(
                arena, "config.json", container->config, container->config_size, ret_spec);
}

int container_process(const struct container *container)
{
        int fd = container->pid > 0 ? process_open(container->pid) : -ESRCH;

        if (fd < 0)
                return fd;
        if (!is_alive(container)) { /* asked after the pidfd pins the number */
                close(fd);
                return -ESRCH;
        }
        return fd;
}

int container_signal(const struct container *container, int signal)
{
        auto_close fd = container_process(container);

        if (fd < 0)
                return fd;
        return signal ? process_signal(fd, signal) : 0;
}

int container_note(const struct container *container, const char *format, ...)
{
        char line[400];
        va_list values;
        size_t size;

        va_start(values, format);
        size = text_vformat(line, sizeof line, format, values);
        va_end(values);
        return size < sizeof line ? journal_append(container->journal, line, size) : -E2BIG;
}

/* Kill the first process and wait until it is gone; the rest of its pid namespace goes with it. */
static int put_down(const struct container *container)
{
        auto_close fd = container_process(container);

        if (fd < 0)
                return 0;
        process_signal(fd, 9);
        return process_poll(fd, 10000) == 1 ? 0 : -EBUSY;
}

void container_cgroups(
        struct arena *arena, const struct container *container, const char *const **ret_paths,
        size_t *ret_n)
{
        const char **paths = arena_array(arena, 64, sizeof *paths);
        const char *end = container->text + container->size;
        size_t n = 0;

        for (const char *line = container->text, *stop;
             n < 64 && (stop = memchr(line, '\n', (size_t)(end - line))); line = stop + 1) {
                const struct json *value;
                const char *path;

                if (!text_starts(line, "{\"undo\":\"remove_cgroup\"") ||
                    json_parse(arena, "journal", line, (size_t)(stop - line), &value) < 0)
                        continue;
                path = json_string(json_member(value, "path"));
                if (path)
                        paths[n++] = path;
        }
        *ret_paths = paths;
        *ret_n = n;
}

int container_release(struct arena *arena, const struct container *container)
{
        struct text cgroups = { .arena = arena };

        for (const char *line = container->text, *end = line + container->size, *stop;
             (stop = memchr(line, '\n', (size_t)(end - line))); line = stop + 1)
                if (text_starts(line, "{\"undo\":\"remove_cgroup\""))
                        text_add_bytes(&cgroups, line, (size_t)(stop + 1 - line));
        return journal_undo(arena, text_string(&cgroups), cgroups.len);
}

int container_remove(struct arena *arena, struct container *container)
{
        int r = put_down(container);

        if (r < 0)
                return trail(
                        r, "the process %d of '%s' does not die", (int)container->pid,
                        container->id);
        r = journal_undo(arena, container->text, container->size);
        if (r < 0)
                return r;
        if (unlinkat(container->dir, "start", 0) < 0 && errno != ENOENT)
                return -errno;
        if (unlinkat(container->dir, "log", 0) < 0 && errno != ENOENT)
                return -errno;
        if (unlinkat(container->dir, "journal", 0) < 0 && errno != ENOENT)
                return -errno;
        if (rmdir(arena_format(arena, "%s/%s", container->root, container->id)) < 0 &&
            errno != ENOENT)
                return trail(-errno, "cannot remove %s/%s", container->root, container->id);
        return 0;
}

/* -- making one ---------------------------------------------------------------------------------- */

/* The maker of a directory that is in our way: alive, or a crash that is undone here. */
static int clear_crash(struct arena *arena, const struct container_request *request)
{
        struct container old, now;
        const char *id = request->options->id;
        int r = container_open(arena, request->root, id, false, &old);
        bool taken;

        if (r == -ENOENT) {
                trail_reset();
                return 0; /* it is gone by now, or was never more than a directory */
        }
        if (r < 0)
                return r;
        taken = flock(old.journal, LOCK_EX | LOCK_NB) < 0;
        if (!taken) {
                /* What was read before the lock may be old: its maker can be done meanwhile. */
                r = container_open(arena, request->root, id, false, &now);
                if (r < 0) {
                        container_close(&old);
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
                return trail(-EEXIST, "a container with the id '%s' exists already", id);
        }
        return r;
}

/* Directory, journal, lock: the id is ours. */
static int reserve(
        struct arena *arena, const struct container_request *request, int *ret_dir,
        int *ret_journal)
{
        const char *path = arena_format(arena, "%s/%s", request->root, request->options->id);
        int r = 0;

        /* Who looks at a directory without a journal takes it for a crash and removes it: then again. */
        for (int round = 0; round < 100; round++) {
                auto_close dir = NO_FD, journal = NO_FD;
                struct stat st;

                if (mkdir(path, 0700) < 0) {
                        r = -errno;
                        if (r == -ENOENT)
                                r = file_make_dirs(request->root, 0711);
                        else if (r == -EEXIST)
                                r = clear_crash(arena, request);
                        if (r < 0)
                                return r == -EEXIST ? r : trail(r, "cannot make %s", path);
                        continue;
                }
                dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
                if (dir >= 0)
                        journal = file_open(
                                dir, "journal", O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW,
                                0600);
                r = dir < 0 ? dir : journal;
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return trail(r, "cannot make the journal in %s", path);
                if (flock(journal, LOCK_EX) < 0)
                        return -errno;
                if (fstat(journal, &st) == 0 && st.st_nlink == 0)
                        continue;
                *ret_dir = dir;
                *ret_journal = journal;
                dir = journal = NO_FD;
                return 0;
        }
        return trail(-EEXIST, "a container with the id '%s' comes and goes", request->options->id);
}

static const char *now_text(struct arena *arena)
{
        struct timespec now;
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        return arena_format(
                arena, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
                tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec);
}

/* The journal's beginning: header, document, inverses; one write. */
static int write_journal(struct arena *arena, const struct container_request *request, int journal)
{
        const struct spec *spec = request->spec;
        const struct runtime_options *options = request->options;
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };
        char buffer[64];
        size_t config;

        json_open_object(&w, NULL);
        json_put_u64(&w, "version", 1);
        json_put_string(&w, "ociVersion", spec->oci_version);
        json_put_string(&w, "id", options->id);
        json_put_string(&w, "bundle", options->bundle ? options->bundle : "");
        json_put_string(
                &w, "rootfs",
                !spec->root ? ""
                : spec->root->path[0] == '/'
                        ? spec->root->path
                        : arena_format(arena, "%s/%s", options->bundle, spec->root->path));
        json_put_string(&w, "created", now_text(arena));
        json_put_string(
                &w, "owner", geteuid() == 0 ? "root" : arena_format(arena, "%u", geteuid()));
        json_put_string(&w, "boot", boot_id(buffer));
        json_put_string(&w, "mode", options->await_start ? "create" : "run");
        if (spec->annotations.n) {
                json_open_object(&w, "annotations");
                for (size_t i = 0; i < spec->annotations.n; i++)
                        json_put_string(
                                &w, spec->annotations.items[i].key,
                                spec->annotations.items[i].value);
                json_close_object(&w);
        }
        if (request->extra)
                json_put_raw(&w, "engine", request->extra, strlen(request->extra));
        json_close_object(&w);
        text_add_char(&out, '\n');
        config = out.len;
        text_add_bytes(&out, request->config, request->config_size);
        for (size_t i = config; i < out.len; i++) /* in JSON a line break is never inside a word */
                if (out.data[i] == '\n' || out.data[i] == '\r')
                        out.data[i] = ' ';
        text_add_char(&out, '\n');
        journal_undo_lines(request->plan, &out);
        return file_write(journal, out.data, out.len);
}

/* Turn what apply left into one sentence: where in the document, which operation, why. */
static int explain_failure(const struct machine *m, int error, bool *ret_command)
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
        if (error == -ECONNRESET && (op->code == OP_await_gate || op->code == OP_take_fd))
                return trail(error, "the container's first process was killed during the set-up");
        if (*words)
                trail(error, "%s (%s): %s: %s", op->why, op_name(op), words, text_errno(error));
        else
                trail(error, "%s (%s): %s", op->why, op_name(op), text_errno(error));
        return error;
}

static int find_master(const struct plan *plan, const struct machine *m)
{
        for (size_t i = 0; i < plan->list[HOST].n; i++)
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
                r = reserve(arena, request, &made.dir, &made.journal);
        if (r < 0) {
                container_close(&made);
                return r;
        }
        r = write_journal(arena, request, made.journal);
        machine_init(machine, request->plan);
        machine->trace = request->trace;
        machine->journal = made.journal;
        machine->state_dir = made.dir;
        if (r == 0 && request->options->await_start) {
                machine->start = socket_listen(made.dir, "start");
                if (machine->start < 0)
                        r = trail(machine->start, "cannot make the start socket");
        }
        if (r == 0) {
                r = plan_apply(machine, HOST);
                if (r < 0)
                        r = explain_failure(machine, r, ret_command);
        }
        if (r == 0 && request->options->await_start)
                r = container_note(&made, "{\"status\":\"created\"}");
        if (r < 0) {
                struct text undo = { .arena = arena };

                reap(machine);
                journal_undo_lines(request->plan, &undo);
                made.text = text_string(&undo);
                made.size = undo.len;
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
        machine.gate = socket_connect(container->dir, "start");
        if (machine.gate < 0)
                return trail(
                        machine.gate, "the first process of '%s' does not listen", container->id);
        r = socket_send(machine.gate, &gate, 1, NO_FD);
        if (r == 0) {
                r = (int)gate_receive(&machine, &gate, 1, NULL);
                if (r == -ECONNRESET)
                        r = 0; /* its end closed at exec */
                else if (r < 0)
                        *ret_command = true;
        }
        file_close(&machine.gate);
        if (r < 0)
                return trail(r, "cannot start '%s': %s", container->id, text_errno(r));
        unlinkat(container->dir, "start", 0);
        return container_note(container, "{\"status\":\"started\"}");
}

int container_exec(
        const struct plan *plan, struct machine *machine, int *ret_master, bool *ret_command)
{
        int r;

        *ret_command = false;
        machine_init(machine, plan);
        r = plan_apply(machine, HOST);
        if (r < 0) {
                r = explain_failure(machine, r, ret_command);
                reap(machine);
                machine_done(machine);
                return r;
        }
        *ret_master = find_master(plan, machine);
        return 0;
}
