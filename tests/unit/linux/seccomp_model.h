/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile means, said as plainly as possible, and a machine that runs classic BPF: the
 * compiler's program has to agree with the model on every input. For the tests and the fuzzer. */
#pragma once

#include "linux/linux.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* Every jump lands inside the program, which ends with a return. */
__attribute__((unused)) static bool bpf_known(const struct sock_filter *i)
{
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
                return i->k % 4 == 0 && i->k < sizeof(struct seccomp_data);
        case BPF_ALU | BPF_AND | BPF_K:
        case BPF_JMP | BPF_JA:
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K:
        case BPF_RET | BPF_K:
                return true;
        default:
                return false;
        }
}

__attribute__((unused)) static bool bpf_sound(const struct sock_filter *code, size_t n)
{
        for (size_t pc = 0; pc < n; pc++) {
                if (!bpf_known(&code[pc]))
                        return false;
                if (code[pc].code == (BPF_JMP | BPF_JA) && code[pc].k >= n - pc - 1)
                        return false;
                if (BPF_CLASS(code[pc].code) == BPF_JMP && BPF_OP(code[pc].code) != BPF_JA &&
                    (code[pc].jt >= n - pc - 1 || code[pc].jf >= n - pc - 1))
                        return false;
        }
        return n > 0 && n <= BPF_MAXINSNS && code[n - 1].code == (BPF_RET | BPF_K);
}

static bool model_argument(
        const struct seccomp_argument *argument, const struct seccomp_data *data, bool wide)
{
        uint64_t actual = data->args[argument->index], a = argument->value;
        uint64_t b = argument->value_two;

        if (!wide) {
                actual = (uint32_t)actual;
                a = (uint32_t)a;
                b = (uint32_t)b;
        }
        switch (argument->op) {
        case SECCOMP_CMP_NE:
                return actual != a;
        case SECCOMP_CMP_LT:
                return actual < a;
        case SECCOMP_CMP_LE:
                return actual <= a;
        case SECCOMP_CMP_EQ:
                return actual == a;
        case SECCOMP_CMP_GE:
                return actual >= a;
        case SECCOMP_CMP_GT:
                return actual > a;
        case SECCOMP_CMP_MASKED_EQ:
                return (actual & a) == (b & a);
        }
        abort();
}

static bool model_rule(const struct seccomp_rule *rule, const struct seccomp_data *data, bool wide)
{
        unsigned seen = 0, n_true = 0;
        bool repeated = false;

        for (size_t i = 0; i < rule->n_arguments; i++) {
                repeated |= seen >> rule->arguments[i].index & 1;
                seen |= 1U << rule->arguments[i].index;
                n_true += model_argument(&rule->arguments[i], data, wide);
        }
        return repeated ? n_true > 0 : n_true == rule->n_arguments;
}

static bool model_listed(const struct seccomp_profile *profile, uint32_t architecture)
{
        for (size_t i = 0; i < profile->n_architectures; i++)
                if (profile->architectures[i] == architecture)
                        return true;
        return architecture == SECCOMP_ARCH_NATIVE;
}

/* The action for one call by name: the model without architectures. */
static uint32_t model_call(
        const struct seccomp_profile *profile, const char *name, const struct seccomp_data *data,
        bool wide)
{
        for (int conditional = 0; conditional < 2; conditional++) {
                for (size_t i = 0; i < profile->n_rules; i++) {
                        const struct seccomp_rule *rule = &profile->rules[i];

                        if (rule->action == profile->default_action ||
                            (rule->n_arguments > 0) != conditional || !model_rule(rule, data, wide))
                                continue;
                        for (size_t k = 0; k < rule->n_names; k++)
                                if (!strcmp(rule->names[k], name))
                                        return rule->action;
                }
        }
        return profile->default_action;
}

/* The highest number that the profile names under an architecture. */
static int model_last(const struct seccomp_profile *profile, uint32_t architecture)
{
        int last = -1;

        for (size_t i = 0; i < profile->n_rules; i++) {
                for (size_t k = 0; k < profile->rules[i].n_names; k++) {
                        int nr = seccomp_call_number(architecture, profile->rules[i].names[k]);

                        last = nr > last ? nr : last;
                }
        }
        return last;
}

/* What the profile says about a call. Not for i386's socketcall and ipc. */
__attribute__((unused)) static uint32_t model_run(
        const struct seccomp_profile *profile, const struct seccomp_data *data)
{
        uint32_t full = profile->default_action & SECCOMP_RET_ACTION_FULL, nr = (uint32_t)data->nr;
        bool permits =
                full == SECCOMP_RET_ALLOW || full == SECCOMP_RET_LOG || full == SECCOMP_RET_TRACE;
        uint32_t architecture = data->arch;
        const char *name;
        int last;

        if (architecture == AUDIT_ARCH_X86_64 && nr >= SECCOMP_X32_BIT) {
                if (!model_listed(profile, SECCOMP_ARCH_X32))
                        return nr == UINT32_MAX ? profile->default_action : SECCOMP_RET_KILL_THREAD;
                architecture = SECCOMP_ARCH_X32;
        }
        if (!model_listed(profile, architecture) ||
            (architecture != AUDIT_ARCH_X86_64 && architecture != AUDIT_ARCH_I386 &&
             architecture != SECCOMP_ARCH_X32 && architecture != AUDIT_ARCH_AARCH64 &&
             architecture != AUDIT_ARCH_ARM))
                return SECCOMP_RET_KILL_THREAD;
        last = model_last(profile, architecture);
        if (!permits && last >= 0 && nr > (uint32_t)last)
                return SECCOMP_RET_ERRNO | ENOSYS;
        name = seccomp_call_name(architecture, nr);
        if (!name)
                return profile->default_action;
        return model_call(
                profile, name, data,
                architecture == AUDIT_ARCH_X86_64 || architecture == AUDIT_ARCH_AARCH64);
}

/* A random profile: for a seed always the same one. Values are such that they meet. */
struct model_dice {
        uint64_t state;
};

__attribute__((unused)) static uint32_t dice_roll(struct model_dice *dice, uint32_t below)
{
        dice->state = dice->state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (uint32_t)((dice->state >> 33) % below);
}

__attribute__((unused)) static uint64_t dice_value(struct model_dice *dice)
{
        static const uint64_t values[] = {
                0,          1,          2,           38,          40,          0x7fffffff,
                0x80000000, 0xfffffffe, 0xffffffff,  0x100000000, 0x100000001, 0x1ffffffff,
                ~0ULL,      ~0ULL - 1,  1ULL << 63,  0x7e020000,  0x500000000, 0x5deadbeef,
                39,         0xff,       0x500000001, 0xffff0000,  0x8,         0xf00000000,
        };
        uint64_t value = values[dice_roll(dice, sizeof values / sizeof *values)];

        return value + (dice_roll(dice, 4) == 0 ? dice_roll(dice, 3) - 1ULL : 0);
}
