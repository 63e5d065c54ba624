/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tap.h"
#include "unit/store/archive.h"

#include <fcntl.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Theory of operation: archives are unpacked into a real directory, with a victim beside it that every
 * hostile one aims at; whatever happens, the victim stays as it was, down to its times. As root: owners,
 * devices and overlayfs's attributes need it. */

static char base[] = "/tmp/husk-layer.XXXXXX";
static struct arena arena;
static struct layer_writer layer;
static int root = NO_FD;

static const char *output(const char *words)
{
        struct text all = { .arena = &arena };
        FILE *pipe_ = popen(words, "re");
        char line[4096];

        CHECK(pipe_);
        while (fgets(line, sizeof line, pipe_))
                text_add(&all, line);
        CHECK_INT(pclose(pipe_), 0);
        return text_string(&all);
}

static const char *victim(void)
{
        return output(arena_format(
                &arena,
                "cd %s/victim && find . -printf '%%p %%y %%m %%U %%n %%T@ %%C@ %%l\\n' | sort && cat file",
                base));
}

static const char *before;

static void begin(void)
{
        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK(mkdtemp(base));
        output(arena_format(
                &arena,
                "cd %s && mkdir layer victim && echo mine >victim/file && chmod 600 victim/file",
                base));
        root = open(arena_format(&arena, "%s/layer", base), O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(root >= 0);
        before = victim();
        clear();
}

static void end(void)
{
        CHECK_STR(victim(), before);
        output(arena_format(&arena, "rm -rf %s", base));
        close(root);
}

/* The archive's entries into a file, as who reads it sends them to who writes. */
static int send_all(int to)
{
        static struct stream_writer writer;
        struct tar_reader reader;
        struct tar_entry entry;
        int r = stream_begin(&writer, to), got;

        tar_begin(&reader, give, &archive);
        while (r == 0 && (got = tar_next(&reader, &entry)) > 0) {
                char bytes[700];
                uint64_t offset;
                ssize_t n;

                r = stream_entry(&writer, &entry);
                while (r == 0 && (n = tar_data(&reader, bytes, sizeof bytes, &offset)) > 0)
                        r = stream_data(&writer, offset, bytes, (size_t)n);
        }
        tar_end(&reader);
        archive.at = 0;
        return r == 0 ? stream_end(&writer) : r;
}

/* All that a directory says of its files, with now as one moment. */
static const char *everything(const char *dir)
{
        return output(arena_format(
                &arena,
                "tar -C %s/%s --sort=name --numeric-owner --format=pax --xattrs --xattrs-include='*' "
                "--pax-option=delete=atime,delete=ctime --clamp-mtime --mtime=@1790000000 -cf - . "
                "| sha256sum",
                base, dir));
}

/* The same without times, which directories that are only implied have of their own. */
static const char *contents(const char *dir)
{
        return output(arena_format(
                &arena,
                "cd %s && tar --sort=name --numeric-owner --format=pax --xattrs --xattrs-include='*' "
                "--pax-option=delete=atime,delete=ctime --mtime=@0 -cf - . | sha256sum; "
                "find . ! -type d ! -type c -printf '%%P %%T@ %%n %%b\n' | sed 's/ [0-9]*$//' | "
                "LC_ALL=C sort | sha256sum",
                dir));
}

/* Without a mount the image says of each name what the directory says. */
static void read_image(const char *image)
{
        const char *const paths[] = { image, arena_format(&arena, "%s/layer", base) };
        char *names = arena_string(
                &arena, output(arena_format(&arena, "cd %s && find . -printf '%%P\n'", paths[1])));
        struct view view[2];

        for (size_t i = 0; i < 2; i++)
                CHECK_INT(view_open_layers(&arena, &paths[i], 1, true, &view[i]), 0);
        CHECK_INT(view_root_mode(&view[0]), view_root_mode(&view[1]));
        for (char *name = names, *end; (end = strchr(name, '\n')); name = end + 1) {
                struct text text[2] = { { .arena = &arena }, { .arena = &arena } };
                int r[2];

                *end = '\0';
                for (size_t i = 0; i < 2; i++)
                        r[i] = view_read(&arena, &view[i], name, 1 << 20, &text[i]);
                CHECK_INT(r[0], r[1]);
                CHECK_INT(text[0].len, text[1].len);
                CHECK(memcmp(text_string(&text[0]), text_string(&text[1]), text[0].len) == 0);
        }
        for (size_t i = 0; i < 2; i++)
                view_close(&view[i]);
}

/* A third time, into an image: it is refused with the same words, or it shows the same, and others find no fault with
 * it. */
static void unpack_image(struct layer_options options, int r, const char *words)
{
        const char *path = arena_format(&arena, "%s/fs.erofs", base);
        auto_close file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        auto_close tree = NO_FD, lock = NO_FD;
        struct layer_writer third;
        struct tar_reader reader;

        options.image = true;
        archive.at = 0;
        trail_reset();
        tar_begin(&reader, give, &archive);
        layer_begin(&third, file, &options);
        CHECK_INT(layer_unpack(&third, &reader), r);
        CHECK_STR(trail_text(), words);
        tar_end(&reader);
        if (r < 0)
                return;
        CHECK_INT(third.entries, layer.entries);
        CHECK_INT(third.bytes, layer.bytes);
        output(arena_format(&arena, "! command -v fsck.erofs >/dev/null || fsck.erofs %s", path));
        read_image(path);
        tree = mount_image(path, &lock);
        if (tree < 0)
                return; /* this kernel cannot */
        CHECK_STR(
                contents(arena_format(&arena, "/proc/%d/fd/%d", (int)getpid(), tree)),
                contents(arena_format(&arena, "%s/layer", base)));
}

/* Thrice: by itself into `layer`, through a stream into `streamed`, and into an image, which must all be the same. */
static int unpack(const struct layer_options *options)
{
        auto_close to = NO_FD, pipe_ = memfd_create("stream", MFD_CLOEXEC);
        struct layer_writer second;
        struct tar_reader reader;
        const char *words;
        int r, again;

        output(arena_format(&arena, "cd %s && rm -rf streamed && cp -a layer streamed", base));
        to = open(arena_format(&arena, "%s/streamed", base), O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK_INT(send_all(pipe_), 0);
        CHECK_INT(lseek(pipe_, 0, SEEK_SET), 0);
        trail_reset();
        layer_begin(&second, to, options);
        again = stream_unpack(&second, pipe_);
        words = arena_string(&arena, trail_text());
        trail_reset();
        tar_begin(&reader, give, &archive);
        layer_begin(&layer, root, options);
        r = layer_unpack(&layer, &reader);
        tar_end(&reader);
        CHECK_INT(again, r);
        CHECK_STR(words, trail_text());
        CHECK_INT(second.entries, layer.entries);
        CHECK_INT(second.bytes, layer.bytes);
        CHECK_INT(second.passed, layer.passed);
        CHECK_STR(everything("streamed"), everything("layer"));
        if (!options->user_xattrs)
                unpack_image(*options, r, words);
        return r;
}

/* Names of all entries with type, mode, owner and what links say. */
static const char *listing(void)
{
        return output(arena_format(
                &arena,
                "cd %s/layer && find . -mindepth 1 -printf '%%P %%y %%m %%U:%%G %%l\\n' | LC_ALL=C sort",
                base));
}

static void must_refuse(const char *words)
{
        CHECK(unpack(&(struct layer_options){ 0 }) < 0);
        CHECK_STR(trail_text(), words);
}

static void attribute(const char *path, const char *name, const char *expected)
{
        char value[100] = "";
        ssize_t size = lgetxattr(
                arena_format(&arena, "%s/layer/%s", base, path), name, value, sizeof value - 1);

        CHECK_STR(size < 0 ? "none" : value, expected);
}

static void modify(char *header, unsigned mode, const char *major, const char *minor)
{
        text_format(header + 100, 8, "%07o", mode);
        memcpy(header + 329, major, strlen(major));
        memcpy(header + 337, minor, strlen(minor));
        put_sum(header);
}

TEST(layer_has_what_the_archive_says)
{
        struct stat st;

        begin();
        modify(put_header("./dir/", '5', 0, ""), 01777, "", "");
        put_record("SCHILY.xattr.user.color", "blue");
        put_record("mtime", "1600000000.5");
        modify(put_header("dir/file", '0', 5, ""), 04755, "", "");
        put_data("hello", 5);
        put_header("/dir/soft", '2', 0, "/etc/passwd");
        put_header("dir/hard", '1', 0, "./dir/file");
        put_header("dir/fifo", '6', 0, "");
        modify(put_header("null", '3', 0, ""), 0666, "0000001", "0000003");
        put_header("implied/deep/file", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_STR(
                listing(),
                "dir d 1777 1:2 \ndir/fifo p 644 1:2 \ndir/file f 4755 1:2 \ndir/hard f 4755 1:2 \n"
                "dir/soft l 777 1:2 /etc/passwd\nimplied d 755 0:0 \nimplied/deep d 755 0:0 \n"
                "implied/deep/file f 644 1:2 \nnull c 666 1:2 \n");
        attribute("dir/file", "user.color", "blue");
        CHECK_INT(stat(arena_format(&arena, "%s/layer/dir/hard", base), &st), 0);
        CHECK_INT(st.st_nlink, 2);
        CHECK_INT(st.st_mtim.tv_sec, 1600000000);
        CHECK_INT(st.st_mtim.tv_nsec, 500000000);
        CHECK_INT(stat(arena_format(&arena, "%s/layer/null", base), &st), 0);
        CHECK_INT(st.st_rdev, 0x103);
        /* A directory keeps the time that the archive gives it, whatever was written there later. */
        CHECK_INT(stat(arena_format(&arena, "%s/layer/dir", base), &st), 0);
        CHECK_INT(st.st_mtim.tv_sec, 1700000000);
        CHECK_STR(output(arena_format(&arena, "cat %s/layer/dir/file", base)), "hello");
        end();
}

TEST(layer_keeps_holes)
{
        struct stat st;

        begin();
        put_record("GNU.sparse.size", "100000000");
        put_record("GNU.sparse.map", "99999999,1");
        put_header("holes", '0', 1, "");
        put_data("x", 1);
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_INT(stat(arena_format(&arena, "%s/layer/holes", base), &st), 0);
        CHECK_INT(st.st_size, 100000000);
        CHECK(st.st_blocks < 100);
        end();
}

TEST(layer_says_last_what_it_said_twice)
{
        begin();
        put_header("a", '0', 1, "");
        put_data("1", 1);
        put_header("b", '1', 0, "a");
        put_header("a", '0', 1, "");
        put_data("2", 1);
        put_header("d/", '5', 0, "");
        put_header("d/x", '0', 0, "");
        put_header("d", '2', 0, "elsewhere");
        put_header("e", '0', 0, "");
        put_header("e/", '5', 0, "");
        put_header("f/", '5', 0, "");
        put_header("f/x", '0', 0, "");
        modify(put_header("f/", '5', 0, ""), 0700, "", "");
        put_record("SCHILY.xattr.user.shape", "round");
        put_record("SCHILY.xattr.user.color", "blue");
        put_header("g/", '5', 0, "");
        put_record("SCHILY.xattr.user.color", "red");
        put_record("SCHILY.xattr.user.size", "large");
        put_header("g/", '5', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        /* What was written to the first `a` is in its other name, and nowhere else. */
        CHECK_STR(output(arena_format(&arena, "cd %s/layer && cat a b", base)), "21");
        CHECK_STR(
                listing(),
                "a f 644 1:2 \nb f 644 1:2 \nd l 777 1:2 elsewhere\ne d 644 1:2 \nf d 700 1:2 \n"
                "f/x f 644 1:2 \ng d 644 1:2 \n");
        attribute("g", "user.color", "red");
        attribute("g", "user.shape", "round");
        attribute("g", "user.size", "large");
        end();
}

TEST(layer_has_whiteouts)
{
        struct stat st;

        begin();
        put_header(".wh.gone", '0', 0, "");
        put_header("dir/.wh..wh..opq", '0', 0, "");
        put_header(".wh.again", '0', 0, "");
        put_header("again/", '5', 0, "");
        put_header("again/x", '0', 0, "");
        put_header("later/", '5', 0, "");
        put_header(".wh.later", '0', 0, "");
        put_header("file", '0', 0, "");
        put_header(".wh.file", '0', 0, "");
        put_header(".wh.deep", '0', 0, "");
        put_header("deep/in/it", '0', 0, "");
        put_header(".wh..wh.plnk/x", '0', 0, "");
        put_header(".wh..wh.aufs", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_INT(lstat(arena_format(&arena, "%s/layer/gone", base), &st), 0);
        CHECK(S_ISCHR(st.st_mode) && st.st_rdev == 0);
        attribute("dir", "trusted.overlay.opaque", "y");
        attribute("again", "trusted.overlay.opaque", "y");
        attribute("later", "trusted.overlay.opaque", "y");
        attribute("deep", "trusted.overlay.opaque", "y");
        attribute("deep/in", "trusted.overlay.opaque", "none");
        CHECK_INT(lstat(arena_format(&arena, "%s/layer/file", base), &st), 0);
        CHECK(S_ISREG(st.st_mode));
        CHECK(lstat(arena_format(&arena, "%s/layer/.wh..wh.aufs", base), &st) < 0);
        end();
}

TEST(layer_for_a_user_namespace)
{
        begin();
        put_header("dir/.wh..wh..opq", '0', 0, "");
        modify(put_header("null", '3', 0, ""), 0666, "0000001", "0000003");
        CHECK_INT(unpack(&(struct layer_options){ .user_xattrs = true, .pass_devices = true }), 0);
        attribute("dir", "user.overlay.opaque", "y");
        attribute("dir", "trusted.overlay.opaque", "none");
        CHECK_INT(layer.passed, 1);
        CHECK_STR(listing(), "dir d 755 0:0 \n");
        end();
}

/* overlayfs would believe them. */
TEST(layer_leaves_out_foreign_attributes)
{
        begin();
        put_record("SCHILY.xattr.trusted.overlay.redirect", "/victim");
        put_header("a", '0', 0, "");
        put_record("SCHILY.xattr.user.overlay.opaque", "y");
        put_header("d/", '5', 0, "");
        put_record("SCHILY.xattr.security.selinux", "x");
        put_header("b", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        attribute("a", "trusted.overlay.redirect", "none");
        attribute("d", "user.overlay.opaque", "none");
        attribute("b", "security.selinux", "none");
        end();
}

TEST(layer_refuses_names_that_lead_out)
{
        static const struct {
                const char *name, *words;
        } wrong[] = {
                { "../victim/file", "'../victim/file': '..' in a name leads out of the layer" },
                { "a/../../victim/file",
                  "'a/../../victim/file': '..' in a name leads out of the layer" },
                { "/../victim/file", "'/../victim/file': '..' in a name leads out of the layer" },
                { "a/..", "'a/..': '..' in a name leads out of the layer" },
                { ".wh...", "'.wh...': a whiteout of nothing" },
                { ".wh..", "'.wh..': a whiteout of nothing" },
                { "a/.wh.", "'a/.wh.': a whiteout of nothing" },
                { "..\x1b/../x", "'..\\x1b/../x': '..' in a name leads out of the layer" },
                { "./", "'./': the root of a layer must be a directory" },
        };

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                clear();
                put_header(wrong[i].name, '0', 0, "");
                must_refuse(wrong[i].words);
        }
        end();
}

/* A link first, and then a file through it: it goes where the link leads inside the layer. */
TEST(layer_stays_in_its_directory)
{
        const char *out[3] = { base, "../victim", "../../../../../../../../" };

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
                const char *target =
                        i == 1 ? out[i]
                               : arena_format(&arena, "%s/%s/victim", out[i], i ? base + 1 : "");

                clear();
                put_header("l", '2', 0, target);
                put_header("l/file", '0', 4, "");
                put_data("evil", 4);
                put_header("l/new/", '5', 0, "");
                put_header("m", '2', 0, "l");
                put_header("m/file", '2', 0, "/etc/shadow");
                put_header("l/.wh.file", '0', 0, "");
                put_header("l/.wh..wh..opq", '0', 0, "");
                unpack(&(struct layer_options){ 0 });
                CHECK_STR(victim(), before);
                output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        }
        end();
}

TEST(layer_does_not_write_through_links)
{
        begin();
        put_header("file", '2', 0, arena_format(&arena, "%s/victim/file", base));
        put_header("file", '0', 4, "");
        put_data("evil", 4);
        put_header("d", '2', 0, arena_format(&arena, "%s/victim", base));
        modify(put_header("d/", '5', 0, ""), 0777, "", "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_STR(listing(), "d d 777 1:2 \nfile f 644 1:2 \n");
        end();
}

TEST(layer_refuses_hard_links_out)
{
        char *target;

        begin();
        target = arena_format(&arena, "%s/victim/file", base);
        put_header("h", '1', 0, target);
        must_refuse("'h': a hard link to what is not in the layer");
        clear();
        put_header("h", '1', 0, "../victim/file");
        must_refuse("'h': '..' in a name leads out of the layer");
        clear();
        put_header("l", '2', 0, arena_format(&arena, "%s/victim", base));
        put_header("h", '1', 0, "l/file");
        must_refuse("'h': a hard link to what is not in the layer");
        clear();
        /* To a link, not to what it names. */
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        put_header("l", '2', 0, target);
        put_header("h", '1', 0, "l");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_STR(
                listing(),
                arena_format(&arena, "h l 777 1:2 %s\nl l 777 1:2 %s\n", target, target));
        clear();
        put_header("d/", '5', 0, "");
        put_header("h", '1', 0, "d");
        must_refuse("'h': a hard link to a directory");
        clear();
        put_header(".wh.w", '0', 0, "");
        put_header("h", '1', 0, "w");
        must_refuse("'h': a hard link to what is not in the layer");
        end();
}

/* A path that leads to where one of its own parts is replaced. */
TEST(layer_follows_a_path_anew_when_a_part_of_it_was_replaced)
{
        begin();
        put_header("d/l", '2', 0, "..");
        put_header("d/l/one", '0', 0, "");
        put_header("d/l/d", '0', 0, "");
        put_header("d/l/two", '0', 0, "");
        must_refuse("'d/l/two': cannot open the directory that it is in: Not a directory");
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        clear();
        put_header("d/l", '2', 0, "..");
        put_header("s", '2', 0, "d");
        put_header("s/l/s/", '5', 0, "");
        put_header("s/l/f", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK_STR(
                listing(),
                "d d 755 0:0 \nd/l l 777 1:2 ..\ns d 644 1:2 \ns/l d 755 0:0 \ns/l/f f 644 1:2 \n");
        clear();
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        /* By way of the name that it is to have. */
        put_header("x", '0', 0, "");
        put_header("a", '0', 0, "");
        put_header("l", '2', 0, "a/..");
        put_header("a", '1', 0, "l/x");
        must_refuse("'a': a hard link to what is not in the layer");
        end();
}

TEST(layer_refuses_the_rest)
{
        char name[300];

        begin();
        modify(put_header("zero", '3', 0, ""), 0666, "0000000", "0000000");
        must_refuse("'zero': a device 0:0 would hide a file instead of being one");
        clear();
        put_header("f", '0', 0, "");
        put_header("f/x", '0', 0, "");
        must_refuse("'f/x': cannot open the directory that it is in: Not a directory");
        clear();
        put_header(".wh.d/", '5', 0, "");
        must_refuse("'.wh.d/': a whiteout must be a plain file");
        clear();
        memset(name, 'n', sizeof name);
        name[256] = '\0';
        put_record("path", name);
        put_header("x", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), -ENAMETOOLONG);
        clear();
        put_header("a", '0', 0, "");
        put_header("b", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ .entries_max = 1 }), -E2BIG);
        clear();
        put_header("a", '0', 3, "");
        put_data("abc", 3);
        CHECK_INT(unpack(&(struct layer_options){ .bytes_max = 2 }), -E2BIG);
        clear();
        end();
}

/* Names, links, directories and their attributes; `less` bytes less than they need. */
static int unpack_kept(uint64_t less)
{
        int r;

        begin();
        put_record("SCHILY.xattr.user.a", "123");
        put_header("d", '5', 0, "");
        put_header("l", '2', 0, "d");
        put_header("m", '2', 0, "./d");
        put_header("some/where/else", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        CHECK(layer.kept > 3 * sizeof "some/where/else");
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        archive.at = 0;
        r = unpack(&(struct layer_options){ .kept_max = layer.kept - less });
        end();
        return r;
}

TEST(layer_keeps_no_more_in_memory_than_it_may)
{
        CHECK_INT(unpack_kept(1), -E2BIG);
}

TEST(layer_keeps_in_memory_what_it_may)
{
        CHECK_INT(unpack_kept(0), 0);
}

static uint64_t resident_bytes(void)
{
        struct text text = { 0 };
        unsigned long all, resident = 0;

        CHECK_INT(file_read(&arena, AT_FDCWD, "/proc/self/statm", 100, &text), 0);
        CHECK_INT(sscanf(text_string(&text), "%lu %lu", &all, &resident), 2);
        return resident * 4096;
}

/* `n` such names; whatever the kind, no more is in memory than was counted. */
static void keep_in_memory(enum tar_type type, size_t name_size, uint32_t n)
{
        const struct layer_options options = { .image = true };
        auto_close file = memfd_create("layer", MFD_CLOEXEC);
        struct layer_writer writer;
        char name[300];
        uint64_t first, last;

        layer_begin(&writer, file, &options);
        first = resident_bytes();
        for (uint32_t i = 0; i < n; i++) {
                const struct tar_entry entry = {
                        .type = type, .path = name, .link = "", .mode = 0755
                };

                memset(name, 'n', sizeof name);
                text_format(name + name_size - 8, 9, "%08u", i);
                CHECK_INT(layer_add(&writer, &entry), 0);
        }
        CHECK_INT(layer_finish(&writer), 0);
        last = resident_bytes();
        CHECK_INT(layer_end(&writer), 0);
        if (resident_bytes() > last)
                last = resident_bytes();
        /* The rest is the allocator's, and a sanitizer's. */
        CHECK(last - first < writer.kept + writer.kept / 4 + (8 << 20));
}

/* Whatever they take the place of. */
TEST(layer_counts_directories_that_entries_imply)
{
        begin();
        put_header(".wh.c", '0', 0, "");
        put_header("a/b/c/d", '0', 0, "");
        put_header("a/b/x", '0', 0, "");
        put_header("c/d/e", '0', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ .entries_max = 8 }), -E2BIG);
        CHECK_INT(layer.implied, 5);
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        archive.at = 0;
        CHECK_INT(unpack(&(struct layer_options){ .entries_max = 9 }), 0);
        end();
}

TEST(layer_has_no_more_in_memory_than_it_counts)
{
        keep_in_memory(TAR_DIRECTORY, 97, 100000);
}

TEST(layer_has_no_more_in_memory_of_long_names)
{
        keep_in_memory(TAR_FILE, 255, 100000);
}

TEST(layer_has_no_more_in_memory_of_short_names)
{
        keep_in_memory(TAR_FILE, 8, 100000);
}

/* x/.. a few hundred times and then the next link, 39 of them, again and again: each way costs what no path says. */
TEST(layer_refuses_ways_that_cost_too_much)
{
        const struct layer_options options = { .steps_max = 100000 };
        char target[200];

        begin();
        put_header("x/", '5', 0, "");
        for (int i = 0; i < 39; i++) {
                *target = '\0';
                for (int k = 0; k < 30; k++)
                        strcat(target, "x/../");
                if (i < 38)
                        text_format(target + 150, 10, "l%d", i + 1);
                put_record("linkpath", target);
                put_header(arena_format(&arena, "l%d", i), '2', 0, "");
        }
        for (int i = 0; i < 22; i++) {
                put_header("l0/a", '0', 0, "");
                put_header("x/a", '0', 0, "");
        }
        CHECK_INT(unpack(&options), 0);
        output(arena_format(&arena, "find %s/layer -mindepth 1 -delete", base));
        archive.at = 0;
        /* Behind the last one that is good, a hard link, which has two ways. */
        for (int i = 0; i < 22; i++) {
                put_header("l0/b", '1', 0, "l0/a");
                put_header("x/a", '0', 0, "");
        }
        CHECK_INT(unpack(&options), -E2BIG);
        CHECK_STR(
                trail_text(),
                "'l0/b': the ways to the layer's entries, through links, are too long together");
        CHECK(layer.steps < 110000 && layer.steps > 100000);
        end();
}

TEST(layer_is_not_deeper_than_it_may)
{
        char path[2000] = "";

        begin();
        for (int i = 0; i <= LAYER_DEPTH_MAX; i++)
                strcat(path, "d/");
        put_record("path", path);
        put_header("x", '5', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), -E2BIG);
        path[2 * LAYER_DEPTH_MAX] = '\0';
        clear();
        put_record("path", path);
        put_header("x", '5', 0, "");
        CHECK_INT(unpack(&(struct layer_options){ 0 }), 0);
        end();
}
