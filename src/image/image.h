/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of image: names of images. Other rooms include this header only. */
#pragma once

#include "base/base.h"
#include "spec/spec.h"

/* -- references ------------------------------------------------------------------------------------ */

/* Where short names are looked for, and below which name those without a slash. */
#define IMAGE_DEFAULT_REGISTRY  "docker.io"
#define IMAGE_DEFAULT_NAMESPACE "library"
#define IMAGE_DEFAULT_TAG       "latest"

/* REGISTRY/REPOSITORY[:TAG][@DIGEST]; all parts are checked, so they can stand in a URL or a path. */
struct image_reference {
        const char *registry;   /* host name or address, and perhaps a port: "localhost:5000" */
        const char *repository; /* "library/alpine" */
        const char *tag;        /* NULL: none was said; a digest, or "latest", is meant */
        const char *digest;     /* NULL, or "sha256:..." */
};

/* What docker(1) takes: a name without a registry is docker.io's, and there below "library" if it has
 * no slash; the first part is a registry when it has a dot, a colon or a capital letter in it, or is
 * "localhost". Refused, with a trail that says which part is wrong: capital letters in a repository,
 * parts that are empty or begin with a dot, names longer than 255 bytes, tags longer than 128, 64
 * hexadecimal digits (an image's id is no name), digests of other algorithms than sha256.
 * 0 or -EINVAL. Source: distribution-spec, "Pulling manifests"; the grammar of the reference package
 * of the distribution project. */
int image_reference_parse(
        struct arena *arena, const char *words, struct image_reference *ret_reference);

/* All of it, with the tag that is meant: "docker.io/library/alpine:latest"; with a digest the tag only
 * if one was said. This is how an image is called in the store. */
const char *image_reference_full(struct arena *arena, const struct image_reference *reference);
/* The shortest words that mean the same: "alpine:latest". */
const char *image_reference_short(struct arena *arena, const struct image_reference *reference);
/* The tag that is meant: "latest" when nothing was said, NULL with a digest alone. */
const char *image_reference_tag(const struct image_reference *reference);
/* Does the registry stand for this machine itself, so that it may be spoken to without TLS? */
bool image_reference_is_local(const struct image_reference *reference);

/* -- platforms -------------------------------------------------------------------------------------- */

/* Read OS/ARCHITECTURE[/VARIANT] or ARCHITECTURE[/VARIANT] (of linux), under the names that GOARCH,
 * uname(1) or Debian use; what comes out is GOARCH's. 0, or -EINVAL with a trail. */
int image_platform_parse(
        struct arena *arena, const char *words, struct image_platform *ret_platform);
/* linux on a machine whose uname(2) says `machine` ("x86_64"). */
struct image_platform image_platform_of(const char *machine);
/* "linux/arm64/v8". */
const char *image_platform_words(struct arena *arena, const struct image_platform *platform);

/* Which entry of an index is for `platform`: the one with its very variant, else the nearest older one
 * (arm: v7 runs what is for v6), else one without; of equals the first (image-index.md). Entries that are
 * no images (attestations: "unknown/unknown") are never taken; one without a platform is taken when
 * nothing fits. NULL: none. */
const struct image_descriptor *image_platform_choose(
        const struct image_index *index, const struct image_platform *platform);
