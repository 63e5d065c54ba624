/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include <sys/types.h>

/* A small pid 1, in front of a container's program. */

/* Get ready: an orphan of ours comes to us, whether we are pid 1 or not. */
int reaper_prepare(void);
/* The program's side, before its exec: a process group of its own, the foreground one where there is
 * a terminal on 0. */
void reaper_enter_group(void);
/* Has our child, which entered its group, called execve(2)? Answers for a zombie, too. Child-safe. */
bool reaper_has_executed(pid_t child);
/* Forget what we were started with and what we have open; pass every signal on to the child, reap
 * whoever ends, and end as the child does: its status, or 128 + its signal. Child-safe. */
_Noreturn void reaper_run(pid_t child);
/* Is that process in reaper_run()? As it never calls execve(2), process_has_executed() cannot tell that
 * the program in front of which it is has begun. */
bool reaper_is_running(pid_t pid);
