/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the build_*.c: a run request on its way to an OCI document, a section a file. All return
 * 0, or a negative errno with a trail that names the option, its value and the reason. */
#pragma once

#include "image.h"
#include "store.h"

struct build {
        struct arena *arena;
        const struct run_request *request;
        const char *id, *store; /* store: to be hidden from the container */
        const struct facts *facts;
        const struct engine_image *image; /* NULL: it is the host or a directory */
        const struct image_defaults *defaults;
        WORDS lower;             /* the image's layers, the topmost first */
        mode_t root_mode;        /* of the topmost one's root; 0: there is none */
        struct user_files files; /* names of users and groups, as the container will have them */
        struct spec *spec;
        struct spec_process *process;
        struct spec_linux *linux_;
        struct spec_resources *resources;
        const char *seccomp;       /* output: name of a built-in profile, or NULL */
        struct joined_list joined; /* output: the containers whose namespaces are joined */
        bool explain;              /* nothing is to be made */
};

int build_mounts(struct build *b);
int build_devices(struct build *b);
int build_resources(struct build *b);
int build_security(struct build *b);
int build_namespaces(struct build *b);

/* -- build_image.c ------------------------------------------------------------------------------- */

/* "the image NAME: /config/MEMBER: 'VALUE'" in front of the trail; returns r. */
int build_refuse_image(const struct build *b, const char *member, const char *value, int r);
/* Fill in `lower` and `files`. */
int build_image_files(struct build *b);
/* Entrypoint, where `args` has none of the command line's, and Cmd; with room for the request's. */
void build_image_args(const struct build *b, struct spec_texts *args);
/* Refuses a path of the image's that has so many components that each of its resolutions costs. */
int build_image_depth(const struct build *b, const char *member, const char *path);
/* NAME=VALUE each. */
struct words build_image_env(const struct build *b);
/* What the container has beside its layers: /etc/hosts, hostname and resolv.conf, and volumes. */
int build_own(const struct build *b, const char *state, struct build_result *ret);
/* What it calls itself. */
const char *build_hostname(const struct build *b);

/* -- build_words.c ------------------------------------------------------------------------------- */

/* "'VALUE' is not a value for OPTION: ..."; -EINVAL. */
int build_refuse(const char *option, const char *value, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The next part of *at up to `border`; NULL when there is none. The text is cut where it is. */
char *build_cut(char **at, char border);

/* An absolute path without ".", ".." and double slashes; NULL when it is none. */
const char *build_plain_path(struct arena *arena, const char *path);

/* "true", "1", "" (NULL) and so on: 0 or -EINVAL without a trail. */
int build_bool(const char *word, bool *ret);

/* One of the words of a list divided by spaces? */
bool build_word_in(const char *list, const char *word);

/* Decimal, maybe with a minus. 0, -EINVAL or -ERANGE without a trail. */
int build_i64(const char *word, int64_t *ret);

/* Octal mode up to `most`. -EINVAL without a trail. */
int build_octal(const char *word, uint32_t most, uint32_t *ret);

/* A copy of the list with room for `more` words. */
struct spec_texts build_texts(struct arena *arena, const struct spec_texts *from, size_t more);

/* KEY=VALUE words as a map that is added to `map`; later ones win. */
int build_map(struct build *b, const char *option, const struct words *words, struct spec_map *map);

/* "/proc/PID/FILE" of a running container, which joins the list of those that the new one depends on. */
int build_container_file(
        struct build *b, const char *option, const char *name, const char *file,
        const char **ret_path);

/* -- build_wishes.c ------------------------------------------------------------------------------ */

/* What a read-only bind mount does to what is mounted below it. */
enum below {
        BELOW_AS_ABOVE, /* read-only all the way down where the kernel can */
        BELOW_NOTHING,  /* the mount alone, not what is mounted on it */
        BELOW_WRITABLE,
        BELOW_READ_ONLY, /* or an error */
};

struct wish {
        const char *option, *value; /* where it comes from */
        bool is_tmpfs;
        const char *source, *target;
        const char *propagation; /* NULL: rprivate */
        bool read_only, make_source;
        enum below below;
        const char *size, *mode;
        bool idmap;
        struct spec_id_mapping_list uid_map, gid_map;
        struct spec_texts more; /* as they stand, after all others */
};

/* -EINVAL with a trail that names the option. */
int build_refuse_wish(const struct wish *wish, const char *reason);
int build_read_volume(struct build *b, const char *value, struct wish *ret);
int build_read_tmpfs(struct build *b, const char *value, struct wish *ret);
int build_read_mount(struct build *b, const char *value, struct wish *ret);
