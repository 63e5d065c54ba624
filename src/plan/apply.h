/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"
#include "linux/linux.h"
#include "plan.h"

#include <stdint.h>

#include <sys/types.h>

/* What an applying plan may change besides the kernel. One for each actor; INIT's is the copy that
 * fork makes. */
struct machine {
        const struct plan *plan;
        int actor;          /* enum actor */
        int fd[PLAN_SLOTS]; /* slot -> descriptor, NO_FD where empty */
        int gate;           /* our end of the gate socket, NO_FD when there is none */
        int journal;        /* the journal's descriptor, NO_FD when nothing is recorded */
        int state_dir;      /* the container's state directory, NO_FD when there is none */
        int claim;          /* cgroup_claim() of the first cgroup, until INIT is in it */
        bool closed;        /* it is new, and not disclosed yet */
        bool occupied;      /* the last cgroup is another container's */
        int start;          /* INIT: the listening start socket, NO_FD when START is not awaited */
        int gate_peer;      /* HOST before spawn: the end that INIT will have */
        pid_t sender;       /* HOST: who sent the last message over the gate, if the plan adopts */
        bool attended; /* HOST: who waits for the peer looks after it, and hears signals (attend) */
        int stopped;   /* HOST: so many times it was found stopped */
        int told;      /* HOST: so many times a signal was found that asks us to end */
        pid_t pid;     /* HOST after spawn: the container's first process, as we see it */
        struct process_id process; /* the same, as the journal has it */
        bool recorded;             /* it has */
        int pidfd;                 /* HOST after spawn, NO_FD before; borrowed from its slot */
        bool criu_waits;           /* HOST: criu has told of an event, and is to be answered */
        pid_t criu_told; /* the pid that came with it: the first process of what it restores */
        /* HOST: /proc/PID/cgroup of criu, when it was called to restore; "" before. */
        char place[8192];
        /* HOST: the cgroup of a hold_cgroup that was not released yet; NULL: none. */
        const char *held;
        bool is_started; /* INIT: the peer is a `start`, which has no plan to look things up in */
        char program[4096];  /* INIT: what find_program found */
        struct trace *trace; /* NULL, or shared memory that gets a time stamp an operation */
        /* The directory, as named by the first parent_size bytes of parent_path, that the last mount
         * was attached in: NULL before, and open only when two in a row were (ops_attach.c). */
        const char *parent_path;
        size_t parent_size;
        int16_t parent_root; /* the slot that the name is below */
        int parent;
        /* What the soft limit of open files was before the plan needed a higher one; 0: it did not. */
        uint64_t files_soft;
        uint64_t copied;  /* bytes, by copy_up */
        size_t failed;    /* the operation that failed */
        int failed_actor; /* whose it was */
};

/* CLOCK_MONOTONIC in ns after each operation; shared between the two processes. */
struct trace {
        uint64_t begin[2];
        uint64_t end[2][1024];
};

/* Fault injection: defined by the programs of tests/faults and tests/attacks alone, and absent from
 * husk, where the linker leaves nothing of it. Called before and after machine->failed, the operation
 * at hand of machine->actor: 0 goes on, a negative errno is what the operation is made to return; a
 * positive number, before it, passes it over as if it were done. */
int plan_fault(const struct machine *machine, bool after) __attribute__((weak));

void machine_init(struct machine *machine, const struct plan *plan);
/* Run one actor's list; child-safe. 0, or the negative errno of the operation that failed, with a
 * trail and machine->failed. INIT's list does not return on success. */
int plan_apply(struct machine *machine, int actor);
/* One message from the peer over machine->gate: its size. When it tells of the peer's failure, its
 * words go to the trail and its errno is returned; -ECONNRESET when the peer is gone; where it is `attended` -EINTR when
 * a signal that is blocked asks us to end, -ETIMEDOUT when the peer is stopped whenever we look. `ret_fd` NULL:
 * no descriptor is accepted. Child-safe. */
ssize_t gate_receive(struct machine *machine, void *bytes, size_t size, int *ret_fd);
/* Close what the machine still holds. */
void machine_done(struct machine *machine);
