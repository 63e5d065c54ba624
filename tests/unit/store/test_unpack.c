/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tap.h"
#include "unit/store/archive.h"

#include <fcntl.h>

#include <sys/mman.h>
#include <sys/stat.h>

/* Theory of operation: both processes on real archives, whose content asks for every right that the writer
 * has kept. As root: owners and devices need it. */

static char base[] = "/tmp/husk-unpack.XXXXXX";
static struct arena arena;

static int root(void)
{
        CHECK(mkdtemp(base));
        return open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void end(void)
{
        CHECK_INT(system(arena_format(&arena, "rm -r %s", base)), 0);
}

static int bytes_file(size_t size)
{
        int fd = memfd_create("archive", MFD_CLOEXEC);

        CHECK(fd >= 0);
        CHECK_INT(file_write(fd, archive.bytes, size), 0);
        CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

/* The writer's result when all was well with the reader; else the reader's. */
static int unpack(int source, uint64_t size, int copy, struct unpack_result *ret)
{
        const struct layer_options options = { 0 };
        struct unpack_process writer = UNPACK_NONE, reader = UNPACK_NONE;
        struct unpack_result read = { 0 };
        int pipe_, r;
        auto_close dir = root();

        trail_reset();
        CHECK_INT(unpack_start_writer(dir, &options, NO_FD, &writer, &pipe_), 0);
        CHECK_INT(unpack_start_reader(source, size, copy, pipe_, &reader), 0);
        file_close(&pipe_);
        r = unpack_finish(&reader, &read);
        if (r == 0)
                r = unpack_finish(&writer, ret);
        unpack_kill(&writer);
        memcpy(ret->hex, read.hex, sizeof read.hex);
        return r;
}

TEST(unpack_makes_all_that_a_layer_may_have)
{
        struct unpack_result result;
        char hex[SHA256_HEX_SIZE];
        struct stat st;
        int source, copy = memfd_create("copy", MFD_CLOEXEC);

        SKIP_UNLESS(geteuid() == 0, "needs root");
        clear();
        put_header("d/", '5', 0, "");
        put_record("SCHILY.xattr.user.color", "blue");
        put_header("d/f", '0', 5, "");
        put_data("hello", 5);
        put_header("e/.wh..wh..opq", '0', 0, "");
        put_header(".wh.gone", '0', 0, "");
        put_header("h", '1', 0, "d/f");
        put_header("l", '2', 0, "/etc/shadow");
        put_header("p", '6', 0, "");
        put_header("d", '2', 0, "other"); /* removes a tree */
        put_header("d/", '5', 0, "");
        put_data("\0", 1);
        put_data("\0", 1);
        source = bytes_file(archive.size);
        CHECK_INT(unpack(source, archive.size, copy, &result), 0);
        sha256_hex(archive.bytes, archive.size, hex);
        CHECK_STR(result.hex, hex);
        CHECK_INT(result.entries, 9);
        CHECK_INT(result.bytes, 5);
        CHECK_INT(fstat(copy, &st), 0);
        CHECK_INT(st.st_size, archive.size);
        CHECK_INT(stat(arena_format(&arena, "%s/h", base), &st), 0);
        CHECK_INT(st.st_uid, 1);
        CHECK_INT(st.st_gid, 2);
        CHECK_INT(lstat(arena_format(&arena, "%s/gone", base), &st), 0);
        CHECK(S_ISCHR(st.st_mode));
        end();
}

TEST(unpack_does_not_have_the_callers_umask)
{
        const mode_t before = umask(077);
        struct unpack_result result;
        struct stat st;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        clear();
        put_header("unsaid/deep/f", '0', 0, "");
        put_data("\0", 1);
        put_data("\0", 1);
        CHECK_INT(unpack(bytes_file(archive.size), archive.size, NO_FD, &result), 0);
        CHECK_INT(stat(arena_format(&arena, "%s/unsaid/deep", base), &st), 0);
        CHECK_INT(st.st_mode & 07777, 0755);
        umask(before);
        end();
}

TEST(unpack_says_what_is_wrong)
{
        struct unpack_result result;
        int source;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        clear();
        put_header("f", '0', 600, "");
        put_data("x", 1);
        source = bytes_file(archive.size);
        CHECK_INT(unpack(source, archive.size, NO_FD, &result), -EBADMSG);
        CHECK_STR(trail_text(), "entry 1: the archive ends within its data");
        end();
        memcpy(base + strlen(base) - 6, "XXXXXX", 6);
        CHECK_INT(lseek(source, 0, SEEK_SET), 0);
        CHECK_INT(unpack(source, archive.size + 1, NO_FD, &result), -EBADMSG);
        end();
}

TEST(unpack_writer_refuses_by_itself)
{
        const struct layer_options options = { 0 };
        struct unpack_process writer = UNPACK_NONE;
        struct unpack_result result;
        static struct stream_writer to;
        const struct tar_entry entry = { .type = TAR_FILE, .path = "../x", .link = "" };
        int dir = root(), pipe_;

        CHECK_INT(unpack_start_writer(dir, &options, NO_FD, &writer, &pipe_), 0);
        CHECK_INT(stream_begin(&to, pipe_), 0);
        CHECK_INT(stream_entry(&to, &entry), 0);
        CHECK_INT(stream_end(&to), 0);
        file_close(&pipe_);
        CHECK_INT(unpack_finish(&writer, &result), -EINVAL);
        CHECK_STR(trail_text(), "'../x': '..' in a name leads out of the layer");
        /* Its reader was killed. */
        trail_reset();
        CHECK_INT(unpack_start_writer(dir, &options, NO_FD, &writer, &pipe_), 0);
        file_close(&pipe_);
        CHECK_INT(unpack_finish(&writer, &result), -EBADMSG);
        /* It was killed itself. */
        trail_reset();
        CHECK_INT(unpack_start_writer(dir, &options, NO_FD, &writer, &pipe_), 0);
        CHECK_INT(process_signal(writer.process, SIGKILL), 0);
        CHECK_INT(unpack_finish(&writer, &result), -ECONNRESET);
        CHECK_STR(trail_text(), "the process that unpacks the layer has died");
        file_close(&pipe_);
        end();
}

/* What /proc says of a process that waits for its first entry. */
TEST(unpack_writer_has_no_more_than_it_needs)
{
        const struct layer_options options = { 0 };
        struct unpack_process writer = UNPACK_NONE;
        static char words[8192];
        int dir = root(), pipe_, open_files = 0, tries = 0;
        const char *path;
        DIR *list;
        pid_t pid;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(unpack_start_writer(dir, &options, NO_FD, &writer, &pipe_), 0);
        pid = process_number(writer.process);
        path = arena_format(&arena, "/proc/%d/status", pid);
        /* Until it has its filter: the last that it gives up. */
        while (file_get(AT_FDCWD, path, words, sizeof words) > 0 && !strstr(words, "Seccomp:\t2") &&
               ++tries < 10000)
                usleep(1000);
        CHECK(strstr(words, "Seccomp:\t2"));
        CHECK(strstr(words, "NoNewPrivs:\t1"));
        CHECK(strstr(words, "CapEff:\t000000008820001b")); /* chown ... sys_admin, mknod, setfcap */
        CHECK(strstr(words, "CapPrm:\t000000008820001b"));
        list = opendir(arena_format(&arena, "/proc/%d/fd", pid));
        CHECK(list);
        for (struct dirent *entry; (entry = readdir(list));)
                open_files += entry->d_name[0] != '.';
        closedir(list);
        CHECK_INT(open_files, 3); /* directory, pipe, report */
        unpack_kill(&writer);
        file_close(&pipe_);
        end();
}
