/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the operations on cgroups and on groups of resctrl.
 *
 * As in ops.c: one function an operation, child-safe. What needs more than a call is a cgroup that others may want
 * at the same moment: the first one of a plan is claimed, noted in the journal by its inode's number and made anew
 * where a container had it before; and parents that others remove while we make them are made again. */
#include "ops.h"

#include <errno.h>
#include <unistd.h>

#include <linux/filter.h>

enum {
        ROUNDS = 1000 /* against those who remove what we make: each of them does so once */
};

/* How many cgroups are made by the operations before this one: its inverse's number in the journal. */
static unsigned cgroups_before(const struct machine *m)
{
        const struct op *ops = m->plan->list[HOST].ops;
        unsigned n = 0;

        for (size_t i = 0; i < m->failed; i++)
                n += ops[i].code == OP_make_cgroup;
        return n;
}

/* The parents that are missing. Those alone are ours to remove, so the journal is told before. Another
 * container that ends may take them away again while we are at it: as often as that happens. */
static int make_cgroup_parents(struct machine *m, const char *path)
{
        int n = cgroup_missing(path);

        for (int round = 0; n > 0 && round < ROUNDS; round++) {
                int r = 0;

                if (m->journal >= 0)
                        r = journal_note_parents(m->journal, cgroups_before(m), (unsigned)n);
                if (r == 0)
                        r = cgroup_make_parents(path, (unsigned)n);
                if (r < 0 && r != -ENOENT)
                        return r;
                n = cgroup_missing(path);
        }
        return n > 0 ? -ENOENT : n;
}

/* `ret_made`: NULL, or it is to be claimed. */
static int make_directory(const struct op_make_cgroup *o, bool *ret_made)
{
        if (o->of_unit)
                return cgroup_share(o->path);
        return ret_made ? cgroup_make_closed(o->path, o->tasks != 0, ret_made)
                        : cgroup_make(o->path, o->tasks != 0);
}

static int make_cgroup(struct machine *m, const struct op_make_cgroup *o, bool *ret_made)
{
        const struct op *ops = m->plan->list[HOST].ops;
        int fd = make_directory(o, ret_made), r;

        for (int round = 0; fd == -ENOENT && round < ROUNDS; round++) {
                r = make_cgroup_parents(m, o->path);
                /* The controllers went with the parents to which they were given. */
                if (r == 0 && m->failed > 0 && ops[m->failed - 1].code == OP_delegate_cgroup)
                        r = do_delegate_cgroup(m, &ops[m->failed - 1].as.delegate_cgroup);
                if (r < 0)
                        return r;
                fd = make_directory(o, ret_made);
        }
        return fd;
}

/* Make what is at the path of a claimed cgroup go, unless that is another one by now. */
static int remove_claimed(const char *path, uint64_t number)
{
        int r = cgroup_has_number(path, number);

        if (r == 1)
                r = cgroup_remove(path);
        return r == -ENOENT ? 0 : r;
}

/* The number of the cgroup that is claimed goes into the journal. Where a container that has ended had it before,
 * the number stands in that one's journal, too, to be killed: then it goes, and -ENOENT is to make it again. */
static int sign_cgroup(struct machine *m, const char *path)
{
        uint64_t number;
        int used = cgroup_mark(m->claim), r = cgroup_number(m->claim, &number);

        if (r == 0 && !m->closed && used != 0) {
                r = remove_claimed(path, number);
                if (r == 0)
                        return -ENOENT;
                if (used > 0)
                        return r == -EBUSY
                                     ? -EEXIST
                                     : trail(r,
                                             "the cgroup %s was another container's, and cannot be "
                                             "made anew",
                                             path);
                r = 0; /* whose it was cannot be told */
        }
        return r < 0 ? r : journal_note_claim(m->journal, number);
}

/* All who make a container begin with the same cgroup: it is claimed, and stands for the others. */
static int make_first_cgroup(struct machine *m, const struct op_make_cgroup *o)
{
        for (int round = 0; round < ROUNDS; round++) {
                int fd = make_cgroup(m, o, &m->closed), r;

                if (fd < 0)
                        return fd;
                r = m->claim = cgroup_claim(o->path, false);
                if (r >= 0) {
                        r = m->journal >= 0 ? sign_cgroup(m, o->path) : 0;
                        if (r == 0)
                                return fd;
                        file_close(&m->claim);
                }
                close(fd);
                if (r != -ENOENT && r != -ENODEV)
                        return r == -EALREADY ? -EEXIST : r;
        }
        return -EEXIST;
}

int do_make_cgroup(struct machine *m, const struct op_make_cgroup *o)
{
        int fd = !o->of_unit && cgroups_before(m) == 0 ? make_first_cgroup(m, o)
                                                       : make_cgroup(m, o, NULL);

        m->occupied = fd == -EEXIST;
        if (m->occupied)
                return trail(
                        -EBUSY,
                        "the cgroup %s has processes in it or below it, or another container is "
                        "made in it now",
                        o->path);
        if (fd == -EDEADLK)
                return trail(fd, "the cgroup %s exists and is frozen", o->path);
        return put(m, o->cgroup, fd);
}

int do_set_cgroup(struct machine *m, const struct op_set_cgroup *o)
{
        int r = cgroup_set(slot(m, o->cgroup), o->file, o->values);

        if (r == -ENOENT && o->optional)
                return 0;
        if (r == -ENOENT)
                return trail(-ENOSYS, "this cgroup has no file %s", o->file);
        return r < 0 ? trail(r, "cannot write '%s' to %s", o->values, o->file) : 0;
}

int do_set_cgroup_pair(struct machine *m, const struct op_set_cgroup_pair *o)
{
        int cgroup = slot(m, o->cgroup);
        int r = cgroup_set(cgroup, o->file, o->value);
        bool other = r == -EINVAL;

        if (r < 0 && !other)
                return trail(r, "cannot write '%s' to %s", o->value, o->file);
        r = cgroup_set(cgroup, o->file2, o->value2);
        if (r == -ENOENT)
                return trail(-ENOSYS, "this cgroup has no file %s", o->file2);
        if (r < 0)
                return trail(r, "cannot write '%s' to %s", o->value2, o->file2);
        if (other)
                r = cgroup_set(cgroup, o->file, o->value);
        return r < 0 ? trail(r, "cannot write '%s' to %s", o->value, o->file) : 0;
}

int do_make_group(struct machine *m, const struct op_make_group *o)
{
        int fd = resctrl_make(o->path, o->schemata);

        if (fd == -EEXIST)
                return trail(-EBUSY, "the group %s exists", o->path);
        return put(m, o->group, fd);
}

int do_share_group(struct machine *m, const struct op_share_group *o)
{
        int fd = resctrl_open(o->path, o->schemata);

        if (fd == -ENOENT && o->schemata)
                fd = resctrl_make(o->path, o->schemata);
        if (fd == -EEXIST) /* another was faster */
                fd = resctrl_open(o->path, o->schemata);
        if (fd == -ESTALE)
                return trail(-EEXIST, "the group %s has another schemata", o->path);
        if (fd == -ENOENT)
                return trail(fd, "there is no group %s", o->path);
        return put(m, o->group, fd);
}

int do_give_cgroup(struct machine *m, const struct op_give_cgroup *o)
{
        return cgroup_give(slot(m, o->cgroup), (uint32_t)o->uid);
}

int do_delegate_cgroup(struct machine *m, const struct op_delegate_cgroup *o)
{
        int r = -ENOENT;

        for (int round = 0; r == -ENOENT && round < ROUNDS; round++) {
                r = make_cgroup_parents(m, o->path);
                if (r == 0)
                        r = cgroup_delegate(o->path, o->controllers);
        }
        return r;
}

int do_filter_devices(struct machine *m, const struct op_filter_devices *o)
{
        return devices_attach(
                slot(m, o->cgroup), o->program.data, o->program.size / sizeof(struct bpf_insn));
}

int do_join_cgroup(struct machine *m, const struct op_join_cgroup *o)
{
        int r = cgroup_join(slot(m, o->cgroup), o->file);

        return r == -ENOENT ? trail(r, "the cgroup has no %s", o->file) : r;
}

int do_join_group(struct machine *m, const struct op_join_group *o)
{
        return file_put(slot(m, o->group), "tasks", "0");
}
