/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* The words of /linux/resources and the files of both cgroup versions that they are: one table, for
 * whoever sets a limit and for whoever reads one back. */

/* How a number of the document becomes one of a file. -1 is "no limit" in the document, "-1" in
 * files of v1, "max" in those of v2. */
enum resource_form {
        RESOURCE_PLAIN,  /* the same in both versions */
        RESOURCE_SHARES, /* v2: a weight of 1..10000 for 2..262144, the default for the default */
        RESOURCE_WEIGHT, /* v2, io.weight: 1..10000 for 10..1000, a straight line */
        RESOURCE_SWAP,   /* v2 counts swap alone, v1 and the document memory and swap together */
        RESOURCE_QUOTA,  /* v2: the first word of cpu.max */
        RESOURCE_PERIOD, /* v2: the second word of cpu.max */
        RESOURCE_LIST,   /* "0-3,7" */
        RESOURCE_DEVICE, /* a line for each device: "8:0 1000"; v2: "8:0 KEY=1000" */
};

struct resource_word {
        const char *pointer; /* below /linux/resources/ */
        enum resource_form form;
        const char *v1_controller, *v1_file; /* NULL: v1 has no such thing */
        const char *v2_controller, *v2_file; /* likewise */
        const char *v2_key;                  /* of RESOURCE_DEVICE */
};

/* The row of a word, "cpu/shares"; NULL: there is none. */
const struct resource_word *resource_find(const char *pointer);
/* All rows, *ret_n of them. */
const struct resource_word *resource_table(size_t *ret_n);

/* The document's number as v2 has it, and back; -1 is no limit on either side. `limit` is
 * memory/limit in the document, of RESOURCE_SWAP only. Back and forth is the same number on v2's
 * side; on the document's side, which is the finer or coarser one, it is the least that means it. */
int64_t resource_to_v2(const struct resource_word *word, int64_t value, int64_t limit);
int64_t resource_from_v2(const struct resource_word *word, int64_t value, int64_t limit);
