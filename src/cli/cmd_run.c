/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk run`. The rows are explain's too: what can be run can be explained.
 * Two things do not fit a row and are read in cli_run_finish: the image is the first operand only
 * without --rootfs, and --security-opt is docker's bag of unrelated settings. */
#include "commands.h"

#include <string.h>
#include <unistd.h>

#define ROW(kind, field, ...) OPTION(struct run_request, kind, field, __VA_ARGS__)

const struct option cli_run_options[] = {
        ROW(FLAG, remove, 0, "rm", NULL, "remove the container when it has ended"),
        ROW(TEXT, name, 0, "name", "NAME", "name the container"),
        ROW(FLAG, interactive, 'i', "interactive", NULL, "keep its standard input open"),
        ROW(FLAG, tty, 't', "tty", NULL, "give it a terminal"),
        ROW(FLAG, detach, 'd', "detach", NULL, "do not wait for its end; print its id"),
        ROW(FLAG, init, 0, "init", NULL,
            "an init as pid 1: it reaps orphans and passes signals on"),
        ROW(ENV, env, 'e', "env", "NAME[=VALUE]", "set a variable; NAME alone passes on your own"),
        ROW(TEXT, workdir, 'w', "workdir", "DIR", "the directory to start in"),
        ROW(USER, user, 'u', "user", "USER[:GROUP]", "names or ids to run as"),
        ROW(TEXT, hostname, 'h', "hostname", "NAME", "host name",
            .shown_default = "the beginning of the id"),
        ROW(TEXT, entrypoint, 0, "entrypoint", "PROGRAM", "run this in place of the image's own"),
        ROW(TEXT, rootfs, 0, "rootfs", "DIR", "use this directory as the root, not an image",
            .complete = COMPLETE_DIRECTORY),
        ROW(FLAG, read_only, 0, "read-only", NULL, "mount the root read-only"),
        ROW(CHOICE, network, 0, "network", "NETWORK", "network to be in", .values = "none host",
            .shown_default = "none"),
        ROW(SIZE, memory_bytes, 'm', "memory", "SIZE", "limit of memory, such as 512m"),
        ROW(CPUS, nano_cpus, 0, "cpus", "NUMBER", "limit of processor time, such as 1.5"),
        ROW(I64, pids_limit, 0, "pids-limit", "NUMBER", "limit of processes; -1: none"),
        ROW(TEXTS, cap_add, 0, "cap-add", "CAPABILITY", "add a capability, or ALL"),
        ROW(TEXTS, cap_drop, 0, "cap-drop", "CAPABILITY", "drop a capability, or ALL"),
        ROW(TEXTS, security_opt, 0, "security-opt", "OPTION",
            "seccomp=unconfined, seccomp=FILE, no-new-privileges"),
        ROW(TEXTS, labels, 'l', "label", "KEY[=VALUE]", "attach a label"),
        ROW(FLAG, timing, 0, "timing", NULL, "tell how long each step of the start took"),
        OPTIONS_END,
};

const struct option cli_run_operands[] = {
        OPERAND(struct run_request, TEXTS, argv, "host", "the image, then the command",
                .values = "host"),
        OPTIONS_END,
};

const struct run_request cli_run_defaults = {
        .network = "none",
        .pids_limit = PIDS_LIMIT_UNSET,
};

static int read_no_new_privileges(struct run_request *run, const char *value)
{
        if (!*value || text_equal(value + 1, "true"))
                run->no_new_privileges = true;
        else if (text_equal(value + 1, "false"))
                run->no_new_privileges = false;
        else
                return -EINVAL;
        return 0;
}

static int read_security_option(struct run_request *run, const char *option)
{
        size_t len = strcspn(option, "=:");
        int r = -EINVAL;

        if (len == 7 && text_starts(option, "seccomp") && option[len] && option[len + 1]) {
                run->seccomp = option + len + 1;
                r = 0;
        } else if (len == 17 && text_starts(option, "no-new-privileges")) {
                r = read_no_new_privileges(run, option + len);
        }
        if (r == 0)
                return 0;
        trail_hint("known are seccomp=unconfined, seccomp=FILE and no-new-privileges");
        return trail(r, "'%s' is not a value for --security-opt", option);
}

int cli_run_finish(struct run_request *run)
{
        for (size_t i = 0; i < run->security_opt.n; i++) {
                int r = read_security_option(run, run->security_opt.items[i]);

                if (r < 0)
                        return r;
        }
        if (run->rootfs)
                return 0;
        if (!run->argv.n) {
                trail_hint("'host' is the image of this very system: husk run host sh");
                return trail(-EINVAL, "an image, or --rootfs DIR, is missing");
        }
        run->image = run->argv.items[0];
        run->argv.items++;
        run->argv.n--;
        return 0;
}

static int run(struct invocation *in)
{
        struct run_request *request = in->request;
        struct text id = { .arena = in->arena }, timing = { .arena = in->arena };
        int r = cli_run_finish(request);

        if (r < 0)
                return r;
        request->id_out = request->detach ? &id : NULL;
        request->timing_out = request->timing ? &timing : NULL;
        r = engine_run(request, &in->exit);
        if (id.len)
                text_add_char(&id, '\n');
        cli_print(STDOUT_FILENO, &id);
        cli_print(STDERR_FILENO, &timing);
        return r;
}

static const struct example examples[] = {
        { "husk run --rm -it host sh", "a shell in a throw-away container" },
        { "husk run -d --name web --rootfs /srv/web /bin/httpd",
          "a server from a directory, in the background" },
        { "husk run --rm --memory 256m --cpus 0.5 host make",
          "a build that may take half a processor and 256 MiB" },
        { NULL, NULL },
};

const struct command cli_cmd_run = {
        .enters = true,
        .name = "run",
        .summary = "Make a container and run a command in it",
        .usage = "host|--rootfs DIR [COMMAND [ARG...]]",
        .description = "Make a container from an image or a directory and run a command in it. "
                       "The image 'host' is a read-only view of this system's own programs.\n\n"
                       "Options end where the image (with --rootfs, the command) begins.",
        .examples = examples,
        .options = { cli_run_options },
        .operands = cli_run_operands,
        .request_size = sizeof(struct run_request),
        .defaults = &cli_run_defaults,
        .options_first = true,
        .exits_as_command = true,
        .group = GROUP_RUN,
        .run = run,
};
