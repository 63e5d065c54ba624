/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what refers to a manifest. A registry that knows is asked; for one that does not, who pushes
 * keeps an index of them under a tag that is made from the digest. Two who change that at one moment may lose one
 * entry of it: the specification knows no lock. Source: distribution-spec, "Listing Referrers", "Pushing Manifests
 * with Subject". */
#include "remote.h"

#include <string.h>

enum {
        PAGES_MAX = 64,
};

static const char *tag_of(struct arena *arena, const char *subject)
{
        return arena_format(
                arena, "sha256-%s",
                text_starts(subject, "sha256:") ? subject + sizeof "sha256:" - 1 : subject);
}

static int read_index(
        struct remote *remote, const char *path, bool list, const struct image_index **ret_index,
        const char **ret_next)
{
        struct image_document document;
        struct registry_answer answer;
        struct text bytes;
        int r = remote_read(remote, path, list, &bytes, &answer);

        if (r == 0)
                r = remote_check_document(path, answer.media_type, &bytes);
        if (r == 0)
                r = image_parse(
                        remote->arena, arena_format(remote->arena, "%s of the registry", path),
                        text_string(&bytes), bytes.len, IMAGE_INDEX, &document);
        if (r < 0)
                return r;
        *ret_index = document.index;
        *ret_next = answer.next;
        return 0;
}

/* The index under the tag; an empty one where there is none. */
static int read_tagged(
        struct remote *remote, const char *subject, const struct image_index **ret_index)
{
        static const struct image_index none = { .schema_version = 2,
                                                 .media_type = IMAGE_TYPE_INDEX };
        const char *next;
        int r = read_index(remote, tag_of(remote->arena, subject), false, ret_index, &next);

        if (r != -ENOENT)
                return r;
        trail_reset();
        *ret_index = &none;
        return 0;
}

static bool has(const struct image_descriptor_list *list, const char *digest)
{
        for (size_t i = 0; i < list->n; i++)
                if (text_equal(list->items[i].digest, digest))
                        return true;
        return false;
}

static int add_page(
        struct remote *remote, struct image_descriptor_list *list, const struct image_index *page)
{
        struct image_descriptor *items =
                arena_array(remote->arena, list->n + page->manifests.n + 1, sizeof *items);

        if (list->n + page->manifests.n > IMAGE_MANIFESTS_MAX)
                return trail(-E2BIG, "there are more than %d of them", IMAGE_MANIFESTS_MAX);
        if (list->n)
                memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
        for (size_t i = 0; i < page->manifests.n; i++)
                if (!has(list, page->manifests.items[i].digest))
                        items[list->n++] = page->manifests.items[i];
        return 0;
}

int remote_referrers(
        struct remote *remote, const char *subject, struct image_descriptor_list *ret_list)
{
        const char *path = arena_format(remote->arena, "referrers/%s", subject);
        struct image_descriptor_list list = { 0 };

        for (unsigned pages = 0; path; pages++) {
                const struct image_index *page;
                int r = read_index(remote, path, true, &page, &path);

                if (r == -ENOENT && pages == 0) {
                        trail_reset();
                        r = read_tagged(remote, subject, &page);
                        path = NULL;
                }
                if (r == 0)
                        r = add_page(remote, &list, page);
                if (r == 0 && pages == PAGES_MAX)
                        r = trail(-ELOOP, "the list has more than %d pages", PAGES_MAX);
                if (r < 0)
                        return trail(r, "what refers to %s", subject);
        }
        *ret_list = list;
        return 0;
}

int remote_drop_referrer(struct remote *remote, const char *subject, const char *digest)
{
        struct text bytes = { .arena = remote->arena };
        const struct image_index *old;
        struct image_index index;
        bool known = false;
        size_t n = 0;
        int r = read_tagged(remote, subject, &old);

        if (r < 0)
                return trail(r, "what refers to %s", subject);
        if (!has(&old->manifests, digest))
                return 0;
        index = *old;
        index.manifests.items =
                arena_array(remote->arena, old->manifests.n + 1, sizeof *index.manifests.items);
        for (size_t i = 0; i < old->manifests.n; i++)
                if (!text_equal(old->manifests.items[i].digest, digest))
                        index.manifests.items[n++] = old->manifests.items[i];
        index.manifests.n = n;
        image_encode_index(&index, &bytes);
        r = remote_write(remote, tag_of(remote->arena, subject), IMAGE_TYPE_INDEX, &bytes, &known);
        return r < 0 ? trail(r, "what refers to %s", subject) : 0;
}

int remote_add_referrer(
        struct remote *remote, const char *subject, const struct image_descriptor *manifest)
{
        struct text bytes = { .arena = remote->arena };
        const struct image_index *old;
        struct image_index index;
        bool known = false;
        int r = read_tagged(remote, subject, &old);

        if (r < 0)
                return trail(r, "what refers to %s", subject);
        index = *old;
        if (has(&index.manifests, manifest->digest))
                return 0;
        index.manifests = (struct image_descriptor_list){ 0 };
        r = add_page(remote, &index.manifests, old);
        if (r == 0)
                r = add_page(
                        remote, &index.manifests,
                        &(struct image_index){
                                .manifests = { .items = (void *)(uintptr_t)manifest, .n = 1 } });
        image_encode_index(&index, &bytes);
        if (r == 0)
                r = remote_write(
                        remote, tag_of(remote->arena, subject), IMAGE_TYPE_INDEX, &bytes, &known);
        return r < 0 ? trail(r, "what refers to %s", subject) : 0;
}
