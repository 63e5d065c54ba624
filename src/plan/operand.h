/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: an operation's operands as a list, so that printer, comparer and verifier are
 * loops over operands instead of a switch over operations each. */
#pragma once

#include "plan.h"

enum operand_kind {
        KIND_PATH,
        KIND_TEXT,
        KIND_NUM,
        KIND_U64,
        KIND_FLAGS,
        KIND_MODE,
        KIND_NSSET,
        KIND_ATTRS,
        KIND_CAPS,
        KIND_FD,
        KIND_NEWFD,
        KIND_OLDFD,
        KIND_DEVICE,
        KIND_IDS,
        KIND_WORDS,
        KIND_BYTES,
        KIND_PROPAGATION,
        KIND_TARGET,
        KIND_RLIMIT,
        KIND_GATE,
};

struct operand {
        const char *name;
        enum operand_kind kind;
        const void *value; /* into the operation, of the type that the kind is named after */
};

/* The most operands that an operation of ops.def has. */
enum {
        OPERANDS_MAX = 8
};

/* The operands in the order of ops.def; returns how many. They point into `op`. */
size_t op_operands(const struct op *op, struct operand ret_operands[OPERANDS_MAX]);

/* The slot of an operand of kind FD, NEWFD or OLDFD; -1 for all other kinds, and for no slot. */
int16_t operand_slot(const struct operand *operand);

/* A set of words for the bits of a value, most usual order first. */
struct bit_name {
        uint64_t bit;
        const char *name; /* as the printer says it: "mnt" */
        const char *tool; /* the long option of unshare(1) and nsenter(1) without dashes: "mount" */
};

enum {
        SPACES = 8
};

/* The eight namespaces, in the order pid mnt uts ipc net cgroup user time. */
extern const struct bit_name plan_spaces[SPACES];

/* "nofile" for RLIMIT_NOFILE; "?" for one that the kernel does not have. */
const char *rlimit_name(RLIMIT resource);
/* "unchanged", "private", "slave", "shared", "unbindable". */
const char *propagation_name(PROPAGATION propagation);
/* "exists", "directory", "file", "directory_or_file". */
const char *target_name(TARGET target);
/* The words of MOUNT_ATTR_* bits, in a list of at most `room`; *ret_rest gets the bits without a
 * word. Returns how many. */
size_t attrs_names(ATTRS attrs, const char **ret_names, size_t room, uint64_t *ret_rest);

/* The words of a set, in the order of plan_spaces or of capability numbers; returns how many. */
size_t spaces_names(NSSET set, const char *ret_names[SPACES]);
size_t caps_names(CAPS caps, const char *ret_names[64]);

/* The operand's value as the text printer says it: "ro,nosuid", "%3", "0755". */
void operand_print(const struct op *op, const struct operand *operand, struct text *out);

/* -- verify_privileges.c: what verify.c has found in order must also be complete -- */
/* Does a list of INIT's end with it? */
bool verify_is_end(const struct op *op);
/* Would it look a path up from "/", which is the container's after pivot? */
bool verify_host_path(const struct op *op);
int verify_privileges(const struct plan *plan);
