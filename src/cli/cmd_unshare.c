/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk unshare`: where root's default directories would be others, the variables tell the husk
 * that is called in there what it would have used outside. */
#include "commands.h"
#include "report.h"

#include <stdlib.h>
#include <unistd.h>

static const struct option operands[] = {
        OPERAND(struct unshare_request, TEXTS, argv, "COMMAND",
                "the command and its arguments; none: your shell"),
        OPTIONS_END,
};

static void tell(void *context)
{
        cli_report_warnings(context);
}

static int run(struct invocation *in)
{
        struct unshare_request *request = in->request;
        const char *shell = getenv("SHELL");
        const char *own[] = { shell && *shell ? shell : "/bin/sh", NULL };

        if (request->argv.n == 0)
                request->argv = (struct words){ own, 1 };
        if (setenv("HUSK_UNSHARED", "1", true) < 0 ||
            setenv("HUSK_ROOT", request->engine.root, true) < 0 ||
            setenv("HUSK_RUNROOT", request->engine.runroot, true) < 0)
                return -errno;
        request->search = getenv("PATH");
        request->env = (const char *const *)environ;
        request->tell = tell;
        request->context = in;
        return engine_unshare(request, &in->exit);
}

static const struct example examples[] = {
        { "husk unshare", "a shell in which your containers' files are yours" },
        { "husk unshare rm -r data", "remove what a container wrote with other ids" },
        { "husk unshare sh -c 'ls $(husk mount web)'", "look at a container's files" },
        { "", "" },
};

const struct command cli_cmd_unshare = {
        .name = "unshare",
        .summary = "Run a command where all your ids are yours",
        .usage = "[COMMAND [ARG...]]",
        .description =
                "Run a command, or your shell, in a user namespace in which you are root and the "
                "ids that /etc/subuid and /etc/subgid give you are the others, with mounts of its "
                "own. Files that your containers have written as other ids can be read, changed "
                "and removed there, and `husk mount` works. What is mounted there goes with the "
                "last process in it. A container that is made there has no user namespace of its own, "
                "and can be used there only.\n\nThe exit status is the command's; 126 and 127 are those of "
                "a shell. It is for ordinary users: root needs none.",
        .examples = examples,
        .operands = operands,
        .request_size = sizeof(struct unshare_request),
        .options_first = true,
        .exits_as_command = true,
        .group = GROUP_OTHER,
        .run = run,
};
