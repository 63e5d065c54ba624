/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: where the time of a start went.
 *
 * apply stamps the clock after each operation into memory that both processes share. Here the stamps
 * become a waterfall: a row an operation, the bar where it lay between the first operation and the
 * last. A gate that waits is drawn with dots, because waiting is not work. */
#include "plan.h"

#include <string.h>

enum {
        WIDTH = 32
};

struct range {
        uint64_t first, last;
};

static struct range find_range(const struct plan *plan, const struct trace *trace)
{
        struct range range = { UINT64_MAX, 0 };

        for (int actor = 0; actor < ACTORS; actor++) {
                if (trace->begin[actor] && trace->begin[actor] < range.first)
                        range.first = trace->begin[actor];
                for (size_t i = 0; i < plan->list[actor].n && i < ARRAY_SIZE(trace->end[0]); i++)
                        if (trace->end[actor][i] > range.last)
                                range.last = trace->end[actor][i];
        }
        return range;
}

static void draw(struct text *out, struct range whole, struct range one, char mark)
{
        uint64_t span = whole.last > whole.first ? whole.last - whole.first : 1;
        int from = (int)((one.first - whole.first) * WIDTH / span);
        int to = (int)((one.last - whole.first) * WIDTH / span);

        for (int i = 0; i < WIDTH; i++)
                text_add_char(out, i == from || (i > from && i < to) ? mark : ' ');
}

static bool waits(const struct op *op)
{
        return op->code == OP_await_gate || op->code == OP_take_fd;
}

static void row(struct text *out, const struct op *op, struct range whole, struct range one)
{
        struct text words = { .arena = out->arena };
        uint64_t us = (one.last - one.first) / 1000;

        op_print(op, &words);
        text_addf(out, "%6llu us |", (unsigned long long)us);
        draw(out, whole, one, waits(op) ? '.' : '#');
        text_addf(out, "| %.60s\n", text_string(&words));
}

void plan_print_trace(const struct plan *plan, const struct trace *trace, struct text *out)
{
        static const char *const names[ACTORS] = { "host", "init" };
        struct range whole = find_range(plan, trace);
        uint64_t work[ACTORS] = { 0 };

        for (int actor = 0; actor < ACTORS; actor++) {
                uint64_t before = trace->begin[actor];

                text_addf(out, "%s\n", names[actor]);
                for (size_t i = 0; i < plan->list[actor].n && i < ARRAY_SIZE(trace->end[0]); i++) {
                        const struct op *op = &plan->list[actor].ops[i];
                        struct range one = { before, trace->end[actor][i] };

                        /* The exec leaves no stamp: it ends what we can see. */
                        if (!one.last || !before)
                                continue;
                        row(out, op, whole, one);
                        if (!waits(op))
                                work[actor] += one.last - one.first;
                        before = one.last;
                }
        }
        text_addf(
                out,
                "sum: %llu us from the first operation to the last; work: %llu us host, "
                "%llu us init\n",
                (unsigned long long)((whole.last - whole.first) / 1000),
                (unsigned long long)(work[HOST] / 1000), (unsigned long long)(work[INIT] / 1000));
}
