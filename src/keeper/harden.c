/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the keeper gives up what it needs no more.
 *
 * It runs as long as its container, is the parent of the container's first process, reads the bytes
 * of its terminal, and has the rights of whoever called husk. Once the container runs, all that is
 * left to do is to wait, to write a line, and to remove: so no_new_privs, three capabilities, only the
 * container's own directories (Landlock), and a short list of system calls without execve, clone,
 * mount, ptrace, socket and the like. What is not in the list fails with EPERM: the clean-up goes on
 * with what is left to do, and the next command finishes it.
 *
 * An ordinary user's keeper may join one user namespace, made before, by its descriptor: there it removes
 * what belongs to the container's other ids, which else took newuidmap(1).
 *
 * Capabilities: files in a container's layers belong to anybody and have any mode (DAC_OVERRIDE,
 * FOWNER for sticky directories); so do processes in its cgroups (KILL). The bounding set stays as it
 * is: without exec it means nothing. */
#include "keeper.h"

#include <fcntl.h>
#include <sched.h>

#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/seccomp.h>

/* The C libraries differ in which call of a family they use. tools/check-keeper compares the list with what the
 * object files of the keeper's life can call: none is missing, none is too much. */
static const char *const calls[] = {
        /* waiting, and the terminal's bytes */
        "poll",
        "ppoll",
        "read",
        "wait4",
        "nanosleep",
        "clock_nanosleep",
        "clock_gettime",
        "gettimeofday",
        "restart_syscall",
        "rt_sigreturn",
        "rt_sigprocmask",
        /* telling the client, and the journal */
        "sendmsg",
        "write",
        "writev",
        "flock",
        "lseek",
        "ftruncate",
        "time",
        /* looking */
        "open",
        "openat",
        "openat2",
        "close",
        "close_range",
        "dup2",
        "dup3",
        "fcntl",
        "stat",
        "lstat",
        "fstat",
        "newfstatat",
        "statx",
        "statfs",
        "fstatfs",
        "getdents64",
        "geteuid",
        "getxattr",
        "getrlimit",
        "prlimit64",
        /* removing */
        "rmdir",
        "unlink",
        "unlinkat",
        "renameat",
        "renameat2",
        "getrandom",
        "pidfd_open",
        "pidfd_send_signal",
        /* memory, and the end */
        "brk",
        "mmap",
        "munmap",
        "mremap",
        "mprotect",
        "madvise",
        "futex",
        "exit",
        "exit_group",
};

/* A path that is not there is nothing to allow. */
static int confine_files(const struct keeper_grant *grants, size_t n)
{
        int abi = landlock_abi();
        auto_close rules = abi > 0 ? landlock_make(landlock_known(abi), 0) : NO_FD;

        if (abi == 0)
                return 0;
        if (rules < 0)
                return rules;
        for (size_t i = 0; i < n; i++) {
                auto_close at = file_open(AT_FDCWD, grants[i].path, O_PATH, 0);
                int r = at < 0 ? at
                               : landlock_allow_path(
                                         rules, at, grants[i].access & landlock_known(abi));

                if (r < 0 && r != -ENOENT && r != -EACCES)
                        return r;
        }
        return landlock_restrict(rules);
}

static int filter_calls(int namespace)
{
        const char *const join = "setns", *const look = "ioctl";
        const struct seccomp_argument owner = { 1, SECCOMP_CMP_EQ, NS_GET_OWNER_UID, 0 };
        const struct seccomp_argument only[] = {
                { 0, SECCOMP_CMP_EQ, (uint32_t) namespace, 0 },
                { 1, SECCOMP_CMP_EQ, CLONE_NEWUSER, 0 },
        };
        const struct seccomp_rule rules[] = {
                { calls, ARRAY_SIZE(calls), SECCOMP_RET_ALLOW, NULL, 0 },
                { &look, 1, SECCOMP_RET_ALLOW, &owner, 1 },
                { &join, 1, SECCOMP_RET_ALLOW, only, ARRAY_SIZE(only) },
        };

        return confine_calls(rules, namespace < 0 ? 2 : 3);
}

int keeper_harden(const struct keeper_grant *grants, size_t n, int namespace)
{
        int r = process_hide();

        if (r == 0)
                r = process_no_new_privs();
        if (r == 0)
                r = confine_files(grants, n);
        if (r == 0)
                r = confine_capabilities(
                        1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_KILL);
        if (r == 0)
                r = filter_calls(namespace);
        return r < 0 ? trail(r, "the keeper cannot give up its rights: %s", text_errno(r)) : 0;
}
