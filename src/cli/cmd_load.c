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
        .summary = "Get images from an archive",
        .description =
                "Read an archive of docker save, or an OCI image layout in a tar file, and keep its "
                "images under the names that it has for them. The archive may be compressed by gzip "
                "or zstd.",
        .examples = load_examples,
        .options = { load_options },
        .request_size = sizeof(struct load_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_load,
};

/* -- save ------------------------------------------------------------------------------------------------- */

static const struct option save_options[] = {
        OPTION(struct save_request, TEXT, output, 'o', "output", "FILE",
               "write this file; with oci-dir this directory", .shown_default = "standard output",
               .complete = COMPLETE_FILE),
        OPTION(struct save_request, TEXT, format, 0, "format", "FORMAT",
               "docker's and an image layout in one, a layout alone, or that as a directory",
               .values = "docker-archive oci-archive oci-dir", .shown_default = "docker-archive"),
        OPTIONS_END,
};

static const struct absent save_absent[] = {
        { "compress", 0, "layers go as the store has them" },
        { "uncompressed", 0, "layers go as the store has them" },
        { "multi-image-archive", 'm', "an archive takes several images: leave it out" },
        { "platform", 0, "name the image by its digest: husk images --digests" },
        { "", 0, "" },
};

static const struct option save_operands[] = {
        OPERAND(struct save_request, TEXTS, names, "IMAGE", "names or ids", .required = true,
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static int run_save(struct invocation *in)
{
        const struct save_request *request = in->request;

        if (!request->output && isatty(STDOUT_FILENO) && !text_equal(request->format, "oci-dir")) {
                trail_hint("husk save -o FILE IMAGE");
                return trail(-EINVAL, "standard output is a terminal");
        }
        return engine_save(request);
}

static const struct example save_examples[] = {
        { "husk save -o alpine.tar alpine", "one image" },
        { "husk save alpine tool | docker load", "two, for another engine" },
        { "husk save --format oci-dir -o layout alpine",
          "into an image layout, which may have others already" },
        { "", "" },
};

const struct command cli_cmd_save = {
        .name = "save",
        .summary = "Write images to an archive",
        .description =
                "Write images to one archive, which docker load, podman load and husk load read. It "
                "is an OCI image layout, too. Blobs go as they are, with their digests.",
        .examples = save_examples,
        .options = { save_options },
        .operands = save_operands,
        .absent = save_absent,
        .request_size = sizeof(struct save_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_save,
};
