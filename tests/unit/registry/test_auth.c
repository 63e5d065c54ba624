/* SPDX-License-Identifier: Apache-2.0 */
/* Files of credentials, as docker and podman write them and as they should not be. */
#include "linux/linux.h"
#include "registry/registry.h"
#include "tap.h"

#include <fcntl.h>

static char path[] = "/tmp/husk-auth.XXXXXX";

static void write_file(const char *words)
{
        int fd = text_equal(path + sizeof path - 7, "XXXXXX")
                       ? mkstemp(path)
                       : open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

        CHECK(fd >= 0 && file_write(fd, words, strlen(words)) == 0);
        close(fd);
}

static struct arena arena;

static int find(const char *registry, const char *repository, struct registry_credentials *ret)
{
        const char *const files[] = { NULL, "/nonexistent/auth.json", path };
        const struct registry_place place = { registry, repository };

        trail_reset();
        return registry_auth_find(&arena, files, ARRAY_SIZE(files), &place, ret);
}

/* Name and password, "-" for none. */
static const char *found(const char *registry, const char *repository)
{
        struct registry_credentials c = { 0 };

        CHECK_INT(find(registry, repository, &c), 0);
        return arena_format(
                &arena, "%s:%s", c.username ? c.username : "-", c.password ? c.password : "-");
}

static void done(void)
{
        unlink(path);
        arena_free(&arena);
}

TEST(keys)
{
        write_file("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"ZG9jazplcg==\"},"
                   "\"quay.io\":{\"auth\":\"YTpi\"},\"quay.io/team\":{\"auth\":\"dGVhbTp4\"},"
                   "\"http://localhost:5000/v2/\":{\"auth\":\"dTpwOnE=\"},\"empty.io\":{}}}");
        CHECK_STR(found("docker.io", "library/a"), "dock:er");
        CHECK_STR(found("quay.io", "other/a"), "a:b");
        CHECK_STR(found("quay.io", "team/a"), "team:x");
        CHECK_STR(found("quay.io", "team"), "team:x");
        CHECK_STR(found("quay.io", "teams/a"), "a:b");
        CHECK_STR(found("quay.io", NULL), "a:b");
        CHECK_STR(found("localhost:5000", "a"), "u:p:q");
        CHECK_STR(found("localhost", "a"), "-:-");
        CHECK_STR(found("empty.io", "a"), "-:-");
        CHECK_STR(found("evil.io", "a"), "-:-");
        CHECK_STR(found("index.docker.io.evil.io", "a"), "-:-");
        done();
}

TEST(identity_tokens)
{
        struct registry_credentials c = { 0 };

        write_file("{\"auths\":{\"a.io\":{\"auth\":\"PHRva2VuPjo=\",\"identitytoken\":\"t\"}}}");
        CHECK_INT(find("a.io", NULL, &c), 0);
        CHECK_STR(c.identity_token, "t");
        done();
}

TEST(what_is_wrong)
{
        static const char *const wrong[] = {
                "{",
                "[] x",
                "{\"auths\":{\"a.io\":{\"auth\":\"bm90aGluZw==\"}}}", /* no colon */
                "{\"auths\":{\"a.io\":{\"auth\":\"YTpi=\"}}}",
                "{\"auths\":{\"a.io\":{\"auth\":\"Y\\u0001pi\"}}}",
                "{\"auths\":{\"a.io\":{\"auth\":\"YQA6Yg==\"}}}", /* a NUL */
                "{\"credHelpers\":{\"a.io\":\"../../bin/sh\"}}",
                "{\"credHelpers\":{\"a.io\":\"no-such-helper-of-husk\"}}",
        };
        struct registry_credentials c = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                write_file(wrong[i]);
                printf("# %s\n", wrong[i]);
                CHECK(find("a.io", NULL, &c) < 0);
                CHECK(*trail_text());
        }
        done();
}

TEST(storing_keeps_what_is_there)
{
        const struct registry_credentials first = { "ann", "secret", NULL };
        const struct registry_credentials second = { "bob", "other:\xc3\xa9", NULL };
        struct text bytes = { .arena = &arena };
        struct stat st;
        struct registry_kept kept = { 0 };

        write_file("{\"HttpHeaders\":{\"A\":\"b\"},\"auths\":{\"a.io\":{\"auth\":\"YTpi\"}}}");
        CHECK_INT(registry_auth_store(&arena, path, "docker.io", &first, &kept), 0);
        CHECK(!kept.was);
        CHECK_INT(registry_auth_store(&arena, path, "docker.io", &second, &kept), 0);
        CHECK(kept.was);
        CHECK_STR(found("docker.io", NULL), "bob:other:\xc3\xa9");
        CHECK_STR(found("a.io", NULL), "a:b");
        CHECK_INT(registry_auth_store(&arena, path, "docker.io", NULL, &kept), 0);
        CHECK(kept.was);
        CHECK_INT(registry_auth_store(&arena, path, "docker.io", NULL, &kept), 0);
        CHECK(!kept.was);
        CHECK_INT(file_read(&arena, AT_FDCWD, path, 4096, &bytes), 0);
        CHECK_STR(
                text_string(&bytes),
                "{\n  \"auths\": {\n    \"a.io\": {\n      \"auth\": \"YTpi\"\n    }\n  },\n"
                "  \"HttpHeaders\": {\n    \"A\": \"b\"\n  }\n}\n");
        CHECK_INT(file_stat(AT_FDCWD, path, 0, &st), 0);
        CHECK_INT(st.st_mode & 0777, 0600);
        done();
}

TEST(what_no_helper_is_given)
{
        char *password = arena_alloc(&arena, (size_t)64 << 10);
        const struct registry_credentials c = { "u", password, NULL };
        struct registry_kept kept;

        memset(password, 'x', (size_t)64 << 10);
        password[((size_t)64 << 10) - 1] = '\0';
        write_file("{\"credsStore\":\"no-such-helper-of-husk\"}");
        CHECK_INT(registry_auth_store(&arena, path, "a.io", &c, &kept), -E2BIG);
        CHECK(strstr(trail_text(), "too many for the credential helper"));
        CHECK(!strstr(trail_text(), "xxx"));
        trail_reset();
        password[1] = '\0';
        CHECK_INT(registry_auth_store(&arena, path, "a.io", &c, &kept), -ENOENT);
        write_file("{\"credHelpers\":{\"a.io\":\"a/b\"}}");
        trail_reset();
        CHECK_INT(registry_auth_store(&arena, path, "a.io", &c, &kept), -EINVAL);
        CHECK_INT(registry_auth_store(&arena, path, "b.io", &c, &kept), 0);
        CHECK(!kept.helper);
        done();
}

TEST(base64_of_all_lengths)
{
        static const char letters[] = "abcdefg";
        struct registry_kept kept;

        write_file("{}");
        for (size_t n = 1; n < sizeof letters; n++) {
                char password[8] = "";
                const struct registry_credentials c = { "u", memcpy(password, letters, n), NULL };

                CHECK_INT(registry_auth_store(&arena, path, "a.io", &c, &kept), 0);
                CHECK_STR(found("a.io", NULL), arena_format(&arena, "u:%s", password));
        }
        done();
}
