/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp agent: seccomp_agent SOCKET LOG ERRNO listens at SOCKET, notes each container process
 * state that it gets as a line of LOG, and answers every call of those containers with ERRNO, or
 * lets the kernel go on with it when that is 0. It ends with the signal that its caller sends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define N_MAX 16

static struct pollfd fds[N_MAX];
static unsigned n_fds;
static FILE *note;

static int die(const char *what)
{
        perror(what);
        exit(1);
}

/* One connection: one message with the listener; its end. */
static void take(void)
{
        static char state[65536];

        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;

        int listener = -1, fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
        struct iovec vector = { state, sizeof state - 1 };
        struct msghdr message = { .msg_iov = &vector,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof control.bytes };
        struct cmsghdr *header;
        ssize_t n = recvmsg(fd, &message, 0);

        header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
        if (header && header->cmsg_type == SCM_RIGHTS)
                memcpy(&listener, CMSG_DATA(header), sizeof(int));
        for (ssize_t more; n > 0 && (more = read(fd, state + n, sizeof state - 1 - (size_t)n)) > 0;)
                n += more;
        close(fd);
        if (n <= 0 || listener < 0 || n_fds == N_MAX) {
                fprintf(note, "no listener\n");
        } else {
                fprintf(note, "%.*s\n", (int)n, state);
                fds[n_fds++] = (struct pollfd){ .fd = listener, .events = POLLIN };
        }
        fflush(note);
}

static void answer(int listener, int error)
{
        struct seccomp_notif call = { 0 };
        struct seccomp_notif_resp response = { 0 };

        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
                return;
        response.id = call.id;
        response.error = -error;
        response.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int main(int argc, char **argv)
{
        struct sockaddr_un where = { .sun_family = AF_UNIX };
        int error;

        if (argc != 4 || strlen(argv[1]) >= sizeof where.sun_path)
                return 2;
        strcpy(where.sun_path, argv[1]);
        error = atoi(argv[3]);
        note = fopen(argv[2], "a");
        fds[n_fds++] = (struct pollfd){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                                        .events = POLLIN };
        if (!note || bind(fds[0].fd, (struct sockaddr *)&where, sizeof where) < 0 ||
            listen(fds[0].fd, 8) < 0)
                return die(argv[1]);
        for (;;) {
                if (poll(fds, n_fds, -1) < 0 && errno != EINTR)
                        return die("poll");
                if (fds[0].revents & POLLIN)
                        take();
                for (unsigned i = 1; i < n_fds; i++) {
                        if (fds[i].revents & POLLIN) {
                                answer(fds[i].fd, error);
                        } else if (fds[i].revents) {
                                close(fds[i].fd);
                                fds[i--] = fds[--n_fds];
                        }
                }
        }
}
