/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci events`. The interval is a duration as Go writes it. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct events_words {
        struct oci_events_request request;
        const char *interval;
};

#define ROW(kind, field, ...) OPTION(struct events_words, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXT, interval, 0, "interval", "DURATION", "between two lines of statistics, 1m30s",
            .shown_default = "5s"),
        ROW(FLAG, request.stats, 0, "stats", "", "show the statistics once and end"),
        OPTIONS_END,
};

static const struct option operands[] = {
        ROW(TEXT, request.id, 0, "ID", "", "a running container", .required = true,
            .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct events_words defaults = { .interval = "5s" };

/* "1h2m3.5s", "100ms"; -EINVAL. */
static int parse_duration(const char *text, uint64_t *ret_ns)
{
        static const struct {
                const char *unit;
                double ns;
        } units[] = { { "ns", 1 },  { "us", 1e3 }, { "ms", 1e6 },
                      { "s", 1e9 }, { "m", 6e10 }, { "h", 3.6e12 } };

        double sum = 0;

        do {
                size_t digits = strspn(text, "0123456789."), u = 0;
                double number;
                char *end;

                if (digits == 0 || digits > 20)
                        return -EINVAL;
                number = strtod(text, &end);
                if (end != text + digits)
                        return -EINVAL;
                text = end;
                while (u < ARRAY_SIZE(units) && (!text_starts(text, units[u].unit) ||
                                                 strspn(text, "numsh") != strlen(units[u].unit)))
                        u++;
                if (u == ARRAY_SIZE(units))
                        return -EINVAL;
                sum += number * units[u].ns;
                text += strlen(units[u].unit);
        } while (*text);
        if (sum < 1 || sum > 1e18)
                return -EINVAL;
        *ret_ns = (uint64_t)sum;
        return 0;
}

static int print_line(void *context, const struct text *line)
{
        (void)context;
        return cli_print(STDOUT_FILENO, line);
}

static int run(struct invocation *in)
{
        struct events_words *words = in->request;

        if (parse_duration(words->interval, &words->request.interval_ns) < 0)
                return trail(
                        -EINVAL, "--interval: '%s' is not a duration such as 5s, 100ms or 1m30s",
                        words->interval);
        words->request.each = print_line;
        return engine_oci_events(&words->request);
}

static const struct example examples[] = {
        { "husk-oci events --stats web", "what it uses now, as JSON" },
        { "husk-oci events --interval 1m web", "every minute, and whenever memory runs out" },
        { "", "" },
};

const struct command cli_oci_events = {
        .name = "events",
        .summary = "Show what a container uses, and when its memory runs out",
        .description =
                "Print a line of JSON about what a container uses for every interval, and one "
                "whenever its memory runs out, until it ends. The members are runc's.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct events_words),
        .defaults = &defaults,
        .group = GROUP_LOOK,
        .run = run,
};
