/* SPDX-License-Identifier: Apache-2.0 */
/* The last words of a side that fails reach the other side. */
#include "linux/linux.h"
#include "plan/ops.h"
#include "plan/plan.h"
#include "tap.h"

#include <errno.h>
#include <unistd.h>

static struct machine host, init;

static void connect_both(const struct plan *plan)
{
        int pair[2];

        CHECK_INT(socket_pair(pair), 0);
        machine_init(&host, plan);
        machine_init(&init, plan);
        host.gate = pair[0];
        init.gate = pair[1];
}

TEST(a_failure_is_told_although_a_gate_was_not_read)
{
        const struct plan plan = { 0 };
        const struct op_open_gate ready = { .gate = GATE_HOST_READY };
        const struct op_await_gate executed = { .gate = GATE_EXECUTED };

        connect_both(&plan);
        CHECK_INT(do_open_gate(&host, &ready), 0);
        trail(-EACCES, "the words");
        init.failed = 7;
        gate_fail(&init, -EACCES, false);
        file_close(&init.gate);
        trail_reset();
        CHECK_INT(do_await_gate(&host, &executed), -EACCES);
        CHECK_STR(trail_text(), "the words");
        CHECK_INT((long long)host.failed, 7);
}

TEST(an_end_without_words_is_the_exec)
{
        const struct plan plan = { 0 };
        const struct op_await_gate executed = { .gate = GATE_EXECUTED };
        const struct op_await_gate created = { .gate = GATE_CREATED };

        connect_both(&plan);
        file_close(&init.gate);
        CHECK_INT(do_await_gate(&host, &executed), 0);
        CHECK_INT(do_await_gate(&host, &created), -ECONNRESET);
}

TEST(a_failure_is_told_behind_a_descriptor_that_nobody_took)
{
        const struct plan plan = { 0 };
        const struct op_open_gate ready = { .gate = GATE_HOST_READY };

        connect_both(&plan);
        CHECK_INT(socket_send(init.gate, "fd", 2, 0), 0);
        trail(-EBUSY, "the words");
        gate_fail(&init, -EBUSY, false);
        file_close(&init.gate);
        trail_reset();
        CHECK_INT(do_open_gate(&host, &ready), -EBUSY);
        CHECK_STR(trail_text(), "the words");
}

/* Whoever asks to die with its parent after the parent's end would live on. */
TEST(a_guard_without_a_parent_fails)
{
        const struct plan plan = { 0 };
        const struct op_guard_parent on = { .on = 1 }, off = { .on = 0 };
        const struct op_open_gate ready = { .gate = GATE_HOST_READY };

        connect_both(&plan);
        CHECK_INT(do_guard_parent(&init, &on), 0);
        CHECK_INT(do_open_gate(&host, &ready), 0); /* what waits to be read is no end */
        CHECK_INT(do_guard_parent(&init, &on), 0);
        file_close(&host.gate);
        CHECK_INT(do_guard_parent(&init, &on), -ECONNRESET);
        CHECK_INT(do_guard_parent(&init, &off), 0);
}
