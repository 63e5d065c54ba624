/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tap.h"

/* Theory of operation: each test has a process, and so a trail, of its own. */

TEST(trail_reads_outermost_first)
{
        CHECK_STR(trail_text(), "");
        CHECK_INT(trail(-ENOENT, "cannot open %s: %m", "/x"), -ENOENT);
        CHECK_INT(trail(-EINVAL, "mount %d", 3), -EINVAL);
        CHECK_STR(trail_text(), "mount 3: cannot open /x: No such file or directory");
        trail_reset();
        CHECK_STR(trail_text(), "");
}

TEST(trail_words_are_of_its_error)
{
        errno = EPERM;
        trail(-EBUSY, "%m");
        CHECK_INT(errno, EPERM);
        CHECK_STR(trail_text(), "Device or resource busy");
}

TEST(trail_keeps_the_first_hint)
{
        CHECK_STR(trail_hint_text(), "");
        trail_hint("try %s", "this");
        trail_hint("no");
        CHECK_STR(trail_hint_text(), "try this");
        trail_reset();
        CHECK_STR(trail_hint_text(), "");
}

TEST(trail_cuts_the_end)
{
        static char word[6000];

        memset(word, 'x', sizeof word - 1);
        trail(-EINVAL, "%s", word);
        CHECK_INT(strspn(trail_text(), "x"), strlen(trail_text()));
        trail(-EINVAL, "outer");
        CHECK(!strncmp(trail_text(), "outer: xxx", 10));
        CHECK(strlen(trail_text()) < 4096);
        trail(-EINVAL, "%s", word);
        trail(-EINVAL, "%s", word);
        CHECK(strlen(trail_text()) < 4096);
}

TEST(trail_may_quote_itself)
{
        trail(-EINVAL, "inner");
        trail(-EINVAL, "peer said (%s)", trail_text());
        CHECK_STR(trail_text(), "peer said (inner): inner");
}
