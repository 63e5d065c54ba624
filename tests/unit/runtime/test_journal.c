/* SPDX-License-Identifier: Apache-2.0 */
/* A journal with any one byte changed, or cut off anywhere: it is read, or it is told that it is damaged; and
 * of no part of one is there more than was written. */
#include "runtime/runtime.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char good[] =
        "{\"version\":1,\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"bundle\":\"/b\",\"rootfs\":\"/b/r\","
        "\"created\":\"2026-01-01T00:00:00Z\",\"boot\":\"x\",\"mode\":\"create\"}\n"
        "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"}}\n"
        "{\"undo\":\"remove_cgroup\",\"path\":\"/sys/fs/cgroup/pids/husk-none\"}\n"
        "{\"process\":{\"pid\":2147483647,\"start\":371042}}\n"
        "{\"status\":\"created\"}\n"
        "{\"status\":\"stopped\",\"code\":7,\"at\":1795300000}\n";

static char root[] = "/tmp/husk-journal-XXXXXX";

/* What container_open() makes of it. */
static int opened(const char *bytes, size_t size, struct container *ret)
{
        auto_arena arena = { 0 };
        const char *path;
        int fd, r;

        path = arena_format(&arena, "%s/c1/journal", root);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK_INT(file_write(fd, bytes, size), 0);
        close(fd);
        trail_reset();
        r = container_open(&arena, root, "c1", false, ret);
        if (r == 0)
                container_close(ret);
        return r;
}

/* The same, its strings in the caller's arena. */
static int reopened(struct arena *arena, const struct text *bytes, struct container *ret)
{
        int r = opened(text_string(bytes), bytes->len, ret);

        r = r < 0 ? r : container_open(arena, root, "c1", false, ret);
        if (r == 0)
                container_close(ret);
        return r;
}

static void make_directory(void)
{
        char path[64];

        text_format(path, sizeof path, "%s/c1", root);
        CHECK_INT(file_make_dirs(path, CONTAINER_DIR_MODE), 0);
}

static void begin(void)
{
        CHECK(mkdtemp(root) != NULL);
        make_directory();
}

TEST(each_byte_changed)
{
        static const char with[] = { 0, '\n', '"', '}', '9', 'x', (char)0xff };
        struct container container;
        size_t read = 0, refused = 0;

        begin();
        for (size_t at = 0; at < sizeof good - 1; at++)
                for (size_t i = 0; i < sizeof with; i++) {
                        char bytes[sizeof good];
                        int r;

                        memcpy(bytes, good, sizeof good);
                        bytes[at] = with[i];
                        r = opened(bytes, sizeof good - 1, &container);
                        CHECK(r == 0 || r == -EUCLEAN);
                        CHECK((r == 0) == !*trail_text());
                        CHECK(r < 0 || container.status == CONTAINER_STOPPED);
                        CHECK(r < 0 || container.pid >= 0);
                        read += r == 0;
                        refused += r < 0;
                }
        CHECK(read > 500 && refused > 500);
        CHECK_INT(file_remove_tree(AT_FDCWD, root), 0);
}

TEST(cut_off_anywhere)
{
        struct container container;

        begin();
        for (size_t size = 0; size < sizeof good; size++) {
                if (!memchr(good, '\n', size)) {
                        /* its maker was killed before it began: the directory goes */
                        CHECK_INT(opened(good, size, &container), -ENOENT);
                        CHECK_INT(rmdir(root), 0);
                        make_directory();
                        continue;
                }
                CHECK_INT(opened(good, size, &container), 0);
                /* a torn line is none */
                CHECK_INT(container.has_exit, size == sizeof good - 1 && container.exit_code == 7);
                CHECK_INT(container.complete, strstr(good, "\"created\"}\n") + 11 <= good + size);
        }
        CHECK_INT(file_remove_tree(AT_FDCWD, root), 0);
}

/* Another start: what came before it is about another process, and about cgroups that are gone. */
TEST(started_again)
{
        static const char again[] =
                "{\"status\":\"prepared\"}\n"
                "{\"status\":\"starting\",\"boot\":\"y\",\"mode\":\"run\",\"at\":1795300001}\n"
                "{\"undo\":\"remove_cgroup\",\"path\":\"/sys/fs/cgroup/pids/husk-second\"}\n";
        static const char process[] = "{\"process\":{\"pid\":2147483646,\"start\":371043}}\n";
        auto_arena arena = { 0 };
        struct text bytes = { .arena = &arena };
        struct container container;
        const char *const *paths;
        size_t n;

        begin();
        text_add(&bytes, good);
        text_add(&bytes, again);
        CHECK_INT(reopened(&arena, &bytes, &container), 0);
        CHECK_INT(container.status, CONTAINER_STOPPED);
        CHECK(!container.has_exit && container.pid == 0 && container.ended_s == 0);
        CHECK(container.prepared && container.begun);
        CHECK_INT(container.began_s, 1795300001);
        text_add(&bytes, process);
        CHECK_INT(reopened(&arena, &bytes, &container), 0);
        CHECK_INT(container.pid, 2147483646);
        CHECK_STR(container.boot, "y");
        container_cgroups(&arena, &container, &paths, &n);
        CHECK_INT(n, 1);
        CHECK_STR(paths[0], "/sys/fs/cgroup/pids/husk-second");
        file_remove_tree(AT_FDCWD, root);
}

TEST(versions)
{
        struct container container;
        char bytes[sizeof good];

        begin();
        memcpy(bytes, good, sizeof good);
        bytes[11] = '2';
        CHECK_INT(opened(bytes, sizeof good - 1, &container), -EUCLEAN);
        CHECK_STR(trail_text(), "the journal of container 'c1' is of another version of husk");
        CHECK_INT(opened("{}\n", 3, &container), -EUCLEAN);
        CHECK_INT(opened("\n", 1, &container), -EUCLEAN);
        CHECK_INT(file_remove_tree(AT_FDCWD, root), 0);
}
