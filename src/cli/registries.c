/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: which files say something about registries. One of our own, and those of credentials,
 * where docker and podman have them: who has logged in there has logged in here. */
#include "commands.h"
#include "linux/linux.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <unistd.h>

/* "$variable/name", else "$HOME/otherwise/name", else NULL. */
static const char *place(
        struct arena *arena, const char *variable, const char *otherwise, const char *name)
{
        const char *base = getenv(variable), *home = getenv("HOME");

        if (base && *base == '/')
                return arena_format(arena, "%s/%s", base, name);
        return otherwise && home && *home == '/'
                     ? arena_format(arena, "%s/%s/%s", home, otherwise, name)
                     : NULL;
}

/* As curl has it: the small letters first. */
static const char *either(const char *small, const char *large)
{
        const char *value = getenv(small);

        value = value ? value : getenv(large);
        return value && *value ? value : NULL;
}

static const char *config(struct arena *arena)
{
        const char *said = getenv("HUSK_REGISTRIES"), *own;

        if (said && *said == '/')
                return said;
        own = geteuid() == 0 ? NULL
                             : place(arena, "XDG_CONFIG_HOME", ".config", "husk/registries.json");
        return own && file_access(own, R_OK) == 0 ? own : "/etc/husk/registries.json";
}

const struct registry_files *cli_registry_files(struct arena *arena)
{
        struct registry_files *files = arena_new(arena, struct registry_files);
        const char *said = getenv("REGISTRY_AUTH_FILE");

        files->config = config(arena);
        files->certs[0] = place(arena, "XDG_CONFIG_HOME", ".config", "containers/certs.d");
        files->certs[1] = "/etc/containers/certs.d";
        files->certs[2] = "/etc/docker/certs.d";
        /* To a program of a web server the large letters say what somebody has sent. */
        files->http_proxy = getenv("REQUEST_METHOD") ? getenv("http_proxy")
                                                     : either("http_proxy", "HTTP_PROXY");
        files->https_proxy = either("https_proxy", "HTTPS_PROXY");
        files->no_proxy = either("no_proxy", "NO_PROXY");
        if (said && *said) {
                files->auth[0] = files->login = said;
                return files;
        }
        files->auth[0] = place(arena, "XDG_RUNTIME_DIR", NULL, "containers/auth.json");
        files->auth[1] = place(arena, "XDG_CONFIG_HOME", ".config", "containers/auth.json");
        files->auth[2] = place(arena, "DOCKER_CONFIG", ".docker", "config.json");
        files->login = files->auth[2];
        return files;
}
