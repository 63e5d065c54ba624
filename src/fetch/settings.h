/* SPDX-License-Identifier: Apache-2.0 */
/* What husk has read of the user's files for this process: the document "settings". */
#pragma once

#include "base/base.h"

struct host_settings {
        const char *name;
        const char *const *mirrors;
        size_t n_mirrors;
        bool insecure;               /* http, or https without looking at certificates */
        bool verify;                 /* https, even of this machine */
        const char *ca, *cert, *key; /* PEM */
        uint64_t chunk_bytes;        /* uploads go in pieces of that size; 0: at once */
        /* credentials; NULL: none */
        const char *username, *password, *identity_token;
};

struct settings {
        struct host_settings *hosts;
        size_t n_hosts;
        const char *http_proxy, *https_proxy, *no_proxy; /* NULL: none */
        uint64_t patience_s;                             /* how long nothing may come */
};

#define SETTINGS_PATIENCE_S 30

/* Decode {"hosts":{NAME:{...}}, "credentials":{NAME:{...}}, "proxies":{...}, "patience":N}: 0, or -EINVAL with
 * a trail. All texts live as long as the document. */
int settings_decode(
        struct arena *arena, const struct json *document, struct settings *ret_settings);
/* Of this host; of none when nothing is said. Never NULL. */
const struct host_settings *settings_of(const struct settings *settings, const char *name);
