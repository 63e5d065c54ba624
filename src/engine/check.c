/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk system check`: whether all that the index names is there and has its digest, and
 * whether what containers need is there. What is wrong is a line each; nothing is believed because its name is right,
 * unless it is to be quick. A layer that is kept as an image is made once more from its blob, and compared.
 *
 * Repairing is removing: a blob with another content, a layer without its record. The next pull of the image finds
 * that it is missing, and fetches it. A layer of which containers are made stays. */
#include "new_image.h"
#include "store.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

enum {
        SPARSE_TIMES = 64, /* so many times what is on the disk is read, of what no image names, */
        SPARSE_LEAST = 1 << 20 /* as if so much were there at least */
};

struct check {
        const struct check_request *request;
        struct arena *arena; /* of the image that is looked at: its documents may be large */
        struct layout layout;
        struct image_user *users;
        size_t n_users;
        struct spec_texts seen; /* digests of blobs that were looked at */
        size_t room;
        struct text *out;
        size_t findings;
};

static void find(struct check *check, const char *subject, const char *what)
{
        check->findings++;
        text_add_visible(check->out, subject);
        text_addf(check->out, ": %s\n", what);
        trail_reset();
}

static bool was_seen(struct check *check, const char *digest)
{
        for (size_t i = 0; i < check->seen.n; i++)
                if (text_equal(check->seen.items[i], digest))
                        return true;
        check->seen.items = arena_more(
                check->out->arena, check->seen.items, check->seen.n, &check->room,
                sizeof *check->seen.items, 64);
        check->seen.items[check->seen.n++] = arena_string(check->out->arena, digest);
        return false;
}

/* -- blobs ------------------------------------------------------------------------------------------------ */

/* Is it nearly nothing but holes? One of some KiB takes as long to read as its size says: hours, in which --repair
 * would have the store for itself. st_blocks is not asked, which some file systems know only later. */
static bool is_sparse(int fd, uint64_t size)
{
        uint64_t data = 0;
        off_t at = 0, from;

        while ((from = lseek(fd, at, SEEK_DATA)) >= 0) {
                at = lseek(fd, from, SEEK_HOLE);
                if (at <= from)
                        break;
                data += (uint64_t)(at - from);
        }
        /* Else the file system cannot tell. */
        return errno == ENXIO && from < 0 && lseek(fd, 0, SEEK_SET) == 0 &&
               size / SPARSE_TIMES > data + SPARSE_LEAST;
}

/* What is wrong with a blob; NULL: nothing. A negative size: any, since no image names it. *ret_there: there is
 * something that could be removed. */
static const char *judge_blob(
        struct check *check, const struct image_descriptor *blob, bool *ret_there)
{
        struct image_descriptor found;
        uint64_t size;
        auto_close fd = layout_open_blob(&check->layout, blob->digest, &size);

        *ret_there = fd >= 0;
        if (fd == -ENOENT)
                return "it is missing";
        if (fd < 0)
                return arena_format(check->arena, "it cannot be opened: %s", text_errno(fd));
        if (blob->size >= 0 && size != (uint64_t)blob->size)
                return arena_format(
                        check->arena, "it has %llu bytes instead of %lld", (unsigned long long)size,
                        (long long)blob->size);
        if (check->request->quick)
                return NULL;
        if (blob->size < 0 && is_sparse(fd, size))
                return arena_format(
                        check->arena, "of its %llu bytes nearly none are on the disk",
                        (unsigned long long)size);
        if (import_copy(check->arena, fd, NO_FD, &found) < 0)
                return arena_format(check->arena, "it cannot be read: %s", trail_text());
        return text_equal(found.digest, blob->digest) ? NULL : "its content has another digest";
}

static int check_blob(struct check *check, const char *image, const struct image_descriptor *blob)
{
        const char *what;
        bool there;

        if (image && image_digest_check(blob->digest) < 0) {
                find(check, image, "it names something by no sha256 digest");
                return 0;
        }
        if (was_seen(check, blob->digest))
                return 0;
        what = judge_blob(check, blob, &there);
        if (!what)
                return 0;
        find(check,
             arena_format(
                     check->arena, "%s%sblob %s", image ? image : "", image ? ": " : "",
                     blob->digest),
             what);
        return check->request->repair && there ? layout_remove_blob(&check->layout, blob->digest)
                                               : 0;
}

/* Those of no image, too: the next pull would take such a one for what it is called. */
static int check_others(struct check *check)
{
        DIR *list = file_list_at(check->layout.blobs, ".");
        int r = list ? 0 : -errno;

        for (struct dirent *entry; r == 0 && list && (entry = readdir(list));) {
                const struct image_descriptor blob = {
                        .digest = arena_format(check->arena, "sha256:%s", entry->d_name), .size = -1
                };

                if (image_digest_check(blob.digest) == 0)
                        r = check_blob(check, NULL, &blob);
        }
        if (list)
                closedir(list);
        return r;
}

/* -- layers ----------------------------------------------------------------------------------------------- */

static bool is_used(const struct check *check, const char *diff_id)
{
        for (size_t i = 0; i < check->n_users; i++)
                for (size_t k = 0; k < check->users[i].layers.n; k++)
                        if (text_equal(check->users[i].layers.items[k], LAYOUT_HEX(diff_id)))
                                return true;
        return false;
}

/* What is wrong with an image of a layer; NULL: nothing, or it is none. */
static const char *judge_image(
        struct check *check, const struct image_descriptor *blob, const char *diff_id)
{
        const struct pull_request request = { .engine = check->request->engine };
        struct pull pull = { .arena = check->arena,
                             .request = &request,
                             .layout = check->layout,
                             .origin.dir = NO_FD,
                             .registry = REGISTRY_NONE,
                             .ns = NO_FD };
        bool same = false;
        int r;

        if (check->request->quick ||
            !layout_is_image(layout_layer_path(&check->layout, check->arena, diff_id)))
                return NULL;
        r = pull_compare_layer(&pull, blob, diff_id, &same);
        registry_end(&pull.registry);
        if (r < 0)
                return arena_format(
                        check->arena, "it cannot be compared with its blob: %s", trail_text());
        return same ? NULL : "its image is not what its blob gives";
}

static int remove_layer(struct check *check, const char *diff_id)
{
        if (!check->request->repair)
                return 0;
        if (!is_used(check, diff_id))
                return layout_remove_layer(&check->layout, check->arena, diff_id);
        trail_warn("the layer %s stays: containers are made of it", diff_id);
        return 0;
}

/* `sound`: its blob is. */
static int check_layer(
        struct check *check, const char *image, const struct image_descriptor *blob,
        const char *diff_id, bool sound)
{
        const char *subject = arena_format(check->arena, "%s: layer %s", image, diff_id);
        struct layout_layer about;
        const char *what;

        if (was_seen(check, subject + strlen(image)))
                return 0;
        if (!layout_has_layer(&check->layout, diff_id)) {
                find(check, subject, "it is missing");
                return 0;
        }
        if (layout_read_layer(&check->layout, check->arena, diff_id, &about) < 0) {
                find(check, subject, "its record, layer.json, is missing or damaged");
                return remove_layer(check, diff_id);
        }
        if (!layout_has_unpacked(&check->layout, blob->digest, diff_id)) {
                find(check, subject, "nothing says that it was found in the image's blob");
                return 0;
        }
        what = sound ? judge_image(check, blob, diff_id) : NULL;
        if (!what)
                return 0;
        find(check, subject, what);
        return remove_layer(check, diff_id);
}

/* -- all of it -------------------------------------------------------------------------------------------- */

static int check_image(struct check *check, const struct image_descriptor *entry)
{
        const char *name = layout_annotation(entry, LAYOUT_NAME);
        const char *image = arena_format(check->arena, "image %s", name ? name : entry->digest);
        struct layout_image documents;
        int r = check_blob(check, image, entry);

        if (r < 0)
                return r;
        /* The manifest alone, as its configuration may be what is wrong. */
        r = layout_read_image(&check->layout, check->arena, entry->digest, &documents);
        if (r < 0) {
                const char *words = arena_string(check->arena, trail_text());
                const struct image_manifest *manifest = NULL;

                trail_reset();
                if (layout_read_manifest(&check->layout, check->arena, entry->digest, &manifest) ==
                    0)
                        r = check_blob(check, image, manifest->config);
                else
                        r = 0;
                if (!check->findings)
                        find(check, image, words);
                trail_reset();
                return r;
        }
        r = check_blob(check, image, documents.manifest->config);
        for (size_t i = 0; r == 0 && i < documents.manifest->layers.n; i++) {
                const struct image_descriptor *blob = &documents.manifest->layers.items[i];
                const size_t before = check->findings;

                r = check_blob(check, image, blob);
                if (r == 0)
                        r = check_layer(
                                check, image, blob, documents.config->rootfs->diff_ids.items[i],
                                check->findings == before);
        }
        return r;
}

static void check_containers(struct check *check)
{
        for (size_t i = 0; i < check->n_users; i++) {
                const struct image_user *user = &check->users[i];

                for (size_t k = 0; k < user->layers.n; k++) {
                        const char *id =
                                arena_format(check->arena, "sha256:%s", user->layers.items[k]);

                        if (!layout_has_layer(&check->layout, id))
                                find(check, arena_format(check->arena, "container %s", user->name),
                                     arena_format(check->arena, "its layer %s is missing", id));
                }
        }
}

static int check_all(struct check *check)
{
        struct image_index index;
        int r = check->request->repair ? layout_lock_all(&check->layout) : 0;

        if (r > 0) {
                trail_hint("when nobody pulls, runs or removes, try again");
                return trail(-EBUSY, "somebody is using the images of %s", check->layout.path);
        }
        if (r == 0)
                r = image_users(
                        check->arena, &check->request->engine, check->request->repair,
                        &check->users, &check->n_users);
        if (r == 0)
                r = layout_read_index(&check->layout, check->arena, &index);
        for (size_t i = 0; r == 0 && i < index.manifests.n; i++) {
                auto_arena scratch = { 0 };

                check->arena = &scratch;
                r = check_image(check, &index.manifests.items[i]);
                check->arena = check->out->arena;
        }
        if (r == 0)
                check_containers(check);
        return r < 0 || check->request->quick ? r : check_others(check);
}

int engine_check(const struct check_request *request, struct text *out, size_t *ret_findings)
{
        struct check check = {
                .request = request, .arena = out->arena, .layout = LAYOUT_NONE, .out = out
        };
        int r = image_open_store(out->arena, &request->engine, false, &check.layout);

        *ret_findings = 0;
        if (r < 0)
                return r == -ENOENT && !*trail_text() ? 0 : r;
        r = check_all(&check);
        layout_close(&check.layout);
        *ret_findings = check.findings;
        return r;
}
