/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: capability sets of the calling thread, as 64-bit sets.
 *
 * The kernel's two-word structures stay in here. Setting reads back what the kernel granted: a
 * set-up that silently keeps or loses a capability must not go on (youki CVE-2025-27612). */
#include "linux.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char names[][20] = {
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
};

int caps_number(const char *name)
{
        if (strncasecmp(name, "cap_", 4) == 0)
                name += 4;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcasecmp(names[i], name) == 0)
                        return (int)i;
        return -EINVAL;
}

const char *caps_name(unsigned number)
{
        return number < ARRAY_SIZE(names) ? names[number] : NULL;
}

uint64_t caps_all(void)
{
        return (1ULL << ARRAY_SIZE(names)) - 1;
}

int caps_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        *ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
        *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
        *ret_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
        return 0;
}

bool caps_have(unsigned number)
{
        uint64_t effective, permitted, inheritable;

        return caps_get(&effective, &permitted, &inheritable) == 0 && effective >> number & 1;
}

int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {
                { (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
                { (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
                  (uint32_t)(inheritable >> 32) },
        };
        uint64_t e, p, i;
        int r;

        if (syscall(SYS_capset, &header, data) < 0)
                return -errno;
        r = caps_get(&e, &p, &i);
        if (r < 0)
                return r;
        return e == effective && p == permitted && i == inheritable ? 0 : -EPERM;
}

int caps_bound(uint64_t keep)
{
        for (unsigned long cap = 0; cap < 64; cap++) {
                if (keep >> cap & 1)
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
                        return errno == EINVAL ? 0 : -errno; /* EINVAL: past the last one */
        }
        return 0;
}

int caps_set_ambient(uint64_t ambient)
{
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (unsigned long cap = 0; cap < 64; cap++)
                if (ambient >> cap & 1 &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        return -errno;
        return 0;
}

int caps_keep(void)
{
        int had = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
        int locks, want;

        if (had < 0)
                return -errno;
        /* A locked bit is every second one, the lock of the bit below it. */
        locks = had & SECURE_ALL_LOCKS;
        want = locks | (had & locks >> 1);
        /* What lets the permitted set survive; with NO_SETUID_FIXUP nothing touches it anyhow. */
        if (!(locks & SECBIT_KEEP_CAPS_LOCKED))
                want |= SECBIT_KEEP_CAPS;
        if (!(want & (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)))
                return -EPERM;
        if (want == (had | SECBIT_KEEP_CAPS)) /* the usual case; needs no capability */
                return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0;
        return prctl(PR_SET_SECUREBITS, want, 0, 0, 0) < 0 ? -errno : 0;
}
