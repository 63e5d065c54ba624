/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the user's file about registries (docs/registries.md), strictly read, and of it what one
 * registry and its mirrors need, written as the document that the helper is started with. The helper opens no
 * file of the user's: certificates go as text, and credentials only those of the hosts that will be asked. */
#include "linux/linux.h"
#include "registry.h"

#include <fcntl.h>

enum {
        CONFIG_BYTES_MAX = 1 << 20,
        PEM_BYTES_MAX = 48 << 10, /* as certificates.c has it */
        MIRRORS_MAX = 16,
        CHUNK_LEAST = 4096,
};

struct reading {
        struct arena *arena;
        const struct registry_files *files;
        const struct json *config; /* NULL: there is none */
        bool own;                  /* what is put is of the registry itself, and not of a mirror */
};

static int wrong(
        struct reading *r, const struct json *at, const char *pointer, const char *expected)
{
        return spec_error(at, r->files->config, pointer, "expected %s", expected);
}

/* -- the file is right --------------------------------------------------------------------------------- */

static int unknown(
        struct reading *r, const struct json_member *member, const char *pointer, const char *words)
{
        return spec_error(
                &member->value, r->files->config, text_pointer(r->arena, pointer, member->name),
                "unknown member, expected one of %s", words);
}

static bool is_host(const char *name)
{
        static const char characters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]/_";

        return name && *name && *name != '/' && strspn(name, characters) == strlen(name) &&
               !strstr(name, "..") && !strstr(name, "//");
}

static int check_mirrors(struct reading *r, const struct json *list, const char *pointer)
{
        if (list->kind != JSON_ARRAY || list->n > MIRRORS_MAX)
                return wrong(r, list, pointer, "a list of at most 16 hosts");
        for (size_t i = 0; i < list->n; i++) {
                const char *name = json_string(&list->items[i]);
                bool again = false;

                for (size_t k = 0; k < i; k++)
                        again |= text_equal(name, json_string(&list->items[k]));
                if (again || !is_host(name))
                        return wrong(
                                r, &list->items[i], arena_format(r->arena, "%s/%zu", pointer, i),
                                again ? "each mirror once" : "HOST[:PORT][/PATH]");
        }
        return 0;
}

static bool is_word(const char *name, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (text_equal(name, words[i]))
                        return true;
        return false;
}

static int check_member(
        struct reading *r, const struct json_member *member, const char *pointer, const char *at)
{
        static const char *const flags[] = { "blocked", "insecure" };
        static const char *const paths[] = { "ca", "cert", "key" };
        const struct json *value = &member->value;
        uint64_t chunk;

        if (text_equal(member->name, "mirrors"))
                return check_mirrors(r, value, at);
        if (is_word(member->name, flags, ARRAY_SIZE(flags)))
                return value->kind == JSON_BOOL ? 0 : wrong(r, value, at, "true or false");
        if (is_word(member->name, paths, ARRAY_SIZE(paths)))
                return json_string(value) && *json_string(value) == '/'
                             ? 0
                             : wrong(r, value, at, "an absolute path");
        if (text_equal(member->name, "chunk"))
                return json_u64(value, &chunk) == 0 && chunk >= CHUNK_LEAST
                             ? 0
                             : wrong(r, value, at, "4096 bytes or more");
        return unknown(r, member, pointer, "mirrors, blocked, insecure, ca, cert, key, chunk");
}

static int check_host(struct reading *r, const struct json *host, const char *pointer)
{
        if (host->kind != JSON_OBJECT)
                return wrong(r, host, pointer, "an object");
        for (size_t i = 0; i < host->n; i++) {
                const struct json_member *member = &host->members[i];
                int error = check_member(
                        r, member, pointer, text_pointer(r->arena, pointer, member->name));

                if (error < 0)
                        return error;
        }
        return 0;
}

static int check_hosts(struct reading *r, const struct json *hosts)
{
        if (hosts->kind != JSON_OBJECT)
                return wrong(r, hosts, "/hosts", "an object");
        for (size_t i = 0; i < hosts->n; i++) {
                const char *pointer = text_pointer(r->arena, "/hosts", hosts->members[i].name);
                int error = is_host(hosts->members[i].name)
                                  ? check_host(r, &hosts->members[i].value, pointer)
                                  : wrong(r, &hosts->members[i].value, pointer,
                                          "HOST[:PORT] as the name");

                if (error < 0)
                        return error;
        }
        return 0;
}

static int check_proxies(struct reading *r, const struct json *proxies)
{
        if (proxies->kind != JSON_OBJECT)
                return wrong(r, proxies, "/proxies", "an object");
        for (size_t i = 0; i < proxies->n; i++) {
                const struct json_member *member = &proxies->members[i];

                if (!text_equal(member->name, "http") && !text_equal(member->name, "https") &&
                    !text_equal(member->name, "no"))
                        return unknown(r, member, "/proxies", "http, https, no");
                if (!json_string(&member->value))
                        return wrong(
                                r, &member->value, text_pointer(r->arena, "/proxies", member->name),
                                "a string");
        }
        return 0;
}

static int check(struct reading *r)
{
        int error = 0;

        if (r->config->kind != JSON_OBJECT)
                return wrong(r, r->config, "/", "an object");
        for (size_t i = 0; i < r->config->n && error == 0; i++) {
                const struct json_member *member = &r->config->members[i];
                uint64_t seconds;

                if (text_equal(member->name, "hosts"))
                        error = check_hosts(r, &member->value);
                else if (text_equal(member->name, "proxies"))
                        error = check_proxies(r, &member->value);
                else if (!text_equal(member->name, "patience"))
                        error = unknown(r, member, "", "hosts, proxies, patience");
                else if (json_u64(&member->value, &seconds) < 0 || seconds < 1 || seconds > 3600)
                        error = wrong(r, &member->value, "/patience", "1 to 3600 seconds");
        }
        return error;
}

static int read_config(struct reading *r)
{
        struct text bytes = { .arena = r->arena };
        const char *file = r->files->config;
        int error = file ? file_read(r->arena, AT_FDCWD, file, CONFIG_BYTES_MAX, &bytes) : -ENOENT;

        if (error == -ENOENT || error == -ENOTDIR)
                return 0;
        if (error < 0)
                return trail(error, "cannot read '%s': %m", file);
        error = json_parse(r->arena, file, text_string(&bytes), bytes.len, &r->config);
        return error < 0 ? error : check(r);
}

/* -- what the helper is told --------------------------------------------------------------------------- */

static const struct json *host_of(const struct reading *r, const char *name)
{
        return json_member(json_member(r->config, "hosts"), name);
}

static bool is_set(const struct json *host, const char *name)
{
        const struct json *value = json_member(host, name);

        return value && value->boolean;
}

static void put_text(struct json_writer *w, const char *name, const char *value)
{
        if (value)
                json_put_string(w, name, value);
}

static int read_pem(
        struct reading *r, const struct json *host, const char *name, const char **ret_pem)
{
        const char *path = json_string(json_member(host, name));
        struct text bytes = { .arena = r->arena };
        int error;

        if (!path)
                return 0;
        if (text_equal(name, "ca")) {
                error = registry_authorities_read(r->arena, path, ret_pem);
        } else {
                error = file_read(r->arena, AT_FDCWD, path, PEM_BYTES_MAX, &bytes);
                if (error < 0)
                        trail(error, "cannot read '%s': %m", path);
                *ret_pem = text_string(&bytes);
        }
        return error < 0 ? trail(error, "%s in %s", name, r->files->config) : 0;
}

/* What was said on the command line; else in our own file; else what stands in the directories of others. */
static int put_certificates(
        struct reading *r, struct json_writer *w, const char *name, const struct json *host)
{
        struct registry_certificates found = { 0 };
        const char *dir = r->own ? r->files->cert_dir : NULL;
        bool said =
                json_member(host, "ca") || json_member(host, "cert") || json_member(host, "key");
        int error = 0;

        if (dir) {
                error = registry_certificates_read(r->arena, dir, &found);
                if (error == -ENOENT)
                        return trail(error, "there is no directory '%s'", dir);
        } else if (said) {
                error = read_pem(r, host, "ca", &found.ca);
                if (error == 0)
                        error = read_pem(r, host, "cert", &found.cert);
                if (error == 0)
                        error = read_pem(r, host, "key", &found.key);
        } else {
                error = -ENOENT;
                for (size_t i = 0; error == -ENOENT && i < ARRAY_SIZE(r->files->certs); i++)
                        if (r->files->certs[i])
                                error = registry_certificates_read(
                                        r->arena,
                                        arena_format(
                                                r->arena, "%s/%.*s", r->files->certs[i],
                                                (int)strcspn(name, "/"), name),
                                        &found);
                error = error == -ENOENT ? 0 : error;
        }
        put_text(w, "ca", found.ca);
        put_text(w, "cert", found.cert);
        put_text(w, "key", found.key);
        return error;
}

static int put_host(struct reading *r, struct json_writer *w, const char *name, bool mirrors)
{
        const struct json *host = host_of(r, name), *list = json_member(host, "mirrors");
        int error;

        r->own = mirrors; /* of the registry itself */
        json_open_object(w, name);
        if (r->own && r->files->verify)
                json_put_bool(w, "verify", true);
        else if (is_set(host, "insecure") || (r->own && r->files->insecure))
                json_put_bool(w, "insecure", true);
        if (json_member(host, "chunk"))
                json_put_value(w, "chunk", json_member(host, "chunk"));
        if (list && mirrors) {
                json_open_array(w, "mirrors");
                for (size_t i = 0; i < list->n; i++)
                        if (!is_set(host_of(r, json_string(&list->items[i])), "blocked"))
                                json_put_string(w, NULL, json_string(&list->items[i]));
                json_close_array(w);
        }
        error = put_certificates(r, w, name, host);
        json_close_object(w);
        return error;
}

static int put_credentials(
        struct reading *r, struct json_writer *w, const struct registry_place *place,
        const struct registry_credentials *given)
{
        struct registry_credentials found = { 0 };
        int error = 0;

        if (!given) {
                error = registry_auth_find(
                        r->arena, r->files->auth, ARRAY_SIZE(r->files->auth), place, &found);
                given = &found;
        }
        if (error < 0 || (!given->password && !given->identity_token))
                return error;
        json_open_object(w, place->registry);
        put_text(w, "username", given->username);
        put_text(w, "password", given->password);
        put_text(w, "identityToken", given->identity_token);
        json_close_object(w);
        return 0;
}

static void put_proxies(struct reading *r, struct json_writer *w)
{
        const struct json *proxies = json_member(r->config, "proxies");

        const struct {
                const char *name, *otherwise;
        } all[] = {
                { "http", r->files->http_proxy },
                { "https", r->files->https_proxy },
                { "no", r->files->no_proxy },
        };

        json_open_object(w, "proxies");
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                const char *said = json_string(json_member(proxies, all[i].name));

                put_text(w, all[i].name, said ? said : all[i].otherwise);
        }
        json_close_object(w);
}

/* The registry first, then its mirrors: `put` for each. */
static int put_all(
        struct reading *r, struct json_writer *w, const struct registry_place *place,
        const struct registry_credentials *given)
{
        const struct json *mirrors = json_member(host_of(r, place->registry), "mirrors");
        int error;

        json_open_object(w, "hosts");
        error = put_host(r, w, place->registry, true);
        for (size_t i = 0; error == 0 && mirrors && i < mirrors->n; i++)
                if (!text_equal(json_string(&mirrors->items[i]), place->registry))
                        error = put_host(r, w, json_string(&mirrors->items[i]), false);
        json_close_object(w);
        json_open_object(w, "credentials");
        if (error == 0)
                error = put_credentials(r, w, place, given);
        for (size_t i = 0; error == 0 && mirrors && i < mirrors->n; i++) {
                const struct registry_place mirror = { json_string(&mirrors->items[i]),
                                                       place->repository };

                if (!text_equal(mirror.registry, place->registry))
                        error = put_credentials(r, w, &mirror, NULL);
        }
        json_close_object(w);
        return error;
}

int registry_settings(
        struct arena *arena, const struct registry_files *files, const struct registry_place *place,
        const struct registry_credentials *credentials, const char **ret_settings)
{
        struct reading reading = { .arena = arena, .files = files };
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };
        int r = read_config(&reading);

        if (r == 0 && is_set(host_of(&reading, place->registry), "blocked"))
                r = trail(-EPERM, "%s is blocked in %s", place->registry, files->config);
        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        r = put_all(&reading, &w, place, credentials);
        put_proxies(&reading, &w);
        if (json_member(reading.config, "patience"))
                json_put_value(&w, "patience", json_member(reading.config, "patience"));
        json_close_object(&w);
        if (r == 0)
                *ret_settings = text_string(&out);
        return r;
}
