/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk logs`, `husk rename`, `husk port`.
 *
 * A container in the background writes into one file, by itself: nobody stands between. So there is no time stamp and
 * no difference between its two outputs, and what one that was in front of somebody wrote went to that one. */
#include "run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct reading {
        const struct logs_request *request;
        int log;
        off_t at;
};

/* All that is there from `at` on. */
static int read_on(struct reading *reading)
{
        char bytes[32 << 10];
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = pread(reading->log, bytes, sizeof bytes, reading->at)) != 0) {
                if (n < 0)
                        return errno == EINTR ? 0 : trail(-errno, "cannot read the log");
                reading->at += n;
                r = reading->request->each(reading->request->context, bytes, (size_t)n);
        }
        return r;
}

/* Where the last `lines` begin: counted from the end, of which the last line may have none. */
static off_t find_tail(int log, uint64_t lines)
{
        off_t at = lseek(log, 0, SEEK_END), end = at;
        char bytes[32 << 10];

        if (!lines)
                return end;
        while (at > 0) {
                size_t size = at < (off_t)sizeof bytes ? (size_t)at : sizeof bytes;

                at -= (off_t)size;
                if (pread(log, bytes, size, at) != (ssize_t)size)
                        return 0;
                for (size_t i = size; i-- > 0;)
                        if (bytes[i] == '\n' && at + (off_t)i + 1 < end && lines-- == 1)
                                return at + (off_t)i + 1;
        }
        return 0;
}

/* Until its end, and what it wrote before that. */
static int follow(struct reading *reading, const struct container *container)
{
        auto_close process =
                container->status == CONTAINER_STOPPED ? -ESRCH : container_process(container);
        int r = 0;

        while (r == 0 && process >= 0 && process_poll(process, 100) == 0)
                r = read_on(reading);
        return r == 0 ? read_on(reading) : r;
}

int engine_logs(const struct logs_request *request)
{
        auto_arena arena = { 0 };
        struct reading reading = { .request = request };
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
        } else if (log < 0 && log != -ENOENT) {
                r =
                        trail(log, "cannot open the log of '%s': %s", request->container,
                              text_errno(log));
        }
        reading.log = log;
        if (r == 0 && log >= 0) {
                reading.at = request->tail.set && request->tail.value >= 0
                                   ? find_tail(log, (uint64_t)request->tail.value)
                                   : 0;
                r = read_on(&reading);
                if (r == 0 && request->follow)
                        r = follow(&reading, &container);
        }
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
