/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a small image for the scenes of pull and its neighbours: two plain layers, an OCI image
 * layout by hand. */
#include "calls.h"
#include "store/store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static int put_blob(
        struct arena *arena, const char *dir, const struct text *bytes, const char **ret_digest)
{
        char hex[SHA256_HEX_SIZE];
        const char *path;
        auto_close fd = NO_FD;

        sha256_hex(bytes->data, bytes->len, hex);
        path = arena_format(arena, "%s/blobs/sha256/%s", dir, hex);
        *ret_digest = arena_format(arena, "sha256:%s", hex);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : file_write(fd, bytes->data, bytes->len);
}

/* An archive of one file, which stays beside the image. */
static int put_layer(
        struct arena *arena, const char *dir, const char *name, const char **ret_digest,
        size_t *ret_size)
{
        const char *path = arena_format(arena, "%s/layer", dir);
        auto_close fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        struct text bytes;
        int r = fd < 0 ? -errno : tar_write_file(fd, name, name, strlen(name));

        if (r == 0)
                r = tar_write_end(fd);
        if (r == 0)
                r = file_read(arena, AT_FDCWD, path, 1 << 20, &bytes);
        if (r < 0)
                return r;
        *ret_size = bytes.len;
        return put_blob(arena, dir, &bytes, ret_digest);
}

static int put_text(const char *path, const struct text *bytes)
{
        auto_close fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        return fd < 0 ? -errno : file_write(fd, bytes->data, bytes->len);
}

#define DESCRIPTOR "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}"

int layout_put(struct arena *arena, const char *dir)
{
        struct text config = { .arena = arena }, manifest = { .arena = arena };
        struct text index = { .arena = arena };
        const char *one, *two, *digest;
        size_t size_one, size_two;
        int r = file_make_dirs(arena_format(arena, "%s/blobs/sha256", dir), 0755);

        if (r == 0)
                r = put_layer(arena, dir, "one", &one, &size_one);
        if (r == 0)
                r = put_layer(arena, dir, "two", &two, &size_two);
        if (r < 0)
                return r;
        text_addf(
                &config,
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                "\"diff_ids\":[\"%s\",\"%s\"]}}",
                one, two);
        r = put_blob(arena, dir, &config, &digest);
        text_addf(
                &manifest,
                "{\"schemaVersion\":2,\"config\":" DESCRIPTOR ",\"layers\":[" DESCRIPTOR
                "," DESCRIPTOR "]}",
                IMAGE_TYPE_CONFIG, digest, config.len, IMAGE_TYPE_LAYER, one, size_one,
                IMAGE_TYPE_LAYER, two, size_two);
        if (r == 0)
                r = put_blob(arena, dir, &manifest, &digest);
        text_addf(
                &index, "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR "]}", IMAGE_TYPE_MANIFEST,
                digest, manifest.len);
        return r < 0 ? r : put_text(arena_format(arena, "%s/index.json", dir), &index);
}
