/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: what run, exec and the OCI verbs share. */
#pragma once

#include "base/base.h"
#include "engine.h"
#include "keeper/keeper.h"
#include "runtime/runtime.h"

struct bundle {
        const char *path;     /* absolute, links resolved */
        const char *document; /* the path of config.json or of what stands in for it */
        struct text config;
        const struct spec *spec;
};

/* `document` NULL: config.json in it. */
int oci_read_bundle(
        struct arena *arena, const char *path, const char *document, struct bundle *ret_bundle);
/* -EBUSY when it is paused, unless `ignore`: what joins its cgroups stops there. */
int oci_refuse_paused(const struct container *container, const char *name, bool ignore);
/* The plan of one more process in a running container; of `options` all is filled in that is the
 * container's. */
int oci_exec_compile(
        struct arena *arena, const struct container *container, const struct spec *spec,
        const struct spec_process *process, struct runtime_options *options,
        struct plan **ret_plan);

/* -- oci_front.c: a process and whoever asked for it --------------------------------------------- */

/* Its number, in a file that is there at once and whole; path NULL: nowhere. */
int oci_write_pid_file(struct arena *arena, const char *path, pid_t pid);
/* --console-socket: the terminal's master goes to whoever listens there; path NULL: nowhere. */
int oci_send_console(const char *path, int master);
/* --pidfd-socket: a descriptor of the process goes there, with the words that runc sends. */
int oci_send_pidfd(const char *path, const char *words, int pidfd);
/* --preserve-fds: are there so many descriptors from 3 on? To be asked before we open any. */
int oci_check_fds(uint64_t n);
/* Does anybody get the terminal, if there is one? -EINVAL with a trail. */
int oci_check_terminal(const struct spec_process *process, const char *socket, bool attached);
/* Stay in front of it until it ends; `master` NO_FD: of no terminal. */
int oci_attend(struct machine *machine, int master, int *ret_exit);
/* The program could not be executed: the exit status of a shell; ENGINE_NO_COMMAND. */
int oci_no_command(int error, int *ret_exit);
