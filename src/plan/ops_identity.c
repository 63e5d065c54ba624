/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: how the process is scheduled, labelled and confined beyond capabilities.
 *
 * As in ops.c: one function an operation, child-safe, nothing decided that could have been known
 * when the plan was compiled. */
#include "ops.h"

#include <fcntl.h>
#include <sched.h>

int do_set_self(struct machine *m, const struct op_set_self *o)
{
        int r = selfproc_put(o->file, o->value);

        (void)m;
        return r < 0 ? trail(r, "cannot write '%s' to /proc/self/%s", o->value, o->file) : 0;
}

int do_set_affinity(struct machine *m, const struct op_set_affinity *o)
{
        (void)m;
        return sched_set_cpus(o->cpus.items, o->cpus.n);
}

int do_set_scheduler(struct machine *m, const struct op_set_scheduler *o)
{
        (void)m;
        return sched_set(&(struct sched_request){
                .policy = o->policy,
                .flags = o->flags,
                .nice = (int)o->nice,
                .priority = (unsigned)o->priority,
                .runtime = (uint64_t)o->runtime,
                .deadline = (uint64_t)o->deadline,
                .period = (uint64_t)o->period,
        });
}

int do_set_io_priority(struct machine *m, const struct op_set_io_priority *o)
{
        (void)m;
        return sched_set_io(o->class, (unsigned)o->level);
}

int do_set_memory_policy(struct machine *m, const struct op_set_memory_policy *o)
{
        (void)m;
        return mempolicy_set(o->mode, o->flags, o->nodes.items, o->nodes.n);
}

int do_set_personality(struct machine *m, const struct op_set_personality *o)
{
        (void)m;
        return personality_set(o->persona);
}

int do_move_link(struct machine *m, const struct op_move_link *o)
{
        auto_close own = NO_FD;
        char path[64];

        if (o->ns >= 0)
                return netlink_move_link(slot(m, o->ns), o->name, o->as);
        text_format(path, sizeof path, "/proc/%d/ns/net", (int)m->pid);
        own = namespace_open(path, CLONE_NEWNET);
        return own < 0 ? own : netlink_move_link(own, o->name, o->as);
}

int do_set_label(struct machine *m, const struct op_set_label *o)
{
        bool apparmor = text_equal(o->module, "apparmor");
        int r = apparmor ? lsm_label_apparmor(o->label) : lsm_label_selinux(o->label);

        (void)m;
        if (r == -ENOENT && apparmor)
                return trail(r, "no AppArmor profile '%s' is loaded", o->label);
        return r < 0 ? trail(r, "the label '%s' is refused", o->label) : 0;
}

int do_make_landlock(struct machine *m, const struct op_make_landlock *o)
{
        return put(m, o->rules, landlock_make(o->files, o->ports));
}

int do_allow_path(struct machine *m, const struct op_allow_path *o)
{
        auto_close root = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        auto_close at = NO_FD;

        if (root < 0)
                return root;
        at = rootpath_open(root, o->path, O_PATH, false);
        if (at == -ENOENT && o->optional)
                return 0;
        if (at < 0)
                return trail(at, "cannot open %s in the container", o->path);
        return landlock_allow_path(slot(m, o->rules), at, o->access);
}

int do_allow_port(struct machine *m, const struct op_allow_port *o)
{
        return landlock_allow_port(slot(m, o->rules), (uint16_t)o->port, o->access);
}

int do_restrict_landlock(struct machine *m, const struct op_restrict_landlock *o)
{
        int r = landlock_restrict(slot(m, o->rules));

        file_close(&m->fd[o->rules]);
        return r;
}
