/* SPDX-License-Identifier: Apache-2.0 */
/* Who "-u" is, by passwd and group files that want us to be somebody else: root above all. */
#include "engine/store.h"
#include "tap.h"

#include <fcntl.h>

#include <sys/stat.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "daemon:x:1:1::/usr/sbin:/bin/false\n"
                             "\n"
                             "no fields\n"
                             "bad:x:one:1::/:\n"
                             "0123:x:77:78::/digits:\n"
                             "wraps:x:4294967296:4294967296::/wraps:\n"
                             "large:x:2147483648:5::/large:\n"
                             "biggroup:x:5:2147483648::/big:\n"
                             "minus:x:-1:-1::/minus:\n"
                             "empty:x:::::\n"
                             "here:x:1001:1002::relative:\n"
                             "last:x:1003:1004::/home/last";
static const char groups[] = "root:x:0:\n"
                             "users:x:100:here,last\n"
                             "wheel:x:10:nothere,herefore\n"
                             "both:x:11:last,here\n"
                             "wraps:x:4294967296:here\n"
                             "large:x:2147483648:here\n"
                             "012:x:13:\n"
                             "end:x:14:here";

static char root_path[64];

static void put(const char *name, const char *text)
{
        char path[128];
        int fd;

        snprintf(path, sizeof path, "%s/etc/%s", root_path, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        CHECK(fd >= 0);
        CHECK_INT(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static int make_root(void)
{
        char path[128];
        int fd;

        strcpy(root_path, "/tmp/husk-user-XXXXXX");
        CHECK(mkdtemp(root_path) != NULL);
        snprintf(path, sizeof path, "%s/etc", root_path);
        CHECK_INT(mkdir(path, 0755), 0);
        put("passwd", passwd);
        put("group", groups);
        fd = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHECK(fd >= 0);
        return fd;
}

static void clear(int root)
{
        close(root);
        CHECK_INT(file_remove_tree(AT_FDCWD, root_path), 0);
}

/* "uid:gid groups home", or the error. */
static const char *look(struct arena *arena, int root, const char *words)
{
        struct text out = { .arena = arena };
        struct spec_user user;
        const char *home;
        struct user_files files = user_files_of_root(arena, root);
        int r = user_lookup(arena, &files, words, &user, &home);

        if (r < 0)
                return arena_format(arena, "error %d", -r);
        text_addf(&out, "%u:%u", user.uid, user.gid);
        for (size_t i = 0; i < user.additional_gids.n; i++)
                text_addf(&out, "%c%u", i ? ',' : ' ', user.additional_gids.items[i]);
        text_addf(&out, " %s", home);
        return text_string(&out);
}

TEST(names_and_numbers)
{
        auto_arena arena = { 0 };
        int root = make_root();

        CHECK_STR(look(&arena, root, NULL), "0:0 0 /root");
        CHECK_STR(look(&arena, root, "root"), "0:0 0 /root");
        CHECK_STR(look(&arena, root, "daemon"), "1:1 1 /usr/sbin");
        CHECK_STR(look(&arena, root, "1"), "1:1 1 /usr/sbin");
        CHECK_STR(look(&arena, root, "here"), "1001:1002 100,11,14,1002 /");
        CHECK_STR(look(&arena, root, "1001"), "1001:1002 100,11,14,1002 /");
        CHECK_STR(look(&arena, root, "last"), "1003:1004 100,11,1004 /home/last");
        CHECK_STR(look(&arena, root, "here:users"), "1001:100 100 /");
        CHECK_STR(look(&arena, root, "here:55"), "1001:55 55 /");
        CHECK_STR(look(&arena, root, "4242"), "4242:0 0 /");
        CHECK_STR(look(&arena, root, "4242:43"), "4242:43 43 /");
        CHECK_STR(
                look(&arena, root, "2147483647:2147483647"), "2147483647:2147483647 2147483647 /");
        clear(root);
}

/* Digits are a number, whatever a file calls a name. */
TEST(names_of_digits)
{
        auto_arena arena = { 0 };
        int root = make_root();

        CHECK_STR(look(&arena, root, "0123"), "123:0 0 /");
        CHECK_STR(look(&arena, root, "1:012"), "1:12 12 /usr/sbin");
        clear(root);
}

TEST(numbers_that_would_wrap)
{
        static const char *const words[] = {
                "2147483648",   "4294967295",   "4294967296", "18446744073709551616",
                "0:2147483648", "0:4294967296", "wraps",      "large",
                "biggroup",     "0:wraps",      "0:large",
        };
        auto_arena arena = { 0 };
        int root = make_root();

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                CHECK_STR(look(&arena, root, words[i]), "error 34" /* ERANGE */);
        clear(root);
}

TEST(nobody_of_that_name)
{
        static const char *const words[] = {
                "-1",
                "minus",
                "bad",
                "empty",
                "nothere",
                "no fields",
                "Root",
                "root ",
                " root",
                "+0",
                "0x0",
                "",
                "0:",
                "0:nothere",
                "0:-1",
                "0:0:0",
                "root:root:root",
                "roo",
        };
        auto_arena arena = { 0 };
        int root = make_root();

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                CHECK_STR(look(&arena, root, words[i]), "error 2" /* ENOENT */);
        clear(root);
}

/* What is no plain file counts as missing, and nobody waits for it. */
TEST(files_that_are_none)
{
        auto_arena arena = { 0 };
        int root = make_root();
        char path[128];

        snprintf(path, sizeof path, "%s/etc/passwd", root_path);
        CHECK_INT(unlink(path), 0);
        CHECK_STR(look(&arena, root, "root"), "error 2");
        CHECK_STR(look(&arena, root, "0"), "0:0 0 /");
        CHECK_INT(mkfifo(path, 0666), 0);
        CHECK_STR(look(&arena, root, "root"), "error 2");
        CHECK_STR(look(&arena, root, "0"), "0:0 0 /");
        CHECK_INT(unlink(path), 0);
        CHECK_INT(mkdir(path, 0755), 0);
        CHECK_STR(look(&arena, root, "root"), "error 2");
        CHECK_INT(rmdir(path), 0);
        CHECK_INT(symlink("passwd", path), 0);
        CHECK_STR(look(&arena, root, "root"), "error 2");
        clear(root);
}

/* Links lead to the root's own files only. */
TEST(links_out_of_the_root)
{
        auto_arena arena = { 0 };
        int root = make_root();
        char path[128], link[256];

        put("mine", "daemon:x:555:555::/mine:\n");
        snprintf(path, sizeof path, "%s/etc/passwd", root_path);
        CHECK_INT(unlink(path), 0);
        CHECK_INT(symlink("/etc/mine", path), 0);
        CHECK_STR(look(&arena, root, "daemon"), "555:555 555 /mine");
        CHECK_INT(unlink(path), 0);
        CHECK_INT(symlink("../../../../../../../etc/mine", path), 0);
        CHECK_STR(look(&arena, root, "daemon"), "555:555 555 /mine");
        CHECK_INT(unlink(path), 0);
        snprintf(link, sizeof link, "/proc/self/root/%s/etc/mine", root_path);
        CHECK_INT(symlink(link, path), 0);
        CHECK_STR(look(&arena, root, "daemon"), "error 2");
        clear(root);
}

TEST(huge_files_and_lines)
{
        auto_arena arena = { 0 };
        int root = make_root();
        char *text = malloc((8 << 20) + 64);

        CHECK(text != NULL);
        /* One endless line, then the entry: bounded, so that it is not found. */
        memset(text, 'x', 8 << 20);
        strcpy(text + (8 << 20), "\nlast:x:9:9::/:\n");
        put("passwd", text);
        CHECK_STR(look(&arena, root, "last"), "error 2");
        /* Below the bound it is. */
        strcpy(text + (1 << 20), "\nlast:x:9:9::/:\n");
        put("passwd", text);
        CHECK_STR(look(&arena, root, "last"), "9:9 100,11,9 /");
        free(text);
        clear(root);
}

/* More groups than a process may have. */
TEST(groups_without_end)
{
        auto_arena arena = { 0 };
        int root = make_root();
        struct text text = { .arena = &arena };
        struct user_files files;
        struct spec_user user;
        const char *home;

        for (int i = 0; i < 70000; i++)
                text_addf(&text, "g%d:x:%d:last\n", i, i + 1);
        put("group", text_string(&text));
        files = user_files_of_root(&arena, root);
        CHECK_INT(user_lookup(&arena, &files, "last", &user, &home), 0);
        CHECK(user.additional_gids.n <= 65536);
        CHECK(user.additional_gids.n >= 1000);
        CHECK_INT(user.additional_gids.items[0], 1);
        clear(root);
}
