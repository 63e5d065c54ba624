/* SPDX-License-Identifier: Apache-2.0 */
/* The device filter: in an eBPF machine of the test against a plain reading of the rules, and in
 * the kernel, on a child of the cgroup v2 hierarchy. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <time.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define CGROUP_ROOTS                                       \
        {                                                  \
                "/sys/fs/cgroup/unified", "/sys/fs/cgroup" \
        }

/* The handful of eBPF that the compiler writes; aborts on anything else. */
static bool run(const struct bpf_insn *code, size_t n, const struct bpf_cgroup_dev_ctx *context)
{
        uint64_t r[11] = { 0 };

        for (size_t pc = 0; pc < n; pc++) {
                const struct bpf_insn *i = &code[pc];
                uint32_t value = (uint32_t)i->imm;

                switch (i->code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        if (i->src_reg != 1 || i->off < 0 || (size_t)i->off + 4 > sizeof *context)
                                abort();
                        memcpy(&value, (const char *)context + i->off, 4);
                        r[i->dst_reg] = value;
                        break;
                case BPF_ALU | BPF_X | BPF_MOV:
                        r[i->dst_reg] = (uint32_t)r[i->src_reg];
                        break;
                case BPF_ALU | BPF_K | BPF_MOV:
                        r[i->dst_reg] = value;
                        break;
                case BPF_ALU | BPF_K | BPF_AND:
                        r[i->dst_reg] = (uint32_t)r[i->dst_reg] & value;
                        break;
                case BPF_ALU | BPF_K | BPF_RSH:
                        r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> value;
                        break;
                case BPF_JMP32 | BPF_K | BPF_JNE:
                        pc += (uint32_t)r[i->dst_reg] != value ? (size_t)i->off : 0;
                        break;
                case BPF_JMP32 | BPF_K | BPF_JEQ:
                        pc += (uint32_t)r[i->dst_reg] == value ? (size_t)i->off : 0;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return r[0] == 1;
                default:
                        abort();
                }
        }
        abort();
}

static bool rule_speaks(const struct device_rule *rule, char type, int64_t major, int64_t minor)
{
        return (rule->type == 'a' || rule->type == type) &&
               (rule->major == DEVICES_ANY || rule->major == major) &&
               (rule->minor == DEVICES_ANY || rule->minor == minor);
}

/* Each access on its own; the last rule that speaks about it. */
static bool model(
        const struct device_rule *rules, size_t n, char type, int64_t major, int64_t minor,
        unsigned access)
{
        for (unsigned bit = 1; bit <= 4; bit <<= 1) {
                bool allowed = false;

                for (size_t i = 0; i < n; i++) {
                        bool has = bit == BPF_DEVCG_ACC_READ  ? rules[i].read
                                 : bit == BPF_DEVCG_ACC_WRITE ? rules[i].write
                                                              : rules[i].mknod;

                        if (has && rule_speaks(&rules[i], type, major, minor))
                                allowed = rules[i].allow;
                }
                if (access & bit && !allowed)
                        return false;
        }
        return true;
}

static void agree(const struct device_rule *rules, size_t n)
{
        const struct bpf_insn *code;
        auto_arena arena = { 0 };
        size_t size;

        CHECK_INT(devices_compile(&arena, rules, n, &code, &size), 0);
        for (unsigned i = 0; i < 2 * 4 * 4 * 7; i++) {
                char type = i % 2 ? 'b' : 'c';
                unsigned major = i / 2 % 4, minor = i / 8 % 4, access = 1 + i / 32;
                struct bpf_cgroup_dev_ctx context = {
                        access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                        major, minor
                };

                CHECK_INT(run(code, size, &context), model(rules, n, type, major, minor, access));
        }
}

TEST(random_rules)
{
        agree(NULL, 0);
        srand(1);
        for (int round = 0; round < 400; round++) {
                struct device_rule rules[12];
                size_t n = 1 + (size_t)rand() % 12;

                for (size_t i = 0; i < n; i++)
                        rules[i] = (struct device_rule){ rand() % 2,     "abc"[rand() % 3],
                                                         rand() % 5 - 1, rand() % 5 - 1,
                                                         rand() % 2,     rand() % 2,
                                                         rand() % 2 };
                if (round % 3 == 0)
                        rules[(size_t)rand() % n] =
                                (struct device_rule){ rand() % 2, 'a',  DEVICES_ANY, DEVICES_ANY,
                                                      true,       true, true };
                agree(rules, n);
        }
}

/* -- cgroup v1: what the kernel makes of the lines, in a model of its controller -------------------- */

struct v1_exception {
        char type;
        int64_t major, minor;
        unsigned access;
};

static unsigned v1_access(const char *letters)
{
        return (strchr(letters, 'r') ? BPF_DEVCG_ACC_READ : 0U) |
               (strchr(letters, 'w') ? BPF_DEVCG_ACC_WRITE : 0U) |
               (strchr(letters, 'm') ? BPF_DEVCG_ACC_MKNOD : 0U);
}

static int64_t v1_number(const char *text)
{
        return *text == '*' ? DEVICES_ANY : atoll(text);
}

/* Into a state without exceptions lines only add some: the same numbers are one exception. */
static size_t v1_read(const char *lines, struct v1_exception *ret_list)
{
        size_t n = 0;

        while (*lines) {
                char major[16], minor[16], access[8], type;
                struct v1_exception one;
                size_t i = 0;

                CHECK_INT(sscanf(lines, "%c %15[^:]:%15s %7s", &type, major, minor, access), 4);
                CHECK(type == 'b' || type == 'c'); /* "a" is all devices, whatever follows */
                one = (struct v1_exception){ type, v1_number(major), v1_number(minor),
                                             v1_access(access) };
                while (i < n && (ret_list[i].type != type || ret_list[i].major != one.major ||
                                 ret_list[i].minor != one.minor))
                        i++;
                CHECK(i < 256);
                if (i == n)
                        ret_list[n++] = one;
                else
                        ret_list[i].access |= one.access;
                lines += strcspn(lines, "\n");
                lines += *lines == '\n';
        }
        return n;
}

/* Denied: one exception must have all of the access. Allowed: none may have a part of it. */
static bool v1_asks(
        bool allow, const struct v1_exception *list, size_t n, char type, int64_t major,
        int64_t minor, unsigned access)
{
        for (size_t i = 0; i < n; i++) {
                bool here = list[i].type == type &&
                            (list[i].major == DEVICES_ANY || list[i].major == major) &&
                            (list[i].minor == DEVICES_ANY || list[i].minor == minor);

                if (here && allow && (list[i].access & access))
                        return false;
                if (here && !allow && (access & ~list[i].access) == 0)
                        return true;
        }
        return allow;
}

/* What the kernel asks for: to make a node, or to open one. */
static void v1_agree(const struct device_rule *rules, size_t n, bool allow, const char *lines)
{
        static const unsigned asked[] = { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ,
                                          BPF_DEVCG_ACC_WRITE,
                                          BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };
        struct v1_exception list[256];
        size_t k = v1_read(lines, list);

        for (unsigned i = 0; i < 2 * 5 * 5 * 4; i++) {
                char type = i % 2 ? 'b' : 'c';
                unsigned major = i / 2 % 5, minor = i / 10 % 5, access = asked[i / 50];

                CHECK_INT(
                        v1_asks(allow, list, k, type, major, minor, access),
                        model(rules, n, type, major, minor, access));
        }
}

/* Every list of rules means the same to the controller of v1, or is refused. */
TEST(random_rules_v1)
{
        unsigned taken = 0, refused = 0;

        srand(2);
        for (int round = 0; round < 4000; round++) {
                struct device_rule rules[8];
                size_t n = 1 + (size_t)rand() % 8;
                auto_arena arena = { 0 };
                const char *lines;
                bool allow;
                int r;

                for (size_t i = 0; i < n; i++)
                        rules[i] = (struct device_rule){ rand() % 3 > 0, "abc"[rand() % 3],
                                                         rand() % 5 - 1, rand() % 5 - 1,
                                                         rand() % 2,     rand() % 2,
                                                         rand() % 2 };
                if (round % 2)
                        rules[0] = (struct device_rule){
                                round % 4 == 1, 'a', DEVICES_ANY, DEVICES_ANY, true, true, true
                        };
                trail_reset();
                r = devices_compile_v1(&arena, rules, n, &allow, &lines);
                if (r == 0)
                        v1_agree(rules, n, allow, lines);
                else
                        CHECK_INT(r, -EOPNOTSUPP);
                taken += r == 0;
                refused += r < 0;
        }
        CHECK(taken > 500);
        CHECK(refused > 100);
}

/* Nothing before a rule for everything is compiled. */
TEST(dead_rules_are_left_out)
{
        struct device_rule rules[2] = { { true, 'c', 1, 3, true, true, true },
                                        { false, 'a', DEVICES_ANY, DEVICES_ANY, true, true,
                                          true } };
        const struct bpf_insn *code;
        auto_arena arena = { 0 };
        size_t size, without;

        CHECK_INT(devices_compile(&arena, rules + 1, 1, &code, &without), 0);
        CHECK_INT(devices_compile(&arena, rules, 2, &code, &size), 0);
        CHECK_INT(size, without);
}

TEST(refusals)
{
        struct device_rule rule = { true, 'x', 1, 3, true, true, true };
        const struct bpf_insn *code = NULL;
        auto_arena arena = { 0 };
        size_t size;

        CHECK_INT(devices_compile(&arena, &rule, 1, &code, &size), -EINVAL);
        CHECK_STR(trail_text(), "device rule 0: device type 'x' is none of a, b, c, u");
        rule.type = 'c';
        rule.major = -2;
        CHECK_INT(devices_compile(&arena, &rule, 1, &code, &size), -EINVAL);
        rule.major = 1LL << 31;
        CHECK_INT(devices_compile(&arena, &rule, 1, &code, &size), -ERANGE);
        CHECK(!code);
        CHECK(devices_attach(-1, NULL, 0) < 0);
}

/* The root of a cgroup v2 hierarchy, or NULL. */
static const char *cgroup_root(void)
{
        static const char *const roots[] = CGROUP_ROOTS;
        char path[256];

        for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
                snprintf(path, sizeof path, "%s/cgroup.procs", roots[i]);
                if (!access(path, W_OK))
                        return roots[i];
        }
        return NULL;
}

static int open_error(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC);

        if (fd >= 0)
                close(fd);
        return fd < 0 ? -errno : 0;
}

/* In the cgroup: what can be opened. Exit status 0: as expected; else the number of the check. */
static int inside(const char *procs, dev_t null)
{
        int fd = open(procs, O_WRONLY | O_CLOEXEC);
        char path[] = "/tmp/husk-device-XXXXXX";
        int r;

        if (fd < 0 || write(fd, "0", 1) != 1)
                return 1;
        close(fd);
        if (open_error("/dev/null", O_RDWR) != 0)
                return 2;
        if (open_error("/dev/zero", O_RDONLY) != 0)
                return 3;
        if (open_error("/dev/zero", O_WRONLY) != -EPERM)
                return 4;
        if (open_error("/dev/full", O_RDONLY) != -EPERM)
                return 5;
        if (!mkdtemp(path) || chdir(path))
                return 6;
        r = mknod("null", S_IFCHR | 0600, null) ? -errno : 0;
        unlink("null");
        rmdir(path);
        return r == -EPERM ? 0 : 7;
}

TEST(rules_in_the_kernel)
{
        static const struct device_rule rules[] = {
                { false, 'a', DEVICES_ANY, DEVICES_ANY, true, true, true },
                { true, 'c', 1, DEVICES_ANY, true, true, false },
                { false, 'c', 1, 7, true, true, true },
                { false, 'c', 1, 5, false, true, false },
        };
        const char *root = cgroup_root();
        char path[256], procs[300];
        const struct bpf_insn *code;
        auto_arena arena = { 0 };
        int fd, r, status = -1;
        size_t size;
        pid_t pid;

        SKIP_UNLESS(root && geteuid() == 0, "needs root and a writable cgroup v2 hierarchy");
        snprintf(path, sizeof path, "%s/husk-test-devices-%d", root, (int)getpid());
        snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
        SKIP_UNLESS(!mkdir(path, 0755), "cannot make a cgroup");
        CHECK_INT(devices_compile(&arena, rules, ARRAY_SIZE(rules), &code, &size), 0);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = devices_attach(fd, code, size);
        close(fd);
        pid = r < 0 ? -1 : fork();
        if (pid == 0)
                _exit(inside(procs, makedev(1, 3)));
        if (pid > 0)
                waitpid(pid, &status, 0);
        /* The cgroup of a process that was waited for may be busy for another moment. */
        for (int i = 0; rmdir(path) && errno == EBUSY && i < 100; i++)
                nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
        SKIP_UNLESS(r != -EPERM && r != -ENOSYS, "bpf(2) is not for us here");
        CHECK_STR(trail_text(), "");
        CHECK_INT(r, 0);
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static unsigned attached(int cgroup)
{
        uint32_t ids[8];
        union bpf_attr attr = { 0 };

        attr.query.target_fd = (uint32_t)cgroup;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uintptr_t)ids;
        attr.query.prog_cnt = ARRAY_SIZE(ids);
        return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) < 0 ? 99 : attr.query.prog_cnt;
}

/* Of two filters both would have to agree: the new one takes the old one's place. */
TEST(replaced_in_the_kernel)
{
        struct device_rule rule = { false, 'a', DEVICES_ANY, DEVICES_ANY, true, true, true };
        const char *root = cgroup_root();
        const struct bpf_insn *code;
        auto_arena arena = { 0 };
        unsigned first, second;
        char path[256];
        size_t size;
        int fd, r, status = -1;
        pid_t pid;

        SKIP_UNLESS(root && geteuid() == 0, "needs root and a writable cgroup v2 hierarchy");
        snprintf(path, sizeof path, "%s/husk-test-replace-%d", root, (int)getpid());
        SKIP_UNLESS(!mkdir(path, 0755), "cannot make a cgroup");
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK_INT(devices_compile(&arena, &rule, 1, &code, &size), 0);
        r = devices_replace(fd, code, size);
        first = attached(fd);
        rule.allow = true;
        CHECK_INT(devices_compile(&arena, &rule, 1, &code, &size), 0);
        if (r == 0)
                r = devices_replace(fd, code, size);
        second = attached(fd);
        pid = r < 0 ? -1 : fork();
        if (pid == 0)
                _exit(cgroup_set(fd, "cgroup.procs", "0") < 0 || open_error("/dev/null", O_RDWR));
        if (pid > 0)
                waitpid(pid, &status, 0);
        close(fd);
        cgroup_remove_empty(path);
        SKIP_UNLESS(r != -EPERM && r != -ENOSYS, "bpf(2) is not for us here");
        CHECK_STR(trail_text(), "");
        CHECK_INT(r, 0);
        CHECK_INT(first, 1);
        CHECK_INT(second, 1);
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}
