/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

#include <stdint.h>

#include <sys/types.h>

struct plan;
struct machine;

/* The journal: one append-only file of JSON lines a container, <root>/<id>/journal. The first line
 * is the header; then an {"undo":...} line for every host operation that has an inverse, all written
 * before the first of them runs; then what happened: {"process":...}, {"status":...}. A torn last
 * line is not there. Who changes it holds its lock. The state of a container *is* its journal. */

enum {
        JOURNAL_MAX = 64 << 20, /* bytes; no document is so large */
        JOURNAL_VERSION = 1     /* another one is not read */
};

/* How the line begins behind which all is about another start of the container. What it says of cgroups before
 * that was undone then. */
#define JOURNAL_START_LINE "{\"status\":\"starting\""

/* The whole lines of a journal's text, one by one; a torn last line is none.
 *      for (struct journal_lines at = journal_lines(bytes, size); journal_next(&at);)
 *              ... at.line, at.size, which is without the newline */
struct journal_lines {
        const char *line;
        size_t size;
        const char *rest, *end;
};

struct journal_lines journal_lines(const char *bytes, size_t size);
bool journal_next(struct journal_lines *at);

/* The lines for the inverses of the plan's HOST list, in order of the operations. */
void journal_undo_lines(const struct plan *plan, struct text *out);
/* Append one whole line (without newline) in one write(2). Child-safe. */
int journal_append(int journal, const char *line, size_t size);
/* Before they are made: `n` parents of the cgroup that is number `cgroup` of those in the plan. The inverse
 * is to remove those of them that are empty by then. Child-safe. */
int journal_note_parents(int journal, unsigned cgroup, unsigned n);
/* The first cgroup is ours, has cgroup_number() `number`, and what will be in it comes from us. Child-safe. */
int journal_note_claim(int journal, uint64_t number);
/* Those notes in a journal's text. */
void journal_notes_of_cgroups(const char *bytes, size_t size, struct text *out);
/* The number in a line of the second kind; 0: it is none. */
uint64_t journal_claimed(struct arena *arena, const char *line, size_t size);
/* Does a line say something about the cgroups? What says it can be undone without the rest. */
bool journal_is_of_cgroups(const char *line);

/* Run the inverses recorded in a journal's text, backwards: kill, remove cgroups, remove trees, which
 * are removed below the state directory `dir` and nowhere else.
 * What is gone already is no error, and cgroups that another container has by now are left to it: all of them when
 * the machine was `rebooted` since. 0, or the first error (the rest is still tried). */
int journal_undo(struct arena *arena, int dir, bool rebooted, const char *bytes, size_t size);
