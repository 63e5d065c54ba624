/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>

#include <sys/mount.h>
#include <sys/stat.h>

/* Theory of operation: a store in a directory of our own, and makers that die in a fork. */

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static char base[] = "/tmp/husk-layout.XXXXXX";
static struct arena arena;
static struct layout layout = LAYOUT_NONE;

static void begin(void)
{
        CHECK(mkdtemp(base));
        CHECK_INT(layout_open(arena_format(&arena, "%s/root", base), NULL, true, &layout), 0);
        layout.path = arena_format(&arena, "%s/root", base);
}

static void end(void)
{
        layout_close(&layout);
        CHECK_INT(system(arena_format(&arena, "rm -r %s", base)), 0);
}

/* The names below the store's directory, and their modes. */
static const char *listing(void)
{
        static char all[4096];
        FILE *out = popen(
                arena_format(
                        &arena,
                        "cd %s/root && find . -mindepth 1 -printf '%%m %%P\\n' | LC_ALL=C sort -k2",
                        base),
                "re");
        size_t n;

        CHECK(out);
        n = fread(all, 1, sizeof all - 1, out);
        all[n] = '\0';
        pclose(out);
        return all;
}

#define EMPTY                                                                            \
        "700 images\n700 images/blobs\n700 images/blobs/sha256\n644 images/index.json\n" \
        "644 images/oci-layout\n700 layers\n600 spare\n700 tmp\n"

/* A layer that was found in the blob of that digest. */
static void put_layer(const char *hex, const char *diff_id)
{
        const struct layout_layer about = { 77, 3 };
        const char *digest = arena_format(&arena, "sha256:%s", hex);
        struct layout_work work;
        auto_close fs = NO_FD;

        CHECK_INT(layout_begin(&layout, hex, false, &work), 0);
        fs = layout_begin_dir(&work, "fs");
        CHECK(fs >= 0);
        CHECK_INT(layout_publish_layer(&work, digest, diff_id, &about), 0);
        layout_drop(&work);
}

TEST(layout_is_made_once)
{
        struct layout other = LAYOUT_NONE;

        CHECK_INT(layout_open("/nonexistent/store", NULL, false, &other), -ENOENT);
        CHECK_STR(trail_text(), "");
        umask(077);
        begin();
        CHECK_STR(listing(), EMPTY);
        CHECK_INT(layout_open(layout.path, NULL, true, &other), 0);
        layout_close(&other);
        CHECK_INT(layout_open(layout.path, NULL, false, &other), 0);
        layout_close(&other);
        CHECK_STR(listing(), EMPTY);
        end();
}

TEST(layout_keeps_an_index)
{
        struct spec_pair name = { LAYOUT_NAME, "docker.io/library/alpine:latest" };
        struct image_descriptor one = { .media_type = IMAGE_TYPE_MANIFEST,
                                        .digest = "sha256:" HEX_A,
                                        .size = 5,
                                        .annotations = { &name, 1 } };
        struct image_index index;
        int lock;

        begin();
        CHECK_INT(layout_read_index(&layout, &arena, &index), 0);
        CHECK_INT(index.manifests.n, 0);
        lock = layout_lock_index(&layout);
        CHECK(lock >= 0);
        index.manifests = (struct image_descriptor_list){ &one, 1 };
        CHECK_INT(layout_write_index(&layout, &arena, &index), 0);
        file_close(&lock);
        CHECK_INT(layout_read_index(&layout, &arena, &index), 0);
        CHECK_INT(index.manifests.n, 1);
        CHECK_STR(layout_annotation(&index.manifests.items[0], LAYOUT_NAME), name.value);
        CHECK(!layout_annotation(&index.manifests.items[0], LAYOUT_SOURCE));
        CHECK_STR(listing(), EMPTY);
        index.manifests.n = IMAGE_MANIFESTS_MAX + 1;
        CHECK_INT(layout_write_index(&layout, &arena, &index), -ENOSPC);
        end();
}

TEST(layout_believes_no_blob)
{
        struct text bytes = { .arena = &arena }, got;
        const char *digest;
        uint64_t size;
        int fd;

        begin();
        text_add(&bytes, "hello");
        CHECK_INT(layout_write_blob(&layout, &arena, &bytes, &digest), 0);
        CHECK_INT(layout_write_blob(&layout, &arena, &bytes, &digest), 0);
        CHECK_INT(layout_read_blob(&layout, &arena, digest, &got), 0);
        CHECK_STR(text_string(&got), "hello");
        fd = layout_open_blob(&layout, digest, &size);
        CHECK(fd >= 0);
        CHECK_INT(size, 5);
        file_close(&fd);
        CHECK_INT(layout_open_blob(&layout, "sha256:" HEX_A, &size), -ENOENT);
        CHECK_INT(
                system(arena_format(
                        &arena, "echo other >%s/images/blobs/sha256/%s", layout.path,
                        LAYOUT_HEX(digest))),
                0);
        CHECK_INT(layout_read_blob(&layout, &arena, digest, &got), -EBADMSG);
        end();
}

TEST(layout_has_one_maker_of_a_thing)
{
        struct layout_work mine, theirs;
        auto_close fs = NO_FD;
        struct stat st;

        begin();
        CHECK_INT(layout_begin(&layout, HEX_A, false, &mine), 0);
        CHECK_INT(layout_begin(&layout, HEX_A, false, &theirs), -EAGAIN);
        CHECK_INT(file_write(mine.file, "x", 1), 0);
        CHECK_INT(layout_publish_blob(&mine, "sha256:" HEX_A), 0);
        /* The name is free again, and its next file is not the blob; nor is its directory ours. */
        CHECK_INT(layout_begin(&layout, HEX_A, false, &theirs), 0);
        fs = layout_begin_dir(&theirs, "fs");
        CHECK(fs >= 0);
        layout_drop(&mine);
        CHECK_INT(layout_begin(&layout, HEX_A, false, &mine), -EAGAIN);
        CHECK_INT(tree_stat(layout.tmp, HEX_A ".d/fs", &st), 0);
        layout_drop(&theirs);
        layout_drop(&theirs);
        CHECK_STR(
                listing(),
                "700 images\n700 images/blobs\n700 images/blobs/sha256\n"
                "644 images/blobs/sha256/" HEX_A "\n644 images/index.json\n644 images/oci-layout\n"
                "700 layers\n600 spare\n700 tmp\n");
        end();
}

/* A mount in it is what root cannot remove, either. */
TEST(layout_says_what_it_cannot_remove)
{
        struct layout_work work;
        auto_close fs = NO_FD;
        const char *path;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(unshare(CLONE_NEWNS), 0);
        CHECK_INT(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        begin();
        CHECK_INT(layout_begin(&layout, HEX_A, false, &work), 0);
        fs = layout_begin_dir(&work, "fs");
        CHECK(fs >= 0);
        path = arena_format(&arena, "%s/tmp/" HEX_A ".d/fs", layout.path);
        CHECK_INT(mount("none", path, "tmpfs", 0, NULL), 0);
        layout_drop(&work);
        CHECK(strstr(trail_warnings(), "/tmp/" HEX_A ".d: Device or resource busy"));
        CHECK_INT(umount(path), 0);
        CHECK_INT(layout_begin(&layout, HEX_A, false, &work), 0);
        layout_drop(&work);
        CHECK_STR(listing(), EMPTY);
        end();
}

TEST(layout_publishes_a_layer_once)
{
        struct layout_layer about;

        umask(077);
        begin();
        CHECK(!layout_has_layer(&layout, "sha256:" HEX_B));
        put_layer(HEX_A, "sha256:" HEX_B);
        put_layer(HEX_C, "sha256:" HEX_B);
        CHECK(layout_has_layer(&layout, "sha256:" HEX_B));
        CHECK_INT(layout_read_layer(&layout, &arena, "sha256:" HEX_B, &about), 0);
        CHECK_INT(about.size_bytes, 77);
        CHECK_INT(about.entries, 3);
        CHECK_STR(
                layout_layer_path(&layout, &arena, "sha256:" HEX_B),
                arena_format(&arena, "%s/layers/" HEX_B "/fs", layout.path));
        CHECK_STR(
                listing(), arena_format(
                                   &arena,
                                   "700 images\n700 images/blobs\n700 images/blobs/sha256\n"
                                   "644 images/index.json\n644 images/oci-layout\n700 layers\n"
                                   "755 layers/%s\n755 layers/%s/fs\n600 layers/%s/layer.json\n"
                                   "600 layers/%s/of-" HEX_A "\n600 layers/%s/of-" HEX_C
                                   "\n600 spare\n700 tmp\n",
                                   HEX_B, HEX_B, HEX_B, HEX_B, HEX_B));
        end();
}

/* Whose configuration says that its blob is another image's layer has not got it. */
TEST(layout_knows_what_was_found_in_a_blob)
{
        struct layout_work work;

        begin();
        put_layer(HEX_A, "sha256:" HEX_B);
        CHECK(!layout_has_unpacked(&layout, "sha256:" HEX_A, "sha256:" HEX_B)); /* no blob */
        for (const char **hex = (const char *[]){ HEX_A, HEX_C, NULL }; *hex; hex++) {
                CHECK_INT(layout_begin(&layout, *hex, false, &work), 0);
                CHECK_INT(layout_publish_blob(&work, arena_format(&arena, "sha256:%s", *hex)), 0);
                layout_drop(&work);
        }
        CHECK(layout_has_unpacked(&layout, "sha256:" HEX_A, "sha256:" HEX_B));
        CHECK(!layout_has_unpacked(&layout, "sha256:" HEX_A, "sha256:" HEX_C));
        CHECK(!layout_has_unpacked(&layout, "sha256:" HEX_C, "sha256:" HEX_B));
        put_layer(HEX_C, "sha256:" HEX_B);
        CHECK(layout_has_unpacked(&layout, "sha256:" HEX_C, "sha256:" HEX_B));
        end();
}

TEST(layout_removes_what_dead_makers_left)
{
        struct layout other = LAYOUT_NONE;
        struct layout_work work;
        int status;
        pid_t child;

        begin();
        child = fork();
        if (child == 0) {
                int fs = layout_begin(&layout, HEX_A, false, &work);

                fs = fs < 0 ? fs : layout_begin_dir(&work, "fs");
                if (fs < 0 || mkdirat(fs, "deep", 0700) < 0)
                        _exit(1);
                _exit(0);
        }
        CHECK_INT(process_wait(child, &status), 0);
        CHECK_INT(status, 0);
        CHECK_INT(layout_begin(&layout, HEX_B, false, &work), 0);
        CHECK_INT(layout_open(layout.path, NULL, true, &other), 0);
        layout_close(&other);
        /* The living one's stays. */
        CHECK_STR(listing(), EMPTY "600 tmp/" HEX_B "\n");
        layout_drop(&work);
        CHECK_STR(listing(), EMPTY);
        end();
}

TEST(layout_collects_what_nothing_refers_to)
{
        struct text bytes = { .arena = &arena };
        const char *digest, *config, *kept[] = { HEX_B, NULL };
        const struct spec_texts none = { NULL, 0 }, keep = { kept, 1 };
        struct image_descriptor one = { .media_type = IMAGE_TYPE_MANIFEST };
        struct layout other = LAYOUT_NONE;
        struct image_index index;

        begin();
        text_add(
                &bytes,
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                "\"diff_ids\":[\"sha256:" HEX_A "\"]}}");
        CHECK_INT(layout_write_blob(&layout, &arena, &bytes, &config), 0);
        bytes.len = 0;
        text_addf(
                &bytes,
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" IMAGE_TYPE_CONFIG
                "\",\"digest\":\"%s\",\"size\":1},\"layers\":[{\"mediaType\":\"" IMAGE_TYPE_LAYER
                "\",\"digest\":\"sha256:" HEX_A "\",\"size\":1}]}",
                config);
        CHECK_INT(layout_write_blob(&layout, &arena, &bytes, &digest), 0);
        put_layer(HEX_A, "sha256:" HEX_A);
        put_layer(HEX_B, "sha256:" HEX_B);
        CHECK_INT(layout_read_index(&layout, &arena, &index), 0);
        one.digest = digest;
        index.manifests = (struct image_descriptor_list){ &one, 1 };
        CHECK_INT(layout_write_index(&layout, &arena, &index), 0);
        bytes.len = 0;
        text_add(&bytes, "nobody's");
        CHECK_INT(layout_write_blob(&layout, &arena, &bytes, &digest), 0);

        CHECK_INT(layout_open(layout.path, NULL, false, &other), 0);
        CHECK_INT(layout_lock_all(&layout), 1); /* `other` counts on it */
        CHECK(layout_has_layer(&layout, "sha256:" HEX_B));
        layout_close(&other);
        CHECK_INT(layout_lock_all(&layout), 0);
        CHECK_INT(layout_collect(&layout, &arena, &keep), 0);
        CHECK(layout_has_layer(&layout, "sha256:" HEX_B));
        CHECK(layout_has_layer(&layout, "sha256:" HEX_A));
        CHECK_INT(layout_read_blob(&layout, &arena, digest, &bytes), -ENOENT);
        CHECK_INT(layout_collect(&layout, &arena, &none), 0);
        CHECK(!layout_has_layer(&layout, "sha256:" HEX_B));
        CHECK(layout_has_layer(&layout, "sha256:" HEX_A));
        CHECK_INT(layout_read_blob(&layout, &arena, config, &bytes), 0);
        index.manifests.n = 0;
        CHECK_INT(layout_write_index(&layout, &arena, &index), 0);
        CHECK_INT(layout_collect(&layout, &arena, &none), 0);
        CHECK_STR(listing(), EMPTY);
        end();
}
