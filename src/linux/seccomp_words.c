/* SPDX-License-Identifier: Apache-2.0 */
/* The words of "linux.seccomp" in the OCI runtime spec, both ways.
 *
 * Four small tables: actions, comparisons, architectures, flags. The same tables serve the
 * decoder, the encoder and the list of what this runtime knows (`features`), so the three cannot
 * disagree. The encoder writes what the spec's schema takes, no member more; it does not know the
 * members that are no part of a filter (flags, listenerPath). */
#include "base/base.h"
#include "seccomp.h"

#include <linux/audit.h>
#include <linux/elf-em.h>
#include <linux/seccomp.h>

/* What the headers of an older kernel or another libc may lack. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#        define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define ERRNO_MAX 4095 /* the kernel's MAX_ERRNO: it caps what a filter says */
#define LE32      __AUDIT_ARCH_LE
#define LE64      (__AUDIT_ARCH_LE | __AUDIT_ARCH_64BIT)
#define BE64      __AUDIT_ARCH_64BIT
#define N32       __AUDIT_ARCH_CONVENTION_MIPS64_N32

struct word {
        char name[40]; /* an array, not a pointer: nothing to relocate */
        uint32_t value;
};

static const struct word actions[] = {
        { "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
        { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
        { "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
        { "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
        { "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
        { "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
        { "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
        { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
        { "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
};

static const struct word compares[] = {
        { "SCMP_CMP_NE", SECCOMP_CMP_NE },
        { "SCMP_CMP_LT", SECCOMP_CMP_LT },
        { "SCMP_CMP_LE", SECCOMP_CMP_LE },
        { "SCMP_CMP_EQ", SECCOMP_CMP_EQ },
        { "SCMP_CMP_GE", SECCOMP_CMP_GE },
        { "SCMP_CMP_GT", SECCOMP_CMP_GT },
        { "SCMP_CMP_MASKED_EQ", SECCOMP_CMP_MASKED_EQ },
};

/* From the ELF machine numbers, as <linux/audit.h> does, because headers differ in which they
 * define: riscv 243, loongarch 258, parisc 15, sh 42, m68k 4. */
static const struct word architectures[] = {
        { "SCMP_ARCH_X86", EM_386 | LE32 },
        { "SCMP_ARCH_X86_64", EM_X86_64 | LE64 },
        { "SCMP_ARCH_X32", SECCOMP_ARCH_X32 },
        { "SCMP_ARCH_ARM", EM_ARM | LE32 },
        { "SCMP_ARCH_AARCH64", EM_AARCH64 | LE64 },
        { "SCMP_ARCH_MIPS", EM_MIPS },
        { "SCMP_ARCH_MIPS64", EM_MIPS | BE64 },
        { "SCMP_ARCH_MIPS64N32", EM_MIPS | BE64 | N32 },
        { "SCMP_ARCH_MIPSEL", EM_MIPS | LE32 },
        { "SCMP_ARCH_MIPSEL64", EM_MIPS | LE64 },
        { "SCMP_ARCH_MIPSEL64N32", EM_MIPS | LE64 | N32 },
        { "SCMP_ARCH_PPC", EM_PPC },
        { "SCMP_ARCH_PPC64", EM_PPC64 | BE64 },
        { "SCMP_ARCH_PPC64LE", EM_PPC64 | LE64 },
        { "SCMP_ARCH_S390", EM_S390 },
        { "SCMP_ARCH_S390X", EM_S390 | BE64 },
        { "SCMP_ARCH_PARISC", 15 },
        { "SCMP_ARCH_PARISC64", 15 | BE64 },
        { "SCMP_ARCH_RISCV64", 243 | LE64 },
        { "SCMP_ARCH_LOONGARCH64", 258 | LE64 },
        { "SCMP_ARCH_M68K", 4 },
        { "SCMP_ARCH_SH", 42 | LE32 },
        { "SCMP_ARCH_SHEB", 42 },
};

static const struct word flags[] = {
        { "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
        { "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
        { "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
        { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

static const struct word *word_find(const struct word *words, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (text_equal(words[i].name, name))
                        return &words[i];
        return NULL;
}

/* The last one of a value: SCMP_ACT_KILL_THREAD rather than its older name. */
static const char *word_name(const struct word *words, size_t n, uint32_t value)
{
        while (n-- > 0)
                if (words[n].value == value)
                        return words[n].name;
        return NULL;
}

int seccomp_action(const char *name, int64_t errno_ret, uint32_t *ret_action)
{
        const struct word *word = word_find(actions, ARRAY_SIZE(actions), name);
        bool takes_errno;
        int64_t max;

        if (!word)
                return trail(-EINVAL, "unknown seccomp action %s", name);
        takes_errno = word->value == SECCOMP_RET_ERRNO || word->value == SECCOMP_RET_TRACE;
        if (!takes_errno) {
                if (errno_ret != SECCOMP_NO_ERRNO)
                        return trail(-EINVAL, "seccomp action %s takes no errno", name);
                *ret_action = word->value;
                return 0;
        }
        max = word->value == SECCOMP_RET_ERRNO ? ERRNO_MAX : (int64_t)SECCOMP_RET_DATA;
        if (errno_ret == SECCOMP_NO_ERRNO)
                errno_ret = EPERM;
        if (errno_ret < 0 || errno_ret > max)
                return trail(
                        -ERANGE, "seccomp action %s: errno %lld is not in 0 to %lld", name,
                        (long long)errno_ret, (long long)max);
        *ret_action = word->value | (uint32_t)errno_ret;
        return 0;
}

int seccomp_compare_op(const char *name, enum seccomp_compare *ret_op)
{
        const struct word *word = word_find(compares, ARRAY_SIZE(compares), name);

        if (!word)
                return trail(-EINVAL, "unknown seccomp comparison %s", name);
        *ret_op = (enum seccomp_compare)word->value;
        return 0;
}

int seccomp_architecture(const char *name, uint32_t *ret_architecture)
{
        const struct word *word = word_find(architectures, ARRAY_SIZE(architectures), name);

        if (!word)
                return trail(-EINVAL, "unknown seccomp architecture %s", name);
        *ret_architecture = word->value;
        return 0;
}

int seccomp_flag(const char *name, unsigned *ret_flag)
{
        const struct word *word = word_find(flags, ARRAY_SIZE(flags), name);

        if (!word)
                return trail(-EINVAL, "unknown seccomp flag %s", name);
        *ret_flag = word->value;
        return 0;
}

const char *seccomp_action_name(size_t i)
{
        return i < ARRAY_SIZE(actions) ? actions[i].name : NULL;
}

const char *seccomp_compare_name(size_t i)
{
        return i < ARRAY_SIZE(compares) ? compares[i].name : NULL;
}

const char *seccomp_architecture_name(size_t i)
{
        return i < ARRAY_SIZE(architectures) ? architectures[i].name : NULL;
}

const char *seccomp_flag_name(size_t i)
{
        return i < ARRAY_SIZE(flags) ? flags[i].name : NULL;
}

/* `action` under the name `name`, its errno under `errno_name` where it has one. */
static void encode_action(
        struct json_writer *w, const char *name, const char *errno_name, uint32_t action)
{
        uint32_t full = action & SECCOMP_RET_ACTION_FULL;

        json_put_string(w, name, word_name(actions, ARRAY_SIZE(actions), full));
        if (full == SECCOMP_RET_ERRNO || full == SECCOMP_RET_TRACE)
                json_put_u64(w, errno_name, action & SECCOMP_RET_DATA);
}

static void encode_argument(struct json_writer *w, const struct seccomp_argument *argument)
{
        json_open_object(w, NULL);
        json_put_u64(w, "index", argument->index);
        json_put_u64(w, "value", argument->value);
        if (argument->op == SECCOMP_CMP_MASKED_EQ)
                json_put_u64(w, "valueTwo", argument->value_two);
        json_put_string(w, "op", word_name(compares, ARRAY_SIZE(compares), (uint32_t)argument->op));
        json_close_object(w);
}

static void encode_rule(struct json_writer *w, const struct seccomp_rule *rule)
{
        json_open_object(w, NULL);
        json_open_array(w, "names");
        for (size_t i = 0; i < rule->n_names; i++)
                json_put_string(w, NULL, rule->names[i]);
        json_close_array(w);
        encode_action(w, "action", "errnoRet", rule->action);
        if (rule->n_arguments > 0) {
                json_open_array(w, "args");
                for (size_t i = 0; i < rule->n_arguments; i++)
                        encode_argument(w, &rule->arguments[i]);
                json_close_array(w);
        }
        json_close_object(w);
}

void seccomp_encode_oci(
        const struct seccomp_profile *profile, struct json_writer *w, const char *name)
{
        json_open_object(w, name);
        encode_action(w, "defaultAction", "defaultErrnoRet", profile->default_action);
        json_open_array(w, "architectures");
        for (size_t i = 0; i < profile->n_architectures; i++)
                json_put_string(
                        w, NULL,
                        word_name(
                                architectures, ARRAY_SIZE(architectures),
                                profile->architectures[i]));
        json_close_array(w);
        json_open_array(w, "syscalls");
        for (size_t i = 0; i < profile->n_rules; i++)
                encode_rule(w, &profile->rules[i]);
        json_close_array(w);
        json_close_object(w);
}
