/* SPDX-License-Identifier: Apache-2.0 */
/* A profile out of bytes: the program is sound and says what the model says, or there is none
 * because it would be too long. The bytes after the profile's are the calls to ask about. */
#include "../unit/linux/seccomp_model.h"

#define N_RULES     48
#define N_ARGUMENTS 8
#define N_NAMES     6

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct input {
        const uint8_t *at, *end;
};

static unsigned take(struct input *input, unsigned below)
{
        unsigned value = input->at < input->end ? *input->at++ : 0U;

        if (below > 256)
                value = value << 8 | (input->at < input->end ? *input->at++ : 0U);
        return value % below;
}

/* Mostly the same few values, so that they meet. */
static uint64_t take_value(struct input *input)
{
        uint64_t value = take(input, 256);

        if (value & 1)
                value |= (uint64_t)take(input, 256) << 32;
        if (value & 2)
                value -= 3;
        return value & 4 ? value << 24 : value;
}

struct profile {
        struct seccomp_rule rules[N_RULES];
        struct seccomp_argument arguments[N_RULES][N_ARGUMENTS];
        const char *names[N_RULES][N_NAMES];
};

/* Every action of the specification: as a rule's, and as the default. */
static uint32_t take_action(struct input *input)
{
        static const uint32_t actions[] = { SECCOMP_RET_ALLOW,          SECCOMP_RET_ERRNO | 1,
                                            SECCOMP_RET_TRAP,           SECCOMP_RET_LOG,
                                            SECCOMP_RET_KILL_PROCESS,   SECCOMP_RET_KILL_THREAD,
                                            SECCOMP_RET_TRACE | 5,      SECCOMP_RET_USER_NOTIF,
                                            SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | 4095 };

        return actions[take(input, ARRAY_SIZE(actions))];
}

static void take_rule(struct input *input, struct profile *p, size_t i)
{
        struct seccomp_rule *rule = &p->rules[i];

        *rule = (struct seccomp_rule){ p->names[i], 1 + take(input, N_NAMES), take_action(input),
                                       p->arguments[i], take(input, N_ARGUMENTS + 1) };
        for (size_t k = 0; k < rule->n_names; k++) {
                const char *name = seccomp_call_name(AUDIT_ARCH_X86_64, take(input, 480));

                p->names[i][k] = name ? name : "none";
        }
        for (size_t k = 0; k < rule->n_arguments; k++)
                p->arguments[i][k] =
                        (struct seccomp_argument){ take(input, 6),
                                                   (enum seccomp_compare)take(input, 7),
                                                   take_value(input), take_value(input) };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const uint32_t architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
                                                  SECCOMP_ARCH_X32, AUDIT_ARCH_AARCH64,
                                                  AUDIT_ARCH_ARM };
        static struct profile p;
        struct input input = { bytes, bytes + size };
        struct seccomp_profile profile = { 0, architectures, 0, p.rules, 0 };
        const struct sock_filter *code;
        auto_arena arena = { 0 };
        size_t n;

        profile.default_action = take_action(&input);
        profile.n_architectures = take(&input, 6);
        profile.n_rules = take(&input, N_RULES + 1);
        for (size_t i = 0; i < profile.n_rules; i++)
                take_rule(&input, &p, i);
        if (seccomp_compile(&arena, &profile, &code, &n) < 0) {
                trail_reset();
                return 0;
        }
        if (!bpf_sound(code, n))
                abort();
        for (unsigned i = 0; i < 64; i++) {
                uint32_t arch = architectures[take(&input, 5)];
                struct seccomp_data data = { .nr = (int)take(&input, 600), .arch = arch };

                if (arch == SECCOMP_ARCH_X32) {
                        data.arch = AUDIT_ARCH_X86_64;
                        data.nr |= (int)SECCOMP_X32_BIT;
                }
                for (int k = 0; k < 6; k++)
                        data.args[k] = take_value(&input);
                if (arch == AUDIT_ARCH_I386 && (data.nr == 102 || data.nr == 117))
                        continue;
                if (seccomp_run(code, n, &data) != model_run(&profile, &data))
                        abort();
        }
        return 0;
}
