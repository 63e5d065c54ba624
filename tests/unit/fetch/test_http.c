/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are the same place: what decides where a password may go. */
#include "fetch/http.h"
#include "tap.h"

static bool host(const char *a, const char *b)
{
        printf("# %s, %s\n", a, b);
        CHECK_INT(http_same_host(a, b), http_same_host(b, a));
        return http_same_host(a, b);
}

static bool origin(const char *a, const char *b)
{
        printf("# %s, %s\n", a, b);
        CHECK_INT(http_same_origin(a, b), http_same_origin(b, a));
        return http_same_origin(a, b);
}

TEST(the_same_host_at_any_port)
{
        CHECK(host("http://a.example", "http://a.example:5000/token"));
        CHECK(host("http://A.Example:80/v2/", "https://a.example/"));
        CHECK(host("http://127.0.0.1:5000", "http://127.0.0.1:5001/token?a=b"));
        CHECK(host("http://[::1]:5000", "http://[::1]:5001/token"));
        CHECK(host("http://[2001:DB8::a]", "http://[2001:db8::A]:80"));
}

TEST(another_host_whatever_it_begins_with)
{
        CHECK(!host("http://a.example", "http://a.example.com"));
        CHECK(!host("http://a.example", "http://a.exampl"));
        CHECK(!host("http://a.example", "http://b.example"));
        CHECK(!host("http://127.0.0.1", "http://127.0.0.10"));
        CHECK(!host("http://[::1]:5000", "http://[::2]:5000"));
        CHECK(!host("http://[::1]:5000", "http://[::ffff:127.0.0.1]:5000/token"));
        CHECK(!host("http://[2001:db8::1]:5000", "http://[2001:db8::2]:5000"));
        CHECK(!host("http://[2001:db8::1]", "http://[2001:db9::1]"));
        CHECK(!host("http://[fe80::1%25eth0]", "http://[fe80::1%25eth1]"));
        CHECK(!host("http://[fe80::1%25eth0]", "http://[fe80::1]"));
        CHECK(!host("http://a.example", "http://a.example@b.example"));
        CHECK(!host("http://a.example", "http://b.example/a.example"));
}

TEST(what_is_no_address_is_not_the_same_as_anything)
{
        CHECK(!host("http://[::1", "http://[::1"));
        CHECK(!host("", ""));
        CHECK(!origin("http://[::1", "http://[::2"));
        CHECK(!origin("http://a b", "http://a b"));
}

TEST(an_origin_is_scheme_host_and_port)
{
        CHECK(origin("http://a.example", "HTTP://A.example:80/x"));
        CHECK(origin("https://a.example:443", "https://a.example/v2/"));
        CHECK(origin("http://[::1]:5000", "http://[::1]:5000/v2/"));
        CHECK(!origin("http://a.example", "https://a.example"));
        CHECK(!origin("http://a.example:443", "https://a.example:443"));
        CHECK(!origin("https://a.example", "https://a.example:4430"));
        CHECK(!origin("http://[::1]:5000", "http://[::1]:5001"));
        CHECK(!origin("http://[::1]:5000", "http://[::ffff:127.0.0.1]:5000"));
        CHECK(!origin("http://[fe80::1%25eth0]:5000", "http://[fe80::1%25eth1]:5000"));
}

TEST(a_host_in_words)
{
        auto_arena arena = { 0 };

        CHECK_STR(http_host(&arena, "http://u:p@a.example/v2/"), "a.example");
        CHECK_STR(http_host(&arena, "https://a.example:443"), "a.example:443");
        CHECK_STR(http_host(&arena, "http://[::1]:5000/"), "[::1]:5000");
        CHECK_STR(http_host(&arena, "http://[fe80::1%25eth0]:5000/"), "[fe80::1%eth0]:5000");
        CHECK_STR(http_host(&arena, "http://[::1"), "");
}
