/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Word of a cgroup's want of memory: memory.events of v2, or v1's memory.oom_control with an eventfd. */

struct oom_watch {
        int fd;       /* to poll for `events`; NO_FD: none */
        short events; /* POLLPRI or POLLIN */
        bool v2;
        uint64_t kills; /* v2: those that are known */
};

/* `cgroup` is the absolute path of one that has the memory controller; -ENOENT when it has not. */
int oom_watch_open(const char *cgroup, struct oom_watch *ret_watch);
/* Has something happened since the last time? 1 or 0; of v2: was somebody killed. */
int oom_watch_take(struct oom_watch *watch);
void oom_watch_close(struct oom_watch *watch);
