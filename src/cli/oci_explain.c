/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci explain`: the plan of a bundle. Not in runc. */
#include "commands.h"
#include "xray/xray.h"

#define ROW(kind, field, ...) OPTION(struct oci_explain_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXT, bundle, 'b', "bundle", "DIR", "the bundle", .shown_default = "this directory",
            .complete = COMPLETE_DIRECTORY),
        ROW(CHOICE, format, 0, "format", "FORMAT", "how to print it", .values = "text json shell",
            .shown_default = "text"),
        OPTIONS_END,
};

static const struct oci_explain_request defaults = { .bundle = ".", .format = "text" };

static int run(struct invocation *in)
{
        const struct oci_explain_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct plan *plan;
        int r = engine_oci_plan(request, in->arena, &plan);

        if (r == 0)
                r = xray_explain(plan, request->format, &out);
        return cli_finish_text(r, &out);
}

const struct command cli_oci_explain = {
        .name = "explain",
        .summary = "Show what run would do, without doing it",
        .description = "Print the plan of a bundle: every kernel operation in its order, and the "
                       "place in config.json that asks for it. Nothing is done.",
        .options = { options },
        .request_size = sizeof(struct oci_explain_request),
        .defaults = &defaults,
        .group = GROUP_LOOK,
        .no_state = true,
        .run = run,
};
