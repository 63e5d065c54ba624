/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the husk-oci face, an OCI runtime for engines to call. Option names and
 * letters are runc's, since its callers have them built in. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(union globals, kind, oci.field, __VA_ARGS__)

static const struct option global_options[] = {
        ROW(TEXT, oci.root, 0, "root", "DIR", "where the state of containers is",
            .shown_default = "/run/husk-oci", .complete = COMPLETE_DIRECTORY),
        ROW(TEXT, oci.log, 0, "log", "FILE", "append errors to this file too, warnings to it alone",
            .complete = COMPLETE_FILE),
        ROW(CHOICE, oci.log_format, 0, "log-format", "FORMAT", "format of the log",
            .values = "text json", .shown_default = "text"),
        ROW(FLAG, oci.systemd_cgroup, 0, "systemd-cgroup", "",
            "have systemd make the cgroups (slice:prefix:name)"),
        ROW(CHOICE, oci.cgroup_manager, 0, "cgroup-manager", "MANAGER", "who makes the cgroups",
            .values = "cgroupfs systemd disabled", .shown_default = "cgroupfs"),
        ROW(CHOICE, oci.rootless, 0, "rootless", "WHEN",
            "whether root's rights are missing; found out by itself", .values = "auto true false",
            .shown_default = "auto"),
        ROW(FLAG, oci.debug, 0, "debug", "", "tell what was called and how it ended"),
        ROW(FLAG, version, 'v', "version", "", "show the version and end"),
        OPTIONS_END,
};

static const union globals defaults = { .oci.oci = { .log_format = "text", .rootless = "auto" } };

static const struct command globals = {
        .name = "husk-oci",
        .options = { global_options },
        .defaults = &defaults,
        .request_size = sizeof(union globals),
        .options_first = true,
};

static const struct command *const commands[] = {
        &cli_oci_run,
        &cli_oci_exec,
        &cli_oci_create,
        &cli_oci_start,
        &cli_oci_kill,
        &cli_oci_pause,
        &cli_oci_resume,
        &cli_oci_update,
        &cli_oci_ps,
        &cli_oci_events,
        &cli_oci_delete,
        &cli_oci_checkpoint,
        &cli_oci_restore,
        &cli_oci_spec,
        &cli_oci_state,
        &cli_oci_list,
        &cli_oci_mounts,
        &cli_oci_explain,
        &cli_oci_features,
        &cli_cmd_help,
        &cli_cmd_version,
        &cli_cmd_completion,
        NULL,
};

static const struct example examples[] = {
        { "husk-oci spec", "write a config.json into this directory, beside rootfs" },
        { "husk-oci run --bundle . one", "run it as the container named one" },
        { "husk-oci explain --bundle .", "show what run would do" },
        { "", "" },
};

const struct face cli_face_oci = {
        .name = "husk-oci",
        .summary = "Run containers from OCI bundles",
        .description = "husk-oci is an OCI runtime: it makes containers of bundles, directories "
                       "that hold a config.json and a root file system. Container engines call "
                       "it where they would call runc.",
        .error_exit = 1,
        .globals = &globals,
        .commands = commands,
        .examples = examples,
        .copied = sizeof(struct oci_options),
};
