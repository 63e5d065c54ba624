/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: --help, laid out from the tables. Two columns: what to type, what it does;
 * the second is wrapped to the width. Bytes are columns here: all table text is ASCII (a unit
 * test holds it to that). */
#include "help.h"

#include "options.h"
#include "terminal.h"
#include "values.h"

#include <string.h>

/* Where the second column begins at most; longer left sides get a line of their own. */
enum {
        LEFT_MAX = 30,
        WIDTH_MIN = 40,
        WIDTH_MAX = 100,
        WIDTH_ELSEWHERE = 80
};

struct help_style cli_help_style(int fd)
{
        unsigned width = cli_terminal_width(fd);

        return (struct help_style){
                .width = width ? width : WIDTH_ELSEWHERE,
                .bold = cli_terminal_bold(fd),
        };
}

struct page {
        struct text *out;
        size_t width;
        bool bold;
};

static struct page page_open(struct text *out, struct help_style style)
{
        size_t width = style.width > WIDTH_MAX ? WIDTH_MAX : style.width;

        return (struct page){ out, width < WIDTH_MIN ? WIDTH_MIN : width, style.bold };
}

static void put_spaces(struct text *out, size_t n)
{
        while (n--)
                text_add_char(out, ' ');
}

/* Words of `string`, folded; the first line begins at column `at`, the others at `indent`. */
static void put_wrapped(const struct page *page, const char *string, size_t at, size_t indent)
{
        bool first = true;

        while (*string) {
                size_t len = strcspn(string, " ");

                if (!first && at + 1 + len > page->width) {
                        text_add_char(page->out, '\n');
                        put_spaces(page->out, indent);
                        at = indent;
                } else if (!first) {
                        text_add_char(page->out, ' ');
                        at++;
                }
                text_add_bytes(page->out, string, len);
                at += len;
                first = false;
                string += len;
                string += strspn(string, " ");
        }
        text_add_char(page->out, '\n');
}

/* Paragraphs stand in the tables as lines divided by an empty line. */
static void put_paragraphs(const struct page *page, struct arena *arena, const char *string)
{
        while (string && *string) {
                const char *end = strstr(string, "\n\n");
                size_t len = end ? (size_t)(end - string) : strlen(string);

                put_wrapped(page, arena_copy(arena, string, len), 0, 0);
                if (end)
                        text_add_char(page->out, '\n');
                string = end ? end + 2 : NULL;
        }
}

static void put_heading(const struct page *page, const char *heading)
{
        text_addf(page->out, page->bold ? "\n\033[1m%s\033[0m\n" : "\n%s\n", heading);
}

/* One row of two columns. */
static void put_pair(const struct page *page, const char *left, const char *right, size_t column)
{
        size_t len = strlen(left);

        text_add(page->out, left);
        if (len + 2 > column) {
                text_add_char(page->out, '\n');
                len = 0;
        }
        put_spaces(page->out, column - len);
        put_wrapped(page, right, column, column);
}

void cli_help_option(struct text *out, const struct option *option)
{
        text_addf(out, "--%s", option->name);
        if (*option->metavar)
                text_addf(out, " %s", option->metavar);
}

static const char *option_left(struct arena *arena, const struct option *option)
{
        struct text left = { .arena = arena };

        if (option->letter)
                text_addf(&left, "  -%c, ", option->letter);
        else
                text_add(&left, "      ");
        cli_help_option(&left, option);
        return text_string(&left);
}

const char *cli_help_values(struct arena *arena, const char *values)
{
        struct text list = { .arena = arena };

        for (; *values; values++)
                if (*values == ' ')
                        text_add(&list, ", ");
                else
                        text_add_char(&list, *values);
        return text_string(&list);
}

static const char *option_right(struct arena *arena, const struct option *option)
{
        struct text right = { .arena = arena };

        text_add(&right, option->help);
        if (option->kind == OPTION_CHOICE)
                text_addf(&right, ": %s", cli_help_values(arena, option->values));
        if (*option->shown_default)
                text_addf(&right, " (default %s)", option->shown_default);
        return text_string(&right);
}

static void put_options(const struct page *page, struct arena *arena, const struct command *c)
{
        struct option_walk measure = { .command = c }, walk = measure;
        const struct option *o, *first;
        const char *heading = NULL;
        size_t column = 0;

        while ((o = cli_option_next(&measure))) {
                size_t len = strlen(option_left(arena, o)) + 2;

                if (len > column && len <= LEFT_MAX)
                        column = len;
        }
        first = cli_option_next(&walk);
        if (!first)
                return;
        column = column ? column : LEFT_MAX;
        walk = (struct option_walk){ .command = c };
        while ((o = cli_option_next(&walk))) {
                if (o == first || walk.heading != heading)
                        put_heading(page, walk.heading ? walk.heading : "Options:");
                heading = walk.heading;
                put_pair(page, option_left(arena, o), option_right(arena, o), column);
        }
}

static void put_operand(struct text *out, const struct option *row)
{
        const char *dots = row->kind == OPTION_TEXTS ? "..." : "";

        text_addf(out, row->required ? " %s%s" : " [%s%s]", row->name, dots);
}

void cli_help_usage(struct text *out, const struct command *command)
{
        if (command->members) {
                text_add(out, " COMMAND [ARG...]");
                return;
        }
        if (command->options[0])
                text_add(out, " [OPTIONS]");
        if (command->word)
                text_addf(out, " %s", command->word);
        if (command->usage) {
                text_addf(out, " %s", command->usage);
                return;
        }
        for (const struct option *o = command->operands; o && o->kind != OPTION_END; o++)
                put_operand(out, o);
}

static void put_examples(const struct page *page, const struct example *examples)
{
        if (!examples)
                return;
        put_heading(page, "Examples:");
        for (; *examples->line; examples++) {
                text_addf(page->out, "  %s\n      ", examples->line);
                put_wrapped(page, examples->does, 6, 6);
        }
}

const char *cli_help_page_name(struct arena *arena, const struct command *command)
{
        char *name = arena_string(arena, command->name);

        for (char *p = name; *p; p++)
                if (*p == ' ')
                        *p = '-';
        return name;
}

bool cli_help_is_first(const struct command *group, const struct member *member)
{
        const struct member *first = group->members;

        while (first->command != member->command)
                first++;
        return first == member;
}

static void put_members(const struct page *page, const struct command *group)
{
        put_heading(page, "Commands:");
        for (const struct member *member = group->members; *member->name; member++) {
                char left[40];

                if (!cli_help_is_first(group, member))
                        continue;
                text_format(left, sizeof left, "  %s", member->name);
                put_pair(page, left, member->command->summary, 14);
        }
}

/* The other words for a command. */
static void put_also(struct text *out, const struct face *face, const struct command *command)
{
        if (command->alias)
                text_addf(out, "\nAlso: %s %s\n", face->name, command->alias);
        for (size_t i = 0; face->commands[i]; i++) {
                const struct command *group = face->commands[i];

                for (const struct member *m = group->members; m && *m->name; m++)
                        if (m->command == command && !strchr(command->name, ' ') &&
                            cli_help_is_first(group, m))
                                text_addf(
                                        out, "\nAlso: %s %s %s\n", face->name, group->name,
                                        m->name);
        }
}

void cli_help_command(
        struct text *out, const struct face *face, const struct command *command,
        struct help_style style)
{
        struct page page = page_open(out, style);

        text_addf(
                out, style.bold ? "\033[1mUsage:\033[0m %s %s" : "Usage: %s %s", face->name,
                command->name);
        cli_help_usage(out, command);
        text_add(out, "\n\n");
        if (command->description)
                put_paragraphs(&page, out->arena, command->description);
        else
                text_addf(out, "%s.\n", command->summary);
        if (command->members)
                put_members(&page, command);
        else
                put_options(&page, out->arena, command);
        put_examples(&page, command->examples);
        if (command->members)
                text_addf(
                        out, "\nMore about a command: %s %s COMMAND --help\n", face->name,
                        command->name);
        put_also(out, face, command);
}

static const char *const group_headings[GROUPS] = {
        [GROUP_RUN] = "Run:",          [GROUP_MANAGE] = "Manage:", [GROUP_IMAGES] = "Images:",
        [GROUP_LOOK] = "Look inside:", [GROUP_OTHER] = "Other:",
};

static void put_group(const struct page *page, const struct face *face, enum command_group group)
{
        bool heading = false;

        for (size_t i = 0; face->commands[i]; i++) {
                const struct command *c = face->commands[i];
                char left[40];

                if (c->group != group)
                        continue;
                if (!heading)
                        put_heading(page, group_headings[group]);
                heading = true;
                text_format(left, sizeof left, "  %s", c->name);
                put_pair(page, left, c->summary, 14);
        }
}

void cli_help_face(struct text *out, const struct face *face, struct help_style style)
{
        struct page page = page_open(out, style);

        text_addf(out, style.bold ? "\033[1mUsage:\033[0m %s" : "Usage: %s", face->name);
        text_add(out, " [OPTIONS] COMMAND [ARG...]\n\n");
        put_paragraphs(&page, out->arena, face->description);
        for (enum command_group group = 0; group < GROUPS; group++)
                put_group(&page, face, group);
        put_options(&page, out->arena, face->globals);
        put_examples(&page, face->examples);
        text_addf(out, "\nMore about a command: %s COMMAND --help\n", face->name);
}
