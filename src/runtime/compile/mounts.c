/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the root and /mounts.
 *
 * Every mount is made detached, with its attributes already on, and attached by descriptor inside
 * the root: nothing of the container's tree is ever resolved by the host. Options are words of one
 * table; what the table does not know belongs to the filesystem and is given to it unread. proc and
 * sysfs go to real directories only (CVE-2019-19921, CVE-2023-27561). */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/mount.h>

#define ATIME_BITS MOUNT_ATTR__ATIME

static const struct {
        const char *word;
        uint64_t set, clear;
} attribute_words[] = {
        { "ro", MOUNT_ATTR_RDONLY, 0 },
        { "rw", 0, MOUNT_ATTR_RDONLY },
        { "nosuid", MOUNT_ATTR_NOSUID, 0 },
        { "suid", 0, MOUNT_ATTR_NOSUID },
        { "nodev", MOUNT_ATTR_NODEV, 0 },
        { "dev", 0, MOUNT_ATTR_NODEV },
        { "noexec", MOUNT_ATTR_NOEXEC, 0 },
        { "exec", 0, MOUNT_ATTR_NOEXEC },
        { "noatime", MOUNT_ATTR_NOATIME, 0 },
        { "atime", 0, ATIME_BITS },
        { "relatime", 0, ATIME_BITS },
        { "norelatime", 0, ATIME_BITS },
        { "strictatime", MOUNT_ATTR_STRICTATIME, 0 },
        { "nostrictatime", 0, ATIME_BITS },
        { "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
        { "diratime", 0, MOUNT_ATTR_NODIRATIME },
        { "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
        { "symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW },
};

static const struct {
        const char *word;
        PROPAGATION kind;
        bool all;
} propagation_words[] = {
        { "private", PROPAGATE_PRIVATE, false },
        { "rprivate", PROPAGATE_PRIVATE, true },
        { "slave", PROPAGATE_SLAVE, false },
        { "rslave", PROPAGATE_SLAVE, true },
        { "shared", PROPAGATE_SHARED, false },
        { "rshared", PROPAGATE_SHARED, true },
        { "unbindable", PROPAGATE_UNBINDABLE, false },
        { "runbindable", PROPAGATE_UNBINDABLE, true },
};

static bool attribute_option(struct mount_options *options, const char *word)
{
        for (int all = 0; all < 2; all++)
                for (size_t i = 0; i < ARRAY_SIZE(attribute_words); i++) {
                        if (all && word[0] != 'r')
                                break;
                        if (!text_equal(attribute_words[i].word, word + all))
                                continue;
                        if (all) {
                                options->set_all |= attribute_words[i].set;
                                options->clear_all |= attribute_words[i].clear;
                        } else {
                                options->clear &= ~attribute_words[i].set;
                                options->set &= ~attribute_words[i].clear;
                                options->set |= attribute_words[i].set;
                                options->clear |= attribute_words[i].clear;
                        }
                        return true;
                }
        return false;
}

static bool propagation_option(struct mount_options *options, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++)
                if (text_equal(propagation_words[i].word, word)) {
                        options->propagation = propagation_words[i].kind;
                        options->propagation_all = propagation_words[i].all;
                        return true;
                }
        return false;
}

int compile_mount_options(
        struct compile *c, const struct spec_mount *mount, size_t number,
        struct mount_options *ret_options)
{
        struct mount_options options = { 0 };

        options.data = arena_array(c->arena, mount->options.n + 1, sizeof *options.data);
        for (size_t i = 0; i < mount->options.n; i++) {
                const char *word = mount->options.items[i];

                if (text_equal(word, "bind") || text_equal(word, "rbind")) {
                        options.bind = true;
                        options.recursive |= word[0] == 'r';
                } else if (
                        text_equal(word, "defaults") || text_equal(word, "async") ||
                        text_equal(word, "nomand") || text_equal(word, "loud") || !*word) {
                        continue; /* what the kernel does anyhow */
                } else if (
                        text_equal(word, "idmap") || text_equal(word, "ridmap") ||
                        text_equal(word, "tmpcopyup") || text_equal(word, "remount")) {
                        return spec_error(
                                mount->at, c->document,
                                why(c, "/mounts/%zu/options/%zu", number, i),
                                "the option '%s' is not supported yet", word);
                } else if (
                        !attribute_option(&options, word) && !propagation_option(&options, word)) {
                        options.data[options.n_data++] = word;
                }
        }
        *ret_options = options;
        return 0;
}

/* -- the root ---------------------------------------------------------------------------------- */

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

static PROPAGATION propagation_kind(const char *word)
{
        for (size_t i = 0; word && i < ARRAY_SIZE(propagation_words); i++)
                if (text_equal(propagation_words[i].word, word))
                        return propagation_words[i].kind;
        return PROPAGATE_UNCHANGED;
}

int compile_root_init(struct compile *c)
{
        PROPAGATION kind = propagation_kind(c->linux_->rootfs_propagation);
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
        if (kind == PROPAGATE_SHARED || kind == PROPAGATE_UNBINDABLE)
                plan_add(
                        c->plan, INIT, "/linux/rootfsPropagation", set_mount, .tree = c->root,
                        .propagation = kind, .recursive = 1);
        return 0;
}

/* -- /mounts ------------------------------------------------------------------------------------ */

/* Attributes of a tree that is a clone of something: the kernel's default is what the source had. */
static void add_attributes(
        struct compile *c, const char *reason, FD tree, const struct mount_options *options)
{
        if (options->set || options->clear)
                plan_add(
                        c->plan, INIT, reason, set_mount, .tree = tree, .set = options->set,
                        .clear = options->clear);
        if (options->set_all || options->clear_all)
                plan_add(
                        c->plan, INIT, reason, set_mount, .tree = tree, .set = options->set_all,
                        .clear = options->clear_all, .recursive = 1);
}

static void add_propagation(
        struct compile *c, const char *reason, FD tree, const struct mount_options *options)
{
        if (options->propagation != PROPAGATE_UNCHANGED)
                plan_add(
                        c->plan, INIT, reason, set_mount, .tree = tree,
                        .propagation = options->propagation, .recursive = options->propagation_all);
}

static int add_bind(
        struct compile *c, const struct spec_mount *mount, size_t number,
        const struct mount_options *options)
{
        const char *reason = why(c, "/mounts/%zu", number);
        const char *source = mount->source;
        FD tree = plan_slot(c->plan);
        bool old = !facts_kernel(c->facts, 5, 12);

        if (!source || !*source)
                return spec_error(
                        mount->at, c->document, why(c, "%s/source", reason),
                        "missing: what is to be bound?");
        if (source[0] != '/')
                source = why(c, "%s/%s", c->options->bundle, source);
        plan_add(
                c->plan, INIT, reason, clone_tree, .dir = -1, .path = source,
                .recursive = options->recursive, .tree = tree);
        if (!old) {
                add_attributes(c, reason, tree, options);
                add_propagation(c, reason, tree, options);
        } else if (options->set_all || options->clear_all || options->propagation) {
                return spec_error(
                        mount->at, c->document, why(c, "%s/options", reason),
                        "recursive attributes and propagation of a bind mount need Linux "
                        "5.12");
        }
        plan_add(
                c->plan, INIT, reason, attach, .tree = tree, .root = c->root,
                .target = mount->destination, .make = TARGET_DIRECTORY_OR_FILE);
        if (old && options->set)
                plan_add(c->plan, INIT, reason, remount, .tree = tree, .attrs = options->set);
        return 0;
}

/* "key=value" or a flag, for a filesystem. */
static void add_data(struct compile *c, const char *reason, FD fs, const char *word)
{
        const char *equals = strchr(word, '=');

        if (equals)
                plan_add(
                        c->plan, INIT, reason, set_fs, .fs = fs,
                        .key = why(c, "%.*s", (int)(equals - word), word), .value = equals + 1);
        else
                plan_add(c->plan, INIT, reason, set_fs, .fs = fs, .key = word);
}

static FD add_new_fs(
        struct compile *c, const struct spec_mount *mount, const char *reason,
        const struct mount_options *options)
{
        FD fs = plan_slot(c->plan), tree = plan_slot(c->plan);
        bool sysfs = text_equal(mount->type, "sysfs");
        struct op *made;

        plan_add(c->plan, INIT, reason, open_fs, .type = mount->type, .fs = fs);
        if (mount->source && *mount->source)
                plan_add(
                        c->plan, INIT, reason, set_fs, .fs = fs, .key = "source",
                        .value = mount->source);
        for (size_t i = 0; i < options->n_data; i++)
                add_data(c, reason, fs, options->data[i]);
        made = plan_add(
                c->plan, INIT, reason, make_mount, .fs = fs,
                .attrs = options->set | options->set_all, .tree = tree);
        if (sysfs && c->user_namespace && !(c->new_spaces & CLONE_NEWNET)) {
                /* The kernel gives a new sysfs only to the owner of the network namespace. */
                made->has_else = true;
                plan_add(
                        c->plan, INIT, reason, clone_tree, .dir = -1, .path = "/sys",
                        .recursive = 1, .tree = tree);
                add_attributes(c, reason, tree, options);
        }
        add_propagation(c, reason, tree, options);
        return tree;
}

/* A tmpfs with a mount for each v1 hierarchy: clones of the host's mounts at our own cgroup, which
 * spare the kernel a superblock each. Made when we are in our cgroup namespace, they look as new
 * mounts would. Nobody else is in this mount namespace while the attributes are still missing. */
static void add_cgroup1_mounts(
        struct compile *c, const struct spec_mount *mount, const char *reason, uint64_t attrs,
        FD tree)
{
        bool old = !facts_kernel(c->facts, 5, 12);
        FD fs = plan_slot(c->plan);

        plan_add(c->plan, INIT, reason, open_fs, .type = "tmpfs", .fs = fs);
        plan_add(c->plan, INIT, reason, set_fs, .fs = fs, .key = "source", .value = "tmpfs");
        plan_add(c->plan, INIT, reason, set_fs, .fs = fs, .key = "mode", .value = "755");
        plan_add(
                c->plan, INIT, reason, make_mount, .fs = fs,
                .attrs = attrs & ~(uint64_t)MOUNT_ATTR_RDONLY, .tree = tree);
        plan_add(
                c->plan, INIT, reason, attach, .tree = tree, .root = c->root,
                .target = mount->destination, .make = TARGET_DIRECTORY, .strict = 1);
        for (size_t i = 0; i < c->facts->n_v1; i++) {
                const struct cgroup_hierarchy *v1 = &c->facts->v1[i];
                const char *own = text_equal(v1->own, "/") ? "" : v1->own;
                FD sub = plan_slot(c->plan);

                plan_add(
                        c->plan, INIT, reason, clone_tree, .dir = -1,
                        .path = c->n_cgroups ? compile_cgroup_path(c, v1)
                                             : why(c, "%s%s", v1->mount, own),
                        .tree = sub);
                plan_add(
                        c->plan, INIT, reason, attach, .tree = sub, .root = tree,
                        .target = strrchr(v1->mount, '/') + 1, .make = TARGET_DIRECTORY,
                        .strict = 1);
                if (old)
                        plan_add(c->plan, INIT, reason, remount, .tree = sub, .attrs = attrs);
        }
        if (old)
                plan_add(c->plan, INIT, reason, remount, .tree = tree, .attrs = attrs);
        else
                plan_add(
                        c->plan, INIT, reason, set_mount, .tree = tree, .set = attrs,
                        .propagation = PROPAGATE_PRIVATE, .recursive = 1);
}

/* A cgroup mount as the container may see it: on v2 the tree itself, on v1 a tmpfs with a mount for
 * each hierarchy. Inside a cgroup namespace the kernel shows our own cgroup as its root. */
static int add_cgroup_mount(
        struct compile *c, const struct spec_mount *mount, size_t number,
        const struct mount_options *options)
{
        const char *reason = why(c, "/mounts/%zu", number);
        FD fs, tree;

        if (c->facts->cgroup_mode == CGROUP_NONE)
                return 0;
        if (!compile_has_namespace(c, CLONE_NEWCGROUP)) {
                plan_note(
                        c->plan,
                        "%s: %s is left out: without a cgroup namespace it would show the "
                        "host's tree",
                        reason, mount->destination);
                return 0;
        }
        tree = plan_slot(c->plan);
        if (c->facts->cgroup_mode == CGROUP_V2) {
                struct op *made;

                fs = plan_slot(c->plan);
                plan_add(c->plan, INIT, reason, open_fs, .type = "cgroup2", .fs = fs);
                plan_add(
                        c->plan, INIT, reason, set_fs, .fs = fs, .key = "source",
                        .value = "cgroup");
                made = plan_add(
                        c->plan, INIT, reason, make_mount, .fs = fs, .attrs = options->set,
                        .tree = tree);
                if (c->user_namespace) {
                        made->has_else = true;
                        plan_add(
                                c->plan, INIT, reason, clone_tree, .dir = -1,
                                .path = c->facts->v2.mount, .recursive = 1, .tree = tree);
                        plan_add(
                                c->plan, INIT, reason, set_mount, .tree = tree, .set = options->set,
                                .recursive = 1);
                }
                plan_add(
                        c->plan, INIT, reason, attach, .tree = tree, .root = c->root,
                        .target = mount->destination, .make = TARGET_DIRECTORY, .strict = 1);
                return 0;
        }
        add_cgroup1_mounts(c, mount, reason, options->set, tree);
        return 0;
}

static bool same_path(const char *path, const char *other)
{
        size_t size = strlen(path);

        while (size > 1 && path[size - 1] == '/')
                size--;
        return strlen(other) == size && strncmp(path, other, size) == 0;
}

/* The destination as a plain absolute path: no empty, "." or ".." component that a check by name
 * would trip over. */
static const char *plain_path(struct compile *c, const char *path)
{
        char *plain = why(c, "/%s", path), *end = plain;

        for (const char *at = path; *at;) {
                size_t size = strcspn(at, "/");

                if (size == 2 && at[0] == '.' && at[1] == '.') {
                        while (end > plain && *--end != '/')
                                ;
                } else if (size && !(size == 1 && at[0] == '.')) {
                        *end++ = '/';
                        memcpy(end, at, size);
                        end += size;
                }
                at += size + (at[size] == '/');
        }
        if (end == plain)
                *end++ = '/';
        *end = '\0';
        return plain;
}

/* Labels and limits of processes are set through /proc: nothing else may pose as it. The host's own
 * procfs is bound by who shares the host's pid namespace. */
static int check_destination(
        struct compile *c, const struct spec_mount *mount, size_t number, bool bind)
{
        bool inside_proc = text_starts(mount->destination, "/proc/");
        bool is_proc = text_equal(mount->destination, "/proc");
        bool fits = bind ? mount->source && same_path(mount->source, "/proc")
                         : text_equal(mount->type, "proc");

        if (is_proc && !fits)
                return spec_error(
                        mount->at, c->document, why(c, "/mounts/%zu/destination", number),
                        "only a proc file system may lie on /proc: a container's labels "
                        "and limits are set through it");
        if (inside_proc) {
                static const char *const allowed[] = {
                        "cpuinfo", "diskstats", "meminfo",
                        "stat",    "swaps",     "uptime",
                        "loadavg", "slabinfo",  "sys/kernel/ns_last_pid",
                        "net/dev"
                };

                for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
                        if (same_path(mount->destination + 6, allowed[i]))
                                return 0;
                return spec_error(
                        mount->at, c->document, why(c, "/mounts/%zu/destination", number),
                        "%s is inside /proc: refused, but for the files that lxcfs gives",
                        mount->destination);
        }
        return 0;
}

static int add_mount(struct compile *c, size_t number)
{
        struct spec_mount copy = c->spec->mounts.items[number], *mount = &copy;
        const char *reason = why(c, "/mounts/%zu", number);
        struct mount_options options;
        bool bind, proc = text_equal(mount->type, "proc"), in_dev;
        FD tree;
        int r = compile_mount_options(c, mount, number, &options);

        if (r < 0)
                return r;
        copy.destination = plain_path(c, copy.destination);
        bind = options.bind || text_equal(mount->type, "bind");
        r = check_destination(c, mount, number, bind);
        if (r < 0)
                return r;
        if (bind)
                return add_bind(c, mount, number, &options);
        if (!mount->type || !*mount->type || text_equal(mount->type, "none"))
                return spec_error(
                        mount->at, c->document, why(c, "%s/type", reason),
                        "missing: it is no bind mount, so what file system is it?");
        if (text_equal(mount->type, "cgroup") || text_equal(mount->type, "cgroup2"))
                return add_cgroup_mount(c, mount, number, &options);
        tree = add_new_fs(c, mount, reason, &options);
        in_dev = c->dev >= 0 && text_starts(mount->destination, "/dev/") &&
                 !strchr(mount->destination + 5, '/');
        plan_add(
                c->plan, INIT, reason, attach, .tree = tree, .root = in_dev ? c->dev : c->root,
                .target = mount->destination + (in_dev ? 5 : 0), .make = TARGET_DIRECTORY,
                .strict = proc || text_equal(mount->type, "sysfs") ||
                          same_path(mount->destination, "/dev"));
        if (proc && c->proc < 0)
                c->proc = tree;
        if (same_path(mount->destination, "/dev"))
                c->dev = tree;
        if (text_equal(mount->type, "devpts") && same_path(mount->destination, "/dev/pts"))
                c->devpts = tree;
        return 0;
}

int compile_mounts(struct compile *c)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                int r = add_mount(c, i);

                if (r < 0)
                        return r;
        }
        return 0;
}
