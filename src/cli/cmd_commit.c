/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk commit`, `import` and `export`: images from what containers have, and root file systems
 * as tar files. */
#include "commands.h"
#include "report.h"
#include "terminal.h"

#include <unistd.h>

static int finish(struct invocation *in, int r, const struct pull_result *result)
{
        struct text out = { .arena = in->arena };

        if (r == 0)
                text_addf(&out, "%s\n", result->id);
        return cli_finish_text(r, &out);
}

#define CHANGE_HELP                                                                                        \
        "an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, " \
        "VOLUME or WORKDIR"

/* -- commit ----------------------------------------------------------------------------------------------- */

#define ROW(kind, field, ...) OPTION(struct commit_request, kind, field, __VA_ARGS__)

static const struct option commit_options[] = {
        ROW(TEXT, author, 'a', "author", "NAME", "who made it"),
        ROW(TEXTS, change, 'c', "change", "LINE", CHANGE_HELP),
        ROW(CHOICE, format, 'f', "format", "FORMAT", "the kind of its documents",
            .values = "oci docker", .shown_default = "oci"),
        ROW(TEXT, message, 'm', "message", "TEXT", "what was done, for the image's history"),
        ROW(FLAG, pause, 'p', "pause", "", "stop the container's processes meanwhile",
            .shown_default = "true"),
        ROW(FLAG, quiet, 'q', "quiet", "", "print the id alone, as it is anyway"),
        OPTIONS_END,
};

static const struct option commit_operands[] = {
        ROW(TEXT, container, 0, "CONTAINER", "", "name or id", .required = true,
            .complete = COMPLETE_CONTAINER),
        ROW(TEXT, name, 0, "NAME[:TAG]", "", "what the image is to be called"),
        OPTIONS_END,
};

#undef ROW

static int run_commit(struct invocation *in)
{
        struct pull_result result;
        int r = engine_commit(in->request, in->arena, &result);

        return finish(in, r, &result);
}

static const struct commit_request commit_defaults = { .pause = true };

static const struct example commit_examples[] = {
        { "husk commit web web:fixed",
          "web's image, and what web has changed of it, as a new one" },
        { "husk commit -c 'CMD [\"nginx\", \"-g\", \"daemon off;\"]' -c 'ENV MODE=slow' web web:slow",
          "and what its containers are to run" },
        { "", "" },
};

const struct command cli_cmd_commit = {
        .name = "commit",
        .summary = "Make an image of a container",
        .description =
                "Make an image of a container's image and what the container has changed of it: one more "
                "layer. Command, environment and labels are those of the container. What lies in volumes and "
                "other mounts is no part of it. The container may run; its processes are stopped meanwhile.",
        .examples = commit_examples,
        .options = { commit_options },
        .operands = commit_operands,
        .request_size = sizeof(struct commit_request),
        .defaults = &commit_defaults,
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_commit,
};

/* -- import ----------------------------------------------------------------------------------------------- */

#define ROW(kind, field, ...) OPTION(struct import_request, kind, field, __VA_ARGS__)

static const struct option import_options[] = {
        ROW(TEXTS, change, 'c', "change", "LINE", CHANGE_HELP),
        ROW(TEXT, message, 'm', "message", "TEXT", "what it is, for the image's history"),
        ROW(TEXT, platform, 0, "platform", "PLATFORM", "for whom it is: OS/ARCHITECTURE[/VARIANT]",
            .shown_default = "this machine"),
        ROW(FLAG, quiet, 'q', "quiet", "", "print the id alone, as it is anyway"),
        OPTIONS_END,
};

static const struct option import_operands[] = {
        ROW(TEXT, file, 0, "FILE", "", "a tar file, plain, gzip or zstd; -: standard input",
            .required = true, .complete = COMPLETE_FILE),
        ROW(TEXT, name, 0, "NAME[:TAG]", "", "what the image is to be called"),
        OPTIONS_END,
};

#undef ROW

static int run_import(struct invocation *in)
{
        const struct import_request *request = in->request;
        struct pull_result result;
        int r;

        if (text_equal(request->file, "-") && isatty(STDIN_FILENO)) {
                trail_hint("husk import FILE NAME, or husk import - NAME <FILE");
                return trail(-EINVAL, "standard input is a terminal");
        }
        r = engine_import(request, in->arena, &result);
        return finish(in, r, &result);
}

static const struct example import_examples[] = {
        { "husk import rootfs.tar.gz mine:1", "an image of one layer" },
        { "debootstrap --variant=minbase bookworm dir && tar -C dir -c . | husk import - debian:12",
          "of what another program has made" },
        { "", "" },
};

const struct command cli_cmd_import = {
        .name = "import",
        .summary = "Make an image of a root file system in a tar file",
        .description =
                "Make an image of a tar file, as tar(1) or husk export writes it. The file is kept as "
                "the image's only layer. Archives of images are for husk load.",
        .examples = import_examples,
        .options = { import_options },
        .operands = import_operands,
        .request_size = sizeof(struct import_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_import,
};

/* -- export ----------------------------------------------------------------------------------------------- */

static const struct option export_options[] = {
        OPTION(struct export_request, TEXT, output, 'o', "output", "FILE", "write this file",
               .shown_default = "standard output", .complete = COMPLETE_FILE),
        OPTIONS_END,
};

static const struct option export_operands[] = {
        OPERAND(struct export_request, TEXT, container, "CONTAINER", "name or id", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int run_export(struct invocation *in)
{
        const struct export_request *request = in->request;

        if (!request->output && isatty(STDOUT_FILENO)) {
                trail_hint("husk export -o FILE CONTAINER");
                return trail(-EINVAL, "standard output is a terminal");
        }
        return engine_export(request);
}

static const struct example export_examples[] = {
        { "husk export -o web.tar web", "web's files, whether it runs or not" },
        { "husk export web | tar -t", "their names" },
        { "", "" },
};

const struct command cli_cmd_export = {
        .name = "export",
        .summary = "Write a container's files as a tar file",
        .description =
                "Write a container's whole root, its image's files and what it has changed, as one tar "
                "file. What is mounted in it, volumes too, is no part of that.",
        .examples = export_examples,
        .options = { export_options },
        .operands = export_operands,
        .request_size = sizeof(struct export_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_export,
};
