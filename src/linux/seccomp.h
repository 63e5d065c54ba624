/* SPDX-License-Identifier: Apache-2.0 */
/* System call filters: the words of the OCI runtime spec ("linux.seccomp"), a compiler from a
 * profile to seccomp-BPF, husk's own profiles. No system call happens here: plan/apply loads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

struct arena;
struct json_writer;

/* x32 has no AUDIT_ARCH of its own: its calls carry bit 30 under AUDIT_ARCH_X86_64. This value
 * (no AUDIT_ARCH has both size bits unset and bit 30 set for x86) stands for it in a profile. */
#define SECCOMP_X32_BIT  0x40000000U
#define SECCOMP_ARCH_X32 (0x0000003eU | SECCOMP_X32_BIT)

#if defined(__x86_64__)
#        define SECCOMP_ARCH_NATIVE 0xc000003eU /* AUDIT_ARCH_X86_64 */
#elif defined(__aarch64__)
#        define SECCOMP_ARCH_NATIVE 0xc00000b7U /* AUDIT_ARCH_AARCH64 */
#else
#        error "seccomp: no system call table for this architecture"
#endif

enum seccomp_compare {
        SECCOMP_CMP_NE,
        SECCOMP_CMP_LT,
        SECCOMP_CMP_LE,
        SECCOMP_CMP_EQ,
        SECCOMP_CMP_GE,
        SECCOMP_CMP_GT,
        SECCOMP_CMP_MASKED_EQ, /* (argument & value) == (value_two & value) */
};

/* One condition; all comparisons are unsigned. */
struct seccomp_argument {
        unsigned index; /* 0 to 5 */
        enum seccomp_compare op;
        uint64_t value, value_two;
};

struct seccomp_rule {
        const char *const *names;
        size_t n_names;
        uint32_t action; /* SECCOMP_RET_* | data */
        const struct seccomp_argument *arguments;
        size_t n_arguments;
};

struct seccomp_profile {
        uint32_t default_action;
        const uint32_t *architectures; /* AUDIT_ARCH_* or SECCOMP_ARCH_X32 */
        size_t n_architectures;
        const struct seccomp_rule *rules;
        size_t n_rules;
};

/* Compile a profile to a seccomp-BPF program, in `arena` (the profile may go). The meaning is that
 * of runc on libseccomp:
 *   - the native architecture is always served, i386, x32, x86_64, aarch64 and arm (EABI) when listed (others
 *     may be listed, without effect). A call through any other gets SECCOMP_RET_KILL_THREAD;
 *   - names that the table or an architecture lacks are skipped;
 *   - a rule whose action is the default action is skipped;
 *   - of the rules on one call an unconditional one wins, the first one if there are several; else
 *     the first one whose conditions hold, in the profile's order; else the default action;
 *   - the conditions of a rule must all hold; but when an argument index occurs twice in a rule,
 *     each condition is a rule of its own;
 *   - 32-bit architectures (i386, x32) compare the low halves of arguments and values;
 *   - unless the default action is ALLOW, LOG or TRACE, numbers above the highest that the profile
 *     names (for that architecture) return ENOSYS, so that a libc newer than the profile falls
 *     back to older calls;
 *   - i386's socketcall(2) and ipc(2) follow the rules of the calls behind them. They hide the
 *     arguments: where rules on such a call depend on arguments, the strictest outcome counts.
 * 0, -EINVAL (an argument index above 5, an unknown comparison), -E2BIG (more than BPF_MAXINSNS
 * instructions), with a trail. Sources: runtime-spec config-linux.md "Seccomp", seccomp(2). */
int seccomp_compile(
        struct arena *arena, const struct seccomp_profile *profile,
        const struct sock_filter **ret_program, size_t *ret_count);

/* What such a program answers to a call: SECCOMP_RET_*, with its data. One that the kernel would not load
 * answers SECCOMP_RET_KILL_PROCESS, or what stands before its fault. Source: seccomp(2), "Filters". */
struct seccomp_data;
uint32_t seccomp_run(
        const struct sock_filter *program, size_t count, const struct seccomp_data *data);

/* husk's own profile, in `arena`; `capabilities` is a bit set of those that the container's
 * processes may get (the bounding set), kind "default" or "nesting" (more room for an engine in
 * the container: namespaces, mounts, keyctl). NULL for another kind. Only the native architecture
 * is listed: i386 and x32 calls are refused. Never changes between two calls with one input. */
const struct seccomp_profile *seccomp_default(
        struct arena *arena, uint64_t capabilities, const char *kind);

/* The profile as the OCI object "linux.seccomp", under `name` (NULL: as an item or the root). */
void seccomp_encode_oci(
        const struct seccomp_profile *profile, struct json_writer *w, const char *name);

#define SECCOMP_NO_ERRNO (-1)
/* "SCMP_ACT_..." and errnoRet (SECCOMP_NO_ERRNO: not given, which means EPERM where it matters).
 * 0, -EINVAL (an unknown name; an errno for an action that takes none), -ERANGE (an errno above
 * 4095, or above 65535 for TRACE), with a trail. */
int seccomp_action(const char *name, int64_t errno_ret, uint32_t *ret_action);
/* "SCMP_CMP_...", "SCMP_ARCH_...", "SECCOMP_FILTER_FLAG_...": 0 or -EINVAL with a trail. An
 * architecture is an AUDIT_ARCH_* or SECCOMP_ARCH_X32; all names of the spec are known. */
int seccomp_compare_op(const char *name, enum seccomp_compare *ret_op);
int seccomp_architecture(const char *name, uint32_t *ret_architecture);
int seccomp_flag(const char *name, unsigned *ret_flag);

/* The i-th name that the functions above accept, NULL behind the last: for `features`. */
const char *seccomp_action_name(size_t i);
const char *seccomp_compare_name(size_t i);
const char *seccomp_architecture_name(size_t i);
const char *seccomp_flag_name(size_t i);

/* The number of a call under an architecture (with bit 30 for x32), -ENOENT when either is unknown.
 * Child-safe. */
int seccomp_call_number(uint32_t architecture, const char *name);
/* The name of a call, as NUL-terminated constant, or NULL. Child-safe. */
const char *seccomp_call_name(uint32_t architecture, uint32_t number);
