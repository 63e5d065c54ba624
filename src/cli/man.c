/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the manual pages, from the same tables as --help. Only the macros of
 * man(7) are used, which every formatter knows. A hyphen that is to be typed must be written \-,
 * else a reader who copies it out of the page gets a typographic one; table text is full of
 * options, so every hyphen is written so. */
#include "man.h"

#include "help.h"
#include "options.h"
#include "version.h"

#include <ctype.h>
#include <string.h>

/* Text with roff's own characters made harmless. A line of a page begins with neither ' nor '.'
 * because the callers put a word, a font or \& first. */
static void put(struct text *out, const char *string)
{
        for (; *string; string++) {
                if (*string == '\\')
                        text_add(out, "\\e");
                else if (*string == '-')
                        text_add(out, "\\-");
                else if (*string == '\'')
                        text_add(out, "\\(aq");
                else if (string[0] == '\n' && string[1] == '\n')
                        text_add(out, "\n.PP\n\\&"), string++;
                else
                        text_add_char(out, *string);
        }
}

static void put_line(struct text *out, const char *string)
{
        text_add(out, "\\&");
        put(out, string);
        text_add_char(out, '\n');
}

static void put_title(struct text *out, const struct face *face, const struct command *command)
{
        char title[64];

        text_format(
                title, sizeof title, "%s%s%s", face->name, command ? "-" : "",
                command ? cli_help_page_name(out->arena, command) : "");
        for (char *p = title; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        text_addf(out, ".TH %s 1 \"\" \"husk %s\" \"husk manual\"\n", title, HUSK_VERSION);
        text_add(out, ".SH NAME\n");
        put(out, face->name);
        if (command) {
                text_add(out, "\\-");
                put(out, cli_help_page_name(out->arena, command));
        }
        text_add(out, " \\- ");
        put(out, command ? command->summary : face->summary);
        text_add_char(out, '\n');
}

static void put_synopsis(struct text *out, const struct face *face, const struct command *command)
{
        struct text usage = { .arena = out->arena };

        text_add(out, ".SH SYNOPSIS\n.B ");
        put(out, face->name);
        if (command) {
                text_addf(out, " %s\n", command->name);
                cli_help_usage(&usage, command);
        } else {
                text_add_char(out, '\n');
                text_add(&usage, " [OPTIONS] COMMAND [ARG...]");
        }
        put_line(out, text_string(&usage) + (usage.len > 0));
}

static void put_option(struct text *out, const struct option *o)
{
        text_add(out, ".TP\n");
        if (o->letter)
                text_addf(out, "\\fB\\-%c\\fR, ", o->letter);
        text_add(out, "\\fB\\-\\-");
        put(out, o->name);
        text_add(out, "\\fR");
        if (*o->metavar) {
                text_add(out, " \\fI");
                put(out, o->metavar);
                text_add(out, "\\fR");
        }
        text_add(out, "\n\\&");
        put(out, o->help);
        if (o->kind == OPTION_CHOICE) {
                text_add(out, ": ");
                put(out, cli_help_values(out->arena, o->values));
        }
        if (*o->shown_default) {
                text_add(out, " (default ");
                put(out, o->shown_default);
                text_add_char(out, ')');
        }
        text_add_char(out, '\n');
}

static void put_options(struct text *out, const struct command *command, const char *heading)
{
        struct option_walk walk = { .command = command };
        const struct option *o = cli_option_next(&walk);

        if (!o)
                return;
        text_addf(out, ".SH %s\n", heading);
        for (heading = NULL; o; o = cli_option_next(&walk)) {
                if (walk.heading != heading) {
                        text_add(out, ".SS ");
                        put(out, walk.heading);
                        text_add_char(out, '\n');
                }
                heading = walk.heading;
                put_option(out, o);
        }
}

static void put_examples(struct text *out, const struct example *examples)
{
        if (!examples)
                return;
        text_add(out, ".SH EXAMPLES\n");
        for (; *examples->line; examples++) {
                text_add(out, ".TP\n\\fB");
                put(out, examples->line);
                text_add(out, "\\fR\n");
                put_line(out, examples->does);
        }
}

static void put_exit_status(
        struct text *out, const struct face *face, const struct command *command)
{
        int failed = command && command->error_exit ? command->error_exit : face->error_exit;

        text_addf(out, ".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n%d\n", failed);
        text_addf(out, "\\&%s failed; the reason is on standard error.\n", face->name);
        if (failed != face->error_exit)
                text_addf(out, ".TP\n%d\nThe command line was not understood.\n", face->error_exit);
        if (!command || !command->exits_as_command)
                return;
        if (face == &cli_face_husk)
                text_add(
                        out, ".TP\n126\nThe command could not be executed.\n"
                             ".TP\n127\nThe command was not found.\n");
        text_add(
                out, ".TP\n128+n\nThe command was ended by signal n.\n"
                     ".TP\nother\nThe exit status of the command.\n");
}

static void put_commands(struct text *out, const struct face *face)
{
        text_add(out, ".SH COMMANDS\n");
        for (size_t i = 0; face->commands[i]; i++) {
                text_addf(out, ".TP\n\\fB%s\\fR\n", face->commands[i]->name);
                put_line(out, face->commands[i]->summary);
        }
}

static void put_members(struct text *out, const struct command *group)
{
        text_add(out, ".SH COMMANDS\n");
        for (const struct member *member = group->members; *member->name; member++) {
                if (!cli_help_is_first(group, member))
                        continue;
                text_addf(out, ".TP\n\\fB%s %s\\fR\n", group->name, member->name);
                put_line(out, member->command->summary);
        }
}

static void put_page_name(struct text *out, const struct face *face, const struct command *command)
{
        text_add(out, "\\fB");
        put(out, face->name);
        if (command) {
                text_add(out, "\\-");
                put(out, cli_help_page_name(out->arena, command));
        }
        text_add(out, "\\fR(1)");
}

static void put_see_also(struct text *out, const struct face *face, const struct command *command)
{
        struct command_walk walk = { .face = face };
        const struct command *one;

        text_add(out, ".SH SEE ALSO\n");
        put_page_name(out, face, command ? NULL : cli_command_next(&walk));
        while (!command && (one = cli_command_next(&walk))) {
                text_add(out, ",\n");
                put_page_name(out, face, one);
        }
        for (const struct member *m = command ? command->members : NULL; m && *m->name; m++)
                if (cli_help_is_first(command, m)) {
                        text_add(out, ",\n");
                        put_page_name(out, face, m->command);
                }
        text_add_char(out, '\n');
}

static void put_environment(struct text *out, const struct face *face)
{
        text_add(
                out, ".SH ENVIRONMENT\n"
                     ".TP\n\\fBNO_COLOR\\fR\nNeither bold nor colour on a terminal.\n");
        if (face == &cli_face_husk)
                text_add(
                        out,
                        ".TP\n\\fBHUSK_ROOT\\fR, \\fBHUSK_RUNROOT\\fR\n"
                        "What \\-\\-root and \\-\\-runroot are where they are not given.\n"
                        ".TP\n\\fBXDG_DATA_HOME\\fR\n"
                        "Users other than root have images and containers in \\fIhusk\\fR below it, "
                        "or in \\fI~/.local/share/husk\\fR.\n");
        text_add(
                out, ".TP\n\\fBXDG_RUNTIME_DIR\\fR\n"
                     "Users other than root have the state of their containers in a directory "
                     "below it, or in one below \\fI/tmp\\fR with their user id in its name, which "
                     "has to be theirs alone.\n");
}

void cli_man_put(struct text *out, const struct face *face, const struct command *command)
{
        const char *description = command ? command->description : face->description;
        const char *summary = command ? command->summary : face->summary;

        put_title(out, face, command);
        put_synopsis(out, face, command);
        text_add(out, ".SH DESCRIPTION\n");
        put_line(out, description ? description : summary);
        if (command && command->members)
                put_members(out, command);
        else if (command)
                put_options(out, command, "OPTIONS");
        else
                put_commands(out, face);
        if (!command)
                put_options(out, face->globals, "OPTIONS");
        put_exit_status(out, face, command);
        put_examples(out, command ? command->examples : face->examples);
        if (!command)
                put_environment(out, face);
        put_see_also(out, face, command);
}
