/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci exec`. The process comes from the command line or, as engines
 * do it, from a file. */
#include "commands.h"

#define ROW(kind, field, ...) OPTION(struct oci_exec_request, kind, field, __VA_ARGS__)

static const struct option options[] = {
        ROW(TEXT, process, 'p', "process", "FILE", "the process, as in config.json",
            .complete = COMPLETE_FILE),
        ROW(TEXT, cwd, 0, "cwd", "DIR", "the directory to start in"),
        ROW(ENV, env, 'e', "env", "NAME[=VALUE]", "set a variable; NAME alone passes on your own"),
        ROW(FLAG, tty, 't', "tty", "", "give it a terminal"),
        ROW(USER, user, 'u', "user", "UID[:GID]", "ids to run as"),
        ROW(GIDS, additional_gids, 'g', "additional-gids", "GID", "further groups"),
        ROW(FLAG, detach, 'd', "detach", "", "do not wait for its end"),
        ROW(TEXT, console_socket, 0, "console-socket", "SOCKET",
            "send the terminal's master to this socket", .complete = COMPLETE_FILE),
        ROW(TEXT, pid_file, 0, "pid-file", "FILE", "write the process id to this file",
            .complete = COMPLETE_FILE),
        ROW(TEXT, pidfd_socket, 0, "pidfd-socket", "SOCKET",
            "send a pidfd of the process to this socket", .complete = COMPLETE_FILE),
        ROW(TEXT, process_label, 0, "process-label", "LABEL", "its SELinux label"),
        ROW(TEXT, apparmor, 0, "apparmor", "PROFILE", "its AppArmor profile"),
        ROW(TEXTS, cgroups, 0, "cgroup", "[CONTROLLER:]PATH",
            "run it in this cgroup below the container's"),
        ROW(TEXTS, caps, 'c', "cap", "CAPABILITY", "add a capability"),
        ROW(FLAG, no_new_privs, 0, "no-new-privs", "", "set no_new_privs"),
        ROW(U64, preserve_fds, 0, "preserve-fds", "NUMBER",
            "pass on that many more descriptors from 3 on", .shown_default = "0"),
        ROW(FLAG, ignore_paused, 0, "ignore-paused", "", "do so in a paused container too"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_exec_request, TEXT, id, "ID", "a running container", .required = true,
                .complete = COMPLETE_CONTAINER),
        OPERAND(struct oci_exec_request, TEXTS, argv, "COMMAND", "the command and its arguments"),
        OPTIONS_END,
};

static int run(struct invocation *in)
{
        const struct oci_exec_request *request = in->request;

        if (!request->process && !request->argv.n)
                return trail(-EINVAL, "a command, or --process FILE, is missing");
        return engine_oci_exec(request, &in->exit);
}

static const struct example examples[] = {
        { "husk-oci exec web ps", "run ps in the container web" },
        { "husk-oci exec --process process.json --detach --pid-file ps.pid web",
          "as a container engine does it" },
        { "", "" },
};

const struct command cli_oci_exec = {
        .enters = true,
        .name = "exec",
        .summary = "Run one more process in a container",
        .usage = "ID [COMMAND [ARG...]]",
        .examples = examples,
        .options = { options },
        .operands = operands,
        .request_size = sizeof(struct oci_exec_request),
        .options_first = true,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .error_exit = 255, /* as runc: its callers tell it from a command's 1 */
        .run = run,
};
