/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a manifest or index is written to the file that came with the request, hashed on the
 * way, and told as what the registry calls it. What it says is read by husk, after it has hashed it again. */
#include "fetch.h"
#include "linux/linux.h"

#include <unistd.h>

static const char accepted[] =
        "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
        "application/vnd.docker.distribution.manifest.v2+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json";

struct manifest {
        int file;
        uint64_t size;
        struct digest digest;
};

/* Each try begins anew. */
static int begin(void *context, const struct http_answer *answer, int64_t length)
{
        struct manifest *manifest = context;

        (void)answer;
        if (length > (int64_t)IMAGE_DOCUMENT_MAX)
                return trail(-EFBIG, "the manifest has more than 4 MiB");
        digest_free(&manifest->digest);
        manifest->size = 0;
        if (ftruncate(manifest->file, 0) < 0)
                return trail(-errno, "cannot write the manifest: %m");
        return digest_begin(&manifest->digest);
}

static int sink(void *context, const void *bytes, size_t size)
{
        struct manifest *manifest = context;
        ssize_t n;

        if (manifest->size + size > IMAGE_DOCUMENT_MAX)
                return trail(-EFBIG, "the manifest has more than 4 MiB");
        n = pwrite(manifest->file, bytes, size, (off_t)manifest->size);
        if (n != (ssize_t)size)
                return trail(n < 0 ? -errno : -EIO, "cannot write the manifest: %m");
        digest_add(&manifest->digest, bytes, size);
        manifest->size += size;
        return 0;
}

int fetch_manifest(struct fetch_job *job, struct text *answer)
{
        struct json_writer w = { .out = answer };
        struct manifest manifest = { .file = job->passed[0] };
        struct exchange exchange = {
                .job = job,
                .actions = "pull",
                .mirrors = true,
                .request = { .accept = accepted,
                             .begin = begin,
                             .sink = sink,
                             .context = &manifest },
        };
        struct http_answer got;
        const char *reference;
        int r = fetch_text(job, "registry", &exchange.registry);

        if (r == 0)
                r = fetch_text(job, "repository", &exchange.repository);
        if (r == 0)
                r = fetch_text(job, "reference", &reference);
        if (r < 0)
                return r;
        exchange.path = arena_format(&job->arena, "manifests/%s", reference);
        r = exchange_run(&exchange, &got);
        if (r == 0 && !manifest.digest.context)
                r = trail(-EBADMSG, "the manifest is empty");
        if (r == 0) {
                json_open_object(&w, NULL);
                if (got.type)
                        json_put_string(
                                &w, "mediaType", arena_format(&job->arena, "%.200s", got.type));
                json_put_u64(&w, "size", manifest.size);
                json_put_string(&w, "digest", digest_end(&job->arena, &manifest.digest));
                json_close_object(&w);
        }
        digest_free(&manifest.digest);
        return r;
}
