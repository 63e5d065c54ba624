/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the operations on the process itself: session, limits, identity, exec.
 *
 * As in ops.c: one function an operation, child-safe, nothing decided that could have been known
 * when the plan was compiled. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

int do_new_session(struct machine *m, const struct op_new_session *o)
{
        (void)m;
        (void)o;
        return setsid() < 0 && getsid(0) != getpid() ? -errno : 0; /* it may lead one already */
}

int do_use_terminal(struct machine *m, const struct op_use_terminal *o)
{
        int r = pty_use(slot(m, o->slave));

        file_close(&m->fd[o->slave]);
        return r;
}

int do_set_rlimit(struct machine *m, const struct op_set_rlimit *o)
{
        (void)m;
        return process_set_rlimit(o->resource, o->soft, o->hard);
}

int do_set_umask(struct machine *m, const struct op_set_umask *o)
{
        (void)m;
        umask((mode_t)o->mask);
        return 0;
}

/* Links of the image lead nowhere but into the root, and those of procfs nowhere at all: with the host's
 * pid namespace /proc/1/root is the host's (CVE-2026-55686). */
static int make_inside(const char *path)
{
        auto_close root = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        auto_close made = root < 0 ? root : rootpath_make_dirs(root, path, 0755);

        return made < 0 ? made : 0;
}

int do_change_dir(struct machine *m, const struct op_change_dir *o)
{
        int r = process_change_dir(o->path);

        (void)m;
        if (r < 0) {
                if (r != -ENOENT || !o->make)
                        return trail(r, "cannot go to the working directory %s", o->path);
                r = make_inside(o->path);
                if (r == 0)
                        r = process_change_dir(o->path);
                if (r < 0)
                        return trail(r, "cannot make the working directory %s", o->path);
        }
        if (!file_is_reachable_cwd())
                return trail(
                        -EACCES, "the working directory %s is outside the container's root",
                        o->path);
        return 0;
}

/* 0 when `path` is a file that we may execute, else why not. */
static int executable(const char *path)
{
        struct stat st;
        int r = file_stat(AT_FDCWD, path, 0, &st);

        if (r < 0)
                return r;
        return S_ISDIR(st.st_mode) ? -EISDIR : file_access(path, X_OK);
}

/* Each directory of PATH in turn. `there`: any file will do, but no directory. */
static int search_path(struct machine *m, const struct op_find_program *o, bool there)
{
        const char *dir = o->search
                                ? o->search
                                : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

        for (; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
                int size = (int)strcspn(dir, ":");
                struct stat st;

                if (text_format(
                            m->program, sizeof m->program, "%.*s/%s", size ? size : 1,
                            size ? dir : ".", o->program) >= sizeof m->program)
                        continue;
                if (there ? file_stat(AT_FDCWD, m->program, AT_SYMLINK_NOFOLLOW, &st) == 0 &&
                                    !S_ISDIR(st.st_mode)
                          : executable(m->program) == 0)
                        return 0;
        }
        m->program[0] = '\0';
        return -ENOENT;
}

/* A path that cannot be executed stays in the machine, for program_explain(). */
int do_find_program(struct machine *m, const struct op_find_program *o)
{
        int r;

        if (!*o->program)
                return trail(-ENOENT, "the program's name is empty");
        if (strchr(o->program, '/')) {
                if (text_format(m->program, sizeof m->program, "%s", o->program) >=
                    sizeof m->program)
                        return -ENAMETOOLONG;
                r = executable(m->program);
                return r < 0 ? trail(r == -EISDIR ? -EACCES : r, "%s", m->program) : 0;
        }
        if (search_path(m, o, false) == 0)
                return 0;
        if (search_path(m, o, true) < 0)
                return trail(-ENOENT, "%s: executable file not found in $PATH", o->program);
        r = executable(m->program);
        return trail(r < 0 ? r : -EACCES, "%s: found in PATH, but not executable", o->program);
}

int do_new_keyring(struct machine *m, const struct op_new_keyring *o)
{
        int r = process_new_keyring(o->name);

        (void)m;
        return r == -ENOSYS ? 0 : r; /* a kernel without keyrings has none to leak */
}

int do_set_groups(struct machine *m, const struct op_set_groups *o)
{
        int r = process_set_groups(o->groups.items, o->groups.n);

        (void)m;
        return r == -EPERM && o->unless_denied && caps_have(6 /* CAP_SETGID */) ? 0 : r;
}

int do_drop_bounding(struct machine *m, const struct op_drop_bounding *o)
{
        (void)m;
        return caps_bound(o->keep);
}

int do_keep_caps(struct machine *m, const struct op_keep_caps *o)
{
        (void)m;
        (void)o;
        return caps_keep();
}

int do_set_ids(struct machine *m, const struct op_set_ids *o)
{
        (void)m;
        return process_set_ids((uint32_t)o->uid, (uint32_t)o->gid);
}

int do_set_caps(struct machine *m, const struct op_set_caps *o)
{
        (void)m;
        return caps_set(o->effective, o->permitted, o->inheritable);
}

int do_set_ambient(struct machine *m, const struct op_set_ambient *o)
{
        (void)m;
        return caps_set_ambient(o->ambient);
}

int do_open_process(struct machine *m, const struct op_open_process *o)
{
        const struct process_id id = { (uint64_t)o->inode, (uint64_t)o->start };
        auto_close process = process_open((pid_t)o->pid);
        int r = process < 0 ? process : 1;

        /* The plan was made before: asked again now that the pidfd pins the number. */
        if (r > 0 && (id.inode || id.start))
                r = process_is((pid_t)o->pid, process, &id);
        if (r == 0)
                return trail(-ESRCH, "process %d has ended meanwhile", (int)o->pid);
        if (r < 0)
                return r;
        r = put(m, o->fd, process);
        process = NO_FD;
        return r;
}

int do_no_new_privs(struct machine *m, const struct op_no_new_privs *o)
{
        (void)m;
        (void)o;
        return process_no_new_privs();
}

int do_load_seccomp(struct machine *m, const struct op_load_seccomp *o)
{
        (void)m;
        return process_seccomp(o->filter.data, o->filter.size, o->flags);
}

int do_load_listener(struct machine *m, const struct op_load_listener *o)
{
        return notify_load(o->filter.data, o->filter.size, o->flags, m->gate);
}

int do_send_listener(struct machine *m, const struct op_send_listener *o)
{
        int r = notify_send(o->socket, o->state, m->pid, slot(m, o->listener));

        file_close(&m->fd[o->listener]);
        return r;
}

int do_seal_fds(struct machine *m, const struct op_seal_fds *o)
{
        (void)m;
        return process_seal_fds((unsigned)o->first, false);
}

/* Until the child's exec closes its end of the pipe. What it has to say about an exec that failed, it
 * says on the gate by itself, before its end. */
static void await_exec(int pipe)
{
        char byte;
        ssize_t n;

        do
                n = read(pipe, &byte, 1);
        while (n < 0 && errno == EINTR);
}

int do_stay_init(struct machine *m, const struct op_stay_init *o)
{
        const uint8_t executed = GATE_EXECUTED;
        int pair[2], pidfd = NO_FD, r = reaper_prepare();
        pid_t pid;

        (void)o;
        if (r < 0 || pipe2(pair, O_CLOEXEC) < 0)
                return r < 0 ? r : -errno;
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid < 0)
                return (int)pid;
        if (pid == 0) {
                file_close(&pair[0]);
                reaper_enter_group();
                return 0;
        }
        file_close(&pair[1]);
        await_exec(pair[0]);
        /* The pipe ends with a process that is killed before its exec, too: that is no start. */
        if (m->gate >= 0 && reaper_has_executed(pid))
                socket_send(m->gate, &executed, 1, NO_FD);
        reaper_run(pid);
}

int do_exec(struct machine *m, const struct op_exec *o)
{
        if (!m->program[0])
                text_format(m->program, sizeof m->program, "%s", o->args.items[0]);
        return trail(process_execute(m->program, o->args.items, o->env.items), "%s", m->program);
}

int do_leave(struct machine *m, const struct op_leave *o)
{
        const uint8_t executed = GATE_EXECUTED;
        int r = socket_send(m->gate, &executed, 1, NO_FD);

        (void)o;
        if (r < 0)
                return r;
        _exit(0);
}

static const struct op *failed_operation(const struct machine *m)
{
        const struct op_list *list = &m->plan->list[INIT];

        return m->failed < list->n ? &list->ops[m->failed] : NULL;
}

bool program_failed(const struct machine *m)
{
        const struct op *op = failed_operation(m);

        return op && (op->code == OP_exec || op->code == OP_find_program) && m->program[0];
}

void program_explain(const struct machine *m, int error)
{
        const struct op *op = failed_operation(m);
        struct autopsy autopsy = { .program = m->program, .error = error };

        if (op && op->code == OP_exec) {
                autopsy.args = op->as.exec.args.items;
                autopsy.env = op->as.exec.env.items;
        }
        trail_reset();
        autopsy_perform(&autopsy);
}
