/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Load a seccomp filter with a listener, seccomp_unotify(2), for the calling thread, and hand the
 * listener over the socket `peer` in a message of its own. No system call is made under the filter
 * for that, whatever it notifies or forbids, and none of our descriptors is the listener when this
 * returns. `flags` as of seccomp(2), without NEW_LISTENER. 0; -EBUSY when a filter of this process
 * has a listener already; -EAGAIN when there is no room for one more task for a moment. Child-safe;
 * the process must have one thread. Since Linux 5.0. */
int notify_load(const void *filter, size_t size, uint64_t flags, int peer);

/* Tell the seccomp agent that listens at `path` (a stream socket) of a container: `state` goes in
 * one message with the descriptor, each '@' outside of a JSON string replaced by `pid`. Child-safe.
 * Source: runtime-spec config-linux.md "The Container Process State". */
int notify_send(const char *path, const char *state, int pid, int listener);
