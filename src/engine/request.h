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
struct pull_layer;

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

/* A number of which 0 is a value too. */
struct number {
        bool set;
        int64_t value;
};

/* Value of struct run_request.pids_limit when it was not given. */
#define PIDS_LIMIT_UNSET INT64_MIN

/* husk's global options. cli resolves the defaults; both paths are never NULL in a request. */
struct registry_files;

struct engine_options {
        const char *root;    /* the store: what survives a reboot */
        const char *runroot; /* the state of running containers: a tmpfs */
        const char *libexec; /* the programs that only husk calls: husk-registry */
        const struct registry_files *registries; /* what the user's files say of them */
        bool debug;
        bool unshared; /* we are in `husk unshare`: root, where all files of the user are ours */
};

/* What a command line says of the registry that it means, instead of what the files say. */
struct registry_options {
        const char *authfile;   /* NULL: the usual ones */
        const char *creds;      /* NAME:PASSWORD */
        const char *cert_dir;   /* *.crt, *.cert, *.key */
        const char *tls_verify; /* "true", "false"; NULL: as the files have it */
};

/* Words that are told apart here only as text: the engine's build_*.c read them, strictly, and name
 * the option in their errors. */
struct run_request {
        struct engine_options engine;
        const char *image; /* "host", an image, or as in struct pull_request; NULL with `rootfs` */
        const char *platform; /* of the image: OS/ARCHITECTURE[/VARIANT]; NULL: ours */
        const char *pull;     /* "always", "missing" (NULL), "newer", "never" */
        /* As in struct pull_request, while the image is fetched. */
        void (*tell)(void *context, const struct pull_layer *layers, size_t n);
        void *context;
        const char *rootfs; /* a directory to use as the root, or NULL */
        struct words argv;  /* the command; n == 0: the image's own */
        const char
                *entrypoint; /* goes before argv, a word or a JSON array; NULL: the image's own */
        const char *name;    /* NULL: the engine picks one */
        struct words labels; /* KEY=VALUE or KEY */
        struct words annotation;        /* KEY=VALUE */
        const char *id_file, *pid_file; /* to be written once the container runs */
        int stop_signal;                /* 0: SIGTERM */
        struct number stop_timeout_s;   /* -1: for ever */
        /* the program */
        struct words env;       /* NAME=VALUE each; NAME alone was resolved already */
        struct words unset_env; /* defaults to leave out */
        bool unset_env_all;
        const char *workdir;
        const char *user; /* NAME|UID[:GROUP|GID], to be looked up in the container's files */
        struct words group_add;
        const char *umask; /* octal */
        struct words ulimit;
        struct number oom_score_adj;
        const char *personality;
        /* files */
        struct words volume, mount, tmpfs;
        uint64_t shm_bytes; /* 0: 64 MiB */
        bool read_only;
        struct words storage_opt; /* KEY=VALUE */
        struct words device, device_rule;
        /* namespaces */
        const char *hostname, *domainname;
        const char *network, *pid, *ipc, *uts, *cgroupns, *userns;
        struct words uid_map, gid_map;
        const char *time_offset;
        struct words sysctl;
        /* resources; 0: not given, where nothing else is said */
        const char *cgroup_parent;
        struct words cgroup_conf;
        uint64_t memory_bytes, memory_reservation_bytes;
        int64_t memory_swap_bytes; /* memory and swap together; -1: no limit */
        struct number memory_swappiness;
        bool oom_kill_disable;
        uint64_t nano_cpus; /* CPUs * 10^9 */
        int64_t cpu_shares, cpu_period_us, cpu_quota_us, cpu_rt_period_us, cpu_rt_runtime_us;
        const char *cpuset_cpus, *cpuset_mems;
        int64_t pids_limit; /* PIDS_LIMIT_UNSET; 0 and -1: no limit */
        uint64_t blkio_weight;
        struct words blkio_weight_device;
        struct words device_read_bps, device_write_bps, device_read_iops, device_write_iops;
        const char *rdt_class;
        /* privileges */
        struct words cap_add;      /* as typed: "SYS_ADMIN", "cap_sys_admin", "ALL" */
        struct words cap_drop;     /* likewise */
        struct words security_opt; /* docker's bag of unrelated settings */
        struct words landlock;     /* rules */
        bool privileged;
        /* the client */
        bool remove; /* at the end of the container */
        bool interactive;
        bool tty;
        bool detach;
        const char *detach_keys; /* "ctrl-p,ctrl-q"; NULL or "": none */
        bool sig_proxy;          /* our signals are the container's */
        bool init;               /* a pid 1 of husk's own in front of the command */
        bool timing;
        struct text *id_out;     /* gets the id once the container runs; NULL: nobody asks */
        struct text *timing_out; /* gets the table of --timing; NULL: nobody asks */
        /* read by cli alone */
        struct words env_file, label_file;
        bool env_host, quiet;
        const char *restart;
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
        struct words env_file; /* read by cli alone */
        const char *workdir;
        const char *user;
        bool privileged;
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

/* Limits as they are typed; what was not given stays as it is. */
struct limits {
        int64_t memory_bytes, memory_swap_bytes,
                memory_reservation_bytes;                     /* -1: no limit; 0: not given */
        uint64_t cpu_shares, cpu_period_us, cpu_rt_period_us; /* 0: not given */
        struct number cpu_quota_us, cpu_burst_us, cpu_rt_runtime_us, cpu_idle;
        uint64_t nano_cpus;
        const char *cpuset_cpus, *cpuset_mems;
        int64_t pids_limit; /* -1: no limit; 0: not given */
        uint64_t blkio_weight;
        const char *kernel_memory, *kernel_memory_tcp; /* the kernel has dropped them */
};

/* cli calls with one name at a time, here and below, so that each failure is told and the rest goes on. */
struct update_request {
        struct engine_options engine;
        struct words names;
        struct limits limits;
};

/* login, logout */
struct login_request {
        struct engine_options engine;
        const char *registry; /* NULL: docker.io */
        const char *username, *password;
        const char *authfile;         /* NULL: registries->login */
        struct registry_options said; /* its TLS */
        bool password_stdin;          /* read by cli alone */
};

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

struct start_request {
        struct engine_options engine;
        struct words names;
        bool attach;      /* wait for its end, its output being ours */
        bool interactive; /* likewise, and our input its own */
        bool sig_proxy;
        const char *detach_keys;
};

/* As the container was made with, else 10 seconds. */
#define STOP_TIMEOUT_UNSET INT64_MIN

struct stop_request {
        struct engine_options engine;
        struct words names;
        int64_t timeout_s; /* between the signal and SIGKILL; -1: for ever; or STOP_TIMEOUT_UNSET */
};

struct top_request {
        struct engine_options engine;
        const char *container;
        struct words options; /* of ps(1) */
};

/* pause, unpause */
struct pause_request {
        struct engine_options engine;
        struct words names;
};

struct wait_request {
        struct engine_options engine;
        struct words names;
};

enum pull_phase {
        PULL_WAITING,
        PULL_RUNNING,
        PULL_DONE,
        PULL_THERE, /* it was in the store already */
        PUSH_PACKING,
        PUSH_DONE,
        PUSH_THERE, /* the registry had it already */
};

/* How far a layer is. */
struct pull_layer {
        const char *digest;
        uint64_t size, done; /* bytes, as they travel */
        enum pull_phase phase;
};

struct pull_request {
        struct engine_options engine;
        const char *image;    /* a reference, or what local_place_parse() takes */
        const char *platform; /* NULL: this machine's */
        struct registry_options registry;
        bool quiet; /* read by cli alone */
        /* Told when something has changed, and now and then; NULL: nobody listens. */
        void (*tell)(void *context, const struct pull_layer *layers, size_t n);
        void *context;
};

struct push_request {
        struct engine_options engine;
        const char *image;       /* of the store */
        const char *destination; /* likewise; NULL: the image's own name */
        const char *platform;    /* of several for one name: only this; NULL: all */
        bool all_tags;           /* all names of the repository that `image` is */
        const char *digestfile;  /* gets the digest; NULL: nobody asks */
        /* Of layers that are stored as they are: "gzip" (NULL), "zstd", "none" */
        const char *compression_format;
        struct number compression_level;
        struct registry_options registry;
        bool quiet; /* read by cli alone */
        /* As in struct pull_request. */
        void (*tell)(void *context, const struct pull_layer *layers, size_t n);
        void *context;
};

/* What a registry is asked about itself. */
struct registry_request {
        struct engine_options engine;
        const char *name;          /* tags, referrers */
        struct words names;        /* rm: cli calls with one at a time */
        uint64_t limit;            /* tags; 0: all */
        const char *artifact_type; /* referrers; NULL: any */
        struct registry_options registry;
        /* read by cli alone */
        bool list_tags, quiet;
        const char *format;
};

struct load_request {
        struct engine_options engine;
        const char *input; /* a file; NULL: standard input */
        bool quiet;        /* read by cli alone */
        void (*tell)(void *context, const struct pull_layer *layers, size_t n);
        void *context;
};

struct save_request {
        struct engine_options engine;
        struct words names;
        const char *output; /* a file or directory; NULL: standard output */
        const char *format; /* "docker-archive" (NULL), "oci-archive", "oci-dir" */
};

struct images_request {
        struct engine_options engine;
        const char *name;    /* NULL: all; a name without a tag: all tags */
        struct words filter; /* image_filter.c */
        const char *format;
        bool quiet, no_trunc, digests;
        bool all; /* there are no others than those: accepted */
};

struct tag_request {
        struct engine_options engine;
        const char *image, *name;
};

struct rmi_request {
        struct engine_options engine;
        struct words names;
        bool force;
};

struct prune_request {
        struct engine_options engine;
        bool all;   /* of images: also those with names that no container uses */
        bool force; /* docker's "do not ask": nothing is asked */
        struct words filter;
};

struct commit_request {
        struct engine_options engine;
        const char *container, *name; /* name: NULL: the image gets none */
        struct words change;          /* instructions of a Dockerfile */
        const char *author, *message;
        const char *format; /* "oci" (NULL), "docker" */
        bool pause;
        bool quiet; /* read by cli alone */
};

struct import_request {
        struct engine_options engine;
        const char *file, *name; /* "-": standard input; name: as of commit */
        struct words change;
        const char *message, *platform;
        bool quiet; /* read by cli alone */
};

struct export_request {
        struct engine_options engine;
        const char *container;
        const char *output; /* a file; NULL: standard output */
};

struct usage_request {
        struct engine_options engine;
        const char *format; /* both read by cli alone */
        bool verbose;
};

struct check_request {
        struct engine_options engine;
        bool quick;  /* sizes only */
        bool repair; /* remove what is broken */
};

struct history_request {
        struct engine_options engine;
        const char *image;
        const char *format;
        bool quiet, no_trunc, human; /* read by cli alone */
};

struct pack_request {
        struct engine_options engine;
        const char *name; /* read by cli alone, as `tags` is */
        struct words tags;
        struct words names;     /* of the image: at least one */
        struct words programs;  /* paths, or names to be looked for in `search` */
        struct words add;       /* files and directories */
        struct words with;      /* "ca-certificates", "nss", "locale", "tzdata" */
        struct words labels;    /* KEY=VALUE or KEY */
        const char *entrypoint; /* a word or a JSON array; NULL: the first program is its command */
        const char *search;     /* directories with colons between them; NULL: the usual ones */
        struct number epoch;    /* no time in the image is later, in seconds since 1970 */
};

struct cp_request {
        struct engine_options engine;
        const char *from,
                *to;  /* CONTAINER:PATH, a path of the host, or "-": one of them a container's */
        bool archive; /* owners, set-id bits and attributes stay what they are */
        bool follow_link; /* `from` is a symbolic link: what it leads to */
        bool overwrite;   /* a directory may take the place of a file, and the other way round */
        bool quiet;       /* read by cli alone */
};

struct logs_request {
        struct engine_options engine;
        const char *container;
        const char *lines;  /* read by cli alone */
        struct number tail; /* so many lines of it; not set: all */
        bool follow;        /* until the container's end */
        bool stamps;        /* the time in front of each line */
        /* Lines that were begun from this time on, and up to that one; NULL: all. As filter_time() has them. */
        const char *since, *until;
        /* Gets what there is, piece by piece; a negative errno of it ends the call. */
        int (*each)(void *context, const char *bytes, size_t size);
        void *context;
};

struct rename_request {
        struct engine_options engine;
        const char *container, *name;
};

struct port_request {
        struct engine_options engine;
        const char *container;
        const char *port; /* NULL: all */
};

/* mount, umount, and those of images */
struct mount_request {
        struct engine_options engine;
        struct words names; /* cli calls with one at a time */
        bool force;         /* umount: although it is used */
        bool clear;         /* it is for umount */
        /* read by cli alone */
        bool all, no_trunc, images;
        const char *format;
};

struct unshare_request {
        struct engine_options engine;
        struct words argv;  /* at least one */
        const char *search; /* directories with colons between them, as PATH has them; or NULL */
        const char *const *env; /* of the command */
        /* Called before it begins, when the trail has warnings. */
        void (*tell)(void *context);
        void *context;
};

struct diff_request {
        struct engine_options engine;
        const char *container; /* or image */
        const char *other;     /* an image; NULL: what it was made of */
        const char *format;
};

struct inspect_request {
        struct engine_options engine;
        struct words names;
        const char *type;   /* "container", "image"; NULL: the first that there is */
        const char *format; /* read by cli alone */
};

/* husk-oci's global options; `root` is never NULL in a request. */
struct oci_options {
        const char *root;
        const char *log;        /* NULL: stderr only */
        const char *log_format; /* "text", "json" */
        const char *rootless;   /* "auto", "true", "false" */
        bool debug;
        bool systemd_cgroup;
        const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled"; NULL: not said */
        const char *runtime_dir, *session_bus; /* struct systemd_places */
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
        const char *config; /* a document that stands in for the bundle's, or NULL */
        const char *console_socket;
        const char *pid_file;
        const char *pidfd_socket;
        uint64_t preserve_fds; /* how many descriptors go into the container, behind listen_fds */
        uint64_t listen_fds;   /* sockets of a service manager's, from 3 on; read by cli alone */
        const char *listen_names; /* their names, with colons between them, or NULL */
        bool run;                 /* start it too, and wait unless `detach` */
        bool detach;
        bool keep;
        bool no_pivot;
        bool no_new_keyring;
        bool no_subreaper; /* as it is: we reap our own child and no other */
};

/* start, state, pause, resume */
struct oci_id_request {
        struct oci_options oci;
        const char *id;
};

struct oci_kill_request {
        struct oci_options oci;
        const char *id;
        int signal; /* 0: only ask whether it is there */
        bool all;   /* processes */
        bool regex; /* the id is a regular expression: all containers that it matches */
};

struct oci_delete_request {
        struct oci_options oci;
        const char *id;
        bool force;
        bool regex; /* likewise */
};

struct oci_events_request {
        struct oci_options oci;
        const char *id;
        uint64_t interval_ns;
        bool stats; /* once */
        /* Gets each line; a negative errno of it ends the call. */
        int (*each)(void *context, const struct text *line);
        void *context;
};

struct oci_ps_request {
        struct oci_options oci;
        const char *id;
        const char *format;   /* "table", "json" */
        struct words options; /* of ps(1); a "--" in front is passed over */
};

struct oci_update_request {
        struct oci_options oci;
        const char *id;
        const char
                *resources; /* a file, "-" for standard input: then the limits are not looked at */
        struct limits limits;
        const char *l3_cache_schema, *mem_bw_schema;
        bool explain; /* compile the plan and do nothing */
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
        struct words env;          /* NAME=VALUE each */
        struct words caps;         /* "CAP_SYS_ADMIN" each */
        struct words cgroups;      /* "[CONTROLLER,...:]PATH" each, below the container's own */
        const char *apparmor;      /* profile */
        const char *process_label; /* of SELinux */
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

/* What checkpoint and restore have in common; criu's manual says what they mean. */
struct oci_criu_options {
        const char *image_path, *work_path; /* work_path NULL: image_path */
        const char *manage_cgroups_mode;    /* NULL: "soft" */
        struct words empty_ns;
        bool tcp_established, ext_unix_sk, shell_job, lazy_pages, file_locks, auto_dedup;
};

struct oci_checkpoint_request {
        struct oci_options oci;
        const char *id;
        struct oci_criu_options criu;
        const char *parent_path; /* relative to image_path */
        const char *page_server; /* ADDRESS:PORT */
        struct number status_fd;
        bool leave_running, pre_dump, tcp_skip_in_flight, link_remap;
};

struct oci_restore_request {
        struct oci_options oci;
        const char *id;
        struct oci_criu_options criu;
        const char *bundle;
        const char *console_socket, *pid_file;
        const char *lsm_profile, *lsm_mount_context;
        bool detach;
        bool no_subreaper; /* accepted: husk-oci is none */
        bool no_pivot;
};

struct oci_mounts_request {
        struct oci_options oci;
        const char *action; /* "add", "remove": read by cli alone */
        const char *id;
        const char *file; /* JSON: mounts as in config.json */
        bool remove;
        bool explain; /* print the plan, and do nothing */
};

struct oci_explain_request {
        struct oci_options oci;
        const char *bundle;
        const char *format; /* "text", "json", "shell" */
};
