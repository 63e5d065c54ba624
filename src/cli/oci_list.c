/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci list`. Columns and JSON members are runc's. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct oci_list_request, kind, field, __VA_ARGS__)
#define AT(field)             offsetof(struct oci_container_info, field)

static const struct option options[] = {
        ROW(TEXT, format, 'f', "format", "FORMAT", "table, json or a template such as '{{.id}}'",
            .values = "table json", .shown_default = "table"),
        ROW(FLAG, quiet, 'q', "quiet", "", "show ids only"),
        OPTIONS_END,
};

static const struct column columns[] = {
        { "ID", "id", COLUMN_TEXT, AT(id), false },
        { "PID", "pid", COLUMN_I64, AT(pid), false },
        { "STATUS", "status", COLUMN_TEXT, AT(status), false },
        { "BUNDLE", "bundle", COLUMN_TEXT, AT(bundle), true },
        { "CREATED", "created", COLUMN_TEXT, AT(created), false },
        { "OWNER", "owner", COLUMN_TEXT, AT(owner), false },
        { "", "rootfs", COLUMN_TEXT, AT(rootfs), false },
        { "", "ociVersion", COLUMN_TEXT, AT(oci_version), false },
        { "", "annotations", COLUMN_JSON, AT(annotations), false },
};

static const struct oci_list_request defaults = { .format = "table" };

static int run(struct invocation *in)
{
        const struct oci_list_request *request = in->request;
        struct oci_container_info *list = NULL;
        struct table table = {
                .columns = columns,
                .n_columns = ARRAY_SIZE(columns),
                .row_size = sizeof *list,
                .format = request->format,
                .quiet = request->quiet,
                .json_array = true,
        };
        int r = engine_oci_list(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        return cli_finish_table(in, &table);
}

const struct command cli_oci_list = {
        .name = "list",
        .alias = "ls",
        .summary = "List containers",
        .options = { options },
        .request_size = sizeof(struct oci_list_request),
        .defaults = &defaults,
        .group = GROUP_MANAGE,
        .run = run,
};
