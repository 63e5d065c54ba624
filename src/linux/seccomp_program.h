/* SPDX-License-Identifier: Apache-2.0 */
/* Writing classic BPF from its end to its start; for the seccomp*.c files only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/filter.h>

/* A label: the position of an instruction, counted from the end of the program, from 1. */
struct seccomp_return {
        uint32_t action;
        unsigned at; /* 0: unused */
};

struct seccomp_program {
        unsigned count; /* instructions so far: the label of the newest one */
        bool full;      /* more than BPF_MAXINSNS were asked for: the program is no good */
        unsigned n_returns;
        struct seccomp_return returns[8];      /* where the last returns of an action were put */
        struct sock_filter code[BPF_MAXINSNS]; /* filled from its end */
};

/* A test of a 32-bit word of struct seccomp_data: (word & mask) OP k, OP a BPF_JEQ, ... */
struct seccomp_test {
        uint32_t offset, mask, op, k;
};

void seccomp_program_start(struct seccomp_program *p);
/* The first instruction; p->count of them. */
const struct sock_filter *seccomp_program_code(const struct seccomp_program *p);
/* The label of an instruction that returns `action`, near enough for a jump. */
unsigned seccomp_program_return(struct seccomp_program *p, uint32_t action);
/* A test of the accumulator: `op` (BPF_JEQ, ...) with `k`, then to `yes` or `no`, at any distance.
 * Its label. */
unsigned seccomp_program_jump(
        struct seccomp_program *p, uint32_t op, uint32_t k, unsigned yes, unsigned no);
/* Load the word at `offset` of struct seccomp_data, go on at `next`. Its label. */
unsigned seccomp_program_load(struct seccomp_program *p, uint32_t offset, unsigned next);
/* Load, mask and test a word. The label of the load. */
unsigned seccomp_program_test(
        struct seccomp_program *p, const struct seccomp_test *test, unsigned yes, unsigned no);
