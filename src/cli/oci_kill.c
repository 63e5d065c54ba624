/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci kill`. */
#include "commands.h"

#include <signal.h>

static const struct option options[] = {
        OPTION(struct oci_kill_request, FLAG, all, 'a', "all", "",
               "to all of its processes, whatever state it is in"),
        OPTION(struct oci_kill_request, FLAG, regex, 'r', "regex", "",
               "ID is a regular expression: all containers that it matches"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_kill_request, TEXT, id, "ID", "a container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPERAND(struct oci_kill_request, SIGNAL, signal, "SIGNAL", "name or number"),
        OPTIONS_END,
};

static const struct oci_kill_request defaults = { .signal = SIGTERM };

static int run(struct invocation *in)
{
        return engine_oci_kill(in->request);
}

static const struct example examples[] = {
        { "husk-oci kill web KILL", "end it" },
        { "husk-oci kill --regex '^web-' HUP", "all whose ids begin with web-" },
        { "", "" },
};

const struct command cli_oci_kill = {
        .name = "kill",
        .summary = "Send a signal to a container",
        .description = "Send a signal to the first process of a container; SIGTERM unless another "
                       "is named. KILL goes to all of its processes when they have no pid "
                       "namespace of their own, where the end of the first is the end of all.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_kill_request),
        .defaults = &defaults,
        .group = GROUP_MANAGE,
        .run = run,
};
