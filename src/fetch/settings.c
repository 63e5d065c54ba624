/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the document comes from husk, which has read the user's files strictly; what is not
 * understood here means that the two are of different versions, and is refused. Hosts that have only
 * credentials and hosts that have only options are put into one list. */
#include "settings.h"

static int refuse(const char *what)
{
        return trail(-EINVAL, "settings: cannot understand '%s'", what);
}

static struct host_settings *add_host(struct settings *settings, const char *name)
{
        for (size_t i = 0; i < settings->n_hosts; i++)
                if (text_equal(settings->hosts[i].name, name))
                        return &settings->hosts[i];
        settings->hosts[settings->n_hosts].name = name;
        return &settings->hosts[settings->n_hosts++];
}

static int decode_mirrors(struct arena *arena, const struct json *list, struct host_settings *host)
{
        const char **mirrors = arena_array(arena, list->n + 1, sizeof *mirrors);

        if (list->kind != JSON_ARRAY)
                return refuse("mirrors");
        for (size_t i = 0; i < list->n; i++) {
                mirrors[i] = json_string(&list->items[i]);
                if (!mirrors[i])
                        return refuse("mirrors");
        }
        host->mirrors = mirrors;
        host->n_mirrors = list->n;
        return 0;
}

static int decode_host(
        struct arena *arena, const struct json_member *member, struct host_settings *host)
{
        const char *name = member->name;
        const struct json *value = &member->value;

        const struct {
                const char *name;
                const char **text;
        } texts[] = {
                { "ca", &host->ca },
                { "cert", &host->cert },
                { "key", &host->key },
                { "username", &host->username },
                { "password", &host->password },
                { "identityToken", &host->identity_token },
        };

        if (text_equal(name, "mirrors"))
                return decode_mirrors(arena, value, host);
        if (text_equal(name, "insecure") && value->kind == JSON_BOOL) {
                host->insecure = value->boolean;
                return 0;
        }
        if (text_equal(name, "verify") && value->kind == JSON_BOOL) {
                host->verify = value->boolean;
                return 0;
        }
        if (text_equal(name, "chunk") && json_u64(value, &host->chunk_bytes) == 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (text_equal(name, texts[i].name) && json_string(value)) {
                        *texts[i].text = json_string(value);
                        return 0;
                }
        return refuse(name);
}

static int decode_hosts(struct arena *arena, const struct json *hosts, struct settings *settings)
{
        for (size_t i = 0; hosts && i < hosts->n; i++) {
                const struct json_member *member = &hosts->members[i];
                struct host_settings *host = add_host(settings, member->name);

                if (member->value.kind != JSON_OBJECT)
                        return refuse(member->name);
                for (size_t k = 0; k < member->value.n; k++) {
                        int r = decode_host(arena, &member->value.members[k], host);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static size_t count(const struct json *hosts)
{
        return hosts && hosts->kind == JSON_OBJECT ? hosts->n : 0;
}

int settings_decode(struct arena *arena, const struct json *document, struct settings *ret_settings)
{
        const struct json *hosts = json_member(document, "hosts");
        const struct json *credentials = json_member(document, "credentials");
        const struct json *proxies = json_member(document, "proxies");
        const struct json *patience = json_member(document, "patience");
        struct settings settings = { .patience_s = SETTINGS_PATIENCE_S };
        int r;

        settings.hosts =
                arena_array(arena, count(hosts) + count(credentials) + 1, sizeof *settings.hosts);
        if ((hosts && hosts->kind != JSON_OBJECT) ||
            (credentials && credentials->kind != JSON_OBJECT))
                return refuse("hosts");
        r = decode_hosts(arena, hosts, &settings);
        if (r == 0)
                r = decode_hosts(arena, credentials, &settings);
        if (r < 0)
                return r;
        settings.http_proxy = json_string(json_member(proxies, "http"));
        settings.https_proxy = json_string(json_member(proxies, "https"));
        settings.no_proxy = json_string(json_member(proxies, "no"));
        if (patience && (json_u64(patience, &settings.patience_s) < 0 || !settings.patience_s))
                return refuse("patience");
        *ret_settings = settings;
        return 0;
}

const struct host_settings *settings_of(const struct settings *settings, const char *name)
{
        static const struct host_settings none;

        for (size_t i = 0; i < settings->n_hosts; i++)
                if (text_equal(settings->hosts[i].name, name))
                        return &settings->hosts[i];
        return &none;
}
