/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk diff`: what a container or image has changed. */
#include "commands.h"

static const struct option options[] = {
        OPTION(struct diff_request, TEXT, format, 0, "format", "FORMAT",
               "table, json or a template such as '{{.Path}}'", .values = "table json",
               .shown_default = "table"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct diff_request, TEXT, container, "CONTAINER|IMAGE", "name or id",
                .required = true, .complete = COMPLETE_CONTAINER),
        OPERAND(struct diff_request, TEXT, other, "IMAGE",
                "what an image is compared with; its own layers below the topmost if none is named",
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static const struct column columns[] = {
        { "", "Kind", COLUMN_CHAR, offsetof(struct diff_entry, kind), false },
        { "", "Path", COLUMN_TEXT, offsetof(struct diff_entry, path), false },
};

static int run(struct invocation *in)
{
        const struct diff_request *request = in->request;
        struct diff_entry *list = NULL;
        const char *format = request->format;
        struct table table = { .columns = columns,
                               .n_columns = ARRAY_SIZE(columns),
                               .row_size = sizeof *list };
        int r = engine_diff(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        /* docker's lines: one space, no titles. */
        table.format = !format || text_equal(format, "table") ? "{{.Kind}} {{.Path}}" : format;
        return cli_finish_table(in, &table);
}

static const struct example examples[] = {
        { "husk diff web", "A lines were added, C changed, D deleted" },
        { "husk diff tool:2", "what the topmost layer of an image has changed" },
        { "husk diff tool:2 tool:1", "what tool:2 has changed of tool:1" },
        { "", "" },
};

const struct command cli_cmd_diff = {
        .name = "diff",
        .summary = "Show what a container or image has changed",
        .description =
                "Show what a container has changed of its image, an image of its layers below the topmost, "
                "or one image of another one. Of a new directory all is listed, of one that is gone the "
                "directory alone.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct diff_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run,
};
