/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk start` and `husk restart`. In the background any number, each name printed; in front
 * one, whose exit status is ours. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct start_request, kind, field, __VA_ARGS__)

static const struct option start_options[] = {
        ROW(FLAG, attach, 'a', "attach", "", "show its output, and wait for its end"),
        ROW(FLAG, interactive, 'i', "interactive", "", "the same, and our input is its own"),
        ROW(TEXT, detach_keys, 0, "detach-keys", "KEYS", "keys that leave it running, with -i",
            .shown_default = "ctrl-p,ctrl-q"),
        ROW(FLAG, sig_proxy, 0, "sig-proxy", "", "pass our signals on to it, with -a",
            .shown_default = "true"),
        OPTIONS_END,
};

static const struct option start_operands[] = {
        OPERAND(struct start_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct start_request start_defaults = { .detach_keys = "ctrl-p,ctrl-q",
                                                     .sig_proxy = true };

static int start_one(struct invocation *in)
{
        int exit, r = engine_start(in->request, &exit);

        return r == ENGINE_NO_COMMAND ? -ENOEXEC : r;
}

static int run_start(struct invocation *in)
{
        struct start_request *request = in->request;

        if (!request->attach && !request->interactive)
                return cli_each_name(in, &request->names, start_one);
        if (request->names.n > 1)
                return trail(-EINVAL, "only one container can be attached to");
        return engine_start(request, &in->exit);
}

static const struct example start_examples[] = {
        { "husk start web db", "let both run, in the background" },
        { "husk start -ai shell", "go on with a container that was made by run -it or create -it" },
        { "", "" },
};

const struct command cli_cmd_start = {
        .enters = true,
        .name = "start",
        .summary = "Start containers that were created or have ended",
        .description =
                "Run the command of a container again, or for the first time, with the files "
                "that it has: what it wrote before is there. One that runs already is left "
                "alone.",
        .examples = start_examples,
        .options = { start_options },
        .operands = start_operands,
        .request_size = sizeof(struct start_request),
        .defaults = &start_defaults,
        .group = GROUP_RUN,
        .error_exit = 1,
        .run = run_start,
};

static const struct option restart_options[] = {
        OPTION(struct stop_request, SECONDS, timeout_s, 't', "time", "SECONDS",
               "how long to wait before it is killed; -1: for ever",
               .shown_default = "that of its --stop-timeout, else 10"),
        OPTIONS_END,
};

static const struct option restart_operands[] = {
        OPERAND(struct stop_request, TEXTS, names, "CONTAINER", "names or ids", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct stop_request restart_defaults = { .timeout_s = STOP_TIMEOUT_UNSET };

static int restart_one(struct invocation *in)
{
        return engine_restart(in->request);
}

static int run_restart(struct invocation *in)
{
        struct stop_request *request = in->request;

        return cli_each_name(in, &request->names, restart_one);
}

static const struct example restart_examples[] = {
        { "husk restart -t 2 web", "stop web within two seconds, and start it" },
        { "", "" },
};

const struct command cli_cmd_restart = {
        .enters = true,
        .name = "restart",
        .summary = "Stop containers if they run, and start them",
        .description =
                "Stop each container as husk stop does, and start it in the background as husk "
                "start does.",
        .examples = restart_examples,
        .options = { restart_options },
        .operands = restart_operands,
        .request_size = sizeof(struct stop_request),
        .defaults = &restart_defaults,
        .group = GROUP_RUN,
        .error_exit = 1,
        .run = run_restart,
};
