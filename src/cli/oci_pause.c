/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci pause` and `resume`. */
#include "commands.h"

static const struct option operands[] = {
        OPERAND(struct oci_id_request, TEXT, id, "ID", "a container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run_pause(struct invocation *in)
{
        return engine_oci_pause(in->request);
}

static int run_resume(struct invocation *in)
{
        return engine_oci_resume(in->request);
}

static const struct example pause_examples[] = {
        { "husk-oci pause web", "stop all of its processes where they are" },
        { "", "" },
};

static const struct example resume_examples[] = {
        { "husk-oci resume web", "let them go on" },
        { "", "" },
};

const struct command cli_oci_pause = {
        .name = "pause",
        .summary = "Stop all processes of a container where they are",
        .description = "Freeze the cgroup of a container and wait until all of its processes stand "
                       "still. They notice nothing of it. A container without a cgroup cannot be "
                       "paused.",
        .examples = pause_examples,
        .operands = operands,
        .request_size = sizeof(struct oci_id_request),
        .group = GROUP_MANAGE,
        .run = run_pause,
};

const struct command cli_oci_resume = {
        .name = "resume",
        .summary = "Let the processes of a paused container go on",
        .examples = resume_examples,
        .operands = operands,
        .request_size = sizeof(struct oci_id_request),
        .group = GROUP_MANAGE,
        .run = run_resume,
};
