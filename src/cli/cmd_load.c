/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk load` and `husk save`: images as files. */
#include "commands.h"
#include "terminal.h"

#include <unistd.h>

/* -- load ------------------------------------------------------------------------------------------------- */

static const struct option load_options[] = {
        OPTION(struct load_request, TEXT, input, 'i', "input", "FILE", "read this file",
               .shown_default = "standard input", .complete = COMPLETE_FILE),
        OPTION(struct load_request, FLAG, quiet, 'q', "quiet", "", "tell nothing but the names"),
        OPTIONS_END,
};

static int run_load(struct invocation *in)
{
        struct load_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct cli_progress progress = { .terminal = cli_terminal_width(STDERR_FILENO) > 0 };

        if (!request->input && isatty(STDIN_FILENO)) {
                trail_hint("husk load -i FILE, or husk load <FILE");
                return trail(-EINVAL, "standard input is a terminal");
        }
        if (!request->quiet) {
                request->tell = cli_progress_tell;
                request->context = &progress;
        }
        return cli_finish_text(engine_load(request, &out), &out);
}

static const struct example load_examples[] = {
        { "husk load -i alpine.tar", "what docker save or husk save has written" },
        { "podman save alpine | husk load", "without a file" },
        { "", "" },
};

const struct command cli_cmd_load = {
        .name = "load",
        .below = "image load",
        .summary = "Get images from an archive",
        .description =
                "Read an archive of docker save, or an OCI image layout in a tar file, and keep its "
                "images under the names that it has for them.",
        .examples = load_examples,
        .options = { load_options },
        .request_size = sizeof(struct load_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_load,
};

/* -- save ------------------------------------------------------------------------------------------------- */

static const struct option save_options[] = {
        OPTION(struct save_request, TEXT, output, 'o', "output", "FILE", "write this file",
               .shown_default = "standard output", .complete = COMPLETE_FILE),
        OPTIONS_END,
};

static const struct option save_operands[] = {
        OPERAND(struct save_request, TEXTS, names, "IMAGE", "names or ids", .required = true,
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static int run_save(struct invocation *in)
{
        const struct save_request *request = in->request;

        if (!request->output && isatty(STDOUT_FILENO)) {
                trail_hint("husk save -o FILE IMAGE");
                return trail(-EINVAL, "standard output is a terminal");
        }
        return engine_save(request);
}

static const struct example save_examples[] = {
        { "husk save -o alpine.tar alpine", "one image" },
        { "husk save alpine tool | docker load", "two, for another engine" },
        { "", "" },
};

const struct command cli_cmd_save = {
        .name = "save",
        .below = "image save",
        .summary = "Write images to an archive",
        .description =
                "Write images to one archive, which docker load, podman load and husk load read. It "
                "is an OCI image layout, too.",
        .examples = save_examples,
        .options = { save_options },
        .operands = save_operands,
        .request_size = sizeof(struct save_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_save,
};
