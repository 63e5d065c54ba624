/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk export`: a container's whole root as a tar file. Its layers are put on top of each other
 * by overlayfs, in a mount of our own that nobody can write to or find, and read there by tar_tree(). What is mounted
 * in the container is no part of that. Of a container with a user namespace the lower layers have its ids, being mapped
 * when it runs, and the upper one the host's: what comes from there is looked up by its name. An ordinary user does it in a user namespace of the ids of its layers. */
#include "image.h"
#include "place.h"
#include "runtime/runtime.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/sched.h>

struct export
{
        const struct runtime_overlay *overlay; /* NULL: a directory */
        const char *rootfs;
        int fd;
        bool user;           /* in a user namespace */
        struct tar_ids *ids; /* whose files they are (image_container_ids()) */
        int upper;           /* directory of the upper layer; NO_FD: there is none */
};

static bool is_of_upper(void *context, const char *path)
{
        const struct export *export = context;
        auto_close there = file_open_strict(export->upper, path, O_PATH);

        return there >= 0;
}

/* The upper layer is one to be read, too. */
static int open_overlay(const struct runtime_overlay *overlay)
{
        auto_arena arena = { 0 };
        const char **layers = arena_array(&arena, overlay->lower.n + 1, sizeof *layers);

        layers[0] = overlay->upper;
        for (size_t i = 0; i < overlay->lower.n; i++)
                layers[i + 1] = overlay->lower.items[i];
        return layers_mount(&arena, layers, overlay->lower.n + 1, NULL, false);
}

static int write_all(void *context, void *ret)
{
        static struct tar_writer writer;
        const struct export *export = context;
        const struct tar_tree_options options = { .ids = export->ids };
        auto_close root = NO_FD;
        int r;

        (void)ret;
        r = export->user ? namespace_unshare(CLONE_NEWNS) : 0;

        if (r < 0)
                return trail(r, "cannot make a mount namespace: %s", text_errno(r));
        root = export->overlay ? open_overlay(export->overlay)
                               : file_open(AT_FDCWD, export->rootfs, O_PATH | O_DIRECTORY, 0);
        if (root < 0)
                return export->overlay
                             ? root
                             : trail(root, "cannot open %s: %s", export->rootfs, text_errno(root));
        tar_writer_begin(&writer, export->fd);
        r = tar_tree(&writer, root, ".", "", &options);
        if (r == 0 && (r = tar_writer_end(&writer, NULL)) < 0)
                trail(r, "cannot write the archive: %s", text_errno(r));
        tar_writer_free(&writer);
        return r;
}

static int choose(struct arena *arena, const struct export_request *request, struct export *export)
{
        struct container container;
        const struct spec *spec;
        struct record record;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        record_decode(arena, &container, &record);
        export->rootfs = container.rootfs;
        r = container_spec(arena, &container, &spec);
        container_close(&container);
        if (r == 0)
                r = image_container_ids(arena, request->container, spec, &export->ids);
        if (r < 0)
                return r;
        if (record.n_overlays && !record.image_id) {
                trail_hint("husk diff shows what it has changed of this system");
                return trail(
                        -EINVAL, "container '%s' is made of this very system, which is no image",
                        request->container);
        }
        if (record.mount_program) {
                trail_hint("husk commit makes an image of it, and husk save an archive of that");
                return trail(
                        -EOPNOTSUPP,
                        "the root of container '%s' is served by %s: the kernel cannot "
                        "put its layers on top of each other",
                        request->container, record.mount_program);
        }
        if (record.n_overlays)
                export->overlay = record.overlays;
        else if (record.map_root) /* a directory whose files have the container's ids */
                export->ids = NULL;
        if (!export->ids || !export->overlay)
                return 0;
        export->upper = file_open(AT_FDCWD, export->overlay->upper, O_PATH | O_DIRECTORY, 0);
        export->ids->of_host = is_of_upper;
        export->ids->context = export;
        return export->upper < 0 ? trail(export->upper, "cannot open the layer %s: %s",
                                         export->overlay->upper, text_errno(export->upper))
                                 : 0;
}

static int write_to(void *context)
{
        struct export *export = context;
        auto_arena arena = { 0 };
        const struct idmap *map = image_ids(&arena);

        export->user = map != NULL;
        return inside_run(map, write_all, export, NULL, 0);
}

int engine_export(const struct export_request *request)
{
        auto_arena arena = { 0 };
        struct export export = { .fd = STDOUT_FILENO, .upper = NO_FD };
        int r = choose(&arena, request, &export);

        if (r == 0)
                r = request->output
                          ? image_write_file(&arena, request->output, &export.fd, write_to, &export)
                          : write_to(&export);
        file_close(&export.upper);
        return r;
}
