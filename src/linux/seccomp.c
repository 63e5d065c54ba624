/* SPDX-License-Identifier: Apache-2.0 */
/* From a profile to BPF in one pass over each thing, without sorting.
 *
 * Each name is looked up once and each rule noted at its row of the system call table: that is one
 * verdict for all architectures. For each architecture the table gives the rows in the order of
 * its call numbers; neighbours with one outcome become a range, and the ranges a balanced tree of
 * comparisons (about 60 ranges, 6 deep). The kernel runs a filter once for every call number when
 * it is loaded, so a tree instead of a list saves most of a container's time for seccomp. An
 * outcome is a return, or a chain of tests of arguments that ends in returns; equal chains are
 * written once. The program is written backwards (seccomp_program.c): chains, trees, then the
 * choice of the architecture. Nothing here knows what a good profile is: seccomp_default.c. */
#include "seccomp.h"

#include "base/base.h"
#include "seccomp_program.h"
#include "seccomp_table.h"

#include <string.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

/* What runc gives (the default of libseccomp, which runc leaves alone): tools that look at the
 * signal or the core of a container expect it, and for a process of one thread it is the same as
 * killing the process. */
#define BAD_ARCHITECTURE SECCOMP_RET_KILL_THREAD

#define N_ARGUMENTS 6

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the halves of an argument, in order");

/* A conditional rule at a call. */
struct alternative {
        const struct seccomp_argument *arguments; /* all must hold */
        size_t n;
        uint32_t action;
        const struct alternative *next; /* the one before it in the profile */
};

/* What becomes of a call. */
struct verdict {
        bool named; /* by some rule, whatever its action */
        bool decided;
        uint32_t action;                  /* when decided */
        const struct alternative *newest; /* else, in turn; then the default action */
};

/* The code of a list of alternatives. */
struct chain {
        const struct alternative *newest;
        bool wide;
        unsigned at;
        const struct chain *next;
};

/* Call numbers from `start` to the next range's. */
struct range {
        uint32_t start;
        unsigned at; /* a chain; 0: a return of `action` */
        uint32_t action;
};

struct compilation {
        struct arena *arena;
        uint32_t default_action;
        bool listed[N_SECCOMP_ABIS];
        struct verdict verdicts[N_SECCOMP_ROWS];
        const struct chain *chains;
        struct seccomp_program *program;
};

/* ---- rules to verdicts ---- */

static void verdict_add(struct compilation *c, unsigned row, const struct alternative *rule)
{
        struct verdict *verdict = &c->verdicts[row];
        struct alternative *alternative;

        if (verdict->decided)
                return;
        if (rule->n == 0) {
                verdict->decided = true;
                verdict->action = rule->action;
                verdict->newest = NULL;
                return;
        }
        alternative = arena_new(c->arena, struct alternative);
        *alternative = *rule;
        alternative->next = verdict->newest;
        verdict->newest = alternative;
}

/* 1 when an index occurs twice, else 0. */
static int arguments_check(const struct seccomp_rule *rule)
{
        unsigned seen = 0;
        int repeated = 0;

        for (size_t i = 0; i < rule->n_arguments; i++) {
                const struct seccomp_argument *argument = &rule->arguments[i];

                if (argument->index >= N_ARGUMENTS)
                        return trail(
                                -EINVAL, "a system call has no argument %u (0 to 5)",
                                argument->index);
                if ((unsigned)argument->op > SECCOMP_CMP_MASKED_EQ)
                        return trail(-EINVAL, "unknown seccomp comparison %d", (int)argument->op);
                if (seen & 1U << argument->index)
                        repeated = 1;
                seen |= 1U << argument->index;
        }
        return repeated;
}

static int rule_add(struct compilation *c, const struct seccomp_rule *rule)
{
        struct alternative all = { rule->arguments, rule->n_arguments, rule->action, NULL };
        int repeated = arguments_check(rule);

        if (repeated < 0)
                return repeated;
        for (size_t i = 0; i < rule->n_names; i++) {
                int row = seccomp_row_find(rule->names[i]);

                if (row < 0)
                        continue;
                c->verdicts[row].named = true;
                if (rule->action == c->default_action)
                        continue;
                if (!repeated) {
                        verdict_add(c, (unsigned)row, &all);
                        continue;
                }
                for (size_t k = 0; k < rule->n_arguments; k++) {
                        struct alternative one = { rule->arguments + k, 1, rule->action, NULL };

                        verdict_add(c, (unsigned)row, &one);
                }
        }
        return 0;
}

/* The order in which the kernel ranks the actions of several filters. */
static bool action_stricter(uint32_t a, uint32_t b)
{
        return (int32_t)(a & SECCOMP_RET_ACTION_FULL) < (int32_t)(b & SECCOMP_RET_ACTION_FULL);
}

/* i386: let socketcall(2) and ipc(2) follow the verdicts of the calls behind them. The upper half
 * of ipc's number is a version, which the kernel cuts off for all calls. */
static void multiplexed_add(struct compilation *c)
{
        for (unsigned row = 0; row < N_SECCOMP_ROWS; row++) {
                const struct verdict *verdict = &c->verdicts[row];
                unsigned code = seccomp_calls[row].multiplexed;
                uint32_t action = verdict->decided ? verdict->action : c->default_action;
                struct seccomp_argument *argument;

                if (code == 0)
                        continue;
                for (const struct alternative *a = verdict->newest; a; a = a->next)
                        if (action_stricter(a->action, action))
                                action = a->action;
                if (action == c->default_action)
                        continue;
                argument = arena_new(c->arena, struct seccomp_argument);
                *argument = (struct seccomp_argument){ 0, SECCOMP_CMP_MASKED_EQ, UINT32_MAX,
                                                       code - 100 };
                if (code >= 200) {
                        argument->value = UINT16_MAX;
                        argument->value_two = code - 200;
                }
                verdict_add(
                        c, code >= 200 ? SECCOMP_ROW_ipc : SECCOMP_ROW_socketcall,
                        &(struct alternative){ argument, 1, action, NULL });
        }
}

/* ---- chains ---- */

/* One of the comparisons >= and >, with 64 bits. */
static unsigned above_add(
        struct seccomp_program *p, const struct seccomp_test halves[2], unsigned yes, unsigned no)
{
        unsigned equal = seccomp_program_test(p, &halves[0], yes, no);
        unsigned next;

        /* Nothing is below a high half of 0: what is not equal to it is above. */
        if (halves[1].k == 0)
                next = seccomp_program_jump(p, BPF_JEQ, 0, equal, yes);
        else
                next = seccomp_program_jump(p, BPF_JEQ, halves[1].k, equal, no);
        if (halves[1].k != 0)
                next = seccomp_program_jump(p, BPF_JGT, halves[1].k, yes, next);
        return seccomp_program_load(p, halves[1].offset, next);
}

/* (argument & mask) == k in each half; a half of which nothing is asked is not looked at. */
static unsigned equal_add(
        struct seccomp_program *p, const struct seccomp_test halves[2], unsigned yes, unsigned no)
{
        unsigned next = seccomp_program_test(p, &halves[0], yes, no);

        if (halves[1].mask == 0)
                return next;
        return seccomp_program_test(p, &halves[1], next, no);
}

/* Code for one condition; its label. */
static unsigned condition_add(
        struct seccomp_program *p, const struct seccomp_argument *argument, bool wide,
        const unsigned targets[2] /* no, yes */)
{
        bool masked = argument->op == SECCOMP_CMP_MASKED_EQ;
        uint64_t mask = masked ? argument->value : UINT64_MAX;
        uint64_t value = masked ? argument->value_two & mask : argument->value;
        uint32_t offset = (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument->index;
        unsigned yes = targets[1], no = targets[0];
        struct seccomp_test halves[2] = {
                { offset, (uint32_t)mask, BPF_JEQ, (uint32_t)value },
                { offset + 4, (uint32_t)(mask >> 32), BPF_JEQ, (uint32_t)(value >> 32) },
        };

        switch (argument->op) {
        case SECCOMP_CMP_NE:
                yes = targets[0], no = targets[1];
                break;
        case SECCOMP_CMP_EQ:
        case SECCOMP_CMP_MASKED_EQ:
                break;
        case SECCOMP_CMP_LT:
                yes = targets[0], no = targets[1];
                halves[0].op = BPF_JGE;
                break;
        case SECCOMP_CMP_GE:
                halves[0].op = BPF_JGE;
                break;
        case SECCOMP_CMP_LE:
                yes = targets[0], no = targets[1];
                halves[0].op = BPF_JGT;
                break;
        case SECCOMP_CMP_GT:
                halves[0].op = BPF_JGT;
                break;
        }
        if (!wide)
                return seccomp_program_test(p, &halves[0], yes, no);
        return halves[0].op == BPF_JEQ ? equal_add(p, halves, yes, no)
                                       : above_add(p, halves, yes, no);
}

static bool chain_equal(const struct alternative *a, const struct alternative *b)
{
        for (; a && b; a = a->next, b = b->next)
                if (a->arguments != b->arguments || a->n != b->n || a->action != b->action)
                        return false;
        return a == b;
}

/* The label of the code of a list of alternatives. The list starts with the last one, as does
 * code that is written backwards. */
static unsigned chain_add(struct compilation *c, const struct alternative *newest, bool wide)
{
        struct seccomp_program *p = c->program;
        struct chain *chain;
        unsigned next;

        for (const struct chain *old = c->chains; old; old = old->next)
                if (old->wide == wide && chain_equal(old->newest, newest))
                        return old->at;
        next = seccomp_program_return(p, c->default_action);
        for (const struct alternative *a = newest; a; a = a->next) {
                unsigned targets[2] = { next, seccomp_program_return(p, a->action) };

                for (size_t i = a->n; i-- > 0;)
                        targets[1] = condition_add(p, &a->arguments[i], wide, targets);
                next = targets[1];
        }
        chain = arena_new(c->arena, struct chain);
        *chain = (struct chain){ newest, wide, next, c->chains };
        c->chains = chain;
        return next;
}

/* ---- ranges and trees ---- */

/* Unknown calls of these defaults are let through, or emulated by a tracer: no ENOSYS for them. */
static bool action_permits(uint32_t action)
{
        uint32_t full = action & SECCOMP_RET_ACTION_FULL;

        return full == SECCOMP_RET_ALLOW || full == SECCOMP_RET_LOG || full == SECCOMP_RET_TRACE;
}

/* The highest number that the profile names, -1 when there is none. */
static int last_find(const struct compilation *c, const uint16_t *rows)
{
        int last = SECCOMP_NUMBER_END - 1;

        while (last >= 0 && (!rows[last] || !c->verdicts[rows[last] - 1].named))
                last--;
        return last;
}

/* The ranges of an ABI, and the chains that they need; how many. */
static size_t ranges_build(struct compilation *c, enum seccomp_abi abi, struct range *ranges)
{
        bool wide = abi == SECCOMP_ABI_X86_64 || abi == SECCOMP_ABI_AARCH64;
        const uint16_t *rows = seccomp_rows_of(abi);
        int last = last_find(c, rows);
        size_t n = 0;

        for (int number = 0; number <= last + 1; number++) {
                const struct verdict *verdict =
                        rows[number] ? &c->verdicts[rows[number] - 1] : NULL;
                uint32_t action = c->default_action;
                unsigned at = 0;

                if (number > last && last >= 0 && !action_permits(action))
                        action = SECCOMP_RET_ERRNO | ENOSYS;
                else if (number <= last && verdict && verdict->decided)
                        action = verdict->action;
                else if (number <= last && verdict && verdict->newest)
                        at = chain_add(c, verdict->newest, wide);
                if (n == 0 || ranges[n - 1].at != at || ranges[n - 1].action != action)
                        ranges[n++] = (struct range){ seccomp_number_of(abi, (unsigned)number), at,
                                                      action };
        }
        return n;
}

static unsigned range_label(struct seccomp_program *p, const struct range *range)
{
        return range->at > 0 ? range->at : seccomp_program_return(p, range->action);
}

/* The label of a tree that leads the accumulator (a call number) to its range. */
static unsigned tree_add(struct seccomp_program *p, const struct range *ranges, size_t n)
{
        size_t half = n / 2;
        unsigned above, below;

        if (n == 1)
                return range_label(p, ranges);
        /* One call among others: a single comparison. */
        if (n == 3 && ranges[1].start + 1 == ranges[2].start && ranges[0].at == ranges[2].at &&
            ranges[0].action == ranges[2].action) {
                above = range_label(p, &ranges[1]);
                below = range_label(p, &ranges[0]);
                return seccomp_program_jump(p, BPF_JEQ, ranges[1].start, above, below);
        }
        above = tree_add(p, ranges + half, n - half);
        below = tree_add(p, ranges, half);
        return seccomp_program_jump(p, BPF_JGE, ranges[half].start, above, below);
}

static unsigned abi_add(struct compilation *c, enum seccomp_abi abi)
{
        struct range ranges[SECCOMP_NUMBER_END + 1];
        size_t n = ranges_build(c, abi, ranges);

        return tree_add(c->program, ranges, n);
}

/* x86-64 and x32 share an AUDIT_ARCH. A number of -1 is what a tracer leaves to skip a call
 * (seccomp(2)): not an x32 call, so it gets the default action, not the bad architecture's. */
static unsigned x86_64_add(struct compilation *c)
{
        struct seccomp_program *p = c->program;
        unsigned native = abi_add(c, SECCOMP_ABI_X86_64);
        unsigned x32, skipped;

        if (c->listed[SECCOMP_ABI_X32]) {
                x32 = abi_add(c, SECCOMP_ABI_X32);
        } else {
                skipped = seccomp_program_return(p, c->default_action);
                x32 = seccomp_program_return(p, BAD_ARCHITECTURE);
                x32 = seccomp_program_jump(p, BPF_JEQ, UINT32_MAX, skipped, x32);
        }
        return seccomp_program_jump(p, BPF_JGE, SECCOMP_X32_BIT, x32, native);
}

/* The part of one AUDIT_ARCH; everything else goes to `next`. Its label. */
static unsigned architecture_add(struct compilation *c, enum seccomp_abi abi, unsigned next)
{
        static const uint32_t audit[N_SECCOMP_ABIS] = {
                [SECCOMP_ABI_X86_64] = AUDIT_ARCH_X86_64,
                [SECCOMP_ABI_I386] = AUDIT_ARCH_I386,
                [SECCOMP_ABI_AARCH64] = AUDIT_ARCH_AARCH64,
                [SECCOMP_ABI_ARM] = AUDIT_ARCH_ARM,
        };
        struct seccomp_program *p = c->program;
        unsigned entry;

        if (!c->listed[abi] || abi == SECCOMP_ABI_X32)
                return next;
        entry = abi == SECCOMP_ABI_X86_64 ? x86_64_add(c) : abi_add(c, abi);
        entry = seccomp_program_load(p, offsetof(struct seccomp_data, nr), entry);
        return seccomp_program_jump(p, BPF_JEQ, audit[abi], entry, next);
}

static void program_write(struct compilation *c)
{
        struct seccomp_program *p = c->program;
        enum seccomp_abi native = (enum seccomp_abi)seccomp_abi_find(SECCOMP_ARCH_NATIVE);
        unsigned entry;

        seccomp_program_start(p);
        entry = seccomp_program_return(p, BAD_ARCHITECTURE);
        /* Backwards: the native one is asked for first. */
        for (unsigned abi = 0; abi < N_SECCOMP_ABIS; abi++)
                if (abi != (unsigned)native)
                        entry = architecture_add(c, (enum seccomp_abi)abi, entry);
        entry = architecture_add(c, native, entry);
        seccomp_program_load(p, offsetof(struct seccomp_data, arch), entry);
}

static void architectures_note(struct compilation *c, const struct seccomp_profile *profile)
{
        c->listed[seccomp_abi_find(SECCOMP_ARCH_NATIVE)] = true;
        for (size_t i = 0; i < profile->n_architectures; i++) {
                int abi = seccomp_abi_find(profile->architectures[i]);

                if (abi >= 0)
                        c->listed[abi] = true;
        }
}

int seccomp_compile(
        struct arena *arena, const struct seccomp_profile *profile,
        const struct sock_filter **ret_program, size_t *ret_count)
{
        /* 32 KiB, of which only what is used is touched: on the stack the compiler would clear all of it. */
        struct seccomp_program *program = arena_new(arena, struct seccomp_program);
        struct compilation c = {
                .arena = arena,
                .default_action = profile->default_action,
                .program = program,
        };

        architectures_note(&c, profile);
        for (size_t i = 0; i < profile->n_rules; i++) {
                int r = rule_add(&c, &profile->rules[i]);

                if (r < 0)
                        return trail(r, "seccomp rule %zu", i);
        }
        if (c.listed[SECCOMP_ABI_I386])
                multiplexed_add(&c);
        program_write(&c);
        if (program->full)
                return trail(
                        -E2BIG, "the seccomp filter has more than %d instructions", BPF_MAXINSNS);
        *ret_program = seccomp_program_code(program);
        *ret_count = program->count;
        return 0;
}
