/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk explain run ...`: the plan of a run, without the run. It takes run's
 * own rows: its request begins with run's, so their offsets hold. */
#include "commands.h"
#include "xray/xray.h"

#include <stddef.h>

_Static_assert(offsetof(struct explain_request, run) == 0, "run's option rows are used here");

static const struct option options[] = {
        OPTION(struct explain_request, CHOICE, format, 0, "format", "FORMAT", "how to print it",
               .values = "text json shell", .shown_default = "text"),
        OPTIONS_END,
};

static const struct explain_request defaults = {
        .run = CLI_RUN_DEFAULTS,
        .format = "text",
};

static int run(struct invocation *in)
{
        struct explain_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct plan *plan;
        int r = cli_run_finish(in->arena, &request->run);

        if (r == 0)
                r = engine_run_plan(&request->run, in->arena, &plan);
        if (r == 0)
                r = xray_explain(plan, request->format, &out);
        return cli_finish_text(r, &out);
}

static const struct example examples[] = {
        { "husk explain run host true", "the operations that make this container" },
        { "husk explain --format shell run --memory 256m host true",
          "the same as a shell script of unshare, mount and echo" },
        { "", "" },
};

const struct command cli_cmd_explain = {
        .name = "explain",
        .summary = "Show what run would do, without doing it",
        .word = "run",
        .usage = "[RUN-OPTIONS] host|--rootfs DIR [COMMAND [ARG...]]",
        .description = "Print the plan of 'husk run' with the same options: every kernel operation "
                       "in its order, and which setting asks for it. Nothing is done.",
        .examples = examples,
        .options = { options, cli_run_options, cli_run_client_options },
        .operands = cli_run_operands,
        .absent = cli_run_absent,
        .request_size = sizeof(struct explain_request),
        .defaults = &defaults,
        .options_first = true,
        .group = GROUP_LOOK,
        .run = run,
};
