/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: runc's `events`: a line of JSON for every interval, and one for every want of
 * memory, until the container has ended. What happened last is asked once more then, because the first
 * process may have been who was killed for it. */
#include "oci.h"

#include <poll.h>

static int tell(
        const struct oci_events_request *request, const struct container *container,
        const char *type, bool stats)
{
        auto_arena arena = { 0 };
        struct text line = { .arena = &arena };
        struct json_writer w = { .out = &line };
        int r = 0;

        json_open_object(&w, NULL);
        json_put_string(&w, "type", type);
        json_put_string(&w, "id", request->id);
        if (stats)
                r = container_stats(&arena, container, &w);
        if (r < 0)
                return r;
        json_close_object(&w);
        text_add_char(&line, '\n');
        return request->each(request->context, &line);
}

static int milliseconds_until(uint64_t deadline_ns)
{
        uint64_t now = process_clock_ns(), left;

        left = now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;
        return left > 3600000 ? 3600000 : (int)left;
}

static int watch(
        const struct oci_events_request *request, const struct container *container, int process,
        struct oom_watch *memory)
{
        uint64_t next = process_clock_ns() + request->interval_ns;

        for (;;) {
                struct pollfd fds[] = { { .fd = process, .events = POLLIN },
                                        { .fd = memory->fd, .events = memory->events } };
                int r = 0;

                if (poll(fds, ARRAY_SIZE(fds), milliseconds_until(next)) < 0 && errno != EINTR)
                        return -errno;
                if (oom_watch_take(memory) == 1)
                        r = tell(request, container, "oom", false);
                if (r < 0 || fds[0].revents)
                        return r;
                if (process_clock_ns() < next)
                        continue;
                r = tell(request, container, "stats", true);
                if (r < 0)
                        return r;
                next += request->interval_ns;
                if (next < process_clock_ns())
                        next = process_clock_ns() + request->interval_ns;
        }
}

int engine_oci_events(const struct oci_events_request *request)
{
        auto_arena arena = { 0 };
        struct container container;
        struct oom_watch memory = { .fd = NO_FD };
        auto_close process = NO_FD;
        int r = container_open(&arena, request->oci.root, request->id, false, &container);

        if (r < 0)
                return r;
        process = container_process(&container);
        r = container_check_own(&container, "read its cgroups");
        if (r == 0 && (container.status == CONTAINER_STOPPED || process < 0))
                r = trail(-ESRCH, "container not running: '%s'", request->id);
        if (r == 0 && request->stats)
                r = tell(request, &container, "stats", true);
        if (r == 0 && !request->stats) {
                if (container_watch_memory(&arena, &container, &memory) < 0)
                        trail_warn("it has no cgroup that would tell of a want of memory");
                r = watch(request, &container, process, &memory);
        }
        oom_watch_close(&memory);
        container_close(&container);
        return r;
}
