/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci spec`. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct oci_spec_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXT, bundle, 'b', "bundle", "DIR", "the bundle to write it into",
            .shown_default = "this directory", .complete = COMPLETE_DIRECTORY),
        ROW(FLAG, rootless, 0, "rootless", "", "one that works without root's privileges"),
        OPTIONS_END,
};

static const struct oci_spec_request defaults = { .bundle = "." };

static int run(struct invocation *in)
{
        return engine_oci_spec(in->request);
}

const struct command cli_oci_spec = {
        .name = "spec",
        .summary = "Write a config.json to start from",
        .options = { options },
        .request_size = sizeof(struct oci_spec_request),
        .defaults = &defaults,
        .group = GROUP_OTHER,
        .no_state = true,
        .run = run,
};
