/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an image from a directory or file: oci:DIR, oci-archive:FILE, docker-archive:FILE, each with
 * ":NAME" behind it where there are several. An archive is a directory first (archive.c), in which the links lead
 * nowhere but into itself.
 *
 * Docker's archives have an index of manifests beside their list since a while. What is named there is taken from
 * there, so that it keeps its digest; else it is put together from the list. */
#include "pull.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* -- words ------------------------------------------------------------------------------------------------ */

bool local_place_parse(struct arena *arena, const char *words, struct local_place *ret)
{
        static const char *const schemes[] = { [PLACE_OCI] = "oci:",
                                               [PLACE_OCI_ARCHIVE] = "oci-archive:",
                                               [PLACE_DOCKER_ARCHIVE] = "docker-archive:" };
        size_t kind = 0;
        struct stat st;
        char *path, *colon;

        while (kind < ARRAY_SIZE(schemes) && !text_starts(words, schemes[kind]))
                kind++;
        if (kind == ARRAY_SIZE(schemes))
                return false;
        path = arena_string(arena, words + strlen(schemes[kind]));
        colon = strchr(path, ':');
        *ret = (struct local_place){ .kind = (enum local_kind)kind, .path = path };
        if (colon && file_stat(AT_FDCWD, path, 0, &st) < 0) {
                *colon = '\0';
                ret->name = colon[1] ? colon + 1 : NULL;
        }
        return true;
}

/* -- an image layout -------------------------------------------------------------------------------------- */

/* What messages call an entry of a layout's index. */
static const char *list_names(struct pull *pull, const struct image_index *index)
{
        struct text names = { .arena = pull->arena };

        for (size_t i = 0; i < index->manifests.n && i < 20; i++) {
                const char *name = layout_annotation(&index->manifests.items[i], LAYOUT_NAME);

                if (name) {
                        text_add(&names, names.len ? ", " : "");
                        text_add_visible(&names, name);
                }
        }
        return names.len ? text_string(&names) : "none";
}

static int choose_local(
        struct pull *pull, const struct image_index *index, struct image_descriptor *ret)
{
        const char *wanted = pull->origin.wanted;

        for (size_t i = 0; wanted && i < index->manifests.n; i++)
                if (text_equal(
                            layout_annotation(&index->manifests.items[i], LAYOUT_NAME), wanted) ||
                    text_equal(index->manifests.items[i].digest, wanted)) {
                        *ret = index->manifests.items[i];
                        return 0;
                }
        if (!wanted && index->manifests.n == 1) {
                *ret = index->manifests.items[0];
                return 0;
        }
        trail_hint("names there: %s", list_names(pull, index));
        if (wanted)
                return trail(-ENOENT, "%s: no image is called so there", pull->origin.words);
        return trail(
                index->manifests.n ? -EEXIST : -ENOENT,
                index->manifests.n ? "%s: there are several images: say which, behind another colon"
                                   : "%s: there is no image",
                pull->origin.words);
}

int pull_read_layout(struct pull *pull, struct image_descriptor *ret)
{
        const char *name = arena_format(pull->arena, "%s/index.json", pull->origin.words);
        auto_close fd = rootpath_open(pull->origin.dir, "index.json", O_RDONLY | O_NONBLOCK, true);
        struct image_document document;
        struct text bytes;
        int r = fd < 0 ? fd : file_read_plain(pull->arena, fd, IMAGE_DOCUMENT_MAX, &bytes);

        if (r < 0) {
                trail_hint(
                        "an OCI image layout is a directory with the files oci-layout and index.json");
                return trail(r, "cannot read %s: %s", name, text_errno(r));
        }
        r = image_parse(pull->arena, name, text_string(&bytes), bytes.len, IMAGE_INDEX, &document);
        return r < 0 ? r : choose_local(pull, document.index, ret);
}

static int pull_directory(
        struct pull *pull, const struct local_place *place, struct pull_result *ret_result)
{
        struct origin *origin = &pull->origin;
        int r;

        origin->dir = file_open(AT_FDCWD, place->path, O_PATH | O_DIRECTORY, 0);
        if (origin->dir < 0)
                return trail(
                        origin->dir, "cannot open the image layout %s: %s", place->path,
                        text_errno(origin->dir));
        r = pull_begin(pull);
        return r < 0 ? r : pull_image(pull, ret_result);
}

/* -- archives --------------------------------------------------------------------------------------------- */

static bool same_name(struct arena *arena, const char *a, const char *b)
{
        struct image_reference x, y;
        bool same = a && b && image_reference_parse(arena, a, &x) == 0 &&
                    image_reference_parse(arena, b, &y) == 0 &&
                    text_equal(image_reference_full(arena, &x), image_reference_full(arena, &y));

        trail_reset();
        return same;
}

/* The digest that the archive's index has for the name, or NULL. */
static const char *find_indexed(struct pull *pull, const char *name)
{
        struct image_document document;
        struct text bytes;

        if (archive_read(pull, "index.json", &bytes) < 0 ||
            image_parse(
                    pull->arena, "index.json", text_string(&bytes), bytes.len, IMAGE_INDEX,
                    &document) < 0) {
                trail_reset();
                return NULL;
        }
        for (size_t i = 0; i < document.index->manifests.n; i++) {
                const struct image_descriptor *image = &document.index->manifests.items[i];

                if (same_name(
                            pull->arena, layout_annotation(image, "io.containerd.image.name"),
                            name) ||
                    same_name(pull->arena, layout_annotation(image, LAYOUT_NAME), name))
                        return image->digest;
        }
        return NULL;
}

static bool item_has(struct pull *pull, const struct json *item, const char *name)
{
        const struct spec_texts names = archive_names(pull, item);

        for (size_t i = 0; i < names.n; i++)
                if (same_name(pull->arena, names.items[i], name))
                        return true;
        return false;
}

/* "@2" is the third of the list, as with podman. */
static const struct json *find_item(struct pull *pull, const struct json *list, const char *name)
{
        uint64_t at;

        if (!name)
                return list->n == 1 ? &list->items[0] : NULL;
        if (*name == '@')
                return text_u64(name + 1, &at) == 0 && at < list->n ? &list->items[at] : NULL;
        for (size_t i = 0; i < list->n; i++)
                if (item_has(pull, &list->items[i], name))
                        return &list->items[i];
        return NULL;
}

static int not_in_list(struct pull *pull, const struct json *list, const char *name)
{
        struct text names = { .arena = pull->arena };

        for (size_t i = 0; i < list->n && i < 20; i++) {
                const struct spec_texts own = archive_names(pull, &list->items[i]);

                text_addf(&names, "%s@%zu", i ? ", " : "", i);
                for (size_t k = 0; k < own.n && k < 20; k++) {
                        text_add(&names, k ? " or " : " is ");
                        text_add_visible(&names, own.items[k]);
                }
        }
        trail_hint("names there: %s", names.len ? text_string(&names) : "none");
        if (name)
                return trail(-ENOENT, "no image is called '%s' there", name);
        return trail(
                list->n ? -EEXIST : -ENOENT,
                list->n ? "there are several images: say which, behind another colon"
                        : "there is no image");
}

/* In memory of its own: an image can have many names, and each is read anew. */
static int pull_item(
        struct pull *pull, const struct json *item, const char *name,
        struct pull_result *ret_result)
{
        auto_arena scratch = { 0 };
        struct arena *whole = pull->arena;
        struct pull_result result;
        int r;

        pull->arena = &scratch;
        pull->origin.wanted = find_indexed(pull, name);
        r = pull->origin.wanted ? 0 : archive_image(pull, item);
        pull->origin.name = name ? image_local_name(&scratch, pull->origin.words, name) : NULL;
        if (r == 0)
                r = pull_image(pull, &result);
        if (r == 0)
                *ret_result = (struct pull_result){
                        .reference =
                                result.reference ? arena_string(whole, result.reference) : NULL,
                        .digest = arena_string(whole, result.digest),
                        .id = arena_string(whole, result.id),
                        .changed = result.changed,
                };
        pull->arena = whole;
        pull->manifest = NULL;
        pull->source = NULL;
        pull->origin.wanted = pull->origin.name = NULL;
        pull->origin.paths = (struct spec_map){ 0 };
        return r;
}

/* Under the name that was asked for, or under all that it has there. */
static int pull_docker(
        struct pull *pull, const struct local_place *place, struct pull_result *ret_result)
{
        const struct json *list, *item;
        struct spec_texts names;
        struct text bytes;
        int r = archive_read(pull, "manifest.json", &bytes);

        if (r == -ENOENT) {
                trail_hint("husk load takes any archive with images; oci-archive: an image layout");
                return trail(r, "the archive has no manifest.json: docker did not save it");
        }
        if (r == 0)
                r = archive_list(pull, &bytes, &list);
        if (r < 0)
                return r;
        item = find_item(pull, list, place->name);
        if (!item)
                return not_in_list(pull, list, place->name);
        if (place->name && *place->name != '@')
                return pull_item(pull, item, place->name, ret_result);
        names = archive_names(pull, item);
        /* The last that is told is the first of the list. */
        for (size_t i = names.n ? names.n : 1; r == 0 && i-- > 0;)
                r = pull_item(pull, item, names.n ? names.items[i] : NULL, ret_result);
        return r;
}

static int pull_archive(
        struct pull *pull, const struct local_place *place, struct pull_result *ret_result)
{
        auto_close file = file_open(AT_FDCWD, place->path, O_RDONLY, 0);
        struct layout_work work;
        int r;

        if (file < 0)
                return trail(file, "cannot open %s: %s", place->path, text_errno(file));
        r = pull_begin(pull);
        if (r == 0)
                r = archive_open(pull, file, &work);
        if (r < 0)
                return trail(r, "%s", place->path);
        r = place->kind == PLACE_DOCKER_ARCHIVE ? pull_docker(pull, place, ret_result)
                                                : pull_image(pull, ret_result);
        layout_drop(&work);
        return r < 0 ? trail(r, "%s", place->path) : 0;
}

int pull_local(struct pull *pull, const struct local_place *place, struct pull_result *ret_result)
{
        pull->origin.wanted = place->name;
        pull->origin.name = image_local_name(pull->arena, place->path, place->name);
        return place->kind == PLACE_OCI ? pull_directory(pull, place, ret_result)
                                        : pull_archive(pull, place, ret_result);
}
