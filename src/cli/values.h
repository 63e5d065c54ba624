/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

/* Read the text `value` as the kind of `option` and put it into the request. `room` is how many
 * values a repeatable option may get at most (argc). Texts are kept, not copied. 0, -EINVAL or
 * -ERANGE without a trail. */
int cli_value_store(
        const struct option *option, const char *value, void *request, struct arena *arena,
        size_t room);

/* What the option accepts, for messages: "a size such as 512m". */
const char *cli_value_expected(const struct option *option);

/* Whether the option may be given several times. */
bool cli_value_repeats(const struct option *option);

/* A signal's number by name (with or without SIG, any case, RTMIN+n) or number (0 to 64), or
 * -EINVAL. */
int cli_signal(const char *text);

/* Is `word` one of the words of `values` (divided by one space)? */
bool cli_word_in(const char *values, const char *word);
