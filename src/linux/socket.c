/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: messages between our own processes.
 *
 * SOCK_SEQPACKET keeps message borders and tells when the peer is gone, which makes a gate one
 * send and one receive, and a crashed peer an event instead of a hang. */
#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int socket_pair(int ret_pair[2])
{
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_pair) < 0 ? -errno : 0;
}

int socket_send_all(int fd, const void *bytes, size_t size, const int *passed, size_t n_passed)
{
        union {
                char bytes[CMSG_SPACE(SOCKET_PASSED_MAX * sizeof(int))];
                struct cmsghdr align;
        } control = { 0 };
        struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
        struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
        ssize_t n;

        if (n_passed > SOCKET_PASSED_MAX)
                return -E2BIG;
        if (n_passed) {
                struct cmsghdr *header = &control.align;

                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(n_passed * sizeof(int));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(n_passed * sizeof(int));
                memcpy(CMSG_DATA(header), passed, n_passed * sizeof(int));
        }
        do
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int socket_send(int fd, const void *bytes, size_t size, int passed)
{
        return socket_send_all(fd, bytes, size, &passed, passed >= 0);
}

static void take_passed(const struct cmsghdr *header, int *ret_passed, size_t most)
{
        size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
                int passed;

                memcpy(&passed, CMSG_DATA(header) + i * sizeof passed, sizeof passed);
                if (i < most)
                        ret_passed[i] = passed;
                else
                        close(passed);
        }
}

static ssize_t receive(
        int fd, void *bytes, size_t size, int *ret_passed, size_t most, pid_t *ret_sender)
{
        union {
                char
                        bytes[CMSG_SPACE(sizeof(struct ucred)) +
                              CMSG_SPACE(SOCKET_PASSED_MAX * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec vector = { .iov_base = bytes, .iov_len = size };
        struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
        struct ucred sender = { 0 };
        ssize_t n;

        if (most > SOCKET_PASSED_MAX)
                return -E2BIG;
        if (!ret_passed)
                most = 0;
        for (size_t i = 0; ret_passed && i < most; i++)
                ret_passed[i] = NO_FD;
        message.msg_control = control.bytes;
        message.msg_controllen = (ret_sender ? CMSG_SPACE(sizeof sender) : 0) +
                                 (most ? CMSG_LEN(most * sizeof(int)) : 0);
        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
                if (at->cmsg_level != SOL_SOCKET)
                        continue;
                if (at->cmsg_type == SCM_RIGHTS)
                        take_passed(at, ret_passed, most);
                else if (at->cmsg_type == SCM_CREDENTIALS)
                        memcpy(&sender, CMSG_DATA(at), sizeof sender);
        }
        if (ret_sender)
                *ret_sender = sender.pid;
        return n;
}

ssize_t socket_receive_all(int fd, void *bytes, size_t size, int *ret_passed, size_t most)
{
        return receive(fd, bytes, size, ret_passed, most, NULL);
}

ssize_t socket_receive(int fd, void *bytes, size_t size, int *ret_passed)
{
        return receive(fd, bytes, size, ret_passed, 1, NULL);
}

int socket_set_patience(int fd, int timeout_ms)
{
        const struct timeval time = { .tv_sec = timeout_ms / 1000,
                                      .tv_usec = timeout_ms % 1000 * 1000 };

        return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0 ? -errno : 0;
}

int socket_ask_sender(int fd)
{
        int on = 1;

        return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ? -errno : 0;
}

ssize_t socket_receive_from(int fd, void *bytes, size_t size, int *ret_passed, pid_t *ret_sender)
{
        return receive(fd, bytes, size, ret_passed, 1, ret_sender);
}

bool socket_is_closed(int fd)
{
        struct pollfd entry = { .fd = fd };

        return poll(&entry, 1, 0) == 1 && entry.revents & (POLLHUP | POLLERR);
}

static int address(struct sockaddr_un *where, int dir, const char *name)
{
        size_t size;

        where->sun_family = AF_UNIX;
        size = text_format(
                where->sun_path, sizeof where->sun_path, "/proc/self/fd/%d/%s", dir, name);
        return size < sizeof where->sun_path ? 0 : -ENAMETOOLONG;
}

int socket_listen(int dir, const char *name)
{
        struct sockaddr_un where;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        int r = fd < 0 ? -errno : address(&where, dir, name);

        /* Before bind(2): then it has never another mode. */
        if (r == 0 && fchmod(fd, 0600) < 0)
                r = -errno;
        if (r == 0 && bind(fd, (struct sockaddr *)&where, sizeof where) < 0)
                r = -errno;
        if (r == 0 && listen(fd, 8) < 0)
                r = -errno;
        if (r < 0)
                file_close(&fd);
        return r < 0 ? r : fd;
}

int socket_accept(int fd)
{
        struct ucred maker;
        socklen_t maker_size = sizeof maker;

        /* Of a listening socket these are the words of whoever called listen(2). In a user namespace
         * where its uid has no number both look alike: "nobody". */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &maker, &maker_size) < 0)
                return -errno;
        for (;;) {
                struct ucred peer;
                socklen_t size = sizeof peer;
                int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
                        continue;
                if (connection < 0)
                        return -errno;
                if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                    (peer.uid == 0 || peer.uid == geteuid() || peer.uid == maker.uid))
                        return connection;
                close(connection);
        }
}

int socket_connect(int dir, const char *name)
{
        struct sockaddr_un where;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        int r = fd < 0 ? -errno : address(&where, dir, name);

        if (r == 0 && connect(fd, (struct sockaddr *)&where, sizeof where) < 0)
                r = -errno;
        if (r < 0)
                file_close(&fd);
        return r < 0 ? r : fd;
}

int socket_connect_stream(const char *path)
{
        struct sockaddr_un where = { .sun_family = AF_UNIX };
        const struct timeval patience = { .tv_sec = 5 };
        auto_close itself = NO_FD;
        int fd;

        if (strlen(path) < sizeof where.sun_path) {
                memcpy(where.sun_path, path, strlen(path) + 1);
        } else {
                itself = file_open(AT_FDCWD, path, O_PATH, 0);
                if (itself < 0)
                        return itself;
                text_format(where.sun_path, sizeof where.sun_path, "/proc/self/fd/%d", itself);
        }
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        /* One that accepts nobody would keep us as soon as its queue is full. */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
            connect(fd, (struct sockaddr *)&where, sizeof where) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}
