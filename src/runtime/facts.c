/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what the host is, asked once.
 *
 * A plan depends on a handful of facts: which cgroup trees there are and where we are in them, how
 * old the kernel is, which capabilities and limits we hold. /proc/self/cgroup and one statfs for
 * each conventional mount point tell the cgroup layout; the mount table, which is long on busy
 * hosts, is not read. What a filter may refuse
 * is asked with arguments that no kernel takes; but for an oom_score_adj below our own, nothing else is
 * probed by trying. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/utsname.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

bool facts_kernel(const struct facts *facts, unsigned major, unsigned minor)
{
        return facts->kernel_major > major ||
               (facts->kernel_major == major && facts->kernel_minor >= minor);
}

bool facts_capable(const struct facts *facts, unsigned capability)
{
        return facts->caps >> capability & 1;
}

void facts_as_root(struct facts *facts)
{
        if (facts->uid == 0)
                return; /* what we are told of ourselves is better than a guess */
        facts->uid = facts->gid = 0;
        facts->caps = caps_all();
}

static void read_kernel(struct facts *facts)
{
        struct utsname name;
        const char *at;

        if (uname(&name) < 0)
                return;
        at = name.release;
        while (*at >= '0' && *at <= '9')
                facts->kernel_major = facts->kernel_major * 10 + (unsigned)(*at++ - '0');
        if (*at == '.')
                at++;
        while (*at >= '0' && *at <= '9')
                facts->kernel_minor = facts->kernel_minor * 10 + (unsigned)(*at++ - '0');
}

/* Is that what is mounted there? What cannot be found out is an error: a hierarchy that is overlooked is
 * one without limits. */
static bool is_mounted(const char *path, int64_t magic, int *error)
{
        int64_t is = file_magic_at(path);

        if (is < 0 && is != -ENOENT && is != -ENOTDIR && is != -EACCES)
                *error =
                        trail((int)is, "cannot find out what is mounted on %s: %s", path,
                              text_errno((int)is));
        return is == magic;
}

/* Where a v1 hierarchy is mounted: by its controllers, else by the first of them. */
static const char *find_v1(struct arena *arena, const char *names, int *error)
{
        const char *word = text_starts(names, "name=") ? names + 5 : names;
        const char *path = arena_format(arena, CGROUP_ROOT "/%s", word);

        if (is_mounted(path, MAGIC_CGROUP1, error))
                return path;
        path = arena_format(arena, CGROUP_ROOT "/%.*s", (int)strcspn(word, ","), word);
        return is_mounted(path, MAGIC_CGROUP1, error) ? path : NULL;
}

static int find_v2(struct facts *facts)
{
        int error = 0;

        if (is_mounted(CGROUP_ROOT, MAGIC_CGROUP2, &error))
                facts->v2.mount = CGROUP_ROOT;
        else if (is_mounted(CGROUP_ROOT "/unified", MAGIC_CGROUP2, &error))
                facts->v2.mount = CGROUP_ROOT "/unified";
        return error;
}

/* One line of /proc/self/cgroup, "4:memory:/path"; the v2 one is "0::/path". */
static int read_line(struct arena *arena, struct facts *facts, char *line)
{
        char *names = strchr(line, ':');
        char *own = names ? strchr(names + 1, ':') : NULL;
        int error = 0;

        if (!own)
                return 0;
        *names++ = '\0';
        *own++ = '\0';
        if (!*names) {
                facts->v2 =
                        (struct cgroup_hierarchy){ .names = "", .own = arena_string(arena, own) };
                error = find_v2(facts);
        } else if (facts->n_v1 < 32) {
                struct cgroup_hierarchy *v1 = &facts->v1[facts->n_v1];

                v1->mount = find_v1(arena, names, &error);
                v1->names = arena_string(arena, names);
                v1->own = arena_string(arena, own);
                facts->n_v1 += v1->mount != NULL;
        }
        return error;
}

int facts_parse_cgroups(struct arena *arena, char *list, struct facts *facts)
{
        int r = 0;

        facts->v1 = arena_array(arena, 32, sizeof *facts->v1);
        for (char *line = list; *line && r == 0;) {
                char *end = line + strcspn(line, "\n");
                bool last = !*end;

                *end = '\0';
                r = read_line(arena, facts, line);
                line = last ? end : end + 1;
        }
        if (facts->v2.mount && facts->n_v1 == 0)
                facts->cgroup_mode = CGROUP_V2;
        else if (facts->n_v1)
                facts->cgroup_mode = facts->v2.mount ? CGROUP_HYBRID : CGROUP_V1;
        return r;
}

static bool is_own(struct arena *arena, const struct cgroup_hierarchy *hierarchy)
{
        return file_access(arena_format(arena, "%s%s", hierarchy->mount, hierarchy->own), W_OK) ==
               0;
}

/* Root of a container, as a rule, sees its cgroups read-only. In the first user namespace that is an
 * error when the time comes, for what cgroups keep from a container nothing else does there. In another
 * one the container is as that of an ordinary user: without. */
static void forget_foreign_cgroups(struct arena *arena, struct facts *facts)
{
        bool ours = !facts->v2.mount || is_own(arena, &facts->v2);

        for (size_t i = 0; i < facts->n_v1 && ours; i++)
                ours = is_own(arena, &facts->v1[i]);
        if (!ours)
                facts->cgroup_mode = CGROUP_NONE;
}

/* May we make cgroups in it, move processes there, and give controllers on? */
static bool is_managed(struct arena *arena, const char *dir)
{
        static const char *const files[] = { "", "cgroup.procs", "cgroup.subtree_control" };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (file_access(arena_format(arena, "%s/%s", dir, files[i]), W_OK) < 0)
                        return false;
        return true;
}

/* From our own cgroup upwards, as far as it is ours: to move a process takes the right to the lowest
 * cgroup that has both places in it (cgroups(7)). */
static void find_delegated(struct arena *arena, struct facts *facts)
{
        const struct cgroup_hierarchy *v2 = &facts->v2;
        char *at = arena_string(arena, text_equal(v2->own, "/") ? "" : v2->own);

        if (text_starts(at, "/..")) /* out of our cgroup namespace */
                return;
        while (is_managed(arena, arena_format(arena, "%s%s", v2->mount, at))) {
                char *slash = strrchr(at, '/');

                facts->delegated = *at ? arena_string(arena, at) : "/";
                if (!slash)
                        return;
                *slash = '\0';
        }
}

/* Which controllers can be given to a cgroup of v2 that we make: root can give what the mount has. In
 * a delegated subtree it is what its top has; in our own cgroup, with us in it, only what that gives
 * on already. */
static const char *controllers_file(struct arena *arena, const struct facts *facts)
{
        const char *top = facts->delegated ? facts->delegated : "/";

        return arena_format(
                arena, "%s%s/%s", facts->v2.mount, text_equal(top, "/") ? "" : top,
                facts->delegated && text_equal(top, facts->v2.own) ? "cgroup.subtree_control"
                                                                   : "cgroup.controllers");
}

static int read_cgroups(struct arena *arena, struct facts *facts)
{
        char list[8192];
        ssize_t n = file_get_once(AT_FDCWD, "/proc/self/cgroup", list, sizeof list);
        int r;

        if (n == -ENOENT)
                return 0; /* a kernel without cgroups */
        if (n < 0)
                return trail((int)n, "cannot read /proc/self/cgroup: %s", text_errno((int)n));
        r = facts_parse_cgroups(arena, list, facts);
        if (r < 0)
                return r;
        if (facts->v2.mount) {
                const char *file;

                if (facts->uid != 0 || facts->in_user_namespace)
                        find_delegated(arena, facts);
                file = controllers_file(arena, facts);
                n = file_get_once(AT_FDCWD, file, list, sizeof list);
                if (n < 0 && n != -ENOENT && n != -EACCES)
                        return trail((int)n, "cannot read %s: %s", file, text_errno((int)n));
                if (n > 0) {
                        list[strcspn(list, "\n")] = '\0';
                        facts->v2.names = arena_string(arena, list);
                }
        }
        return 0;
}

/* Without CAP_SYS_RESOURCE one may still go back to the score that somebody with it gave last. No file
 * tells that score, so this tries it. containerd's shim, for one, raises its own score, which we inherit. */
static void read_oom_score(struct facts *facts, int64_t wanted)
{
        char text[16], try[16];
        ssize_t n = file_get(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof text);
        uint64_t score;

        if (n <= 0)
                return;
        text[strcspn(text, "\n")] = '\0';
        if (text_u64(text + (text[0] == '-'), &score) < 0 || score > 1000)
                return;
        facts->oom_score_adj = text[0] == '-' ? -(int)score : (int)score;
        if (wanted >= facts->oom_score_adj || wanted < -1000 ||
            facts_capable(facts, CAP_SYS_RESOURCE))
                return;
        text_format(try, sizeof try, "%d", (int)wanted);
        if (file_put(AT_FDCWD, "/proc/self/oom_score_adj", try) < 0)
                return;
        (void)file_put(AT_FDCWD, "/proc/self/oom_score_adj", text);
        facts->oom_score_adj = (int)wanted;
}

/* What even a process in a container that is there depends on. */
/* /proc/self/setgroups, user_namespaces(7) */
static bool denies_groups(void)
{
        char word[16];

        return file_get(AT_FDCWD, "/proc/self/setgroups", word, sizeof word) > 0 &&
               text_starts(word, "deny");
}

static int gather_own(struct arena *arena, struct facts *ret_facts)
{
        struct facts facts = { .uid = geteuid(), .gid = getegid() };
        uint64_t permitted, inheritable;
        int r;

        read_kernel(&facts);
        r = caps_get(&facts.caps, &permitted, &inheritable);
        if (r < 0)
                return trail(r, "cannot read our capabilities: %s", text_errno(r));
        if (!facts_capable(&facts, 6 /* CAP_SETGID */) ||
            !facts_capable(&facts, 7 /* CAP_SETUID */))
                subids_gather(arena, &facts);
        /* A kernel that was built without them refuses the unshare. */
        facts.has_time_namespace = facts_kernel(&facts, 5, 6);
        for (int i = 0; i < (int)ARRAY_SIZE(facts.rlimit_hard); i++)
                facts.rlimit_hard[i] = UINT64_MAX;
        facts.in_user_namespace = !namespace_is_first_user();
        facts.denies_groups = facts.in_user_namespace && denies_groups();
        facts.landlock = landlock_abi();
        *ret_facts = facts;
        return 0;
}

int facts_gather_exec(struct arena *arena, struct facts *ret_facts)
{
        struct facts facts;
        int r = gather_own(arena, &facts);

        if (r < 0)
                return r;
        r = find_v2(&facts);
        if (r < 0)
                return r;
        *ret_facts = facts;
        return 0;
}

int facts_gather(struct arena *arena, struct facts *ret_facts)
{
        struct facts facts;
        int r = gather_own(arena, &facts);

        if (r < 0)
                return r;
        /* From the first user namespace all others are below. */
        facts.has_mount_api = mount_has_interface(
                facts_capable(&facts, 21 /* CAP_SYS_ADMIN */) &&
                (!facts.in_user_namespace || namespace_owns_mounts()));
        facts.has_mount_setattr = mount_has_setattr();
        r = read_cgroups(arena, &facts);
        if (r < 0)
                return r;
        if (facts.in_user_namespace && facts.uid == 0)
                forget_foreign_cgroups(arena, &facts);
        *ret_facts = facts;
        return 0;
}

static bool is_asked(const char *word)
{
        return word && *word;
}

bool facts_shows_writable(const struct facts *facts, const struct spec *spec)
{
        bool writable = false;

        for (size_t i = 0; i < spec->mounts.n && !writable; i++) {
                const struct spec_mount *mount = &spec->mounts.items[i];

                writable = text_equal(mount->type, "cgroup") ||
                           (facts->cgroup_mode == CGROUP_V2 && text_equal(mount->type, "cgroup2"));
                for (size_t k = 0; k < mount->options.n; k++)
                        if (text_equal(mount->options.items[k], "ro") ||
                            text_equal(mount->options.items[k], "rro"))
                                writable = false;
        }
        return writable;
}

/* It is an option of the whole hierarchy, which each of its mounts shows. */
static bool is_nsdelegate(void)
{
        static const char type[] = " - cgroup2 ";
        auto_arena arena = { 0 };
        struct text table;
        const char *at;

        if (file_read(&arena, AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &table) < 0)
                return false;
        at = strstr(text_string(&table), type);
        if (!at)
                return false;
        at += sizeof type - 1;
        at += strcspn(at, " \n"); /* what was mounted, a name */
        for (size_t size; *at == ' ' || *at == ','; at += size) {
                at++;
                size = strcspn(at, ",\n");
                if (size == 10 && strncmp(at, "nsdelegate", size) == 0)
                        return true;
        }
        return false;
}

/* The security modules, of which most hosts have one at most, and most documents ask for none. */
static void gather_modules(struct facts *facts, const struct spec *spec)
{
        static const struct spec_linux no_linux;
        const struct spec_linux *linux_ = spec->linux_ ? spec->linux_ : &no_linux;

        if (is_asked(linux_->mount_label))
                facts->has_selinux = lsm_has_selinux();
        if (linux_->resources && facts->cgroup_mode == CGROUP_V2 &&
            facts_shows_writable(facts, spec))
                facts->has_nsdelegate = is_nsdelegate();
        if (linux_->intel_rdt && resctrl_is_mounted("/sys/fs/resctrl"))
                facts->resctrl = "/sys/fs/resctrl";
}

void facts_gather_document(
        struct facts *facts, const struct spec *spec, const struct spec_process *process)
{
        uint64_t soft;

        gather_modules(facts, spec);
        if (!process)
                return;
        if (is_asked(process->apparmor_profile))
                facts->has_apparmor = lsm_has_apparmor();
        if (is_asked(process->selinux_label))
                facts->has_selinux = lsm_has_selinux();
        for (size_t i = 0; i < process->rlimits.n; i++) {
                int resource = process_rlimit_number(process->rlimits.items[i].type);

                if (resource >= 0 && resource < (int)ARRAY_SIZE(facts->rlimit_hard))
                        process_get_rlimit(resource, &soft, &facts->rlimit_hard[resource]);
        }
        if (process->oom_score_adj.set)
                read_oom_score(facts, process->oom_score_adj.value);
}

static const char *const modes[] = { "none", "v1", "v2", "hybrid" };

static int parse_hierarchy(const struct json *value, struct cgroup_hierarchy *ret)
{
        struct cgroup_hierarchy hierarchy = {
                .mount = json_string(json_member(value, "mount")),
                .names = json_string(json_member(value, "names")),
                .own = json_string(json_member(value, "own")),
        };

        if (!hierarchy.mount || !hierarchy.names || !hierarchy.own)
                return trail(-EINVAL, "a cgroup hierarchy has mount, names and own, three strings");
        *ret = hierarchy;
        return 0;
}

static size_t parse_ranges(
        struct arena *arena, const struct json *list, struct id_range **ret_ranges)
{
        size_t n = list ? list->n : 0;

        *ret_ranges = arena_array(arena, n + 1, sizeof **ret_ranges);
        for (size_t i = 0; i < n; i++) {
                int64_t first = 0, count = 0;

                json_i64(json_member(&list->items[i], "first"), &first);
                json_i64(json_member(&list->items[i], "count"), &count);
                (*ret_ranges)[i] = (struct id_range){ (uint32_t)first, (uint32_t)count };
        }
        return n;
}

static bool is_true(const struct json *value)
{
        return value && value->boolean;
}

int facts_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        struct facts *ret_facts)
{
        struct facts facts = { 0 };
        const struct json *root, *list;
        const char *mode;
        int64_t number;
        int r = json_parse(arena, name, bytes, size, &root);

        if (r < 0)
                return r;
        if (json_i64(json_member(root, "kernelMajor"), &number) == 0)
                facts.kernel_major = (unsigned)number;
        if (json_i64(json_member(root, "kernelMinor"), &number) == 0)
                facts.kernel_minor = (unsigned)number;
        if (json_i64(json_member(root, "uid"), &number) == 0)
                facts.uid = (uint32_t)number;
        if (json_i64(json_member(root, "gid"), &number) == 0)
                facts.gid = (uint32_t)number;
        json_u64(json_member(root, "caps"), &facts.caps);
        if (json_i64(json_member(root, "oomScoreAdj"), &number) == 0)
                facts.oom_score_adj = (int)number;
        if (json_i64(json_member(root, "landlock"), &number) == 0)
                facts.landlock = (int)number;
        list = json_member(root, "mountApi");
        facts.has_mount_api = list ? list->boolean : facts_kernel(&facts, 5, 2);
        list = json_member(root, "mountSetattr");
        facts.has_mount_setattr = list ? list->boolean : facts_kernel(&facts, 5, 12);
        facts.has_apparmor = is_true(json_member(root, "appArmor"));
        facts.has_selinux = is_true(json_member(root, "seLinux"));
        list = json_member(root, "timeNamespace");
        facts.has_time_namespace = list && list->boolean;
        facts.in_user_namespace = is_true(json_member(root, "userNamespace"));
        facts.denies_groups = is_true(json_member(root, "deniesGroups"));
        facts.delegated = json_string(json_member(root, "delegated"));
        list = json_member(root, "systemd");
        facts.systemd = (struct systemd_facts){
                .socket = json_string(json_member(list, "socket")),
                .cgroup = json_string(json_member(list, "cgroup")),
                .user = is_true(json_member(list, "user")),
        };
        facts.user = json_string(json_member(root, "user"));
        facts.n_subuid = parse_ranges(arena, json_member(root, "subuid"), &facts.subuid);
        facts.n_subgid = parse_ranges(arena, json_member(root, "subgid"), &facts.subgid);
        facts.newuidmap = json_string(json_member(root, "newuidmap"));
        facts.newgidmap = json_string(json_member(root, "newgidmap"));
        mode = json_string(json_member(root, "cgroupMode"));
        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                if (text_equal(modes[i], mode))
                        facts.cgroup_mode = (enum cgroup_mode)i;
        facts.has_nsdelegate = is_true(json_member(root, "nsdelegate"));
        list = json_member(root, "v1");
        facts.n_v1 = list && list->kind == JSON_ARRAY ? list->n : 0;
        facts.v1 = arena_array(arena, facts.n_v1 + 1, sizeof *facts.v1);
        for (size_t i = 0; i < facts.n_v1 && r == 0; i++)
                r = parse_hierarchy(&list->items[i], &facts.v1[i]);
        if (r == 0 && json_member(root, "v2"))
                r = parse_hierarchy(json_member(root, "v2"), &facts.v2);
        if (r < 0)
                return trail(r, "%s", name);
        facts.resctrl = json_string(json_member(root, "resctrl"));
        list = json_member(root, "rlimitHard");
        for (size_t i = 0; i < ARRAY_SIZE(facts.rlimit_hard); i++) {
                facts.rlimit_hard[i] = UINT64_MAX;
                if (list && list->kind == JSON_ARRAY && i < list->n)
                        json_u64(&list->items[i], &facts.rlimit_hard[i]);
        }
        *ret_facts = facts;
        return 0;
}

static void encode_hierarchy(
        struct json_writer *w, const char *name, const struct cgroup_hierarchy *hierarchy)
{
        json_open_object(w, name);
        json_put_string(w, "mount", hierarchy->mount);
        json_put_string(w, "names", hierarchy->names);
        json_put_string(w, "own", hierarchy->own);
        json_close_object(w);
}

static void encode_ranges(
        struct json_writer *w, const char *name, const struct id_range *ranges, size_t n)
{
        if (n == 0)
                return;
        json_open_array(w, name);
        for (size_t i = 0; i < n; i++) {
                json_open_object(w, NULL);
                json_put_u64(w, "first", ranges[i].first);
                json_put_u64(w, "count", ranges[i].count);
                json_close_object(w);
        }
        json_close_array(w);
}

static void encode_string(struct json_writer *w, const char *name, const char *value)
{
        if (value)
                json_put_string(w, name, value);
}

void facts_encode(const struct facts *facts, struct text *out)
{
        struct json_writer w = { .out = out, .indent = 8 };

        json_open_object(&w, NULL);
        json_put_u64(&w, "kernelMajor", facts->kernel_major);
        json_put_u64(&w, "kernelMinor", facts->kernel_minor);
        json_put_u64(&w, "uid", facts->uid);
        json_put_u64(&w, "gid", facts->gid);
        json_put_u64(&w, "caps", facts->caps);
        json_put_i64(&w, "oomScoreAdj", facts->oom_score_adj);
        json_put_i64(&w, "landlock", facts->landlock);
        if (facts->has_mount_api != facts_kernel(facts, 5, 2))
                json_put_bool(&w, "mountApi", facts->has_mount_api);
        if (facts->has_mount_setattr != facts_kernel(facts, 5, 12))
                json_put_bool(&w, "mountSetattr", facts->has_mount_setattr);
        json_put_bool(&w, "appArmor", facts->has_apparmor);
        json_put_bool(&w, "seLinux", facts->has_selinux);
        json_put_bool(&w, "timeNamespace", facts->has_time_namespace);
        if (facts->in_user_namespace)
                json_put_bool(&w, "userNamespace", true);
        if (facts->denies_groups)
                json_put_bool(&w, "deniesGroups", true);
        encode_string(&w, "user", facts->user);
        encode_ranges(&w, "subuid", facts->subuid, facts->n_subuid);
        encode_ranges(&w, "subgid", facts->subgid, facts->n_subgid);
        encode_string(&w, "newuidmap", facts->newuidmap);
        encode_string(&w, "newgidmap", facts->newgidmap);
        json_put_string(&w, "cgroupMode", modes[facts->cgroup_mode]);
        json_open_array(&w, "v1");
        for (size_t i = 0; i < facts->n_v1; i++)
                encode_hierarchy(&w, NULL, &facts->v1[i]);
        json_close_array(&w);
        if (facts->v2.mount)
                encode_hierarchy(&w, "v2", &facts->v2);
        if (facts->has_nsdelegate)
                json_put_bool(&w, "nsdelegate", true);
        encode_string(&w, "delegated", facts->delegated);
        if (facts->systemd.socket) {
                json_open_object(&w, "systemd");
                encode_string(&w, "socket", facts->systemd.socket);
                encode_string(&w, "cgroup", facts->systemd.cgroup);
                json_put_bool(&w, "user", facts->systemd.user);
                json_close_object(&w);
        }
        encode_string(&w, "resctrl", facts->resctrl);
        json_open_array(&w, "rlimitHard");
        for (size_t i = 0; i < ARRAY_SIZE(facts->rlimit_hard); i++)
                json_put_u64(&w, NULL, facts->rlimit_hard[i]);
        json_close_array(&w);
        json_close_object(&w);
        text_add_char(out, '\n');
}
