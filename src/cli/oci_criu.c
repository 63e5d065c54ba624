/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci checkpoint` and `restore`. The rows are runc's. */
#include "commands.h"

#define SHARED(type)                                                                            \
        OPTION(struct type, TEXT, criu.image_path, 0, "image-path", "DIR",                      \
               "where the images of the checkpoint are", .shown_default = "checkpoint",         \
               .complete = COMPLETE_DIRECTORY),                                                 \
                OPTION(struct type, TEXT, criu.work_path, 0, "work-path", "DIR",                \
                       "where criu's log goes", .shown_default = "as --image-path",             \
                       .complete = COMPLETE_DIRECTORY),                                         \
                OPTION(struct type, FLAG, criu.tcp_established, 0, "tcp-established", "",       \
                       "allow open TCP connections"),                                           \
                OPTION(struct type, FLAG, criu.ext_unix_sk, 0, "ext-unix-sk", "",               \
                       "allow Unix sockets that lead out of the container"),                    \
                OPTION(struct type, FLAG, criu.shell_job, 0, "shell-job", "",                   \
                       "allow a session or terminal that is the caller's"),                     \
                OPTION(struct type, FLAG, criu.lazy_pages, 0, "lazy-pages", "",                 \
                       "move memory when it is used (userfaultfd)"),                            \
                OPTION(struct type, FLAG, criu.file_locks, 0, "file-locks", "",                 \
                       "allow locks on files"),                                                 \
                OPTION(struct type, CHOICE, criu.manage_cgroups_mode, 0, "manage-cgroups-mode", \
                       "MODE", "what criu does with the cgroups",                               \
                       .values = "soft full strict ignore", .shown_default = "soft"),           \
                OPTION(struct type, TEXTS, criu.empty_ns, 0, "empty-ns", "KIND",                \
                       "make that namespace ('network'), and leave it empty"),                  \
                OPTION(struct type, FLAG, criu.auto_dedup, 0, "auto-dedup", "",                 \
                       "free memory images where a newer one has the page")

#define ROW(kind, field, ...) OPTION(struct oci_checkpoint_request, kind, field, __VA_ARGS__)

static const struct option checkpoint_options[] = {
        SHARED(oci_checkpoint_request),
        ROW(TEXT, parent_path, 0, "parent-path", "DIR",
            "the images of a pre-dump, relative to --image-path"),
        ROW(FLAG, leave_running, 0, "leave-running", "", "let the container go on"),
        ROW(FLAG, pre_dump, 0, "pre-dump", "",
            "only the memory, while it goes on: a later checkpoint is quicker"),
        ROW(FLAG, tcp_skip_in_flight, 0, "tcp-skip-in-flight", "",
            "leave out TCP connections that are being made"),
        ROW(FLAG, link_remap, 0, "link-remap", "", "give open files without a name one"),
        ROW(NUMBER, status_fd, 0, "status-fd", "FD",
            "write a zero byte there once lazy pages can be asked for"),
        ROW(TEXT, page_server, 0, "page-server", "ADDRESS:PORT", "send the memory there"),
        OPTIONS_END,
};
#undef ROW

#define ROW(kind, field, ...) OPTION(struct oci_restore_request, kind, field, __VA_ARGS__)

static const struct option restore_options[] = {
        ROW(TEXT, bundle, 'b', "bundle", "DIR", "the bundle", .shown_default = "this directory",
            .complete = COMPLETE_DIRECTORY),
        ROW(TEXT, console_socket, 0, "console-socket", "SOCKET",
            "send the terminal's master to this socket", .complete = COMPLETE_FILE),
        ROW(TEXT, pid_file, 0, "pid-file", "FILE", "write the process id to this file",
            .complete = COMPLETE_FILE),
        ROW(FLAG, detach, 'd', "detach", "", "do not wait for its end"),
        SHARED(oci_restore_request),
        ROW(TEXT, lsm_profile, 0, "lsm-profile", "KIND:NAME",
            "another profile of apparmor or selinux"),
        ROW(TEXT, lsm_mount_context, 0, "lsm-mount-context", "CONTEXT",
            "another label of its mounts"),
        ROW(FLAG, no_subreaper, 0, "no-subreaper", "", "accepted: husk-oci is no subreaper"),
        ROW(FLAG, no_pivot, 0, "no-pivot", "", "change the root without pivot_root"),
        OPTIONS_END,
};
#undef ROW

static const struct option checkpoint_operands[] = {
        OPERAND(struct oci_checkpoint_request, TEXT, id, "ID", "a container that runs",
                .required = true, .complete = COMPLETE_CONTAINER),
        OPTIONS_END,
};

static const struct option restore_operands[] = {
        OPERAND(struct oci_restore_request, TEXT, id, "ID", "the container's id", .required = true),
        OPTIONS_END,
};

static const struct oci_checkpoint_request checkpoint_defaults = { .criu.image_path =
                                                                           "checkpoint" };
static const struct oci_restore_request restore_defaults = { .criu.image_path = "checkpoint",
                                                             .bundle = "." };

static int run_checkpoint(struct invocation *in)
{
        return engine_oci_checkpoint(in->request);
}

static int run_restore(struct invocation *in)
{
        return engine_oci_restore(in->request, &in->exit);
}

static const struct example checkpoint_examples[] = {
        { "husk-oci checkpoint --image-path /srv/images web",
          "its processes go into the images; the container is gone" },
        { "husk-oci checkpoint --leave-running --image-path /srv/images web", "it goes on" },
        { "", "" },
};

static const struct example restore_examples[] = {
        { "husk-oci restore --detach --bundle /srv/web --image-path /srv/images web",
          "the container goes on where it was" },
        { "", "" },
};

const struct command cli_oci_checkpoint = {
        .name = "checkpoint",
        .summary = "Take a running container's processes into images",
        .description = "criu(8) does it, and must be installed. When it fails, the container runs "
                       "on. Descriptors 0, 1 and 2 that lead out of the container are those of the "
                       "restore afterwards.",
        .examples = checkpoint_examples,
        .options = { checkpoint_options },
        .operands = checkpoint_operands,
        .request_size = sizeof(struct oci_checkpoint_request),
        .defaults = &checkpoint_defaults,
        .group = GROUP_RUN,
        .run = run_checkpoint,
};

const struct command cli_oci_restore = {
        .enters = true,
        .name = "restore",
        .summary = "Make a container of a checkpoint's images",
        .description = "The bundle is that of the container, or one with the same files. Mounts of "
                       "its document are bound again; what the container has mounted is in the "
                       "images. When it fails, nothing is left.",
        .examples = restore_examples,
        .options = { restore_options },
        .operands = restore_operands,
        .request_size = sizeof(struct oci_restore_request),
        .defaults = &restore_defaults,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .run = run_restore,
};
