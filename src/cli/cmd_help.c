/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `help` of both faces: the text of --help, the manual pages for the build
 * to install, and the names of all commands for scripts. */
#include "commands.h"
#include "help.h"
#include "man.h"

#include <unistd.h>

struct help_request {
        const char *command;
        bool man;
        bool list;
};

#define ROW(kind, field, ...) OPTION(struct help_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(FLAG, man, 0, "man", "", "print the manual page's source"),
        ROW(FLAG, list, 0, "list", "", "print the commands' names, one a line"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct help_request, TEXT, command, "COMMAND", "a command",
                .complete = COMPLETE_COMMAND),
        OPTIONS_END,
};

static int put_list(struct text *out, const struct face *face)
{
        for (size_t i = 0; face->commands[i]; i++)
                text_addf(out, "%s\n", face->commands[i]->name);
        return cli_finish_text(0, out);
}

static int run(struct invocation *in)
{
        const struct help_request *request = in->request;
        const struct face *face = in->face;
        struct text out = { .arena = in->arena };
        const struct command *command = NULL;
        bool all = !request->command || text_equal(request->command, face->name);

        if (request->list)
                return put_list(&out, face);
        if (!all)
                command = cli_face_command(face, request->command);
        if (!all && !command)
                return cli_face_unknown(face, request->command);
        if (request->man)
                cli_man_put(&out, face, command);
        else if (command)
                cli_help_command(&out, face, command, cli_help_style(STDOUT_FILENO));
        else
                cli_help_face(&out, face, cli_help_style(STDOUT_FILENO));
        return cli_finish_text(0, &out);
}

const struct command cli_cmd_help = {
        .name = "help",
        .summary = "Show help, also as a manual page",
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct help_request),
        .group = GROUP_OTHER,
        .no_request = true,
        .run = run,
};
