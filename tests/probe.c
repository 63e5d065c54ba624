/* SPDX-License-Identifier: Apache-2.0 */
/* What a process sees of itself, one "name value" a line: for system tests, inside a container.
 *
 * Static, so that it runs in any root; it asks the kernel by system calls and reads /proc only
 * where there is no call. With arguments, only lines of those names. */
#include <errno.h>
#include <stdio.h>
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

int main(int argc, char **argv)
{
        struct utsname machine;
        mode_t mask = umask(0);

        (void)argc;
        umask(mask);
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
        return 0;
}
