/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `version` of both faces. The second line of husk-oci is what callers of
 * OCI runtimes look for. */
#include "commands.h"
#include "spec/spec.h"
#include "version.h"

void cli_version_put(struct text *out, const struct face *face)
{
        text_addf(out, "%s version %s\n", face->name, HUSK_VERSION);
        if (face == &cli_face_oci)
                text_addf(out, "spec: %s\n", SPEC_VERSION);
}

static int run(struct invocation *in)
{
        struct text out = { .arena = in->arena };

        cli_version_put(&out, in->face);
        return cli_finish_text(0, &out);
}

const struct command cli_cmd_version = {
        .name = "version",
        .summary = "Show the version",
        .group = GROUP_OTHER,
        .no_request = true,
        .run = run,
};
