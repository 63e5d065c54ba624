/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "unit/store/archive.h"

#include <fcntl.h>

#include <sys/stat.h>

/* Theory of operation: archives put together by hand, each wrong in one place; and archives that GNU tar
 * writes in each of its formats, of a tree with everything awkward in it, read back. */

static struct arena arena;

/* -- reading ------------------------------------------------------------------------------------------ */

static struct tar_reader reader;

static int next(struct tar_entry *ret_entry)
{
        if (archive.at == 0)
                tar_begin(&reader, give, &archive);
        trail_reset();
        return tar_next(&reader, ret_entry);
}

static void refused(const char *words)
{
        struct tar_entry entry;
        int r;

        trail_reset();
        tar_begin(&reader, give, &archive);
        while ((r = tar_next(&reader, &entry)) > 0) {
                char buffer[999];
                uint64_t offset;
                ssize_t n;

                while ((n = tar_data(&reader, buffer, sizeof buffer, &offset)) > 0)
                        continue;
                if (n < 0) {
                        r = (int)n;
                        break;
                }
        }
        CHECK(r < 0);
        CHECK_STR(trail_text(), words);
        tar_end(&reader);
}

TEST(tar_reads_plain_entries)
{
        for (size_t step = 1; step < 2000; step += 333) {
                struct tar_entry entry;
                char buffer[100];
                uint64_t offset = 99;

                clear();
                archive.step = step;
                put_header("dir/", '5', 0, "");
                put_header("dir/file", '0', 5, "");
                put_data("hello", 5);
                put_header("link", '2', 0, "dir/file");
                put_header("hard", '1', 700, "dir/file"); /* a size that means nothing */
                put_header("old/", '\0', 0, "");
                memset(archive.bytes + archive.size, 0, 1024);
                archive.size += 1024;
                put("rubbish", 7);

                CHECK_INT(next(&entry), 1);
                CHECK_INT(entry.type, TAR_DIRECTORY);
                CHECK_STR(entry.path, "dir/");
                CHECK_INT(entry.uid, 1);
                CHECK_INT(entry.gid, 2);
                CHECK_INT(entry.mtime_s, 1700000000);
                CHECK_INT(next(&entry), 1);
                CHECK_INT(entry.type, TAR_FILE);
                CHECK_INT(entry.mode, 0644);
                CHECK_INT(entry.size, 5);
                CHECK(tar_data(&reader, buffer, sizeof buffer, &offset) > 0);
                CHECK_INT(offset, 0);
                CHECK_INT(buffer[0], 'h');
                CHECK_INT(next(&entry), 1); /* the rest is passed over */
                CHECK_INT(entry.type, TAR_SYMLINK);
                CHECK_STR(entry.link, "dir/file");
                CHECK_INT(next(&entry), 1);
                CHECK_INT(entry.type, TAR_HARD_LINK);
                CHECK_INT(entry.size, 0);
                CHECK_INT(next(&entry), 1);
                CHECK_INT(entry.type, TAR_DIRECTORY);
                CHECK_INT(next(&entry), 0);
                CHECK_INT(next(&entry), 0);
                tar_end(&reader);
        }
}

TEST(tar_reads_large_numbers_and_long_names)
{
        struct tar_entry entry;
        char name[300], *header;

        clear();
        memset(name, 'n', sizeof name);
        name[299] = '\0';
        put_record("path", name);
        put_record("linkpath", "to/there");
        put_record("mtime", "-1.25");
        put_record("uid", "4294967294");
        put_record("SCHILY.xattr.user.a", "one");
        header = put_header("short", '2', 0, "x");
        memcpy(header + 116, "\x80\0\0\0\x12\x34\x56\x78", 8);
        put_sum(header);
        header = put_header("end", '0', 0, "");
        memcpy(header + 345, "the/beginning", 13);
        put_sum(header);

        CHECK_INT(next(&entry), 1);
        CHECK_STR(entry.path, name);
        CHECK_STR(entry.link, "to/there");
        CHECK_INT(entry.mtime_s, -2);
        CHECK_INT(entry.mtime_ns, 750000000);
        CHECK_INT(entry.uid, 4294967294);
        CHECK_INT(entry.gid, 0x12345678);
        CHECK_INT(entry.n_xattrs, 1);
        CHECK_STR(entry.xattrs[0].name, "user.a");
        CHECK_INT(entry.xattrs[0].size, 3);
        CHECK_INT(next(&entry), 1);
        CHECK_STR(entry.path, "the/beginning/end");
        CHECK_INT(entry.n_xattrs, 0); /* what is said of one entry is not said of the next */
        CHECK_INT(next(&entry), 0);
        tar_end(&reader);
}

TEST(tar_reads_pieces)
{
        struct tar_entry entry;
        char buffer[100];
        uint64_t offset;

        clear();
        put_record("GNU.sparse.size", "1000000");
        put_record("GNU.sparse.map", "0,2,999997,3");
        put_header("sparse", '0', 5, "");
        put_data("abcde", 5);
        CHECK_INT(next(&entry), 1);
        CHECK_INT(entry.size, 1000000);
        CHECK_INT(tar_data(&reader, buffer, sizeof buffer, &offset), 2);
        CHECK_INT(offset, 0);
        CHECK_INT(tar_data(&reader, buffer, sizeof buffer, &offset), 3);
        CHECK_INT(offset, 999997);
        CHECK_INT(memcmp(buffer, "cde", 3), 0);
        CHECK_INT(tar_data(&reader, buffer, sizeof buffer, &offset), 0);
        CHECK_INT(next(&entry), 0);
        tar_end(&reader);
}

TEST(tar_takes_an_archive_that_nobody_closed)
{
        struct tar_entry entry;

        clear();
        put_header("file", '0', 5, "");
        put_data("hello", 5);
        for (size_t cut = 1; cut <= 507; cut += 253) {
                archive.at = 0;
                archive.size = 1024 - cut;
                CHECK_INT(next(&entry), 1);
                CHECK_INT(next(&entry), 0);
                CHECK_INT(next(&entry), 0);
                tar_end(&reader);
        }
}

TEST(tar_refuses_what_is_broken)
{
        char *header;

        clear();
        put_header("a", '0', 0, "")[0] = 'b';
        refused("entry 1: its header's checksum is wrong: not a tar archive, or a damaged one");
        clear();
        put_header("a", '0', 1000, "");
        refused("entry 1: the archive ends within its data");
        clear();
        put_header("a", '5', 0, "");
        archive.size -= 100;
        refused("entry 0: the archive ends within it");
        clear();
        put_header("a\x1b[m", 'M', 0, "");
        refused("entry 1 ('a\\x1b[m'): type 77 is none that a layer can have");
        clear();
        put_header("", '0', 0, "");
        refused("entry 1: it has no name");
        clear();
        put_header("a", '2', 0, "");
        refused("entry 1 ('a'): a link to nothing");
        clear();
        header = put_header("a", '0', 0, "");
        memcpy(header + 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
        put_sum(header);
        refused("entry 1: its size is none");
        clear();
        header = put_header("a", '0', 0, "");
        memcpy(header + 124, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
        put_sum(header);
        refused("entry 1: its size is none");
        clear();
        put_record("uid", "4294967295");
        put_header("a", '0', 0, "");
        refused("entry 2 ('a'): its owner is no id");
        clear();
        put_record("path", "b");
        refused("entry 1: the archive ends behind a header about nothing");
}

TEST(tar_refuses_broken_extended_headers)
{
        static const char *const wrong[] = { "5",        "5 a=b",     "99 a=b\n", "6 a=bc\n",
                                             "0 a=b\n",  "3 \n",      "6 abc\n",  "-6 a=b\n",
                                             " 6 a=b\n", "6  a=b\n8", "2 ",       "\n" };
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                clear();
                put_records(wrong[i], strlen(wrong[i]));
                put_header("a", '0', 0, "");
                refused("entry 1: its extended header is broken");
        }
        clear();
        put_records("12 path=a\0b\n", 12);
        put_header("a", '0', 0, "");
        refused("entry 1: its extended header has a NUL byte in it");
        clear();
        put_header("pax", 'x', TAR_PAX_MAX + 1, "");
        refused("entry 1: its extended header is larger than 1 MiB");
        clear();
        put_header("././@LongLink", 'L', TAR_PATH_MAX + 1, "");
        refused("entry 1: its name is longer than 4095 bytes");
        clear();
        for (int i = 0; i <= TAR_ABOUT_MAX; i++)
                put_record("path", "a");
        refused("entry 9: too many headers about one entry");
        clear();
        put_record("mtime", "12:00");
        refused("entry 1: its time is none");
}

TEST(tar_refuses_pieces_that_do_not_fit)
{
        static const struct {
                const char *map, *words;
        } wrong[] = {
                { "0,2,1,3", "entry 3 ('s'): a sparse file's pieces do not fit in it" },
                { "0,2,9,3", "entry 3 ('s'): a sparse file's pieces do not fit in it" },
                { "0,2,18446744073709551615,3",
                  "entry 3 ('s'): a sparse file's pieces do not fit in it" },
                { "0,2", "entry 3 ('s'): a sparse file has not the data that its map says" },
                { "0,2,3", "entry 2: a sparse file's map is broken" },
                { "0,x", "entry 2: a sparse file's map is broken" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                clear();
                put_record("GNU.sparse.size", "10");
                put_record("GNU.sparse.map", wrong[i].map);
                put_header("s", '0', 5, "");
                put_data("abcde", 5);
                refused(wrong[i].words);
        }
}

/* -- archives of GNU tar ---------------------------------------------------------------------------------- */

static ssize_t give_file(void *context, void *buffer, size_t size)
{
        return read(*(int *)context, buffer, size);
}

static void shell(const char *words)
{
        CHECK_INT(system(words), 0);
}

/* The sum over names, types, sizes, and bytes where they stand, of all entries in order. */
static const char *describe(const char *path)
{
        struct text all = { .arena = &arena };
        int fd = open(path, O_RDONLY | O_CLOEXEC), r;
        struct tar_entry entry;

        CHECK(fd >= 0);
        tar_begin(&reader, give_file, &fd);
        while ((r = tar_next(&reader, &entry)) > 0) {
                char buffer[65536];
                uint64_t offset, sum = 0;
                ssize_t n;

                while ((n = tar_data(&reader, buffer, sizeof buffer, &offset)) > 0)
                        for (ssize_t i = 0; i < n; i++)
                                sum += (unsigned char)buffer[i] * (offset + (uint64_t)i + 1);
                CHECK_INT(n, 0);
                text_addf(
                        &all, "%d %04o %zu %lu %lu %s%s\n", (int)entry.type, entry.mode,
                        strlen(entry.path), (unsigned long)entry.size, (unsigned long)sum,
                        strlen(entry.path) < 40 ? entry.path : "...", entry.link);
        }
        CHECK_STR(trail_text(), "");
        CHECK_INT(r, 0);
        tar_end(&reader);
        close(fd);
        return text_string(&all);
}

TEST(tar_reads_what_gnu_tar_writes)
{
        static const char *const formats[] = {
                "--format=gnu",
                "--format=gnu --sparse",
                "--format=pax",
                "--format=pax --sparse --sparse-version=0.0",
                "--format=pax --sparse --sparse-version=0.1",
                "--format=pax --sparse --sparse-version=1.0",
        };
        char directory[] = "/tmp/husk-tar.XXXXXX", words[800];
        const char *first = NULL;

        CHECK(mkdtemp(directory));
        text_format(
                words, sizeof words,
                "cd %s && mkdir t && cd t && long=$(printf %%0150d 7) && "
                "echo hello >file && chmod 4751 file && ln file hard && ln -s file soft && "
                "mkdir -p $long/$long && echo deep >$long/$long/file && ln -s $long/$long far && "
                "truncate -s 300000 holes && "
                "for at in 0 70000 140000 210000 299999; do "
                "printf x$at | dd of=holes bs=1 seek=$at conv=notrunc status=none; done && "
                "mkfifo fifo && truncate -s 123456 empty",
                directory);
        shell(words);
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                const char *seen;

                text_format(
                        words, sizeof words, "cd %s && tar -c --sort=name %s -f a.tar t", directory,
                        formats[i]);
                shell(words);
                text_format(words, sizeof words, "%s/a.tar", directory);
                trail_reset();
                seen = describe(words);
                if (!first) {
                        first = seen;
                        CHECK(strstr(seen, "0 4751 6 6 "));
                        CHECK(strstr(seen, "6 0644 6 0 0 t/fifo"));
                        CHECK(strstr(seen, " 300006 "));
                }
                CHECK_STR(seen, first);
        }
        text_format(words, sizeof words, "rm -rf %s", directory);
        shell(words);
}
