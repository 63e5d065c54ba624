/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk inspect`, `husk image inspect`, `husk container inspect`: all that is known, as one list
 * of JSON objects, or a line of a template for each. What is missing is reported, and the others are shown. */
#include "commands.h"
#include "report.h"
#include "template.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct inspect_request, kind, field, __VA_ARGS__)
#define FORMAT_ROW                                 \
        ROW(TEXT, format, 'f', "format", "FORMAT", \
            "json, on one line, or a template such as '{{.Config.Env}}' or '{{json .State}}'")

static const struct option any_options[] = {
        FORMAT_ROW,
        ROW(CHOICE, type, 0, "type", "TYPE", "of this kind only", .values = "container image",
            .shown_default = "containers first"),
        OPTIONS_END,
};

static const struct option format_options[] = { FORMAT_ROW, OPTIONS_END };

static const struct option any_operands[] = {
        ROW(TEXTS, names, 0, "NAME", "", "names or ids", .required = true,
            .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct option image_operands[] = {
        ROW(TEXTS, names, 0, "IMAGE", "", "names or ids", .required = true,
            .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

/* One object into the list, or one line. */
static int put_one(
        const struct inspect_request *request, struct json_writer *list, const struct text *bytes)
{
        const struct json *value;
        int r = json_parse(list->out->arena, "inspect", text_string(bytes), bytes->len, &value);

        if (r < 0)
                return r;
        if (!request->format || text_equal(request->format, "json")) {
                json_put_value(list, NULL, value);
                return 0;
        }
        r = cli_template_put(list->out, request->format, value);
        text_add_char(list->out, '\n');
        return r;
}

static int run(struct invocation *in)
{
        struct inspect_request *request = in->request;
        const struct words all = request->names;
        const bool is_template = request->format && !text_equal(request->format, "json");
        struct text out = { .arena = in->arena };
        struct json_writer list = { .out = &out, .indent = request->format ? 0 : 4 };
        int r = 0;

        if (is_template && !strstr(request->format, "{{"))
                return trail(
                        -EINVAL, "--format '%s': expected json or a template with {{.Id}}",
                        request->format);
        if (!is_template)
                json_open_array(&list, NULL);
        for (size_t i = 0; r == 0 && i < all.n; i++) {
                const char *only[] = { all.items[i], NULL };
                struct text bytes = { .arena = in->arena };

                request->names = (struct words){ only, 1 };
                if (engine_inspect(request, &bytes) == 0) {
                        r = put_one(request, &list, &bytes);
                        continue;
                }
                cli_report(in);
                in->exit = in->command->error_exit;
        }
        if (!is_template) {
                json_close_array(&list);
                text_add_char(&out, '\n');
        }
        return r < 0 ? r : cli_print(STDOUT_FILENO, &out);
}

static const struct example any_examples[] = {
        { "husk inspect web", "web's settings and state" },
        { "husk inspect --format '{{.State.Pid}}' web", "one of them" },
        { "", "" },
};

const struct command cli_cmd_inspect = {
        .name = "inspect",
        .summary = "Show everything about containers or images, as JSON",
        .description =
                "Show everything that is known about containers and images, under docker's names "
                "where docker has one. A container's own document, OCIConfig, comes last.",
        .examples = any_examples,
        .options = { any_options },
        .operands = any_operands,
        .request_size = sizeof(struct inspect_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run,
};

static const struct inspect_request container_defaults = { .type = "container" };

static const struct example container_examples[] = {
        { "husk container inspect --format '{{.State.Status}}' web", "is it running?" },
        { "", "" },
};

const struct command cli_cmd_container_inspect = {
        .name = "container inspect",
        .summary = "Show everything about containers, as JSON",
        .examples = container_examples,
        .options = { format_options },
        .operands = any_operands,
        .request_size = sizeof(struct inspect_request),
        .defaults = &container_defaults,
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run,
};

static const struct inspect_request image_defaults = { .type = "image" };

static const struct example image_examples[] = {
        { "husk image inspect alpine", "its settings, names and layers" },
        { "husk image inspect --format '{{json .Config.Env}}' alpine", "one of them" },
        { "", "" },
};

const struct command cli_cmd_image_inspect = {
        .name = "image inspect",
        .summary = "Show everything about images, as JSON",
        .examples = image_examples,
        .options = { format_options },
        .operands = image_operands,
        .request_size = sizeof(struct inspect_request),
        .defaults = &image_defaults,
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run,
};
