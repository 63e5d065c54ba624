/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci delete`. */
#include "commands.h"

static const struct option options[] = {
        OPTION(struct oci_delete_request, FLAG, force, 'f', "force", "",
               "kill it first if it runs; no error if there is none"),
        OPTION(struct oci_delete_request, FLAG, regex, 'r', "regex", "",
               "ID is a regular expression: all containers that it matches"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_delete_request, TEXT, id, "ID", "a container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        return engine_oci_delete(in->request);
}

const struct command cli_oci_delete = {
        .name = "delete",
        .summary = "Delete what a stopped container holds",
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_delete_request),
        .group = GROUP_MANAGE,
        .run = run,
};
