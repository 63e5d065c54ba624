/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the husk face: its global options and the order of its commands. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(union globals, kind, husk.field, __VA_ARGS__)

static const struct option global_options[] = {
        ROW(TEXT, engine.root, 0, "root", "DIR", "where images and containers are kept",
            .shown_default = "/var/lib/husk", .complete = COMPLETE_DIRECTORY),
        ROW(TEXT, engine.runroot, 0, "runroot", "DIR", "where the state of running ones is",
            .shown_default = "/run/husk", .complete = COMPLETE_DIRECTORY),
        ROW(FLAG, engine.debug, 0, "debug", "", "tell more on standard error"),
        ROW(FLAG, version, 'v', "version", "", "show the version and end"),
        OPTIONS_END,
};

static const struct command globals = {
        .name = "husk",
        .options = { global_options },
        .request_size = sizeof(union globals),
        .options_first = true,
};

/* A line each, so that two changes do not meet in one. */
/* clang-format off */
static const struct command *const commands[] = {
        &cli_cmd_run,
        &cli_cmd_create,
        &cli_cmd_start,
        &cli_cmd_restart,
        &cli_cmd_exec,
        &cli_cmd_ps,
        &cli_cmd_stop,
        &cli_cmd_kill,
        &cli_cmd_pause,
        &cli_cmd_unpause,
        &cli_cmd_update,
        &cli_cmd_wait,
        &cli_cmd_cp,
        &cli_cmd_mount,
        &cli_cmd_umount,
        &cli_cmd_rename,
        &cli_cmd_rm,
        &cli_cmd_container,
        &cli_cmd_inspect,
        &cli_cmd_logs,
        &cli_cmd_port,
        &cli_cmd_top,
        &cli_cmd_pull,
        &cli_cmd_images,
        &cli_cmd_history,
        &cli_cmd_tag,
        &cli_cmd_rmi,
        &cli_cmd_prune,
        &cli_cmd_commit,
        &cli_cmd_import,
        &cli_cmd_load,
        &cli_cmd_save,
        &cli_cmd_push,
        &cli_cmd_registry,
        &cli_cmd_search,
        &cli_cmd_image,
        &cli_cmd_login,
        &cli_cmd_logout,
        &cli_cmd_diff,
        &cli_cmd_export,
        &cli_cmd_system,
        &cli_cmd_unshare,
        &cli_cmd_explain,
        &cli_cmd_help,
        &cli_cmd_version,
        &cli_cmd_completion,
        NULL,
};
/* clang-format on */

static const struct example examples[] = {
        { "husk run --rm -it host sh", "a shell in a throw-away container" },
        { "husk explain run --memory 256m host true",
          "what that container is made of, step by step, without making it" },
        { "", "" },
};

const struct face cli_face_husk = {
        .name = "husk",
        .summary = "Run containers",
        .description = "husk runs containers. It turns what you ask for into a plan, a list of "
                       "kernel operations that can be read before it is followed.",
        .error_exit = 125,
        .globals = &globals,
        .commands = commands,
        .absent = cli_commands_absent,
        .examples = examples,
        .copied = sizeof(struct engine_options),
};
