/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk exec`: one more process in a running container. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct exec_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, interactive, 'i', "interactive", "", "keep its standard input open"),
        ROW(FLAG, tty, 't', "tty", "", "give it a terminal"),
        ROW(FLAG, detach, 'd', "detach", "", "do not wait for its end"),
        ROW(ENV, env, 'e', "env", "NAME[=VALUE]", "set a variable; NAME alone passes on your own"),
        ROW(TEXTS, env_file, 0, "env-file", "FILE", "variables, one a line",
            .complete = COMPLETE_FILE),
        ROW(FLAG, privileged, 0, "privileged", "", "all capabilities, no filter"),
        ROW(TEXT, workdir, 'w', "workdir", "DIR", "the directory to start in"),
        ROW(USER, user, 'u', "user", "USER[:GROUP]", "names or ids to run as"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct exec_request, TEXT, container, "CONTAINER", "a running container",
                .required = true, .complete = COMPLETE_CONTAINER),
        OPERAND(struct exec_request, TEXTS, argv, "COMMAND", "the command and its arguments",
                .required = true),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        struct exec_request *request = in->request;
        int r = cli_read_files(in->arena, "--env-file", &request->env_file, &request->env);

        return r < 0 ? r : engine_exec(request, &in->exit);
}

static const struct example examples[] = {
        { "husk exec -it web sh", "a shell in the container web" },
        { "husk exec -u 33 -w /srv web ls", "list /srv as the user 33 sees it" },
        { "", "" },
};

const struct command cli_cmd_exec = {
        .enters = true,
        .name = "exec",
        .summary = "Run a command in a running container",
        .usage = "CONTAINER COMMAND [ARG...]",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct exec_request),
        .options_first = true,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .run = run,
};
