/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a manifest and a configuration for layers that are there. From then on it is an image like
 * one that was pulled: the same code looks whether its layers are unpacked, unpacks the new one, and
 * writes the name last. */
#include "new_image.h"

#include "store.h"

#include <string.h>
#include <time.h>

/* Steps are told of layers in their order. Of layers that the base's history says nothing of there is a step without
 * words, so that ours is not taken for theirs. */
static size_t base_steps(
        struct arena *arena, const struct image_config *base, struct image_history **ret_steps)
{
        const size_t n_layers = base ? base->rootfs->diff_ids.n : 0;
        const size_t n_known = base ? base->history.n : 0;
        struct image_history *steps = arena_array(arena, n_known + n_layers + 1, sizeof *steps);
        size_t n = 0, told = 0;

        for (; n < n_known; n++) {
                steps[n] = base->history.items[n];
                told += !steps[n].empty_layer;
        }
        for (; told < n_layers; told++)
                steps[n++] = (struct image_history){ .created = base->created };
        *ret_steps = steps;
        return n;
}

static void config_bytes(struct arena *arena, const struct new_image *image, struct text *ret_bytes)
{
        const struct image_config *base = image->base ? image->base->config : NULL;
        const size_t n_layers = base ? base->rootfs->diff_ids.n : 0;
        struct image_history *steps;
        const size_t n_steps = base_steps(arena, base, &steps);
        const char **ids = arena_array(arena, n_layers + 1, sizeof *ids);
        struct image_rootfs rootfs = { .type = "layers", .diff_ids = { ids, n_layers + 1 } };
        struct image_config config = { .created = store_format_time(arena, time(NULL)),
                                       .author = image->author,
                                       .architecture = image->architecture,
                                       .os = image->os,
                                       .variant = image->variant,
                                       .defaults = &image->defaults,
                                       .rootfs = &rootfs,
                                       .history = { steps, n_steps + 1 } };

        if (n_layers)
                memcpy(ids, base->rootfs->diff_ids.items, n_layers * sizeof *ids);
        ids[n_layers] = image->diff_id;
        steps[n_steps] = (struct image_history){ .created = config.created,
                                                 .created_by = image->created_by,
                                                 .author = image->author,
                                                 .comment = image->comment };
        image_encode_config(&config, ret_bytes);
}

static const char *layer_type(bool docker, enum image_compression compression)
{
        static const char *const types[][2] = {
                [IMAGE_PLAIN] = { IMAGE_TYPE_LAYER, IMAGE_TYPE_DOCKER_LAYER },
                [IMAGE_GZIP] = { IMAGE_TYPE_LAYER "+gzip", IMAGE_TYPE_DOCKER_LAYER ".gzip" },
                [IMAGE_ZSTD] = { IMAGE_TYPE_LAYER "+zstd", IMAGE_TYPE_DOCKER_LAYER ".zstd" },
        };

        return types[compression][docker];
}

static void make_manifest(
        struct arena *arena, const struct new_image *image, const struct image_descriptor *config,
        struct text *ret_bytes)
{
        const size_t n = image->base ? image->base->manifest->layers.n : 0;
        struct image_descriptor *layers = arena_array(arena, n + 1, sizeof *layers);
        struct image_manifest manifest = {
                .schema_version = 2,
                .media_type = image->docker ? IMAGE_TYPE_DOCKER_MANIFEST : IMAGE_TYPE_MANIFEST,
                .config = config,
                .layers = { layers, n + 1 },
        };

        for (size_t i = 0; i <= n; i++) {
                const struct image_descriptor *from =
                        i < n ? &image->base->manifest->layers.items[i] : &image->layer;
                const enum image_compression compression =
                        i < n ? image_media(from->media_type).compression : image->compression;

                layers[i] = (struct image_descriptor){
                        .media_type = layer_type(image->docker, compression),
                        .digest = from->digest,
                        .size = from->size,
                };
        }
        image_encode_manifest(&manifest, ret_bytes);
}

/* The base's layers must be whole: nobody could fetch what is missing of them. */
static int check_base(const struct pull *pull, const struct layout_image *base)
{
        for (size_t i = 0; base && i < base->manifest->layers.n; i++)
                if (!layout_has_unpacked(
                            &pull->layout, base->manifest->layers.items[i].digest,
                            base->config->rootfs->diff_ids.items[i])) {
                        trail_hint("something has removed it: pull the image again");
                        return trail(
                                -EBADMSG, "%s has not the layer %s of the image", pull->layout.path,
                                base->config->rootfs->diff_ids.items[i]);
                }
        return 0;
}

int new_image_record(
        struct pull *pull, const struct new_image *image, struct pull_result *ret_result)
{
        struct arena *arena = pull->arena;
        struct text config_text = { .arena = arena }, manifest = { .arena = arena };
        struct image_descriptor config = {
                .media_type = image->docker ? IMAGE_TYPE_DOCKER_CONFIG : IMAGE_TYPE_CONFIG,
        };
        int r = check_base(pull, image->base);

        if (r < 0)
                return r;
        config_bytes(arena, image, &config_text);
        r = layout_write_blob(&pull->layout, arena, &config_text, &config.digest);
        config.size = (int64_t)config_text.len;
        if (r < 0)
                return r;
        make_manifest(arena, image, &config, &manifest);
        r = pull_parse_manifest(pull, &manifest);
        if (r == 0 && image->docker)
                pull->top.media_type = IMAGE_TYPE_DOCKER_MANIFEST;
        pull->origin.name = image->name;
        return r < 0 ? r : pull_image(pull, ret_result);
}
