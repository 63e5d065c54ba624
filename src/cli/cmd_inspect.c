/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk inspect`: all that is known about a container, as JSON. */
#include "commands.h"

static const struct option operands[] = {
        OPERAND(struct inspect_request, TEXT, container, "CONTAINER", "name or id",
                .required = true, .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        struct text out = { .arena = in->arena };

        return cli_finish_text(engine_inspect(in->request, &out), &out);
}

static const struct example examples[] = {
        { "husk inspect web", "web's settings and state" },
        { "", "" },
};

const struct command cli_cmd_inspect = {
        .name = "inspect",
        .summary = "Show everything about a container, as JSON",
        .examples = examples,
        .operands = operands,
        .request_size = sizeof(struct inspect_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run,
};
