/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

struct idmap;

/* What the host is, as far as compiling a plan depends on it. Gathered once; tests give it as a
 * JSON document instead, so that a rootless host or an old kernel is a file. */

struct cgroup_hierarchy {
        const char *mount; /* "/sys/fs/cgroup/memory" */
        const char *names; /* its controllers, "cpu,cpuacct", or "name=systemd" */
        const char *own;   /* our own cgroup in it, "/" or "/user.slice/..." */
};

struct spec_process;

enum cgroup_mode {
        CGROUP_NONE,
        CGROUP_V1,
        CGROUP_V2,
        CGROUP_HYBRID
};

/* Ids of the host that an ordinary user may map, subuid(5). */
struct id_range {
        uint32_t first, count;
};

/* The manager that is asked for a unit; see facts_gather_systemd. */
struct systemd_facts {
        const char *socket; /* NULL: it was not asked for */
        const char *cgroup; /* its own, below which its units are: "" at the top */
        bool user;          /* a user's, not the host's */
};

/* Where a user's manager may be, of the environment; each may be NULL. */
struct systemd_places {
        const char *runtime_dir; /* XDG_RUNTIME_DIR */
        const char *session_bus; /* the path in DBUS_SESSION_BUS_ADDRESS */
};

struct facts {
        unsigned kernel_major, kernel_minor;
        uint32_t uid, gid;
        uint64_t caps;     /* our effective capabilities */
        int oom_score_adj; /* the lowest that we may have; see facts_gather_document */
        int landlock;      /* the version of its ABI; 0: there is none */
        /* The mount interface by descriptor (fsopen(2) and its kin), and mount_setattr(2): neither
         * too new for this kernel nor refused by a filter around us. */
        bool has_mount_api, has_mount_setattr;
        bool has_apparmor, has_selinux;
        bool has_time_namespace;
        /* Our user namespace is not the first one: some capabilities do not count here. */
        bool in_user_namespace;
        bool denies_groups; /* and that lets nobody set supplementary groups */
        /* Who may not map any id, i.e. lacks CAP_SETUID or CAP_SETGID; else nothing. */
        const char *user; /* our login name; NULL: it has none */
        struct id_range *subuid, *subgid;
        size_t n_subuid, n_subgid;
        const char *newuidmap, *newgidmap; /* the helpers' paths; NULL: they are missing */
        enum cgroup_mode cgroup_mode;
        struct cgroup_hierarchy *v1; /* n_v1 of them */
        size_t n_v1;
        struct cgroup_hierarchy v2; /* mount NULL: none */
        bool has_nsdelegate; /* v2: who is in a cgroup namespace cannot write the limits of its root */
        /* Of whoever is not root of the host: the highest cgroup of v2 that is ours to manage, our
         * own or one above it, "/user.slice/..."; NULL: none. */
        const char *delegated;
        struct systemd_facts systemd;
        const char *resctrl;      /* where it is mounted; NULL: nowhere */
        uint64_t rlimit_hard[16]; /* by RLIMIT_* number */
};

/* Ask the kernel. 0 or -errno with a trail. Not child-safe. */
int facts_gather(struct arena *arena, struct facts *ret_facts);
/* The same, but for what only a start depends on: the mount interface, and of the cgroups all but where
 * v2 is mounted. */
int facts_gather_exec(struct arena *arena, struct facts *ret_facts);
/* Ask for what only some documents need: security modules and resctrl where they have a word for it; and for
 * the program (may be NULL) our own hard limits that its rlimits name, and our oom_score_adj when it has one,
 * or its own when the kernel lets us go down to that. What is not asked for is not there, without limit,
 * and 0. */
void facts_gather_document(
        struct facts *facts, const struct spec *spec, const struct spec_process *process);
/* Does the document mount the cgroups that have the limits such that they can be written to? */
bool facts_shows_writable(const struct facts *facts, const struct spec *spec);
/* Ask which manager of systemd is ours, and where its cgroup is. With `guess` one that does not answer
 * is taken for one as on most hosts. 0, or -errno with a trail. */
int facts_gather_systemd(
        struct arena *arena, const struct systemd_places *places, bool guess, struct facts *facts);
/* Read them from a fixture / write them as one. */
int facts_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        struct facts *ret_facts);
void facts_encode(const struct facts *facts, struct text *out);

/* The text of /proc/self/cgroup, which is cut up: cgroup_mode, v1 and v2. 0, or -errno with a trail. */
int facts_parse_cgroups(struct arena *arena, char *list, struct facts *facts);

/* The same host as root would find it: for showing what root would do. */
void facts_as_root(struct facts *facts);

/* Is the kernel at least this version? */
bool facts_kernel(const struct facts *facts, unsigned major, unsigned minor);
bool facts_capable(const struct facts *facts, unsigned capability);

/* subids.c: the parts of facts on ids. From the text of passwd(5), the name of a uid, or NULL; from that
 * of subuid(5), the ranges of a user by name (may be NULL) or number: how many. */
void subids_gather(struct arena *arena, struct facts *facts);
/* Our own id as 0, and behind it all that we were granted: what our containers' files belong to. */
struct idmap subids_all(struct arena *arena);
/* Is this group mapped in the user namespace that we are in? True where that cannot be read. */
bool subids_has_group(struct arena *arena, uint32_t gid);
const char *subids_user(struct arena *arena, const char *passwd, uint32_t uid);
size_t subids_ranges(
        struct arena *arena, const char *file, const char *user, uint32_t uid,
        struct id_range **ret_ranges);
