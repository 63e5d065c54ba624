/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk image build-host`. Of the environment the search path of programs is read, and the time
 * that reproducible builds are asked to be of. */
#include "commands.h"

#include <stdlib.h>

#define ROW(kind, field, ...) OPTION(struct pack_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXTS, tags, 't', "tag", "NAME", "one more name for it"),
        ROW(TEXTS, add, 0, "add", "PATH", "a file, or a directory with all that is in it, too",
            .complete = COMPLETE_FILE),
        ROW(TEXTS, with, 0, "with", "WORD",
            "what programs read: ca-certificates, nss, locale, tzdata",
            .values = "ca-certificates nss locale tzdata"),
        ROW(TEXT, entrypoint, 0, "entrypoint", "PROGRAM",
            "what its containers run: a word, or a JSON array of words"),
        ROW(TEXTS, labels, 'l', "label", "KEY[=VALUE]", "attach a label"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct pack_request, TEXT, name, "NAME", "what the image is called",
                .required = true),
        OPERAND(struct pack_request, TEXTS, programs, "PROGRAM", "programs of this host",
                .complete = COMPLETE_FILE),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        struct pack_request *request = in->request;
        const char *epoch = getenv("SOURCE_DATE_EPOCH");
        const char **names = arena_array(in->arena, request->tags.n + 2, sizeof *names);
        struct text out = { .arena = in->arena };
        uint64_t seconds;

        names[0] = request->name;
        for (size_t i = 0; i < request->tags.n; i++)
                names[i + 1] = request->tags.items[i];
        request->names = (struct words){ names, request->tags.n + 1 };
        request->search = getenv("PATH");
        if (epoch && *epoch) {
                if (text_u64(epoch, &seconds) < 0 || seconds > INT64_MAX)
                        return trail(-EINVAL, "SOURCE_DATE_EPOCH is no number of seconds");
                request->epoch = (struct number){ true, (int64_t)seconds };
        }
        return cli_finish_text(engine_pack(request, &out), &out);
}

static const struct example examples[] = {
        { "husk image build-host tools busybox /usr/bin/curl --with ca-certificates",
          "an image of two programs and what they load" },
        { "husk run --rm tools curl --version", "one of them" },
        { "husk image build-host web /usr/sbin/nginx --add /etc/nginx --entrypoint nginx",
          "a server with its settings" },
        { "", "" },
};

const struct command cli_cmd_build_host = {
        .name = "image build-host",
        .summary = "Make an image of programs of this host",
        .usage = "NAME [PROGRAM...]",
        .description =
                "Put programs of this host into an image, with the libraries and interpreters that "
                "they load and no other file, and print the image's id. Nothing is fetched and nothing "
                "is run.\n\n"
                "Libraries are found as the loader finds them. What a program opens by itself when it "
                "runs (plug-ins, settings, data) has to be named: --add, --with. All files belong to "
                "root, without set-id bits. The same files make the same image; SOURCE_DATE_EPOCH is "
                "the newest time in it.",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct pack_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run,
};
