/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

struct parse {
        const struct face *face; /* to tell a misplaced global option; may be NULL */
        const struct command *command;
        struct arena *arena;
        void *request;  /* command->request_size bytes, defaults already in */
        int argc;       /* words after the command's name */
        char **argv;    /* argv[argc] is NULL; operands are moved to its beginning */
        int n_operands; /* output */
        bool help;      /* output: --help was met; nothing after it was read */
};

/* Read argv into the request by the command's rows. Rules: --name=x, --name x, -n x, -nx, -n=x,
 * bundled flags (-it), --flag=false, "--" ends the options; with options_first so does the first
 * operand. 0, or -EINVAL with a trail and a hint. Texts in the request point into argv. */
int cli_options_parse(struct parse *parse);

/* A walk over all option rows of a command: start with { command }; NULL at the end. `heading` is
 * what the row found last stands under, or NULL. */
struct option_walk {
        const struct command *command;
        size_t table, row;
        const char *heading;
};
const struct option *cli_option_next(struct option_walk *walk);

/* True when the letter is one of the command's own short options. */
bool cli_option_has_letter(const struct command *command, char letter);

/* The nearest of a row of candidates to `word`: feed it each one. */
struct nearest {
        const char *word;
        const char *best; /* NULL: none is near enough */
        unsigned distance;
};

void cli_nearest_try(struct nearest *nearest, const char *candidate);
