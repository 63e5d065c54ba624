/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "store/store.h"
#include "tap.h"

#include <fcntl.h>

#include <sys/mman.h>

/* Theory of operation: what a writer of good will sends is tested with the layers (test_layer.c); these are the
 * streams of others, in a file instead of a pipe. */

static char base[] = "/tmp/husk-stream.XXXXXX";
static struct stream_writer writer;
static struct layer_writer layer;
static int root = NO_FD, file = NO_FD;

static void begin(void)
{
        CHECK(mkdtemp(base));
        root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(root >= 0);
}

static void end(void)
{
        char command[100];

        text_format(command, sizeof command, "rm -r %s", base);
        CHECK_INT(system(command), 0);
}

static void open_stream(void)
{
        file_close(&file);
        file = memfd_create("stream", MFD_CLOEXEC);
        CHECK_INT(stream_begin(&writer, file), 0);
}

static int unpack(void)
{
        const struct layer_options options = { .user_xattrs = true };

        CHECK_INT(lseek(file, 0, SEEK_SET), 0);
        trail_reset();
        layer_begin(&layer, root, &options);
        return stream_unpack(&layer, file);
}

static void must_refuse(const char *words)
{
        CHECK_INT(unpack(), -EBADMSG);
        CHECK_STR(trail_text(), words);
}

static struct tar_entry plain(void)
{
        return (struct tar_entry){ .type = TAR_FILE,
                                   .path = "file",
                                   .link = "",
                                   .mode = 0644,
                                   .uid = geteuid(),
                                   .gid = getegid(),
                                   .size = 5,
                                   .mtime_s = 1600000000 };
}

TEST(stream_ends_where_it_says_so)
{
        struct tar_entry entry = plain();
        off_t size;

        begin();
        open_stream();
        CHECK_INT(stream_entry(&writer, &entry), 0);
        CHECK_INT(stream_data(&writer, 0, "hello", 5), 0);
        CHECK_INT(stream_end(&writer), 0);
        CHECK_INT(unpack(), 0);
        for (size = lseek(file, 0, SEEK_END); size-- > 0;) {
                CHECK_INT(ftruncate(file, size), 0);
                CHECK_INT(unpack(), -EBADMSG);
        }
        end();
}

TEST(stream_refuses_entries_that_no_archive_has)
{
        static char text[TAR_PATH_MAX + 1], value[(64 << 10) + 1];
        static struct tar_xattr xattrs[TAR_XATTRS_MAX + 1];
        static const char words[] =
                "the stream of the layer's entries, at entry 1: it is none that an archive could have";
        struct tar_xattr none = { .name = "", .value = "", .size = 0 };
        struct tar_xattr large = { .name = "user.x", .value = value, .size = sizeof value };

        memset(text, 'x', TAR_PATH_MAX);
        for (size_t i = 0; i < ARRAY_SIZE(xattrs); i++)
                xattrs[i] = (struct tar_xattr){ .name = "user.x", .value = "", .size = 0 };
        begin();
        for (int i = 0; i < 15; i++) {
                struct tar_entry entry = plain();

                switch (i) {
                case 0:
                        entry.type = (enum tar_type)7;
                        break;
                case 1:
                        entry.mode = 010000;
                        break;
                case 2:
                        entry.uid = UINT32_MAX;
                        break;
                case 3:
                        entry.gid = UINT32_MAX;
                        break;
                case 4:
                        entry.size = UINT64_MAX;
                        break;
                case 5:
                        entry.mtime_ns = 1000000000;
                        break;
                case 6:
                        entry.major = 0x1000;
                        break;
                case 7:
                        entry.minor = 0x100000;
                        break;
                case 8:
                        entry.path = "";
                        break;
                case 9:
                        entry.path = text;
                        break;
                case 10:
                        entry.link = "x";
                        break;
                case 11:
                        entry.type = TAR_SYMLINK;
                        break;
                case 12:
                        entry.xattrs = &none, entry.n_xattrs = 1;
                        break;
                case 13:
                        entry.xattrs = &large, entry.n_xattrs = 1;
                        break;
                default:
                        entry.xattrs = xattrs, entry.n_xattrs = ARRAY_SIZE(xattrs);
                        break;
                }
                open_stream();
                CHECK_INT(stream_entry(&writer, &entry), 0);
                CHECK_INT(stream_end(&writer), 0);
                must_refuse(words);
        }
        end();
}

TEST(stream_refuses_data_out_of_place)
{
        struct tar_entry entry = plain();

        static const struct {
                uint64_t first, second;
        } wrong[] = { { 0, 2 }, { 3, 0 }, { 0, 3 }, { 6, 0 }, { UINT64_MAX, 0 } };

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                open_stream();
                CHECK_INT(stream_entry(&writer, &entry), 0);
                CHECK_INT(stream_data(&writer, wrong[i].first, "abc", 3), 0);
                CHECK_INT(stream_data(&writer, wrong[i].second, "abc", 3), 0);
                CHECK_INT(stream_end(&writer), 0);
                must_refuse(
                        "the stream of the layer's entries, at entry 1: data where there can be none");
        }
        open_stream();
        CHECK_INT(stream_data(&writer, 0, "abc", 3), 0);
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 0: data where there can be none");
        entry.type = TAR_DIRECTORY;
        open_stream();
        CHECK_INT(stream_entry(&writer, &entry), 0);
        CHECK_INT(stream_data(&writer, 0, "abc", 3), 0);
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 1: data where there can be none");
        open_stream();
        CHECK_INT(stream_data(&writer, 0, "", 0), 0);
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 0: data without bytes");
        end();
}

TEST(stream_refuses_other_records)
{
        struct tar_entry entry = plain();
        uint32_t record[2] = { 4, 0 };

        begin();
        open_stream();
        writer.buffer[7]++;
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 0: it is of another version");
        open_stream();
        memcpy(writer.buffer + writer.used, record, sizeof record);
        writer.used += sizeof record;
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 0: a record of no kind");
        open_stream();
        record[0] = 1;
        record[1] = STREAM_ENTRY_MAX + 1;
        memcpy(writer.buffer + writer.used, record, sizeof record);
        writer.used += sizeof record;
        CHECK_INT(stream_end(&writer), 0);
        must_refuse("the stream of the layer's entries, at entry 1: it is too large");
        open_stream();
        CHECK_INT(stream_entry(&writer, &entry), 0);
        writer.entries++;
        CHECK_INT(stream_end(&writer), 0);
        must_refuse(
                "the stream of the layer's entries, at entry 1: it has other entries than it says");
        end();
}

/* What a pipe holds is less than this; who writes it is another process. */
TEST(stream_carries_what_no_buffer_holds)
{
        enum {
                SIZE = 3 << 20
        };

        struct tar_entry entry = plain();
        auto_arena arena = { 0 };
        char *bytes = arena_alloc(&arena, SIZE);
        struct text got;
        int pair[2], status;
        pid_t child;

        for (size_t i = 0; i < SIZE; i++)
                bytes[i] = (char)(i * 7 + (i >> 9));
        begin();
        entry.size = SIZE;
        CHECK_INT(pipe2(pair, O_CLOEXEC), 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
                int r = stream_begin(&writer, pair[1]);

                if (r == 0)
                        r = stream_entry(&writer, &entry);
                for (size_t at = 0, step = 1; r == 0 && at < SIZE;
                     at += step, step = step * 2 + 1) {
                        step = step < SIZE - at ? step : SIZE - at;
                        r = stream_data(&writer, at, bytes + at, step);
                }
                _exit(r < 0 || stream_end(&writer) < 0);
        }
        close(pair[1]);
        file = pair[0];
        layer_begin(&layer, root, &(struct layer_options){ 0 });
        CHECK_INT(stream_unpack(&layer, file), 0);
        CHECK_INT(process_wait(child, &status), 0);
        CHECK_INT(status, 0);
        CHECK_INT(file_read(&arena, root, "file", SIZE, &got), 0);
        CHECK_INT(got.len, SIZE);
        CHECK(memcmp(got.data, bytes, SIZE) == 0);
        end();
}
