/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of spec: OCI documents <-> structs. Other rooms include this header only. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- the kinds of members and what they are in C; absent is NULL, 0, false, or `set` false ------ */

struct spec_opt_bool {
        bool set, value;
};

struct spec_opt_i64 {
        bool set;
        int64_t value;
};

struct spec_opt_u64 {
        bool set;
        uint64_t value;
};

struct spec_opt_u32 {
        bool set;
        uint32_t value;
};

/* Strings; items is NULL when absent, else it ends with a NULL that n does not count, so it serves
 * execve as it is. */
struct spec_texts {
        const char **items;
        size_t n;
};

struct spec_u32s {
        uint32_t *items;
        size_t n;
};

struct spec_pair {
        const char *key, *value;
};

/* A string-to-string object, in the document's order. */
struct spec_map {
        struct spec_pair *items;
        size_t n;
};

#define SPEC_TYPE_TEXT(of)    const char *
#define SPEC_TYPE_BOOL(of)    bool
#define SPEC_TYPE_TRI(of)     struct spec_opt_bool
#define SPEC_TYPE_I32(of)     int32_t
#define SPEC_TYPE_I64(of)     int64_t
#define SPEC_TYPE_U32(of)     uint32_t
#define SPEC_TYPE_U64(of)     uint64_t
#define SPEC_TYPE_ID(of)      uint32_t /* a uid or gid: at most 4294967294 */
#define SPEC_TYPE_OPT_I64(of) struct spec_opt_i64
#define SPEC_TYPE_OPT_U64(of) struct spec_opt_u64
#define SPEC_TYPE_OPT_U32(of) struct spec_opt_u32
#define SPEC_TYPE_OPT_U16(of) struct spec_opt_u32 /* at most 65535 */
#define SPEC_TYPE_OPT_ID(of)  struct spec_opt_u32
#define SPEC_TYPE_TEXTS(of)   struct spec_texts
#define SPEC_TYPE_IDS(of)     struct spec_u32s
#define SPEC_TYPE_MAP(of)     struct spec_map
#define SPEC_TYPE_RAW(of)     const struct json *
#define SPEC_TYPE_OBJ(of)     const struct of *
#define SPEC_TYPE_LIST(of)    struct of##_list  /* { struct OF *items; size_t n; } */
#define SPEC_TYPE_TABLE(of)   struct of##_table /* { struct OF_entry *items; size_t n; } by key */

/* -- the structs, one for each object of the .def files -----------------------------------------
 *
 * Each begins with `at`, its place in the document (NULL when it was made by hand), for
 * spec_error(). An enumeration is a TEXT whose words the decoder has checked. */

/* clang-format off */
#define OBJECT(tag) struct tag; struct tag##_entry;
#define FIELD(kind, presence, name, json)
#define FIELD_OF(kind, presence, name, json, of)
#define FIELD_ENUM(kind, presence, name, json, words)
#define END(tag)                                                                                   \
        struct tag##_list { struct tag *items; size_t n; };                                        \
        struct tag##_table { struct tag##_entry *items; size_t n; };
#include "spec/documents.def"
#undef OBJECT
#undef FIELD
#undef FIELD_OF
#undef FIELD_ENUM
#undef END

#define OBJECT(tag) struct tag { const struct json *at;
#define FIELD(kind, presence, name, json) SPEC_TYPE_##kind(void) name;
#define FIELD_OF(kind, presence, name, json, of) SPEC_TYPE_##kind(of) name;
#define FIELD_ENUM(kind, presence, name, json, words) SPEC_TYPE_##kind(void) name;
#define END(tag) }; struct tag##_entry { const char *key; struct tag value; };
#include "spec/documents.def"
#undef OBJECT
#undef FIELD
#undef FIELD_OF
#undef FIELD_ENUM
#undef END
/* clang-format on */

/* -- documents ---------------------------------------------------------------------------------- */

/* The version of the runtime specification that husk writes. */
#define SPEC_VERSION "1.3.0"
/* The oldest that it reads; every 1.x is read, since they are compatible. */
#define SPEC_VERSION_MIN "1.0.0"

/* The largest config.json that is read: 16 MiB. */
#define SPEC_SIZE_MAX ((size_t)16 << 20)

/* Read a config.json. `name` is what messages call it; the bytes are not needed afterwards.
 * Members that the specification does not know are passed over, as it demands; a null is an absent
 * member. Refused: wrong types, numbers out of range, missing required members, unknown words of an
 * enumeration, two namespaces or rlimits of one type, an ociVersion other than 1.x.
 * 0 and the document, which lives in `arena`; -EBADMSG when it is not JSON, -EFBIG when larger than
 * SPEC_SIZE_MAX, else -EINVAL; with a trail "NAME:LINE:COLUMN: /pointer: what".
 * Source: OCI runtime specification 1.3, config.md, config-linux.md. */
int spec_parse(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec **ret_spec);

/* Read a process object (`exec --process FILE`), under the same rules. */
int spec_parse_process(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec_process **ret_process);

/* Read a resources object (`update --resources FILE`), under the same rules. */
int spec_parse_resources(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        const struct spec_resources **ret_resources);

/* Mounts of a document of their own: an array of them, an object with a member "mounts", or a single
 * one; under the same rules. `pointer` is what stands before an index in it; NULL for a single one. */
struct spec_mounts {
        struct spec_mount_list list;
        const char *pointer;
};

int spec_parse_mounts(
        struct arena *arena, const char *name, const char *bytes, size_t size,
        struct spec_mounts *ret_mounts);

/* All that `base` (may be NULL) and `more` have; what both have is that of `more`. Lives in `arena`,
 * and points into both. */
const struct spec_resources *spec_merge_resources(
        struct arena *arena, const struct spec_resources *base, const struct spec_resources *more);
/* Append a resources object as JSON, on one line. */
void spec_encode_resources(const struct spec_resources *resources, struct text *out);

/* Append the document as JSON: absent members left out, members in the order of runtime.def.
 * indent: spaces a level, 0 for one line. */
void spec_encode(const struct spec *spec, unsigned indent, struct text *out);

/* The document that `spec` writes and that `run` starts from; the struct and all below it live in
 * `arena`. Rootless: a user namespace whose two mappings map id 0 to the caller's id, which the
 * caller fills in (hostID is 0), no network namespace, no resources, /sys bound from the host. */
struct spec *spec_default(struct arena *arena, bool rootless);

/* Leave a trail "NAME:LINE:COLUMN: POINTER: what" about a member; -EINVAL. at NULL: "NAME: ...". */
COLD int spec_error(
        const struct json *at, const char *name, const char *pointer, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* What the decoder knows at a place, a path of member names ("linux/namespaces/type"): the words of an
 * enumeration, else the members' names of an object ("hooks"). Empty for all else; n 0 and items NULL
 * when there is no such place. In `arena`, in the order of runtime.def. */
struct spec_texts spec_known(struct arena *arena, const char *path);

/* -- state --------------------------------------------------------------------------------------- */

/* What `state` prints and hooks read (runtime.md, "State"); NULL members are left out. */
struct spec_state {
        const char *oci_version;
        const char *id;
        int pid; /* 0: there is no process; written all the same, as runc does */
        const char *status;
        const char *bundle;
        const char *rootfs;
        const char *created; /* RFC 3339 */
        struct spec_map annotations;
        const char *owner;
};

/* Append the state as JSON, in runc's order; indent as for spec_encode. */
void spec_state_encode(const struct spec_state *state, unsigned indent, struct text *out);

/* -- images --------------------------------------------------------------------------------------- */

#include "image.h"
