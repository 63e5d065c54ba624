/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `help` of both faces: the text of --help, the manual pages for the build
 * to install, and the names of all commands for scripts. */
#include "commands.h"
#include "help.h"
#include "man.h"

#include <unistd.h>

struct help_request {
        struct words words;
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
        OPERAND(struct help_request, TEXTS, words, "COMMAND", "a command",
                .complete = COMPLETE_COMMAND),
        OPTIONS_END,
};

static int put_list(struct text *out, const struct face *face)
{
        struct command_walk walk = { .face = face };
        const struct command *command;

        while ((command = cli_command_next(&walk)))
                text_addf(out, "%s\n", cli_help_page_name(out->arena, command));
        return cli_finish_text(0, out);
}

/* The command of these words, or of its page's name. */
static int find(
        struct arena *arena, const struct face *face, const struct words *words,
        const struct command **ret)
{
        struct command_walk walk = { .face = face };
        const struct command *command;

        while (words->n == 1 && (command = cli_command_next(&walk)))
                if (text_equal(cli_help_page_name(arena, command), words->items[0])) {
                        *ret = command;
                        return 0;
                }
        command = cli_face_command(face, words->items[0]);
        if (!command)
                return cli_face_unknown(face, NULL, words->items[0]);
        if (words->n > 1 && command->members) {
                const struct command *group = command;

                command = cli_group_command(group, words->items[1]);
                if (!command)
                        return cli_face_unknown(face, group, words->items[1]);
        }
        *ret = command;
        return 0;
}

static int run(struct invocation *in)
{
        const struct help_request *request = in->request;
        const struct face *face = in->face;
        struct text out = { .arena = in->arena };
        const struct command *command = NULL;
        bool all = request->words.n == 0 || text_equal(request->words.items[0], face->name);
        int r = 0;

        if (request->list)
                return put_list(&out, face);
        if (!all)
                r = find(in->arena, face, &request->words, &command);
        if (r < 0)
                return r;
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
