/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: when a log grew.
 *
 * A container in the background writes into its log by itself. Its keeper, which only waits, has the kernel tell it
 * of the first write (F_NOTIFY, dnotify), notes how long the log is and what time it is, and does not listen for
 * a tenth of a second. So a program that writes much costs ten short waits a second and as many notes of 16 bytes,
 * and none when it is silent. dnotify and not inotify: of the latter a user may have 128, and each
 * container would take one. Where the kernel has none, or it is switched off, the keeper looks once a second.
 *
 * What happened while nobody listened is noted with the time at which it was seen. A keeper that is killed leaves
 * whole notes, and at most the beginning of one. */
#include "keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <sys/signalfd.h>

enum {
        REST_MS = 100,
        LOOK_MS = 1000, /* without the kernel's word */
};

int keeper_times_begin(struct keeper_times *times, int dir)
{
        struct stat st;
        sigset_t set;

        *times = KEEPER_TIMES_NONE;
        /* To read: as long as it is open so, nobody in the container gets a lease on it (fcntl(2) F_SETLEASE), by which
         * others could not open it. One who has it already does not keep us from looking at its length. */
        times->log = file_open(dir, "log", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        if (times->log == -EAGAIN)
                times->log = file_open(dir, "log", O_PATH | O_NOFOLLOW, 0);
        if (times->log < 0)
                return times->log;
        times->notes = file_open(
                dir, "times", O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                0600);
        times->dir = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
        if (times->notes < 0 || times->dir < 0 || fstat(times->notes, &st) < 0 ||
            (st.st_size % (off_t)sizeof(struct keeper_note) &&
             ftruncate(times->notes, st.st_size - st.st_size % (off_t)sizeof(struct keeper_note)) <
                     0))
                return -EIO;
        times->size = -1;
        sigemptyset(&set);
        sigaddset(&set, SIGIO);
        if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
                times->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return 0;
}

void keeper_times_end(struct keeper_times *times)
{
        file_close(&times->log);
        file_close(&times->notes);
        file_close(&times->dir);
        file_close(&times->signals);
}

/* Is it as long as it was? */
static bool is_still(const struct keeper_times *times, struct stat *ret_st)
{
        return fstat(times->log, ret_st) < 0 || ret_st->st_size == times->size;
}

/* A disk that is full loses times, not words. */
static void note(struct keeper_times *times)
{
        struct timespec now;
        struct stat st;
        struct keeper_note one;

        if (is_still(times, &st))
                return;
        clock_gettime(CLOCK_REALTIME, &now);
        one = (struct keeper_note){ .end = (uint64_t)st.st_size,
                                    .time_ns = (uint64_t)now.tv_sec * 1000000000 +
                                               (uint64_t)now.tv_nsec };
        times->size = st.st_size;
        (void)file_write(times->notes, (const char *)&one, sizeof one);
}

static bool listen_once(const struct keeper_times *times)
{
        return times->signals >= 0 && fcntl(times->dir, F_NOTIFY, DN_MODIFY) == 0;
}

void keeper_times_run(struct keeper_times *times, int process)
{
        struct pollfd set[] = { { .fd = process, .events = POLLIN },
                                { .fd = times->signals, .events = POLLIN } };
        struct signalfd_siginfo info;
        struct stat st;

        while (times->log >= 0 && !set[0].revents) {
                bool heard;

                note(times);
                heard = listen_once(times);
                if (!is_still(times, &st))
                        continue; /* meanwhile: no word will come of that */
                set[0].revents = set[1].revents = 0;
                if (poll(set, ARRAY_SIZE(set), heard ? -1 : LOOK_MS) < 0 && errno != EINTR)
                        break;
                if (!set[1].revents)
                        continue;
                while (read(times->signals, &info, sizeof info) == (ssize_t)sizeof info)
                        ;
                if (!is_still(times, &st)) {
                        note(times);
                        if (poll(set, 1, REST_MS) < 0 && errno != EINTR)
                                break;
                }
        }
        note(times);
}
