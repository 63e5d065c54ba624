/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: namespaces, made and joined.
 *
 * clone3 makes a child in all new namespaces at once, which is cheaper than unshare and a second
 * fork. Only the cgroup namespace is unshared later, by the child, because its root is where the
 * process is at that moment. No threads, no shared memory: a plain fork with more flags. */
#include "linux.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <linux/nsfs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const struct {
        uint32_t type;
        const char *proc;
        const char *oci;
} kinds[] = {
        { CLONE_NEWNS, "mnt", "mount" },    { CLONE_NEWCGROUP, "cgroup", "cgroup" },
        { CLONE_NEWUTS, "uts", "uts" },     { CLONE_NEWIPC, "ipc", "ipc" },
        { CLONE_NEWUSER, "user", "user" },  { CLONE_NEWPID, "pid", "pid" },
        { CLONE_NEWNET, "net", "network" }, { CLONE_NEWTIME, "time", "time" },
};

const char *namespace_proc_name(uint32_t type)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].type == type)
                        return kinds[i].proc;
        return NULL;
}

const char *namespace_oci_name(uint32_t type)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].type == type)
                        return kinds[i].oci;
        return NULL;
}

uint32_t namespace_type(const char *oci_name)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (text_equal(kinds[i].oci, oci_name))
                        return kinds[i].type;
        return 0;
}

int namespace_unshare(uint32_t types)
{
        return unshare((int)types) < 0 ? -errno : 0;
}

int namespace_join(int fd, uint32_t types)
{
        return setns(fd, (int)types) < 0 ? -errno : 0;
}

int namespace_open(const char *path, uint32_t type)
{
        int fd = file_open(AT_FDCWD, path, O_RDONLY, 0);
        int found;

        if (fd < 0)
                return fd;
        found = file_magic(fd) == MAGIC_NSFS ? ioctl(fd, NS_GET_NSTYPE) : 0;
        if ((uint32_t)found != type) {
                close(fd);
                return -EINVAL;
        }
        return fd;
}

bool namespace_is_first_user(void)
{
        const ino_t first = 0xEFFFFFFD; /* PROC_USER_INIT_INO of the kernel */
        struct stat ours;

        return stat("/proc/self/ns/user", &ours) < 0 || ours.st_ino == first;
}

bool namespace_owns_mounts(void)
{
        auto_close mounts = file_open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);
        auto_close owner = mounts < 0 ? NO_FD : ioctl(mounts, NS_GET_USERNS);

        /* EPERM: its owner is none that we may see. */
        return owner >= 0 || errno != EPERM;
}

bool namespace_is_of_user(pid_t pid, uid_t user)
{
        char path[40];
        auto_close fd = NO_FD;
        uid_t owner;

        text_format(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        fd = namespace_open(path, CLONE_NEWUSER);
        return fd >= 0 && ioctl(fd, NS_GET_OWNER_UID, &owner) == 0 && owner == user;
}

bool namespace_is_of_others(int dir, const char *path, uid_t user)
{
        auto_close fd = file_open(dir, path, O_RDONLY, 0);
        auto_close users = fd < 0 ? NO_FD : ioctl(fd, NS_GET_USERNS);
        uid_t owner;

        return users >= 0 && ioctl(users, NS_GET_OWNER_UID, &owner) == 0 && owner != 0 &&
               owner != user;
}

bool namespace_is_ours(int fd, uint32_t type)
{
        const char *name = namespace_proc_name(type);
        struct stat theirs, ours;
        char path[64];

        text_format(path, sizeof path, "/proc/self/ns/%s", name ? name : "");
        if (!name || stat(path, &ours) < 0)
                return false;
        if (file_magic(fd) == MAGIC_NSFS) {
                if (fstat(fd, &theirs) < 0)
                        return false;
        } else {
                /* The number is its own as long as it lives, which is asked afterwards. */
                text_format(path, sizeof path, "/proc/%d/ns/%s", (int)process_number(fd), name);
                if (stat(path, &theirs) < 0 || process_signal(fd, 0) < 0)
                        return false;
        }
        return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* struct clone_args of clone3(2), up to what Linux 5.7 knows. */
struct clone_arguments {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        uint64_t set_tid, set_tid_size, cgroup;
};

pid_t namespace_fork(uint32_t types)
{
        struct clone_arguments arguments = { .flags = types | CLONE_PARENT };
        long pid = syscall(SYS_clone3, &arguments, sizeof arguments);

        if (pid < 0 && errno == ENOSYS && !(types & CLONE_NEWTIME))
                pid = syscall(SYS_clone, (unsigned long)(types | CLONE_PARENT), 0L, 0L, 0L, 0L);
        return pid < 0 ? -errno : (pid_t)pid;
}

pid_t namespace_spawn(uint32_t types, int cgroup, int *ret_pidfd)
{
        struct clone_arguments arguments = { .flags = types | CLONE_PIDFD, .exit_signal = SIGCHLD };
        int pidfd = NO_FD;
        long pid;

        arguments.pidfd = (uint64_t)(uintptr_t)&pidfd;
        if (cgroup >= 0) {
                arguments.flags |= 0x200000000ULL; /* CLONE_INTO_CGROUP, since Linux 5.7 */
                arguments.cgroup = (uint64_t)cgroup;
        }
        pid = syscall(SYS_clone3, &arguments, sizeof arguments);
        if (pid < 0 && errno == ENOSYS && cgroup < 0 && !(types & CLONE_NEWTIME))
                pid =
                        syscall(SYS_clone, (unsigned long)(types | CLONE_PIDFD | SIGCHLD), 0L,
                                &pidfd, 0L, 0L);
        if (pid < 0)
                return missing_hint(-errno, "clone3(2) into a cgroup", "5.7");
        if (pid > 0)
                *ret_pidfd = pidfd;
        return (pid_t)pid;
}

int namespace_link_up(const char *name)
{
        struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
        auto_close fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (strlen(name) >= sizeof request.ifr_name)
                return -ENAMETOOLONG;
        memcpy(request.ifr_name, name, strlen(name) + 1);
        return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}
