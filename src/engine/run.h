/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: a container on its way to run, and its keeper. */
#pragma once

#include "image.h"
#include "keeper/keeper.h"
#include "store.h"

struct run {
        struct arena *arena;
        const struct run_request *request;
        const char *id, *containers, *state; /* state: the container's own directory */
        struct record record;
        struct engine_image image; /* its hold is NO_FD when there is none */
        struct spec *spec;
        struct runtime_options options;
        struct plan *plan;
        struct trace *trace;
        struct stdio stdio;
        struct keeper_keys keys;
        struct keeper_terminal terminal;
        const char *mounted;     /* where the root of `found` is mounted, or NULL */
        bool again;              /* not a new one: `found` is to be started */
        bool ran;                /* the client has heard that it runs */
        const char *by;          /* this start's word in the journal; NULL: a new one */
        struct container *found; /* as it was when the plan was made of it; closed */
        struct process_id process;
        pid_t pid;  /* the keeper: its first process */
        int inside; /* user namespace in which an ordinary user's keeper removes the files; NO_FD */
        int id_file; /* of --cidfile, for a new one; NO_FD */
        int caught;  /* a signal that is ours to die of, once all is put right */
};

/* Everything that can be known of a new container before anything is done. */
int run_prepare(
        struct run *run, struct arena *arena, const struct run_request *request, bool explain);
/* Fork the keeper and be the client: as request->detach says until the container runs, or until it has ended.
 * Results as engine_run(). */
int run_start(struct run *run, int *ret_exit);

/* What the trail says, for when something else has been tried meanwhile; the error is returned. */
struct run_said {
        const char *words, *hint;
};
struct run_said run_said(struct arena *arena);
int run_say_again(const struct run_said *said, int error);
/* The plan, of what `run` has: document, record, and (again) the container. */
int run_compile(struct run *run, struct facts *facts);
/* What container_create() and its kin are asked for. */
struct container_request run_container_request(struct run *run);
/* --cidfile: its file was opened and locked before anything was made, and is not asked for by its name again. */
int run_write_id(struct run *run);
/* Can it be started? 0 or an error with a trail. */
int run_check_again(const struct container *container, const struct record *record);
/* A name belongs to one container at a time: checked and taken under the store's lock, as long as the descriptor is
 * open. Without --name nothing is done. */
int run_lock_name(struct run *run, int *ret_lock);
