/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange by libcurl: no redirect, no retry, no credential that was not given. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct host_settings;
struct settings;

#define HTTP_HEADERS_MAX    ((size_t)64 << 10) /* bytes of an answer's header */
#define HTTP_CHALLENGES_MAX 8
#define HTTP_ERROR_MAX      ((size_t)8 << 10) /* bytes kept of the body of an answer that says no */

struct http {
        void *curl; /* CURL; its connections serve the next exchange, too */
};

struct http_answer {
        struct arena *arena;
        long status;
        const char *type; /* Content-Type, Location, ...: NULL when not said */
        const char *location;
        const char *range; /* Content-Range */
        const char *retry; /* Retry-After */
        const char *link;
        const char *digest;                          /* Docker-Content-Digest */
        const char *subject;                         /* OCI-Subject */
        const char *uploaded;                        /* Range, of an upload: "0-1023" */
        const char *least;                           /* OCI-Chunk-Min-Length */
        const char *url;                             /* what was asked */
        int64_t length;                              /* Content-Length; -1: not said */
        const char *challenges[HTTP_CHALLENGES_MAX]; /* WWW-Authenticate, each line */
        size_t n_challenges;
        struct text error; /* the body when status is not 2xx */
        bool passing;      /* of a failure: it may go well the next time */
        bool link_local;   /* who answered is on this link (address.c) */
};

struct http_request {
        const char *method; /* NULL: GET */
        const char *url;
        const char *accept;        /* NULL: anything */
        const char *authorization; /* NULL: none */
        const char *type;          /* of `body` or `upload` */
        const char *body;
        size_t body_size;
        /* Instead of `body`: bytes of a file. */
        int upload;                      /* descriptor */
        uint64_t upload_at, upload_size; /* upload_size 0: there is none */
        const char *part;                /* Content-Range, or NULL: it is the whole */
        /* Of an upload: how far in the file it is, now and then, and by how many bytes that was. A negative errno
         * ends the exchange with it. */
        int (*sent)(void *context, uint64_t at, size_t size);
        uint64_t from; /* the first byte that is wanted */
        /* It may lead to an address of this link: it is the user who has said so. */
        bool may_link_local;
        /* Of a body with status 200 or 206: once before its first byte, then each part. A negative errno
         * ends the exchange with it. */
        int (*begin)(void *context, const struct http_answer *answer, int64_t length);
        int (*sink)(void *context, const void *bytes, size_t size);
        void *context;
        const struct settings *settings;
        const struct host_settings *host;
};

/* Once, before the process is confined: reads what the libraries read of /etc. */
int http_start(void);
/* 0 and the answer, whatever its status; or a negative errno with a trail, ret_answer->passing set. */
int http_perform(
        struct http *http, struct arena *arena, const struct http_request *request,
        struct http_answer *ret_answer);

/* What the answer's body says is wrong, in a form that can be shown; "" when it says nothing. */
const char *http_reason(const struct http_answer *answer);

/* `location` as seen from `base`. 0, or -EPROTO with a trail: it is not http(s). */
int http_resolve(struct arena *arena, const char *base, const char *location, const char **ret_url);
/* Do both name the same host, by the same word, at whatever port? What is no URL names none. */
bool http_same_host(const char *a, const char *b);
/* And the same scheme and port? */
bool http_same_origin(const char *a, const char *b);
bool http_is_plain(const char *url); /* without TLS */
/* The host, and the port if one is said; for messages. */
const char *http_host(struct arena *arena, const char *url);
