/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: what run, exec and the OCI verbs share. */
#pragma once

#include "base/base.h"
#include "engine.h"
#include "keeper/keeper.h"
#include "runtime/runtime.h"

struct bundle {
        const char *path; /* absolute, links resolved */
        struct text config;
        const struct spec *spec;
};

int oci_read_bundle(struct arena *arena, const char *path, struct bundle *ret_bundle);
/* -EBUSY when it is paused, unless `ignore`: what joins its cgroups stops there. */
int oci_refuse_paused(const struct container *container, const char *name, bool ignore);
/* The plan of one more process in a running container; `seccomp`: a built-in profile, or NULL. */
int oci_exec_compile(
        struct arena *arena, const struct container *container, const struct spec *spec,
        const struct spec_process *process, const char *seccomp, struct plan **ret_plan);
