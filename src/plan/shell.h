/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: what the parts of the script printer share. */
#pragma once

#include "operand.h"

/* What a slot is to a shell: something with a path, or something to be mounted at one later. */
struct shell_slot {
        const char *where;  /* shell words for where it is; NULL: nowhere (yet) */
        const char *type;   /* a new filesystem's type; NULL: a clone of `source` */
        const char *source; /* shell words */
        struct text options;
        ATTRS set, clear;
        PROPAGATION propagation;
        int fill;           /* FILL, FILL_WHOLE or 0 */
        bool recursive;     /* a clone with what is mounted below */
        bool recursive_set; /* set and clear go for what is mounted below, too */
        bool recursive_propagation;
        NUM pid; /* a process, whose namespaces can be joined; 0: none */
        const char
                *server; /* the command that serves it, without the place; NULL: the kernel does */
        const struct shell_slot *other; /* mounted instead when this one cannot be */
};

/* A tmpfs that gets what it covers: its content, or the directory's owner and mode with it. */
enum {
        FILL = 1,
        FILL_WHOLE
};

struct shell {
        const struct plan *plan;
        struct arena *arena;
        struct text body;              /* the commands of the list at hand */
        struct text join;              /* cgroup files that the process writes itself into */
        struct text undo;              /* what is removed when the script ends */
        struct text nsenter;           /* namespaces joined: options of nsenter(1) */
        struct text clocks;            /* options of unshare(1) */
        NSSET spaces;                  /* made new */
        const char *uid_map, *gid_map; /* of the new user namespace; NULL: none is made */
        bool deny_setgroups;
        int16_t root; /* the slot that becomes "/"; -1: none does */
        bool pivoted;
        int indent;                    /* of the lines to come */
        int16_t mask_null, mask_empty; /* what the script's function mask() mounts; -1: not there */

        /* The process, for the last line. */
        struct text limits; /* options of prlimit(1) */
        int64_t umask;      /* -1: as it is */
        const char *cwd, *program, *search;
        const char *setarch; /* NULL: the personality stays */
        IDS groups;
        CAPS bounding, effective, permitted, inheritable, ambient;
        NUM uid, gid;
        bool has_groups, has_bounding, has_caps, has_ambient, has_ids, no_new_privs, new_session;

        const char *served[PLAN_SLOTS]; /* commands that serve the file systems to come, in order */
        size_t n_served, n_mounted;

        struct shell_slot slot[PLAN_SLOTS + 1]; /* the last one: all that is out of range */
};

/* One command line, whose values are shell words already. */
void shell_line(struct shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line "# husk: op: why a shell cannot do it". */
void shell_cannot(struct shell *sh, const char *op, const char *reason);
/* Any string as one shell word, and never as an option. */
const char *shell_word(struct shell *sh, const char *string);
struct shell_slot *shell_slot(struct shell *sh, int16_t slot);
/* Words for a path below a slot: "$root"/dev/pts. */
const char *shell_under(struct shell *sh, int16_t slot, const char *path);
/* Each line of a value of many lines. Returns where the next one begins, NULL after the last. */
const char *shell_each_line(struct shell *sh, const char *lines, const char **ret_line);

/* The functions that the script's inner half uses. */
extern const char shell_functions[];
/* The last lines of the inner half: root, limits, identity, capabilities, program. */
void shell_finish(struct shell *sh, const struct op_exec *exec);

/* One function an operation; void: what a shell cannot do becomes a comment. */
#define OP(title, manual, stage) void shell_##title(struct shell *sh, const struct op_##title *o);
#define FIELD(kind, title)
#define END(title)
#include "ops.def"
#undef OP
#undef FIELD
#undef END

/* An operation that a script need not do, or cannot. */
#define NOTHING(title)                                                   \
        void shell_##title(struct shell *sh, const struct op_##title *o) \
        {                                                                \
                (void)sh;                                                \
                (void)o;                                                 \
        }
#define CANNOT(title, reason)                                            \
        void shell_##title(struct shell *sh, const struct op_##title *o) \
        {                                                                \
                (void)o;                                                 \
                shell_cannot(sh, #title, reason);                        \
        }
