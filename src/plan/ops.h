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

/* Tell the peer that we failed: operation, errno, trail. `more`: another such message follows,
 * which says it better and is taken instead, if it ever comes. */
void gate_fail(struct machine *m, int error, bool more);
/* INIT: did the list end because the program cannot be executed? Then its file is known, and why
 * can be said on the trail, in place of what is there. */
bool program_failed(const struct machine *m);
void program_explain(const struct machine *m, int error);

/* The descriptor in a slot; NO_FD for slot -1. */
static inline int slot(const struct machine *m, int16_t number)
{
        return number < 0 ? NO_FD : m->fd[number];
}

/* Fill a slot with what a call returned: 0, or its error. */
static inline int put(struct machine *m, int16_t number, int fd)
{
        if (fd < 0)
                return fd;
        m->fd[number] = fd;
        return 0;
}
