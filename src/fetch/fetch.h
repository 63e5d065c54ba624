/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fetch: what the files of husk-registry know of each other. */
#pragma once

#include "base/base.h"
#include "challenge.h"
#include "http.h"
#include "linux/linux.h"
#include "registry/registry.h"
#include "settings.h"

#include <pthread.h>

/* -- the program --------------------------------------------------------------------------------------- */

/* What is known of a registry's server while the process lives. */
struct fetch_host {
        struct fetch_host *next;
        const char *name;                     /* "localhost:5000", with a path for some mirrors */
        const char *url;                      /* "https://localhost:5000"; NULL: not known yet */
        const struct host_settings *settings; /* never NULL */
        struct fetch_token *tokens;
        bool link_local; /* it has answered from such an address, and may lead to others; atomic */
};

struct fetcher {
        struct settings settings;
        struct arena
                arena; /* of settings, hosts and tokens; under the lock once there are threads */
        pthread_mutex_t lock;
        struct fetch_host *hosts;
        int socket;
};

/* One request, and the thread that does it. */
struct fetch_job {
        struct fetcher *fetcher;
        struct http http;   /* stays with the slot: a connection serves many requests */
        struct arena arena; /* of the present request */
        uint64_t id;
        const struct json *request; /* the member that says what is to be done */
        int (*run)(struct fetch_job *job, struct text *answer);
        int passed[SOCKET_PASSED_MAX];
        uint64_t told_ns; /* when progress was told last */
        struct trail_space trail;
        bool busy; /* written by the thread last */
};

/* What a thread's stack needs, with room for the C library's resolver. */
#define FETCH_STACK_SIZE ((size_t)256 << 10)

/* Read requests until the socket is closed. */
int fetch_serve(struct fetcher *fetcher);
/* A text of the request: 0, or -EINVAL with a trail. */
int fetch_text(const struct fetch_job *job, const char *name, const char **ret_text);
void fetch_progress(struct fetch_job *job, uint64_t bytes);

/* The kinds of requests: 0 and the members of "done" put into `answer`, or a negative errno with a trail. */
int fetch_manifest(struct fetch_job *job, struct text *answer);
int fetch_blob(struct fetch_job *job, struct text *answer);
int fetch_login(struct fetch_job *job, struct text *answer);
int fetch_push(struct fetch_job *job, struct text *answer);
int fetch_pack(struct fetch_job *job, struct text *answer);
int fetch_put(struct fetch_job *job, struct text *answer);
int fetch_remove(struct fetch_job *job, struct text *answer);

/* Take every right away that the process has and will not need. Before there is a second thread. */
int fetch_confine(void);

/* -- what a registry is asked -------------------------------------------------------------------------- */

/* One thing asked of a registry: with its mirrors, redirects, tokens, and again when it fails for a reason
 * that passes. */
struct exchange {
        struct fetch_job *job;
        const char *registry, *repository; /* no repository: /v2/ itself */
        const char *actions;               /* "pull", "pull,push" */
        const char *from;                  /* another repository that is to be read; may be NULL */
        const char *path;                  /* below /v2/REPOSITORY/ */
        const char *url; /* instead of the path, which is for messages then; NULL: that */
        bool once;       /* is not asked again by itself */
        bool mirrors;    /* may be asked of a mirror */
        uint64_t size;   /* with `at`: of the whole body */
        struct http_request request; /* all but url, authorization and `from` */
        uint64_t (*at)(
                void *context); /* how many bytes of the body are there; NULL: begin anew each time */
};

/* 0 and the answer, which succeeded; or a negative errno with a trail. ret_answer->status is 0 when there was none. */
int exchange_run(struct exchange *x, struct http_answer *ret_answer);
/* Wait before the next attempt, the first of which has the number 0; as the answer to the last one wants it. */
void exchange_wait(unsigned attempt, const struct http_answer *answer);
#define EXCHANGE_ATTEMPTS 4 /* without a byte of progress between them */
/* Where the answer's Location leads: absolute. -EPROTO with a trail: nowhere, or from https to http. */
int exchange_location(struct exchange *x, const struct http_answer *answer, const char **ret_url);
/* What of `url` stands behind HOST/v2/REPOSITORY/; NULL: it leads out of that. */
const char *exchange_below(struct exchange *x, const char *url);

/* The value of Authorization for `host`, when something is known that may serve, else NULL. */
const char *token_known(struct exchange *x, struct fetch_host *host);
/* The same after an answer with a challenge: -EACCES with a trail when there is nothing to give. */
int token_make(
        struct exchange *x, struct fetch_host *host, const struct http_answer *answer,
        const char **ret_authorization);

/* "sha256:..." of what was added. */
struct digest {
        void *context; /* EVP_MD_CTX */
};

int digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
const char *digest_end(struct arena *arena, struct digest *digest);
void digest_free(struct digest *digest);
