/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk stop`: ask, wait, then kill. */
#include "commands.h"

static const struct option options[] = {
        OPTION(struct stop_request, SECONDS, timeout_s, 't', "time", "SECONDS",
               "how long to wait before it is killed; -1: for ever",
               .shown_default = "that of its --stop-timeout, else 10"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct stop_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct stop_request defaults = { .timeout_s = STOP_TIMEOUT_UNSET };

static int stop_one(struct invocation *in)
{
        return engine_stop(in->request);
}

static int run(struct invocation *in)
{
        struct stop_request *request = in->request;

        return cli_each_name(in, &request->names, stop_one);
}

static const struct example examples[] = {
        { "husk stop -t 2 web", "give web two seconds to end" },
        { "", "" },
};

const struct command cli_cmd_stop = {
        .name = "stop",
        .summary = "Stop containers: SIGTERM, or their own signal, then SIGKILL",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct stop_request),
        .defaults = &defaults,
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
