/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci start` and `state`: the two that take an id and nothing else. */
#include "commands.h"

static const struct option operands[] = {
        OPERAND(struct oci_id_request, TEXT, id, "ID", "a container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run_start(struct invocation *in)
{
        return engine_oci_start(in->request);
}

static int run_state(struct invocation *in)
{
        struct text out = { .arena = in->arena };

        return cli_finish_text(engine_oci_state(in->request, &out), &out);
}

const struct command cli_oci_start = {
        .name = "start",
        .summary = "Start a created container",
        .operands = operands,
        .request_size = sizeof(struct oci_id_request),
        .group = GROUP_RUN,
        .run = run_start,
};

const struct command cli_oci_state = {
        .name = "state",
        .summary = "Show a container's state, as JSON",
        .operands = operands,
        .request_size = sizeof(struct oci_id_request),
        .group = GROUP_LOOK,
        .run = run_state,
};
