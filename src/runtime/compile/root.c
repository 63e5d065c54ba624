/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the container's root.
 *
 * Overlays are made on the host's side, detached; a plain directory becomes a clone of its tree.
 * Either lies on a mount that receives from the host at most, because pivot_root(2) refuses a shared
 * parent and nothing may flow back. For the same reason a root that is to be shared becomes so when
 * it is "/" already.
 *
 * In a user namespace the host's files would be nobody's, and its root could change none of them, not
 * even to make a place for a mount. Where it is asked for (map_root), the root's layers are mapped
 * mounts, then: id 0 on disk is the container's root. Only the host's side may make these. */
#include "compile.h"

#include <string.h>

#include <linux/mount.h>

/* A directory of the host, mapped: the mount alone, not what is mounted on it. */
static FD map_tree(struct compile *c, const char *reason, const char *path, bool recursive)
{
        FD ns = compile_idmap(c, reason, NULL), tree = plan_slot(c->plan);

        plan_add(
                c->plan, HOST, reason, clone_tree, .dir = -1, .path = path, .recursive = recursive,
                .tree = tree);
        plan_add(c->plan, HOST, reason, map_mount, .tree = tree, .ns = ns);
        return tree;
}

static bool maps_root(struct compile *c, unsigned major, unsigned minor)
{
        if (!c->options->map_root || !c->user_namespace ||
            !facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */))
                return false;
        if (c->facts->has_mount_setattr && facts_kernel(c->facts, major, minor))
                return true;
        plan_note(
                c->plan,
                "/root/path: the container's root owns no file of the host's: mapped layers are "
                "since Linux %u.%u",
                major, minor);
        return false;
}

bool runtime_is_image(const char *layer)
{
        const size_t size = strlen(layer), end = sizeof RUNTIME_IMAGE - 1;

        return size > end && text_equal(layer + size - end, RUNTIME_IMAGE);
}

static FD open_image(struct compile *c, const char *reason, const char *path)
{
        FD tree = plan_slot(c->plan), lock = plan_slot(c->plan);

        plan_add(c->plan, HOST, reason, mount_image, .path = path, .tree = tree, .lock = lock);
        return tree;
}

/* Others borrow the mount of an image, so what is mapped is a clone of it. */
static FD map_layer(struct compile *c, const char *reason, const char *path)
{
        FD image, tree;

        if (!runtime_is_image(path))
                return map_tree(c, reason, path, false);
        image = open_image(c, reason, path);
        tree = plan_slot(c->plan);
        plan_add(c->plan, HOST, reason, clone_tree, .dir = image, .path = "", .tree = tree);
        plan_add(
                c->plan, HOST, reason, map_mount, .tree = tree,
                .ns = compile_idmap(c, reason, NULL));
        return tree;
}

/* The lower layers as mapped mounts, which have no path. The upper one is plain, since the overlay's
 * maker, whose id is not mapped, writes there: what is in it has ids of the container's range, and
 * first of all the directory itself. */
static void set_lower_mapped(
        struct compile *c, const char *reason, const struct runtime_overlay *overlay, FD fs)
{
        for (size_t i = 0; i < overlay->lower.n; i++) {
                FD lower = map_layer(c, reason, overlay->lower.items[i]);

                if (i == 0 && !c->options->filled)
                        plan_add(
                                c->plan, HOST, reason, copy_owner, .path = overlay->upper,
                                .from = lower);
                plan_add(
                        c->plan, HOST, reason, set_fs_fd, .fs = fs, .key = "lowerdir+",
                        .fd = lower);
        }
}

const char *compile_overlay_reason(struct compile *c, const struct runtime_overlay *overlay)
{
        return overlay->target[0] ? why(c, "[overlay of /%s]", overlay->target) : "/root/path";
}

/* Must all of the lower layers stand in one option? */
static bool in_one_option(const struct compile *c, const struct runtime_overlay *overlay)
{
        return overlay->lower.n > 1 && !facts_kernel(c->facts, 6, 7);
}

static void set_lower(
        struct compile *c, enum actor actor, const char *reason, const struct overlay_layer *layer)
{
        if (runtime_is_image(layer->path))
                plan_add(
                        c->plan, HOST, reason, set_fs_fd, .fs = layer->fs, .key = "lowerdir+",
                        .fd = open_image(c, reason, layer->path));
        else
                compile_overlay_layer(c, actor, reason, layer);
}

static void set_layers(
        struct compile *c, enum actor actor, const struct runtime_overlay *overlay, FD fs)
{
        const char *reason = compile_overlay_reason(c, overlay);
        const char *key = overlay->lower.n > 1 ? "lowerdir+" : "lowerdir";

        if (c->map_root)
                set_lower_mapped(c, reason, overlay, fs);
        else if (!in_one_option(c, overlay))
                for (size_t i = 0; i < overlay->lower.n; i++)
                        set_lower(
                                c, actor, reason,
                                &(struct overlay_layer){ fs, key, overlay->lower.items[i], false });
        compile_overlay_layer(
                c, actor, reason, &(struct overlay_layer){ fs, "upperdir", overlay->upper, false });
        compile_overlay_layer(
                c, actor, reason, &(struct overlay_layer){ fs, "workdir", overlay->work, false });
}

/* Their places in the store. */
static void make_stores(struct compile *c, const struct runtime_overlay *overlay)
{
        const char *reason = compile_overlay_reason(c, overlay);

        if (overlay->make_lower)
                plan_add(
                        c->plan, HOST, reason, make_store, .path = overlay->lower.items[0],
                        .mode = 0755);
        plan_add(
                c->plan, HOST, reason, make_store, .path = overlay->upper,
                .mode = overlay->mode ? overlay->mode : 0755);
        plan_add(c->plan, HOST, reason, make_store, .path = overlay->work, .mode = 0700);
}

static void make_overlay(
        struct compile *c, enum actor actor, const struct runtime_overlay *overlay, FD tree)
{
        const char *reason = compile_overlay_reason(c, overlay);
        FD fs = plan_slot(c->plan);

        plan_add(c->plan, actor, reason, open_fs, .type = "overlay", .fs = fs);
        plan_add(c->plan, actor, reason, set_fs, .fs = fs, .key = "source", .value = "husk");
        set_layers(c, actor, overlay, fs);
        /* Every change is a file of its own in the upper layer, whatever the kernel's defaults are:
         * that is what diff reads. */
        plan_add(c->plan, actor, reason, set_fs, .fs = fs, .key = "index", .value = "off");
        if (actor == HOST && !c->facts->in_user_namespace) {
                plan_add(
                        c->plan, actor, reason, set_fs, .fs = fs, .key = "redirect_dir",
                        .value = "off");
                plan_add(
                        c->plan, actor, reason, set_fs, .fs = fs, .key = "metacopy",
                        .value = "off");
        } else {
                /* trusted.* attributes are out of reach in a user namespace; this one turns the two
                 * off, and does not go with their names. */
                plan_add(c->plan, actor, reason, set_fs, .fs = fs, .key = "userxattr");
        }
        compile_mount_label(c, actor, "overlay", fs);
        if (c->options->volatile_upper)
                plan_add(c->plan, actor, reason, set_fs, .fs = fs, .key = "volatile");
        if (in_one_option(c, overlay))
                plan_add(
                        c->plan, actor, reason, make_layered, .fs = fs, .lower = overlay->lower,
                        .attrs = MOUNT_ATTR_NODEV, .tree = tree);
        else
                plan_add(
                        c->plan, actor, reason, make_mount, .fs = fs, .attrs = MOUNT_ATTR_NODEV,
                        .tree = tree);
}

/* Two mounts with one upper layer would not know of each other's changes. So a root that is mounted on the host
 * (`husk mount`) is that mount once more. */
static void clone_mounted(struct compile *c, FD tree)
{
        plan_add(
                c->plan, HOST, "[husk mount]", clone_tree, .dir = -1, .path = c->options->mounted,
                .tree = tree);
        plan_add(
                c->plan, HOST, "[husk mount]", set_mount, .tree = tree, .set = MOUNT_ATTR_NODEV,
                .clear = MOUNT_ATTR_NOSUID, .propagation = PROPAGATE_PRIVATE);
}

/* A tree of the host as it is, read-only. */
static void make_read_only(struct compile *c, const struct runtime_overlay *overlay, FD tree)
{
        const char *reason = compile_overlay_reason(c, overlay);

        plan_note(
                c->plan,
                "/%s: read-only: the host has something mounted in it, and an ordinary user can "
                "make no overlay of such a directory",
                overlay->target);
        plan_add(
                c->plan, INIT, reason, clone_tree, .dir = -1, .path = overlay->lower.items[0],
                .recursive = 1, .tree = tree);
        plan_add(
                c->plan, INIT, reason, set_mount, .tree = tree,
                .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, .recursive = 1);
}

/* Who has no rights on the host has them in the container's user namespace: overlays are made there. */
static bool by_init(const struct compile *c)
{
        return c->options->mount_program || !facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */);
}

PROPAGATION compile_base_propagation(const struct compile *c)
{
        bool all = false;
        PROPAGATION kind = mount_options_propagation(c->linux_->rootfs_propagation, &all);

        return kind == PROPAGATE_PRIVATE ? PROPAGATE_PRIVATE : PROPAGATE_SLAVE;
}

static const char *rootfs_path(struct compile *c)
{
        const char *path = c->spec->root->path;

        return path[0] == '/' ? path : why(c, "%s/%s", c->options->bundle, path);
}

/* How many layers one overlay takes. An option of 255 bytes holds 63 numbers of three digits; the kernel stacks 500
 * (OVL_MAX_STACK), for which a plan has slots: an image's mount, its lock, and the mount that is mapped. */
static int check_layers(const struct compile *c, const struct runtime_overlay *overlay)
{
        const size_t most = in_one_option(c, overlay) ? 63 : 500;
        size_t images = 0;

        if (c->options->mount_program)
                return 0; /* compile_served_host() has its own limits */
        for (size_t i = 0; i < overlay->lower.n; i++)
                images += runtime_is_image(overlay->lower.items[i]);
        if (images && (by_init(c) || !facts_kernel(c->facts, 6, 15))) {
                trail_hint("pull the image again, to have it in directories");
                return trail(
                        -EOPNOTSUPP,
                        "%s: only root mounts layers that are kept as images, since "
                        "Linux 6.15",
                        overlay->lower.items[0]);
        }
        if (overlay->lower.n <= most)
                return 0;
        trail_hint(
                most == 63
                        ? "since Linux 6.7 an overlay takes each layer by itself"
                        : "make one layer of many before there are so many: husk export CONTAINER | "
                          "husk import -");
        return trail(
                -E2BIG, "the root has %zu layers, and there can be %zu at most on this kernel",
                overlay->lower.n, most);
}

/* Slots of the overlays, in order, when there are any: the first is the root. A directory is the
 * first process's to clone, but for one that is to be mapped. */
int compile_root_host(struct compile *c)
{
        FD first;
        int r;

        if (c->options->n_overlays == 0) {
                if (!maps_root(c, 5, 12))
                        return 0;
                c->root = map_tree(c, "/root/path", rootfs_path(c), true);
                /* It would be a peer of the host's mount. */
                plan_add(
                        c->plan, HOST, "/linux/rootfsPropagation", set_mount, .tree = c->root,
                        .propagation = compile_base_propagation(c), .recursive = 1);
                return 0;
        }
        c->map_root = !c->options->mount_program && maps_root(c, 6, 15);
        r = c->options->mount_program ? compile_served_host(c) : 0;
        if (r < 0)
                return r;
        first = c->plan->slots;
        for (size_t i = 0; i < c->options->n_overlays; i++)
                plan_slot(c->plan);
        c->root = first;
        for (size_t i = 0; i < c->options->n_overlays; i++) {
                const struct runtime_overlay *overlay = &c->options->overlays[i];

                r = check_layers(c, overlay);
                if (r < 0)
                        return r;
                if (!overlay->read_only)
                        make_stores(c, overlay);
                if (i == 0 && c->options->mounted && !by_init(c))
                        clone_mounted(c, first);
                else if (!by_init(c))
                        make_overlay(c, HOST, overlay, (FD)(first + (FD)i));
        }
        compile_own_host(c);
        return 0;
}

/* The overlays that the first process makes by itself. */
static void make_own(struct compile *c)
{
        for (size_t i = 0; i < c->options->n_overlays; i++) {
                const struct runtime_overlay *overlay = &c->options->overlays[i];
                FD tree = (FD)(c->root + (FD)i);

                if (overlay->read_only)
                        make_read_only(c, overlay, tree);
                else if (c->options->mount_program)
                        compile_served_mount(c, compile_overlay_reason(c, overlay), tree);
                else
                        make_overlay(c, INIT, overlay, tree);
        }
}

static void attach_overlays(struct compile *c, FD at)
{
        plan_add(
                c->plan, INIT, "/root/path", open_path, .path = c->options->attach_point, .fd = at);
        if (by_init(c))
                make_own(c);
        compile_own_trees(c);
        plan_add(c->plan, INIT, "/root/path", attach, .tree = c->root, .root = at, .target = "");
        for (size_t i = 1; i < c->options->n_overlays; i++)
                plan_add(
                        c->plan, INIT, compile_overlay_reason(c, &c->options->overlays[i]), attach,
                        .tree = (FD)(c->root + (FD)i), .root = c->root,
                        .target = c->options->overlays[i].target, .make = TARGET_DIRECTORY,
                        .strict = 1);
        for (size_t i = 0; i < c->options->n_links; i++)
                plan_add(
                        c->plan, INIT, "/root/path", make_link, .dir = c->root,
                        .path = c->options->links[i].path, .target = c->options->links[i].target);
        compile_own_attach(c);
}

int compile_root_init(struct compile *c)
{
        FD at = plan_slot(c->plan);

        /* pivot_root(2) refuses a shared parent, and nothing may flow to the host. */
        plan_add(
                c->plan, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                .kind = compile_base_propagation(c));
        if (c->options->n_overlays) {
                attach_overlays(c, at);
        } else {
                plan_add(c->plan, INIT, "/root/path", open_path, .path = rootfs_path(c), .fd = at);
                if (c->root < 0) {
                        c->root = plan_slot(c->plan);
                        plan_add(
                                c->plan, INIT, "/root/path", clone_tree, .dir = at, .path = "",
                                .recursive = 1, .tree = c->root);
                }
                plan_add(
                        c->plan, INIT, "/root/path", attach, .tree = c->root, .root = at,
                        .target = "");
        }
        return 0;
}

/* Shared and unbindable hinder what is done before: pivot_root(2) refuses to work on the former,
 * and of the latter no path can be locked. */
static void change_propagation(struct compile *c)
{
        bool all = false;
        PROPAGATION kind = mount_options_propagation(c->linux_->rootfs_propagation, &all);

        if (kind == PROPAGATE_SHARED || kind == PROPAGATE_UNBINDABLE)
                plan_add(
                        c->plan, INIT, "/linux/rootfsPropagation", set_propagation, .target = "/",
                        .kind = kind, .single = !all);
}

/* Can the program undo the move? It takes CAP_SYS_ADMIN. */
static bool finds_host(struct compile *c)
{
        return c->process->capabilities &&
               compile_caps(c, NULL, &c->process->capabilities->bounding) >> 21 & 1;
}

void compile_pivot(struct compile *c)
{
        plan_add(
                c->plan, INIT, "/root/path", pivot, .root = c->root,
                .preserve_fds = (NUM)c->options->preserve_fds, .move = c->options->no_pivot);
        if (c->options->no_pivot && finds_host(c))
                plan_note(
                        c->plan, "--no-pivot: the host's root stays below the container's: with "
                                 "CAP_SYS_ADMIN, which it may have, it finds the host's files");
        change_propagation(c);
}
