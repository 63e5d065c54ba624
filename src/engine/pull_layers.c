/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the layers of an image, a few at a time.
 *
 * Each is a work of the store whose key is the blob's digest, a writer in the new directory, and who feeds it: the
 * helper, or for plain archives in a file our own reader. What another command makes already is waited for, but
 * only while nothing of our own is under way: two commands never wait for each other.
 *
 * What they answer is compared with the documents: sizes, the blob's digest, the archive's. Where a feeder
 * failed because its writer had given up, the writer's words are the reason. */
#include "pull.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        IMAGES_MOST = 140, /* layers that are images: each takes two of a keeper's descriptors */
        TICK_MS = 200,     /* how often the progress of our own readers is looked up */
};

struct job {
        const struct image_descriptor *layer;
        const char *diff_id;
        struct pull_layer *shown;
        struct layout_work work;
        struct unpack_process writer, reader;
        unsigned request; /* to the helper; 0: none */
        bool running, done;
};

struct crew {
        struct pull *pull;
        struct job *jobs;
        struct pull_layer *shown;
        size_t n, running, done;
        bool compares, same; /* with what is in the store, in the place of publishing it */
        struct arena scratch;
};

static int failed(const struct crew *crew, const struct job *job, int error)
{
        return trail(
                error, "layer %zu of %zu (%.19s)", (size_t)(job - crew->jobs) + 1, crew->n,
                job->layer->digest);
}

static void tell(const struct crew *crew)
{
        const struct pull_request *request = crew->pull->request;

        if (request->tell)
                request->tell(request->context, crew->shown, crew->n);
}

/* -- one layer ---------------------------------------------------------------------------------------- */

static bool is_there(const struct crew *crew, const struct job *job)
{
        return job->diff_id && !crew->compares &&
               layout_has_unpacked(&crew->pull->layout, job->layer->digest, job->diff_id);
}

static void finish(struct crew *crew, struct job *job, enum pull_phase phase)
{
        crew->running -= job->running;
        job->running = false;
        job->done = true;
        job->shown->phase = phase;
        job->shown->done = job->shown->size;
        crew->done++;
        layout_drop(&job->work);
        tell(crew);
}

/* `source`: a file that has the blob, or NO_FD; `copy`: what is to become the blob, likewise. */
static int feed(struct crew *crew, struct job *job, int source, int copy, int pipe)
{
        struct pull *pull = crew->pull;
        const enum image_compression compression = image_media(job->layer->media_type).compression;
        int r;

        if (source >= 0 && compression == IMAGE_PLAIN)
                return unpack_start_reader(
                        source, (uint64_t)job->layer->size, copy, pipe, &job->reader);
        r = pull_start_helper(pull);
        if (r == 0)
                r = registry_ask_blob(
                        &pull->registry,
                        &(struct registry_blob){ .place = pull->origin.place,
                                                 .digest = job->layer->digest,
                                                 .size = (uint64_t)job->layer->size,
                                                 .compression = compression,
                                                 .file = copy,
                                                 .records = pipe,
                                                 .source = source });
        if (r > 0)
                job->request = (unsigned)r;
        return r < 0 ? r : 0;
}

static int run(struct crew *crew, struct job *job)
{
        struct pull *pull = crew->pull;
        struct layer_options options = { .image = crew->n <= IMAGES_MOST,
                                         .user_xattrs = pull->layout.map,
                                         .pass_devices = pull->layout.map };
        uint64_t size;
        auto_close source = layout_open_blob(&pull->layout, job->layer->digest, &size);
        auto_close dir = NO_FD, pipe = NO_FD;
        const bool have = source >= 0;
        int r;

        /* The digest is for the image's name: one that is not known yet is that of the blob. */
        dir = layout_begin_layer(
                &job->work, job->diff_id ? job->diff_id : job->layer->digest, &options);
        r = dir < 0 ? dir : tree_set_size(job->work.file, 0);
        if (r == 0 && !have && pull->origin.dir >= 0) {
                source = pull_open_local(pull, job->layer);
                r = source < 0 ? source : 0;
        }
        if (r == 0)
                r = unpack_start_writer(dir, &options, pull->ns, &job->writer, &pipe);
        if (r == 0)
                r = feed(crew, job, source, have ? NO_FD : job->work.file, pipe);
        if (r < 0)
                return r;
        job->running = true;
        job->shown->phase = PULL_RUNNING;
        crew->running++;
        return 0;
}

/* 0, or 1: another command makes it, and we have something else to do. */
static int start(struct crew *crew, struct job *job)
{
        int r;

        if (is_there(crew, job)) {
                finish(crew, job, PULL_THERE);
                return 0;
        }
        r = layout_begin(
                &crew->pull->layout, LAYOUT_HEX(job->layer->digest), crew->running == 0,
                &job->work);
        if (r == -EAGAIN)
                return 1;
        if (r == 0 && is_there(crew, job)) {
                finish(crew, job, PULL_THERE);
                return 0;
        }
        return r < 0 ? r : run(crew, job);
}

static int check(const struct crew *crew, struct job *job, const char *digest, const char *diff_id)
{
        struct stat st;
        uint64_t size;
        auto_close blob = layout_open_blob(&crew->pull->layout, job->layer->digest, &size);

        /* Who has read it may have been taken over by what is in it. */
        if (!digest || !diff_id || image_digest_check(diff_id) < 0)
                return trail(-EBADMSG, "who has read it does not say what is in it");
        if (!text_equal(digest, job->layer->digest))
                return trail(-EBADMSG, "its content has the digest %s", digest);
        if (!job->diff_id)
                job->diff_id = arena_string(crew->pull->arena, diff_id);
        if (!text_equal(diff_id, job->diff_id)) {
                trail_hint("whoever made the image made a mistake, or lies");
                return trail(
                        -EBADMSG, "what is in it has the digest %s, but the configuration says %s",
                        diff_id, job->diff_id);
        }
        if (blob != -ENOENT)
                return blob < 0 ? blob : 0;
        if (file_stat(job->work.file, "", AT_EMPTY_PATH, &st) < 0)
                return -errno;
        if (st.st_size != job->layer->size)
                return trail(
                        -EBADMSG, "it has %lld bytes instead of %lld", (long long)st.st_size,
                        (long long)job->layer->size);
        return 0;
}

/* Its feeder has ended with `r`; both digests as that one says. */
static int complete(
        struct crew *crew, struct job *job, int r, const char *digest, const char *diff_id)
{
        const struct layout *layout = &crew->pull->layout;
        struct unpack_result written;
        uint64_t size;

        if (r == 0)
                r = check(crew, job, digest, diff_id);
        r = unpack_finish_fed(&job->writer, r, &written);
        if (r == 0 && written.passed)
                trail_warn("%llu device files were left out", (unsigned long long)written.passed);
        if (r == 0 && crew->compares) {
                r = layout_compare_layer(&job->work, job->diff_id);
                crew->same = r > 0;
                if (r >= 0)
                        finish(crew, job, PULL_DONE);
                return r < 0 ? r : 0;
        }
        if (r == 0)
                r = layout_publish_layer(
                        &job->work, job->layer->digest, job->diff_id,
                        &(struct layout_layer){ written.bytes, written.entries });
        if (r == 0) {
                auto_close blob = layout_open_blob(layout, job->layer->digest, &size);

                /* What is there, and cannot be opened now, is not replaced: our file is empty then. */
                if (blob < 0)
                        r = blob != -ENOENT ? blob
                                            : layout_publish_blob(&job->work, job->layer->digest);
        }
        if (r < 0)
                return failed(crew, job, r);
        finish(crew, job, PULL_DONE);
        return 0;
}

/* -- all of them -------------------------------------------------------------------------------------- */

static int heed_helper(struct crew *crew)
{
        struct registry_answer answer;
        int r;

        arena_reset(&crew->scratch);
        r = registry_next(&crew->pull->registry, &crew->scratch, 0, &answer);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < crew->n; i++) {
                struct job *job = &crew->jobs[i];

                if (!job->running || !job->request || job->request != answer.id)
                        continue;
                if (answer.kind == REGISTRY_PROGRESS) {
                        job->shown->done = answer.bytes;
                        return 0;
                }
                if (answer.kind == REGISTRY_ERROR) {
                        if (answer.hint && *answer.hint)
                                trail_hint("%s", answer.hint);
                        trail(answer.error, "%s", answer.message ? answer.message : "it failed");
                }
                return complete(crew, job, answer.error, answer.digest, answer.diff_id);
        }
        return trail(-EBADMSG, "%s has answered what nobody asked", REGISTRY_PROGRAM);
}

static int heed_reader(struct crew *crew, struct job *job)
{
        struct unpack_result result = { 0 };
        char digest[8 + SHA256_HEX_SIZE];
        int r = unpack_finish(&job->reader, &result);

        text_format(digest, sizeof digest, "sha256:%s", result.hex);
        return complete(crew, job, r, digest, digest);
}

static void look_at_readers(const struct crew *crew)
{
        struct stat st;

        for (size_t i = 0; i < crew->n; i++)
                if (crew->jobs[i].reader.report >= 0 &&
                    file_stat(crew->jobs[i].work.file, "", AT_EMPTY_PATH, &st) == 0)
                        crew->jobs[i].shown->done = (uint64_t)st.st_size;
}

static int heed(struct crew *crew)
{
        struct pollfd entries[1 + REGISTRY_JOBS];
        struct job *whose[1 + REGISTRY_JOBS] = { NULL };
        nfds_t n = 1;
        int r;

        entries[0] = (struct pollfd){ .fd = crew->pull->registry.socket, .events = POLLIN };
        for (size_t i = 0; i < crew->n; i++)
                if (crew->jobs[i].reader.report >= 0) {
                        whose[n] = &crew->jobs[i];
                        entries[n++] = (struct pollfd){ .fd = crew->jobs[i].reader.report,
                                                        .events = POLLIN };
                }
        r = poll(entries, n, TICK_MS);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        look_at_readers(crew);
        tell(crew);
        r = entries[0].revents ? heed_helper(crew) : 0;
        for (nfds_t i = 1; r == 0 && i < n; i++)
                if (entries[i].revents)
                        r = heed_reader(crew, whose[i]);
        return r;
}

static int work(struct crew *crew)
{
        while (crew->done < crew->n) {
                for (size_t i = 0; i < crew->n && crew->running < REGISTRY_JOBS; i++) {
                        struct job *job = &crew->jobs[i];
                        int r = job->running || job->done ? 0 : start(crew, job);

                        if (r < 0)
                                return failed(crew, job, r);
                }
                if (crew->running) {
                        int r = heed(crew);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* After a failure: nobody writes any more to what is removed then. */
static void stop(struct crew *crew)
{
        registry_end(&crew->pull->registry);
        for (size_t i = 0; i < crew->n; i++) {
                unpack_kill(&crew->jobs[i].reader);
                unpack_kill(&crew->jobs[i].writer);
        }
        for (size_t i = 0; i < crew->n; i++)
                layout_drop(&crew->jobs[i].work);
}

int pull_layers(struct pull *pull)
{
        const struct image_descriptor_list *layers = &pull->manifest->layers;
        struct crew crew = {
                .pull = pull,
                .jobs = arena_array(pull->arena, layers->n + 1, sizeof *crew.jobs),
                .shown = arena_array(pull->arena, layers->n + 1, sizeof *crew.shown),
                .n = layers->n,
        };
        int r;

        for (size_t i = 0; i < crew.n; i++) {
                crew.jobs[i] = (struct job){ .layer = &layers->items[i],
                                             .diff_id = pull->config->rootfs->diff_ids.items[i],
                                             .shown = &crew.shown[i],
                                             .work = { .file = NO_FD, .dir = NO_FD },
                                             .writer = UNPACK_NONE,
                                             .reader = UNPACK_NONE };
                crew.shown[i] = (struct pull_layer){ .digest = layers->items[i].digest,
                                                     .size = (uint64_t)layers->items[i].size };
        }
        r = work(&crew);
        if (r < 0)
                stop(&crew);
        arena_free(&crew.scratch);
        return r;
}

static int work_on_one(
        struct crew *crew, const struct image_descriptor *layer, const char **diff_id)
{
        struct pull_layer *shown = arena_new(crew->pull->arena, struct pull_layer);
        struct job *job = arena_new(crew->pull->arena, struct job);
        int r;

        *shown = (struct pull_layer){ .digest = layer->digest, .size = (uint64_t)layer->size };
        *job = (struct job){ .layer = layer,
                             .diff_id = *diff_id,
                             .shown = shown,
                             .work = { .file = NO_FD, .dir = NO_FD },
                             .writer = UNPACK_NONE,
                             .reader = UNPACK_NONE };
        crew->jobs = job;
        crew->shown = shown;
        crew->n = 1;
        r = work(crew);
        if (r < 0)
                stop(crew);
        else
                *diff_id = job->diff_id;
        arena_free(&crew->scratch);
        return r;
}

int pull_layer(struct pull *pull, const struct image_descriptor *layer, const char **ret_diff_id)
{
        struct crew crew = { .pull = pull };
        const char *diff_id = NULL;
        int r = work_on_one(&crew, layer, &diff_id);

        if (r == 0)
                *ret_diff_id = diff_id;
        return r;
}

int pull_compare_layer(
        struct pull *pull, const struct image_descriptor *layer, const char *diff_id,
        bool *ret_same)
{
        struct crew crew = { .pull = pull, .compares = true };
        int r = work_on_one(&crew, layer, &diff_id);

        if (r == 0)
                *ret_same = crew.same;
        return r;
}
