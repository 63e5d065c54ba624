/* SPDX-License-Identifier: Apache-2.0 */
/* A log that grows beside a keeper: every note is true, and one that was begun is cut off. */
#include "keeper/keeper.h"
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static char top[] = "/tmp/husk-times-XXXXXX";
static int dir = NO_FD;

static int open_here(const char *name, int flags)
{
        return file_open(dir, name, flags | O_CREAT, 0600);
}

static void begin(void)
{
        CHECK(mkdtemp(top) != NULL);
        dir = file_open(AT_FDCWD, top, O_RDONLY | O_DIRECTORY, 0);
        CHECK(dir >= 0);
}

static void end(void)
{
        file_remove(dir, "log", 0);
        file_remove(dir, "times", 0);
        CHECK_INT(rmdir(top), 0);
}

static size_t read_notes(struct keeper_note *notes, size_t most)
{
        auto_close fd = open_here("times", O_RDONLY);
        ssize_t n = read(fd, notes, most * sizeof *notes);

        CHECK_INT(n % (ssize_t)sizeof *notes, 0);
        return (size_t)n / sizeof *notes;
}

TEST(no_log_no_times)
{
        struct keeper_times times;

        begin();
        CHECK_INT(keeper_times_begin(&times, dir), -ENOENT);
        keeper_times_end(&times);
        CHECK_INT(faccessat(dir, "times", F_OK, 0), -1);
        end();
}

/* The other side of a pipe stands for the container's process: its end is the end of that. */
TEST(growth_is_noted_when_it_happens_and_at_the_end)
{
        struct keeper_note notes[16] = { { 0 } };
        struct keeper_times times;
        int ends[2];
        pid_t pid;
        size_t n;

        begin();
        CHECK_INT(file_write(open_here("log", O_WRONLY), "old\n", 4), 0);
        CHECK_INT(file_write(open_here("times", O_WRONLY), "torn", 4), 0);
        CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                int log = open_here("log", O_WRONLY | O_APPEND),
                    notes_file = open_here("times", O_RDONLY);

                close(ends[0]);
                while (lseek(notes_file, 0, SEEK_END) != sizeof *notes)
                        poll(NULL, 0, 1);
                CHECK_INT(file_write(log, "more\n", 5), 0);
                while (lseek(notes_file, 0, SEEK_END) != 2 * sizeof *notes)
                        poll(NULL, 0, 1);
                CHECK_INT(file_write(log, "last", 4), 0);
                _exit(0);
        }
        close(ends[1]);
        CHECK_INT(keeper_times_begin(&times, dir), 0);
        keeper_times_run(&times, ends[0]);
        keeper_times_end(&times);
        n = read_notes(notes, ARRAY_SIZE(notes));
        CHECK_INT(n, 3);
        CHECK_INT(notes[0].end, 4);
        CHECK_INT(notes[1].end, 9);
        CHECK_INT(notes[2].end, 13);
        CHECK(notes[0].time_ns <= notes[1].time_ns && notes[1].time_ns <= notes[2].time_ns);
        end();
}
