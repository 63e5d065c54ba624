/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tests/faults: one fault at one system call of one command, and what must be left after
 * it. */
#pragma once

#include "common.h"
#include "linux/linux.h"

#include <stdbool.h>
#include <stddef.h>

enum {
        ROLES_MAX = 32,
        CALLS_MAX = 3000, /* of one role */
        CALL_NUMBERS = 512,
        KILL = 0,   /* as an error */
        HANG_S = 10 /* what is not hung ends by then; some faults are waited for as long */
};

/* A process of the command, by its place in the tree: "0" is the command itself, "0.1" the second
 * that it made. That name is the same in every run, a pid is not. */
struct role {
        char name[24];
        size_t n;
        short call[CALLS_MAX]; /* in their order, as a run showed them */
};

struct record {
        struct role role[ROLES_MAX];
        size_t n;
};

/* The nth call of that number in that role. A number and not a place in the whole order: what else
 * a process calls may depend on who was faster. */
struct fault {
        const char *role; /* NULL: no fault */
        int call;
        size_t nth; /* from 1 */
        int error;  /* positive; or KILL */
};

struct outcome {
        bool hit;        /* the fault was there */
        bool hang;       /* it did not end within HANG_S */
        int status;      /* of the command, as of waitpid(2) */
        int crash;       /* the signal that one of its processes died of, if that is a crash */
        char where[200]; /* hang: what each of them was waiting in */
};

/* trace.c: run `program` with the standard streams given, follow its processes until they execute
 * another program, and put the fault in. `enter`: NULL, or what it does before it is the command. `record`: NULL, or
 * what was called. What lives when the command has ended is left alone. */
void trace_run(
        const char *const *argv, const int streams[3], void (*enter)(void),
        const struct fault *fault, struct record *record, struct outcome *ret);
const char *trace_call_name(int call);
int trace_call_number(const char *name); /* -1: none */

/* Where everything of a point lies; and what an ordinary user has, COMMAND_USER. */
#define HOME      "/run/calls"
#define USER_HOME HOME "/user"

/* place.c: a part of this host that nobody else is in: processes, mounts, sockets, links, /tmp and
 * /run of its own, so that whatever is there afterwards was left behind. */
struct place {
        char word[24];         /* in the names of cgroups, the one thing that is the host's */
        const char *mountinfo; /* as it should be */
        const char *names;     /* of files, a line each */
        size_t processes, sockets, locks, files, links, cgroups;
};

/* Returns in a child, the first process of the place; the caller's own process waits for that one,
 * removes the cgroups and ends with its status. */
int place_enter(struct place *place);
/* What is there now is what should be. */
void place_take(struct place *place);
/* What is there that should not be, or is missing; NULL: all is as it should be. A killed process
 * may need a moment for its end, and is given it. */
const char *place_changed(struct arena *arena, const struct place *place);
/* Who lives and in what each waits, for the one who has to find out why. */
const char *place_processes(struct arena *arena);
/* Empty cgroups of ours go, so that what one point has left is not found at all that follow. */
void place_clean(const struct place *place);

/* scenes.c: the commands, and what makes them right. Words of theirs are those of command.c. */
struct scene {
        const char *name;
        const char *document; /* which of `source`; NULL: a command of husk */
        const char *command;  /* words: ID, BUNDLE, ROOTFS, OUT and the like stand for ours */
        const char *before;   /* commands that are run first, at every point */
        const char *then;     /* when it has succeeded */
        const char *
                after; /* whatever it did: these succeed, and without the container all is as before */
        const char *look; /* and when what it is to be compared with has to be asked for */
        const char *want; /* a word that what it says will have in the end */
        int code;         /* exit status of success */
        bool engine;      /* husk, not husk-oci */
        bool any_root; /* the container's root may be an overlay of the kernel's, or of fuse-overlayfs */
        bool user;   /* an ordinary user's, with one id and no cgroups */
        bool writes; /* the probe writes its report, which is waited for */
        bool makes;  /* when it fails nothing may be left, at once */
        bool mute;   /* what it prints, an id, is another one each time */
        bool file;   /* it writes OUT, which is compared */
        bool whole;  /* and which is not there unless it is whole */
        bool stays;  /* the container of `before` is made once, and outlives every point */
};

enum {
        DOCUMENTS = 4
};

/* A file of the source tree or the build, read before the place hides it. */
struct source {
        const char *name, *text;
};

struct stage {
        const struct scene *scene;
        struct source source[DOCUMENTS];
        struct text husk, probe;   /* programs */
        struct place place, alone; /* alone: without the container that stays */
        struct record record;
        const char *out;    /* where commands beside the traced one write to; NULL: HOME "/out2" */
        long standing;      /* first process of the container that stays; 0: there is none */
        long other;         /* first process of a container that nobody touches */
        const char *report; /* what the command said without a fault */
        const char *disk;   /* the directory of the store; NULL: the place's own */
};

/* What several begin with: a container of husk, and the image. */
#define SCENE_RUN                                                                                  \
        "--name ID --hostname calls --cgroup-parent PARENT --memory 64m --pids-limit 99 --rootfs " \
        "ROOTFS /bin/probe"
#define SCENE_PULL "pull -q oci:" HOME "/layout"
/* The same of an ordinary user: a root of layers, with the probe in a volume. */
#define SCENE_RUN_USER \
        "--name ID --hostname calls --volume " HOME "/rootfs/bin:/bin localhost/layout /bin/probe"
#define SCENE_FUSE "--storage-opt overlay.mount_program=/usr/bin/fuse-overlayfs "

extern const struct scene scenes[];
extern const size_t scenes_n;

/* command.c: commands that are run beside the traced one. */
enum {
        WORDS_MAX = 40,
        COMMAND_USER = 1000
};

/* What a command that writes a file of the host's writes: it is a point's own, and gone before the next. */
#define COMMAND_OUT HOME "/made"
/* What nobody reads. */
#define COMMAND_NOISE HOME "/noise"

/* In a child that is to be the command: become who it is run by. NULL: root, as all are. */
typedef void command_enter(void);
command_enter *command_who(const struct stage *stage);
/* Its words, with those that stand for ours replaced. */
void command_words(
        struct arena *arena, const struct stage *stage, const char *command,
        const char *ret_argv[WORDS_MAX]);
/* Standard output and error of all commands of a point; what the container says is among it. */
int command_streams(int streams[3], const char *out, const char *err);
void command_streams_close(int streams[3]);
/* What is in a file, with '@' for each NUL; "": there is none. */
const char *command_file(struct arena *arena, const char *path);
/* Run one without a fault and without a tracer. Its exit status; -1: it hung or was killed. */
int command_run(struct arena *arena, const struct stage *stage, const char *command);
/* Some of them, ';' between them: NULL, or which one failed. One that begins with '?' may end with 1. "DU" compares
 * what `system df` says with the blocks that are there, "DAMAGE" takes a byte of each blob, "DOUBT" the answer that the
 * kernel mounts overlays for an ordinary user; "STOPPED" waits until husk-oci says so. */
const char *command_each(struct arena *arena, const struct stage *stage, const char *commands);
/* Sleep 0.1 ms. false: since the first call with this `until`, all zeroes then, HANG_S have passed. */
bool command_in_time(struct timespec *until);

/* layout.c: a small image in a directory: 0 or -errno. */
int layout_put(struct arena *arena, const char *dir);

/* furnish.c: the bundles, and the container that nobody touches: 0 or -errno. */
int stage_set(struct arena *arena, struct stage *stage);
/* All is over: the container that nobody touched goes. */
void stage_end(struct arena *arena, struct stage *stage);

/* stage.c: the first process of a container; 0: it is not known. */
long stage_pid_of(struct arena *arena, const struct stage *stage, const char *id);
/* Once without a fault: what it says is what it should say; NULL, or what is wrong. */
const char *stage_rehearse(struct arena *arena, struct stage *stage, const struct scene *scene);
/* One point: NULL or what is wrong. */
const char *stage_try(
        struct arena *arena, struct stage *stage, const struct fault *fault, struct outcome *ret);
/* The scene is over: its container goes. */
const char *stage_clear(struct arena *arena, struct stage *stage);
