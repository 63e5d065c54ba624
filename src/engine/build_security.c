/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: capabilities, --security-opt, --privileged, --landlock.
 *
 * --privileged is a set of defaults: what is said beside it (a profile, a capability to drop) counts.
 * The store of the engine stays hidden all the same: a container that writes into its own layers
 * gets no privilege by it, only trouble. */
#include "build.h"

#include <string.h>
#include <strings.h>

/* What a root process of a container keeps unless told otherwise. */
static const char *const default_caps[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
        "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",    "CAP_SETGID",
        "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT",
};

/* The bits of a list of names; "ALL" is every one. */
static int add_names(const char *option, const struct words *names, uint64_t *caps)
{
        for (size_t i = 0; i < names->n; i++) {
                int number;

                if (strcasecmp(names->items[i], "all") == 0) {
                        *caps |= caps_all();
                        continue;
                }
                number = caps_number(names->items[i]);
                if (number < 0) {
                        trail_hint("names are those of capabilities(7), as in NET_ADMIN or "
                                   "CAP_NET_ADMIN, or ALL");
                        return trail(
                                -EINVAL, "%s: unknown capability '%s'", option, names->items[i]);
                }
                *caps |= 1ULL << number;
        }
        return 0;
}

/* "ALL" stands for all that we have ourselves: more cannot be given. */
static int choose_caps(const struct build *b, uint64_t *ret_keep)
{
        uint64_t keep = 0, add = 0, drop = 0, own = b->facts->caps;
        int r = add_names("--cap-add", &b->request->cap_add, &add);

        if (r == 0)
                r = add_names("--cap-drop", &b->request->cap_drop, &drop);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(default_caps); i++)
                keep |= 1ULL << caps_number(default_caps[i]);
        if (b->request->privileged)
                keep = own;
        /* ALL on one side is the ground, names on the other are the exceptions. */
        if (drop == caps_all())
                keep = add == caps_all() ? 0 : add;
        else if (add == caps_all())
                keep = own & ~drop;
        else
                keep = (keep | add) & ~drop;
        *ret_keep = keep;
        return 0;
}

struct spec_texts capability_names(struct arena *arena, uint64_t caps)
{
        struct spec_texts names = { .items = arena_array(arena, 65, sizeof(char *)) };

        for (unsigned i = 0; i < 64; i++)
                if (caps >> i & 1) {
                        struct text name = { .arena = arena };

                        text_add(&name, "CAP_");
                        for (const char *at = caps_name(i); *at; at++)
                                text_add_char(
                                        &name, *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at);
                        names.items[names.n++] = text_string(&name);
                }
        return names;
}

static int build_caps(struct build *b)
{
        struct spec_capabilities *sets = arena_new(b->arena, struct spec_capabilities);
        struct spec_texts names;
        uint64_t keep;
        int r = choose_caps(b, &keep);

        if (r < 0)
                return r;
        names = capability_names(b->arena, keep);
        sets->bounding = names;
        if (b->process->user->uid == 0)
                sets->effective = sets->permitted = names;
        b->process->capabilities = sets;
        return 0;
}

/* -- --security-opt ------------------------------------------------------------------------------ */

struct label {
        bool set;
        const char *user, *role, *type, *level;
};

/* What --security-opt says, before it is acted upon. */
struct settings {
        const char *seccomp, *apparmor;
        struct label label;
        struct words mask, unmask;
        bool all_paths, writable_cgroups;
};

static int refuse(const char *value, const char *reason)
{
        return build_refuse("--security-opt", value, "%s", reason);
}

/* "type:container_t" */
static int read_label(struct settings *settings, const char *option, const char *value)
{
        const char *rest = strchr(value, ':');

        const struct {
                const char *name;
                const char **field;
        } parts[] = { { "user:", &settings->label.user },
                      { "role:", &settings->label.role },
                      { "type:", &settings->label.type },
                      { "level:", &settings->label.level } };

        if (text_equal(value, "disable")) {
                settings->label = (struct label){ 0 };
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (text_starts(value, parts[i].name) && rest[1]) {
                        *parts[i].field = rest + 1;
                        settings->label.set = true;
                        return 0;
                }
        return refuse(option, "label= is disable, user:U, role:R, type:T or level:L");
}

static int read_option(struct build *b, struct settings *settings, const char *option)
{
        size_t len = strcspn(option, "=:");
        const char *name = arena_copy(b->arena, option, len);
        const char *value = option[len] ? option + len + 1 : NULL;

        if (text_equal(name, "no-new-privileges")) {
                if (build_bool(value, &b->process->no_new_privileges) < 0)
                        return refuse(option, "it is true or false");
        } else if (text_equal(name, "writable-cgroups")) {
                if (build_bool(value, &settings->writable_cgroups) < 0)
                        return refuse(option, "it is true or false");
        } else if (!value || !*value) {
                trail_hint("known are seccomp=, apparmor=, label=, no-new-privileges, "
                           "systempaths=unconfined, mask=, unmask= and writable-cgroups");
                return refuse(option, "no such setting, or its value is missing");
        } else if (text_equal(name, "seccomp")) {
                settings->seccomp = value;
        } else if (text_equal(name, "apparmor")) {
                settings->apparmor = value;
        } else if (text_equal(name, "label")) {
                return read_label(settings, option, value);
        } else if (text_equal(name, "systempaths")) {
                if (!text_equal(value, "unconfined"))
                        return refuse(option, "systempaths= is unconfined");
                settings->all_paths = true;
        } else if (text_equal(name, "mask")) {
                settings->mask.items[settings->mask.n++] = value;
        } else if (text_equal(name, "unmask")) {
                settings->unmask.items[settings->unmask.n++] = value;
                settings->all_paths |= strcasecmp(value, "all") == 0;
        } else {
                trail_hint("known are seccomp=, apparmor=, label=, no-new-privileges, "
                           "systempaths=unconfined, mask=, unmask= and writable-cgroups");
                return refuse(option, "no such setting");
        }
        return 0;
}

static int set_seccomp(struct build *b, const char *name)
{
        if (!name)
                name = b->request->privileged ? "unconfined" : "default";
        if (text_equal(name, "unconfined"))
                return 0;
        if (text_equal(name, "builtin"))
                name = "default";
        if (build_word_in("default nesting", name)) {
                b->seccomp = name;
                return 0;
        }
        return profile_read(
                b->arena, name, b->facts, &b->process->capabilities->bounding, &b->linux_->seccomp);
}

/* -- paths of the kernel --------------------------------------------------------------------------- */

/* Does a pattern of unmask= (a path, or one that ends in "*") cover the path? */
static bool covers(const char *pattern, const char *path)
{
        size_t size = strlen(pattern);

        if (size && pattern[size - 1] == '*')
                return strncmp(pattern, path, size - 1) == 0;
        return text_equal(pattern, path);
}

/* The paths that no pattern covers. */
static struct spec_texts keep_paths(
        struct arena *arena, const struct spec_texts *paths, const struct words *unmask)
{
        struct spec_texts kept = { .items = arena_array(arena, paths->n + 1, sizeof(char *)) };

        for (size_t i = 0; i < paths->n; i++) {
                bool keep = true;

                for (size_t k = 0; k < unmask->n; k++) {
                        char *list = arena_string(arena, unmask->items[k]);

                        for (const char *pattern; (pattern = build_cut(&list, ':'));)
                                keep = keep && !covers(pattern, paths->items[i]);
                }
                if (keep)
                        kept.items[kept.n++] = paths->items[i];
        }
        return kept;
}

static int add_masks(struct build *b, const struct words *mask)
{
        for (size_t i = 0; i < mask->n; i++) {
                char *list = arena_string(b->arena, mask->items[i]);

                for (const char *path; (path = build_cut(&list, ':'));) {
                        struct spec_texts *paths = &b->linux_->masked_paths;

                        path = build_plain_path(b->arena, path);
                        if (!path)
                                return build_refuse(
                                        "--security-opt mask", mask->items[i],
                                        "paths begin with / and are divided by colons");
                        *paths = build_texts(b->arena, paths, 1);
                        paths->items[paths->n++] = path;
                }
        }
        return 0;
}

/* What tells by its counts what others type and compute (GHSA-6fw5-f8r9-fgfm, CVE-2020-8694). */
static const char *const side_channels[] = { "/proc/interrupts", "/sys/devices/virtual/powercap" };

static int set_paths(struct build *b, const struct settings *settings)
{
        struct spec_linux *linux_ = b->linux_;
        int r;

        linux_->masked_paths =
                build_texts(b->arena, &linux_->masked_paths, ARRAY_SIZE(side_channels));
        for (size_t i = 0; i < ARRAY_SIZE(side_channels); i++)
                linux_->masked_paths.items[linux_->masked_paths.n++] = side_channels[i];
        if (settings->all_paths || b->request->privileged)
                linux_->masked_paths = linux_->readonly_paths = (struct spec_texts){ 0 };
        linux_->masked_paths = keep_paths(b->arena, &linux_->masked_paths, &settings->unmask);
        linux_->readonly_paths = keep_paths(b->arena, &linux_->readonly_paths, &settings->unmask);
        r = add_masks(b, &settings->mask);
        /* The engine's own store must not be seen from inside: an empty directory lies on it. */
        if (r == 0 && !b->request->rootfs && !b->image) {
                linux_->masked_paths = build_texts(b->arena, &linux_->masked_paths, 1);
                linux_->masked_paths.items[linux_->masked_paths.n++] = b->store;
        }
        return r;
}

/* The file systems of the kernel's that are read-only in other containers. */
static void make_writable(struct build *b, bool sys, bool cgroups)
{
        for (size_t i = 0; i < b->spec->mounts.n; i++) {
                struct spec_mount *mount = &b->spec->mounts.items[i];
                struct spec_texts words = {
                        .items = arena_array(b->arena, mount->options.n + 1, sizeof(char *))
                };

                if (!(sys && text_equal(mount->type, "sysfs")) &&
                    !(cgroups && text_equal(mount->type, "cgroup")))
                        continue;
                for (size_t k = 0; k < mount->options.n; k++)
                        if (!text_equal(mount->options.items[k], "ro"))
                                words.items[words.n++] = mount->options.items[k];
                mount->options = words;
        }
}

static int set_landlock(struct build *b)
{
        const struct words *rules = &b->request->landlock;
        struct text all = { .arena = b->arena };
        struct words pair = { .items = arena_array(b->arena, 2, sizeof(char *)), .n = 1 };

        for (size_t i = 0; i < rules->n; i++) {
                if (strpbrk(rules->items[i], ";\n") ||
                    (!strchr(rules->items[i], ':') && !text_equal(rules->items[i], "best-effort")))
                        return build_refuse(
                                "--landlock", rules->items[i],
                                "expected a rule such as exec:/, rw:/tmp, bind:8080 or "
                                "connect:none");
                text_addf(&all, "%s%s", i ? ";" : "dev.husk.landlock=", rules->items[i]);
        }
        if (!rules->n)
                return 0;
        pair.items[0] = text_string(&all);
        return build_map(b, "--landlock", &pair, &b->spec->annotations);
}

int build_security(struct build *b)
{
        const struct words *options = &b->request->security_opt;
        struct settings settings = {
                .mask = { .items = arena_array(b->arena, options->n + 1, sizeof(char *)) },
                .unmask = { .items = arena_array(b->arena, options->n + 1, sizeof(char *)) },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < options->n; i++)
                r = read_option(b, &settings, options->items[i]);
        if (r < 0 || (r = build_caps(b)) < 0 || (r = set_seccomp(b, settings.seccomp)) < 0 ||
            (r = set_paths(b, &settings)) < 0 || (r = set_landlock(b)) < 0)
                return r;
        make_writable(
                b, b->request->privileged, b->request->privileged || settings.writable_cgroups);
        b->process->apparmor_profile = settings.apparmor;
        if (settings.label.set)
                b->process->selinux_label = arena_format(
                        b->arena, "%s:%s:%s:%s",
                        settings.label.user ? settings.label.user : "system_u",
                        settings.label.role ? settings.label.role : "system_r",
                        settings.label.type ? settings.label.type : "container_t",
                        settings.label.level ? settings.label.level : "s0");
        return 0;
}
