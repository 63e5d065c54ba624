/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine: the containers of `husk run` and what is kept about them. */
#pragma once

#include "base/base.h"
#include "engine.h"
#include "runtime/runtime.h"
#include "store/store.h"

#include <sys/stat.h>

/* A container whose namespaces another one is in, and the process by whose number that one's document calls them. */
struct joined {
        const char *id;
        int64_t pid;
};

struct joined_list {
        struct joined *items;
        size_t n;
};

/* What the engine keeps about a container beside its document: the member "engine" of the
 * journal's header. */
struct record {
        const char *name, *image, *seccomp; /* seccomp: name of a built-in profile, or NULL */
        const char *image_id; /* its configuration's digest; NULL: 'host' or a directory */
        struct words labels;
        struct runtime_overlay *overlays;
        size_t n_overlays;
        struct runtime_own *own; /* without their content, which is "" for a file */
        size_t n_own;
        int stop_signal;            /* 0: SIGTERM */
        int64_t stop_timeout_s;     /* -1: for ever; STOP_TIMEOUT_UNSET */
        struct runtime_link *links; /* of a root that is put together */
        size_t n_links;
        struct joined_list joined;
        const char *mount_program; /* as in runtime_options */
        bool map_root;             /* likewise */
        bool remove;
};

/* RFC 3339 in UTC, as journals and images write it, to seconds since 1970; 0: it is none. */
int64_t store_parse_time(const char *text);
/* And back. */
const char *store_format_time(struct arena *arena, int64_t seconds);

/* A label, "KEY" or "KEY=VALUE", as the two: the former's value is "". */
struct spec_pair store_split_label(struct arena *arena, const char *label);

/* The path from the root on: what is stored or done later, elsewhere, must not depend on where the
 * caller stands. */
const char *store_absolute(struct arena *arena, const char *path);

/* One word as a list. */
WORDS store_words(struct arena *arena, const char *word);

/* The state root of the containers: ROOT/containers; below RUNROOT when ROOT lies on an overlay
 * file system, which cannot hold the upper layer of another. */
const char *store_containers(struct arena *arena, const struct engine_options *options);

void record_encode(const struct record *record, struct text *out);
void record_decode(struct arena *arena, const struct container *container, struct record *ret);
/* What a plan has to know of the files of the container `id`, whose directory is `state`. Nothing is copied. */
struct runtime_options record_options(
        struct arena *arena, const struct record *record, const char *id, const char *state);

/* What is to serve the overlays of a container to be made, as --storage-opt says, or because the kernel mounts none for
 * us: tried, in the file system of `containers`, once a boot. NULL: nothing, the kernel makes them. mount_program.c */
int choose_mount_program(
        struct arena *arena, const struct words *storage_opt, const char *containers, bool explain,
        const char **ret);
/* A container could not be made or started: when its error is one with which the kernel refuses a mount (true), the
 * next one that is made tries again. */
bool doubt_mount_program(struct arena *arena, const char *containers, int error);

/* Was what is at `path` (from the root on; `place` is an O_PATH descriptor of it) made, empty, for something to be
 * mounted on it? diff.c */
bool diff_is_mount_place(
        const struct record *record, const struct spec *spec, int place, const struct stat *st,
        const char *path);

/* What a layer, open as a directory, has changed of the layers below it; sorted by path. diff.c */
int diff_layer(
        struct arena *arena, int upper, const struct view *lower, struct diff_entry **ret_list,
        size_t *ret_n);

/* The id for a name, an id, or the unique beginning of an id: 0, -ENOENT, -EEXIST (ambiguous). */
int store_find(struct arena *arena, const char *containers, const char *name, const char **ret_id);
/* The id of the container with exactly that name, or NULL. -ENOSYS: the kernel does not tell who runs. */
int store_find_name(
        struct arena *arena, const char *containers, const char *name, const char **ret_id);
/* Find and open. */
int store_open(
        struct arena *arena, const struct engine_options *options, const char *name, bool lock,
        struct container *ret_container);
/* What lists and inspect say of it. */
void container_describe(
        struct arena *arena, const struct container *container, struct container_info *info);
/* 64 random hexadecimal digits, and a name made of them. */
const char *store_new_id(struct arena *arena);
const char *store_default_name(struct arena *arena, const char *id);

/* What a container's passwd and group say; "" where there is no plain file of that name. */
struct user_files {
        const char *passwd, *group;
};

struct user_files user_files_of_root(struct arena *arena, int root);
struct user_files user_files_of_layers(struct arena *arena, const struct view *layers);

/* The user and groups of "NAME|UID[:GROUP|GID]"; also the home directory ("/" when there is none). NULL
 * words: root. */
int user_lookup(
        struct arena *arena, const struct user_files *files, const char *words,
        struct spec_user *ret_user, const char **ret_home);

/* The host's disk file systems as overlays for the container `id`: the first is the root. */
int host_overlays(
        struct arena *arena, const char *state, struct runtime_overlay **ret_overlays,
        size_t *ret_n);

/* The host for an ordinary user: put together of its root's directories. */
struct host_parts {
        struct runtime_overlay *overlays;
        struct runtime_link *links;
        size_t n_overlays, n_links;
};

int host_parts(struct arena *arena, const char *state, struct host_parts *ret);
/* Whichever of the two our rights allow. */
int host_layers(
        struct arena *arena, const char *state, const struct facts *facts, struct host_parts *ret);
/* The root of an image. */
struct build_result;
struct host_parts image_parts(
        struct arena *arena, const char *state, const struct build_result *built);

/* The same from the text of a mountinfo, which is cut up. */
void host_parse_mounts(
        struct arena *arena, const char *state, char *table, struct runtime_overlay **ret_overlays,
        size_t *ret_n);

/* Will a directory of the host be seen in a container of the image `host`? */
bool host_shows(struct arena *arena, const char *path);

/* The gid of a group's name or number. */
int user_find_group(
        struct arena *arena, const struct user_files *files, const char *word, uint32_t *ret_gid);

/* "CAP_CHOWN" and so on, for each bit. */
struct spec_texts capability_names(struct arena *arena, uint64_t caps);

struct engine_image;

/* What a document depends on beside its request. */
struct build_host {
        const struct engine_image *image; /* NULL: the host, or a directory */
        const char *state;                /* the container's own directory */
        const char *store;                /* to be hidden from the container */
        const struct facts *facts;        /* "ALL" capabilities are ours */
        bool explain;                     /* make nothing: no missing source of a volume */
};

struct build_result {
        struct spec *spec;
        const char *seccomp; /* name of a built-in profile, or NULL: what the document says */
        bool map_root;       /* runtime_options.map_root */
        struct joined_list joined;
        /* Of an image. */
        WORDS lower;      /* its layers, the topmost first */
        mode_t root_mode; /* of the topmost one's root; 0: there is none */
        struct runtime_own *own;
        size_t n_own;
        const char *own_dir;
};

/* The document of a run request. */
int build_spec(
        struct arena *arena, const struct run_request *request, const char *id,
        const struct build_host *host, struct build_result *ret);

/* The image of a request, here or fetched as it says, for this machine. The caller closes its
 * `hold`. */
int image_for_run(
        struct arena *arena, const struct run_request *request, bool may_fetch,
        struct engine_image *ret_image);
/* What a record says by request and image: labels (the request's win), stop signal and timeout. */
int build_record(
        struct arena *arena, const struct run_request *request, const struct engine_image *image,
        struct record *record);
/* What an image says of its containers; never NULL. */
const struct image_defaults *build_image_defaults(const struct engine_image *image);

/* A seccomp profile from a file, in OCI's form or docker's, whose conditions (includes, excludes,
 * archMap) are resolved for this host and a container with these capabilities in its bounding set. */
int profile_read(
        struct arena *arena, const char *path, const struct facts *facts,
        const struct spec_texts *bounding, const struct spec_seccomp **ret_profile);

/* -- stdio.c: what a container's descriptors 0, 1, 2 are -- */
struct stdio {
        int theirs[3]; /* to become 0, 1, 2 of the container; NO_FD: as ours */
        int ours[3];   /* the other ends of pipes, to be relayed; NO_FD: none */
        int saved[3];
};

struct keeper_relay;

/* Never a terminal of ours: a container that had it could type into our shell (TIOCSTI). Files and
 * pipes are given as they are; instead of a terminal there is a pipe; without `interactive` stdin is
 * empty. */
int stdio_prepare(bool interactive, bool null, struct stdio *ret_stdio);
/* Put theirs in place of ours; and back. */
int stdio_enter(struct stdio *stdio);
void stdio_leave(struct stdio *stdio);
void stdio_relay(const struct stdio *stdio, struct keeper_relay *relay);
void stdio_close(struct stdio *stdio);
/* The size of the caller's terminal, which a new one is to have from its first moment; NULL: none. */
const struct spec_console_size *stdio_size(struct arena *arena);
/* Nothing open but 0, 1, 2 and the two that are to be kept, so that nobody waits for our end in vain. */
int stdio_forget_others(const struct stdio *stdio, int keep, int also);
