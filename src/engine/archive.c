/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a tar file with images in it. It is unpacked into a directory of the store's tmp as a layer is, by
 * a reader (of a compressed one: the helper) and a writer that are confined; from there on it is an image layout like any
 * other (pull.c).
 *
 * Docker's older archives have a list of their own instead of an index, and files under other names. What an image
 * layout would say is put together from that: a manifest of these layers, whose digests are those that the
 * configuration has for their content. They are compared as always. */
#include "new_image.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* -- the archive as a directory --------------------------------------------------------------------------- */

static const struct layer_options as_files = { .user_xattrs = true, .pass_devices = true };

static int unpack_plain(struct pull *pull, int source, int dir)
{
        struct unpack_process writer = UNPACK_NONE, reader = UNPACK_NONE;
        struct unpack_result result;
        auto_close pipe = NO_FD;
        int r = unpack_start_writer(dir, &as_files, pull->ns, &writer, &pipe);

        if (r == 0)
                r = unpack_start_reader(source, UNPACK_TO_THE_END, NO_FD, pipe, &reader);
        file_close(&pipe);
        if (r == 0)
                r = unpack_finish_fed(&writer, unpack_finish(&reader, &result), &result);
        unpack_kill(&reader);
        unpack_kill(&writer);
        return r;
}

/* By the helper, which wants to know what it is given: a pipe is copied into `file` first. */
static int unpack_compressed(
        struct pull *pull, int source, enum image_compression compression, int file, int dir)
{
        const bool piped = lseek(source, 0, SEEK_CUR) < 0;
        struct unpack_process writer = UNPACK_NONE;
        struct unpack_result result;
        struct registry_answer answer;
        struct image_descriptor blob;
        auto_close pipe = NO_FD;
        int r = import_copy(pull->arena, source, piped ? file : NO_FD, &blob);

        if (r == 0)
                r = pull_start_helper(pull);
        if (r == 0)
                r = unpack_start_writer(dir, &as_files, pull->ns, &writer, &pipe);
        if (r == 0)
                r = registry_ask_blob(
                        &pull->registry,
                        &(struct registry_blob){ .digest = blob.digest,
                                                 .size = (uint64_t)blob.size,
                                                 .compression = compression,
                                                 .file = NO_FD,
                                                 .records = pipe,
                                                 .source = piped ? file : source });
        file_close(&pipe);
        if (r > 0)
                r = unpack_finish_fed(
                        &writer, registry_await(&pull->registry, pull->arena, (unsigned)r, &answer),
                        &result);
        unpack_kill(&writer);
        return r;
}

static int unpack(struct pull *pull, int source, int file, int dir)
{
        enum image_compression compression;
        int r = import_compression(source, &compression);

        if (r < 0)
                return r;
        return compression == IMAGE_PLAIN ? unpack_plain(pull, source, dir)
                                          : unpack_compressed(pull, source, compression, file, dir);
}

int archive_read(struct pull *pull, const char *path, struct text *ret)
{
        auto_close fd = rootpath_open(pull->origin.dir, path, O_RDONLY | O_NONBLOCK, false);
        int r = fd < 0 ? fd : file_read_plain(pull->arena, fd, IMAGE_DOCUMENT_MAX, ret);

        if (r < 0 && r != -ENOENT)
                return trail(r, "cannot read '%s' of the archive: %s", path, text_errno(r));
        return r;
}

int archive_open(struct pull *pull, int source, struct layout_work *ret_work)
{
        int r = layout_begin(
                &pull->layout, arena_format(pull->arena, "load-%d", (int)getpid()), true, ret_work);

        if (r < 0)
                return r;
        pull->origin.dir = layout_begin_dir(ret_work, "fs");
        r = pull->origin.dir < 0 ? pull->origin.dir
                                 : unpack(pull, source, ret_work->file, pull->origin.dir);
        if (r < 0)
                layout_drop(ret_work);
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

/* A layer as it stands in the archive. It is known by the digest of its content; of one that is compressed, by that of
 * its bytes, which are read for it. */
static int put_layer(
        struct pull *pull, struct json_writer *w, const char *path, const char *diff_id)
{
        static const char *const types[] = { [IMAGE_PLAIN] = IMAGE_TYPE_LAYER,
                                             [IMAGE_GZIP] = IMAGE_TYPE_LAYER "+gzip",
                                             [IMAGE_ZSTD] = IMAGE_TYPE_LAYER "+zstd" };
        auto_close fd = rootpath_open(pull->origin.dir, path, O_RDONLY | O_NONBLOCK, false);
        struct image_descriptor blob = { .digest = diff_id };
        enum image_compression compression;
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r == 0 && !S_ISREG(st.st_mode))
                r = -EINVAL;
        if (r < 0)
                return trail(r, "the archive has no file '%s'", path);
        r = import_compression(fd, &compression);
        if (r == 0 && compression != IMAGE_PLAIN)
                r = import_copy(pull->arena, fd, NO_FD, &blob);
        if (r < 0)
                return trail(r, "'%s' of the archive", path);
        pull->origin.paths.items[pull->origin.paths.n++] = (struct spec_pair){ blob.digest, path };
        put_descriptor(w, NULL, types[compression], blob.digest, st.st_size);
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
        r = archive_read(pull, path, &bytes);
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

int archive_image(struct pull *pull, const struct json *item)
{
        struct text manifest = { .arena = pull->arena };
        int r = make_manifest(pull, item, &manifest);

        return r < 0 ? r : pull_parse_manifest(pull, &manifest);
}

int archive_list(struct pull *pull, const struct text *bytes, const struct json **ret_list)
{
        const struct json *root;
        int r = json_parse_bounded(
                pull->arena, "manifest.json", text_string(bytes), bytes->len, IMAGE_VALUES_MAX,
                &root);

        if (r == 0 && root->kind != JSON_ARRAY)
                r = refuse("it is no list");
        if (r == 0)
                *ret_list = root;
        return r;
}

struct spec_texts archive_names(struct pull *pull, const struct json *item)
{
        const struct json *names = json_member(item, "RepoTags");
        const size_t n = names && names->kind == JSON_ARRAY ? names->n : 0;
        struct spec_texts found = { .items = arena_array(pull->arena, n + 1, sizeof *found.items) };

        for (size_t i = 0; i < n; i++)
                if (json_string(&names->items[i]))
                        found.items[found.n++] = json_string(&names->items[i]);
        return found;
}
