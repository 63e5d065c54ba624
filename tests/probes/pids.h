/* SPDX-License-Identifier: Apache-2.0 */
/* Who lurks for processes guesses their numbers, the next ones, and loses track when several come and go while it has
 * no processor: the kernel tells the last number that it gave in this pid namespace (proc_loadavg(5)). */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
        AHEAD = 4, /* how many of the next numbers are tried in turn */
        ROUNDS = 16
};

/* The first number to wait for, which is `next` but for what is gone. It is asked seldom, since asking takes time, too. */
static inline int pids_next(int next)
{
        static int fd = -1, round;
        char line[128];
        ssize_t n;
        const char *last;

        if (++round % ROUNDS)
                return next;
        if (fd < 0)
                fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
        n = pread(fd, line, sizeof line - 1, 0);
        line[n > 0 ? n : 0] = '\0';
        last = strrchr(line, ' ');
        return last && atoi(last) >= next + AHEAD ? atoi(last) : next;
}
