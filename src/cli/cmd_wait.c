/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk wait`: block until each container has ended, print its status. */
#include "commands.h"

#include <unistd.h>

static const struct option operands[] = {
        OPERAND(struct wait_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int wait_one(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        int status = 0, r = engine_wait(in->request, &status);

        text_addf(&out, "%d\n", status);
        r = cli_finish_text(r, &out);
        return r < 0 ? r : 1;
}

static int run(struct invocation *in)
{
        struct wait_request *request = in->request;

        return cli_each_name(in, &request->names, wait_one);
}

static const struct example examples[] = {
        { "husk wait web", "print web's exit status once it has ended" },
        { "", "" },
};

const struct command cli_cmd_wait = {
        .name = "wait",
        .summary = "Wait for containers to end, print their exit status",
        .examples = examples,
        .operands = operands,
        .request_size = sizeof(struct wait_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
