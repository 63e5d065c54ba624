/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk pull`. The last line of standard output is the image's full name, or its id when it has
 * none; what goes on meanwhile is told on standard error, if that is a terminal by lines that are written
 * over. */
#include "commands.h"
#include "terminal.h"

#include <time.h>
#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct pull_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, quiet, 'q', "quiet", "", "tell nothing but the image's name"),
        ROW(TEXT, platform, 0, "platform", "OS/ARCH", "not this machine's, but that one's",
            .shown_default = "this machine's"),
        CLI_REGISTRY_ROWS(struct pull_request, registry),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct pull_request, TEXT, image, "IMAGE",
                "NAME[:TAG][@DIGEST], oci:DIR[:NAME], oci-archive:FILE[:NAME] or "
                "docker-archive:FILE[:NAME]",
                .required = true),
        OPTIONS_END,
};

static double now_s(void)
{
        struct timespec now = { 0 };

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* "35.2MB", powers of 1000 as the table has them. */
static const char *bytes_words(struct arena *arena, uint64_t bytes)
{
        struct text text = { .arena = arena };

        cli_put_bytes(&text, bytes);
        return text_string(&text);
}

static void put_running(
        struct text *out, const struct cli_progress *progress, const struct pull_layer *layer,
        double seconds)
{
        double rate = seconds > 0.2 ? (double)layer->done / seconds : 0;

        (void)progress;
        text_addf(
                out, "%s of %s", bytes_words(out->arena, layer->done),
                bytes_words(out->arena, layer->size));
        if (rate < 1)
                return;
        text_addf(out, ", %s/s", bytes_words(out->arena, (uint64_t)rate));
        if (layer->size > layer->done)
                text_addf(
                        out, ", %llu s left",
                        (unsigned long long)((double)(layer->size - layer->done) / rate) + 1);
}

static void put_layer(
        struct text *out, const struct cli_progress *progress, const struct pull_layer *layer,
        double seconds)
{
        text_addf(out, "%.12s  ", layer->digest + sizeof "sha256:" - 1);
        switch (layer->phase) {
        case PULL_WAITING:
                text_add(out, "waiting");
                break;
        case PULL_RUNNING:
                put_running(out, progress, layer, seconds);
                break;
        case PULL_DONE:
                text_addf(out, "done, %s", bytes_words(out->arena, layer->size));
                break;
        case PULL_THERE:
                text_add(out, "is here already");
                break;
        case PUSH_PACKING:
                text_add(out, "compressing ");
                put_running(out, progress, layer, 0);
                break;
        case PUSH_DONE:
                text_addf(out, "pushed, %s", bytes_words(out->arena, layer->size));
                break;
        case PUSH_THERE:
                text_add(out, "is there already");
                break;
        }
}

static bool is_done(const struct pull_layer *layer)
{
        return layer->phase >= PULL_DONE && layer->phase != PUSH_PACKING;
}

/* All layers again, over what was written last. */
static void tell_terminal(
        struct cli_progress *progress, const struct pull_layer *layers, size_t n, double seconds)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };

        if (progress->lines)
                text_addf(&out, "\033[%zuA", progress->lines);
        for (size_t i = 0; i < n; i++) {
                put_layer(&out, progress, &layers[i], seconds);
                text_add(&out, "\033[K\n");
        }
        progress->lines = n;
        cli_print(STDERR_FILENO, &out);
}

/* A line for each that is done. */
static void tell_plainly(struct cli_progress *progress, const struct pull_layer *layers, size_t n)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };

        for (size_t i = 0; i < n && i < ARRAY_SIZE(progress->told); i++) {
                if (!is_done(&layers[i]) || progress->told[i])
                        continue;
                progress->told[i] = true;
                put_layer(&out, progress, &layers[i], 0);
                text_add(&out, "\n");
        }
        if (out.len)
                cli_print(STDERR_FILENO, &out);
}

void cli_progress_tell(void *context, const struct pull_layer *layers, size_t n)
{
        struct cli_progress *progress = context;
        double now = now_s();
        size_t done = 0;

        if (progress->begun_s == 0)
                progress->begun_s = now;
        for (size_t i = 0; i < n; i++)
                done += is_done(&layers[i]);
        if (!progress->terminal) {
                tell_plainly(progress, layers, n);
                return;
        }
        /* Ten times a second is enough; what is done is told at once. */
        if (done == progress->done && now - progress->last_s < 0.1)
                return;
        progress->done = done;
        progress->last_s = now;
        tell_terminal(progress, layers, n, now - progress->begun_s);
}

static int run(struct invocation *in)
{
        struct pull_request *request = in->request;
        struct text out = { .arena = in->arena };
        struct cli_progress progress = { .terminal = cli_terminal_width(STDERR_FILENO) > 0 };
        struct pull_result result;
        int r;

        if (!request->quiet) {
                request->tell = cli_progress_tell;
                request->context = &progress;
        }
        r = engine_pull(request, in->arena, &result);
        if (r < 0)
                return r;
        if (!request->quiet)
                text_addf(
                        &out, "Digest: %s\nStatus: %s\n", result.digest,
                        result.changed ? "new here" : "was here already");
        text_addf(&out, "%s\n", result.reference ? result.reference : result.id);
        return cli_print(STDOUT_FILENO, &out);
}

static const struct example examples[] = {
        { "husk pull alpine", "docker.io/library/alpine:latest" },
        { "husk pull --platform linux/arm64 localhost:5000/tool:1.2",
          "from a registry on this machine, and for another one" },
        { "husk pull oci:/srv/layout:tool", "what an image layout in a directory calls 'tool'" },
        { "husk pull docker-archive:tool.tar:tool:1.2",
          "one of those that docker save has written" },
        { "", "" },
};

const struct command cli_cmd_pull = {
        .name = "pull",
        .summary = "Get an image",
        .description =
                "Get an image from a registry, from an OCI image layout in a directory, or from an "
                "archive of docker or podman, and unpack its layers. What is here already is not fetched again. Nothing is kept of an image "
                "whose content is not what its digests say.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct pull_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run,
};
