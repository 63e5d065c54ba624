/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "command.h"

/* Print the trail, once: "husk: WORDS" and "      hint: WORDS" on stderr, foreign bytes made
 * visible, and forget it. husk-oci with --log also appends it to that file, as runc does; with
 * --log-format json alone that line is what stderr gets. */
void cli_report(const struct invocation *in);

/* One line as runc's --log has it, without the newline: JSON, or logfmt. `seconds` is since
 * 1970, UTC. */
void cli_report_line(
        struct text *out, bool json, const char *level, const char *message, int64_t seconds);
/* "husk: warning: WORDS" for each warning of the trail; into the --log file instead when there is one, since
 * the stderr of `create` is often the container's. */
void cli_report_warnings(const struct invocation *in);
/* husk-oci --debug: what was called and how it ended; likewise. */
void cli_report_debug(const struct invocation *in, int status);
