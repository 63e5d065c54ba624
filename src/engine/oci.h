/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: what run, exec and the OCI verbs share. */
#pragma once

#include "base/base.h"
#include "keeper/keeper.h"
#include "runtime/runtime.h"

#include "engine.h"

struct bundle {
        const char *path; /* absolute, links resolved */
        struct text config;
        const struct spec *spec;
};

int oci_read_bundle(struct arena *arena, const char *path, struct bundle *ret_bundle);
/* The plan of one more process in a running container. */
int oci_exec_compile(
        struct arena *arena, const struct container *container, const struct spec *spec,
        const struct spec_process *process, struct plan **ret_plan);
/* Verify, then print as "text", "json" or "shell". */
int engine_print_plan(const struct plan *plan, const char *format, struct text *out);
