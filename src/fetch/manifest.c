/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a manifest or index is written to the file that came with the request, hashed on the
 * way, and told as what the registry calls it. What it says is read by husk, after it has hashed it again.
 *
 * So is a page of a list: of tags, of what refers to a manifest. Where the next one is goes back to husk as what
 * stands behind the repository in its address, and never leads out of that: how many are too many is husk's to say. */
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

/* Of `Link: </v2/NAME/tags/list?n=2&last=b>; rel="next"`, what stands behind the repository. 0, *ret_path NULL when
 * there is no next page. Source: RFC 8288, as far as distribution-spec uses it. */
static int next_page(struct exchange *x, const struct http_answer *answer, const char **ret_path)
{
        struct arena *arena = &x->job->arena;
        const char *link = answer->link, *end = link ? strchr(link, '>') : NULL, *url;
        int r;

        *ret_path = NULL;
        if (x->mirrors) /* a manifest, which has no pages */
                return 0;
        if (!link || *link != '<' || !end || !strstr(end, "rel=") || !strstr(end, "next"))
                return 0;
        r = http_resolve(
                arena, answer->url, arena_copy(arena, link + 1, (size_t)(end - link - 1)), &url);
        if (r == 0)
                *ret_path = exchange_below(x, url);
        if (r == 0 && !*ret_path)
                r = trail(-EPROTO, "it leads out of '%s'", x->repository);
        return r < 0 ? trail(r, "%s: where the list goes on", x->registry) : 0;
}

static int put_answer(
        struct exchange *x, const struct http_answer *got, struct manifest *manifest,
        struct text *answer)
{
        struct json_writer w = { .out = answer };
        const char *next;
        int r = next_page(x, got, &next);

        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        if (got->type)
                json_put_string(&w, "mediaType", arena_format(&x->job->arena, "%.200s", got->type));
        if (next)
                json_put_string(&w, "next", next);
        json_put_u64(&w, "size", manifest->size);
        json_put_string(&w, "digest", digest_end(&x->job->arena, &manifest->digest));
        json_close_object(&w);
        return 0;
}

int fetch_manifest(struct fetch_job *job, struct text *answer)
{
        bool list = json_member(job->request, "list");
        struct manifest manifest = { .file = job->passed[0] };
        struct exchange exchange = {
                .job = job,
                .actions = "pull",
                .mirrors = !list, /* which know what was asked of them, and no more */
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
                r = fetch_text(job, list ? "list" : "reference", &reference);
        if (r < 0)
                return r;
        exchange.path = list ? reference : arena_format(&job->arena, "manifests/%s", reference);
        if (list)
                exchange.request.accept = "application/json, " IMAGE_TYPE_INDEX;
        r = exchange_run(&exchange, &got);
        if (r == 0 && !manifest.digest.context)
                r = trail(-EBADMSG, "the manifest is empty");
        if (r == 0)
                r = put_answer(&exchange, &got, &manifest, answer);
        digest_free(&manifest.digest);
        return r;
}
