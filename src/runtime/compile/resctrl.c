/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /linux/intelRdt: the container's share of caches and memory bandwidth.
 *
 * The group of a closID is shared: it is made when missing and never removed. Without closID the
 * container gets a group of its own, named by its id, which goes with it, and so does the group
 * that monitoring wants. The first process joins both by itself, like a cgroup of v1; exec joins
 * them again, since its process is no descendant of the first one. */
#include "compile.h"

#include <string.h>

#define RDT        "/linux/intelRdt"
#define MONITORING RDT "/enableMonitoring"

static int refuse(const struct compile *c, const char *pointer, const char *words)
{
        return spec_error(c->linux_->intel_rdt->at, c->document, pointer, "%s", words);
}

/* A name of a directory, and of one line in messages and the journal. */
static bool is_name(const char *name)
{
        if (!*name || text_is_dots(name) || strlen(name) > 255)
                return false;
        for (const char *at = name; *at; at++)
                if (*at == '/' || (unsigned char)*at < ' ' || *at == 0x7f)
                        return false;
        return !text_equal(name, "info") && !text_equal(name, "mon_groups") &&
               !text_equal(name, "mon_data");
}

static int add_line(
        const struct compile *c, struct text *lines, const char *pointer, const char *line)
{
        if (!line)
                return 0;
        if (!strchr(line, ':') || strchr(line, '\n'))
                return refuse(c, pointer, "is not one line like \"L3:0=ff;1=ff\"");
        text_addf(lines, "%s%s", lines->len ? "\n" : "", line);
        return 0;
}

/* What goes to the file, in the order that the specification has; NULL: nothing. */
static int schemata(const struct compile *c, const char **ret_lines)
{
        const struct spec_intel_rdt *rdt = c->linux_->intel_rdt;
        struct text lines = { .arena = c->arena };
        int r;

        if (rdt->mem_bw_schema && !text_starts(rdt->mem_bw_schema, "MB:"))
                return refuse(c, RDT "/memBwSchema", "does not begin with 'MB:'");
        if ((r = add_line(c, &lines, RDT "/l3CacheSchema", rdt->l3_cache_schema)) < 0 ||
            (r = add_line(c, &lines, RDT "/memBwSchema", rdt->mem_bw_schema)) < 0)
                return r;
        for (size_t i = 0; i < rdt->schemata.n && r == 0; i++)
                r = add_line(c, &lines, why(c, RDT "/schemata/%zu", i), rdt->schemata.items[i]);
        *ret_lines = lines.len ? text_string(&lines) : NULL;
        return r;
}

static const char *group_path(const struct compile *c)
{
        const char *clos = c->linux_->intel_rdt->clos_id;

        if (text_equal(clos, "/"))
                return c->facts->resctrl;
        return why(c, "%s/%s", c->facts->resctrl, clos ? clos : c->options->id);
}

static const char *monitor_path(const struct compile *c)
{
        return why(c, "%s/mon_groups/%s", group_path(c), c->options->id);
}

static int check(const struct compile *c)
{
        const char *clos = c->linux_->intel_rdt->clos_id;

        if (!c->facts->resctrl) {
                trail_hint("where the processor has it: mount -t resctrl resctrl /sys/fs/resctrl; "
                           "else take it out");
                return refuse(c, RDT, "no resctrl file system is mounted on this host");
        }
        if (clos && !text_equal(clos, "/") && !is_name(clos))
                return refuse(c, RDT "/closID", "is not the name of a group, nor '/'");
        return 0;
}

int compile_resctrl_host(struct compile *c)
{
        const struct spec_intel_rdt *rdt = c->linux_->intel_rdt;
        const char *lines;
        FD group;
        int r;

        if (!rdt)
                return 0;
        if ((r = check(c)) < 0 || (r = schemata(c, &lines)) < 0)
                return r;
        group = c->groups[0] = plan_slot(c->plan);
        if (rdt->clos_id)
                plan_add(
                        c->plan, HOST, RDT "/closID", share_group, .path = group_path(c),
                        .schemata = lines, .group = group);
        else
                plan_add(
                        c->plan, HOST, RDT, make_group, .path = group_path(c), .schemata = lines,
                        .group = group);
        if (rdt->enable_monitoring) {
                c->groups[1] = plan_slot(c->plan);
                plan_add(
                        c->plan, HOST, MONITORING, make_group, .path = monitor_path(c),
                        .group = c->groups[1]);
        }
        return 0;
}

/* exec: the groups are there. */
void compile_resctrl_exec(struct compile *c)
{
        const struct spec_intel_rdt *rdt = c->linux_->intel_rdt;

        if (!rdt || !c->facts->resctrl)
                return;
        c->groups[0] = plan_slot(c->plan);
        plan_add(c->plan, HOST, RDT, open_path, .path = group_path(c), .fd = c->groups[0]);
        if (!rdt->enable_monitoring)
                return;
        c->groups[1] = plan_slot(c->plan);
        plan_add(c->plan, HOST, MONITORING, open_path, .path = monitor_path(c), .fd = c->groups[1]);
}

int compile_resctrl_update(struct compile *c, const char *l3_cache, const char *memory_bandwidth)
{
        struct spec_linux *linux_ = arena_new(c->arena, struct spec_linux);
        struct spec_intel_rdt *rdt = arena_new(c->arena, struct spec_intel_rdt);
        const char *lines;
        FD group;
        int r;

        if (!l3_cache && !memory_bandwidth)
                return 0;
        if (!c->linux_->intel_rdt)
                return trail(
                        -EOPNOTSUPP, "the container has no group of resctrl: its document has no "
                                     "/linux/intelRdt");
        rdt->at = c->linux_->intel_rdt->at;
        rdt->clos_id = c->linux_->intel_rdt->clos_id;
        rdt->l3_cache_schema = l3_cache;
        rdt->mem_bw_schema = memory_bandwidth;
        *linux_ = *c->linux_;
        linux_->intel_rdt = rdt;
        c->linux_ = linux_;
        if ((r = check(c)) < 0 || (r = schemata(c, &lines)) < 0)
                return r;
        group = plan_slot(c->plan);
        plan_add(c->plan, HOST, RDT, open_path, .path = group_path(c), .fd = group);
        plan_add(
                c->plan, HOST, RDT "/schemata", set_cgroup, .cgroup = group, .file = "schemata",
                .values = lines);
        return 0;
}

void compile_resctrl_join(struct compile *c)
{
        if (c->groups[0] >= 0)
                plan_add(c->plan, INIT, RDT, join_group, .group = c->groups[0]);
        if (c->groups[1] >= 0)
                plan_add(c->plan, INIT, MONITORING, join_group, .group = c->groups[1]);
}
