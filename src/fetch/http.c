/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one request, one answer, on a handle that belongs to one thread and keeps its
 * connections. libcurl is told everything each time (curl_easy_reset); it follows nothing, retries nothing, and
 * has no credential but the line that it is given, so all that decides where a secret goes is exchange.c.
 *
 * Time is bounded by what comes, not by the clock alone: in each span of `patience` seconds, not counting what
 * the receiver of the bytes needs, at least a kilobyte a second must have passed. */
#include "address.h"
#include "fetch.h"
#include "image/image.h"
#include "linux/linux.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <sys/socket.h>

enum {
        LEAST_RATE = 1024, /* bytes a second */
        CONNECT_S = 10,
};

/* What the callbacks of one exchange share. */
struct exchanging {
        CURL *curl;
        const struct http_request *request;
        struct http_answer *answer;
        size_t header_bytes;
        int error;           /* of begin or sink, or our own */
        bool begun, refused; /* refused: an address that it has, by us */
        uint64_t uploaded;
        uint64_t span_ns, span_bytes,
                busy_ns; /* the present span: since when, from how many bytes on */
};

int http_start(void)
{
        return curl_global_init(CURL_GLOBAL_ALL) ? trail(-ENOMEM, "cannot start libcurl") : 0;
}

/* -- the answer ---------------------------------------------------------------------------------------- */

static void take_header(
        struct http_answer *answer, const char *name, size_t size, const char *value)
{
        const struct {
                const char *name;
                const char **value;
        } known[] = {
                { "content-type", &answer->type },
                { "location", &answer->location },
                { "content-range", &answer->range },
                { "retry-after", &answer->retry },
                { "link", &answer->link },
                { "docker-content-digest", &answer->digest },
                { "oci-subject", &answer->subject },
                { "range", &answer->uploaded },
                { "oci-chunk-min-length", &answer->least },
        };

        if (size == strlen("www-authenticate") && !strncasecmp(name, "www-authenticate", size)) {
                if (answer->n_challenges < HTTP_CHALLENGES_MAX)
                        answer->challenges[answer->n_challenges++] = value;
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strlen(known[i].name) == size && !strncasecmp(name, known[i].name, size))
                        *known[i].value = value;
}

static void forget_header(struct http_answer *answer)
{
        *answer = (struct http_answer){ .arena = answer->arena,
                                        .url = answer->url,
                                        .error.arena = answer->arena };
}

/* A NUL in a header would end our string early: what is behind it is not seen by anybody. */
static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
        struct exchanging *x = context;
        const char *colon = memchr(bytes, ':', size), *value;

        (void)one;
        x->header_bytes += size;
        if (x->header_bytes > HTTP_HEADERS_MAX) {
                x->error = trail(-E2BIG, "the answer's header has more than 64 KiB");
                return 0;
        }
        /* The header of an interim answer is no part of the answer. */
        if (size > 5 && !memcmp(bytes, "HTTP/", 5))
                forget_header(x->answer);
        if (!colon)
                return size;
        value = colon + 1;
        while (value < bytes + size && (*value == ' ' || *value == '\t'))
                value++;
        size_t length = (size_t)(bytes + size - value);

        while (length && strchr("\r\n \t", value[length - 1]))
                length--;
        take_header(
                x->answer, bytes, (size_t)(colon - bytes),
                arena_copy(x->answer->arena, value, length));
        return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
        struct exchanging *x = context;
        struct http_answer *answer = x->answer;
        uint64_t since = process_clock_ns();
        curl_off_t length = -1;

        (void)one;
        curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        if ((answer->status != 200 && answer->status != 206) || !x->request->sink) {
                size_t room = HTTP_ERROR_MAX - answer->error.len;

                text_add_bytes(&answer->error, bytes, size < room ? size : room);
                /* Nobody reads more than this of it. */
                return size <= room ? size : 0;
        }
        if (!x->begun && x->request->begin) {
                curl_easy_getinfo(x->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
                x->error = x->request->begin(x->request->context, answer, length);
        }
        x->begun = true;
        if (x->error == 0)
                x->error = x->request->sink(x->request->context, bytes, size);
        x->busy_ns += process_clock_ns() - since;
        return x->error < 0 ? 0 : size;
}

static size_t on_upload(char *bytes, size_t one, size_t size, void *context)
{
        struct exchanging *x = context;
        uint64_t left = x->request->upload_size - x->uploaded;
        ssize_t n;

        size = one * size < left ? one * size : (size_t)left;
        n = pread(x->request->upload, bytes, size, (off_t)(x->request->upload_at + x->uploaded));
        if (n < 0 || (n == 0 && size)) {
                x->error = trail(n < 0 ? -errno : -EIO, "cannot read what is to be sent: %m");
                return CURL_READFUNC_ABORT;
        }
        x->uploaded += (uint64_t)n;
        if (x->request->sent)
                x->error = x->request->sent(
                        x->request->context, x->request->upload_at + x->uploaded, (size_t)n);
        return x->error < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int on_time(
        void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
        struct exchanging *x = context;
        uint64_t now = process_clock_ns(), bytes = (uint64_t)down + (uint64_t)up;
        uint64_t patience_s = x->request->settings->patience_s;

        (void)down_all;
        (void)up_all;
        if (now - x->span_ns < patience_s * 1000000000 + x->busy_ns)
                return 0;
        if (bytes - x->span_bytes < patience_s * LEAST_RATE) {
                x->error =
                        trail(-ETIMEDOUT, "nothing to speak of has come for %llu seconds",
                              (unsigned long long)patience_s);
                return 1;
        }
        x->span_ns = now;
        x->span_bytes = bytes;
        x->busy_ns = 0;
        return 0;
}

/* What of a URL says where it leads; each "" when it is not said, and the port always said with `flags`. */
struct place {
        const char *scheme, *host, *zone, *port;
};

static const char *part(struct arena *arena, CURLU *url, CURLUPart what, unsigned flags)
{
        char *text = NULL;
        const char *copy = curl_url_get(url, what, &text, flags) ? "" : arena_string(arena, text);

        curl_free(text);
        return copy;
}

static struct place place_of(struct arena *arena, const char *text, unsigned flags)
{
        struct place place = { "", "", "", "" };
        CURLU *url = curl_url();

        if (url && !curl_url_set(url, CURLUPART_URL, text, 0)) {
                place.scheme = part(arena, url, CURLUPART_SCHEME, 0);
                place.host = part(arena, url, CURLUPART_HOST, 0);
                place.zone = part(arena, url, CURLUPART_ZONEID, 0);
                place.port = part(arena, url, CURLUPART_PORT, flags);
        }
        curl_url_cleanup(url);
        return place;
}

/* -- the request --------------------------------------------------------------------------------------- */

static struct curl_slist *add_line(
        struct arena *arena, struct curl_slist *lines, const char *name, const char *value)
{
        struct curl_slist *longer;

        if (!value)
                return lines;
        longer = curl_slist_append(lines, arena_format(arena, "%s: %s", name, value));
        return longer ? longer : lines;
}

static bool has_body(const struct http_request *request)
{
        return text_equal(request->method, "POST") || text_equal(request->method, "PUT") ||
               text_equal(request->method, "PATCH");
}

static struct curl_slist *request_lines(struct arena *arena, const struct http_request *request)
{
        struct curl_slist *lines = curl_slist_append(NULL, "Expect:");
        const char *range = NULL;

        if (request->from)
                range = arena_format(arena, "bytes=%llu-", (unsigned long long)request->from);
        lines = add_line(arena, lines, "Accept", request->accept ? request->accept : "*/*");
        lines = add_line(arena, lines, "Authorization", request->authorization);
        lines = add_line(arena, lines, "Range", range);
        if (request->type)
                lines = add_line(arena, lines, "Content-Type", request->type);
        else if (has_body(request))
                lines = add_line(arena, lines, "Content-Type", "application/octet-stream");
        lines = add_line(arena, lines, "Content-Range", request->part);
        return lines;
}

static void set_blob(CURL *curl, CURLoption option, const char *pem)
{
        struct curl_blob blob = { (void *)(uintptr_t)pem, pem ? strlen(pem) : 0, CURL_BLOB_NOCOPY };

        if (pem)
                curl_easy_setopt(curl, option, &blob);
}

/* No proxy leads to this very machine. */
static bool is_local(const char *url)
{
        auto_arena arena = { 0 };
        const struct image_reference itself = { .registry = http_host(&arena, url) };

        return image_reference_is_local(&itself);
}

static void set_security(CURL *curl, const struct http_request *request)
{
        const struct host_settings *host = request->host;
        const char *proxy = is_local(request->url)      ? NULL
                          : http_is_plain(request->url) ? request->settings->http_proxy
                                                        : request->settings->https_proxy;

        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* The directory and not the bundle: of a hundred certificates one is read. */
        curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(curl, CURLOPT_CAPATH, "/etc/ssl/certs");
        curl_easy_setopt(curl, CURLOPT_PROXY, proxy ? proxy : "");
        curl_easy_setopt(curl, CURLOPT_NOPROXY, request->settings->no_proxy);
        set_blob(curl, CURLOPT_CAINFO_BLOB, host->ca);
        set_blob(curl, CURLOPT_SSLCERT_BLOB, host->cert);
        set_blob(curl, CURLOPT_SSLKEY_BLOB, host->key);
        if (host->insecure) {
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        }
}

static void set_method(struct exchanging *x)
{
        const struct http_request *request = x->request;
        CURL *curl = x->curl;

        if (request->upload_size) {
                curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->upload_size);
                curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
                curl_easy_setopt(curl, CURLOPT_READDATA, x);
                /* There is no way back in it: libcurl would send it anew when a connection that was kept turns out
                 * to be dead, behind what the server has of it already. */
        } else if (request->body || has_body(request)) {
                /* Who sends nothing says so: Content-Length: 0. */
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        }
        if (text_equal(request->method, "HEAD"))
                curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else if (request->method)
                curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* What a name means is known here, however it was resolved; each connection is a new one or was looked at. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct exchanging *x = context;

        (void)purpose;
        if (!x->request->may_link_local && address_is_link_local(&address->addr)) {
                x->refused = true;
                return CURL_SOCKET_BAD;
        }
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_callbacks(struct exchanging *x)
{
        CURL *curl = x->curl;

        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "husk/" HUSK_VERSION);
        curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 64L << 10);
        curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_time);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, x);
}

/* What a failure of libcurl's is as an errno, and whether it passes by itself. */
static int failure(CURLcode code, bool *ret_passing)
{
        *ret_passing = true;
        switch ((int)code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return -EHOSTUNREACH;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_RECV_ERROR:
                return -ECONNRESET;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        case CURLE_PEER_FAILED_VERIFICATION:
                *ret_passing = false;
                trail_hint("its certificate can be named in the registries file: \"ca\"");
                return -EKEYREJECTED;
        default:
                *ret_passing = false;
                return -EPROTO;
        }
}

static int refuse_link(const struct http_answer *answer)
{
        return trail(
                -EPERM, "sent to %s, an address of this link (169.254.0.0/16, fe80::/10)",
                http_host(answer->arena, answer->url));
}

static int finish(struct exchanging *x, CURLcode code, const char *words)
{
        struct http_answer *answer = x->answer;
        struct text seen = { .arena = answer->arena };
        const char *address = NULL;
        curl_off_t length = -1;
        int r;

        curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        curl_easy_getinfo(x->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        curl_easy_getinfo(x->curl, CURLINFO_PRIMARY_IP, &address);
        answer->length = length;
        answer->link_local = address && address_text_is_link_local(address);
        if (x->error < 0) {
                answer->passing = x->error == -ETIMEDOUT;
                return x->error;
        }
        /* More of an error's body than anybody reads was cut off, by us. */
        if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && answer->error.len == HTTP_ERROR_MAX))
                return 0;
        if (x->refused)
                return refuse_link(answer);
        r = failure(code, &answer->passing);
        text_add_visible(&seen, *words ? words : curl_easy_strerror(code));
        return trail(
                r, "cannot speak to %s: %.300s", http_host(answer->arena, x->request->url),
                text_string(&seen));
}

int http_perform(
        struct http *http, struct arena *arena, const struct http_request *request,
        struct http_answer *ret_answer)
{
        char words[CURL_ERROR_SIZE] = "";
        struct exchanging x = { .request = request, .answer = ret_answer };
        struct curl_slist *lines;
        CURLcode code;
        int r;

        *ret_answer =
                (struct http_answer){ .arena = arena, .url = request->url, .error.arena = arena };
        /* For a proxy, too, which would ask in our name. */
        if (!request->may_link_local &&
            address_text_is_link_local(place_of(arena, request->url, 0).host))
                return refuse_link(ret_answer);
        if (!http->curl)
                http->curl = curl_easy_init();
        if (!http->curl)
                return trail(-ENOMEM, "cannot start libcurl");
        x.curl = http->curl;
        curl_easy_reset(http->curl);
        set_callbacks(&x);
        set_security(http->curl, request);
        set_method(&x);
        lines = request_lines(arena, request);
        curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, words);
        curl_easy_setopt(http->curl, CURLOPT_URL, request->url);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, lines);
        x.span_ns = process_clock_ns();
        code = curl_easy_perform(http->curl);
        r = finish(&x, code, words);
        curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
        curl_slist_free_all(lines);
        return r;
}

const char *http_reason(const struct http_answer *answer)
{
        struct text seen = { .arena = answer->arena };
        const struct json *root, *errors, *first;
        const char *message = NULL;

        /* {"errors":[{"code":"...","message":"..."}]}: distribution-spec, "Error Codes". */
        if (answer->error.len &&
            json_parse(answer->arena, "answer", answer->error.data, answer->error.len, &root) ==
                    0) {
                errors = json_member(root, "errors");
                first = errors && errors->kind == JSON_ARRAY && errors->n ? &errors->items[0]
                                                                          : NULL;
                message = json_string(json_member(first, "message"));
                if (!message || !*message)
                        message = json_string(json_member(first, "code"));
                if (!message) /* token servers */
                        message = json_string(json_member(root, "details"));
        }
        trail_reset(); /* an answer that is no JSON is no error */
        if (message)
                text_add_visible(&seen, message);
        return arena_format(answer->arena, "%.300s", text_string(&seen));
}

/* -- URLs ---------------------------------------------------------------------------------------------- */

int http_resolve(struct arena *arena, const char *base, const char *location, const char **ret_url)
{
        CURLU *url = curl_url();
        char *whole = NULL, *scheme = NULL;
        int r = -EPROTO;

        if (url && !curl_url_set(url, CURLUPART_URL, base, 0) &&
            !curl_url_set(url, CURLUPART_URL, location, 0) &&
            !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) &&
            (text_equal(scheme, "http") || text_equal(scheme, "https")) &&
            /* Nobody but the user says who we are. */
            !curl_url_set(url, CURLUPART_USER, NULL, 0) &&
            !curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) &&
            !curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) &&
            !curl_url_get(url, CURLUPART_URL, &whole, 0)) {
                *ret_url = arena_string(arena, whole);
                r = 0;
        }
        curl_free(whole);
        curl_free(scheme);
        curl_url_cleanup(url);
        if (r < 0) {
                struct text seen = { .arena = arena };

                text_add_visible(&seen, location);
                return trail(r, "sent to '%.200s', which is no place for http", text_string(&seen));
        }
        return 0;
}

/* libcurl has an address in brackets as one host, and the scheme in small letters; the host's letters do not
 * matter. What is no URL is the same as nothing. */
static bool same_host(const struct place *a, const struct place *b)
{
        return *a->host && !strcasecmp(a->host, b->host) && text_equal(a->zone, b->zone);
}

bool http_same_host(const char *a, const char *b)
{
        auto_arena arena = { 0 };
        const struct place first = place_of(&arena, a, 0), second = place_of(&arena, b, 0);

        return same_host(&first, &second);
}

bool http_same_origin(const char *a, const char *b)
{
        auto_arena arena = { 0 };
        const struct place first = place_of(&arena, a, CURLU_DEFAULT_PORT);
        const struct place second = place_of(&arena, b, CURLU_DEFAULT_PORT);

        return same_host(&first, &second) && text_equal(first.scheme, second.scheme) &&
               text_equal(first.port, second.port);
}

bool http_is_plain(const char *url)
{
        return !strncasecmp(url, "http://", 7);
}

const char *http_host(struct arena *arena, const char *url)
{
        const struct place place = place_of(arena, url, 0);
        const char *host = place.host;

        if (*place.zone) /* behind the address, in its brackets */
                host = arena_format(arena, "%.*s%%%s]", (int)strcspn(host, "]"), host, place.zone);
        return arena_format(arena, "%s%s%s", host, *place.port ? ":" : "", place.port);
}
