/* SPDX-License-Identifier: Apache-2.0 */
/* What comes along with a message: who sent it, descriptors, and no more of them than were asked for. */
#include "linux/linux.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <sys/wait.h>

static int count_descriptors(void)
{
        int n = 0;

        for (int fd = 0; fd < 64; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* A child's, with a number of its own where there is a pid namespace for it. */
TEST(the_sender_is_named_by_the_kernel)
{
        char bytes[8];
        int pair[2], passed;
        pid_t child, sender = -1;

        CHECK_INT(socket_pair(pair), 0);
        CHECK_INT(socket_ask_sender(pair[0]), 0);
        child = fork();
        if (child == 0) {
                pid_t inner;

                unshare(CLONE_NEWPID); /* refused to who is not root: then it is a plain grandchild */
                inner = fork();
                if (inner == 0) {
                        if (write(pair[1], "pid", 4) != 4)
                                _exit(1);
                        _exit(socket_send(pair[1], "fd", 3, 0) < 0);
                }
                socket_send(pair[1], "maker", 5, NO_FD);
                waitpid(inner, NULL, 0);
                _exit(0);
        }
        /* The two senders come in any order; whose word it is its size tells. */
        for (int i = 0, from_inner = 0; i < 3; i++) {
                ssize_t n = socket_receive_from(pair[0], bytes, sizeof bytes, &passed, &sender);

                if (n == 5) {
                        CHECK_INT(sender, child);
                        continue;
                }
                CHECK_INT(n, from_inner ? 3 : 4);
                CHECK_INT(sender > 0 && sender != child && sender != getpid(), 1);
                CHECK_INT(passed >= 0, from_inner);
                from_inner = 1;
                file_close(&passed);
        }
        waitpid(child, NULL, 0);
        file_close(&pair[0]);
        file_close(&pair[1]);
}

TEST(without_asking_nobody_is_named)
{
        char bytes[4];
        int pair[2];
        pid_t sender = -1;

        CHECK_INT(socket_pair(pair), 0);
        CHECK_INT(socket_send(pair[1], "x", 1, NO_FD), 0);
        CHECK_INT(socket_receive_from(pair[0], bytes, sizeof bytes, NULL, &sender), 1);
        CHECK_INT(sender, 0);
        file_close(&pair[0]);
        file_close(&pair[1]);
}

TEST(descriptors_that_were_not_asked_for_are_not_kept)
{
        static const int three[] = { 0, 1, 2 };
        char bytes[4];
        int pair[2], passed[SOCKET_PASSED_MAX], before;
        pid_t sender;

        CHECK_INT(socket_pair(pair), 0);
        CHECK_INT(socket_ask_sender(pair[0]), 0);
        before = count_descriptors();
        for (int how = 0; how < 3; how++) {
                CHECK_INT(socket_send_all(pair[1], "x", 1, three, 3), 0);
                if (how == 0)
                        CHECK_INT(socket_receive(pair[0], bytes, sizeof bytes, NULL), 1);
                else if (how == 1)
                        CHECK_INT(
                                socket_receive_from(pair[0], bytes, sizeof bytes, NULL, &sender),
                                1);
                else
                        CHECK_INT(
                                socket_receive_from(pair[0], bytes, sizeof bytes, passed, &sender),
                                1);
                if (how == 2)
                        file_close(&passed[0]);
                CHECK_INT(count_descriptors(), before);
        }
        CHECK_INT(sender, getpid());
        file_close(&pair[0]);
        file_close(&pair[1]);
        CHECK_INT(socket_pair(pair), 0); /* and all that were, without a sender */
        CHECK_INT(socket_send_all(pair[1], "x", 1, three, 3), 0);
        CHECK_INT(socket_receive_all(pair[0], bytes, sizeof bytes, passed, SOCKET_PASSED_MAX), 1);
        CHECK_INT(passed[2] >= 0 && passed[3] == NO_FD, 1);
        CHECK_INT(count_descriptors(), before + 3);
        for (int i = 0; i < 3; i++)
                file_close(&passed[i]);
}
