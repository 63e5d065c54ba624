/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF jumps forward only, and a conditional jump reaches 255 instructions. So the program
 * is written backwards: what a jump goes to is there already, every offset is known when the jump
 * is written, and nothing is ever patched. A target that is too far gets a stepping stone right
 * there: a copy of it when it is a return, else a BPF_JA, which reaches anything. Labels count
 * from the program's end, so they stay true while it grows at its start.
 *
 * What is too long is noticed (`full`) and not written; the caller looks once, at the end. */
#include "seccomp_program.h"

#include "base/base.h"

#include <linux/seccomp.h>

/* One less than what a jump reaches: the stone for its other target may come in between. */
#define REACH 254

void seccomp_program_start(struct seccomp_program *p)
{
        p->count = 0;
        p->full = false;
        p->n_returns = 0;
        for (size_t i = 0; i < ARRAY_SIZE(p->returns); i++)
                p->returns[i] = (struct seccomp_return){ 0 };
}

const struct sock_filter *seccomp_program_code(const struct seccomp_program *p)
{
        return p->code + BPF_MAXINSNS - p->count;
}

static unsigned program_put(struct seccomp_program *p, struct sock_filter instruction)
{
        if (p->count == BPF_MAXINSNS) {
                p->full = true;
                return p->count;
        }
        p->count++;
        p->code[BPF_MAXINSNS - p->count] = instruction;
        return p->count;
}

unsigned seccomp_program_return(struct seccomp_program *p, uint32_t action)
{
        struct seccomp_return *slot = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(p->returns); i++)
                if (p->returns[i].at > 0 && p->returns[i].action == action)
                        slot = &p->returns[i];
        if (slot && p->count - slot->at <= REACH)
                return slot->at;
        if (!slot)
                slot = &p->returns[p->n_returns++ % ARRAY_SIZE(p->returns)];
        slot->action = action;
        slot->at = program_put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
        return slot->at;
}

static unsigned program_go(struct seccomp_program *p, unsigned target)
{
        return program_put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, p->count - target));
}

/* `target`, or a stepping stone to it. */
static unsigned program_near(struct seccomp_program *p, unsigned target)
{
        const struct sock_filter *there = &p->code[BPF_MAXINSNS - target];

        if (p->count - target <= REACH)
                return target;
        if (there->code == (BPF_RET | BPF_K))
                return seccomp_program_return(p, there->k);
        return program_go(p, target);
}

unsigned seccomp_program_jump(
        struct seccomp_program *p, uint32_t op, uint32_t k, unsigned yes, unsigned no)
{
        yes = program_near(p, yes);
        no = program_near(p, no);
        return program_put(
                p, (struct sock_filter)BPF_JUMP(
                           (uint16_t)(BPF_JMP | op | BPF_K), k, (uint8_t)(p->count - yes),
                           (uint8_t)(p->count - no)));
}

unsigned seccomp_program_load(struct seccomp_program *p, uint32_t offset, unsigned next)
{
        if (next != p->count)
                program_go(p, next);
        return program_put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

unsigned seccomp_program_test(
        struct seccomp_program *p, const struct seccomp_test *test, unsigned yes, unsigned no)
{
        unsigned next = seccomp_program_jump(p, test->op, test->k, yes, no);

        if (test->mask != UINT32_MAX)
                next = program_put(
                        p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, test->mask));
        return seccomp_program_load(p, test->offset, next);
}
