/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets that compile share: a host drawn from the input's own bytes, so that corpora are plain
 * documents, and what must hold of every plan that the compiler makes. */
#pragma once

#include "runtime/runtime.h"

#include <stdio.h>

enum {
        ALL_CAPS = 40
};

static inline uint32_t draw(uint32_t *state)
{
        *state = *state * 1664525 + 1013904223;
        return *state >> 16;
}

/* What is drawn from those bytes. */
static inline uint32_t draw_seed(const uint8_t *bytes, size_t size)
{
        uint32_t state = 2166136261;

        for (size_t i = 0; i < size; i++)
                state = (state ^ bytes[i]) * 16777619;
        return state;
}

static inline struct facts draw_facts(struct cgroup_hierarchy v1[3], uint32_t *state)
{
        struct facts facts = {
                .kernel_major = draw(state) % 4 ? 6 : 5,
                .kernel_minor = draw(state) % 20,
                .uid = draw(state) % 4 ? 0 : 1000,
                .caps = draw(state) % 4 ? ((uint64_t)1 << ALL_CAPS) - 1 : draw(state),
                .has_time_namespace = draw(state) % 4 != 0,
                .cgroup_mode = (enum cgroup_mode)(draw(state) % 4),
        };

        facts.gid = facts.uid;
        v1[0] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/" };
        v1[1] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/devices", "devices", "/user" };
        v1[2] = (struct cgroup_hierarchy){ "/sys/fs/cgroup/memory", "memory", "/" };
        if (facts.cgroup_mode == CGROUP_V1 || facts.cgroup_mode == CGROUP_HYBRID) {
                facts.v1 = v1;
                facts.n_v1 = 1 + draw(state) % 3;
        }
        if (facts.cgroup_mode == CGROUP_V2 || facts.cgroup_mode == CGROUP_HYBRID)
                facts.v2 = (struct cgroup_hierarchy){ "/sys/fs/cgroup", "cpu io memory pids",
                                                      "/system.slice" };
        for (size_t i = 0; i < ARRAY_SIZE(facts.rlimit_hard); i++)
                facts.rlimit_hard[i] = draw(state) % 2 ? UINT64_MAX : 1024;
        return facts;
}

/* The verifier accepts it, and the printers can print it. */
static inline void check_plan(struct arena *arena, const struct plan *plan)
{
        struct text out = { .arena = arena };

        if (plan_verify(plan) < 0) {
                plan_print_text(plan, &out);
                fprintf(stderr, "%s\n%s", text_string(&out), trail_text());
                __builtin_trap();
        }
        plan_print_text(plan, &out);
        plan_print_json(plan, &out);
        plan_print_shell(plan, &out);
}
