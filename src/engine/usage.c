/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk system df`: what images and containers take of the disk, as du(1) counts: the blocks of
 * every file once, however many names it has, and of every directory. What two images share is counted once in the
 * sum. An ordinary user's layers belong to the ids of a user namespace, in which the counting is done. */
#include "image.h"
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* -- counting --------------------------------------------------------------------------------------------- */

struct place {
        dev_t device;
        ino_t inode;
        bool taken;
};

struct count {
        uint64_t bytes;
        struct arena arena;
        struct place *linked; /* files of several names: a table of `room` places, a power of two */
        size_t n, room;
        bool deep; /* there is more below the depth to which is looked */
};

enum {
        DEPTH_MAX = 400 /* each level takes a descriptor or two, of which there may be a thousand */
};

static bool take_place(struct place *table, size_t room, const struct place *file)
{
        size_t at = (size_t)(file->inode * 0x9e3779b97f4a7c15ULL >> 20) & (room - 1);

        for (; table[at].taken; at = (at + 1) & (room - 1))
                if (table[at].inode == file->inode && table[at].device == file->device)
                        return false;
        table[at] = *file;
        return true;
}

static bool is_first(struct count *count, const struct stat *st)
{
        const struct place file = { st->st_dev, st->st_ino, true };

        if (2 * (count->n + 1) > count->room) {
                const size_t room = count->room ? 2 * count->room : 64;
                struct place *more = arena_array(&count->arena, room, sizeof *more);

                for (size_t i = 0; i < count->room; i++)
                        if (count->linked[i].taken)
                                take_place(more, room, &count->linked[i]);
                count->linked = more;
                count->room = room;
        }
        if (!take_place(count->linked, count->room, &file))
                return false;
        count->n++;
        return true;
}

static int count_below(struct count *count, int dir, int depth);

/* It went away meanwhile, or is no directory any more. */
static bool is_gone(int r)
{
        return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

/* What goes away meanwhile takes nothing. */
static int count_one(struct count *count, int dir, const char *name, int depth)
{
        struct stat st;
        int r = file_stat(dir, name, AT_SYMLINK_NOFOLLOW, &st);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (S_ISDIR(st.st_mode) || st.st_nlink == 1 || is_first(count, &st))
                count->bytes += (uint64_t)st.st_blocks * 512;
        if (S_ISDIR(st.st_mode)) {
                auto_close inner = file_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

                if (inner < 0)
                        return is_gone(inner) ? 0 : inner;
                return count_below(count, inner, depth + 1);
        }
        return 0;
}

static int count_below(struct count *count, int dir, int depth)
{
        DIR *list;
        int r;

        if (depth > DEPTH_MAX) {
                count->deep = true;
                return 0;
        }
        list = file_list_at(dir, ".");
        r = list || is_gone(-errno) ? 0 : -errno;
        for (struct dirent *entry; r == 0 && list && (entry = readdir(list));)
                if (!text_is_dots(entry->d_name))
                        r = count_one(count, dir, entry->d_name, depth);
        if (list)
                closedir(list);
        return r;
}

struct counting {
        int dir;
        const char *name;
};

static int count_tree(void *context, void *ret)
{
        const struct counting *counting = context;
        struct count count = { 0 };
        int r = count_one(&count, counting->dir, counting->name, 0);

        *(uint64_t *)ret = count.bytes;
        arena_free(&count.arena);
        /* Of all containers it has been said for the one that it is about. */
        if (r == 0 && count.deep && !text_equal(counting->name, "."))
                trail_warn(
                        "%s has directories in more than %d others: what is below is not counted",
                        counting->name, DEPTH_MAX);
        return r;
}

struct usage {
        struct arena *arena;
        struct layout layout;
        const char *containers;
        struct image_user *users;
        size_t n_users;
        struct disk_object *objects;
        size_t n_objects;
        struct disk_usage *result;
};

int usage_of(const struct idmap *map, int dir, const char *name, uint64_t *ret_bytes)
{
        struct counting counting = { dir, name };
        int r = inside_run(map, count_tree, &counting, ret_bytes, sizeof *ret_bytes);

        return r < 0 ? trail(r, "cannot count what %s takes", name) : 0;
}

static int disk_of(const struct usage *usage, int dir, const char *name, uint64_t *ret_bytes)
{
        return usage_of(usage->layout.map, dir, name, ret_bytes);
}

/* -- images ----------------------------------------------------------------------------------------------- */

/* A blob or a layer. */
struct disk_object {
        const char *name;
        uint64_t bytes;
        size_t images; /* that need it */
        bool used;     /* by an image of which a container is made */
        size_t last;   /* the image that was counted last, from 1 */
};

static int find_objects(struct usage *usage)
{
        const int dirs[] = { usage->layout.blobs, usage->layout.layers };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                DIR *list = file_list_at(dirs[i], ".");
                int r = list ? 0 : -errno;

                for (struct dirent *entry; r == 0 && list && (entry = readdir(list));) {
                        struct disk_object *object;

                        if (entry->d_name[0] == '.')
                                continue;
                        if ((usage->n_objects & (usage->n_objects - 1)) == 0) {
                                struct disk_object *more = arena_array(
                                        usage->arena, 2 * usage->n_objects + 2, sizeof *more);

                                if (usage->n_objects)
                                        memcpy(more, usage->objects,
                                               usage->n_objects * sizeof *more);
                                usage->objects = more;
                        }
                        object = &usage->objects[usage->n_objects++];
                        *object = (struct disk_object){
                                .name = arena_format(
                                        usage->arena, "%c%s", i ? 'l' : 'b', entry->d_name),
                        };
                        r = disk_of(usage, dirs[i], entry->d_name, &object->bytes);
                }
                if (list)
                        closedir(list);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Each object that an image needs, once: `take` is told. */
static void each_object(
        struct usage *usage, const struct image_descriptor *entry,
        const struct layout_image *documents, size_t number,
        void (*take)(struct disk_object *object, struct disk_image *image),
        struct disk_image *image)
{
        const size_t n = documents->manifest->layers.n;

        for (size_t i = 0; i < usage->n_objects; i++) {
                struct disk_object *object = &usage->objects[i];
                const char *hex = object->name + 1;
                bool needed = *object->name == 'b' &&
                              (text_equal(hex, LAYOUT_HEX(entry->digest)) ||
                               text_equal(hex, LAYOUT_HEX(documents->manifest->config->digest)));

                for (size_t k = 0; k < n && !needed; k++)
                        needed = text_equal(
                                hex,
                                LAYOUT_HEX(
                                        *object->name == 'b'
                                                ? documents->manifest->layers.items[k].digest
                                                : documents->config->rootfs->diff_ids.items[k]));
                if (needed && object->last != number) {
                        object->last = number;
                        take(object, image);
                }
        }
}

static void count_need(struct disk_object *object, struct disk_image *image)
{
        object->images++;
        object->used |= image->containers > 0;
}

static void count_size(struct disk_object *object, struct disk_image *image)
{
        image->size_bytes += object->bytes;
        image->shared_bytes += object->images > 1 ? object->bytes : 0;
        image->unique_bytes += object->images > 1 ? 0 : object->bytes;
}

/* Of an image with several names all are shown with the same figures, and it is counted once. */
static bool is_again(const struct image_index *index, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (text_equal(index->manifests.items[i].digest, index->manifests.items[at].digest))
                        return true;
        return false;
}

/* Of an image's documents the digests alone: all of them are kept, and they may be large, and many. */
static int read_digests(
        struct usage *usage, const char *digest, struct layout_image *ret, int64_t *ret_created_s)
{
        auto_arena scratch = { 0 };
        struct arena *arena = usage->arena;
        struct image_manifest *manifest;
        struct image_config *config;
        struct image_descriptor *about;
        struct image_rootfs *rootfs;
        struct layout_image all;
        size_t n;
        int r = layout_read_image(&usage->layout, &scratch, digest, &all);

        if (r < 0)
                return r;
        n = all.manifest->layers.n;
        about = arena_array(arena, n + 1, sizeof *about);
        rootfs = arena_new(arena, struct image_rootfs);
        rootfs->diff_ids.items = arena_array(arena, n + 1, sizeof *rootfs->diff_ids.items);
        rootfs->diff_ids.n = n;
        for (size_t i = 0; i < n; i++) {
                about[i].digest = arena_string(arena, all.manifest->layers.items[i].digest);
                rootfs->diff_ids.items[i] =
                        arena_string(arena, all.config->rootfs->diff_ids.items[i]);
        }
        about[n].digest = arena_string(arena, all.manifest->config->digest);
        manifest = arena_new(arena, struct image_manifest);
        manifest->config = &about[n];
        manifest->layers.items = about;
        manifest->layers.n = n;
        config = arena_new(arena, struct image_config);
        config->rootfs = rootfs;
        *ret_created_s = store_parse_time(all.config->created);
        *ret = (struct layout_image){ .manifest = manifest, .config = config };
        return 0;
}

static int measure_images(struct usage *usage, const struct image_index *index)
{
        struct disk_usage *result = usage->result;
        const size_t n = index->manifests.n;
        struct layout_image *documents = arena_array(usage->arena, n + 1, sizeof *documents);

        result->image_list = arena_array(usage->arena, n + 1, sizeof *result->image_list);
        for (size_t i = 0; i < n; i++) {
                struct disk_image *image = &result->image_list[i];
                const struct image_descriptor *entry = &index->manifests.items[i];
                int64_t created_s;

                image_name_parts(usage->arena, layout_annotation(entry, LAYOUT_NAME), &image->info);
                if (read_digests(usage, entry->digest, &documents[i], &created_s) < 0) {
                        trail_warn("%s", trail_text());
                        trail_reset();
                        image->info.short_id = "<damaged>";
                        continue;
                }
                image->info.id = documents[i].manifest->config->digest;
                image->info.short_id = arena_copy(usage->arena, LAYOUT_HEX(image->info.id), 12);
                image->info.created_ns = (uint64_t)created_s * 1000000000;
                for (size_t k = 0; k < usage->n_users; k++)
                        image->containers += text_equal(usage->users[k].image, image->info.id);
                result->images.active += image->containers && !is_again(index, i);
                result->images.total += !is_again(index, i);
                if (!is_again(index, i))
                        each_object(usage, entry, &documents[i], i + 1, count_need, image);
        }
        for (size_t i = 0; i < n; i++)
                if (documents[i].manifest)
                        each_object(
                                usage, &index->manifests.items[i], &documents[i], n + i + 1,
                                count_size, &result->image_list[i]);
        for (size_t i = 0; i < usage->n_objects; i++)
                if (!usage->objects[i].used)
                        result->images.reclaimable_bytes += usage->objects[i].bytes;
        result->n_images = n;
        return 0;
}

static int measure_store(struct usage *usage)
{
        struct image_index index;
        uint64_t images, layers;
        int r = layout_read_index(&usage->layout, usage->arena, &index);

        if (r == 0)
                r = find_objects(usage);
        if (r == 0)
                r = measure_images(usage, &index);
        if (r == 0)
                r = disk_of(usage, usage->layout.root, "images", &images);
        if (r == 0)
                r = disk_of(usage, usage->layout.root, "layers", &layers);
        if (r == 0)
                usage->result->images.bytes = images + layers;
        return r;
}

/* -- containers ------------------------------------------------------------------------------------------- */

static int measure_containers(struct usage *usage, const struct engine_options *options)
{
        const struct ps_request request = { .engine = *options, .all = true };
        struct disk_usage *result = usage->result;
        struct container_info *list;
        auto_close dir = file_open(AT_FDCWD, usage->containers, O_RDONLY | O_DIRECTORY, 0);
        size_t n;
        int r;

        if (dir < 0)
                return dir == -ENOENT ? 0 : dir;
        r = engine_ps(&request, usage->arena, &list, &n);
        if (r < 0)
                return r;
        result->container_list = arena_array(usage->arena, n + 1, sizeof *result->container_list);
        for (size_t i = 0; r == 0 && i < n; i++) {
                struct disk_container *container = &result->container_list[i];
                bool active = !text_equal(list[i].status, "exited");

                container->info = list[i];
                r = disk_of(usage, dir, list[i].id, &container->size_bytes);
                result->containers.active += active;
                result->containers.reclaimable_bytes += active ? 0 : container->size_bytes;
        }
        result->containers.total = result->n_containers = n;
        return r < 0 ? r : disk_of(usage, dir, ".", &result->containers.bytes);
}

int engine_usage(
        const struct usage_request *request, struct arena *arena, struct disk_usage *ret_usage)
{
        struct disk_usage result = { 0 };
        struct usage usage = { .arena = arena,
                               .layout = LAYOUT_NONE,
                               .containers = store_containers(arena, &request->engine),
                               .result = &result };
        int r = image_open_store(arena, &request->engine, false, &usage.layout);

        if (r == 0) {
                r = image_users(arena, &request->engine, false, &usage.users, &usage.n_users);
                if (r == 0)
                        r = measure_store(&usage);
        } else if (r == -ENOENT && !*trail_text()) {
                r = 0;
        }
        if (r == 0)
                r = measure_containers(&usage, &request->engine);
        layout_close(&usage.layout);
        if (r == 0)
                *ret_usage = result;
        return r;
}
