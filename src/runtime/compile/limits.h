/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the compiler: what its files about cgroups share. */
#pragma once

#include "compile.h"

#define R             "/linux/resources/"
#define NUMBER(value) why(c, "%lld", (long long)(value))

/* A file to be written. */
struct limit {
        const struct json *at; /* for messages */
        const char *pointer;   /* "/linux/resources/memory/limit" */
        const struct resource_word *word;
        bool v2; /* the file is v2's */
        const char *controller;
        const char *file;
        const char *values;
        bool optional;  /* nothing is lost when the kernel has no such file */
        bool has_else;  /* the next one is the alternative */
        int64_t memory; /* of memory/swap: the limit on memory */
};

struct controller {
        FD cgroup; /* the container's cgroup that has it, -1: the host has no such controller */
        bool v2;
};

struct controller compile_find_controller(const struct compile *c, const char *name);
/* Is the word in the list, "cpu,cpuacct" or "cpu memory"? */
bool compile_has_word(const char *list, const char *word);

/* Does the plan write to a file of the cgroup in that slot? */
bool compile_is_written(const struct compile *c, FD slot);

/* Fill in what the table says about a word, "cpu/shares", on this host. -EINVAL: v2 has no such. */
int compile_limit_find(
        struct compile *c, const struct json *at, const char *name, struct limit *ret_limit);
/* Emit it. -EINVAL: the host lacks the controller. */
int compile_limit(struct compile *c, const struct limit *limit);
/* Two that bound each other: whichever order the kernel takes. */
int compile_limit_pair(struct compile *c, const struct limit *first, const struct limit *second);
int compile_limit_refuse(
        const struct compile *c, const struct json *at, const char *pointer,
        const char *controller);

/* The sections. */
int compile_limits(struct compile *c);
int compile_block_io(struct compile *c, const struct spec_block_io *io);
int compile_device_rules(struct compile *c);
