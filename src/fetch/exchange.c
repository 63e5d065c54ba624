/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what is asked of a registry, until it is answered or hopeless.
 *
 *   exchange_run   each of the mirrors, then the registry itself
 *   ask_host       again, after a while, when the failure is one that passes; a body goes on where it stopped
 *   ask_once       redirects by hand, and credentials when they are asked for
 *
 * A credential or token goes to the origin (scheme, host, port) that it was made for and nowhere else; where a
 * redirect leads gets none, and cannot ask for any (CVE-2020-15157). Nor does a registry lead to addresses of this
 * link, if it is not at one itself. */
#include "fetch.h"
#include "image/image.h"
#include "linux/linux.h"

#include <time.h>

enum {
        REDIRECTS_MAX = 5,
        ROUNDS_MAX = 64,
        WAIT_FIRST_MS = 250,
        WAIT_MAX_S = 30, /* whatever Retry-After says */
};

/* -- hosts --------------------------------------------------------------------------------------------- */

/* Where docker.io's registry is. */
static const char *host_address(const char *name)
{
        return text_equal(name, IMAGE_DEFAULT_REGISTRY) ? "registry-1.docker.io" : name;
}

static struct fetch_host *host_find(struct fetcher *fetcher, const char *name)
{
        struct fetch_host *host;

        pthread_mutex_lock(&fetcher->lock);
        for (host = fetcher->hosts; host && !text_equal(host->name, name);)
                host = host->next;
        if (!host) {
                host = arena_new(&fetcher->arena, struct fetch_host);
                host->name = arena_string(&fetcher->arena, name);
                host->settings = settings_of(&fetcher->settings, name);
                host->next = fetcher->hosts;
                fetcher->hosts = host;
        }
        pthread_mutex_unlock(&fetcher->lock);
        return host;
}

/* The schemes to be tried: of this machine itself the plain one comes first, since nobody stands between; who
 * calls another host insecure gets TLS where there is TLS. */
static size_t host_schemes(
        struct arena *arena, const struct fetch_host *host, const char *ret_schemes[2])
{
        const struct image_reference itself = {
                .registry = arena_copy(arena, host->name, strcspn(host->name, "/"))
        };
        bool local = image_reference_is_local(&itself);

        ret_schemes[0] = local ? "http" : "https";
        ret_schemes[1] = local ? "https" : "http";
        if (host->settings->ca || host->settings->cert || host->settings->verify ||
            (!local && !host->settings->insecure)) {
                ret_schemes[0] = "https";
                return 1;
        }
        return 2;
}

/* Certificates, and whether any will do, are of an origin, too: where a redirect leads has its own. */
static struct http_request request_for(
        const struct exchange *x, const struct fetch_host *host, const char *url)
{
        struct http_request request = x->request;

        request.url = url;
        request.settings = &x->job->fetcher->settings;
        request.host = http_same_origin(url, host->url)
                             ? host->settings
                             : settings_of(request.settings, http_host(&x->job->arena, url));
        return request;
}

/* Does it answer under this scheme? Asked without any credential. */
static int host_probe(struct exchange *x, const struct fetch_host *host, const char *url)
{
        const struct http_request request = {
                .url = arena_format(&x->job->arena, "%s/v2/", url),
                .settings = &x->job->fetcher->settings,
                .host = host->settings,
                .may_link_local = true,
        };
        struct http_answer answer;
        int r = http_perform(&x->job->http, &x->job->arena, &request, &answer);

        /* 400: what a server of TLS says to a request without. */
        return r < 0 ? r : answer.status == 400 ? -EPROTO : 0;
}

static int host_open(struct exchange *x, struct fetch_host *host)
{
        struct fetcher *fetcher = x->job->fetcher;
        struct arena *arena = &x->job->arena;
        const char *schemes[2], *url = NULL;
        size_t n = host_schemes(arena, host, schemes);
        int r = 0;

        for (size_t i = 0; !host->url && i < n; i++) {
                url = arena_format(arena, "%s://%s", schemes[i], host_address(host->name));
                r = i + 1 < n ? host_probe(x, host, url) : 0;
                if (r == 0)
                        break;
                /* The other scheme is spoken at the same door, unless a proxy stands before one of them. */
                if ((r == -ECONNREFUSED || r == -EHOSTUNREACH) && !fetcher->settings.http_proxy &&
                    !fetcher->settings.https_proxy)
                        return r;
                trail_reset();
        }
        pthread_mutex_lock(&fetcher->lock);
        if (!host->url)
                host->url = arena_string(&fetcher->arena, url);
        pthread_mutex_unlock(&fetcher->lock);
        return 0;
}

/* -- one answer ---------------------------------------------------------------------------------------- */

static int no_answer(struct exchange *x, struct http_answer *answer)
{
        const char *reason = http_reason(answer), *colon = *reason ? ": " : "";
        const char *what = x->repository ? x->repository : "/v2/";

        switch (answer->status) {
        case 401:
        case 403:
                trail_hint("husk login %s", x->registry);
                return trail(
                        -EACCES, "%s does not let us %s '%s'%s%s", x->registry,
                        x->actions && strpbrk(x->actions, ",") ? "change" : "have", what, colon,
                        reason);
        case 404:
                return trail(
                        -ENOENT, "%s has no %s of '%s'%s%s", x->registry, x->path, what, colon,
                        reason);
        case 408:
        case 429:
                answer->passing = true;
                return trail(
                        -EAGAIN, "%s asks for patience (status %ld)%s%s", x->registry,
                        answer->status, colon, reason);
        default:
                answer->passing = answer->status >= 500;
                return trail(
                        -EREMOTEIO, "%s answers with status %ld for %s of '%s'%s%s", x->registry,
                        answer->status, x->path, what, colon, reason);
        }
}

static bool is_redirect(const struct http_answer *answer)
{
        return answer->location &&
               (answer->status == 301 || answer->status == 302 || answer->status == 303 ||
                answer->status == 307 || answer->status == 308);
}

int exchange_location(struct exchange *x, const struct http_answer *answer, const char **ret_url)
{
        const char *next;
        int r = answer->location
                      ? http_resolve(&x->job->arena, answer->url, answer->location, &next)
                      : trail(-EPROTO, "it does not say where");

        if (r == 0 && http_is_plain(next) && !http_is_plain(answer->url)) {
                trail_hint(
                        "a registry behind a proxy that does TLS has to be told so: X-Forwarded-Proto, or the "
                        "address that it is known by");
                r = trail(-EPROTO, "sent from https to http");
        }
        if (r == 0)
                *ret_url = next;
        return r;
}

const char *exchange_below(struct exchange *x, const char *url)
{
        const char *home = host_find(x->job->fetcher, x->registry)->url;
        const char *prefix = arena_format(&x->job->arena, "%s/v2/%s/", home, x->repository);

        return text_starts(url, prefix) ? url + strlen(prefix) : NULL;
}

static int follow(struct exchange *x, const struct http_answer *answer, const char **url)
{
        const char *method = x->request.method;
        int r = exchange_location(x, answer, url);

        /* The others mean: ask there with GET, whatever it was. */
        if (r == 0 && method && !text_equal(method, "HEAD") && answer->status != 307 &&
            answer->status != 308)
                r = trail(-EPROTO, "status %ld for %s", answer->status, method);
        return r < 0 ? trail(r, "%s: a redirect of '%s'", x->registry, x->path) : 0;
}

/* What is at home is where the user's words lead, be it on this link. */
static int ask_at(
        struct exchange *x, struct fetch_host *host, const char *url, const char *authorization,
        struct http_answer *ret_answer)
{
        struct http_request request = request_for(x, host, url);
        const bool home = http_same_origin(url, host->url);
        int r;

        request.authorization = authorization;
        request.may_link_local = home || __atomic_load_n(&host->link_local, __ATOMIC_RELAXED);
        request.from = x->at ? x->at(request.context) : 0;
        r = http_perform(&x->job->http, &x->job->arena, &request, ret_answer);
        if (r == 0 && home && ret_answer->link_local)
                __atomic_store_n(&host->link_local, true, __ATOMIC_RELAXED);
        return r;
}

static int ask_once(struct exchange *x, struct fetch_host *host, struct http_answer *ret_answer)
{
        struct arena *arena = &x->job->arena;
        const char *url =
                x->url ? x->url
                : x->repository
                        ? arena_format(arena, "%s/v2/%s/%s", host->url, x->repository, x->path)
                        : arena_format(arena, "%s/v2/", host->url);
        const char *authorization = token_known(x, host);
        bool asked = false;

        for (unsigned redirects = 0;;) {
                bool home = http_same_origin(url, host->url);
                int r = ask_at(x, host, url, home ? authorization : NULL, ret_answer);

                if (r < 0)
                        return r;
                if (ret_answer->status == 401 && home && !asked) {
                        asked = true;
                        r = token_make(x, host, ret_answer, &authorization);
                        if (r < 0)
                                return r;
                } else if (is_redirect(ret_answer)) {
                        if (++redirects > REDIRECTS_MAX)
                                return trail(
                                        -ELOOP, "%s: more than %d redirects", x->registry,
                                        REDIRECTS_MAX);
                        r = follow(x, ret_answer, &url);
                        if (r < 0)
                                return r;
                } else {
                        return ret_answer->status / 100 == 2 ? 0 : no_answer(x, ret_answer);
                }
        }
}

/* -- until it is answered ------------------------------------------------------------------------------- */

void exchange_wait(unsigned attempt, const struct http_answer *answer)
{
        uint64_t wait_ms = (uint64_t)WAIT_FIRST_MS << attempt, said_s;
        struct timespec time;

        if (answer->retry && text_u64(answer->retry, &said_s) == 0)
                wait_ms = (said_s < WAIT_MAX_S ? said_s : WAIT_MAX_S) * 1000;
        time = (struct timespec){ (time_t)(wait_ms / 1000), (long)(wait_ms % 1000) * 1000000 };
        nanosleep(&time, NULL);
}

static uint64_t have(const struct exchange *x)
{
        return x->at ? x->at(x->request.context) : 0;
}

/* Some servers end a body early without saying so. */
static int whole(const struct exchange *x, struct http_answer *answer)
{
        if (!x->at || have(x) == x->size)
                return 0;
        answer->passing = true;
        return trail(
                -ECONNRESET, "%s: the answer ends after %llu of %llu bytes", x->registry,
                (unsigned long long)have(x), (unsigned long long)x->size);
}

static int ask_host(struct exchange *x, struct fetch_host *host, struct http_answer *ret_answer)
{
        unsigned attempt = 0;

        for (unsigned round = 0;; round++) {
                uint64_t before = have(x);
                int r;

                *ret_answer = (struct http_answer){ .passing = true };
                r = host_open(x, host);
                if (r == 0)
                        r = ask_once(x, host, ret_answer);
                if (r == 0)
                        r = whole(x, ret_answer);
                if (r == 0 || (r < 0 && ret_answer->passing && x->size && have(x) == x->size))
                        return 0;
                attempt = have(x) > before ? 0 : attempt + 1;
                if (!ret_answer->passing || attempt >= EXCHANGE_ATTEMPTS || x->once ||
                    round >= ROUNDS_MAX)
                        return r;
                trail_reset();
                exchange_wait(attempt ? attempt - 1 : 0, ret_answer);
        }
}

int exchange_run(struct exchange *x, struct http_answer *ret_answer)
{
        struct fetcher *fetcher = x->job->fetcher;
        struct fetch_host *home = host_find(fetcher, x->registry);
        size_t n = x->mirrors ? home->settings->n_mirrors : 0;

        for (size_t i = 0; i < n; i++) {
                struct fetch_host *mirror = host_find(fetcher, home->settings->mirrors[i]);

                int r = ask_host(x, mirror, ret_answer);

                /* What has come cannot be taken back, if that is what was wrong with it. */
                if (r == 0 || (have(x) && !ret_answer->passing))
                        return r;
                /* Whatever it is, the registry itself knows better; its words are those that count. */
                trail_reset();
        }
        return ask_host(x, home, ret_answer);
}
