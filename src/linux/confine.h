/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "seccomp.h"

/* What a process of our own gives up before it meets what it does not trust; for good. */

/* Of the capabilities that we have keep only these, bits as in caps.h; no ambient ones. child-safe. */
int confine_capabilities(uint64_t keep);
/* A filter of the calls of this architecture: what no rule allows fails with EPERM. Needs no_new_privs or
 * CAP_SYS_ADMIN. Not child-safe. */
int confine_calls(const struct seccomp_rule *rules, size_t n);
