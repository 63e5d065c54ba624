/* SPDX-License-Identifier: Apache-2.0 */
/* Files with holes in an image: what its reader, the kernel and lseek(2) make of them, and what they take on the disk. */
#include "linux/linux.h"
#include "store/store.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define K   ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define TIB ((uint64_t)1 << 40)

enum {
        PIECES = 4,
};

struct piece {
        uint64_t offset, size;
};

/* A file, as what was written of it, and what lseek(2) is to say. */
struct sample {
        uint64_t size;
        struct piece written[PIECES];
        bool is_chunked;
        struct piece data[PIECES];
        size_t xattr;
};

static const struct sample samples[] = {
        { 0, { { 0 } }, false, { { 0 } }, 0 },
        { 5000, { { 4500, 500 } }, false, { { 0, 5000 } }, 0 },
        /* A last chunk that is not full makes no difference, however empty it is. */
        { MIB - 1, { { 0 } }, false, { { 0, MIB - 1 } }, 0 },
        { 2 * MIB - 1, { { 0, 1 } }, false, { { 0, 2 * MIB - 1 } }, 0 },
        { 2 * MIB, { { MIB - 1, 2 } }, false, { { 0, 2 * MIB } }, 0 },
        /* One hole, and all kinds of ends. */
        { MIB, { { 0 } }, true, { { 0 } }, 0 },
        { MIB + 5, { { 0 } }, true, { { 0 } }, 0 },
        { MIB + 5, { { MIB + 2, 2 } }, true, { { MIB, 5 } }, 0 },
        { MIB + 5, { { MIB + 2, 2 } }, true, { { MIB, 5 } }, 200 },
        { 2 * MIB, { { 2 * MIB - 1, 1 } }, true, { { MIB, MIB } }, 1 },
        { 2 * MIB - 20, { { MIB, MIB - 20 } }, true, { { MIB, MIB - 20 } }, 4000 },
        { 2 * MIB - 4095, { { MIB + 7, 3000 } }, true, { { MIB, MIB - 4095 } }, 3 },
        { 2 * MIB, { { 0, 300 * K } }, true, { { 0, MIB } }, 0 },
        { 3 * MIB + 9, { { 0, 1 }, { 3 * MIB, 9 } }, true, { { 0, MIB }, { 3 * MIB, 9 } }, 7 },
        { 9 * MIB,
          { { MIB + 1, 1 }, { 4 * MIB - 1, 2 }, { 8 * MIB + 100, 5000 } },
          true,
          { { MIB, MIB }, { 3 * MIB, 2 * MIB }, { 8 * MIB, MIB } },
          60000 },
        /* The table: in one block, just not, and of many. */
        { 992 * MIB, { { 991 * MIB, 1 } }, true, { { 991 * MIB, MIB } }, 0 },
        { 1008 * MIB, { { 1007 * MIB, 1 } }, true, { { 1007 * MIB, MIB } }, 0 },
        { 1009 * MIB, { { 1008 * MIB, 1 } }, true, { { 1008 * MIB, MIB } }, 0 },
        { 5000 * MIB + 1,
          { { 0, 1 }, { 3000 * MIB, 1 }, { 5000 * MIB, 1 } },
          true,
          { { 0, MIB }, { 3000 * MIB, MIB }, { 5000 * MIB, 1 } },
          0 },
        { 64 * K * MIB, { { 64 * K * MIB - 5, 5 } }, true, { { 64 * K * MIB - MIB, MIB } }, 0 },
};

static struct arena arena;
static char base[64];
static const char *path;
static struct erofs_writer writer;
static struct erofs_xattrs xattrs;

static char byte_at(uint64_t at)
{
        return (char)(1 + at % 251);
}

static const char *name_of(size_t i)
{
        return arena_format(&arena, "%02zu", i);
}

static void begin(void)
{
        strcpy(base, "/var/tmp/husk-erofs-XXXXXX");
        CHECK(mkdtemp(base));
        path = arena_format(&arena, "%s/fs.erofs", base);
}

static void end(void)
{
        CHECK_INT(file_remove_tree(AT_FDCWD, base), 0);
        arena_free(&arena);
}

/* -- writing -------------------------------------------------------------------------------------------- */

static int add_file(const struct sample *sample, uint64_t *ret_nid)
{
        static char bytes[2 << 20];
        struct erofs_inode inode = { .mode = S_IFREG | 0644, .links = 1 };
        struct erofs_place place;
        int r;

        xattrs.size = 0;
        if (sample->xattr)
                CHECK_INT(erofs_add_xattr(&xattrs, "user.a", bytes, sample->xattr), 0);
        inode.xattrs = xattrs.bytes;
        inode.xattrs_size = xattrs.size;
        r = erofs_place_data(&writer, sample->size, xattrs.size, &place);
        for (size_t i = 0; r == 0 && i < PIECES && sample->written[i].size; i++) {
                const struct piece *piece = &sample->written[i];

                for (uint64_t at = 0; at < piece->size; at++)
                        bytes[at] = byte_at(piece->offset + at);
                r = erofs_write(&writer, &place, piece->offset, bytes, piece->size);
        }
        if (r == 0)
                r = erofs_add_inode(&writer, &inode, &place);
        *ret_nid = place.nid;
        return r;
}

/* An image of these files, "00" and so on, in its root. */
static void write_image(const struct sample *list, size_t n)
{
        static const uint8_t uuid[16];
        auto_close fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct erofs_inode inode = { .mode = S_IFDIR | 0755, .links = 2 };
        struct erofs_name *names = arena_array(&arena, n + 2, sizeof *names);
        struct erofs_place root;
        char block[EROFS_BLOCK];
        size_t used;

        CHECK(fd >= 0);
        erofs_begin(&writer, fd);
        names[0] = (struct erofs_name){ ".", 1, EROFS_DIRECTORY, 128 };
        names[1] = (struct erofs_name){ "..", 2, EROFS_DIRECTORY, 128 };
        for (size_t i = 0; i < n; i++) {
                names[2 + i] = (struct erofs_name){ name_of(i), 2, EROFS_FILE, 0 };
                CHECK_INT(add_file(&list[i], &names[2 + i].nid), 0);
        }
        CHECK_INT(erofs_pack(names, n + 2, block, &used), n + 2);
        CHECK_INT(erofs_place_data(&writer, used, 0, &root), 0);
        CHECK_INT(erofs_place_inode(&writer, true, &root), 0);
        CHECK_INT(erofs_end_places(&writer), 0);
        CHECK_INT(erofs_write(&writer, &root, 0, block, used), 0);
        CHECK_INT(erofs_fill_inode(&writer, &inode, &root), 0);
        CHECK_INT(erofs_end(&writer, &root, uuid), 0);
}

/* Others find no fault with it. */
static void check_by_others(void)
{
        CHECK_INT(
                system(arena_format(
                        &arena,
                        "! command -v fsck.erofs >/dev/null || fsck.erofs %s >%s/said 2>&1 || "
                        "{ cat %s/said; exit 1; }",
                        path, base, base)),
                0);
}

/* -- reading -------------------------------------------------------------------------------------------- */

static char expected(const struct sample *sample, uint64_t at)
{
        for (size_t i = 0; i < PIECES; i++)
                if (at >= sample->written[i].offset &&
                    at - sample->written[i].offset < sample->written[i].size)
                        return byte_at(at);
        return '\0';
}

/* What the reader and, where there is one, the mount have from `at` on. */
static void check_range(
        const struct sample *sample, const struct erofs_image *image, const struct erofs_file *file,
        int fd, uint64_t at)
{
        char bytes[3000], again[sizeof bytes];
        size_t size = sizeof bytes;

        if (at >= sample->size)
                return;
        if (size > sample->size - at)
                size = (size_t)(sample->size - at);
        CHECK_INT(erofs_read(image, file, at, bytes, size), 0);
        for (size_t i = 0; i < size; i++)
                CHECK_INT(bytes[i], expected(sample, at + i));
        if (fd < 0)
                return;
        CHECK_INT(pread(fd, again, size, (off_t)at), size);
        CHECK(memcmp(bytes, again, size) == 0);
}

static void check_file(
        const struct sample *sample, const struct erofs_image *image, const char *name, int tree)
{
        auto_close fd = tree < 0 ? NO_FD : openat(tree, name, O_RDONLY | O_CLOEXEC);
        struct file_data data = { 0 };
        struct erofs_file file;
        char byte;

        CHECK(tree < 0 || fd >= 0);
        CHECK_INT(erofs_look(image, name, &file), 0);
        CHECK_INT(file.size, sample->size);
        CHECK_INT(file.is_chunked, sample->is_chunked);
        CHECK(erofs_read(image, &file, sample->size, &byte, 1) < 0);
        check_range(sample, image, &file, fd, 0);
        check_range(sample, image, &file, fd, sample->size / 2);
        check_range(sample, image, &file, fd, sample->size < 2000 ? 0 : sample->size - 2000);
        for (size_t i = 0; i < PIECES && sample->written[i].size; i++) {
                const uint64_t from = sample->written[i].offset,
                               to = from + sample->written[i].size;

                check_range(sample, image, &file, fd, from < 1500 ? 0 : from - 1500);
                check_range(sample, image, &file, fd, to < 1500 ? 0 : to - 1500);
                check_range(sample, image, &file, fd, to & ~(MIB - 1));
        }
        for (size_t i = 0; fd >= 0 && i < PIECES && sample->data[i].size; i++) {
                CHECK_INT(file_next_data(fd, data.end, sample->size, &data), 1);
                CHECK_INT(data.begin, sample->data[i].offset);
                CHECK_INT(data.end - data.begin, sample->data[i].size);
        }
        if (fd >= 0)
                CHECK_INT(file_next_data(fd, data.end, sample->size, &data), 0);
}

TEST(large_holes_are_holes_for_who_reads)
{
        auto_close fd = NO_FD, tree = NO_FD, lock = NO_FD;
        struct erofs_image image;
        struct stat st;

        begin();
        write_image(samples, ARRAY_SIZE(samples));
        check_by_others();
        fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK_INT(erofs_open(fd, &image), 0);
        if (geteuid() == 0)
                tree = mount_image(path, &lock); /* not on every kernel */
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                check_file(&samples[i], &image, name_of(i), tree);
        /* The table of 64 GiB is 256 KiB. */
        CHECK_INT(fstat(fd, &st), 0);
        CHECK((uint64_t)st.st_blocks * 512 < 4 * MIB);
        end();
}

/* Older kernels, and who compares layers with those of before, know nothing of chunks. */
TEST(an_image_without_large_holes_has_no_chunks)
{
        auto_close fd = NO_FD;
        char features[4];

        begin();
        write_image(samples, 5);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK_INT(tree_read(fd, 1024 + 80, features, sizeof features), 0);
        CHECK(memcmp(features, "\0\0\0\0", sizeof features) == 0);
        write_image(samples, 6);
        file_close(&fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK_INT(tree_read(fd, 1024 + 80, features, sizeof features), 0);
        CHECK(memcmp(features, "\4\0\0\0", sizeof features) == 0);
        end();
}

TEST(a_hole_that_fills_an_image_takes_a_table_of_32_MiB)
{
        static const struct sample all = { .size = 8 * TIB - 4 * K * MIB, .is_chunked = true };
        static const struct sample more = { .size = 8 * TIB };
        auto_close fd = NO_FD;
        struct erofs_image image;
        struct stat st;
        uint64_t nid;

        begin();
        write_image(&all, 1);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK_INT(erofs_open(fd, &image), 0);
        check_file(&all, &image, "00", NO_FD);
        CHECK_INT(fstat(fd, &st), 0);
        CHECK((uint64_t)st.st_blocks * 512 < 33 * MIB);
        file_close(&fd);
        fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
        erofs_begin(&writer, fd);
        CHECK_INT(add_file(&more, &nid), -EFBIG);
        end();
}

/* A table says where chunks are; one that says what cannot be is damage. */
TEST(a_table_that_lies_is_damage)
{
        static const struct sample one = { 2 * MIB, { { MIB, 9 } }, true, { { MIB, MIB } }, 0 };
        auto_close fd = NO_FD;
        struct erofs_image image;
        struct erofs_file file;
        char byte;

        begin();
        write_image(&one, 1);
        fd = open(path, O_RDWR | O_CLOEXEC);
        CHECK_INT(erofs_open(fd, &image), 0);
        CHECK_INT(erofs_look(&image, "00", &file), 0);
        CHECK_INT(erofs_read(&image, &file, MIB, &byte, 1), 0);
        CHECK_INT(byte, byte_at(MIB));
        CHECK_INT(tree_write(fd, file.at + file.head + 4, "\xfe\xff\xff\xff", 4), 0);
        CHECK(erofs_read(&image, &file, MIB, &byte, 1) < 0);
        /* Chunks of another size, and a directory of chunks. */
        CHECK_INT(tree_write(fd, file.at + 16, "\x07", 1), 0);
        CHECK_INT(erofs_look(&image, "00", &file), -EBADMSG);
        CHECK_INT(tree_write(fd, file.at + 16, "\x08", 1), 0);
        CHECK_INT(erofs_look(&image, "00", &file), 0);
        CHECK_INT(tree_write(fd, file.at + 4, "\xed\x41", 2), 0);
        CHECK_INT(erofs_look(&image, "00", &file), -EBADMSG);
        end();
}

/* A layer of one file, of which a byte was written every `step`. */
static int unpack(uint64_t size, uint64_t step, uint64_t most)
{
        const struct layer_options options = { .image = true, .bytes_max = most };
        const struct tar_entry entry = {
                .type = TAR_FILE, .mode = 0644, .path = "f", .link = "", .size = size
        };
        auto_close fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        static struct layer_writer layer;
        int r;

        trail_reset();
        layer_begin(&layer, fd, &options);
        r = layer_add(&layer, &entry);
        for (uint64_t at = 0; r == 0 && at < size; at += step)
                r = layer_write(&layer, at, "x", 1);
        if (r == 0)
                r = layer_end(&layer);
        layer_abort(&layer);
        return r;
}

TEST(what_is_no_hole_is_data_whatever_was_written_of_it)
{
        begin();
        CHECK_INT(unpack(64 * MIB, 4 * MIB, 16 * MIB), 0);
        CHECK_INT(unpack(64 * MIB, 4 * MIB, 16 * MIB - 1), -E2BIG);
        CHECK(strstr(trail_text(), "too large together, holes of less than a MiB counted"));
        /* Without a large hole all of it. */
        CHECK_INT(unpack(64 * MIB, MIB, 64 * MIB), 0);
        CHECK_INT(unpack(64 * MIB, MIB, 64 * MIB - 1), -E2BIG);
        CHECK_INT(unpack(MIB - 1, 4 * MIB, MIB - 1), 0);
        CHECK_INT(unpack(MIB - 1, 4 * MIB, MIB - 2), -E2BIG);
        end();
}
