/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a registry may not send us to. */
#include "fetch/address.h"
#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool both(const char *text)
{
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        bool link_local = address_text_is_link_local(text);

        printf("# %s\n", text);
        if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
                CHECK_INT(address_is_link_local((const struct sockaddr *)&four), link_local);
        else if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
                CHECK_INT(address_is_link_local((const struct sockaddr *)&six), link_local);
        else
                CHECK(!"an address");
        return link_local;
}

TEST(of_this_link)
{
        CHECK(both("169.254.0.0"));
        CHECK(both("169.254.169.254"));
        CHECK(both("169.254.255.255"));
        CHECK(both("fe80::1"));
        CHECK(both("febf:ffff::1"));
        CHECK(both("::ffff:169.254.169.254"));
        CHECK(both("64:ff9b::169.254.169.254"));
        CHECK(address_text_is_link_local("[fe80::1]"));
        CHECK(address_text_is_link_local("[::ffff:a9fe:a9fe]"));
}

TEST(of_others)
{
        CHECK(!both("169.253.255.255"));
        CHECK(!both("169.255.0.0"));
        CHECK(!both("127.0.0.1"));
        CHECK(!both("254.169.169.254"));
        CHECK(!both("::1"));
        CHECK(!both("fe7f::1"));
        CHECK(!both("fec0::1"));
        CHECK(!both("2001:db8::a9fe:a9fe"));
        CHECK(!both("::ffff:127.0.0.1"));
        CHECK(!address_text_is_link_local("169.254.169.254.example"));
        CHECK(!address_text_is_link_local("[fe80::1"));
        CHECK(!address_text_is_link_local("["));
        CHECK(!address_text_is_link_local(""));
}
