/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of xray: read-only instruments. They show what a container is made of, of a plan
 * or of a running process, and change nothing. */
#pragma once

#include "base/base.h"

struct plan;

/* The plan, checked and printed: format "text", "json" or "shell". -EINVAL with a trail when the
 * plan breaks a rule (plan_verify). */
COLD int xray_explain(const struct plan *plan, const char *format, struct text *out);
