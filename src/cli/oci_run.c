/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk-oci run` and `create`: the same request, run with two options more.
 * The rows are runc's. */
#include "commands.h"

#include <stdlib.h>
#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct oci_create_request, kind, field, __VA_ARGS__)

static const struct option create_options[] = {
        ROW(TEXT, bundle, 'b', "bundle", "DIR", "the bundle", .shown_default = "this directory",
            .complete = COMPLETE_DIRECTORY),
        ROW(TEXT, config, 'f', "config", "FILE", "the document, in the place of the bundle's",
            .shown_default = "config.json in the bundle", .complete = COMPLETE_FILE),
        ROW(TEXT, console_socket, 0, "console-socket", "SOCKET",
            "send the terminal's master to this socket", .complete = COMPLETE_FILE),
        ROW(TEXT, pid_file, 0, "pid-file", "FILE", "write the process id to this file",
            .complete = COMPLETE_FILE),
        ROW(TEXT, pidfd_socket, 0, "pidfd-socket", "SOCKET",
            "send a pidfd of the process to this socket", .complete = COMPLETE_FILE),
        ROW(U64, preserve_fds, 0, "preserve-fds", "NUMBER",
            "pass on that many descriptors, from 3 or behind those of LISTEN_FDS on",
            .shown_default = "0"),
        ROW(FLAG, no_pivot, 0, "no-pivot", "",
            "move the root instead of pivot_root: for hosts that run from a ramdisk"),
        ROW(FLAG, no_new_keyring, 0, "no-new-keyring", "", "keep the caller's session keyring"),
        ROW(FLAG, no_subreaper, 0, "no-subreaper", "",
            "adopt no orphans; for callers of runc: we never do"),
        OPTIONS_END,
};

static const struct option run_options[] = {
        ROW(FLAG, detach, 'd', "detach", "", "do not wait for its end"),
        ROW(FLAG, keep, 0, "keep", "", "do not delete it when it has ended"),
        OPTIONS_END,
};

static const struct option operands[] = {
        OPERAND(struct oci_create_request, TEXT, id, "ID", "the new container's id",
                .required = true),
        OPTIONS_END,
};

static const struct oci_create_request create_defaults = { .bundle = "." };
static const struct oci_create_request run_defaults = { .bundle = ".", .run = true };

/* sd_listen_fds(3): they are ours when LISTEN_PID says so, and from here on the container's. */
static void read_listen_fds(struct oci_create_request *request)
{
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        uint64_t number, fds;

        if (!pid || !n || text_u64(pid, &number) < 0 || number != (uint64_t)getpid() ||
            text_u64(n, &fds) < 0)
                return;
        request->listen_fds = fds;
        request->listen_names = getenv("LISTEN_FDNAMES");
}

static int run(struct invocation *in)
{
        struct oci_create_request *request = in->request;

        read_listen_fds(request);
        return engine_oci_create(request, &in->exit);
}

static const struct example run_examples[] = {
        { "husk-oci run --bundle /srv/web web", "run the bundle and wait for its end" },
        { "husk-oci run --bundle /srv/web --config /etc/web.json web",
          "the same with another document" },
        { "", "" },
};

static const struct example create_examples[] = {
        { "husk-oci create --bundle /srv/web --pid-file web.pid web",
          "make it; 'husk-oci start web' runs its process" },
        { "", "" },
};

const struct command cli_oci_run = {
        .enters = true,
        .name = "run",
        .summary = "Create and start a container",
        .examples = run_examples,
        .options = { create_options, run_options },
        .operands = operands,
        .request_size = sizeof(struct oci_create_request),
        .defaults = &run_defaults,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .run = run,
};

const struct command cli_oci_create = {
        .enters = true,
        .name = "create",
        .summary = "Create a container, ready to be started",
        .examples = create_examples,
        .options = { create_options },
        .operands = operands,
        .request_size = sizeof(struct oci_create_request),
        .defaults = &create_defaults,
        .group = GROUP_RUN,
        .run = run,
};
