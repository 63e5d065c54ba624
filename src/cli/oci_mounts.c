/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci mounts add` and `mounts remove`. crun's words; runc has none. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct oci_mounts_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, explain, 0, "explain", "", "show what would be done, without doing it"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_mounts_request, CHOICE, action, "add|remove", "what to do",
                .values = "add remove", .required = true),
        OPERAND(struct oci_mounts_request, TEXT, id, "ID", "a container that runs",
                .required = true, .complete = COMPLETE_CONTAINER),
        OPERAND(struct oci_mounts_request, TEXT, file, "FILE", "the mounts, as JSON",
                .required = true, .complete = COMPLETE_FILE),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        struct oci_mounts_request *request = in->request;
        struct text out = { .arena = in->arena };

        request->remove = text_equal(request->action, "remove");
        return cli_finish_text(engine_oci_mounts(request, &out), &out);
}

static const struct example examples[] = {
        { "husk-oci mounts add web mounts.json", "mount what the file says in the container web" },
        { "husk-oci mounts remove web mounts.json", "and take it away again" },
        { "husk-oci mounts --explain add web mounts.json", "only show the operations" },
        { "", "" },
};

const struct command cli_oci_mounts = {
        .enters = true,
        .name = "mounts",
        .summary = "Add mounts to a running container, or remove them",
        .description =
                "FILE holds mounts as config.json has them: an array, an object with a member "
                "\"mounts\", or a single one. They are added all or none. Of those to remove only "
                "the destination is read, and only what was added this way is removed: what the "
                "container was made with, or has mounted itself, stays.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_mounts_request),
        .group = GROUP_MANAGE,
        .run = run,
};
