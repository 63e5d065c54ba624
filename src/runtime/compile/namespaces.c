/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/namespaces, ids and clocks.
 *
 * New namespaces come from the clone itself, but for the cgroup namespace, whose root is where the
 * process is when it is made: that one is unshared after the cgroups are joined. Joined ones are
 * opened on the host side, where the path means what the caller meant. What cannot be done together
 * is refused here, by name. */
#include "compile.h"

#include <sched.h>

static const uint32_t types[] = { CLONE_NEWUSER, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWUTS,
                                  CLONE_NEWNET,  CLONE_NEWPID,    CLONE_NEWNS,  CLONE_NEWTIME };

/* One of them: made, or opened for joining. */
static int read_namespace(struct compile *c, size_t i)
{
        const struct spec_namespace *ns = &c->linux_->namespaces.items[i];
        uint32_t type = namespace_type(ns->type);

        if (type == CLONE_NEWTIME && !c->facts->has_time_namespace)
                return spec_error(
                        ns->at, c->document, why(c, "/linux/namespaces/%zu", i),
                        "this kernel has no time namespaces (they are since Linux 5.6)");
        if (!ns->path || !*ns->path) {
                c->new_spaces |= type;
                return 0;
        }
        if (ns->path[0] != '/')
                return spec_error(
                        ns->at, c->document, why(c, "/linux/namespaces/%zu/path", i),
                        "'%s' is not an absolute path", ns->path);
        c->joined_spaces |= type;
        for (size_t k = 0; k < ARRAY_SIZE(types); k++)
                if (types[k] == type) {
                        c->join[k] = plan_slot(c->plan);
                        plan_add(
                                c->plan, HOST, why(c, "/linux/namespaces/%zu", i), open_namespace,
                                .path = ns->path, .type = type, .ns = c->join[k]);
                }
        return 0;
}

FD compile_joined(const struct compile *c, uint32_t type)
{
        for (size_t k = 0; k < ARRAY_SIZE(types); k++)
                if (types[k] == type)
                        return c->join[k];
        return -1;
}

/* -- clocks -------------------------------------------------------------------------------------- */

/* Half of what the kernel's nanoseconds can hold. */
static const int64_t clock_seconds_max = 4611686018;

static int check_offset(struct compile *c, const struct spec_time_offset *offset, const char *name)
{
        if (!offset)
                return 0;
        if (offset->secs > clock_seconds_max || offset->secs < -clock_seconds_max)
                return spec_error(
                        offset->at, c->document, why(c, "/linux/timeOffsets/%s/secs", name),
                        "is more than the kernel's clocks can hold (146 years)");
        if (offset->nanosecs > 999999999)
                return spec_error(
                        offset->at, c->document, why(c, "/linux/timeOffsets/%s/nanosecs", name),
                        "must be below 1000000000");
        return 0;
}

/* Lines for the kernel; "" when there is no offset. */
static const char *offsets_text(struct compile *c)
{
        const struct spec_time_offsets *offsets = c->linux_->time_offsets;
        struct text text = { .arena = c->arena };

        if (offsets && offsets->monotonic)
                text_addf(
                        &text, "monotonic %lld %u\n", (long long)offsets->monotonic->secs,
                        offsets->monotonic->nanosecs);
        if (offsets && offsets->boottime)
                text_addf(
                        &text, "boottime %lld %u\n", (long long)offsets->boottime->secs,
                        offsets->boottime->nanosecs);
        return text_string(&text);
}

static int check_clocks(struct compile *c)
{
        const struct spec_time_offsets *offsets = c->linux_->time_offsets;
        int r;

        if (!*offsets_text(c))
                return 0;
        if (c->joined_spaces & CLONE_NEWTIME)
                return spec_error(
                        offsets->at, c->document, "/linux/timeOffsets",
                        "the clocks of a time namespace that is joined were set when it was made");
        if (!(c->new_spaces & CLONE_NEWTIME))
                return spec_error(
                        offsets->at, c->document, "/linux/timeOffsets",
                        "needs a time namespace: add {\"type\":\"time\"} to /linux/namespaces");
        r = check_offset(c, offsets->monotonic, "monotonic");
        return r < 0 ? r : check_offset(c, offsets->boottime, "boottime");
}

/* -- a joined root ------------------------------------------------------------------------------- */

bool compile_joins_root(const struct compile *c)
{
        for (size_t i = 0; i < c->linux_->namespaces.n; i++) {
                const struct spec_namespace *ns = &c->linux_->namespaces.items[i];

                if (text_equal(ns->type, "mount"))
                        return ns->path && *ns->path;
        }
        return false;
}

/* A mount namespace that is joined brings its root, and others are in it: the process goes in, as one
 * that exec starts does, and nothing there is changed. */
static int check_joined_root(const struct compile *c)
{
        static const struct spec_root no_root = { .path = "/" };
        static const struct spec_hooks no_hooks;
        const struct spec *spec = c->spec;
        const struct spec_root *root = spec->root ? spec->root : &no_root;
        const struct spec_hooks *hooks = spec->hooks ? spec->hooks : &no_hooks;
        const char *propagation = c->linux_->rootfs_propagation;

        const struct {
                bool asked;
                const char *pointer;
        } members[] = {
                { !text_equal(root->path, "/") || c->options->n_overlays, "/root/path" },
                { root->readonly, "/root/readonly" },
                { spec->mounts.n != 0, "/mounts" },
                { c->linux_->devices.n != 0, "/linux/devices" },
                { c->linux_->sysctl.n != 0, "/linux/sysctl" },
                { c->linux_->masked_paths.n != 0, "/linux/maskedPaths" },
                { c->linux_->readonly_paths.n != 0, "/linux/readonlyPaths" },
                { propagation && *propagation, "/linux/rootfsPropagation" },
                { hooks->create_container.n != 0, "/hooks/createContainer" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                if (!members[i].asked)
                        continue;
                trail_hint(
                        "a container in a joined mount namespace has the root of that one, whose "
                        "path is \"/\", with the mounts that are there");
                return spec_error(
                        c->spec->at, c->document, members[i].pointer,
                        "would change the mount namespace that is joined for all who are in it: "
                        "take it out");
        }
        return 0;
}

/* -- in which order ------------------------------------------------------------------------------ */

static bool may_join(const struct compile *c)
{
        return facts_capable(c->facts, 21 /* CAP_SYS_ADMIN */);
}

/* One clone makes everything, as a rule. A second process is needed where the first one has to enter
 * or set something before a pid or time namespace can be made, or before a new user namespace takes
 * its rights over the host's namespaces away. */
static void choose_order(struct compile *c)
{
        const uint32_t first = CLONE_NEWPID | CLONE_NEWTIME; /* only children get into them */
        uint32_t made = c->new_spaces & ~(uint32_t)CLONE_NEWCGROUP;
        bool joins_user = c->joined_spaces & CLONE_NEWUSER;
        bool joins_others = c->joined_spaces & ~(uint32_t)CLONE_NEWUSER;
        bool makes_user = made & CLONE_NEWUSER;

        c->forks = (joins_user && made & first) || *offsets_text(c) ||
                   (makes_user && joins_others) ||
                   (c->joined_spaces & CLONE_NEWPID && !may_join(c));
        if (!c->forks) {
                c->at_spawn = joins_user ? 0 : made;
                return;
        }
        c->at_spawn = makes_user && !joins_others ? CLONE_NEWUSER : 0;
        c->at_fork = made & ~c->at_spawn;
        if (*offsets_text(c))
                c->at_fork &= ~(uint32_t)CLONE_NEWTIME;
}

int compile_namespaces_host(struct compile *c)
{
        const struct json *at = c->linux_->at;
        int r;

        for (size_t i = 0; i < c->linux_->namespaces.n; i++) {
                r = read_namespace(c, i);
                if (r < 0)
                        return r;
        }
        if (compile_joins_root(c) && (r = check_joined_root(c)) < 0)
                return r;
        c->user_namespace = compile_has_namespace(c, CLONE_NEWUSER);
        if (!compile_has_namespace(c, CLONE_NEWNS))
                return spec_error(
                        at, c->document, "/linux/namespaces",
                        "a container needs a mount namespace of its own: add "
                        "{\"type\":\"mount\"}");
        r = compile_id_maps(c, false);
        if (r == 0)
                r = check_clocks(c);
        if (r < 0)
                return r;
        if (c->facts->uid != 0 && !c->user_namespace && (c->options->made || c->options->pid)) {
                trail_hint("use it where it was made: husk unshare husk ...");
                return trail(
                        -EPERM,
                        "this container has no user namespace: it was made in `husk unshare`, or by root");
        }
        if (c->facts->uid != 0 && !c->user_namespace) {
                trail_hint("add a user namespace with a mapping of your ids (`husk-oci spec "
                           "--rootless` writes one), or run as root");
                return trail(-EPERM, "an ordinary user cannot make this container");
        }
        choose_order(c);
        return 0;
}

static void map_ids(struct compile *c)
{
        plan_add(
                c->plan, HOST, "/linux/uidMappings", map_ids, .process = c->process_fd,
                .uid_map = c->ids.uid_map, .gid_map = c->ids.gid_map,
                .deny_setgroups = c->ids.deny_setgroups, .uid_helper = c->ids.uid_helper,
                .gid_helper = c->ids.gid_helper);
        plan_add(c->plan, HOST, "/linux/uidMappings", open_gate, .gate = GATE_IDS_MAPPED);
}

int compile_spawn(struct compile *c)
{
        int r = compile_id_maps(c, true);

        if (r < 0)
                return r;
        if (c->joined_spaces & CLONE_NEWPID && !c->forks)
                plan_add(
                        c->plan, HOST, "/linux/namespaces", join_namespace, .ns = c->join[5],
                        .type = CLONE_NEWPID);
        c->process_fd = plan_slot(c->plan);
        plan_add(
                c->plan, HOST, "/linux/namespaces", spawn, .spaces = c->at_spawn,
                .cgroup = compile_birth_cgroup(c), .process = c->process_fd);
        if (c->unit && (r = compile_unit_start(c)) < 0)
                return r;
        if (c->at_spawn & CLONE_NEWUSER)
                map_ids(c);
        if (c->forks) {
                FD maker = c->process_fd;

                c->process_fd = plan_slot(c->plan);
                plan_add(
                        c->plan, HOST, "/linux/namespaces", adopt, .maker = maker,
                        .process = c->process_fd);
        }
        if (c->at_fork & CLONE_NEWUSER)
                map_ids(c);
        return 0;
}

/* -- the first process --------------------------------------------------------------------------- */

void compile_guard(struct compile *c, bool on)
{
        plan_add(c->plan, INIT, c->guard, guard_parent, .on = on);
}

void compile_become_root(struct compile *c)
{
        if (!c->user_namespace)
                return;
        plan_add(
                c->plan, INIT, "/linux/uidMappings", become_root, .uid = c->ids.uid,
                .gid = c->ids.gid);
        compile_guard(c, true); /* a change of ids clears it */
}

static void join(struct compile *c, uint32_t set)
{
        for (size_t k = 0; k < ARRAY_SIZE(types); k++)
                if (c->join[k] >= 0 && types[k] & set)
                        plan_add(
                                c->plan, INIT, "/linux/namespaces", join_namespace,
                                .ns = c->join[k], .type = types[k]);
}

/* Who has rights on the host joins what belongs to the host first; all others have rights only in the
 * user namespace that they join. */
static void join_all(struct compile *c)
{
        uint32_t others = NAMESPACES_ALL & ~(uint32_t)CLONE_NEWUSER;

        if (!c->forks)
                others &= ~(uint32_t)CLONE_NEWPID;
        if (may_join(c))
                join(c, others);
        join(c, CLONE_NEWUSER);
        if (!may_join(c))
                join(c, others);
}

static void await_ids(struct compile *c, uint32_t spaces)
{
        if (spaces & CLONE_NEWUSER)
                plan_add(c->plan, INIT, "/linux/uidMappings", await_gate, .gate = GATE_IDS_MAPPED);
}

static void set_clocks(struct compile *c, FD clocks)
{
        /* Offsets can be set until the first process is in: so unshare, set, clone. */
        plan_add(c->plan, INIT, "/linux/timeOffsets", unshare, .spaces = CLONE_NEWTIME);
        plan_add(
                c->plan, INIT, "/linux/timeOffsets", set_clocks, .clocks = clocks,
                .offsets = offsets_text(c));
}

/* Into all namespaces. */
static void enter(struct compile *c)
{
        bool has_clocks = *offsets_text(c) != '\0';
        uint32_t later = c->new_spaces & ~c->at_spawn;
        FD clocks = -1;

        await_ids(c, c->at_spawn);
        if (has_clocks) {
                clocks = plan_slot(c->plan);
                plan_add(c->plan, INIT, "/linux/timeOffsets", open_clocks, .clocks = clocks);
        }
        join_all(c);
        if (c->forks) {
                if (has_clocks)
                        set_clocks(c, clocks);
                plan_add(c->plan, INIT, "/linux/namespaces", fork_init, .spaces = c->at_fork);
                compile_guard(c, true);
                await_ids(c, c->at_fork);
                later &= CLONE_NEWCGROUP;
        }
        compile_become_root(c);
        if (later)
                plan_add(c->plan, INIT, "/linux/namespaces", unshare, .spaces = later);
}

/* A new network belongs to the user namespace that it is made in; what we may do there is what we may
 * do here, but for a user namespace of the container's own. */
static void add_loopback(struct compile *c)
{
        if (c->user_namespace || facts_capable(c->facts, 12 /* CAP_NET_ADMIN */))
                plan_add(c->plan, INIT, "[loopback]", link_up, .name = "lo");
        else
                plan_note(
                        c->plan,
                        "/linux/namespaces: lo stays down: bringing it up needs CAP_NET_ADMIN");
}

int compile_host_groups(struct compile *c)
{
        if (c->unit || c->attaches)
                compile_unit_join(c);
        for (size_t i = 0; i < c->n_cgroups && !c->unit; i++)
                plan_add(
                        c->plan, INIT, "/linux/cgroupsPath", join_cgroup, .cgroup = c->cgroups[i],
                        .file = c->join_file[i]);
        compile_resctrl_join(c);
        return compile_self(c);
}

static int check_uts_name(const struct compile *c, const char *pointer, const char *name)
{
        if (!name || !*name)
                return 0;
        if (!compile_has_namespace(c, CLONE_NEWUTS))
                return spec_error(
                        c->spec->at, c->document, pointer,
                        "would change the host's name: add a uts namespace");
        /* Prompts and logs show it, and who writes it into a file may write lines. */
        if (text_has_control(name, SIZE_MAX))
                return spec_error(
                        c->spec->at, c->document, pointer, "'%s' has control characters", name);
        return 0;
}

int compile_namespaces_init(struct compile *c)
{
        int r;

        compile_guard(c, true);
        if (c->options->log)
                plan_add(c->plan, INIT, "[log]", redirect_output, .path = c->options->log);
        r = compile_host_groups(c);
        if (r < 0)
                return r;
        enter(c);
        if (c->new_spaces & CLONE_NEWNET)
                add_loopback(c);
        r = check_uts_name(c, "/hostname", c->spec->hostname);
        if (r == 0)
                r = check_uts_name(c, "/domainname", c->spec->domainname);
        if (r < 0)
                return r;
        if (c->spec->hostname && *c->spec->hostname)
                plan_add(c->plan, INIT, "/hostname", set_hostname, .name = c->spec->hostname);
        if (c->spec->domainname && *c->spec->domainname)
                plan_add(c->plan, INIT, "/domainname", set_domainname, .name = c->spec->domainname);
        return 0;
}
