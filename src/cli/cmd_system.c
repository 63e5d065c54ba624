/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk system df` and `husk system check`. The columns and their template names are docker's. */
#include "commands.h"

#include <unistd.h>

/* -- df --------------------------------------------------------------------------------------------------- */

static const struct option df_options[] = {
        OPTION(struct usage_request, TEXT, format, 0, "format", "FORMAT",
               "table, json or a template such as '{{.Type}} {{.Bytes}}'", .values = "table json",
               .shown_default = "table"),
        OPTION(struct usage_request, FLAG, verbose, 'v', "verbose", "", "each image and container"),
        OPTIONS_END,
};

struct sum_row {
        const char *type;
        uint64_t total, active, bytes;
        const char *reclaimable;
};

#define AT(field) offsetof(struct sum_row, field)

static const struct column sum_columns[] = {
        { "TYPE", "Type", COLUMN_TEXT, AT(type), false },
        { "TOTAL", "TotalCount", COLUMN_I64, AT(total), false },
        { "ACTIVE", "Active", COLUMN_I64, AT(active), false },
        { "SIZE", "Size", COLUMN_BYTES, AT(bytes), false },
        { "RECLAIMABLE", "Reclaimable", COLUMN_TEXT, AT(reclaimable), false },
        { "", "Bytes", COLUMN_I64, AT(bytes), false },
};

#undef AT
#define AT(field) offsetof(struct disk_image, field)

static const struct column image_columns[] = {
        { "REPOSITORY", "Repository", COLUMN_TEXT, AT(info.repository), true },
        { "TAG", "Tag", COLUMN_TEXT, AT(info.tag), true },
        { "IMAGE ID", "ID", COLUMN_TEXT, AT(info.short_id), false },
        { "CREATED", "CreatedSince", COLUMN_AGO, AT(info.created_ns), false },
        { "SIZE", "Size", COLUMN_BYTES, AT(size_bytes), false },
        { "SHARED SIZE", "SharedSize", COLUMN_BYTES, AT(shared_bytes), false },
        { "UNIQUE SIZE", "UniqueSize", COLUMN_BYTES, AT(unique_bytes), false },
        { "CONTAINERS", "Containers", COLUMN_I64, AT(containers), false },
};

#undef AT
#define AT(field) offsetof(struct disk_container, field)

static const struct column container_columns[] = {
        { "CONTAINER ID", "ID", COLUMN_ID, AT(info.id), false },
        { "IMAGE", "Image", COLUMN_TEXT, AT(info.image), true },
        { "COMMAND", "Command", COLUMN_QUOTED, AT(info.command), true },
        { "SIZE", "Size", COLUMN_BYTES, AT(size_bytes), false },
        { "CREATED", "RunningFor", COLUMN_AGO, AT(info.created_ns), false },
        { "STATUS", "Status", COLUMN_TEXT, AT(info.status_text), false },
        { "NAMES", "Names", COLUMN_TEXT, AT(info.name), false },
};

#undef AT

static struct sum_row sum_row(struct arena *arena, const char *type, const struct disk_sum *sum)
{
        struct text words = { .arena = arena };

        cli_put_bytes(&words, sum->reclaimable_bytes);
        if (sum->bytes)
                text_addf(
                        &words, " (%llu%%)",
                        (unsigned long long)(sum->reclaimable_bytes * 100 / sum->bytes));
        return (struct sum_row){ type, sum->total, sum->active, sum->bytes, text_string(&words) };
}

static int print_words(struct invocation *in, const char *words)
{
        struct text out = { .arena = in->arena };

        text_add(&out, words);
        return cli_print(STDOUT_FILENO, &out);
}

/* Both lists as one object, which is docker's form of it. */
static int put_each(struct invocation *in, struct table *images, struct table *containers)
{
        struct table *const tables[] = { images, containers };
        static const char *const names[] = { "Images", "Containers" };
        struct text out = { .arena = in->arena };
        struct json_writer w = { .out = &out };
        int r = 0;

        json_open_object(&w, NULL);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tables); i++) {
                struct text list = { .arena = in->arena };

                tables[i]->format = "json";
                tables[i]->json_array = true;
                r = cli_put_table(&list, tables[i]);
                json_put_raw(&w, names[i], text_string(&list), list.len - (list.len > 0));
        }
        json_close_object(&w);
        text_add_char(&out, '\n');
        return r < 0 ? r : cli_print(STDOUT_FILENO, &out);
}

static int show_each(struct invocation *in, const struct disk_usage *usage, bool json)
{
        struct table images = { .columns = image_columns,
                                .n_columns = ARRAY_SIZE(image_columns),
                                .rows = usage->image_list,
                                .n_rows = usage->n_images,
                                .row_size = sizeof *usage->image_list };
        struct table containers = { .columns = container_columns,
                                    .n_columns = ARRAY_SIZE(container_columns),
                                    .rows = usage->container_list,
                                    .n_rows = usage->n_containers,
                                    .row_size = sizeof *usage->container_list };
        int r = json ? put_each(in, &images, &containers)
                     : print_words(in, "Images space usage:\n\n");

        if (json)
                return r;
        if (r == 0)
                r = cli_finish_table(in, &images);
        if (r == 0)
                r = print_words(in, "\nContainers space usage:\n\n");
        return r < 0 ? r : cli_finish_table(in, &containers);
}

static int run_df(struct invocation *in)
{
        const struct usage_request *request = in->request;
        struct disk_usage usage;
        struct sum_row rows[2];
        struct table table = { .columns = sum_columns,
                               .n_columns = ARRAY_SIZE(sum_columns),
                               .rows = rows,
                               .n_rows = ARRAY_SIZE(rows),
                               .row_size = sizeof *rows,
                               .format = request->format };
        bool json = request->format && (text_equal(request->format, "json") ||
                                        text_equal(request->format, "{{json .}}"));
        int r;

        if (request->verbose && request->format && !json)
                return trail(
                        -EINVAL,
                        "--verbose has a form of its own: of --format, json alone goes with it");
        r = engine_usage(request, in->arena, &usage);
        if (r < 0 || request->verbose)
                return r < 0 ? r : show_each(in, &usage, json);
        rows[0] = sum_row(in->arena, "Images", &usage.images);
        rows[1] = sum_row(in->arena, "Containers", &usage.containers);
        return cli_finish_table(in, &table);
}

static const struct example df_examples[] = {
        { "husk system df", "what images and containers take of the disk" },
        { "husk system df --verbose", "each of them, and what images share" },
        { "", "" },
};

const struct command cli_cmd_system_df = {
        .name = "system df",
        .summary = "Show what images and containers take of the disk",
        .description =
                "Show what images and containers take of the disk, as du(1) counts: blocks, and each file "
                "once. RECLAIMABLE is what would be free without images of which no container is made, and "
                "without containers that have ended.",
        .examples = df_examples,
        .options = { df_options },
        .request_size = sizeof(struct usage_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_df,
};

/* -- check ------------------------------------------------------------------------------------------------ */

static const struct option check_options[] = {
        OPTION(struct check_request, FLAG, quick, 'q', "quick", "",
               "neither read blobs to compare their digests, nor layers"),
        OPTION(struct check_request, FLAG, repair, 'r', "repair", "",
               "remove what is broken, so that the next pull fetches it"),
        OPTIONS_END,
};

static int run_check(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        size_t findings;
        int r = engine_check(in->request, &out, &findings);

        if (findings)
                in->exit = in->command->error_exit;
        if (out.len && cli_print(STDOUT_FILENO, &out) < 0)
                return -EPIPE;
        return r;
}

static const struct example check_examples[] = {
        { "husk system check",
          "a line for each thing that is wrong; exit status 1 if there is one" },
        { "husk system check --repair", "and remove it: then husk pull" },
        { "", "" },
};

const struct command cli_cmd_system_check = {
        .name = "system check",
        .summary = "Look whether all images are whole",
        .description =
                "Look whether all blobs of all images are there and have their digests, whether their "
                "layers are unpacked, and whether containers have what they need. Layers that are kept as images "
                "are made once more from their blobs and compared. Prints a line for each thing that is wrong, and "
                "ends with 1 if there is one.",
        .examples = check_examples,
        .options = { check_options },
        .request_size = sizeof(struct check_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_check,
};
