/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk kill`: a signal to the first process of each container. */
#include "commands.h"

#include <signal.h>

static const struct option options[] = {
        OPTION(struct kill_request, SIGNAL, signal, 's', "signal", "SIGNAL",
               "the signal, by name or number", .shown_default = "KILL",
               .values = "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct kill_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct kill_request defaults = { .signal = SIGKILL };

static int kill_one(struct invocation *in)
{
        return engine_kill(in->request);
}

static int run(struct invocation *in)
{
        struct kill_request *request = in->request;

        return cli_each_name(in, &request->names, kill_one);
}

static const struct example examples[] = {
        { "husk kill -s HUP web", "have web read its configuration again" },
        { "", "" },
};

const struct command cli_cmd_kill = {
        .name = "kill",
        .summary = "Send a signal to containers",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct kill_request),
        .defaults = &defaults,
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
