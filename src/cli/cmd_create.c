/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk create`: the rows of run but those of the client, and the id as the answer. */
#include "commands.h"
#include "terminal.h"

#include <unistd.h>

static int run(struct invocation *in)
{
        struct run_request *request = in->request;
        struct text id = { .arena = in->arena };
        struct cli_progress progress = { .terminal = cli_terminal_width(STDERR_FILENO) > 0 };
        int r = cli_run_finish(in->arena, request);

        if (r < 0)
                return r;
        if (!request->quiet) {
                request->tell = cli_progress_tell;
                request->context = &progress;
        }
        request->id_out = &id;
        r = engine_create(request);
        cli_print_id(STDOUT_FILENO, &id);
        return r;
}

static const struct example examples[] = {
        { "husk create --name web -v /srv:/srv:ro alpine httpd -f",
          "make web, to be started later" },
        { "husk cp site.conf web:/etc/ && husk start web", "with a file that its image has not" },
        { "", "" },
};

const struct command cli_cmd_create = {
        .name = "create",
        .summary = "Make a container that is started later",
        .usage = "IMAGE|host|--rootfs DIR [COMMAND [ARG...]]",
        .description =
                "Make a container from an image or a directory, print its id, and run nothing "
                "in it: husk start does.\n\n"
                "Options end where the image (with --rootfs, the command) begins.",
        .examples = examples,
        .options = { cli_run_options },
        .operands = cli_run_operands,
        .absent = cli_run_absent,
        .request_size = sizeof(struct run_request),
        .defaults = &cli_run_defaults,
        .options_first = true,
        .group = GROUP_RUN,
        .run = run,
};
