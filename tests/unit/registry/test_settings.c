/* SPDX-License-Identifier: Apache-2.0 */
/* The file about registries: what of it goes to the helper, and what is refused. */
#include "linux/linux.h"
#include "registry/registry.h"
#include "tap.h"

#include <fcntl.h>

#include <sys/stat.h>

static char directory[] = "/tmp/husk-settings.XXXXXX";
static struct arena arena;
static struct registry_files files;

static const char *put(const char *name, const char *words)
{
        const char *path = arena_format(&arena, "%s/%s", directory, name);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

        CHECK(fd >= 0 && file_write(fd, words, strlen(words)) == 0);
        close(fd);
        return path;
}

static void start(void)
{
        CHECK(mkdtemp(directory));
        files.auth[1] =
                put("auth.json",
                    "{\"auths\":{\"a.io\":{\"auth\":\"YTpi\"},\"m.io:1\":{\"auth\":\"bTpi\"},"
                    "\"x.io\":{\"auth\":\"eDp5\"}}}");
}

static void done(void)
{
        file_remove_tree(AT_FDCWD, directory);
        arena_free(&arena);
}

static const char *settings(const char *registry, const struct registry_credentials *credentials)
{
        const struct registry_place place = { registry, "r" };
        const char *result = NULL;
        int r;

        trail_reset();
        r = registry_settings(&arena, &files, &place, credentials, &result);
        return r < 0 ? arena_format(&arena, "%s %s", text_errno_name(r), trail_text()) : result;
}

TEST(nothing_said)
{
        start();
        CHECK_STR(
                settings("b.io", NULL),
                "{\"hosts\":{\"b.io\":{}},\"credentials\":{},\"proxies\":{}}");
        files.config = "/nonexistent/registries.json";
        CHECK_STR(
                settings("b.io", NULL),
                "{\"hosts\":{\"b.io\":{}},\"credentials\":{},\"proxies\":{}}");
        done();
}

TEST(only_what_this_registry_needs)
{
        const char *ca;

        start();
        ca = put("ca.pem", "PEM\n");
        files.https_proxy = "http://proxy:3128";
        files.no_proxy = "localhost";
        files.config = put(
                "registries.json",
                arena_format(
                        &arena,
                        "{\"hosts\":{\"a.io\":{\"mirrors\":[\"m.io:1\",\"bad.io\"],\"insecure\":false},"
                        "\"m.io:1\":{\"ca\":\"%s\",\"insecure\":true},\"bad.io\":{\"blocked\":true},"
                        "\"x.io\":{\"ca\":\"/nonexistent\"}},\"proxies\":{\"no\":\"a.io\"},\"patience\":5}",
                        ca));
        CHECK_STR(
                settings("a.io", NULL),
                "{\"hosts\":{\"a.io\":{\"mirrors\":[\"m.io:1\"]},\"m.io:1\":{\"insecure\":true,\"ca\":\"PEM\\n\"},"
                "\"bad.io\":{}},\"credentials\":{\"a.io\":{\"username\":\"a\",\"password\":\"b\"},"
                "\"m.io:1\":{\"username\":\"m\",\"password\":\"b\"}},"
                "\"proxies\":{\"https\":\"http://proxy:3128\",\"no\":\"a.io\"},\"patience\":5}");
        CHECK(strstr(settings("bad.io", NULL), "EPERM bad.io is blocked in "));
        CHECK(strstr(settings("x.io", NULL), "ENOENT ca in "));
        CHECK(strstr(settings("x.io", NULL), "cannot read '/nonexistent'"));
        done();
}

/* As docker and podman have them: a directory for each host. */
TEST(certificates_in_directories)
{
        start();
        CHECK(mkdir(arena_format(&arena, "%s/c.io:5000", directory), 0700) == 0);
        put("c.io:5000/b.crt", "SECOND\n");
        put("c.io:5000/a.crt", "FIRST\n");
        put("c.io:5000/readme", "no certificate");
        files.certs[0] = "/nonexistent";
        files.certs[1] = directory;
        CHECK_STR(
                settings("c.io:5000", NULL),
                "{\"hosts\":{\"c.io:5000\":{\"ca\":\"FIRST\\n\\nSECOND\\n\\n\"}},\"credentials\":{},\"proxies\":{}}");
        CHECK(strstr(settings("c.io", NULL), "{\"c.io\":{}}"));
        put("c.io:5000/client.cert", "WE\n");
        CHECK(strstr(settings("c.io:5000", NULL), "EINVAL "));
        CHECK(strstr(trail_text(), "client.cert has no key beside it"));
        put("c.io:5000/client.key", "SECRET\n");
        CHECK(strstr(settings("c.io:5000", NULL), "\"cert\":\"WE\\n\",\"key\":\"SECRET\\n\"}"));
        /* Our own file counts for all three. */
        files.config =
                put("registries.json",
                    arena_format(
                            &arena, "{\"hosts\":{\"c.io:5000\":{\"ca\":\"%s/c.io:5000\"}}}",
                            directory));
        CHECK(strstr(settings("c.io:5000", NULL), "\"ca\":\"FIRST"));
        CHECK(!strstr(settings("c.io:5000", NULL), "cert"));
        /* And what was said on the command line for more than that. */
        files.cert_dir = "/nonexistent";
        CHECK(strstr(settings("c.io:5000", NULL), "ENOENT there is no directory '/nonexistent'"));
        files.cert_dir = directory;
        put("x.crt", "THIRD\n");
        CHECK(strstr(settings("c.io:5000", NULL), "\"ca\":\"THIRD\\n\\n\"}"));
        done();
}

TEST(insecure_or_not_is_said)
{
        start();
        files.config = put("registries.json", "{\"hosts\":{\"i.io\":{\"insecure\":true}}}");
        files.insecure = true;
        CHECK(strstr(settings("b.io", NULL), "{\"b.io\":{\"insecure\":true}}"));
        files.insecure = false;
        files.verify = true;
        CHECK(strstr(settings("i.io", NULL), "{\"i.io\":{\"verify\":true}}"));
        done();
}

TEST(credentials_of_the_caller)
{
        const struct registry_credentials given = { "n", "p", NULL };

        start();
        CHECK_STR(
                settings("a.io", &given),
                "{\"hosts\":{\"a.io\":{}},\"credentials\":{\"a.io\":{\"username\":\"n\",\"password\":\"p\"}},"
                "\"proxies\":{}}");
        done();
}

TEST(what_is_refused)
{
        static const char *const wrong[][2] = {
                { "[]", "expected an object" },
                { "{\"host\":{}}", "/host: unknown member" },
                { "{\"hosts\":[]}", "/hosts: expected an object" },
                { "{\"hosts\":{\"a b\":{}}}", "/hosts/a b: expected HOST[:PORT] as the name" },
                { "{\"hosts\":{\"a\":{\"mirror\":[]}}}", "/hosts/a/mirror: unknown member" },
                { "{\"hosts\":{\"a\":{\"mirrors\":\"b\"}}}", "/hosts/a/mirrors: expected a list" },
                { "{\"hosts\":{\"a\":{\"mirrors\":[\"b\",\"https://c\"]}}}",
                  "/hosts/a/mirrors/1: expected HOST" },
                { "{\"hosts\":{\"a\":{\"mirrors\":[\"b\",\"b\"]}}}",
                  "/hosts/a/mirrors/1: expected each mirror once" },
                { "{\"hosts\":{\"a\":{\"mirrors\":[1]}}}", "/hosts/a/mirrors/0: expected HOST" },
                { "{\"hosts\":{\"a\":{\"insecure\":1}}}",
                  "/hosts/a/insecure: expected true or false" },
                { "{\"hosts\":{\"a\":{\"ca\":\"x\"}}}", "/hosts/a/ca: expected an absolute path" },
                { "{\"proxies\":{\"ftp\":\"x\"}}", "/proxies/ftp: unknown member" },
                { "{\"proxies\":{\"no\":1}}", "/proxies/no: expected a string" },
                { "{\"patience\":0}", "/patience: expected 1 to 3600 seconds" },
        };

        start();
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                files.config = put("registries.json", wrong[i][0]);
                printf("# %s: %s\n", wrong[i][0], settings("b.io", NULL));
                CHECK(text_starts(settings("b.io", NULL), "EINVAL "));
                CHECK(strstr(settings("b.io", NULL), wrong[i][1]));
        }
        done();
}

/* Files that are larger than what is read of them, and one byte less. */
static const char *put_large(const char *name, size_t size)
{
        char *words = arena_alloc(&arena, size + 1);

        memset(words, ' ', size);
        words[0] = '{';
        words[size - 1] = '}';
        return put(name, words);
}

TEST(what_is_read_has_an_end)
{
        struct text list = { .arena = &arena };
        size_t size = (size_t)1 << 20;

        start();
        files.config = put_large("registries.json", size);
        CHECK_STR(
                settings("b.io", NULL),
                "{\"hosts\":{\"b.io\":{}},\"credentials\":{},\"proxies\":{}}");
        put_large("registries.json", size + 1);
        CHECK(strstr(settings("b.io", NULL), "EFBIG cannot read '"));
        files.config = NULL;
        files.auth[1] = put_large("auth.json", size);
        CHECK_STR(
                settings("b.io", NULL),
                "{\"hosts\":{\"b.io\":{}},\"credentials\":{},\"proxies\":{}}");
        put_large("auth.json", size + 1);
        CHECK(strstr(settings("b.io", NULL), "EFBIG "));
        files.auth[1] = NULL;
        for (int i = 0; i < 17; i++)
                text_addf(&list, "%s\"m%d.io\"", i ? "," : "", i);
        files.config = put(
                "registries.json",
                arena_format(
                        &arena, "{\"hosts\":{\"a.io\":{\"mirrors\":[%s]}}}", text_string(&list)));
        CHECK(strstr(settings("a.io", NULL), "a list of at most 16 hosts"));
        done();
}

TEST(certificates_have_an_end)
{
        size_t size = (size_t)48 << 10;

        start();
        files.cert_dir = directory;
        put_large("a.crt", size - 1);
        CHECK(strstr(settings("c.io", NULL), "\"ca\":\"{ "));
        put("b.crt", "B\n");
        CHECK(strstr(
                settings("c.io", NULL), "EFBIG there are more than 48 KiB of certificates in '"));
        put_large("a.crt", size + 1);
        CHECK(strstr(settings("c.io", NULL), "EFBIG cannot read '"));
        put("a.crt", "A\n");
        for (int i = 0; i < 256; i++)
                put(arena_format(&arena, "%d", i), "");
        CHECK(strstr(settings("c.io", NULL), "E2BIG there are too many files in '"));
        done();
}
