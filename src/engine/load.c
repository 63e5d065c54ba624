/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk load`. The archive is unpacked into a directory of the store's tmp as a layer is, by
 * a reader and a writer that are confined; from there on it is an image layout like any other (pull.c).
 *
 * Docker's older archives have a list of their own instead of an index, and files under other names. What an image
 * layout would say is put together from that: a manifest of plain layers, whose digests are those that the
 * configuration has for their content. They are compared as always. */
#include "pull.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* -- the archive as a directory --------------------------------------------------------------------------- */

static int unpack(struct pull *pull, int source, int dir)
{
        const struct layer_options options = { .user_xattrs = true, .pass_devices = true };
        struct unpack_process writer = UNPACK_NONE, reader = UNPACK_NONE;
        struct unpack_result result;
        auto_close pipe = NO_FD;
        int r = unpack_start_writer(dir, &options, pull->ns, &writer, &pipe);

        if (r == 0)
                r = unpack_start_reader(source, UNPACK_TO_THE_END, NO_FD, pipe, &reader);
        file_close(&pipe);
        if (r == 0)
                r = unpack_finish(&reader, &result);
        if (r == -EPIPE) /* the writer says why */
                trail_reset();
        if (r == 0 || r == -EPIPE) {
                int w = unpack_finish(&writer, &result);

                r = w < 0 ? w : r;
        }
        unpack_kill(&reader);
        unpack_kill(&writer);
        return r;
}

/* A small file of it; -ENOENT without a trail. */
static int read_file(struct pull *pull, const char *path, struct text *ret)
{
        auto_close fd = rootpath_open(pull->origin.dir, path, O_RDONLY | O_NONBLOCK, false);
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r == 0 && !S_ISREG(st.st_mode))
                r = -EINVAL;
        if (r == 0)
                r = file_read_fd(pull->arena, fd, IMAGE_DOCUMENT_MAX, ret);
        if (r < 0 && r != -ENOENT)
                return trail(r, "cannot read '%s' of the archive: %s", path, text_errno(r));
        return r;
}

static int load_one(struct pull *pull, struct text *out)
{
        struct pull_result result;
        int r = pull_image(pull, &result);

        if (r == 0)
                text_addf(
                        out, result.reference ? "Loaded image: %s\n" : "Loaded image ID: %s\n",
                        result.reference ? result.reference : result.id);
        pull->manifest = NULL;
        pull->source = NULL;
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
                pull->origin.name =
                        name ? image_local_name(pull->arena, pull->origin.words, name) : NULL;
                r = load_one(pull, out);
        }
        return r;
}

/* -- Docker's ----------------------------------------------------------------------------------------------- */

static int refuse(const char *what)
{
        return trail(-EBADMSG, "manifest.json of the archive: %s", what);
}

static void put_descriptor(
        struct json_writer *w, const char *name, const char *type, const char *digest, int64_t size)
{
        json_open_object(w, name);
        json_put_string(w, "mediaType", type);
        json_put_string(w, "digest", digest);
        json_put_i64(w, "size", size);
        json_close_object(w);
}

static int put_layer(
        struct pull *pull, struct json_writer *w, const char *path, const char *diff_id)
{
        auto_close fd = rootpath_open(pull->origin.dir, path, O_PATH, false);
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r < 0)
                return trail(r, "the archive has no file '%s'", path);
        pull->origin.paths.items[pull->origin.paths.n++] = (struct spec_pair){ diff_id, path };
        put_descriptor(w, NULL, IMAGE_TYPE_LAYER, diff_id, st.st_size);
        return 0;
}

/* A manifest for what this item of the list says. */
static int make_manifest(struct pull *pull, const struct json *item, struct text *ret_manifest)
{
        const char *path = json_string(json_member(item, "Config"));
        const struct json *layers = json_member(item, "Layers");
        struct json_writer w = { .out = ret_manifest };
        const struct image_config *config;
        struct text bytes;
        const char *digest;
        char hex[SHA256_HEX_SIZE];
        int r;

        if (!path || !layers || layers->kind != JSON_ARRAY)
                return refuse("an image without 'Config' or 'Layers'");
        r = read_file(pull, path, &bytes);
        if (r < 0)
                return r == -ENOENT ? trail(r, "the archive has no file '%s'", path) : r;
        r = image_parse_config(pull->arena, path, text_string(&bytes), bytes.len, &config);
        if (r < 0)
                return r;
        if (layers->n != config->rootfs->diff_ids.n)
                return refuse("another number of layers than the configuration has");
        sha256_hex(text_string(&bytes), bytes.len, hex);
        digest = arena_format(pull->arena, "sha256:%s", hex);
        pull->origin.paths.items =
                arena_array(pull->arena, layers->n + 1, sizeof *pull->origin.paths.items);
        pull->origin.paths.items[0] = (struct spec_pair){ digest, path };
        pull->origin.paths.n = 1;
        json_open_object(&w, NULL);
        json_put_i64(&w, "schemaVersion", 2);
        json_put_string(&w, "mediaType", IMAGE_TYPE_MANIFEST);
        put_descriptor(&w, "config", IMAGE_TYPE_CONFIG, digest, (int64_t)bytes.len);
        json_open_array(&w, "layers");
        for (size_t i = 0; r == 0 && i < layers->n; i++)
                r = json_string(&layers->items[i])
                          ? put_layer(
                                    pull, &w, json_string(&layers->items[i]),
                                    config->rootfs->diff_ids.items[i])
                          : refuse("a layer that is no name");
        json_close_array(&w);
        json_close_object(&w);
        return r;
}

/* All names of an image; one without a name is loaded, too. */
static int load_item(struct pull *pull, const struct json *item, struct text *out)
{
        const struct json *names = json_member(item, "RepoTags");
        size_t n = names && names->kind == JSON_ARRAY ? names->n : 0;
        struct text manifest = { .arena = pull->arena };
        int r = make_manifest(pull, item, &manifest);

        for (size_t i = 0; r == 0 && i < (n ? n : 1); i++) {
                const char *name = n ? json_string(&names->items[i]) : NULL;

                pull->origin.name =
                        name ? image_local_name(pull->arena, pull->origin.words, name) : NULL;
                r = pull_parse_manifest(pull, &manifest);
                if (r == 0)
                        r = load_one(pull, out);
        }
        return r;
}

static int load_docker(struct pull *pull, const struct text *bytes, struct text *out)
{
        const struct json *root;
        int r = json_parse(pull->arena, "manifest.json", text_string(bytes), bytes->len, &root);

        if (r == 0 && root->kind != JSON_ARRAY)
                r = refuse("it is no list");
        for (size_t i = 0; r == 0 && i < root->n; i++)
                r = load_item(pull, &root->items[i], out);
        return r;
}

/* -- the command -------------------------------------------------------------------------------------------- */

static int load_directory(struct pull *pull, struct text *out)
{
        struct text bytes;
        int r = read_file(pull, "index.json", &bytes);

        if (r == 0)
                return load_layout(pull, &bytes, out);
        if (r == -ENOENT)
                r = read_file(pull, "manifest.json", &bytes);
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
        int r = layout_begin(
                &pull->layout, arena_format(pull->arena, "load-%d", (int)getpid()), true, &work);

        if (r < 0)
                return r;
        pull->origin.dir = layout_begin_dir(&work, "fs");
        r = pull->origin.dir < 0 ? pull->origin.dir : unpack(pull, source, pull->origin.dir);
        if (r == 0)
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
