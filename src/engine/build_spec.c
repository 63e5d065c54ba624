/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: from the words of `husk run` to an OCI document.
 *
 * The document starts as `husk-oci spec` writes it and is changed option by option, so that what the
 * engine asks for can be read, stored and explained like any bundle. Defaults are docker's where
 * they exist, and the stricter ones of podman for capabilities. */
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
static int choose_caps(const struct run_request *request, uint64_t own, uint64_t *ret_keep)
{
        uint64_t keep = 0, add = 0, drop = 0;
        int r = add_names("--cap-add", &request->cap_add, &add);

        if (r == 0)
                r = add_names("--cap-drop", &request->cap_drop, &drop);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(default_caps); i++)
                keep |= 1ULL << caps_number(default_caps[i]);
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

static int build_caps(
        struct arena *arena, const struct run_request *request, uint64_t own, uint32_t uid,
        struct spec_capabilities **ret_caps)
{
        struct spec_capabilities *sets = arena_new(arena, struct spec_capabilities);
        struct spec_texts names = { .items = arena_array(arena, 65, sizeof(char *)) };
        uint64_t keep;
        int r = choose_caps(request, own, &keep);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < 64; i++)
                if (keep >> i & 1) {
                        struct text name = { .arena = arena };

                        text_add(&name, "CAP_");
                        for (const char *at = caps_name(i); *at; at++)
                                text_add_char(
                                        &name, *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at);
                        names.items[names.n++] = text_string(&name);
                }
        sets->bounding = names;
        if (uid == 0)
                sets->effective = sets->permitted = names;
        *ret_caps = sets;
        return 0;
}

static bool has_variable(const struct spec_texts *env, const char *variable)
{
        size_t size = strcspn(variable, "=");

        for (size_t i = 0; i < env->n; i++)
                if (strncmp(env->items[i], variable, size + 1) == 0)
                        return true;
        return false;
}

/* The caller's -e come last and win; each variable once. */
static struct spec_texts build_env(
        struct arena *arena, const struct run_request *request, const char *hostname,
        const char *home)
{
        const char *defaults[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                arena_format(arena, "HOSTNAME=%s", hostname),
                arena_format(arena, "HOME=%s", home),
                request->tty ? "TERM=xterm" : NULL,
        };
        struct spec_texts env = { .items = arena_array(arena, request->env.n + 5, sizeof(char *)) };

        for (size_t i = request->env.n; i-- > 0;)
                if (!has_variable(&env, request->env.items[i]))
                        env.items[env.n++] = request->env.items[i];
        for (size_t i = 0; i < env.n / 2; i++) { /* as typed, not backwards */
                const char *kept = env.items[i];

                env.items[i] = env.items[env.n - 1 - i];
                env.items[env.n - 1 - i] = kept;
        }
        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
                if (defaults[i] && !has_variable(&env, defaults[i]))
                        env.items[env.n++] = defaults[i];
        return env;
}

static struct spec_texts build_args(struct arena *arena, const struct run_request *request)
{
        struct spec_texts args = { .items = arena_array(
                                           arena, request->argv.n + 2, sizeof(char *)) };

        if (request->entrypoint && *request->entrypoint)
                args.items[args.n++] = request->entrypoint;
        for (size_t i = 0; i < request->argv.n; i++)
                args.items[args.n++] = request->argv.items[i];
        if (args.n == 0)
                args.items[args.n++] = request->rootfs ? "/bin/sh" : "/bin/bash";
        return args;
}

/* The host image's working directory is the caller's own when it is there; another root's is /. */
static const char *build_cwd(struct arena *arena, const struct run_request *request)
{
        char where[4096];

        if (request->workdir || request->rootfs || !getcwd(where, sizeof where) ||
            where[0] != '/' || !host_shows(arena, where))
                return request->workdir ? request->workdir : "/";
        return arena_string(arena, where);
}

static struct spec_resources *build_resources(
        struct arena *arena, const struct spec_resources *from, const struct run_request *request)
{
        struct spec_resources *resources = arena_new(arena, struct spec_resources);
        struct spec_memory *memory = arena_new(arena, struct spec_memory);
        struct spec_cpu *cpu = arena_new(arena, struct spec_cpu);
        struct spec_pids *pids = arena_new(arena, struct spec_pids);

        if (from)
                *resources = *from;
        if (request->memory_bytes) {
                memory->limit = (struct spec_opt_i64){ true, (int64_t)request->memory_bytes };
                resources->memory = memory;
        }
        if (request->nano_cpus) {
                cpu->period = (struct spec_opt_u64){ true, 100000 };
                cpu->quota = (struct spec_opt_i64){ true, (int64_t)(request->nano_cpus / 10000) };
                resources->cpu = cpu;
        }
        if (request->pids_limit != PIDS_LIMIT_UNSET && request->pids_limit != 0) {
                pids->limit = (struct spec_opt_i64){ true, request->pids_limit };
                resources->pids = pids;
        }
        return resources;
}

/* Every namespace of the default but the network's, when that is the host's. */
static int build_namespaces(
        struct arena *arena, const char *network, struct spec_namespace_list *namespaces)
{
        struct spec_namespace_list kept = { .items = arena_array(
                                                    arena, namespaces->n + 1, sizeof *kept.items) };
        bool host = text_equal(network, "host");

        if (network && !host && !text_equal(network, "none")) {
                trail_hint("'none' is a network of its own with a loopback, 'host' is the host's");
                return trail(-EINVAL, "--network: there is no network '%s'", network);
        }
        for (size_t i = 0; i < namespaces->n; i++)
                if (!host || !text_equal(namespaces->items[i].type, "network"))
                        kept.items[kept.n++] = namespaces->items[i];
        *namespaces = kept;
        return 0;
}

static struct spec_mount_list add_run(struct arena *arena, const struct spec_mount_list *from)
{
        static const char *options[] = { "nosuid", "nodev", "mode=755", NULL };
        struct spec_mount_list mounts = { .items = arena_array(
                                                  arena, from->n + 1, sizeof *mounts.items) };

        memcpy(mounts.items, from->items, from->n * sizeof *mounts.items);
        mounts.n = from->n;
        mounts.items[mounts.n++] = (struct spec_mount){
                .destination = "/run",
                .type = "tmpfs",
                .source = "tmpfs",
                .options = { options, 3 },
        };
        return mounts;
}

/* The engine's own store must not be seen from inside: an empty directory lies on it. */
static struct spec_texts add_mask(
        struct arena *arena, const struct spec_texts *from, const char *path)
{
        struct spec_texts masks = { .items = arena_array(arena, from->n + 2, sizeof(char *)) };

        memcpy(masks.items, from->items, from->n * sizeof(char *));
        masks.n = from->n;
        masks.items[masks.n++] = path;
        return masks;
}

static int build_process(
        struct arena *arena, const struct run_request *request, const char *hostname,
        uint64_t own_caps, struct spec_process *process)
{
        struct spec_user *user = arena_new(arena, struct spec_user);
        struct spec_capabilities *caps = NULL;
        const char *home;
        auto_close root = file_open(
                AT_FDCWD, request->rootfs ? request->rootfs : "/", O_PATH | O_DIRECTORY, 0);
        int r;

        if (root < 0)
                return trail(root, "--rootfs %s: %s", request->rootfs, text_errno(root));
        r = user_lookup(arena, root, request->user, user, &home);
        if (r == 0)
                r = build_caps(arena, request, own_caps, user->uid, &caps);
        if (r < 0)
                return r;
        process->terminal = request->tty;
        process->console_size = request->tty && !request->detach ? stdio_size(arena) : NULL;
        process->user = user;
        process->capabilities = caps;
        process->args = build_args(arena, request);
        process->env = build_env(arena, request, hostname, home);
        process->cwd = build_cwd(arena, request);
        process->rlimits = (struct spec_rlimit_list){ 0 };
        process->no_new_privileges = request->no_new_privileges;
        if (process->cwd[0] != '/')
                return trail(-EINVAL, "--workdir: '%s' is not an absolute path", process->cwd);
        return 0;
}

static struct spec_map add_annotation(
        struct arena *arena, const struct spec_map *from, const char *key, const char *value)
{
        struct spec_map map = { .items = arena_array(arena, from->n + 1, sizeof *map.items) };

        for (size_t i = 0; i < from->n; i++)
                map.items[map.n++] = from->items[i];
        map.items[map.n++] = (struct spec_pair){ key, value };
        return map;
}

int build_spec(
        struct arena *arena, const struct run_request *request, const char *id, const char *store,
        const struct facts *facts, struct spec **ret_spec)
{
        struct spec *spec = spec_default(arena, false);
        struct spec_root *root = arena_new(arena, struct spec_root);
        struct spec_process *process = arena_new(arena, struct spec_process);
        struct spec_linux *linux_ = arena_new(arena, struct spec_linux);
        int r;

        if (!request->rootfs && !text_equal(request->image, "host")) {
                trail_hint(
                        "'host' is the image of this very system; --rootfs DIR runs a directory");
                return trail(-ENOENT, "there is no image '%s'", request->image);
        }
        *process = *spec->process;
        *linux_ = *spec->linux_;
        spec->hostname = request->hostname ? request->hostname : arena_format(arena, "%.12s", id);
        r = build_process(arena, request, spec->hostname, facts->caps, process);
        if (r == 0)
                r = build_namespaces(arena, request->network, &linux_->namespaces);
        if (r == 0 && request->seccomp && !text_equal(request->seccomp, "unconfined") &&
            !text_equal(request->seccomp, "nesting"))
                r = profile_read(
                        arena, request->seccomp, facts, &process->capabilities->bounding,
                        &linux_->seccomp);
        if (r < 0)
                return r;
        root->path = request->rootfs ? store_absolute(arena, request->rootfs) : "/";
        root->readonly = request->read_only;
        linux_->cgroups_path = arena_format(arena, "/husk-%s", id);
        linux_->resources = build_resources(arena, linux_->resources, request);
        if (!request->rootfs) {
                spec->mounts = add_run(arena, &spec->mounts);
                linux_->masked_paths = add_mask(arena, &linux_->masked_paths, store);
        }
        if (request->init)
                spec->annotations =
                        add_annotation(arena, &spec->annotations, "dev.husk.init", "true");
        spec->root = root;
        spec->process = process;
        spec->linux_ = linux_;
        *ret_spec = spec;
        return 0;
}
