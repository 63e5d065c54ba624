/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk login` and `husk logout`. The password comes on standard input and nowhere else:
 * a command line is seen by everybody. */
#include "commands.h"
#include "linux/linux.h"
#include "report.h"

#include <unistd.h>

enum {
        PASSWORD_BYTES_MAX = 64 << 10,
};

#define AUTHFILE                                                                           \
        OPTION(struct login_request, TEXT, authfile, 0, "authfile", "FILE",                \
               "where the credentials are kept", .shown_default = "~/.docker/config.json", \
               .complete = COMPLETE_FILE)

static const struct option login_options[] = {
        OPTION(struct login_request, TEXT, username, 'u', "username", "NAME",
               "the user's name there"),
        OPTION(struct login_request, FLAG, password_stdin, 0, "password-stdin", "",
               "read the password from standard input"),
        AUTHFILE,
        CLI_REGISTRY_TLS_ROWS(struct login_request, said),
        OPTIONS_END,
};

static const struct option logout_options[] = { AUTHFILE, OPTIONS_END };

static const struct option operands[] = {
        OPERAND(struct login_request, TEXT, registry, "REGISTRY",
                "HOST[:PORT]; docker.io if none is named"),
        OPTIONS_END,
};

/* All of standard input but one line break at its end. */
static int read_password(struct invocation *in, struct login_request *request)
{
        struct text password = { .arena = in->arena };
        int r;

        if (!request->username || !request->password_stdin) {
                trail_hint("husk login --username NAME --password-stdin REGISTRY <FILE");
                return trail(-EINVAL, "login needs --username and --password-stdin");
        }
        r = file_read_fd(in->arena, STDIN_FILENO, PASSWORD_BYTES_MAX, &password);
        if (r < 0)
                return trail(r, "cannot read the password: %m");
        if (password.len && password.data[password.len - 1] == '\n')
                password.data[--password.len] = '\0';
        if (password.len && password.data[password.len - 1] == '\r')
                password.data[--password.len] = '\0';
        request->password = text_string(&password);
        if (!password.len || strlen(request->password) != password.len)
                return trail(
                        -EINVAL, password.len ? "a password has no NUL in it"
                                              : "there is no password on standard input");
        return 0;
}

static int login(struct invocation *in)
{
        struct text out = { .arena = in->arena };
        struct login_result kept;
        int r = read_password(in, in->request);

        if (r == 0)
                r = engine_login(in->request, in->arena, &kept);
        if (r == 0 && kept.helper)
                text_addf(
                        &out, "Login succeeded; docker-credential-%s keeps the password.\n",
                        kept.helper);
        else if (r == 0)
                text_addf(
                        &out, "Login succeeded; the password is in %s, readable by you alone.\n",
                        kept.file);
        return cli_finish_text(r, &out);
}

static int logout(struct invocation *in)
{
        const struct login_request *request = in->request;
        const char *registry = request->registry ? request->registry : "docker.io";
        struct text out = { .arena = in->arena };
        bool was = false;
        int r = engine_logout(request, &was);

        text_addf(
                &out, was ? "Removed the credentials for %s.\n" : "Not logged in to %s.\n",
                registry);
        return cli_finish_text(r, &out);
}

static const struct example login_examples[] = {
        { "husk login -u ann --password-stdin registry.example <token",
          "log in with what is in the file" },
        { "", "" },
};

static const struct example logout_examples[] = {
        { "husk logout registry.example", "forget the credentials for it" },
        { "", "" },
};

const struct command cli_cmd_login = {
        .name = "login",
        .summary = "Show a registry a password, and keep it if it is right",
        .description =
                "The file is docker's: who has logged in with docker or podman is logged in here, too. "
                "REGISTRY_AUTH_FILE names another one. Where it says credsStore or credHelpers, the program "
                "docker-credential-NAME keeps the password.",
        .examples = login_examples,
        .options = { login_options },
        .operands = operands,
        .request_size = sizeof(struct login_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = login,
};

const struct command cli_cmd_logout = {
        .name = "logout",
        .summary = "Forget the credentials for a registry",
        .examples = logout_examples,
        .options = { logout_options },
        .operands = operands,
        .request_size = sizeof(struct login_request),
        .group = GROUP_IMAGES,
        .error_exit = 1,
        .run = logout,
};
