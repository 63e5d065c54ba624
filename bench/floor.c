/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: the least work that makes the container of `runc spec`.
 *
 * One program, straight down: the same namespaces, mounts, nodes, masks, cgroups, capabilities and
 * filter as an OCI runtime makes from the default configuration, but nothing is parsed, checked
 * or remembered, and an error ends it. What a runtime costs above this is the runtime's own; what
 * this costs is the kernel's. The filter comes compiled (bench/make-filter).
 *
 *      floor [-s FILTER] [-o DIR] ROOTFS PROGRAM [ARG...]
 *
 * -o DIR makes the root an overlay of ROOTFS with fresh upper and work directories below DIR, and
 * removes them afterwards. On cgroup v2 the device rules are left out. */
#include "floor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

enum {
        HIERARCHIES = 16
};

#define CGROUPS "/sys/fs/cgroup"
#define STRICT  (MS_NOSUID | MS_NOEXEC | MS_NODEV)

struct floor {
        const char *rootfs;
        const char *overlay;      /* NULL: bind the rootfs */
        struct sock_fprog filter; /* empty: no seccomp */
        char **program;
        char id[32];
        char names[HIERARCHIES][64]; /* of the v1 hierarchies; none: cgroup v2 */
        int n_names;
        int cgroup; /* v2: the cgroup's descriptor */
};

static void put(const char *path, const char *value)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, value, strlen(value)) < 0)
                err(125, "%s: %s", path, value);
        close(fd);
}

static const char *cgroup_path(const struct floor *floor, int i, const char *file)
{
        static char path[256];

        snprintf(path, sizeof path, CGROUPS "/%s/%s/%s", floor->names[i], floor->id, file);
        return path;
}

static void find_hierarchies(struct floor *floor)
{
        char text[4096];

        slurp("/proc/self/cgroup", text, sizeof text);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                char *name = strchr(line, ':') + 1;
                *strchr(name, ':') = '\0';
                if (strncmp(name, "name=", 5) == 0)
                        name += 5;
                if (*name && floor->n_names < HIERARCHIES)
                        snprintf(floor->names[floor->n_names++], 64, "%s", name);
        }
}

static void limit_devices(const struct floor *floor, int i)
{
        static const char *const rules[] = {
                "c *:* m",   "b *:* m",   "c 1:3 rwm", "c 1:8 rwm",   "c 1:7 rwm", "c 5:0 rwm",
                "c 1:5 rwm", "c 1:9 rwm", "c 5:1 rwm", "c 136:* rwm", "c 5:2 rwm",
        };

        put(cgroup_path(floor, i, "devices.deny"), "a");
        for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
                put(cgroup_path(floor, i, "devices.allow"), rules[k]);
}

static void make_cgroups(struct floor *floor)
{
        char text[256], path[128];

        find_hierarchies(floor);
        if (floor->n_names == 0) {
                snprintf(path, sizeof path, CGROUPS "/%s", floor->id);
                must(mkdir(path, 0755));
                must(floor->cgroup = open(path, O_PATH | O_CLOEXEC));
        }
        for (int i = 0; i < floor->n_names; i++) {
                must(mkdir(cgroup_path(floor, i, ""), 0755));
                if (strcmp(floor->names[i], "cpuset") == 0) {
                        slurp(CGROUPS "/cpuset/cpuset.cpus", text, sizeof text);
                        put(cgroup_path(floor, i, "cpuset.cpus"), text);
                        slurp(CGROUPS "/cpuset/cpuset.mems", text, sizeof text);
                        put(cgroup_path(floor, i, "cpuset.mems"), text);
                } else if (strcmp(floor->names[i], "devices") == 0) {
                        limit_devices(floor, i);
                }
        }
}

static void remove_cgroups(const struct floor *floor)
{
        char path[128];

        snprintf(path, sizeof path, CGROUPS "/%s", floor->id);
        if (floor->n_names == 0)
                must(rmdir(path));
        for (int i = 0; i < floor->n_names; i++)
                must(rmdir(cgroup_path(floor, i, "")));
}

static void mount_root(const struct floor *floor)
{
        char options[1024];

        must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
        if (floor->overlay) {
                snprintf(
                        options, sizeof options,
                        "volatile,lowerdir=%s,upperdir=%s/%s/upper,workdir=%s/%s/work",
                        floor->rootfs, floor->overlay, floor->id, floor->overlay, floor->id);
                must(mount("overlay", floor->rootfs, "overlay", 0, options));
        } else {
                must(mount(floor->rootfs, floor->rootfs, NULL, MS_BIND | MS_REC, NULL));
        }
        must(chdir(floor->rootfs));
}

static void make_dev(void)
{
        static const struct {
                const char *path;
                unsigned minor, major;
        } nodes[] = {
                { "dev/null", 3, 1 },   { "dev/zero", 5, 1 },    { "dev/full", 7, 1 },
                { "dev/random", 8, 1 }, { "dev/urandom", 9, 1 }, { "dev/tty", 0, 5 },
        };

        static const char *const links[][2] = {
                { "/proc/self/fd", "dev/fd" },       { "/proc/self/fd/0", "dev/stdin" },
                { "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
                { "/proc/kcore", "dev/core" },       { "pts/ptmx", "dev/ptmx" },
        };

        umask(0);
        for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
                must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                must(symlink(links[i][0], links[i][1]));
        umask(022);
}

static void mount_cgroups(const struct floor *floor)
{
        char target[128];

        if (floor->n_names == 0) {
                must(mount("cgroup", "sys/fs/cgroup", "cgroup2", STRICT | MS_RDONLY, NULL));
                return;
        }
        must(mount("tmpfs", "sys/fs/cgroup", "tmpfs", STRICT, "mode=755"));
        for (int i = 0; i < floor->n_names; i++) {
                snprintf(target, sizeof target, "sys/fs/cgroup/%s", floor->names[i]);
                must(mkdir(target, 0755));
                must(mount(cgroup_path(floor, i, ""), target, NULL, MS_BIND | MS_REC, NULL));
                must(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | STRICT | MS_RDONLY, NULL));
        }
        must(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | STRICT | MS_RDONLY, NULL));
}

static void mount_all(const struct floor *floor)
{
        must(mount("proc", "proc", "proc", 0, NULL));
        must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
        must(mkdir("dev/pts", 0755));
        must(mkdir("dev/shm", 0755));
        must(mkdir("dev/mqueue", 0755));
        must(
                mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                      "newinstance,ptmxmode=0666,mode=0620,gid=5"));
        must(mount("shm", "dev/shm", "tmpfs", STRICT, "mode=1777,size=65536k"));
        must(mount("mqueue", "dev/mqueue", "mqueue", STRICT, NULL));
        must(mount("sysfs", "sys", "sysfs", STRICT | MS_RDONLY, NULL));
        mount_cgroups(floor);
        make_dev();
}

static void hide_paths(void)
{
        static const char *const masked[] = {
                "proc/acpi",          "proc/asound",     "proc/kcore",       "proc/keys",
                "proc/latency_stats", "proc/timer_list", "proc/timer_stats", "proc/sched_debug",
                "sys/firmware",       "proc/scsi",
        };
        static const char *const locked[] = {
                "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
        };

        for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
                if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
                        must(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL));
        for (size_t i = 0; i < sizeof locked / sizeof *locked; i++) {
                if (mount(locked[i], locked[i], NULL, MS_BIND | MS_REC, NULL) < 0)
                        continue;
                must(mount(NULL, locked[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
        }
}

static void lo_up(void)
{
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        must(fd);
        must(ioctl(fd, SIOCSIFFLAGS, &request));
        close(fd);
}

static void drop_privileges(const struct sock_fprog *program)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { KEPT, KEPT, KEPT }, { 0, 0, 0 } };

        for (unsigned cap = 0; cap <= LAST_CAP; cap++)
                if (cap > 31 || !(KEPT >> cap & 1))
                        must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0));
        must(syscall(SYS_capset, &header, data));
        for (unsigned cap = 0; cap < 32; cap++)
                if (KEPT >> cap & 1)
                        must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (program->len)
                must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program));
}

static void container(const struct floor *floor)
{
        static char *const env[] = {
                (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                (char *)"TERM=xterm",
                NULL,
        };

        for (int i = 0; i < floor->n_names; i++)
                put(cgroup_path(floor, i, "tasks"), "0");
        mount_root(floor);
        mount_all(floor);
        hide_paths();
        if (!floor->overlay)
                must(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
        must(syscall(SYS_pivot_root, ".", "."));
        must(umount2(".", MNT_DETACH));
        must(chdir("/"));
        lo_up();
        must(sethostname("floor", 5));
        must(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1024, 1024 }));
        must(setsid());
        drop_privileges(&floor->filter);
        must(syscall(SYS_close_range, 3u, ~0u, 0));
        execve(floor->program[0], floor->program, env);
        err(127, "%s", floor->program[0]);
}

static void make_overlay(const struct floor *floor)
{
        static const char *const parts[] = { "", "/upper", "/work" };
        char path[512];

        for (int i = 0; i < 3; i++) {
                snprintf(path, sizeof path, "%s/%s%s", floor->overlay, floor->id, parts[i]);
                must(mkdir(path, 0755));
        }
}

/* What a volatile mount leaves; the program is expected to write nothing. */
static void remove_overlay(const struct floor *floor)
{
        static const char *const parts[] = {
                "/work/work/incompat/volatile/dirty",
                "/work/work/incompat/volatile",
                "/work/work/incompat",
                "/work/work",
                "/work",
                "/upper",
                "",
        };
        char path[512];

        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
                snprintf(path, sizeof path, "%s/%s%s", floor->overlay, floor->id, parts[i]);
                must(remove(path));
        }
}

static void read_filter(struct floor *floor, const char *path)
{
        static struct sock_filter code[4097];

        floor->filter.len = (unsigned short)(slurp(path, (char *)code, sizeof code) / sizeof *code);
        floor->filter.filter = code;
}

int main(int argc, char **argv)
{
        struct floor floor = { .cgroup = -1 };
        struct clone_args args = {
                .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
                .exit_signal = SIGCHLD,
        };
        int status, option;

        while ((option = getopt(argc, argv, "+s:o:")) != -1)
                if (option == 's')
                        read_filter(&floor, optarg);
                else if (option == 'o')
                        floor.overlay = optarg;
                else
                        return 2;
        if (argc - optind < 2)
                errx(2, "usage: floor [-s FILTER] [-o DIR] ROOTFS PROGRAM [ARG...]");
        floor.rootfs = argv[optind];
        floor.program = argv + optind + 1;
        snprintf(floor.id, sizeof floor.id, "floor-%d", (int)getpid());
        if (floor.overlay)
                make_overlay(&floor);
        make_cgroups(&floor);
        if (floor.cgroup >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (unsigned)floor.cgroup;
        }
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
        must(pid);
        if (pid == 0)
                container(&floor);
        must(waitpid(pid, &status, 0));
        remove_cgroups(&floor);
        if (floor.overlay)
                remove_overlay(&floor);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
