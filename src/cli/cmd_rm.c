/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk rm`: one name at a time, so that one failure does not keep the
 * others. */
#include "commands.h"

static const struct option options[] = {
        OPTION(struct rm_request, FLAG, force, 'f', "force", "", "kill it first if it runs"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct rm_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int remove_one(struct invocation *in)
{
        return engine_rm(in->request);
}

static int run(struct invocation *in)
{
        struct rm_request *request = in->request;

        return cli_each_name(in, &request->names, remove_one);
}

static const struct example examples[] = {
        { "husk rm -f web", "end web if it runs, and remove it" },
        { "", "" },
};

const struct command cli_cmd_rm = {
        .name = "rm",
        .summary = "Remove containers",
        .description = "Remove containers and what they have written. Prints the name of each "
                       "that is gone.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct rm_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
