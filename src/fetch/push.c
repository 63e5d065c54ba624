/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a blob of husk's file to a registry. It is asked for first: what the registry has, or can
 * take over from another of its repositories, does not travel. Else an upload is opened, whose place the registry
 * names, and the bytes go there: in one PUT; or in pieces by PATCH and an empty PUT at the end, where the user or the
 * registry wants pieces of a size, or has found one PUT too large (413).
 *
 * A connection that breaks is no end: the registry is asked how much it has, and the rest is sent in pieces. Who
 * does not know starts a new upload. What counts at the end is that the registry says that it has the blob: it is
 * asked for once more.
 *
 * How often that may be is bounded by bytes, since each piece that the registry says it has some of is progress: what
 * is sent in all is SENT_TIMES the blob and as many pieces; and a piece of which less than a quarter is there
 * afterwards counts as an attempt.
 *
 * The place may be on another host, which is shown no credential (exchange.c). Source: distribution-spec, "Push". */
#include "fetch.h"
#include "linux/linux.h"

enum {
        STEPS_MAX = 1 << 20,
        SENT_TIMES = 4,
};

#define CHUNK_FIRST ((uint64_t)16 << 20) /* when one PUT was too large */
#define CHUNK_LEAST ((uint64_t)1 << 20)

struct push {
        struct fetch_job *job;
        const char *registry, *repository, *digest, *from;
        const char *words; /* what messages call it */
        uint64_t size;
        int source;
        uint64_t chunk;        /* size of the pieces; 0: all at once */
        const char *location;  /* of the open upload; NULL: there is none */
        uint64_t at, furthest; /* how much of it is there; and ever was */
        uint64_t sent;         /* bytes, by all requests together */
        bool pieces;           /* something of it was sent by PATCH */
};

static struct exchange exchange_for(struct push *push, const char *method, const char *path)
{
        return (struct exchange){ .job = push->job,
                                  .registry = push->registry,
                                  .repository = push->repository,
                                  .actions = "pull,push",
                                  .from = push->from,
                                  .path = path,
                                  .request = { .method = method } };
}

/* How much may be sent for this blob: what honest registries and lines lose, and no more. */
static uint64_t sent_max(const struct push *push)
{
        return SENT_TIMES * (push->size + (push->size < CHUNK_FIRST ? push->size : CHUNK_FIRST));
}

static int sent(void *context, uint64_t at, size_t size)
{
        struct push *push = context;

        push->sent += size;
        if (push->sent > sent_max(push))
                return trail(
                        -EREMOTEIO, "%s has been sent %llu bytes for %llu, and has it not",
                        push->registry, (unsigned long long)(push->sent - size),
                        (unsigned long long)push->size);
        fetch_progress(push->job, at);
        return 0;
}

/* -- is it there ------------------------------------------------------------------------------------------ */

/* 1, 0, or a negative errno with a trail. */
static int is_there(struct push *push)
{
        struct exchange x = exchange_for(push, "HEAD", push->words);
        struct http_answer answer;
        int r = exchange_run(&x, &answer);

        if (answer.status == 404) {
                trail_reset();
                return 0;
        }
        if (r < 0)
                return r;
        if (answer.length > 0 && (uint64_t)answer.length != push->size)
                return trail(
                        -EBADMSG, "%s has %lld bytes under this digest instead of %llu",
                        push->registry, (long long)answer.length, (unsigned long long)push->size);
        return 1;
}

/* What a registry has taken may need a moment to be seen. */
static int check(struct push *push)
{
        const struct http_answer none = { 0 };

        for (unsigned attempt = 0;; attempt++) {
                int r = is_there(push);

                if (r)
                        return r < 0 ? r : 0;
                if (attempt == EXCHANGE_ATTEMPTS - 1)
                        return trail(
                                -EREMOTEIO, "%s says that it has taken it, and has it not",
                                push->registry);
                exchange_wait(attempt, &none);
        }
}

/* -- one step --------------------------------------------------------------------------------------------- */

static int take_location(struct push *push, struct exchange *x, const struct http_answer *answer)
{
        int r = exchange_location(x, answer, &push->location);

        return r < 0 ? trail(r, "%s: the place of the upload", push->registry) : 0;
}

/* 1: there was nothing to upload. */
static int open_upload(struct push *push, struct http_answer *ret_answer)
{
        const char *path = "blobs/uploads/";
        struct exchange x;
        uint64_t least;
        int r;

        if (push->from)
                path = arena_format(
                        &push->job->arena, "blobs/uploads/?mount=%s&from=%s", push->digest,
                        push->from);
        x = exchange_for(push, "POST", path);
        r = exchange_run(&x, ret_answer);
        if (r < 0 && push->from && ret_answer->status / 100 == 4) {
                /* Not from there: then from here. */
                trail_reset();
                push->from = NULL;
                return open_upload(push, ret_answer);
        }
        if (r < 0)
                return r;
        if (ret_answer->status == 201)
                return 1;
        push->from = NULL; /* it could not be taken over: the next time it need not be tried */
        push->at = 0;
        push->pieces = false;
        if (ret_answer->least && text_u64(ret_answer->least, &least) == 0 && least > push->chunk &&
            push->chunk)
                push->chunk = least;
        return take_location(push, &x, ret_answer);
}

/* Does the answer name another digest than ours? */
static int check_digest(const struct push *push, const struct http_answer *answer)
{
        struct text seen = { .arena = &push->job->arena };

        if (!answer->digest || text_equal(answer->digest, push->digest))
                return 0;
        text_add_visible(&seen, answer->digest);
        return trail(-EBADMSG, "%s has taken it as '%.100s'", push->registry, text_string(&seen));
}

/* All of it, or (nothing is left) the end of what came in pieces. */
static int put(struct push *push, struct http_answer *ret_answer)
{
        struct exchange x = exchange_for(push, "PUT", push->words);
        int r;

        x.once = true;
        x.url = arena_format(
                &push->job->arena, "%s%cdigest=%s", push->location,
                strchr(push->location, '?') ? '&' : '?', push->digest);
        x.request.type = "application/octet-stream";
        x.request.upload = push->source;
        x.request.upload_size = push->pieces ? 0 : push->size;
        x.request.sent = sent;
        x.request.context = push;
        r = exchange_run(&x, ret_answer);
        if (r < 0)
                return r;
        if (ret_answer->status != 201)
                return trail(
                        -EPROTO,
                        "%s answers with status %ld instead of 201 to the end of an upload",
                        push->registry, ret_answer->status);
        r = check_digest(push, ret_answer);
        return r < 0 ? r : 1;
}

/* "0-1023": up to where it is there. Nothing at all is "0-0" to some, which one byte is, too: that begins anew. */
static bool read_range(const char *range, uint64_t *ret_at)
{
        uint64_t last;

        if (!range)
                return false;
        if (text_starts(range, "bytes="))
                range += strlen("bytes=");
        if (!text_starts(range, "0-") || text_u64(range + 2, &last) < 0 || last == UINT64_MAX)
                return false;
        *ret_at = last ? last + 1 : 0;
        return true;
}

static int patch(struct push *push, struct http_answer *ret_answer)
{
        struct exchange x = exchange_for(push, "PATCH", push->words);
        uint64_t left = push->size - push->at;
        uint64_t size = push->chunk && push->chunk < left ? push->chunk : left, at;
        int r;

        x.once = true;
        x.url = push->location;
        x.request.type = "application/octet-stream";
        x.request.upload = push->source;
        x.request.upload_at = push->at;
        x.request.upload_size = size;
        x.request.part = arena_format(
                &push->job->arena, "%llu-%llu", (unsigned long long)push->at,
                (unsigned long long)(push->at + size - 1));
        x.request.sent = sent;
        x.request.context = push;
        push->pieces = true;
        r = exchange_run(&x, ret_answer);
        if (r == 0 && ret_answer->location)
                r = take_location(push, &x, ret_answer);
        if (r < 0)
                return r;
        at = push->at + size;
        read_range(ret_answer->uploaded, &at);
        if (at > push->size)
                return trail(
                        -EPROTO, "%s says that it has more of it than was sent", push->registry);
        if (at <= push->at) {
                ret_answer->passing = true;
                return trail(
                        -EREMOTEIO, "%s takes pieces of it, and has no more of it than before",
                        push->registry);
        }
        push->at = at;
        return 0;
}

/* 1: the registry has taken it; 0: it goes on. */
static int step(struct push *push, struct http_answer *ret_answer)
{
        if (!push->location)
                return open_upload(push, ret_answer);
        if (push->size && push->at < push->size && (push->chunk || push->pieces))
                return patch(push, ret_answer);
        return put(push, ret_answer);
}

/* -- until it is there ------------------------------------------------------------------------------------ */

/* After a failure: how much is there? What is not known begins anew. */
static void look_where(struct push *push)
{
        struct exchange x = exchange_for(push, NULL, push->words);
        struct http_answer answer = { 0 };
        int r = -EAGAIN;

        x.once = true;
        x.url = push->location;
        if (push->location)
                r = exchange_run(&x, &answer);
        if (r == 0 && answer.location)
                r = take_location(push, &x, &answer);
        if (r == 0 && read_range(answer.uploaded, &push->at) && push->at <= push->size)
                push->pieces = push->at > 0;
        else
                push->location = NULL;
        trail_reset();
}

/* Behind a step that began at `from`, when `before` bytes had been sent. Was it in vain? */
static bool count(struct push *push, uint64_t from, uint64_t before, unsigned *attempt)
{
        const uint64_t grown = push->at > from ? push->at - from : 0;

        if (grown < (push->sent - before) / SENT_TIMES)
                return true;
        if (push->at > push->furthest) {
                push->furthest = push->at;
                *attempt = 0;
        }
        return false;
}

/* One PUT was more than the registry, or who stands in front of it, takes. */
static bool shrink(struct push *push)
{
        uint64_t chunk = push->chunk ? push->chunk / 4 : CHUNK_FIRST;

        while (chunk >= push->size && chunk > CHUNK_LEAST)
                chunk /= 4;
        if (chunk < CHUNK_LEAST)
                return false;
        push->chunk = chunk;
        push->location = NULL;
        return true;
}

/* The upload is not known any more, or its state is another one than we believe. */
static bool is_lost(const struct push *push, const struct http_answer *answer)
{
        return push->location && (answer->status == 404 || answer->status == 416);
}

static int upload(struct push *push)
{
        unsigned attempt = 0;

        for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
                const uint64_t from = push->at, before = push->sent;
                struct http_answer answer = { 0 };
                int r = step(push, &answer);

                if (r > 0)
                        return 0;
                if (r == 0 && count(push, from, before, &attempt) && ++attempt >= EXCHANGE_ATTEMPTS)
                        return trail(
                                -EREMOTEIO,
                                "%s takes pieces of it, and has hardly more of it than before",
                                push->registry);
                if (r == 0)
                        continue;
                if (answer.status == 413 && shrink(push)) {
                        trail_reset();
                        continue;
                }
                if (!push->location || (!answer.passing && !is_lost(push, &answer)) ||
                    ++attempt >= EXCHANGE_ATTEMPTS)
                        return r;
                trail_reset();
                exchange_wait(attempt - 1, &answer);
                r = is_there(push);
                if (r)
                        return r < 0 ? r : 0;
                look_where(push);
                count(push, from, before, &attempt);
        }
        return trail(-ELOOP, "%s: an upload without an end", push->registry);
}

static int read_request(struct push *push)
{
        struct fetch_job *job = push->job;
        const char *name;
        int r = fetch_text(job, "registry", &push->registry);

        if (r == 0)
                r = fetch_text(job, "repository", &push->repository);
        if (r == 0)
                r = fetch_text(job, "digest", &push->digest);
        if (r == 0 && json_u64(json_member(job->request, "size"), &push->size) < 0)
                r = trail(-EINVAL, "the request has no 'size'");
        if (r == 0 && json_member(job->request, "from"))
                r = fetch_text(job, "from", &push->from);
        if (r < 0)
                return r;
        name = arena_format(&job->arena, "blobs/%s", push->digest);
        push->words = name;
        push->chunk = settings_of(&job->fetcher->settings, push->registry)->chunk_bytes;
        return 0;
}

int fetch_push(struct fetch_job *job, struct text *answer)
{
        struct json_writer w = { .out = answer };
        struct push push = { .job = job, .source = job->passed[0] };
        int there, r = read_request(&push);

        r = there = r < 0 ? r : is_there(&push);
        if (r == 0)
                r = upload(&push);
        if (r == 0)
                r = check(&push);
        if (r < 0)
                return trail(r, "blob %s", push.digest ? push.digest : "");
        json_open_object(&w, NULL);
        json_put_u64(&w, "size", push.size);
        json_put_string(&w, "digest", push.digest);
        json_put_bool(&w, "there", there > 0);
        json_close_object(&w);
        return 0;
}
