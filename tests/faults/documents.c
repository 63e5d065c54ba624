/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the documents of the golden plans, made fit to be applied here.
 *
 * What a plan does stays as it is; what it finds is ours: root, program, cgroup, and in place of
 * sources and namespaces that this host does not have, a directory and the namespaces of a process
 * that waits. So every golden plan that a change adds is swept without a line being added here. */
#include "faults.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>

enum {
        JOINED_ROOT = 100000 /* what uid 0 of the user namespace to join is on the host */
};

static const struct {
        const char *oci, *proc;
} spaces[] = {
        { "mount", "mnt" }, { "pid", "pid" },   { "network", "net" },   { "uts", "uts" },
        { "ipc", "ipc" },   { "user", "user" }, { "cgroup", "cgroup" }, { "time", "time" },
};

/* A path: the same kind of namespace of a process that waits. */
static void fit_namespaces(
        struct arena *arena, const struct sweep *sweep, struct spec_linux *linux_)
{
        bool user = false;

        for (size_t i = 0; i < linux_->namespaces.n; i++)
                user |= text_equal(linux_->namespaces.items[i].type, "user") &&
                        linux_->namespaces.items[i].path;
        for (size_t i = 0; i < linux_->namespaces.n; i++) {
                struct spec_namespace *space = &linux_->namespaces.items[i];

                if (!space->path)
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(spaces); k++)
                        if (text_equal(spaces[k].oci, space->type))
                                space->path = arena_format(
                                        arena, "/proc/%ld/ns/%s",
                                        user ? sweep->joined_user : sweep->joined, spaces[k].proc);
        }
}

static bool is_bind(const struct spec_mount *mount)
{
        for (size_t i = 0; i < mount->options.n; i++)
                if (text_equal(mount->options.items[i], "bind") ||
                    text_equal(mount->options.items[i], "rbind"))
                        return true;
        return text_equal(mount->type, "bind");
}

static void fit_mounts(struct arena *arena, const struct sweep *sweep, struct spec *spec)
{
        for (size_t i = 0; i < spec->mounts.n; i++) {
                struct spec_mount *mount = &spec->mounts.items[i];

                if (mount->source && text_starts(mount->source, "/proc/77/root/")) {
                        mount->source = arena_format(
                                arena, "/proc/%ld/%s", sweep->joined, mount->source + 9);
                        continue;
                }
                if (is_bind(mount) && (!mount->source || access(mount->source, F_OK) < 0)) {
                        mount->source = arena_format(arena, "%s/source", sweep->work);
                        mkdir(mount->source, 0755);
                }
        }
}

/* Offsets that are valid whenever this host was booted; settings that this kernel has. */
static void fit_kernel(struct arena *arena, struct spec_linux *linux_)
{
        static const struct spec_time_offset offset = { .secs = 86400, .nanosecs = 5 };
        static const struct spec_time_offsets offsets = { .boottime = &offset,
                                                          .monotonic = &offset };
        size_t n = 0;

        if (linux_->time_offsets)
                linux_->time_offsets = &offsets;
        for (size_t i = 0; i < linux_->sysctl.n; i++) {
                char *path = arena_format(arena, "/proc/sys/%s", linux_->sysctl.items[i].key);

                for (char *at = path; !strchr(linux_->sysctl.items[i].key, '/') && *at; at++)
                        *at = *at == '.' ? '/' : *at;
                if (access(path, F_OK) == 0)
                        linux_->sysctl.items[n++] = linux_->sysctl.items[i];
        }
        linux_->sysctl.n = n;
}

static int make_rootfs(struct arena *arena, const char *bundle, uid_t owner)
{
        static const char *const directories[] = { "",     "/bin", "/proc", "/sys",
                                                   "/dev", "/tmp", "/etc" };
        const char *rootfs = arena_format(arena, "%s/rootfs", bundle);
        struct text busybox;
        int fd, r;

        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                const char *path = arena_format(arena, "%s%s", rootfs, directories[i]);

                r = file_make_dirs(path, 0755);
                if (r < 0 || chown(path, owner, owner) < 0)
                        return r < 0 ? r : -errno;
        }
        r = file_read(arena, AT_FDCWD, "/bin/busybox", 16 << 20, &busybox);
        if (r < 0)
                return trail(r, "/bin/busybox");
        fd = file_open(
                AT_FDCWD, arena_format(arena, "%s/bin/sleep", rootfs), O_WRONLY | O_CREAT | O_EXCL,
                0755);
        if (fd < 0)
                return fd;
        r = file_write(fd, busybox.data, busybox.len);
        fchmod(fd, 0755);
        close(fd);
        return r;
}

static uid_t root_owner(const struct spec_linux *linux_)
{
        for (size_t i = 0; i < linux_->uid_mappings.n; i++)
                if (linux_->uid_mappings.items[i].container_id == 0)
                        return linux_->uid_mappings.items[i].host_id;
        for (size_t i = 0; i < linux_->namespaces.n; i++)
                if (text_equal(linux_->namespaces.items[i].type, "user") &&
                    linux_->namespaces.items[i].path)
                        return JOINED_ROOT;
        return 0;
}

static int put_document(struct arena *arena, const char *bundle, const struct spec *spec)
{
        struct text text = { .arena = arena };
        int fd, r;

        spec_encode(spec, 8, &text);
        fd = file_open(
                AT_FDCWD, arena_format(arena, "%s/config.json", bundle), O_WRONLY | O_CREAT, 0644);
        if (fd < 0)
                return fd;
        r = file_write(fd, text.data, text.len);
        close(fd);
        return r;
}

int document_make(struct arena *arena, struct sweep *sweep, const char *name)
{
        static const char *const args[] = { "/bin/sleep", "1000", NULL };
        const char *path = arena_format(arena, "%s/tests/plans/%s/config.json", SOURCE_DIR, name);
        const char *bundle = arena_format(arena, "%s/%s", sweep->work, name);
        struct spec_process *process;
        struct spec_linux *linux_;
        struct spec *spec;
        struct text text;
        int r = file_read(arena, AT_FDCWD, path, SPEC_SIZE_MAX, &text);

        if (r < 0)
                return r;
        if (text_starts(text_string(&text), "= "))
                return -EEXIST;
        r = spec_parse(arena, path, text_string(&text), text.len, (const struct spec **)&spec);
        if (r < 0)
                return r;
        /* The decoder's own memory: the structs are ours to change. */
        process = (struct spec_process *)(uintptr_t)spec->process;
        linux_ = (struct spec_linux *)(uintptr_t)spec->linux_;
        if (!process || !linux_)
                return trail(-EINVAL, "it has no process or is not for Linux");
        process->args = (struct spec_texts){ (const char **)(uintptr_t)args, 2 };
        process->cwd = "/";
        if (spec->root)
                ((struct spec_root *)(uintptr_t)spec->root)->path = "rootfs";
        linux_->cgroups_path = arena_format(arena, "/%s", sweep->word);
        fit_namespaces(arena, sweep, linux_);
        fit_mounts(arena, sweep, spec);
        fit_kernel(arena, linux_);
        r = make_rootfs(arena, bundle, root_owner(linux_));
        if (r == 0)
                r = put_document(arena, bundle, spec);
        sweep->document =
                (struct document){ .name = name, .bundle = bundle, .terminal = process->terminal };
        return r;
}

/* -- processes to join ----------------------------------------------------------------------------- */

static void put_map(const char *file)
{
        char map[64];

        text_format(map, sizeof map, "0 %d 65536", (int)JOINED_ROOT);
        if (file_put(AT_FDCWD, file, map) < 0)
                _exit(1);
}

static int start_one(bool user, long *ret_pid)
{
        uint32_t types = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID |
                         CLONE_NEWCGROUP | (user ? CLONE_NEWUSER : 0);
        char path[64];
        int pidfd;
        pid_t pid = namespace_spawn(types, NO_FD, &pidfd);

        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        if (pid < 0)
                return pid;
        close(pidfd);
        if (user) {
                text_format(path, sizeof path, "/proc/%d/uid_map", (int)pid);
                put_map(path);
                text_format(path, sizeof path, "/proc/%d/gid_map", (int)pid);
                put_map(path);
        }
        *ret_pid = pid;
        return 0;
}

int joined_start(struct sweep *sweep)
{
        int r = start_one(false, &sweep->joined);

        return r < 0 ? r : start_one(true, &sweep->joined_user);
}
