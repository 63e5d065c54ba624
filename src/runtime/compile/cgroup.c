/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/cgroupsPath: where the container's cgroups are, and how it gets in.
 *
 * On v1 (and hybrid) the container gets a cgroup in every hierarchy, which the child joins by
 * itself; the v2 tree of a hybrid host is used too, for cgroup.kill and what controllers it has. On
 * v2 the clone starts the process inside. What is written to them is compiled next door: limits.c,
 * block_io.c, device_rules.c. */
#include "limits.h"

#include <sched.h>
#include <string.h>

static const char *wanted_path(const struct compile *c)
{
        return c->options->cgroup ? c->options->cgroup : c->linux_->cgroups_path;
}

const char *compile_cgroup_path(const struct compile *c, const struct cgroup_hierarchy *hierarchy)
{
        const char *path = wanted_path(c);
        const char *own = text_equal(hierarchy->own, "/") ? "" : hierarchy->own;
        const char *top = c->facts->delegated;
        bool only = hierarchy == &c->facts->v2 && top;
        int size = (int)strlen(own);

        if (c->unit)
                return why(c, "%s%s", hierarchy->mount, c->unit_path);
        if (path && path[0] == '/')
                return why(c, "%s%s", hierarchy->mount, path);
        /* Beside our own cgroup: below it no cgroup of v2 could get controllers, because there are
         * processes in it (cgroups(7), "no internal processes"). But not above what is ours. */
        if ((c->facts->cgroup_mode == CGROUP_V2 || only) && size && !text_equal(top, own))
                size = (int)(strrchr(own, '/') - own);
        return why(
                c, "%s%.*s/%s", hierarchy->mount, size, own, path && *path ? path : c->options->id);
}

bool compile_has_word(const char *list, const char *word)
{
        size_t size = strlen(word);

        for (const char *at = list; at && *at;) {
                size_t n = strcspn(at, ", ");

                if (n == size && strncmp(at, word, n) == 0)
                        return true;
                at += n + (at[n] != '\0');
        }
        return false;
}

struct controller compile_find_controller(const struct compile *c, const char *name)
{
        for (size_t i = 0; name && i < c->facts->n_v1 && c->n_cgroups; i++)
                if (compile_has_word(c->facts->v1[i].names, name))
                        return (struct controller){ .cgroup = c->cgroups[i] };
        if (name && c->cgroup2 >= 0 && compile_has_word(c->facts->v2.names, name))
                return (struct controller){ .cgroup = c->cgroup2, .v2 = true };
        return (struct controller){ .cgroup = -1 };
}

int compile_limit_pair(struct compile *c, const struct limit *first, const struct limit *second)
{
        struct controller found = compile_find_controller(c, first->controller);

        if (found.cgroup < 0)
                return compile_limit_refuse(c, first->at, first->pointer, first->controller);
        plan_add(
                c->plan, HOST, second->pointer, set_cgroup_pair, .cgroup = found.cgroup,
                .file = first->file, .value = first->values, .file2 = second->file,
                .value2 = second->values);
        return 0;
}

static FD make(struct compile *c, const struct cgroup_hierarchy *hierarchy)
{
        FD slot = plan_slot(c->plan);

        plan_add(
                c->plan, HOST, "/linux/cgroupsPath", make_cgroup,
                .path = compile_cgroup_path(c, hierarchy), .of_unit = c->unit != NULL,
                .cgroup = slot);
        return slot;
}

static const char *controllers_to_delegate(struct compile *c)
{
        static const char *const known[] = { "cpuset",  "cpu",  "io",   "memory",
                                             "hugetlb", "pids", "rdma", "misc" };
        struct text text = { .arena = c->arena };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (compile_has_word(c->facts->v2.names, known[i]))
                        text_addf(&text, "%s+%s", text.len ? " " : "", known[i]);
        return text_string(&text);
}

/* On a hybrid host v2 is asked for controllers only where something is to be done with them: giving
 * them on changes cgroups that are not the container's. */
static bool wants_controllers(const struct compile *c)
{
        const struct spec_resources *resources = c->linux_->resources;

        if (c->facts->cgroup_mode == CGROUP_V2)
                return true;
        return resources && c->facts->v2.names && *c->facts->v2.names &&
               (resources->unified.n || resources->hugepage_limits.n || resources->rdma.n);
}

/* A name that leads out of the tree would be made, and removed afterwards, somewhere else. */
static bool climbs(const char *path)
{
        for (const char *at = path; at && *at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
                if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
                        return true;
        return false;
}

/* A path is a place below the mount, and never the mount itself: that has everybody in it. */
static int check_path(const struct compile *c)
{
        const char *path = c->linux_->cgroups_path;

        if (climbs(path))
                return spec_error(
                        c->linux_->at, c->document, "/linux/cgroupsPath", "'%s' has a '..' in it",
                        path);
        if (path && *path && !path[strspn(path, "/.")])
                return spec_error(
                        c->linux_->at, c->document, "/linux/cgroupsPath",
                        "'%s' is the root of all cgroups: it needs a name", path);
        return 0;
}

bool compile_is_written(const struct compile *c, FD slot)
{
        const struct op_list *list = &c->plan->list[HOST];

        for (size_t i = 0; i < list->n; i++)
                if ((list->ops[i].code == OP_set_cgroup &&
                     list->ops[i].as.set_cgroup.cgroup == slot) ||
                    (list->ops[i].code == OP_set_cgroup_pair &&
                     list->ops[i].as.set_cgroup_pair.cgroup == slot))
                        return true;
        return false;
}

/* Where no limit is written the only use of a v1 cgroup is to be joined: it is opened as that. */
static void open_tasks(struct compile *c)
{
        struct op_list *list = &c->plan->list[HOST];

        for (size_t i = 0; i < list->n; i++)
                if (list->ops[i].code == OP_make_cgroup &&
                    list->ops[i].as.make_cgroup.cgroup != c->cgroup2 &&
                    !compile_is_written(c, list->ops[i].as.make_cgroup.cgroup))
                        list->ops[i].as.make_cgroup.tasks = 1;
        for (size_t i = 0; i < c->n_cgroups; i++)
                c->join_file[i] = compile_is_written(c, c->cgroups[i]) ? "tasks" : "";
}

FD compile_birth_cgroup(const struct compile *c)
{
        return facts_kernel(c->facts, 5, 7) && !c->unit ? c->cgroup2 : -1;
}

/* Before clone3 could do it (Linux 5.7) the process joins v2 as it does v1. */
static void join_v2(struct compile *c)
{
        if (c->cgroup2 < 0 || compile_birth_cgroup(c) >= 0)
                return;
        c->cgroups[c->n_cgroups] = c->cgroup2;
        c->join_file[c->n_cgroups++] = "cgroup.procs";
}

static void make_all(struct compile *c)
{
        /* The freezer last: what is made last is undone first, and there the processes can be held
         * while they are killed. */
        for (int last = 0; last < 2 && c->facts->uid == 0; last++)
                for (size_t i = 0; i < c->facts->n_v1; i++)
                        if (compile_has_word(c->facts->v1[i].names, "freezer") == (last == 1))
                                c->cgroups[i] = make(c, &c->facts->v1[i]);
        c->n_cgroups = c->facts->uid == 0 ? c->facts->n_v1 : 0;
        if (!c->facts->v2.mount)
                return;
        if (wants_controllers(c) && !c->unit)
                plan_add(
                        c->plan, HOST, "/linux/cgroupsPath", delegate_cgroup,
                        .path = compile_cgroup_path(c, &c->facts->v2),
                        .controllers = controllers_to_delegate(c));
        c->cgroup2 = make(c, &c->facts->v2);
}

static bool wants_limits(const struct spec_resources *resources)
{
        return resources && (resources->memory || resources->cpu || resources->pids ||
                             resources->block_io || resources->network || resources->rdma.n ||
                             resources->hugepage_limits.n || resources->unified.n);
}

/* Why there is no cgroup for it; NULL: there is one. What is not ours is somebody's else, and so is
 * a place outside of what was given to us. */
static const char *lacks_cgroup(const struct compile *c)
{
        const struct facts *facts = c->facts;
        const char *path = wanted_path(c);

        if (c->options->cgroups == CGROUPS_NONE)
                return "--cgroup-manager=disabled";
        if (facts->cgroup_mode == CGROUP_NONE)
                return facts->in_user_namespace
                             ? "this user namespace has no cgroup that it may change"
                             : "this host has no cgroups";
        if (facts->uid == 0 && (!facts->in_user_namespace || facts->n_v1))
                return NULL;
        if (!facts->delegated)
                return facts->uid ? "an ordinary user has no cgroup of its own here"
                                  : "this user namespace has no cgroup that it may change";
        if (path && path[0] == '/' && !text_equal(facts->delegated, "/") &&
            (!text_starts(path, facts->delegated) || path[strlen(facts->delegated)] != '/'))
                return why(
                        c, "cgroupsPath %s is not below %s, which is what we may change", path,
                        facts->delegated);
        return NULL;
}

/* The uid of the host that the program has; -1: only the joined user namespace knows. */
static int64_t program_uid(const struct compile *c)
{
        int64_t uid = c->process->user ? c->process->user->uid : 0;

        if (c->joined_spaces & CLONE_NEWUSER)
                return -1;
        for (size_t i = 0; c->new_spaces & CLONE_NEWUSER && i < c->linux_->uid_mappings.n; i++) {
                const struct spec_id_mapping *line = &c->linux_->uid_mappings.items[i];

                if (uid >= line->container_id && uid < (int64_t)line->container_id + line->size)
                        return line->host_id + (uid - line->container_id);
        }
        return c->new_spaces & CLONE_NEWUSER ? -1 : uid;
}

/* Is v2 shown writable at /sys/fs/cgroup? */
static bool shows_writable(const struct compile *c)
{
        for (size_t i = 0; i < c->spec->mounts.n; i++) {
                const struct spec_mount *mount = &c->spec->mounts.items[i];
                bool v2 = text_equal(mount->type, "cgroup2") ||
                          (text_equal(mount->type, "cgroup") && c->facts->cgroup_mode == CGROUP_V2);
                bool read_only = false;

                for (size_t k = 0; k < mount->options.n; k++)
                        read_only |= text_equal(mount->options.items[k], "ro") ||
                                     text_equal(mount->options.items[k], "rro");
                if (v2 && !read_only && text_equal(mount->destination, "/sys/fs/cgroup"))
                        return true;
        }
        return false;
}

/* The program may manage what is below its own cgroup when it sees that, and that alone, writable
 * (config-linux.md, "Cgroup ownership"). Of v1 the kernel lets nobody have a part safely. */
static void give(struct compile *c)
{
        int64_t uid = program_uid(c);

        if (c->cgroup2 < 0 || !(c->new_spaces & CLONE_NEWCGROUP) || !shows_writable(c) ||
            uid == c->facts->uid || uid < 0)
                return;
        if (facts_capable(c->facts, 0 /* CAP_CHOWN */))
                plan_add(
                        c->plan, HOST, "/linux/cgroupsPath", give_cgroup, .cgroup = c->cgroup2,
                        .uid = uid);
        else
                plan_note(
                        c->plan,
                        "/linux/cgroupsPath: the cgroup stays ours: giving it to the "
                        "program's user %lld takes CAP_CHOWN",
                        (long long)uid);
}

/* Is our own uid, which owns the cgroup and its files, that of somebody in the container? */
static bool has_own_uid(const struct compile *c)
{
        bool has = !(c->new_spaces & CLONE_NEWUSER);

        for (size_t i = 0; !has && i < c->linux_->uid_mappings.n; i++) {
                const struct spec_id_mapping *line = &c->linux_->uid_mappings.items[i];

                has = c->facts->uid >= line->host_id && c->facts->uid - line->host_id < line->size;
        }
        return has && !(c->joined_spaces & CLONE_NEWUSER);
}

/* With CAP_SYS_ADMIN of ours it mounts what it likes, and nobody takes limits for safe. */
static bool may_mount(const struct compile *c)
{
        const struct spec_capabilities *sets = c->process->capabilities;

        for (size_t i = 0; sets && i < sets->bounding.n; i++)
                if (text_equal(sets->bounding.items[i], "CAP_SYS_ADMIN"))
                        return !c->user_namespace;
        return false;
}

/* Who owns the files of the limits may lift them. Of v2 the kernel says who may when it is told that cgroup namespaces
 * are its borders. */
static void note_writable(struct compile *c)
{
        bool guarded = c->facts->cgroup_mode == CGROUP_V2 && c->facts->has_nsdelegate &&
                       c->new_spaces & CLONE_NEWCGROUP;

        if (!guarded && wants_limits(c->linux_->resources) &&
            facts_shows_writable(c->facts, c->spec) && has_own_uid(c) && !may_mount(c))
                plan_note(
                        c->plan,
                        "/linux/resources: root in the container can lift the limits: it can write "
                        "to its cgroups%s; a user namespace would keep them",
                        c->facts->cgroup_mode != CGROUP_V2 ? ""
                        : c->new_spaces & CLONE_NEWCGROUP ? ", which this host has mounted without "
                                                            "nsdelegate"
                                                          : ", without a cgroup namespace");
}

int compile_cgroup_fill(struct compile *c)
{
        int r;

        make_all(c);
        r = compile_device_rules(c);
        if (r == 0 && c->linux_->resources)
                r = compile_limits(c);
        if (r == 0) {
                give(c);
                note_writable(c);
        }
        if (r == 0 && !c->unit) {
                open_tasks(c);
                join_v2(c);
        }
        return r;
}

int compile_cgroup_host(struct compile *c)
{
        const char *lack;
        int r;

        if (c->options->cgroups == CGROUPS_SYSTEMD)
                return compile_unit_name(c);
        r = check_path(c);
        if (r < 0)
                return r;
        lack = lacks_cgroup(c);
        if (!lack)
                return compile_cgroup_fill(c);
        if (wants_limits(c->linux_->resources))
                plan_note(c->plan, "/linux/resources: no limits: %s", lack);
        return 0;
}

static bool is_below(const char *path, const char *mount)
{
        size_t size = mount ? strlen(mount) : 0;

        return size && strncmp(path, mount, size) == 0 && path[size] == '/';
}

static bool goes_up(const char *path)
{
        for (const char *at = path; *at; at += *at == '/') {
                size_t size = strcspn(at, "/");

                if (size == 2 && at[0] == '.' && at[1] == '.')
                        return true;
                at += size;
        }
        return false;
}

/* The controllers of the hierarchy that this cgroup is in, "" for none that we know. */
static const char *controllers_of(const struct compile *c, const char *cgroup)
{
        if (is_below(cgroup, c->facts->v2.mount))
                return c->facts->v2.names;
        for (size_t i = 0; i < c->facts->n_v1; i++)
                if (is_below(cgroup, c->facts->v1[i].mount))
                        return c->facts->v1[i].names;
        return "";
}

/* The path of "[CONTROLLER,...:]PATH" when it is for a hierarchy with one of these controllers. */
static const char *sub_path(const struct compile *c, const char *word, const char *controllers)
{
        const char *colon = strchr(word, ':');
        size_t size;

        if (!colon)
                return word;
        for (const char *at = word; at < colon; at += size + 1) {
                size = strcspn(at, ",:");
                if (size && compile_has_word(controllers, why(c, "%.*s", (int)size, at)))
                        return colon + 1;
        }
        return NULL;
}

/* Each must be for one at least of the cgroups that the container has. */
static int check_sub_cgroups(const struct compile *c)
{
        const struct runtime_options *options = c->options;

        for (size_t i = 0; i < options->sub_cgroups.n; i++) {
                const char *word = options->sub_cgroups.items[i];
                bool known = false;

                if (goes_up(strchr(word, ':') ? strchr(word, ':') + 1 : word))
                        return trail(
                                -EINVAL, "--cgroup %s: '..' leads out of the container's", word);
                for (size_t k = 0; k < options->n_made_cgroups; k++)
                        known |= sub_path(c, word, controllers_of(c, options->made_cgroups[k])) !=
                                 NULL;
                if (!known)
                        return trail(
                                -EINVAL, "--cgroup %s: the container has no such cgroup controller",
                                word);
        }
        return 0;
}

/* What --cgroup makes of a cgroup of the container's: one below it, which must exist; of several words
 * the last one counts. */
static const char *sub_cgroup(const struct compile *c, const char *cgroup)
{
        const char *sub = "", *found;

        for (size_t i = 0; i < c->options->sub_cgroups.n; i++)
                if ((found = sub_path(
                             c, c->options->sub_cgroups.items[i], controllers_of(c, cgroup))))
                        sub = found + strspn(found, "/");
        return *sub ? why(c, "%s/%s", cgroup, sub) : cgroup;
}

/* exec: the cgroups are those that were made; their names alone are told, since a path of the document
 * can mean another place for whoever calls exec. Those of v1 are joined by name: the new process then
 * has no descriptor of the host's on its way into the container. */
int compile_cgroup_exec(struct compile *c)
{
        int r = check_sub_cgroups(c);

        if (r < 0)
                return r;
        c->attaches = c->options->unit && (c->facts->uid != 0 || c->facts->in_user_namespace);
        if (c->attaches && c->options->sub_cgroups.n)
                return trail(
                        -EOPNOTSUPP,
                        "--cgroup: the user's systemd puts the process into the container's own");
        for (size_t i = 0; i < c->options->n_made_cgroups && !c->attaches; i++) {
                const char *path = sub_cgroup(c, c->options->made_cgroups[i]);

                if (is_below(path, c->facts->v2.mount)) {
                        c->cgroup2 = plan_slot(c->plan);
                        plan_add(
                                c->plan, HOST,
                                c->options->sub_cgroups.n ? "[--cgroup]" : "/linux/cgroupsPath",
                                open_path, .path = path, .fd = c->cgroup2);
                } else if (c->n_cgroups < ARRAY_SIZE(c->cgroups) - 1) {
                        c->cgroups[c->n_cgroups] = -1;
                        c->join_file[c->n_cgroups++] = why(c, "%s/tasks", path);
                }
        }
        join_v2(c);
        return 0;
}

static FD open_made(struct compile *c, const char *mount)
{
        for (size_t i = 0; i < c->options->n_made_cgroups; i++)
                if (is_below(c->options->made_cgroups[i], mount)) {
                        FD slot = plan_slot(c->plan);

                        plan_add(
                                c->plan, HOST, "/linux/cgroupsPath", open_path,
                                .path = c->options->made_cgroups[i], .fd = slot);
                        return slot;
                }
        return -1;
}

void compile_cgroup_update(struct compile *c)
{
        for (size_t i = 0; i < c->facts->n_v1; i++)
                c->cgroups[i] = open_made(c, c->facts->v1[i].mount);
        c->n_cgroups = c->facts->n_v1;
        c->cgroup2 = open_made(c, c->facts->v2.mount);
}
