/* SPDX-License-Identifier: Apache-2.0 */
/* A plan: what will be done to the kernel, as data.
 *
 * A flat array of typed operations for each of the two actors of a start: HOST (the process that
 * makes the container) and INIT (the container's first process, from clone to exec). Straight
 * line: no loop, no jump back. Values that exist only at run time (descriptors) live in slots,
 * which both lists share: INIT inherits the table as it was at `spawn`. */
#pragma once

#include "base/base.h"

/* Operand kinds. Strings are borrowed (they live in the plan's arena or are literals). */
typedef const char *PATH; /* never NULL */
typedef const char *TEXT; /* may be NULL */
typedef int64_t NUM;      /* printed in decimal; 0 is left out */
typedef uint64_t U64;     /* printed in decimal; UINT64_MAX is "unlimited" */
typedef uint64_t FLAGS;   /* printed in hex */
typedef uint32_t MODE;    /* printed in octal */
typedef uint32_t NSSET;   /* CLONE_NEW*: printed as "pid,mnt,..." */
typedef uint64_t ATTRS;   /* MOUNT_ATTR_*: printed as "ro,nosuid,..." */
typedef uint64_t CAPS;    /* bit n: capability n */
typedef int16_t FD;       /* slot, read; -1: none */
typedef int16_t NEWFD;    /* slot, written by this operation */
typedef int16_t OLDFD;    /* slot, read and closed by this operation */

typedef struct {
        uint32_t major, minor;
        char type; /* 'c' 'b' 'p' */
} DEVICE;

typedef struct {
        const uint32_t *items;
        size_t n;
} IDS;

typedef struct {
        const char *const *items; /* n strings, then NULL */
        size_t n;
} WORDS;

typedef struct {
        const void *data;
        size_t size;
} BYTES;

typedef enum {
        PROPAGATE_UNCHANGED,
        PROPAGATE_PRIVATE,
        PROPAGATE_SLAVE,
        PROPAGATE_SHARED,
        PROPAGATE_UNBINDABLE,
} PROPAGATION;

typedef enum {
        TARGET_EXISTS,
        TARGET_DIRECTORY,
        TARGET_FILE,
        TARGET_DIRECTORY_OR_FILE, /* as what the tree is */
        TARGET_PLAIN_FILE, /* a file; a symbolic link of that name is not followed but covered */
} TARGET;

typedef int RLIMIT; /* RLIMIT_*; printed as "nofile" */

/* The gates of a start, in the only order in which they are opened. Each is opened once, by the
 * side named, and awaited once, by the other. */
typedef enum {
        GATE_PLACED,     /* HOST: the process is in its unit, the limits are set */
        GATE_IDS_MAPPED, /* HOST: the uid and gid maps are written: INIT may become root in them */
        GATE_ROOT_READY, /* INIT: all mounts are made, the root is not pivoted to yet */
        GATE_HOST_READY, /* HOST: the journal knows the process, network and hooks are done */
        GATE_CREATED,    /* INIT: only START is missing */
        GATE_START,      /* whoever starts it (the start socket): go */
        GATE_HOOKED,     /* INIT: the startContainer hooks are done; for whoever starts it */
        GATE_EXECUTED,   /* INIT: the program runs; seen as the end of the gate socket */
        GATE_COUNT,
} GATE;

/* The security order (each list's stages never go back; ANY fits everywhere before EXEC). */
enum stage {
        STAGE_ANY,
        STAGE_CGROUP,
        STAGE_SPAWN,
        STAGE_NAMESPACE,
        STAGE_MOUNT,
        STAGE_MASK,
        STAGE_PIVOT,
        STAGE_PROCESS,
        STAGE_IDENTITY,
        STAGE_CAPS,
        STAGE_PRIVS,
        STAGE_SECCOMP,
        STAGE_EXEC,
};

enum actor {
        HOST,
        INIT,
        ACTORS
};

#define OP(name, manual, stage) struct op_##name {
#define FIELD(kind, name)       kind name;
#define END(name) \
        }         \
        ;
#include "ops.def"
#undef OP
#undef FIELD
#undef END

enum op_code {
#define OP(name, manual, stage) OP_##name,
#define FIELD(kind, name)
#define END(name)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        OP_COUNT
};

struct op {
        uint8_t code;    /* enum op_code */
        bool has_else;   /* on EPERM, ENOSYS or EINVAL the next operation is done instead; when this
                            one succeeds the next is passed over */
        const char *why; /* JSON pointer into config.json, e.g. "/mounts/3"; or words in brackets,
                            "[default device]", for what the spec demands unasked */

        union {
#define OP(name, manual, stage) struct op_##name name;
#define FIELD(kind, name)
#define END(name)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        } as;
};

struct op_list {
        struct op *ops;
        size_t n, room;
};

struct note {
        const char *words;
        bool refusal; /* something asked for is not granted, in full or at all */
};

struct plan {
        struct arena *arena;
        const char *id; /* the container's */
        struct op_list list[ACTORS];
        int16_t slots;      /* slots given out so far */
        struct note *notes; /* for the user, in the order of the plan */
        size_t n_notes;
};

/* The most slots that a plan may have; apply keeps the table on its stack. */
enum {
        PLAN_SLOTS = 1600
};

/* A fresh slot number. A plan that needs more than PLAN_SLOTS fails in plan_verify and apply. */
int16_t plan_slot(struct plan *plan);

/* Append; the reason must live as long as the plan. Typed by the compiler:
 *      plan_add(plan, INIT, "/mounts/0", attach, .tree = t, .root = root, .target = "proc");  */
#define plan_add(plan, actor, reason, op_name, ...) \
        plan_push(                                  \
                (plan), (actor),                    \
                (struct op){ .code = OP_##op_name,  \
                             .why = (reason),       \
                             .as.op_name = (struct op_##op_name){ __VA_ARGS__ } })

/* Returns the operation in the list (valid until the next push), so that has_else can be set. */
struct op *plan_push(struct plan *plan, enum actor actor, struct op op);
/* What could not be granted and why: "RLIMIT_... lowered". */
void plan_note(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a reader of the plan should know and its operations do not say. */
void plan_remark(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Every plan_note() as a warning of the command: for plans that are applied, not shown. */
void plan_warn(const struct plan *plan);

/* -- print.c: the plan for people and programs -- */
COLD void plan_print_text(const struct plan *plan, struct text *out);
COLD void plan_print_json(const struct plan *plan, struct text *out);
/* One operation without its reason: "attach tree=%3 root=%0 target=proc". */
COLD void op_print(const struct op *op, struct text *out);
const char *op_name(const struct op *op);
const char *op_manual(const struct op *op);
enum stage op_stage(const struct op *op);
const char *gate_name(GATE gate);
bool op_equal(const struct op *a, const struct op *b);

/* -- trace.c: the waterfall of a start, from the stamps of apply -- */
struct trace;
COLD void plan_print_trace(const struct plan *plan, const struct trace *trace, struct text *out);

/* -- shell.c: the plan as a script of util-linux, iproute2 and libcap's tools -- */
COLD void plan_print_shell(const struct plan *plan, struct text *out);

/* -- verify.c: 0, or -EINVAL with a trail naming the operation and the rule it breaks -- */
int plan_verify(const struct plan *plan);

#include "apply.h"
#include "journal.h"
