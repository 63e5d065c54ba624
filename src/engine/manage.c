/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: ps, rm, kill, stop, wait.
 *
 * Each opens journals and asks the kernel; none keeps anything of its own. A container whose keeper
 * was killed is found by its process and cleaned up by rm like any other. */
#include "oci.h"
#include "store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

/* "3 minutes" */
static const char *span(struct arena *arena, int64_t seconds)
{
        static const struct {
                int64_t size;
                const char *name;
        } units[] = { { 86400 * 365, "year" }, { 86400 * 30, "month" }, { 86400 * 7, "week" },
                      { 86400, "day" },        { 3600, "hour" },        { 60, "minute" } };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (seconds >= 2 * units[i].size || (units[i].size == 60 && seconds >= 60))
                        return arena_format(
                                arena, "%lld %s%s", (long long)(seconds / units[i].size),
                                units[i].name, seconds < 2 * units[i].size ? "" : "s");
        if (seconds < 1)
                return "less than a second";
        return arena_format(arena, "%lld second%s", (long long)seconds, seconds == 1 ? "" : "s");
}

void container_describe(
        struct arena *arena, const struct container *container, struct container_info *info)
{
        int64_t now = (int64_t)time(NULL), created = store_parse_time(container->created);
        int64_t began = container->began_s ? container->began_s : created;
        const struct spec *spec;
        struct record record;
        struct text command = { .arena = arena };

        record_decode(arena, container, &record);
        if (container_spec(arena, container, &spec) == 0 && spec->process) {
                for (size_t i = 0; i < spec->process->args.n; i++)
                        text_addf(&command, "%s%s", i ? " " : "", spec->process->args.items[i]);
        }
        *info = (struct container_info){
                .id = container->id,
                .name = record.name,
                .image = record.image,
                .command = text_string(&command),
                .created_ns = (uint64_t)created * 1000000000ULL,
                .pid = container->status == CONTAINER_STOPPED ? 0 : container->pid,
                .exit_code = container->exit_code,
        };
        if (container->status != CONTAINER_STOPPED) {
                info->status = container_status_word(container->status);
                info->status_text = arena_format(
                        arena, "Up %s%s", span(arena, now - began),
                        container->status == CONTAINER_PAUSED ? " (Paused)" : "");
        } else if (container->prepared && !container->begun) {
                info->status = "created";
                info->status_text = "Created";
        } else {
                info->status = "exited";
                info->status_text =
                        container->has_exit
                                ? arena_format(
                                          arena, "Exited (%d) %s ago", container->exit_code,
                                          span(arena, now - container->ended_s))
                                : "Exited (unknown)";
        }
}

static int newer(const void *a, const void *b)
{
        const struct container_info *x = a, *y = b;

        return x->created_ns < y->created_ns ? 1 : x->created_ns > y->created_ns ? -1 : 0;
}

int engine_ps(
        const struct ps_request *request, struct arena *arena, struct container_info **ret_list,
        size_t *ret_n)
{
        const char *containers = store_containers(arena, &request->engine);
        const char **ids;
        size_t n, k = 0;
        int r = container_list(arena, containers, &ids, &n);
        auto_close root = file_open(AT_FDCWD, containers, O_PATH | O_DIRECTORY, 0);

        if (r < 0)
                return r;
        *ret_list = arena_array(arena, n + 1, sizeof **ret_list);
        for (size_t i = 0; i < n; i++) {
                struct container container;

                r = container_open_listed(arena, containers, root, ids[i], &container);
                if (r < 0) {
                        if (!container_may_be_passed_over(r))
                                return r;
                        if (r != -ENOENT) /* else it went meanwhile */
                                trail_warn("%s", trail_text());
                        trail_reset();
                        continue;
                }
                if (request->all || container.status != CONTAINER_STOPPED)
                        container_describe(arena, &container, &(*ret_list)[k++]);
                container_close(&container);
        }
        qsort(*ret_list, k, sizeof **ret_list, newer);
        *ret_n = k;
        return 0;
}

/* Whom a journal that is not believed belongs to is known by the id alone. */
static int discard(struct arena *arena, const struct rm_request *request)
{
        const char *containers = store_containers(arena, &request->engine), *id;
        int r;

        trail_reset();
        r = store_find(arena, containers, request->names.items[0], &id);
        return r < 0 ? r : container_discard(arena, containers, id);
}

int engine_rm(const struct rm_request *request)
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        struct container container;
        const char *containers = store_containers(&arena, &request->engine), *id;
        bool killed = false;
        int r = store_find(&arena, containers, name, &id);

        if (r < 0)
                return r;
        if (request->force)
                killed = container_hasten(containers, id);
        r = container_open(&arena, containers, id, true, &container);
        if (r == -ENOENT && killed) {
                trail_reset();
                return 0;
        }
        if (r == -EUCLEAN && request->force)
                return discard(&arena, request);
        if (r < 0)
                return r;
        if (container.status != CONTAINER_STOPPED && !request->force) {
                trail_hint("stop it first (`husk stop %s`), or use --force to kill it", name);
                r = trail(-EBUSY, "container '%s' is running", name);
        } else {
                r = container_hide(&arena, &container);
                if (r == 0)
                        r = container_put_down(&arena, &container);
                if (r == 0)
                        r = container_remove(&arena, &container);
        }
        container_close(&container);
        if (r == -ENOTEMPTY && request->force)
                return discard(&arena, request);
        return r;
}

static int not_running(int r, const char *name)
{
        return r == -ESRCH ? trail(r, "container '%s' is not running", name) : r;
}

int engine_kill(const struct kill_request *request)
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        struct container container;
        int r = store_open(&arena, &request->engine, name, false, &container);

        if (r < 0)
                return r;
        r = not_running(container_signal(&container, request->signal), name);
        container_close(&container);
        return r;
}

/* The signal, and SIGKILL when that does not end it in time. 0: it has ended; what is not known to have ended is
 * an error, since who asked for it goes on as if it had. */
static int end_process(
        struct arena *arena, struct container *container, int process, int signal, int wait_ms)
{
        int r = process_signal(process, signal), ended;

        container_thaw(container); /* a paused one hears nothing */
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        ended = process_poll(process, wait_ms);
        if (ended == 0)
                ended = container_end(arena, container, process);
        return ended > 0 ? 0 : ended < 0 ? ended : -ETIMEDOUT;
}

/* The exit status, once it is noted. Read from the journal that we have open: with --rm it has no
 * name any more by then; from the start on that it was opened in. */
static bool noted_exit(struct arena *arena, const struct container *container, int *ret_exit)
{
        static const char start[] = "\n{\"status\":\"stopped\"";
        const struct json *line;
        struct text text;
        const char *at;
        int64_t code;

        if (lseek(container->journal, 0, SEEK_SET) < 0 ||
            file_read_fd(arena, container->journal, 64 << 20, &text) < 0)
                return false;
        at = container->events && text.len >= container->events
                   ? strstr(text_string(&text) + container->events - 1, start)
                   : NULL;
        if (!at || json_parse(arena, "journal", at + 1, strcspn(at + 1, "\n"), &line) < 0 ||
            json_i64(json_member(line, "code"), &code) < 0) {
                trail_reset();
                return false;
        }
        *ret_exit = (int)code;
        return true;
}

/* A keeper notes the status a moment after the end: so many hundredths of a second are waited for it. */
enum {
        NOTE_ROUNDS = 500
};

/* One that goes at its end (--rm) is gone when this returns, and its name is free: its keeper notes the status and
 * removes it under one lock. Not for ever: the keeper may have been killed. */
static void await_removal(const struct container *container, const struct record *record)
{
        const struct timespec moment = { .tv_nsec = 10000000 };
        auto_arena arena = { 0 };
        struct stat st;
        int code;

        if (!record->remove || !container->begun)
                return;
        for (int round = 0; round < NOTE_ROUNDS; round++) {
                if (fstat(container->journal, &st) == 0 && st.st_nlink == 0)
                        return;
                if (noted_exit(&arena, container, &code)) {
                        (void)lock_take(container->journal, LOCK_FOR_USE, true);
                        return;
                }
                arena_reset(&arena);
                nanosleep(&moment, NULL);
        }
}

int engine_stop(const struct stop_request *request)
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        struct container container;
        auto_close process = NO_FD;
        struct record record;
        int64_t wait_s = request->timeout_s;
        int r = store_open(&arena, &request->engine, name, false, &container);

        if (r < 0)
                return r;
        record_decode(&arena, &container, &record);
        if (wait_s == STOP_TIMEOUT_UNSET)
                wait_s = record.stop_timeout_s;
        if (wait_s == STOP_TIMEOUT_UNSET)
                wait_s = 10;
        wait_s = wait_s < 0 || wait_s > 2000000 ? -1 : wait_s;
        process = container_process(&container);
        r = process < 0 ? process
                        : end_process(
                                  &arena, &container, process,
                                  record.stop_signal ? record.stop_signal : SIGTERM,
                                  wait_s < 0 ? -1 : (int)(wait_s * 1000));
        if (r == -ESRCH)
                r = 0; /* it has stopped: that is what was asked for */
        if (r == 0)
                await_removal(&container, &record);
        container_close(&container);
        if (process < 0)
                return r;
        return r < 0 ? trail(r, "cannot stop '%s': %s", name, text_errno(r)) : 0;
}

int engine_wait(const struct wait_request *request, int *ret_exit)
{
        const struct timespec moment = { .tv_nsec = 10000000 };
        const char *name = request->names.n ? request->names.items[0] : "";
        struct container container = { .pid = 0 };
        auto_arena arena = { 0 };
        struct record record;

        /* One that is being made has no process yet. */
        for (int round = 0; round < NOTE_ROUNDS && container.pid == 0; round++) {
                int r;

                if (round > 0) {
                        container_close(&container);
                        nanosleep(&moment, NULL);
                }
                r = store_open(&arena, &request->engine, name, false, &container);
                if (r < 0)
                        return r;
                if (container.prepared && !container.begun) {
                        container_close(&container);
                        *ret_exit = 0; /* it does not run: as docker has it */
                        return 0;
                }
        }
        record_decode(&arena, &container, &record);
        for (int round = 0; round < NOTE_ROUNDS; round++) {
                auto_close process = container_process(&container);
                auto_arena scratch = { 0 };
                struct stat st;
                bool removed = fstat(container.journal, &st) == 0 && st.st_nlink == 0;
                bool noted = noted_exit(&scratch, &container, ret_exit);

                if (noted || removed) {
                        await_removal(&container, &record);
                        container_close(&container);
                        return noted ? 0 : trail(-ENOENT, "container '%s' was removed", name);
                }
                if (process >= 0)
                        process_poll(process, -1);
                else
                        nanosleep(&moment, NULL);
        }
        container_close(&container);
        return trail(-EIO, "the exit status of '%s' is not known: its keeper was killed", name);
}
