/* SPDX-License-Identifier: Apache-2.0 */
/* The system call table, for the seccomp*.c files only. */
#pragma once

#include <stdint.h>

/* The rows of seccomp_calls.def. */
enum seccomp_row {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) SECCOMP_ROW_##name,
#include "seccomp_calls.def"
#undef CALL
        N_SECCOMP_ROWS,
};

enum seccomp_abi {
        SECCOMP_ABI_X86_64,
        SECCOMP_ABI_I386,
        SECCOMP_ABI_X32,
        SECCOMP_ABI_AARCH64,
        SECCOMP_ABI_ARM,
        N_SECCOMP_ABIS,
};

/* Above every call number of every ABI (x32's, without its bit, end at 547). */
#define SECCOMP_NUMBER_END 640
/* arm's own calls (set_tls and so on) begin at 0xf0000: in the table they begin here. */
#define SECCOMP_ARM_PRIVATE      600
#define SECCOMP_ARM_PRIVATE_BASE 0xf0000U

struct seccomp_call {
        uint16_t name;                   /* offset into the pool of names */
        int16_t numbers[N_SECCOMP_ABIS]; /* without what the ABI adds; -1: none */
        uint8_t multiplexed;             /* i386: 100 + socketcall(2) number, 200 + ipc(2)'s */
        char class;                      /* see tools/syscalls.classes */
};

extern const struct seccomp_call seccomp_calls[N_SECCOMP_ROWS];

/* The row of a name, -1 when unknown. Child-safe. */
int seccomp_row_find(const char *name);
/* The kernel's number for one of the table: x32's bit, arm's own calls. Child-safe. */
uint32_t seccomp_number_of(enum seccomp_abi abi, unsigned number);
/* The row of a number of the table, -1 when there is none. Child-safe. */
int seccomp_row_by_number(enum seccomp_abi abi, unsigned number);
/* The rows of an ABI's numbers, from 0 to SECCOMP_NUMBER_END: row + 1, 0 where there is none. */
const uint16_t *seccomp_rows_of(enum seccomp_abi abi);
/* The name of a row. */
const char *seccomp_row_name(unsigned row);
/* The ABI of an AUDIT_ARCH_* or SECCOMP_ARCH_X32, -1 when the table has none. */
int seccomp_abi_find(uint32_t architecture);
