/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

/* Columns of the terminal at `fd`; 0: not a terminal (or one that does not say). */
unsigned cli_terminal_width(int fd);

/* Whether to use bold and colours: a terminal, and no NO_COLOR (https://no-color.org). */
bool cli_terminal_bold(int fd);

/* Write all of `text` to `fd`. 0, or a negative errno with a trail; -EPIPE without one: the
 * reader has seen enough. */
int cli_print(int fd, const struct text *text);

/* The id of what was made, as a line; nothing when it is empty. It is there, whoever hears of it: what cannot be written
 * becomes a warning that names it. */
void cli_print_id(int fd, struct text *id);
