/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci features`: engines ask it before they write a config.json. */
#include "commands.h"
#include "runtime/runtime.h"
#include "version.h"

static int run(struct invocation *in)
{
        struct text out = { .arena = in->arena };

        runtime_features(in->arena, HUSK_VERSION, &out);
        return cli_finish_text(0, &out);
}

const struct command cli_oci_features = {
        .name = "features",
        .summary = "Show what this runtime supports, as JSON",
        .description = "Print the features structure of the OCI runtime specification: versions, "
                       "hooks, mount options, and what is there for Linux. It is about husk-oci, "
                       "not about this host; supportedFlags of seccomp alone are asked of the "
                       "kernel.",
        .group = GROUP_LOOK,
        .no_request = true,
        .run = run,
};
