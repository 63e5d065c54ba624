/* SPDX-License-Identifier: Apache-2.0 */
#include "layout_private.h"

#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

/* Theory of operation: see layout.h. A key names what is made: two who make the same meet at its lock, and the
 * second finds it made. Nothing waits for a key while it has another, else two could wait for each other;
 * `wait` is for who has none.
 *
 * The unpacked layers of an ordinary user belong to the ids that subuid(5) gives, and are removed in a user
 * namespace that has them. */

static const char empty_index[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE_TYPE_INDEX "\",\"manifests\":[]}";

/* -- opening -------------------------------------------------------------------------------------------- */

static int open_dir(const struct layout *layout, const char *name, bool make, int *ret_fd)
{
        int fd = file_open(layout->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

        if (fd == -ENOENT && make) {
                int r = tree_make_dir(layout->root, name, 0700);

                if (r < 0 && r != -EEXIST)
                        return layout_failed(layout, r, "make", name);
                fd = file_open(layout->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        }
        if (fd == -ENOENT && !make)
                return fd;
        if (fd < 0)
                return layout_failed(layout, fd, "open", name);
        *ret_fd = fd;
        return 0;
}

static int make_files(const struct layout *layout)
{
        struct stat st;
        int r = 0;

        if (tree_stat(layout->images, "oci-layout", &st) == -ENOENT)
                r = layout_put(layout, "images/oci-layout", LAYOUT_HEADER, strlen(LAYOUT_HEADER));
        if (r == 0 && tree_stat(layout->images, "index.json", &st) == -ENOENT)
                r = layout_put(layout, "images/index.json", empty_index, strlen(empty_index));
        if (r == 0)
                layout_make_spare(layout);
        return r;
}

static int open_dirs(struct layout *layout, bool make)
{
        int r = open_dir(layout, "images", make, &layout->images);

        if (r == 0 && make)
                r = open_dir(layout, "images/blobs", make, &layout->blobs);
        file_close(&layout->blobs);
        if (r == 0)
                r = open_dir(layout, "images/blobs/sha256", make, &layout->blobs);
        if (r == 0)
                r = open_dir(layout, "layers", make, &layout->layers);
        if (r == 0)
                r = open_dir(layout, "tmp", make, &layout->tmp);
        return r;
}

/* What the makers of things in tmp have left when they were killed. */
static void sweep(const struct layout *layout)
{
        DIR *list = file_list_at(layout->tmp, ".");

        for (struct dirent *entry; list && (entry = readdir(list));) {
                struct layout_work work;
                char key[80];
                size_t size = strlen(entry->d_name);

                if (entry->d_name[0] == '.' || size >= sizeof key)
                        continue;
                memcpy(key, entry->d_name, size + 1);
                if (size > 2 && text_equal(key + size - 2, ".d"))
                        key[size - 2] = '\0';
                if (layout_begin(layout, key, false, &work) == 0)
                        layout_drop(&work);
                trail_reset();
        }
        if (list)
                closedir(list);
}

int layout_open(const char *path, const struct idmap *map, bool make, struct layout *ret_layout)
{
        struct layout layout = LAYOUT_NONE;
        int r = make ? file_make_dirs(path, 0711) : 0;

        layout.path = path;
        layout.map = map;
        if (r < 0)
                return trail(r, "cannot make %s: %s", path, text_errno(r));
        layout.root = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
        r = layout.root < 0 ? layout.root : 0;
        if (r < 0 && r != -ENOENT)
                trail(r, "cannot open %s: %s", path, text_errno(r));
        if (r == 0)
                r = open_dirs(&layout, make);
        if (r == 0)
                r = lock_take(layout.images, LOCK_FOR_USE, true);
        if (r == 0 && make)
                r = make_files(&layout);
        if (r < 0) {
                layout_close(&layout);
                return r;
        }
        if (make)
                sweep(&layout);
        *ret_layout = layout;
        return 0;
}

void layout_close(struct layout *layout)
{
        file_close(&layout->tmp);
        file_close(&layout->layers);
        file_close(&layout->blobs);
        file_close(&layout->images);
        file_close(&layout->root);
}

/* -- blobs ---------------------------------------------------------------------------------------------- */

int layout_open_blob(const struct layout *layout, const char *digest, uint64_t *ret_size)
{
        struct stat st;
        int fd;

        /* Others may write the index, too; theirs may have digests of another kind. */
        if (image_digest_check(digest) < 0)
                return trail(-EOPNOTSUPP, "'%.200s' is no sha256 digest", digest);
        fd = file_open(layout->blobs, LAYOUT_HEX(digest), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        if (fd >= 0) {
                int r = file_stat(fd, "", AT_EMPTY_PATH, &st);

                if (r == 0 && !S_ISREG(st.st_mode))
                        r = -EINVAL; /* a pipe would be waited for */
                if (r < 0) {
                        file_close(&fd);
                        fd = r;
                } else {
                        *ret_size = (uint64_t)st.st_size;
                }
        }
        return fd < 0 && fd != -ENOENT ? layout_failed(layout, fd, "open the blob in", digest) : fd;
}

int layout_read_blob(
        const struct layout *layout, struct arena *arena, const char *digest, struct text *ret)
{
        char hex[SHA256_HEX_SIZE];
        uint64_t size;
        auto_close fd = layout_open_blob(layout, digest, &size);
        int r = fd < 0 ? fd : file_read_fd(arena, fd, IMAGE_DOCUMENT_MAX, ret);

        if (r < 0)
                return r == -ENOENT ? trail(r, "%s has no blob %s", layout->path, digest) : r;
        sha256_hex(ret->data, ret->len, hex);
        if (text_equal(hex, LAYOUT_HEX(digest)))
                return 0;
        trail_hint("the file was changed or damaged: husk rmi, then pull the image again");
        return trail(
                -EBADMSG, "%s/images/blobs/sha256/%s: its content has another digest", layout->path,
                LAYOUT_HEX(digest));
}

int layout_write_blob(
        const struct layout *layout, struct arena *arena, const struct text *bytes,
        const char **ret_digest)
{
        char hex[SHA256_HEX_SIZE];
        struct stat st;
        int r = 0;

        sha256_hex(text_string(bytes), bytes->len, hex);
        if (tree_stat(layout->blobs, hex, &st) < 0)
                r = layout_put(
                        layout, arena_format(arena, "images/blobs/sha256/%s", hex),
                        text_string(bytes), bytes->len);
        if (r == 0)
                *ret_digest = arena_format(arena, "sha256:%s", hex);
        return r;
}

int layout_read_manifest(
        const struct layout *layout, struct arena *arena, const char *digest,
        const struct image_manifest **ret_manifest)
{
        struct image_document document;
        struct text bytes;
        int r = layout_read_blob(layout, arena, digest, &bytes);

        if (r == 0)
                r = image_parse(arena, digest, bytes.data, bytes.len, IMAGE_MANIFEST, &document);
        if (r == 0)
                *ret_manifest = document.manifest;
        return r;
}

int layout_read_image(
        const struct layout *layout, struct arena *arena, const char *digest,
        struct layout_image *ret_image)
{
        struct layout_image image;
        struct text bytes;
        int r = layout_read_manifest(layout, arena, digest, &image.manifest);

        if (r < 0)
                return r;
        digest = image.manifest->config->digest;
        r = layout_read_blob(layout, arena, digest, &bytes);
        if (r == 0)
                r = image_parse_config(arena, digest, bytes.data, bytes.len, &image.config);
        if (r == 0)
                r = image_match(digest, image.manifest, image.config);
        if (r == 0)
                *ret_image = image;
        return r;
}

/* -- layers --------------------------------------------------------------------------------------------- */

bool layout_has_layer(const struct layout *layout, const char *diff_id)
{
        struct stat st;

        return tree_stat(layout->layers, LAYOUT_HEX(diff_id), &st) == 0 && S_ISDIR(st.st_mode);
}

/* The name, in the directory of a layer, that stands for a blob. */
static void name_blob(char name[80], const char *digest)
{
        text_format(name, 80, "of-%.64s", LAYOUT_HEX(digest));
}

static int open_layer(const struct layout *layout, const char *diff_id)
{
        return file_open(layout->layers, LAYOUT_HEX(diff_id), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* The layer in `dir` is a directory, or an image where such are mounted. */
static bool is_usable(const struct layout *layout, int dir)
{
        struct stat st;

        return tree_stat(dir, "fs", &st) == 0 ||
               (tree_stat(dir, LAYOUT_IMAGE, &st) == 0 && layout_mounts_images(layout));
}

bool layout_has_unpacked(const struct layout *layout, const char *digest, const char *diff_id)
{
        auto_close dir = open_layer(layout, diff_id);
        struct stat st;
        char name[80];

        name_blob(name, digest);
        return dir >= 0 && tree_stat(dir, name, &st) == 0 &&
               tree_stat(layout->blobs, LAYOUT_HEX(digest), &st) == 0 && is_usable(layout, dir);
}

bool layout_is_image(const char *path)
{
        const size_t size = strlen(path), end = sizeof LAYOUT_IMAGE - 1;

        return size > end && text_equal(path + size - end, LAYOUT_IMAGE);
}

const char *layout_layer_path(const struct layout *layout, struct arena *arena, const char *diff_id)
{
        auto_close dir = open_layer(layout, diff_id);
        struct stat st;

        return arena_format(
                arena, "%s/layers/%s/%s", layout->path, LAYOUT_HEX(diff_id),
                dir >= 0 && tree_stat(dir, LAYOUT_IMAGE, &st) == 0 ? LAYOUT_IMAGE : "fs");
}

int layout_read_layer(
        const struct layout *layout, struct arena *arena, const char *diff_id,
        struct layout_layer *ret)
{
        const char *path = arena_format(arena, "%s/layer.json", LAYOUT_HEX(diff_id));
        const struct json *root;
        struct layout_layer about;
        struct text bytes;
        int r = file_read(arena, layout->layers, path, 4096, &bytes);

        if (r == -EFBIG ||
            (r == 0 && (json_parse(arena, path, text_string(&bytes), bytes.len, &root) < 0 ||
                        json_u64(json_member(root, "size"), &about.size_bytes) < 0 ||
                        json_u64(json_member(root, "entries"), &about.entries) < 0)))
                r = -EBADMSG;
        if (r < 0)
                return layout_failed(layout, r, "read layers", path);
        *ret = about;
        return 0;
}

/* -- making --------------------------------------------------------------------------------------------- */

struct removal {
        int dir;
        const char *name;
};

static int remove_inside(void *context)
{
        const struct removal *removal = context;

        return file_remove_tree(removal->dir, removal->name);
}

int layout_remove_dir(const struct layout *layout, int dir, const char *name)
{
        struct removal removal = { dir, name };
        int r = file_remove_tree(dir, name);

        return r < 0 && layout->map ? idmap_run(layout->map, remove_inside, &removal) : r;
}

int layout_begin(
        const struct layout *layout, const char *key, bool wait, struct layout_work *ret_work)
{
        struct layout_work work = { .layout = layout, .file = NO_FD, .dir = NO_FD };

        text_format(work.key, sizeof work.key, "%s", key);
        work.file = lock_make(layout->tmp, work.key, wait);
        if (work.file < 0)
                return work.file == -EAGAIN ? work.file
                                            : layout_failed(layout, work.file, "make tmp", key);
        *ret_work = work;
        return 0;
}

int layout_begin_dir(struct layout_work *work, const char *name)
{
        const struct layout *layout = work->layout;
        char path[sizeof work->key + 2];
        int r, inner;

        text_format(path, sizeof path, "%s.d", work->key);
        r = layout_remove_dir(layout, layout->tmp, path); /* of a maker that was killed */
        if (r == 0)
                r = tree_make_dir(layout->tmp, path, 0755);
        if (r < 0)
                return layout_failed(layout, r, "make tmp", path);
        work->dir = file_open(layout->tmp, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        r = work->dir < 0 ? work->dir : 0;
        if (r == 0 && name)
                r = tree_make_dir(work->dir, name, 0755);
        inner = r < 0 ? r
                      : file_open(
                                work->dir, name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                0);
        return inner < 0 ? layout_failed(layout, inner, "make a directory in tmp", path) : inner;
}

/* The hexadecimal digits of a digest as the first bytes of an id. */
static void make_uuid(const char *hex, uint8_t uuid[16])
{
        for (size_t i = 0; i < 32; i++) {
                const unsigned digit = (unsigned)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);

                uuid[i / 2] = (uint8_t)(uuid[i / 2] << 4 | (digit & 15));
        }
}

int layout_begin_layer(struct layout_work *work, const char *diff_id, struct layer_options *options)
{
        auto_close dir = NO_FD;
        int file;

        options->image = options->image && layout_mounts_images(work->layout);
        if (!options->image)
                return layout_begin_dir(work, "fs");
        make_uuid(LAYOUT_HEX(diff_id), options->uuid);
        dir = layout_begin_dir(work, NULL);
        if (dir < 0)
                return dir;
        file = tree_make_file(dir, LAYOUT_IMAGE);
        return file < 0 ? layout_failed(work->layout, file, "make the image of layer", diff_id)
                        : file;
}

static int write_about(const struct layout_work *work, const struct layout_layer *about)
{
        auto_close fd = file_open(work->dir, "layer.json", O_WRONLY | O_CREAT | O_EXCL, 0644);
        char bytes[200];
        size_t size = text_format(
                bytes, sizeof bytes, "{\"size\":%llu,\"entries\":%llu}\n",
                (unsigned long long)about->size_bytes, (unsigned long long)about->entries);

        int r = fd < 0 ? fd : file_write(fd, bytes, size);

        return r < 0 ? r : file_sync(fd);
}

/* What was unpacked, to the disk: an image by itself, all files of a directory by one call. */
static int sync_layer(const struct layout_work *work)
{
        auto_close image = file_open(work->dir, LAYOUT_IMAGE, O_RDONLY | O_NOFOLLOW, 0);

        if (image == -ENOENT)
                return file_sync_all(work->layout->tmp);
        return image < 0 ? image : file_sync(image);
}

/* That the layer in `dir` was found in this blob. */
static int note_blob(int dir, const char *digest)
{
        auto_close fd = NO_FD;
        char name[80];

        name_blob(name, digest);
        fd = file_open(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
        return fd < 0 ? fd : 0;
}

/* There is the layer already: from another blob with the same content, or in a form of no use. 0: it has been joined,
 * and ours in tmp/`name` is not needed. */
static int join_layer(
        const struct layout *layout, const char *name, const char *digest, const char *diff_id)
{
        auto_close dir = open_layer(layout, diff_id);
        int r = dir < 0 ? dir : 0;

        if (r == 0 && !is_usable(layout, dir))
                r = tree_exchange(layout->tmp, name, layout->layers, LAYOUT_HEX(diff_id));
        else if (r == 0)
                r = note_blob(dir, digest);
        return r < 0 ? r : layout_remove_dir(layout, layout->tmp, name);
}

int layout_publish_layer(
        struct layout_work *work, const char *digest, const char *diff_id,
        const struct layout_layer *about)
{
        const struct layout *layout = work->layout;
        char path[sizeof work->key + 2];
        int r = sync_layer(work);

        if (r == 0)
                r = write_about(work, about);
        text_format(path, sizeof path, "%s.d", work->key);
        if (r == 0)
                r = note_blob(work->dir, digest);
        if (r == 0)
                r = tree_move(layout->tmp, path, layout->layers, LAYOUT_HEX(diff_id));
        if (r == -EEXIST || r == -ENOTEMPTY) {
                r = join_layer(layout, path, digest, diff_id);
        }
        file_close(&work->dir);
        return r < 0 ? layout_failed(layout, r, "publish layer", diff_id) : 0;
}

/* KEY.d, as long as KEY is ours. */
static int remove_made(struct layout_work *work)
{
        char path[sizeof work->key + 2];

        text_format(path, sizeof path, "%s.d", work->key);
        file_close(&work->dir);
        return layout_remove_dir(work->layout, work->layout->tmp, path);
}

int layout_publish_blob(struct layout_work *work, const char *digest)
{
        const struct layout *layout = work->layout;
        int r = file_set_mode_fd(work->file, 0644);

        if (r == 0)
                r = file_sync(work->file);
        /* Behind the move both names may be another maker's. */
        if (r == 0)
                r = remove_made(work);
        if (r == 0)
                r = tree_move(layout->tmp, work->key, layout->blobs, LAYOUT_HEX(digest));
        return r < 0 ? layout_failed(layout, r, "publish blob", digest) : 0;
}

void layout_drop(struct layout_work *work)
{
        const struct layout *layout = work->layout;
        struct stat ours, named;
        int r;

        if (work->file < 0)
                return;
        /* Unless it was published, and both names are somebody else's by now. */
        if (tree_stat(layout->tmp, work->key, &named) == 0 &&
            file_stat(work->file, "", AT_EMPTY_PATH, &ours) == 0 && ours.st_ino == named.st_ino) {
                r = remove_made(work);
                if (r < 0)
                        trail_warn(
                                "cannot remove %s/tmp/%s.d: %s; the next command tries again",
                                layout->path, work->key, text_errno(r));
                file_remove(layout->tmp, work->key, 0);
        }
        file_close(&work->dir);
        file_close(&work->file);
}
