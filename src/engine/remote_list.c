/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a registry is asked about itself: the tags of a repository, what refers to a manifest; and
 * the removal of one. Nothing of it touches the store.
 *
 * A list comes in pages, each of which says where the next one is. That it ends is not believed: no page is asked for
 * twice, and there are bounds for pages and tags. */
#include "remote.h"

#include <string.h>

enum {
        PAGES_MAX = 1000,
        TAGS_MAX = 100000,
        VALUES_MAX = 2 * TAGS_MAX, /* of JSON in a page: all tags may be in one */
};

static int open_name(
        struct remote *remote, struct arena *arena, const struct registry_request *request,
        const char *name, struct image_reference *ret_reference)
{
        int r = image_reference_parse(arena, name, ret_reference);

        *remote = (struct remote){ .arena = arena,
                                   .options = &request->engine,
                                   .said = &request->registry,
                                   .helper = REGISTRY_NONE };
        if (r == 0)
                remote->place = (struct registry_place){ ret_reference->registry,
                                                         ret_reference->repository };
        return r;
}

/* -- tags ------------------------------------------------------------------------------------------------- */

struct listing {
        struct remote remote;
        const char *name; /* of the repository, as short as one would type it */
        uint64_t limit;
        struct tag_info *tags;
        size_t n, room;
        const char *paths[PAGES_MAX];
        size_t n_paths;
};

static bool is_tag(const char *tag)
{
        static const char first[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

        return tag && *tag && strchr(first, *tag) && strlen(tag) <= 128 &&
               strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
                       strlen(tag);
}

static int add_tag(struct listing *listing, const char *tag)
{
        struct text seen = { .arena = listing->remote.arena };

        if (!is_tag(tag)) {
                text_add_visible(&seen, tag ? tag : "");
                return trail(-EBADMSG, "'%.200s' is no tag", text_string(&seen));
        }
        if (listing->n == TAGS_MAX) {
                trail_hint("--limit N shows the first of them");
                return trail(-E2BIG, "there are more than %d tags", TAGS_MAX);
        }
        listing->tags = arena_more(
                listing->remote.arena, listing->tags, listing->n, &listing->room,
                sizeof *listing->tags, 64);
        listing->tags[listing->n++] =
                (struct tag_info){ listing->name, arena_string(listing->remote.arena, tag) };
        return 0;
}

/* {"name":"...","tags":["...", ...]}, where some have null for none. */
static int add_page(struct listing *listing, const char *path, const char **ret_next)
{
        auto_arena scratch = { 0 };
        struct arena *whole = listing->remote.arena;
        struct registry_answer answer;
        const struct json *root, *tags;
        struct text bytes;
        int r;

        listing->remote.arena = &scratch;
        r = remote_read(&listing->remote, path, true, &bytes, &answer);
        listing->remote.arena = whole;
        if (r == 0)
                r = remote_check_document("the list of tags", answer.media_type, &bytes);
        if (r == 0)
                r = json_parse_bounded(
                        &scratch, "the list of tags", text_string(&bytes), bytes.len, VALUES_MAX,
                        &root);
        if (r < 0)
                return r;
        tags = json_member(root, "tags");
        for (size_t i = 0; tags && tags->kind == JSON_ARRAY && i < tags->n; i++) {
                if (listing->limit && listing->n == listing->limit)
                        break;
                r = add_tag(listing, json_string(&tags->items[i]));
                if (r < 0)
                        return r;
        }
        *ret_next = answer.next && !(listing->limit && listing->n == listing->limit)
                          ? arena_string(whole, answer.next)
                          : NULL;
        return 0;
}

static int add_all(struct listing *listing)
{
        const char *path = "tags/list?n=1000";

        while (path) {
                int r;

                for (size_t i = 0; i < listing->n_paths; i++)
                        if (text_equal(listing->paths[i], path))
                                return trail(-ELOOP, "the list of tags goes in a circle");
                if (listing->n_paths == PAGES_MAX)
                        return trail(-ELOOP, "the list of tags has more than %d pages", PAGES_MAX);
                listing->paths[listing->n_paths++] = path;
                r = add_page(listing, path, &path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int engine_registry_tags(
        const struct registry_request *request, struct arena *arena, struct tag_info **ret_list,
        size_t *ret_n)
{
        struct listing *listing = arena_new(arena, struct listing);
        struct image_reference reference;
        int r = open_name(&listing->remote, arena, request, request->name, &reference);

        if (r == 0 && (reference.tag || reference.digest))
                r = trail(-EINVAL, "'%s': expected a name without tag and digest", request->name);
        if (r < 0)
                return r;
        listing->name = arena_format(arena, "%s/%s", reference.registry, reference.repository);
        listing->limit = request->limit;
        r = add_all(listing);
        remote_end(&listing->remote);
        *ret_list = listing->tags;
        *ret_n = listing->n;
        return r < 0 ? trail(r, "%s", listing->name) : 0;
}

/* -- what refers to it, and away with it ------------------------------------------------------------------ */

/* The digest that a name has there, and if `ret_subject` is no NULL what its manifest refers to. */
static int find_digest(
        struct remote *remote, const struct image_reference *reference, const char **ret_digest,
        const char **ret_subject)
{
        struct image_document document = { 0 };
        struct registry_answer answer;
        struct text bytes;
        int r;

        if (reference->digest && !ret_subject) {
                *ret_digest = reference->digest;
                return 0;
        }
        r = remote_read(
                remote, reference->digest ? reference->digest : image_reference_tag(reference),
                false, &bytes, &answer);
        if (r < 0)
                return r;
        *ret_digest = remote_digest(remote->arena, &bytes);
        if (reference->digest && !text_equal(reference->digest, *ret_digest))
                return trail(
                        -EBADMSG, "what came for %s has the digest %s", reference->digest,
                        *ret_digest);
        if (!ret_subject)
                return 0;
        /* Things that are no images have manifests, too; what is none at all can be removed as well. */
        if (image_parse(
                    remote->arena, *ret_digest, text_string(&bytes), bytes.len, IMAGE_UNKNOWN,
                    &document) < 0)
                trail_reset();
        *ret_subject = document.manifest && document.manifest->subject
                             ? document.manifest->subject->digest
                     : document.index && document.index->subject ? document.index->subject->digest
                                                                 : NULL;
        return 0;
}

int engine_registry_referrers(
        const struct registry_request *request, struct arena *arena,
        struct referrer_info **ret_list, size_t *ret_n)
{
        struct image_descriptor_list found = { 0 };
        struct image_reference reference;
        struct remote remote;
        const char *digest = NULL;
        size_t n = 0;
        int r = open_name(&remote, arena, request, request->name, &reference);

        if (r < 0)
                return r;
        r = find_digest(&remote, &reference, &digest, NULL);
        if (r == 0)
                r = remote_referrers(&remote, digest, &found);
        remote_end(&remote);
        if (r < 0)
                return r;
        *ret_list = arena_array(arena, found.n + 1, sizeof **ret_list);
        for (size_t i = 0; i < found.n; i++) {
                const struct image_descriptor *item = &found.items[i];
                const char *type = item->artifact_type ? item->artifact_type : "";

                if (!request->artifact_type || text_equal(request->artifact_type, type))
                        (*ret_list)[n++] =
                                (struct referrer_info){ .digest = item->digest,
                                                        .artifact_type = type,
                                                        .media_type = item->media_type,
                                                        .size_bytes = (uint64_t)item->size };
        }
        *ret_n = n;
        return 0;
}

static int remove_manifest(struct remote *remote, const char *digest)
{
        struct registry_answer answer;
        int r = remote_start(remote);

        if (r == 0)
                r = registry_ask_remove(&remote->helper, &remote->place, digest);
        return r > 0 ? registry_await(&remote->helper, remote->arena, (unsigned)r, &answer) : r;
}

int engine_registry_remove(
        const struct registry_request *request, struct arena *arena, const char **ret_removed)
{
        struct image_reference reference;
        struct remote remote;
        const char *digest = NULL, *subject = NULL;
        int r = open_name(&remote, arena, request, request->names.items[0], &reference);

        if (r < 0)
                return r;
        r = find_digest(&remote, &reference, &digest, &subject);
        if (r == 0)
                r = remove_manifest(&remote, digest);
        if (r == 0 && subject)
                r = remote_drop_referrer(&remote, subject, digest);
        remote_end(&remote);
        if (r == 0)
                *ret_removed = arena_format(
                        arena, "%s/%s@%s", reference.registry, reference.repository, digest);
        return r;
}
