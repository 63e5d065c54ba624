/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: being told when memory runs out.
 *
 * v2 wakes whoever polls memory.events; which of its counters moved is for the reader to find out. v1
 * counts up an eventfd that was registered with the cgroup, for the last time when the cgroup is
 * removed, which is no want of memory: then its files are gone. */
#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

/* -1: it cannot be read any more. */
static int64_t kills(int fd)
{
        static const char word[] = "oom_kill ";
        char text[1024];
        ssize_t n = pread(fd, text, sizeof text - 1, 0);

        if (n < 0)
                return -1;
        text[n] = '\0';
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (text_starts(line, word))
                        return strtoll(line + strlen(word), NULL, 10);
        }
        return 0;
}

static int open_v1(int cgroup, struct oom_watch *ret_watch)
{
        auto_close control = file_open(cgroup, "memory.oom_control", O_RDONLY, 0);
        auto_close event = NO_FD;
        char line[40];
        int r;

        if (control < 0)
                return control;
        event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event < 0)
                return -errno;
        text_format(line, sizeof line, "%d %d", event, control);
        r = file_put(cgroup, "cgroup.event_control", line);
        if (r < 0)
                return r;
        *ret_watch = (struct oom_watch){ .fd = event, .events = POLLIN };
        event = NO_FD;
        return 0;
}

int oom_watch_open(const char *cgroup, struct oom_watch *ret_watch)
{
        auto_close dir = file_open(AT_FDCWD, cgroup, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        int fd = dir < 0 ? dir : file_open(dir, "memory.events", O_RDONLY, 0);
        int64_t known;

        if (fd == -ENOENT && dir >= 0)
                return open_v1(dir, ret_watch);
        if (fd < 0)
                return fd;
        known = kills(fd);
        *ret_watch = (struct oom_watch){
                .fd = fd, .events = POLLPRI, .v2 = true, .kills = known < 0 ? 0 : (uint64_t)known
        };
        return 0;
}

int oom_watch_take(struct oom_watch *watch)
{
        uint64_t count;
        int64_t now;

        if (watch->fd < 0)
                return 0;
        if (!watch->v2)
                return read(watch->fd, &count, sizeof count) == (ssize_t)sizeof count;
        now = kills(watch->fd);
        if (now < 0 || (uint64_t)now <= watch->kills)
                return 0;
        watch->kills = (uint64_t)now;
        return 1;
}

void oom_watch_close(struct oom_watch *watch)
{
        file_close(&watch->fd);
}
