/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk commit`: the upper layer of a container's root becomes a layer of a new image.
 *
 * The upper layer is the container's, which may run and be hostile: it is read by tar_tree(), which follows nothing,
 * into a file of the store's tmp that becomes a blob. An ordinary user's container has it in ids of a user
 * namespace, so there a process in such a one reads it.
 *
 * A running container is frozen meanwhile. Who lets it go on is a process of its own, which waits for our end, however
 * that comes: a commit that is killed leaves no frozen container. */
#include "new_image.h"
#include "store.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct commit {
        const struct commit_request *request;
        struct arena *arena;
        struct pull pull;
        struct container container;
        struct record record;
        const struct spec *spec;
        struct layout_image base;
        struct tar_ids *ids; /* its files' (image_container_ids()) */
};

/* -- the pause -------------------------------------------------------------------------------------------- */

struct pause {
        pid_t guard; /* 0: nothing was paused */
        int pipe;
};

/* In the guard: until nobody has the other end any more. */
__attribute__((noreturn)) static void guard(const struct container *container, int pipe)
{
        char byte;

        process_close_fds(0, &pipe, 1);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        while (file_read_some(pipe, &byte, 1) > 0)
                continue;
        container_thaw(container);
        _exit(0);
}

static int pause_it(struct commit *commit, struct pause *pause)
{
        struct container *container = &commit->container;
        int ends[2], r;

        if (!commit->request->pause || container->status != CONTAINER_RUNNING)
                return 0;
        if (!container->freezer)
                container_find_freezer(commit->arena, container);
        if (!container->freezer) {
                trail_warn(
                        "the container goes on meanwhile: it has no cgroup that could be frozen");
                return 0;
        }
        if (pipe2(ends, O_CLOEXEC) < 0)
                return trail(-errno, "cannot make a pipe: %m");
        pause->guard = fork();
        if (pause->guard == 0) {
                file_close(&ends[1]);
                guard(container, ends[0]);
        }
        file_close(&ends[0]);
        if (pause->guard < 0) {
                pause->guard = 0;
                file_close(&ends[1]);
                return trail(-errno, "cannot fork: %m");
        }
        pause->pipe = ends[1];
        r = container_pause(container);
        return r < 0 ? trail(r, "--pause=false goes on without") : 0;
}

static void go_on(struct pause *pause)
{
        int status;

        if (pause->guard <= 0)
                return;
        file_close(&pause->pipe);
        process_wait(pause->guard, &status);
        pause->guard = 0;
}

/* -- the layer -------------------------------------------------------------------------------------------- */

struct layer_result {
        uint64_t size;
        char hex[SHA256_HEX_SIZE];
};

struct layer_job {
        const struct commit *commit;
        int upper, file;
};

static bool skip_mount_place(void *context, const char *path, int fd, const struct stat *status)
{
        const struct commit *commit = context;
        char place[TAR_PATH_MAX + 1];

        text_format(place, sizeof place, "/%s", path);
        return diff_is_mount_place(&commit->record, commit->spec, fd, status, place);
}

static int write_layer(void *context, void *ret)
{
        static struct tar_writer writer;
        struct layer_result *result = ret;
        const struct layer_job *job = context;
        const struct tar_tree_options options = { .layer = true,
                                                  .served = job->commit->record.mount_program,
                                                  .skip = skip_mount_place,
                                                  .context = (void *)job->commit,
                                                  .ids = job->commit->ids };
        int r;

        tar_writer_begin(&writer, job->file);
        r = tar_tree(&writer, job->upper, ".", "", &options);
        if (r == 0 && (r = tar_writer_end(&writer, result->hex)) < 0)
                trail(r, "cannot write the layer: %s", text_errno(r));
        result->size = writer.size;
        tar_writer_free(&writer);
        return r;
}

static int make_layer(const struct commit *commit, int file, struct layer_result *ret)
{
        const char *path = commit->record.overlays[0].upper;
        auto_close upper = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        struct layer_job job = { commit, upper, file };

        if (upper < 0)
                return trail(upper, "cannot open %s: %s", path, text_errno(upper));
        return inside_run(commit->pull.layout.map, write_layer, &job, ret, sizeof *ret);
}

/* -- what the image says ---------------------------------------------------------------------------------- */

static bool begins_with(const struct spec_texts *all, const struct spec_texts *first)
{
        for (size_t i = 0; i < first->n; i++)
                if (i >= all->n || !text_equal(all->items[i], first->items[i]))
                        return false;
        return true;
}

/* The container's command, divided as the image's was. */
static void take_command(const struct commit *commit, struct image_defaults *defaults)
{
        const struct spec_texts *args = &commit->spec->process->args;
        const size_t n = defaults->entrypoint.n;

        if (!begins_with(args, &defaults->entrypoint)) {
                defaults->entrypoint = (struct spec_texts){ 0 };
                defaults->cmd = *args;
                return;
        }
        defaults->cmd = (struct spec_texts){ args->items + n, args->n - n };
}

/* What the container has of its environment but for what each one gets. */
static void take_env(const struct commit *commit, struct image_defaults *defaults)
{
        static const char *const given[] = { "HOME=", "HOSTNAME=", "TERM=", "container=" };
        const struct spec_texts *env = &commit->spec->process->env;
        struct spec_texts own = { arena_array(commit->arena, env->n + 1, sizeof *own.items), 0 };

        for (size_t i = 0; i < env->n; i++) {
                bool is_given = false;

                for (size_t k = 0; k < ARRAY_SIZE(given); k++)
                        is_given |= text_starts(env->items[i], given[k]);
                if (!is_given)
                        own.items[own.n++] = env->items[i];
        }
        change_env(commit->arena, &defaults->env, &own);
}

static void take_labels(const struct commit *commit, struct image_defaults *defaults)
{
        const struct words *labels = &commit->record.labels;
        struct spec_map own = { arena_array(commit->arena, labels->n + 1, sizeof *own.items), 0 };

        for (size_t i = 0; i < labels->n; i++)
                own.items[own.n++] = store_split_label(commit->arena, labels->items[i]);
        change_labels(commit->arena, &defaults->labels, &own);
}

static const char *command_line(const struct commit *commit)
{
        const struct spec_texts *args = &commit->spec->process->args;
        struct text line = { .arena = commit->arena };

        for (size_t i = 0; i < args->n; i++)
                text_addf(&line, "%s%s", i ? " " : "", args->items[i]);
        return text_string(&line);
}

static int describe(struct commit *commit, struct new_image *image)
{
        const struct commit_request *request = commit->request;
        const struct image_config *config = commit->base.config;
        struct image_reference reference;
        int r = 0;

        *image = (struct new_image){ .base = &commit->base,
                                     .os = config->os,
                                     .architecture = config->architecture,
                                     .variant = config->variant,
                                     .created_by = command_line(commit),
                                     .comment = request->message,
                                     .author = request->author ? request->author : config->author,
                                     .docker = text_equal(request->format, "docker") };
        if (config->defaults)
                image->defaults = *config->defaults;
        if (request->name)
                r = image_reference_parse(commit->arena, request->name, &reference);
        if (r == 0 && request->name && reference.digest)
                r = trail(-EINVAL, "'%s': a name to give cannot have a digest", request->name);
        if (r < 0)
                return r;
        if (request->name)
                image->name = image_reference_full(commit->arena, &reference);
        if (commit->spec->process) {
                take_command(commit, &image->defaults);
                take_env(commit, &image->defaults);
                if (!text_equal(commit->spec->process->cwd, "/") || image->defaults.working_dir)
                        image->defaults.working_dir = commit->spec->process->cwd;
        }
        take_labels(commit, &image->defaults);
        return change_defaults(commit->arena, &image->defaults, &request->change);
}

/* -- the command ------------------------------------------------------------------------------------------ */

static int check_container(const struct commit *commit)
{
        const char *name = commit->request->container;

        if (commit->record.image_id && commit->record.n_overlays == 1)
                return 0;
        if (commit->record.n_overlays == 0) {
                trail_hint(
                        "husk export writes it as a tar file, of which husk import makes an image");
                return trail(
                        -EINVAL,
                        "container '%s' runs on a directory of its own (--rootfs): there is no image below it",
                        name);
        }
        trail_hint("husk diff shows what it has changed of this system");
        return trail(
                -EINVAL,
                "container '%s' is made of this very system, which is no image to build upon",
                name);
}

static int find_base(struct commit *commit)
{
        struct layout *layout = &commit->pull.layout;
        struct image_index index;
        bool by_name;
        size_t at;
        int r = layout_read_index(layout, commit->arena, &index);

        if (r == 0)
                r = image_find(
                        layout, commit->arena, &index, commit->record.image_id, &at, &by_name);
        if (r == -ENOENT) {
                trail_reset();
                trail_hint("pull '%s' again", commit->record.image);
                return trail(r, "the image that the container was made of is not here any more");
        }
        return r < 0 ? r
                     : layout_read_image(
                               layout, commit->arena, index.manifests.items[at].digest,
                               &commit->base);
}

static int add_blob(struct commit *commit, struct new_image *image)
{
        struct layer_result layer;
        struct layout_work work;
        struct pause pause = { .pipe = NO_FD };
        int r = layout_begin(
                &commit->pull.layout, arena_format(commit->arena, "commit-%d", (int)getpid()), true,
                &work);

        if (r < 0)
                return r;
        r = tree_set_size(work.file, 0);
        if (r == 0)
                r = pause_it(commit, &pause);
        if (r == 0)
                r = make_layer(commit, work.file, &layer);
        go_on(&pause);
        if (r == 0) {
                image->diff_id = arena_format(commit->arena, "sha256:%s", layer.hex);
                image->layer = (struct image_descriptor){ .digest = image->diff_id,
                                                          .size = (int64_t)layer.size };
                r = layout_publish_blob(&work, image->diff_id);
        }
        layout_drop(&work);
        return r;
}

static int commit_opened(struct commit *commit, struct pull_result *ret_result)
{
        struct new_image image = { 0 };
        int r;

        record_decode(commit->arena, &commit->container, &commit->record);
        r = container_spec(commit->arena, &commit->container, &commit->spec);
        if (r == 0)
                r = check_container(commit);
        if (r == 0)
                r = image_container_ids(
                        commit->arena, commit->request->container, commit->spec, &commit->ids);
        if (r == 0)
                r = pull_begin(&commit->pull);
        if (r == 0)
                r = find_base(commit);
        if (r == 0)
                r = describe(commit, &image);
        if (r == 0)
                r = add_blob(commit, &image);
        return r < 0 ? r : new_image_record(&commit->pull, &image, ret_result);
}

int engine_commit(
        const struct commit_request *request, struct arena *arena, struct pull_result *ret_result)
{
        const struct pull_request as_pull = { .engine = request->engine };
        struct commit commit = { .request = request,
                                 .arena = arena,
                                 .pull = { .arena = arena,
                                           .request = &as_pull,
                                           .layout = LAYOUT_NONE,
                                           .origin = { .words = request->container, .dir = NO_FD },
                                           .registry = REGISTRY_NONE,
                                           .ns = NO_FD } };
        int r = store_open(arena, &request->engine, request->container, true, &commit.container);

        if (r < 0)
                return r;
        r = commit_opened(&commit, ret_result);
        container_close(&commit.container);
        pull_end(&commit.pull);
        return r;
}
