/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk run`: its rows (run_options.c) to a request, and what it has to print. */
#include "commands.h"
#include "terminal.h"

#include <unistd.h>

static int run(struct invocation *in)
{
        struct run_request *request = in->request;
        struct text id = { .arena = in->arena }, timing = { .arena = in->arena };
        struct cli_progress progress = { .terminal = cli_terminal_width(STDERR_FILENO) > 0 };
        int r = cli_run_finish(in->arena, request);

        if (r < 0)
                return r;
        if (!request->quiet) {
                request->tell = cli_progress_tell;
                request->context = &progress;
        }
        request->id_out = request->detach ? &id : NULL;
        request->timing_out = request->timing ? &timing : NULL;
        r = engine_run(request, &in->exit);
        cli_print_id(STDOUT_FILENO, &id);
        cli_print(STDERR_FILENO, &timing);
        return r;
}

static const struct example examples[] = {
        { "husk run --rm -it alpine",
          "what the image says, on a terminal; fetched when it is missing" },
        { "husk run --rm -it host sh", "a shell in a throw-away container" },
        { "husk run -d --name web --rootfs /srv/web /bin/httpd",
          "a server from a directory, in the background" },
        { "husk run --rm --memory 256m --cpus 0.5 host make",
          "a build that may take half a processor and 256 MiB" },
        { "", "" },
};

const struct command cli_cmd_run = {
        .enters = true,
        .name = "run",
        .summary = "Make a container and run a command in it",
        .usage = "IMAGE|host|--rootfs DIR [COMMAND [ARG...]]",
        .description =
                "Make a container from an image or a directory and run a command in it. "
                "The image 'host' is a read-only view of this system's own programs; an image of "
                "that name in a registry is docker.io/library/host.\n\n"
                "Options end where the image (with --rootfs, the command) begins.",
        .examples = examples,
        .options = { cli_run_options, cli_run_client_options },
        .operands = cli_run_operands,
        .absent = cli_run_absent,
        .request_size = sizeof(struct run_request),
        .defaults = &cli_run_defaults,
        .options_first = true,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .run = run,
};
