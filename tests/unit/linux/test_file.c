/* SPDX-License-Identifier: Apache-2.0 */
/* Plain files by descriptor: bounds, strictness, and a removal that never leaves its tree. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>

#include <sys/mount.h>
#include <sys/stat.h>

static char top[64];

static int make_top(void)
{
        int fd;

        strcpy(top, "/tmp/husk-file-XXXXXX");
        CHECK(mkdtemp(top) != NULL);
        fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(fd >= 0);
        return fd;
}

static void put(int dir, const char *path, const char *text)
{
        int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        CHECK(fd >= 0);
        CHECK_INT(file_write(fd, text, strlen(text)), 0);
        close(fd);
}

static bool there(int dir, const char *path)
{
        return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

TEST(get_is_bounded)
{
        int dir = make_top();
        char text[8];

        put(dir, "empty", "");
        put(dir, "seven", "1234567");
        put(dir, "eight", "12345678");
        memset(text, 'x', sizeof text);
        CHECK_INT(file_get(dir, "empty", text, sizeof text), 0);
        CHECK_STR(text, "");
        CHECK_INT(file_get(dir, "seven", text, sizeof text), 7);
        CHECK_STR(text, "1234567");
        CHECK_INT(file_get(dir, "eight", text, sizeof text), -EFBIG);
        CHECK_INT(file_get(dir, "missing", text, sizeof text), -ENOENT);
        CHECK_INT(file_get(dir, ".", text, sizeof text), -EISDIR);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(read_is_bounded)
{
        auto_arena arena = { 0 };
        int dir = make_top();
        struct text text = { 0 };
        char big[10001];

        memset(big, 'b', sizeof big - 1);
        big[sizeof big - 1] = '\0';
        put(dir, "big", big);
        CHECK_INT(file_read(&arena, dir, "big", 10000, &text), 0);
        CHECK_INT(text.len, 10000);
        text.len = 77;
        CHECK_INT(file_read(&arena, dir, "big", 9999, &text), -EFBIG);
        CHECK_INT(text.len, 77); /* written on success only */
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(put_is_one_write_to_a_file_that_exists)
{
        int dir = make_top();
        char text[16];

        put(dir, "value", "0000");
        CHECK_INT(file_put(dir, "value", "12"), 0);
        CHECK_INT(file_get(dir, "value", text, sizeof text), 4);
        CHECK_STR(text, "1200"); /* a kernel file is neither made nor truncated */
        CHECK_INT(file_put(dir, "missing", "1"), -ENOENT);
        CHECK(!there(dir, "missing"));
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(open_closes_at_exec)
{
        int dir = make_top(), fd = file_open(dir, "new", O_WRONLY | O_CREAT, 0600);

        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        file_close(&fd);
        CHECK_INT(fd, NO_FD);
        file_close(&fd); /* closing nothing is fine */
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(strict_takes_no_link_no_mount_no_way_up)
{
        int dir = make_top(), proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

        CHECK_INT(mkdirat(dir, "a", 0755), 0);
        put(dir, "a/file", "x");
        CHECK_INT(symlinkat("a", dir, "link"), 0);
        CHECK_INT(symlinkat("file", dir, "a/link"), 0);
        fd = file_open_strict(dir, "a/file", O_RDONLY);
        CHECK(fd >= 0);
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        CHECK_INT(file_open_strict(dir, "link/file", O_RDONLY), -ELOOP);
        CHECK_INT(file_open_strict(dir, "a/link", O_RDONLY), -ELOOP);
        CHECK_INT(file_open_strict(dir, "../etc", O_RDONLY), -EXDEV);
        CHECK_INT(file_open_strict(dir, "/etc", O_RDONLY), -EXDEV);
        CHECK_INT(file_open_strict(proc, "self/status", O_RDONLY), -ELOOP);
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK_INT(file_open_strict(fd, "proc/version", O_RDONLY), -EXDEV);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(magic_tells_file_systems)
{
        int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        CHECK_INT(file_magic(fd), MAGIC_PROC);
        CHECK_INT(file_magic_at("/proc"), MAGIC_PROC);
        CHECK_INT(file_magic_at("/husk/is/not/there"), -ENOENT);
        CHECK_INT(file_magic(-1), -EBADF);
}

TEST(directories_with_their_parents)
{
        int dir = make_top();
        char path[128], longer[5000];

        snprintf(path, sizeof path, "%s/a/b/c", top);
        CHECK_INT(file_make_dirs(path, 0700), 0);
        CHECK(there(dir, "a/b/c"));
        CHECK_INT(file_make_dirs(path, 0700), 0);
        put(dir, "file", "");
        snprintf(path, sizeof path, "%s/file/d", top);
        CHECK_INT(file_make_dirs(path, 0700), -ENOTDIR);
        memset(longer, 'a', sizeof longer - 1);
        longer[0] = '/';
        longer[sizeof longer - 1] = '\0';
        CHECK_INT(file_make_dirs(longer, 0700), -ENAMETOOLONG);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(removal_follows_no_link)
{
        int dir = make_top();

        CHECK_INT(mkdirat(dir, "kept", 0755), 0);
        put(dir, "kept/file", "x");
        CHECK_INT(mkdirat(dir, "tree", 0755), 0);
        CHECK_INT(mkdirat(dir, "tree/sub", 0755), 0);
        put(dir, "tree/sub/file", "x");
        CHECK_INT(symlinkat("../kept", dir, "tree/link"), 0);
        CHECK_INT(symlinkat("../../kept/file", dir, "tree/sub/link"), 0);
        CHECK_INT(symlinkat("kept", dir, "toplink"), 0);
        CHECK_INT(file_remove_tree(dir, "tree"), 0);
        CHECK(!there(dir, "tree"));
        CHECK_INT(file_remove_tree(dir, "toplink"), 0); /* the link itself goes */
        CHECK(!there(dir, "toplink"));
        CHECK(there(dir, "kept/file"));
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
        CHECK(!there(AT_FDCWD, top));
}

TEST(removal_of_what_is_missing_or_a_file)
{
        int dir = make_top();

        CHECK_INT(file_remove_tree(dir, "missing"), 0);
        put(dir, "file", "x");
        CHECK_INT(file_remove_tree(dir, "file"), 0);
        CHECK(!there(dir, "file"));
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

TEST(removal_stops_at_a_mount)
{
        char path[128];
        int dir;

        SKIP_UNLESS(unshare(CLONE_NEWNS) == 0, "needs root for a mount namespace");
        CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        dir = make_top(); /* now, so that it is of the new namespace */
        CHECK_INT(mkdirat(dir, "tree", 0755), 0);
        CHECK_INT(mkdirat(dir, "tree/mnt", 0755), 0);
        put(dir, "tree/file", "x");
        snprintf(path, sizeof path, "%s/tree/mnt", top);
        CHECK_INT(mount("husk-test", path, "tmpfs", 0, NULL), 0);
        put(dir, "tree/mnt/precious", "x");
        CHECK_INT(file_remove_tree(dir, "tree"), -EBUSY);
        CHECK(there(dir, "tree/mnt/precious"));
        CHECK(!there(dir, "tree/file")); /* all else went */
        CHECK_INT(umount2(path, MNT_DETACH), 0);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

/* A bind mount of the same file system has its device number, and is another's tree all the same. */
TEST(removal_stops_at_a_bind_mount)
{
        char from[128], to[128];
        int dir;

        SKIP_UNLESS(unshare(CLONE_NEWNS) == 0, "needs root for a mount namespace");
        CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        dir = make_top();
        CHECK_INT(mkdirat(dir, "volume", 0755), 0);
        put(dir, "volume/precious", "x");
        CHECK_INT(mkdirat(dir, "tree", 0755), 0);
        CHECK_INT(mkdirat(dir, "tree/a", 0755), 0);
        CHECK_INT(mkdirat(dir, "tree/a/mnt", 0755), 0);
        put(dir, "tree/a/file", "x");
        CHECK_INT(file_holds_mount(dir, "tree"), 0);
        snprintf(from, sizeof from, "%s/volume", top);
        snprintf(to, sizeof to, "%s/tree/a/mnt", top);
        CHECK_INT(mount(from, to, NULL, MS_BIND, NULL), 0);
        CHECK_INT(file_holds_mount(dir, "tree"), 1);
        CHECK_INT(file_holds_mount(dir, "volume"), 0);
        CHECK_INT(file_holds_mount(dir, "missing"), 0);
        CHECK_INT(file_remove_tree(dir, "tree"), -EBUSY);
        CHECK(there(dir, "volume/precious"));
        CHECK_INT(umount2(to, MNT_DETACH), 0);
        snprintf(to, sizeof to, "%s/tree/a/file", top);
        put(dir, "tree/a/file", "x");
        CHECK_INT(mount("/dev/null", to, NULL, MS_BIND, NULL), 0);
        CHECK_INT(file_holds_mount(dir, "tree"), 1); /* of a file, too */
        CHECK_INT(file_holds_mount(dir, "tree/a/file"), 1);
        CHECK_INT(umount2(to, MNT_DETACH), 0);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}

static void make_deep(int dir, int levels)
{
        int at = dup(dir);

        for (int i = 0; i < levels; i++) {
                int next;

                CHECK_INT(mkdirat(at, "d", 0755), 0);
                put(at, "file", "x");
                next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                CHECK(next >= 0);
                close(at);
                at = next;
        }
        close(at);
}

/* Deeper than descriptors go: a container may make such a tree, and it must go all the same. */
TEST(removal_of_what_is_deep)
{
        static const int levels[] = { 127, 128, 129, 130, 600, 3000 };
        int dir = make_top();

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                make_deep(dir, levels[i]);
                CHECK_INT(file_remove_tree(dir, "d"), 0);
                CHECK(!there(dir, "d"));
        }
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
        CHECK(!there(AT_FDCWD, top));
}

/* What is mounted far below is left with its way to it, or what has become of that. */
TEST(removal_of_what_is_deep_stops_at_a_mount)
{
        int dir, at;

        SKIP_UNLESS(unshare(CLONE_NEWNS) == 0, "needs root for a mount namespace");
        CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        dir = make_top();
        make_deep(dir, 300);
        at = dup(dir);
        for (int i = 0; i < 300; i++) {
                int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                CHECK(next >= 0);
                close(at);
                at = next;
        }
        CHECK_INT(fchdir(at), 0);
        CHECK_INT(mount("husk-test", ".", "tmpfs", 0, NULL), 0);
        CHECK_INT(file_remove_tree(dir, "d"), -EBUSY);
        CHECK_INT(umount2("../d", MNT_DETACH), 0);
        CHECK_INT(chdir("/"), 0);
        close(at);
        CHECK_INT(file_remove_tree(AT_FDCWD, top), 0);
}
