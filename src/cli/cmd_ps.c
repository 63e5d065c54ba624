/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk ps`. The columns and their template names are docker's. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct ps_request, kind, field, __VA_ARGS__)
#define AT(field)             offsetof(struct container_info, field)

static const struct option options[] = {
        ROW(FLAG, all, 'a', "all", "", "show those that have ended, too"),
        ROW(FLAG, quiet, 'q', "quiet", "", "show ids only"),
        ROW(FLAG, no_trunc, 0, "no-trunc", "", "do not shorten anything"),
        ROW(TEXT, format, 0, "format", "FORMAT", "table, json or a template such as '{{.Names}}'",
            .values = "table json", .shown_default = "table"),
        OPTIONS_END,
};

static const struct column columns[] = {
        { "CONTAINER ID", "ID", COLUMN_ID, AT(id), false },
        { "IMAGE", "Image", COLUMN_TEXT, AT(image), true },
        { "COMMAND", "Command", COLUMN_QUOTED, AT(command), true },
        { "CREATED", "RunningFor", COLUMN_AGO, AT(created_ns), false },
        { "STATUS", "Status", COLUMN_TEXT, AT(status_text), false },
        { "NAMES", "Names", COLUMN_TEXT, AT(name), false },
        { "", "State", COLUMN_TEXT, AT(status), false },
        { "", "CreatedAt", COLUMN_TIME, AT(created_ns), false },
        { "", "Pid", COLUMN_I64, AT(pid), false },
        { "", "ExitCode", COLUMN_INT, AT(exit_code), false },
};

static int run(struct invocation *in)
{
        const struct ps_request *request = in->request;
        struct container_info *list = NULL;
        struct table table = {
                .columns = columns,
                .n_columns = ARRAY_SIZE(columns),
                .row_size = sizeof *list,
                .format = request->format,
                .quiet = request->quiet,
                .no_trunc = request->no_trunc,
        };
        int r = engine_ps(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        return cli_finish_table(in, &table);
}

static const struct example examples[] = {
        { "husk ps -a", "every container, also those that have ended" },
        { "husk rm $(husk ps -aq)", "remove all that have ended" },
        { "husk ps --format '{{.Names}}: {{.Status}}'", "a line of your own making each" },
        { "", "" },
};

const struct command cli_cmd_ps = {
        .name = "ps",
        .alias = "ls",
        .summary = "List containers",
        .description = "List the running containers, newest first.",
        .examples = examples,
        .options = { options },
        .request_size = sizeof(struct ps_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
