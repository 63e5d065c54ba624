/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what each operation of ops.def does to the kernel.
 *
 * One function an operation, three to fifteen lines: read the operands, call one or two doors of
 * linux/, put what came back into a slot. Nothing is decided here but what only the run can know
 * (is this masked path a directory?). Child-safe throughout: no malloc, no stdio, no locks; a text
 * for a failure goes to the trail, and apply.c adds which operation it was.
 *
 * What masks and locks open on the way is not closed one by one: they come before pivot only, which
 * closes all there is. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int do_open_path(struct machine *m, const struct op_open_path *o)
{
        return put(m, o->fd, file_open(AT_FDCWD, o->path, O_PATH, 0));
}

int do_make_store(struct machine *m, const struct op_make_store *o)
{
        int r = file_make_dir(o->path, (mode_t)o->mode);

        (void)m;
        if (r == -ENOENT)
                r = file_make_dirs(o->path, (mode_t)o->mode);
        /* Whatever our umask: it may be the root of a container. One that was there is as its container has made it,
         * but a sticky one, which is for all. */
        if (r == 0 || (r == -EEXIST && o->mode & S_ISVTX))
                r = file_set_mode(o->path, (mode_t)o->mode);
        return r == -EEXIST ? 0 : r;
}

int do_make_file(struct machine *m, const struct op_make_file *o)
{
        auto_close file =
                file_open(AT_FDCWD, o->path, O_WRONLY | O_CREAT | O_EXCL, (mode_t)o->mode);

        (void)m;
        if (file < 0)
                return trail(file, "cannot make %s", o->path);
        if (fchmod(file, (mode_t)o->mode) < 0) /* whatever our umask */
                return -errno;
        return file_write(file, o->content, strlen(o->content));
}

int do_record(struct machine *m, const struct op_record *o)
{
        char line[160];
        int r;

        (void)o->process;
        if (m->journal < 0)
                return 0;
        r = process_identify(m->pid, m->pidfd, &m->process);
        if (r < 0)
                return r;
        m->recorded = true;
        return journal_append(
                m->journal, line,
                text_format(
                        line, sizeof line, "{\"process\":{\"pid\":%d,\"%s\":%llu}}", (int)m->pid,
                        m->process.inode ? "inode" : "start",
                        (unsigned long long)(m->process.inode ? m->process.inode : m->process.start)));
}

int do_note_status(struct machine *m, const struct op_note_status *o)
{
        char line[64];
        size_t size = text_format(line, sizeof line, "{\"status\":\"%s\"}", o->status);

        return m->journal < 0 ? 0 : journal_append(m->journal, line, size);
}

int do_send_fd(struct machine *m, const struct op_send_fd *o)
{
        return socket_send(m->gate, "fd", 2, slot(m, o->fd));
}

int do_take_fd(struct machine *m, const struct op_take_fd *o)
{
        int fd;
        char bytes[2];
        ssize_t n = gate_receive(m, bytes, sizeof bytes, &fd);

        if (n < 0)
                return (int)n;
        return put(m, o->fd, fd < 0 ? -ECONNRESET : fd);
}

int do_close_fd(struct machine *m, const struct op_close_fd *o)
{
        file_close(&m->fd[o->fd]);
        return 0;
}

int do_close_others(struct machine *m, const struct op_close_others *o)
{
        int kept = slot(m, o->keep), keep[2] = { m->gate, kept };

        for (int16_t i = 0; i < m->plan->slots; i++)
                if (i != o->keep)
                        m->fd[i] = NO_FD;
        m->parent = NO_FD;
        return process_close_fds(3 + (unsigned)o->preserve_fds, keep, ARRAY_SIZE(keep));
}

int do_redirect_output(struct machine *m, const struct op_redirect_output *o)
{
        auto_close fd = file_open(
                AT_FDCWD, o->path,
                O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

        (void)m;
        if (fd == -EAGAIN)
                return trail(
                        fd, "a process that the log %s was handed to has a lease on it (fcntl(2))",
                        o->path);
        if (fd < 0)
                return trail(fd, "cannot open the log %s", o->path);
        if (fcntl(fd, F_SETFL, O_APPEND) < 0)
                return -errno;
        return dup2(fd, 1) < 0 || dup2(fd, 2) < 0 ? -errno : 0;
}

int do_link_up(struct machine *m, const struct op_link_up *o)
{
        (void)m;
        return namespace_link_up(o->name);
}

int do_set_hostname(struct machine *m, const struct op_set_hostname *o)
{
        (void)m;
        return sethostname(o->name, strlen(o->name)) < 0 ? -errno : 0;
}

int do_set_domainname(struct machine *m, const struct op_set_domainname *o)
{
        (void)m;
        return setdomainname(o->name, strlen(o->name)) < 0 ? -errno : 0;
}

static unsigned long propagation_flag(PROPAGATION kind)
{
        switch (kind) {
        case PROPAGATE_UNCHANGED:
                return 0;
        case PROPAGATE_PRIVATE:
                return MS_PRIVATE;
        case PROPAGATE_SLAVE:
                return MS_SLAVE;
        case PROPAGATE_SHARED:
                return MS_SHARED;
        case PROPAGATE_UNBINDABLE:
                return MS_UNBINDABLE;
        }
        return 0;
}

int do_set_propagation(struct machine *m, const struct op_set_propagation *o)
{
        (void)m;
        return mount_set_propagation(
                o->target, propagation_flag(o->kind) | (o->single ? 0 : MS_REC));
}

int do_open_fs(struct machine *m, const struct op_open_fs *o)
{
        int fd = mount_open_fs(o->type);

        if (fd == -ENODEV)
                return trail(fd, "this kernel has no filesystem type '%s'", o->type);
        return put(m, o->fs, fd);
}

int do_set_fs(struct machine *m, const struct op_set_fs *o)
{
        int r = mount_set_fs(slot(m, o->fs), o->key, o->value);

        if (r < 0)
                return trail(
                        r, "cannot set the option %s%s%s", o->key, o->value ? "=" : "",
                        o->value ? o->value : "");
        return 0;
}

int do_set_fs_fd(struct machine *m, const struct op_set_fs_fd *o)
{
        int r = mount_set_fs_fd(slot(m, o->fs), o->key, slot(m, o->fd));

        return r < 0 ? trail(r, "cannot set the option %s", o->key) : 0;
}

int do_make_mount(struct machine *m, const struct op_make_mount *o)
{
        int tree = mount_make(slot(m, o->fs), o->attrs);

        if (m->actor == HOST)
                file_close(&m->fd[o->fs]); /* INIT's end at pivot */
        return put(m, o->tree, tree);
}

/* A clone of the place that `path` names inside the slot `dir`, or on the host without one. */
int do_clone_tree(struct machine *m, const struct op_clone_tree *o)
{
        struct mount_change change = { .set = o->set,
                                       .clear = o->clear,
                                       .propagation = propagation_flag(o->propagation) };
        int dir = o->dir < 0 ? AT_FDCWD : slot(m, o->dir);
        const char *path = o->path;
        auto_close at = NO_FD;

        if (o->dir >= 0 && *path) {
                at = rootpath_open(dir, path, O_PATH, false);
                if (at < 0)
                        return at;
                dir = at;
                path = "";
        }
        return put(m, o->tree, mount_clone_changed(dir, path, o->recursive != 0, &change));
}

int do_borrow_mount(struct machine *m, const struct op_borrow_mount *o)
{
        struct mount_change change = { .set = o->set,
                                       .clear = o->clear,
                                       .propagation = propagation_flag(o->propagation) };
        int r = mount_borrow(slot(m, o->process), o->path, &change);

        file_close(&m->fd[o->process]);
        if (r == -EMEDIUMTYPE)
                return trail(r, "that process has no tmpfs mounted on %s", o->path);
        return put(m, o->tree, r);
}

int do_set_mount(struct machine *m, const struct op_set_mount *o)
{
        return mount_set_attributes(
                slot(m, o->tree), o->set, o->clear, propagation_flag(o->propagation),
                o->recursive != 0);
}

int do_remount(struct machine *m, const struct op_remount *o)
{
        int r = 0;

        if (o->attrs || o->clear)
                r = mount_change_attributes(slot(m, o->tree), o->attrs, o->clear);
        if (r == 0 && o->propagation != PROPAGATE_UNCHANGED)
                r = mount_change_propagation(
                        slot(m, o->tree),
                        propagation_flag(o->propagation) | (o->recursive ? MS_REC : 0));
        return r;
}

/* The node that is there already is the one that is wanted: a bundle without a mount on /dev keeps
 * its nodes from run to run. */
static bool is_node(int dir, const char *leaf, mode_t type, const DEVICE *device)
{
        struct stat st;

        return file_stat(dir, leaf, AT_SYMLINK_NOFOLLOW, &st) == 0 &&
               (st.st_mode & S_IFMT) == type &&
               (type == S_IFIFO || st.st_rdev == makedev(device->major, device->minor));
}

int do_make_node(struct machine *m, const struct op_make_node *o)
{
        const char *leaf = o->path;
        auto_close parent = NO_FD;
        int dir = slot(m, o->dir);
        mode_t type = o->device.type == 'c' ? S_IFCHR : o->device.type == 'b' ? S_IFBLK : S_IFIFO;
        int r;

        if (strchr(o->path, '/')) {
                parent = rootpath_parent(dir, o->path, &leaf);
                if (parent < 0)
                        return parent;
                dir = parent;
        }
        r = mknodat(dir, leaf, type | (mode_t)o->mode, makedev(o->device.major, o->device.minor));
        if (r < 0 && errno == EEXIST && is_node(dir, leaf, type, &o->device))
                return 0;
        if (r < 0)
                return -errno;
        if ((o->uid || o->gid) &&
            fchownat(dir, leaf, (uid_t)o->uid, (gid_t)o->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

int do_make_link(struct machine *m, const struct op_make_link *o)
{
        const char *leaf = o->path;
        auto_close parent = NO_FD;
        int dir = slot(m, o->dir);

        if (strchr(o->path, '/')) {
                parent = rootpath_parent(dir, o->path, &leaf);
                if (parent < 0)
                        return parent;
                dir = parent;
        }
        return symlinkat(o->target, dir, leaf) < 0 && errno != EEXIST ? -errno : 0;
}

/* Kernels before 6.15 clone attached mounts only: the first use attaches the tree itself. */
static int attach_copy(int tree, int target)
{
        int copy = mount_clone(tree, "", false);

        if (copy < 0 && copy != -EINVAL)
                return copy;
        return mount_attach(copy < 0 ? tree : copy, target);
}

int do_mask_path(struct machine *m, const struct op_mask_path *o)
{
        int target = rootpath_open(slot(m, o->root), o->path, O_PATH, false);
        struct stat st;

        if (target == -ENOENT || target == -ENOTDIR)
                return 0;
        if (target < 0)
                return target;
        if (fstat(target, &st) < 0)
                return -errno;
        return attach_copy(slot(m, S_ISDIR(st.st_mode) ? o->empty : o->null), target);
}

int do_lock_path(struct machine *m, const struct op_lock_path *o)
{
        int target = rootpath_open(slot(m, o->root), o->path, O_PATH, false);
        int tree, r;

        if (target == -ENOENT || target == -ENOTDIR)
                return 0;
        if (target < 0)
                return target;
        tree = mount_clone_changed(
                target, "", true, &(struct mount_change){ .set = MOUNT_ATTR_RDONLY });
        if (tree >= 0)
                return mount_attach(tree, target);
        if (tree != -ENOSYS && tree != -EPERM) /* an old kernel, or a filter around us */
                return tree;
        /* There the read-only mount is the top's alone: what is mounted below is hidden by it. */
        tree = mount_clone(target, "", false);
        if (tree < 0)
                return tree;
        r = mount_attach(tree, target);
        return r < 0 ? r : mount_change_attributes(tree, MOUNT_ATTR_RDONLY, 0);
}

int do_open_terminal(struct machine *m, const struct op_open_terminal *o)
{
        int master, slave, r = pty_open(slot(m, o->devpts), &master, &slave);

        if (r < 0)
                return r;
        if (o->uid && fchown(slave, (uid_t)o->uid, (gid_t)-1) < 0)
                return -errno;
        m->fd[o->master] = master;
        m->fd[o->slave] = slave;
        if (o->rows || o->columns)
                return pty_set_size(master, (unsigned)o->rows, (unsigned)o->columns);
        return 0;
}

int do_set_proc(struct machine *m, const struct op_set_proc *o)
{
        auto_close fd = NO_FD;
        const char *file = o->file;
        char path[256];
        int proc = slot(m, o->proc);

        if (file_magic(proc) != MAGIC_PROC)
                return trail(-ENOTTY, "this is no procfs");
        if (text_starts(file, "self/")) {
                /* "self" is a symbolic link, and links are refused here: the pid by number. */
                text_format(path, sizeof path, "%d/%s", (int)getpid(), file + 5);
                file = path;
        }
        fd = file_open_strict(proc, file, O_WRONLY);
        if (fd < 0)
                return fd;
        return file_write(fd, o->value, strlen(o->value));
}

int do_pivot(struct machine *m, const struct op_pivot *o)
{
        int r = o->move ? mount_move_root(slot(m, o->root)) : mount_pivot(slot(m, o->root));
        int keep[2] = { m->gate, m->start };

        /* No operation after this one reads a slot: no way back to the host is kept, neither ours
         * nor one that the caller left open. */
        for (int16_t i = 0; i < m->plan->slots; i++)
                m->fd[i] = NO_FD;
        m->parent = NO_FD;
        if (r == 0)
                r = process_close_fds(3 + (unsigned)o->preserve_fds, keep, ARRAY_SIZE(keep));
        if (r < 0 || !m->files_soft)
                return r;
        return process_restore_files(m->files_soft);
}
