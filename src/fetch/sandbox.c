/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what the process may do once it is set up: speak over the internet's sockets, compute,
 * read a few public files of /etc, and read and write the descriptors that husk gives it.
 *
 * Each wall stands by itself. Ids: nobody when root started us. Capabilities: none, and none to be had.
 * Landlock: only the files below may be opened, for reading; no port can be bound. The filter: no program, no
 * process, no signal to others, no unix socket, no executable memory, and of the kernel's calls about a
 * seventh. Limits: of memory and descriptors. Not dumpable: nobody else of the same uid reads the passwords.
 *
 * What getaddrinfo(3) would load by dlopen(3) now (mdns, systemd-resolved's module) is not to be had; it goes on
 * with the next service of nsswitch.conf then, in the end DNS. */
#include "fetch.h"
#include "linux/linux.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
        NOBODY = 65534,
        FILES_MAX = 64,
};

/* Three windows of the largest kind that zstd has by default, and what the libraries need. */
#define MEMORY_MAX ((uint64_t)1 << 30)

#if defined(__SANITIZE_ADDRESS__)
#        define SANITIZED true
#elif defined(__has_feature)
#        if __has_feature(address_sanitizer)
#                define SANITIZED true
#        endif
#endif
#ifndef SANITIZED
#        define SANITIZED false /* the sanitizer reserves terabytes of addresses */
#endif

/* -- files --------------------------------------------------------------------------------------------- */

/* What libcurl, libcrypto and the resolver read. Links among them lead to what is allowed then. */
static const char *const readable[] = {
        "/etc/ssl",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/etc/resolv.conf",
        "/etc/hosts",
        "/etc/nsswitch.conf",
        "/etc/host.conf",
        "/etc/gai.conf",
        "/etc/services",
        "/etc/pki/tls/certs",
        "/etc/ca-certificates",
};

static int confine_files(void)
{
        int abi = landlock_abi(), r = 0;
        auto_close rules = NO_FD;

        if (abi == 0)
                return 0; /* the ids still say no to most */
        rules = landlock_make(landlock_known(abi), abi >= 4 ? LANDLOCK_BIND : 0);
        if (rules < 0)
                return rules;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(readable); i++) {
                auto_close fd = file_open(AT_FDCWD, readable[i], O_PATH, 0);

                if (fd >= 0)
                        r = landlock_allow_path(rules, fd, LANDLOCK_READ_FILE | LANDLOCK_READ_DIR);
        }
        return r < 0 ? r : landlock_restrict(rules);
}

/* -- system calls -------------------------------------------------------------------------------------- */

static const char *const allowed[] = {
        /* descriptors that there are */
        "read",
        "readv",
        "pread64",
        "write",
        "writev",
        "pwrite64",
        "lseek",
        "close",
        "fstat",
        "newfstatat",
        "stat",
        "statx",
        "ftruncate",
        "poll",
        "ppoll",
        "select",
        "pselect6",
        /* sockets */
        "socketpair",
        "connect",
        "bind",
        "sendto",
        "sendmsg",
        "sendmmsg",
        "recvfrom",
        "recvmsg",
        "recvmmsg",
        "getsockname",
        "getpeername",
        "getsockopt",
        "setsockopt",
        "shutdown",
        /* memory and threads */
        "munmap",
        "mremap",
        "madvise",
        "brk",
        "futex",
        "set_robust_list",
        "rseq",
        "set_tid_address",
        "sched_yield",
        "sched_getaffinity",
        "membarrier",
        "exit",
        "exit_group",
        /* signals to ourselves, time, chance, who we are */
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sigaltstack",
        "restart_syscall",
        "clock_gettime",
        "clock_nanosleep",
        "nanosleep",
        "gettimeofday",
        "time",
        "getrandom",
        "getpid",
        "gettid",
        "getuid",
        "geteuid",
        "getgid",
        "getegid",
        "uname",
};

/* Each call with its conditions. */
static const struct {
        const char *name;
        struct seccomp_argument conditions[2];
        size_t n;
} conditional[] = {
        { "socket", { { 0, SECCOMP_CMP_EQ, AF_INET, 0 } }, 1 },
        { "socket", { { 0, SECCOMP_CMP_EQ, AF_INET6, 0 } }, 1 },
        /* getaddrinfo: which addresses we have. Of netlink's other families each is a parser of the kernel's. */
        { "socket",
          { { 0, SECCOMP_CMP_EQ, AF_NETLINK, 0 }, { 2, SECCOMP_CMP_EQ, NETLINK_ROUTE, 0 } },
          2 },
        { "openat", { { 2, SECCOMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, 0 } }, 1 },
        { "mmap", { { 2, SECCOMP_CMP_MASKED_EQ, PROT_EXEC, 0 } }, 1 },
        { "mprotect", { { 2, SECCOMP_CMP_MASKED_EQ, PROT_EXEC, 0 } }, 1 },
        { "clone", { { 0, SECCOMP_CMP_MASKED_EQ, 0x7e020000 | CLONE_THREAD, CLONE_THREAD } }, 1 },
        { "prlimit64", { { 2, SECCOMP_CMP_EQ, 0, 0 } }, 1 },
        { "ioctl", { { 1, SECCOMP_CMP_EQ, FIONBIO, 0 } }, 1 },
        { "ioctl", { { 1, SECCOMP_CMP_EQ, FIONREAD, 0 } }, 1 },
        { "fcntl", { { 1, SECCOMP_CMP_EQ, F_GETFL, 0 } }, 1 },
        { "fcntl", { { 1, SECCOMP_CMP_EQ, F_SETFL, 0 } }, 1 },
        { "fcntl", { { 1, SECCOMP_CMP_EQ, F_GETFD, 0 } }, 1 },
        { "fcntl", { { 1, SECCOMP_CMP_EQ, F_SETFD, 0 } }, 1 },
};

static int filter_calls(void)
{
        static const char *const clone3[] = { "clone3" }, *const tgkill[] = { "tgkill" };
        const struct seccomp_argument us = { 0, SECCOMP_CMP_EQ, (uint64_t)getpid(), 0 };
        struct seccomp_rule rules[3 + ARRAY_SIZE(conditional)] = {
                { allowed, ARRAY_SIZE(allowed), SECCOMP_RET_ALLOW, NULL, 0 },
                /* Its flags are in memory: glibc takes clone(2) instead. */
                { clone3, 1, SECCOMP_RET_ERRNO | ENOSYS, NULL, 0 },
                { tgkill, 1, SECCOMP_RET_ALLOW, &us, 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(conditional); i++)
                rules[3 + i] = (struct seccomp_rule){ &conditional[i].name, 1, SECCOMP_RET_ALLOW,
                                                      conditional[i].conditions, conditional[i].n };
        return confine_calls(rules, ARRAY_SIZE(rules));
}

/* -- rights and limits --------------------------------------------------------------------------------- */

static int drop_ids(void)
{
        int r;

        if (geteuid() != 0)
                return 0;
        r = process_set_groups(NULL, 0);
        if (r == 0)
                r = process_set_ids(NOBODY, NOBODY);
        /* Root of a user namespace that has no such id is an ordinary user outside. */
        return r == -EINVAL ? 0 : r;
}

static int limit(void)
{
        int r = process_set_rlimit(RLIMIT_CORE, 0, 0);

        if (r == 0)
                r = process_set_rlimit(RLIMIT_NOFILE, FILES_MAX, FILES_MAX);
        if (r == 0 && !SANITIZED)
                r = process_set_rlimit(RLIMIT_AS, MEMORY_MAX, MEMORY_MAX);
        return r;
}

int fetch_confine(void)
{
        int r = limit();

        if (r == 0 && caps_have(8 /* CAP_SETPCAP */))
                r = caps_bound(0);
        if (r == 0)
                r = drop_ids();
        /* Husk has said so, and the change of ids has taken it back. That husk has died before is seen by the socket. */
        if (r == 0)
                r = process_guard(SIGKILL);
        if (r == 0)
                r = confine_capabilities(0);
        if (r == 0)
                r = process_no_new_privs();
        if (r == 0)
                r = process_hide();
        if (r == 0)
                r = confine_files();
        if (r == 0)
                r = filter_calls();
        return r;
}
