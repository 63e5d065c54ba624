/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the cgroup tree as a container may see it.
 *
 * On v2 one mount, on v1 a tmpfs with a mount for each hierarchy, links for the controllers that
 * share one, and `unified` where the host has that. All but a new cgroup2 are clones of the host's
 * mounts at the container's own cgroup, which spare the kernel a superblock each: within a cgroup
 * namespace they look as new mounts would, and without one nothing but the container's own subtree
 * is there. In a user namespace without a cgroup namespace that subtree may be one that others live
 * in, too: it is read-only then, whatever is asked (CVE-2023-25809). */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/mount.h>

/* The directory that is "/" for the container: its own cgroup, or ours when it has none. */
static const char *own_path(struct compile *c, const struct cgroup_hierarchy *hierarchy, bool has)
{
        if (has)
                return compile_cgroup_path(c, hierarchy);
        return why(
                c, "%s%s", hierarchy->mount, text_equal(hierarchy->own, "/") ? "" : hierarchy->own);
}

static void attach_at(const struct mount_job *job, FD tree)
{
        plan_add(
                job->c->plan, INIT, job->reason, attach, .tree = tree, .root = job->c->root,
                .target = job->mount.destination, .make = TARGET_DIRECTORY, .strict = 1);
}

static void set_attributes(const struct mount_job *job, FD tree, uint64_t attrs)
{
        struct compile *c = job->c;

        if (c->facts->has_mount_setattr)
                plan_add(
                        c->plan, INIT, job->reason, set_mount, .tree = tree, .set = attrs,
                        .propagation = PROPAGATE_PRIVATE, .recursive = 1);
        else
                plan_add(c->plan, INIT, job->reason, remount, .tree = tree, .attrs = attrs);
}

static void add_hierarchy(
        const struct mount_job *job, const char *path, const char *name, FD directory)
{
        struct compile *c = job->c;
        FD tree = plan_slot(c->plan);

        plan_add(c->plan, INIT, job->reason, clone_tree, .dir = -1, .path = path, .tree = tree);
        plan_add(
                c->plan, INIT, job->reason, attach, .tree = tree, .root = directory, .target = name,
                .make = TARGET_DIRECTORY, .strict = 1);
        if (!c->facts->has_mount_setattr)
                set_attributes(job, tree, job->options.set);
}

/* "cpu,cpuacct" is one hierarchy: programs look for each by its name. */
static void add_links(
        const struct mount_job *job, const char *names, const char *name, FD directory)
{
        for (const char *at = names; *at;) {
                size_t size = strcspn(at, ",");
                const char *controller = why(job->c, "%.*s", (int)size, at);

                if (!text_equal(controller, name) && !text_starts(controller, "name="))
                        plan_add(
                                job->c->plan, INIT, job->reason, make_link, .dir = directory,
                                .path = controller, .target = name);
                at += size + (at[size] == ',');
        }
}

/* Nobody else is in this mount namespace while the attributes are still missing. */
static void add_v1(const struct mount_job *job)
{
        struct compile *c = job->c;
        FD fs = plan_slot(c->plan), tree = plan_slot(c->plan);

        plan_add(c->plan, INIT, job->reason, open_fs, .type = "tmpfs", .fs = fs);
        plan_add(c->plan, INIT, job->reason, set_fs, .fs = fs, .key = "source", .value = "tmpfs");
        plan_add(c->plan, INIT, job->reason, set_fs, .fs = fs, .key = "mode", .value = "755");
        plan_add(
                c->plan, INIT, job->reason, make_mount, .fs = fs,
                .attrs = job->options.set & ~(uint64_t)MOUNT_ATTR_RDONLY, .tree = tree);
        attach_at(job, tree);
        for (size_t i = 0; i < c->facts->n_v1; i++) {
                const struct cgroup_hierarchy *v1 = &c->facts->v1[i];
                const char *name = strrchr(v1->mount, '/') + 1;

                add_hierarchy(job, own_path(c, v1, c->n_cgroups != 0), name, tree);
                add_links(job, v1->names, name, tree);
        }
        if (c->facts->cgroup_mode == CGROUP_HYBRID)
                add_hierarchy(job, own_path(c, &c->facts->v2, c->cgroup2 >= 0), "unified", tree);
        set_attributes(job, tree, job->options.set);
        compile_mount_propagation(job, tree);
}

static void add_v2(const struct mount_job *job)
{
        struct compile *c = job->c;
        bool namespace = compile_has_namespace(c, CLONE_NEWCGROUP);
        FD tree = plan_slot(c->plan), fs;

        if (namespace) {
                struct op *made;

                fs = plan_slot(c->plan);
                plan_add(c->plan, INIT, job->reason, open_fs, .type = "cgroup2", .fs = fs);
                plan_add(
                        c->plan, INIT, job->reason, set_fs, .fs = fs, .key = "source",
                        .value = "cgroup");
                made = plan_add(
                        c->plan, INIT, job->reason, make_mount, .fs = fs, .attrs = job->options.set,
                        .tree = tree);
                made->has_else = c->user_namespace;
        }
        if (!namespace || c->user_namespace) {
                plan_add(
                        c->plan, INIT, job->reason, clone_tree, .dir = -1,
                        .path = own_path(c, &c->facts->v2, c->cgroup2 >= 0), .recursive = 1,
                        .tree = tree);
                if (c->facts->has_mount_setattr)
                        set_attributes(job, tree, job->options.set);
        }
        compile_mount_propagation(job, tree);
        attach_at(job, tree);
        if (!namespace && !c->facts->has_mount_setattr)
                set_attributes(job, tree, job->options.set);
}

int compile_cgroup_mount(struct mount_job *job)
{
        struct compile *c = job->c;
        struct mount_options *options = &job->options;
        bool v2 = c->facts->cgroup_mode == CGROUP_V2 ||
                  (text_equal(job->mount.type, "cgroup2") && c->facts->v2.mount);

        if (options->n_data || options->n_super)
                return spec_error(
                        job->mount.at, c->document, why(c, "%s/options", job->pointer),
                        "'%s' is not for a container to choose: the host has mounted its cgroups",
                        options->n_data ? options->data[0] : options->super[0]);
        if (c->facts->cgroup_mode == CGROUP_NONE) {
                plan_note(
                        c->plan, "%s: %s is left out: %s", job->reason, job->mount.destination,
                        c->facts->in_user_namespace ? "this user namespace has no cgroup of its own"
                                                    : "this host has no cgroups mounted");
                return 0;
        }
        options->set |= options->set_all;
        if (c->user_namespace && !compile_has_namespace(c, CLONE_NEWCGROUP)) {
                if (!(options->set & MOUNT_ATTR_RDONLY))
                        plan_note(
                                c->plan,
                                "%s: %s is read-only: without a cgroup namespace the cgroup may "
                                "not be the container's alone",
                                job->reason, job->mount.destination);
                options->set |= MOUNT_ATTR_RDONLY;
        }
        if (v2)
                add_v2(job);
        else
                add_v1(job);
        return 0;
}
