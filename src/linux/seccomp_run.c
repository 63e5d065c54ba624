/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a filter would answer, without loading it: a machine for the classic BPF that
 * seccomp_compile() writes. */
#include "linux.h"

#include <string.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

uint32_t seccomp_run(
        const struct sock_filter *program, size_t count, const struct seccomp_data *data)
{
        uint32_t a = 0;

        for (size_t pc = 0; pc < count; pc++) {
                const struct sock_filter *i = &program[pc];
                bool taken;

                switch (i->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (i->k % 4 || i->k + 4 > sizeof *data)
                                return SECCOMP_RET_KILL_PROCESS;
                        memcpy(&a, (const char *)data + i->k, 4);
                        continue;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= i->k;
                        continue;
                case BPF_RET | BPF_K:
                        return i->k;
                case BPF_JMP | BPF_JA:
                        pc += i->k;
                        continue;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        taken = a == i->k;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        taken = a >= i->k;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        taken = a > i->k;
                        break;
                default:
                        return SECCOMP_RET_KILL_PROCESS;
                }
                pc += taken ? i->jt : i->jf;
        }
        return SECCOMP_RET_KILL_PROCESS;
}
