/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: images, tag, rmi, prune: what is done with the index and needs nothing unpacked.
 *
 * An image is in use when a container was made of it, running or not: the container's record has its id. Removing is
 * taking entries out of the index; what nothing refers to then is collected at the end, or, when somebody uses the
 * store at that moment, by the next command. */
#include "image.h"
#include "place.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum {
        CREATED_MAX = 64, /* a time is half as long */
};

/* -- the list --------------------------------------------------------------------------------------------- */

int image_layer_size(
        const struct layout *layout, struct arena *arena, const char *diff_id, uint64_t *ret_bytes)
{
        struct layout_layer layer;
        int r = layout_read_layer(layout, arena, diff_id, &layer);

        if (r < 0 && r != -ENOENT && r != -EBADMSG)
                return r;
        if (r < 0)
                trail_reset();
        *ret_bytes = r < 0 ? 0 : layer.size_bytes;
        return 0;
}

int image_size(
        const struct layout *layout, struct arena *arena, const struct image_config *config,
        uint64_t *ret_bytes)
{
        *ret_bytes = 0;
        for (size_t i = 0; i < config->rootfs->diff_ids.n; i++) {
                uint64_t bytes;
                int r = image_layer_size(layout, arena, config->rootfs->diff_ids.items[i], &bytes);

                if (r < 0)
                        return r;
                *ret_bytes += bytes;
        }
        return 0;
}

void image_name_parts(struct arena *arena, const char *full, struct image_info *info)
{
        struct image_reference reference;

        info->repository = info->tag = "<none>";
        info->name = "<none>:<none>";
        if (!full || image_reference_parse(arena, full, &reference) < 0)
                return;
        info->name = image_reference_short(arena, &reference);
        info->tag = reference.tag ? reference.tag : "<none>";
        reference.tag = reference.digest = NULL;
        info->repository = image_reference_short(arena, &reference);
        /* Without a tag the shortest name ends in the one that is meant. */
        if (strlen(info->repository) > 7 &&
            text_equal(info->repository + strlen(info->repository) - 7, ":latest"))
                info->repository =
                        arena_copy(arena, info->repository, strlen(info->repository) - 7);
}

/* What the documents say goes with `scratch`, but for the id and a time: the labels, and they may be long. */
static void describe(
        const struct layout *layout, struct arena *arena, struct arena *scratch,
        const struct image_descriptor *image, struct image_info *info)
{
        const char *source = layout_annotation(image, LAYOUT_SOURCE);
        struct layout_image documents;
        const char *created;

        *info = (struct image_info){ .id = "", .short_id = "<damaged>", .created = "" };
        image_name_parts(arena, layout_annotation(image, LAYOUT_NAME), info);
        info->digest = source ? source : image->digest;
        if (layout_read_image(layout, scratch, image->digest, &documents) < 0) {
                trail_warn("%s", trail_text());
                trail_reset();
                return;
        }
        info->id = arena_string(arena, documents.manifest->config->digest);
        info->short_id = arena_copy(arena, LAYOUT_HEX(info->id), 12);
        created = documents.config->created;
        if (created)
                info->created = arena_copy(arena, created, strnlen(created, CREATED_MAX));
        if (documents.config->defaults)
                info->labels = documents.config->defaults->labels;
        info->created_ns = (uint64_t)store_parse_time(documents.config->created) * 1000000000;
        if (image_size(layout, scratch, documents.config, &info->size_bytes) < 0) {
                trail_warn("%s", trail_text());
                trail_reset();
        }
}

static int passes(
        struct image_filter *filter, const struct images_request *request,
        const struct image_info *info)
{
        struct arena *arena = filter->arena;

        if (request->name) {
                struct image_reference reference;
                struct image_info wanted;
                int r = image_reference_parse(arena, request->name, &reference);

                if (r < 0)
                        return r;
                image_name_parts(arena, image_reference_full(arena, &reference), &wanted);
                if (!text_equal(wanted.repository, info->repository) ||
                    (reference.tag && !text_equal(wanted.tag, info->tag)) ||
                    (reference.digest && !text_equal(reference.digest, info->digest)))
                        return 0;
        }
        return image_passes(filter, &request->filter, info);
}

static int by_age(const void *a, const void *b)
{
        const struct image_info *x = a, *y = b;

        if (x->created_ns != y->created_ns)
                return x->created_ns < y->created_ns ? 1 : -1;
        return strcmp(x->name, y->name);
}

static int list_all(
        const struct layout *layout, struct arena *arena, const struct images_request *request,
        struct image_info **ret_list, size_t *ret_n)
{
        auto_arena scratch = { 0 };
        struct image_index index;
        struct image_filter filter = { arena, layout, &index };
        struct image_info *list;
        size_t n = 0;
        int r = layout_read_index(layout, arena, &index);

        if (r < 0)
                return r;
        r = image_check_filter(&filter, &request->filter);
        list = arena_array(arena, index.manifests.n + 1, sizeof *list);
        for (size_t i = 0; r >= 0 && i < index.manifests.n; i++) {
                arena_reset(&scratch);
                describe(layout, arena, &scratch, &index.manifests.items[i], &list[n]);
                r = passes(&filter, request, &list[n]);
                list[n].labels = (struct spec_map){ 0 };
                n += r > 0;
        }
        if (r < 0)
                return r;
        qsort(list, n, sizeof *list, by_age);
        *ret_list = list;
        *ret_n = n;
        return 0;
}

int engine_images(
        const struct images_request *request, struct arena *arena, struct image_info **ret_list,
        size_t *ret_n)
{
        struct layout layout = LAYOUT_NONE;
        struct image_user *users = NULL;
        size_t n_users = 0;
        int r = image_open_store(arena, &request->engine, false, &layout);

        *ret_n = 0;
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = list_all(&layout, arena, request, ret_list, ret_n);
        if (r == 0)
                r = image_users(arena, &request->engine, false, &users, &n_users);
        for (size_t i = 0; r == 0 && i < *ret_n; i++)
                for (size_t k = 0; k < n_users; k++)
                        (*ret_list)[i].containers += text_equal(users[k].image, (*ret_list)[i].id);
        layout_close(&layout);
        return r;
}

/* -- tag -------------------------------------------------------------------------------------------------- */

static int tag(const struct layout *layout, struct arena *arena, const struct tag_request *request)
{
        const struct image_descriptor *image;
        struct image_reference reference;
        struct image_index index;
        bool by_name, changed;
        size_t at;
        int r = image_reference_parse(arena, request->name, &reference);

        if (r == 0 && reference.digest)
                r = trail(-EINVAL, "'%s': a name to give cannot have a digest", request->name);
        if (r == 0)
                r = layout_read_index(layout, arena, &index);
        if (r == 0)
                r = image_find(layout, arena, &index, request->image, &at, &by_name);
        if (r < 0)
                return r;
        image = &index.manifests.items[at];
        return image_record(
                layout, arena,
                &(struct image_name){ .digest = image->digest,
                                      .media_type = image->media_type,
                                      .size = image->size,
                                      .name = image_reference_full(arena, &reference),
                                      .source = layout_annotation(image, LAYOUT_SOURCE) },
                &changed);
}

int engine_tag(const struct tag_request *request)
{
        auto_arena arena = { 0 };
        struct layout layout = LAYOUT_NONE;
        int r = image_open_store(&arena, &request->engine, true, &layout);

        if (r == 0)
                r = tag(&layout, &arena, request);
        layout_close(&layout);
        return r;
}

/* -- rmi and prune ---------------------------------------------------------------------------------------- */

struct removal {
        struct arena *arena;
        const struct engine_options *options;
        struct layout layout;
        struct image_index index;
        struct image_user *users;
        size_t n_users;
        struct text *out;
        uint64_t bytes;
        int lock; /* of the index */
};

static int begin(struct removal *removal, const struct engine_options *options, struct text *out)
{
        int r;

        *removal = (struct removal){ .arena = out->arena,
                                     .options = options,
                                     .layout = LAYOUT_NONE,
                                     .out = out,
                                     .lock = NO_FD };
        r = image_open_store(removal->arena, removal->options, true, &removal->layout);
        if (r == 0)
                r = image_users(
                        removal->arena, removal->options, true, &removal->users, &removal->n_users);
        if (r == 0)
                r = removal->lock = layout_lock_index(&removal->layout);
        return r < 0 ? r : layout_read_index(&removal->layout, removal->arena, &removal->index);
}

/* `r`: how it went so far. */
static int end(struct removal *removal, int r)
{
        if (r == 0)
                r = layout_write_index(&removal->layout, removal->arena, &removal->index);
        file_close(&removal->lock);
        image_collect(removal->arena, removal->options, &removal->layout);
        layout_close(&removal->layout);
        return r;
}

static const char *shown_name(struct arena *arena, const char *full)
{
        struct image_info info;

        image_name_parts(arena, full, &info);
        return info.name;
}

/* Its id; NULL when it is damaged, and can be removed all the same. */
static int find_id(struct removal *removal, size_t at, const char **ret_id, uint64_t *ret_bytes)
{
        auto_arena scratch = { 0 };
        struct layout_image documents;
        int r = layout_read_image(
                &removal->layout, &scratch, removal->index.manifests.items[at].digest, &documents);

        *ret_id = NULL;
        *ret_bytes = 0;
        if (r == -EBADMSG || r == -ENOENT) {
                trail_reset();
                return 0;
        }
        if (r < 0)
                return r;
        *ret_id = arena_string(removal->arena, documents.manifest->config->digest);
        return image_size(&removal->layout, &scratch, documents.config, ret_bytes);
}

/* What containers are made of it, for a message; NULL: none. */
static const char *users_of(struct removal *removal, const char *id, bool *ret_running)
{
        struct text names = { .arena = removal->arena };

        *ret_running = false;
        for (size_t i = 0; i < removal->n_users; i++) {
                const struct image_user *user = &removal->users[i];

                if (!id || !text_equal(user->image, id))
                        continue;
                *ret_running |= user->running;
                text_addf(
                        &names, "%s%s (%.12s%s)", names.len ? ", " : "", user->name, user->id,
                        user->running ? ", running" : "");
        }
        return names.len ? text_string(&names) : NULL;
}

static void drop_name(struct removal *removal, size_t at)
{
        const char *full = layout_annotation(&removal->index.manifests.items[at], LAYOUT_NAME);

        if (full)
                text_addf(removal->out, "Untagged: %s\n", shown_name(removal->arena, full));
        image_drop_entry(&removal->index.manifests, at);
}

/* The whole image, by whatever names. */
static void drop_image(struct removal *removal, const char *digest, const char *id)
{
        struct image_descriptor_list *list = &removal->index.manifests;

        for (size_t i = 0; i < list->n; i++)
                if (text_equal(list->items[i].digest, digest))
                        drop_name(removal, i--);
        text_addf(removal->out, "Deleted: %s\n", id ? id : digest);
}

static size_t names_of(const struct image_index *index, const char *digest)
{
        size_t n = 0;

        for (size_t i = 0; i < index->manifests.n; i++)
                n += text_equal(index->manifests.items[i].digest, digest);
        return n;
}

/* What `husk image mount` shows of it. */
static int hide(struct removal *removal, const char *words, const char *id, bool force)
{
        if (!id || !place_has_image(removal->arena, removal->options, id))
                return 0;
        if (force)
                return place_clear(place_of_image(removal->arena, removal->options, id), true);
        trail_hint("husk image unmount %s, or --force", words);
        return trail(-EBUSY, "the image '%s' is mounted", words);
}

static int remove_one(struct removal *removal, const char *words, bool force)
{
        uint64_t bytes = 0;
        const char *digest, *id, *users;
        bool by_name, running;
        size_t at, names;
        int r = image_find(&removal->layout, removal->arena, &removal->index, words, &at, &by_name);

        if (r < 0)
                return r;
        digest = removal->index.manifests.items[at].digest;
        names = names_of(&removal->index, digest);
        if (by_name && names > 1) {
                drop_name(removal, at);
                return 0;
        }
        r = find_id(removal, at, &id, &bytes);
        if (r < 0)
                return r;
        if (!by_name && names > 1 && !force) {
                trail_hint("remove them by name, or all with --force");
                return trail(-EBUSY, "the image '%s' has %zu names", words, names);
        }
        users = users_of(removal, id, &running);
        if (users && (running || !force)) {
                trail_hint(
                        running ? "stop and remove them first: husk rm --force"
                                : "remove them first: husk rm; or only the image: --force");
                return trail(-EBUSY, "the image '%s' is used by %s", words, users);
        }
        r = hide(removal, words, id, force);
        if (r < 0)
                return r;
        removal->bytes += bytes;
        drop_image(removal, digest, id);
        return 0;
}

int engine_rmi(const struct rmi_request *request, struct text *out)
{
        struct removal removal;
        int r = begin(&removal, &request->engine, out);

        if (r == 0)
                r = remove_one(&removal, request->names.items[0], request->force);
        return end(&removal, r);
}

static int is_pruned(
        struct removal *removal, const struct prune_request *request,
        const struct image_descriptor *image, const char *id)
{
        struct image_filter filter = { removal->arena, &removal->layout, &removal->index };
        auto_arena scratch = { 0 };
        struct image_info info;
        bool running;

        if ((!request->all && layout_annotation(image, LAYOUT_NAME)) ||
            users_of(removal, id, &running) ||
            (id && place_has_image(removal->arena, removal->options, id)))
                return 0;
        describe(&removal->layout, &scratch, &scratch, image, &info);
        return image_passes(&filter, &request->filter, &info);
}

static int prune(struct removal *removal, const struct prune_request *request)
{
        struct image_filter filter = { removal->arena, &removal->layout, &removal->index };
        struct image_descriptor_list *list = &removal->index.manifests;
        int r = image_check_filter(&filter, &request->filter);

        for (size_t i = 0; r == 0 && i < list->n;) {
                const char *digest = list->items[i].digest, *id;
                uint64_t bytes;

                r = find_id(removal, i, &id, &bytes);
                if (r == 0)
                        r = is_pruned(removal, request, &list->items[i], id);
                if (r < 0)
                        return r;
                if (r == 0) {
                        i++;
                        continue;
                }
                removal->bytes += bytes;
                drop_image(removal, digest, id);
                r = 0;
                i = 0;
        }
        return r;
}

int engine_image_prune(const struct prune_request *request, struct text *out, uint64_t *ret_bytes)
{
        struct removal removal;
        int r = begin(&removal, &request->engine, out);

        if (r == 0)
                r = prune(&removal, request);
        *ret_bytes = removal.bytes;
        return end(&removal, r);
}
