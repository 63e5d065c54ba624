/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk save`: an OCI image layout as a tar file, and in it Docker's manifest.json, which names
 * the same blobs. Who reads one form passes the other over. Blobs go as they are: what was pulled has the same
 * digests after a round trip. */
#include "image.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct saving {
        struct arena *arena;
        struct layout layout;
        struct image_index index, chosen; /* all; those to be written */
        struct json_writer docker;
        struct text docker_bytes;
        struct spec_texts written; /* digests */
        int fd;
};

static bool is_written(const struct saving *saving, const char *digest)
{
        for (size_t i = 0; i < saving->written.n; i++)
                if (text_equal(saving->written.items[i], digest))
                        return true;
        return false;
}

static int copy_blob(const struct saving *saving, int from, uint64_t size)
{
        char bytes[64 << 10];
        uint64_t left = size;

        while (left) {
                ssize_t n = file_read_some(from, bytes, sizeof bytes);
                int r;

                if (n <= 0 || (uint64_t)n > left)
                        return n < 0 ? (int)n : -EIO; /* nobody changes a blob */
                r = file_write(saving->fd, bytes, (size_t)n);
                if (r < 0)
                        return r;
                left -= (uint64_t)n;
        }
        return tar_write_padding(saving->fd, size);
}

static int save_blob(struct saving *saving, const char *digest)
{
        uint64_t size;
        auto_close blob = layout_open_blob(&saving->layout, digest, &size);
        const char *name = arena_format(saving->arena, "blobs/sha256/%s", LAYOUT_HEX(digest));
        int r;

        if (blob < 0)
                return blob == -ENOENT
                             ? trail(blob, "%s has no blob %s", saving->layout.path, digest)
                             : blob;
        if (is_written(saving, digest))
                return 0;
        saving->written.items[saving->written.n++] = digest;
        r = tar_write_header(saving->fd, name, size);
        return r == 0 ? copy_blob(saving, blob, size) : r;
}

static void put_docker(struct saving *saving, const struct layout_image *image, const char *name)
{
        struct json_writer *w = &saving->docker;

        json_open_object(w, NULL);
        json_put_string(
                w, "Config",
                arena_format(
                        saving->arena, "blobs/sha256/%s",
                        LAYOUT_HEX(image->manifest->config->digest)));
        json_open_array(w, "RepoTags");
        if (name)
                json_put_string(w, NULL, name);
        json_close_array(w);
        json_open_array(w, "Layers");
        for (size_t i = 0; i < image->manifest->layers.n; i++)
                json_put_string(
                        w, NULL,
                        arena_format(
                                saving->arena, "blobs/sha256/%s",
                                LAYOUT_HEX(image->manifest->layers.items[i].digest)));
        json_close_array(w);
        json_close_object(w);
}

static int save_image(struct saving *saving, const struct image_descriptor *entry)
{
        const char *full = layout_annotation(entry, LAYOUT_NAME);
        struct image_reference reference;
        struct layout_image image;
        const char *name = NULL, **all;
        int r = layout_read_image(&saving->layout, saving->arena, entry->digest, &image);

        if (r < 0)
                return r;
        all = arena_array(
                saving->arena, saving->written.n + image.manifest->layers.n + 3, sizeof *all);
        if (saving->written.n)
                memcpy(all, saving->written.items, saving->written.n * sizeof *all);
        saving->written.items = all;
        r = save_blob(saving, entry->digest);
        if (r == 0)
                r = save_blob(saving, image.manifest->config->digest);
        for (size_t i = 0; r == 0 && i < image.manifest->layers.n; i++)
                r = save_blob(saving, image.manifest->layers.items[i].digest);
        if (full && image_reference_parse(saving->arena, full, &reference) == 0 && reference.tag)
                name = image_reference_full(
                        saving->arena,
                        &(struct image_reference){ .registry = reference.registry,
                                                   .repository = reference.repository,
                                                   .tag = reference.tag });
        put_docker(saving, &image, name);
        return r;
}

static int save_all(struct saving *saving)
{
        static const char header[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
        struct text index = { .arena = saving->arena };
        int r = tar_write_file(saving->fd, "oci-layout", header, strlen(header));

        saving->docker_bytes.arena = saving->arena;
        saving->docker.out = &saving->docker_bytes;
        json_open_array(&saving->docker, NULL);
        for (size_t i = 0; r == 0 && i < saving->chosen.manifests.n; i++)
                r = save_image(saving, &saving->chosen.manifests.items[i]);
        json_close_array(&saving->docker);
        image_encode_index(&saving->chosen, &index);
        if (r == 0)
                r = tar_write_file(saving->fd, "index.json", index.data, index.len);
        if (r == 0)
                r = tar_write_file(
                        saving->fd, "manifest.json", saving->docker_bytes.data,
                        saving->docker_bytes.len);
        return r == 0 ? tar_write_end(saving->fd) : r;
}

static int choose(struct saving *saving, const struct words *names)
{
        int r = layout_read_index(&saving->layout, saving->arena, &saving->index);

        saving->chosen =
                (struct image_index){ .schema_version = 2, .media_type = IMAGE_TYPE_INDEX };
        saving->chosen.manifests.items =
                arena_array(saving->arena, names->n, sizeof *saving->chosen.manifests.items);
        for (size_t i = 0; r == 0 && i < names->n; i++) {
                bool by_name;
                size_t at;

                r = image_find(
                        &saving->layout, saving->arena, &saving->index, names->items[i], &at,
                        &by_name);
                if (r == 0)
                        saving->chosen.manifests.items[saving->chosen.manifests.n++] =
                                saving->index.manifests.items[at];
        }
        return r;
}

static int save_to_file(struct saving *saving, const char *path)
{
        const char *part = arena_format(saving->arena, "%s.part", path);
        int r;

        saving->fd = file_open(AT_FDCWD, part, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        r = saving->fd < 0 ? saving->fd : save_all(saving);
        file_close(&saving->fd);
        if (r == 0)
                r = file_rename(part, path);
        if (r < 0) {
                file_remove(AT_FDCWD, part, 0);
                return *trail_text() ? r : trail(r, "cannot write %s: %s", path, text_errno(r));
        }
        return 0;
}

int engine_save(const struct save_request *request)
{
        auto_arena arena = { 0 };
        struct saving saving = { .arena = &arena, .layout = LAYOUT_NONE, .fd = STDOUT_FILENO };
        int r = image_open_store(&arena, &request->engine, false, &saving.layout);

        if (r == -ENOENT)
                return trail(r, "there is no image '%s' here", request->names.items[0]);
        if (r == 0)
                r = choose(&saving, &request->names);
        if (r == 0 && request->output)
                r = save_to_file(&saving, request->output);
        else if (r == 0)
                r = save_all(&saving);
        layout_close(&saving.layout);
        return r < 0 && !*trail_text() ? trail(r, "cannot write the archive: %s", text_errno(r))
                                       : r;
}
