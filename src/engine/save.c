/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk save`, and `husk push` to a file or directory: an OCI image layout, as a directory or as a tar
 * file, and in that Docker's manifest.json, too, which names the same blobs: who reads one form passes the other over.
 * Blobs go as they are: what was pulled has the same digests after a round trip.
 *
 * A file is written under another name first. A directory may have images already, which stay: blobs are added, and the
 * index is changed last, under a lock, so that who is killed has added nothing. */
#include "image.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PART ".part" /* of a name: what is in the making */

struct saving {
        struct arena *arena;
        struct arena *scratch; /* of the image that is written: its documents may be large */
        struct layout layout;
        struct image_index index, chosen; /* all; those to be written */
        struct spec_texts names;          /* of the chosen, in Docker's list; NULL: none */
        bool docker_list;
        struct json_writer docker;
        struct text docker_bytes;
        struct spec_texts written; /* digests */
        size_t room;
        int fd;  /* the archive */
        int dir; /* instead of an archive: a directory, or NO_FD */
};

static bool is_written(const struct saving *saving, const char *digest)
{
        for (size_t i = 0; i < saving->written.n; i++)
                if (text_equal(saving->written.items[i], digest))
                        return true;
        return false;
}

/* -- where it goes ---------------------------------------------------------------------------------------- */

static int copy_bytes(int to, int from, uint64_t size)
{
        char bytes[64 << 10];
        uint64_t left = size;

        while (left) {
                ssize_t n = file_read_some(from, bytes, sizeof bytes);
                int r;

                if (n <= 0 || (uint64_t)n > left)
                        return n < 0 ? (int)n : -EIO; /* nobody changes a blob */
                r = file_write(to, bytes, (size_t)n);
                if (r < 0)
                        return r;
                left -= (uint64_t)n;
        }
        return 0;
}

/* A file below the directory: `from` if that is open, else `bytes`. It is whole when it has its name, and leads nowhere
 * but into the directory, which may be a stranger's. */
static int put_below(
        const struct saving *saving, const char *name, int from, const struct text *bytes)
{
        const char *leaf, *part;
        auto_close parent = rootpath_parent(saving->dir, name, &leaf), file = NO_FD;
        int r = parent < 0 ? parent : 0;

        if (r < 0)
                return r;
        part = arena_format(saving->scratch, "%s" PART, leaf);
        r = file_remove(parent, part, 0);
        if (r == 0 || r == -ENOENT) {
                file = file_open(parent, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
                r = file < 0 ? file : 0;
        }
        if (r == 0)
                r = from >= 0 ? copy_bytes(file, from, bytes->len)
                              : file_write(file, bytes->data, bytes->len);
        if (r == 0)
                r = tree_move(parent, part, parent, leaf);
        if (r < 0 && file >= 0)
                file_remove(parent, part, 0);
        return r;
}

static int put_bytes(const struct saving *saving, const char *name, const struct text *bytes)
{
        return saving->dir >= 0 ? put_below(saving, name, NO_FD, bytes)
                                : tar_write_file(saving->fd, name, bytes->data, bytes->len);
}

static int put_blob(const struct saving *saving, const char *name, int from, uint64_t size)
{
        int r;

        if (saving->dir >= 0)
                return put_below(saving, name, from, &(struct text){ .len = size });
        r = tar_write_header(saving->fd, name, size);
        if (r == 0)
                r = copy_bytes(saving->fd, from, size);
        return r < 0 ? r : tar_write_padding(saving->fd, size);
}

/* -- what goes there -------------------------------------------------------------------------------------- */

static int save_blob(struct saving *saving, const char *digest)
{
        uint64_t size;
        auto_close blob = layout_open_blob(&saving->layout, digest, &size);
        const char *name = arena_format(saving->scratch, "blobs/sha256/%s", LAYOUT_HEX(digest));
        int r;

        if (blob < 0)
                return blob == -ENOENT
                             ? trail(blob, "%s has no blob %s", saving->layout.path, digest)
                             : blob;
        if (is_written(saving, digest))
                return 0;
        saving->written.items = arena_more(
                saving->arena, saving->written.items, saving->written.n, &saving->room,
                sizeof *saving->written.items, 64);
        saving->written.items[saving->written.n++] = arena_string(saving->arena, digest);
        r = put_blob(saving, name, blob, size);
        return r < 0 && !*trail_text() ? trail(r, "cannot write %s: %s", name, text_errno(r)) : r;
}

static void put_docker(struct saving *saving, const struct layout_image *image, const char *name)
{
        struct json_writer *w = &saving->docker;

        json_open_object(w, NULL);
        json_put_string(
                w, "Config",
                arena_format(
                        saving->scratch, "blobs/sha256/%s",
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
                                saving->scratch, "blobs/sha256/%s",
                                LAYOUT_HEX(image->manifest->layers.items[i].digest)));
        json_close_array(w);
        json_close_object(w);
}

/* REGISTRY/REPOSITORY:TAG as Docker's list has it, or NULL. */
static const char *docker_name(struct arena *arena, const char *full)
{
        struct image_reference reference;

        if (!full || image_reference_parse(arena, full, &reference) < 0 || !reference.tag)
                return NULL;
        reference.digest = NULL;
        return image_reference_full(arena, &reference);
}

static int save_image(struct saving *saving, const struct image_descriptor *entry, const char *name)
{
        struct layout_image image;
        int r = layout_read_image(&saving->layout, saving->scratch, entry->digest, &image);

        if (r == 0)
                r = save_blob(saving, entry->digest);
        if (r == 0)
                r = save_blob(saving, image.manifest->config->digest);
        for (size_t i = 0; r == 0 && i < image.manifest->layers.n; i++)
                r = save_blob(saving, image.manifest->layers.items[i].digest);
        if (r == 0)
                put_docker(saving, &image, name);
        return r;
}

/* All but the index, which comes last. */
static int save_images(struct saving *saving)
{
        const struct text header = { .data = (char *)(uintptr_t)LAYOUT_HEADER,
                                     .len = strlen(LAYOUT_HEADER) };
        int r = put_bytes(saving, "oci-layout", &header);

        saving->docker_bytes.arena = saving->arena;
        saving->docker.out = &saving->docker_bytes;
        json_open_array(&saving->docker, NULL);
        for (size_t i = 0; r == 0 && i < saving->chosen.manifests.n; i++) {
                auto_arena scratch = { 0 };

                saving->scratch = &scratch;
                r = save_image(saving, &saving->chosen.manifests.items[i], saving->names.items[i]);
                saving->scratch = saving->arena;
        }
        json_close_array(&saving->docker);
        return r;
}

static int save_archive(void *context)
{
        struct saving *saving = context;
        struct text index = { .arena = saving->arena };
        int r = save_images(saving);

        image_encode_index(&saving->chosen, &index);
        if (r == 0)
                r = put_bytes(saving, "index.json", &index);
        if (r == 0 && saving->docker_list)
                r = put_bytes(saving, "manifest.json", &saving->docker_bytes);
        return r == 0 ? tar_write_end(saving->fd) : r;
}

/* -- a directory ------------------------------------------------------------------------------------------ */

/* A layout, or nothing but what a crash has left of our first file. */
static int check_directory(const struct saving *saving, const char *path)
{
        auto_close header = rootpath_open(saving->dir, "oci-layout", O_PATH, true);
        DIR *list = header >= 0 ? NULL : file_list_at(saving->dir, ".");
        bool empty = true;

        if (header >= 0)
                return 0;
        if (!list)
                return trail(-errno, "cannot read the directory %s: %m", path);
        for (struct dirent *entry; (entry = readdir(list));)
                empty = empty && (text_is_dots(entry->d_name) ||
                                  text_equal(entry->d_name, "oci-layout" PART));
        closedir(list);
        trail_hint(empty ? "" : "name a directory that is empty or not there yet");
        return empty ? 0 : trail(-ENOTEMPTY, "%s is a directory, but no image layout", path);
}

/* Under one name there is one image: ours takes the place of what has it. */
static int join_index(struct saving *saving, struct image_index *ret_index)
{
        auto_close fd = rootpath_open(saving->dir, "index.json", O_RDONLY | O_NONBLOCK, true);
        const struct image_descriptor_list *ours = &saving->chosen.manifests;
        struct image_index index = saving->chosen;
        struct image_document document;
        struct image_descriptor *all;
        struct text bytes;
        size_t n = 0;
        int r = fd < 0 ? fd : file_read_plain(saving->arena, fd, IMAGE_DOCUMENT_MAX, &bytes);

        if (r == 0)
                r = image_parse(
                        saving->arena, "index.json", text_string(&bytes), bytes.len, IMAGE_INDEX,
                        &document);
        else if (r == -ENOENT)
                document.index = NULL;
        if (r < 0 && r != -ENOENT)
                return trail(r, "cannot read its index.json");
        if (document.index)
                index = *document.index;
        all = arena_array(saving->arena, index.manifests.n + ours->n, sizeof *all);
        for (size_t i = 0; document.index && i < index.manifests.n; i++) {
                const struct image_descriptor *old = &index.manifests.items[i];
                const char *name = layout_annotation(old, LAYOUT_NAME);
                bool replaced = false;

                for (size_t k = 0; k < ours->n; k++)
                        replaced |=
                                text_equal(layout_annotation(&ours->items[k], LAYOUT_NAME), name) &&
                                (name || text_equal(old->digest, ours->items[k].digest));
                if (!replaced)
                        all[n++] = *old;
        }
        for (size_t k = 0; k < ours->n; k++)
                all[n++] = ours->items[k];
        index.manifests = (struct image_descriptor_list){ .items = all, .n = n };
        *ret_index = index;
        return 0;
}

static int save_below(struct saving *saving, const char *path)
{
        struct text bytes = { .arena = saving->arena };
        struct image_index index;
        int r = lock_take(saving->dir, LOCK_FOR_CHANGE, true);

        if (r < 0)
                return trail(r, "cannot lock %s: %s", path, text_errno(r));
        r = check_directory(saving, path);
        if (r == 0)
                r = join_index(saving, &index);
        if (r == 0)
                r = save_images(saving);
        if (r < 0)
                return r;
        image_encode_index(&index, &bytes);
        return put_bytes(saving, "index.json", &bytes);
}

static int save_directory(struct saving *saving, const char *path)
{
        const int made = file_make_dir(path, 0777);
        int r = made < 0 && made != -EEXIST ? made : 0;

        if (r == 0) {
                saving->dir = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
                r = saving->dir < 0 ? saving->dir : save_below(saving, path);
        }
        file_close(&saving->dir);
        if (r < 0 && made == 0)
                file_remove_tree(AT_FDCWD, path);
        return r < 0 && !*trail_text() ? trail(r, "cannot write %s: %s", path, text_errno(r)) : r;
}

/* -- the command ------------------------------------------------------------------------------------------ */

static int choose(struct saving *saving, const struct words *names)
{
        int r = layout_read_index(&saving->layout, saving->arena, &saving->index);

        saving->chosen =
                (struct image_index){ .schema_version = 2, .media_type = IMAGE_TYPE_INDEX };
        saving->chosen.manifests.items =
                arena_array(saving->arena, names->n, sizeof *saving->chosen.manifests.items);
        saving->names.items = arena_array(saving->arena, names->n, sizeof *saving->names.items);
        for (size_t i = 0; r == 0 && i < names->n; i++) {
                const struct image_descriptor *entry;
                bool by_name;
                size_t at;

                r = image_find(
                        &saving->layout, saving->arena, &saving->index, names->items[i], &at,
                        &by_name);
                if (r < 0)
                        return r;
                entry = &saving->index.manifests.items[at];
                saving->names.items[saving->names.n++] =
                        docker_name(saving->arena, layout_annotation(entry, LAYOUT_NAME));
                saving->chosen.manifests.items[saving->chosen.manifests.n++] = *entry;
        }
        return r;
}

static int open_store(
        struct saving *saving, const struct engine_options *options, const struct words *names)
{
        int r = image_open_store(saving->arena, options, false, &saving->layout);

        if (r == -ENOENT)
                return image_not_found(saving->arena, names->items[0]);
        return r < 0 ? r : choose(saving, names);
}

/* Without a name until it is whole; with one of its own where a file cannot be without. */
static int open_new(const char *dir, const char *part, bool *ret_named)
{
        int fd = file_open_nameless(dir, 0666);

        *ret_named = fd == -EOPNOTSUPP;
        return *ret_named ? file_open(AT_FDCWD, part, O_WRONLY | O_CREAT | O_EXCL, 0666) : fd;
}

static int write_new(
        struct arena *arena, const char *path, int *fd, int (*write)(void *context), void *context)
{
        const char *slash = strrchr(path, '/');
        const char *dir = slash ? arena_copy(arena, path, (size_t)(slash - path) + 1) : ".";
        const char *part = arena_format(arena, "%s.%d.part", path, (int)getpid());
        bool named;
        int r;

        *fd = open_new(dir, part, &named);
        r = *fd < 0 ? *fd : write(context);
        if (r == 0 && !named && (r = file_name(*fd, path)) == -EEXIST) {
                r = file_name(*fd, part);
                named = r == 0;
        }
        if (r == 0 && named)
                r = file_rename(part, path);
        if (r < 0 && named && *fd >= 0)
                file_remove(AT_FDCWD, part, 0);
        return r;
}

/* What is no file, such as a device or a pipe, is written to as it is: nothing may take its place. */
int image_write_file(
        struct arena *arena, const char *path, int *fd, int (*write)(void *context), void *context)
{
        struct stat st;
        int r = file_stat(AT_FDCWD, path, 0, &st);

        if (r == 0 && !S_ISREG(st.st_mode)) {
                *fd = file_open(AT_FDCWD, path, O_WRONLY, 0);
                r = *fd < 0 ? *fd : write(context);
        } else {
                if (r == 0)
                        r = file_real_path(arena, path, &path);
                if (r == 0 || r == -ENOENT)
                        r = write_new(arena, path, fd, write, context);
        }
        file_close(fd);
        return r < 0 && !*trail_text() ? trail(r, "cannot write %s: %s", path, text_errno(r)) : r;
}

static int save(struct saving *saving, enum local_kind kind, const char *path)
{
        int r;

        saving->docker_list = kind == PLACE_DOCKER_ARCHIVE;
        if (kind == PLACE_OCI)
                return save_directory(saving, path);
        r = path ? image_write_file(saving->arena, path, &saving->fd, save_archive, saving)
                 : save_archive(saving);
        return r < 0 && !*trail_text() ? trail(r, "cannot write the archive: %s", text_errno(r))
                                       : r;
}

static int read_format(const struct save_request *request, enum local_kind *ret_kind)
{
        static const char *const formats[] = { [PLACE_OCI] = "oci-dir",
                                               [PLACE_OCI_ARCHIVE] = "oci-archive",
                                               [PLACE_DOCKER_ARCHIVE] = "docker-archive" };
        size_t kind = PLACE_DOCKER_ARCHIVE;

        if (request->format)
                for (kind = 0;
                     kind < ARRAY_SIZE(formats) && !text_equal(formats[kind], request->format);)
                        kind++;
        if (kind == ARRAY_SIZE(formats)) {
                if (text_equal(request->format, "docker-dir"))
                        trail_hint("oci-dir is a directory, too, and has a specification");
                return trail(
                        -EINVAL,
                        "'%s' is not a value for --format: expected docker-archive, oci-archive or "
                        "oci-dir",
                        request->format);
        }
        if (kind == PLACE_OCI && !request->output) {
                trail_hint("husk save --format oci-dir -o DIR IMAGE");
                return trail(-EINVAL, "--format oci-dir needs --output");
        }
        *ret_kind = (enum local_kind)kind;
        return 0;
}

int engine_save(const struct save_request *request)
{
        auto_arena arena = { 0 };
        struct saving saving = { .arena = &arena,
                                 .scratch = &arena,
                                 .layout = LAYOUT_NONE,
                                 .fd = STDOUT_FILENO,
                                 .dir = NO_FD };
        enum local_kind kind;
        int r = read_format(request, &kind);

        if (r == 0)
                r = open_store(&saving, &request->engine, &request->names);
        if (r == 0)
                r = save(&saving, kind, request->output);
        layout_close(&saving.layout);
        return r;
}

/* The one image goes by the name that was asked for, or by its own. */
static int name_it(struct saving *saving, const struct local_place *place)
{
        struct image_descriptor *entry = saving->chosen.manifests.items;
        const char *name = place->name ? place->name : layout_annotation(entry, LAYOUT_NAME);
        struct spec_map *annotations = &entry->annotations;

        if (place->name && place->kind == PLACE_DOCKER_ARCHIVE) {
                struct image_reference reference;
                int r = image_reference_parse(saving->arena, place->name, &reference);

                if (r == 0 && reference.digest)
                        r = trail(
                                -EINVAL, "'%s': a name to give cannot have a digest", place->name);
                if (r < 0)
                        return r;
                name = image_reference_full(saving->arena, &reference);
        }
        *annotations = (struct spec_map){ .items = arena_new(saving->arena, struct spec_pair) };
        if (name)
                annotations->items[annotations->n++] = (struct spec_pair){ LAYOUT_NAME, name };
        saving->names.items[0] = docker_name(saving->arena, name);
        trail_reset();
        return 0;
}

int image_save_to(
        struct arena *arena, const struct engine_options *options, const char *words,
        const struct local_place *place, const char **ret_digest)
{
        struct saving saving = {
                .arena = arena, .scratch = arena, .layout = LAYOUT_NONE, .fd = NO_FD, .dir = NO_FD
        };
        int r = *place->path ? 0 : trail(-EINVAL, "there is no path in the destination");

        if (r == 0)
                r = open_store(&saving, options, &(struct words){ &words, 1 });
        if (r == 0)
                r = name_it(&saving, place);
        if (r == 0)
                r = save(&saving, place->kind, place->path);
        layout_close(&saving.layout);
        if (r == 0)
                *ret_digest = saving.chosen.manifests.items[0].digest;
        return r;
}
