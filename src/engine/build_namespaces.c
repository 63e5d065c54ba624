/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: --pid, --ipc, --uts, --network, --cgroupns, --userns, --time-offset and what
 * lives in these namespaces: names, sysctls, /dev/shm.
 *
 * The modes are alike for all of them: private (a new one), host (none), container:NAME (that of a
 * running container) and ns:PATH (a file of nsfs), so one table reads them all. */
#include "build.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

static const struct kind {
        const char *option, *type, *file;
        const char *words; /* what is another spelling of private */
} kinds[] = {
        { "--network", "network", "ns/net", "none" },
        { "--pid", "pid", "ns/pid", "private" },
        { "--ipc", "ipc", "ns/ipc", "private shareable none" },
        { "--uts", "uts", "ns/uts", "private" },
        { "--cgroupns", "cgroup", "ns/cgroup", "private" },
        { "--userns", "user", "ns/user", "private keep-id" },
};

enum {
        NETWORK,
        PID,
        IPC,
        UTS,
        CGROUP,
        USER
};

static int unknown_mode(const struct kind *kind, const char *mode)
{
        if (kind == &kinds[NETWORK])
                trail_hint("'none' is a network of its own with a loopback, 'host' is the host's; "
                           "container:NAME and ns:PATH are those of others");
        else if (kind == &kinds[USER] && text_starts(mode, "auto"))
                trail_hint("choose a range: --userns private --uidmap 0:100000:65536");
        else
                trail_hint("known are host, container:NAME, ns:PATH and %s", kind->words);
        return kind == &kinds[NETWORK] ? trail(-EINVAL, "--network: there is no network '%s'", mode)
                                       : build_refuse(kind->option, mode, "there is no such mode");
}

/* Append the namespace that the mode means to the list; 1: none was added. */
static int add_space(struct build *b, const struct kind *kind, const char *mode)
{
        struct spec_namespace_list *list = &b->linux_->namespaces;
        struct spec_namespace space = { .type = kind->type };
        int r = 0;

        if (text_equal(mode, "host"))
                return 1;
        if (text_starts(mode, "container:") && mode[10])
                r = build_container_file(b, kind->option, mode + 10, kind->file, &space.path);
        else if (text_starts(mode, "ns:") && mode[3] == '/')
                space.path = mode + 3;
        else if (text_starts(mode, "ns:"))
                return build_refuse(kind->option, mode, "ns: is followed by an absolute path");
        else if (!build_word_in(kind->words, mode))
                return unknown_mode(kind, mode);
        if (r == 0)
                list->items[list->n++] = space;
        return r;
}

static bool is_private(const char *mode)
{
        return !text_equal(mode, "host") && !text_starts(mode, "container:") &&
               !text_starts(mode, "ns:");
}

/* -- users ----------------------------------------------------------------------------------------- */

static int read_maps(
        struct build *b, const char *option, const struct words *values,
        struct spec_id_mapping_list *list)
{
        list->items = arena_array(b->arena, values->n + 1, sizeof *list->items);
        list->n = 0; /* an ordinary user's template has some */
        for (size_t i = 0; i < values->n; i++) {
                char *at = arena_string(b->arena, values->items[i]);
                uint64_t numbers[3] = { 0, 0, 1 };
                size_t n = 0;

                for (const char *word; (word = build_cut(&at, ':')); n++)
                        if (n == 3 || text_u64(word, &numbers[n]) < 0 || numbers[n] >= UINT32_MAX)
                                return build_refuse(
                                        option, values->items[i],
                                        "expected ID:HOST-ID[:COUNT], such as 0:100000:65536");
                if (n < 2 || numbers[2] == 0)
                        return build_refuse(
                                option, values->items[i],
                                "expected ID:HOST-ID[:COUNT], such as 0:100000:65536");
                list->items[list->n++] =
                        (struct spec_id_mapping){ .container_id = (uint32_t)numbers[0],
                                                  .host_id = (uint32_t)numbers[1],
                                                  .size = (uint32_t)numbers[2] };
        }
        return 0;
}

/* One range: all ids as they are (root), or our own as `as` and nothing else. */
static struct spec_id_mapping_list one_map(struct build *b, uint32_t id, uint32_t as)
{
        struct spec_id_mapping *map = arena_new(b->arena, struct spec_id_mapping);

        if (b->facts->uid == 0)
                *map = (struct spec_id_mapping){ .size = UINT32_MAX };
        else
                *map = (struct spec_id_mapping){ .container_id = as, .host_id = id, .size = 1 };
        return (struct spec_id_mapping_list){ map, 1 };
}

/* Ours as 0, and behind it those that the host grants us: where there are any, and the helpers. */
static bool map_ranges(struct build *b)
{
        const struct facts *f = b->facts;
        struct spec_id_mapping *uids = arena_array(b->arena, 2, sizeof *uids);
        struct spec_id_mapping *gids = arena_array(b->arena, 2, sizeof *gids);

        if (f->uid == 0 || !f->newuidmap || !f->newgidmap || !f->n_subuid || !f->n_subgid)
                return false;
        uids[0] = (struct spec_id_mapping){ .host_id = f->uid, .size = 1 };
        gids[0] = (struct spec_id_mapping){ .host_id = f->gid, .size = 1 };
        uids[1] = (struct spec_id_mapping){ .container_id = 1,
                                            .host_id = f->subuid[0].first,
                                            .size = f->subuid[0].count };
        gids[1] = (struct spec_id_mapping){ .container_id = 1,
                                            .host_id = f->subgid[0].first,
                                            .size = f->subgid[0].count };
        b->linux_->uid_mappings = (struct spec_id_mapping_list){ uids, 2 };
        b->linux_->gid_mappings = (struct spec_id_mapping_list){ gids, 2 };
        return true;
}

static int build_users(struct build *b)
{
        const struct run_request *request = b->request;
        const char *mode = request->userns;
        bool maps = request->uid_map.n || request->gid_map.n;
        uint32_t uid = b->facts->uid, gid = b->facts->gid;
        bool keep = text_equal(mode, "keep-id");
        int r;

        if (!mode || !*mode)
                mode = maps || uid != 0 ? "private" : "host";
        if (maps && (!is_private(mode) || keep))
                return trail(-EINVAL, "--uidmap and --gidmap do not go with --userns %s", mode);
        r = add_space(b, &kinds[USER], mode);
        if (r != 0 || !is_private(mode))
                return r < 0 ? r : 0;
        if (!maps && !keep && uid == 0)
                return trail(-EINVAL, "--userns private: --uidmap ID:HOST-ID:COUNT is missing");
        if (!maps && !keep && map_ranges(b))
                return 0;
        if (!maps) {
                b->linux_->uid_mappings = one_map(b, uid, keep ? uid : 0);
                b->linux_->gid_mappings = one_map(b, gid, keep ? gid : 0);
                return 0;
        }
        r = read_maps(
                b, request->uid_map.n ? "--uidmap" : "--gidmap",
                request->uid_map.n ? &request->uid_map : &request->gid_map,
                &b->linux_->uid_mappings);
        if (r == 0)
                r = read_maps(
                        b, request->gid_map.n ? "--gidmap" : "--uidmap",
                        request->gid_map.n ? &request->gid_map : &request->uid_map,
                        &b->linux_->gid_mappings);
        return r;
}

/* -- clocks ---------------------------------------------------------------------------------------- */

/* "-60.5": the kernel counts nanoseconds forward, so that is -61 and half a second. */
static int read_offset(const char *word, struct spec_time_offset *ret)
{
        bool minus = *word == '-';
        const char *at = word + (minus || *word == '+'), *dot = strchr(at, '.');
        uint64_t whole = 0, part = 0, scale = 1000000000;
        size_t digits = strspn(at, "0123456789");

        if (!digits || digits > 18 || (at[digits] && at + digits != dot))
                return -EINVAL;
        for (size_t i = 0; i < digits; i++)
                whole = whole * 10 + (uint64_t)(at[i] - '0');
        for (at = dot ? dot + 1 : ""; *at; at++) {
                scale /= 10;
                if (*at < '0' || *at > '9' || !scale)
                        return -EINVAL;
                part += (uint64_t)(*at - '0') * scale;
        }
        if (dot && !dot[1])
                return -EINVAL;
        ret->secs = minus ? -(int64_t)whole - (part != 0) : (int64_t)whole;
        ret->nanosecs = (uint32_t)(minus && part ? 1000000000 - part : part);
        return 0;
}

static int build_clocks(struct build *b)
{
        struct spec_time_offsets *offsets = arena_new(b->arena, struct spec_time_offsets);
        struct spec_namespace_list *list = &b->linux_->namespaces;
        const char *value = b->request->time_offset;
        char *at = value ? arena_string(b->arena, value) : NULL;

        if (!value)
                return 0;
        for (char *word; (word = build_cut(&at, ','));) {
                struct spec_time_offset *offset = arena_new(b->arena, struct spec_time_offset);
                const char *clock = build_cut(&word, '=');

                if (!word || read_offset(word, offset) < 0 ||
                    !build_word_in("monotonic boottime", clock))
                        return build_refuse(
                                "--time-offset", value,
                                "expected monotonic=SECONDS or boottime=SECONDS or both, with a "
                                "comma between");
                if (text_equal(clock, "monotonic"))
                        offsets->monotonic = offset;
                else
                        offsets->boottime = offset;
        }
        list->items[list->n++] = (struct spec_namespace){ .type = "time" };
        b->linux_->time_offsets = offsets;
        return 0;
}

/* -- what lives in them ---------------------------------------------------------------------------- */

static bool is_shm(const struct spec_mount *mount)
{
        return text_equal(mount->destination, "/dev/shm");
}

/* POSIX shared memory and queues go with the ipc namespace: the host's are bound, another container's
 * memory is borrowed (its queues are those of the namespace), "none" has no memory. */
static int fit_shared_memory(struct build *b, const char *mode)
{
        static const char *host[] = { "rbind", "rprivate", NULL };
        static const char *other[] = { "bind", "private", "nosuid", "nodev", "noexec", NULL };
        struct spec_mount_list kept = {
                .items = arena_array(b->arena, b->spec->mounts.n + 1, sizeof *kept.items)
        };
        int r = 0;

        for (size_t i = 0; i < b->spec->mounts.n && r == 0; i++) {
                struct spec_mount mount = b->spec->mounts.items[i];

                if (is_shm(&mount) && text_equal(mode, "none"))
                        continue;
                if ((is_shm(&mount) || text_equal(mount.destination, "/dev/mqueue")) &&
                    text_equal(mode, "host")) {
                        if (file_access(mount.destination, F_OK) < 0)
                                continue;
                        mount.source = mount.destination;
                        mount.type = "bind";
                        mount.options = (struct spec_texts){ host, 2 };
                }
                if (is_shm(&mount) && text_starts(mode, "container:")) {
                        r = build_container_file(
                                b, "--ipc", mode + 10, "root/dev/shm", &mount.source);
                        mount.options = (struct spec_texts){ other, 5 };
                }
                kept.items[kept.n++] = mount;
        }
        b->spec->mounts = kept;
        return r;
}

static int build_names(struct build *b, const char *uts)
{
        const struct run_request *request = b->request;

        if (!is_private(uts)) {
                if (request->hostname || request->domainname)
                        return trail(
                                -EINVAL,
                                "--%s would change the name of others: it does not go with "
                                "--uts %s",
                                request->hostname ? "hostname" : "domainname", uts);
                b->spec->hostname = NULL;
                return 0;
        }
        b->spec->hostname =
                request->hostname ? request->hostname : arena_format(b->arena, "%.12s", b->id);
        if (request->domainname)
                b->spec->domainname = request->domainname;
        if (strlen(b->spec->hostname) > 64)
                return build_refuse(
                        "--hostname", request->hostname, "a name has 64 letters at most");
        return 0;
}

int build_namespaces(struct build *b)
{
        const struct run_request *request = b->request;
        const char *ipc = request->ipc ? request->ipc : "private";
        const char *uts = request->uts ? request->uts : "private";
        const char *const modes[] = {
                [NETWORK] = request->network ? request->network : "none",
                [PID] = request->pid ? request->pid : "private",
                [IPC] = ipc,
                [UTS] = uts,
                [CGROUP] = request->cgroupns ? request->cgroupns : "private",
        };
        struct spec_namespace_list *list = &b->linux_->namespaces;
        int r;

        *list = (struct spec_namespace_list){ .items = arena_array(
                                                      b->arena, 9, sizeof *list->items) };
        list->items[list->n++] = (struct spec_namespace){ .type = "mount" };
        for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
                r = add_space(b, &kinds[i], modes[i]);
                if (r < 0)
                        return r;
        }
        if ((r = build_users(b)) < 0 || (r = build_clocks(b)) < 0 || (r = build_names(b, uts)) < 0)
                return r;
        r = fit_shared_memory(b, ipc);
        return r < 0 ? r : build_map(b, "--sysctl", &request->sysctl, &b->linux_->sysctl);
}
