/* SPDX-License-Identifier: Apache-2.0 */
/* The system call table and the lookups in it.
 *
 * Everything is constant data without a single pointer, so that a position-independent static
 * program relocates nothing at its start: the names are one pool addressed by offsets, the hash
 * table (made by tools/gen-syscalls) holds row numbers. The tables from numbers to rows come from
 * designated initializers: an ABI's missing calls get an index of their own behind the last
 * number, so no two initializers meet. Only what an OCI document says by name is looked up here;
 * what the words mean for BPF is in seccomp.c. */
#include "base/base.h"
#include "seccomp.h"
#include "seccomp_table.h"

#include <string.h>

#include <linux/audit.h>

#define N_SLOTS 2048

struct pool {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) char s_##name[sizeof #name];
#include "seccomp_calls.def"
#undef CALL
};

static const struct pool pool = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) #name,
#include "seccomp_calls.def"
#undef CALL
};

const struct seccomp_call seccomp_calls[N_SECCOMP_ROWS] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) \
        { offsetof(struct pool, s_##name),                              \
          { x86_64, i386, x32, aarch64, arm },                          \
          multiplexed,                                                  \
          class },
#include "seccomp_calls.def"
#undef CALL
};

static const uint16_t slots[N_SLOTS] = {
#include "seccomp_slots.def"
};

#define BY_NUMBER(name, number)                                               \
        [(number) < 0 ? SECCOMP_NUMBER_END + SECCOMP_ROW_##name : (number)] = \
                SECCOMP_ROW_##name + 1,

static const uint16_t rows[N_SECCOMP_ABIS][SECCOMP_NUMBER_END + N_SECCOMP_ROWS] = {
        [SECCOMP_ABI_X86_64] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) BY_NUMBER(name, x86_64)
#include "seccomp_calls.def"
#undef CALL
        },
        [SECCOMP_ABI_I386] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) BY_NUMBER(name, i386)
#include "seccomp_calls.def"
#undef CALL
        },
        [SECCOMP_ABI_X32] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) BY_NUMBER(name, x32)
#include "seccomp_calls.def"
#undef CALL
        },
        [SECCOMP_ABI_AARCH64] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) BY_NUMBER(name, aarch64)
#include "seccomp_calls.def"
#undef CALL
        },
        [SECCOMP_ABI_ARM] = {
#define CALL(name, x86_64, i386, x32, aarch64, arm, multiplexed, class) BY_NUMBER(name, arm)
#include "seccomp_calls.def"
#undef CALL
        },
};

/* As in tools/gen-syscalls: the first and the last eight bytes and the length of a name. */
static uint32_t call_hash(const char *name, size_t size)
{
        uint64_t head = 0, tail = 0;

        if (size >= sizeof head) {
                memcpy(&head, name, sizeof head);
                memcpy(&tail, name + size - sizeof tail, sizeof tail);
        } else {
                for (size_t i = size; i-- > 0;)
                        head = head << 8 | (unsigned char)name[i];
                tail = head;
        }
        return (uint32_t)((head ^ tail * 0x9e3779b97f4a7c15 ^ size) * 0xd6e8feb86659fd93 >> 32);
}

const char *seccomp_row_name(unsigned row)
{
        return (const char *)&pool + seccomp_calls[row].name;
}

int seccomp_row_find(const char *name)
{
        size_t size = strlen(name);

        for (uint32_t at = call_hash(name, size) % N_SLOTS; slots[at]; at = (at + 1) % N_SLOTS)
                if (!strcmp(seccomp_row_name(slots[at] - 1U), name))
                        return slots[at] - 1;
        return -1;
}

const uint16_t *seccomp_rows_of(enum seccomp_abi abi)
{
        return rows[abi];
}

int seccomp_row_by_number(enum seccomp_abi abi, unsigned number)
{
        return number < SECCOMP_NUMBER_END ? rows[abi][number] - 1 : -1;
}

uint32_t seccomp_number_of(enum seccomp_abi abi, unsigned number)
{
        if (abi == SECCOMP_ABI_X32)
                return number | SECCOMP_X32_BIT;
        if (abi == SECCOMP_ABI_ARM && number >= SECCOMP_ARM_PRIVATE)
                return number - SECCOMP_ARM_PRIVATE + SECCOMP_ARM_PRIVATE_BASE;
        return number;
}

int seccomp_abi_find(uint32_t architecture)
{
        switch (architecture) {
        case AUDIT_ARCH_X86_64:
                return SECCOMP_ABI_X86_64;
        case AUDIT_ARCH_I386:
                return SECCOMP_ABI_I386;
        case SECCOMP_ARCH_X32:
                return SECCOMP_ABI_X32;
        case AUDIT_ARCH_AARCH64:
                return SECCOMP_ABI_AARCH64;
        case AUDIT_ARCH_ARM:
                return SECCOMP_ABI_ARM;
        default:
                return -1;
        }
}

int seccomp_call_number(uint32_t architecture, const char *name)
{
        int abi = seccomp_abi_find(architecture);
        int row = seccomp_row_find(name);

        if (abi < 0 || row < 0 || seccomp_calls[row].numbers[abi] < 0)
                return -ENOENT;
        return (int)seccomp_number_of(
                (enum seccomp_abi)abi, (unsigned)seccomp_calls[row].numbers[abi]);
}

const char *seccomp_call_name(uint32_t architecture, uint32_t number)
{
        int abi = seccomp_abi_find(architecture);
        int row;

        if (abi == SECCOMP_ABI_X86_64 && number & SECCOMP_X32_BIT)
                abi = SECCOMP_ABI_X32;
        if (abi < 0)
                return NULL;
        if (abi == SECCOMP_ABI_X32)
                number &= ~SECCOMP_X32_BIT;
        if (abi == SECCOMP_ABI_ARM && number >= SECCOMP_ARM_PRIVATE) {
                if (number - SECCOMP_ARM_PRIVATE_BASE >= SECCOMP_NUMBER_END - SECCOMP_ARM_PRIVATE)
                        return NULL;
                number = number - SECCOMP_ARM_PRIVATE_BASE + SECCOMP_ARM_PRIVATE;
        }
        row = seccomp_row_by_number((enum seccomp_abi)abi, number);
        return row < 0 ? NULL : seccomp_row_name((unsigned)row);
}
