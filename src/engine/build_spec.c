/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: from the words of `husk run` to an OCI document.
 *
 * The document starts as `husk-oci spec` writes it and is changed section by section (build_*.c), so
 * that what the engine asks for can be read, stored and explained like any bundle. Defaults are
 * docker's where they exist, and the stricter ones of podman for capabilities. Here: the table of
 * contents, and the process. */
#include "build.h"
#include "new_image.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <sys/stat.h>

static bool has_variable(const struct spec_texts *env, const char *variable)
{
        size_t size = strcspn(variable, "=");

        for (size_t i = 0; i < env->n; i++)
                if (strncmp(env->items[i], variable, size + 1) == 0)
                        return true;
        return false;
}

/* --unsetenv is about the defaults and the image's: what was said with -e stays. */
static bool is_unset(const struct run_request *request, const char *variable)
{
        size_t size = strcspn(variable, "=");

        for (size_t i = 0; i < request->unset_env.n; i++)
                if (strlen(request->unset_env.items[i]) == size &&
                    strncmp(request->unset_env.items[i], variable, size) == 0)
                        return true;
        return request->unset_env_all;
}

/* The caller's -e win over the image's, these over the defaults; each variable once. */
static struct spec_texts build_env(const struct build *b, const char *hostname, const char *home)
{
        const struct run_request *request = b->request;
        struct arena *arena = b->arena;
        const struct words image = build_image_env(b);
        const char *defaults[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                arena_format(arena, "HOSTNAME=%s", hostname),
                arena_format(arena, "HOME=%s", home),
                request->tty ? "TERM=xterm" : NULL,
        };
        struct spec_texts env = { .items = arena_array(
                                          arena, image.n + request->env.n + 5, sizeof(char *)) };

        for (size_t i = 0; i < image.n; i++)
                if (!is_unset(request, image.items[i]))
                        env.items[env.n++] = image.items[i];
        for (size_t i = 0; i < request->env.n; i++)
                env.items[env.n++] = request->env.items[i];
        env.n = change_keep_last(arena, env.items, env.n);
        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
                if (defaults[i] && !has_variable(&env, defaults[i]) &&
                    !is_unset(request, defaults[i]))
                        env.items[env.n++] = defaults[i];
        return env;
}

/* --entrypoint: a program, or a JSON array of it and its first arguments. */
static int read_entrypoint(struct arena *arena, const char *value, struct spec_texts *ret)
{
        const struct json *array;

        *ret = (struct spec_texts){ .items = arena_array(arena, 1, sizeof(char *)), .n = 0 };
        if (!value || !*value)
                return 0;
        ret->items[0] = value;
        ret->n = 1;
        if (value[0] != '[')
                return 0;
        if (json_parse(arena, "--entrypoint", value, strlen(value), &array) < 0)
                return -EINVAL;
        ret->items = arena_array(arena, array->n + 1, sizeof(char *));
        for (ret->n = 0; ret->n < array->n; ret->n++) {
                ret->items[ret->n] = json_string(&array->items[ret->n]);
                if (!ret->items[ret->n])
                        return build_refuse(
                                "--entrypoint", value, "an array of strings is expected");
        }
        return 0;
}

static int build_args(const struct build *b, struct spec_texts *ret)
{
        const struct run_request *request = b->request;
        struct spec_texts args;
        int r = read_entrypoint(b->arena, request->entrypoint, &args);

        if (r < 0)
                return r;
        args = build_texts(b->arena, &args, request->argv.n + 1);
        if (b->image)
                build_image_args(b, &args);
        for (size_t i = 0; i < request->argv.n; i++)
                args.items[args.n++] = request->argv.items[i];
        if (args.n == 0 && b->image)
                return trail(
                        -EINVAL,
                        "the image %s has neither Entrypoint nor Cmd: say what is to run in it",
                        request->image);
        if (args.n == 0)
                args.items[args.n++] = request->rootfs ? "/bin/sh" : "/bin/bash";
        *ret = args;
        return 0;
}

/* The host image's working directory is the caller's own when it is there; another root's is /. */
static const char *build_cwd(const struct build *b)
{
        const struct run_request *request = b->request;
        const char *image = b->defaults->working_dir;
        char where[4096];

        if (b->image && !request->workdir)
                return image && *image ? image : "/";
        if (request->workdir || request->rootfs || !getcwd(where, sizeof where) ||
            where[0] != '/' || !host_shows(b->arena, where))
                return request->workdir ? request->workdir : "/";
        return arena_string(b->arena, where);
}

/* --group-add, behind the groups that the user has by the container's own files. */
static int add_groups(struct build *b, struct spec_user *user)
{
        const struct words *more = &b->request->group_add;

        enum {
                OWN_MAX = 256
        };
        struct spec_u32s *groups = &user->additional_gids;
        uint32_t *all = arena_array(b->arena, groups->n + more->n + OWN_MAX, sizeof *all);
        gid_t own[OWN_MAX];

        if (!more->n)
                return 0;
        if (groups->n)
                memcpy(all, groups->items, groups->n * sizeof *all);
        groups->items = all;
        for (size_t i = 0; i < more->n; i++) {
                int r, n = 0;

                if (text_equal(more->items[i], "keep-groups")) {
                        if (more->n > 1)
                                return trail(
                                        -EINVAL,
                                        "--group-add: keep-groups does not go with other groups");
                        n = getgroups(OWN_MAX, own);
                        for (int k = 0; k < n; k++)
                                all[groups->n++] = own[k];
                        continue;
                }
                r = user_find_group(b->arena, &b->files, more->items[i], &all[groups->n]);
                if (r < 0)
                        return trail(r, "--group-add");
                groups->n++;
        }
        return 0;
}

static int build_user(struct build *b, const char **ret_home)
{
        struct spec_user *user = arena_new(b->arena, struct spec_user);
        const char *words = b->request->user, *image = b->defaults->user;
        int r;

        /* The one id that there is; as with podman before what the image says. */
        if (!words && text_equal(b->request->userns, "keep-id") && b->facts->uid != 0)
                words = arena_format(b->arena, "%u:%u", b->facts->uid, b->facts->gid);
        if (!words && image && *image)
                words = image;
        r = user_lookup(b->arena, &b->files, words, user, ret_home);
        if (r < 0)
                return words == image && image ? build_refuse_image(b, "User", image, r)
                                               : trail(r, "--user");
        if (r == 0)
                r = add_groups(b, user);
        if (r == 0 && b->request->umask) {
                user->umask.set = true;
                if (build_octal(b->request->umask, 0777, &user->umask.value) < 0)
                        r = build_refuse(
                                "--umask", b->request->umask, "expected octal, such as 0027");
        }
        b->process->user = user;
        return r;
}

static int build_personality(struct build *b)
{
        static const char *const domains[] = { "LINUX", "LINUX32" };
        struct spec_personality *personality = arena_new(b->arena, struct spec_personality);

        if (!b->request->personality)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(domains); i++)
                if (strcasecmp(domains[i], b->request->personality) == 0)
                        personality->domain = domains[i];
        if (!personality->domain)
                return build_refuse(
                        "--personality", b->request->personality, "expected LINUX or LINUX32");
        b->linux_->personality = personality;
        return 0;
}

const char *build_hostname(const struct build *b)
{
        char name[256] = "";

        if (b->spec->hostname)
                return b->spec->hostname;
        if (gethostname(name, sizeof name - 1) < 0)
                name[0] = '\0';
        return arena_string(b->arena, name);
}

static int build_process(struct build *b)
{
        const struct run_request *request = b->request;
        struct spec_process *process = b->process;
        const char *home;
        int r = build_user(b, &home);

        if (r == 0)
                r = build_args(b, &process->args);
        if (r == 0)
                r = build_personality(b);
        if (r < 0)
                return r;
        process->terminal = request->tty;
        process->console_size = request->tty && !request->detach ? stdio_size(b->arena) : NULL;
        process->env = build_env(b, build_hostname(b), home);
        process->cwd = build_cwd(b);
        process->no_new_privileges = false;
        if (process->cwd[0] != '/' && !request->workdir)
                return build_refuse_image(
                        b, "WorkingDir", process->cwd, trail(-EINVAL, "not an absolute path"));
        if (process->cwd[0] != '/')
                return trail(-EINVAL, "--workdir: '%s' is not an absolute path", process->cwd);
        return request->workdir ? 0 : build_image_depth(b, "WorkingDir", process->cwd);
}

/* What husk does beyond the specification is asked for by annotations. */
static int build_annotations(struct build *b)
{
        static const char *init[] = { "dev.husk.init=true", NULL };
        const struct words words = { init, b->request->init };
        int r = build_map(b, "--init", &words, &b->spec->annotations);

        return r < 0 ? r
                     : build_map(b, "--annotation", &b->request->annotation, &b->spec->annotations);
}

/* The default document, its parts ours to change. */
static void begin(struct build *b)
{
        const struct spec_linux *linux_;
        struct spec_root *root = arena_new(b->arena, struct spec_root);

        b->spec = spec_default(b->arena, b->facts->uid != 0);
        b->process = arena_new(b->arena, struct spec_process);
        b->linux_ = arena_new(b->arena, struct spec_linux);
        b->resources = arena_new(b->arena, struct spec_resources);
        linux_ = b->spec->linux_;
        *b->process = *b->spec->process;
        *b->linux_ = *linux_;
        if (linux_->resources)
                *b->resources = *linux_->resources;
        root->path = b->request->rootfs ? store_absolute(b->arena, b->request->rootfs) : "/";
        root->readonly = b->request->read_only;
        b->spec->root = root;
        b->spec->process = b->process;
        b->linux_->resources = b->resources;
        b->spec->linux_ = b->linux_;
}

/* Do the root's files have owners as the host counts them? Not those of a directory that belongs to
 * the container's root already. */
static bool is_of_host(const struct build *b, int root)
{
        const struct spec_id_mapping_list *map = &b->linux_->uid_mappings;
        struct stat st;

        if (!b->request->rootfs || fstat(root, &st) < 0)
                return true;
        for (size_t i = 0; i < map->n; i++)
                if (map->items[i].container_id == 0 && map->items[i].host_id == st.st_uid)
                        return false;
        return true;
}

/* The root of a container without an image, and the names in its files. */
static int open_root(struct build *b, int *ret_root)
{
        const char *path = b->request->rootfs ? b->request->rootfs : "/";

        *ret_root = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
        if (*ret_root < 0)
                return trail(*ret_root, "--rootfs %s: %s", path, text_errno(*ret_root));
        b->files = user_files_of_root(b->arena, *ret_root);
        return 0;
}

int build_spec(
        struct arena *arena, const struct run_request *request, const char *id,
        const struct build_host *host, struct build_result *ret)
{
        struct build build = { .arena = arena,
                               .request = request,
                               .id = id,
                               .store = host->store,
                               .facts = host->facts,
                               .image = host->image,
                               .defaults = build_image_defaults(host->image),
                               .explain = host->explain };
        struct build *b = &build;
        auto_close root = NO_FD;
        int r = b->image ? build_image_files(b) : open_root(b, &root);

        if (r < 0)
                return r;
        begin(b);
        if ((r = build_namespaces(b)) < 0 || (r = build_process(b)) < 0 ||
            (r = build_mounts(b)) < 0 || (r = build_devices(b)) < 0 ||
            (r = build_resources(b)) < 0 || (r = build_security(b)) < 0 ||
            (r = build_annotations(b)) < 0)
                return r;
        *ret = (struct build_result){ .spec = b->spec,
                                      .seccomp = b->seccomp,
                                      .map_root = is_of_host(b, root),
                                      .joined = b->joined,
                                      .lower = b->lower,
                                      .root_mode = b->root_mode };
        return b->image ? build_own(b, host->state, ret) : 0;
}
