/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of engine: one function a use case, named as the command that asks for it.
 * All return 0, or a negative errno with a trail. The engine reads no environment variable and
 * prints nothing of its own: what is for the user goes out through `ret_` operands. */
#pragma once

#include "request.h"
#include "spec/spec.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct plan;
struct text;

/* Are the containers kept below `runroot`, since `root` lies on an overlay file system? Only `root` is read. */
bool engine_uses_runroot(struct arena *arena, const struct engine_options *options);

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
        struct spec_map labels;
};

/* A step in the making of an image. */
struct history_entry {
        const char *id, *short_id; /* of the last step the image's; else "<missing>" */
        const char *created;       /* as the image has it; "" */
        uint64_t created_ns;       /* since 1970; 0: it does not say */
        const char *created_by, *comment;
        uint64_t size_bytes; /* of the files of its layer */
};

/* What they take of the disk, as du(1) counts. */
struct disk_image {
        struct image_info info; /* names, ids, age */
        uint64_t size_bytes;    /* of its blobs and layers */
        uint64_t shared_bytes;  /* of those that other images need, too */
        uint64_t unique_bytes;
        uint64_t containers;
};

struct disk_container {
        struct container_info info;
        uint64_t size_bytes; /* what it has written, and what is kept about it */
};

struct disk_sum {
        uint64_t total, active, bytes, reclaimable_bytes;
};

struct disk_usage {
        struct disk_sum images, containers;
        struct disk_image *image_list; /* one a name */
        struct disk_container *container_list;
        size_t n_images, n_containers;
};

/* Where a password is kept. */
struct login_result {
        const char *file;
        const char
                *helper; /* by docker-credential-HELPER, which the file names; NULL: in the file */
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

/* Make a container that has not begun: request->id_out gets its id. What is about the client is not looked at. */
int engine_create(const struct run_request *request);

/* Run the container that names.items[0] is, which was created or has ended, with the files that it has. One that
 * runs already is left alone, unless it was to be attached to: -EALREADY. Results as engine_run(), but the container
 * stays whatever happens. */
int engine_start(const struct start_request *start, int *ret_exit);
/* engine_stop(), and engine_start() in the background. */
int engine_restart(const struct stop_request *request);

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
/* Remove the containers that do not run and pass the filters; an id and a newline each into `out`. *ret_bytes is what
 * they took of the disk. */
int engine_container_prune(
        const struct prune_request *request, struct text *out, uint64_t *ret_bytes);
int engine_kill(const struct kill_request *request);
int engine_stop(const struct stop_request *request);

/* Stop all processes of the named container where they are; let them go on. Likewise. */
int engine_pause(const struct pause_request *request);
int engine_unpause(const struct pause_request *request);

/* Ask the registry whether it takes name and password, and if so keep them. -EACCES: it does not. Texts of the
 * result live in `arena`. */
int engine_login(
        const struct login_request *request, struct arena *arena, struct login_result *ret_result);
/* Forget them. *ret_was: there were some. */
int engine_logout(const struct login_request *request, bool *ret_was);

/* The processes of a running container. -EOPNOTSUPP: it has no cgroup. */
int engine_top(const struct top_request *request, struct arena *arena, struct top *ret_top);

/* Give the named container other limits, all of them or none. Likewise. */
int engine_update(const struct update_request *request);

/* Wait until the first of `names` has ended; *ret_exit is its exit status. */
int engine_wait(const struct wait_request *request, int *ret_exit);

/* What a container in the background has written. -ENOENT: that was not kept, or there is no such container. */
int engine_logs(const struct logs_request *request);
/* -EEXIST: another one has the name. */
int engine_rename(const struct rename_request *request);
/* -ENOENT: the port is not published, as none is. */
int engine_port(const struct port_request *request);

/* Copy files out of a container or into it, whether it runs or not. *ret_bytes is what the files have, 0 for an
 * archive. -ENOENT, -ENOTDIR, -EEXIST: what is where does not allow it. */
int engine_cp(const struct cp_request *request, uint64_t *ret_bytes);

/* What is mounted where. */
struct mount_info {
        const char *id;           /* of a container; of an image with "sha256:" */
        const char *path;         /* absolute */
        const char *repositories; /* an image's names, as JSON; NULL: it is none */
};

/* Show the root of the container (the files of the image) names.items[0] at a path of the host, and take that away
 * again. Mounted twice is mounted once; what is not mounted can be unmounted. -EPERM: not root, not in `husk unshare`
 * either; -EBUSY: it is used, or is mounted in another mount namespace. */
int engine_mount(
        const struct mount_request *request, struct arena *arena, struct mount_info *ret_info);
int engine_umount(const struct mount_request *request);
int engine_image_mount(
        const struct mount_request *request, struct arena *arena, struct mount_info *ret_info);
int engine_image_umount(const struct mount_request *request);
/* What is mounted in our mount namespace; lives in `arena`. */
int engine_mounts(
        const struct mount_request *request, struct arena *arena, struct mount_info **ret_list,
        size_t *ret_n);
int engine_image_mounts(
        const struct mount_request *request, struct arena *arena, struct mount_info **ret_list,
        size_t *ret_n);

/* Become a program in the user namespace of all of the user's ids. Returns only when that cannot be: ENGINE_NO_COMMAND,
 * or a negative errno. */
int engine_unshare(const struct unshare_request *request, int *ret_exit);

/* What the container's root has that its image has not; what an image's topmost layer has, or what it has that the other
 * image has not. Sorted by path; lives in `arena`. */
int engine_diff(
        const struct diff_request *request, struct arena *arena, struct diff_entry **ret_list,
        size_t *ret_n);

/* Everything known about the container or image that names.items[0] is, as one JSON object appended to `out`.
 * -ENOENT: there is none. */
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

/* What a push has made of a name. */
struct push_result {
        const char *reference; /* full name */
        const char *digest;    /* of the manifest or index that the registry has under it now */
};

/* Have a registry, a file or a directory have an image; with `all_tags` several. The list lives in `arena`. */
int engine_push(
        const struct push_request *request, struct arena *arena, struct push_result **ret_list,
        size_t *ret_n);

struct tag_info {
        const char *name; /* "docker.io/library/alpine" */
        const char *tag;
};

struct referrer_info {
        const char *digest, *artifact_type, *media_type; /* "" where it is not said */
        uint64_t size_bytes;                             /* of the manifest */
};

/* The tags of a repository, in the registry's order; what refers to a manifest there. Lists live in `arena`. */
int engine_registry_tags(
        const struct registry_request *request, struct arena *arena, struct tag_info **ret_list,
        size_t *ret_n);
int engine_registry_referrers(
        const struct registry_request *request, struct arena *arena,
        struct referrer_info **ret_list, size_t *ret_n);
/* Have a registry forget the manifest that names.items[0] means there. *ret_removed: NAME@DIGEST. */
int engine_registry_remove(
        const struct registry_request *request, struct arena *arena, const char **ret_removed);

/* Take the images of an archive of `docker save` or of an OCI layout. A line "Loaded image: NAME" each into
 * `out`. */
int engine_load(const struct load_request *request, struct text *out);

/* Write images into one archive or directory, an OCI layout, and by default also what `docker load` reads. */
int engine_save(const struct save_request *request);

/* Make an image of a container and what it has changed; of a tar file of a root. */
int engine_commit(
        const struct commit_request *request, struct arena *arena, struct pull_result *ret_result);
int engine_import(
        const struct import_request *request, struct arena *arena, struct pull_result *ret_result);
/* Write a container's root as a tar file. */
int engine_export(const struct export_request *request);

/* The images of the store, newest first; the list lives in `arena`. */
int engine_images(
        const struct images_request *request, struct arena *arena, struct image_info **ret_list,
        size_t *ret_n);

/* What images and containers take of the disk; lives in `arena`. */
int engine_usage(
        const struct usage_request *request, struct arena *arena, struct disk_usage *ret_usage);
/* Are all images whole? A line for each thing that is wrong goes into `out`. -EBUSY: to be repaired, and somebody uses
 * the store. */
int engine_check(const struct check_request *request, struct text *out, size_t *ret_findings);

/* The steps in which an image was made, the last first; lives in `arena`. */
int engine_history(
        const struct history_request *request, struct arena *arena, struct history_entry **ret_list,
        size_t *ret_n);

/* Make an image of programs of the host and what they load. Its id, and a newline, into `out`. */
int engine_pack(const struct pack_request *request, struct text *out);

/* Give an image one more name; what had it goes on without. */
int engine_tag(const struct tag_request *request);

/* Remove the image that names.items[0] is, or its name if it has others. -EBUSY when a container is made of it,
 * unless `force` (and none runs). A line "Untagged: NAME" or "Deleted: ID" each into `out`. */
int engine_rmi(const struct rmi_request *request, struct text *out);

/* Remove images that have no name, or (all) that no container is made of. Likewise, and *ret_bytes is what
 * that freed. */
int engine_image_prune(const struct prune_request *request, struct text *out, uint64_t *ret_bytes);
