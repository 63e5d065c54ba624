/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler against the model of seccomp_model.h, the words, the table, the default profile. */
#include "seccomp_model.h"
#include "tap.h"

#include <time.h>

#include <linux/capability.h>

#define EPERM_ACTION  (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_ACTION (SECCOMP_RET_ERRNO | ENOSYS)
#define NAMES(...) \
        (const char *const[]){ __VA_ARGS__ }, ARRAY_SIZE(((const char *[]){ __VA_ARGS__ }))
#define ARGUMENTS(...)                                    \
        (const struct seccomp_argument[]){ __VA_ARGS__ }, \
                ARRAY_SIZE(((const struct seccomp_argument[]){ __VA_ARGS__ }))
#define PROFILE(action, ...)                                                          \
        {                                                                             \
                .default_action = (action), .architectures = all_architectures,       \
                .n_architectures = ARRAY_SIZE(all_architectures),                     \
                .rules = (const struct seccomp_rule[]){ __VA_ARGS__ },                \
                .n_rules = ARRAY_SIZE(((const struct seccomp_rule[]){ __VA_ARGS__ })) \
        }

static const uint32_t all_architectures[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, SECCOMP_ARCH_X32,
                                              AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM };

/* The sanitizers make the model several times slower. */
#if defined(__SANITIZE_ADDRESS__)
#        define RANDOM_PROFILES 6
#elif defined(__has_feature)
#        if __has_feature(address_sanitizer)
#                define RANDOM_PROFILES 6
#        endif
#endif
#ifndef RANDOM_PROFILES
#        define RANDOM_PROFILES 15
#endif

struct filter {
        const struct sock_filter *code;
        size_t n;
};

static struct filter compile(struct arena *arena, const struct seccomp_profile *profile)
{
        struct filter filter = { 0 };

        CHECK_INT(seccomp_compile(arena, profile, &filter.code, &filter.n), 0);
        CHECK(bpf_sound(filter.code, filter.n));
        return filter;
}

static uint32_t ask(const struct filter *filter, uint32_t arch, uint32_t nr, uint64_t first)
{
        struct seccomp_data data = { .nr = (int)nr, .arch = arch, .args = { first } };

        return seccomp_run(filter->code, filter->n, &data);
}

static uint32_t number(uint32_t arch, const char *name)
{
        int nr = seccomp_call_number(arch, name);

        CHECK(nr >= 0);
        return (uint32_t)nr;
}

static bool multiplexer(uint32_t arch, uint32_t nr)
{
        return arch == AUDIT_ARCH_I386 && (nr == 102 || nr == 117);
}

/* Model and program agree for all numbers, and odd ones, of all architectures. */
static void agree(const struct seccomp_profile *profile, struct model_dice *dice, int samples)
{
        static const uint32_t arches[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
                                           AUDIT_ARCH_ARM, AUDIT_ARCH_S390X };
        static const uint32_t odd[] = {
                0xf0000,    0xf0001,    0xf0005,    0xf0006,    0xf0007,
                0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX
        };
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, profile);

        for (size_t a = 0; a < ARRAY_SIZE(arches); a++) {
                for (uint32_t i = 0; i < 1200 + ARRAY_SIZE(odd); i++) {
                        uint32_t nr = i < 600 ? i : SECCOMP_X32_BIT | (i - 600);

                        if (i >= 1200)
                                nr = odd[i - 1200];
                        for (int s = 0; s < samples && !multiplexer(arches[a], nr); s++) {
                                struct seccomp_data data = { .nr = (int)nr, .arch = arches[a] };
                                uint32_t is, expected;

                                for (int k = 0; k < 6; k++)
                                        data.args[k] = dice_value(dice);
                                is = seccomp_run(filter.code, filter.n, &data);
                                expected = model_run(profile, &data);
                                if (is != expected)
                                        printf("# arch %x nr %u args %llx %llx %llx\n", arches[a],
                                               nr, data.args[0], data.args[1], data.args[2]);
                                CHECK_INT(is, expected);
                        }
                }
        }
}

TEST(names_are_found)
{
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_X86_64, "read"), 0);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_I386, "read"), 3);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_AARCH64, "read"), 63);
        CHECK_INT(seccomp_call_number(SECCOMP_ARCH_X32, "ioctl"), 0x40000000 | 514);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_X86_64, "fchmodat2"), 452);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_X86_64, "socketcall"), -ENOENT);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_X86_64, "no_such_call"), -ENOENT);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_X86_64, ""), -ENOENT);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_ARM, "read"), 3);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_ARM, "set_tls"), 0xf0005);
        CHECK_STR(seccomp_call_name(AUDIT_ARCH_ARM, 0xf0002), "cacheflush");
        CHECK(!seccomp_call_name(AUDIT_ARCH_ARM, 605));
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_ARM, "arch_prctl"), -ENOENT);
        CHECK_INT(seccomp_call_number(AUDIT_ARCH_S390X, "read"), -ENOENT);
}

/* Each number leads to a name and back; the hash table has every row. */
TEST(table_is_consistent)
{
        unsigned found = 0;

        for (size_t a = 0; a < ARRAY_SIZE(all_architectures); a++) {
                for (uint32_t i = 0; i < 1000; i++) {
                        uint32_t arch = all_architectures[a];
                        uint32_t nr = i | (arch == SECCOMP_ARCH_X32 ? SECCOMP_X32_BIT : 0);
                        const char *name = seccomp_call_name(arch, nr);

                        if (!name)
                                continue;
                        CHECK_INT(seccomp_call_number(arch, name), nr);
                        found++;
                }
        }
        CHECK(found > 1400);
        CHECK_STR(seccomp_call_name(AUDIT_ARCH_X86_64, 0x40000000 | 512), "rt_sigaction");
        CHECK(!seccomp_call_name(AUDIT_ARCH_X86_64, 0x80000000));
        CHECK(!seccomp_call_name(AUDIT_ARCH_X86_64, 100000));
}

TEST(words_of_the_spec)
{
        enum seccomp_compare op;
        uint32_t value;
        unsigned flag;

        CHECK_INT(seccomp_action("SCMP_ACT_ERRNO", SECCOMP_NO_ERRNO, &value), 0);
        CHECK_INT(value, EPERM_ACTION);
        CHECK_INT(seccomp_action("SCMP_ACT_ERRNO", 38, &value), 0);
        CHECK_INT(value, ENOSYS_ACTION);
        CHECK_INT(seccomp_action("SCMP_ACT_ERRNO", 4095, &value), 0);
        CHECK_INT(seccomp_action("SCMP_ACT_ERRNO", 4096, &value), -ERANGE);
        CHECK_INT(seccomp_action("SCMP_ACT_TRACE", 65535, &value), 0);
        CHECK_INT(value, SECCOMP_RET_TRACE | 65535);
        CHECK_INT(seccomp_action("SCMP_ACT_TRACE", 65536, &value), -ERANGE);
        CHECK_INT(seccomp_action("SCMP_ACT_ALLOW", 1, &value), -EINVAL);
        CHECK_INT(seccomp_action("SCMP_ACT_KILL", SECCOMP_NO_ERRNO, &value), 0);
        CHECK_INT(value, SECCOMP_RET_KILL_THREAD);
        CHECK_INT(seccomp_action("SCMP_ACT_NOTHING", SECCOMP_NO_ERRNO, &value), -EINVAL);
        CHECK_INT(seccomp_architecture("SCMP_ARCH_X86_64", &value), 0);
        CHECK_INT(value, AUDIT_ARCH_X86_64);
        CHECK_INT(seccomp_architecture("SCMP_ARCH_PPC64LE", &value), 0);
        CHECK_INT(value, AUDIT_ARCH_PPC64LE);
        CHECK_INT(seccomp_architecture("SCMP_ARCH_MIPSEL64N32", &value), 0);
        CHECK_INT(value, AUDIT_ARCH_MIPSEL64N32);
        CHECK_INT(seccomp_architecture("X86_64", &value), -EINVAL);
        CHECK_INT(seccomp_compare_op("SCMP_CMP_MASKED_EQ", &op), 0);
        CHECK_INT(op, SECCOMP_CMP_MASKED_EQ);
        CHECK_INT(seccomp_compare_op("EQ", &op), -EINVAL);
        CHECK_INT(seccomp_flag("SECCOMP_FILTER_FLAG_LOG", &flag), 0);
        CHECK_INT(flag, SECCOMP_FILTER_FLAG_LOG);
        CHECK_INT(seccomp_flag("LOG", &flag), -EINVAL);
        CHECK_STR(seccomp_action_name(8), "SCMP_ACT_NOTIFY");
        CHECK(!seccomp_action_name(9) && !seccomp_flag_name(4) && !seccomp_compare_name(7));
        CHECK_STR(seccomp_architecture_name(22), "SCMP_ARCH_SHEB");
        CHECK(!seccomp_architecture_name(23));
}

/* Each comparison at and around each boundary of the two halves. */
TEST(comparisons_at_boundaries)
{
        static const uint64_t at[] = { 0,           1,           0x7fffffff,  0x80000000,
                                       0xffffffff,  0x100000000, 0x100000001, 0x1ffffffff,
                                       0x200000000, 1ULL << 63,  ~0ULL - 1,   ~0ULL };

        for (int op = SECCOMP_CMP_NE; op <= SECCOMP_CMP_MASKED_EQ; op++) {
                for (size_t v = 0; v < ARRAY_SIZE(at); v++) {
                        struct seccomp_argument argument = { 5, (enum seccomp_compare)op, at[v],
                                                             at[(v * 7) % ARRAY_SIZE(at)] & at[v] };
                        struct seccomp_rule rule = { NAMES("mmap"), SECCOMP_RET_TRAP, &argument,
                                                     1 };
                        struct seccomp_profile profile = PROFILE(SECCOMP_RET_ALLOW, rule);
                        auto_arena arena = { 0 };
                        struct filter filter = compile(&arena, &profile);

                        for (size_t i = 0; i < 3 * ARRAY_SIZE(at); i++) {
                                struct seccomp_data data = {
                                        .nr = (int)number(AUDIT_ARCH_X86_64, "mmap"),
                                        .arch = AUDIT_ARCH_X86_64,
                                        .args[5] = at[i / 3] + i % 3 - 1,
                                };

                                CHECK_INT(
                                        seccomp_run(filter.code, filter.n, &data),
                                        model_run(&profile, &data));
                        }
                }
        }
}

TEST(conditions_are_and_repeated_ones_or)
{
        struct seccomp_rule both = { NAMES("ioctl"), SECCOMP_RET_ALLOW,
                                     ARGUMENTS(
                                             { 0, SECCOMP_CMP_EQ, 1 }, { 1, SECCOMP_CMP_EQ, 2 }) };
        struct seccomp_rule either = { NAMES("fcntl"), SECCOMP_RET_ALLOW,
                                       ARGUMENTS(
                                               { 0, SECCOMP_CMP_EQ, 1 }, { 0, SECCOMP_CMP_EQ, 5 },
                                               { 1, SECCOMP_CMP_EQ, 2 }) };
        struct seccomp_profile profile = PROFILE(EPERM_ACTION, both, either);
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, &profile);
        struct seccomp_data data = { .nr = 16, .arch = AUDIT_ARCH_X86_64, .args = { 1, 2 } };

        CHECK_INT(seccomp_run(filter.code, filter.n, &data), SECCOMP_RET_ALLOW);
        data.args[1] = 3;
        CHECK_INT(seccomp_run(filter.code, filter.n, &data), EPERM_ACTION);
        data.nr = 72;
        CHECK_INT(seccomp_run(filter.code, filter.n, &data), SECCOMP_RET_ALLOW);
        data.args[0] = 2;
        CHECK_INT(seccomp_run(filter.code, filter.n, &data), EPERM_ACTION);
        data.args[1] = 2;
        CHECK_INT(seccomp_run(filter.code, filter.n, &data), SECCOMP_RET_ALLOW);
}

TEST(order_of_rules)
{
        /* clang-format off: it pads rows with macros wider at each run */
        struct seccomp_rule rules[] = {
                { NAMES("getpid"), SECCOMP_RET_TRAP, ARGUMENTS({ 0, SECCOMP_CMP_EQ, 1 }) },
                { NAMES("getpid", "getppid"), SECCOMP_RET_ALLOW, NULL, 0 },
                { NAMES("getpid", "getppid"), SECCOMP_RET_LOG, NULL, 0 },
                { NAMES("getppid"), SECCOMP_RET_TRAP, ARGUMENTS({ 0, SECCOMP_CMP_EQ, 1 }) },
                { NAMES("getuid", "nosuch"), EPERM_ACTION, NULL, 0 },
                { NAMES("getuid"), SECCOMP_RET_LOG, ARGUMENTS({ 0, SECCOMP_CMP_LT, 5 }) },
                { NAMES("getuid"), SECCOMP_RET_TRAP, ARGUMENTS({ 0, SECCOMP_CMP_GT, 3 }) },
        };
        /* clang-format on */
        struct seccomp_profile profile = { EPERM_ACTION, NULL, 0, rules, ARRAY_SIZE(rules) };
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, &profile);
        uint32_t arch = SECCOMP_ARCH_NATIVE;

        CHECK_INT(ask(&filter, arch, number(arch, "getpid"), 1), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, arch, number(arch, "getppid"), 1), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, arch, number(arch, "getuid"), 4), SECCOMP_RET_LOG);
        CHECK_INT(ask(&filter, arch, number(arch, "getuid"), 5), SECCOMP_RET_TRAP);
        CHECK_INT(ask(&filter, arch, number(arch, "getppid") + 50, 5), ENOSYS_ACTION);
}

TEST(architectures)
{
        struct seccomp_rule rule = { NAMES("read", "write", "mseal"), SECCOMP_RET_ALLOW, NULL, 0 };
        struct seccomp_profile profile = { EPERM_ACTION, NULL, 0, &rule, 1 };
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, &profile);

        SKIP_UNLESS(SECCOMP_ARCH_NATIVE == AUDIT_ARCH_X86_64, "written for x86-64");
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, 0, 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, 2, 0), EPERM_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, 463, 0), ENOSYS_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, SECCOMP_X32_BIT, 0), SECCOMP_RET_KILL_THREAD);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, UINT32_MAX, 0), EPERM_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_KILL_THREAD);
        CHECK_INT(ask(&filter, AUDIT_ARCH_AARCH64, 63, 0), SECCOMP_RET_KILL_THREAD);
        profile.architectures =
                (const uint32_t[]){ SECCOMP_ARCH_X32, AUDIT_ARCH_I386, AUDIT_ARCH_S390X };
        profile.n_architectures = 3;
        filter = compile(&arena, &profile);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, 0, 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_X86_64, SECCOMP_X32_BIT, 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_S390X, 3, 0), SECCOMP_RET_KILL_THREAD);
}

/* ENOSYS above the newest named call: only for defaults that refuse. */
TEST(unknown_calls)
{
        static const uint32_t defaults[] = { SECCOMP_RET_ALLOW,         SECCOMP_RET_LOG,
                                             SECCOMP_RET_TRACE | 1,     SECCOMP_RET_KILL_PROCESS,
                                             SECCOMP_RET_KILL_THREAD,   SECCOMP_RET_TRAP,
                                             SECCOMP_RET_ERRNO | EACCES };

        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
                struct seccomp_rule rule = { NAMES("openat2"), SECCOMP_RET_ERRNO | 7, NULL, 0 };
                struct seccomp_profile profile = { defaults[i], NULL, 0, &rule, 1 };
                auto_arena arena = { 0 };
                struct filter filter = compile(&arena, &profile);

                CHECK_INT(ask(&filter, SECCOMP_ARCH_NATIVE, 436, 0), defaults[i]);
                CHECK_INT(ask(&filter, SECCOMP_ARCH_NATIVE, 437, 0), SECCOMP_RET_ERRNO | 7);
                CHECK_INT(
                        ask(&filter, SECCOMP_ARCH_NATIVE, 438, 0),
                        i < 3 ? defaults[i] : ENOSYS_ACTION);
        }
}

/* i386 can reach AF_ALG by socketcall(2), where the family is behind a pointer. */
TEST(multiplexed_calls_of_i386)
{
        struct seccomp_rule allow = { NAMES("socket"), SECCOMP_RET_ALLOW,
                                      ARGUMENTS({ 0, SECCOMP_CMP_LT, 38 }) };
        struct seccomp_rule plain = { NAMES("bind", "shmat", "accept"), SECCOMP_RET_ALLOW, NULL,
                                      0 };
        struct seccomp_rule deny = { NAMES("socket"), EPERM_ACTION,
                                     ARGUMENTS({ 0, SECCOMP_CMP_EQ, 38 }) };
        struct seccomp_profile strict = PROFILE(EPERM_ACTION, allow, plain);
        struct seccomp_profile loose = PROFILE(SECCOMP_RET_ALLOW, deny);
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, &strict);

        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 359, 2), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 1), EPERM_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 2), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 5), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 6), EPERM_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 117, 21), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 117, 0x10015), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 117, 22), EPERM_ACTION);
        filter = compile(&arena, &loose);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 1), EPERM_ACTION);
        CHECK_INT(ask(&filter, AUDIT_ARCH_I386, 102, 2), SECCOMP_RET_ALLOW);
}

TEST(refusals)
{
        struct seccomp_rule index = { NAMES("read"), EPERM_ACTION, ARGUMENTS({ .index = 6 }) };
        struct seccomp_rule op = { NAMES("read"), EPERM_ACTION,
                                   ARGUMENTS({ .op = (enum seccomp_compare)7 }) };
        struct seccomp_profile profile = { SECCOMP_RET_ALLOW, NULL, 0, &index, 1 };
        struct seccomp_argument many[3000];
        struct seccomp_rule large = { NAMES("read"), EPERM_ACTION, many, ARRAY_SIZE(many) };
        const struct sock_filter *code = NULL;
        auto_arena arena = { 0 };
        size_t n = 0;

        CHECK_INT(seccomp_compile(&arena, &profile, &code, &n), -EINVAL);
        CHECK_STR(trail_text(), "seccomp rule 0: a system call has no argument 6 (0 to 5)");
        profile.rules = &op;
        CHECK_INT(seccomp_compile(&arena, &profile, &code, &n), -EINVAL);
        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = (struct seccomp_argument){ 0, SECCOMP_CMP_EQ, i, 0 };
        profile.rules = &large;
        CHECK_INT(seccomp_compile(&arena, &profile, &code, &n), -E2BIG);
        CHECK(!code && n == 0);
}

/* Programs in which jumps are too long for one instruction. */
TEST(far_jumps)
{
        struct seccomp_argument many[900];
        /* clang-format off: it pads rows with macros wider at each run */
        struct seccomp_rule rules[] = {
                { NAMES("read"), SECCOMP_RET_TRAP, many, ARRAY_SIZE(many) },
                { NAMES("close", "openat", "mseal"), SECCOMP_RET_LOG, many, 300 },
                { NAMES("write", "futex"), SECCOMP_RET_KILL_PROCESS, NULL, 0 },
        };
        /* clang-format on */
        struct seccomp_profile profile = { SECCOMP_RET_ALLOW, all_architectures,
                                           ARRAY_SIZE(all_architectures), rules,
                                           ARRAY_SIZE(rules) };
        struct model_dice dice = { 3 };

        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = (struct seccomp_argument){ i % 5, SECCOMP_CMP_MASKED_EQ, UINT32_MAX,
                                                     i * 77 };
        rules[0].n_arguments = 400;
        agree(&profile, &dice, 3);
}

/* Random profiles: the names of one word of the table, one to three conditions. */
TEST(random_profiles)
{
        static const uint32_t actions[] = { SECCOMP_RET_ALLOW,    EPERM_ACTION,
                                            SECCOMP_RET_TRAP,     SECCOMP_RET_LOG,
                                            ENOSYS_ACTION,        SECCOMP_RET_KILL_PROCESS,
                                            SECCOMP_RET_TRACE | 9 };

        for (uint64_t seed = 1; seed <= RANDOM_PROFILES; seed++) {
                struct model_dice dice = { seed };
                struct seccomp_rule rules[40];
                struct seccomp_argument arguments[40][4];
                const char *names[40][12];
                struct seccomp_profile profile = {
                        actions[dice_roll(&dice, ARRAY_SIZE(actions))], all_architectures,
                        dice_roll(&dice, ARRAY_SIZE(all_architectures) + 1), rules,
                        1 + dice_roll(&dice, 40)
                };

                for (size_t i = 0; i < profile.n_rules; i++) {
                        rules[i] = (struct seccomp_rule){
                                names[i], 1 + dice_roll(&dice, 12),
                                actions[dice_roll(&dice, ARRAY_SIZE(actions))], arguments[i],
                                dice_roll(&dice, 2) ? dice_roll(&dice, 5) : 0
                        };
                        for (size_t k = 0; k < rules[i].n_names; k++) {
                                names[i][k] =
                                        seccomp_call_name(AUDIT_ARCH_X86_64, dice_roll(&dice, 470));
                                if (!names[i][k])
                                        names[i][k] = "no_such_call";
                        }
                        for (size_t k = 0; k < rules[i].n_arguments; k++)
                                arguments[i][k] = (struct seccomp_argument){
                                        dice_roll(&dice, 6),
                                        (enum seccomp_compare)dice_roll(&dice, 7),
                                        dice_value(&dice), dice_value(&dice)
                                };
                }
                agree(&profile, &dice, 4);
        }
}

/* What husk's own profile closes on x86-64 for a container without any capability. Each change of
 * this list is a change of what a container may do. */
TEST(default_profile_closes)
{
        static const char expected[] =
                "_sysctl acct add_key afs_syscall bpf chroot clock_settime clone3 create_module "
                "delete_module epoll_ctl_old epoll_wait_old fanotify_init finit_module fsconfig "
                "fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg init_module "
                "io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load "
                "kexec_load keyctl lookup_dcookie lsm_set_self_attr mbind migrate_pages mount "
                "mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree "
                "open_tree_attr perf_event_open pidfd_getfd pivot_root process_madvise putpmsg "
                "query_module quotactl quotactl_fd reboot request_key security set_mempolicy "
                "set_mempolicy_home_node setdomainname sethostname setns settimeofday swapoff swapon "
                "sysfs syslog tuxcall umount2 uselib userfaultfd ustat vhangup vserver ";
        struct text closed = { 0 };
        auto_arena arena = { 0 };
        struct filter filter = compile(&arena, seccomp_default(&arena, 0, "default"));
        const struct sock_filter *again;
        const char *names[600];
        size_t n = 0, n_again;

        for (uint32_t nr = 0; nr < 600; nr++) {
                const char *name = seccomp_call_name(AUDIT_ARCH_X86_64, nr);

                if (name && ask(&filter, AUDIT_ARCH_X86_64, nr, 0) != SECCOMP_RET_ALLOW)
                        names[n++] = name;
        }
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && strcmp(names[k], names[k - 1]) < 0; k--) {
                        const char *swap = names[k];

                        names[k] = names[k - 1];
                        names[k - 1] = swap;
                }
        closed.arena = &arena;
        for (size_t i = 0; i < n; i++)
                text_addf(&closed, "%s ", names[i]);
        CHECK_STR(text_string(&closed), expected);
        CHECK_INT(
                seccomp_compile(&arena, seccomp_default(&arena, 0, "default"), &again, &n_again),
                0);
        CHECK(n_again == filter.n && !memcmp(again, filter.code, n_again * sizeof *again));
        CHECK(!seccomp_default(&arena, 0, "other"));
}

TEST(default_profile_by_arguments)
{
        auto_arena arena = { 0 };
        struct filter f = compile(&arena, seccomp_default(&arena, 0, "default"));
        uint32_t arch = SECCOMP_ARCH_NATIVE, nr = number(arch, "socket");

        for (uint64_t family = 0; family < 64; family++) {
                uint32_t expected = family == 38 || family == 40 || family > 47 ? EPERM_ACTION
                                                                                : SECCOMP_RET_ALLOW;

                CHECK_INT(ask(&f, arch, nr, family), expected);
                CHECK_INT(ask(&f, arch, nr, family | 1ULL << 32), expected);
                CHECK_INT(ask(&f, arch, nr, family | ~0ULL << 32), expected);
        }
        for (int bit = 0; bit < 64; bit++) {
                bool namespace = 0x7e020000ULL >> bit & 1;

                CHECK_INT(
                        ask(&f, arch, number(arch, "clone"), 1ULL << bit),
                        namespace ? EPERM_ACTION : SECCOMP_RET_ALLOW);
                CHECK_INT(
                        ask(&f, arch, number(arch, "unshare"), 1ULL << bit),
                        namespace || bit == 7 ? EPERM_ACTION : SECCOMP_RET_ALLOW);
        }
        CHECK_INT(ask(&f, arch, number(arch, "clone3"), 0), ENOSYS_ACTION);
        CHECK_INT(ask(&f, arch, number(arch, "setns"), 0), EPERM_ACTION);
        CHECK_INT(ask(&f, arch, number(arch, "personality"), 8), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&f, arch, number(arch, "personality"), 0x40000), EPERM_ACTION);
        CHECK_INT(ask(&f, arch, 470, 0), ENOSYS_ACTION);
        CHECK_INT(ask(&f, arch, 5000, 0), ENOSYS_ACTION);
}

TEST(default_profile_follows_capabilities)
{
        static const struct {
                const char *call;
                int capability;
        } rows[] = {
                { "bpf", CAP_BPF },
                { "bpf", CAP_SYS_ADMIN },
                { "mount", CAP_SYS_ADMIN },
                { "setns", CAP_SYS_ADMIN },
                { "clone3", CAP_SYS_ADMIN },
                { "perf_event_open", CAP_PERFMON },
                { "chroot", CAP_SYS_CHROOT },
                { "reboot", CAP_SYS_BOOT },
                { "syslog", CAP_SYSLOG },
                { "init_module", CAP_SYS_MODULE },
                { "mbind", CAP_SYS_NICE },
                { "open_by_handle_at", CAP_DAC_READ_SEARCH },
                { "acct", CAP_SYS_PACCT },
                { "kcmp", CAP_SYS_PTRACE },
                { "vhangup", CAP_SYS_TTY_CONFIG },
                { "clock_settime", CAP_SYS_TIME },
        };

        auto_arena arena = { 0 };
        uint32_t arch = SECCOMP_ARCH_NATIVE;
        struct filter f;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t bit = 1ULL << rows[i].capability;

                f = compile(&arena, seccomp_default(&arena, bit, "default"));
                CHECK_INT(ask(&f, arch, number(arch, rows[i].call), 0), SECCOMP_RET_ALLOW);
                f = compile(&arena, seccomp_default(&arena, 0, "default"));
                CHECK(ask(&f, arch, number(arch, rows[i].call), 0) != SECCOMP_RET_ALLOW);
        }
        f = compile(&arena, seccomp_default(&arena, ~0ULL, "default"));
        CHECK_INT(ask(&f, arch, number(arch, "keyctl"), 0), EPERM_ACTION);
        CHECK_INT(ask(&f, arch, number(arch, "io_uring_setup"), 0), EPERM_ACTION);
        CHECK_INT(ask(&f, arch, number(arch, "kexec_load"), 0), EPERM_ACTION);
        f = compile(&arena, seccomp_default(&arena, 0, "nesting"));
        CHECK_INT(ask(&f, arch, number(arch, "unshare"), 0x10000000), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&f, arch, number(arch, "pivot_root"), 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&f, arch, number(arch, "keyctl"), 0), SECCOMP_RET_ALLOW);
        CHECK_INT(ask(&f, arch, number(arch, "bpf"), 0), EPERM_ACTION);
}

TEST(encodes_oci)
{
        /* clang-format off: it pads rows with macros wider at each run */
        struct seccomp_rule rules[] = {
                { NAMES("read", "write"), SECCOMP_RET_ALLOW, NULL, 0 },
                { NAMES("clone"), SECCOMP_RET_ERRNO | 9,
                  ARGUMENTS({ 1, SECCOMP_CMP_MASKED_EQ, ~0ULL, 5 }, { 2, SECCOMP_CMP_LT, 3, 0 }) },
        };
        /* clang-format on */
        struct seccomp_profile profile = { SECCOMP_RET_KILL_PROCESS, all_architectures, 3, rules,
                                           ARRAY_SIZE(rules) };
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct json_writer w = { .out = &out };

        seccomp_encode_oci(&profile, &w, NULL);
        CHECK_STR(
                text_string(&out),
                "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"architectures\":"
                "[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"syscalls\":"
                "[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},"
                "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":9,\"args\":"
                "[{\"index\":1,\"value\":18446744073709551615,\"valueTwo\":5,"
                "\"op\":\"SCMP_CMP_MASKED_EQ\"},"
                "{\"index\":2,\"value\":3,\"op\":\"SCMP_CMP_LT\"}]}]}");
}

/* No judgement, a number to look at. */
TEST(speed)
{
        uint64_t best[2] = { ~0ULL, ~0ULL };
        size_t n = 0, n_names = 0;

        for (int i = 0; i < 200; i++) {
                auto_arena arena = { 0 };
                struct seccomp_profile profile;
                const struct sock_filter *code;
                struct timespec t[3];
                uint64_t spent[2];

                clock_gettime(CLOCK_MONOTONIC, &t[0]);
                profile = *seccomp_default(&arena, 0, "default");
                profile.architectures = all_architectures;
                profile.n_architectures = i % 2 ? 3 : 1;
                clock_gettime(CLOCK_MONOTONIC, &t[1]);
                CHECK_INT(seccomp_compile(&arena, &profile, &code, &n), 0);
                clock_gettime(CLOCK_MONOTONIC, &t[2]);
                for (int k = 0; k < 2; k++)
                        spent[k] = (uint64_t)(t[k + 1].tv_sec - t[k].tv_sec) * 1000000000U +
                                   (uint64_t)(t[k + 1].tv_nsec - t[k].tv_nsec);
                if (i < 2)
                        printf("# first: profile %llu ns, compile %llu ns, %zu instructions\n",
                               (unsigned long long)spent[0], (unsigned long long)spent[1], n);
                if (spent[1] < best[i % 2])
                        best[i % 2] = spent[1];
                n_names = profile.rules[0].n_names;
        }
        printf("# best compile of %zu names: native %llu ns, three architectures %llu ns\n",
               n_names, (unsigned long long)best[0], (unsigned long long)best[1]);
}
