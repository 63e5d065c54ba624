/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what is known of an operation without knowing the operation.
 *
 * One expansion of ops.def turns an operation into a list of (name, kind, value); everything that
 * treats operands alike (print, compare, verify) loops over that list. The tables of words for
 * the kernel's bits stand here too, because the text, JSON and shell printers share them.
 * Nothing in here allocates or fails. */
#include "operand.h"

#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/resource.h>

const struct bit_name plan_spaces[SPACES] = {
        { CLONE_NEWPID, "pid", "pid" },    { CLONE_NEWNS, "mnt", "mount" },
        { CLONE_NEWUTS, "uts", "uts" },    { CLONE_NEWIPC, "ipc", "ipc" },
        { CLONE_NEWNET, "net", "net" },    { CLONE_NEWCGROUP, "cgroup", "cgroup" },
        { CLONE_NEWUSER, "user", "user" }, { CLONE_NEWTIME, "time", "time" },
};

#define OP(title, manual, stage) _Static_assert(0
#define FIELD(type, title) +1
#define END(title)               <= OPERANDS_MAX, #title);
#include "ops.def"
#undef OP
#undef FIELD
#undef END

/* NOLINTNEXTLINE(readability-function-size): a table, written out by ops.def */
size_t op_operands(const struct op *op, struct operand ret_operands[OPERANDS_MAX])
{
        size_t n = 0;

        switch ((enum op_code)op->code) {
#define OP(title, manual, stage)                            \
        case OP_##title: {                                  \
                const struct op_##title *o = &op->as.title; \
                (void)o;
#define FIELD(type, title) ret_operands[n++] = (struct operand){ #title, KIND_##type, &o->title };
#define END(title) \
        break;     \
        }
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        case OP_COUNT:
                break;
        }
        return n;
}

int16_t operand_slot(const struct operand *operand)
{
        if (operand->kind != KIND_FD && operand->kind != KIND_NEWFD && operand->kind != KIND_OLDFD)
                return -1;
        return *(const int16_t *)operand->value;
}

const char *rlimit_name(RLIMIT resource)
{
        static const char *const names[] = {
                [RLIMIT_AS] = "as",
                [RLIMIT_CORE] = "core",
                [RLIMIT_CPU] = "cpu",
                [RLIMIT_DATA] = "data",
                [RLIMIT_FSIZE] = "fsize",
                [RLIMIT_LOCKS] = "locks",
                [RLIMIT_MEMLOCK] = "memlock",
                [RLIMIT_MSGQUEUE] = "msgqueue",
                [RLIMIT_NICE] = "nice",
                [RLIMIT_NOFILE] = "nofile",
                [RLIMIT_NPROC] = "nproc",
                [RLIMIT_RSS] = "rss",
                [RLIMIT_RTPRIO] = "rtprio",
                [RLIMIT_RTTIME] = "rttime",
                [RLIMIT_SIGPENDING] = "sigpending",
                [RLIMIT_STACK] = "stack",
        };

        return resource >= 0 && (size_t)resource < ARRAY_SIZE(names) ? names[resource] : "?";
}

const char *propagation_name(PROPAGATION propagation)
{
        static const char *const names[] = {
                [PROPAGATE_UNCHANGED] = "unchanged",   [PROPAGATE_PRIVATE] = "private",
                [PROPAGATE_SLAVE] = "slave",           [PROPAGATE_SHARED] = "shared",
                [PROPAGATE_UNBINDABLE] = "unbindable",
        };

        return (size_t)propagation < ARRAY_SIZE(names) ? names[propagation] : "?";
}

const char *target_name(TARGET target)
{
        static const char *const names[] = {
                [TARGET_EXISTS] = "exists",
                [TARGET_DIRECTORY] = "directory",
                [TARGET_FILE] = "file",
                [TARGET_DIRECTORY_OR_FILE] = "directory_or_file",
                [TARGET_PLAIN_FILE] = "plain_file",
        };

        return (size_t)target < ARRAY_SIZE(names) ? names[target] : "?";
}

size_t attrs_names(ATTRS attrs, const char **ret_names, size_t room, uint64_t *ret_rest)
{
        /* The time bits are a field of three, whose whole mask stands for "any of them". */
        static const struct {
                uint64_t mask, bits;
                const char *name;
        } words[] = {
                { MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY, "ro" },
                { MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSUID, "nosuid" },
                { MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV, "nodev" },
                { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC, "noexec" },
                { MOUNT_ATTR__ATIME, MOUNT_ATTR__ATIME, "atime" },
                { MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, "noatime" },
                { MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME, "strictatime" },
                { MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NODIRATIME, "nodiratime" },
                { MOUNT_ATTR_IDMAP, MOUNT_ATTR_IDMAP, "idmap" },
                { MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
        };

        uint64_t rest = attrs;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(words) && n < room; i++)
                if ((rest & words[i].mask) == words[i].bits) {
                        ret_names[n++] = words[i].name;
                        rest &= ~words[i].mask;
                }
        *ret_rest = rest;
        return n;
}
