/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk logs`, `husk rename` and `husk port`, with docker's words. */
#include "commands.h"
#include "linux/linux.h"

#include <unistd.h>

/* -- logs ------------------------------------------------------------------------------------------------- */

static const struct option logs_options[] = {
        OPTION(struct logs_request, FLAG, follow, 'f', "follow", "",
               "go on with what it writes, until its end"),
        OPTION(struct logs_request, TEXT, lines, 'n', "tail", "NUMBER",
               "only so many lines from the end, or 'all'", .shown_default = "all"),
        OPTION(struct logs_request, FLAG, stamps, 't', "timestamps", "",
               "the time at which it was written in front of each line"),
        OPTION(struct logs_request, TEXT, since, 0, "since", "TIME",
               "only lines that were begun from then on: 10m (ago), 2026-01-31T12:00:00Z, seconds since 1970"),
        OPTION(struct logs_request, TEXT, until, 0, "until", "TIME",
               "only lines that were begun until then"),
        OPTIONS_END,
};

static const struct absent logs_absent[] = {
        { "details", 0, "there are none" },
        { "", 0, "" },
};

static const struct option logs_operands[] = {
        OPERAND(struct logs_request, TEXT, container, "CONTAINER", "name or id", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static int print(void *context, const char *bytes, size_t size)
{
        (void)context;
        return file_write(STDOUT_FILENO, bytes, size);
}

static int run_logs(struct invocation *in)
{
        struct logs_request *request = in->request;
        uint64_t lines;
        int r;

        if (request->lines && !text_equal(request->lines, "all") &&
            !text_equal(request->lines, "-1")) {
                if (text_u64(request->lines, &lines) < 0 || lines > INT64_MAX)
                        return trail(
                                -EINVAL,
                                "'%s' is not a value for --tail: expected a number, or all",
                                request->lines);
                request->tail = (struct number){ true, (int64_t)lines };
        }
        request->each = print;
        r = engine_logs(request);
        return r == -EPIPE ? 0 : r; /* who reads has enough */
}

static const struct example logs_examples[] = {
        { "husk logs -f --tail 20 web", "the last lines that web wrote, and those to come" },
        { "husk logs -t --since 10m web", "those of the last ten minutes, with times" },
        { "", "" },
};

const struct command cli_cmd_logs = {
        .name = "logs",
        .summary = "Show what a container in the background has written",
        .description =
                "Show what the program of a container that was started in the background (-d), without "
                "a terminal, wrote to its standard output and standard error, over all its starts. Times are "
                "the container's keeper's, which notes them ten times a second at most: a line was written at that "
                "time or up to a tenth of a second before. Without a keeper (it was killed) the last time is that "
                "of the file.",
        .examples = logs_examples,
        .options = { logs_options },
        .operands = logs_operands,
        .absent = logs_absent,
        .request_size = sizeof(struct logs_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_logs,
};

/* -- rename ----------------------------------------------------------------------------------------------- */

static const struct option no_options[] = { OPTIONS_END };

static const struct option rename_operands[] = {
        OPERAND(struct rename_request, TEXT, container, "CONTAINER", "name or id", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPERAND(struct rename_request, TEXT, name, "NAME", "its new name", .required = true),
        OPTIONS_END,
};

static int run_rename(struct invocation *in)
{
        return engine_rename(in->request);
}

static const struct example rename_examples[] = {
        { "husk rename web old-web", "the name web is free again" },
        { "", "" },
};

const struct command cli_cmd_rename = {
        .name = "rename",
        .summary = "Give a container another name",
        .examples = rename_examples,
        .options = { no_options },
        .operands = rename_operands,
        .request_size = sizeof(struct rename_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run_rename,
};

/* -- port ------------------------------------------------------------------------------------------------- */

static const struct option port_operands[] = {
        OPERAND(struct port_request, TEXT, container, "CONTAINER", "name or id", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPERAND(struct port_request, TEXT, port, "PORT[/PROTOCOL]", "one alone"),
        OPTIONS_END,
};

static int run_port(struct invocation *in)
{
        return engine_port(in->request);
}

static const struct example port_examples[] = {
        { "husk port web", "the ports of web that the host has published" },
        { "", "" },
};

const struct command cli_cmd_port = {
        .name = "port",
        .summary = "Show the published ports of a container",
        .description =
                "Show the published ports of a container. There is no network with addresses "
                "yet, so none is.",
        .examples = port_examples,
        .options = { no_options },
        .operands = port_operands,
        .request_size = sizeof(struct port_request),
        .group = GROUP_LOOK,
        .error_exit = 1,
        .run = run_port,
};
