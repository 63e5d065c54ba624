/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp CONFIG.json: how long the filter of /linux/seccomp takes to compile, from decoded words to
 * a program, and how large and deep it is. One line: median, minimum, instructions, depth. */
#include "linux/linux.h"
#include "spec/spec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

#define ROUNDS 2001

static struct seccomp_profile profile_of(struct arena *arena, const struct spec_seccomp *from)
{
        struct seccomp_rule *rules = arena_array(arena, from->syscalls.n + 1, sizeof *rules);
        uint32_t *architectures = arena_array(arena, from->architectures.n + 1, sizeof(uint32_t));
        struct seccomp_profile profile = { .rules = rules, .architectures = architectures };

        seccomp_action(from->default_action, SECCOMP_NO_ERRNO, &profile.default_action);
        for (size_t i = 0; i < from->architectures.n; i++)
                seccomp_architecture(
                        from->architectures.items[i], &architectures[profile.n_architectures++]);
        for (; profile.n_rules < from->syscalls.n; profile.n_rules++) {
                const struct spec_seccomp_syscall *call = &from->syscalls.items[profile.n_rules];
                struct seccomp_argument *arguments =
                        arena_array(arena, call->args.n + 1, sizeof *arguments);

                for (size_t i = 0; i < call->args.n; i++) {
                        const struct spec_seccomp_argument *a = &call->args.items[i];

                        arguments[i] =
                                (struct seccomp_argument){ a->index, 0, a->value, a->value_two };
                        seccomp_compare_op(a->op, &arguments[i].op);
                }
                rules[profile.n_rules] =
                        (struct seccomp_rule){ (const char *const *)call->names.items,
                                               call->names.n, 0, arguments, call->args.n };
                seccomp_action(
                        call->action,
                        call->errno_ret.set ? (int64_t)call->errno_ret.value : SECCOMP_NO_ERRNO,
                        &rules[profile.n_rules].action);
        }
        return profile;
}

/* The most instructions that a call without tests of arguments passes, native calls only. */
static unsigned depth(const struct sock_filter *code, size_t n)
{
        unsigned deepest = 0;

        for (uint32_t nr = 0; nr < 480; nr++) {
                uint32_t a = 0;
                unsigned steps = 0;

                for (size_t pc = 0; pc < n; pc++) {
                        const struct sock_filter *i = &code[pc];
                        bool yes;

                        steps++;
                        if (BPF_CLASS(i->code) == BPF_RET)
                                break;
                        if (BPF_CLASS(i->code) == BPF_LD)
                                a = i->k == 4 ? AUDIT_ARCH_X86_64 : i->k == 0 ? nr : 0;
                        if (BPF_CLASS(i->code) != BPF_JMP)
                                continue;
                        yes = BPF_OP(i->code) == BPF_JEQ ? a == i->k
                            : BPF_OP(i->code) == BPF_JGT ? a > i->k
                                                         : a >= i->k;
                        pc += BPF_OP(i->code) == BPF_JA ? i->k : yes ? i->jt : i->jf;
                }
                deepest = steps > deepest ? steps : deepest;
        }
        return deepest;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
        static uint64_t spent[ROUNDS];
        auto_arena arena = { 0 };
        struct seccomp_profile profile;
        const struct sock_filter *code;
        const struct spec *spec;
        struct text text;
        size_t n = 0;

        if (argc != 2 || file_read(&arena, AT_FDCWD, argv[1], 1 << 20, &text) < 0 ||
            spec_parse(&arena, argv[1], text_string(&text), text.len, &spec) < 0 || !spec->linux_ ||
            !spec->linux_->seccomp) {
                fprintf(stderr, "seccomp: %s\n", trail_text());
                return 1;
        }
        profile = profile_of(&arena, spec->linux_->seccomp);
        for (int i = 0; i < ROUNDS; i++) {
                uint64_t start = process_clock_ns();

                if (seccomp_compile(&arena, &profile, &code, &n) < 0)
                        return 1;
                spent[i] = process_clock_ns() - start;
        }
        if (seccomp_compile(&arena, &profile, &code, &n) < 0)
                return 1;
        qsort(spent, ROUNDS, sizeof *spent, compare);
        printf("%.1f us median, %.1f us least; %zu instructions, %u deep\n",
               (double)spent[ROUNDS / 2] / 1000, (double)spent[0] / 1000, n, depth(code, n));
        return 0;
}
