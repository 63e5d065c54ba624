/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the operations on namespaces, ids and clocks.
 *
 * As in ops.c: one function an operation, child-safe. What needs more than a call is the first
 * process of a namespace that only children get into (pid, time): fork_init goes on in a child that
 * has HOST for a parent, so that HOST can wait for it, and PR_SET_PDEATHSIG still means HOST. It
 * makes itself known by a message, whose sender the kernel names by the number that it has for HOST. */
#include "ops.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

int do_open_namespace(struct machine *m, const struct op_open_namespace *o)
{
        int fd = namespace_open(o->path, o->type);

        if (fd == -EINVAL)
                return trail(fd, "%s is no %s namespace", o->path, namespace_oci_name(o->type));
        return put(m, o->ns, fd);
}

int do_unshare(struct machine *m, const struct op_unshare *o)
{
        (void)m;
        return namespace_unshare(o->spaces);
}

/* A user namespace cannot be joined by who is in it: then there is nothing to do. */
int do_join_namespace(struct machine *m, const struct op_join_namespace *o)
{
        int fd = slot(m, o->ns);
        uint32_t type = o->type;
        int r = namespace_join(fd, type);

        if (r == -EINVAL && type & CLONE_NEWUSER && namespace_is_ours(fd, CLONE_NEWUSER)) {
                type &= ~(uint32_t)CLONE_NEWUSER;
                r = type ? namespace_join(fd, type) : 0;
        }
        if (r == -EINVAL && type == CLONE_NEWPID)
                return trail(r, "only our own pid namespace and those made below it can be joined");
        return r;
}

/* -- another process goes on ------------------------------------------------------------------- */

int do_fork_init(struct machine *m, const struct op_fork_init *o)
{
        pid_t pid = namespace_fork(o->spaces);

        if (pid < 0)
                return pid;
        if (pid > 0)
                _exit(0);
        /* Behind a filter perhaps, which allows a write if it allows anything. Should HOST be gone, SIGPIPE is right. */
        return write(m->gate, "pid", 4) < 0 ? -errno : 0;
}

int do_adopt(struct machine *m, const struct op_adopt *o)
{
        char bytes[4];
        int process, status;
        ssize_t n = gate_receive(m, bytes, sizeof bytes, NULL);

        if (n < 0)
                return (int)n;
        if (n != sizeof bytes || m->sender == m->pid)
                return -EPROTO;
        /* The number is not another's by now: nobody but us reaps it. */
        process = process_open(m->sender);
        if (process < 0)
                return trail(process, "cannot find out which process goes on");
        if (!process_is_child(process)) {
                close(process);
                return trail(-ECHILD, "the process that goes on is not our child");
        }
        process_wait(m->pid, &status);
        file_close(&m->fd[o->maker]);
        m->pid = m->sender;
        m->fd[o->process] = m->pidfd = process;
        return 0;
}

int do_guard_parent(struct machine *m, const struct op_guard_parent *o)
{
        int r = process_guard(o->on ? 9 : 0);

        /* Its sockets close before its children are told of its end: one of both reaches us. */
        if (r == 0 && o->on && m->gate >= 0 && socket_is_closed(m->gate))
                return -ECONNRESET;
        return r;
}

/* -- ids ----------------------------------------------------------------------------------------- */

static int write_map(const struct machine *m, const char *file, const char *helper, const char *map)
{
        return idmap_write(m->pid, file, helper, map);
}

int do_map_ids(struct machine *m, const struct op_map_ids *o)
{
        char path[64];
        int r = 0;

        (void)o->process;
        if (o->deny_setgroups) {
                text_format(path, sizeof path, "/proc/%d/setgroups", (int)m->pid);
                r = file_put(AT_FDCWD, path, "deny");
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        r = write_map(m, "uid_map", o->uid_helper, o->uid_map);
        return r < 0 ? r : write_map(m, "gid_map", o->gid_helper, o->gid_map);
}

int do_become_root(struct machine *m, const struct op_become_root *o)
{
        int r = process_set_ids((uint32_t)o->uid, (uint32_t)o->gid);

        (void)m;
        return r < 0 ? r : process_hide();
}

/* -- clocks -------------------------------------------------------------------------------------- */

int do_open_clocks(struct machine *m, const struct op_open_clocks *o)
{
        return put(m, o->clocks, file_open(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY, 0));
}

int do_set_clocks(struct machine *m, const struct op_set_clocks *o)
{
        int r = file_write(slot(m, o->clocks), o->offsets, strlen(o->offsets));

        file_close(&m->fd[o->clocks]);
        if (r == -ERANGE)
                return trail(r, "a clock would show a time before 0, or too far in the future");
        return r;
}
