/* SPDX-License-Identifier: Apache-2.0 */
/* husk's own profile, made from the classes of the system call table (tools/syscalls.classes).
 *
 * The default action is EPERM; calls that the kernel no longer has, and those newer than the table
 * (the compiler adds them), are ENOSYS, so that programs fall back. Every call of a class whose
 * gate is open is allowed. A few calls depend on their arguments; all conditions are allow rules
 * that cannot be outwitted by the bits that the kernel ignores: the kernel cuts a socket's family
 * to an int, so a comparison with all 64 bits of the register ("greater than 40 is harmless")
 * would let AF_ALG + 2^32 pass. The profile is plain OCI: it can be shown, stored, and given to
 * another runtime. It does not decide capabilities; it follows those that the container has. */
#include "base/base.h"
#include "seccomp.h"
#include "seccomp_table.h"

#include <linux/capability.h>
#include <linux/seccomp.h>

#define CAP(name) (1ULL << CAP_##name)
#define LOW_BITS  UINT32_MAX
/* clone(2), unshare(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
#define NAMESPACES 0x7e020000ULL
/* CLONE_NEWTIME is one of clone's signal bits; only unshare takes it. */
#define NAMESPACE_TIME 0x80ULL

#define N_RULES_MAX 32

/* What opens a class: any of the capabilities, or the kind. A class that is not here is closed. */
static const struct gate {
        char class;
        bool always, nesting;
        uint64_t capabilities;
} gates[] = {
        { 'a', true, true, 0 },
        { 'b', false, false, CAP(SYS_BOOT) },
        { 'c', false, true, CAP(SYS_CHROOT) },
        { 'd', false, false, CAP(DAC_READ_SEARCH) },
        { 'i', false, false, CAP(SYS_NICE) },
        { 'k', false, false, CAP(SYS_TIME) },
        { 'l', false, false, CAP(SYSLOG) | CAP(SYS_ADMIN) },
        { 'm', false, false, CAP(SYS_MODULE) },
        { 'p', false, false, CAP(SYS_PACCT) },
        { 'q', false, true, 0 },
        { 'r', false, false, CAP(SYS_RAWIO) },
        { 's', false, false, CAP(SYS_ADMIN) },
        { 't', false, false, CAP(SYS_PTRACE) },
        { 'v', false, true, CAP(SYS_ADMIN) },
        { 'y', false, false, CAP(SYS_TTY_CONFIG) },
        { 'B', false, false, CAP(BPF) | CAP(SYS_ADMIN) },
        { 'P', false, false, CAP(PERFMON) | CAP(SYS_ADMIN) },
};

static const char *const name_clone[] = { "clone" };
static const char *const name_clone3[] = { "clone3" };
static const char *const name_unshare[] = { "unshare" };
static const char *const name_socket[] = { "socket" };
static const char *const name_personality[] = { "personality" };
static const char *const names_namespaces[] = { "clone", "clone3", "setns", "unshare" };

static const struct seccomp_argument no_namespace[] = {
        { 0, SECCOMP_CMP_MASKED_EQ, NAMESPACES, 0 },
};
static const struct seccomp_argument no_namespace_or_time[] = {
        { 0, SECCOMP_CMP_MASKED_EQ, NAMESPACES | NAMESPACE_TIME, 0 },
};

/* All families below 48 (Linux 6.18 ends at 45) but AF_ALG (38: the kernel's crypto, which no libc
 * needs) and AF_VSOCK (40: a way to the hypervisor and past every network namespace), as blocks
 * of 2^n numbers. */
static const struct seccomp_argument families[] = {
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS & ~31U, 0 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS & ~3U, 32 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS & ~1U, 36 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 39 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 41 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS & ~1U, 42 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS & ~3U, 44 },
};

/* PER_LINUX, PER_LINUX32, each with UNAME26, and the question: no READ_IMPLIES_EXEC, no
 * ADDR_NO_RANDOMIZE, no foreign system's layout. */
static const struct seccomp_argument personalities[] = {
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 0x0 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 0x8 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 0x20000 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 0x20008 },
        { 0, SECCOMP_CMP_MASKED_EQ, LOW_BITS, 0xffffffff },
};

struct building {
        struct arena *arena;
        struct seccomp_rule *rules;
        size_t n;
};

static void rule_put(struct building *b, uint32_t action, const char *const *names, size_t n_names)
{
        b->rules[b->n++] = (struct seccomp_rule){ names, n_names, action, NULL, 0 };
}

/* Allow a call when any of the conditions holds: a rule for each. */
static void rule_put_any(
        struct building *b, const char *const *name, const struct seccomp_argument *arguments,
        size_t n)
{
        for (size_t i = 0; i < n; i++)
                b->rules[b->n++] =
                        (struct seccomp_rule){ name, 1, SECCOMP_RET_ALLOW, &arguments[i], 1 };
}

static bool class_open(char class, uint64_t capabilities, bool nesting)
{
        for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
                if (gates[i].class == class)
                        return gates[i].always || (nesting && gates[i].nesting) ||
                               gates[i].capabilities & capabilities;
        return false;
}

/* The calls whose class is one of `open`, a set of letters. */
static void rule_put_classes(struct building *b, uint32_t action, const bool open[128])
{
        const char **names = arena_array(b->arena, N_SECCOMP_ROWS, sizeof *names);
        size_t n = 0;

        for (unsigned row = 0; row < N_SECCOMP_ROWS; row++)
                if (open[(unsigned char)seccomp_calls[row].class & 127])
                        names[n++] = seccomp_row_name(row);
        rule_put(b, action, names, n);
}

const struct seccomp_profile *seccomp_default(
        struct arena *arena, uint64_t capabilities, const char *kind)
{
        static const uint32_t architectures[] = { SECCOMP_ARCH_NATIVE };
        bool nesting = text_equal(kind, "nesting");
        bool open[128] = { false }, gone[128] = { ['n'] = true };
        struct seccomp_profile *profile;
        struct building b = { .arena = arena };

        if (!nesting && !text_equal(kind, "default"))
                return NULL;
        b.rules = arena_array(arena, N_RULES_MAX, sizeof *b.rules);
        for (int class = 'A'; class <= 'z'; class ++)
                open[class] = class_open((char)class, capabilities, nesting);
        rule_put_classes(&b, SECCOMP_RET_ALLOW, open);
        rule_put_classes(&b, SECCOMP_RET_ERRNO | ENOSYS, gone);
        if (nesting || capabilities & CAP(SYS_ADMIN)) {
                rule_put(&b, SECCOMP_RET_ALLOW, names_namespaces, ARRAY_SIZE(names_namespaces));
        } else {
                rule_put_any(&b, name_clone, no_namespace, 1);
                rule_put_any(&b, name_unshare, no_namespace_or_time, 1);
                /* Its flags are behind a pointer; libc falls back to clone(2). */
                rule_put(&b, SECCOMP_RET_ERRNO | ENOSYS, name_clone3, 1);
        }
        rule_put_any(&b, name_socket, families, ARRAY_SIZE(families));
        rule_put_any(&b, name_personality, personalities, ARRAY_SIZE(personalities));
        profile = arena_new(arena, struct seccomp_profile);
        *profile = (struct seccomp_profile){
                .default_action = SECCOMP_RET_ERRNO | EPERM,
                .architectures = architectures,
                .n_architectures = ARRAY_SIZE(architectures),
                .rules = b.rules,
                .n_rules = b.n,
        };
        return profile;
}
