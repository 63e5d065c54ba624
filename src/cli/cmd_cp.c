/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk cp`: options and names are docker's, --overwrite is podman's. */
#include "commands.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct cp_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, archive, 'a', "archive", "", "keep owners, set-id bits and attributes"),
        ROW(FLAG, follow_link, 'L', "follow-link", "", "copy what the symbolic link leads to"),
        ROW(FLAG, overwrite, 0, "overwrite", "",
            "let a directory take the place of a file, and a file that of a directory"),
        ROW(FLAG, quiet, 'q', "quiet", "", "do not tell how much was copied"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct cp_request, TEXT, from, "SOURCE", "what to copy", .required = true,
                .complete = COMPLETE_FILE),
        OPERAND(struct cp_request, TEXT, to, "DESTINATION", "where to", .required = true,
                .complete = COMPLETE_FILE),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        const struct cp_request *request = in->request;
        struct text told = { .arena = in->arena };
        uint64_t bytes;
        int r = engine_cp(request, &bytes);

        if (r < 0 || request->quiet || text_equal(request->to, "-"))
                return r;
        text_add(&told, "Successfully copied ");
        cli_put_bytes(&told, bytes);
        text_addf(&told, " to %s\n", request->to);
        cli_print(STDERR_FILENO, &told);
        return 0;
}

static const struct example examples[] = {
        { "husk cp web:/var/log/site .", "a directory of the container web, into this one" },
        { "husk cp site/. web:/srv", "what is in the directory site, into /srv" },
        { "husk cp web:/etc - | tar t", "as an archive" },
        { "", "" },
};

const struct command cli_cmd_cp = {
        .name = "cp",
        .summary = "Copy files between a container and the host",
        .usage = "CONTAINER:PATH DESTINATION|-  |  SOURCE|- CONTAINER:PATH",
        .description =
                "Copy a file or a directory with all that is in it. The container need not run; its "
                "volumes are among its files.\n\n"
                "Into a directory that is there the copy goes under its own name, and with /. at the "
                "end of the source its contents do; else the destination is its new name. What is "
                "copied into a container belongs to its root, what is copied out of it to you, unless "
                "--archive is said. The archive on standard input (-) is unpacked with the owners that "
                "it says.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct cp_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run,
};
