/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: files and directories that are the container's own and no part of its layers.
 *
 * /etc/hosts and its like are files of the store, mounted upon what the image has of that name: a
 * link there, which the image's maker chose, is covered and never followed (CVE-2024-9341 and its
 * kin). A volume is a directory of the store that gets what the image has at its place, but for devices: its file system
 * is the host's, on which a device of the image's maker would be one, so it has none (nodev). Both lie
 * below the document's mounts, which are made later. When a volume has all of it the journal is told so: a start that
 * is killed before is followed by one that fills it once more. They are cloned before the root is attached, which
 * may cover the directory that they are in. */
#include "compile.h"

#include <linux/mount.h>

/* In a user namespace with mapped layers the container's root owns these, too. */
static FD map_tree(struct compile *c, const char *reason, const char *path)
{
        FD ns = compile_idmap(c, reason, NULL), tree = plan_slot(c->plan);

        plan_add(
                c->plan, HOST, reason, clone_tree, .dir = -1, .path = path,
                .propagation = compile_base_propagation(c), .tree = tree);
        plan_add(c->plan, HOST, reason, map_mount, .tree = tree, .ns = ns);
        return tree;
}

void compile_own_host(struct compile *c)
{
        const struct runtime_options *options = c->options;

        if (!options->n_own)
                return;
        c->own = arena_array(c->arena, options->n_own, sizeof *c->own);
        plan_add(c->plan, HOST, "[own files]", make_store, .path = options->own_dir, .mode = 0755);
        for (size_t i = 0; i < options->n_own; i++) {
                const struct runtime_own *own = &options->own[i];
                const char *reason = why(c, "[own %s]", own->target);

                if (own->content && !options->made)
                        plan_add(
                                c->plan, HOST, reason, make_file, .path = own->path, .mode = 0644,
                                .content = own->content);
                else if (!own->content)
                        plan_add(
                                c->plan, HOST, reason, make_store, .path = own->path, .mode = 0755);
                c->own[i] = c->map_root ? map_tree(c, reason, own->path) : (FD)-1;
        }
}

static const char *reason_of(struct compile *c, const struct runtime_own *own)
{
        return why(c, "[own %s]", own->target);
}

void compile_own_trees(struct compile *c)
{
        for (size_t i = 0; i < c->options->n_own; i++) {
                const struct runtime_own *own = &c->options->own[i];

                if (c->own[i] >= 0)
                        continue;
                c->own[i] = plan_slot(c->plan);
                plan_add(
                        c->plan, INIT, reason_of(c, own), clone_tree, .dir = -1, .path = own->path,
                        .tree = c->own[i]);
        }
}

/* Before Linux 5.12 when it is attached. */
static void forbid_devices(struct compile *c, const struct runtime_own *own, FD tree, bool attached)
{
        if (own->content || attached == c->facts->has_mount_setattr)
                return;
        if (attached)
                plan_add(
                        c->plan, INIT, reason_of(c, own), remount, .tree = tree,
                        .attrs = MOUNT_ATTR_NODEV);
        else
                plan_add(
                        c->plan, INIT, reason_of(c, own), set_mount, .tree = tree,
                        .set = MOUNT_ATTR_NODEV);
}

void compile_own_attach(struct compile *c)
{
        for (size_t i = 0; i < c->options->n_own; i++) {
                const struct runtime_own *own = &c->options->own[i];
                const char *reason = reason_of(c, own);

                if (!own->content && !c->options->filled)
                        plan_add(
                                c->plan, INIT, reason, copy_up, .tree = c->own[i], .root = c->root,
                                .path = own->target, .whole = 1, .no_devices = 1);
                forbid_devices(c, own, c->own[i], false);
                plan_add(
                        c->plan, INIT, reason, attach, .tree = c->own[i], .root = c->root,
                        .target = own->target,
                        .make = own->content ? TARGET_PLAIN_FILE : TARGET_DIRECTORY);
                forbid_devices(c, own, c->own[i], true);
        }
}

/* The volumes, and the upper layer's owner: never again, because from now on they are the program's. */
void compile_own_filled(struct compile *c)
{
        bool fills = c->options->n_overlays && c->map_root;

        for (size_t i = 0; i < c->options->n_own; i++)
                fills |= !c->options->own[i].content;
        if (fills && !c->options->filled && !c->options->visit)
                plan_add(c->plan, INIT, "[journal]", note_status, .status = "filled");
}
