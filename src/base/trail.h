/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The trail: what went wrong, in words, in a fixed buffer of the process. Child-safe: no malloc,
 * so it works between clone and exec, and its bytes travel over the gate socket. Rooms below cli
 * never print; they return a negative errno and leave a trail; cli prints it once.
 *
 *      if (r < 0)
 *              return trail(r, "cannot open %s", path);
 */

/* Prepend one sentence of context to the trail, outermost first when read: "outer: inner".
 * %m in it is the words of `error`, whatever errno holds; nothing is added by itself, so the
 * innermost sentence says the reason or ends in ": %m". Returns `error`. */
COLD int trail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What to do about it: one line, printed as "hint: ...". The first hint given stays. */
COLD void trail_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What went wrong without ending anything: a line each, "warning: ..." on stderr when the command is
 * through, whatever its result. What has no room any more is left out. */
COLD void trail_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *trail_warnings(void); /* "" or whole lines; trail_reset() leaves them */

const char *trail_text(void);      /* "" when nothing was left */
const char *trail_hint_text(void); /* "" when there is none */
void trail_reset(void);

#define TRAIL_SIZE 4096

struct trail_space {
        char words[TRAIL_SIZE], hint[TRAIL_SIZE], warnings[TRAIL_SIZE];
};

/* From here on the calling thread's trail is this one, zeroed by the caller, and no longer the process's;
 * NULL: that again. For programs with threads. */
void trail_own(struct trail_space *space);
