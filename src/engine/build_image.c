/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what an image says of its containers, by docker's rules.
 *
 * The configuration was written by who made the image. It chooses what runs inside, as whom and where,
 * all of which the command line can change, and nothing outside: no variable is filled from the caller's
 * environment, names of users are looked up in the image's own files, and paths are paths of the root. */
#include "build.h"
#include "new_image.h"

#include <string.h>

#include <sys/stat.h>

enum {
        HOST_FILE_MAX = 1 << 20,
        VOLUMES_MAX = 256
};

const struct image_defaults *build_image_defaults(const struct engine_image *image)
{
        static const struct image_defaults none;

        return image && image->config->defaults ? image->config->defaults : &none;
}

int build_refuse_image(const struct build *b, const char *member, const char *value, int r)
{
        struct text seen = { .arena = b->arena };

        text_add_visible(&seen, value);
        return trail(
                r, "the image %s: /config/%s: '%.200s'", b->request->image, member,
                text_string(&seen));
}

int build_image_files(struct build *b)
{
        const struct engine_image *image = b->image;
        const char **paths = image_layers_down(b->arena, image, image->n_layers);
        struct view view;
        int r;

        r = view_open_layers(b->arena, paths, image->n_layers, true, &view);
        if (r < 0)
                return r;
        b->lower = (WORDS){ paths, view.n };
        b->files = user_files_of_layers(b->arena, &view);
        r = view_root_mode(&view);
        if (r >= 0)
                b->root_mode = (mode_t)r;
        view_close(&view);
        return 0;
}

void build_image_args(const struct build *b, struct spec_texts *args)
{
        const struct run_request *request = b->request;
        const struct spec_texts *entrypoint = &b->defaults->entrypoint, *cmd = &b->defaults->cmd;

        if (!request->entrypoint)
                *args = build_texts(b->arena, entrypoint, cmd->n + request->argv.n + 1);
        /* Who says what runs does not mean the image's arguments. */
        if (request->argv.n || request->entrypoint)
                return;
        for (size_t i = 0; i < cmd->n; i++)
                args->items[args->n++] = cmd->items[i];
}

/* Has it a name, and a value? "NAME" alone is no request for the caller's own. */
static bool is_variable(const char *word)
{
        return word[0] != '=' && strchr(word, '=');
}

struct words build_image_env(const struct build *b)
{
        const struct spec_texts *env = &b->defaults->env;
        struct words all = { arena_array(b->arena, env->n + 1, sizeof *all.items), 0 };

        for (size_t i = 0; i < env->n; i++)
                if (is_variable(env->items[i])) {
                        all.items[all.n++] = env->items[i];
                } else {
                        build_refuse_image(b, "Env", env->items[i], -EINVAL);
                        trail_warn("%s has no value: passed over", trail_text());
                        trail_reset();
                }
        return all;
}

/* One of each key: the last. */
static struct words merge_labels(
        struct arena *arena, const struct spec_map *labels, const struct words *own)
{
        struct words all = { arena_array(arena, labels->n + own->n + 1, sizeof *all.items), 0 };

        for (size_t i = 0; i < labels->n; i++)
                all.items[all.n++] =
                        arena_format(arena, "%s=%s", labels->items[i].key, labels->items[i].value);
        for (size_t i = 0; i < own->n; i++)
                all.items[all.n++] = own->items[i];
        all.n = change_keep_last(arena, all.items, all.n);
        return all;
}

int build_image_depth(const struct build *b, const char *member, const char *path)
{
        size_t depth = 0;

        for (const char *at = path; *at; at += strcspn(at, "/")) {
                at += strspn(at, "/");
                depth += *at != '\0';
        }
        return depth <= VIEW_DEPTH_MAX
                     ? 0
                     : build_refuse_image(
                               b, member, path,
                               trail(-ENAMETOOLONG, "more than %d directories below each other",
                                     VIEW_DEPTH_MAX));
}

int build_record(
        struct arena *arena, const struct run_request *request, const struct engine_image *image,
        struct record *record)
{
        const struct image_defaults *defaults = build_image_defaults(image);
        const char *word = defaults->stop_signal;

        record->image_id = image ? image->id : NULL;
        record->labels = merge_labels(arena, &defaults->labels, &request->labels);
        record->stop_signal = request->stop_signal;
        record->stop_timeout_s = request->stop_timeout_s.set  ? request->stop_timeout_s.value
                               : defaults->stop_timeout_s.set ? defaults->stop_timeout_s.value
                                                              : STOP_TIMEOUT_UNSET;
        if (record->stop_signal || !word || !*word)
                return 0;
        record->stop_signal = process_signal_number(word);
        if (record->stop_signal > 0)
                return 0;
        trail_hint("say which one with --stop-signal");
        return trail(
                -EINVAL, "the image %s: /config/StopSignal: there is no such signal",
                request->image);
}

/* -- files and volumes of the container's own ------------------------------------------------------- */

/* A file of the host's; "" when there is none. */
static const char *host_file(struct arena *arena, const char *path)
{
        struct text text;

        if (file_read(arena, AT_FDCWD, path, HOST_FILE_MAX, &text) == 0)
                return text_string(&text);
        trail_reset();
        return "";
}

static const char *hosts(const struct build *b, const char *hostname)
{
        if (text_equal(b->request->network, "host"))
                return host_file(b->arena, "/etc/hosts");
        return arena_format(
                b->arena,
                "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                "fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\n"
                "ff02::2\tip6-allrouters\n",
                hostname);
}

/* Does the command line mount something there? */
static bool is_taken(const struct build *b, const char *target)
{
        for (size_t i = 0; i < b->spec->mounts.n; i++)
                if (text_equal(b->spec->mounts.items[i].destination, target))
                        return true;
        return false;
}

static void add_own(
        const struct build *b, struct build_result *ret, const char *target, const char *content)
{
        if (is_taken(b, target))
                return;
        ret->own[ret->n_own] = (struct runtime_own){
                .path = arena_format(b->arena, "%s/%zu", ret->own_dir, ret->n_own),
                .target = target,
                .content = content,
        };
        ret->n_own++;
}

int build_own(const struct build *b, const char *state, struct build_result *ret)
{
        const struct image_empty_table *volumes = &b->defaults->volumes;
        const char *hostname = build_hostname(b);

        if (volumes->n > VOLUMES_MAX)
                return trail(
                        -E2BIG, "the image %s: /config/Volumes: there are %zu, and %d is the most",
                        b->request->image, volumes->n, (int)VOLUMES_MAX);
        ret->own = arena_array(b->arena, volumes->n + 3, sizeof *ret->own);
        ret->own_dir = arena_format(b->arena, "%s/own", state);
        add_own(b, ret, "/etc/hosts", hosts(b, hostname));
        add_own(b, ret, "/etc/hostname", arena_format(b->arena, "%s\n", hostname));
        add_own(b, ret, "/etc/resolv.conf", host_file(b->arena, "/etc/resolv.conf"));
        for (size_t i = 0; i < volumes->n; i++) {
                const char *key = volumes->items[i].key;
                const char *target = build_plain_path(b->arena, key);

                if (!target || text_equal(target, "/"))
                        return build_refuse_image(
                                b, "Volumes", key,
                                trail(-EINVAL, "a volume has an absolute path other than /"));
                if (build_image_depth(b, "Volumes", target) < 0)
                        return -ENAMETOOLONG;
                add_own(b, ret, target, NULL);
        }
        return 0;
}
