/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel asks the program with the device's type and numbers and a set of accesses. The rules
 * are tried from the last to the first: the first one that speaks about an access decides it. So
 * the program keeps the set of accesses that are still open. A matching deny rule with an open
 * access ends with "no"; a matching allow rule takes its accesses away, and when none is left ends
 * with "yes". A rule for all devices and all accesses ends the program: what is before it in the
 * list can never be asked.
 *
 * A rule is at most ten instructions, so all jumps are inside a rule or to its end. What is there
 * to be allowed by default is the compiler's of the plan; here is no default device. */
#include "devices.h"

#include "base/base.h"
#include "file.h"

#include <stddef.h>
#include <unistd.h>

#include <sys/syscall.h>

/* How many instructions a rule takes at most, and the program besides. */
#define RULE_MAX 10
#define REST     8

/* Registers: the context, then what is loaded from it. */
enum {
        R_RESULT = BPF_REG_0,
        R_CONTEXT,
        R_TYPE,
        R_OPEN,
        R_MAJOR,
        R_MINOR,
        R_SCRATCH
};

struct program {
        struct bpf_insn *code;
        size_t n;
};

static void put(struct program *p, uint8_t code, struct bpf_insn insn)
{
        insn.code = code;
        p->code[p->n++] = insn;
}

static void put_load(struct program *p, uint8_t to, size_t offset)
{
        put(p, BPF_LDX | BPF_MEM | BPF_W,
            (struct bpf_insn){ .dst_reg = to, .src_reg = R_CONTEXT, .off = (int16_t)offset });
}

static void put_alu(struct program *p, uint8_t op, uint8_t reg, int32_t value)
{
        put(p, BPF_ALU | BPF_K | op, (struct bpf_insn){ .dst_reg = reg, .imm = value });
}

/* The jump's distance is filled in later, or given. */
static void put_jump(struct program *p, uint8_t op, uint8_t reg, int32_t value, int16_t skip)
{
        put(p, BPF_JMP32 | BPF_K | op,
            (struct bpf_insn){ .dst_reg = reg, .off = skip, .imm = value });
}

static void put_return(struct program *p, bool allow)
{
        put_alu(p, BPF_MOV, R_RESULT, allow);
        put(p, BPF_JMP | BPF_EXIT, (struct bpf_insn){ 0 });
}

static int32_t rule_access(const struct device_rule *rule)
{
        return (rule->read ? BPF_DEVCG_ACC_READ : 0) | (rule->write ? BPF_DEVCG_ACC_WRITE : 0) |
               (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

#define ACCESS_ALL (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)

static bool rule_is_total(const struct device_rule *rule)
{
        return rule->type == 'a' && rule->major == DEVICES_ANY && rule->minor == DEVICES_ANY &&
               rule_access(rule) == ACCESS_ALL;
}

static int rule_check(const struct device_rule *rule)
{
        if (rule->type != 'a' && rule->type != 'b' && rule->type != 'c' && rule->type != 'u')
                return trail(-EINVAL, "device type '%c' is none of a, b, c, u", rule->type);
        if (rule->major < DEVICES_ANY || rule->minor < DEVICES_ANY)
                return trail(-EINVAL, "a device number is negative");
        if (rule->major > INT32_MAX || rule->minor > INT32_MAX)
                return trail(-ERANGE, "a device number is above %d", INT32_MAX);
        return 0;
}

static void put_rule(struct program *p, const struct device_rule *rule)
{
        int32_t access = rule_access(rule);
        size_t start = p->n, tests;

        if (rule->type != 'a')
                put_jump(
                        p, BPF_JNE, R_TYPE,
                        rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0);
        if (rule->major != DEVICES_ANY)
                put_jump(p, BPF_JNE, R_MAJOR, (int32_t)rule->major, 0);
        if (rule->minor != DEVICES_ANY)
                put_jump(p, BPF_JNE, R_MINOR, (int32_t)rule->minor, 0);
        tests = p->n;
        if (rule->allow) {
                put_alu(p, BPF_AND, R_OPEN, ~access);
                put_jump(p, BPF_JNE, R_OPEN, 0, 2);
        } else {
                put(p, BPF_ALU | BPF_X | BPF_MOV,
                    (struct bpf_insn){ .dst_reg = R_SCRATCH, .src_reg = R_OPEN });
                put_alu(p, BPF_AND, R_SCRATCH, access);
                put_jump(p, BPF_JEQ, R_SCRATCH, 0, 2);
        }
        put_return(p, rule->allow);
        for (size_t i = start; i < tests; i++)
                p->code[i].off = (int16_t)(p->n - i - 1);
}

int devices_compile(
        struct arena *arena, const struct device_rule *rules, size_t n,
        const struct bpf_insn **ret_program, size_t *ret_count)
{
        struct program p = { 0 };
        size_t first = 0;

        for (size_t i = 0; i < n; i++) {
                int r = rule_check(&rules[i]);

                if (r < 0)
                        return trail(r, "device rule %zu", i);
                if (rule_is_total(&rules[i]))
                        first = i;
        }
        p.code = arena_array(arena, REST + (n - first) * RULE_MAX, sizeof *p.code);
        put_load(&p, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
        put(&p, BPF_ALU | BPF_X | BPF_MOV,
            (struct bpf_insn){ .dst_reg = R_OPEN, .src_reg = R_TYPE });
        put_alu(&p, BPF_AND, R_TYPE, 0xffff);
        put_alu(&p, BPF_RSH, R_OPEN, 16);
        put_load(&p, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
        put_load(&p, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
        for (size_t i = n; i > first && !rule_is_total(&rules[i - 1]); i--)
                put_rule(&p, &rules[i - 1]);
        /* What is still open here is what the rule for everything says, or nothing does. */
        put_return(&p, n > 0 && rule_is_total(&rules[first]) && rules[first].allow);
        *ret_program = p.code;
        *ret_count = p.n;
        return 0;
}

static int bpf_call(enum bpf_cmd command, union bpf_attr *attr)
{
        long r = syscall(SYS_bpf, command, attr, sizeof *attr);

        return r < 0 ? -errno : (int)r;
}

#define PROGRAM_NAME "husk_devices"

static int load(const struct bpf_insn *program, size_t count)
{
        static const char license[] = "Apache-2.0";
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                .insns = (uintptr_t)program,
                .insn_cnt = (uint32_t)count,
                .license = (uintptr_t)license,
                .prog_name = PROGRAM_NAME,
        };
        int fd = bpf_call(BPF_PROG_LOAD, &attr);

        return fd < 0 ? trail(fd, "cannot load the device filter (%zu instructions): %m", count)
                      : fd;
}

/* `old`: the program that goes, or NO_FD. */
static int attach(int cgroup_fd, int program_fd, int old)
{
        union bpf_attr attr = { 0 };
        int r;

        attr.target_fd = (uint32_t)cgroup_fd;
        attr.attach_bpf_fd = (uint32_t)program_fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        if (old >= 0) {
                attr.attach_flags |= BPF_F_REPLACE;
                attr.replace_bpf_fd = (uint32_t)old;
        }
        r = bpf_call(BPF_PROG_ATTACH, &attr);
        return r < 0 ? trail(r, "cannot attach the device filter: %m") : 0;
}

int devices_attach(int cgroup_fd, const struct bpf_insn *program, size_t count)
{
        auto_close fd = load(program, count);

        return fd < 0 ? fd : attach(cgroup_fd, fd, NO_FD);
}

static bool is_ours(int program_fd)
{
        struct bpf_prog_info info = { 0 };
        union bpf_attr attr = { 0 };

        attr.info.bpf_fd = (uint32_t)program_fd;
        attr.info.info_len = sizeof info;
        attr.info.info = (uintptr_t)&info;
        return bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr) >= 0 && text_equal(info.name, PROGRAM_NAME);
}

/* The program of ours that is attached; -ENOENT. */
static int find_ours(int cgroup_fd)
{
        uint32_t ids[64] = { 0 };
        union bpf_attr attr = { 0 };
        int r;

        attr.query.target_fd = (uint32_t)cgroup_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uintptr_t)ids;
        attr.query.prog_cnt = ARRAY_SIZE(ids);
        r = bpf_call(BPF_PROG_QUERY, &attr);
        if (r < 0)
                return trail(r, "cannot ask which device filters there are: %m");
        for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
                union bpf_attr open = { .prog_id = ids[i] };
                int fd = bpf_call(BPF_PROG_GET_FD_BY_ID, &open);

                if (fd < 0)
                        continue;
                if (is_ours(fd))
                        return fd;
                close(fd);
        }
        return -ENOENT;
}

int devices_replace(int cgroup_fd, const struct bpf_insn *program, size_t count)
{
        auto_close old = find_ours(cgroup_fd), fd = NO_FD;

        if (old < 0 && old != -ENOENT)
                return old;
        fd = load(program, count);
        return fd < 0 ? fd : attach(cgroup_fd, fd, old);
}
