/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a layer that is stored as it is, compressed from one file of husk's into another, since a
 * registry wants to know size and digest of a blob first. Both digests are told: that of what was read, which husk
 * knows, and that of what was written. */
#include "deflate.h"
#include "fetch.h"
#include "linux/linux.h"

#include <unistd.h>

#define BUFFER_SIZE ((size_t)128 << 10)

struct packing {
        struct fetch_job *job;
        struct deflater deflater;
        int source, file;
        uint64_t size, got, written; /* size: of the source */
        struct digest plain, packed;
        uint8_t in[BUFFER_SIZE], out[BUFFER_SIZE];
};

static int write_out(struct packing *p, size_t size)
{
        ssize_t n = pwrite(p->file, p->out, size, (off_t)p->written);

        if (n != (ssize_t)size)
                return trail(n < 0 ? -errno : -ENOSPC, "cannot write it: %m");
        digest_add(&p->packed, p->out, size);
        p->written += size;
        return 0;
}

static int read_in(struct packing *p, struct inflating *work)
{
        ssize_t n = pread(p->source, p->in, BUFFER_SIZE, (off_t)p->got);

        if (n < 0)
                return trail(-errno, "cannot read it: %m");
        if (n == 0 || (uint64_t)n > p->size - p->got)
                return trail(
                        -EBADMSG, "it has not the %llu bytes that it should have",
                        (unsigned long long)p->size);
        digest_add(&p->plain, p->in, (size_t)n);
        p->got += (uint64_t)n;
        work->in = p->in;
        work->in_size = (size_t)n;
        fetch_progress(p->job, p->got);
        return 0;
}

static int pack(struct packing *p)
{
        struct inflating work = { 0 };
        int r = 0;

        while (r == 0) {
                if (!work.in_size && p->got < p->size)
                        r = read_in(p, &work);
                if (r < 0)
                        return r;
                work.out = p->out;
                work.out_size = BUFFER_SIZE;
                r = deflater_run(&p->deflater, &work, p->got == p->size);
                if (r >= 0 && work.out_size < BUFFER_SIZE) {
                        int error = write_out(p, BUFFER_SIZE - work.out_size);

                        r = error < 0 ? error : r;
                }
        }
        return r < 0 ? r : 0;
}

static int read_request(struct fetch_job *job, struct packing *p)
{
        static const char *const names[] = REGISTRY_COMPRESSIONS;
        const char *name = json_string(json_member(job->request, "compression"));
        uint64_t level = 0;
        size_t i = 0;

        if (json_u64(json_member(job->request, "size"), &p->size) < 0 ||
            json_u64(json_member(job->request, "level"), &level) < 0 || level > 100)
                return trail(-EINVAL, "the request has no 'size' and 'level'");
        while (i < ARRAY_SIZE(names) && !text_equal(name, names[i]))
                i++;
        return deflater_begin(&p->deflater, (enum image_compression)i, (int)level);
}

static int run(struct fetch_job *job, struct packing *p, struct text *answer)
{
        struct json_writer w = { .out = answer };
        int r = read_request(job, p);

        if (r == 0)
                r = digest_begin(&p->plain);
        if (r == 0)
                r = digest_begin(&p->packed);
        if (r == 0)
                r = pack(p);
        if (r < 0)
                return r;
        json_open_object(&w, NULL);
        json_put_u64(&w, "size", p->written);
        json_put_string(&w, "digest", digest_end(&job->arena, &p->packed));
        json_put_string(&w, "diffId", digest_end(&job->arena, &p->plain));
        json_close_object(&w);
        return 0;
}

int fetch_pack(struct fetch_job *job, struct text *answer)
{
        struct packing *p = arena_new(&job->arena, struct packing);
        int r;

        p->job = job;
        p->source = job->passed[0];
        p->file = job->passed[1];
        r = run(job, p, answer);
        deflater_free(&p->deflater);
        digest_free(&p->plain);
        digest_free(&p->packed);
        return r;
}
