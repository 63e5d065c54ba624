/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what criu has restored, held against the document.
 *
 * criu holds each task where it will go on, as its tracer, and waits for us: so nothing runs, forks or ends
 * meanwhile. Were we killed criu would end, too, and let go of them: so the container's cgroup is frozen as long as we
 * look, criu with it, and who finds it later kills what is in there. When a task has more than it should all of them
 * are killed, those that descend first, and then criu, whose end lets go of what it traces. Where not all can be
 * reached criu is stopped and goes on holding them: it is in the container's cgroups, which are killed with all that is
 * in them when the restore is undone. */
#include "operand.h"
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        PLACE_SIZE = sizeof((struct machine *)NULL)->place
};

/* A kind of namespace, and who the processes are not to be with. criu's is the host's, but for that of mounts, in which
 * all of the host's are. */
struct space {
        const char *name; /* below /proc/PID/ns */
        struct stat ours, of_criu;
};

struct check {
        const struct op_check_rights *o;
        pid_t first;
        struct stat users; /* the first process's user namespace */
        struct space spaces[8];
        size_t n_spaces;
        struct stat joined; /* check_space: the one of these that it is to be */
        const char *place;  /* where criu was when it was called, and the container is to be */
        char ours[PLACE_SIZE];
};

static int look_at_space(pid_t pid, pid_t tid, const char *name, struct stat *ret_st)
{
        char path[64];

        text_format(path, sizeof path, "/proc/%d/task/%d/ns/%s", (int)pid, (int)tid, name);
        return file_stat(AT_FDCWD, path, 0, ret_st);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int find_spaces(struct check *check, uint32_t types, int criu)
{
        pid_t we = getpid(), it = process_number(criu);
        int r = 0;

        for (uint32_t type = 1; type && r == 0; type <<= 1) {
                struct space *space = &check->spaces[check->n_spaces];

                if (!(types & type) || !(space->name = namespace_proc_name(type)))
                        continue;
                check->n_spaces++;
                if ((r = look_at_space(we, we, space->name, &space->ours)) == 0)
                        r = look_at_space(it, it, space->name, &space->of_criu);
        }
        return r;
}

static int check_hosts(
        const struct space *space, const struct stat *theirs, pid_t inside, const char *wanted)
{
        if (!is_same(theirs, &space->ours) && !is_same(theirs, &space->of_criu))
                return 0;
        return trail(
                -EACCES, "the images have process %d in the host's %s namespace, which %s",
                (int)inside, space->name, wanted);
}

static int check_spaces(const struct check *check, pid_t pid, pid_t tid, pid_t inside)
{
        struct stat theirs;
        int r;

        for (size_t i = 0; i < check->n_spaces; i++) {
                const struct space *space = &check->spaces[i];

                if ((r = look_at_space(pid, tid, space->name, &theirs)) < 0 ||
                    (r = check_hosts(space, &theirs, inside, "/linux/namespaces does not")) < 0)
                        return r;
        }
        r = look_at_space(pid, tid, "user", &theirs);
        if (r == 0 && !is_same(&theirs, &check->users))
                return trail(
                        -EACCES, "the images have process %d in a user namespace of its own",
                        (int)inside);
        return r;
}

/* All but the first process may be in one that the container has made itself. */
static int check_joined(pid_t pid, pid_t tid, void *data)
{
        const struct check *check = data;
        const struct space *space = check->spaces;
        struct task_rights has;
        struct stat theirs;
        int r = task_rights_read(pid, tid, &has);

        if (r < 0 || has.ended || (r = look_at_space(pid, tid, space->name, &theirs)) < 0 ||
            is_same(&theirs, &check->joined) ||
            (r = check_hosts(space, &theirs, has.inside, "is not the one of /linux/namespaces")) <
                    0 ||
            pid != check->first)
                return r;
        return trail(
                -EACCES,
                "the images have process %d in another %s namespace than that of /linux/namespaces",
                (int)has.inside, space->name);
}

/* The cgroups are the document's limits. */
static int check_cgroups(const struct check *check, pid_t pid, pid_t tid, pid_t inside)
{
        char list[PLACE_SIZE];
        const char *outside;
        int r = *check->place ? task_cgroups_read(pid, tid, list, sizeof list) : 0;

        if (r < 0)
                return trail(r, "cannot read which cgroups process %d is in", (int)inside);
        outside = *check->place ? cgroups_outside(list, check->place, check->ours) : NULL;
        if (!outside)
                return 0;
        return trail(
                -EACCES,
                "the images have process %d in the cgroup %.*s, which is none of the container's",
                (int)inside, (int)strcspn(outside, "\n"), outside);
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
        if (r < 0 || (r = check_cgroups(check, pid, tid, has.inside)) < 0 ||
            (r = check_spaces(check, pid, tid, has.inside)) < 0 ||
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

static int release(struct machine *m)
{
        const char *path = m->held;

        m->held = NULL;
        return path ? freezer_thaw(path) : 0;
}

/* `r` of a look: nothing of what has more than it may is left. */
static int finish(struct machine *m, int criu, int r)
{
        if (r < 0) {
                kill_all(m, criu);
                release(m); /* a v1 freezer keeps even SIGKILL waiting */
        }
        if (r == -EACCES)
                trail_hint(
                        "nothing of it has run: the document of the bundle says what it may do at "
                        "most");
        return r;
}

int do_check_rights(struct machine *m, const struct op_check_rights *o)
{
        struct check check = { .o = o, .first = m->pid, .place = m->place };
        int criu = slot(m, o->criu), r;

        (void)o->process; /* m->pid is its number */
        r = look_at_space(m->pid, m->pid, "user", &check.users);
        if (r == 0 && *check.place)
                r = task_cgroups_read(getpid(), getpid(), check.ours, sizeof check.ours);
        if (r == 0 && (r = find_spaces(&check, o->spaces, criu)) == 0 &&
            (r = check_map(m->pid, "uid_map", o->uid_map)) == 0 &&
            (r = check_map(m->pid, "gid_map", o->gid_map)) == 0)
                r = tasks_walk(m->pid, check_task, &check);
        return finish(m, criu, r);
}

int do_check_space(struct machine *m, const struct op_check_space *o)
{
        struct check check = { .first = m->pid };
        int criu = slot(m, o->criu), r;

        (void)o->process;
        r = file_stat(slot(m, o->ns), "", AT_EMPTY_PATH, &check.joined);
        if (r == 0 && (r = find_spaces(&check, o->type, criu)) == 0)
                r = tasks_walk(m->pid, check_joined, &check);
        return finish(m, criu, r);
}

int do_hold_cgroup(struct machine *m, const struct op_hold_cgroup *o)
{
        int r = freezer_hold(o->path);

        if (r < 0)
                return trail(r, "cannot freeze %s", o->path);
        m->held = o->path;
        return 0;
}

int do_release_cgroup(struct machine *m, const struct op_release_cgroup *o)
{
        int r = release(m);

        return r < 0 ? trail(r, "cannot thaw %s", o->path) : 0;
}
