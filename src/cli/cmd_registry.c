/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk registry`, what can be asked of a registry beside images themselves, and `husk search`, as
 * far as podman's means the same: its --list-tags. */
#include "commands.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct registry_request, kind, field, __VA_ARGS__)
#define FORMAT_ROW                                                                     \
        ROW(TEXT, format, 0, "format", "FORMAT",                                       \
            "table, json or a template such as '{{.Digest}}'", .values = "table json", \
            .shown_default = "table")

/* -- tags ------------------------------------------------------------------------------------------------- */

#define TAGS_ROWS                                                                           \
        ROW(U64, limit, 0, "limit", "N", "the first N", .shown_default = "all"),            \
                ROW(FLAG, quiet, 'q', "quiet", "", "show tags only"),                       \
                ROW(TEXT, format, 0, "format", "FORMAT",                                    \
                    "table, json or a template such as '{{.Tag}}'", .values = "table json", \
                    .shown_default = "table"),                                              \
                CLI_REGISTRY_ROWS(struct registry_request, registry)

static const struct option tags_options[] = { TAGS_ROWS, OPTIONS_END };

static const struct option search_options[] = {
        ROW(FLAG, list_tags, 0, "list-tags", "",
            "show the tags of this name, as husk registry tags"),
        TAGS_ROWS,
        OPTIONS_END,
};

static const struct option name_operands[] = {
        OPERAND(struct registry_request, TEXT, name, "NAME", "[REGISTRY/]NAME", .required = true),
        OPTIONS_END,
};

static const struct column tags_columns[] = {
        { "NAME", "Name", COLUMN_TEXT, offsetof(struct tag_info, name), false },
        { "TAG", "Tag", COLUMN_TEXT, offsetof(struct tag_info, tag), false },
};

static int run_tags(struct invocation *in)
{
        const struct registry_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct tag_info *list = NULL;
        struct table table = {
                .columns = tags_columns,
                .n_columns = ARRAY_SIZE(tags_columns),
                .row_size = sizeof *list,
                .format = request->format,
                .no_trunc = true,
        };
        int r = engine_registry_tags(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        if (!request->quiet || request->format)
                return cli_finish_table(in, &table);
        for (size_t i = 0; i < table.n_rows; i++)
                text_addf(&out, "%s\n", list[i].tag);
        return cli_finish_text(0, &out);
}

static int run_search(struct invocation *in)
{
        const struct registry_request *request = in->request;

        if (request->list_tags)
                return run_tags(in);
        trail_hint("husk search --list-tags NAME shows the tags of a name");
        return trail(
                -EOPNOTSUPP, "husk cannot look for names: registries have no way to ask for it");
}

static const struct example tags_examples[] = {
        { "husk registry tags alpine", "of docker.io/library/alpine" },
        { "husk registry tags -q --limit 10 localhost:5000/tool", "the first ten, and no table" },
        { "", "" },
};

static const struct example search_examples[] = {
        { "husk search --list-tags localhost:5000/tool", "what tags it has there" },
        { "", "" },
};

const struct command cli_cmd_registry_tags = {
        .name = "registry tags",
        .summary = "List the tags that a name has in its registry",
        .examples = tags_examples,
        .options = { tags_options },
        .operands = name_operands,
        .request_size = sizeof(struct registry_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_tags,
};

const struct command cli_cmd_search = {
        .name = "search",
        .summary = "List the tags of a name, as podman's --list-tags",
        .examples = search_examples,
        .options = { search_options },
        .operands = name_operands,
        .request_size = sizeof(struct registry_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_search,
};

/* -- referrers -------------------------------------------------------------------------------------------- */

static const struct option referrers_options[] = {
        ROW(TEXT, artifact_type, 0, "artifact-type", "TYPE", "only those of this type"),
        FORMAT_ROW,
        CLI_REGISTRY_ROWS(struct registry_request, registry),
        OPTIONS_END,
};

static const struct option referrers_operands[] = {
        OPERAND(struct registry_request, TEXT, name, "NAME", "[REGISTRY/]NAME[:TAG][@DIGEST]",
                .required = true),
        OPTIONS_END,
};

#define REFERRER(field) offsetof(struct referrer_info, field)

static const struct column referrers_columns[] = {
        { "DIGEST", "Digest", COLUMN_TEXT, REFERRER(digest), false },
        { "ARTIFACT TYPE", "ArtifactType", COLUMN_TEXT, REFERRER(artifact_type), false },
        { "SIZE", "Size", COLUMN_BYTES, REFERRER(size_bytes), false },
        { "", "MediaType", COLUMN_TEXT, REFERRER(media_type), false },
};

static int run_referrers(struct invocation *in)
{
        const struct registry_request *request = in->request;
        struct referrer_info *list = NULL;
        struct table table = {
                .columns = referrers_columns,
                .n_columns = ARRAY_SIZE(referrers_columns),
                .row_size = sizeof *list,
                .format = request->format,
                .no_trunc = true,
        };
        int r = engine_registry_referrers(request, in->arena, &list, &table.n_rows);

        if (r < 0)
                return r;
        table.rows = list;
        return cli_finish_table(in, &table);
}

static const struct example referrers_examples[] = {
        { "husk registry referrers registry.example/tool:1.2",
          "signatures, bills of materials and the like" },
        { "", "" },
};

const struct command cli_cmd_registry_referrers = {
        .name = "registry referrers",
        .summary = "List what refers to an image in its registry",
        .description =
                "List the manifests that refer to this one: signatures, attestations and the like. A "
                "registry that does not know is asked for the index that others keep there under a "
                "tag made of the digest.",
        .examples = referrers_examples,
        .options = { referrers_options },
        .operands = referrers_operands,
        .request_size = sizeof(struct registry_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_referrers,
};

/* -- rm --------------------------------------------------------------------------------------------------- */

static const struct option rm_options[] = {
        CLI_REGISTRY_ROWS(struct registry_request, registry),
        OPTIONS_END,
};

static const struct option rm_operands[] = {
        OPERAND(struct registry_request, TEXTS, names, "NAME", "[REGISTRY/]NAME[:TAG][@DIGEST]",
                .required = true),
        OPTIONS_END,
};

static int remove_one(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        const char *removed;
        int r = engine_registry_remove(in->request, in->arena, &removed);

        if (r < 0)
                return r;
        text_addf(&out, "Removed: %s\n", removed);
        r = cli_print(STDOUT_FILENO, &out);
        return r < 0 ? r : 1;
}

static int run_rm(struct invocation *in)
{
        struct registry_request *request = in->request;

        return cli_each_name(in, &request->names, remove_one);
}

static const struct example rm_examples[] = {
        { "husk registry rm localhost:5000/tool:1.2",
          "the image that this tag means, with all its tags" },
        { "", "" },
};

const struct command cli_cmd_registry_rm = {
        .name = "registry rm",
        .summary = "Remove images from their registry",
        .description =
                "Have the registry forget the manifest that a name means there, and with it every "
                "tag of it. What no other manifest needs the registry may collect some time. Images "
                "of the store stay: see husk rmi.",
        .examples = rm_examples,
        .options = { rm_options },
        .operands = rm_operands,
        .request_size = sizeof(struct registry_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_rm,
};
