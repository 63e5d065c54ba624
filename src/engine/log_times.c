/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a note says how long a log was at a time, so a byte is of the first note that is longer than
 * its place. What no note has yet was written last: the file's own time is that of its last byte. A note that is
 * shorter than those before tells that the log was cut there: those are of bytes that are gone.
 *
 * The container can write to its log, and cut it, as it likes; the notes are the keeper's alone. */
#include "log_times.h"

#include "linux/linux.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX ((off_t)64 << 20) /* the last ones: five days of ten a second */

int log_times_open(struct arena *arena, int dir, int log, struct log_times *ret_times)
{
        struct stat st;
        int fd = file_open(dir, "times", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);

        *ret_times = (struct log_times){ .arena = arena, .notes_file = fd, .log = log };
        if (fd == -ENOENT)
                return trail(fd, "the log has no times: nobody noted them when it was written");
        if (fd < 0 || fstat(fd, &st) < 0)
                return trail(fd < 0 ? fd : -errno, "cannot open the times of the log");
        if (st.st_size > NOTES_MAX)
                ret_times->at = (st.st_size - NOTES_MAX) & -(off_t)sizeof(struct keeper_note);
        return log_times_read(ret_times);
}

void log_times_close(struct log_times *times)
{
        file_close(&times->notes_file);
}

static void take(struct log_times *times, const struct keeper_note *note)
{
        while (times->n && times->notes[times->n - 1].end > note->end)
                times->n--;
        if (times->next > times->n)
                times->next = times->n;
        times->notes = arena_more(
                times->arena, times->notes, times->n, &times->room, sizeof *times->notes, 256);
        times->notes[times->n++] = *note;
}

int log_times_read(struct log_times *times)
{
        struct keeper_note some[256];
        struct stat st;
        ssize_t n;

        while ((n = pread(times->notes_file, some, sizeof some, times->at)) >=
               (ssize_t)sizeof *some) {
                const size_t whole = (size_t)n / sizeof *some;

                for (size_t i = 0; i < whole; i++)
                        take(times, &some[i]);
                times->at += (off_t)(whole * sizeof *some);
        }
        if (n < 0 || fstat(times->log, &st) < 0)
                return trail(-errno, "cannot read the times of the log");
        times->last_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
        if (times->n && times->last_ns < times->notes[times->n - 1].time_ns)
                times->last_ns =
                        times->notes[times->n - 1].time_ns; /* its clock is the coarser one */
        return 0;
}

uint64_t log_times_of(struct log_times *times, uint64_t byte)
{
        while (times->next < times->n && times->notes[times->next].end <= byte)
                times->next++;
        return times->next < times->n ? times->notes[times->next].time_ns : times->last_ns;
}

static uint64_t begin_of(const struct log_times *times, size_t i)
{
        return i ? times->notes[i - 1].end : 0;
}

uint64_t log_times_from(const struct log_times *times, uint64_t ns)
{
        for (size_t i = 0; i < times->n; i++)
                if (times->notes[i].time_ns >= ns)
                        return begin_of(times, i);
        return times->last_ns >= ns ? begin_of(times, times->n) : UINT64_MAX;
}

uint64_t log_times_to(const struct log_times *times, uint64_t ns)
{
        for (size_t i = 0; i < times->n; i++)
                if (times->notes[i].time_ns > ns)
                        return begin_of(times, i);
        return times->last_ns > ns ? begin_of(times, times->n) : UINT64_MAX;
}
