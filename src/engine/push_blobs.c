/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: configurations and layers to a registry, at most three requests to the helper at a time. A
 * layer that is stored as it is takes two, one behind the other: it is compressed into a file of the store's tmp
 * first, since its digest has to be known before it is asked for. That file goes when the layer is there. */
#include "push.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        TICK_MS = 200,
};

/* -- the list --------------------------------------------------------------------------------------------- */

const char *push_layer_type(const char *media_type, enum image_compression compression)
{
        const bool docker = text_starts(media_type, "application/vnd.docker.");

        switch (compression) {
        case IMAGE_GZIP:
                return docker ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
                              : IMAGE_TYPE_LAYER "+gzip";
        case IMAGE_ZSTD:
                return IMAGE_TYPE_LAYER "+zstd"; /* Docker's documents have none of their own */
        case IMAGE_PLAIN:
                break;
        }
        return media_type;
}

static struct push_blob *find(const struct push *push, const char *digest)
{
        for (size_t i = 0; i < push->n; i++)
                if (text_equal(push->blobs[i].blob.digest, digest))
                        return &push->blobs[i];
        return NULL;
}

const struct image_descriptor *push_result_of(const struct push *push, const char *digest)
{
        const struct push_blob *blob = find(push, digest);

        return blob ? &blob->as : NULL;
}

static void grow(struct push *push)
{
        size_t room = push->room ? 2 * push->room : 64;
        struct push_blob *blobs = arena_array(push->arena, room, sizeof *blobs);
        struct pull_layer *shown = arena_array(push->arena, room, sizeof *shown);

        if (push->n) {
                memcpy(blobs, push->blobs, push->n * sizeof *blobs);
                memcpy(shown, push->shown, push->n * sizeof *shown);
        }
        push->blobs = blobs;
        push->shown = shown;
        push->room = room;
}

void push_add(struct push *push, const struct image_descriptor *blob, bool is_layer)
{
        bool plain = is_layer && image_media(blob->media_type).compression == IMAGE_PLAIN;

        if (find(push, blob->digest))
                return;
        if (push->n == push->room)
                grow(push);
        push->shown[push->n] =
                (struct pull_layer){ .digest = blob->digest, .size = (uint64_t)blob->size };
        push->blobs[push->n++] = (struct push_blob){ .blob = *blob,
                                                     .as = *blob,
                                                     .pack = plain ? push->pack : IMAGE_PLAIN,
                                                     .work = { .file = NO_FD, .dir = NO_FD } };
}

/* -- what the registry may have elsewhere ----------------------------------------------------------------- */

/* Another repository of this registry, by the name that an image has here; else NULL. */
static const char *repository_of(struct push *push, const struct image_descriptor *image)
{
        const char *name = layout_annotation(image, LAYOUT_NAME);
        struct image_reference reference;

        if (!name || image_reference_parse(push->arena, name, &reference) < 0) {
                trail_reset();
                return NULL;
        }
        return text_equal(reference.registry, push->remote.place.registry) &&
                               !text_equal(reference.repository, push->remote.place.repository)
                     ? reference.repository
                     : NULL;
}

/* Images that came from there, or went there, say where layers may be. */
static void find_elsewhere(struct push *push)
{
        auto_arena scratch = { 0 };

        for (size_t i = 0; i < push->index.manifests.n; i++) {
                const struct image_descriptor *image = &push->index.manifests.items[i];
                const char *repository = repository_of(push, image);
                struct layout_image documents;

                if (!repository)
                        continue;
                arena_reset(&scratch);
                if (layout_read_image(&push->layout, &scratch, image->digest, &documents) < 0) {
                        trail_reset();
                        continue;
                }
                for (size_t k = 0; k < documents.manifest->layers.n; k++) {
                        struct push_blob *blob =
                                find(push, documents.manifest->layers.items[k].digest);

                        if (blob && !blob->from)
                                blob->from = repository;
                }
        }
}

/* -- one blob --------------------------------------------------------------------------------------------- */

static struct pull_layer *shown(const struct push *push, const struct push_blob *blob)
{
        return &push->shown[blob - push->blobs];
}

static int failed(const struct push_blob *blob, int error)
{
        return trail(error, "%.19s", blob->blob.digest);
}

static int open_source(struct push *push, const struct push_blob *blob)
{
        uint64_t size;
        int fd = layout_open_blob(&push->layout, blob->blob.digest, &size);

        if (fd == -ENOENT) {
                trail_hint("something has removed it: pull the image again");
                return trail(fd, "%s has no blob %s", push->layout.path, blob->blob.digest);
        }
        return fd;
}

static int send(struct push *push, struct push_blob *blob, int file)
{
        int r = registry_ask_push(
                &push->remote.helper,
                &(struct registry_upload){
                        .place = push->remote.place,
                        .digest = blob->as.digest,
                        .size = (uint64_t)blob->as.size,
                        .from = text_equal(blob->as.digest, blob->blob.digest) ? blob->from : NULL,
                        .file = file });

        if (r < 0)
                return r;
        blob->request = (unsigned)r;
        shown(push, blob)->phase = PULL_RUNNING;
        shown(push, blob)->size = (uint64_t)blob->as.size;
        shown(push, blob)->done = 0;
        return 0;
}

static int pack(struct push *push, struct push_blob *blob, int source)
{
        const char *key = arena_format(
                push->arena, "pack-%.16s-%d", LAYOUT_HEX(blob->blob.digest), (int)getpid());
        int r = layout_begin(&push->layout, key, true, &blob->work);

        if (r == 0)
                r = tree_set_size(blob->work.file, 0);
        if (r == 0)
                r = registry_ask_pack(
                        &push->remote.helper,
                        &(struct registry_packing){ .compression = blob->pack,
                                                    .level = push->level,
                                                    .size = (uint64_t)blob->blob.size,
                                                    .source = source,
                                                    .file = blob->work.file });
        if (r < 0)
                return r;
        blob->request = (unsigned)r;
        shown(push, blob)->phase = PUSH_PACKING;
        return 0;
}

static int start(struct push *push, struct push_blob *blob)
{
        auto_close source = open_source(push, blob);
        int r = source < 0 ? source : remote_start(&push->remote);

        if (r == 0)
                r = blob->pack == IMAGE_PLAIN ? send(push, blob, source) : pack(push, blob, source);
        return r < 0 ? failed(blob, r) : 0;
}

/* It is compressed: what the helper says of it is what is asked for now. */
static int packed(struct push *push, struct push_blob *blob, const struct registry_answer *answer)
{
        struct stat st;

        if (!answer->digest || file_stat(blob->work.file, "", AT_EMPTY_PATH, &st) < 0 ||
            (uint64_t)st.st_size != answer->size)
                return trail(-EBADMSG, "%s has compressed it wrongly", REGISTRY_PROGRAM);
        if (!text_equal(answer->diff_id, blob->blob.digest)) {
                trail_hint("the file was changed or damaged: husk rmi, then pull the image again");
                return trail(
                        -EBADMSG, "%s/images/blobs/sha256/%s: its content has another digest",
                        push->layout.path, LAYOUT_HEX(blob->blob.digest));
        }
        blob->as.digest = arena_string(push->arena, answer->digest);
        blob->as.size = st.st_size;
        blob->as.media_type = push_layer_type(blob->blob.media_type, blob->pack);
        return send(push, blob, blob->work.file);
}

static int answered(struct push *push, struct push_blob *blob, const struct registry_answer *answer)
{
        struct pull_layer *seen = shown(push, blob);

        if (answer->kind == REGISTRY_PROGRESS) {
                seen->done = answer->bytes;
                return 0;
        }
        blob->request = 0;
        if (answer->kind == REGISTRY_ERROR) {
                if (answer->hint && *answer->hint)
                        trail_hint("%s", answer->hint);
                return trail(answer->error, "%s", answer->message ? answer->message : "it failed");
        }
        if (seen->phase == PUSH_PACKING)
                return packed(push, blob, answer);
        layout_drop(&blob->work);
        blob->done = true;
        seen->phase = answer->there ? PUSH_THERE : PUSH_DONE;
        seen->done = seen->size;
        return 0;
}

/* -- all of them ------------------------------------------------------------------------------------------ */

static void tell(const struct push *push)
{
        if (push->request->tell)
                push->request->tell(push->request->context, push->shown, push->n);
}

static int heed(struct push *push)
{
        auto_arena scratch = { 0 };
        struct registry_answer answer;
        int r = registry_next(&push->remote.helper, &scratch, TICK_MS, &answer);

        if (r <= 0)
                return r;
        for (size_t i = 0; i < push->n; i++)
                if (push->blobs[i].request && push->blobs[i].request == answer.id) {
                        r = answered(push, &push->blobs[i], &answer);
                        return r < 0 ? failed(&push->blobs[i], r) : 0;
                }
        return trail(-EBADMSG, "%s has answered what nobody asked", REGISTRY_PROGRAM);
}

static int work(struct push *push)
{
        for (;;) {
                size_t left = 0;
                int r;

                for (size_t i = 0; i < push->n; i++) {
                        struct push_blob *blob = &push->blobs[i];

                        left += !blob->done;
                        if (blob->done || blob->request ||
                            push->remote.helper.running >= REGISTRY_JOBS)
                                continue;
                        r = start(push, blob);
                        if (r < 0)
                                return r;
                }
                tell(push);
                if (!left)
                        return 0;
                r = heed(push);
                if (r < 0)
                        return r;
        }
}

int push_blobs(struct push *push)
{
        int r;

        find_elsewhere(push);
        r = work(push);
        if (r < 0)
                remote_end(&push->remote); /* before what it writes to goes */
        for (size_t i = 0; i < push->n; i++)
                layout_drop(&push->blobs[i].work);
        return r;
}
