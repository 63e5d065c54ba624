/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"
#include "plan/plan.h"
#include "spec/spec.h"

#include <sys/types.h>

struct runtime_options;
struct facts;

/* A container on this host: a directory of the state root, named by its id, with a journal in it
 * (plan/journal.h). The journal's lock is held by whoever changes the container. */

enum container_status {
        CONTAINER_CREATING,
        CONTAINER_CREATED,
        CONTAINER_RUNNING,
        CONTAINER_PAUSED, /* created or running, and frozen */
        CONTAINER_STOPPED,
};

struct container {
        const char *root, *id;
        int dir; /* the state directory */
        int journal;
        const char *text; /* the journal as it was read */
        size_t size;
        size_t lines;              /* where in it the lines behind the document begin */
        size_t events;             /* and those of its last start */
        const struct json *header; /* its first line */
        const char *config;        /* its second line: the document, on one line */
        size_t config_size;
        const char *bundle, *rootfs, *created, *owner, *oci_version;
        struct spec_map annotations;
        pid_t pid; /* 0: never had a process */
        struct process_id process;
        enum container_status status; /* when it was read */
        const char *freezer; /* its cgroup that can be frozen; NULL: none, or it has stopped */
        bool restored;       /* from a checkpoint */
        const char *boot;    /* the kernel's name for the boot that its process belongs to */
        int64_t began_s;     /* unix time of its last start where that was not its making; 0 */
        const char *by;      /* of that start: container_request.by; or NULL */
        bool prepared;       /* its files were made without a start: container_prepare() */
        bool begun;          /* it has had a process */
        const char *name;    /* that `husk rename` gave it; NULL: none */
        bool filled;         /* its volumes have what its image has there, all of it */
        bool complete;       /* its making came to an end: else its maker was killed */
        bool torn;           /* a line of its journal cannot be read */
        bool foreign;        /* it is another user's: what its journal names is left alone */
        bool beheaded;       /* its journal has not even one, although it has files */
        uid_t user;
        bool has_exit;
        int exit_code;
        bool oom_killed;                  /* the kernel killed in it for want of memory */
        int64_t ended_s;                  /* unix time of the end, 0 */
        const struct json *resources;     /* what `update` made of the document's; NULL: nothing */
        const struct json *update_before; /* an update that did not end: what was there; or NULL */
};

/* Letters, digits, "_", "+", "-", ".", 1 to 1024 of them, neither "." nor "..": -EINVAL. */
int container_check_id(const char *id);

/* The kernel's name for this boot. 0, or -errno with a trail. */
int container_boot_id(const char **ret_id);

/* Open and read one. `lock`: wait for the lock and keep it. -ENOENT: there is none (with a trail). -EUCLEAN:
 * its journal is not to be believed: no plain file, not ours alone, of another version, or torn. -EPERM: it
 * is another user's, who alone may lock it. The strings live in `arena`. */
int container_open(
        struct arena *arena, const char *root, const char *id, bool lock,
        struct container *ret_container);
/* The same, without the lock, for one of many: `root_fd` is a directory descriptor of `root`. To be looked at
 * only: as a rule `dir` is NO_FD, and the journal can only be read. */
int container_open_listed(
        struct arena *arena, const char *root, int root_fd, const char *id,
        struct container *ret_container);
/* May a list leave out the one that was not opened for that reason, with a warning? Not when it is we who lack
 * descriptors or memory: then all the others would be left out, too. */
bool container_may_be_passed_over(int error);
void container_close(struct container *container);
/* -EPERM, with a trail and a hint: it is another user's, and `doing` ("enter it") would be what their journal says. */
int container_check_own(const struct container *container, const char *doing);

/* The ids under a state root, sorted; *ret_n may be 0. A missing root has none. */
int container_list(struct arena *arena, const char *root, const char ***ret_ids, size_t *ret_n);

const char *container_status_word(enum container_status status);
/* The document that it was made from, with the limits that `update` gave it. */
int container_spec(
        struct arena *arena, const struct container *container, const struct spec **ret_spec);
/* A pidfd of its first process, checked against pid reuse; -ESRCH when that is gone. -EPERM (with a trail):
 * the container is another user's, and that process is in no user namespace of theirs. */
int container_process(const struct container *container);
/* To its first process; 0 only asks whether there is one. -ESRCH. SIGKILL ends a paused one, too. */
int container_signal(const struct container *container, int signal);
/* The journal's lines behind the document. */
struct journal_lines container_events(const struct container *container);
/* A whole line for the journal. */
int container_note(const struct container *container, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* For who is about to remove a container by force: where another command has had its lock for a second, such as the one
 * that fills its volumes, its process is killed; until the lock is free, ten seconds at most. Nothing is told. True:
 * it was killed, and who has made it may have removed it since. */
bool container_hasten(const char *root, const char *id);
/* Undo everything and forget it; kills what still runs. The lock must be held. -EPERM: it is another user's. */
int container_remove(struct arena *arena, struct container *container);
/* SIGKILL to its first process, `process` being a pidfd, and wait for its end, at most some ten seconds, whatever is
 * frozen. 1: it has ended, 0: it has not, with a trail where another's child in it is the reason; -errno. */
int container_end(struct arena *arena, struct container *container, int process);
/* The same before container_remove(), for who asked for its end and hears the reason. The lock must be held. */
int container_put_down(struct arena *arena, struct container *container);
/* Where its root is mounted for the host to see, in its directory. Nothing notes that: the kernel knows. */
const char *container_merged(struct arena *arena, const char *root, const char *id);
/* Take that mount away, whoever uses it; and the directory alone. -EBUSY with a trail: it is mounted there. */
int container_hide(struct arena *arena, const struct container *container);
int container_unplace(struct arena *arena, const struct container *container);
/* container_open() of one whose lines may be damaged. */
int container_open_any(
        struct arena *arena, const char *root, const char *id, bool lock,
        struct container *ret_container);
/* Remove one whose journal container_open() finds damaged: what its readable lines say is undone, if it is
 * a plain file of ours, else only its directory goes, with a warning. -EPERM: that was not made by us, or lies in
 * another user's; -ENOTEMPTY: it has what we never make. Nothing goes then. */
int container_discard(struct arena *arena, const char *root, const char *id);
/* The cgroups that were made for it, absolute, as its journal has them: what its document says is
 * relative to whoever made it. None of another user's container: any directory could be named. */
void container_cgroups(
        struct arena *arena, const struct container *container, const char *const **ret_paths,
        size_t *ret_n);
/* Are there any, and still its own? One that has ended loses them to the next that has the same cgroupsPath, and all of
 * them when the machine boots. 1, 0, or -errno with a trail: who cannot find out must leave them alone. */
int container_has_cgroups(struct arena *arena, const struct container *container);
/* Was the machine booted since its last start? What has the names and numbers of its cgroups then is another's.
 * 1, 0, or -errno with a trail. */
int container_is_rebooted(const struct container *container);
/* The cgroup that a line of the journal, without its newline, names; NULL: none. */
const char *container_cgroup_line(struct arena *arena, const char *line, size_t size);
/* The numbers of the mounts that were added to it while it ran, a space between them; those in its
 * journal's text from the byte `from` on. "" when there are none. */
const char *container_added_mounts(
        struct arena *arena, const struct container *container, size_t from);
/* The unit of systemd that it is in, and the socket of that one's manager; false: it is in none. */
bool container_unit(
        struct arena *arena, const struct container *container, const char **ret_socket,
        const char **ret_unit);
/* Has the kernel killed a process in its cgroups for want of memory? To be asked before they go. */
bool container_is_oom_killed(struct arena *arena, const struct container *container);
/* After its end: take back what the kernel holds (cgroups); what is on disk stays. */
int container_release(struct arena *arena, const struct container *container);

/* -- container_dir.c: the directory alone, by its descriptor --------------------------------------- */

enum {
        CONTAINER_DIR_MODE =
                01700 /* with which it is made, and by which it is known without a journal */
};

/* Was it made as a container's, by this user? */
bool container_dir_is_ours(int dir);
/* Is there anything beside the journal? What cannot be read may have something. */
bool container_dir_has_files(int dir);
/* rmdir(2). -ENOENT: it has that name in the directory above no more. */
int container_dir_remove(int dir, const char *id);
/* May it be discarded? -EPERM, -ENOTEMPTY (with a trail): as container_discard(). `whole`: its journal tells that all of
 * it is the container's, so that neither mark nor names are looked at. */
int container_dir_check(int dir, const char *id, bool whole);
/* Remove it with all that is in it, once container_dir_check() has said that it may be. */
int container_dir_discard(int dir, const char *id, bool whole);

/* -- pause.c -------------------------------------------------------------------------------------- */

/* Stop all of its processes where they are, and let them go on. The lock must be held. -EINVAL when it
 * is not running, or not paused; -EOPNOTSUPP when it has no cgroup; -ETIMEDOUT when a process cannot
 * be stopped: then all go on. */
int container_pause(const struct container *container);
int container_resume(const struct container *container);
/* Let go on what is frozen, if it is, whatever the container's state: errors show elsewhere. */
void container_thaw(const struct container *container);
/* The same after SIGKILL: what it has frozen itself, below its own cgroup of v1, ends, too, with all the rest. */
void container_thaw_killed(const struct container *container);
/* Fill in container->freezer; is it frozen? Another user's is not looked for. */
bool container_find_freezer(struct arena *arena, struct container *container);

/* -- members.c ------------------------------------------------------------------------------------- */

/* The pids of all of its processes, ascending. -EOPNOTSUPP: it has no cgroup. */
int container_members(
        struct arena *arena, struct container *container, pid_t **ret_pids, size_t *ret_n);
/* To all of its processes, whatever state it is in, when that is said or when it is SIGKILL and it has
 * no pid namespace of its own; else to the first one. Without a cgroup to the first one, too. */
int container_signal_all(
        struct arena *arena, struct container *container, int signal, bool explicitly);

/* -- stats.c --------------------------------------------------------------------------------------- */

struct json_writer;
struct oom_watch;
/* A member "data" with what it uses, as runc's `events --stats` has it. -EOPNOTSUPP: no cgroups. */
int container_stats(
        struct arena *arena, const struct container *container, struct json_writer *writer);
/* -ENOENT when none of its cgroups has the memory controller. */
int container_watch_memory(
        struct arena *arena, const struct container *container, struct oom_watch *ret_watch);

/* -- update.c ------------------------------------------------------------------------------------- */

/* Take back what an update wrote that was killed. The lock must be held. */
int container_update_repair(struct arena *arena, struct container *container);
/* Apply a plan of runtime_compile_update; `all` goes into the journal. On failure what was written is
 * put back. The lock must be held. */
int container_update(
        struct arena *arena, const struct container *container, const struct plan *plan,
        const struct spec_resources *all);
/* checkBeforeUpdate: -EBUSY when the container uses more than the limit already. v2 would kill. */
int container_check_memory(
        struct arena *arena, const struct container *container, const struct spec_memory *memory);

/* -- hooks.c: those that run apart from the plan of a start ------------------------------------- */

/* Has its document startContainer hooks, behind which the first process opens GATE_HOOKED? */
bool container_has_start_hooks(struct arena *arena, const struct container *container);
/* The poststart hooks of one that was started just now. When one fails, the container is removed,
 * as the specification has it, and the error returned. */
int container_poststart(struct arena *arena, struct container *container);
/* All poststop hooks, if it ever had a process; one that fails is a warning. */
void container_poststop(struct arena *arena, const struct container *container);
/* Remove it because a hook failed; the trail stays as it is, what goes wrong is a warning. */
void container_give_up(struct arena *arena, struct container *container);

/* -- making one ---------------------------------------------------------------------------------- */

struct container_request {
        const char *root; /* the state root; made when missing */
        bool searchable;  /* a new one, by the ids of user namespaces whose files lie below it */
        const struct spec *spec;
        const char *config; /* the document's text, to be stored */
        size_t config_size;
        const struct runtime_options *options;
        const struct plan *plan;
        const char *extra; /* a JSON object to keep in the header under "engine", or NULL */
        const char *by;    /* of a start: letters and digits that no other one has */
        struct trace *trace;
};

/* Reserve the id (-EEXIST when it is taken by a living container), write the journal, apply the
 * plan's HOST list. On success the lock is released, `machine` holds the descriptors (the terminal's
 * master in *ret_master or NO_FD). On failure everything is undone and the trail says what failed;
 * *ret_command tells whether it was the program that could not be executed. */
int container_create(
        struct arena *arena, const struct container_request *request, struct machine *machine,
        int *ret_master, bool *ret_command);

/* The journal's beginning: header, document, inverses of `plan`; one write. */
int container_write_first(
        struct arena *arena, const struct container_request *request, const struct plan *plan,
        int journal);
/* The line of another start, and inverses of request->plan. What of the journal's end is no whole line goes, and is
 * no part of container->size any more. */
int container_write_start(
        struct arena *arena, const struct container_request *request, struct container *container);

/* As container_create(), but of the plan only the container's own files are made, and it stays as that: stopped,
 * `prepared`, and not `begun`. */
int container_prepare(struct arena *arena, const struct container_request *request);

/* Start one that has no process (any more), with the files that it has: its lock must be held, and is released.
 * request->config and ->extra are not looked at. Results as container_create(), but on failure the container is as
 * it was before. */
int container_start_again(
        struct arena *arena, const struct container_request *request, struct container *container,
        struct machine *machine, int *ret_master, bool *ret_command);

/* `start` of a created one: 0 once its program runs. */
int container_start(struct arena *arena, struct container *container, bool *ret_command);

/* Run a plan of runtime_compile_mounts or _unmount: whom it spawns has ended when it returns. The lock
 * must be held. 0, or an error with a trail. */
int container_visit(const struct container *container, const struct plan *plan);

/* Turn what plan_apply() left into one sentence; returns `error`. *ret_command: it was the program that
 * could not be executed. */
int container_explain_failure(const struct machine *machine, int error, bool *ret_command);

/* Run a plan of runtime_compile_exec, which is changed where its cgroup holds no process any more.
 * Results as container_create. */
int container_exec(struct plan *plan, struct machine *machine, int *ret_master, bool *ret_command);
