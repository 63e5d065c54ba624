/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk images`, `tag`, `rmi` and `prune`. The columns and their template names are docker's. */
#include "commands.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct images_request, kind, field, __VA_ARGS__)
#define AT(field)             offsetof(struct image_info, field)

/* -- images ----------------------------------------------------------------------------------------------- */

static const struct option images_options[] = {
        ROW(FLAG, all, 'a', "all", "", "what is shown anyway: there are no hidden ones"),
        ROW(FLAG, quiet, 'q', "quiet", "", "show ids only"),
        ROW(FLAG, no_trunc, 0, "no-trunc", "", "do not shorten anything"),
        ROW(FLAG, digests, 0, "digests", "", "show digests, too"),
        ROW(TEXTS, filter, 'f', "filter", "FILTER",
            "dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE, "
            "until=TIME; all that are given must hold"),
        ROW(TEXT, format, 0, "format", "FORMAT", "table, json or a template such as '{{.ID}}'",
            .values = "table json", .shown_default = "table"),
        OPTIONS_END,
};

static const struct option images_operands[] = {
        OPERAND(struct images_request, TEXT, name, "NAME[:TAG]", "only these"),
        OPTIONS_END,
};

#define COLUMNS(digest_title)                                                             \
        {                                                                                 \
                { "REPOSITORY", "Repository", COLUMN_TEXT, AT(repository), true },        \
                        { "TAG", "Tag", COLUMN_TEXT, AT(tag), true },                     \
                        { digest_title, "Digest", COLUMN_TEXT, AT(digest), true },        \
                        { "IMAGE ID", "ID", COLUMN_TEXT, AT(short_id), false },           \
                        { "CREATED", "CreatedSince", COLUMN_AGO, AT(created_ns), false }, \
                        { "SIZE", "Size", COLUMN_BYTES, AT(size_bytes), false },          \
                        { "", "CreatedAt", COLUMN_TIME, AT(created_ns), false },          \
                        { "", "Containers", COLUMN_I64, AT(containers), false },          \
        }

static const struct column plain_columns[] = COLUMNS("");
static const struct column digest_columns[] = COLUMNS("DIGEST");

static int put_ids(const struct table *table, struct text *out)
{
        const struct image_info *list = table->rows;

        for (size_t i = 0; i < table->n_rows; i++)
                text_addf(out, "%s\n", table->no_trunc ? list[i].id : list[i].short_id);
        return 0;
}

static int run_images(struct invocation *in)
{
        const struct images_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct image_info *list = NULL;
        struct table table = {
                .columns = request->digests ? digest_columns : plain_columns,
                .n_columns = ARRAY_SIZE(plain_columns),
                .row_size = sizeof *list,
                .format = request->format,
                .no_trunc = request->no_trunc,
        };
        int r = engine_images(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        if (request->quiet && !request->format)
                return cli_finish_text(put_ids(&table, &out), &out);
        for (size_t i = 0; request->no_trunc && i < table.n_rows; i++)
                list[i].short_id = list[i].id;
        return cli_finish_table(in, &table);
}

static const struct example images_examples[] = {
        { "husk images", "every image" },
        { "husk images --filter dangling=true -q", "ids of those without a name" },
        { "husk images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
          "a line of your own making each" },
        { "", "" },
};

const struct command cli_cmd_images = {
        .name = "images",
        .summary = "List images",
        .description =
                "List the images of the store, newest first. SIZE is that of the files of all "
                "layers; images share layers.",
        .examples = images_examples,
        .options = { images_options },
        .operands = images_operands,
        .request_size = sizeof(struct images_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_images,
};

/* -- tag -------------------------------------------------------------------------------------------------- */

static const struct option tag_operands[] = {
        OPERAND(struct tag_request, TEXT, image, "IMAGE", "name or id", .required = true,
                .complete = COMPLETE_IMAGE),
        OPERAND(struct tag_request, TEXT, name, "NAME[:TAG]", "one more name for it",
                .required = true),
        OPTIONS_END,
};

static int run_tag(struct invocation *in)
{
        return engine_tag(in->request);
}

static const struct example tag_examples[] = {
        { "husk tag alpine localhost:5000/base:3", "as another registry is to call it" },
        { "", "" },
};

const struct command cli_cmd_tag = {
        .name = "tag",
        .summary = "Give an image one more name",
        .description = "An image that had that name goes on without.",
        .examples = tag_examples,
        .operands = tag_operands,
        .request_size = sizeof(struct tag_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_tag,
};

/* -- rmi -------------------------------------------------------------------------------------------------- */

static const struct option rmi_options[] = {
        OPTION(struct rmi_request, FLAG, force, 'f', "force", "",
               "all names of it, and also when containers that have ended are made of it"),
        OPTIONS_END,
};

static const struct option rmi_operands[] = {
        OPERAND(struct rmi_request, TEXTS, names, "IMAGE", "names or ids", .required = true,
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static int remove_one(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        int r = engine_rmi(in->request, &out);

        if (r == 0)
                r = cli_print(STDOUT_FILENO, &out);
        return r < 0 ? r : 1;
}

static int run_rmi(struct invocation *in)
{
        struct rmi_request *request = in->request;

        return cli_each_name(in, &request->names, remove_one);
}

static const struct example rmi_examples[] = {
        { "husk rmi alpine", "the name; and the image, if that was its last one" },
        { "husk rmi $(husk images -q --filter dangling=true)", "images without a name" },
        { "", "" },
};

const struct command cli_cmd_rmi = {
        .name = "rmi",
        .summary = "Remove images",
        .description =
                "Remove names of images, and with its last name the image. What other images "
                "or containers need of it stays. An image of which containers are made is "
                "refused, with their names.",
        .examples = rmi_examples,
        .options = { rmi_options },
        .operands = rmi_operands,
        .request_size = sizeof(struct rmi_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_rmi,
};

/* -- prune ------------------------------------------------------------------------------------------------ */

static const struct option prune_options[] = {
        OPTION(struct prune_request, FLAG, all, 'a', "all", "",
               "also those that have a name but no container"),
        OPTION(struct prune_request, TEXTS, filter, 0, "filter", "FILTER",
               "only those: until=24h (made before), label=KEY[=VALUE], label!=KEY[=VALUE]"),
        OPTION(struct prune_request, FLAG, force, 'f', "force", "", "nothing is asked anyway"),
        OPTIONS_END,
};

static int run_prune(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        uint64_t bytes;
        int r = engine_image_prune(in->request, &out, &bytes);

        if (r < 0)
                return r;
        text_add(&out, "Total reclaimed space: ");
        cli_put_bytes(&out, bytes);
        text_add(&out, "\n");
        return cli_print(STDOUT_FILENO, &out);
}

static const struct example prune_examples[] = {
        { "husk prune", "images that have lost their name" },
        { "husk prune --all", "all that no container was made of" },
        { "husk image prune --all --filter until=240h", "of these the ones older than ten days" },
        { "", "" },
};

const struct command cli_cmd_prune = {
        .name = "prune",
        .summary = "Remove images that nothing uses",
        .description =
                "Remove images that have no name and of which no container is made. Containers "
                "and their files stay as they are.",
        .examples = prune_examples,
        .options = { prune_options },
        .request_size = sizeof(struct prune_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_prune,
};
