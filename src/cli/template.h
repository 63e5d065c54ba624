/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Go's templates that people type at `inspect --format`. */
#pragma once

#include "base/base.h"

/* Append `template` with its actions {{.A.B}}, {{json .A}}, {{index .A "key"}} and {{len .A}} replaced by what they
 * mean of `value`; "\t" and "\n" are what they say. Values are written as Go writes them: [a b], map[k:v]. 0, or
 * -EINVAL with a trail. */
int cli_template_put(struct text *out, const char *template, const struct json *value);
