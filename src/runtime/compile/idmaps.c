/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the id maps of a new user namespace.
 *
 * Three ways, chosen by what we are: with CAP_SETUID and CAP_SETGID we write any map ourselves; an
 * ordinary user may write a map of one line, its own id, at the price of setgroups(2); for more there
 * are newuidmap(1) and newgidmap(1), which give out what /etc/subuid and /etc/subgid grant. What the
 * kernel or a helper would refuse with a bare EINVAL or EPERM is refused here, with the line that is
 * wrong and what would make it right. */
#include "compile.h"

#include <sched.h>
#include <string.h>

enum {
        LINES_MAX = 340,  /* user_namespaces(7), since Linux 4.15 */
        BYTES_MAX = 4095, /* less than a page in one write */
};

/* One of the two maps, and the words for it. */
struct map {
        const struct spec_id_mapping_list *list;
        const char *pointer; /* "/linux/uidMappings" */
        const char *what;    /* "uid" */
        const char *file;    /* "/etc/subuid" */
        const char *helper;  /* where newuidmap is; NULL: it is not */
        const struct id_range *ranges;
        size_t n_ranges;
        uint32_t own; /* our id */
        bool capable; /* we may write any map */
};

static struct map get_map(const struct compile *c, bool of_groups)
{
        const struct facts *f = c->facts;

        if (of_groups)
                return (struct map){
                        .list = &c->linux_->gid_mappings,
                        .pointer = "/linux/gidMappings",
                        .what = "gid",
                        .file = "/etc/subgid",
                        .helper = f->newgidmap,
                        .ranges = f->subgid,
                        .n_ranges = f->n_subgid,
                        .own = f->gid,
                        .capable = facts_capable(f, 6 /* CAP_SETGID */),
                };
        return (struct map){
                .list = &c->linux_->uid_mappings,
                .pointer = "/linux/uidMappings",
                .what = "uid",
                .file = "/etc/subuid",
                .helper = f->newuidmap,
                .ranges = f->subuid,
                .n_ranges = f->n_subuid,
                .own = f->uid,
                .capable = facts_capable(f, 7 /* CAP_SETUID */),
        };
}

static uint64_t end_of(uint32_t first, uint32_t size)
{
        return (uint64_t)first + size;
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
        return a < end_of(b, b_size) && b < end_of(a, a_size);
}

static int refuse(struct compile *c, const struct map *map, size_t line, const char *what)
{
        return spec_error(
                map->list->items[line].at, c->document, why(c, "%s/%zu", map->pointer, line), "%s",
                what);
}

/* A line by itself, and against those before it. */
static int check_line(struct compile *c, const struct map *map, size_t i)
{
        const struct spec_id_mapping *line = &map->list->items[i];

        if (line->size == 0)
                return refuse(c, map, i, "maps no ids: its size is 0");
        /* The last id, 2^32 - 1, means "none" to the kernel. */
        if (end_of(line->container_id, line->size) > UINT32_MAX ||
            end_of(line->host_id, line->size) > UINT32_MAX)
                return refuse(c, map, i, "goes beyond the last id, 4294967294");
        for (size_t k = 0; k < i; k++) {
                const struct spec_id_mapping *other = &map->list->items[k];

                if (overlap(line->container_id, line->size, other->container_id, other->size))
                        return refuse(
                                c, map, i,
                                why(c, "maps ids of the container that %s/%zu maps too",
                                    map->pointer, k));
                if (overlap(line->host_id, line->size, other->host_id, other->size))
                        return refuse(
                                c, map, i,
                                why(c, "maps ids of the host that %s/%zu maps too", map->pointer,
                                    k));
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

static int check_map(struct compile *c, const struct map *map)
{
        if (map->list->n == 0)
                return spec_error(
                        c->linux_->at, c->document, map->pointer,
                        "missing or empty: a new user namespace needs uidMappings and gidMappings");
        if (map->list->n > LINES_MAX)
                return refuse(
                        c, map, LINES_MAX,
                        why(c, "is one more than the %d lines that the kernel takes",
                            (int)LINES_MAX));
        for (size_t i = 0; i < map->list->n; i++) {
                int r = check_line(c, map, i);

                if (r < 0)
                        return r;
        }
        if (strlen(map_text(c, map->list)) > BYTES_MAX)
                return spec_error(
                        map->list->items[0].at, c->document, map->pointer,
                        "is longer than the %d bytes that the kernel takes, written out in lines "
                        "of \"inside outside count\": use fewer lines",
                        (int)BYTES_MAX);
        return 0;
}

/* The whole map is our own id: the kernel lets everybody write that. */
static bool is_own(const struct map *map)
{
        return map->list->n == 1 && map->list->items[0].size == 1 &&
               map->list->items[0].host_id == map->own;
}

/* May the helper map this line? Its own id, or what lies in one range of the file. */
static bool is_granted(const struct map *map, const struct spec_id_mapping *line)
{
        if (line->size == 1 && line->host_id == map->own)
                return true;
        for (size_t i = 0; i < map->n_ranges; i++)
                if (line->host_id >= map->ranges[i].first &&
                    end_of(line->host_id, line->size) <=
                            (uint64_t)map->ranges[i].first + map->ranges[i].count)
                        return true;
        return false;
}

static const char *ranges_text(struct compile *c, const struct map *map)
{
        struct text text = { .arena = c->arena };

        for (size_t i = 0; i < map->n_ranges; i++)
                text_addf(
                        &text, "%s%u to %llu", i ? ", " : "", map->ranges[i].first,
                        (unsigned long long)map->ranges[i].first + map->ranges[i].count - 1);
        return text.len ? text_string(&text) : "nothing";
}

static int check_grants(struct compile *c, const struct map *map)
{
        const char *user = c->facts->user ? c->facts->user : why(c, "%u", c->facts->uid);

        for (size_t i = 0; i < map->list->n; i++) {
                const struct spec_id_mapping *line = &map->list->items[i];

                if (is_granted(map, line))
                        continue;
                trail_hint(
                        "as root: usermod --add-sub%ss %u-%llu %s; or map your own %s %u alone, "
                        "with size 1",
                        map->what, line->host_id,
                        (unsigned long long)end_of(line->host_id, line->size) - 1, user, map->what,
                        map->own);
                return refuse(
                        c, map, i,
                        why(c, "maps the host's %ss %u to %llu, but %s gives %s %s", map->what,
                            line->host_id,
                            (unsigned long long)end_of(line->host_id, line->size) - 1, map->file,
                            user, ranges_text(c, map)));
        }
        if (!map->helper) {
                trail_hint(
                        "install new%smap (on Debian and Ubuntu: the package uidmap), or map your "
                        "own %s %u alone, with size 1",
                        map->what, map->what, map->own);
                return spec_error(
                        map->list->items[0].at, c->document, map->pointer,
                        "an ordinary user needs new%smap to map this, and it is not on this host",
                        map->what);
        }
        return 0;
}

/* The container's id 0, or the first one where that is not mapped. */
static uint32_t first_id(const struct map *map)
{
        for (size_t i = 0; i < map->list->n; i++)
                if (map->list->items[i].container_id == 0)
                        return 0;
        return map->list->items[0].container_id;
}

static bool is_mapped(const struct map *map, uint32_t id)
{
        for (size_t i = 0; i < map->list->n; i++)
                if (id >= map->list->items[i].container_id &&
                    id < end_of(map->list->items[i].container_id, map->list->items[i].size))
                        return true;
        return false;
}

static int check_user(struct compile *c, const struct map *uids, const struct map *gids)
{
        const struct spec_user *user = c->process->user;

        if (!is_mapped(uids, user ? user->uid : 0))
                return spec_error(
                        user ? user->at : c->process->at, c->document, "/process/user/uid",
                        "%u is not mapped by /linux/uidMappings", user ? user->uid : 0);
        if (!is_mapped(gids, user ? user->gid : 0))
                return spec_error(
                        user ? user->at : c->process->at, c->document, "/process/user/gid",
                        "%u is not mapped by /linux/gidMappings", user ? user->gid : 0);
        for (size_t i = 0; user && !c->ids.deny_setgroups && i < user->additional_gids.n; i++)
                if (!is_mapped(gids, user->additional_gids.items[i]))
                        return spec_error(
                                user->at, c->document,
                                why(c, "/process/user/additionalGids/%zu", i),
                                "%u is not mapped by /linux/gidMappings",
                                user->additional_gids.items[i]);
        return 0;
}

static int check_unused(struct compile *c)
{
        const struct map maps[] = { get_map(c, false), get_map(c, true) };

        for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
                if (maps[i].list->n == 0)
                        continue;
                if (c->user_namespace)
                        plan_note(
                                c->plan,
                                "%s: not used: the user namespace that is joined has its own",
                                maps[i].pointer);
                else
                        return spec_error(
                                maps[i].list->items[0].at, c->document, maps[i].pointer,
                                "needs a user namespace: add {\"type\":\"user\"} to "
                                "/linux/namespaces");
        }
        return 0;
}

int compile_id_maps(struct compile *c, bool as_maker)
{
        struct map uids = get_map(c, false), gids = get_map(c, true);
        int r;

        if (!(c->new_spaces & CLONE_NEWUSER))
                return as_maker ? 0 : check_unused(c);
        if ((r = check_map(c, &uids)) < 0 || (r = check_map(c, &gids)) < 0)
                return r;
        c->ids = (struct id_plan){
                .uid_map = map_text(c, uids.list),
                .gid_map = map_text(c, gids.list),
                .uid_helper = uids.capable || is_own(&uids) ? NULL : uids.helper,
                .gid_helper = gids.capable || is_own(&gids) ? NULL : gids.helper,
                .deny_setgroups = !gids.capable && is_own(&gids),
                .uid = first_id(&uids),
                .gid = first_id(&gids),
                .certain = as_maker,
        };
        if (!as_maker)
                return 0;
        if (!uids.capable && !is_own(&uids) && (r = check_grants(c, &uids)) < 0)
                return r;
        if (!gids.capable && !is_own(&gids) && (r = check_grants(c, &gids)) < 0)
                return r;
        return check_user(c, &uids, &gids);
}

FD compile_idmap(struct compile *c, const char *reason, const struct spec_mount *own)
{
        const char *uids, *gids;

        if (!own && c->joined_spaces & CLONE_NEWUSER)
                return c->join[0];
        uids = map_text(c, own ? &own->uid_mappings : &c->linux_->uid_mappings);
        gids = map_text(c, own ? &own->gid_mappings : &c->linux_->gid_mappings);
        if (c->idmap >= 0 && text_equal(uids, c->idmap_uids) && text_equal(gids, c->idmap_gids))
                return c->idmap;
        c->idmap = plan_slot(c->plan);
        c->idmap_uids = uids;
        c->idmap_gids = gids;
        plan_add(
                c->plan, HOST, reason, make_idmap, .uid_map = uids, .gid_map = gids,
                .uid_helper = own ? NULL : c->ids.uid_helper,
                .gid_helper = own ? NULL : c->ids.gid_helper, .ns = c->idmap);
        return c->idmap;
}
