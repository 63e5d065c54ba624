/* SPDX-License-Identifier: Apache-2.0 */
/* Private to registry: what auth.c, auth_store.c and auth_helper.c share. */
#pragma once

#include "registry.h"

enum {
        AUTH_BYTES_MAX = 1 << 20, /* of a file of credentials */
};

/* docker's key for a registry in its own files, and its name for a helper. */
const char *auth_key(const char *registry);

/* The helper that a file of credentials names for a place (its name alone), or NULL; `member` is "credHelpers", the
 * one for this registry, or "credsStore", the one for all that are nowhere else. */
const char *auth_helper(
        const struct json *root, const char *member, const struct registry_place *place);

/* -- auth_helper.c: the program docker-credential-NAME ----------------------------------------------------- */

/* What it knows for a registry; all NULL: nothing. */
int helper_get(
        struct arena *arena, const char *name, const char *registry,
        struct registry_credentials *ret);
/* Have it keep them, or forget what it has. */
int helper_store(
        struct arena *arena, const char *name, const char *registry,
        const struct registry_credentials *credentials);
int helper_erase(struct arena *arena, const char *name, const char *registry);
