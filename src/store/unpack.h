/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that read an archive and write its layer; part of store.h. */
#pragma once

#include "layer.h"

/* docs/adr/0023: who reads is not who writes. The writer has the rights to make any file and one directory
 * to make it in; the reader has two descriptors and no rights. Compressed layers are read by another program
 * (registry), which feeds a writer likewise. */

/* One that was started. */
struct unpack_process {
        int process; /* pidfd */
        int report;  /* readable when it has ended */
};

#define UNPACK_NONE                               \
        {                                         \
                .process = NO_FD, .report = NO_FD \
        }

/* What it says in the end. */
struct unpack_result {
        uint64_t entries, bytes;   /* the writer: of the layer */
        uint64_t passed;           /* the writer: devices left out */
        char hex[SHA256_HEX_SIZE]; /* the reader: the digest of what it read */
};

/* Unpack what comes through a pipe into the empty directory `dir`, or with options->image into that empty file. `ns`: the user namespace in which its files
 * belong to somebody, or NO_FD. *ret_pipe is the pipe's end for who reads the archive: the writer waits for
 * its end as long as it is open anywhere. All descriptors stay the caller's. */
int unpack_start_writer(
        int dir, const struct layer_options *options, int ns, struct unpack_process *ret_process,
        int *ret_pipe);

#define UNPACK_TO_THE_END UINT64_MAX
/* Read `size` bytes, or UNPACK_TO_THE_END, a tar archive, from `source`: its entries into `pipe`, its bytes into `copy` (NO_FD:
 * nowhere). */
int unpack_start_reader(
        int source, uint64_t size, int copy, int pipe, struct unpack_process *ret_process);

/* Wait for its end: 0, or what went wrong with a trail. */
int unpack_finish(struct unpack_process *process, struct unpack_result *ret_result);
/* The end of a writer whose feeder has ended with `fed`: that one's error, but where it only found the pipe broken
 * (-EPIPE) the writer's, which is the reason. */
int unpack_finish_fed(struct unpack_process *writer, int fed, struct unpack_result *ret_result);
/* It is not needed any more. Harmless on UNPACK_NONE and twice. */
void unpack_kill(struct unpack_process *process);
