/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: processes by pidfd, and the attributes of our own.
 *
 * A pid is only a number; what we signal is a pidfd that was opened and then checked against what the
 * journal holds: the inode of the pidfd, which no other process of this boot has, or, where the kernel
 * gives all pidfds the same, the start time, which /proc is read for. Changes of identity are read back, because setuid(-1) is a
 * successful no-op (CVE-2026-30892).
 *
 * The executable is sealed before anything of a container runs: a process of the container that
 * execs /proc/self/exe would otherwise hand the host's binary to its neighbours, writable
 * (CVE-2019-5736). A detached read-only bind mount costs three calls and one exec and no copy. */
#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int process_open(pid_t pid)
{
        long fd = syscall(SYS_pidfd_open, pid, 0);
        struct stat st;
        char path[32];
        int r;

        if (fd >= 0)
                return (int)fd;
        r = -errno;
        /* The number is that of a session or group whose leader has ended, or of a thread: no process has
         * it. Which of the two it is called depends on the kernel. */
        if (pid > 0 && (r == -EINVAL || r == -ENOENT))
                return -ESRCH;
        text_format(path, sizeof path, "/proc/%d", (int)pid);
        if (r == -ENOSYS && file_stat(AT_FDCWD, path, 0, &st) == -ENOENT)
                return -ESRCH; /* of a dead process nothing has to be opened */
        return missing_hint(r, "pidfd_open(2)", "5.3");
}

int process_signal(int pidfd, int signal)
{
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0
                     ? missing_hint(-errno, "pidfd_send_signal(2)", "5.1")
                     : 0;
}

/* A number of /proc/PID/stat, and the state; fields as proc_pid_stat(5) counts them. */
static int read_stat(pid_t pid, int wanted, uint64_t *ret_number, char *ret_state)
{
        char path[32], stat[1024], *at;
        ssize_t n;
        uint64_t number = 0;

        text_format(path, sizeof path, "/proc/%d/stat", (int)pid);
        n = file_get_once(AT_FDCWD, path, stat, sizeof stat);
        if (n < 0)
                return n == -ENOENT ? -ESRCH : (int)n;
        /* The name in field 2 may hold spaces and parentheses: the last ')' ends it. */
        at = strrchr(stat, ')');
        if (!at || strlen(at) < 4)
                return -EIO;
        *ret_state = at[2];
        at += 2;
        for (int field = 3; field < wanted && *at; at++)
                field += *at == ' ';
        while (*at >= '0' && *at <= '9')
                number = number * 10 + (uint64_t)(*at++ - '0');
        *ret_number = number;
        return 0;
}

pid_t process_number(int pidfd)
{
        char path[48], info[512], *at;
        uint64_t number = 0;
        ssize_t n;

        text_format(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
        n = file_get_once(AT_FDCWD, path, info, sizeof info);
        if (n < 0)
                return (pid_t)n;
        at = strstr(info, "\nPid:\t");
        if (!at)
                return -EBADF;
        for (at += 6; *at >= '0' && *at <= '9'; at++)
                number = number * 10 + (uint64_t)(*at - '0');
        return number > 0 && number <= INT32_MAX ? (pid_t)number : -ESRCH; /* -1: it has ended */
}

bool process_is_child(int pidfd)
{
        siginfo_t info;

        return waitid(3 /* P_PIDFD, since Linux 5.4 */, (id_t)pidfd, &info,
                      WEXITED | WNOHANG | WNOWAIT) == 0;
}

int process_reap(int pidfd)
{
        siginfo_t info;
        int r;

        do
                r = waitid(3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* The child's part of process_run. */
static _Noreturn void run(const char *const *arguments, int output)
{
        static char *const nothing[] = { NULL };
        int null = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0);

        if (null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(output, 2) == 2)
                execve(arguments[0], (char *const *)(uintptr_t)arguments, nothing);
        _exit(127);
}

int process_run(const char *const *arguments, char *words, size_t size, int *ret_status)
{
        int ends[2], pidfd = NO_FD;
        size_t filled = 0;
        ssize_t n;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid == 0)
                run(arguments, ends[1]);
        close(ends[1]);
        if (pid < 0) {
                close(ends[0]);
                return pid;
        }
        do {
                char rest[256];
                bool full = filled + 1 >= size;

                n = full ? read(ends[0], rest, sizeof rest)
                         : read(ends[0], words + filled, size - 1 - filled);
                if (n > 0 && !full)
                        filled += (size_t)n;
        } while (n > 0 || (n < 0 && errno == EINTR));
        words[filled] = '\0';
        close(ends[0]);
        close(pidfd);
        return process_wait(pid, ret_status);
}

static int start_time(pid_t pid, uint64_t *ret_ticks, char *ret_state)
{
        return read_stat(pid, 22, ret_ticks, ret_state);
}

int process_identify(pid_t pid, int pidfd, struct process_id *ret_id)
{
        struct process_id id = { 0 };
        struct stat st;
        char state;
        int r;

        /* Where ino_t has 32 bits the number is cut off, and may come again. */
        if (sizeof(long) == 8 && file_magic(pidfd) == MAGIC_PIDFS && fstat(pidfd, &st) == 0) {
                id.inode = st.st_ino;
        } else {
                r = start_time(pid, &id.start, &state);
                if (r < 0)
                        return r;
        }
        *ret_id = id;
        return 0;
}

int process_is(pid_t pid, int pidfd, const struct process_id *id)
{
        struct stat st;
        uint64_t start;
        char state;
        int r;

        if (id->inode) {
                if (fstat(pidfd, &st) < 0)
                        return -errno;
                r = st.st_ino == id->inode ? process_poll(pidfd, 0) : 1;
                return r < 0 ? r : r == 0;
        }
        r = start_time(pid, &start, &state);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        return start == id->start && state != 'Z' && state != 'X';
}

bool process_has_executed(pid_t pid)
{
        enum {
                FORKED_ONLY = 0x40 /* PF_FORKNOEXEC of the kernel: cleared by execve(2) alone */
        };

        uint64_t flags;
        char state;

        return read_stat(pid, 9, &flags, &state) < 0 || !(flags & FORKED_ONLY);
}

int process_parent(pid_t pid, pid_t *ret_parent, char *ret_state)
{
        uint64_t parent;
        int r = read_stat(pid, 4, &parent, ret_state);

        if (r == 0)
                *ret_parent = (pid_t)parent;
        return r;
}

int process_wait(pid_t pid, int *ret_status)
{
        pid_t r;

        do
                r = waitpid(pid, ret_status, 0);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* Nobody but us reaps them: the numbers are theirs. */
size_t process_signal_stopped(int signal)
{
        siginfo_t info = { 0 };
        size_t n = 0;

        while (waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG | __WALL) == 0 && info.si_pid > 0) {
                n += kill(info.si_pid, signal) == 0;
                info.si_pid = 0;
        }
        return n;
}

bool process_is_told_to_end(void)
{
        static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
        sigset_t pending;
        bool told = false;

        if (sigpending(&pending) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                told |= sigismember(&pending, ends[i]) == 1;
        return told;
}

int process_poll(int pidfd, int timeout_ms)
{
        struct pollfd entry = { .fd = pidfd, .events = POLLIN };
        int r;

        do
                r = poll(&entry, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r;
}

int process_exit_code(int wait_status)
{
        return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int process_guard(int signal)
{
        return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 ? -errno : 0;
}

void process_follow(pid_t parent)
{
        if (process_guard(SIGKILL) < 0 || getppid() != parent)
                _exit(1);
}

int process_set_ids(uint32_t uid, uint32_t gid)
{
        uid_t ruid, euid, suid;
        gid_t rgid, egid, sgid;

        /* The raw calls: the C library's would signal every thread, and there is only one. */
        if (syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
                return -errno;
        if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
                return -errno;
        if (ruid != uid || euid != uid || suid != uid || rgid != gid || egid != gid || sgid != gid)
                return -EPERM;
        return 0;
}

int process_set_groups(const uint32_t *groups, size_t n)
{
        return syscall(SYS_setgroups, n, groups) < 0 ? -errno : 0;
}

int process_set_rlimit(int resource, uint64_t soft, uint64_t hard)
{
        struct rlimit limit = { .rlim_cur = soft, .rlim_max = hard };

        return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int process_get_rlimit(int resource, uint64_t *ret_soft, uint64_t *ret_hard)
{
        struct rlimit limit;

        if (getrlimit(resource, &limit) < 0)
                return -errno;
        *ret_soft = limit.rlim_cur;
        *ret_hard = limit.rlim_max;
        return 0;
}

int process_raise_files(uint64_t most, uint64_t *ret_soft)
{
        struct rlimit limit;
        rlim_t soft;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (limit.rlim_max < most) {
                trail_hint(
                        "each layer takes up to three: raise the limit of open files (ulimit -Hn)");
                return -EMFILE;
        }
        if (limit.rlim_cur >= most + 64)
                return 0;
        soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        *ret_soft = soft;
        return 0;
}

int process_restore_files(uint64_t soft)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        limit.rlim_cur = soft;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* The signals that are ignored: bit 0 is signal 1. All of them when /proc does not say so. */
static uint64_t ignored_signals(void)
{
        char text[4096];
        ssize_t n = file_get_once(AT_FDCWD, "/proc/self/status", text, sizeof text - 1);
        const char *at;
        uint64_t set = 0;

        text[n < 0 ? 0 : n] = '\0';
        at = strstr(text, "\nSigIgn:\t");
        if (!at)
                return UINT64_MAX;
        for (at += strlen("\nSigIgn:\t"); *at != '\n' && *at; at++)
                set = set << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
        return set;
}

void process_reset_signals(void)
{
        uint64_t ignored = ignored_signals();

        /* The raw calls: a C library keeps two or three signals (32 to 34) to itself and would pass
         * them over, yet they can come ignored like all others. All zero is SIG_DFL, no flags and an
         * empty mask in the kernel's struct sigaction, on every architecture. A handler needs none of
         * it: exec takes it away. */
        static const uint64_t nothing[4];

        for (int i = 1; i <= 64; i++)
                if (ignored >> (i - 1) & 1)
                        syscall(SYS_rt_sigaction, i, nothing, NULL, sizeof nothing[0]);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing, NULL, sizeof nothing[0]);
}

void process_fill_signals(sigset_t *ret_set)
{
        memset(ret_set, 0xff, sizeof *ret_set);
}

int process_no_new_privs(void)
{
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int process_seccomp(const void *filter, size_t size, uint64_t flags)
{
        struct sock_fprog program = {
                .len = (unsigned short)(size / sizeof(struct sock_filter)),
                .filter = (struct sock_filter *)(uintptr_t)filter,
        };

        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned long)flags, &program) < 0
                     ? -errno
                     : 0;
}

bool process_has_seccomp_flag(unsigned flag)
{
        unsigned long flags = flag;

        /* It is about a listener, and refused without one. */
        if (flag == 1U << 5 /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */)
                flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        /* The flags are looked at before the program, which is nowhere. */
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

int process_new_keyring(const char *name)
{
        return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0 ? -errno : 0;
}

int process_hide(void)
{
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int close_range_of(unsigned first, unsigned last, bool now)
{
        unsigned flags = now ? 0 : CLOSE_RANGE_CLOEXEC;

        if (first > last || syscall(SYS_close_range, first, last, flags) == 0)
                return 0;
        /* Before Linux 5.11 (flag) or 5.9 (call): one by one, up to the limit. */
        if (errno == ENOSYS || errno == EINVAL) {
                uint64_t soft, hard;
                int r = process_get_rlimit(RLIMIT_NOFILE, &soft, &hard);

                if (r < 0)
                        return r;
                for (uint64_t fd = first; fd <= last && fd < soft && fd < 1048576; fd++) {
                        if (now)
                                close((int)fd);
                        else if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
                                return -errno;
                }
                return 0;
        }
        return -errno;
}

int process_seal_fds(unsigned first, bool now)
{
        return close_range_of(first, ~0U, now);
}

int process_change_dir(const char *path)
{
        return chdir(path) < 0 ? -errno : 0;
}

int process_execute(const char *path, const char *const *args, const char *const *env)
{
        execve(path, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)env);
        return -errno;
}

int process_close_range(unsigned first, unsigned last)
{
        return close_range_of(first, last, true);
}

int process_close_fds(unsigned first, const int *keep, size_t n)
{
        for (;;) {
                int next = NO_FD, r;

                for (size_t i = 0; i < n; i++)
                        if (keep[i] >= (int)first && (next < 0 || keep[i] < next))
                                next = keep[i];
                if (next < 0)
                        return close_range_of(first, ~0U, true);
                /* None lie before it when it is the first: 0 - 1 would be all. */
                r = (unsigned)next == first ? 0 : close_range_of(first, (unsigned)next - 1, true);
                if (r < 0)
                        return r;
                first = (unsigned)next + 1;
        }
}

uint64_t process_clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Sealed already? The kernel tells by which name we were started (execveat of a descriptor gives
 * /dev/fd/N) and whether the mount that we run from can be written through. */
static bool is_sealed(void)
{
        const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
        struct statfs fs;

        if (!name || !text_starts(name, "/dev/fd/"))
                return false;
        if (statfs("/proc/self/exe", &fs) < 0)
                return false;
        if ((unsigned long)fs.f_flags & 1 /* ST_RDONLY */)
                return true;
        auto_close self = file_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);

        return self >= 0 && fcntl(self, F_GET_SEALS) >= (F_SEAL_WRITE | F_SEAL_SHRINK);
}

/* EBUSY: the kernel moves pages of it to other places at the moment (compaction). It waits for that itself, but not
 * longer than a sixth of a second, which is little where the processors are busy. */
static int seal(int file)
{
        enum {
                TRIES = 20
        };

        const struct timespec moment = { .tv_nsec = 5000000 };
        int r = -EBUSY;

        for (int i = 0; r == -EBUSY && i < TRIES; i++) {
                if (i > 0)
                        nanosleep(&moment, NULL);
                r =
                        fcntl(file, F_ADD_SEALS,
                              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
                r = r < 0 ? -errno : 0;
        }
        return r;
}

/* A sealed copy in memory: an executable descriptor. */
static int copy_sealed(int self)
{
        struct stat st;
        auto_close copy = memfd_create("husk", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10U);
        int r;

        if (copy < 0 && errno == EINVAL) /* MFD_EXEC (0x10) is since Linux 6.3 */
                copy = memfd_create("husk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (copy < 0 || fstat(self, &st) < 0)
                return -errno;
        for (off_t at = 0; at < st.st_size;) {
                ssize_t n = sendfile(copy, self, &at, (size_t)(st.st_size - at));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
        }
        r = seal(copy);
        if (r < 0)
                return r;
        r = copy;
        copy = NO_FD;
        return r;
}

int process_seal_executable(char *const *argv, char *const *envp)
{
        auto_close sealed = NO_FD;

        if (is_sealed())
                return 0;
        sealed = mount_clone_changed(
                AT_FDCWD, "/proc/self/exe", false,
                &(struct mount_change){ .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID });
        if (sealed < 0) {
                auto_close self = file_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);

                if (self < 0)
                        return trail(self, "cannot open our own executable: %s", text_errno(self));
                sealed = copy_sealed(self);
                if (sealed < 0)
                        return trail(
                                sealed, "cannot make a sealed copy of our own executable: %s",
                                text_errno(sealed));
        }
        syscall(SYS_execveat, sealed, "", argv, envp, AT_EMPTY_PATH);
        return trail(-errno, "cannot execute the sealed copy of our own executable");
}
