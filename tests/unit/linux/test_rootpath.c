/* SPDX-License-Identifier: Apache-2.0 */
/* Names under a container's root, against a real tree: a root with links of every kind in it, and
 * beside it a directory that must stay as it is, whatever is asked for. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <time.h>

#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct tree {
        char path[64]; /* of the directory that holds both */
        int top;       /* ... as a descriptor */
        int root;
};

static void put(int dir, const char *path, const char *text)
{
        int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        CHECK(fd >= 0);
        CHECK_INT(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

/*      top/outside/secret          the host's
 *      top/root/dir/file           the container's; with
 *      top/root/abs -> /dir        relative -> dir, chain -> abs, up -> ../outside,
 *      far -> TOP/outside, dangling -> /new/place, loop -> loop, file -> dir/file,
 *      climb -> ../../../../../dir, proc -> /proc/self/cwd as a name only */
static void make_in(struct tree *t, const char *directory)
{
        char far[128];

        snprintf(t->path, sizeof t->path, "%s/husk-rootpath-XXXXXX", directory);
        CHECK(mkdtemp(t->path) != NULL);
        t->top = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(t->top >= 0);
        CHECK_INT(mkdirat(t->top, "outside", 0755), 0);
        put(t->top, "outside/secret", "host");
        CHECK_INT(mkdirat(t->top, "root", 0755), 0);
        t->root = openat(t->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(t->root >= 0);
        CHECK_INT(mkdirat(t->root, "dir", 0755), 0);
        put(t->root, "dir/file", "container");
        snprintf(far, sizeof far, "%s/outside", t->path);
        CHECK_INT(symlinkat("/dir", t->root, "abs"), 0);
        CHECK_INT(symlinkat("dir", t->root, "relative"), 0);
        CHECK_INT(symlinkat("abs", t->root, "chain"), 0);
        CHECK_INT(symlinkat("../outside", t->root, "up"), 0);
        CHECK_INT(symlinkat(far, t->root, "far"), 0);
        CHECK_INT(symlinkat("/new/place", t->root, "dangling"), 0);
        CHECK_INT(symlinkat("loop", t->root, "loop"), 0);
        CHECK_INT(symlinkat("dir/file", t->root, "file"), 0);
        CHECK_INT(symlinkat("../../../../../dir", t->root, "climb"), 0);
}

static void make(struct tree *t)
{
        make_in(t, "/tmp");
}

/* The host's side still has the one file, with what was in it. */
static void untouched(const struct tree *t)
{
        char text[16] = "", where[64];
        int fd = openat(t->top, "outside/secret", O_RDONLY | O_CLOEXEC);

        CHECK(fd >= 0);
        CHECK_INT(read(fd, text, sizeof text - 1), 4);
        CHECK_STR(text, "host");
        close(fd);
        CHECK_INT(unlinkat(t->top, "outside/secret", 0), 0);
        /* ENOTEMPTY when anything was made there */
        CHECK_INT(unlinkat(t->top, "outside", AT_REMOVEDIR), 0);
        snprintf(where, sizeof where, "%s", t->path);
        close(t->root);
        CHECK_INT(file_remove_tree(AT_FDCWD, where), 0);
        close(t->top);
}

/* What the descriptor is, as its path below the root; "outside" when it is not below it. */
static const char *where(const struct tree *t, int fd)
{
        static char path[512];
        char link[64], root[128];
        ssize_t n;

        CHECK(fd >= 0);
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path - 1);
        CHECK(n > 0);
        path[n] = '\0';
        close(fd);
        snprintf(root, sizeof root, "%s/root", t->path);
        if (strncmp(path, root, strlen(root)) != 0)
                return "outside";
        return path[strlen(root)] ? path + strlen(root) : "/";
}

TEST(links_and_dots_stay_inside)
{
        static const struct {
                const char *name, *place;
        } cases[] = {
                { "", "/" },
                { "/", "/" },
                { "..", "/" },
                { "../../..", "/" },
                { "/dir", "/dir" },
                { "//dir//.//", "/dir" },
                { "dir/../../dir/file", "/dir/file" },
                { "abs", "/dir" },
                { "/abs/file", "/dir/file" },
                { "relative/file", "/dir/file" },
                { "chain/file", "/dir/file" },
                { "chain/../abs/../../file", "/dir/file" },
                { "climb/file", "/dir/file" },
                { "file", "/dir/file" },
        };
        struct tree t;

        make(&t);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                CHECK_STR(
                        where(&t, rootpath_open(t.root, cases[i].name, O_PATH, false)),
                        cases[i].place);
        untouched(&t);
}

TEST(what_is_outside_is_not_there)
{
        struct tree t;

        make(&t);
        CHECK_INT(rootpath_open(t.root, "up", O_PATH, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "up/secret", O_PATH, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "far/secret", O_PATH, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "../outside/secret", O_PATH, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "dangling", O_PATH, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "loop", O_PATH, false), -ELOOP);
        untouched(&t);
}

TEST(a_created_file_is_inside)
{
        struct tree t;

        make(&t);
        CHECK_STR(
                where(&t, rootpath_open(t.root, "/../abs/made", O_WRONLY | O_CREAT, false)),
                "/dir/made");
        CHECK_INT(rootpath_open(t.root, "up/made", O_WRONLY | O_CREAT, false), -ENOENT);
        CHECK_INT(rootpath_open(t.root, "far/made", O_WRONLY | O_CREAT, false), -ENOENT);
        untouched(&t);
}

TEST(strict_refuses_every_link)
{
        struct tree t;

        make(&t);
        CHECK_STR(where(&t, rootpath_open(t.root, "/dir/file", O_PATH, true)), "/dir/file");
        CHECK_INT(rootpath_open(t.root, "abs", O_PATH, true), -ELOOP);
        CHECK_INT(rootpath_open(t.root, "abs/file", O_PATH, true), -ELOOP);
        CHECK_INT(rootpath_open(t.root, "relative/file", O_PATH, true), -ELOOP);
        CHECK_INT(rootpath_open(t.root, "up", O_PATH, true), -ELOOP);
        untouched(&t);
}

TEST(magic_links_are_refused)
{
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        CHECK(root >= 0 && proc >= 0);
        CHECK_INT(rootpath_open(root, "/proc/self/root/etc", O_PATH, false), -ELOOP);
        CHECK_INT(rootpath_open(root, "/proc/self/cwd", O_PATH, false), -ELOOP);
        CHECK_INT(rootpath_open(root, "/proc/self/exe", O_PATH, false), -ELOOP);
        CHECK_INT(rootpath_make_dirs(proc, "self/root/tmp/husk-must-not-be", 0755), -ELOOP);
        CHECK_INT(rootpath_make_file(proc, "self/root/tmp/husk-must-not-be"), -ELOOP);
        CHECK_INT(access("/tmp/husk-must-not-be", F_OK), -1);
}

TEST(descriptors_close_at_exec)
{
        struct tree t;
        int fd;

        make(&t);
        fd = rootpath_open(t.root, "dir", O_PATH, false);
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        fd = rootpath_make_dirs(t.root, "a/b", 0755);
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        fd = rootpath_make_file(t.root, "a/c");
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
        untouched(&t);
}

TEST(directories_are_made_inside)
{
        static const struct {
                const char *name, *place;
        } cases[] = {
                { "", "/" },
                { "/", "/" },
                { "dir", "/dir" },
                { "/one/two/three", "/one/two/three" },
                { "one//two/./four/", "/one/two/four" },
                { "abs/five", "/dir/five" },
                { "chain/six/seven", "/dir/six/seven" },
                { "../../eight", "/eight" },
                { "one/../nine", "/nine" },
                { "climb/ten", "/dir/ten" },
                { "new/../../eleven", "/eleven" }, /* a missing parent of ".." is made, too */
                { "x/../abs/../y/../chain/../abs/twelve",
                  "/dir/twelve" }, /* links behind what is made */
                { "z/climb/..//z2///../../z3", "/z3" },
                { "/one/two//new/./three//", "/one/two/new/three" },
                { "//one//2//3", "/one/2/3" },
        };
        struct tree t;
        mode_t mask = umask(0022);

        make(&t);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                CHECK_STR(
                        where(&t, rootpath_make_dirs(t.root, cases[i].name, 0755)), cases[i].place);
        untouched(&t);
        umask(mask);
}

TEST(no_directory_is_made_through_a_link_to_nowhere)
{
        struct tree t;
        struct stat st;

        make(&t);
        CHECK_INT(rootpath_make_dirs(t.root, "up/made", 0755), -ENOENT);
        CHECK_INT(rootpath_make_dirs(t.root, "far/made", 0755), -ENOENT);
        CHECK_INT(rootpath_make_dirs(t.root, "dangling", 0755), -ENOENT);
        CHECK_INT(rootpath_make_dirs(t.root, "dangling/made", 0755), -ENOENT);
        CHECK_INT(rootpath_make_dirs(t.root, "loop/made", 0755), -ELOOP);
        CHECK_INT(rootpath_make_dirs(t.root, "dir/file/made", 0755), -ENOTDIR);
        CHECK_INT(fstatat(t.root, "new", &st, 0), -1); /* the dangling link's goal */
        untouched(&t);
}

TEST(files_are_made_inside)
{
        static const struct {
                const char *name, *place;
        } cases[] = {
                { "dir/file", "/dir/file" }, /* what is there stays */
                { "file", "/dir/file" },         { "dir", "/dir" },
                { "plain", "/plain" },           { "/some/where/deep", "/some/where/deep" },
                { "abs/one", "/dir/one" },       { "../../two", "/two" },
                { "climb/three", "/dir/three" },
        };
        struct tree t;
        char text[16] = "";
        int fd;

        make(&t);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                CHECK_STR(where(&t, rootpath_make_file(t.root, cases[i].name)), cases[i].place);
        fd = openat(t.root, "dir/file", O_RDONLY | O_CLOEXEC);
        CHECK_INT(read(fd, text, sizeof text - 1), 9);
        CHECK_STR(text, "container");
        close(fd);
        CHECK_INT(rootpath_make_file(t.root, "dangling"), -ENOENT);
        CHECK_INT(rootpath_make_file(t.root, "up/made"), -ENOENT);
        CHECK_INT(rootpath_make_file(t.root, "far/made"), -ENOENT);
        CHECK_INT(rootpath_make_file(t.root, "missing/.."), -EINVAL);
        untouched(&t);
}

TEST(a_parent_comes_with_its_leaf)
{
        struct tree t;
        const char *leaf = NULL, *none = NULL;

        make(&t);
        CHECK_STR(where(&t, rootpath_parent(t.root, "/dev/shm/x", &leaf)), "/dev/shm");
        CHECK_STR(leaf, "x");
        CHECK_STR(where(&t, rootpath_parent(t.root, "x", &leaf)), "/");
        CHECK_STR(leaf, "x");
        CHECK_STR(where(&t, rootpath_parent(t.root, "abs/dangling", &leaf)), "/dir");
        CHECK_STR(leaf, "dangling"); /* looked at by nobody: the caller uses NOFOLLOW */
        CHECK_INT(rootpath_parent(t.root, "dir/..", &none), -EINVAL);
        CHECK_INT(rootpath_parent(t.root, ".", &none), -EINVAL);
        CHECK_INT(rootpath_parent(t.root, "dir/", &none), -EINVAL);
        CHECK_INT(rootpath_parent(t.root, "", &none), -EINVAL);
        CHECK_INT(rootpath_parent(t.root, "up/x", &none), -ENOENT);
        CHECK(none == NULL);
        untouched(&t);
}

TEST(long_names_are_refused)
{
        static char path[6000];
        struct tree t;
        const char *leaf;

        make(&t);
        for (size_t i = 0; i + 2 < sizeof path; i += 2)
                memcpy(path + i, "a/", 2);
        CHECK_INT(rootpath_make_dirs(t.root, path, 0755), -ENAMETOOLONG);
        CHECK_INT(rootpath_parent(t.root, path, &leaf), -ENAMETOOLONG);
        CHECK_INT(rootpath_make_file(t.root, path), -ENAMETOOLONG);
        untouched(&t);
}

/* A component that turns from directory into link and back while names are made below it: whoever
 * wins, nothing is ever made outside. */
TEST(a_race_makes_nothing_outside)
{
        struct tree t;
        pid_t pid;

        make(&t);
        CHECK_INT(mkdirat(t.root, "real", 0755), 0);
        CHECK_INT(symlinkat("../outside", t.root, "flip"), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
                for (;;)
                        /* musl has no wrapper */
                        syscall(SYS_renameat2, t.root, "real", t.root, "flip", RENAME_EXCHANGE);
        for (int i = 0; i < 3000; i++) {
                char name[64];
                int fd;

                snprintf(name, sizeof name, "flip/d%d/e", i);
                fd = i % 2 ? rootpath_make_dirs(t.root, name, 0755)
                           : rootpath_make_file(t.root, name);
                if (fd >= 0)
                        close(fd);
        }
        kill(pid, SIGKILL);
        CHECK_INT(waitpid(pid, NULL, 0), pid);
        untouched(&t);
}

/* Somebody with more than the root's own names moves a directory out of it and back while names are made below it.
 * What comes of a name is below that directory or nothing; beside it nothing is ever made. */
TEST(a_directory_that_is_moved_out_takes_nothing_along)
{
        struct tree t;
        pid_t pid;
        int found = 0;

        make(&t);
        CHECK_INT(mkdirat(t.root, "moved", 0755), 0);
        CHECK_INT(symlinkat("../outside", t.root, "moved/up"), 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
                for (;;) {
                        renameat(t.root, "moved", t.top, "moved");
                        renameat(t.top, "moved", t.root, "moved");
                }
        for (int i = 0; i < 3000; i++) {
                char name[64];
                int fd;

                snprintf(
                        name, sizeof name, i % 3 ? "moved/%d/a/b" : "moved/%d/../up/../../%d", i,
                        i);
                fd = rootpath_make_dirs(t.root, name, 0755);
                if (fd >= 0) {
                        struct stat st, same;

                        CHECK_INT(fstat(fd, &st), 0);
                        close(fd);
                        while (fstatat(t.root, name, &same, 0) < 0 &&
                               fstatat(t.top, name, &same, 0) < 0)
                                ;
                        CHECK(st.st_ino == same.st_ino);
                        found++;
                }
        }
        kill(pid, SIGKILL);
        CHECK_INT(waitpid(pid, NULL, 0), pid);
        CHECK(found > 0);
        renameat(t.top, "moved", t.root, "moved");
        untouched(&t);
}

/* Who writes a name chooses how long it is, and what each of its links costs: 1900 components; and 500 behind 15 links of
 * 4 KB each. */
/* What the kernel looks up, which it does not say. */
TEST(a_way_is_counted_through_its_links)
{
        static const struct {
                const char *path;
                uint32_t count;
        } ways[] = {
                { "", 0 },         { "dir", 1 },       { "dir/file", 2 },    { "./dir//../dir", 5 },
                { "relative", 2 }, { "chain/sub", 5 }, { "climb", 7 },       { "/abs", 4 },
                { "up/x", 4 },     { "loop", 41 },     { "missing/a/b", 3 }, { "file/x/../y", 6 },
        };
        struct tree t;
        int next;

        make(&t);
        next = dup(t.root);
        for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
                CHECK_INT(rootpath_count(t.root, ways[i].path), ways[i].count);
        /* No descriptor is left open. */
        close(next);
        CHECK_INT(dup(t.root), next);
        close(next);
        untouched(&t);
}

TEST(a_long_name_costs_no_square_of_its_length)
{
        static char path[4096], link[5000];
        struct timespec before, after;
        struct tree t;
        int deep = NO_FD;
        size_t size;

        /* a disk takes seconds to remove that many directories */
        make_in(&t, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        CHECK_INT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
        for (size_t i = 0; i < 3800; i += 2)
                memcpy(path + i, "a/", 3);
        for (int i = 0; i < 10; i++) {
                snprintf(path + 3800, sizeof path - 3800, "%d", i);
                file_close(&deep);
                deep = rootpath_make_dirs(t.root, path, 0755);
                CHECK(deep >= 0);
        }
        for (int i = 0; i < 15; i++) {
                char name[16];

                snprintf(link, sizeof link, "/%s/l%d", path, i - 1);
                snprintf(name, sizeof name, "l%d", i);
                CHECK_INT(symlinkat(i ? link : ".", deep, name), 0);
        }
        snprintf(link, sizeof link, "/%s/l14", path);
        CHECK_INT(symlinkat(link, t.root, "links"), 0);
        size = (size_t)snprintf(path, sizeof path, "links/");
        for (; size < 1000; size += 2)
                memcpy(path + size, "c/", 3);
        file_close(&deep);
        deep = rootpath_make_dirs(t.root, path, 0755);
        CHECK(deep >= 0);
        CHECK_INT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
        CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 <
              500);
        file_close(&deep);
        untouched(&t);
}
