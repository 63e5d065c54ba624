/* SPDX-License-Identifier: Apache-2.0 */
/* Private to runtime: what the sections of the compiler share. */
#pragma once

#include "../runtime.h"

struct compile {
        struct arena *arena;
        const struct spec *spec;
        const char *document;               /* what messages call it */
        const struct spec_linux *linux_;    /* never NULL */
        const struct spec_process *process; /* never NULL */
        const struct runtime_options *options;
        const struct facts *facts;
        struct plan *plan;
        uint32_t new_spaces;    /* CLONE_NEW* to make */
        uint32_t joined_spaces; /* to join by path */
        FD join[8];             /* slot for each bit of namespace_types */
        FD root;                /* the container's root */
        FD proc;                /* its procfs, -1 before */
        FD dev;                 /* its /dev when that is a mount of ours, else -1 */
        FD devpts;              /* likewise */
        FD cgroups[34];         /* hierarchies joined by the child (v1) */
        size_t n_cgroups;
        FD cgroup2; /* the v2 cgroup, -1 */
        FD process_fd;
        bool user_namespace;  /* new or joined */
        bool hooks;           /* the list is a start, which runs them; an exec runs none */
        FD own_pid, own_time; /* our own namespaces, for hooks after we left them; -1 */
        pid_t container_pid;  /* exec: the container's first process; else 0 */
};

/* Every section appends its operations in the order of construction. 0 or -errno with a trail. */
int compile_cgroup_host(struct compile *c);
int compile_cgroup_init(struct compile *c);
int compile_namespaces_host(struct compile *c);
int compile_spawn(struct compile *c);
int compile_namespaces_init(struct compile *c);
int compile_root_host(struct compile *c);
int compile_root_init(struct compile *c);
int compile_mounts(struct compile *c);
int compile_devices(struct compile *c);
int compile_terminal(struct compile *c);
int compile_sysctl(struct compile *c);
int compile_masks(struct compile *c);
int compile_process(struct compile *c);
int compile_identity(struct compile *c);
int compile_security(struct compile *c);
/* The filter, if there is one; and with rules that ask an agent, the listener's way to it. */
int compile_seccomp(struct compile *c);
int compile_seccomp_host(struct compile *c);
bool compile_seccomp_notifies(const struct compile *c);
/* hooks.c: the hooks that a start runs, each group at its place. */
int compile_hooks_check(const struct compile *c);
void compile_hooks_leave(struct compile *c);
void compile_hooks_return(struct compile *c);
bool compile_has_create_hooks(const struct compile *c);
void compile_hooks_runtime(struct compile *c);
void compile_hooks_container(struct compile *c);
void compile_hooks_start(struct compile *c);
void compile_hooks_poststart(struct compile *c);

/* "/mounts/3" and the like, in the arena. */
#define why(c, ...) arena_format((c)->arena, __VA_ARGS__)
bool compile_has_namespace(const struct compile *c, uint32_t type);
/* The cgroup directory below a hierarchy's mount: as cgroupsPath says. */
const char *compile_cgroup_path(const struct compile *c, const struct cgroup_hierarchy *hierarchy);
/* The sets of spec.process.capabilities as bits; unknown names are noted. */
uint64_t compile_caps(struct compile *c, const struct spec_texts *names);

/* Attributes and propagation of mount options; what is left over goes to the filesystem. */
struct mount_options {
        uint64_t set, clear;
        uint64_t set_all, clear_all; /* the recursive forms, "rro" */
        PROPAGATION propagation;
        bool propagation_all;
        bool bind, recursive;
        const char **data; /* "size=64k", n_data of them */
        size_t n_data;
};

int compile_mount_options(
        struct compile *c, const struct spec_mount *mount, size_t number,
        struct mount_options *ret_options);
