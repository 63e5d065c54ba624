/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk load`: all images of an archive (archive.c), under the names that it has for them. Each is read
 * into memory of its own: a small archive can have a thousand names for a document that takes much. */
#include "pull.h"
#include "store.h"

#include <fcntl.h>
#include <unistd.h>

/* The image that `item` is, or, NULL, the one that the origin says; by the name that the archive has for it. */
static int load_one(struct pull *pull, const struct json *item, const char *name, struct text *out)
{
        auto_arena scratch = { 0 };
        struct arena *whole = pull->arena;
        struct pull_result result;
        int r = 0;

        pull->arena = &scratch;
        pull->origin.name = name ? image_local_name(&scratch, pull->origin.words, name) : NULL;
        if (item)
                r = archive_image(pull, item);
        if (r == 0)
                r = pull_image(pull, &result);
        if (r == 0)
                text_addf(
                        out, result.reference ? "Loaded image: %s\n" : "Loaded image ID: %s\n",
                        result.reference ? result.reference : result.id);
        pull->arena = whole;
        pull->manifest = NULL;
        pull->source = NULL;
        pull->origin.name = NULL;
        pull->origin.paths = (struct spec_map){ 0 };
        return r;
}

/* -- an image layout -------------------------------------------------------------------------------------- */

static int load_layout(struct pull *pull, const struct text *bytes, struct text *out)
{
        struct image_document document;
        int r = image_parse(
                pull->arena, "index.json", text_string(bytes), bytes->len, IMAGE_INDEX, &document);

        for (size_t i = 0; r == 0 && i < document.index->manifests.n; i++) {
                const struct image_descriptor *image = &document.index->manifests.items[i];
                const char *name = layout_annotation(image, "io.containerd.image.name");

                if (!name)
                        name = layout_annotation(image, LAYOUT_NAME);
                pull->origin.wanted = image->digest;
                r = load_one(pull, NULL, name, out);
        }
        return r;
}

/* -- Docker's ----------------------------------------------------------------------------------------------- */

/* All names of an image; one without a name is loaded, too. */
static int load_item(struct pull *pull, const struct json *item, struct text *out)
{
        const struct spec_texts names = archive_names(pull, item);
        int r = 0;

        for (size_t i = 0; r == 0 && i < (names.n ? names.n : 1); i++)
                r = load_one(pull, item, names.n ? names.items[i] : NULL, out);
        return r;
}

static int load_docker(struct pull *pull, const struct text *bytes, struct text *out)
{
        const struct json *list;
        int r = archive_list(pull, bytes, &list);

        for (size_t i = 0; r == 0 && i < list->n; i++)
                r = load_item(pull, &list->items[i], out);
        return r;
}

/* -- the command -------------------------------------------------------------------------------------------- */

static int load_directory(struct pull *pull, struct text *out)
{
        struct text bytes;
        int r = archive_read(pull, "index.json", &bytes);

        if (r == 0)
                return load_layout(pull, &bytes, out);
        if (r == -ENOENT)
                r = archive_read(pull, "manifest.json", &bytes);
        if (r == 0)
                return load_docker(pull, &bytes, out);
        if (r != -ENOENT)
                return r;
        trail_hint(
                "husk load takes what docker save, podman save and husk save write; a file system "
                "as a tar file is none");
        return trail(-EINVAL, "the archive has neither index.json nor manifest.json");
}

static int load(struct pull *pull, int source, struct text *out)
{
        struct layout_work work;
        int r = archive_open(pull, source, &work);

        if (r < 0)
                return r;
        r = load_directory(pull, out);
        layout_drop(&work);
        return r;
}

int engine_load(const struct load_request *request, struct text *out)
{
        const struct pull_request as_pull = { .engine = request->engine,
                                              .tell = request->tell,
                                              .context = request->context };
        struct pull pull = { .arena = out->arena,
                             .request = &as_pull,
                             .layout = LAYOUT_NONE,
                             .origin = { .words = request->input ? request->input : "archive",
                                         .dir = NO_FD },
                             .registry = REGISTRY_NONE,
                             .ns = NO_FD };
        auto_close file = request->input ? file_open(AT_FDCWD, request->input, O_RDONLY, 0) : NO_FD;
        int r = 0;

        if (request->input && file < 0)
                return trail(file, "cannot open %s: %s", request->input, text_errno(file));
        r = pull_begin(&pull);
        if (r == 0)
                r = load(&pull, request->input ? file : STDIN_FILENO, out);
        pull_end(&pull);
        return r < 0 ? trail(r, "%s", pull.origin.words) : 0;
}
