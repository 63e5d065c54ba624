/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what criu has restored, held against the document.
 *
 * criu holds each task where it will go on, as its tracer, and waits for us: so nothing runs, forks or ends
 * meanwhile. When a task has more than it should all of them are killed, those that descend first, and then criu,
 * whose end lets go of what it traces. Where not all can be reached criu is stopped and goes on holding them: it is
 * in the container's cgroups, which are killed with all that is in them when the restore is undone. */
#include "operand.h"
#include "ops.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include <sys/stat.h>

struct check {
        const struct op_check_rights *o;
        struct stat users; /* the first process's user namespace */
};

static int look_at_space(pid_t pid, pid_t tid, uint32_t type, struct stat *ret_st)
{
        char path[64];

        text_format(
                path, sizeof path, "/proc/%d/task/%d/ns/%s", (int)pid, (int)tid,
                namespace_proc_name(type));
        return file_stat(AT_FDCWD, path, 0, ret_st);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int check_spaces(const struct check *check, pid_t pid, pid_t tid, pid_t inside)
{
        struct stat theirs, ours;
        int r;

        for (uint32_t type = 1; type; type <<= 1) {
                const char *name = check->o->spaces & type ? namespace_proc_name(type) : NULL;
                char path[32];

                if (!name)
                        continue;
                text_format(path, sizeof path, "/proc/self/ns/%s", name);
                if ((r = look_at_space(pid, tid, type, &theirs)) < 0 ||
                    (r = file_stat(AT_FDCWD, path, 0, &ours)) < 0)
                        return r;
                if (is_same(&theirs, &ours))
                        return trail(
                                -EACCES,
                                "the images have process %d in the host's %s namespace, which "
                                "/linux/namespaces does not",
                                (int)inside, name);
        }
        r = look_at_space(pid, tid, CLONE_NEWUSER, &theirs);
        if (r == 0 && !is_same(&theirs, &check->users))
                return trail(
                        -EACCES, "the images have process %d in a user namespace of its own",
                        (int)inside);
        return r;
}

static int check_caps(uint64_t has, uint64_t may, const char *set, pid_t inside)
{
        const char *names[64];
        size_t n = caps_names(has & ~may, names);

        if (!(has & ~may))
                return 0;
        return trail(
                -EACCES,
                "the images give process %d the capability %s (%s), which /process/capabilities "
                "does not",
                (int)inside, n ? names[0] : "of a later kernel", set);
}

static int check_task(pid_t pid, pid_t tid, void *data)
{
        const struct check *check = data;
        const struct op_check_rights *o = check->o;
        struct task_rights has;
        int r = task_rights_read(pid, tid, &has);

        if (r == 0 && has.ended)
                return 0;
        if (r < 0 || (r = check_spaces(check, pid, tid, has.inside)) < 0 ||
            (r = check_caps(has.bounding, o->bounding, "bounding", has.inside)) < 0 ||
            (r = check_caps(has.effective, o->caps, "effective", has.inside)) < 0 ||
            (r = check_caps(has.permitted, o->caps, "permitted", has.inside)) < 0 ||
            (r = check_caps(has.inheritable, o->caps, "inheritable", has.inside)) < 0 ||
            (r = check_caps(has.ambient, o->caps, "ambient", has.inside)) < 0)
                return r;
        if (o->filter && !has.filtered)
                return trail(
                        -EACCES,
                        "the images have no seccomp filter for process %d, and /linux/seccomp "
                        "asks for one",
                        (int)has.inside);
        return 0;
}

/* A map as procfs shows it, its columns padded, is what was written. */
static int check_map(pid_t pid, const char *file, const char *wanted)
{
        char path[48], text[12288] /* 340 lines */, *to = text;
        ssize_t n;

        if (!wanted)
                return 0;
        text_format(path, sizeof path, "/proc/%d/%s", (int)pid, file);
        n = file_get(AT_FDCWD, path, text, sizeof text);
        if (n < 0)
                return (int)n;
        for (const char *from = text; *from; from++)
                if (*from != ' ' || (to > text && to[-1] != '\n' && to[-1] != ' '))
                        *to++ = *from;
        *to = '\0';
        return text_equal(text, wanted)
                     ? 0
                     : trail(-EACCES, "the images have another %s than the document", file);
}

static int kill_task(pid_t pid, pid_t tid, void *data)
{
        (void)data;
        if (pid == tid)
                kill(pid, SIGKILL); /* that has gone is as well */
        return 0;
}

static void kill_all(struct machine *m, int criu)
{
        int r = -ESRCH;

        for (int round = 0; r == -ESRCH && round < 1000; round++)
                r = tasks_walk(m->pid, kill_task, NULL);
        process_signal(m->pidfd, SIGKILL); /* with all of its pid namespace */
        /* As their tracer it would have to reap them. */
        process_signal(criu, r == 0 ? SIGKILL : SIGSTOP);
}

int do_check_rights(struct machine *m, const struct op_check_rights *o)
{
        struct check check = { .o = o };
        int r;

        (void)o->process; /* m->pid is its number */
        r = look_at_space(m->pid, m->pid, CLONE_NEWUSER, &check.users);
        if (r == 0 && (r = check_map(m->pid, "uid_map", o->uid_map)) == 0 &&
            (r = check_map(m->pid, "gid_map", o->gid_map)) == 0)
                r = tasks_walk(m->pid, check_task, &check);
        if (r < 0)
                kill_all(m, slot(m, o->criu));
        if (r == -EACCES)
                trail_hint(
                        "nothing of it has run: the document of the bundle says what it may do at "
                        "most");
        return r;
}
