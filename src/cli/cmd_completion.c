/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `completion` of both faces. */
#include "commands.h"
#include "completion.h"

struct completion_request {
        const char *shell;
};

static const struct option operands[] = {
        OPERAND(struct completion_request, CHOICE, shell, "SHELL", "the shell", .required = true,
                .values = "bash zsh fish"),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        const struct completion_request *request = in->request;
        struct text out = { .arena = in->arena };

        return cli_finish_text(cli_completion_put(&out, in->face, request->shell), &out);
}

static const struct example examples[] = {
        { "source <(husk completion bash)", "complete in this bash" },
        { "husk completion fish > ~/.config/fish/completions/husk.fish", "complete in fish" },
        { "", "" },
};

const struct command cli_cmd_completion = {
        .name = "completion",
        .summary = "Print a completion script for bash, zsh or fish",
        .examples = examples,
        .operands = operands,
        .request_size = sizeof(struct completion_request),
        .group = GROUP_OTHER,
        .no_request = true,
        .run = run,
};
