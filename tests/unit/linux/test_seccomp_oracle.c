/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler against libseccomp, used as runc uses it, with runc's ENOSYS rule. libseccomp is a
 * library for this test only. Where the two differ on purpose (each is skipped below, by number):
 *   - i386's socketcall(2) and ipc(2), when a call behind them has rules with arguments: libseccomp
 *     allows the whole call or checks the wrong arguments, husk takes the strictest outcome; and
 *     husk ignores ipc's version bits, as the kernel does, where libseccomp does not;
 *   - conditional rules on one call whose conditions overlap: libseccomp decides by its sorting of
 *     the conditions, and not always right; husk by the profile's order. Not generated here;
 *   - i386's direct numbers of such calls count for the ENOSYS rule here, not in runc;
 *   - with the ENOSYS rule, x86-64 numbers above 0x40000000 without bit 30: ENOSYS in runc, a bad
 *     architecture here (no such calls exist). */
#include "seccomp_model.h"
#include "tap.h"

#include <seccomp.h>

#include <sys/mman.h>

#define SECCOMP_EPERM (SECCOMP_RET_ERRNO | EPERM)

static const uint32_t three[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32 };

/* The architectures of a machine: the native one first. The tests for aarch64 run here, too, since
 * both sides write programs for any. */
struct family {
        uint32_t audit[3], scmp[3];
        unsigned n;
};

static const struct family x86 = { { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32 },
                                   { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 },
                                   3 };
static const struct family arm = { { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM },
                                   { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
                                   2 };
static const struct family *family = &x86; /* of the test that runs: each has its own process */

struct oracle {
        struct sock_filter code[16384];
        size_t n;
        unsigned n_architectures;
        bool enosys;
        int last[3];
};

static enum scmp_compare oracle_op(enum seccomp_compare op)
{
        static const enum scmp_compare ops[] = { SCMP_CMP_NE,       SCMP_CMP_LT, SCMP_CMP_LE,
                                                 SCMP_CMP_EQ,       SCMP_CMP_GE, SCMP_CMP_GT,
                                                 SCMP_CMP_MASKED_EQ };

        return ops[op];
}

static void oracle_add(
        scmp_filter_ctx ctx, uint32_t action, int nr, const struct scmp_arg_cmp *arg, unsigned n)
{
        int r = seccomp_rule_add_array(ctx, action, nr, n, arg);

        if (r < 0 && r != -EEXIST)
                printf("# seccomp_rule_add: %d for call %d, %u arguments\n", r, nr, n);
        CHECK(r == 0 || r == -EEXIST);
}

static void oracle_rule(
        struct oracle *oracle, scmp_filter_ctx ctx, uint32_t default_action,
        const struct seccomp_rule *rule)
{
        struct scmp_arg_cmp arguments[6];
        unsigned seen = 0;
        bool repeated = false;

        for (size_t i = 0; i < rule->n_arguments; i++) {
                const struct seccomp_argument *a = &rule->arguments[i];

                repeated |= seen >> a->index & 1;
                seen |= 1U << a->index;
                arguments[i] =
                        (struct scmp_arg_cmp){ a->index, oracle_op(a->op), a->value, a->value_two };
        }
        for (size_t k = 0; k < rule->n_names; k++) {
                int nr = seccomp_syscall_resolve_name(rule->names[k]);

                if (nr == __NR_SCMP_ERROR)
                        continue;
                for (unsigned a = 0; a < family->n; a++) {
                        int there =
                                seccomp_syscall_resolve_name_arch(family->scmp[a], rule->names[k]);

                        if (there < 0)
                                there = seccomp_call_number(family->audit[a], rule->names[k]);
                        oracle->last[a] = there > oracle->last[a] ? there : oracle->last[a];
                }
                if (rule->action == default_action)
                        continue;
                if (!repeated)
                        oracle_add(ctx, rule->action, nr, arguments, (unsigned)rule->n_arguments);
                for (size_t i = 0; repeated && i < rule->n_arguments; i++)
                        oracle_add(ctx, rule->action, nr, &arguments[i], 1);
        }
}

static void oracle_build(struct oracle *oracle, const struct seccomp_profile *profile)
{
        uint32_t full = profile->default_action & SECCOMP_RET_ACTION_FULL;
        scmp_filter_ctx ctx = seccomp_init(profile->default_action);
        int fd = memfd_create("oracle", MFD_CLOEXEC);
        ssize_t size;

        CHECK(ctx && fd >= 0);
        memset(oracle->last, -1, sizeof oracle->last);
        oracle->n_architectures = profile->n_architectures < 2 ? 1 : family->n;
        for (unsigned i = family == &x86; i < oracle->n_architectures; i++)
                CHECK_INT(seccomp_arch_add(ctx, family->scmp[i]), 0);
        if (family != &x86)
                CHECK_INT(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
        for (size_t i = 0; i < profile->n_rules; i++)
                oracle_rule(oracle, ctx, profile->default_action, &profile->rules[i]);
        CHECK_INT(seccomp_export_bpf(ctx, fd), 0);
        size = pread(fd, oracle->code, sizeof oracle->code, 0);
        CHECK(size > 0 && (size_t)size < sizeof oracle->code);
        oracle->n = (size_t)size / sizeof *oracle->code;
        oracle->enosys =
                full != SECCOMP_RET_ALLOW && full != SECCOMP_RET_LOG && full != SECCOMP_RET_TRACE;
        close(fd);
        seccomp_release(ctx);
}

static uint32_t oracle_run(const struct oracle *oracle, const struct seccomp_data *data)
{
        uint32_t nr = (uint32_t)data->nr;
        unsigned a = data->arch == family->audit[0] ? 0 : 1;

        if (data->arch == AUDIT_ARCH_X86_64 && nr & SECCOMP_X32_BIT)
                a = 2;
        if (oracle->enosys && a < oracle->n_architectures && oracle->last[a] >= 0 &&
            (data->arch == family->audit[0] || data->arch == family->audit[1]) &&
            nr > (uint32_t)oracle->last[a])
                return SECCOMP_RET_ERRNO | ENOSYS;
        return seccomp_run(oracle->code, oracle->n, data);
}

/* Does the program look at the call number at all, for a call of this architecture? With x32 added,
 * libseccomp 2.5.4 at times compares AUDIT_ARCH_X86_64 with call numbers: it forgets the load. Such
 * a program is no oracle. */
static bool oracle_sane(const struct oracle *oracle, uint32_t arch)
{
        const struct sock_filter *i = oracle->code;

        for (; i < oracle->code + oracle->n; i++) {
                if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k == 0)
                        return true;
                if (BPF_CLASS(i->code) == BPF_RET)
                        return false;
                if (BPF_CLASS(i->code) == BPF_JMP)
                        i += i->code == (BPF_JMP | BPF_JA) ? i->k : i->k == arch ? i->jt : i->jf;
        }
        return false;
}

/* Names that this libseccomp knows: it is older than the table. */
static size_t known_names(const char **names, size_t max)
{
        size_t n = 0;

        for (size_t a = 0; a < family->n; a++) {
                for (uint32_t i = 0; i < 600; i++) {
                        uint32_t bit = family->audit[a] == SECCOMP_ARCH_X32 ? SECCOMP_X32_BIT : 0;
                        const char *name = seccomp_call_name(family->audit[a], i | bit);
                        bool known = name && seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;

                        for (size_t k = 0; known && k < n; k++)
                                known = strcmp(names[k], name) != 0;
                        if (known && n < max)
                                names[n++] = name;
                }
        }
        return n;
}

static uint64_t sample(const struct seccomp_profile *profile, struct model_dice *dice)
{
        const struct seccomp_rule *rule =
                &profile->rules[dice_roll(dice, (uint32_t)profile->n_rules)];
        const struct seccomp_argument *argument;
        uint64_t value;

        if (rule->n_arguments == 0 || dice_roll(dice, 3) == 0)
                return dice_value(dice);
        argument = &rule->arguments[dice_roll(dice, (uint32_t)rule->n_arguments)];
        value = argument->op == SECCOMP_CMP_MASKED_EQ
                      ? argument->value_two | (dice_value(dice) & ~argument->value)
                      : argument->value;
        switch (dice_roll(dice, 6)) {
        case 0:
                return value - 1;
        case 1:
                return value + 1;
        case 2:
                return value ^ 1ULL << dice_roll(dice, 64);
        default:
                return value;
        }
}

static unsigned compare(const struct seccomp_profile *profile, uint64_t seed, int samples)
{
        const uint32_t arches[] = { family->audit[0], family->audit[1], AUDIT_ARCH_S390X };
        static const uint32_t odd[] = { 0xf0001,    0xf0002,    0xf0004,
                                        0xf0005,    0x3fffffff, 0x40000000 | 0x3fffffff,
                                        0xfffffffe, UINT32_MAX };
        static struct oracle oracle;
        struct model_dice dice = { seed };
        const struct sock_filter *code;
        auto_arena arena = { 0 };
        unsigned asked = 0;
        size_t n;

        oracle_build(&oracle, profile);
        if (!oracle_sane(&oracle, family->audit[0]) ||
            (oracle.n_architectures > 1 && !oracle_sane(&oracle, family->audit[1])))
                return 0;
        CHECK_INT(seccomp_compile(&arena, profile, &code, &n), 0);
        for (unsigned i = 0; i < 3 * (1200 + ARRAY_SIZE(odd)); i++) {
                uint32_t arch = arches[i % 3], at = i / 3;
                uint32_t nr = at < 600 ? at : SECCOMP_X32_BIT | (at - 600);

                if (at >= 1200)
                        nr = odd[at - 1200];
                if (arch == AUDIT_ARCH_I386 && (nr == 102 || nr == 117))
                        continue;
                for (int s = 0; s < samples; s++) {
                        struct seccomp_data data = { .nr = (int)nr, .arch = arch };
                        uint32_t is, expected;

                        for (int k = 0; k < 6; k++)
                                data.args[k] = sample(profile, &dice) &
                                               (arch == AUDIT_ARCH_I386 || arch == AUDIT_ARCH_ARM
                                                        ? UINT32_MAX
                                                        : ~0ULL);
                        is = seccomp_run(code, n, &data);
                        expected = oracle_run(&oracle, &data);
                        if (is != expected)
                                printf("# seed %llu arch %x nr %x args %llx %llx %llx %llx\n",
                                       (unsigned long long)seed, arch, nr, data.args[0],
                                       data.args[1], data.args[2], data.args[3]);
                        CHECK_INT(is, expected);
                        asked++;
                }
        }
        return asked;
}

/* The table's numbers are libseccomp's. */
TEST(numbers_agree)
{
        static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32,
                                           AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM };
        static const uint32_t scmp[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32,
                                         SCMP_ARCH_AARCH64, SCMP_ARCH_ARM };
        unsigned agreed = 0;

        for (unsigned a = 0; a < ARRAY_SIZE(arches); a++) {
                for (int i = 0; i < 600; i++) {
                        int nr = arches[a] == SECCOMP_ARCH_X32 ? i | (int)SECCOMP_X32_BIT : i;
                        char *theirs = seccomp_syscall_resolve_num_arch(scmp[a], nr);
                        const char *ours = seccomp_call_name(arches[a], (uint32_t)nr);

                        if (theirs) {
                                CHECK_STR(ours, theirs);
                                agreed++;
                        }
                        free(theirs);
                }
        }
        printf("# %u numbers\n", agreed);
        CHECK(agreed > 1700);
        for (int nr = 0xf0000; nr < 0xf0010; nr++) {
                char *theirs = seccomp_syscall_resolve_num_arch(SCMP_ARCH_ARM, nr);
                const char *ours = seccomp_call_name(AUDIT_ARCH_ARM, (uint32_t)nr);

                CHECK_STR(ours ? ours : "none", theirs ? theirs : "none");
                free(theirs);
        }
}

/* husk's own profile for every kind of container. */
static void default_profiles(void)
{
        static const uint64_t capabilities[] = { 0, 0xa80425fb, ~0ULL };
        struct seccomp_profile profile;
        auto_arena arena = { 0 };
        unsigned asked = 0;

        for (unsigned i = 0; i < 6; i++) {
                struct seccomp_rule *rules;
                const char **names;

                profile = *seccomp_default(&arena, capabilities[i / 2], "default");
                profile.architectures = family->audit;
                profile.n_architectures = i % 2 ? family->n : 1;
                /* libseccomp has to know the newest call, else it has another "newest". */
                rules = arena_array(&arena, profile.n_rules, sizeof *rules);
                memcpy(rules, profile.rules, profile.n_rules * sizeof *rules);
                names = arena_array(&arena, rules[0].n_names, sizeof *names);
                rules[0].names = names;
                rules[0].n_names = 0;
                for (size_t k = 0; k < profile.rules[0].n_names; k++) {
                        const char *name = profile.rules[0].names[k];

                        if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
                                names[rules[0].n_names++] = name;
                }
                profile.rules = rules;
                asked += compare(&profile, i + 1, 8);
        }
        printf("# %u questions\n", asked);
        CHECK(asked > 100000);
}

TEST(default_profiles_agree)
{
        default_profiles();
}

TEST(default_profiles_agree_on_arm)
{
        family = &arm;
        default_profiles();
}

/* A profile in the manner of docker's: the conditions that are in use out there. */
TEST(docker_like_profile_agrees)
{
        static const char *const clone[] = { "clone" }, *const clone3[] = { "clone3" };
        static const char *const sockets[] = { "socket" }, *const person[] = { "personality" };
        static const char *allowed[600];
        static const struct seccomp_argument flags = { 0, SECCOMP_CMP_MASKED_EQ, 2114060288, 0 };
        static const struct seccomp_argument low = { 0, SECCOMP_CMP_LT, 38, 0 };
        static const struct seccomp_argument one = { 0, SECCOMP_CMP_EQ, 39, 0 };
        static const struct seccomp_argument high = { 0, SECCOMP_CMP_GT, 40, 0 };
        static const struct seccomp_argument persons[] = { { 0, SECCOMP_CMP_EQ, 0, 0 },
                                                           { 0, SECCOMP_CMP_EQ, 8, 0 },
                                                           { 0, SECCOMP_CMP_EQ, 0xffffffff, 0 } };
        struct seccomp_rule rules[] = {
                { allowed, 0, SECCOMP_RET_ALLOW, NULL, 0 },
                { sockets, 1, SECCOMP_RET_ALLOW, &low, 1 },
                { sockets, 1, SECCOMP_RET_ALLOW, &one, 1 },
                { sockets, 1, SECCOMP_RET_ALLOW, &high, 1 },
                { person, 1, SECCOMP_RET_ALLOW, &persons[0], 1 },
                { person, 1, SECCOMP_RET_ALLOW, &persons[1], 1 },
                { person, 1, SECCOMP_RET_ALLOW, &persons[2], 1 },
                { clone, 1, SECCOMP_RET_ALLOW, &flags, 1 },
                { clone3, 1, SECCOMP_RET_ERRNO | ENOSYS, NULL, 0 },
        };
        struct seccomp_profile profile = { SECCOMP_EPERM, three, 3, rules, ARRAY_SIZE(rules) };
        size_t n = known_names(allowed, ARRAY_SIZE(allowed));

        for (size_t i = 0; i < n; i++)
                if (i % 6 != 0 && strcmp(allowed[i], "clone") && strcmp(allowed[i], "clone3") &&
                    strcmp(allowed[i], "socket") && strcmp(allowed[i], "personality"))
                        allowed[rules[0].n_names++] = allowed[i];
        printf("# %zu names, %u questions\n", rules[0].n_names, compare(&profile, 7, 12));
}

/* What is behind i386's socketcall, as far as no arguments are concerned. */
TEST(multiplexed_calls_agree)
{
        static const char *const names[] = { "socket",   "bind",  "accept", "send",  "sendmmsg",
                                             "recvmmsg", "semop", "shmat",  "msgctl" };
        struct seccomp_rule rule = { names, ARRAY_SIZE(names), SECCOMP_RET_ALLOW, NULL, 0 };
        struct seccomp_profile profile = { SECCOMP_EPERM, three, 3, &rule, 1 };
        static struct oracle oracle;
        const struct sock_filter *code;
        auto_arena arena = { 0 };
        size_t n;

        oracle_build(&oracle, &profile);
        CHECK_INT(seccomp_compile(&arena, &profile, &code, &n), 0);
        for (int i = 0; i < 2 * 40; i++) {
                struct seccomp_data data = { .nr = i % 2 ? 102 : 117,
                                             .arch = AUDIT_ARCH_I386,
                                             .args = { (uint64_t)i / 2 } };

                CHECK_INT(seccomp_run(code, n, &data), oracle_run(&oracle, &data));
        }
}

/* One rule of random conditions: all of them, or, when `either`, equalities of one argument. */
static size_t conditions(struct model_dice *dice, struct seccomp_argument *arguments, bool either)
{
        size_t n = 1 + dice_roll(dice, 3);
        unsigned index = dice_roll(dice, 6);

        for (size_t k = 0; k < n; k++)
                arguments[k] = (struct seccomp_argument){
                        either ? index : (unsigned)(index + k) % 6,
                        either ? SECCOMP_CMP_EQ : (enum seccomp_compare)dice_roll(dice, 7),
                        dice_value(dice), dice_value(dice)
                };
        return n;
}

/* Each call has one conditional rule at most, and the action of its rules is always the same:
 * where conditions of several rules overlap, libseccomp (2.5.4) is not exact. For "argument 2 >=
 * 0xffffffff or argument 2 < 0x100000000" it finds a value for which neither holds. */
static void random_profiles(void)
{
        static const uint32_t actions[] = { SECCOMP_RET_ALLOW,     SECCOMP_EPERM,
                                            SECCOMP_RET_TRAP,      SECCOMP_RET_LOG,
                                            SECCOMP_RET_TRACE | 5, SECCOMP_RET_KILL_THREAD };
        static const char *known[600];
        size_t n = known_names(known, ARRAY_SIZE(known));
        unsigned asked = 0, insane = 0;

        for (uint64_t seed = 1; seed <= 24; seed++) {
                struct model_dice dice = { seed * 977 };
                struct seccomp_rule rules[24];
                struct seccomp_argument arguments[24][3];
                const char *names[24][3];
                struct seccomp_profile profile = { actions[seed % ARRAY_SIZE(actions)],
                                                   family->audit, seed % 3 ? family->n : 1, rules,
                                                   1 + dice_roll(&dice, 24) };
                unsigned n_asked;

                for (size_t i = 0; i < profile.n_rules; i++) {
                        bool conditional = i % 3 > 0;
                        uint32_t class = dice_roll(&dice, ARRAY_SIZE(actions));

                        rules[i] = (struct seccomp_rule){ names[i], 3, actions[class], arguments[i],
                                                          0 };
                        if (conditional)
                                rules[i].n_arguments =
                                        conditions(&dice, arguments[i], dice_roll(&dice, 4) == 0);
                        /* Conditional rules take names of their own. */
                        for (size_t k = 0; k < rules[i].n_names; k++) {
                                size_t at = conditional ? i * 3 + k : dice_roll(&dice, 80);

                                names[i][k] = known[(at * ARRAY_SIZE(actions) + class) % n];
                        }
                }
                n_asked = compare(&profile, seed, 5);
                insane += n_asked == 0;
                asked += n_asked;
        }
        printf("# %u questions; no oracle for %u of 24 profiles\n", asked, insane);
        CHECK(insane < 20);
}

TEST(random_profiles_agree)
{
        random_profiles();
}

TEST(random_profiles_agree_on_arm)
{
        family = &arm;
        random_profiles();
}
