/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to criu, byte for byte, and what is made of what it says: the encoding is that of
 * Protocol Buffers, the numbers are those of criu's rpc.proto. */
#include "linux/linux.h"
#include "plan/ops.h"
#include "plan/plan.h"
#include "tap.h"

#include <errno.h>
#include <unistd.h>

static struct machine host;
static int criu;

static void begin(const struct plan *plan)
{
        int pair[2];

        CHECK_INT(socket_pair(pair), 0);
        machine_init(&host, plan);
        host.gate = pair[0];
        host.pid = getpid(); /* whose cgroups are noted */
        criu = pair[1];
        trail_reset();
}

/* The request, and its options without the two descriptors in front. */
static const char *asked(const char *request, const char *const *words, size_t n)
{
        static char hex[1024];
        static const struct plan plan = { .slots = 2 };
        const struct op_call_criu op = {
                .request = request, .images = 0, .work = 1, .options = { words, n }
        };
        uint8_t bytes[1024];
        size_t size = 0;
        ssize_t got;

        begin(&plan);
        host.fd[0] = 20;
        host.fd[1] = 21;
        if (do_call_criu(&host, &op) < 0)
                return trail_text();
        got = socket_receive(criu, bytes, sizeof bytes, NULL);
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++)
                size += text_format(hex + size, sizeof hex - size, "%02x", bytes[i]);
        close(criu);
        file_close(&host.gate);
        return hex;
}

#define ASKED(request, ...)                                        \
        asked(request, (const char *const[]){ __VA_ARGS__, NULL }, \
              sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

TEST(a_request_is_encoded_as_criu_reads_it)
{
        /* type 1: dump; 2: options: images_dir_fd 20, work_dir_fd 21, then what was asked for */
        CHECK_STR(ASKED("dump", "tree=300"), "08011208081488011510ac02");
        CHECK_STR(ASKED("restore", "leave-running"), "0802120708148801151801");
        CHECK_STR(ASKED("pre-dump", "log-file=a"), "080412080814880115520161");
        /* fields of two bytes, an enumeration, CLONE_NEWNET */
        CHECK_STR(ASKED("dump", "manage-cgroups=soft"), "080112080814880115900203");
        CHECK_STR(ASKED("dump", "empty-ns=net"), "0801120c0814880115b0028080808004");
        CHECK_STR(ASKED("dump", "external=mnt"), "0801120b0814880115aa02036d6e74");
        /* messages in it */
        CHECK_STR(ASKED("restore", "inherit-fd=fd[1]:p"), "0802120d0814880115da01050a01701001");
        CHECK_STR(ASKED("restore", "cgroup-root=/a"), "0802120c0814880115ca010412022f61");
        CHECK_STR(ASKED("restore", "cgroup-root=c:/a"), "0802120f0814880115ca01070a016312022f61");
        CHECK_STR(ASKED("restore", "join-ns=ipc:/a"), "080212110814880115ba02090a0369706312022f61");
        CHECK_STR(ASKED("dump", "page-server=::1:80"), "0801120e08148801155a070a033a3a311050");
}

TEST(what_is_no_option_is_refused)
{
        CHECK_STR(ASKED("dump", "tree"), "criu is not asked for 'tree'");
        CHECK_STR(ASKED("dump", "tree=x"), "criu is not asked for 'tree=x'");
        CHECK_STR(ASKED("dump", "leave-running=1"), "criu is not asked for 'leave-running=1'");
        CHECK_STR(ASKED("dump", "leave"), "criu is not asked for 'leave'");
        CHECK_STR(ASKED("dump", "inherit-fd=1:p"), "criu is not asked for 'inherit-fd=1:p'");
        CHECK_STR(
                ASKED("dump", "manage-cgroups=hard"),
                "criu is not asked for 'manage-cgroups=hard'");
        CHECK_STR(ASKED("dump", "page-server=here"), "criu is not asked for 'page-server=here'");
}

static void say(const char *bytes, size_t size)
{
        CHECK_INT(socket_send(criu, bytes, size, NO_FD), 0);
}

#define SAY(bytes) say(bytes, sizeof(bytes) - 1)

/* NOTIFY, success, { script, pid 300 } */
#define EVENT(size, length, name) "\x08\x06\x10\x01\x2a" size "\x0a" length name "\x10\xac\x02"
#define DONE                      "\x08\x02\x10\x01"

TEST(events_that_nobody_awaits_are_answered_and_the_awaited_one_waits)
{
        const struct plan plan = { 0 };
        const struct op_await_criu restored = { .event = "post-restore" }, done = { .event = "" };
        uint8_t answer[16];

        begin(&plan);
        SAY(EVENT("\x0b", "\x06", "pre-do"));
        SAY(EVENT("\x11", "\x0c", "post-restore"));
        CHECK_INT(do_await_criu(&host, &restored), 0);
        CHECK_INT(host.criu_told, 300);
        /* one answer, "go on", to the first; the second waits */
        CHECK_INT(socket_receive(criu, answer, sizeof answer, NULL), 4);
        CHECK(memcmp(answer, "\x08\x06\x18\x01", 4) == 0);
        SAY(DONE);
        CHECK_INT(do_await_criu(&host, &done), 0);
        CHECK_INT(socket_receive(criu, answer, sizeof answer, NULL), 4);
        CHECK(memcmp(answer, "\x08\x06\x18\x01", 4) == 0);
}

TEST(a_failure_has_criu_s_own_words)
{
        const struct plan plan = { 0 };
        const struct op_await_criu done = { .event = "" }, event = { .event = "post-restore" };

        begin(&plan);
        SAY("\x08\x01\x10\x00\x38\x02\x4a\x03why");
        CHECK_INT(do_await_criu(&host, &done), -ENOENT);
        CHECK_STR(trail_text(), "criu has failed: why");
        begin(&plan);
        SAY(DONE);
        CHECK_INT(do_await_criu(&host, &event), -EPROTO);
        CHECK_STR(trail_text(), "criu was done without 'post-restore'");
        begin(&plan);
        close(criu);
        CHECK_INT(do_await_criu(&host, &done), -ECONNRESET);
        CHECK_STR(trail_text(), "criu ended without an answer");
}

TEST(what_is_no_message_is_an_error)
{
        static const char *const wrong[] = {
                "\x08", /* ends in a number */
                ("\x0a\x05"
                 "abc"),        /* in a text */
                "\x0d\x01\x02", /* of a kind that criu does not use */
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                "\x08\x06\x10\x01\x2a\x02\x0a\x09", /* in the event's name */
        };

        const struct plan plan = { 0 };
        const struct op_await_criu done = { .event = "" };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                begin(&plan);
                say(wrong[i], strlen(wrong[i]));
                CHECK_INT(do_await_criu(&host, &done), -EPROTO);
        }
}

TEST(a_terminal_comes_with_its_event)
{
        const struct plan plan = { .slots = 1 };
        const struct op_take_terminal take = { .fd = 0 };

        begin(&plan);
        CHECK_INT(
                socket_send(
                        criu, EVENT("\x16", "\x11", "orphan-pts-master"),
                        sizeof(EVENT("\x16", "\x11", "orphan-pts-master")) - 1, 0),
                0);
        CHECK_INT(do_take_terminal(&host, &take), 0);
        CHECK(host.fd[0] > 2);
        begin(&plan);
        SAY(EVENT("\x16", "\x11", "orphan-pts-master"));
        CHECK_INT(do_take_terminal(&host, &take), -EPROTO);
}
