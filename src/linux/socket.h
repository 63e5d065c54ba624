/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

/* Unix sockets between our own processes, unix(7). */

/* A pair of connected SOCK_SEQPACKET sockets: each send is one message. */
int socket_pair(int ret_pair[2]);
/* One message, with at most one descriptor (NO_FD: none). -EPIPE when the peer is gone; never
 * SIGPIPE. */
int socket_send(int fd, const void *bytes, size_t size, int passed);
/* One message: its size, 0 when the peer is gone. A descriptor that came along, close-on-exec, or
 * NO_FD; ret_passed NULL: none is accepted. */
ssize_t socket_receive(int fd, void *bytes, size_t size, int *ret_passed);

#define SOCKET_PASSED_MAX 4
/* The same with several descriptors: n_passed of them; and as many as came along but `most`, the rest of
 * ret_passed NO_FD. -E2BIG beyond the bound. */
int socket_send_all(int fd, const void *bytes, size_t size, const int *passed, size_t n_passed);
ssize_t socket_receive_all(int fd, void *bytes, size_t size, int *ret_passed, size_t most);
/* From now on who waits for a message is told -EAGAIN after so long, again and again. */
int socket_set_patience(int fd, int timeout_ms);
/* From now on whoever sends to `fd` is named: SO_PASSCRED of unix(7). */
int socket_ask_sender(int fd);
/* Like socket_receive(), where that was asked for: the sender's number in our own pid namespace, whatever it is in its
 * own; 0 when it has none here. The kernel says so; a write(2) is all that the sender needs. */
ssize_t socket_receive_from(int fd, void *bytes, size_t size, int *ret_passed, pid_t *ret_sender);
/* Has the other end been closed? What it sent before can still be received. */
bool socket_is_closed(int fd);
/* A listening SOCK_SEQPACKET socket `name` in the directory; and a connection to one. Long paths
 * are no problem: the address goes through /proc/self/fd. -ECONNREFUSED: nobody listens. */
int socket_listen(int dir, const char *name);
/* The next connection; only from root, our own uid or that of the socket's maker, as this user
 * namespace sees them (unix(7) SO_PEERCRED): others are hung up on. */
int socket_accept(int fd);
int socket_connect(int dir, const char *name);
/* A stream connection to a path of the caller's, of any length (--console-socket, listenerPath). */
int socket_connect_stream(const char *path);
