/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/passwd, /etc/subuid: whose line is it, and which lines mean nothing. */
#include "runtime/runtime.h"
#include "tap.h"

TEST(a_user_has_a_name)
{
        auto_arena arena = { 0 };
        const char *passwd = "root:x:0:0:root:/root:/bin/sh\n\nbad\nnis:+\n"
                             "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:10001:1000::/:";

        CHECK_STR(subids_user(&arena, passwd, 0), "root");
        CHECK_STR(subids_user(&arena, passwd, 1000), "alice");
        CHECK_STR(subids_user(&arena, passwd, 10001), "bob");
        CHECK(subids_user(&arena, passwd, 100) == NULL);
        CHECK(subids_user(&arena, "", 0) == NULL);
}

TEST(ranges_by_name_and_number)
{
        auto_arena arena = { 0 };
        struct id_range *ranges;
        const char *subuid = "alice:100000:65536\nbob:165536:65536\n# alice:1:1\n\n"
                             "alice\nalice:5\nalice:x:5\nalice:5:-1\nalice:9:0\n"
                             "alice:4294967290:100\n1000:300000:10\nalic:1:1\nalice2:1:1\n"
                             "alice:18446744073709551615:2";

        CHECK_INT((int)subids_ranges(&arena, subuid, "alice", 1000, &ranges), 2);
        CHECK_INT(ranges[0].first, 100000);
        CHECK_INT(ranges[0].count, 65536);
        CHECK_INT(ranges[1].first, 300000);
        CHECK_INT(ranges[1].count, 10);
        CHECK_INT((int)subids_ranges(&arena, subuid, NULL, 1000, &ranges), 1);
        CHECK_INT((int)subids_ranges(&arena, subuid, "carol", 7, &ranges), 0);
        CHECK_INT((int)subids_ranges(&arena, "", "alice", 1000, &ranges), 0);
}

TEST(facts_keep_ranges_and_helpers)
{
        auto_arena arena = { 0 };
        struct text out = { .arena = &arena };
        struct facts facts = { .uid = 7, .user = "alice", .newuidmap = "/n/u", .n_subuid = 1 },
                     back;
        struct id_range range = { 5, 6 };

        facts.subuid = &range;
        facts_encode(&facts, &out);
        CHECK_INT(facts_parse(&arena, "facts", text_string(&out), out.len, &back), 0);
        CHECK_STR(back.user, "alice");
        CHECK_STR(back.newuidmap, "/n/u");
        CHECK(back.newgidmap == NULL);
        CHECK_INT((int)back.n_subuid, 1);
        CHECK_INT((int)back.n_subgid, 0);
        CHECK_INT(back.subuid[0].first, 5);
        CHECK_INT(back.subuid[0].count, 6);
}
