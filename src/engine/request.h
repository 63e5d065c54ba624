/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks of the engine: one plain struct a use case. The cli room fills
 * them from its option tables, the engine reads them. Strings belong to the caller (argv, the
 * environment, the caller's arena) and outlive the call. Zero means "not given" unless a field
 * says otherwise. Every struct begins with the options that are common to its face. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

/* The values of an option or operand that may be repeated. `items` is NULL (n is 0) or ends
 * with a NULL at items[n], so that it can be given to execve as it is. */
struct words {
        const char **items;
        size_t n;
};

/* Numeric ids in the order given. */
struct ids {
        const uint32_t *items;
        size_t n;
};

/* Value of struct run_request.pids_limit when it was not given. */
#define PIDS_LIMIT_UNSET INT64_MIN

/* husk's global options. cli resolves the defaults; both paths are never NULL in a request. */
struct engine_options {
        const char *root;    /* the store: what survives a reboot */
        const char *runroot; /* the state of running containers: a tmpfs */
        bool debug;
};

struct run_request {
        struct engine_options engine;
        const char *image;      /* "host", or NULL when `rootfs` is given */
        const char *rootfs;     /* a directory to use as the root, or NULL */
        struct words argv;      /* the command; n == 0: the image's own */
        const char *entrypoint; /* goes before argv; NULL: the image's own; "": none */
        const char *name;       /* NULL: the engine picks one */
        const char *hostname;
        const char *workdir;
        const char *user; /* NAME|UID[:GROUP|GID], to be looked up in the container's files */
        const char *network;
        const char *seccomp;       /* NULL: default profile; "unconfined"; else a file's path */
        struct words env;          /* NAME=VALUE each; NAME alone was resolved already */
        struct words labels;       /* KEY=VALUE or KEY */
        struct words cap_add;      /* as typed: "SYS_ADMIN", "cap_sys_admin", "ALL" */
        struct words cap_drop;     /* likewise */
        struct words security_opt; /* raw; cli has read it into seccomp and no_new_privileges */
        uint64_t memory_bytes;     /* 0: no limit */
        uint64_t nano_cpus;        /* CPUs * 10^9; 0: no limit */
        int64_t pids_limit;        /* PIDS_LIMIT_UNSET; 0 and -1: no limit */
        bool no_new_privileges;
        bool read_only;
        bool remove; /* at the end of the container */
        bool interactive;
        bool tty;
        bool detach;
        bool init; /* a pid 1 of husk's own in front of the command */
        bool timing;
        struct text *id_out;     /* gets the id once the container runs; NULL: nobody asks */
        struct text *timing_out; /* gets the table of --timing; NULL: nobody asks */
};

struct explain_request {
        struct run_request run;
        const char *format; /* "text", "json", "shell" */
};

struct exec_request {
        struct engine_options engine;
        const char *container; /* a name, an id or the unique beginning of an id */
        struct words argv;     /* at least one */
        struct words env;      /* as in struct run_request */
        const char *workdir;
        const char *user;
        bool interactive;
        bool tty;
        bool detach;
};

struct ps_request {
        struct engine_options engine;
        const char *format;
        bool all; /* exited ones too */
        bool quiet;
        bool no_trunc;
};

/* cli calls with one name at a time, so that each failure is told and the rest goes on. */
struct rm_request {
        struct engine_options engine;
        struct words names;
        bool force; /* kill a running one */
};

struct kill_request {
        struct engine_options engine;
        struct words names;
        int signal;
};

struct stop_request {
        struct engine_options engine;
        struct words names;
        int64_t timeout_s; /* between SIGTERM and SIGKILL; -1: for ever */
};

struct wait_request {
        struct engine_options engine;
        struct words names;
};

struct diff_request {
        struct engine_options engine;
        const char *container;
        const char *format;
};

struct inspect_request {
        struct engine_options engine;
        const char *container;
};

/* husk-oci's global options; `root` is never NULL in a request. */
struct oci_options {
        const char *root;
        const char *log;        /* NULL: stderr only */
        const char *log_format; /* "text", "json" */
        const char *rootless;   /* "auto", "true", "false" */
        bool debug;
        bool systemd_cgroup;
};

struct oci_spec_request {
        struct oci_options oci;
        const char *bundle; /* directory; "." by default, as everywhere below */
        bool rootless;
};

struct oci_create_request {
        struct oci_options oci;
        const char *id;
        const char *bundle;
        const char *console_socket;
        const char *pid_file;
        const char *pidfd_socket;
        uint64_t preserve_fds; /* how many descriptors from 3 on go into the container */
        bool run;              /* start it too, and wait unless `detach` */
        bool detach;
        bool keep;
        bool no_pivot;
        bool no_new_keyring;
};

/* start, state */
struct oci_id_request {
        struct oci_options oci;
        const char *id;
};

struct oci_kill_request {
        struct oci_options oci;
        const char *id;
        int signal; /* 0: only ask whether it is there */
        bool all;
};

struct oci_delete_request {
        struct oci_options oci;
        const char *id;
        bool force;
};

struct oci_exec_request {
        struct oci_options oci;
        const char *id;
        struct words argv;   /* empty when `process` is given */
        const char *process; /* a file with the OCI process object, or NULL */
        const char *console_socket;
        const char *pid_file;
        const char *pidfd_socket;
        const char *cwd;
        const char *user; /* UID[:GID] */
        struct ids additional_gids;
        struct words env;  /* NAME=VALUE each */
        struct words caps; /* "CAP_SYS_ADMIN" each */
        uint64_t preserve_fds;
        bool tty;
        bool detach;
        bool no_new_privs;
        bool ignore_paused;
};

struct oci_list_request {
        struct oci_options oci;
        const char *format; /* "table", "json" */
        bool quiet;
};

struct oci_explain_request {
        struct oci_options oci;
        const char *bundle;
        const char *format; /* "text", "json", "shell" */
};
