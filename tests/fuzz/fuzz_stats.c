/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the files of a cgroup, of either version: what `events` makes of them is JSON. The
 * input's first byte chooses the version; what follows are the files' contents, a NUL between two. */
#include "engine/store.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const files_v1[] = {
        "cpuacct.usage",
        "cpuacct.stat",
        "cpuacct.usage_percpu",
        "cpuacct.usage_all",
        "cpu.shares",
        "cpu.stat",
        "cpuset.cpus",
        "memory.stat",
        "memory.usage_in_bytes",
        "memory.limit_in_bytes",
        "memory.oom_control",
        "pids.current",
        "pids.max",
        "blkio.reset_stats",
        "blkio.throttle.io_service_bytes_recursive",
        "blkio.bfq.io_serviced_recursive",
        "hugetlb.2MB.limit_in_bytes",
        "cgroup.procs",
};

static const char *const files_v2[] = {
        "cgroup.controllers", "cpu.stat",      "cpu.pressure", "cpuset.cpus",     "memory.current",
        "memory.max",         "memory.peak",   "memory.stat",  "memory.swap.max", "memory.events",
        "memory.pressure",    "pids.current",  "pids.max",     "io.stat",         "io.pressure",
        "hugetlb.2MB.max",    "cgroup.events", "cgroup.procs",
};

/* Files that the input is too short for are there, and empty. */
static void write_files(
        const char *directory, const char *const *names, size_t n, const uint8_t *bytes,
        size_t size)
{
        for (size_t i = 0; i < n; i++) {
                const uint8_t *end = size ? memchr(bytes, '\0', size) : NULL;
                size_t length = end ? (size_t)(end - bytes) : size;
                char name[64];

                snprintf(name, sizeof name, "%s/%s", directory, names[i]);
                place_write(name, bytes, length);
                bytes += length + (end != NULL);
                size -= length + (end != NULL);
        }
}

static void ask(const char *directory)
{
        auto_arena arena = { 0 };
        char *line = arena_format(
                &arena, "{\"undo\":\"remove_cgroup\",\"path\":\"%s/%s\"}\n", place, directory);
        struct container container = {
                .id = "c1", .journal = NO_FD, .text = line, .size = strlen(line)
        };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out };
        const struct json *value;
        pid_t *pids;
        size_t n;

        json_open_object(&w, NULL);
        if (container_stats(&arena, &container, &w) < 0)
                __builtin_trap();
        json_close_object(&w);
        if (json_parse(&arena, "stats", text_string(&out), out.len, &value) < 0)
                __builtin_trap();
        container_is_oom_killed(&arena, &container);
        if (container_members(&arena, &container, &pids, &n) == 0)
                for (size_t i = 0; i < n; i++)
                        if (pids[i] <= 0)
                                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        if (!size)
                return 0;
        trail_reset();
        place_get("v1");
        if (bytes[0] % 2) {
                write_files("v1", files_v1, ARRAY_SIZE(files_v1), bytes + 1, size - 1);
                ask("v1");
        } else {
                write_files("v2", files_v2, ARRAY_SIZE(files_v2), bytes + 1, size - 1);
                ask("v2");
        }
        return 0;
}
