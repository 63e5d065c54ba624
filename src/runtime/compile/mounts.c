/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /mounts.
 *
 * Every mount is made detached, with its attributes already on, and attached by descriptor inside
 * the root: nothing of the container's tree is ever resolved by the host. proc and sysfs go to real
 * directories only (CVE-2019-19921, CVE-2023-27561).
 *
 * Most trees are made by the container's first process. Three kinds are made by the host's side and
 * inherited: those with mapped ids, for which the kernel wants the owner of the file system, those of
 * another container (borrow.c), and those that share with the host, whose peers are lost when the new
 * mount namespace turns slave. */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/mount.h>

#define CAP_SYS_ADMIN 21

static bool has_setattr(const struct compile *c)
{
        return c->facts->has_mount_setattr;
}

static bool is_plain(const char *path)
{
        const char *at = path;

        while (at[0] == '/' && at[1] != '/' && at[1] != '.' && at[1])
                at += 1 + strcspn(at + 1, "/");
        return at > path && !*at;
}

/* The destination as a plain absolute path: no empty, "." or ".." component that a check by name
 * would trip over. */
static const char *plain_path(struct compile *c, const char *path)
{
        char *plain, *end;

        if (is_plain(path))
                return path;
        plain = end = why(c, "/%s", path);
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

/* Mapped ids and another process's mounts: only the host's side may. Sharing: the peers must be the
 * host's. A slave is lost where the whole namespace turns private. */
static enum actor maker(const struct mount_job *job)
{
        struct compile *c = job->c;
        PROPAGATION kind = job->options.propagation;
        bool all, private = mount_options_propagation(c->linux_->rootfs_propagation, &all) ==
                            PROPAGATE_PRIVATE;

        if (job->options.idmap || compile_is_borrowed(job))
                return HOST;
        if (!compile_is_bind(job) || !facts_capable(c->facts, CAP_SYS_ADMIN))
                return INIT;
        if (c->live) /* what the host's paths mean is the host's to say */
                return HOST;
        return kind == PROPAGATE_SHARED || (kind == PROPAGATE_SLAVE && private) ? HOST : INIT;
}

static void begin(struct compile *c, size_t number)
{
        struct mount_job *job = &c->mounts[number];

        job->c = c;
        job->mount = c->spec->mounts.items[number];
        job->number = number;
        job->pointer = c->mounts_at ? why(c, "%s/%zu", c->mounts_at, number) : "";
        job->reason = c->mounts_at ? job->pointer : "[mount]";
        job->tree = -1;
        mount_options_parse(c->arena, &job->mount.options, &job->options);
        if (job->mount.uid_mappings.n || job->mount.gid_mappings.n)
                job->options.idmap = true;
        job->mount.destination = plain_path(c, job->mount.destination);
        if (c->live && compile_is_bind(job) && job->options.propagation == PROPAGATE_UNCHANGED) {
                /* The container's other mounts have it from their namespace. */
                job->options.propagation = compile_base_propagation(c);
                job->options.propagation_all = true;
        }
        job->actor = maker(job);
}

void compile_mounts_begin(struct compile *c)
{
        c->mounts = arena_array(c->arena, c->spec->mounts.n + 1, sizeof *c->mounts);
        for (size_t i = 0; i < c->spec->mounts.n; i++)
                begin(c, i);
}

/* -- trees ------------------------------------------------------------------------------------- */

/* What is said to a tree in one call: with all that is below it, or to itself alone. */
struct change {
        uint64_t set, clear;
        PROPAGATION propagation;
};

static struct change changes(const struct mount_options *options, bool all)
{
        struct change change = { .set = all ? options->set_all : options->set,
                                 .clear = all ? options->clear_all : options->clear };

        if (options->propagation_all == all)
                change.propagation = options->propagation;
        return change;
}

static bool is_change(const struct change *change)
{
        return change->set || change->clear || change->propagation != PROPAGATE_UNCHANGED;
}

static void add_change(const struct mount_job *job, FD tree, bool all)
{
        struct change change = changes(&job->options, all);

        if (is_change(&change))
                plan_add(
                        job->c->plan, job->actor, job->reason, set_mount, .tree = tree,
                        .set = change.set, .clear = change.clear, .propagation = change.propagation,
                        .recursive = all);
}

/* Attributes of a tree that is a clone of something: the kernel's default is what the source had.
 * Those of the top alone win, so they come last. */
static void add_changes(const struct mount_job *job, FD tree)
{
        add_change(job, tree, true);
        add_change(job, tree, false);
}

void compile_mount_propagation(const struct mount_job *job, FD tree)
{
        if (job->options.propagation != PROPAGATE_UNCHANGED && has_setattr(job->c))
                plan_add(
                        job->c->plan, job->actor, job->reason, set_mount, .tree = tree,
                        .propagation = job->options.propagation,
                        .recursive = job->options.propagation_all);
}

static FD make_bind(const struct mount_job *job)
{
        struct compile *c = job->c;
        const char *source = job->mount.source;
        FD tree = plan_slot(c->plan);
        /* The clone takes with it what goes for all of it, since Linux 6.15. */
        bool all = job->options.recursive,
             at_once = has_setattr(c) && facts_kernel(c->facts, 6, 15);
        struct change change = { 0 };

        if (source[0] != '/')
                source = why(c, "%s/%s", c->options->bundle, source);
        if (at_once)
                change = changes(&job->options, all);
        plan_add(
                c->plan, job->actor, job->reason, clone_tree, .dir = -1, .path = source,
                .recursive = all, .set = change.set, .clear = change.clear,
                .propagation = change.propagation, .tree = tree);
        if (has_setattr(c) && !(at_once && all))
                add_change(job, tree, true);
        if (has_setattr(c) && !(at_once && !all))
                add_change(job, tree, false);
        return tree;
}

/* "key=value" or a flag, for a filesystem. */
static void add_data(const struct mount_job *job, FD fs, const char *word)
{
        const char *equals = strchr(word, '=');
        const char *key = word, *value = NULL;

        if (equals) {
                key = why(job->c, "%.*s", (int)(equals - word), word);
                value = equals + 1;
        }
        if (equals && compile_overlay_option(job, fs, key, value))
                return;
        plan_add(
                job->c->plan, job->actor, job->reason, set_fs, .fs = fs, .key = key,
                .value = value);
}

/* The attributes of a new mount. A tmpfs that is to be filled is made writable. */
static uint64_t new_attributes(const struct mount_job *job)
{
        uint64_t set = job->options.set_all & ~job->options.clear;

        /* The later of two times wins. */
        if (job->options.set & MOUNT_ATTR__ATIME)
                set &= ~(uint64_t)MOUNT_ATTR__ATIME;
        set |= job->options.set;
        return job->options.copy_up ? set & ~(uint64_t)MOUNT_ATTR_RDONLY : set;
}

static FD make_fs(const struct mount_job *job)
{
        struct compile *c = job->c;
        const struct mount_options *options = &job->options;
        const char *source = job->mount.source;
        FD fs = plan_slot(c->plan), tree = plan_slot(c->plan);
        bool sysfs = text_equal(job->mount.type, "sysfs");
        struct op *made;

        plan_add(c->plan, job->actor, job->reason, open_fs, .type = job->mount.type, .fs = fs);
        if (source && *source)
                plan_add(
                        c->plan, job->actor, job->reason, set_fs, .fs = fs, .key = "source",
                        .value = source);
        for (size_t i = 0; i < options->n_super; i++)
                plan_add(
                        c->plan, job->actor, job->reason, set_fs, .fs = fs,
                        .key = options->super[i]);
        for (size_t i = 0; i < options->n_data; i++)
                add_data(job, fs, options->data[i]);
        compile_mount_label(c, job->actor, job->mount.type, fs);
        made = plan_add(
                c->plan, job->actor, job->reason, make_mount, .fs = fs,
                .attrs = new_attributes(job), .tree = tree);
        if (sysfs && c->user_namespace && !(c->new_spaces & CLONE_NEWNET)) {
                /* The kernel gives a new sysfs only to the owner of the network namespace. */
                made->has_else = true;
                plan_add(
                        c->plan, INIT, job->reason, clone_tree, .dir = -1, .path = "/sys",
                        .recursive = 1, .tree = tree);
                add_changes(job, tree);
        } else {
                compile_mount_propagation(job, tree);
        }
        return tree;
}

static FD make_tree(const struct mount_job *job)
{
        bool mapped = job->options.idmap;
        const struct spec_mount *own = job->mount.uid_mappings.n ? &job->mount : NULL;
        FD ns = mapped ? compile_idmap(job->c, job->reason, own) : -1;
        FD tree = compile_is_borrowed(job) ? compile_borrowed(job)
                : compile_is_bind(job)     ? make_bind(job)
                                           : make_fs(job);

        if (mapped)
                plan_add(
                        job->c->plan, job->actor, job->reason, map_mount, .tree = tree, .ns = ns,
                        .recursive = job->options.idmap_all);
        return tree;
}

int compile_mounts_host(struct compile *c)
{
        compile_mounts_begin(c);
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                struct mount_job *job = &c->mounts[i];
                int r;

                if (job->actor == INIT || job->options.remount)
                        continue;
                r = compile_check_mount(job);
                if (r < 0)
                        return r;
                job->tree = make_tree(job);
        }
        return 0;
}

int compile_live_trees(struct compile *c, enum actor maker)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                struct mount_job *job = &c->mounts[i];
                FD tree;
                int r;

                if (job->actor != maker)
                        continue;
                if ((r = compile_check_destination(job)) < 0 || (r = compile_check_live(job)) < 0 ||
                    (r = compile_check_mount(job)) < 0)
                        return r;
                tree = job->tree = make_tree(job);
                if (job->actor == INIT) {
                        plan_add(c->plan, INIT, job->reason, send_fd, .fd = tree);
                        tree = plan_slot(c->plan);
                        plan_add(c->plan, HOST, job->reason, take_fd, .fd = tree);
                }
                plan_add(
                        c->plan, HOST, job->reason, record_mount, .tree = tree,
                        .target = job->mount.destination);
        }
        return 0;
}

/* -- attaching --------------------------------------------------------------------------------- */

/* Nothing is mounted: a mount that is there changes. */
static int add_remount(struct mount_job *job)
{
        const struct mount_options *options = &job->options;
        FD tree = job->c->root;

        if (options->n_data || options->n_super || options->idmap || options->copy_up)
                return compile_refuse_option(
                        job, "remount",
                        "only attributes and propagation of a mount can be changed later: give "
                        "all else to the mount itself");
        if (!has_setattr(job->c))
                return compile_refuse_option(
                        job, "remount", "needs mount_setattr(2), since Linux 5.12");
        job->actor = INIT;
        if (!text_equal(job->mount.destination, "/")) {
                tree = plan_slot(job->c->plan);
                plan_add(
                        job->c->plan, INIT, job->reason, open_mount, .root = job->c->root,
                        .path = job->mount.destination, .tree = tree);
        }
        add_changes(job, tree);
        return 0;
}

static void add_copy_up(const struct mount_job *job, FD tree)
{
        bool whole = true;

        for (size_t i = 0; i < job->options.n_data; i++)
                if (text_starts(job->options.data[i], "mode=") ||
                    text_starts(job->options.data[i], "uid=") ||
                    text_starts(job->options.data[i], "gid="))
                        whole = false;
        plan_add(
                job->c->plan, INIT, job->reason, copy_up, .tree = tree, .root = job->c->root,
                .path = job->mount.destination, .whole = whole);
        if (job->options.set & MOUNT_ATTR_RDONLY && has_setattr(job->c))
                plan_add(
                        job->c->plan, INIT, job->reason, set_mount, .tree = tree,
                        .set = MOUNT_ATTR_RDONLY);
}

/* A mount on "/" is the root from there on; what was mounted before is below it. */
static void replace_root(const struct mount_job *job, FD tree)
{
        struct compile *c = job->c;

        plan_add(c->plan, INIT, job->reason, attach, .tree = tree, .root = c->root, .target = "");
        c->root = tree;
        c->proc = c->dev = c->devpts = -1;
}

/* What later sections find by these: the container's own procfs, /dev and pty's. */
static void remember(const struct mount_job *job)
{
        struct compile *c = job->c;
        FD tree = job->tree;
        const struct spec_mount *mount = &job->mount;

        if (compile_is_bind(job))
                return;
        if (text_equal(mount->type, "proc") && c->proc < 0)
                c->proc = tree;
        if (text_equal(mount->destination, "/dev"))
                c->dev = tree;
        if (text_equal(mount->type, "devpts") && text_equal(mount->destination, "/dev/pts"))
                c->devpts = tree;
}

static void attach_tree(const struct mount_job *job)
{
        struct compile *c = job->c;
        FD tree = job->tree;
        const struct spec_mount *mount = &job->mount;
        bool bind = compile_is_bind(job);
        bool in_dev = !bind && c->dev >= 0 && text_starts(mount->destination, "/dev/") &&
                      !strchr(mount->destination + 5, '/');
        bool strict =
                !bind && (text_equal(mount->type, "proc") || text_equal(mount->type, "sysfs") ||
                          text_equal(mount->destination, "/dev"));

        if (text_equal(mount->destination, "/"))
                replace_root(job, tree);
        else
                plan_add(
                        c->plan, INIT, job->reason, attach, .tree = tree,
                        .root = in_dev ? c->dev : c->root,
                        .target = mount->destination + (in_dev ? 5 : 0),
                        .make = bind ? TARGET_DIRECTORY_OR_FILE : TARGET_DIRECTORY,
                        .strict = strict);
}

/* Without mount_setattr(2) what could not be said to the detached tree is said now. */
static void add_remounts(const struct mount_job *job, FD tree)
{
        const struct mount_options *options = &job->options;
        uint64_t set = compile_is_bind(job) ? options->set : 0,
                 clear = compile_is_bind(job) ? options->clear : 0;

        if (options->copy_up)
                set |= options->set & MOUNT_ATTR_RDONLY;
        if (set || clear || options->propagation != PROPAGATE_UNCHANGED)
                plan_add(
                        job->c->plan, INIT, job->reason, remount, .tree = tree, .attrs = set,
                        .clear = clear, .propagation = options->propagation,
                        .recursive = options->propagation_all);
}

static int add_mount(struct mount_job *job)
{
        struct compile *c = job->c;
        const char *asked = c->spec->mounts.items[job->number].destination;
        int r = compile_check_destination(job);

        if (r < 0)
                return r;
        if (asked[0] != '/')
                plan_note(
                        c->plan,
                        "%s/destination: '%s' is taken as %s: relative ones are deprecated",
                        job->pointer, asked, job->mount.destination);
        if (job->options.remount)
                return add_remount(job);
        if (job->tree < 0) {
                r = compile_check_mount(job);
                if (r < 0)
                        return r;
                if (compile_is_cgroup(job) && !compile_is_bind(job))
                        return compile_cgroup_mount(job);
                job->tree = make_tree(job);
        }
        if (job->options.copy_up)
                add_copy_up(job, job->tree);
        attach_tree(job);
        if (!has_setattr(c))
                add_remounts(job, job->tree);
        remember(job);
        return 0;
}

int compile_mounts(struct compile *c)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                int r = add_mount(&c->mounts[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}
