/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk image inspect` and `husk history`: what an image's two documents and the store say of
 * it, under docker's names. */
#include "image.h"
#include "store.h"

#include <string.h>

struct look {
        struct arena *arena;
        struct layout layout;
        struct image_index index;
        const struct image_descriptor *entry;
        struct layout_image image;
};

static int look(
        struct arena *arena, const struct engine_options *options, const char *words,
        struct look *ret)
{
        struct look look = { .arena = arena, .layout = LAYOUT_NONE };
        bool by_name;
        size_t at;
        int r = image_open_store(arena, options, false, &look.layout);

        if (r == 0)
                r = layout_read_index(&look.layout, arena, &look.index);
        if (r == 0)
                r = image_find(&look.layout, arena, &look.index, words, &at, &by_name);
        else if (r == -ENOENT && !*trail_text())
                image_not_found(arena, words);
        if (r == 0) {
                look.entry = &look.index.manifests.items[at];
                r = layout_read_image(&look.layout, arena, look.entry->digest, &look.image);
        }
        if (r < 0)
                layout_close(&look.layout);
        else
                *ret = look;
        return r;
}

/* -- inspect ---------------------------------------------------------------------------------------------- */

static void put_names(const struct look *look, struct json_writer *w)
{
        const struct image_descriptor_list *list = &look->index.manifests;
        struct image_info info;

        json_open_array(w, "RepoTags");
        for (size_t i = 0; i < list->n; i++) {
                const char *name = layout_annotation(&list->items[i], LAYOUT_NAME);

                image_name_parts(look->arena, name, &info);
                if (name && text_equal(list->items[i].digest, look->entry->digest) &&
                    !text_equal(info.tag, "<none>"))
                        json_put_string(w, NULL, info.name);
        }
        json_close_array(w);
        json_open_array(w, "RepoDigests");
        for (size_t i = 0; i < list->n; i++) {
                const char *name = layout_annotation(&list->items[i], LAYOUT_NAME);
                const char *source = layout_annotation(&list->items[i], LAYOUT_SOURCE);

                if (!name || !text_equal(list->items[i].digest, look->entry->digest))
                        continue;
                image_name_parts(look->arena, name, &info);
                json_put_string(
                        w, NULL,
                        arena_format(
                                look->arena, "%s@%s", info.repository,
                                source ? source : list->items[i].digest));
        }
        json_close_array(w);
}

static void put_list(struct json_writer *w, const char *name, const struct spec_texts *list)
{
        if (!list->n) {
                json_put_null(w, name);
                return;
        }
        json_open_array(w, name);
        for (size_t i = 0; i < list->n; i++)
                json_put_string(w, NULL, list->items[i]);
        json_close_array(w);
}

static void put_member(struct json_writer *w, const struct json *from, const char *name)
{
        const struct json *value = json_member(from, name);

        if (value)
                json_put_value(w, name, value);
        else
                json_put_null(w, name);
}

/* The members that docker always has, and then what else there is. */
static void put_config(struct json_writer *w, const struct image_config *config)
{
        static const char *const more[] = { "Healthcheck", "StopSignal", "StopTimeout", "Shell" };
        static const struct image_defaults none;
        const struct image_defaults *defaults = config->defaults ? config->defaults : &none;

        json_open_object(w, "Config");
        json_put_string(w, "User", defaults->user ? defaults->user : "");
        put_member(w, defaults->at, "ExposedPorts");
        put_list(w, "Env", &defaults->env);
        put_list(w, "Cmd", &defaults->cmd);
        put_list(w, "Entrypoint", &defaults->entrypoint);
        put_member(w, defaults->at, "Volumes");
        json_put_string(w, "WorkingDir", defaults->working_dir ? defaults->working_dir : "");
        put_list(w, "OnBuild", &defaults->on_build);
        put_member(w, defaults->at, "Labels");
        for (size_t i = 0; i < ARRAY_SIZE(more); i++)
                if (json_member(defaults->at, more[i]))
                        put_member(w, defaults->at, more[i]);
        json_close_object(w);
}

static const char *last_comment(const struct image_config *config)
{
        size_t n = config->history.n;

        return n && config->history.items[n - 1].comment ? config->history.items[n - 1].comment
                                                         : "";
}

int inspect_image(
        struct arena *arena, const struct engine_options *options, const char *words,
        struct text *out)
{
        struct json_writer w = { .out = out };
        const struct image_config *config;
        uint64_t bytes = 0;
        struct look found;
        int r = look(arena, options, words, &found);

        if (r < 0)
                return r;
        config = found.image.config;
        r = image_size(&found.layout, arena, config, &bytes);
        layout_close(&found.layout);
        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        json_put_string(&w, "Id", found.image.manifest->config->digest);
        put_names(&found, &w);
        json_put_string(&w, "Digest", found.entry->digest);
        json_put_string(&w, "Comment", last_comment(config));
        json_put_string(&w, "Created", config->created ? config->created : "");
        json_put_string(&w, "Author", config->author ? config->author : "");
        put_config(&w, config);
        json_put_string(&w, "Architecture", config->architecture);
        if (config->variant)
                json_put_string(&w, "Variant", config->variant);
        json_put_string(&w, "Os", config->os);
        json_put_u64(&w, "Size", bytes);
        json_open_object(&w, "RootFS");
        json_put_string(&w, "Type", "layers");
        put_list(&w, "Layers", &config->rootfs->diff_ids);
        json_close_object(&w);
        json_close_object(&w);
        return 0;
}

/* -- history ---------------------------------------------------------------------------------------------- */

/* From the first step on; what the image has more of layers than its history tells comes last. */
static int list_steps(struct look *look, struct history_entry *list, size_t *ret_n)
{
        const struct image_config *config = look->image.config;
        const struct spec_texts *layers = &config->rootfs->diff_ids;
        size_t n = 0, layer = 0;

        for (size_t i = 0; i < config->history.n || layer < layers->n; i++) {
                static const struct image_history unknown;
                const struct image_history *step =
                        i < config->history.n ? &config->history.items[i] : &unknown;
                struct history_entry *entry = &list[n++];

                *entry = (struct history_entry){
                        .id = "<missing>",
                        .short_id = "<missing>",
                        .created = step->created ? step->created : "",
                        .created_ns = (uint64_t)store_parse_time(step->created) * 1000000000,
                        .created_by = step->created_by ? step->created_by : "",
                        .comment = step->comment ? step->comment : "",
                };
                if (!step->empty_layer && layer < layers->n) {
                        int r = image_layer_size(
                                &look->layout, look->arena, layers->items[layer++],
                                &entry->size_bytes);

                        if (r < 0)
                                return r;
                }
        }
        *ret_n = n;
        return 0;
}

int engine_history(
        const struct history_request *request, struct arena *arena, struct history_entry **ret_list,
        size_t *ret_n)
{
        struct history_entry *list;
        struct look found;
        size_t n = 0;
        int r = look(arena, &request->engine, request->image, &found);

        if (r < 0)
                return r;
        list = arena_array(
                arena, found.image.config->history.n + found.image.config->rootfs->diff_ids.n + 1,
                sizeof *list);
        r = list_steps(&found, list, &n);
        layout_close(&found.layout);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n / 2; i++) {
                struct history_entry swapped = list[i];

                list[i] = list[n - 1 - i];
                list[n - 1 - i] = swapped;
        }
        if (n) {
                list[0].id = found.image.manifest->config->digest;
                list[0].short_id = arena_copy(arena, LAYOUT_HEX(list[0].id), 12);
        }
        *ret_list = list;
        *ret_n = n;
        return 0;
}
