/* SPDX-License-Identifier: Apache-2.0 */
/* What a process sees of itself, one "name value" a line: for system tests, inside a container.
 *
 * Static, so that it runs in any root; it asks the kernel by system calls and reads /proc only
 * where there is no call. With arguments, only lines of those names. The last argument "stay": it
 * waits for SIGTERM afterwards. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <linux/sched/types.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static char **wanted;

static int asked(const char *name)
{
        if (!*wanted)
                return 1;
        for (char **at = wanted; *at; at++)
                if (strcmp(*at, name) == 0)
                        return 1;
        return 0;
}

static void say(const char *name, unsigned long long value)
{
        if (asked(name))
                printf("%s %llu\n", name, value);
}

static void say_caps(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];
        unsigned long long bounding = 0, ambient = 0;

        if (syscall(SYS_capget, &header, data) < 0)
                return;
        for (unsigned long i = 0; i < 64; i++) {
                if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
                        bounding |= 1ULL << i;
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
                        ambient |= 1ULL << i;
        }
        say("effective", data[0].effective | (unsigned long long)data[1].effective << 32);
        say("permitted", data[0].permitted | (unsigned long long)data[1].permitted << 32);
        say("inheritable", data[0].inheritable | (unsigned long long)data[1].inheritable << 32);
        say("bounding", bounding);
        say("ambient", ambient);
        say("securebits", (unsigned long long)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
        say("no_new_privs", (unsigned long long)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        say("seccomp", (unsigned long long)prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
        say("dumpable", (unsigned long long)prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void say_scheduling(void)
{
        struct sched_attr attr = { .size = sizeof attr };
        unsigned long cpus[128] = { 0 }, nodes[16] = { 0 };
        int mode = 0;

        if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) == 0) {
                say("policy", attr.sched_policy);
                say("sched_flags", attr.sched_flags);
                if (asked("nice"))
                        printf("nice %d\n", attr.sched_nice);
                say("priority", attr.sched_priority);
                /* Other policies have a slice there since Linux 6.12. */
                say("runtime", attr.sched_policy == 6 ? attr.sched_runtime : 0);
                say("deadline", attr.sched_policy == 6 ? attr.sched_deadline : 0);
                say("period", attr.sched_policy == 6 ? attr.sched_period : 0);
        }
        say("io", (unsigned long long)syscall(SYS_ioprio_get, 1, 0));
        if (syscall(SYS_sched_getaffinity, 0, sizeof cpus, cpus) > 0)
                say("cpus", cpus[0]);
        if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0) == 0) {
                say("memory", (unsigned long long)mode);
                say("nodes", nodes[0]);
        }
}

static void say_groups(void)
{
        gid_t groups[256];
        int n = getgroups(256, groups);

        if (!asked("groups"))
                return;
        printf("groups");
        for (int i = 0; i < n; i++)
                printf(" %u", (unsigned)groups[i]);
        printf("\n");
}

/* The session keyring's description: type;uid;gid;permissions;name. */
static void say_keyring(void)
{
        char text[256] = "";
        long n = syscall(
                SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1);

        if (asked("keyring"))
                printf("keyring %s\n", n > 0 && strrchr(text, ';') ? strrchr(text, ';') + 1 : "-");
}

static void say_rlimits(void)
{
        for (int i = 0; i < 16; i++) {
                char name[16];
                struct rlimit limit;

                snprintf(name, sizeof name, "rlimit%d", i);
                if (asked(name) && getrlimit(i, &limit) == 0)
                        printf("%s %lld %lld\n", name, (long long)limit.rlim_cur,
                               (long long)limit.rlim_max);
        }
}

static void say_file(const char *name, const char *path)
{
        char text[256];
        FILE *file = asked(name) ? fopen(path, "re") : NULL;

        if (file && fgets(text, sizeof text, file))
                printf("%s %s%s", name, text, strchr(text, '\n') ? "" : "\n");
        if (file)
                fclose(file);
}

static void say_namespaces(void)
{
        static const char *const names[] = { "cgroup", "ipc",  "mnt",  "net",
                                             "pid",    "time", "user", "uts" };
        char path[64], name[16];
        struct stat st;

        for (size_t i = 0; asked("namespaces") && i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
                snprintf(name, sizeof name, "ns_%s", names[i]);
                if (stat(path, &st) == 0)
                        printf("%s %llu\n", name, (unsigned long long)st.st_ino);
        }
}

/* Without what differs from run to run: ids, devices, what an overlay is made of. */
static void say_mounts(void)
{
        FILE *file = asked("mounts") ? fopen("/proc/self/mountinfo", "re") : NULL;
        char line[4096], root[1024], point[1024], options[512];

        while (file && fgets(line, sizeof line, file)) {
                char *rest = strstr(line, " - "), *more = rest;
                int at = 0;

                if (!rest || sscanf(line, "%*s %*s %*s %1023s %1023s %511s%n", root, point, options,
                                    &at) != 3)
                        continue;
                *rest = '\0';
                for (char *word = strtok(line + at, " "); word; word = strtok(NULL, " "))
                        printf("mount %s %.*s\n", point, (int)strcspn(word, ":"), word);
                more += 3;
                if (strncmp(more, "overlay", 7) == 0)
                        more[7] = '\0';
                printf("mount %s %s %s", point, options, more);
                if (!strchr(more, '\n'))
                        putchar('\n');
        }
        if (file)
                fclose(file);
}

/* The names in a directory, in the order of their names. */
static void say_names(const char *name, const char *path)
{
        struct dirent **entries;
        int n = asked(name) ? scandir(path, &entries, NULL, alphasort) : -1;

        if (n < 0)
                return;
        printf("%s", name);
        for (int i = 0; i < n; i++) {
                if (entries[i]->d_name[0] != '.')
                        printf(" %s", entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        printf("\n");
}

/* Descriptors that were there before us. */
static void say_descriptors(void)
{
        if (!asked("descriptors"))
                return;
        printf("descriptors");
        for (int fd = 0; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        printf(" %d", fd);
        printf("\n");
}

static void say_limits(void)
{
        static const char *const files[] = { "pids/pids.max",
                                             "memory/memory.limit_in_bytes",
                                             "memory/memory.memsw.limit_in_bytes",
                                             "cpu/cpu.shares",
                                             "cpu/cpu.cfs_quota_us",
                                             "cpuset/cpuset.cpus",
                                             "pids.max",
                                             "memory.max",
                                             "cpu.weight",
                                             "cpu.max" };
        char path[128], line[256];
        FILE *file;

        for (size_t i = 0; asked("limits") && i < sizeof files / sizeof *files; i++) {
                snprintf(path, sizeof path, "/sys/fs/cgroup/%s", files[i]);
                file = fopen(path, "re");
                if (file && fgets(line, sizeof line, file))
                        printf("limit %s %s", files[i], line);
                if (file)
                        fclose(file);
        }
        file = asked("limits") ? fopen("/sys/fs/cgroup/devices/devices.list", "re") : NULL;
        while (file && fgets(line, sizeof line, file))
                printf("device %s", line);
        if (file)
                fclose(file);
}

/* What must not be possible is tried: a filter, a read-only file and a device that was not allowed are
 * known by their errors. */
static void say_refused(void)
{
        static const char *const writable[] = { "/", "/proc/sys/kernel/hostname",
                                                "/proc/sysrq-trigger", "/sys", "/tmp" };

        if (!asked("refused"))
                return;
        for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
                printf("writable %s %d\n", writable[i], access(writable[i], W_OK) == 0 ? 0 : errno);
        printf("refused mkdir %d\n", mkdir("/tmp/x", 0700) == 0 ? 0 : errno);
        rmdir("/tmp/x");
        printf("refused mknod %d\n", mknod("/dev/x", S_IFBLK | 0600, 0x0800) == 0 ? 0 : errno);
        printf("refused kcore %d\n",
               (int)(open("/proc/kcore", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0));
}

static void say_names_of_all(void)
{
        struct utsname machine;
        char directory[256];

        if (uname(&machine) == 0 && asked("host"))
                printf("host %s %s\n", machine.nodename, machine.domainname);
        if (asked("directory") && getcwd(directory, sizeof directory))
                printf("directory %s\n", directory);
        if (asked("session"))
                printf("session %d %d\n", getpid() == 1, getsid(0) == getpid());
        say_namespaces();
        say_mounts();
        say_names("devices", "/dev");
        say_names("root", "/");
        say_descriptors();
        say_limits();
        say_refused();
}

static void stay(void)
{
        sigset_t end;
        int signal;

        sigemptyset(&end);
        sigaddset(&end, SIGTERM);
        sigprocmask(SIG_BLOCK, &end, NULL);
        fflush(stdout);
        sigwait(&end, &signal);
}

int main(int argc, char **argv)
{
        struct utsname machine;
        mode_t mask = umask(0);
        int stays = argc > 1 && strcmp(argv[argc - 1], "stay") == 0;

        umask(mask);
        if (stays)
                argv[argc - 1] = NULL;
        wanted = argv + 1;
        say("uid", getuid());
        if (*wanted)
                say("euid", geteuid());
        say("gid", getgid());
        say_groups();
        say_caps();
        say_scheduling();
        say_keyring();
        say_rlimits();
        if (asked("umask"))
                printf("umask %04o\n", (unsigned)mask);
        say("personality", (unsigned long long)personality(0xffffffff));
        if (asked("machine") && uname(&machine) == 0)
                printf("machine %s\n", machine.machine);
        say_file("oom", "/proc/self/oom_score_adj");
        say_file("label", "/proc/self/attr/current");
        say_names_of_all();
        if (asked("end"))
                puts("end");
        if (stays)
                stay();
        return 0;
}
