/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk inspect`: what the journal, the kernel and the image say of a container, under
 * docker's names where docker has one. The document that it was made from comes last, whole. */
#include "image.h"
#include "store.h"

#include <string.h>

static void put_state(
        struct json_writer *w, const struct container *container, const struct container_info *info)
{
        json_open_object(w, "State");
        json_put_string(w, "Status", info->status);
        json_put_bool(
                w, "Running",
                container->status == CONTAINER_RUNNING || container->status == CONTAINER_PAUSED);
        json_put_bool(w, "Paused", container->status == CONTAINER_PAUSED);
        json_put_i64(w, "Pid", info->pid);
        if (container->has_exit)
                json_put_i64(w, "ExitCode", info->exit_code);
        json_put_bool(w, "OOMKilled", container->oom_killed);
        json_close_object(w);
}

static void put_host_config(
        struct json_writer *w, const struct container *container, const struct record *record)
{
        json_open_object(w, "HostConfig");
        json_put_bool(w, "AutoRemove", record->remove);
        json_put_string(w, "SeccompProfile", record->seccomp ? record->seccomp : "");
        if (container->resources) /* of an update: OCIConfig has those of the start */
                json_put_value(w, "Resources", container->resources);
        json_close_object(w);
}

static void put_labels(struct arena *arena, struct json_writer *w, const struct words *labels)
{
        json_open_object(w, "Labels");
        for (size_t i = 0; i < labels->n; i++) {
                const struct spec_pair label = store_split_label(arena, labels->items[i]);

                json_put_string(w, label.key, label.value);
        }
        json_close_object(w);
}

/* What only the image says, and nothing here acts upon. One that is not there any more says nothing. */
static void put_image(
        struct arena *arena, const struct engine_options *options, struct json_writer *w,
        const struct record *record)
{
        static const char *const members[] = { "ExposedPorts", "Healthcheck", "Volumes" };
        struct engine_image image;
        const struct json *defaults;

        if (!record->image_id)
                return;
        if (image_open(arena, options, record->image_id, NULL, &image) < 0) {
                trail_reset();
                return;
        }
        file_close(&image.hold);
        defaults = image.config->defaults ? image.config->defaults->at : NULL;
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                const struct json *member = json_member(defaults, members[i]);

                if (member)
                        json_put_value(w, members[i], member);
        }
}

static void put_config(
        struct arena *arena, const struct engine_options *options, struct json_writer *w,
        const struct record *record)
{
        const char *signal = process_signal_name(record->stop_signal);

        json_open_object(w, "Config");
        json_put_string(w, "Image", record->image);
        put_labels(arena, w, &record->labels);
        if (record->stop_signal)
                json_put_string(
                        w, "StopSignal",
                        signal ? signal : arena_format(arena, "%d", record->stop_signal));
        put_image(arena, options, w, record);
        json_close_object(w);
}

static void put_layers(struct json_writer *w, const struct record *record)
{
        if (record->mount_program)
                json_put_string(w, "MountProgram", record->mount_program);
        json_open_array(w, "Layers");
        for (size_t i = 0; i < record->n_overlays; i++) {
                const struct runtime_overlay *overlay = &record->overlays[i];

                if (overlay->read_only)
                        continue; /* nothing is written there */
                json_open_object(w, NULL);
                json_put_string(w, "Target", overlay->target);
                json_open_array(w, "LowerDirs");
                for (size_t k = 0; k < overlay->lower.n; k++)
                        json_put_string(w, NULL, overlay->lower.items[k]);
                json_close_array(w);
                json_put_string(w, "UpperDir", overlay->upper);
                json_close_object(w);
        }
        json_close_array(w);
}

static void put_own(struct json_writer *w, const struct record *record)
{
        json_open_array(w, "Mounts");
        for (size_t i = 0; i < record->n_own; i++) {
                json_open_object(w, NULL);
                json_put_string(w, "Type", record->own[i].content ? "bind" : "volume");
                json_put_string(w, "Source", record->own[i].path);
                json_put_string(w, "Destination", record->own[i].target);
                json_close_object(w);
        }
        json_close_array(w);
}

static int inspect_container(
        struct arena *arena, const struct engine_options *options, const char *name,
        struct text *out)
{
        struct json_writer w = { .out = out };
        struct container container;
        struct container_info info;
        struct record record;
        const struct json *config;
        int r = store_open(arena, options, name, false, &container);

        if (r < 0)
                return r;
        container_describe(arena, &container, &info);
        record_decode(arena, &container, &record);
        r = json_parse(arena, "journal", container.config, container.config_size, &config);
        container_close(&container);
        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        json_put_string(&w, "Id", info.id);
        json_put_string(&w, "Name", info.name);
        json_put_string(&w, "Created", container.created);
        json_put_string(&w, "Image", info.image);
        if (record.image_id)
                json_put_string(&w, "ImageID", record.image_id);
        put_state(&w, &container, &info);
        put_host_config(&w, &container, &record);
        put_config(arena, options, &w, &record);
        put_layers(&w, &record);
        put_own(&w, &record);
        json_put_value(&w, "OCIConfig", config);
        json_close_object(&w);
        return 0;
}

int engine_inspect(const struct inspect_request *request, struct text *out)
{
        const char *name = request->names.items[0];
        auto_arena arena = { 0 };
        int r;

        if (!text_equal(request->type, "image")) {
                r = inspect_container(&arena, &request->engine, name, out);
                if (r != -ENOENT || request->type)
                        return r;
                trail_reset();
        }
        r = inspect_image(&arena, &request->engine, name, out);
        if (r == -ENOENT && !request->type) {
                trail_reset();
                trail_hint("`husk ps -a` lists containers, `husk images` images");
                return trail(r, "there is no container and no image '%.300s' here", name);
        }
        return r;
}
