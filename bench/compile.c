/* SPDX-License-Identifier: Apache-2.0 */
/* compile CONFIG.json [FACTS.json]: how long a document takes to become a plan (runtime_compile), a plan to be
 * verified (plan_verify), and a text to become a document (spec_parse). A line each: median and
 * minimum of the time, and user-space instructions where the machine counts them. Without FACTS it is
 * a plan for this host. */
#include "runtime/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define ROUNDS 2001

struct subject {
        const char *path, *facts_path;
        struct text text;
        const struct spec *spec;
        struct facts facts;
        struct runtime_options options;
        struct plan *plan;
};

typedef int work(struct arena *arena, struct subject *subject);

static int parse(struct arena *arena, struct subject *s)
{
        const struct spec *spec;

        return spec_parse(arena, s->path, text_string(&s->text), s->text.len, &spec);
}

static int compile(struct arena *arena, struct subject *s)
{
        struct plan *plan;

        return runtime_compile(arena, s->spec, &s->options, &s->facts, &plan);
}

static int verify(struct arena *arena, struct subject *s)
{
        struct plan plan = *s->plan;

        plan.arena = arena;
        return plan_verify(&plan);
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* Of one call, from a counter of the processor: 0 where there is none, as in most guests. */
static uint64_t instructions(work *what, struct subject *subject)
{
        struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
                                        .size = sizeof attr,
                                        .config = PERF_COUNT_HW_INSTRUCTIONS,
                                        .disabled = 1,
                                        .exclude_kernel = 1,
                                        .exclude_hv = 1 };
        auto_close fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
        auto_arena arena = { 0 };
        uint64_t n = 0;

        if (fd < 0)
                return 0;
        arena_alloc(&arena, 1);
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
        what(&arena, subject);
        ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
        return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

/* Each round has an arena of its own, as a command has; its memory is there and zero, as that of a
 * command is before main(). */
static int measure(const char *name, work *what, struct subject *subject)
{
        static uint64_t spent[ROUNDS];
        uint64_t n;

        for (int i = 0; i < ROUNDS; i++) {
                auto_arena arena = { 0 };
                uint64_t start = (arena_alloc(&arena, 1), process_clock_ns());
                int r = what(&arena, subject);

                spent[i] = process_clock_ns() - start;
                if (r < 0)
                        return r;
        }
        qsort(spent, ROUNDS, sizeof *spent, compare);
        printf("%s %.1f us median, %.1f us least", name, (double)spent[ROUNDS / 2] / 1000,
               (double)spent[0] / 1000);
        n = instructions(what, subject);
        if (n)
                printf(", %llu instructions", (unsigned long long)n);
        printf("\n");
        return 0;
}

static int get_facts(struct arena *arena, struct subject *s)
{
        struct text text;
        int r;

        if (!s->facts_path)
                return facts_gather(arena, &s->facts);
        r = file_read(arena, AT_FDCWD, s->facts_path, 1 << 20, &text);
        return r < 0 ? r
                     : facts_parse(arena, s->facts_path, text_string(&text), text.len, &s->facts);
}

static int prepare(struct arena *arena, struct subject *s)
{
        int r = file_read(arena, AT_FDCWD, s->path, 1 << 20, &s->text);

        if (r == 0)
                r = spec_parse(arena, s->path, text_string(&s->text), s->text.len, &s->spec);
        if (r == 0)
                r = get_facts(arena, s);
        s->options = (struct runtime_options){ .id = "bench", .bundle = "/bundle" };
        if (r == 0)
                r = runtime_compile(arena, s->spec, &s->options, &s->facts, &s->plan);
        return r;
}

int main(int argc, char **argv)
{
        auto_arena arena = { 0 };
        struct subject subject = { .path = argc > 1 ? argv[1] : "",
                                   .facts_path = argc > 2 ? argv[2] : NULL };
        int r = prepare(&arena, &subject);

        if (r == 0)
                r = measure("parsed in", parse, &subject);
        if (r == 0)
                r = measure("compiled in", compile, &subject);
        if (r == 0)
                r = measure("verified in", verify, &subject);
        if (r < 0)
                fprintf(stderr, "compile: %s: %s %s\n", subject.path, text_errno(r), trail_text());
        return r < 0;
}
