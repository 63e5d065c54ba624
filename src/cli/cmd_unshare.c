/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk unshare`: where root's default directories would be others, the variables tell the husk
 * that is called in there what it would have used outside, wherever it is called. */
#include "commands.h"
#include "report.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
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

static int set_directory(const char *name, const char *path)
{
        char where[PATH_MAX], whole[2 * PATH_MAX];

        if (path[0] != '/' && getcwd(where, sizeof where) && where[0] == '/') {
                if (strlen(path) >= PATH_MAX)
                        return -ENAMETOOLONG;
                text_format(whole, sizeof whole, "%s/%s", where, path);
                path = whole;
        }
        return setenv(name, path, true) < 0 ? -errno : 0;
}

static int run(struct invocation *in)
{
        struct unshare_request *request = in->request;
        const char *shell = getenv("SHELL");
        const char *own[] = { shell && *shell ? shell : "/bin/sh", NULL };
        int r;

        if (request->argv.n == 0)
                request->argv = (struct words){ own, 1 };
        r = setenv("HUSK_UNSHARED", "1", true) < 0 ? -errno : 0;
        if (r == 0)
                r = set_directory("HUSK_ROOT", request->engine.root);
        if (r == 0)
                r = set_directory("HUSK_RUNROOT", request->engine.runroot);
        if (r < 0)
                return r;
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
