/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: memory that two containers share.
 *
 * A bind mount of the type tmpfs whose source is /proc/PID/root/... is another process's mount, in
 * another mount namespace as a rule: open_tree(2) by that path would be refused, or follow what the
 * container that owns the root has put into the way. The operation borrow_mount goes there instead.
 * Only the mount itself comes, not what is mounted below it. */
#include "compile.h"

/* What follows /proc/PID/root; NULL: it is no such source. */
static const char *path_in_root(const char *source, int64_t *ret_pid)
{
        int64_t pid = 0;
        size_t n = 6;

        if (!text_starts(source, "/proc/"))
                return NULL;
        for (; source[n] >= '0' && source[n] <= '9' && pid <= INT32_MAX; n++)
                pid = 10 * pid + (source[n] - '0');
        *ret_pid = pid;
        return pid > 0 && pid <= INT32_MAX && text_starts(source + n, "/root/") ? source + n + 5
                                                                                : NULL;
}

bool compile_is_borrowed(const struct mount_job *job)
{
        int64_t pid;

        return job->options.bind && text_equal(job->mount.type, "tmpfs") && job->mount.source &&
               path_in_root(job->mount.source, &pid);
}

FD compile_borrowed(const struct mount_job *job)
{
        const struct mount_options *options = &job->options;
        struct plan *plan = job->c->plan;
        FD process = plan_slot(plan), tree = plan_slot(plan);
        bool at_once = job->c->facts->has_mount_setattr;
        int64_t pid;
        const char *path = path_in_root(job->mount.source, &pid);

        plan_add(plan, HOST, job->reason, open_process, .pid = pid, .fd = process);
        plan_add(
                plan, HOST, job->reason, borrow_mount, .process = process, .path = path,
                .set = at_once ? options->set | options->set_all : 0,
                .clear = at_once ? options->clear | options->clear_all : 0,
                .propagation = at_once ? options->propagation : PROPAGATE_UNCHANGED, .tree = tree);
        return tree;
}
