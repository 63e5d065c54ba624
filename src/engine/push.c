/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk push`. First the blobs (push_blobs.c), then the manifests that name them, last what the
 * tag is to mean: who reads there meanwhile sees the old image or the new one.
 *
 * A name of the store is one image. What came from an index of several is pushed as an index again, of those that are
 * here: the entries that have the same source. Documents go as they are, byte by byte, unless a layer was compressed
 * on the way; then the manifest says so, and has another digest than the one of the store. */
#include "push.h"

#include <fcntl.h>
#include <string.h>

struct image {
        const struct image_descriptor *entry; /* of the store's index */
        struct text bytes;
        struct layout_image documents;
        struct image_descriptor as; /* as the registry has it */
};

struct target {
        const struct image_descriptor *entry;
        struct image_reference name;
        struct image *images;
        size_t n;
};

/* -- what is pushed, and as what -------------------------------------------------------------------------- */

static int read_destination(
        struct push *push, const char *words, struct image_reference *ret_reference)
{
        static const char scheme[] = "docker://";
        int r;

        if (text_starts(words, scheme))
                words += strlen(scheme);
        if (text_starts(words, "dir:")) {
                trail_hint("oci:DIR is a directory, too, and has a specification");
                return trail(-EOPNOTSUPP, "'%s' is no place that husk writes", words);
        }
        r = image_reference_parse(push->arena, words, ret_reference);
        if (r == 0 && ret_reference->digest)
                r = trail(-EINVAL, "'%s': what is pushed to cannot have a digest", words);
        return r;
}

static int one_target(struct push *push, struct target *target)
{
        const struct push_request *request = push->request;
        const char *name;
        bool by_name;
        size_t at;
        int r = image_find(&push->layout, push->arena, &push->index, request->image, &at, &by_name);

        if (r < 0)
                return r;
        target->entry = &push->index.manifests.items[at];
        if (request->destination)
                return read_destination(push, request->destination, &target->name);
        name = by_name ? layout_annotation(target->entry, LAYOUT_NAME) : NULL;
        if (name)
                r = image_reference_parse(push->arena, name, &target->name);
        if (r == 0 && name && image_reference_tag(&target->name)) {
                target->name.digest = NULL;
                return 0;
        }
        if (r < 0)
                return r;
        trail_hint("husk push IMAGE REGISTRY/NAME:TAG");
        return trail(-EINVAL, "'%s' does not say where to push to", request->image);
}

static int all_targets(struct push *push, struct target **ret_targets, size_t *ret_n)
{
        const struct image_descriptor_list *list = &push->index.manifests;
        struct target *targets = arena_array(push->arena, list->n + 1, sizeof *targets);
        struct image_reference wanted, name;
        size_t n = 0;
        int r = image_reference_parse(push->arena, push->request->image, &wanted);

        if (r == 0 && (wanted.tag || wanted.digest || push->request->destination ||
                       push->request->digestfile))
                r = trail(
                        -EINVAL, "--all-tags goes with a name without a tag alone, not with %s",
                        push->request->destination  ? "a destination"
                        : push->request->digestfile ? "--digestfile"
                                                    : "a tag");
        for (size_t i = 0; r == 0 && i < list->n; i++) {
                const char *full = layout_annotation(&list->items[i], LAYOUT_NAME);

                if (!full || image_reference_parse(push->arena, full, &name) < 0 ||
                    !text_equal(name.registry, wanted.registry) ||
                    !text_equal(name.repository, wanted.repository) || name.digest)
                        trail_reset();
                else
                        targets[n++] = (struct target){ .entry = &list->items[i], .name = name };
        }
        if (r == 0 && !n)
                r = trail(-ENOENT, "there is no image '%s' here", push->request->image);
        *ret_targets = targets;
        *ret_n = n;
        return r;
}

/* -- its images ------------------------------------------------------------------------------------------- */

static bool is_there(const struct target *target, const char *digest)
{
        for (size_t i = 0; i < target->n; i++)
                if (text_equal(target->images[i].entry->digest, digest))
                        return true;
        return false;
}

static int add_image(
        struct push *push, struct target *target, const struct image_descriptor *entry,
        const struct image_platform *platform)
{
        struct image *image = &target->images[target->n];
        int r;

        if (is_there(target, entry->digest))
                return 0;
        *image = (struct image){ .entry = entry };
        r = layout_read_image(&push->layout, push->arena, entry->digest, &image->documents);
        if (r == 0)
                r = layout_read_blob(&push->layout, push->arena, entry->digest, &image->bytes);
        if (r == 0 && (!platform || image_is_for(image->documents.config, platform)))
                target->n++;
        return r;
}

/* The image itself, and those from the same index. */
static int find_images(struct push *push, struct target *target)
{
        const struct image_descriptor_list *list = &push->index.manifests;
        const char *source = layout_annotation(target->entry, LAYOUT_SOURCE);
        const char *words = push->request->platform;
        struct image_platform wanted = { 0 }, *platform = words ? &wanted : NULL;
        int r = words ? image_platform_parse(push->arena, words, &wanted) : 0;

        if (r < 0)
                return trail(r, "--platform");
        target->images = arena_array(push->arena, list->n + 1, sizeof *target->images);
        r = add_image(push, target, target->entry, platform);
        for (size_t i = 0; r == 0 && source && i < list->n; i++)
                if (text_equal(layout_annotation(&list->items[i], LAYOUT_SOURCE), source))
                        r = add_image(push, target, &list->items[i], platform);
        if (r == 0 && !target->n)
                r =
                        trail(-ENOENT, "the image '%s' is not here for %s", push->request->image,
                              image_platform_words(push->arena, &wanted));
        return r;
}

/* -- documents -------------------------------------------------------------------------------------------- */

const char *push_oci_type(const char *media_type)
{
        const struct image_media media = image_media(media_type);

        switch (media.type) {
        case IMAGE_INDEX:
                return IMAGE_TYPE_INDEX;
        case IMAGE_MANIFEST:
                return IMAGE_TYPE_MANIFEST;
        case IMAGE_CONFIG:
                return IMAGE_TYPE_CONFIG;
        case IMAGE_LAYER:
                if (media.foreign)
                        break;
                return media.compression == IMAGE_PLAIN
                             ? IMAGE_TYPE_LAYER
                             : push_layer_type(IMAGE_TYPE_LAYER, media.compression);
        case IMAGE_UNKNOWN:
                break;
        }
        return media_type;
}

/* A manifest with the layers as they are there. Whatever of it is not known here is lost. */
static void rewrite(struct push *push, struct image *image)
{
        struct image_manifest manifest = *image->documents.manifest;
        struct image_descriptor *config = arena_new(push->arena, struct image_descriptor);
        struct image_descriptor *layers =
                arena_array(push->arena, manifest.layers.n + 1, sizeof *layers);
        bool mixed = false;

        *config = *manifest.config;
        for (size_t i = 0; i < manifest.layers.n; i++) {
                const struct image_descriptor *as =
                        push_result_of(push, manifest.layers.items[i].digest);

                layers[i] = manifest.layers.items[i];
                layers[i].digest = as->digest;
                layers[i].size = as->size;
                layers[i].media_type = as->media_type;
                mixed |= text_starts(manifest.config->media_type, "application/vnd.docker.") &&
                         !text_starts(as->media_type, "application/vnd.docker.");
        }
        /* Docker's documents cannot say it. */
        for (size_t i = 0; mixed && i < manifest.layers.n; i++)
                layers[i].media_type = push_oci_type(layers[i].media_type);
        if (mixed) {
                config->media_type = push_oci_type(config->media_type);
                image->as.media_type = manifest.media_type = IMAGE_TYPE_MANIFEST;
        }
        manifest.config = config;
        manifest.layers.items = layers;
        image->bytes = (struct text){ .arena = push->arena };
        image_encode_manifest(&manifest, &image->bytes);
}

static bool is_changed(const struct push *push, const struct image_manifest *manifest)
{
        for (size_t i = 0; i < manifest->layers.n; i++)
                if (!text_equal(
                            push_result_of(push, manifest->layers.items[i].digest)->digest,
                            manifest->layers.items[i].digest))
                        return true;
        return false;
}

static struct image_platform *platform_of(struct arena *arena, const struct image_config *config)
{
        struct image_platform *platform = arena_new(arena, struct image_platform);

        *platform = (struct image_platform){ .architecture = config->architecture,
                                             .os = config->os,
                                             .os_version = config->os_version,
                                             .os_features = config->os_features,
                                             .variant = config->variant };
        return platform;
}

/* A registry that does not know referrers has to be told of this one by an index. */
static int tell_subject(struct push *push, const struct image *image)
{
        const struct image_manifest *manifest = image->documents.manifest;
        struct image_descriptor as = image->as;

        as.platform = NULL;
        as.artifact_type =
                manifest->artifact_type ? manifest->artifact_type : manifest->config->media_type;
        as.annotations = manifest->annotations;
        return remote_add_referrer(&push->remote, manifest->subject->digest, &as);
}

static int put_manifest(struct push *push, struct image *image, const char *tag)
{
        const struct image_manifest *manifest = image->documents.manifest;
        bool subject = false;
        int r;

        image->as = (struct image_descriptor){
                .media_type =
                        manifest->media_type ? manifest->media_type : image->entry->media_type,
        };
        if (is_changed(push, manifest))
                rewrite(push, image);
        image->as.digest = remote_digest(push->arena, &image->bytes);
        image->as.size = (int64_t)image->bytes.len;
        image->as.platform = platform_of(push->arena, image->documents.config);
        r = remote_write(
                &push->remote, tag ? tag : image->as.digest, image->as.media_type, &image->bytes,
                &subject);
        if (r == 0 && manifest->subject && !subject)
                r = tell_subject(push, image);
        return r;
}

static int put_index(struct push *push, const struct target *target, const char **ret_digest)
{
        struct image_index index = { .schema_version = 2, .media_type = IMAGE_TYPE_INDEX };
        struct text bytes = { .arena = push->arena };
        bool subject = false;

        index.manifests.items = arena_array(push->arena, target->n, sizeof *index.manifests.items);
        for (size_t i = 0; i < target->n; i++)
                index.manifests.items[index.manifests.n++] = target->images[i].as;
        image_encode_index(&index, &bytes);
        *ret_digest = remote_digest(push->arena, &bytes);
        return remote_write(
                &push->remote, image_reference_tag(&target->name), IMAGE_TYPE_INDEX, &bytes,
                &subject);
}

/* Who asks for a format gets it for what is not compressed yet. */
static void warn_compressed(const struct push *push, const struct target *target)
{
        size_t n = 0;

        for (size_t i = 0; push->request->compression_format && i < target->n; i++) {
                const struct image_manifest *manifest = target->images[i].documents.manifest;

                for (size_t k = 0; k < manifest->layers.n; k++) {
                        enum image_compression is =
                                image_media(manifest->layers.items[k].media_type).compression;

                        n += is != IMAGE_PLAIN && is != push->pack;
                }
        }
        if (n)
                trail_warn(
                        "--compression-format %s: %zu layers are compressed otherwise already, and go as they are",
                        push->request->compression_format, n);
}

static int push_target(struct push *push, struct target *target, struct push_result *ret_result)
{
        const char *tag = image_reference_tag(&target->name), *digest;
        int r = find_images(push, target);

        for (size_t i = 0; r == 0 && i < target->n; i++) {
                const struct image_manifest *manifest = target->images[i].documents.manifest;

                push_add(push, manifest->config, false);
                for (size_t k = 0; k < manifest->layers.n; k++)
                        push_add(push, &manifest->layers.items[k], true);
        }
        if (r == 0)
                warn_compressed(push, target);
        if (r == 0)
                r = push_blobs(push);
        for (size_t i = 0; r == 0 && i < target->n; i++)
                r = put_manifest(push, &target->images[i], target->n == 1 ? tag : NULL);
        if (r < 0)
                return r;
        digest = target->images[0].as.digest;
        if (target->n > 1)
                r = put_index(push, target, &digest);
        *ret_result = (struct push_result){
                .reference = image_reference_full(push->arena, &target->name),
                .digest = digest,
        };
        return r;
}

/* -- the command ------------------------------------------------------------------------------------------ */

static int read_compression(struct push *push)
{
        static const char *const names[] = REGISTRY_COMPRESSIONS;
        const struct push_request *request = push->request;
        const struct number *level = &request->compression_level;
        size_t i = IMAGE_GZIP;

        if (request->compression_format)
                for (i = 0;
                     i < ARRAY_SIZE(names) && !text_equal(request->compression_format, names[i]);)
                        i++;
        if (i == ARRAY_SIZE(names))
                return trail(
                        -EINVAL,
                        "'%s' is not a value for --compression-format: expected gzip, zstd or none",
                        request->compression_format);
        push->pack = (enum image_compression)i;
        if (level->set && i == IMAGE_PLAIN)
                return trail(
                        -EINVAL,
                        "--compression-level: there is none with --compression-format none");
        if (level->set && (level->value < 1 || level->value > (i == IMAGE_ZSTD ? 19 : 9)))
                return trail(
                        -EINVAL, "--compression-level %lld: expected 1 to %d",
                        (long long)level->value, i == IMAGE_ZSTD ? 19 : 9);
        push->level = (unsigned)level->value;
        return 0;
}

static int push_all(struct push *push, struct push_result **ret_list, size_t *ret_n)
{
        struct target one = { 0 }, *targets = &one;
        size_t n = 1;
        int r = push->request->all_tags ? all_targets(push, &targets, &n) : one_target(push, &one);

        if (r < 0)
                return r;
        push->remote.place =
                (struct registry_place){ targets[0].name.registry, targets[0].name.repository };
        *ret_list = arena_array(push->arena, n, sizeof **ret_list);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = push_target(push, &targets[i], &(*ret_list)[i]);
        *ret_n = n;
        return r < 0 ? trail(r, "cannot push to %s/%s", push->remote.place.registry,
                             push->remote.place.repository)
                     : 0;
}

static int write_digest(const char *path, const char *digest)
{
        auto_close fd = file_open_output(path, O_TRUNC, 0666);
        int r = fd < 0 ? fd : file_write(fd, digest, strlen(digest));

        return r < 0 ? trail(r, "cannot write '%s': %m", path) : 0;
}

/* To a file or directory: as it is, and alone. */
static int push_locally(
        struct push *push, const struct local_place *place, struct push_result **ret_list,
        size_t *ret_n)
{
        const struct push_request *request = push->request;
        const char *digest, *option = request->all_tags              ? "--all-tags"
                                    : request->platform              ? "--platform"
                                    : request->compression_format    ? "--compression-format"
                                    : request->compression_level.set ? "--compression-level"
                                                                     : NULL;
        int r;

        if (option)
                return trail(
                        -EINVAL, "%s is about registries: it does not go with '%s'", option,
                        request->destination);
        r = image_save_to(push->arena, &request->engine, request->image, place, &digest);
        if (r < 0)
                return trail(r, "cannot write to %s", request->destination);
        *ret_list = arena_new(push->arena, struct push_result);
        **ret_list = (struct push_result){ .reference = request->destination, .digest = digest };
        *ret_n = 1;
        return 0;
}

static int push_remotely(struct push *push, struct push_result **ret_list, size_t *ret_n)
{
        const struct push_request *request = push->request;
        int r = read_compression(push);

        if (r < 0)
                return r;
        r = image_open_store(push->arena, &request->engine, false, &push->layout);
        if (r == -ENOENT)
                return trail(r, "there is no image '%s' here", request->image);
        if (r == 0)
                r = layout_read_index(&push->layout, push->arena, &push->index);
        if (r == 0)
                r = push_all(push, ret_list, ret_n);
        remote_end(&push->remote);
        layout_close(&push->layout);
        return r;
}

int engine_push(
        const struct push_request *request, struct arena *arena, struct push_result **ret_list,
        size_t *ret_n)
{
        struct push push = { .arena = arena,
                             .request = request,
                             .layout = LAYOUT_NONE,
                             .remote = { .arena = arena,
                                         .options = &request->engine,
                                         .said = &request->registry,
                                         .helper = REGISTRY_NONE } };
        struct local_place place;
        int r = request->destination && local_place_parse(arena, request->destination, &place)
                      ? push_locally(&push, &place, ret_list, ret_n)
                      : push_remotely(&push, ret_list, ret_n);

        if (r == 0 && request->digestfile)
                r = write_digest(request->digestfile, (*ret_list)[0].digest);
        return r;
}
