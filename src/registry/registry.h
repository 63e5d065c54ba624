/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of registry: husk's side of husk-registry, the program that meets the network. Other rooms
 * include this header only. */
#pragma once

#include "base/base.h"
#include "spec/spec.h"

#include <sys/types.h>

/* The protocol: SOCK_SEQPACKET, one strict JSON document a packet, descriptors beside it. Requests have a
 * number, which all answers to them repeat. What comes back is from a program that is expected to be taken
 * over: sizes and digests are to be compared, words are only shown. */
#define REGISTRY_PACKET_MAX ((size_t)64 << 10)
/* Requests that may be under way at a time. */
#define REGISTRY_JOBS 3
/* Where the helper finds its socket. */
#define REGISTRY_SOCKET 3
/* Its name, in the directory for programs that only husk calls. */
/* How a request calls a compression. */
#define REGISTRY_COMPRESSIONS                                                        \
        {                                                                            \
                [IMAGE_PLAIN] = "none", [IMAGE_GZIP] = "gzip", [IMAGE_ZSTD] = "zstd" \
        }

#define REGISTRY_PROGRAM "husk-registry"

/* -- what the user's files say ---------------------------------------------------------------------------- */

/* Where the user's words about registries are; each may be NULL: there is none. */
struct registry_files {
        const char *config;   /* docs/registries.md */
        const char *auth[4];  /* docker's and podman's; the first that knows a registry counts */
        const char *login;    /* the one that login writes */
        const char *certs[3]; /* directories with one for each host; the first that has it counts */
        const char
                *cert_dir; /* instead of those and of what `config` says: one for this registry */
        bool insecure, verify; /* likewise of the registry: "insecure"; its opposite */
        const char *http_proxy, *https_proxy, *no_proxy; /* where `config` says nothing */
};

/* What a request is about. */
struct registry_place {
        const char *registry;   /* as a reference has it: "docker.io", "localhost:5000" */
        const char *repository; /* "library/alpine" */
};

/* Who we are to a registry: name and password, or a token that stands for both; NULL: nobody. */
struct registry_credentials {
        const char *username, *password, *identity_token;
};

/* All that a helper needs to know to speak to this registry and its mirrors, read from the files, as the JSON
 * object for registry_start(). `credentials`: instead of what the files say; NULL: what they say. Runs the
 * user's credential helper, if that is what they say. -EPERM: the registry is blocked; -EINVAL: a file is
 * wrong; with a trail. */
int registry_settings(
        struct arena *arena, const struct registry_files *files, const struct registry_place *place,
        const struct registry_credentials *credentials, const char **ret_settings);

/* PEM texts; NULL: none. */
struct registry_certificates {
        const char *ca, *cert, *key;
};

/* All of a directory as docker and podman have it: *.crt are those that a host may be signed with, NAME.cert and
 * NAME.key who we are. -ENOENT without a trail: there is no such directory; -EINVAL: half of a pair is missing. */
int registry_certificates_read(
        struct arena *arena, const char *directory, struct registry_certificates *ret);
/* A file with certificates of authorities, or a directory with such files, *.crt and *.pem. */
int registry_authorities_read(struct arena *arena, const char *path, const char **ret_pem);

/* What the auth files know for `place`; all NULL: nothing. */
int registry_auth_find(
        struct arena *arena, const char *const *files, size_t n_files,
        const struct registry_place *place, struct registry_credentials *ret_credentials);

struct registry_kept {
        bool was;           /* there were some */
        const char *helper; /* docker-credential-HELPER has them, not the file; NULL: the file */
};

/* Write the credentials for a registry to the file, which may not be there yet, or (NULL) take them out;
 * what else is in it stays. Where it names a credential helper for the registry, that one is told instead.
 * Texts live in `arena`. */
int registry_auth_store(
        struct arena *arena, const char *file, const char *registry,
        const struct registry_credentials *credentials, struct registry_kept *ret_kept);

/* -- the helper -------------------------------------------------------------------------------------------- */

/* A running helper. */
struct registry {
        int socket; /* to be polled together with others; readable: registry_next() has something */
        int pidfd;
        pid_t pid;
        unsigned last;    /* number of the last request */
        unsigned running; /* without their last answer */
};

/* Start `program`, and give it `settings`, a JSON object as registry_settings_encode() writes it, or NULL.
 * It dies with us. -ENOENT with a trail and a hint when there is no such program. */
int registry_start(const char *program, const char *settings, struct registry *ret_registry);
/* End it, whatever it does. Harmless on one that was not started, and twice. */
void registry_end(struct registry *registry);
#define REGISTRY_NONE                           \
        {                                       \
                .socket = NO_FD, .pidfd = NO_FD \
        }

/* Ask for a manifest or index; `reference` is a tag or a digest, `file` what it is to be written to from its
 * beginning on. Returns the request's number (> 0); the descriptor stays the caller's. -EBUSY: there are
 * REGISTRY_JOBS under way. -EPIPE: the helper is gone. */
int registry_ask_manifest(
        struct registry *registry, const struct registry_place *place, const char *reference,
        int file);

/* Ask whether the registry takes our credentials. Likewise. */
int registry_ask_login(struct registry *registry, const char *name);

struct registry_blob {
        struct registry_place place;
        const char *digest;
        uint64_t size;
        enum image_compression compression; /* with `records` */
        uint64_t bytes_max;                 /* with `records`: of the inflated stream; 0: 100 GiB */
        int file;    /* what the blob is to be written to, from its beginning on; NO_FD: nowhere */
        int records; /* the pipe for the entries of its archive (store/stream.h), or NO_FD */
        int source;  /* where the blob is read from instead of a registry, or NO_FD */
};

/* Ask for a blob. Likewise. The pipe is closed by the helper when it is done with it: keep no end of it for
 * writing. */
int registry_ask_blob(struct registry *registry, const struct registry_blob *blob);

/* A blob to a registry. */
struct registry_upload {
        struct registry_place place;
        const char *digest;
        uint64_t size;
        const char *from; /* another repository there that may have it, or NULL */
        int file;
};

/* Have the registry have it. Likewise; the answer's `there` is true when nothing had to be sent. */
int registry_ask_push(struct registry *registry, const struct registry_upload *upload);

/* A manifest or index to a registry. */
struct registry_document {
        struct registry_place place;
        const char *reference, *digest, *media_type;
        int file;
};

/* Likewise; the answer's `subject` is true when the registry knows referrers. */
int registry_ask_put(struct registry *registry, const struct registry_document *document);

/* Ask for a page of a list; `path` is what stands behind the repository in its address. Likewise; the answer's
 * `next` is the path of the next page, or NULL. */
int registry_ask_list(
        struct registry *registry, const struct registry_place *place, const char *path, int file);

/* Have the registry forget a manifest, or (reference is a tag) a name of it. Likewise. */
int registry_ask_remove(
        struct registry *registry, const struct registry_place *place, const char *reference);

struct registry_packing {
        enum image_compression compression;
        unsigned level; /* 0: what the helper has for good */
        uint64_t size;  /* of the source */
        int source, file;
};

/* Have `source` compressed into `file`, from its beginning on. Likewise; the answer has size and digest of that, and
 * as diff_id the digest of what was read. */
int registry_ask_pack(struct registry *registry, const struct registry_packing *packing);

enum registry_kind {
        REGISTRY_PROGRESS,
        REGISTRY_DONE,
        REGISTRY_ERROR,
};

/* An answer. Texts are NULL when there are none; control characters in them are written visibly. */
struct registry_answer {
        unsigned id;
        enum registry_kind kind;
        uint64_t bytes;         /* PROGRESS: of the blob, so far */
        uint64_t size;          /* DONE: of the document or blob */
        const char *media_type; /* DONE, of a manifest: what the registry calls it */
        const char *digest;     /* DONE: of what was written */
        const char *diff_id;    /* DONE, with records: of the archive */
        const char *next;       /* DONE, of a page of a list */
        bool there, subject;    /* DONE */
        int error;              /* ERROR: a negative errno */
        const char *message, *hint;
};

/* The next answer, within timeout_ms (-1: for ever): 1, or 0 when the time is over. -EPIPE with a trail: the
 * helper has ended; -EBADMSG: it does not speak the protocol. Texts live in `arena`. */
int registry_next(
        struct registry *registry, struct arena *arena, int timeout_ms,
        struct registry_answer *ret_answer);
/* The one answer to request `id` that is not progress, when nothing else is under way: 0, or the error that it
 * says, with a trail and a hint. */
int registry_await(
        struct registry *registry, struct arena *arena, unsigned id,
        struct registry_answer *ret_answer);
