/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

/* A script that completes the face's commands, options and values: for "bash", "zsh" or "fish".
 * 0, or -EINVAL with a trail for another shell. */
COLD int cli_completion_put(struct text *out, const struct face *face, const char *shell);
