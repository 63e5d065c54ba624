/* SPDX-License-Identifier: Apache-2.0 */
/* Private to runtime: what the sections of the compiler share. */
#pragma once

#include "../runtime.h"
#include "mount_options.h"

/* How the maps of a new user namespace get written, and which ids its first process takes. */
struct id_plan {
        const char *uid_map, *gid_map;
        const char *uid_helper, *gid_helper; /* newuidmap(1) and newgidmap(1); NULL: by ourselves */
        bool deny_setgroups;
        bool certain; /* that is what was done, not a guess afterwards */
        uint32_t uid, gid;
};

/* Where an exec forks into the container's pid namespace; each is a place in its list. */
enum entry {
        ENTRY_NONE,  /* it does not: no such namespace, or no exec */
        ENTRY_EARLY, /* before what a fork would undo */
        ENTRY_FILTER, /* before a filter that is loaded by a right and forbids what we would do later */
        ENTRY_LATE, /* when all rights are gone */
};

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
        bool map_root;          /* its overlays have mapped layers */
        FD served;      /* the user namespace of what serves the overlays; -1: the host's own */
        FD *own;        /* trees of options->own that HOST makes; -1: INIT does */
        FD proc;        /* its procfs, -1 before */
        FD dev;         /* its /dev when that is a mount of ours, else -1 */
        FD landlock;    /* its rules, -1: none */
        FD devpts;      /* likewise */
        FD cgroups[34]; /* hierarchies joined by the child (v1) */
        size_t n_cgroups;
        FD groups[2]; /* of resctrl: for its shares, for monitoring; -1 */
        FD cgroup2;   /* the v2 cgroup, -1 */
        FD process_fd;
        const char *join_file[34]; /* "tasks", or "" where the slot of cgroups[] is that file, or
                                      its whole path where that is -1 */
        /* With systemd: the scope, its slice, and where it is below each hierarchy's mount. */
        const char *unit, *slice, *unit_path;
        bool attaches;       /* exec: it goes into the unit by the manager */
        bool user_namespace; /* new or joined */
        bool start;          /* a container's, which has hooks and an init; an exec has none */
        bool update;         /* the cgroups have limits already */
        FD own_pid;          /* our own pid namespace, for hooks after we left it; -1 */
        pid_t container_pid; /* exec: the container's first process; else 0 */
        const char *guard;   /* why the first process dies with its maker */
        enum entry entry;
        FD slave;              /* its terminal, to be used behind the entry; -1 */
        bool in_session;       /* of its own, or of who bears it alone */
        const char *limit_why; /* of processes, to be set once it is born; NULL: none */
        uint64_t limit_soft, limit_hard;
        BYTES filter; /* compile_filter() */
        uint64_t filter_flags;
        bool forks;                 /* spawn's process is not the first one: fork_init */
        uint32_t at_spawn, at_fork; /* what of new_spaces is made there; the rest is unshared */
        struct id_plan ids;         /* of a new user namespace */
        struct mount_job *mounts;   /* one for each of /mounts */
        FD idmap;                   /* the last user namespace made for a mapping, -1 */
        const char *idmap_uids, *idmap_gids;
        bool live;             /* mounts for a container that runs */
        uint32_t entered;      /* its namespaces that who works there enters */
        const char *mounts_at; /* where the document has them; NULL: it is one mount */
};

/* The annotations that change what is compiled; one that ends with a dot is a prefix. There is no other way to read one, so that
 * `features` knows them all. */
enum annotation {
        ANNOTATION_INIT,     /* "true": a pid 1 of husk's own in front of the program */
        ANNOTATION_LANDLOCK, /* rules, docs/landlock.md */
        ANNOTATION_SYSTEMD,  /* a prefix: properties of the unit */
        ANNOTATIONS
};

extern const char *const compile_annotations[ANNOTATIONS];
/* What the document says, or NULL. */
const char *compile_annotation(const struct compile *c, enum annotation which);

/* An empty plan for this document. */
void compile_init(
        struct compile *c, struct arena *arena, const struct spec *spec,
        const struct runtime_options *options, const struct facts *facts);
/* Every section appends its operations in the order of construction. 0 or -errno with a trail. */
int compile_cgroup_host(struct compile *c);
int compile_cgroup_exec(struct compile *c);
/* Those that were made, to be written to. */
void compile_cgroup_update(struct compile *c);
/* The cgroups themselves and what is in them: before spawn, or around it with systemd. */
int compile_cgroup_fill(struct compile *c);
/* units.c: with systemd. The name; the scope around the spawned process, with all that is in its
 * cgroups; the process's own part; and for an exec. */
int compile_unit_name(struct compile *c);
int compile_unit_start(struct compile *c);
void compile_unit_join(struct compile *c);
void compile_unit_attach(struct compile *c);
/* Tell the manager of one that runs in a unit what the limits on the HOST list are. */
void compile_unit_set(struct compile *c);
/* resctrl.c: /linux/intelRdt. */
int compile_resctrl_host(struct compile *c);
void compile_resctrl_exec(struct compile *c);
void compile_resctrl_join(struct compile *c);
/* Other shares for the container's group; either may be NULL. */
int compile_resctrl_update(struct compile *c, const char *l3_cache, const char *memory_bandwidth);
int compile_namespaces_host(struct compile *c);
/* idmaps.c: what /linux/uidMappings and gidMappings say, whoever we are; `as_maker`: and may we write
 * them? */
int compile_id_maps(struct compile *c, bool as_maker);
int compile_spawn(struct compile *c);
/* What INIT does to itself by files of the host, before it enters any namespace: cgroups, resctrl
 * groups, its own /proc. For a start and for an exec. */
int compile_host_groups(struct compile *c);
int compile_namespaces_init(struct compile *c);
/* What all mounts of its namespace get first: private or slave. */
PROPAGATION compile_base_propagation(const struct compile *c);
int compile_root_host(struct compile *c);
int compile_root_init(struct compile *c);
void compile_pivot(struct compile *c);
/* own.c: options->own. */
void compile_own_host(struct compile *c);
void compile_own_trees(struct compile *c);
void compile_own_attach(struct compile *c);
void compile_own_filled(struct compile *c);
/* mounts.c: sort what is asked for, into c->mounts. */
void compile_mounts_begin(struct compile *c);
int compile_mounts_host(struct compile *c);
int compile_mounts(struct compile *c);
int compile_devices(struct compile *c);
int compile_terminal(struct compile *c);
int compile_sysctl(struct compile *c);
int compile_masks(struct compile *c);
int compile_process(struct compile *c);
int compile_schedule(struct compile *c);
int compile_affinity_host(struct compile *c);
int compile_self(struct compile *c);
int compile_net_devices(struct compile *c);
int compile_labels(struct compile *c);
void compile_mount_label(struct compile *c, enum actor actor, const char *type, FD fs);
int compile_landlock(struct compile *c);
void compile_landlock_restrict(struct compile *c);
int compile_identity(struct compile *c);
/* Of what criu restores: no task has more than the document gives, by capabilities and a filter, none is in our
 * namespaces of the kinds `spaces`; its ids are mapped so (NULL: not looked at). */
void compile_check_rights(
        struct compile *c, FD criu, uint32_t spaces, const char *uid_map, const char *gid_map);
int compile_security(struct compile *c);
/* seccomp.c: the filter, if there is one, made once and not loaded yet. */
int compile_filter(struct compile *c);
/* May a process be born in a pid namespace behind it, and begin a session? */
bool compile_filter_lets_in(const struct compile *c);
bool compile_filter_allows_session(const struct compile *c);
/* It is loaded; and with rules that ask an agent, the listener's way to it. */
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
/* guard_parent and, in a user namespace, become_root with a guard again behind it. */
void compile_guard(struct compile *c, bool on);
void compile_become_root(struct compile *c);
/* Here an exec may enter the container's pid namespace, and does where that is the place. */
void compile_enter_pids(struct compile *c, enum entry here);
/* Its name in PATH, as the program's user. */
void compile_find_program(struct compile *c);
/* The session of the program, with its terminal when there is one. */
void compile_session(struct compile *c);
/* RLIMIT_NPROC of who is born late, which its maker would be counted in. */
void compile_process_limit(struct compile *c);
/* Is its root that of a mount namespace that it joins? */
bool compile_joins_root(const struct compile *c);
/* Does a pid 1 of husk's own stay in front of the program? */
bool compile_stays_init(const struct compile *c);
bool compile_has_namespace(const struct compile *c, uint32_t type);
/* The slot of the namespace of this kind that is joined; -1: none is. */
FD compile_joined(const struct compile *c, uint32_t type);
/* The cgroup in which the process is made; -1: it joins its cgroups by itself. */
FD compile_birth_cgroup(const struct compile *c);
/* The cgroup directory below a hierarchy's mount: as cgroupsPath says. */
const char *compile_cgroup_path(const struct compile *c, const struct cgroup_hierarchy *hierarchy);
/* One set of spec.process.capabilities as bits; `set` is its name, for notes of unknown names (NULL:
 * they are passed over). */
uint64_t compile_caps(struct compile *c, const char *set, const struct spec_texts *names);

/* One mount on its way into the plan. */
struct mount_job {
        struct compile *c;
        struct spec_mount mount; /* its destination made plain */
        size_t number;
        const char *reason;  /* "/mounts/3" */
        const char *pointer; /* likewise, and "" for a document that is one mount */
        struct mount_options options;
        enum actor actor; /* who makes it; INIT attaches it */
        FD tree;          /* -1 before it is made */
};

/* -- live_mounts.c -- */
int compile_check_live(const struct mount_job *job);

/* -- cgroup_mounts.c: for the types cgroup and cgroup2 -- */
int compile_cgroup_mount(struct mount_job *job);

/* -- fuse.c -- */
/* The root's overlays where not the kernel makes them but a program serves them: what is to be known before the first
 * process, the first process's mount of one, and the program of each. */
int compile_served_host(struct compile *c);
void compile_served_mount(struct compile *c, const char *reason, FD tree);
void compile_serve(struct compile *c);
const char *compile_overlay_reason(struct compile *c, const struct runtime_overlay *overlay);

/* -- overlay.c -- */
struct overlay_layer {
        FD fs;
        const char *key, *path;
        bool escapes; /* the path is as a document has it, with what escapes the kernel is to read */
};

/* One layer, by its path or, when that is too long for the kernel, by a descriptor. */
void compile_overlay_layer(
        struct compile *c, enum actor actor, const char *reason, const struct overlay_layer *layer);
/* An option of /mounts; false: it is none of a layer, and nothing was added. */
bool compile_overlay_option(const struct mount_job *job, FD fs, const char *key, const char *value);
/* An error for an option, of any file system, that is too long for this kernel. */
int compile_check_lengths(const struct mount_job *job);

/* -- borrow.c: a tmpfs bound from /proc/PID/root/... -- */
bool compile_is_borrowed(const struct mount_job *job);
FD compile_borrowed(const struct mount_job *job);

/* -- mount_checks.c: what it asks for, and where it may lie -- */
bool compile_is_bind(const struct mount_job *job);
bool compile_is_cgroup(const struct mount_job *job);
int compile_check_mount(const struct mount_job *job);
int compile_check_destination(const struct mount_job *job);
/* An error about one of its options. */
int compile_refuse_option(const struct mount_job *job, const char *word, const char *what);

/* -- mounts.c and idmaps.c: what others use -- */
/* For a container that runs: all trees that this actor is to make, and the journal learns of them. */
int compile_live_trees(struct compile *c, enum actor maker);
/* The user namespace that says how ids are mapped: the mount's own mapping, or the container's (NULL).
 * Many mounts have the same one. */
FD compile_idmap(struct compile *c, const char *reason, const struct spec_mount *own);
void compile_mount_propagation(const struct mount_job *job, FD tree);
