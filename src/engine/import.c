/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk import`: a root file system as a tar file becomes an image of one layer. The file is the
 * layer as it is, compressed or not: it is copied into the store, hashed on the way, and unpacked from there as
 * every other layer is, by processes that are confined. What digest its content has is found out by that. */
#include "new_image.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What comes first, without taking it away: of a file or a pipe. */
static ssize_t peek(int fd, char *bytes, size_t size)
{
        ssize_t n = pread(fd, bytes, size, 0);
        int ends[2];

        if (n >= 0 || errno != ESPIPE || pipe2(ends, O_CLOEXEC) < 0)
                return n;
        n = tee(fd, ends[1], size, 0);
        if (n > 0)
                n = file_read_some(ends[0], bytes, size);
        file_close(&ends[0]);
        file_close(&ends[1]);
        return n;
}

int import_compression(int fd, enum image_compression *ret_compression)
{
        static const struct {
                const char *magic, *program;
                size_t size;
                enum image_compression compression;
        } kinds[] = {
                { "\x1f\x8b", NULL, 2, IMAGE_GZIP },
                { "\x28\xb5\x2f\xfd", NULL, 4, IMAGE_ZSTD },
                { "\xfd"
                  "7zXZ",
                  "xz -dc", 5, IMAGE_PLAIN },
                { "BZh", "bzip2 -dc", 3, IMAGE_PLAIN },
        };

        char bytes[8];
        ssize_t n = peek(fd, bytes, sizeof bytes);

        *ret_compression = IMAGE_PLAIN;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                if (n < (ssize_t)kinds[i].size || memcmp(bytes, kinds[i].magic, kinds[i].size) != 0)
                        continue;
                if (kinds[i].program) {
                        trail_hint("give it through %s", kinds[i].program);
                        return trail(
                                -EOPNOTSUPP,
                                "it is compressed in a way that is not known: gzip and zstd are");
                }
                *ret_compression = kinds[i].compression;
        }
        return 0;
}

int import_copy(struct arena *arena, int from, int to, struct image_descriptor *ret_blob)
{
        char *bytes = arena_alloc(arena, (size_t)256 << 10), hex[SHA256_HEX_SIZE];
        struct sha256 hash;
        uint64_t size = 0;
        ssize_t n;
        int r = 0;

        sha256_begin(&hash);
        while (r == 0 && (n = file_read_some(from, bytes, (size_t)256 << 10)) != 0) {
                if (n < 0)
                        return trail((int)n, "cannot read it: %s", text_errno((int)n));
                sha256_add(&hash, bytes, (size_t)n);
                size += (uint64_t)n;
                r = to < 0 ? 0 : file_write(to, bytes, (size_t)n);
        }
        if (r < 0)
                return trail(r, "cannot write its copy: %s", text_errno(r));
        sha256_end_hex(&hash, hex);
        *ret_blob = (struct image_descriptor){ .digest = arena_format(arena, "sha256:%s", hex),
                                               .size = (int64_t)size };
        return 0;
}

static int describe(
        const struct import_request *request, struct arena *arena, struct new_image *image)
{
        struct image_platform platform;
        struct image_reference reference;
        int r = image_wanted_platform(arena, request->platform, &platform);

        if (r < 0)
                return trail(r, "--platform");
        if (request->name)
                r = image_reference_parse(arena, request->name, &reference);
        if (r == 0 && request->name && reference.digest)
                r = trail(-EINVAL, "'%s': a name to give cannot have a digest", request->name);
        if (r < 0)
                return r;
        *image = (struct new_image){
                .os = platform.os,
                .architecture = platform.architecture,
                .variant = platform.variant,
                .created_by = arena_format(arena, "husk import %s", request->file),
                .comment = request->message,
                .name = request->name ? image_reference_full(arena, &reference) : NULL,
        };
        return change_defaults(arena, &image->defaults, &request->change);
}

static int add_blob(struct pull *pull, int source, struct new_image *image)
{
        struct layout_work work;
        int r = layout_begin(
                &pull->layout, arena_format(pull->arena, "import-%d", (int)getpid()), true, &work);

        if (r < 0)
                return r;
        r = tree_set_size(work.file, 0);
        if (r == 0)
                r = import_copy(pull->arena, source, work.file, &image->layer);
        if (r == 0)
                r = import_compression(work.file, &image->compression);
        if (r == 0 && image->layer.size == 0)
                r = trail(-EINVAL, "it is empty");
        if (r == 0)
                r = layout_publish_blob(&work, image->layer.digest);
        layout_drop(&work);
        return r;
}

static int import_opened(
        struct pull *pull, int source, struct new_image *image, struct pull_result *ret_result)
{
        static const char *const types[] = { [IMAGE_PLAIN] = IMAGE_TYPE_LAYER,
                                             [IMAGE_GZIP] = IMAGE_TYPE_LAYER "+gzip",
                                             [IMAGE_ZSTD] = IMAGE_TYPE_LAYER "+zstd" };
        int r = add_blob(pull, source, image);

        if (r < 0)
                return r;
        image->layer.media_type = types[image->compression];
        r = pull_layer(pull, &image->layer, &image->diff_id);
        return r < 0 ? r : new_image_record(pull, image, ret_result);
}

int engine_import(
        const struct import_request *request, struct arena *arena, struct pull_result *ret_result)
{
        const bool piped = text_equal(request->file, "-");
        const struct pull_request as_pull = { .engine = request->engine,
                                              .platform = request->platform };
        struct pull pull = { .arena = arena,
                             .request = &as_pull,
                             .layout = LAYOUT_NONE,
                             .origin = { .words = request->file, .dir = NO_FD },
                             .registry = REGISTRY_NONE,
                             .ns = NO_FD };
        struct new_image image;
        auto_close file = piped ? NO_FD : file_open(AT_FDCWD, request->file, O_RDONLY, 0);
        int r = describe(request, arena, &image);

        if (r < 0)
                return r;
        if (!piped && file < 0) {
                if (strstr(request->file, "://"))
                        trail_hint("curl URL | husk import - NAME");
                return trail(file, "cannot open %s: %s", request->file, text_errno(file));
        }
        r = pull_begin(&pull);
        if (r == 0)
                r = import_opened(&pull, piped ? STDIN_FILENO : file, &image, ret_result);
        pull_end(&pull);
        return r < 0 ? trail(r, "%s", piped ? "standard input" : request->file) : 0;
}
