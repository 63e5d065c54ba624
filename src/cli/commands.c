/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what several commands do alike. Nothing here knows a command. */
#include "commands.h"

#include "report.h"

#include <time.h>
#include <unistd.h>

int cli_each_name(struct invocation *in, struct words *names, int (*one)(struct invocation *in))
{
        struct words all = *names;

        for (size_t i = 0; i < all.n; i++) {
                struct text line = { .arena = in->arena };
                const char *only[] = { all.items[i], NULL };
                int r;

                *names = (struct words){ only, 1 };
                r = one(in);
                /* A function that prints its own answer has said so with 1. */
                if (r == 0) {
                        text_addf(&line, "%s\n", all.items[i]);
                        r = cli_print(STDOUT_FILENO, &line);
                }
                if (r >= 0)
                        continue;
                cli_report(in);
                in->exit = in->command->error_exit;
        }
        *names = all;
        return 0;
}

int cli_finish_text(int r, const struct text *out)
{
        return r < 0 ? r : cli_print(STDOUT_FILENO, out);
}

int cli_put_table(struct text *out, struct table *table)
{
        struct timespec now = { 0 };

        clock_gettime(CLOCK_REALTIME, &now);
        table->now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        if (!table->no_trunc)
                table->width = cli_terminal_width(STDOUT_FILENO);
        return cli_table_put(out, table);
}

int cli_finish_table(struct invocation *in, struct table *table)
{
        struct text out = { .arena = in->arena };

        return cli_finish_text(cli_put_table(&out, table), &out);
}
