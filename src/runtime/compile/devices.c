/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/devices, the default devices and links, the terminal.
 *
 * Nodes are made in the /dev that was mounted for the container; where mknod is
 * refused, as in a user namespace, the host's node is bound instead. A root without a mount of our own on /dev gets its
 * nodes below the root, resolved inside it, and never through a symbolic link to the host
 * (CVE-2026-41579). The links are those of config-linux.md, "Default Devices", and what every
 * engine adds. */
#include "compile.h"

#include <string.h>

static const struct {
        const char *name;
        uint32_t major, minor;
} default_devices[] = {
        { "null", 1, 3 }, { "zero", 1, 5 },   { "full", 1, 7 },
        { "tty", 5, 0 },  { "random", 1, 8 }, { "urandom", 1, 9 },
};

static const struct {
        const char *name, *target;
} links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
        { "ptmx", "pts/ptmx" },          { "core", "/proc/kcore" },
};

/* Where "/dev/NAME" is made: in our mount by its name, else below the root. */
static FD place(struct compile *c, const char *path, const char **ret_path)
{
        if (c->dev >= 0 && text_starts(path, "/dev/")) {
                *ret_path = path + 5;
                return c->dev;
        }
        *ret_path = path;
        return c->root;
}

struct node {
        const char *path;
        DEVICE device;
        MODE mode;
        uint32_t uid, gid;
};

/* mknod(2) asks for CAP_MKNOD in the first user namespace. */
static bool may_make(const struct compile *c)
{
        return !c->user_namespace && !c->facts->in_user_namespace &&
               facts_capable(c->facts, 27 /* CAP_MKNOD */);
}

static void add_node(struct compile *c, const char *reason, const struct node *node)
{
        const char *path;
        FD dir = place(c, node->path, &path);

        if (node->device.type != 'p' && !may_make(c)) {
                FD tree = plan_slot(c->plan);

                plan_add(
                        c->plan, INIT, reason, clone_tree, .dir = -1, .path = node->path,
                        .tree = tree);
                plan_add(
                        c->plan, INIT, reason, attach, .tree = tree, .root = dir, .target = path,
                        .make = TARGET_FILE);
                return;
        }
        plan_add(
                c->plan, INIT, reason, make_node, .dir = dir, .path = path, .mode = node->mode,
                .device = node->device, .uid = node->uid, .gid = node->gid);
}

static bool is_listed(const struct compile *c, const char *path)
{
        for (size_t i = 0; i < c->linux_->devices.n; i++)
                if (text_equal(c->linux_->devices.items[i].path, path))
                        return true;
        return false;
}

/* /dev bound from the host has its nodes already. */
static bool dev_is_bound(const struct compile *c)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                const struct spec_mount *mount = &c->spec->mounts.items[i];

                if (!text_equal(mount->destination, "/dev"))
                        continue;
                for (size_t k = 0; k < mount->options.n; k++)
                        if (text_equal(mount->options.items[k], "bind") ||
                            text_equal(mount->options.items[k], "rbind"))
                                return true;
                return text_equal(mount->type, "bind");
        }
        return false;
}

int compile_devices(struct compile *c)
{
        if (dev_is_bound(c) || c->options->visit)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
                struct node node = {
                        .path = why(c, "/dev/%s", default_devices[i].name),
                        .device = { .major = default_devices[i].major,
                                    .minor = default_devices[i].minor,
                                    .type = 'c' },
                        .mode = 0666,
                };

                if (!is_listed(c, node.path))
                        add_node(c, "[default device]", &node);
        }
        for (size_t i = 0; i < c->linux_->devices.n; i++) {
                const struct spec_device *device = &c->linux_->devices.items[i];
                struct node node = {
                        .path = device->path,
                        .device = { .major = (uint32_t)device->major,
                                    .minor = (uint32_t)device->minor,
                                    .type = device->type[0] == 'u' ? 'c' : device->type[0] },
                        .mode = device->file_mode.set ? device->file_mode.value & 07777 : 0666,
                        .uid = device->uid.value,
                        .gid = device->gid.value,
                };

                if (device->path[0] != '/')
                        return spec_error(
                                device->at, c->document, why(c, "/linux/devices/%zu/path", i),
                                "'%s' is not an absolute path", device->path);
                /* Read as 0: a document says so, or means another device. */
                if (device->type[0] != 'p' && device->at &&
                    (!json_member(device->at, "major") || !json_member(device->at, "minor")))
                        return spec_error(
                                device->at, c->document, why(c, "/linux/devices/%zu", i),
                                "a device of type '%s' needs major and minor", device->type);
                add_node(c, why(c, "/linux/devices/%zu", i), &node);
        }
        for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
                const char *path;
                FD dir = place(c, why(c, "/dev/%s", links[i].name), &path);

                plan_add(
                        c->plan, INIT, "[default link]", make_link, .dir = dir, .path = path,
                        .target = links[i].target);
        }
        return 0;
}

/* A pty of the container's own devpts: its master goes to the host, its slave to the program and,
 * as a bind mount, to /dev/console. */
int compile_terminal(struct compile *c)
{
        const struct spec_console_size *size = c->process->console_size;
        FD master, slave, console;

        if (!c->process->terminal)
                return 0;
        if (c->root >= 0 && c->devpts < 0)
                return spec_error(
                        c->process->at, c->document, "/process/terminal",
                        "a terminal needs a devpts mount at /dev/pts");
        if (c->root < 0) {
                /* exec: the container's devpts by name; the door checks that it is one. */
                c->devpts = plan_slot(c->plan);
                plan_add(
                        c->plan, INIT, "/process/terminal", open_path, .path = "/dev/pts",
                        .fd = c->devpts);
        }
        master = plan_slot(c->plan);
        slave = plan_slot(c->plan);
        plan_add(
                c->plan, INIT, "/process/terminal", open_terminal, .devpts = c->devpts,
                .rows = c->options->rows ? c->options->rows
                      : size             ? size->height
                                         : 0,
                .columns = c->options->columns ? c->options->columns
                         : size                ? size->width
                                               : 0,
                .uid = c->process->user ? c->process->user->uid : 0, .master = master,
                .slave = slave);
        if (c->root >= 0) {
                const char *path;
                FD dir = place(c, "/dev/console", &path);

                console = plan_slot(c->plan);
                plan_add(
                        c->plan, INIT, "/process/terminal", clone_tree, .dir = slave, .path = "",
                        .tree = console);
                plan_add(
                        c->plan, INIT, "/process/terminal", attach, .tree = console, .root = dir,
                        .target = path, .make = TARGET_FILE, .strict = 1);
        }
        plan_add(c->plan, INIT, "/process/terminal", send_fd, .fd = master);
        plan_add(c->plan, INIT, "/process/terminal", close_fd, .fd = master);
        c->slave = slave;
        if (!c->entry)
                compile_session(c);
        return 0;
}
