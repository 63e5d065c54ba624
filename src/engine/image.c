/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: which image is meant, and what a container needs of it.
 *
 * A name stands in the index; an id is the digest of a configuration, for which manifests are read, one
 * after the other: they are small, and ids are for people. */
#include "image.h"

#include "runtime/runtime.h"
#include "store.h"

#include <string.h>
#include <unistd.h>

#include <sys/utsname.h>

const struct idmap *image_ids(struct arena *arena)
{
        struct idmap *own;

        if (geteuid() == 0)
                return NULL;
        own = arena_new(arena, struct idmap);
        *own = subids_all(arena);
        return own;
}

int image_container_ids(
        struct arena *arena, const char *name, const struct spec *spec, struct tar_ids **ret_ids)
{
        const struct spec_linux *of = spec->linux_;

        *ret_ids = NULL;
        if (!of || geteuid() != 0) /* an ordinary user's are read in a user namespace */
                return 0;
        for (size_t i = 0; i < of->namespaces.n; i++)
                if (text_equal(of->namespaces.items[i].type, "user") &&
                    of->namespaces.items[i].path)
                        return trail(
                                -EINVAL,
                                "container '%s' is in a user namespace that is not its own: nobody "
                                "knows whose its files are in an image",
                                name);
        if (!of->uid_mappings.n || !of->gid_mappings.n)
                return 0;
        *ret_ids = arena_new(arena, struct tar_ids);
        **ret_ids = (struct tar_ids){ .uids = &of->uid_mappings, .gids = &of->gid_mappings };
        return 0;
}

int image_open_store(
        struct arena *arena, const struct engine_options *options, bool make,
        struct layout *ret_layout)
{
        return layout_open(
                store_absolute(arena, options->root), image_ids(arena), make, ret_layout);
}

const char **image_layers_down(struct arena *arena, const struct engine_image *image, size_t n)
{
        const char **layers = arena_array(arena, n + 1, sizeof *layers);

        for (size_t i = 0; i < n; i++)
                layers[i] = image->layers[n - 1 - i];
        return layers;
}

/* -- which one -------------------------------------------------------------------------------------------- */

int image_not_found(struct arena *arena, const char *words)
{
        struct text seen = { .arena = arena };

        text_add_visible(&seen, words);
        trail_hint("husk images lists what there is, husk pull gets one from a registry");
        return trail(-ENOENT, "there is no image '%.300s' here", text_string(&seen));
}

static bool has_digest(const struct image_descriptor *image, const char *digest)
{
        return text_equal(image->digest, digest) ||
               text_equal(layout_annotation(image, LAYOUT_SOURCE), digest);
}

/* The repository of a full name is that of another one. */
static bool same_repository(const char *name, const char *full)
{
        size_t size = strcspn(full, "@");

        while (size && full[size] != ':' && full[size] != '/')
                size--;
        if (full[size] == '/')
                size = strcspn(full, "@");
        return name && strncmp(name, full, size) == 0 && (name[size] == ':' || name[size] == '@');
}

static bool find_name(
        struct arena *arena, const struct image_index *index,
        const struct image_reference *reference, size_t *ret_at)
{
        const char *full = image_reference_full(arena, reference);

        for (size_t i = 0; i < index->manifests.n; i++) {
                const struct image_descriptor *image = &index->manifests.items[i];
                const char *name = layout_annotation(image, LAYOUT_NAME);

                if (text_equal(name, full) ||
                    (reference->digest && has_digest(image, reference->digest) &&
                     same_repository(name, full))) {
                        *ret_at = i;
                        return true;
                }
        }
        return false;
}

/* An id, the beginning of one, or a digest. */
static int find_id(
        const struct layout *layout, struct arena *arena, const struct image_index *index,
        const char *words, size_t *ret_at)
{
        auto_arena scratch = { 0 };
        const char *hex = text_starts(words, "sha256:") ? LAYOUT_HEX(words) : words;
        const char *found = NULL;
        const size_t size = strlen(hex);

        if (size < 2 || size > 64 || hex[strspn(hex, "0123456789abcdef")])
                return -ENOENT;
        for (size_t i = 0; i < index->manifests.n; i++) {
                const struct image_descriptor *image = &index->manifests.items[i];
                struct layout_image documents;
                const char *id;

                arena_reset(&scratch);
                if (layout_read_image(layout, &scratch, image->digest, &documents) < 0) {
                        trail_reset(); /* a damaged one has no id */
                        continue;
                }
                id = documents.manifest->config->digest;
                if (strncmp(LAYOUT_HEX(id), hex, size) != 0 &&
                    !(size == 64 && has_digest(image, words)))
                        continue;
                if (found && !text_equal(found, id))
                        return trail(-EEXIST, "'%s' is the beginning of several images' ids", hex);
                if (found)
                        continue;
                *ret_at = i;
                found = arena_string(arena, id);
        }
        return found ? 0 : -ENOENT;
}

int image_find(
        const struct layout *layout, struct arena *arena, const struct image_index *index,
        const char *words, size_t *ret_at, bool *ret_by_name)
{
        struct image_reference reference;
        int r = image_reference_parse(arena, words, &reference), by_id;

        if (r == 0 && find_name(arena, index, &reference, ret_at)) {
                *ret_by_name = true;
                return 0;
        }
        *ret_by_name = false;
        by_id = find_id(layout, arena, index, words, ret_at);
        if (by_id == -ENOENT && r < 0 && !text_starts(words, "sha256:") &&
            words[strspn(words, "0123456789abcdef")])
                return r; /* it is no name either, as the trail says */
        if (by_id == 0 || by_id == -ENOENT)
                trail_reset();
        return by_id == -ENOENT ? image_not_found(arena, words) : by_id;
}

/* -- for whom ----------------------------------------------------------------------------------------------- */

int image_wanted_platform(
        struct arena *arena, const char *words, struct image_platform *ret_platform)
{
        struct utsname host;

        if (words)
                return image_platform_parse(arena, words, ret_platform);
        if (uname(&host) < 0)
                return -errno;
        *ret_platform = image_platform_of(arena_string(arena, host.machine));
        return 0;
}

/* -- what a container needs of it --------------------------------------------------------------------------- */

bool image_is_for(const struct image_config *config, const struct image_platform *platform)
{
        return text_equal(config->os, platform->os) &&
               text_equal(config->architecture, platform->architecture) &&
               (!platform->variant || !config->variant ||
                text_equal(config->variant, platform->variant));
}

static int check_platform(
        struct arena *arena, const char *words, const struct image_config *config,
        const struct image_platform *wanted)
{
        const struct image_platform own = { .os = config->os,
                                            .architecture = config->architecture,
                                            .variant = config->variant };

        if (!wanted || image_is_for(config, wanted))
                return 0;
        return trail(
                -ENOENT, "the image '%s' here is for %s, not for %s", words,
                image_platform_words(arena, &own), image_platform_words(arena, wanted));
}

static bool comes_again(const struct spec_texts *ids, size_t i)
{
        for (size_t k = i + 1; k < ids->n; k++)
                if (text_equal(ids->items[k], ids->items[i]))
                        return true;
        return false;
}

static int find_layers(
        const struct layout *layout, struct arena *arena, const struct image_config *config,
        struct engine_image *image)
{
        const struct spec_texts *ids = &config->rootfs->diff_ids;
        const char **paths = arena_array(arena, ids->n + 1, sizeof *paths);
        size_t n = 0;

        for (size_t i = 0; i < ids->n; i++) {
                /* Of one that comes again the upper one shows all that the lower one does. */
                if (comes_again(ids, i))
                        continue;
                if (!layout_has_layer(layout, ids->items[i])) {
                        trail_hint("something has removed it: pull the image again");
                        return trail(
                                -EBADMSG, "%s has not the layer %s of this image", layout->path,
                                ids->items[i]);
                }
                paths[n++] = layout_layer_path(layout, arena, ids->items[i]);
        }
        image->layers = paths;
        image->n_layers = n;
        return 0;
}

static int read_image(
        struct layout *layout, struct arena *arena, const char *words,
        const struct image_platform *platform, struct engine_image *image)
{
        struct layout_image documents;
        struct image_index index;
        bool by_name;
        size_t at;
        int r = layout_read_index(layout, arena, &index);

        if (r == 0)
                r = image_find(layout, arena, &index, words, &at, &by_name);
        if (r == 0)
                r = layout_read_image(layout, arena, index.manifests.items[at].digest, &documents);
        if (r == 0)
                r = check_platform(arena, words, documents.config, platform);
        if (r < 0)
                return r;
        *image = (struct engine_image){
                .reference = layout_annotation(&index.manifests.items[at], LAYOUT_NAME),
                .digest = index.manifests.items[at].digest,
                .id = documents.manifest->config->digest,
                .config = documents.config,
        };
        return find_layers(layout, arena, documents.config, image);
}

int image_open(
        struct arena *arena, const struct engine_options *options, const char *words,
        const struct image_platform *platform, struct engine_image *ret_image)
{
        struct layout layout = LAYOUT_NONE;
        struct engine_image image;
        int r = image_open_store(arena, options, false, &layout);

        if (r < 0)
                return r == -ENOENT ? image_not_found(arena, words) : r;
        r = read_image(&layout, arena, words, platform, &image);
        if (r == 0) {
                image.hold = layout.images;
                layout.images = NO_FD;
                *ret_image = image;
        }
        layout_close(&layout);
        return r;
}
