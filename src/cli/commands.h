/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one file each, and what several of them share. */
#pragma once

#include "command.h"
#include "options.h"
#include "spec/spec.h"
#include "table.h"
#include "terminal.h"

extern const struct command cli_cmd_completion, cli_cmd_diff, cli_cmd_exec, cli_cmd_explain,
        cli_cmd_help, cli_cmd_inspect, cli_cmd_kill, cli_cmd_pause, cli_cmd_ps, cli_cmd_rm,
        cli_cmd_cp, cli_cmd_create, cli_cmd_restart, cli_cmd_run, cli_cmd_start, cli_cmd_stop,
        cli_cmd_unpause, cli_cmd_version, cli_cmd_wait;
extern const struct command cli_oci_create, cli_oci_delete, cli_oci_exec, cli_oci_explain,
        cli_oci_features, cli_oci_kill, cli_oci_list, cli_oci_mounts, cli_oci_run, cli_oci_spec,
        cli_oci_start, cli_oci_state;
extern const struct command cli_oci_checkpoint, cli_oci_restore;
extern const struct command cli_oci_pause, cli_oci_resume, cli_oci_update, cli_cmd_update;
extern const struct command cli_cmd_login, cli_cmd_logout;
extern const struct command cli_oci_ps, cli_cmd_top, cli_oci_events;

extern const struct command cli_cmd_images, cli_cmd_load, cli_cmd_prune, cli_cmd_pull, cli_cmd_rmi,
        cli_cmd_container_prune, cli_cmd_save, cli_cmd_tag;
extern const struct command cli_cmd_push, cli_cmd_registry, cli_cmd_registry_referrers,
        cli_cmd_registry_rm, cli_cmd_registry_tags, cli_cmd_search;

extern const struct command cli_cmd_system, cli_cmd_system_check, cli_cmd_system_df;
extern const struct command cli_cmd_commit, cli_cmd_export, cli_cmd_import;

extern const struct command cli_cmd_history, cli_cmd_image_inspect;

extern const struct command cli_cmd_container, cli_cmd_container_inspect, cli_cmd_image;

extern const struct command cli_cmd_build_host;
extern const struct command cli_cmd_mount, cli_cmd_umount, cli_cmd_image_mount,
        cli_cmd_image_umount, cli_cmd_unshare;
extern const struct command cli_cmd_logs, cli_cmd_port, cli_cmd_rename;

/* run's option rows, which explain takes too, and create without those of the client: offsets are those of struct
 * run_request. */
extern const struct option cli_run_options[], cli_run_client_options[], cli_run_operands[];
extern const struct absent cli_run_absent[], cli_commands_absent[];
extern const struct run_request cli_run_defaults;
#define CLI_RUN_DEFAULTS                                                                           \
        {                                                                                          \
                .network = "none", .pids_limit = PIDS_LIMIT_UNSET, .detach_keys = "ctrl-p,ctrl-q", \
                .sig_proxy = true                                                                  \
        }
/* What the rows cannot say: the image among the operands, the files of --env-file. 0, or a negative
 * errno with a trail. */
int cli_run_finish(struct arena *arena, struct run_request *run);
/* Put the lines of `files` before `words`; `option` names them in errors. With "--env-file" a name
 * alone takes the caller's value. */
int cli_read_files(
        struct arena *arena, const char *option, const struct words *files, struct words *words);

/* Do `one` to every word of `names` (a field of the request, which gets one name at a time),
 * print the names that went well, report each failure and go on; in->exit tells whether all
 * went well. Always 0. */
int cli_each_name(struct invocation *in, struct words *names, int (*one)(struct invocation *in));

/* Print what a use case has written into `out` (`r` is its result) to stdout. */
int cli_finish_text(int r, const struct text *out);

/* Put the table to stdout, fitted to its terminal. */
int cli_finish_table(struct invocation *in, struct table *table);
/* The same into a text. */
int cli_put_table(struct text *out, struct table *table);

/* What a pull tells while it goes on: cli_progress_tell() as struct pull_request.tell, with one of these as
 * context, zeroed but for `terminal`. */
struct cli_progress {
        bool terminal; /* stderr is one */
        double begun_s, last_s;
        size_t done, lines; /* layers; lines written that can be written over */
        bool told[IMAGE_LAYERS_MAX];
};

void cli_progress_tell(void *context, const struct pull_layer *layers, size_t n);

/* The rows of a struct registry_options; those without credentials are for login, too. */
#define CLI_REGISTRY_TLS_ROWS(type, field)                                            \
        OPTION(type, TEXT, field.cert_dir, 0, "cert-dir", "DIR",                      \
               "certificates for the registry: *.crt, NAME.cert and NAME.key",        \
               .complete = COMPLETE_DIRECTORY),                                       \
                OPTION(type, CHOICE, field.tls_verify, 0, "tls-verify", "BOOL",       \
                       "false: no TLS, or without looking who it is; true: never so", \
                       .values = "true false", .shown_default = "as registries.json has it")
#define CLI_REGISTRY_ROWS(type, field)                                                        \
        OPTION(type, TEXT, field.authfile, 0, "authfile", "FILE",                             \
               "where passwords are, instead of the usual files", .complete = COMPLETE_FILE), \
                OPTION(type, TEXT, field.creds, 0, "creds", "NAME:PASSWORD",                  \
                       "who we are there; a command line is seen by everybody"),              \
                CLI_REGISTRY_TLS_ROWS(type, field)

/* Where the user's files about registries are, by the environment. */
const struct registry_files *cli_registry_files(struct arena *arena);

/* The words of --version. */
void cli_version_put(struct text *out, const struct face *face);
