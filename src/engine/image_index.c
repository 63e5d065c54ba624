/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: names of images are annotations of the index. One descriptor has one name, so an image
 * with two names is there twice; one without a name is there once. All changes read, change and write the index
 * under its lock. */
#include "image.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>

#include <sys/stat.h>

/* -- entries ------------------------------------------------------------------------------------------------ */

static struct spec_map annotations(struct arena *arena, const struct image_name *name)
{
        struct spec_map map = { .items = arena_array(arena, 2, sizeof *map.items) };

        if (name->name)
                map.items[map.n++] = (struct spec_pair){ LAYOUT_NAME, name->name };
        if (name->source)
                map.items[map.n++] = (struct spec_pair){ LAYOUT_SOURCE, name->source };
        return map;
}

static struct image_descriptor entry(struct arena *arena, const struct image_name *name)
{
        return (struct image_descriptor){ .media_type = name->media_type,
                                          .digest = name->digest,
                                          .size = name->size,
                                          .annotations = annotations(arena, name) };
}

static const char *name_of(const struct image_descriptor *image)
{
        return layout_annotation(image, LAYOUT_NAME);
}

static struct image_descriptor without_name(
        struct arena *arena, const struct image_descriptor *image)
{
        return entry(
                arena, &(struct image_name){ .digest = image->digest,
                                             .media_type = image->media_type,
                                             .size = image->size,
                                             .source = layout_annotation(image, LAYOUT_SOURCE) });
}

static bool is_elsewhere(const struct image_descriptor_list *list, const char *digest, size_t but)
{
        for (size_t i = 0; i < list->n; i++)
                if (i != but && text_equal(list->items[i].digest, digest))
                        return true;
        return false;
}

void image_drop_entry(struct image_descriptor_list *list, size_t at)
{
        memmove(list->items + at, list->items + at + 1, (list->n - at - 1) * sizeof *list->items);
        list->n--;
}

/* The image that had the name goes on without, unless it has another one. */
static void take_name(struct arena *arena, struct image_descriptor_list *list, const char *name)
{
        for (size_t i = 0; i < list->n; i++) {
                if (!text_equal(name_of(&list->items[i]), name))
                        continue;
                if (is_elsewhere(list, list->items[i].digest, i))
                        image_drop_entry(list, i--);
                else
                        list->items[i] = without_name(arena, &list->items[i]);
        }
}

/* Is it so already? A nameless one is there when the image is, under whatever name. */
static bool is_there(const struct image_descriptor_list *list, const struct image_name *name)
{
        for (size_t i = 0; i < list->n; i++)
                if (text_equal(list->items[i].digest, name->digest) &&
                    (!name->name ||
                     (text_equal(name_of(&list->items[i]), name->name) &&
                      text_equal(layout_annotation(&list->items[i], LAYOUT_SOURCE), name->source))))
                        return true;
        return false;
}

int image_record(
        const struct layout *layout, struct arena *arena, const struct image_name *name,
        bool *ret_changed)
{
        auto_close lock = layout_lock_index(layout);
        struct image_descriptor_list list;
        struct image_index index;
        int r = lock < 0 ? lock : layout_read_index(layout, arena, &index);

        if (r < 0)
                return r;
        *ret_changed = !is_there(&index.manifests, name);
        if (!*ret_changed)
                return 0;
        list.items = arena_array(arena, index.manifests.n + 1, sizeof *list.items);
        list.n = index.manifests.n;
        if (list.n)
                memcpy(list.items, index.manifests.items, list.n * sizeof *list.items);
        if (name->name)
                take_name(arena, &list, name->name);
        for (size_t i = 0; i < list.n; i++)
                if (text_equal(list.items[i].digest, name->digest) && !name_of(&list.items[i]))
                        image_drop_entry(&list, i--);
        list.items[list.n++] = entry(arena, name);
        index.manifests = list;
        return layout_write_index(layout, arena, &index);
}

const char *image_local_name(struct arena *arena, const char *path, const char *name)
{
        struct image_reference reference;
        const char *file, *slash;
        char *own;
        int r = -EINVAL;

        /* "sha256:..." is a digest, and a single word is a tag. */
        if (name && image_digest_check(name) < 0 && strpbrk(name, ":/"))
                r = image_reference_parse(arena, name, &reference);
        if (r < 0) {
                own = arena_string(arena, path);
                while (*own && own[strlen(own) - 1] == '/')
                        own[strlen(own) - 1] = '\0';
                slash = strrchr(own, '/');
                file = slash ? slash + 1 : own;
                r = image_reference_parse(
                        arena,
                        arena_format(
                                arena, "localhost/%.*s%s%s", (int)strcspn(file, "."), file,
                                name ? ":" : "", name ? name : ""),
                        &reference);
        }
        if (r < 0)
                trail_reset();
        return r < 0 ? NULL : image_reference_full(arena, &reference);
}

/* -- what containers hold ------------------------------------------------------------------------------------- */

/* The directory of this store's layers. It has many names: with links, dots or slashes in them, or relative. */
struct layers_dir {
        const char *path; /* the usual one, with a slash behind it */
        struct stat st;
        int known; /* 0: `st` is that of it */
};

/* Of a path that a container has for a lower directory, "ROOT/layers/HEX/fs": the digits; NULL: another one. What
 * is not there, or cannot be asked, may be ours: who keeps too much loses nothing. */
static const char *layer_of(struct arena *arena, const struct layers_dir *layers, const char *path)
{
        static const char dir[] = "/layers/";
        const size_t before = sizeof dir - 1;
        const char *file = strrchr(path, '/'), *hex;
        struct stat st;

        if (!file || (size_t)(file - path) < before + 64)
                return NULL;
        hex = file - 64;
        if (strncmp(hex - before, dir, before) != 0 || strspn(hex, "0123456789abcdef") != 64)
                return NULL;
        if (!text_starts(path, layers->path) && layers->known == 0 &&
            file_stat(AT_FDCWD, arena_copy(arena, path, (size_t)(hex - path)), 0, &st) == 0 &&
            (st.st_dev != layers->st.st_dev || st.st_ino != layers->st.st_ino))
                return NULL;
        return arena_copy(arena, hex, 64);
}

static struct spec_texts layers_of(
        struct arena *arena, const struct layers_dir *layers, const struct record *record)
{
        struct spec_texts found = { 0 };
        size_t all = 0;

        for (size_t i = 0; i < record->n_overlays; i++)
                all += record->overlays[i].lower.n;
        found.items = arena_array(arena, all + 1, sizeof *found.items);
        for (size_t i = 0; i < record->n_overlays; i++)
                for (size_t k = 0; k < record->overlays[i].lower.n; k++) {
                        const char *layer =
                                layer_of(arena, layers, record->overlays[i].lower.items[k]);

                        if (layer)
                                found.items[found.n++] = layer;
                }
        return found;
}

int image_users(
        struct arena *arena, const struct engine_options *options, bool all,
        struct image_user **ret_users, size_t *ret_n)
{
        const char *containers = store_containers(arena, options);
        struct layers_dir layers = {
                .path = arena_format(arena, "%s/layers/", store_absolute(arena, options->root))
        };
        const char **ids;
        size_t n, k = 0;
        int r = container_list(arena, containers, &ids, &n);

        if (r < 0)
                return r;
        layers.known = file_stat(AT_FDCWD, layers.path, 0, &layers.st);
        *ret_users = arena_array(arena, n + 1, sizeof **ret_users);
        for (size_t i = 0; i < n; i++) {
                struct container container;
                struct record record;

                r = container_open(arena, containers, ids[i], false, &container);
                if (r == -ENOENT) { /* it went meanwhile */
                        trail_reset();
                        continue;
                }
                if (r < 0 && (all || !container_may_be_passed_over(r)))
                        return r; /* what it needs is not known, so nothing may go */
                if (r < 0) {
                        trail_warn("%s", trail_text());
                        trail_reset();
                        continue;
                }
                record_decode(arena, &container, &record);
                (*ret_users)[k++] = (struct image_user){
                        .id = arena_string(arena, container.id),
                        .name = record.name,
                        .image = record.image_id,
                        .layers = layers_of(arena, &layers, &record),
                        .running = container.status != CONTAINER_STOPPED,
                };
                container_close(&container);
        }
        *ret_n = k;
        return 0;
}

static int collect(struct arena *arena, const struct engine_options *options, struct layout *layout)
{
        struct spec_texts kept = { 0 };
        struct image_user *users;
        size_t n, all = 0;
        int r = layout_lock_all(layout);

        if (r == 0)
                r = image_users(arena, options, true, &users, &n);
        if (r != 0)
                return r;
        for (size_t i = 0; i < n; i++)
                all += users[i].layers.n;
        kept.items = arena_array(arena, all + 1, sizeof *kept.items);
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < users[i].layers.n; k++)
                        kept.items[kept.n++] = users[i].layers.items[k];
        return layout_collect(layout, arena, &kept);
}

void image_collect(struct arena *arena, const struct engine_options *options, struct layout *layout)
{
        const char *words = arena_string(arena, trail_text());
        const char *hint = arena_string(arena, trail_hint_text());

        if (layout->images < 0)
                return;
        trail_reset();
        if (collect(arena, options, layout) < 0)
                trail_warn("what no image needs was not removed: %s", trail_text());
        trail_reset();
        if (*hint)
                trail_hint("%s", hint);
        if (*words)
                trail(0, "%s", words);
}
