/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: filters that ask an agent, seccomp_unotify(2).
 *
 * Whoever loads such a filter is under it at once: were the listener handed over by the loader, a
 * filter that notifies sendmsg(2) would make it wait for an agent that cannot know of it yet, and
 * one that forbids sendmsg(2) would end it. So a second thread, the courier, is made before, which
 * shares the descriptors and is not under the filter. The loader tells it the listener's number
 * through memory and waits, in memory again, until the courier has sent and closed it: microseconds,
 * without a system call. The courier is a bare thread: it has no zombie that the program would find
 * as its child, the exec ends it should it still be there, and it exits without touching errno,
 * which it shares with the loader. */
#include "linux.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

enum {
        NOTHING_YET = INT_MIN,
        STACK_SIZE = 16 << 10,
        PIDS_MAX = 4, /* '@' in a state */
};

static struct {
        int peer;
        atomic_int listener; /* from the loader: a descriptor, or an error */
        atomic_int result;   /* from the courier */
        _Alignas(16) char stack[STACK_SIZE];
} courier;

/* sched_yield(2) and a send that succeeds do not write errno; after one that fails the loader, who
 * waits for it, does not read it. */
static int courier_run(void *nothing)
{
        int listener;

        (void)nothing;
        while ((listener = atomic_load(&courier.listener)) == NOTHING_YET)
                sched_yield();
        if (listener >= 0) {
                int r = socket_send(courier.peer, "fd", 2, listener);

                close(listener);
                atomic_store(&courier.result, r);
        }
        syscall(SYS_exit, 0); /* this thread alone */
        return 0;
}

int notify_load(const void *filter, size_t size, uint64_t flags, int peer)
{
        struct sock_fprog program = {
                .len = (unsigned short)(size / sizeof(struct sock_filter)),
                .filter = (struct sock_filter *)(uintptr_t)filter,
        };
        unsigned long all = (unsigned long)flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
        int result, listener;

        courier.peer = peer;
        atomic_store(&courier.listener, NOTHING_YET);
        atomic_store(&courier.result, NOTHING_YET);
        if (clone(courier_run, courier.stack + STACK_SIZE,
                  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                  NULL) < 0)
                return trail(-errno, "no second task could be made for a moment: %m");
        listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all, &program);
        if (listener < 0)
                listener = -errno;
        atomic_store(&courier.listener, listener);
        if (listener < 0)
                return listener;
        while ((result = atomic_load(&courier.result)) == NOTHING_YET)
                ;
        return result;
}

/* -- the agent ----------------------------------------------------------------------------------- */

/* Cut `state` at each '@' outside of strings, and put `pid` there. How many pieces. */
static size_t cut(const char *state, const char *pid, struct iovec pieces[2 * PIDS_MAX + 1])
{
        const char *start = state, *at = state;
        bool quoted = false;
        size_t n = 0;

        for (; *at; at++) {
                if (*at == '\\' && quoted && at[1]) {
                        at++;
                } else if (*at == '"') {
                        quoted = !quoted;
                } else if (*at == '@' && !quoted && n < (size_t)2 * PIDS_MAX) {
                        pieces[n++] =
                                (struct iovec){ (void *)(uintptr_t)start, (size_t)(at - start) };
                        pieces[n++] = (struct iovec){ (void *)(uintptr_t)pid, strlen(pid) };
                        start = at + 1;
                }
        }
        pieces[n++] = (struct iovec){ (void *)(uintptr_t)start, (size_t)(at - start) };
        return n;
}

/* The socket is a stream: what one sendmsg(2) did not take goes without the descriptor. */
static int send_pieces(int fd, struct iovec *pieces, size_t n, int passed)
{
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { 0 };
        struct msghdr message = {
                .msg_iov = pieces,
                .msg_iovlen = n,
                .msg_control = control.bytes,
                .msg_controllen = sizeof control.bytes,
        };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed, sizeof(int));
        while (message.msg_iovlen) {
                ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0)
                        return -errno;
                message.msg_control = NULL;
                message.msg_controllen = 0;
                while (message.msg_iovlen && (size_t)sent >= message.msg_iov->iov_len) {
                        sent -= (ssize_t)message.msg_iov->iov_len;
                        message.msg_iov++;
                        message.msg_iovlen--;
                }
                if (message.msg_iovlen) {
                        message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + sent;
                        message.msg_iov->iov_len -= (size_t)sent;
                }
        }
        return 0;
}

int notify_send(const char *path, const char *state, int pid, int listener)
{
        struct iovec pieces[2 * PIDS_MAX + 1];
        auto_close agent = socket_connect_stream(path);
        char digits[16];
        int r;

        if (agent < 0) {
                trail_hint("the seccomp agent has to listen there before the container is made");
                return trail(agent, "cannot connect to the seccomp agent at %s", path);
        }
        text_format(digits, sizeof digits, "%d", pid);
        r = send_pieces(agent, pieces, cut(state, digits, pieces), listener);
        return r < 0 ? trail(r, "cannot send to the seccomp agent at %s", path) : 0;
}
