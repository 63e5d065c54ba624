/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the hook that apply.c calls around each operation (plan/apply.h).
 *
 * A fault is a global of the process; fork and clone hand it on to keeper and INIT. What happens is
 * written to memory that all of them share, so that nothing here calls the kernel where INIT may be
 * under a filter. An operation that is only the alternative of the one before it is reached by letting that
 * one fail softly. */
#include "faults.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct point *fault;
static struct seen *seen;

void inject(const struct point *point, struct seen *record)
{
        fault = point;
        seen = record;
}

static void record_plan(const struct plan *plan)
{
        for (int actor = HOST; actor < ACTORS; actor++) {
                const struct op_list *list = &plan->list[actor];

                seen->n[actor] = list->n < OPS_MAX ? list->n : OPS_MAX;
                for (size_t i = 0; i < seen->n[actor]; i++) {
                        struct seen_op *op = &seen->op[actor][i];

                        op->code = list->ops[i].code;
                        op->has_else = list->ops[i].has_else;
                        text_format(op->why, sizeof op->why, "%s", list->ops[i].why);
                }
        }
}

/* The first process of a pid namespace cannot send itself SIGKILL; what a trap raises ends it. */
static void die(void)
{
        kill(getpid(), SIGKILL);
        __builtin_trap();
}

/* A HOST that dies right behind `spawn` finds INIT anywhere between its clone and its first gate. The
 * worst is made certain: INIT has not done a thing, and has not asked to die with HOST, when that is
 * gone and the journal knows no process. The other end of the gate tells. */
static void outlive_host(const struct machine *m)
{
        struct pollfd gate = { .fd = m->gate };

        while (!(gate.revents & POLLHUP) && (poll(&gate, 1, -1) >= 0 || errno == EINTR))
                ;
}

static bool host_dies_behind_spawn(const struct machine *m)
{
        return fault->actor == HOST && fault->late && fault->error == KILLED &&
               m->plan->list[HOST].ops[fault->i].code == OP_spawn;
}

int plan_fault(const struct machine *m, bool after)
{
        if (!seen)
                return 0;
        if (m->actor == HOST && m->failed == 0 && !after)
                record_plan(m->plan);
        if (fault && m->actor == INIT && m->failed == 0 && !after && host_dies_behind_spawn(m))
                outlive_host(m);
        if (!fault || m->actor != (int)fault->actor)
                return 0;
        if (!after && m->failed + 1 == fault->i && m->plan->list[m->actor].ops[m->failed].has_else)
                return -ENOSYS;
        if (m->failed != fault->i || after != fault->late)
                return 0;
        seen->hit = true;
        if (fault->error == KILLED)
                die();
        return -fault->error;
}

/* At file scope: there such lists live as long as the program. */
#define ERRNOS(name, ...) [OP_##name] = (const int[]){ __VA_ARGS__, 0 },
static const int *const table[OP_COUNT] = {
#include "errnos.def"
};
#undef ERRNOS

const int *errnos_of(enum op_code code)
{
        static const int others[] = { EPERM, ENOMEM, ENOSPC, EIO,    EMFILE, EAGAIN,
                                      EBUSY, EINTR,  ENOSYS, EINVAL, 0 };
        return table[code] ? table[code] : others;
}
