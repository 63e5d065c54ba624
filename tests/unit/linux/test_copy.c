/* SPDX-License-Identifier: Apache-2.0 */
/* A tree is copied with all that a file can be; what is there already is neither followed nor opened up. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct copy_options plain;
static char base[] = "/tmp/husk-copy-XXXXXX";
static int from, to;

static void begin(void)
{
        CHECK(mkdtemp(base) != NULL);
        CHECK_INT(chdir(base), 0);
        CHECK_INT(mkdir("from", 0755), 0);
        CHECK_INT(mkdir("to", 0755), 0);
        from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(from >= 0 && to >= 0);
        umask(077);
}

static void end(void)
{
        CHECK_INT(file_remove_tree(AT_FDCWD, base), 0);
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        CHECK_INT(lstat(path, &st), 0);
        return st.st_mode;
}

TEST(a_pipe_and_a_link_are_copied_whatever_the_umask)
{
        begin();
        CHECK_INT(mkfifo("from/pipe", 0), 0);
        CHECK_INT(chmod("from/pipe", 0664), 0);
        CHECK_INT(symlink("/no/such", "from/link"), 0);
        CHECK_INT(copy_tree(from, to, &plain), 0);
        CHECK_INT(mode_of("to/pipe"), S_IFIFO | 0664);
        CHECK_INT(mode_of("to/link"), S_IFLNK | 0777);
        CHECK_INT(umask(0), 077);
        end();
}

TEST(a_link_in_the_place_of_a_pipe_leads_nowhere)
{
        begin();
        CHECK_INT(mkfifo("from/x", 0), 0);
        CHECK_INT(chmod("from/x", 04777), 0);
        CHECK_INT(close(open("victim", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
        CHECK_INT(symlink("../victim", "to/x"), 0);
        CHECK_INT(copy_tree(from, to, &plain), 0);
        CHECK_INT(mode_of("victim"), S_IFREG | 0600);
        end();
}

/* -- what is cheap to say must not be dear to copy ----------------------------------------------------------- */

static int copy_all(const struct copy_options *options)
{
        CHECK_INT(lseek(from, 0, SEEK_SET), 0);
        return copy_tree(from, to, options);
}

static struct stat look(const char *path)
{
        struct stat st = { 0 };

        CHECK_INT(lstat(path, &st), 0);
        return st;
}

static void put(const char *path, off_t at, const char *bytes, size_t size)
{
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

        CHECK(fd >= 0);
        CHECK_INT(pwrite(fd, bytes, size, at), (ssize_t)size);
        CHECK_INT(close(fd), 0);
}

static void get(const char *path, off_t at, const char *wanted)
{
        char bytes[16] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        CHECK(fd >= 0);
        CHECK_INT(pread(fd, bytes, strlen(wanted), at), (ssize_t)strlen(wanted));
        CHECK_STR(bytes, wanted);
        CHECK_INT(close(fd), 0);
}

TEST(holes_stay_holes)
{
        const off_t far = (off_t)1 << 40;

        begin();
        put("from/f", 5, "begin", 5);
        put("from/f", far / 2, "middle", 6);
        CHECK_INT(truncate("from/f", far), 0);
        CHECK_INT(copy_all(&plain), 0);
        CHECK_INT(look("to/f").st_size, far);
        CHECK(look("to/f").st_blocks <= 64);
        get("to/f", 5, "begin");
        get("to/f", far / 2, "middle");
        end();
}

TEST(zeros_that_were_written_are_holes)
{
        static const char zeros[1 << 20];

        begin();
        put("from/f", 0, zeros, sizeof zeros);
        put("from/f", 70000, "x", 1);
        put("from/f", sizeof zeros - 1, "y", 1);
        CHECK_INT(copy_all(&plain), 0);
        CHECK_INT(look("to/f").st_size, sizeof zeros);
        CHECK(look("to/f").st_blocks <= 64);
        get("to/f", 70000, "x");
        get("to/f", sizeof zeros - 1, "y");
        end();
}

TEST(a_file_of_several_names_is_one_file)
{
        begin();
        put("from/a", 0, "content", 7);
        CHECK_INT(mkdir("from/d", 0755), 0);
        CHECK_INT(mkdir("from/.husk-copy-0", 0700), 0); /* the name that the copy has beside it */
        CHECK_INT(link("from/a", "from/b"), 0);
        CHECK_INT(link("from/a", "from/d/c"), 0);
        /* What copies that were interrupted have left. */
        CHECK_INT(mkdir("to/.husk-copy-1", 0700), 0);
        put("to/.husk-copy-1/junk", 0, "junk", 4);
        put("to/b", 0, "half", 4);
        for (int i = 0; i < 2; i++) {
                CHECK_INT(copy_all(&plain), 0);
                CHECK_INT(look("to/a").st_nlink, 3);
                CHECK_INT(look("to/b").st_ino, look("to/a").st_ino);
                CHECK_INT(look("to/d/c").st_ino, look("to/a").st_ino);
                CHECK(look("to/a").st_ino != look("from/a").st_ino);
                get("to/d/c", 0, "content");
                CHECK_INT(mode_of("to/.husk-copy-0"), S_IFDIR | 0700);
                CHECK_INT(access("to/.husk-copy-1", F_OK), -1);
        }
        end();
}

TEST(more_bytes_than_the_bound_are_refused_before_they_are_written)
{
        const uint64_t before = COPY_BYTES - 100;
        uint64_t bytes = before;
        const struct copy_options options = { .bytes = &bytes };

        begin();
        put("from/f", 0, "0123456789", 10);
        CHECK_INT(copy_all(&options), 0);
        CHECK(bytes > before && bytes <= COPY_BYTES);
        bytes = COPY_BYTES - 9;
        CHECK_INT(truncate("to/f", 0), 0);
        CHECK_INT(copy_all(&options), -E2BIG);
        CHECK_INT(look("to/f").st_size, 0);
        trail_reset();
        end();
}

TEST(devices_are_passed_over_where_none_may_be)
{
        const struct copy_options none = { .no_devices = true };

        SKIP_UNLESS(geteuid() == 0, "needs root");
        begin();
        CHECK_INT(mknod("from/null", S_IFCHR | 0666, makedev(1, 3)), 0);
        CHECK_INT(mknod("from/loop", S_IFBLK | 0660, makedev(7, 0)), 0);
        CHECK_INT(mknod("from/whiteout", S_IFCHR, makedev(0, 0)), 0);
        CHECK_INT(mkfifo("from/pipe", 0600), 0);
        CHECK_INT(copy_all(&none), 0);
        CHECK_INT(access("to/null", F_OK), -1);
        CHECK_INT(access("to/loop", F_OK), -1);
        CHECK(S_ISCHR(mode_of("to/whiteout")) && S_ISFIFO(mode_of("to/pipe")));
        CHECK_INT(copy_all(&plain), 0);
        CHECK_INT(look("to/null").st_rdev, makedev(1, 3));
        end();
}
