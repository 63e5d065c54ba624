/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk mount` and `umount`, of containers and of images. Options and answers are podman's: of one
 * name the path alone, of several a line each, and without a name what is mounted. */
#include "commands.h"
#include "report.h"

#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct mount_request, kind, field, __VA_ARGS__)

typedef int list_function(
        const struct mount_request *request, struct arena *arena, struct mount_info **ret_list,
        size_t *ret_n);
typedef int mount_function(
        const struct mount_request *request, struct arena *arena, struct mount_info *ret_info);
typedef int umount_function(const struct mount_request *request);

struct kind {
        list_function *mounted;
        mount_function *mount;
        umount_function *umount;
};

static const struct kind container = { engine_mounts, engine_mount, engine_umount };
static const struct kind image = { engine_image_mounts, engine_image_mount, engine_image_umount };

static const struct column container_columns[] = {
        { "ID", "id", COLUMN_ID, offsetof(struct mount_info, id), false },
        { "MOUNTPOINT", "mountpoint", COLUMN_TEXT, offsetof(struct mount_info, path), false },
};
static const struct column image_columns[] = {
        { "ID", "id", COLUMN_ID, offsetof(struct mount_info, id), false },
        { "", "Repositories", COLUMN_JSON, offsetof(struct mount_info, repositories), false },
        { "MOUNTPOINT", "mountpoint", COLUMN_TEXT, offsetof(struct mount_info, path), false },
};

/* Ids without the name of their hash, as podman has them. */
static int put_list(struct invocation *in, struct mount_info *list, size_t n)
{
        const struct mount_request *request = in->request;
        const bool images = request->images;
        struct table table = {
                .columns = images ? image_columns : container_columns,
                .n_columns = images ? ARRAY_SIZE(image_columns) : ARRAY_SIZE(container_columns),
                .rows = list,
                .n_rows = n,
                .row_size = sizeof *list,
                .format = request->format,
                .no_trunc = request->no_trunc || text_equal(request->format, "json"),
                .no_titles = true,
                .json_array = true,
        };
        struct text out = { .arena = in->arena };

        for (size_t i = 0; i < n; i++)
                if (text_starts(list[i].id, "sha256:"))
                        list[i].id += sizeof "sha256:" - 1;
        return cli_finish_text(cli_table_put(&out, &table), &out);
}

static int fail(struct invocation *in)
{
        cli_report(in);
        in->exit = in->command->error_exit;
        return 0;
}

/* With --all: those that there are. */
static int all_containers(struct invocation *in, struct words *ret)
{
        const struct mount_request *request = in->request;
        const struct ps_request ps = { .engine = request->engine, .all = true };
        struct container_info *list;
        size_t n;
        int r = engine_ps(&ps, in->arena, &list, &n);

        if (r < 0)
                return r;
        *ret = (struct words){ arena_array(in->arena, n + 1, sizeof *ret->items), 0 };
        for (size_t i = 0; i < n; i++)
                ret->items[ret->n++] = list[i].id;
        return 0;
}

static int all_images(struct invocation *in, struct words *ret)
{
        const struct mount_request *request = in->request;
        const struct images_request images = { .engine = request->engine };
        struct image_info *list;
        size_t n;
        int r = engine_images(&images, in->arena, &list, &n);

        if (r < 0)
                return r;
        *ret = (struct words){ arena_array(in->arena, n + 1, sizeof *ret->items), 0 };
        for (size_t i = 0; i < n; i++)
                if (*list[i].id)
                        ret->items[ret->n++] = list[i].id;
        return 0;
}

static int choose(struct invocation *in, struct words *ret)
{
        const struct mount_request *request = in->request;

        *ret = request->names;
        if (request->all && request->names.n)
                return trail(-EINVAL, "--all needs no names");
        if (!request->all)
                return 0;
        return request->images ? all_images(in, ret) : all_containers(in, ret);
}

static int mount_all(struct invocation *in, const struct kind *kind, const struct words *names)
{
        struct mount_request *request = in->request;
        struct mount_info *list = arena_array(in->arena, names->n + 1, sizeof *list);
        struct text out = { .arena = in->arena };
        size_t n = 0;

        for (size_t i = 0; i < names->n; i++) {
                const char *only[] = { names->items[i], NULL };

                request->names = (struct words){ only, 1 };
                list[n] = (struct mount_info){ 0 };
                if (kind->mount(request, in->arena, &list[n]) < 0)
                        fail(in);
                else
                        n++;
        }
        if (names->n != 1 || request->all || request->format)
                return put_list(in, list, n);
        for (size_t i = 0; i < n; i++)
                text_addf(&out, "%s\n", list[i].path);
        return cli_finish_text(0, &out);
}

static int run_mount_of(struct invocation *in, const struct kind *kind)
{
        struct mount_request *request = in->request;
        struct mount_info *list = NULL;
        struct words names;
        size_t n;
        int r = choose(in, &names);

        if (r < 0)
                return r;
        if (names.n)
                return mount_all(in, kind, &names);
        r = kind->mounted(request, in->arena, &list, &n);
        return r < 0 ? r : put_list(in, list, n);
}

static int umount_container(struct invocation *in)
{
        return container.umount(in->request);
}

static int umount_image(struct invocation *in)
{
        return image.umount(in->request);
}

static int run_umount_of(struct invocation *in, const struct kind *kind)
{
        struct mount_request *request = in->request;
        struct mount_info *list = NULL;
        size_t n;
        int r = choose(in, &request->names);

        request->clear = true;
        if (r < 0)
                return r;
        if (request->all) {
                r = kind->mounted(request, in->arena, &list, &n);
                if (r < 0)
                        return r;
                request->names.n = 0;
                for (size_t i = 0; i < n; i++)
                        request->names.items[request->names.n++] = list[i].id;
        } else if (request->names.n == 0) {
                return trail(-EINVAL, "a name is missing: which is it, or --all");
        }
        return cli_each_name(in, &request->names, kind == &image ? umount_image : umount_container);
}

static int run_mount(struct invocation *in)
{
        return run_mount_of(in, &container);
}

static int run_umount(struct invocation *in)
{
        return run_umount_of(in, &container);
}

static int run_image_mount(struct invocation *in)
{
        ((struct mount_request *)in->request)->images = true;
        return run_mount_of(in, &image);
}

static int run_image_umount(struct invocation *in)
{
        ((struct mount_request *)in->request)->images = true;
        return run_umount_of(in, &image);
}

/* -- the commands ----------------------------------------------------------------------------------------- */

static const struct option mount_options[] = {
        ROW(FLAG, all, 'a', "all", "", "mount all that there are"),
        ROW(TEXT, format, 0, "format", "FORMAT", "json, or a template such as '{{.mountpoint}}'",
            .values = "json"),
        ROW(FLAG, no_trunc, 0, "no-trunc", "", "do not shorten ids"),
        OPTIONS_END,
};

static const struct option umount_options[] = {
        ROW(FLAG, all, 'a', "all", "", "all that are mounted"),
        ROW(FLAG, force, 'f', "force", "", "although somebody uses the files"),
        OPTIONS_END,
};

static const struct option container_operands[] = {
        OPERAND(struct mount_request, TEXTS, names, "CONTAINER", "names or ids",
                .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct option image_operands[] = {
        OPERAND(struct mount_request, TEXTS, names, "IMAGE", "names or ids",
                .complete = COMPLETE_IMAGE),
        OPTIONS_END,
};

static const struct example mount_examples[] = {
        { "husk mount web", "its files, at the path that is printed" },
        { "husk mount", "what is mounted" },
        { "husk unshare sh -c 'cat $(husk mount web)/etc/passwd'", "as an ordinary user" },
        { "", "" },
};

const struct command cli_cmd_mount = {
        .name = "mount",
        .summary = "Show the root of containers at a path",
        .description =
                "Mount the root of containers, without volumes, and print where; without a name "
                "list what is mounted. What is written there is written in the container. One that "
                "has a directory as its root lies there already. A second mount of the same is the "
                "first. It goes with `husk umount`, and with the container.\n\nSet-id programs and "
                "devices of the container have no effect there. An ordinary user mounts in `husk "
                "unshare`; the files of one that runs can only be read then.",
        .examples = mount_examples,
        .options = { mount_options },
        .operands = container_operands,
        .request_size = sizeof(struct mount_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .enters = true,
        .run = run_mount,
};

static const struct example umount_examples[] = {
        { "husk umount web", "the container stays" },
        { "husk umount -a", "whatever is mounted" },
        { "", "" },
};

const struct command cli_cmd_umount = {
        .name = "umount",
        .alias = "unmount",
        .summary = "Take away what husk mount has shown",
        .description = "One that is not mounted is no error. What somebody has open there is "
                       "unmounted with --force only, and goes when that is closed.",
        .examples = umount_examples,
        .options = { umount_options },
        .operands = container_operands,
        .request_size = sizeof(struct mount_request),
        .group = GROUP_MANAGE,
        .error_exit = 1,
        .run = run_umount,
};

static const struct example image_mount_examples[] = {
        { "husk image mount alpine", "its files, at the path that is printed" },
        { "husk image mount --format json", "what is mounted" },
        { "", "" },
};

const struct command cli_cmd_image_mount = {
        .name = "image mount",
        .summary = "Show the files of images at a path",
        .description =
                "Mount the layers of images on top of each other, to be read, and print where; "
                "without a name list what is mounted. An image that is mounted is not removed "
                "without --force. An ordinary user mounts in `husk unshare`.",
        .examples = image_mount_examples,
        .options = { mount_options },
        .operands = image_operands,
        .request_size = sizeof(struct mount_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_image_mount,
};

static const struct example image_umount_examples[] = {
        { "husk image unmount alpine", "the image stays" },
        { "", "" },
};

const struct command cli_cmd_image_umount = {
        .name = "image unmount",
        .summary = "Take away what husk image mount has shown",
        .examples = image_umount_examples,
        .options = { umount_options },
        .operands = image_operands,
        .request_size = sizeof(struct mount_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = run_image_umount,
};
