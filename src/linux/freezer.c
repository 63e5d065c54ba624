/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the two freezers.
 *
 * v2 has a switch, cgroup.freeze, and says in cgroup.events when all have stopped: poll(2) waits for
 * it. v1 has one file, freezer.state, that is FREEZING until the last one has; it is read again and
 * again, since only reading brings it up to date, and written again, since what forks meanwhile may
 * have slipped by. A process that the kernel holds in an uninterruptible wait never gets there: then
 * all are let go, rather than left half frozen. */
#include "linux.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_checked(const char *path)
{
        int fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

        if (fd >= 0 && cgroup_check(fd) < 0) {
                close(fd);
                return -ENOTTY;
        }
        return fd;
}

int freezer_is_frozen(const char *path)
{
        /* The first one is v2's. That of v1 tells what was asked of this cgroup, freezer.state also what
         * was asked of one above. */
        static const char *const files[] = { "cgroup.freeze", "freezer.self_freezing" };
        size_t likely = strstr(path, "freezer") != NULL;

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                auto_close fd = NO_FD;
                char name[4096], bit;

                if (text_format(name, sizeof name, "%s/%s", path, files[i ^ likely]) >= sizeof name)
                        return -ENAMETOOLONG;
                /* A pipe of that name must not keep us waiting. */
                fd = file_open(AT_FDCWD, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
                if (fd >= 0 && cgroup_check(fd) == 0 && read(fd, &bit, 1) == 1)
                        return bit == '1';
        }
        return -ENOENT;
}

static int milliseconds_left(uint64_t deadline_ns)
{
        uint64_t now = process_clock_ns();

        return now < deadline_ns ? (int)((deadline_ns - now + 999999) / 1000000) : 0;
}

/* v2: 1 when all have stopped, 0 when time is over. */
static int await_event(int cgroup, uint64_t deadline_ns)
{
        auto_close fd = file_open(cgroup, "cgroup.events", O_RDONLY, 0);

        if (fd < 0)
                return fd;
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
                char text[256];
                ssize_t n = pread(fd, text, sizeof text - 1, 0);
                int left = milliseconds_left(deadline_ns);

                if (n < 0)
                        return -errno;
                text[n] = '\0';
                if (strstr(text, "frozen 1"))
                        return 1;
                if (left == 0)
                        return 0;
                poll(&poll_fd, 1, left);
        }
}

/* v1: likewise. */
static int await_state(int cgroup, uint64_t deadline_ns)
{
        for (unsigned round = 1;; round++) {
                const struct timespec moment = { .tv_nsec = round < 50 ? 200000 : 2000000 };
                char state[16];
                ssize_t n = file_get_once(cgroup, "freezer.state", state, sizeof state);

                if (n < 0)
                        return (int)n;
                if (text_starts(state, "FROZEN"))
                        return 1;
                if (milliseconds_left(deadline_ns) == 0)
                        return 0;
                nanosleep(&moment, NULL);
                if (round % 16 == 0)
                        file_put(cgroup, "freezer.state", "FROZEN");
        }
}

static int thaw(int cgroup)
{
        int r = file_put(cgroup, "cgroup.freeze", "0");

        return r == -ENOENT ? file_put(cgroup, "freezer.state", "THAWED") : r;
}

int freezer_hold(const char *path)
{
        auto_close cgroup = open_checked(path);
        int r = cgroup < 0 ? cgroup : file_put(cgroup, "cgroup.freeze", "1");

        return r == -ENOENT && cgroup >= 0 ? file_put(cgroup, "freezer.state", "FROZEN") : r;
}

int freezer_freeze(const char *path, int timeout_ms)
{
        auto_close cgroup = open_checked(path);
        uint64_t deadline_ns = process_clock_ns() + (uint64_t)timeout_ms * 1000000;
        int r;

        if (cgroup < 0)
                return cgroup;
        r = file_put(cgroup, "cgroup.freeze", "1");
        if (r == 0) {
                r = await_event(cgroup, deadline_ns);
        } else if (r == -ENOENT) {
                r = file_put(cgroup, "freezer.state", "FROZEN");
                if (r == 0)
                        r = await_state(cgroup, deadline_ns);
        }
        if (r > 0)
                return 0;
        if (r != -ENOENT)
                thaw(cgroup);
        return r == 0 ? -ETIMEDOUT : r;
}

int freezer_thaw(const char *path)
{
        auto_close cgroup = open_checked(path);

        return cgroup < 0 ? cgroup : thaw(cgroup);
}

static int is_frozen_itself(void *context, int cgroup)
{
        char bit[4];
        ssize_t n = file_get_once(cgroup, "freezer.self_freezing", bit, sizeof bit);

        (void)context;
        return n <= 0 ? (int)n : bit[0] == '1';
}

int freezer_is_frozen_below(const char *path)
{
        auto_close cgroup = open_checked(path);
        int r = cgroup < 0 ? cgroup : is_frozen_itself(NULL, cgroup);

        if (r < 0)
                return r == -ENOENT ? 0 : r; /* v2 has no such file */
        return cgroup_walk(cgroup, is_frozen_itself, NULL);
}

static int thaw_one(void *context, int cgroup)
{
        return is_frozen_itself(context, cgroup) == 1 ? file_put(cgroup, "freezer.state", "THAWED")
                                                      : 0;
}

int freezer_thaw_all(const char *path)
{
        auto_close cgroup = open_checked(path);

        if (cgroup < 0)
                return cgroup;
        if (is_frozen_itself(NULL, cgroup) >= 0)
                cgroup_walk(cgroup, thaw_one, NULL); /* who calls again finds what was missed */
        return thaw(cgroup);
}
