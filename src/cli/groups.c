/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the two-word commands of docker and podman: which commands stand below `image`, `container`
 * and `system`, and by what names. A line each, so that two changes do not meet in one. */
#include "commands.h"

/* -- image ------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct member image_members[] = {
        { "build-host", &cli_cmd_build_host },
        { "history", &cli_cmd_history },
        { "import", &cli_cmd_import },
        { "inspect", &cli_cmd_image_inspect },
        { "ls", &cli_cmd_images },
        { "list", &cli_cmd_images },
        { "load", &cli_cmd_load },
        { "mount", &cli_cmd_image_mount },
        { "prune", &cli_cmd_prune },
        { "pull", &cli_cmd_pull },
        { "push", &cli_cmd_push },
        { "rm", &cli_cmd_rmi },
        { "remove", &cli_cmd_rmi },
        { "save", &cli_cmd_save },
        { "tag", &cli_cmd_tag },
        { "unmount", &cli_cmd_image_umount },
        { "umount", &cli_cmd_image_umount },
        { "", NULL },
};
/* clang-format on */

static const struct example image_examples[] = {
        { "husk image ls", "the same as husk images" },
        { "", "" },
};

const struct command cli_cmd_image = {
        .name = "image",
        .members = image_members,
        .summary = "Commands on images",
        .description = "Commands on images by docker's two words. Most have one of their own, too.",
        .examples = image_examples,
        .group = GROUP_IMAGES,
        .error_exit = 1,
};

/* -- registry --------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct member registry_members[] = {
        { "referrers", &cli_cmd_registry_referrers },
        { "rm", &cli_cmd_registry_rm },
        { "tags", &cli_cmd_registry_tags },
        { "", NULL },
};
/* clang-format on */

static const struct example registry_examples[] = {
        { "husk registry tags localhost:5000/tool", "what tags it has there" },
        { "", "" },
};

const struct command cli_cmd_registry = {
        .name = "registry",
        .members = registry_members,
        .summary = "Commands on what a registry has",
        .description =
                "What can be asked of a registry beside images themselves: see husk pull and husk push.",
        .examples = registry_examples,
        .group = GROUP_IMAGES,
        .error_exit = 1,
};

/* -- container -------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct member container_members[] = {
        { "commit", &cli_cmd_commit },
        { "cp", &cli_cmd_cp },
        { "create", &cli_cmd_create },
        { "diff", &cli_cmd_diff },
        { "exec", &cli_cmd_exec },
        { "export", &cli_cmd_export },
        { "inspect", &cli_cmd_container_inspect },
        { "kill", &cli_cmd_kill },
        { "logs", &cli_cmd_logs },
        { "ls", &cli_cmd_ps },
        { "list", &cli_cmd_ps },
        { "mount", &cli_cmd_mount },
        { "ps", &cli_cmd_ps },
        { "pause", &cli_cmd_pause },
        { "port", &cli_cmd_port },
        { "prune", &cli_cmd_container_prune },
        { "rename", &cli_cmd_rename },
        { "restart", &cli_cmd_restart },
        { "rm", &cli_cmd_rm },
        { "remove", &cli_cmd_rm },
        { "run", &cli_cmd_run },
        { "start", &cli_cmd_start },
        { "stop", &cli_cmd_stop },
        { "top", &cli_cmd_top },
        { "umount", &cli_cmd_umount },
        { "unmount", &cli_cmd_umount },
        { "unpause", &cli_cmd_unpause },
        { "update", &cli_cmd_update },
        { "wait", &cli_cmd_wait },
        { "", NULL },
};
/* clang-format on */

static const struct example container_examples[] = {
        { "husk container ls --all", "the same as husk ps --all" },
        { "", "" },
};

const struct command cli_cmd_container = {
        .name = "container",
        .members = container_members,
        .summary = "Commands on containers",
        .description =
                "Commands on containers by docker's two words. Most have one of their own, too.",
        .examples = container_examples,
        .group = GROUP_MANAGE,
        .error_exit = 1,
};

/* -- system ----------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct member system_members[] = {
        { "check", &cli_cmd_system_check },
        { "df", &cli_cmd_system_df },
        { "", NULL },
};
/* clang-format on */

static const struct example system_examples[] = {
        { "husk system df", "what images and containers take of the disk" },
        { "", "" },
};

const struct command cli_cmd_system = {
        .name = "system",
        .members = system_members,
        .summary = "Commands on the store: its size, its health",
        .description = "Commands on all that is kept.",
        .examples = system_examples,
        .group = GROUP_LOOK,
        .error_exit = 1,
};
