/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI image documents as far as they can be judged by themselves; part of spec.h. All of them come
 * from registries and archives, so each has bounds, and nothing in them is believed before its digest
 * was compared by who fetched it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A manifest, index or configuration: at most 4 MiB. */
#define IMAGE_DOCUMENT_MAX ((size_t)4 << 20)
/* Values of JSON in one; two bytes of the document may be a value, which takes a hundred of memory. */
#define IMAGE_VALUES_MAX ((size_t)64 << 10)
/* Layers of a manifest, entries of an index. */
#define IMAGE_LAYERS_MAX    512
#define IMAGE_MANIFESTS_MAX 1024

#define IMAGE_TYPE_INDEX           "application/vnd.oci.image.index.v1+json"
#define IMAGE_TYPE_MANIFEST        "application/vnd.oci.image.manifest.v1+json"
#define IMAGE_TYPE_CONFIG          "application/vnd.oci.image.config.v1+json"
#define IMAGE_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define IMAGE_TYPE_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define IMAGE_TYPE_DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar"
#define IMAGE_TYPE_LAYER           "application/vnd.oci.image.layer.v1.tar"

/* What a media type says that something is. */
enum image_type {
        IMAGE_UNKNOWN, /* to be passed on, not to be opened (manifest.md) */
        IMAGE_INDEX,
        IMAGE_MANIFEST,
        IMAGE_CONFIG,
        IMAGE_LAYER,
};

enum image_compression {
        IMAGE_PLAIN,
        IMAGE_GZIP,
        IMAGE_ZSTD,
};

struct image_media {
        enum image_type type;
        enum image_compression compression; /* IMAGE_LAYER */
        bool foreign;                       /* IMAGE_LAYER: not to be uploaded (layer.md) */
};

/* The media types of OCI and of Docker's schema 2. Parameters ("; charset=...") are passed over. */
struct image_media image_media(const char *media_type);

/* Exactly one of the two is set. */
struct image_document {
        const struct image_manifest *manifest;
        const struct image_index *index;
};

/* Read a manifest or an index. `type` is what it was announced as, by a descriptor or a Content-Type
 * (IMAGE_UNKNOWN: by nobody); `name` is what messages call it.
 * Refused: a document that is both, or another one than was announced (CVE-2021-41190), schema 1,
 * digests that are none, negative sizes, more than there are bounds for.
 * Results and errors as those of spec_parse(). Source: manifest.md, image-index.md. */
int image_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size, enum image_type type,
        struct image_document *ret_document);

/* Read a configuration. Refused: another rootfs type than "layers", diff_ids that are none.
 * What the rest means, and whether it may, is for who makes a container of it. Source: config.md. */
int image_parse_config(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct image_config **ret_config);

/* Do these two belong together: a diff_id for each layer? 0, or -EINVAL with a trail. */
int image_match(
        const char *name, const struct image_manifest *manifest, const struct image_config *config);

/* Append the document as spec_encode() does. */
void image_encode_manifest(const struct image_manifest *manifest, struct text *out);
void image_encode_index(const struct image_index *index, struct text *out);
void image_encode_config(const struct image_config *config, struct text *out);

/* "sha256:" and 64 lower-case hexadecimal digits: 0. -EINVAL: no digest at all; -EOPNOTSUPP: one of
 * another algorithm, which may stand in an index but names nothing that could be checked here.
 * Source: descriptor.md, "Digests". */
int image_digest_check(const char *digest);
