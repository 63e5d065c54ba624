/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "tap.h"
#include "unit/store/archive.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/xattr.h>

/* Theory of operation: a tree with everything awkward in it is written as an archive, which GNU tar unpacks: what
 * find(1), getfattr(1) and sha256sum(1) say of both is the same. */

static char base[] = "/tmp/husk-tree.XXXXXX";
static struct arena arena;
static struct tar_writer writer;

static const char *shell(const char *words)
{
        FILE *pipe_ = popen(arena_format(&arena, "set -e; cd %s; %s", base, words), "re");
        struct text all = { .arena = &arena };
        char line[8192];

        CHECK(pipe_);
        while (fgets(line, sizeof line, pipe_))
                text_add(&all, line);
        CHECK_INT(pclose(pipe_), 0);
        return text_string(&all);
}

static void begin(void)
{
        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK(mkdtemp(base));
        shell("mkdir tree");
}

static void end(void)
{
        shell("cd /; rm -rf $OLDPWD");
}

/* The digest of `tree`/`name` as the archive `to`; "" and the trail when it failed. */
static const char *write_tree(
        const char *name, const char *as, const struct tar_tree_options *options, const char *to)
{
        static char hex[SHA256_HEX_SIZE];
        auto_close dir =
                file_open(AT_FDCWD, arena_format(&arena, "%s/tree", base), O_PATH | O_DIRECTORY, 0);
        auto_close fd = file_open(
                AT_FDCWD, arena_format(&arena, "%s/%s", base, to), O_WRONLY | O_CREAT | O_TRUNC,
                0600);
        int r;

        trail_reset();
        hex[0] = '\0';
        tar_writer_begin(&writer, fd);
        r = tar_tree(&writer, dir, name, as, options);
        if (r == 0)
                CHECK_INT(tar_writer_end(&writer, hex), 0);
        tar_writer_free(&writer);
        return hex;
}

static const char *write_all(const struct tar_tree_options *options, const char *to)
{
        return write_tree(".", "", options, to);
}

static const struct tar_tree_options plain = { 0 }, layer = { .layer = true };

#define LOOK \
        "find . ! -type s -printf '%p %y %m %U %G %n %T@ %l %s\\n' | sed 's/ d .* /&d/;' | sort"

TEST(a_tree_comes_out_of_gnu_tar_as_it_was)
{
        const char *before, *digest;

        begin();
        shell("cd tree; long=$(printf 'n%.0s' $(seq 200)); mkdir -p a/$long/$long; echo deep >a/$long/$long/file;"
              "echo one >one; ln one a/two; ln one three; ln -s ../one a/link; ln -s $long$long farther; mkfifo fifo;"
              "mknod zero c 1 5; mknod disk b 259 70000; printf 'x' >$(printf 'odd\\nname \\377'); : >empty;"
              "chmod 6751 one; chmod 1777 a; chown 3000000:4000000 empty; truncate -s 1M holes;"
              "printf data | dd of=holes bs=1 seek=300000 conv=notrunc status=none; truncate -s 5M hole;"
              "dd if=/dev/urandom of=large bs=1000 count=300 status=none;"
              "touch -d '1969-12-31 23:59:58.25Z' old; touch -d '2033-05-18 03:33:20.123456789Z' new a");
        before = shell("cd tree; " LOOK "; find . -type f -print0 | sort -z | xargs -0 sha256sum");
        digest = arena_string(&arena, write_all(&plain, "one.tar"));
        CHECK_STR(digest, arena_copy(&arena, shell("sha256sum one.tar"), 64));
        CHECK_STR(write_all(&plain, "two.tar"), digest);
        CHECK_STR(
                shell("mkdir out; cd out; tar --warning=no-timestamp -xpf ../one.tar --numeric-owner; " LOOK
                      "; find . -type f -print0 | sort -z | xargs -0 sha256sum"),
                before);
        /* Holes are none of its bytes. */
        CHECK_STR(
                shell("[ $(stat -c %s one.tar) -lt 500000 ] && [ $(stat -c %b out/hole) = 0 ] && echo small"),
                "small\n");
        /* Python's reader is stricter about headers than GNU's. */
        CHECK_STR(
                shell("python3 -c 'import tarfile; t = tarfile.open(\"one.tar\"); print(len(t.getnames()),"
                      " t.getmember(\"hole\").size, t.extractfile(\"holes\").read()[300000:300004])'"),
                "20 5242880 b'data'\n");
        end();
}

/* Each in another directory than the one before, and back. */
TEST(names_of_files_that_have_several_are_found_again)
{
        begin();
        shell("cd tree; mkdir -p a/b/c a/d e; for n in 1 2 3 4 5 6; do echo $n >f$n; done;"
              "ln f1 a/b/c/1; ln f1 e/1; ln f2 a/b/2; ln f2 a/d/2; ln f3 a/3; ln f3 a/d/3; rm f1 f2 f3;"
              "ln f4 a/b/c/4; ln f5 a/d/5");
        CHECK(*write_all(&plain, "one.tar"));
        CHECK_STR(
                shell("tar -tvf one.tar | sed -n 's/.* \\([^ ]*\\) link to /\\1 /p'"),
                "a/d/2 a/b/2\na/d/3 a/3\ne/1 a/b/c/1\nf4 a/b/c/4\nf5 a/d/5\n");
        CHECK(*write_tree("a/d", "new", &plain, "one.tar"));
        CHECK_STR(shell("tar -tf one.tar"), "new/\nnew/2\nnew/3\nnew/5\n");
        end();
}

TEST(attributes_of_files_stay)
{
        begin();
        shell("cd tree; echo x >file; cp file cap; python3 -c 'import os\n"
              "for name in \"user.b\", \"user.a\", \"trusted.mine\", \"user.overlay.x\":\n"
              "  os.setxattr(\"file\", name, b\"v\\n\\0v\")\n"
              "os.setxattr(\"cap\", \"security.capability\", bytes.fromhex(\"0100000200200000\" + 12 * \"00\"))'");
        CHECK(*write_all(&plain, "one.tar"));
        CHECK_STR(
                shell("mkdir out; cd out; tar --warning=no-timestamp -xpf ../one.tar --xattrs --xattrs-include='*'; python3 -c 'import os\n"
                      "for name in \"cap\", \"file\":\n"
                      "  print(name, [(a, os.getxattr(name, a).hex()) for a in sorted(os.listxattr(name))])'"),
                "cap [('security.capability', '0100000200200000000000000000000000000000')]\n"
                "file [('user.a', '760a0076'), ('user.b', '760a0076')]\n");
        end();
}

/* In an archive the first '=' ends an attribute's name: it would be user.a with the value "b=v". */
TEST(attributes_that_have_no_name_in_an_archive_are_told_of)
{
        struct tar_xattr xattr = { "user.a=b", "v", 1 };
        const struct tar_entry entry = {
                .path = "file", .link = "", .xattrs = &xattr, .n_xattrs = 1
        };

        begin();
        shell("cd tree; echo x >file; python3 -c 'import os\n"
              "for name in \"user.a=b\", \"user.c%3Dd\", \"user.e\\nf\":\n"
              "  os.setxattr(\"file\", name, b\"=v\")'");
        CHECK(*write_all(&plain, "one.tar"));
        CHECK(strstr(
                trail_warnings(),
                "'file' has an extended attribute that was left out, as archives have no names with "
                "'=': user.a=b"));
        CHECK_STR(
                shell("python3 -c 'import tarfile\n"
                      "print({k: v for k, v in tarfile.open(\"one.tar\").getmember(\"file\").pax_headers.items() "
                      "if \"xattr\" in k})'"),
                "{'SCHILY.xattr.user.c%3Dd': '=v', 'SCHILY.xattr.user.e\\nf': '=v'}\n");
        tar_writer_begin(&writer, NO_FD);
        CHECK_INT(tar_writer_entry(&writer, &entry, NULL, 0), -EINVAL);
        tar_writer_free(&writer);
        end();
}

/* How many times 'A' the attribute is in the archive, with nothing behind them; -1: it is not there, -2: anything else. */
static int attribute_length(void)
{
        static const char key[] = " SCHILY.xattr.user.a=";
        auto_arena own = { 0 };
        struct text text;
        const char *at;
        size_t n;

        CHECK_INT(
                file_read(&own, AT_FDCWD, arena_format(&own, "%s/one.tar", base), 1 << 20, &text),
                0);
        at = memmem(text_string(&text), text.len, key, strlen(key));
        if (!at)
                return -1;
        n = strspn(at + strlen(key), "A");
        return at[strlen(key) + n] == '\n' ? (int)n : -2;
}

/* A length and a value that are asked for one after the other are two answers: what was read for a value that had
 * grown meanwhile was memory of ours. */
TEST(an_attribute_that_changes_is_one_of_its_values)
{
        static char large[3000];
        const char *file;
        size_t others = 0, whole = 0;
        int status;
        pid_t pid;

        begin();
        memset(large, 'A', sizeof large);
        shell("echo x >tree/file");
        file = arena_format(&arena, "%s/tree/file", base);
        pid = fork();
        if (pid == 0)
                for (;;) {
                        setxattr(file, "user.a", large, sizeof large, 0);
                        setxattr(file, "user.a", "", 0, 0);
                }
        for (int i = 0; i < 2000; i++) {
                int length;

                CHECK(*write_all(&plain, "one.tar"));
                length = attribute_length();
                whole += length == sizeof large;
                others += length > 0 && length != sizeof large;
                others += length == -2;
        }
        kill(pid, SIGKILL);
        CHECK_INT(process_wait(pid, &status), 0);
        CHECK_INT(others, 0);
        CHECK(whole);
        end();
}

TEST(what_overlayfs_hides_becomes_a_layers_whiteouts)
{
        begin();
        shell("cd tree; mkdir -p etc/gone dir; mknod etc/passwd c 0 0; echo x >dir/file; echo y >dir/.wh.fake;"
              "python3 -c 'import os; os.setxattr(\"dir\", \"trusted.overlay.opaque\", b\"y\")'");
        CHECK(*write_all(&layer, "one.tar"));
        CHECK_STR(
                shell("tar -tf one.tar"),
                "./\ndir/\ndir/.wh..wh..opq\ndir/file\netc/\netc/gone/\netc/.wh.passwd\n");
        CHECK(strstr(trail_warnings(), "'dir/.wh.fake' was left out"));
        end();
}

/* Whoever owns a directory in a container may set it where overlayfs does not look at it. */
TEST(an_ordinary_users_attribute_hides_nothing_of_roots)
{
        begin();
        SKIP_UNLESS(namespace_is_first_user(), "needs the first user namespace");
        shell("cd tree; mkdir dir; "
              "python3 -c 'import os; os.setxattr(\"dir\", \"user.overlay.opaque\", b\"y\")'");
        CHECK(*write_all(&layer, "one.tar"));
        CHECK_STR(shell("tar -tf one.tar"), "./\ndir/\n");
        end();
}

/* The second name must not become a link to a file that is not there. */
TEST(a_socket_with_two_names_is_left_out_twice)
{
        begin();
        shell("cd tree; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"one\")'; ln one two; "
              "echo x >file; ln file link");
        CHECK(*write_all(&plain, "one.tar"));
        CHECK_STR(shell("tar -tf one.tar"), "./\nfile\nlink\n");
        CHECK(strstr(trail_warnings(), "'one' was left out: it is a socket"));
        CHECK(strstr(trail_warnings(), "'two' was left out: it is a socket"));
        end();
}

static bool is_not_kept(void *context, const char *path)
{
        return strcmp(path, context) != 0;
}

/* Owners, capabilities of another root, access control lists. */
TEST(ids_are_those_of_a_user_namespace)
{
        struct spec_id_mapping uid = { .host_id = 100000, .size = 1000 };
        struct spec_id_mapping gids[] = { { .container_id = 5, .host_id = 300000, .size = 1 },
                                          { .host_id = 200000, .size = 5 } };
        struct spec_id_mapping_list uid_list = { &uid, 1 }, gid_list = { gids, 2 };
        struct tar_ids ids = { .uids = &uid_list, .gids = &gid_list };
        const struct tar_tree_options options = { .ids = &ids };

        begin();
        SKIP_UNLESS(namespace_is_first_user(), "needs the first user namespace");
        shell("cd tree; mkdir d; : >a; : >cap; : >other; ln a z; chown 100007:300000 a; chown 100000:200004 d; "
              "chown 101000:200005 other; chown 0:0 cap; python3 -c 'import os, struct\n"
              "cap = bytes.fromhex(\"0100000300200000\" + 12 * \"00\")[:20]\n"
              "for name, root in (\"cap\", 100000), (\"other\", 100003):\n"
              "  os.setxattr(name, \"security.capability\", cap + struct.pack(\"<I\", root))\n"
              "acl = struct.pack(\"<I\", 2)\n"
              "for tag, mode, id in (1, 6, -1), (2, 4, 100009), (4, 4, -1), (8, 4, 200003), (16, 4, -1), (32, 0, -1):\n"
              "  acl += struct.pack(\"<HHi\", tag, mode, id)\n"
              "os.setxattr(\"d\", \"system.posix_acl_access\", acl)'");
        CHECK(*write_all(&options, "one.tar"));
        CHECK_STR(
                shell("python3 -c 'import tarfile\n"
                      "for e in tarfile.open(\"one.tar\"):\n"
                      "  x = [v.encode(\"utf8\", \"surrogateescape\").hex() for k, v in sorted(e.pax_headers.items()) if \"xattr\" in k]\n"
                      "  print(e.name, e.uid, e.gid, *x)'"),
                ". 0 0\na 7 5\ncap 0 0 0100000200200000000000000000000000000000\n"
                "d 0 4 "
                "02000000010006"
                "00ffffffff"
                "0200040009000000"
                "04000400ffffffff"
                "0800040003000000"
                "10000400ffffffff"
                "20000000ffffffff\n"
                "other 101000 200005 010000030020000000000000000000000000000003000000\nz 7 5\n");
        ids.of_host = is_not_kept;
        ids.context = (void *)"a";
        CHECK(*write_all(&options, "one.tar"));
        CHECK_STR(
                shell("tar --numeric-owner -tvf one.tar | awk '{ print $2, $6 }'"),
                "0/0 ./\n100007/300000 a\n0/0 cap\n0/4 d/\n101000/200005 other\n7/5 z\n");
        end();
}

static bool skip_one(void *context, const char *path, int fd, const struct stat *status)
{
        CHECK(fd >= 0 && status->st_ino);
        return strcmp(path, context) == 0;
}

TEST(a_part_of_a_tree_by_another_name)
{
        struct tar_tree_options options = { .skip = skip_one, .context = (void *)"new/not" };

        begin();
        shell("cd tree; mkdir -p sub/not/this; echo x >sub/file; ln -s /etc sub/link");
        CHECK(*write_tree("sub", "new", &options, "one.tar"));
        CHECK_STR(shell("tar -tf one.tar"), "new/\nnew/file\nnew/link\n");
        CHECK(*write_tree("sub", "", &plain, "one.tar"));
        CHECK_STR(shell("tar -tf one.tar"), "./\nfile\nlink\nnot/\nnot/this/\n");
        shell("mv tree/sub/file tree/file");
        CHECK(*write_tree("file", "file", &plain, "one.tar"));
        CHECK_STR(shell("tar -xOf one.tar"), "x\n");
        CHECK_STR(write_tree("none", "none", &plain, "one.tar"), "");
        CHECK_STR(trail_text(), "'none': cannot look at it: No such file or directory");
        end();
}

TEST(what_is_too_deep_is_refused)
{
        begin();
        shell("cd tree; python3 -c 'import os\nfor i in range(300): os.mkdir(\"d\"); os.chdir(\"d\")'");
        CHECK_STR(write_all(&plain, "one.tar"), "");
        CHECK(strstr(trail_text(), "it is more than 256 directories deep"));
        shell("cd tree; rm -rf d; python3 -c 'import os\nfor i in range(20): os.mkdir(\"n\" * 250); "
              "os.chdir(\"n\" * 250)'");
        CHECK_STR(write_all(&plain, "one.tar"), "");
        CHECK(strstr(trail_text(), "its name is too long for an archive"));
        end();
}
