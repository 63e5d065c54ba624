/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: a registry, and what it is asked by several commands. */
#pragma once

#include "engine.h"
#include "image/image.h"
#include "registry/registry.h"
#include "spec/spec.h"

struct remote {
        struct arena *arena;
        const struct engine_options *options;
        const struct registry_options *said;
        struct registry_place place;
        struct registry helper; /* started when it is first needed */
};

/* What the helper is told, of the user's files and of what was said on the command line. 0, -EPERM, -EINVAL with a
 * trail. */
int remote_settings(
        struct arena *arena, const struct engine_options *options,
        const struct registry_options *said, const struct registry_place *place,
        const char **ret_settings);

/* The files, with what was said instead of some of them. */
struct registry_files remote_files(
        const struct engine_options *options, const struct registry_options *said);

int remote_start(struct remote *remote);
void remote_end(struct remote *remote);

/* A document of the registry: a manifest by tag or digest, or (list) a page of a list. -ENOENT with a trail: it has
 * none. Its digest is for the caller to compare. */
int remote_read(
        struct remote *remote, const char *reference, bool list, struct text *ret_bytes,
        struct registry_answer *ret_answer);
/* Put a manifest or index there, under a tag or its own digest. *ret_subject: the registry knows referrers. */
int remote_write(
        struct remote *remote, const char *reference, const char *media_type,
        const struct text *bytes, bool *ret_subject);

/* Has this the look of a document? -EBADMSG with a trail that says what it is called and seems to be. `what` is what
 * messages call it. */
int remote_check_document(const char *what, const char *media_type, const struct text *bytes);

/* The digest of a document: "sha256:..." */
const char *remote_digest(struct arena *arena, const struct text *bytes);

/* remote_index.c: of manifests that refer to another one. */

/* Those that refer to `subject`, of which registries that do not know have an index under a tag. */
int remote_referrers(
        struct remote *remote, const char *subject, struct image_descriptor_list *ret_list);
/* Where the registry has answered that it does not know referrers: let the index under the tag have this one. */
int remote_add_referrer(
        struct remote *remote, const char *subject, const struct image_descriptor *manifest);
/* A manifest is there no more: where there is such an index, it goes from that, too. */
int remote_drop_referrer(struct remote *remote, const char *subject, const char *digest);
