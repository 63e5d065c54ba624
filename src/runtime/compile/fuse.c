/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a root that a program serves, where the kernel mounts no overlay for an ordinary user.
 *
 * The first process mounts a file system of type fuse and hands its /dev/fuse to the host's side, which starts the
 * program once the journal knows the process. The program is in a user namespace with the container's ids that is not
 * the container's, so that no right in the container is one over it. docs/adr/0026 has the reasons. */
#include "compile.h"

#include <string.h>

#include <linux/mount.h>

enum {
        OPTIONS_MAX =
                32 * 4096 - 64, /* one argument of execve(2), and the words between the paths */
};

/* It takes its layers as an option, in which these separate. */
static int check_path(const char *path, size_t *size)
{
        *size += strlen(path) + 1;
        if (!strpbrk(path, ":,\\"))
                return 0;
        trail_hint("give --root on a directory without ':', ',' and '\\' in its path");
        return trail(-EINVAL, "fuse-overlayfs cannot be told of the layer %s", path);
}

static int check_overlay(const struct runtime_overlay *overlay)
{
        size_t size = 0;
        int r = check_path(overlay->upper, &size);

        if (r == 0)
                r = check_path(overlay->work, &size);
        for (size_t i = 0; r == 0 && i < overlay->lower.n; i++) {
                r = check_path(overlay->lower.items[i], &size);
                if (r == 0 && runtime_is_image(overlay->lower.items[i])) {
                        trail_hint("pull the image again, to have it in directories");
                        r =
                                trail(-EOPNOTSUPP,
                                      "%s: only the kernel has a layer that is kept as an image",
                                      overlay->lower.items[i]);
                }
        }
        if (r == 0 && size > OPTIONS_MAX)
                return trail(
                        -E2BIG,
                        "the paths of the root's %zu layers are longer than an argument of "
                        "fuse-overlayfs may be",
                        overlay->lower.n);
        return r;
}

int compile_served_host(struct compile *c)
{
        for (size_t i = 0; i < c->options->n_overlays; i++) {
                const struct runtime_overlay *overlay = &c->options->overlays[i];
                int r = overlay->read_only ? 0 : check_overlay(overlay);

                if (r < 0)
                        return r;
        }
        if (c->user_namespace)
                c->served = compile_idmap(c, "/root/path", NULL);
        return 0;
}

void compile_served_mount(struct compile *c, const char *reason, FD tree)
{
        FD fs = plan_slot(c->plan), fuse = plan_slot(c->plan);

        const struct {
                const char *key, *value;
        } options[] = {
                { "source", "husk" },
                { "subtype", "fuse-overlayfs" },
                { "rootmode", "40755" },
                { "user_id", why(c, "%u", c->ids.uid) },
                { "group_id", why(c, "%u", c->ids.gid) },
                /* The kernel checks modes and owners, for everybody in the container's user namespace. */
                { "default_permissions", NULL },
                { "allow_other", NULL },
        };

        plan_add(c->plan, INIT, reason, open_fs, .type = "fuse", .fs = fs);
        plan_add(c->plan, INIT, reason, open_fuse, .fs = fs, .fuse = fuse);
        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                plan_add(
                        c->plan, INIT, reason, set_fs, .fs = fs, .key = options[i].key,
                        .value = options[i].value);
        compile_mount_label(c, INIT, "fuse", fs);
        plan_add(
                c->plan, INIT, reason, make_mount, .fs = fs, .attrs = MOUNT_ATTR_NODEV,
                .tree = tree);
        plan_add(c->plan, INIT, reason, send_fd, .fd = fuse);
        plan_add(c->plan, INIT, reason, close_fd, .fd = fuse);
}

void compile_serve(struct compile *c)
{
        if (!c->options->mount_program || compile_joins_root(c))
                return;
        for (size_t i = 0; i < c->options->n_overlays; i++) {
                const struct runtime_overlay *overlay = &c->options->overlays[i];

                if (!overlay->read_only)
                        plan_add(
                                c->plan, HOST, compile_overlay_reason(c, overlay), serve_overlay,
                                .ns = c->served, .program = c->options->mount_program,
                                .lower = overlay->lower, .upper = overlay->upper,
                                .work = overlay->work);
        }
}
