/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/table.h"

#include <string.h>

/* Theory of operation: the tables of image.def say what a document looks like; here is what they cannot
 * say. Above all which document it is: the same bytes must not be a manifest to one who checks them and
 * an index to one who runs them, so what was announced, what the document says of itself and what
 * members it has must agree. */

static const struct {
        const char *name;
        struct image_media media;
} media_types[] = {
        { IMAGE_TYPE_INDEX, { .type = IMAGE_INDEX } },
        { IMAGE_TYPE_MANIFEST, { .type = IMAGE_MANIFEST } },
        { IMAGE_TYPE_CONFIG, { .type = IMAGE_CONFIG } },
        { IMAGE_TYPE_LAYER, { .type = IMAGE_LAYER } },
        { IMAGE_TYPE_LAYER "+gzip", { .type = IMAGE_LAYER, .compression = IMAGE_GZIP } },
        { IMAGE_TYPE_LAYER "+zstd", { .type = IMAGE_LAYER, .compression = IMAGE_ZSTD } },
        { "application/vnd.oci.image.layer.nondistributable.v1.tar",
          { .type = IMAGE_LAYER, .foreign = true } },
        { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
          { .type = IMAGE_LAYER, .compression = IMAGE_GZIP, .foreign = true } },
        { "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
          { .type = IMAGE_LAYER, .compression = IMAGE_ZSTD, .foreign = true } },
        { "application/vnd.docker.distribution.manifest.list.v2+json", { .type = IMAGE_INDEX } },
        { "application/vnd.docker.distribution.manifest.v2+json", { .type = IMAGE_MANIFEST } },
        { "application/vnd.docker.container.image.v1+json", { .type = IMAGE_CONFIG } },
        { "application/vnd.docker.image.rootfs.diff.tar", { .type = IMAGE_LAYER } },
        { "application/vnd.docker.image.rootfs.diff.tar.gzip",
          { .type = IMAGE_LAYER, .compression = IMAGE_GZIP } },
        { "application/vnd.docker.image.rootfs.diff.tar.zstd",
          { .type = IMAGE_LAYER, .compression = IMAGE_ZSTD } },
        { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          { .type = IMAGE_LAYER, .compression = IMAGE_GZIP, .foreign = true } },
};

struct image_media image_media(const char *media_type)
{
        const size_t size = media_type ? strcspn(media_type, "; ") : 0;

        for (size_t i = 0; i < ARRAY_SIZE(media_types); i++)
                if (strlen(media_types[i].name) == size &&
                    !memcmp(media_types[i].name, media_type, size))
                        return media_types[i].media;
        return (struct image_media){ .type = IMAGE_UNKNOWN };
}

/* -- digests and descriptors ---------------------------------------------------------------------- */

/* algorithm ":" encoded, by the grammar of descriptor.md. */
static bool is_digest(const char *digest)
{
        static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        static const char encoded[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ=_-";
        size_t size;

        for (const char *at = digest;; at++) {
                size = strspn(at, lower);
                at += size;
                if (!size || !*at || !strchr("+._-:", *at))
                        return false;
                if (*at == ':') {
                        size = strspn(at + 1, encoded);
                        return size && !at[1 + size];
                }
        }
}

int image_digest_check(const char *digest)
{
        static const char prefix[] = "sha256:", digits[] = "0123456789abcdef";
        const char *hex = digest + strlen(prefix);

        if (!is_digest(digest))
                return -EINVAL;
        if (!text_starts(digest, prefix))
                return -EOPNOTSUPP;
        return strlen(hex) == 64 && strspn(hex, digits) == 64 ? 0 : -EINVAL;
}

struct image_parser {
        struct arena *arena;
        const char *name;
};

static int refuse_digest(
        const struct image_parser *parser, const struct json *at, const char *pointer,
        const char *digest, bool grammar)
{
        struct text seen = { .arena = parser->arena };

        text_add_visible(&seen, digest);
        return spec_error(
                at, parser->name, pointer,
                grammar ? "'%.200s' is no digest, expected sha256: and 64 hexadecimal digits"
                        : "'%.200s' is a digest of an algorithm that is not supported, "
                          "expected sha256",
                text_string(&seen));
}

/* `used`: what it names will be opened, so its digest must be one that can be checked. */
static int check_descriptor(
        const struct image_parser *parser, const char *pointer,
        const struct image_descriptor *descriptor, bool used)
{
        int r = image_digest_check(descriptor->digest);

        if (r == -EINVAL || (r < 0 && used))
                return refuse_digest(
                        parser, json_member(descriptor->at, "digest"),
                        text_pointer(parser->arena, pointer, "digest"), descriptor->digest,
                        r == -EINVAL);
        if (descriptor->size < 0)
                return spec_error(
                        json_member(descriptor->at, "size"), parser->name,
                        text_pointer(parser->arena, pointer, "size"), "a size cannot be negative");
        return 0;
}

static int check_descriptors(
        const struct image_parser *parser, const char *pointer,
        const struct image_descriptor_list *list, size_t most, bool used)
{
        int r = 0;

        if (list->n > most)
                return spec_error(
                        NULL, parser->name, pointer, "%zu are too many, at most %zu are read",
                        list->n, most);
        for (size_t i = 0; i < list->n && r == 0; i++)
                r = check_descriptor(
                        parser, arena_format(parser->arena, "%s/%zu", pointer, i), &list->items[i],
                        used);
        return r;
}

/* -- manifests and indexes -------------------------------------------------------------------------- */

static const char *type_words(enum image_type type)
{
        return type == IMAGE_INDEX    ? "an image index"
             : type == IMAGE_MANIFEST ? "an image manifest"
                                      : "something else";
}

/* Which of the two it is, by its members. */
static int tell_type(
        const struct image_parser *parser, const struct json *root, enum image_type *ret_type)
{
        const bool index = json_member(root, "manifests");
        const bool manifest = json_member(root, "layers") || json_member(root, "config");

        if (json_member(root, "fsLayers")) {
                trail_hint("push the image again with a program of this decade");
                return spec_error(
                        root, parser->name, "/",
                        "a manifest of Docker's schema 1, which is not supported");
        }
        if (index && manifest)
                return spec_error(
                        root, parser->name, "/",
                        "is both, an image index and a manifest: it means one thing to who checks "
                        "it and another to who runs it");
        if (!index && !manifest)
                return spec_error(
                        root, parser->name, "/", "is neither an image index nor a manifest");
        *ret_type = index ? IMAGE_INDEX : IMAGE_MANIFEST;
        return 0;
}

static int check_type(
        const struct image_parser *parser, const struct json *root, enum image_type announced,
        enum image_type type)
{
        const struct json *member = json_member(root, "mediaType");
        const char *own = json_string(member);
        struct text seen = { .arena = parser->arena };

        if (announced != IMAGE_UNKNOWN && announced != type)
                return spec_error(
                        root, parser->name, "/", "was announced as %s, but is %s",
                        type_words(announced), type_words(type));
        if (!own || !*own || image_media(own).type == type)
                return 0;
        text_add_visible(&seen, own);
        return spec_error(
                member, parser->name, "/mediaType", "says '%.200s', but the document is %s",
                text_string(&seen), type_words(type));
}

static int check_version(const struct image_parser *parser, const struct json *at, int32_t version)
{
        if (version == 2)
                return 0;
        return spec_error(
                json_member(at, "schemaVersion"), parser->name, "/schemaVersion",
                "version %d is not supported, expected 2", version);
}

static int parse_manifest(
        const struct image_parser *parser, const struct json *root,
        const struct image_manifest **ret_manifest)
{
        struct image_manifest *manifest = arena_new(parser->arena, struct image_manifest);
        int r = spec_decode(
                parser->arena, parser->name, root, object_of_image_manifest(), manifest);

        if (r == 0)
                r = check_version(parser, root, manifest->schema_version);
        if (r == 0)
                r = check_descriptor(parser, "/config", manifest->config, true);
        if (r == 0)
                r = check_descriptors(parser, "/layers", &manifest->layers, IMAGE_LAYERS_MAX, true);
        if (r < 0)
                return r;
        *ret_manifest = manifest;
        return 0;
}

static int parse_index(
        const struct image_parser *parser, const struct json *root,
        const struct image_index **ret_index)
{
        struct image_index *index = arena_new(parser->arena, struct image_index);
        int r = spec_decode(parser->arena, parser->name, root, object_of_image_index(), index);

        if (r == 0)
                r = check_version(parser, root, index->schema_version);
        if (r == 0)
                r = check_descriptors(
                        parser, "/manifests", &index->manifests, IMAGE_MANIFESTS_MAX, false);
        if (r < 0)
                return r;
        *ret_index = index;
        return 0;
}

static int parse_json(
        const struct image_parser *parser, const char *bytes, size_t size,
        const struct json **ret_root)
{
        if (size > IMAGE_DOCUMENT_MAX)
                return trail(
                        -EFBIG, "%s: %zu bytes are too many, at most %zu (4 MiB) are read",
                        parser->name, size, IMAGE_DOCUMENT_MAX);
        return json_parse_bounded(
                parser->arena, parser->name, bytes, size, IMAGE_VALUES_MAX, ret_root);
}

int image_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size, enum image_type type,
        struct image_document *ret_document)
{
        const struct image_parser parser = { arena, name };
        const struct json *root = NULL;
        enum image_type own = IMAGE_UNKNOWN;
        struct image_document document = { 0 };
        int r;

        r = parse_json(&parser, bytes, size, &root);
        if (r == 0)
                r = tell_type(&parser, root, &own);
        if (r == 0)
                r = check_type(&parser, root, type, own);
        if (r < 0)
                return r;
        r = own == IMAGE_INDEX ? parse_index(&parser, root, &document.index)
                               : parse_manifest(&parser, root, &document.manifest);
        if (r < 0)
                return r;
        *ret_document = document;
        return 0;
}

/* -- configurations --------------------------------------------------------------------------------- */

int image_parse_config(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct image_config **ret_config)
{
        const struct image_parser parser = { arena, name };
        struct image_config *config = arena_new(arena, struct image_config);
        const struct spec_texts *ids;
        const struct json *root = NULL;
        int r;

        r = parse_json(&parser, bytes, size, &root);
        if (r == 0)
                r = spec_decode(arena, name, root, object_of_image_config(), config);
        if (r < 0)
                return r;
        ids = &config->rootfs->diff_ids;
        for (size_t i = 0; i < ids->n; i++) {
                r = image_digest_check(ids->items[i]);
                if (r < 0)
                        return refuse_digest(
                                &parser, &json_member(config->rootfs->at, "diff_ids")->items[i],
                                arena_format(arena, "/rootfs/diff_ids/%zu", i), ids->items[i],
                                r == -EINVAL);
        }
        *ret_config = config;
        return 0;
}

int image_match(
        const char *name, const struct image_manifest *manifest, const struct image_config *config)
{
        if (manifest->layers.n == config->rootfs->diff_ids.n)
                return 0;
        return spec_error(
                json_member(config->rootfs->at, "diff_ids"), name, "/rootfs/diff_ids",
                "there are %zu of them for %zu layers", config->rootfs->diff_ids.n,
                manifest->layers.n);
}

/* -- writing ------------------------------------------------------------------------------------------ */

void image_encode_manifest(const struct image_manifest *manifest, struct text *out)
{
        struct json_writer w = { .out = out };

        spec_put(&w, NULL, object_of_image_manifest(), manifest);
}

void image_encode_index(const struct image_index *index, struct text *out)
{
        struct json_writer w = { .out = out };

        spec_put(&w, NULL, object_of_image_index(), index);
}

void image_encode_config(const struct image_config *config, struct text *out)
{
        struct json_writer w = { .out = out };

        spec_put(&w, NULL, object_of_image_config(), config);
}
