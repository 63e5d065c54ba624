/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of engine: one function a use case, named as the command that asks for it.
 * All return 0, or a negative errno with a trail. The engine reads no environment variable and
 * prints nothing of its own: what is for the user goes out through `ret_` operands. */
#pragma once

#include "request.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct plan;
struct text;

/* Returned by engine_run, engine_exec, engine_oci_create and engine_oci_exec when the container
 * was made but its command could not be executed: the trail says why, and *ret_exit is 126 (not
 * executable) or 127 (not found), as a shell has it. */
#define ENGINE_NO_COMMAND 1

/* A container as lists show it. Strings live in the arena of the call and are never NULL. */
struct container_info {
        const char *id;
        const char *name;
        const char *image;
        const char *command;
        const char *status;      /* "running", "exited", "created" */
        const char *status_text; /* "Up 3 minutes", "Exited (0) 2 seconds ago" */
        uint64_t created_ns;     /* since 1970 */
        int64_t pid;             /* 0: none */
        int exit_code;           /* of an exited one */
};

/* An image as lists show it. Strings live in the arena of the call. */
struct image_info {
        const char *repository, *tag; /* short, as one would type it; "<none>" */
        const char *name;             /* both; "<none>:<none>" */
        const char *id;               /* digest of the configuration */
        const char *short_id;         /* twelve digits of it */
        const char *digest;           /* what a registry would be asked for; "<none>" */
        const char *created;          /* as the image has it; "" */
        uint64_t created_ns;          /* since 1970; 0: it does not say */
        uint64_t size_bytes;          /* of the files of its layers */
        uint64_t containers;          /* made of it */
};

/* What a pull has brought. */
struct pull_result {
        const char *reference;   /* full name; NULL: it has none */
        const char *digest, *id; /* digest there; digest of the configuration */
        bool changed;            /* the store had it not, or not by that name */
};

/* One difference between a container's root and its image. */
struct diff_entry {
        char kind; /* 'A'dded, 'C'hanged, 'D'eleted */
        const char *path;
};

/* The processes of a container, by their pids here, ascending; and what ps(1) says of them, NULL when it
 * was not asked. */
struct top {
        const int *pids;
        size_t n;
        const char *table;
};

/* A container as `husk-oci list` shows it. Strings live in the arena, never NULL. */
struct oci_container_info {
        const char *oci_version;
        const char *id;
        int64_t pid;        /* 0: stopped */
        const char *status; /* "creating", "created", "running", "stopped", "paused" */
        const char *bundle;
        const char *rootfs;
        const char *created;     /* RFC 3339 */
        const char *owner;       /* user name or number */
        const char *annotations; /* a JSON object; NULL: none */
};

/* Make a container and run its command. Without `detach` wait for the end; *ret_exit is then the
 * command's status (128 + n for signal n), with `detach` 0. 0, ENGINE_NO_COMMAND, or a negative
 * errno: nothing is left behind. */
int engine_run(const struct run_request *request, int *ret_exit);

/* Run one more process in a running container. Results as engine_run. */
int engine_exec(const struct exec_request *request, int *ret_exit);

/* The containers of the store, newest first; only running ones unless `all`. The list lives in
 * `arena`; *ret_n may be 0. */
int engine_ps(
        const struct ps_request *request, struct arena *arena, struct container_info **ret_list,
        size_t *ret_n);

/* Remove, signal, stop (SIGTERM, then SIGKILL after the time-out) the container that names.items[0]
 * is: whoever has several calls for each. -ENOENT: no such container. */
int engine_rm(const struct rm_request *request);
int engine_kill(const struct kill_request *request);
int engine_stop(const struct stop_request *request);

/* Stop all processes of the named container where they are; let them go on. Likewise. */
int engine_pause(const struct pause_request *request);
int engine_unpause(const struct pause_request *request);

/* Ask the registry whether it takes name and password, and if so keep them. -EACCES: it does not. *ret_file is
 * where they are now; it lives in `arena`. */
int engine_login(const struct login_request *request, struct arena *arena, const char **ret_file);
/* Forget them. *ret_was: there were some. */
int engine_logout(const struct login_request *request, bool *ret_was);

/* The processes of a running container. -EOPNOTSUPP: it has no cgroup. */
int engine_top(const struct top_request *request, struct arena *arena, struct top *ret_top);

/* Give the named container other limits, all of them or none. Likewise. */
int engine_update(const struct update_request *request);

/* Wait until the first of `names` has ended; *ret_exit is its exit status. */
int engine_wait(const struct wait_request *request, int *ret_exit);

/* What the container's root has that its image has not, sorted by path; lives in `arena`. */
int engine_diff(
        const struct diff_request *request, struct arena *arena, struct diff_entry **ret_list,
        size_t *ret_n);

/* Everything known about a container, as one JSON document appended to `out`. */
int engine_inspect(const struct inspect_request *request, struct text *out);

/* The plan of engine_run; nothing is done. It lives in `arena`. */
int engine_run_plan(const struct run_request *request, struct arena *arena, struct plan **ret_plan);

/* Write a config.json to start from into the bundle. -EEXIST: there is one already.
 * runc's `spec`. */
int engine_oci_spec(const struct oci_spec_request *request);

/* The `create` operation of the runtime spec; with `run` also `start`, and wait unless `detach`.
 * *ret_exit is the status of a container that was waited for, else 0. */
int engine_oci_create(const struct oci_create_request *request, int *ret_exit);

/* The operations of the runtime spec (runtime.md, "Operations"). */
int engine_oci_start(const struct oci_id_request *request);
int engine_oci_state(const struct oci_id_request *request, struct text *out);
/* Stop all processes of a container where they are; let them go on. */
int engine_oci_pause(const struct oci_id_request *request);
int engine_oci_resume(const struct oci_id_request *request);
int engine_oci_kill(const struct oci_kill_request *request);
int engine_oci_delete(const struct oci_delete_request *request);

/* runc's `events`: lines of JSON until the container ends. */
int engine_oci_events(const struct oci_events_request *request);

/* runc's `ps`. */
int engine_oci_ps(const struct oci_ps_request *request, struct arena *arena, struct top *ret_top);

/* runc's `update`: other limits for a running container: all of them, or none. *ret_plan is what was
 * done, or with `explain` would be; it lives in `arena`. */
int engine_oci_update(
        const struct oci_update_request *request, struct arena *arena, struct plan **ret_plan);

/* runc's `exec`: one more process. Results as engine_exec. */
int engine_oci_exec(const struct oci_exec_request *request, int *ret_exit);

/* runc's `checkpoint` and `restore`, by criu. A container that was taken into images is gone, unless it
 * was to go on. *ret_exit is the status of a restored one that was waited for, else 0. */
int engine_oci_checkpoint(const struct oci_checkpoint_request *request);
int engine_oci_restore(const struct oci_restore_request *request, int *ret_exit);

/* Mounts for a container that runs, or away again those that were added so. With `explain` the plan is
 * written to `out`, and nothing is done. */
int engine_oci_mounts(const struct oci_mounts_request *request, struct text *out);

/* runc's `list`: the containers under `root`, sorted by id. */
int engine_oci_list(
        const struct oci_list_request *request, struct arena *arena,
        struct oci_container_info **ret_list, size_t *ret_n);

/* The plan that `run` of this bundle would follow; nothing is done. It lives in `arena`. */
int engine_oci_plan(
        const struct oci_explain_request *request, struct arena *arena, struct plan **ret_plan);

/* -- images ------------------------------------------------------------------------------------------ */

/* Get an image and give it its name. */
int engine_pull(
        const struct pull_request *request, struct arena *arena, struct pull_result *ret_result);

/* Take the images of an archive of `docker save` or of an OCI layout. A line "Loaded image: NAME" each into
 * `out`. */
int engine_load(const struct load_request *request, struct text *out);

/* Write images into one archive, which is both, an OCI layout and what `docker load` reads. */
int engine_save(const struct save_request *request);

/* The images of the store, newest first; the list lives in `arena`. */
int engine_images(
        const struct images_request *request, struct arena *arena, struct image_info **ret_list,
        size_t *ret_n);

/* Give an image one more name; what had it goes on without. */
int engine_tag(const struct tag_request *request);

/* Remove the image that names.items[0] is, or its name if it has others. -EBUSY when a container is made of it,
 * unless `force` (and none runs). A line "Untagged: NAME" or "Deleted: ID" each into `out`. */
int engine_rmi(const struct rmi_request *request, struct text *out);

/* Remove images that have no name, or (all) that no container is made of. Likewise, and *ret_bytes is what
 * that freed. */
int engine_image_prune(const struct prune_request *request, struct text *out, uint64_t *ret_bytes);
