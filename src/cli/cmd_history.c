/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk history`: how an image was made. The columns and their template names are docker's. */
#include "commands.h"

#include <string.h>

#define ROW(kind, field, ...) OPTION(struct history_request, kind, field, __VA_ARGS__)
#define AT(field)             offsetof(struct history_entry, field)

static const struct option options[] = {
        ROW(TEXT, format, 0, "format", "FORMAT",
            "table, json or a template such as '{{.CreatedBy}}'", .values = "table json",
            .shown_default = "table"),
        ROW(FLAG, human, 'H', "human", "", "sizes and times as people say them",
            .shown_default = "true"),
        ROW(FLAG, no_trunc, 0, "no-trunc", "", "do not shorten anything"),
        ROW(FLAG, quiet, 'q', "quiet", "", "show ids only"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct history_request, TEXT, image, "IMAGE", "name or id", .required = true,
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static const struct column human_columns[] = {
        { "IMAGE", "ID", COLUMN_TEXT, AT(short_id), false },
        { "CREATED", "CreatedSince", COLUMN_AGO, AT(created_ns), false },
        { "CREATED BY", "CreatedBy", COLUMN_TEXT, AT(created_by), true },
        { "SIZE", "Size", COLUMN_BYTES, AT(size_bytes), false },
        { "COMMENT", "Comment", COLUMN_TEXT, AT(comment), true },
        { "", "CreatedAt", COLUMN_TEXT, AT(created), false },
};

static const struct column exact_columns[] = {
        { "IMAGE", "ID", COLUMN_TEXT, AT(short_id), false },
        { "CREATED AT", "CreatedAt", COLUMN_TEXT, AT(created), false },
        { "CREATED BY", "CreatedBy", COLUMN_TEXT, AT(created_by), true },
        { "SIZE", "Size", COLUMN_I64, AT(size_bytes), false },
        { "COMMENT", "Comment", COLUMN_TEXT, AT(comment), true },
        { "", "CreatedSince", COLUMN_AGO, AT(created_ns), false },
};

enum {
        SHOWN = 45 /* bytes of what made a layer */
};

static int run(struct invocation *in)
{
        const struct history_request *request = in->request;
        struct history_entry *list = NULL;
        struct table table = {
                .columns = request->human ? human_columns : exact_columns,
                .n_columns = ARRAY_SIZE(human_columns),
                .row_size = sizeof *list,
                .format = request->format,
                .quiet = request->quiet,
                .no_trunc = request->no_trunc,
        };
        int r = engine_history(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        for (size_t i = 0; i < table.n_rows; i++) {
                if (request->no_trunc)
                        list[i].short_id = list[i].id;
                else if (strlen(list[i].created_by) > SHOWN)
                        list[i].created_by = arena_format(
                                in->arena, "%.*s\xe2\x80\xa6", SHOWN - 1, list[i].created_by);
        }
        table.rows = list;
        return cli_finish_table(in, &table);
}

static const struct history_request defaults = { .human = true };

static const struct example examples[] = {
        { "husk history alpine", "the steps that made it, the last first" },
        { "husk history --no-trunc --format '{{.CreatedBy}}' alpine", "the commands alone, whole" },
        { "", "" },
};

const struct command cli_cmd_history = {
        .name = "history",
        .summary = "Show how an image was made",
        .description =
                "Show the steps in which an image was made, as far as it tells them, the last "
                "first. SIZE is that of the files of the step's layer.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct history_request),
        .defaults = &defaults,
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run,
};
