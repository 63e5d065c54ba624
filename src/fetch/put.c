/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a manifest or index to a registry, and away from there. It is small, so it goes as one body,
 * which a failed attempt sends anew. What the registry says is its digest has to be ours, and it has to be there
 * afterwards: a registry that only says yes is found out here. Source: distribution-spec, "Pushing Manifests". */
#include "fetch.h"
#include "linux/linux.h"

#include <unistd.h>

struct put {
        struct fetch_job *job;
        const char *registry, *repository, *reference, *digest, *type;
        char *bytes;
        size_t size;
};

static int read_file(struct put *put)
{
        int file = put->job->passed[0];
        off_t size = lseek(file, 0, SEEK_END);

        if (size < 0 || (uint64_t)size > IMAGE_DOCUMENT_MAX)
                return trail(size < 0 ? -errno : -EFBIG, "the manifest has more than 4 MiB");
        put->size = (size_t)size;
        put->bytes = arena_alloc(&put->job->arena, put->size + 1);
        if (pread(file, put->bytes, put->size, 0) != (ssize_t)put->size)
                return trail(-EIO, "cannot read the manifest: %m");
        return 0;
}

static struct exchange exchange_for(
        const struct put *put, const char *method, const char *actions, const char *reference)
{
        return (struct exchange){
                .job = put->job,
                .registry = put->registry,
                .repository = put->repository,
                .actions = actions,
                .path = arena_format(&put->job->arena, "manifests/%s", reference),
                .request = { .method = method },
        };
}

static int check_digest(const struct put *put, const struct http_answer *answer)
{
        struct text seen = { .arena = &put->job->arena };

        if (!answer->digest || text_equal(answer->digest, put->digest))
                return 0;
        text_add_visible(&seen, answer->digest);
        return trail(
                -EBADMSG, "%s has %s as '%.100s' instead of %s", put->registry, put->reference,
                text_string(&seen), put->digest);
}

/* Is it there now, under its digest and, if it was put under one, under its tag? */
static int check_there(struct put *put, const char *reference)
{
        struct exchange x = exchange_for(put, "HEAD", "pull,push", reference);
        struct http_answer answer;
        int r;

        x.request.accept = put->type;
        r = exchange_run(&x, &answer);
        if (r < 0 && answer.status == 404) {
                trail_reset();
                r =
                        trail(-EREMOTEIO, "%s says that it has taken manifest %s, and has it not",
                              put->registry, reference);
        }
        return r < 0 ? r : check_digest(put, &answer);
}

static int send(struct put *put, bool *ret_subject)
{
        struct exchange x = exchange_for(put, "PUT", "pull,push", put->reference);
        struct http_answer answer;
        int r;

        x.request.type = put->type;
        x.request.body = put->bytes;
        x.request.body_size = put->size;
        r = exchange_run(&x, &answer);
        if (r < 0)
                return r;
        *ret_subject = answer.subject;
        return check_digest(put, &answer);
}

static int read_names(struct put *put)
{
        int r = fetch_text(put->job, "registry", &put->registry);

        if (r == 0)
                r = fetch_text(put->job, "repository", &put->repository);
        if (r == 0)
                r = fetch_text(put->job, "reference", &put->reference);
        return r;
}

int fetch_put(struct fetch_job *job, struct text *answer)
{
        struct json_writer w = { .out = answer };
        struct put put = { .job = job };
        bool subject = false;
        int r = read_names(&put);

        if (r == 0)
                r = fetch_text(job, "digest", &put.digest);
        if (r == 0)
                r = fetch_text(job, "mediaType", &put.type);
        if (r == 0)
                r = read_file(&put);
        if (r == 0)
                r = send(&put, &subject);
        if (r == 0)
                r = check_there(&put, put.digest);
        if (r == 0 && !text_equal(put.reference, put.digest))
                r = check_there(&put, put.reference);
        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        json_put_u64(&w, "size", put.size);
        json_put_string(&w, "digest", put.digest);
        json_put_bool(&w, "subject", subject);
        json_close_object(&w);
        return 0;
}

int fetch_remove(struct fetch_job *job, struct text *answer)
{
        struct put put = { .job = job };
        struct http_answer got;
        struct exchange x;
        int r = read_names(&put);

        if (r < 0)
                return r;
        x = exchange_for(&put, "DELETE", "pull,delete", put.reference);
        r = exchange_run(&x, &got);
        if (r < 0 && (got.status == 405 || got.status == 501)) {
                trail_reset();
                trail_hint("many registries have to be set up to allow it");
                r = trail(-EOPNOTSUPP, "%s does not let anybody remove manifests", put.registry);
        }
        text_add(answer, "{\"size\":0}");
        return r;
}
