/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tests/faults: one fault at one operation of one plan, and what must be left after it. */
#pragma once

#include "common.h"
#include "engine/engine.h"
#include "runtime/runtime.h"

#include <stdio.h>

enum {
        OPS_MAX = 512,
        KILLED = 0 /* as an error: SIGKILL */
};

/* One fault. */
struct point {
        enum actor actor;
        size_t i;  /* the operation */
        int error; /* positive; or KILLED */
        bool late; /* when the operation is done, not instead of it */
};

/* An operation as a run of the plan showed it. */
struct seen_op {
        uint8_t code;
        bool has_else;
        char why[120];
};

/* Shared by all processes of a run. */
struct seen {
        struct seen_op op[ACTORS][OPS_MAX];
        size_t n[ACTORS];
        bool hit;   /* the fault was there */
        bool ended; /* the command came to its end: */
        int result; /* what it returned */
        int fds;    /* how many descriptors it left open in its process */
        char trail[3000];
};

/* inject.c: from here on the plans that this process and its children apply have that fault; NULL:
 * none. What they do is written to `seen`. */
void inject(const struct point *point, struct seen *seen);
/* A number of errnos for an operation, ended by 0. */
const int *errnos_of(enum op_code code);

/* A document made fit for this host. */
struct document {
        const char *name;
        const char *bundle; /* its directory */
        bool terminal;
};

struct sweep {
        const char *word; /* in every name on the host */
        const char *work; /* a directory of our own */
        const char *root; /* of husk-oci */
        struct seen *seen;
        struct document document;
        size_t files; /* below the bundle when nothing is wrong */
        int console;  /* a listening socket */
        bool applies; /* the document can be applied on this host */
        bool lives;   /* the container is there, and shall be */
        FILE *errors; /* the standard error that this was started with */
        long joined;  /* a process whose namespaces can be joined; the same in a user namespace */
        long joined_user;
};

/* documents.c: write the bundle of tests/plans/NAME below `work`. 0, or -ENOENT: there is none, or
 * -EEXIST: it is the same as another. */
int document_make(struct arena *arena, struct sweep *sweep, const char *name);
/* Two processes that wait, with all namespaces of their own. */
int joined_start(struct sweep *sweep);

/* leaks.c: what is left that should not be; NULL: nothing. `children`: how many processes of ours
 * should live. */
const char *leaks_find(struct arena *arena, const struct sweep *sweep, size_t children);
