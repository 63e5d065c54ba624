/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/* The caller's own directory in the procfs that is mounted at /proc, for use before any mount of a
 * container is made: checked to be the root of a procfs, entered without following a link and
 * without crossing a mount (CVE-2019-16884, CVE-2025-52881). -ENOTTY: /proc is no procfs. */

/* Write to "oom_score_adj", "attr/exec" and the like. */
int selfproc_put(const char *file, const char *value);
