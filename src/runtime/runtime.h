/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of runtime: an OCI runtime. Facts, the compiler from a spec to a plan, and the
 * operations on a container's state directory. It knows nothing of images, registries or
 * terminals' users. */
#pragma once

#include "base/base.h"
#include "container.h"
#include "facts.h"
#include "linux/linux.h"
#include "plan/plan.h"
#include "resources.h"
#include "spec/spec.h"

/* A layer whose name ends so is no directory but a file, an EROFS image. Only root's containers have such. */
#define RUNTIME_IMAGE ".erofs"
bool runtime_is_image(const char *layer);

/* An overlay that becomes the root (target ""), or lies at a directory of it. */
struct runtime_overlay {
        const char *target;       /* relative to the root */
        WORDS lower;              /* directories of the host or images, the topmost first */
        const char *upper, *work; /* directories of the store; made, and removed by the journal */
        uint32_t mode;            /* of the upper one; 0: 0755 */
        bool make_lower;          /* lower is of the store, too, and empty */
        bool read_only;           /* no overlay: the tree itself, and what is mounted below */
};

/* A symbolic link at the top of a root that is put together of overlays. */
struct runtime_link {
        const char *path, *target;
};

/* What the container has beside its layers, in a directory of the store: a file that covers what its
 * image has of that name, or a directory that begins as the image's. */
struct runtime_own {
        const char *path;    /* in runtime_options.own_dir; made */
        const char *target;  /* absolute, in the container */
        const char *content; /* of the file; NULL: it is a directory */
};

/* Who makes the cgroups. */
enum runtime_cgroups {
        CGROUPS_FILES, /* we do, by files */
        CGROUPS_SYSTEMD,
        CGROUPS_NONE,
};

struct runtime_options {
        const char *id;
        const char *document;     /* what messages call the spec; NULL: config.json */
        const char *bundle;       /* absolute; relative paths of the spec start here */
        const char *attach_point; /* an existing directory to attach the root at, in the
                                            container's mount namespace only; NULL: the rootfs */
        const struct runtime_overlay *overlays;
        size_t n_overlays; /* 0: the root is spec.root.path */
        const struct runtime_link *links;
        size_t n_links;
        const struct runtime_own *own;
        size_t n_own;
        const char *own_dir; /* where these are, in the store; made, and removed by the journal */
        const char *
                mounted; /* the root is this mount's, which is of the first overlay; NULL: it is made */
        const char
                *mount_program; /* what serves the overlays in the kernel's place; NULL: nothing */
        bool made;   /* the overlays' directories and what is in own_dir are there already */
        bool filled; /* and the volumes have what the image has there */
        bool visit;  /* only its files are wanted: no device, and no program is looked for */
        uint64_t preserve_fds;    /* descriptors from 3 on that the program gets */
        unsigned listen_fds;      /* the first so many of them are sockets, sd_listen_fds(3) */
        const char *listen_names; /* LISTEN_FDNAMES, or NULL */
        unsigned rows, columns;   /* of the terminal; 0: what the spec says */
        bool await_start;         /* `create`: stop before exec until START */
        bool restored;            /* its processes come from a checkpoint */
        bool no_new_keyring;
        bool no_pivot;
        bool map_root;       /* in a user namespace the root's files have the owners of its ids */
        bool volatile_upper; /* the overlays' upper layers need not survive a crash */
        const char *seccomp; /* name of a built-in profile to use instead of the spec's */
        const char *log;     /* a file of the host that gets what the program writes */
        const char *cgroup;  /* instead of spec.linux.cgroupsPath; NULL: as that says */
        enum runtime_cgroups cgroups;
        const char *unit, *unit_socket; /* exec, update: by container_unit(); NULL: none */
        WORDS sub_cgroups; /* exec: "[CONTROLLER,...:]PATH", below those of the container */
        const char *const *made_cgroups; /* exec: to be joined, by container_cgroups() */
        size_t n_made_cgroups;
        pid_t pid; /* exec, mounts: the container's first process, as we see it */
        struct process_id
                process; /* and what tells it from others of that number; all 0: nothing does */
};

/* Compile the container's plan. Pure: no system call; everything lives in `arena`.
 * 0, or -EINVAL and the like with a trail that names the place in the document. */
int runtime_compile(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        const struct facts *facts, struct plan **ret_plan);

/* The plan of one more process in a running container: `spec` is the stored document, `process`
 * what to run. */
int runtime_compile_exec(
        struct arena *arena, const struct spec *spec, const struct spec_process *process,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan);

/* The plan of mounts for a container that runs: `spec` is the stored document, options->document what
 * messages call that of the mounts. */
int runtime_compile_mounts(
        struct arena *arena, const struct spec *spec, const struct spec_mounts *mounts,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan);

/* And of taking one away again, by its destination, when it is one of those numbered in `added`. */
struct runtime_unmount {
        const struct spec_mount *mount;
        const char *reason;
        const char *added;
};

int runtime_compile_unmount(
        struct arena *arena, const struct spec *spec, const struct runtime_unmount *unmount,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan);

/* Other limits for a container that runs. */
struct runtime_update {
        const struct spec *spec;                     /* its document, with the limits it has now */
        const struct spec_resources *change;         /* what is to be different */
        const char *l3_cache_schema, *mem_bw_schema; /* lines of resctrl; NULL: as they are */
};

/* The plan of an update: operations of HOST on options->made_cgroups; and all limits that the container
 * has then. options->document is what messages call the change. */
int runtime_compile_update(
        struct arena *arena, const struct runtime_update *update,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan,
        const struct spec_resources **ret_all);

/* -- criu ----------------------------------------------------------------------------------------- */

struct runtime_criu {
        const char *program; /* criu's path */
        const char *images;  /* the directory of the checkpoint */
        const char *work;    /* that of the log; NULL: images */
        bool pre_dump;
        const char *const
                *options; /* what the caller asks for, as criu's long options without dashes */
        size_t n_options;
        const char *const
                *external; /* a dump: what of the container is the host's, for --external */
        size_t n_external;
        const char *const
                *stdio; /* a restore: what descriptors 0, 1 and 2 were, NULL: the container's */
};

/* The plan of taking a running container's processes into images, and of making a container of them. */
COLD int runtime_compile_checkpoint(
        struct arena *arena, const struct runtime_options *options, const struct runtime_criu *criu,
        pid_t pid, struct plan **ret_plan);
COLD int runtime_compile_restore(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        const struct runtime_criu *criu, const struct facts *facts, struct plan **ret_plan);

/* checkpoint.c: where criu is; NULL: it is not installed. */
const char *criu_find(struct arena *arena);
/* checkpoint_check.c: may criu, who is root, be let into that directory, a real path? Not where others can write or
 * have put links, and not where one that it is on top of ("parent") is such. A negative errno with a trail that
 * begins with `option`. */
COLD int criu_check_directory(struct arena *arena, const char *option, const char *path);
/* What a dump of the container has to be told, into criu->external and ret_stdio: which of its mounts,
 * namespaces and descriptors 0, 1, 2 belong to the host. */
COLD int criu_look(
        struct arena *arena, const struct container *container, const struct spec *spec,
        struct runtime_criu *criu, const char *ret_stdio[3]);
/* The file of a checkpoint that says what 0, 1 and 2 were; as runc's. Missing: all NULL; -EINVAL: it is none that a
 * checkpoint writes. */
COLD int criu_write_stdio(struct arena *arena, const char *images, const char *const stdio[3]);
COLD int criu_read_stdio(struct arena *arena, const char *images, const char *ret_stdio[3]);
/* After a failure: what criu's log says, or why it cannot work on this host, for the trail. */
COLD void criu_explain(
        struct arena *arena, const struct runtime_criu *criu, const char *log, int error);

enum runtime_hooks {
        HOOKS_POSTSTART,
        HOOKS_POSTSTOP,
};

/* A plan of nothing but those hooks, on HOST; machine->pid is told to them. */
struct plan *runtime_compile_hooks(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        enum runtime_hooks which);
/* Has it any hook, of whatever kind? */
bool runtime_has_hooks(const struct spec *spec);

/* Leave a hint about a failed operation, or (NULL) about an error as such, if there is one worth giving. */
COLD void runtime_hint(const struct op *op, int error);

/* The features structure of the specification (features.md), for a husk of that version. */
COLD void runtime_features(struct arena *arena, const char *version, struct text *out);
