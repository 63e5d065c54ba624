/* SPDX-License-Identifier: Apache-2.0 */
/* Private to plan: the functions behind the operations, one an operation. */
#pragma once

#include "linux/linux.h"
#include "plan.h"

#define OP(name, manual, stage) int do_##name(struct machine *m, const struct op_##name *o);
#define FIELD(kind, name)
#define END(name)
#include "ops.def"
#undef OP
#undef FIELD
#undef END

/* Tell the peer that we failed: operation, errno, trail. */
void gate_fail(struct machine *m, int error);
