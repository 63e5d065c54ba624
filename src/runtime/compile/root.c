/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the container's root.
 *
 * Overlays are made on the host's side, detached; a plain directory becomes a clone of its tree.
 * Either lies on a mount that receives from the host at most, because pivot_root(2) refuses a shared
 * parent and nothing may flow back. For the same reason a root that is to be shared becomes so when
 * it is "/" already. */
#include "compile.h"

#include <linux/mount.h>

static void make_overlay(struct compile *c, const struct runtime_overlay *overlay, FD tree)
{
        const char *reason =
                overlay->target[0] ? why(c, "[overlay of /%s]", overlay->target) : "/root/path";
        FD fs = plan_slot(c->plan);

        plan_add(c->plan, HOST, reason, make_store, .path = overlay->upper, .mode = 0755);
        plan_add(c->plan, HOST, reason, make_store, .path = overlay->work, .mode = 0700);
        plan_add(c->plan, HOST, reason, open_fs, .type = "overlay", .fs = fs);
        plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "source", .value = "husk");
        plan_add(
                c->plan, HOST, reason, set_fs, .fs = fs, .key = "lowerdir",
                .value = overlay->lower);
        plan_add(
                c->plan, HOST, reason, set_fs, .fs = fs, .key = "upperdir",
                .value = overlay->upper);
        plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "workdir", .value = overlay->work);
        /* Every change is a file of its own in the upper layer, whatever the kernel's defaults are:
         * that is what diff reads. */
        plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "index", .value = "off");
        plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "redirect_dir", .value = "off");
        plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "metacopy", .value = "off");
        compile_mount_label(c, HOST, "overlay", fs);
        if (c->options->volatile_upper)
                plan_add(c->plan, HOST, reason, set_fs, .fs = fs, .key = "volatile");
        plan_add(
                c->plan, HOST, reason, make_mount, .fs = fs, .attrs = MOUNT_ATTR_NODEV,
                .tree = tree);
}

/* Slots of the overlays, in order, when there are any: the first is the root. */
int compile_root_host(struct compile *c)
{
        FD first;

        if (c->options->n_overlays == 0)
                return 0;
        first = c->plan->slots;
        for (size_t i = 0; i < c->options->n_overlays; i++)
                plan_slot(c->plan);
        c->root = first;
        for (size_t i = 0; i < c->options->n_overlays; i++)
                make_overlay(c, &c->options->overlays[i], (FD)(first + (FD)i));
        return 0;
}

static const char *rootfs_path(struct compile *c)
{
        const char *path = c->spec->root->path;

        return path[0] == '/' ? path : why(c, "%s/%s", c->options->bundle, path);
}

int compile_root_init(struct compile *c)
{
        bool all = false;
        PROPAGATION kind = mount_options_propagation(c->linux_->rootfs_propagation, &all);
        FD at = plan_slot(c->plan);

        /* pivot_root(2) refuses a shared parent, and nothing may flow to the host. */
        plan_add(
                c->plan, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                .kind = kind == PROPAGATE_PRIVATE ? PROPAGATE_PRIVATE : PROPAGATE_SLAVE);
        if (c->options->n_overlays) {
                plan_add(
                        c->plan, INIT, "/root/path", open_path, .path = c->options->attach_point,
                        .fd = at);
                plan_add(
                        c->plan, INIT, "/root/path", attach, .tree = c->root, .root = at,
                        .target = "");
                for (size_t i = 1; i < c->options->n_overlays; i++)
                        plan_add(
                                c->plan, INIT,
                                why(c, "[overlay of /%s]", c->options->overlays[i].target), attach,
                                .tree = (FD)(c->root + (FD)i), .root = c->root,
                                .target = c->options->overlays[i].target, .make = TARGET_DIRECTORY,
                                .strict = 1);
        } else {
                c->root = plan_slot(c->plan);
                plan_add(c->plan, INIT, "/root/path", open_path, .path = rootfs_path(c), .fd = at);
                plan_add(
                        c->plan, INIT, "/root/path", clone_tree, .dir = at, .path = "",
                        .recursive = 1, .tree = c->root);
                plan_add(
                        c->plan, INIT, "/root/path", attach, .tree = c->root, .root = at,
                        .target = "");
        }
        return 0;
}

/* Shared and unbindable hinder what is done before: pivot_root(2) refuses to work on the former,
 * and of the latter no path can be locked. */
void compile_root_propagation(struct compile *c)
{
        bool all = false;
        PROPAGATION kind = mount_options_propagation(c->linux_->rootfs_propagation, &all);

        if (kind == PROPAGATE_SHARED || kind == PROPAGATE_UNBINDABLE)
                plan_add(
                        c->plan, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                        .kind = kind, .single = !all);
}
