/* SPDX-License-Identifier: Apache-2.0 */
/* When the bytes of a log were written: the keeper's notes (keeper/times.c), read as they come. */
#pragma once

#include "base/base.h"
#include "keeper/keeper.h"

struct log_times {
        struct arena *arena;
        int notes_file, log; /* the first is its own */
        off_t at;            /* so far the notes were read */
        struct keeper_note *notes;
        size_t n, room;
        size_t next; /* the note that log_times_of() looks at first */
        uint64_t last_ns;
};

/* In a container's directory; `log` is borrowed. 0, or a negative errno with a trail, -ENOENT without notes. */
int log_times_open(struct arena *arena, int dir, int log, struct log_times *ret_times);
void log_times_close(struct log_times *times);
/* Read the notes that are new: 0 or a negative errno with a trail. */
int log_times_read(struct log_times *times);
/* When was that byte written? Asked in the order of bytes. */
uint64_t log_times_of(struct log_times *times, uint64_t byte);
/* From which byte on is all from `ns` or later? UINT64_MAX: from none yet. */
uint64_t log_times_from(const struct log_times *times, uint64_t ns);
/* Up to which byte is all from `ns` or earlier? UINT64_MAX: all of it. */
uint64_t log_times_to(const struct log_times *times, uint64_t ns);
