/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk rm`: one name at a time, so that one failure does not keep the
 * others; and `husk container prune`, whose words are docker's. */
#include "commands.h"

#include <unistd.h>

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

/* -- prune ------------------------------------------------------------------------------------------------ */

static const struct option prune_options[] = {
        OPTION(struct prune_request, TEXTS, filter, 0, "filter", "FILTER",
               "only those: until=24h (made before), label=KEY[=VALUE], label!=KEY[=VALUE]"),
        OPTION(struct prune_request, FLAG, force, 'f', "force", "", "nothing is asked anyway"),
        OPTIONS_END,
};

static int run_prune(struct invocation *in)
{
        struct text out = { .arena = in->arena }, ids = { .arena = in->arena };
        uint64_t bytes = 0;
        int r = engine_container_prune(in->request, &ids, &bytes);

        if (r < 0)
                return r;
        if (ids.len)
                text_addf(&out, "Deleted Containers:\n%s\n", text_string(&ids));
        text_add(&out, "Total reclaimed space: ");
        cli_put_bytes(&out, bytes);
        text_add(&out, "\n");
        return cli_print(STDOUT_FILENO, &out);
}

static const struct example prune_examples[] = {
        { "husk container prune", "all that have ended, or were never started" },
        { "husk container prune --filter until=24h --filter label!=keep",
          "of these the ones made a day ago or earlier, but not those that are to be kept" },
        { "", "" },
};

const struct command cli_cmd_container_prune = {
        .name = "container prune",
        .summary = "Remove containers that do not run",
        .description =
                "Remove containers that have ended or were never started, and what they have written. "
                "Prints their ids, and what they took of the disk.",
        .examples = prune_examples,
        .options = { prune_options },
        .request_size = sizeof(struct prune_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run_prune,
};
