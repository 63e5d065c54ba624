/* SPDX-License-Identifier: Apache-2.0 */
/* The device rules of cgroup v2, which has no device controller but an eBPF hook. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

struct arena;

#define DEVICES_ANY (-1)

/* A row of linux.resources.devices. */
struct device_rule {
        bool allow;
        char type;            /* 'a' any, 'b' block, 'c' character ('u' is taken for 'c') */
        int64_t major, minor; /* DEVICES_ANY: all */
        bool read, write, mknod;
};

/* Compile rules to a program of BPF_PROG_TYPE_CGROUP_DEVICE, in `arena`. A rule speaks about its
 * own accesses (r, w, m) only; of several about one access of one device the last one counts; what
 * no rule speaks about is denied; a request passes when all its accesses are allowed. 0, -EINVAL
 * (a type that is none, a negative number other than DEVICES_ANY), -ERANGE (a number above
 * INT32_MAX: no device has it), with a trail. Sources: runtime-spec config-linux.md "Allowed Device
 * list", the kernel's Documentation/admin-guide/cgroup-v2.rst "Device controller". */
int devices_compile(
        struct arena *arena, const struct device_rule *rules, size_t n,
        const struct bpf_insn **ret_program, size_t *ret_count);

/* The same rules for the devices controller of cgroup v1, as the state that they lead to: *ret_allow
 * tells whether everything is allowed but the exceptions, which are lines for devices.deny then, or
 * everything denied but them. "" when there are none. 0; -EOPNOTSUPP with a trail when a rule takes
 * a part out of an exception, which that controller would pass over in silence. Source: the kernel's
 * Documentation/admin-guide/cgroup-v1/devices.rst. */
int devices_compile_v1(
        struct arena *arena, const struct device_rule *rules, size_t n, bool *ret_allow,
        const char **ret_exceptions);

/* Put a program in the place of the one that devices_attach() put there; like it when there is none.
 * Atomic: there is no moment without rules. Since Linux 5.6. */
int devices_replace(int cgroup_fd, const struct bpf_insn *program, size_t count);

/* Load a program and attach it to the cgroup v2 directory `cgroup_fd` (borrowed), together with
 * those that are there (BPF_F_ALLOW_MULTI: all have to agree). It goes with the cgroup. Needs
 * CAP_SYS_ADMIN (since Linux 5.8: CAP_BPF and CAP_NET_ADMIN) in the first user namespace. 0, or the
 * errno of bpf(2) with a trail: -EPERM, -ENOSYS (no such hook in this kernel), -EBADF (no cgroup v2
 * directory). Child-safe. Since Linux 4.15 (5.1 for the jumps that we use). Sources: bpf(2). */
int devices_attach(int cgroup_fd, const struct bpf_insn *program, size_t count);
