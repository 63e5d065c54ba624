/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk logs`, `husk rename`, `husk port`.
 *
 * A container in the background writes into one file, by itself: nobody stands between. So there is no difference
 * between its two outputs, and what one that was in front of somebody wrote went to that one. When it was written
 * its keeper has noted (log_times.c). A line is of the time of its first byte.
 *
 * The container may make its log as long as a file can be, without writing it: holes are passed over, forwards and
 * backwards, so that what is read is what takes room on the disk. (A file system that knows no holes says that all is
 * data.) */
#include "image.h"
#include "log_times.h"
#include "run.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct reading {
        const struct logs_request *request;
        struct arena *arena;
        int log;
        off_t at;
        bool timed; /* stamps, or an end: lines are looked at */
        bool in_line, skips, ended;
        uint64_t since_ns, until_ns; /* 0, UINT64_MAX: none */
        uint64_t end;                /* no line that begins there or behind it */
        struct log_times times;
        struct text out;
};

/* -- lines ------------------------------------------------------------------------------------------------ */

static void put_stamp(struct reading *reading, uint64_t byte)
{
        const uint64_t ns = log_times_of(&reading->times, byte);
        const time_t when = (time_t)(ns / 1000000000);
        char words[32] = "";
        struct tm tm;

        if (gmtime_r(&when, &tm))
                strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%S", &tm);
        text_addf(&reading->out, "%s.%09uZ ", words, (unsigned)(ns % 1000000000));
}

static int put_lines(struct reading *reading, const char *bytes, size_t size)
{
        const uint64_t at = (uint64_t)reading->at;

        reading->out.len = 0;
        for (size_t i = 0; i < size && !reading->ended;) {
                const char *end = memchr(bytes + i, '\n', size - i);
                size_t n = end ? (size_t)(end - bytes) + 1 - i : size - i;

                if (!reading->in_line && at + i >= reading->end) {
                        reading->ended = true;
                        break;
                }
                if (!reading->skips && !reading->in_line && reading->request->stamps)
                        put_stamp(reading, at + i);
                if (!reading->skips)
                        text_add_bytes(&reading->out, bytes + i, n);
                reading->in_line = !end;
                reading->skips &= !end;
                i += n;
        }
        return reading->out.len
                     ? reading->request->each(
                               reading->request->context, reading->out.data, reading->out.len)
                     : 0;
}

static off_t size_of(int log)
{
        off_t size = lseek(log, 0, SEEK_END);

        return size < 0 ? 0 : size;
}

/* The first place from `at` on that was written; -1: none. */
static off_t next_data(int log, off_t at)
{
        off_t data = lseek(log, at, SEEK_DATA);

        return data < 0 && errno != ENXIO ? at : data;
}

static bool has_data(int log, off_t from, off_t to)
{
        off_t data = next_data(log, from);

        return data >= 0 && data < to;
}

static size_t room_before(off_t stop, off_t at, size_t size)
{
        return stop - at < (off_t)size ? (size_t)(stop - at) : size;
}

/* All that is there now, from `at` on. */
static int read_on(struct reading *reading)
{
        char bytes[32 << 10];
        ssize_t n;
        /* What comes meanwhile is not waited for: nobody can outrun who writes. */
        const off_t stop = size_of(reading->log);
        off_t data;
        int r = 0;

        while (r == 0 && !reading->ended && (data = next_data(reading->log, reading->at)) >= 0 &&
               data < stop &&
               (n = pread(reading->log, bytes, room_before(stop, data, sizeof bytes), data)) != 0) {
                reading->at = data;
                if (n < 0)
                        return errno == EINTR ? 0 : trail(-errno, "cannot read the log");
                if (reading->timed) {
                        r = log_times_read(&reading->times);
                        reading->end = log_times_to(&reading->times, reading->until_ns);
                        if (r == 0)
                                r = put_lines(reading, bytes, (size_t)n);
                } else {
                        r = reading->request->each(reading->request->context, bytes, (size_t)n);
                }
                reading->at += n;
        }
        return r;
}

/* -- where to begin --------------------------------------------------------------------------------------- */

/* The end of what was written between `begin` and `end`, or up to `near` bytes behind it; `begin`: nothing was. */
static off_t data_end(int log, off_t begin, off_t end, off_t near)
{
        off_t low = begin, high = end;

        if (end - begin > near && has_data(log, end - near, end))
                return end;
        if (!has_data(log, begin, end))
                return begin;
        while (high - low > near) {
                const off_t middle = low + (high - low) / 2;

                if (has_data(log, middle, high))
                        low = middle;
                else
                        high = middle;
        }
        return high;
}

/* Where the last `lines` of what is from `begin` to `end` begin: counted from the end, of which the last line may
 * have none. */
static off_t find_tail(int log, uint64_t lines, off_t begin, off_t end)
{
        off_t at = end;
        char bytes[32 << 10];

        if (!lines)
                return end;
        while ((at = data_end(log, begin, at, sizeof bytes)) > begin) {
                size_t size =
                        at - begin < (off_t)sizeof bytes ? (size_t)(at - begin) : sizeof bytes;

                at -= (off_t)size;
                if (pread(log, bytes, size, at) != (ssize_t)size)
                        return begin;
                for (size_t i = size; i-- > 0;)
                        if (bytes[i] == '\n' && at + (off_t)i + 1 < end && lines-- == 1)
                                return at + (off_t)i + 1;
        }
        return begin;
}

/* The first place from `at` on at which a line begins; the end when there is none. */
static off_t next_line(int log, uint64_t at)
{
        const off_t size = size_of(log);
        char bytes[32 << 10];
        ssize_t n;

        if (at == 0 || at >= (uint64_t)size)
                return at == 0 ? 0 : size;
        for (off_t from = (off_t)at - 1;
             (from = next_data(log, from)) >= 0 && (n = pread(log, bytes, sizeof bytes, from)) > 0;
             from += n) {
                const char *end = memchr(bytes, '\n', (size_t)n);

                if (end)
                        return from + (end - bytes) + 1;
        }
        return size;
}

static bool is_in_line(int log, off_t at)
{
        char before;

        return at > 0 && pread(log, &before, 1, at - 1) == 1 && before != '\n';
}

static void find_begin(struct reading *reading)
{
        const struct number *tail = &reading->request->tail;
        off_t begin = 0, end;

        if (reading->since_ns)
                begin = next_line(reading->log, log_times_from(&reading->times, reading->since_ns));
        end = reading->timed
                    ? next_line(reading->log, log_times_to(&reading->times, reading->until_ns))
                    : size_of(reading->log);
        if (end < begin)
                end = begin;
        reading->at = tail->set && tail->value >= 0
                            ? find_tail(reading->log, (uint64_t)tail->value, begin, end)
                            : begin;
        reading->in_line = is_in_line(reading->log, reading->at);
        reading->skips = reading->since_ns && reading->in_line;
}

static int begin_times(struct reading *reading, const struct container *container)
{
        const struct logs_request *request = reading->request;
        int r = 0;

        reading->until_ns = UINT64_MAX;
        reading->timed = request->stamps || request->since || request->until;
        if (request->since)
                r = filter_time(reading->arena, "--since", request->since, &reading->since_ns);
        if (r == 0 && request->until)
                r = filter_time(reading->arena, "--until", request->until, &reading->until_ns);
        if (r == 0 && reading->timed && reading->log >= 0)
                r = log_times_open(reading->arena, container->dir, reading->log, &reading->times);
        return r;
}

/* -- the commands ----------------------------------------------------------------------------------------- */

static bool is_past(uint64_t ns)
{
        struct timespec now;

        return clock_gettime(CLOCK_REALTIME, &now) == 0 &&
               (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec > ns;
}

/* Until its end, and what it wrote before that. */
static int follow(struct reading *reading, const struct container *container)
{
        auto_close process =
                container->status == CONTAINER_STOPPED ? -ESRCH : container_process(container);
        int r = 0;

        while (r == 0 && process >= 0 && !reading->ended && !is_past(reading->until_ns) &&
               process_poll(process, 100) == 0)
                r = read_on(reading);
        return r == 0 ? read_on(reading) : r;
}

int engine_logs(const struct logs_request *request)
{
        auto_arena arena = { 0 };
        struct reading reading = {
                .request = request, .arena = &arena, .out.arena = &arena, .times.notes_file = NO_FD
        };
        auto_close log = NO_FD;
        struct container container;
        int r = store_open(&arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        log = file_open(container.dir, "log", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        if (log == -ENOENT && container.begun) {
                trail_hint("what a container with -d, without -t, writes is kept");
                r =
                        trail(log,
                              "container '%s' has no log: it was in front of somebody, or on a "
                              "terminal",
                              request->container);
        } else if (log == -EAGAIN) {
                trail_hint("try again, or end it: fuser and /proc/locks know who it is");
                r = trail(
                        log,
                        "a process that the log of '%s' was handed to has a lease on it (fcntl(2))",
                        request->container);
        } else if (log < 0 && log != -ENOENT) {
                r =
                        trail(log, "cannot open the log of '%s': %s", request->container,
                              text_errno(log));
        }
        reading.log = log;
        if (r == 0)
                r = begin_times(&reading, &container);
        if (r == 0 && log >= 0) {
                find_begin(&reading);
                r = read_on(&reading);
                if (r == 0 && request->follow)
                        r = follow(&reading, &container);
        }
        log_times_close(&reading.times);
        container_close(&container);
        return r;
}

int engine_rename(const struct rename_request *request)
{
        auto_arena arena = { 0 };
        const struct run_request as_run = { .engine = request->engine, .name = request->name };
        struct run run = { .arena = &arena,
                           .request = &as_run,
                           .containers = store_containers(&arena, &request->engine) };
        auto_close lock = NO_FD;
        struct container container;
        int r = container_check_id(request->name);

        if (r < 0)
                return r;
        r = store_open(&arena, &request->engine, request->container, false, &container);
        if (r < 0)
                return r;
        container_close(&container); /* of two locks the one of names is the first */
        r = run_lock_name(&run, &lock);
        if (r == 0)
                r = store_open(&arena, &request->engine, request->container, true, &container);
        if (r < 0)
                return r;
        r = container_note(&container, "{\"status\":\"renamed\",\"name\":\"%s\"}", request->name);
        container_close(&container);
        return r < 0 ? trail(r, "cannot write the journal of '%s'", request->container) : 0;
}

int engine_port(const struct port_request *request)
{
        auto_arena arena = { 0 };
        struct container container;
        int r = store_open(&arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        container_close(&container);
        return request->port ? trail(-ENOENT,
                                     "container '%s' has not published port %s: no port "
                                     "is",
                                     request->container, request->port)
                             : 0;
}
