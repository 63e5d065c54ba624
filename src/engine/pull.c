/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: an image from a registry, or from a file or directory (pull_local.c), which is believed as
 * little.
 *
 * First the documents: perhaps an index, of which one entry is chosen, the manifest, the configuration. Each
 * is hashed here, whoever hashed it before. Then the layers (pull_layers.c). Last the name: as long as
 * that is not there nothing refers to what was fetched, and whoever is killed has left nothing but what the next
 * command collects. */
#include "pull.h"

#include "remote.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* -- documents ---------------------------------------------------------------------------------------- */

int pull_start_helper(struct pull *pull)
{
        const struct engine_options *options = &pull->request->engine;
        const char *settings = NULL;
        int r = 0;

        if (pull->registry.socket >= 0)
                return 0;
        /* What comes from a file or directory takes no credentials. */
        if (pull->origin.place.registry && options->registries)
                r = remote_settings(
                        pull->arena, options, &pull->request->registry, &pull->origin.place,
                        &settings);
        if (r < 0)
                return r;
        return registry_start(
                arena_format(pull->arena, "%s/%s", options->libexec, REGISTRY_PROGRAM), settings,
                &pull->registry);
}

static bool is_digest(const char *words)
{
        return text_starts(words, "sha256:");
}

static int check_digest(
        const char *what, const struct text *bytes, const char *digest, int64_t size)
{
        char hex[SHA256_HEX_SIZE];

        if (size >= 0 && (uint64_t)size != bytes->len)
                return trail(
                        -EBADMSG, "%s has %zu bytes instead of %lld", what, bytes->len,
                        (long long)size);
        sha256_hex(text_string(bytes), bytes->len, hex);
        if (text_equal(hex, LAYOUT_HEX(digest)))
                return 0;
        return trail(-EBADMSG, "%s has the digest sha256:%s instead of %s", what, hex, digest);
}

static const char *local_path(const struct pull *pull, const char *digest)
{
        const struct spec_map *paths = &pull->origin.paths;

        for (size_t i = 0; i < paths->n; i++)
                if (text_equal(paths->items[i].key, digest))
                        return paths->items[i].value;
        return arena_format(pull->arena, "blobs/sha256/%s", LAYOUT_HEX(digest));
}

int pull_open_local(const struct pull *pull, const struct image_descriptor *blob)
{
        const char *path = local_path(pull, blob->digest), *words = pull->origin.words;
        /* Links lead nowhere but into the directory; Docker's archives have some between their layers. */
        int fd = rootpath_open(
                pull->origin.dir, path, O_RDONLY | O_NONBLOCK, pull->origin.paths.n == 0);
        struct stat st;
        int r = fd < 0 ? fd : file_stat(fd, "", AT_EMPTY_PATH, &st);

        if (r < 0)
                r = trail(r, "%s: cannot open %s: %s", words, path, text_errno(r));
        else if (!S_ISREG(st.st_mode) || st.st_size != blob->size)
                r =
                        trail(-EBADMSG, "%s: %s is no file of %lld bytes", words, path,
                              (long long)blob->size);
        if (r < 0)
                file_close(&fd);
        return r < 0 ? r : fd;
}

/* What the helper writes into `file`: the document of that tag or digest, or (blob) of that descriptor. */
static int ask_for_document(
        struct pull *pull, const char *wanted, const struct image_descriptor *blob, int file,
        const char **ret_type)
{
        struct registry_answer answer = { 0 };
        int r = pull_start_helper(pull);

        if (r == 0 && blob)
                r = registry_ask_blob(
                        &pull->registry, &(struct registry_blob){ .place = pull->origin.place,
                                                                  .digest = blob->digest,
                                                                  .size = (uint64_t)blob->size,
                                                                  .file = file,
                                                                  .records = NO_FD,
                                                                  .source = NO_FD });
        else if (r == 0)
                r = registry_ask_manifest(&pull->registry, &pull->origin.place, wanted, file);
        if (r > 0)
                r = registry_await(&pull->registry, pull->arena, (unsigned)r, &answer);
        if (r < 0)
                return r;
        *ret_type = answer.media_type;
        return 0;
}

static int fetch_remote(
        struct pull *pull, const char *wanted, const struct image_descriptor *blob,
        struct text *ret_bytes, const char **ret_type)
{
        struct layout_work scratch;
        int r = layout_begin(
                &pull->layout, arena_format(pull->arena, "document-%d", (int)getpid()), true,
                &scratch);

        if (r < 0)
                return r;
        r = tree_set_size(scratch.file, 0);
        if (r == 0)
                r = ask_for_document(pull, wanted, blob, scratch.file, ret_type);
        if (r == 0 && lseek(scratch.file, 0, SEEK_SET) != 0)
                r = -errno;
        if (r == 0)
                r = file_read_fd(pull->arena, scratch.file, IMAGE_DOCUMENT_MAX, ret_bytes);
        layout_drop(&scratch);
        return r;
}

/* A document that a descriptor names. */
static int fetch(
        struct pull *pull, const struct image_descriptor *descriptor, bool as_blob,
        struct text *ret_bytes)
{
        const char *type;
        int r;

        /* An index may name what nobody opens by digests of any kind. */
        if (image_digest_check(descriptor->digest) < 0)
                return trail(-EOPNOTSUPP, "'%.200s' is no sha256 digest", descriptor->digest);
        if ((uint64_t)descriptor->size > IMAGE_DOCUMENT_MAX)
                return trail(
                        -EFBIG, "%s: %lld bytes are too many, at most 4 MiB are read",
                        descriptor->digest, (long long)descriptor->size);
        if (pull->origin.dir < 0) {
                r = fetch_remote(
                        pull, descriptor->digest, as_blob ? descriptor : NULL, ret_bytes, &type);
        } else {
                auto_close fd = pull_open_local(pull, descriptor);

                r = fd < 0 ? fd : file_read_fd(pull->arena, fd, IMAGE_DOCUMENT_MAX, ret_bytes);
        }
        if (r < 0)
                return r;
        return check_digest(descriptor->digest, ret_bytes, descriptor->digest, descriptor->size);
}

/* -- which image -------------------------------------------------------------------------------------- */

static int choose_platform(
        struct pull *pull, const struct image_index *index, struct image_descriptor *ret)
{
        const struct image_descriptor *chosen;
        struct image_platform wanted;
        struct text all = { .arena = pull->arena };
        int r = image_wanted_platform(pull->arena, pull->request->platform, &wanted);

        if (r < 0)
                return r;
        chosen = image_platform_choose(index, &wanted);
        if (chosen) {
                *ret = *chosen;
                return 0;
        }
        for (size_t i = 0; i < index->manifests.n && i < 40; i++)
                if (index->manifests.items[i].platform)
                        text_addf(
                                &all, "%s%s", all.len ? ", " : "",
                                image_platform_words(
                                        pull->arena, index->manifests.items[i].platform));
        trail_hint("it is there for: %s", all.len ? text_string(&all) : "nothing that is told");
        return trail(
                -ENOENT, "%s is not there for %s", pull->origin.words,
                image_platform_words(pull->arena, &wanted));
}

/* The document that was asked for, whatever it is. */
static int fetch_top(struct pull *pull, struct text *ret_bytes)
{
        const char *type = NULL;
        char hex[SHA256_HEX_SIZE];
        int r;

        if (pull->origin.dir >= 0) {
                r = pull_read_layout(pull, &pull->top);
                return r < 0 ? r : fetch(pull, &pull->top, false, ret_bytes);
        }
        r = fetch_remote(pull, pull->origin.wanted, NULL, ret_bytes, &type);
        if (r == 0)
                r = remote_check_document(pull->origin.words, type, ret_bytes);
        if (r == 0 && is_digest(pull->origin.wanted))
                r = check_digest(pull->origin.words, ret_bytes, pull->origin.wanted, -1);
        if (r < 0)
                return r;
        sha256_hex(text_string(ret_bytes), ret_bytes->len, hex);
        pull->top = (struct image_descriptor){
                .media_type = type ? type : "",
                .digest = arena_format(pull->arena, "sha256:%s", hex),
                .size = (int64_t)ret_bytes->len,
        };
        return 0;
}

/* From an index to the manifest for the platform; an index in an index is looked into, too, but no deeper. */
static int find_manifest(struct pull *pull)
{
        struct image_document document;
        struct text bytes;
        int r = fetch_top(pull, &bytes);

        for (int depth = 0; r == 0; depth++) {
                r = image_parse(
                        pull->arena, pull->top.digest, text_string(&bytes), bytes.len,
                        image_media(pull->top.media_type).type, &document);
                if (r < 0 || document.manifest)
                        break;
                if (depth == 2)
                        return trail(
                                -ELOOP, "%s: indexes in indexes in indexes", pull->origin.words);
                if (!pull->source)
                        pull->source = pull->top.digest;
                r = choose_platform(pull, document.index, &pull->top);
                if (r == 0)
                        r = fetch(pull, &pull->top, false, &bytes);
        }
        if (r < 0)
                return r;
        pull->manifest = document.manifest;
        pull->manifest_bytes = bytes;
        return 0;
}

/* -- the image ---------------------------------------------------------------------------------------- */

static int check_layers(const struct pull *pull)
{
        if (image_media(pull->manifest->config->media_type).type != IMAGE_CONFIG) {
                trail_hint(
                        "registries hold other things than images, too: charts, signatures, modules");
                return trail(
                        -EOPNOTSUPP, "%s is no image: its configuration is of type '%.200s'",
                        pull->origin.words, pull->manifest->config->media_type);
        }
        for (size_t i = 0; i < pull->manifest->layers.n; i++) {
                const struct image_descriptor *layer = &pull->manifest->layers.items[i];
                const struct image_media media = image_media(layer->media_type);

                if (media.type != IMAGE_LAYER)
                        return trail(
                                -EOPNOTSUPP,
                                "layer %zu of %zu (%s) is of type '%.200s', which is not known",
                                i + 1, pull->manifest->layers.n, layer->digest, layer->media_type);
                if (media.foreign) {
                        trail_hint(
                                "its owner allows nobody else to pass it on; husk fetches from no "
                                "addresses that an image names");
                        return trail(
                                -EOPNOTSUPP,
                                "layer %zu of %zu (%s) is a foreign one, which is not fetched",
                                i + 1, pull->manifest->layers.n, layer->digest);
                }
        }
        return 0;
}

static int fetch_config(struct pull *pull)
{
        const struct image_descriptor *config = pull->manifest->config;
        uint64_t size;
        auto_close have = layout_open_blob(&pull->layout, config->digest, &size);
        int r = have == -ENOENT ? fetch(pull, config, true, &pull->config_bytes)
              : have < 0        ? have
                                : layout_read_blob(
                                          &pull->layout, pull->arena, config->digest, &pull->config_bytes);

        if (r == 0)
                r = image_parse_config(
                        pull->arena, config->digest, text_string(&pull->config_bytes),
                        pull->config_bytes.len, &pull->config);
        if (r == 0)
                r = image_match(config->digest, pull->manifest, pull->config);
        return r;
}

/* An image that is no part of an index may be for anybody: said when it matters. */
static int check_platform(struct pull *pull)
{
        const struct image_platform own = { .os = pull->config->os,
                                            .architecture = pull->config->architecture,
                                            .variant = pull->config->variant };
        struct image_platform wanted;
        int r = image_wanted_platform(pull->arena, pull->request->platform, &wanted);

        if (r < 0 ||
            (text_equal(own.os, wanted.os) && text_equal(own.architecture, wanted.architecture)))
                return r;
        if (pull->request->platform)
                return trail(
                        -ENOENT, "%s is for %s, not for %s", pull->origin.words,
                        image_platform_words(pull->arena, &own),
                        image_platform_words(pull->arena, &wanted));
        trail_warn(
                "%s is for %s, and this is %s", pull->origin.words,
                image_platform_words(pull->arena, &own),
                image_platform_words(pull->arena, &wanted));
        return 0;
}

/* Is it in the store, under that name, with all of its layers? */
static bool is_complete(struct pull *pull)
{
        for (size_t i = 0; i < pull->manifest->layers.n; i++)
                if (!layout_has_unpacked(
                            &pull->layout, pull->manifest->layers.items[i].digest,
                            pull->config->rootfs->diff_ids.items[i]))
                        return false;
        return true;
}

static int write_documents(struct pull *pull)
{
        const char *digest;
        int r = layout_write_blob(&pull->layout, pull->arena, &pull->config_bytes, &digest);

        if (r == 0)
                r = layout_write_blob(&pull->layout, pull->arena, &pull->manifest_bytes, &digest);
        return r;
}

int pull_parse_manifest(struct pull *pull, const struct text *bytes)
{
        struct image_document document;
        char hex[SHA256_HEX_SIZE];
        int r;

        sha256_hex(text_string(bytes), bytes->len, hex);
        pull->top =
                (struct image_descriptor){ .media_type = IMAGE_TYPE_MANIFEST,
                                           .digest = arena_format(pull->arena, "sha256:%s", hex),
                                           .size = (int64_t)bytes->len };
        r = image_parse(
                pull->arena, pull->origin.words, text_string(bytes), bytes->len, IMAGE_MANIFEST,
                &document);
        if (r < 0)
                return r;
        pull->manifest = document.manifest;
        pull->manifest_bytes = *bytes;
        return 0;
}

int pull_image(struct pull *pull, struct pull_result *ret_result)
{
        bool changed = false;
        int r = pull->manifest ? 0 : find_manifest(pull);

        if (r == 0)
                r = check_layers(pull);
        if (r == 0)
                r = fetch_config(pull);
        if (r == 0)
                r = check_platform(pull);
        if (r == 0 && !is_complete(pull))
                r = pull_layers(pull);
        if (r == 0)
                r = write_documents(pull);
        if (r == 0)
                r = image_record(
                        &pull->layout, pull->arena,
                        &(struct image_name){ .digest = pull->top.digest,
                                              .media_type =
                                                      image_media(pull->top.media_type).type ==
                                                                      IMAGE_MANIFEST
                                                              ? pull->top.media_type
                                                              : IMAGE_TYPE_MANIFEST,
                                              .size = (int64_t)pull->manifest_bytes.len,
                                              .name = pull->origin.name,
                                              .source = pull->source },
                        &changed);
        if (r < 0)
                return r;
        *ret_result = (struct pull_result){
                .reference = pull->origin.name,
                .digest = pull->source ? pull->source : pull->top.digest,
                .id = pull->manifest->config->digest,
                .changed = changed,
        };
        return 0;
}

/* -- the command -------------------------------------------------------------------------------------- */

static int open_registry(struct pull *pull, const char *words)
{
        struct image_reference reference;
        int r = image_reference_parse(pull->arena, words, &reference);

        if (r < 0)
                return r;
        pull->origin.place = (struct registry_place){ reference.registry, reference.repository };
        pull->origin.wanted = reference.digest ? reference.digest : image_reference_tag(&reference);
        pull->origin.name = image_reference_full(pull->arena, &reference);
        return 0;
}

static int pull_remote(struct pull *pull, struct pull_result *ret_result)
{
        int r = open_registry(pull, pull->request->image);

        if (r == 0)
                r = pull_begin(pull);
        return r < 0 ? r : pull_image(pull, ret_result);
}

int pull_begin(struct pull *pull)
{
        const struct pull_request *request = pull->request;
        int r = image_open_store(pull->arena, &request->engine, true, &pull->layout);

        if (r < 0)
                return r;
        if (pull->layout.map) {
                pull->ns = idmap_open(pull->layout.map);
                if (pull->ns < 0)
                        return trail(
                                pull->ns, "cannot make a user namespace for the layers' files");
        }
        return 0;
}

void pull_end(struct pull *pull)
{
        registry_end(&pull->registry);
        file_close(&pull->origin.dir);
        file_close(&pull->ns);
        image_collect(pull->arena, &pull->request->engine, &pull->layout);
        layout_close(&pull->layout);
}

int engine_pull(
        const struct pull_request *request, struct arena *arena, struct pull_result *ret_result)
{
        struct local_place place;
        struct pull pull = { .arena = arena,
                             .request = request,
                             .layout = LAYOUT_NONE,
                             .origin = { .words = request->image, .dir = NO_FD },
                             .registry = REGISTRY_NONE,
                             .ns = NO_FD };
        int r = 0;

        if (local_place_parse(arena, request->image, &place))
                r = pull_local(&pull, &place, ret_result);
        else
                r = pull_remote(&pull, ret_result);
        pull_end(&pull);
        return r;
}
