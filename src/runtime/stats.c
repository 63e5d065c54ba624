/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a container uses, as runc's `events --stats` tells it.
 *
 * The members are runc's, which are cgroup v1's words; what a host has no file for is left out, or 0
 * where runc has 0. Of a hybrid host the files of v1 are read. No file is needed: a counter that cannot
 * be read is not there. */
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stats {
        struct arena *arena;
        struct json_writer *w;
        const char *const *paths; /* the container's cgroups */
        size_t n;
        bool v2;
};

/* The cgroup that has this file; NULL: none. */
static const char *find(const struct stats *s, const char *file)
{
        for (size_t i = 0; i < s->n; i++)
                if (file_access(arena_format(s->arena, "%s/%s", s->paths[i], file), R_OK) == 0)
                        return s->paths[i];
        return NULL;
}

/* "" when there is none. */
static const char *read_text(const struct stats *s, const char *cgroup, const char *file)
{
        struct text text = { .arena = s->arena };

        if (!cgroup || file_read(
                               s->arena, AT_FDCWD, arena_format(s->arena, "%s/%s", cgroup, file),
                               1 << 20, &text) < 0)
                return "";
        return text_string(&text);
}

/* "max" is the largest number there is. */
static uint64_t read_number(const struct stats *s, const char *cgroup, const char *file)
{
        const char *text = read_text(s, cgroup, file);

        return text_starts(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
}

/* The number behind a word at the beginning of a line: "nr_periods 7". */
static uint64_t keyed(const char *text, const char *key)
{
        size_t size = strlen(key);

        for (const char *line = text; *line; line += strcspn(line, "\n")) {
                line += *line == '\n';
                if (strncmp(line, key, size) == 0 && line[size] == ' ')
                        return strtoull(line + size, NULL, 10);
        }
        return 0;
}

static void put_unless_zero(struct json_writer *w, const char *name, uint64_t value)
{
        if (value)
                json_put_u64(w, name, value);
}

/* -- pressure ------------------------------------------------------------------------------------- */

/* How long the number is that the text begins with, as JSON has them; 0: it is none. */
static size_t number_size(const char *text)
{
        static const char digits[] = "0123456789";
        size_t whole = strspn(text, digits);
        size_t rest = whole && text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;

        if (whole > 1 && text[0] == '0')
                return 0;
        return rest ? whole + 1 + rest : whole;
}

/* A line "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; the averages are numbers as they are. */
static void put_pressure_line(const struct stats *s, const char *text, const char *word)
{
        static const char *const keys[] = { "avg10", "avg60", "avg300", "total" };
        const char *line = strstr(text, word);

        json_open_object(s->w, word);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *key = arena_format(s->arena, " %s=", keys[i]);
                const char *at = line ? strstr(line, key) : NULL;
                size_t size = 0;

                if (at) {
                        at += strlen(key);
                        size = number_size(at);
                }
                json_put_raw(s->w, keys[i], size ? at : "0", size ? size : 1);
        }
        json_close_object(s->w);
}

static void put_pressure(const struct stats *s, const char *file)
{
        const char *text = s->v2 ? read_text(s, find(s, file), file) : "";

        if (!*text)
                return;
        json_open_object(s->w, "psi");
        put_pressure_line(s, text, "some");
        put_pressure_line(s, text, "full");
        json_close_object(s->w);
}

/* -- cpu ------------------------------------------------------------------------------------------ */

/* Column `column` of a table, from line `first` on, as an array. */
static void put_column(
        const struct stats *s, const char *name, const char *text, unsigned column, unsigned first)
{
        bool open = false;

        for (const char *line = text; *line; line += *line == '\n') {
                const char *word = line;

                for (unsigned i = 0; i < column; i++) {
                        word += strcspn(word, " \n");
                        word += *word == ' ';
                }
                if (first > 0) {
                        first--;
                } else if (*word && *word != '\n') {
                        if (!open)
                                json_open_array(s->w, name);
                        open = true;
                        json_put_u64(s->w, NULL, strtoull(word, NULL, 10));
                }
                line += strcspn(line, "\n");
        }
        if (open)
                json_close_array(s->w);
}

/* One line of numbers as lines of one. */
static const char *lines_of(const struct stats *s, const char *text)
{
        char *copy = arena_string(s->arena, text);

        for (char *at = copy; *at; at++)
                if (*at == ' ')
                        *at = '\n';
        return copy;
}

static void put_cpu_v1(const struct stats *s)
{
        const char *acct = find(s, "cpuacct.usage"), *cpu = find(s, "cpu.shares");
        const char *times = read_text(s, acct, "cpuacct.stat"),
                   *stat = read_text(s, cpu, "cpu.stat");
        const char *all = read_text(s, acct, "cpuacct.usage_all");
        uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);

        json_open_object(s->w, "usage");
        put_unless_zero(s->w, "total", read_number(s, acct, "cpuacct.usage"));
        put_column(s, "percpu", lines_of(s, read_text(s, acct, "cpuacct.usage_percpu")), 0, 0);
        put_column(s, "percpu_kernel", all, 2, 1);
        put_column(s, "percpu_user", all, 1, 1);
        json_put_u64(s->w, "kernel", keyed(times, "system") * tick);
        json_put_u64(s->w, "user", keyed(times, "user") * tick);
        json_close_object(s->w);
        json_open_object(s->w, "throttling");
        put_unless_zero(s->w, "periods", keyed(stat, "nr_periods"));
        put_unless_zero(s->w, "throttledPeriods", keyed(stat, "nr_throttled"));
        put_unless_zero(s->w, "throttledTime", keyed(stat, "throttled_time"));
        json_close_object(s->w);
}

static void put_cpu_v2(const struct stats *s)
{
        const char *stat = read_text(s, find(s, "cpu.stat"), "cpu.stat");

        json_open_object(s->w, "usage");
        put_unless_zero(s->w, "total", keyed(stat, "usage_usec") * 1000);
        json_put_u64(s->w, "kernel", keyed(stat, "system_usec") * 1000);
        json_put_u64(s->w, "user", keyed(stat, "user_usec") * 1000);
        json_close_object(s->w);
        json_open_object(s->w, "throttling");
        put_unless_zero(s->w, "periods", keyed(stat, "nr_periods"));
        put_unless_zero(s->w, "throttledPeriods", keyed(stat, "nr_throttled"));
        put_unless_zero(s->w, "throttledTime", keyed(stat, "throttled_usec") * 1000);
        json_close_object(s->w);
}

/* "0-2,5" as [0,1,2,5]. */
static void put_list(const struct stats *s, const char *name, const char *file)
{
        const char *at = read_text(s, find(s, file), file);

        if (*at < '0' || *at > '9')
                return;
        json_open_array(s->w, name);
        while (*at >= '0' && *at <= '9') {
                char *end;
                unsigned long first = strtoul(at, &end, 10), last = first;

                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                for (unsigned long i = first; i <= last && i - first < 65536; i++)
                        json_put_u64(s->w, NULL, i);
                at = end + (*end == ',');
        }
        json_close_array(s->w);
}

static void put_cpuset(const struct stats *s)
{
        static const struct {
                const char *name, *file;
        } flags[] = {
                { "mem_hardwall", "cpuset.mem_hardwall" },
                { "mem_exclusive", "cpuset.mem_exclusive" },
                { "memory_migrate", "cpuset.memory_migrate" },
                { "memory_spread_page", "cpuset.memory_spread_page" },
                { "memory_spread_slab", "cpuset.memory_spread_slab" },
                { "memory_pressure", "cpuset.memory_pressure" },
                { "sched_load_balance", "cpuset.sched_load_balance" },
        };

        const char *cgroup = find(s, "cpuset.cpu_exclusive");
        const char *level = read_text(s, cgroup, "cpuset.sched_relax_domain_level");

        if (!s->v2)
                put_list(s, "cpus", "cpuset.cpus");
        json_put_u64(s->w, "cpu_exclusive", read_number(s, cgroup, "cpuset.cpu_exclusive"));
        if (!s->v2)
                put_list(s, "mems", "cpuset.mems");
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                json_put_u64(s->w, flags[i].name, read_number(s, cgroup, flags[i].file));
        json_put_i64(s->w, "sched_relax_domain_level", strtoll(level, NULL, 10));
}

/* -- memory --------------------------------------------------------------------------------------- */

struct counter {
        uint64_t limit, usage, max, failures;
};

static void put_counter(const struct stats *s, const char *name, const struct counter *counter)
{
        json_open_object(s->w, name);
        json_put_u64(s->w, "limit", counter->limit);
        put_unless_zero(s->w, "usage", counter->usage);
        put_unless_zero(s->w, "max", counter->max);
        json_put_u64(s->w, "failcnt", counter->failures);
        json_close_object(s->w);
}

/* `prefix` is "memory", "memory.memsw" and so on. */
static struct counter counter_v1(const struct stats *s, const char *cgroup, const char *prefix)
{
        return (struct counter){
                read_number(s, cgroup, arena_format(s->arena, "%s.limit_in_bytes", prefix)),
                read_number(s, cgroup, arena_format(s->arena, "%s.usage_in_bytes", prefix)),
                read_number(s, cgroup, arena_format(s->arena, "%s.max_usage_in_bytes", prefix)),
                read_number(s, cgroup, arena_format(s->arena, "%s.failcnt", prefix)),
        };
}

static struct counter counter_v2(const struct stats *s, const char *cgroup, const char *prefix)
{
        return (struct counter){
                .limit = read_number(s, cgroup, arena_format(s->arena, "%s.max", prefix)),
                .usage = read_number(s, cgroup, arena_format(s->arena, "%s.current", prefix)),
                .max = read_number(s, cgroup, arena_format(s->arena, "%s.peak", prefix)),
        };
}

/* v2 counts swap alone, the document and v1 memory and swap together. */
static struct counter add_swap(const struct counter *memory, const struct counter *swap)
{
        return (struct counter){
                .limit = swap->limit == UINT64_MAX || memory->limit == UINT64_MAX
                               ? UINT64_MAX
                               : swap->limit + memory->limit,
                .usage = swap->usage + memory->usage,
        };
}

/* Does a line of that word, `size` bytes, stand before it? Then this one would be a member that is there. */
static bool is_repeated(const char *text, const char *word, size_t size)
{
        for (const char *line = text; line < word; line += strcspn(line, "\n") + 1)
                if (strncmp(line, word, size + 1) == 0)
                        return true;
        return false;
}

static void put_raw(const struct stats *s, const char *stat)
{
        /* Of words with any other bytes two could become one member of the text. */
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

        if (!*stat)
                return;
        json_open_object(s->w, "raw");
        for (const char *line = stat; *line; line += strcspn(line, "\n")) {
                size_t size;

                line += *line == '\n';
                size = strspn(line, letters);
                if (size && line[size] == ' ' && !is_repeated(stat, line, size))
                        json_put_u64(
                                s->w, arena_copy(s->arena, line, size),
                                strtoull(line + size, NULL, 10));
        }
        json_close_object(s->w);
}

static void put_memory(const struct stats *s)
{
        const struct counter none = { 0 };
        const char *cgroup = find(s, s->v2 ? "memory.current" : "memory.usage_in_bytes");
        const char *stat = read_text(s, cgroup, "memory.stat");
        struct counter memory =
                s->v2 ? counter_v2(s, cgroup, "memory") : counter_v1(s, cgroup, "memory");
        struct counter swap = s->v2 ? counter_v2(s, cgroup, "memory.swap")
                                    : counter_v1(s, cgroup, "memory.memsw");
        struct counter kernel = s->v2 ? none : counter_v1(s, cgroup, "memory.kmem");
        struct counter tcp = s->v2 ? none : counter_v1(s, cgroup, "memory.kmem.tcp");

        if (s->v2)
                swap = add_swap(&memory, &swap);
        put_unless_zero(s->w, "cache", keyed(stat, s->v2 ? "file" : "cache"));
        put_counter(s, "usage", &memory);
        put_counter(s, "swap", &swap);
        put_counter(s, "kernel", &kernel);
        put_counter(s, "kernelTCP", &tcp);
        put_raw(s, stat);
        put_pressure(s, "memory.pressure");
}

/* -- disks ---------------------------------------------------------------------------------------- */

struct entry {
        unsigned long major, minor;
        const char *op; /* NULL: none */
        uint64_t value;
};

static void put_entry(const struct stats *s, const struct entry *e)
{
        json_open_object(s->w, NULL);
        put_unless_zero(s->w, "major", e->major);
        put_unless_zero(s->w, "minor", e->minor);
        if (e->op)
                json_put_string(s->w, "op", e->op);
        put_unless_zero(s->w, "value", e->value);
        json_close_object(s->w);
}

/* Lines "8:0 Read 4096", and of v2 "8:0 rbytes=4096 wbytes=0"; a line "Total 4096" is none. */
static bool read_device(const char **at, struct entry *ret_entry)
{
        char *end;

        *ret_entry = (struct entry){ .major = strtoul(*at, &end, 10) };
        if (end == *at || *end != ':')
                return false;
        ret_entry->minor = strtoul(end + 1, &end, 10);
        *at = end + (*end == ' ');
        return *end == ' ';
}

static void put_blkio_v1(const struct stats *s, const char *name, const char *file)
{
        const char *text = read_text(
                s, find(s, "blkio.reset_stats"), arena_format(s->arena, "blkio.bfq.%s", file));
        bool open = false;

        /* BFQ counts only what it schedules: with another scheduler there is but the sum. */
        if (!strchr(text, ':'))
                text = read_text(
                        s, find(s, "blkio.reset_stats"),
                        arena_format(s->arena, "blkio.throttle.%s", file));
        for (const char *line = text; *line; line += strcspn(line, "\n")) {
                struct entry entry;
                size_t size;

                line += *line == '\n';
                if (!read_device(&line, &entry))
                        continue;
                size = strcspn(line, " \n");
                if (line[size] == ' ') {
                        entry.op = arena_copy(s->arena, line, size);
                        line += size + 1;
                }
                entry.value = strtoull(line, NULL, 10);
                if (!open)
                        json_open_array(s->w, name);
                open = true;
                put_entry(s, &entry);
        }
        if (open)
                json_close_array(s->w);
}

/* `suffix` is "bytes" or "ios". */
static void put_io_v2(const struct stats *s, const char *name, const char *suffix)
{
        static const struct {
                char letter;
                const char *op;
        } kinds[] = { { 'r', "Read" }, { 'w', "Write" }, { 'd', "Discard" } };

        bool open = false;

        for (const char *line = read_text(s, find(s, "io.stat"), "io.stat"); *line;
             line += strcspn(line, "\n")) {
                struct entry entry;

                line += *line == '\n';
                if (!read_device(&line, &entry))
                        continue;
                for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                        const char *key = arena_format(s->arena, "%c%s=", kinds[i].letter, suffix);
                        const char *at = strstr(line, key);

                        if (!at || at > line + strcspn(line, "\n"))
                                continue;
                        entry.op = kinds[i].op;
                        entry.value = strtoull(at + strlen(key), NULL, 10);
                        if (!open)
                                json_open_array(s->w, name);
                        open = true;
                        put_entry(s, &entry);
                }
        }
        if (open)
                json_close_array(s->w);
}

static void put_blkio(const struct stats *s)
{
        if (s->v2) {
                put_io_v2(s, "ioServiceBytesRecursive", "bytes");
                put_io_v2(s, "ioServicedRecursive", "ios");
                put_pressure(s, "io.pressure");
                return;
        }
        put_blkio_v1(s, "ioServiceBytesRecursive", "io_service_bytes_recursive");
        put_blkio_v1(s, "ioServicedRecursive", "io_serviced_recursive");
}

/* -- the rest ------------------------------------------------------------------------------------- */

/* A page size is in the name of its files: hugetlb.2MB.usage_in_bytes, hugetlb.2MB.current. */
static void put_huge_pages(const struct stats *s)
{
        static const char start[] = "hugetlb.", end_v1[] = ".limit_in_bytes", end_v2[] = ".max";
        const char *end = s->v2 ? end_v2 : end_v1;

        for (size_t i = 0; i < s->n; i++) {
                DIR *dir = file_list(s->paths[i]);

                for (struct dirent *entry; dir && (entry = readdir(dir));) {
                        size_t size = strlen(entry->d_name), tail = strlen(end);
                        const char *page;
                        struct counter c;

                        if (!text_starts(entry->d_name, start) || size < tail ||
                            !text_equal(entry->d_name + size - tail, end) ||
                            strstr(entry->d_name, ".rsvd."))
                                continue;
                        page = arena_copy(
                                s->arena, entry->d_name + strlen(start),
                                size - strlen(start) - tail);
                        c = s->v2 ? counter_v2(
                                            s, s->paths[i],
                                            arena_format(s->arena, "hugetlb.%s", page))
                                  : counter_v1(
                                            s, s->paths[i],
                                            arena_format(s->arena, "hugetlb.%s", page));
                        json_open_object(s->w, page);
                        put_unless_zero(s->w, "usage", c.usage);
                        put_unless_zero(s->w, "max", c.max);
                        json_put_u64(s->w, "failcnt", c.failures);
                        json_close_object(s->w);
                }
                if (dir)
                        closedir(dir);
        }
}

static void put_pids(const struct stats *s)
{
        const char *cgroup = find(s, "pids.current");
        uint64_t limit = read_number(s, cgroup, "pids.max");

        put_unless_zero(s->w, "current", read_number(s, cgroup, "pids.current"));
        put_unless_zero(s->w, "limit", limit == UINT64_MAX ? 0 : limit);
}

static void put_section(const struct stats *s, const char *name, void (*put)(const struct stats *s))
{
        json_open_object(s->w, name);
        if (put)
                put(s);
        json_close_object(s->w);
}

static void put_cpu(const struct stats *s)
{
        if (s->v2)
                put_cpu_v2(s);
        else
                put_cpu_v1(s);
        put_pressure(s, "cpu.pressure");
}

int container_stats(
        struct arena *arena, const struct container *container, struct json_writer *writer)
{
        struct stats s = { .arena = arena, .w = writer, .v2 = true };

        container_cgroups(arena, container, &s.paths, &s.n);
        if (s.n == 0) {
                trail_hint("what a container uses is counted by its cgroups");
                return trail(-EOPNOTSUPP, "container '%s' has no cgroups", container->id);
        }
        for (size_t i = 0; i < s.n; i++)
                if (file_access(arena_format(arena, "%s/cgroup.controllers", s.paths[i]), F_OK) < 0)
                        s.v2 = false;
        json_open_object(writer, "data");
        put_section(&s, "cpu", put_cpu);
        put_section(&s, "cpuset", put_cpuset);
        put_section(&s, "memory", put_memory);
        put_section(&s, "pids", put_pids);
        put_section(&s, "blkio", put_blkio);
        put_section(&s, "hugetlb", put_huge_pages);
        put_section(&s, "intel_rdt", NULL);
        json_put_null(writer, "network_interfaces");
        json_close_object(writer);
        return 0;
}

int container_watch_memory(
        struct arena *arena, const struct container *container, struct oom_watch *ret_watch)
{
        const char *const *paths;
        size_t n;

        container_cgroups(arena, container, &paths, &n);
        for (size_t i = 0; i < n; i++)
                if (oom_watch_open(paths[i], ret_watch) == 0)
                        return 0;
        return -ENOENT;
}
