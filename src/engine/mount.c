/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk mount`, `umount`, and the same of images: files shown at a path of the host.
 *
 * A container's root is shown as the container has it, one mount in two places: of one that runs a clone of its own,
 * of one that does not that of a visit (site.c), which a later start takes as its root in turn. So there are never
 * two overlays of one upper layer. Where the container's mounts cannot be reached, in `husk unshare`, whose rights
 * end beside the container's namespace, its layers are shown once more, to be read. An image is an overlay of its
 * layers without an upper one.
 *
 * Neither set-id programs nor devices of what is shown have any effect; programs can be executed, since those who
 * mount a root like to chroot(8) there. */
#include "image.h"
#include "place.h"
#include "site.h"

#include <fcntl.h>
#include <unistd.h>

#include <linux/mount.h>
#include <sys/mount.h>

static int check_rights(const struct mount_request *request)
{
        if (geteuid() == 0)
                return 0;
        trail_hint("husk unshare gives you a shell that can");
        return trail(
                -EPERM, "an ordinary user cannot %s",
                request->clear ? "unmount" : "mount anything");
}

/* -- containers ------------------------------------------------------------------------------------------- */

/* The root of its mounts, without what is mounted there. */
static int borrow(struct arena *arena, struct container *container, bool unshared)
{
        static const struct mount_change change = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                                    .clear = MOUNT_ATTR_RDONLY,
                                                    .propagation = MS_PRIVATE };
        struct site site = SITE_NONE;
        int r, tree;

        site.container = *container;
        site.unshared = unshared;
        r = site_reach(arena, &site);
        if (r == 0) {
                r = tree = mount_borrow_root(site.process, &change);
                if (r >= 0 && file_magic(tree) != MAGIC_OVERLAY) {
                        file_close(&tree);
                        r = -EMEDIUMTYPE;
                }
                if (r < 0)
                        trail(r, "cannot get at the root of container '%.12s': %s", container->id,
                              r == -EMEDIUMTYPE ? "it has put another one in its place"
                                                : text_errno(r));
        }
        *container = site.container;
        site.container.dir = site.container.journal = NO_FD;
        site_leave(&site);
        return r;
}

static int view_layers(struct arena *arena, const struct runtime_overlay *overlay)
{
        const char **layers = arena_array(arena, overlay->lower.n + 1, sizeof *layers);

        trail_warn("it runs, so its files can only be read here");
        layers[0] = overlay->upper;
        for (size_t i = 0; i < overlay->lower.n; i++)
                layers[i + 1] = overlay->lower.items[i];
        return layers_mount(arena, layers, overlay->lower.n + 1, NULL, true);
}

static int show(
        struct arena *arena, const struct mount_request *request, struct container *container,
        const char **ret_path)
{
        auto_close tree = NO_FD;
        struct record record;
        int r;

        record_decode(arena, container, &record);
        if (record.n_overlays == 0) {
                *ret_path = container->rootfs; /* it lies there */
                return 0;
        }
        if (record.mount_program) {
                trail_hint("husk cp copies files out of it and into it");
                return trail(
                        -EOPNOTSUPP,
                        "the root of container '%s' is served by %s, which ends with "
                        "the container: it cannot be shown at a path",
                        request->names.items[0], record.mount_program);
        }
        r = place_of_container(arena, container, ret_path);
        if (r < 0 || *ret_path)
                return r;
        if (request->engine.unshared && container->status != CONTAINER_STOPPED)
                tree = view_layers(arena, record.overlays);
        else
                tree = borrow(arena, container, request->engine.unshared);
        if (tree < 0)
                return tree;
        *ret_path = container_merged(arena, container->root, container->id);
        return place_attach(*ret_path, tree);
}

int engine_mount(
        const struct mount_request *request, struct arena *arena, struct mount_info *ret_info)
{
        struct container container;
        int r = check_rights(request);

        if (r == 0)
                r = store_open(arena, &request->engine, request->names.items[0], true, &container);
        if (r < 0)
                return r;
        r = show(arena, request, &container, &ret_info->path);
        ret_info->id = arena_string(arena, container.id);
        container_close(&container);
        return r;
}

/* One that was to be removed at its end, which its keeper could not do. */
static int remove_ended(struct arena *arena, struct container *container)
{
        struct record record;

        record_decode(arena, container, &record);
        if (!record.remove || container->status != CONTAINER_STOPPED || !container->has_exit)
                return 0;
        return container_remove(arena, container);
}

int engine_umount(const struct mount_request *request)
{
        const char *name = request->names.items[0], *path;
        auto_arena arena = { 0 };
        struct container container;
        int r = check_rights(request);

        if (r == 0)
                r = store_open(&arena, &request->engine, name, true, &container);
        if (r < 0)
                return r;
        r = place_of_container(&arena, &container, &path);
        if (r == 0 && path)
                r = place_clear(path, request->force);
        if (r == 0)
                r = remove_ended(&arena, &container);
        container_close(&container);
        return r;
}

int engine_mounts(
        const struct mount_request *request, struct arena *arena, struct mount_info **ret_list,
        size_t *ret_n)
{
        const char *containers = store_containers(arena, &request->engine);
        const char **ids;
        size_t n;
        int r = container_list(arena, containers, &ids, &n);

        *ret_n = 0;
        if (r < 0)
                return r;
        *ret_list = arena_array(arena, n + 1, sizeof **ret_list);
        for (size_t i = 0; i < n; i++) {
                const char *path = container_merged(arena, containers, ids[i]);

                if (mount_is_root(AT_FDCWD, path))
                        (*ret_list)[(*ret_n)++] = (struct mount_info){ .id = ids[i], .path = path };
        }
        return 0;
}

/* -- images ----------------------------------------------------------------------------------------------- */

/* Of one layer alone there is no overlay: the place itself, empty, is below it. */
static int show_image(struct arena *arena, const struct engine_image *image, const char *path)
{
        const char **layers = image_layers_down(arena, image, image->n_layers);
        auto_close tree = NO_FD;
        int r = file_make_dirs(path, 0700);

        if (r < 0)
                return trail(r, "cannot make %s: %s", path, text_errno(r));
        tree = layers_mount(arena, layers, image->n_layers, path, true);
        return tree < 0 ? tree : place_attach(path, tree);
}

int engine_image_mount(
        const struct mount_request *request, struct arena *arena, struct mount_info *ret_info)
{
        struct engine_image image = { .hold = NO_FD };
        int r = check_rights(request);

        if (r == 0)
                r = image_open(arena, &request->engine, request->names.items[0], NULL, &image);
        if (r < 0)
                return r;
        ret_info->id = image.id;
        ret_info->path = place_of_image(arena, &request->engine, image.id);
        r = place_look(arena, ret_info->path);
        if (r == 0 && image.n_layers == 0)
                r = trail(-EINVAL, "the image has no layers");
        if (r == 0) {
                r = show_image(arena, &image, ret_info->path);
                if (r < 0)
                        (void)file_remove(AT_FDCWD, ret_info->path, AT_REMOVEDIR);
        }
        file_close(&image.hold);
        return r < 0 ? r : 0;
}

int engine_image_umount(const struct mount_request *request)
{
        auto_arena arena = { 0 };
        struct engine_image image = { .hold = NO_FD };
        const char *path;
        int r = check_rights(request);

        if (r == 0)
                r = image_open(&arena, &request->engine, request->names.items[0], NULL, &image);
        if (r < 0)
                return r;
        path = place_of_image(&arena, &request->engine, image.id);
        r = place_look(&arena, path);
        if (r > 0)
                r = place_clear(path, request->force);
        file_close(&image.hold);
        return r;
}

static const char *names_of(
        struct arena *arena, const struct image_info *images, size_t n, const char *id)
{
        struct text names = { .arena = arena };
        size_t found = 0;

        text_add(&names, "[");
        for (size_t i = 0; i < n; i++)
                if (text_equal(images[i].id, id) && !text_equal(images[i].tag, "<none>")) {
                        text_add(&names, found++ ? "," : "");
                        text_add_json(&names, images[i].name);
                }
        text_add(&names, "]");
        return text_string(&names);
}

int engine_image_mounts(
        const struct mount_request *request, struct arena *arena, struct mount_info **ret_list,
        size_t *ret_n)
{
        const struct images_request all = { .engine = request->engine };
        struct image_info *images;
        size_t n;
        int r = engine_images(&all, arena, &images, &n);

        *ret_n = 0;
        if (r < 0)
                return r;
        *ret_list = arena_array(arena, n + 1, sizeof **ret_list);
        for (size_t i = 0; i < n; i++) {
                const char *path;
                bool known = !*images[i].id;

                for (size_t k = 0; k < *ret_n && !known; k++)
                        known = text_equal((*ret_list)[k].id, images[i].id);
                if (known)
                        continue;
                path = place_of_image(arena, &request->engine, images[i].id);
                if (mount_is_root(AT_FDCWD, path))
                        (*ret_list)[(*ret_n)++] = (struct mount_info){
                                .id = images[i].id,
                                .path = path,
                                .repositories = names_of(arena, images, n, images[i].id),
                        };
        }
        return 0;
}
