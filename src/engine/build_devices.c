/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: --device, --device-cgroup-rule and the devices of --privileged.
 *
 * A device of the host becomes a node of the same number and owner in /linux/devices and a rule that
 * allows it. A directory stands for all devices below it. Nothing is opened: opening a device does
 * things. */
#include "build.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
        DEVICES_MAX = 1024,
        DEPTH_MAX = 8
};

struct devices {
        struct build *b;
        struct spec_device *items;
        struct spec_device_rule *rules; /* NULL: they are allowed already */
        size_t n, n_rules;
        const char *access;
};

static int add_device(struct devices *all, const char *path, const struct stat *st)
{
        struct spec_device *device;

        for (size_t i = 0; i < all->n; i++)
                if (text_equal(all->items[i].path, path))
                        return 0;
        if (all->n == DEVICES_MAX)
                return trail(-E2BIG, "more than %d devices", DEVICES_MAX);
        device = &all->items[all->n++];
        *device = (struct spec_device){
                .path = path,
                .type = S_ISBLK(st->st_mode) ? "b" : "c",
                .major = major(st->st_rdev),
                .minor = minor(st->st_rdev),
                .file_mode = { true, st->st_mode & 0777 },
                .uid = { true, st->st_uid },
                .gid = { true, st->st_gid },
        };
        if (all->rules)
                all->rules[all->n_rules++] = (struct spec_device_rule){
                        .allow = true,
                        .type = device->type,
                        .major = { true, device->major },
                        .minor = { true, device->minor },
                        .access = all->access,
                };
        return 0;
}

/* What of /dev is the container's own or no device of the machine's. */
static bool is_own(const char *path)
{
        return build_word_in(
                "/dev/pts /dev/shm /dev/fd /dev/mqueue /dev/console /dev/ptmx /dev/.lxc "
                "/dev/.lxd-mounts /dev/.udev",
                path);
}

/* Devices below a directory of the host; symbolic links are not followed. */
static int add_below(struct devices *all, const char *from, const char *to, unsigned level)
{
        struct arena *arena = all->b->arena;
        DIR *dir = level < DEPTH_MAX ? file_list(from) : NULL;
        struct dirent *entry;
        int r = 0;

        while (r == 0 && dir && (entry = readdir(dir))) {
                const char *path = arena_format(arena, "%s/%s", from, entry->d_name);
                const char *inside = arena_format(arena, "%s/%s", to, entry->d_name);
                struct stat st;

                if (text_is_dots(entry->d_name) || is_own(path) ||
                    file_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        r = add_below(all, path, inside, level + 1);
                else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
                        r = add_device(all, inside, &st);
        }
        if (dir)
                closedir(dir);
        return r;
}

static bool is_access(const char *word)
{
        for (const char *at = word; *at; at++)
                if (!strchr("rwm", *at) || strchr(at + 1, *at))
                        return false;
        return *word != '\0';
}

static int read_device(struct devices *all, const char *value)
{
        char *at = arena_string(all->b->arena, value);
        const char *host = build_cut(&at, ':'), *inside = build_cut(&at, ':');
        const char *access = build_cut(&at, ':');
        struct stat st;
        size_t before = all->n;
        int r;

        if (at)
                return build_refuse("--device", value, "expected DEVICE[:PATH][:rwm]");
        if (inside && !access && is_access(inside)) {
                access = inside;
                inside = NULL;
        }
        if (access && !is_access(access))
                return build_refuse(
                        "--device", value, "'%s' is no access: expected some of r, w and m",
                        access);
        host = build_plain_path(all->b->arena, host);
        inside = inside ? build_plain_path(all->b->arena, inside) : host;
        if (!host || !inside)
                return build_refuse("--device", value, "a path begins with /");
        r = file_stat(AT_FDCWD, host, 0, &st);
        if (r < 0)
                return build_refuse("--device", value, "%s: %s", host, text_errno(r));
        all->access = access ? access : "rwm";
        if (S_ISDIR(st.st_mode))
                r = add_below(all, host, inside, 0);
        else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
                return add_device(all, inside, &st);
        else
                return build_refuse("--device", value, "%s is no device", host);
        if (r == 0 && all->n == before)
                return build_refuse("--device", value, "there is no device below %s", host);
        return r;
}

/* "12" or "*" */
static int read_part(const char *word, struct spec_opt_i64 *ret)
{
        uint64_t number;

        *ret = (struct spec_opt_i64){ 0 };
        if (text_equal(word, "*"))
                return 0;
        if (!word || text_u64(word, &number) < 0 || number > UINT32_MAX)
                return -EINVAL;
        *ret = (struct spec_opt_i64){ true, (int64_t)number };
        return 0;
}

static int read_rule(struct build *b, const char *value, struct spec_device_rule *ret)
{
        char *at = arena_string(b->arena, value);
        char *type = build_cut(&at, ' '), *numbers = build_cut(&at, ' ');
        const char *access = build_cut(&at, ' ');
        const char *first = numbers ? build_cut(&numbers, ':') : NULL;

        *ret = (struct spec_device_rule){ .allow = true, .type = type, .access = access };
        if (at || !access || !is_access(access) || !build_word_in("a b c", type) ||
            read_part(first, &ret->major) < 0 || read_part(numbers, &ret->minor) < 0)
                return build_refuse(
                        "--device-cgroup-rule", value,
                        "expected a type (a, b or c), MAJOR:MINOR (numbers or *) and some of r, "
                        "w, m, as in 'c 42:* rmw'");
        return 0;
}

static int add_privileged(struct devices *all)
{
        all->rules = NULL;
        return add_below(all, "/dev", "/dev", 0);
}

int build_devices(struct build *b)
{
        const struct run_request *request = b->request;
        const struct spec_device_rule_list *usual = &b->resources->devices;
        struct spec_device_rule_list rules = { .n = usual->n };
        struct devices all = { .b = b };

        if (!request->device.n && !request->device_rule.n && !request->privileged)
                return 0;
        rules.items = arena_array(
                b->arena, usual->n + request->device_rule.n + DEVICES_MAX + 1, sizeof *rules.items);
        if (usual->n)
                memcpy(rules.items, usual->items, usual->n * sizeof *rules.items);
        all.items = arena_array(b->arena, DEVICES_MAX, sizeof *all.items);
        all.rules = rules.items + rules.n;
        for (size_t i = 0; i < request->device.n; i++) {
                int r = read_device(&all, request->device.items[i]);

                if (r < 0)
                        return r;
        }
        rules.n += all.n_rules;
        for (size_t i = 0; i < request->device_rule.n; i++) {
                int r = read_rule(b, request->device_rule.items[i], &rules.items[rules.n++]);

                if (r < 0)
                        return r;
        }
        if (request->privileged) {
                int r = add_privileged(&all);

                if (r < 0)
                        return trail(r, "--privileged");
                rules.items[rules.n++] =
                        (struct spec_device_rule){ .allow = true, .type = "a", .access = "rwm" };
        }
        b->resources->devices = rules;
        b->linux_->devices = (struct spec_device_list){ all.items, all.n };
        return 0;
}
