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

int compile_namespaces_host(struct compile *c)
{
        const struct json *at = c->linux_->at;

        for (size_t i = 0; i < c->linux_->namespaces.n; i++) {
                int r = read_namespace(c, i);

                if (r < 0)
                        return r;
        }
        c->user_namespace = compile_has_namespace(c, CLONE_NEWUSER);
        if (!(c->new_spaces & CLONE_NEWNS))
                return spec_error(
                        at, c->document, "/linux/namespaces",
                        "a container needs a mount namespace of its own: add "
                        "{\"type\":\"mount\"}");
        if (c->joined_spaces & CLONE_NEWUSER && c->new_spaces & CLONE_NEWPID)
                return spec_error(
                        at, c->document, "/linux/namespaces",
                        "a new pid namespace cannot be made in a joined user namespace "
                        "yet: join the pid namespace that belongs to it too");
        if (c->new_spaces & CLONE_NEWUSER &&
            (c->linux_->uid_mappings.n == 0 || c->linux_->gid_mappings.n == 0))
                return spec_error(
                        at, c->document, "/linux/uidMappings",
                        "a new user namespace needs uidMappings and gidMappings");
        if (c->facts->uid != 0 && !c->user_namespace) {
                trail_hint("add a user namespace with a mapping of your ids (`husk-oci spec "
                           "--rootless` writes one), or run as root");
                return trail(-EPERM, "an ordinary user cannot make this container");
        }
        return 0;
}

static const char *map_text(struct compile *c, const struct spec_id_mapping_list *list)
{
        struct text text = { .arena = c->arena };

        for (size_t i = 0; i < list->n; i++)
                text_addf(
                        &text, "%u %u %u\n", list->items[i].container_id, list->items[i].host_id,
                        list->items[i].size);
        return text_string(&text);
}

static const char *offsets_text(struct compile *c)
{
        const struct spec_time_offsets *offsets = c->linux_->time_offsets;
        struct text text = { .arena = c->arena };

        if (offsets->monotonic)
                text_addf(
                        &text, "monotonic %lld %u\n", (long long)offsets->monotonic->secs,
                        offsets->monotonic->nanosecs);
        if (offsets->boottime)
                text_addf(
                        &text, "boottime %lld %u\n", (long long)offsets->boottime->secs,
                        offsets->boottime->nanosecs);
        return text_string(&text);
}

int compile_spawn(struct compile *c)
{
        uint32_t spaces = c->new_spaces & ~(uint32_t)CLONE_NEWCGROUP;

        if (c->linux_->time_offsets && spaces & CLONE_NEWTIME && *offsets_text(c)) {
                /* Offsets can be set until the first process is in: so unshare, set, clone. */
                plan_add(c->plan, HOST, "/linux/timeOffsets", unshare, .spaces = CLONE_NEWTIME);
                plan_add(
                        c->plan, HOST, "/linux/timeOffsets", set_clocks,
                        .offsets = offsets_text(c));
                spaces &= ~(uint32_t)CLONE_NEWTIME;
        }
        if (c->joined_spaces & CLONE_NEWUSER)
                spaces = 0; /* made after joining, so that they belong to that user namespace */
        if (c->joined_spaces & CLONE_NEWPID)
                plan_add(
                        c->plan, HOST, "/linux/namespaces", join_namespace, .ns = c->join[5],
                        .type = CLONE_NEWPID);
        c->process_fd = plan_slot(c->plan);
        plan_add(
                c->plan, HOST, "/linux/namespaces", spawn, .spaces = spaces, .cgroup = c->cgroup2,
                .process = c->process_fd);
        if (c->new_spaces & CLONE_NEWUSER) {
                bool single = c->facts->uid != 0;

                plan_add(
                        c->plan, HOST, "/linux/uidMappings", map_ids, .process = c->process_fd,
                        .uid_map = map_text(c, &c->linux_->uid_mappings),
                        .gid_map = map_text(c, &c->linux_->gid_mappings), .deny_setgroups = single);
                plan_add(c->plan, HOST, "/linux/uidMappings", open_gate, .gate = GATE_IDS_MAPPED);
        }
        return 0;
}

static void join_all(struct compile *c)
{
        for (size_t k = 0; k < ARRAY_SIZE(types); k++)
                if (c->join[k] >= 0 && types[k] != CLONE_NEWPID)
                        plan_add(
                                c->plan, INIT, "/linux/namespaces", join_namespace,
                                .ns = c->join[k], .type = types[k]);
}

int compile_namespaces_init(struct compile *c)
{
        uint32_t later = c->new_spaces & (uint32_t)CLONE_NEWCGROUP;

        plan_add(c->plan, INIT, "[journal]", guard_parent, .on = 1);
        if (c->options->log)
                plan_add(c->plan, INIT, "[log]", redirect_output, .path = c->options->log);
        if (c->new_spaces & CLONE_NEWUSER)
                plan_add(c->plan, INIT, "/linux/uidMappings", await_gate, .gate = GATE_IDS_MAPPED);
        /* Before any namespace is entered: the cgroup files are the host's. */
        for (size_t i = 0; i < c->n_cgroups; i++)
                plan_add(
                        c->plan, INIT, "/linux/cgroupsPath", join_cgroup, .cgroup = c->cgroups[i],
                        .file = "tasks");
        join_all(c);
        if (c->user_namespace)
                plan_add(c->plan, INIT, "/linux/uidMappings", become_root);
        if (c->joined_spaces & CLONE_NEWUSER)
                later |= c->new_spaces & ~(uint32_t)CLONE_NEWTIME;
        if (later)
                plan_add(c->plan, INIT, "/linux/namespaces", unshare, .spaces = later);
        if (c->new_spaces & CLONE_NEWNET)
                plan_add(c->plan, INIT, "[loopback]", link_up, .name = "lo");
        if (c->spec->hostname && *c->spec->hostname) {
                if (!compile_has_namespace(c, CLONE_NEWUTS))
                        return spec_error(
                                c->spec->at, c->document, "/hostname",
                                "would change the host's name: add a uts namespace");
                plan_add(c->plan, INIT, "/hostname", set_hostname, .name = c->spec->hostname);
        }
        if (c->spec->domainname && *c->spec->domainname) {
                if (!compile_has_namespace(c, CLONE_NEWUTS))
                        return spec_error(
                                c->spec->at, c->document, "/domainname",
                                "would change the host's name: add a uts namespace");
                plan_add(c->plan, INIT, "/domainname", set_domainname, .name = c->spec->domainname);
        }
        return 0;
}
