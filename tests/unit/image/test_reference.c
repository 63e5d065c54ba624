/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"
#include "tap.h"

/* Theory of operation: words in, the full and the short words out; and what must not be a name. */

#define HEX    "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
#define DIGEST "sha256:" HEX

static struct arena arena;

static void same(const char *words, const char *full, const char *brief)
{
        struct image_reference reference, again;

        trail_reset();
        CHECK_INT(image_reference_parse(&arena, words, &reference), 0);
        CHECK_STR(image_reference_full(&arena, &reference), full);
        CHECK_STR(image_reference_short(&arena, &reference), brief);
        /* Both mean the same again. */
        CHECK_INT(image_reference_parse(&arena, full, &again), 0);
        CHECK_STR(image_reference_full(&arena, &again), full);
        CHECK_INT(image_reference_parse(&arena, brief, &again), 0);
        CHECK_STR(image_reference_full(&arena, &again), full);
}

TEST(reference_of_docker)
{
        same("alpine", "docker.io/library/alpine:latest", "alpine:latest");
        same("alpine:3.19", "docker.io/library/alpine:3.19", "alpine:3.19");
        same("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest");
        same("index.docker.io/library/alpine", "docker.io/library/alpine:latest", "alpine:latest");
        same("user/app:1", "docker.io/user/app:1", "user/app:1");
        same("a__b/c.d/e--f", "docker.io/a__b/c.d/e--f:latest", "a__b/c.d/e--f:latest");
        same("alpine@" DIGEST, "docker.io/library/alpine@" DIGEST, "alpine@" DIGEST);
        same("alpine:3@" DIGEST, "docker.io/library/alpine:3@" DIGEST, "alpine:3@" DIGEST);
}

TEST(reference_of_other_registries)
{
        same("localhost/a", "localhost/a:latest", "localhost/a:latest");
        same("localhost:5000/a:b", "localhost:5000/a:b", "localhost:5000/a:b");
        same("registry.example.com/a/b/c:1", "registry.example.com/a/b/c:1",
             "registry.example.com/a/b/c:1");
        same("[2001:db8::1]:5000/a", "[2001:db8::1]:5000/a:latest", "[2001:db8::1]:5000/a:latest");
        same("Upper/a", "Upper/a:latest", "Upper/a:latest");
        same("host:5000/a@" DIGEST, "host:5000/a@" DIGEST, "host:5000/a@" DIGEST);
        /* The short form would be another registry's. */
        same("docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest");
        same("docker.io/localhost/c", "docker.io/localhost/c:latest",
             "docker.io/localhost/c:latest");
}

TEST(reference_is_refused)
{
        static const char *const wrong[] = { "",
                                             ":",
                                             ":latest",
                                             "@" DIGEST,
                                             "a:",
                                             "a@",
                                             "a@sha256:12",
                                             "a@sha512:12",
                                             "A",
                                             "a/B",
                                             "a/../b",
                                             "../a",
                                             "a/./b",
                                             "/a",
                                             "a/",
                                             "a//b",
                                             ".a",
                                             "a.",
                                             "-a",
                                             "a-",
                                             "a___b",
                                             "a..b",
                                             "a b",
                                             "a\n",
                                             "a%2fb",
                                             "a\x1b[1m",
                                             "a:.b",
                                             "a:-b",
                                             "a:b c",
                                             "a:b/c?d",
                                             "host:0/a",
                                             "host:65536/a",
                                             "host:5000:1/a",
                                             "host:/a",
                                             "-host.x/a",
                                             "host-.x/a",
                                             "host..x/a",
                                             "[::1/a",
                                             "[]/a",
                                             "[::1]x/a",
                                             "http://host/a",
                                             "user@host/a",
                                             HEX,
                                             "a@" DIGEST "0",
                                             "a@" DIGEST "@" DIGEST,
                                             "\xc3\xa4pfel" };
        char name[300], words[400];
        struct image_reference reference;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                trail_reset();
                if (image_reference_parse(&arena, wrong[i], &reference) != -EINVAL)
                        printf("# taken: %s\n", wrong[i]);
                CHECK_INT(image_reference_parse(&arena, wrong[i], &reference), -EINVAL);
                CHECK(text_starts(trail_text(), "'"));
        }
        memset(name, 'a', sizeof name);
        name[256 - 2] = '\0';
        text_format(words, sizeof words, "h.x/%s", name + 3);
        CHECK_INT(strlen(words), 255);
        CHECK_INT(image_reference_parse(&arena, words, &reference), 0);
        text_format(words, sizeof words, "h.x/%s", name + 2);
        CHECK_INT(image_reference_parse(&arena, words, &reference), -EINVAL);
        name[129] = '\0';
        text_format(words, sizeof words, "a:%s", name + 1);
        CHECK_INT(image_reference_parse(&arena, words, &reference), 0);
        text_format(words, sizeof words, "a:%s", name);
        CHECK_INT(image_reference_parse(&arena, words, &reference), -EINVAL);
}

TEST(reference_says_what_is_wrong)
{
        struct image_reference reference;

        trail_reset();
        CHECK_INT(image_reference_parse(&arena, "quay.io/Tools/x", &reference), -EINVAL);
        CHECK_STR(
                trail_text(),
                "'quay.io/Tools/x' is no name of an image: capital letters are for registries and "
                "tags");
}

TEST(reference_to_this_machine)
{
        static const struct {
                const char *words;
                bool local;
        } cases[] = {
                { "localhost/a", true },      { "localhost:5000/a", true },
                { "127.0.0.1:5000/a", true }, { "127.1.2.3/a", true },
                { "[::1]:5000/a", true },     { "alpine", false },
                { "127.evil.com/a", false },  { "localhost.evil.com/a", false },
                { "10.0.0.1:5000/a", false }, { "[::2]/a", false },
        };
        struct image_reference reference;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CHECK_INT(image_reference_parse(&arena, cases[i].words, &reference), 0);
                CHECK_INT(image_reference_is_local(&reference), cases[i].local);
        }
}
