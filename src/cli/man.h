/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

/* A manual page in roff (man(7) macros): FACE-COMMAND(1), or FACE(1) when `command` is NULL. */
COLD void cli_man_put(struct text *out, const struct face *face, const struct command *command);
