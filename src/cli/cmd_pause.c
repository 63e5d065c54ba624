/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk pause` and `unpause`. */
#include "commands.h"

static const struct option operands[] = {
        OPERAND(struct pause_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int pause_one(struct invocation *in)
{
        return engine_pause(in->request);
}

static int run_pause(struct invocation *in)
{
        struct pause_request *request = in->request;

        return cli_each_name(in, &request->names, pause_one);
}

static int unpause_one(struct invocation *in)
{
        return engine_unpause(in->request);
}

static int run_unpause(struct invocation *in)
{
        struct pause_request *request = in->request;

        return cli_each_name(in, &request->names, unpause_one);
}

static const struct example pause_examples[] = {
        { "husk pause web", "stop all of its processes where they are" },
        { "", "" },
};

static const struct example unpause_examples[] = {
        { "husk unpause web", "let them go on" },
        { "", "" },
};

const struct command cli_cmd_pause = {
        .name = "pause",
        .summary = "Stop all processes of containers where they are",
        .examples = pause_examples,
        .operands = operands,
        .request_size = sizeof(struct pause_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run_pause,
};

const struct command cli_cmd_unpause = {
        .name = "unpause",
        .summary = "Let the processes of paused containers go on",
        .examples = unpause_examples,
        .operands = operands,
        .request_size = sizeof(struct pause_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run_unpause,
};
