/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `login` and `logout`. A password is written down only after the registry has taken it. */
#include "engine.h"
#include "image/image.h"
#include "registry/registry.h"
#include "remote.h"
#include "store.h"

/* HOST[:PORT], as a reference has it. */
static int check_registry(
        struct arena *arena, const struct login_request *request, const char **ret)
{
        struct image_reference reference;
        const char *name = request->registry ? request->registry : IMAGE_DEFAULT_REGISTRY;
        int r = image_reference_parse(arena, arena_format(arena, "%s/x", name), &reference);

        if (r == 0 && text_equal(reference.registry, name)) {
                *ret = name;
                return 0;
        }
        trail_reset();
        trail_hint("such as docker.io or localhost:5000");
        return trail(-EINVAL, "'%s' is no registry: expected HOST[:PORT]", name);
}

static int file_of(const struct login_request *request, const char **ret_file)
{
        *ret_file = request->authfile ? request->authfile : request->engine.registries->login;
        if (*ret_file)
                return 0;
        trail_hint("--authfile FILE");
        return trail(-ENOENT, "there is no HOME to keep credentials in");
}

static int ask(
        struct arena *arena, const struct login_request *request, const char *registry,
        const struct registry_credentials *credentials)
{
        const struct registry_place place = { .registry = registry };
        struct registry helper = REGISTRY_NONE;
        struct registry_answer answer;
        const char *settings;
        const struct registry_files files = remote_files(&request->engine, &request->said);
        int r = registry_settings(arena, &files, &place, credentials, &settings);

        if (r == 0)
                r = registry_start(
                        arena_format(arena, "%s/" REGISTRY_PROGRAM, request->engine.libexec),
                        settings, &helper);
        if (r == 0)
                r = registry_ask_login(&helper, registry);
        if (r > 0)
                r = registry_await(&helper, arena, (unsigned)r, &answer);
        registry_end(&helper);
        return r;
}

int engine_login(
        const struct login_request *request, struct arena *arena, struct login_result *ret_result)
{
        const struct registry_credentials credentials = { request->username, request->password,
                                                          NULL };
        const char *registry, *file = NULL;
        struct registry_kept kept;
        int r = check_registry(arena, request, &registry);

        if (r == 0)
                r = file_of(request, &file);
        if (r == 0 && (strchr(request->username, ':') || !*request->username))
                r = trail(-EINVAL, "a user name has no colon in it, and is not empty");
        if (r == 0)
                r = ask(arena, request, registry, &credentials);
        if (r == 0)
                r = registry_auth_store(arena, file, registry, &credentials, &kept);
        if (r == 0)
                *ret_result = (struct login_result){ .file = file, .helper = kept.helper };
        return r;
}

int engine_logout(const struct login_request *request, bool *ret_was)
{
        auto_arena arena = { 0 };
        const char *registry, *file = NULL;
        struct registry_kept kept = { 0 };
        int r = check_registry(&arena, request, &registry);

        if (r == 0)
                r = file_of(request, &file);
        if (r == 0)
                r = registry_auth_store(&arena, file, registry, NULL, &kept);
        if (r == 0)
                *ret_was = kept.was;
        return r;
}
