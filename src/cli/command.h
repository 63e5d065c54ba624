/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the command line. A command is one constant struct; its option rows drive the
 * parser, --help, the man page and the completion scripts, so that these cannot disagree. */
#pragma once

#include "base/base.h"
#include "engine/engine.h"

/* What an option holds; options.c and values.c have a row for each. */
enum option_kind {
        OPTION_END,     /* closes a table */
        OPTION_HEADING, /* no option: the rows that follow stand under this name in --help */
        OPTION_FLAG,
        OPTION_TEXT,
        OPTION_TEXTS,   /* may be repeated */
        OPTION_ENV,     /* repeatable NAME=VALUE; NAME alone takes the caller's value */
        OPTION_CHOICE,  /* one of the words in `values` */
        OPTION_USER,    /* NAME|UID[:GROUP|GID] */
        OPTION_U64,     /* decimal */
        OPTION_I64,     /* decimal, -1 allowed */
        OPTION_NUMBER,  /* decimal, may be negative; "not given" is told from 0 */
        OPTION_SIZE,    /* "512m": bytes */
        OPTION_LIMIT,   /* a size, or -1 */
        OPTION_CPUS,    /* "1.5": 10^-9 CPUs */
        OPTION_SIGNAL,  /* "KILL", "SIGRTMIN+3", "9" */
        OPTION_SECONDS, /* "10", "90s", "2m"; -1: for ever */
        OPTION_GIDS,    /* repeatable, commas allowed */
        OPTION_KINDS,
};

/* The C type of the field that a kind fills. */
#define OPTION_TYPE_FLAG    bool
#define OPTION_TYPE_TEXT    const char *
#define OPTION_TYPE_TEXTS   struct words
#define OPTION_TYPE_ENV     struct words
#define OPTION_TYPE_CHOICE  const char *
#define OPTION_TYPE_USER    const char *
#define OPTION_TYPE_U64     uint64_t
#define OPTION_TYPE_I64     int64_t
#define OPTION_TYPE_NUMBER  struct number
#define OPTION_TYPE_SIZE    uint64_t
#define OPTION_TYPE_LIMIT   int64_t
#define OPTION_TYPE_CPUS    uint64_t
#define OPTION_TYPE_SIGNAL  int
#define OPTION_TYPE_SECONDS int64_t
#define OPTION_TYPE_GIDS    struct ids

/* What completion offers for a value. */
enum completion {
        COMPLETE_NOTHING, /* or the words of `values` */
        COMPLETE_FILE,
        COMPLETE_DIRECTORY,
        COMPLETE_CONTAINER,
        COMPLETE_IMAGE,
        COMPLETE_COMMAND, /* a command of this face */
};

/* A word of docker's or podman's that husk does not have. Tables end with a row without a name. */
struct absent {
        char name[24];
        char letter;
        char instead[96]; /* what to do about it: the hint */
};

/* The words of a row are in it and not pointed to: a pointer in a constant table is a relocation, and each page
 * that has one is copied at every start. A word that is too long for its place does not compile. */
struct option {
        char name[20]; /* long name; operands: the word that usage shows */
        char alias[4]; /* a second long name, which is not shown; or "" */
        char letter;   /* short name, or 0 */
        enum option_kind kind;
        unsigned at;      /* offset of the field in the request struct */
        char metavar[20]; /* "" for flags */
        char help[172];   /* lower case, no full stop */
        char values[52];  /* words divided by a space, or "" */
        char shown_default[36];
        enum completion complete;
        bool required; /* operands only */
};

/* The offset of a field, which must have the kind's type: else it does not compile. */
#define OPTION_AT(type, kind_, field) \
        (offsetof(type, field) + 0 * sizeof(_Generic(((type *)0)->field, OPTION_TYPE_##kind_ : 0)))

/* One row: OPTION(struct run_request, ENV, env, 'e', "env", "NAME", "set a variable"). The rest
 * are further designated initialisers. */
#define OPTION(type, kind_, field, letter_, name_, metavar_, help_, ...)                     \
        {                                                                                    \
                .name = (name_), .letter = (letter_), .kind = OPTION_##kind_,                \
                .at = OPTION_AT(type, kind_, field), .metavar = (metavar_), .help = (help_), \
                __VA_ARGS__                                                                  \
        }
#define OPERAND(type, kind_, field, name_, help_, ...) \
        OPTION(type, kind_, field, 0, name_, "", help_, __VA_ARGS__)
#define OPTIONS_HEADING(name_)                           \
        {                                                \
                .kind = OPTION_HEADING, .name = (name_), \
        }
#define OPTIONS_END                \
        {                          \
                .kind = OPTION_END \
        }

struct example {
        char line[112]; /* what to type; "" closes a table */
        char does[112];
};

/* The headings of a face's --help. */
enum command_group {
        GROUP_RUN,
        GROUP_MANAGE,
        GROUP_IMAGES,
        GROUP_LOOK,
        GROUP_OTHER,
        GROUPS
};

struct invocation;
struct command;

/* What a group's word may be followed by: docker's name for a command there. */
struct member {
        char name[16];
        const struct command *command;
};

struct command {
        const char *name;             /* "image inspect": one that only its group has */
        const char *alias;            /* a second name, or NULL */
        const struct member *members; /* a group, which is nothing by itself; NULL: a command */
        const char *summary;          /* upper case, one line, no full stop */
        const char *usage;            /* operands as usage shows them; NULL: from their rows */
        const char *description;      /* paragraphs divided by an empty line */
        const char *word;             /* a literal first operand, after which options go on */
        const struct example *examples;
        const struct option *options[3];
        const struct option *operands;
        const struct absent *absent; /* options that it has not; may be NULL */
        size_t request_size;
        const void *defaults;  /* a request to start from; NULL: all zero */
        bool options_first;    /* the first operand ends the options */
        bool exits_as_command; /* exit status is that of the container's command */
        enum command_group group;
        int error_exit;  /* exit status of failure; 0: the face's own. Bad usage: always it. */
        bool no_request; /* reads no engine options: completion, help */
        bool no_state;   /* looks into no state root: none is made */
        bool enters; /* a process of ours will be inside a container: seal the executable first */
        int (*run)(struct invocation *in);
};

/* The global options of a face, filled before the command is known. */
union globals {
        struct {
                struct engine_options engine;
                bool version;
        } husk;

        struct {
                struct oci_options oci;
                bool version;
        } oci;
};

struct face {
        const char *name;    /* of the program: "husk", "husk-oci" */
        const char *summary; /* for the main man page */
        const char *description;
        int error_exit;
        const struct command *globals;         /* its options go before the command's name */
        const struct command *const *commands; /* in the order of help; NULL-terminated */
        const struct absent *absent;           /* commands that it has not; may be NULL */
        const struct example *examples;
        size_t copied; /* how much of union globals goes to a request's beginning */
};

/* One call of a command. */
struct invocation {
        const struct face *face;
        const struct command *command;
        struct arena *arena;
        union globals globals;
        void *request;
        char **argv; /* the whole command line, for going on from a sealed executable */
        int exit;    /* run's output: exit status when it returned 0 or more */
};

extern const struct face cli_face_husk, cli_face_oci;

/* The row of that name (or, with name NULL, of that letter), or NULL. */
const struct absent *cli_absent_find(const struct absent *rows, const char *name, char letter);
/* The command of that name or alias, or NULL. */
const struct command *cli_face_command(const struct face *face, const char *name);
/* The command that a group has by that name, or NULL. */
const struct command *cli_group_command(const struct command *group, const char *name);
/* Leave a trail and a hint for an unknown command, of the group if that is no NULL; returns -EINVAL. */
int cli_face_unknown(const struct face *face, const struct command *group, const char *name);

/* A walk over all commands of a face, groups among them, and behind a group those that only it has: start with
 * { face }; NULL at the end. */
struct command_walk {
        const struct face *face;
        size_t command, member;
};
const struct command *cli_command_next(struct command_walk *walk);
