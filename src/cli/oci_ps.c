/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci ps` and `husk top`: the processes of one container. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct oci_ps_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(CHOICE, format, 'f', "format", "FORMAT", "table, or json: their pids alone",
            .values = "table json", .shown_default = "table"),
        OPTIONS_END,
};

static const struct option operands[] = {
        ROW(TEXT, id, 0, "ID", "", "a container", .required = true, .complete = COMPLETE_CONTAINER),
        ROW(TEXTS, options, 0, "PS-OPTION", "", "options of ps(1), in place of -ef"),
        OPTIONS_END,
};

static const struct oci_ps_request defaults = { .format = "table" };

static int run(struct invocation *in)
{
        const struct oci_ps_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct top top;
        int r = engine_oci_ps(request, in->arena, &top);

        if (r < 0)
                return r;
        if (top.table) {
                text_add(&out, top.table);
                return cli_finish_text(0, &out);
        }
        for (size_t i = 0; i < top.n; i++)
                text_addf(&out, "%c%d", i ? ',' : '[', top.pids[i]);
        text_add(&out, top.n ? "]\n" : "[]\n");
        return cli_finish_text(0, &out);
}

static const struct example examples[] = {
        { "husk-oci ps web", "its processes, as ps -ef shows them" },
        { "husk-oci ps web -o pid,stat,wchan,args", "what they do and wait for" },
        { "husk-oci ps --format json web", "their pids, for programs" },
        { "", "" },
};

const struct command cli_oci_ps = {
        .name = "ps",
        .summary = "Show the processes of a container",
        .usage = "ID [PS-OPTION...]",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_ps_request),
        .defaults = &defaults,
        .options_first = true,
        .group = GROUP_LOOK,
        .run = run,
};

static const struct option top_operands[] = {
        OPERAND(struct top_request, TEXT, container, "CONTAINER", "a name or id", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPERAND(struct top_request, TEXTS, options, "PS-OPTION",
                "options of ps(1), in place of -ef"),
        OPTIONS_END,
};

static int run_top(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        struct top top;
        int r = engine_top(in->request, in->arena, &top);

        if (r == 0)
                text_add(&out, top.table);
        return cli_finish_text(r, &out);
}

static const struct example top_examples[] = {
        { "husk top web", "its processes, as ps -ef shows them" },
        { "husk top web -o pid,rss,args", "how much memory each has" },
        { "", "" },
};

const struct command cli_cmd_top = {
        .name = "top",
        .summary = "Show the processes of a container",
        .usage = "CONTAINER [PS-OPTION...]",
        .examples = top_examples,
        .operands = top_operands,
        .request_size = sizeof(struct top_request),
        .options_first = true,
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_top,
};
