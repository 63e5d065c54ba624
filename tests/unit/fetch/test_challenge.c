/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate as registries write it, and as they should not. */
#include "fetch/challenge.h"
#include "tap.h"

static size_t parse(const char *line, struct challenge challenges[CHALLENGES_MAX])
{
        static struct arena arena;
        size_t n = 0;
        int r = challenge_parse(&arena, line, challenges, &n);

        CHECK_INT(r, 0);
        return n;
}

static void refused(const char *line)
{
        auto_arena arena = { 0 };
        struct challenge challenges[CHALLENGES_MAX];
        size_t n = 0;

        printf("# %s\n", line);
        CHECK_INT(challenge_parse(&arena, line, challenges, &n), -EBADMSG);
}

TEST(bearer_of_docker)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(
                parse("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                      "scope=\"repository:library/alpine:pull\"",
                      c),
                1);
        CHECK_INT(c[0].scheme, CHALLENGE_BEARER);
        CHECK_STR(c[0].realm, "https://auth.docker.io/token");
        CHECK_STR(c[0].service, "registry.docker.io");
        CHECK_STR(c[0].scope, "repository:library/alpine:pull");
}

TEST(letters_and_spaces_do_not_matter)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(parse(" ,\tBEARER  Realm = \"x\" ,\t, SERVICE=y ,", c), 1);
        CHECK_INT(c[0].scheme, CHALLENGE_BEARER);
        CHECK_STR(c[0].realm, "x");
        CHECK_STR(c[0].service, "y");
}

TEST(several_in_one_line)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(
                parse("Negotiate, NTLM TlRMTVNTUAAB, Basic realm=\"a, b\", charset=UTF-8, Bearer realm=\"z\"",
                      c),
                4);
        CHECK_INT(c[0].scheme, CHALLENGE_OTHER);
        CHECK_INT(c[1].scheme, CHALLENGE_OTHER);
        CHECK_INT(c[2].scheme, CHALLENGE_BASIC);
        CHECK_STR(c[2].realm, "a, b");
        CHECK_INT(c[3].scheme, CHALLENGE_BEARER);
        CHECK_STR(c[3].realm, "z");
}

TEST(quoted_characters)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(parse("Basic realm=\"a\\\"b\\\\c\"", c), 1);
        CHECK_STR(c[0].realm, "a\"b\\c");
}

TEST(more_than_there_is_room_for)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(parse("a,b,c,d,e,f,g,h,i,j,k", c), CHALLENGES_MAX);
}

TEST(nothing)
{
        struct challenge c[CHALLENGES_MAX];

        CHECK_INT(parse("", c), 0);
        CHECK_INT(parse(" , ,", c), 0);
}

TEST(what_is_not_a_challenge)
{
        refused("Bearer realm=\"open");
        refused("Bearer realm=\"x\\");
        refused("Bearer realm=\"x\"y=z");
        refused("Bearer realm=");
        refused("=x");
        refused("\"Bearer\"");
        refused("Bearer\"x\"");
}
