/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

/* How to lay text out. */
struct help_style {
        unsigned width; /* columns; at least 40 are used */
        bool bold;      /* headings */
};

/* The style for `fd`: its terminal's width, 80 elsewhere. */
struct help_style cli_help_style(int fd);

/* --help of one command, and of a whole face. */
COLD void cli_help_command(
        struct text *out, const struct face *face, const struct command *command,
        struct help_style style);
COLD void cli_help_face(struct text *out, const struct face *face, struct help_style style);

/* "[OPTIONS] CONTAINER COMMAND [ARG...]": what follows the command's name in a usage line. */
COLD void cli_help_usage(struct text *out, const struct command *command);

/* Is it the first name that the group has for its command? The others are for fingers that know them. */
COLD bool cli_help_is_first(const struct command *group, const struct member *member);

/* The words of a row's `values` with commas between them. */
COLD const char *cli_help_values(struct arena *arena, const char *values);

/* "image-inspect": the name of a command as files have it. */
COLD const char *cli_help_page_name(struct arena *arena, const struct command *command);

/* "--memory SIZE", "--rm": an option as it is typed. */
COLD void cli_help_option(struct text *out, const struct option *option);
