/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities and securebits: names both ways, and what keeping them through a change of ids does,
 * asked of the kernel. A fork a test, so each may spoil its own process. */
#include "linux/linux.h"
#include "tap.h"

#include <unistd.h>

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

TEST(names_go_both_ways)
{
        for (unsigned i = 0; caps_name(i); i++)
                CHECK_INT(caps_number(caps_name(i)), (int)i);
        CHECK_INT(caps_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
        CHECK_INT(caps_number("Cap_Sys_Admin"), CAP_SYS_ADMIN);
        CHECK_INT(caps_number("CAP_"), -EINVAL);
        CHECK_INT(caps_number(""), -EINVAL);
        CHECK_INT(caps_number("CAP_OF_TOMORROW"), -EINVAL);
        CHECK(caps_all() == (1ULL << (CAP_LAST_CAP + 1)) - 1);
}

static uint64_t permitted(void)
{
        uint64_t effective, all, inheritable;

        CHECK_INT(caps_get(&effective, &all, &inheritable), 0);
        return all;
}

TEST(the_permitted_set_survives_a_change_of_ids)
{
        uint64_t had = permitted();

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(caps_keep(), 0);
        CHECK_INT(process_set_ids(1000, 1000), 0);
        CHECK(permitted() == had);
        CHECK_INT(caps_set(1ULL << CAP_KILL, 1ULL << CAP_KILL, 0), 0);
        CHECK(permitted() == 1ULL << CAP_KILL);
        CHECK_INT(caps_set(1ULL << CAP_CHOWN, 1ULL << CAP_CHOWN, 0), -EPERM);
}

TEST(securebits_of_the_caller_are_cleared)
{
        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(
                prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_CAP_AMBIENT_RAISE, 0, 0,
                      0),
                0);
        CHECK_INT(caps_keep(), 0);
        CHECK_INT(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), SECBIT_KEEP_CAPS);
}

TEST(locked_securebits_stay)
{
        const int locked = SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(prctl(PR_SET_SECUREBITS, locked | SECBIT_NO_SETUID_FIXUP, 0, 0, 0), 0);
        CHECK_INT(caps_keep(), 0);
        CHECK_INT(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), locked | SECBIT_KEEP_CAPS);
}

/* Nothing could be kept: better no container than one that lost capabilities on the way. */
TEST(a_lock_that_would_lose_the_set_is_an_error)
{
        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0), 0);
        CHECK_INT(caps_keep(), -EPERM);
}

TEST(the_bounding_set_and_the_ambient_set)
{
        const uint64_t kill = 1ULL << CAP_KILL;

        SKIP_UNLESS(geteuid() == 0, "needs root");
        CHECK_INT(caps_bound(kill | 1ULL << CAP_CHOWN), 0);
        CHECK_INT(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0), 0);
        CHECK_INT(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0), 1);
        CHECK_INT(caps_set(kill, kill, kill), 0);
        CHECK_INT(caps_set_ambient(kill), 0);
        CHECK_INT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 1);
        CHECK_INT(caps_set_ambient(0), 0);
        CHECK_INT(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
}
