/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: docker's and podman's files of credentials, which have one form:
 *
 *      {"auths":{"https://index.docker.io/v1/":{"auth":"BASE64 OF NAME:PASSWORD"}, "quay.io/team":{...}},
 *       "credHelpers":{"HOST":"NAME"}, "credsStore":"NAME"}
 *
 * A key is a registry, as a URL or not, or with podman the beginning of a repository, of which the longest
 * counts. A helper is the program docker-credential-NAME (auth_helper.c).
 * What else stands in the file is other programs'. */
#include "auth_private.h"
#include "image/image.h"
#include "linux/linux.h"

#include <fcntl.h>

/* How docker.io is called in docker's own files. */
#define DOCKER_KEY "index.docker.io"

const char *auth_key(const char *registry)
{
        return text_equal(registry, IMAGE_DEFAULT_REGISTRY) ? "https://" DOCKER_KEY "/v1/"
                                                            : registry;
}

/* -- base64 -------------------------------------------------------------------------------------------- */

static int base64_value(char c)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *at = c ? strchr(letters, c) : NULL;

        return at ? (int)(at - letters) : -1;
}

/* RFC 4648, 4; a NUL in it is refused, since it cannot be part of a name or password. */
static int base64_decode(struct arena *arena, const char *coded, const char **ret_text)
{
        struct text text = { .arena = arena };
        unsigned bits = 0, n = 0;
        size_t size = strcspn(coded, "=");

        for (size_t i = 0; i < size; i++) {
                int value = base64_value(coded[i]);

                if (value < 0)
                        return -EINVAL;
                bits = bits << 6 | (unsigned)value;
                n += 6;
                if (n < 8)
                        continue;
                n -= 8;
                if (!(bits >> n & 0xff))
                        return -EINVAL;
                text_add_char(&text, (char)(bits >> n & 0xff));
        }
        if (strlen(coded) % 4 || strspn(coded + size, "=") != strlen(coded + size) ||
            strlen(coded + size) > 2)
                return -EINVAL;
        *ret_text = text_string(&text);
        return 0;
}

/* -- one file ------------------------------------------------------------------------------------------ */

/* How well the key fits: the length of what it names, 0 when it is of another place. */
static size_t fits(const char *key, const struct registry_place *place)
{
        const char *scheme = strstr(key, "://");
        size_t size, registry = strlen(place->registry);

        if (scheme) {
                key = scheme + strlen("://");
                size = strcspn(key, "/");
        } else {
                size = strlen(key);
        }
        if (size == strlen(DOCKER_KEY) && !memcmp(key, DOCKER_KEY, size) &&
            text_equal(place->registry, IMAGE_DEFAULT_REGISTRY))
                return registry;
        if (size < registry || memcmp(key, place->registry, registry) != 0)
                return 0;
        if (size == registry)
                return registry;
        key += registry;
        size -= registry;
        if (*key != '/' || !place->repository || size - 1 > strlen(place->repository) ||
            memcmp(key + 1, place->repository, size - 1) != 0)
                return 0;
        /* A whole part of the name. */
        return strchr("/", place->repository[size - 1]) ? registry + size : 0;
}

static const struct json_member *best_key(
        const struct json *table, const struct registry_place *place)
{
        const struct json_member *best = NULL;
        size_t length = 0;

        for (size_t i = 0; table && table->kind == JSON_OBJECT && i < table->n; i++) {
                size_t this = fits(table->members[i].name, place);

                if (this > length) {
                        best = &table->members[i];
                        length = this;
                }
        }
        return best;
}

static int read_entry(
        struct arena *arena, const char *file, const struct json_member *member,
        struct registry_credentials *ret)
{
        const char *coded = json_string(json_member(&member->value, "auth"));
        const char *pointer = text_pointer(arena, "/auths", member->name), *plain, *colon;

        ret->identity_token = json_string(json_member(&member->value, "identitytoken"));
        if (!coded || !*coded)
                return 0;
        if (base64_decode(arena, coded, &plain) < 0 || !strchr(plain, ':'))
                return spec_error(
                        &member->value, file, pointer, "'auth' is not the base64 of NAME:PASSWORD");
        colon = strchr(plain, ':');
        ret->username = arena_copy(arena, plain, (size_t)(colon - plain));
        ret->password = colon + 1;
        return 0;
}

const char *auth_helper(
        const struct json *root, const char *member, const struct registry_place *place)
{
        const struct json *value = json_member(root, member);
        const struct json_member *best;
        const char *name = json_string(value);

        if (value && value->kind == JSON_OBJECT) {
                best = best_key(value, place);
                name = best ? json_string(&best->value) : NULL;
        }
        return name && *name ? name : NULL;
}

/* -- all of them --------------------------------------------------------------------------------------- */

static bool has_any(const struct registry_credentials *credentials)
{
        return credentials->password || credentials->identity_token;
}

static int find_in(
        struct arena *arena, const char *file, const struct registry_place *place,
        struct registry_credentials *ret)
{
        struct text bytes = { .arena = arena };
        const struct json_member *member;
        const struct json *root;
        const char *helper;
        int r = file_read(arena, AT_FDCWD, file, AUTH_BYTES_MAX, &bytes);

        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return trail(r, "cannot read '%s': %m", file);
        r = json_parse(arena, file, text_string(&bytes), bytes.len, &root);
        if (r < 0)
                return r;
        helper = auth_helper(root, "credHelpers", place);
        if (helper)
                return helper_get(arena, helper, place->registry, ret);
        member = best_key(json_member(root, "auths"), place);
        if (member) {
                r = read_entry(arena, file, member, ret);
                if (r < 0 || has_any(ret))
                        return r;
        }
        helper = auth_helper(root, "credsStore", place);
        return helper ? helper_get(arena, helper, place->registry, ret) : 0;
}

int registry_auth_find(
        struct arena *arena, const char *const *files, size_t n_files,
        const struct registry_place *place, struct registry_credentials *ret_credentials)
{
        struct registry_credentials found = { 0 };
        int r = 0;

        for (size_t i = 0; i < n_files && r == 0 && !has_any(&found); i++)
                if (files[i])
                        r = find_in(arena, files[i], place, &found);
        if (r == 0)
                *ret_credentials = found;
        return r;
}
