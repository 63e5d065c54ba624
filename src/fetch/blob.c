/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a blob in one pass. This thread receives: it hashes the bytes, writes them to husk's file
 * and hands them on; another (unpack.c) inflates and reads the archive. When a connection breaks, the next goes
 * on behind the last byte, so none is seen twice by anybody; a server that does not know ranges begins anew, and
 * what is there already is passed over. The blob may come from a file instead, for images that are here
 * already and not to be believed either. */
#include "fetch.h"
#include "linux/linux.h"
#include "unpack.h"

#include <unistd.h>

#define INFLATED_MAX ((uint64_t)100 << 30)

struct blob {
        struct fetch_job *job;
        const char *digest;
        uint64_t size, got, skip; /* skip: bytes that come again */
        int file, records, source;
        struct digest hash;
        struct channel *channel; /* NULL: it is not unpacked */
        struct unpack unpack;
        pthread_t thread;
};

/* -- bytes --------------------------------------------------------------------------------------------- */

static int take(struct blob *blob, const void *bytes, size_t size)
{
        int r;

        if (size > blob->size - blob->got)
                return trail(
                        -EFBIG, "there are more bytes than the %llu that it has",
                        (unsigned long long)blob->size);
        if (blob->file >= 0) {
                ssize_t n = pwrite(blob->file, bytes, size, (off_t)blob->got);

                if (n != (ssize_t)size)
                        return trail(n < 0 ? -errno : -ENOSPC, "cannot write it: %m");
        }
        digest_add(&blob->hash, bytes, size);
        r = blob->channel ? channel_put(blob->channel, bytes, size) : 0;
        if (r < 0)
                return r;
        blob->got += size;
        fetch_progress(blob->job, blob->got);
        return 0;
}

static int sink(void *context, const void *bytes, size_t size)
{
        struct blob *blob = context;
        size_t again = size < blob->skip ? size : (size_t)blob->skip;

        blob->skip -= again;
        return size == again ? 0 : take(blob, (const char *)bytes + again, size - again);
}

/* "bytes 100-199/200": does it begin where we are? */
static bool continues(const char *range, uint64_t from)
{
        const char *at = range && text_starts(range, "bytes ") ? range + strlen("bytes ") : NULL;
        char number[24];
        uint64_t first;
        size_t size = at ? strcspn(at, "-") : 0;

        if (!size || size >= sizeof number)
                return false;
        memcpy(number, at, size);
        number[size] = '\0';
        return text_u64(number, &first) == 0 && first == from;
}

static int begin(void *context, const struct http_answer *answer, int64_t length)
{
        struct blob *blob = context;
        uint64_t expected = blob->size;

        blob->skip = 0;
        if (answer->status == 206) {
                if (!continues(answer->range, blob->got))
                        return trail(-EPROTO, "another part was sent than was asked for");
                expected -= blob->got;
        } else {
                blob->skip = blob->got;
        }
        if (length >= 0 && (uint64_t)length != expected)
                return trail(
                        -EBADMSG, "%llu bytes are announced, not %llu", (unsigned long long)length,
                        (unsigned long long)expected);
        return 0;
}

static uint64_t at(void *context)
{
        return ((const struct blob *)context)->got;
}

static int from_registry(struct blob *blob)
{
        struct exchange exchange = {
                .job = blob->job,
                .actions = "pull",
                .mirrors = true,
                .size = blob->size,
                .at = at,
                .path = arena_format(&blob->job->arena, "blobs/%s", blob->digest),
                .request = { .begin = begin, .sink = sink, .context = blob },
        };
        struct http_answer answer;
        int r = fetch_text(blob->job, "registry", &exchange.registry);

        if (r == 0)
                r = fetch_text(blob->job, "repository", &exchange.repository);
        return r < 0 ? r : exchange_run(&exchange, &answer);
}

static int from_file(struct blob *blob)
{
        char *buffer = arena_alloc(&blob->job->arena, CHANNEL_SIZE / 2);

        while (blob->got < blob->size) {
                ssize_t n = pread(blob->source, buffer, CHANNEL_SIZE / 2, (off_t)blob->got);
                int r;

                if (n < 0)
                        return trail(-errno, "cannot read it: %m");
                if (n == 0)
                        return trail(
                                -EBADMSG, "it ends after %llu of %llu bytes",
                                (unsigned long long)blob->got, (unsigned long long)blob->size);
                r = take(blob, buffer, (size_t)n);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- both threads -------------------------------------------------------------------------------------- */

static int start_unpacking(struct blob *blob)
{
        pthread_attr_t attributes;
        int error;

        blob->channel = arena_new(&blob->job->arena, struct channel);
        pthread_mutex_init(&blob->channel->lock, NULL);
        pthread_cond_init(&blob->channel->change, NULL);
        blob->unpack.channel = blob->channel;
        blob->unpack.records = blob->records;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, FETCH_STACK_SIZE);
        error = pthread_create(&blob->thread, &attributes, unpack_run, &blob->unpack);
        pthread_attr_destroy(&attributes);
        if (error)
                blob->channel = NULL;
        return error ? trail(-error, "cannot start a thread: %m") : 0;
}

/* What the other thread says counts when it was the first to fail. */
static int finish_unpacking(struct blob *blob, int r)
{
        channel_end(blob->channel);
        pthread_join(blob->thread, NULL);
        if (blob->unpack.error < 0 && (r == 0 || r == -EPIPE)) {
                trail_reset();
                if (*blob->unpack.trail.hint)
                        trail_hint("%s", blob->unpack.trail.hint);
                r = trail(blob->unpack.error, "%s", blob->unpack.trail.words);
        }
        return r;
}

static int receive(struct blob *blob)
{
        const char *digest;
        int r = digest_begin(&blob->hash);

        if (r == 0 && blob->records >= 0)
                r = start_unpacking(blob);
        if (r == 0)
                r = blob->source >= 0 ? from_file(blob) : from_registry(blob);
        if (r == 0) {
                digest = digest_end(&blob->job->arena, &blob->hash);
                if (!text_equal(digest, blob->digest))
                        r = trail(-EBADMSG, "its bytes are those of %s", digest);
        }
        if (blob->channel)
                r = finish_unpacking(blob, r);
        digest_free(&blob->hash);
        return r;
}

/* -- the request --------------------------------------------------------------------------------------- */

static bool flag(const struct fetch_job *job, const char *name)
{
        const struct json *value = json_member(job->request, name);

        return value && value->kind == JSON_BOOL && value->boolean;
}

static int read_compression(const struct fetch_job *job, enum image_compression *ret_compression)
{
        static const char *const names[] = REGISTRY_COMPRESSIONS;
        const char *name = json_string(json_member(job->request, "compression"));

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (text_equal(name, names[i])) {
                        *ret_compression = (enum image_compression)i;
                        return 0;
                }
        return trail(-EINVAL, "the request has no 'compression' that is known");
}

static int read_request(struct fetch_job *job, struct blob *blob)
{
        struct {
                const char *name;
                int *fd;
        } wanted[] = { { "keep", &blob->file },
                       { "unpack", &blob->records },
                       { "local", &blob->source } };
        const struct json *most = json_member(job->request, "bytesMax");
        size_t n = 0;
        int r = fetch_text(job, "digest", &blob->digest);

        if (r == 0)
                r = read_compression(job, &blob->unpack.compression);
        if (r == 0 && (json_u64(json_member(job->request, "size"), &blob->size) < 0 ||
                       (most && json_u64(most, &blob->unpack.bytes_max) < 0)))
                r = trail(-EINVAL, "the request has no 'size'");
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(wanted); i++) {
                if (!flag(job, wanted[i].name))
                        continue;
                if (n == SOCKET_PASSED_MAX || job->passed[n] < 0)
                        return trail(-EINVAL, "the request lacks a descriptor");
                *wanted[i].fd = job->passed[n++];
        }
        return r;
}

int fetch_blob(struct fetch_job *job, struct text *answer)
{
        struct json_writer w = { .out = answer };
        struct blob *blob = arena_new(&job->arena, struct blob);
        int r;

        blob->job = job;
        blob->file = blob->records = blob->source = NO_FD;
        blob->unpack.bytes_max = INFLATED_MAX;
        r = read_request(job, blob);
        if (r < 0)
                return r;
        /* The other thread closes it. */
        for (size_t i = 0; i < SOCKET_PASSED_MAX; i++)
                if (job->passed[i] == blob->records)
                        job->passed[i] = NO_FD;
        r = receive(blob);
        if (r == 0) {
                json_open_object(&w, NULL);
                json_put_u64(&w, "size", blob->size);
                json_put_string(&w, "digest", blob->digest);
                if (blob->channel)
                        json_put_string(&w, "diffId", blob->unpack.diff_id);
                json_close_object(&w);
        }
        arena_free(&blob->unpack.arena);
        return r < 0 ? trail(r, "blob %s", blob->digest) : 0;
}
