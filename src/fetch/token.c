/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a registry wants to see before it answers. Basic: name and password themselves.
 * Bearer: a token, which the server that the challenge names gives for a scope, to anybody or for name and
 * password or an identity token. Tokens are kept by host and scope until they expire, for all threads.
 *
 * The scope is what we need, never what the registry would like. Password and identity token go to the host
 * that they were made for and, over TLS, to the token server that it names: that is the protocol.
 * Source: the distribution project's "Token Authentication Specification"; RFC 7617. */
#include "fetch.h"
#include "linux/linux.h"

#include <curl/curl.h>
#include <openssl/evp.h>

#define TOKEN_ANSWER_MAX ((size_t)64 << 10)
#define TOKEN_SECONDS    60 /* where the server says nothing */

struct fetch_token {
        struct fetch_token *next;
        const char *scope; /* NULL: serves for all */
        const char *authorization;
        uint64_t until_ns; /* 0: for ever */
};

static const char *scope_of(const struct exchange *x)
{
        return x->repository
                     ? arena_format(&x->job->arena, "repository:%s:%s", x->repository, x->actions)
                     : NULL;
}

/* That of another repository, to be read. */
static const char *other_scope_of(const struct exchange *x)
{
        return x->from ? arena_format(&x->job->arena, "repository:%s:pull", x->from) : NULL;
}

/* Both, as OAuth has a list; and what a token is kept by. */
static const char *scopes_of(const struct exchange *x)
{
        const char *other = other_scope_of(x);

        return other ? arena_format(&x->job->arena, "%s %s", scope_of(x), other) : scope_of(x);
}

const char *token_known(struct exchange *x, struct fetch_host *host)
{
        const char *scope = scopes_of(x), *found = NULL;
        uint64_t now = process_clock_ns();

        pthread_mutex_lock(&x->job->fetcher->lock);
        for (const struct fetch_token *token = host->tokens; token && !found; token = token->next)
                if ((!token->scope || text_equal(token->scope, scope)) &&
                    (!token->until_ns || token->until_ns > now))
                        found = token->authorization;
        pthread_mutex_unlock(&x->job->fetcher->lock);
        return found;
}

/* The newest stands first, so it is what will be found. */
static const char *keep(
        struct exchange *x, struct fetch_host *host, const char *scope, const char *authorization,
        uint64_t until_ns)
{
        struct fetcher *fetcher = x->job->fetcher;
        struct fetch_token *token;

        pthread_mutex_lock(&fetcher->lock);
        token = arena_new(&fetcher->arena, struct fetch_token);
        token->scope = scope ? arena_string(&fetcher->arena, scope) : NULL;
        token->authorization = arena_string(&fetcher->arena, authorization);
        token->until_ns = until_ns;
        token->next = host->tokens;
        host->tokens = token;
        pthread_mutex_unlock(&fetcher->lock);
        return token->authorization;
}

static const char *basic(struct arena *arena, const struct host_settings *settings)
{
        const char *plain;
        size_t size;
        char *coded;

        if (!settings->username || !settings->password)
                return NULL;
        plain = arena_format(arena, "%s:%s", settings->username, settings->password);
        size = strlen(plain);
        coded = arena_alloc(arena, (size + 2) / 3 * 4 + 1);
        EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)size);
        return arena_format(arena, "Basic %s", coded);
}

/* -- tokens -------------------------------------------------------------------------------------------- */

static int take_answer(void *context, const void *bytes, size_t size)
{
        struct text *body = context;

        if (body->len + size > TOKEN_ANSWER_MAX)
                return trail(-E2BIG, "the answer with the token has more than 64 KiB");
        text_add_bytes(body, bytes, size);
        return 0;
}

static void add_parameter(struct text *text, char *separator, const char *name, const char *value)
{
        static const char plain[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

        if (!value)
                return;
        text_addf(text, "%c%s=", *separator, name);
        *separator = '&';
        for (; *value; value++)
                if (strchr(plain, *value))
                        text_add_char(text, *value);
                else
                        text_addf(text, "%%%02x", (unsigned char)*value);
}

/* The token must be able to stand in a header line. */
static bool is_token(const char *token)
{
        if (!token || !*token)
                return false;
        for (; *token; token++)
                if (*token <= ' ' || *token >= 0x7f)
                        return false;
        return true;
}

static int read_token(
        struct exchange *x, struct fetch_host *host, const struct text *body,
        const char **ret_authorization)
{
        struct arena *arena = &x->job->arena;
        const struct json *root;
        const char *token;
        uint64_t seconds = TOKEN_SECONDS;
        int r = json_parse(arena, "token", text_string(body), body->len, &root);

        if (r < 0)
                return r;
        token = json_string(json_member(root, "token"));
        if (!token)
                token = json_string(json_member(root, "access_token"));
        if (!is_token(token))
                return trail(-EBADMSG, "the answer has no token");
        if (json_u64(json_member(root, "expires_in"), &seconds) < 0 || seconds < TOKEN_SECONDS ||
            seconds > 86400)
                seconds = TOKEN_SECONDS;
        *ret_authorization =
                keep(x, host, scopes_of(x), arena_format(arena, "Bearer %s", token),
                     process_clock_ns() + (seconds - 5) * 1000000000);
        return 0;
}

/* The request: parameters behind a question mark, or with an identity token as the body. */
static void token_request(
        struct exchange *x, const struct fetch_host *host, const struct challenge *challenge,
        const char *realm, struct http_request *request)
{
        struct arena *arena = &x->job->arena;
        struct text text = { .arena = arena };
        char separator = strchr(realm, '?') ? '&' : '?';
        const char *identity = host->settings->identity_token;

        if (!identity) {
                text_add(&text, realm);
                add_parameter(&text, &separator, "service", challenge->service);
                add_parameter(&text, &separator, "scope", scope_of(x));
                add_parameter(&text, &separator, "scope", other_scope_of(x));
                request->url = text_string(&text);
                request->authorization = basic(arena, host->settings);
                return;
        }
        text_add(&text, "client_id=husk");
        separator = '&';
        add_parameter(&text, &separator, "grant_type", "refresh_token");
        add_parameter(&text, &separator, "service", challenge->service);
        add_parameter(&text, &separator, "scope", scopes_of(x));
        add_parameter(&text, &separator, "refresh_token", identity);
        request->url = realm;
        request->type = "application/x-www-form-urlencoded";
        request->body = text_string(&text);
        request->body_size = text.len;
}

/* Who wants the password must be asked as safely as the registry itself: without TLS that is its own host. */
static bool is_safe(const struct fetch_host *host, const char *realm)
{
        return !http_is_plain(realm) ||
               (http_is_plain(host->url) && http_same_host(realm, host->url));
}

static int bearer(
        struct exchange *x, struct fetch_host *host, const struct challenge *challenge,
        const char **ret_authorization)
{
        struct arena *arena = &x->job->arena;
        struct text body = { .arena = arena };
        struct http_request request = {
                .sink = take_answer,
                .context = &body,
                .settings = &x->job->fetcher->settings,
        };
        struct http_answer answer;
        const char *realm;
        int r = http_resolve(arena, host->url, challenge->realm, &realm);

        if (r == 0 && !is_safe(host, realm))
                r = trail(-EPROTO, "the token would have to be fetched without TLS");
        if (r < 0)
                return trail(r, "%s wants a token", x->registry);
        /* The settings of that host: its certificates; the credentials are the registry's. */
        request.host = settings_of(&x->job->fetcher->settings, http_host(arena, realm));
        if (http_same_origin(realm, host->url))
                request.host = host->settings;
        request.may_link_local = __atomic_load_n(&host->link_local, __ATOMIC_RELAXED);
        token_request(x, host, challenge, realm, &request);
        r = http_perform(&x->job->http, arena, &request, &answer);
        if (r == 0 && answer.status != 200) {
                const char *reason = http_reason(&answer);

                r = answer.status == 401 || answer.status == 403 ? -EACCES : -EREMOTEIO;
                if (r == -EACCES)
                        trail_hint("husk login %s", x->registry);
                r =
                        trail(r, "status %ld%s%s", answer.status, *reason ? ": " : "",
                              *reason ? reason : "");
        }
        if (r == 0)
                r = read_token(x, host, &body, ret_authorization);
        if (r < 0)
                return trail(
                        r, "%s: cannot get a token from %s", x->registry, http_host(arena, realm));
        return 0;
}

int token_make(
        struct exchange *x, struct fetch_host *host, const struct http_answer *answer,
        const char **ret_authorization)
{
        struct arena *arena = &x->job->arena;
        const char *line = basic(arena, host->settings);
        bool wants_basic = false;

        for (size_t i = 0; i < answer->n_challenges; i++) {
                struct challenge challenges[CHALLENGES_MAX];
                size_t n = 0;

                if (challenge_parse(arena, answer->challenges[i], challenges, &n) < 0)
                        continue;
                for (size_t k = 0; k < n; k++) {
                        if (challenges[k].scheme == CHALLENGE_BEARER && challenges[k].realm)
                                return bearer(x, host, &challenges[k], ret_authorization);
                        wants_basic |= challenges[k].scheme == CHALLENGE_BASIC;
                }
        }
        trail_hint("husk login %s", x->registry);
        if (!wants_basic)
                return trail(
                        -EACCES, "%s wants credentials of a kind that is not known here",
                        x->registry);
        if (!line)
                return trail(-EACCES, "%s wants a user name and a password", x->registry);
        *ret_authorization = keep(x, host, NULL, line, 0);
        return 0;
}
