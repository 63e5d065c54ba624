/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk push`. As with pull, the names are what is printed on standard output, and what goes on
 * meanwhile on standard error. */
#include "commands.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct push_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, all_tags, 'a', "all-tags", "", "all names that the repository has here"),
        ROW(TEXT, platform, 0, "platform", "OS/ARCH", "of several for one name only this",
            .shown_default = "all that are here"),
        ROW(FLAG, quiet, 'q', "quiet", "", "tell nothing but the name"),
        ROW(TEXT, digestfile, 0, "digestfile", "FILE", "write the digest there",
            .complete = COMPLETE_FILE),
        ROW(CHOICE, compression_format, 0, "compression-format", "FORMAT",
            "of layers that are stored as they are", .values = "gzip zstd none",
            .shown_default = "gzip"),
        ROW(NUMBER, compression_level, 0, "compression-level", "N",
            "1, fast, to 9 (zstd: 19), small"),
        CLI_REGISTRY_ROWS(struct push_request, registry),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct push_request, TEXT, image, "IMAGE", "name or id", .required = true,
                .complete = COMPLETE_IMAGE),
        OPERAND(struct push_request, TEXT, destination, "DESTINATION",
                "REGISTRY/NAME[:TAG], oci:DIR[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]; "
                "the image's own name if none is said"),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        struct push_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct cli_progress progress = { .terminal = cli_terminal_width(STDERR_FILENO) > 0 };
        struct push_result *list = NULL;
        size_t n = 0;
        int r;

        if (!request->quiet) {
                request->tell = cli_progress_tell;
                request->context = &progress;
        }
        r = engine_push(request, in->arena, &list, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (!request->quiet)
                        text_addf(&out, "Digest: %s\n", list[i].digest);
                text_addf(&out, "%s\n", list[i].reference);
        }
        return cli_print(STDOUT_FILENO, &out);
}

static const struct example examples[] = {
        { "husk push localhost:5000/tool:1.2", "to the registry that its name says" },
        { "husk push tool registry.example/team/tool:1.2", "under another name" },
        { "husk push --compression-format zstd --digestfile digest tool registry.example/tool",
          "layers that are not compressed yet by zstd" },
        { "husk push tool oci:/srv/layout:1.2", "into an image layout, under the name 1.2" },
        { "husk push --all-tags registry.example/tool", "every tag that it has here" },
        { "", "" },
};

const struct command cli_cmd_push = {
        .name = "push",
        .summary = "Put an image into a registry, a file or a directory",
        .description =
                "Put an image into a registry. What the registry has already does not travel. "
                "Layers that are compressed go as they are, with the digests that they have here; "
                "the others are compressed on the way, unless --compression-format none is said.\n\n"
                "Of an image that was pulled for several platforms all go, and an index of them.\n\n"
                "A directory is an OCI image layout, which keeps the other images that it has; an archive is "
                "written anew. There the image has the name that is said, or its own.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct push_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run,
};
