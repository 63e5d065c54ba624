/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to exit status, output and log, without a container. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "tap.h"

#include <fcntl.h>

#include <sys/ioctl.h>

static char printed[1 << 16];

/* Make `fd` a file of its own; give back the descriptor of that file. */
static int capture(int fd)
{
        char path[] = "/tmp/husk-test-XXXXXX";
        int file = mkostemp(path, O_CLOEXEC);

        CHECK(file >= 0);
        unlink(path);
        CHECK_INT(dup2(file, fd), fd);
        return file;
}

static const char *captured(int file)
{
        ssize_t n = pread(file, printed, sizeof printed - 1, 0);

        CHECK(n >= 0);
        printed[n] = 0;
        return printed;
}

/* Run argv in this process with `fd` captured into `printed`; the exit status. */
static int run(int fd, const char *const *words)
{
        static char copies[16][64], *argv[17];
        int argc = 0, saved = dup(fd), file, status;

        for (; words[argc]; argc++) {
                snprintf(copies[argc], sizeof *copies, "%s", words[argc]);
                argv[argc] = copies[argc];
        }
        argv[argc] = NULL;
        fflush(stdout);
        file = capture(fd);
        status = cli_main(argc, argv);
        dup2(saved, fd);
        captured(file);
        close(file);
        close(saved);
        return status;
}

#define RUN(fd, ...) run(fd, (const char *const[]){ __VA_ARGS__, NULL })

TEST(the_name_picks_the_face)
{
        CHECK_INT(RUN(1, "/usr/bin/husk", "--version"), 0);
        CHECK(text_starts(printed, "husk version "));
        CHECK_INT(RUN(1, "/usr/bin/husk-oci", "--version"), 0);
        CHECK(text_starts(printed, "husk-oci version ") && strstr(printed, "\nspec: 1."));
        CHECK_INT(RUN(1, "husk", "oci", "version"), 0);
        CHECK(text_starts(printed, "husk-oci version "));
}

/* Commands that enter a container start this program anew, from a sealed copy: not in here. */
TEST(bad_usage_is_125_or_1_and_told_once)
{
        CHECK_INT(RUN(2, "husk", "run", "--bogus", "host"), 125);
        CHECK_STR(
                printed, "husk: run: unknown option --bogus\n      hint: see 'husk run --help'\n");
        CHECK_INT(RUN(2, "husk", "rm"), 125);
        CHECK_INT(RUN(2, "husk"), 125);
        CHECK_INT(RUN(2, "husk", "rnu"), 125);
        CHECK_STR(printed, "husk: unknown command 'rnu'\n      hint: did you mean 'husk run'?\n");
        CHECK_INT(RUN(2, "husk-oci", "start"), 1);
        CHECK_STR(
                printed,
                "husk-oci: start: ID is missing\n      hint: see 'husk-oci start --help'\n");
}

TEST(what_a_user_typed_cannot_drive_the_terminal)
{
        CHECK_INT(RUN(2, "husk", "\033[31m"), 125);
        CHECK(!strchr(printed, '\033') && strstr(printed, "\\x1b[31m"));
}

TEST(help_goes_to_stdout)
{
        CHECK_INT(RUN(1, "husk", "run", "--help"), 0);
        CHECK(text_starts(printed, "Usage: husk run [OPTIONS] "));
        CHECK_INT(RUN(1, "husk", "--help"), 0);
        CHECK(text_starts(printed, "Usage: husk [OPTIONS] COMMAND"));
        CHECK_INT(RUN(1, "husk-oci", "help", "--list"), 0);
        CHECK(text_starts(printed, "run\nexec\ncreate\n"));
}

TEST(errors_of_the_runtime_go_to_its_log_too)
{
        char path[] = "/tmp/husk-test-XXXXXX";
        int file = mkstemp(path);

        CHECK(file >= 0);
        CHECK_INT(RUN(2, "husk-oci", "--log", path, "--log-format", "json", "nonsense"), 1);
        CHECK(text_starts(printed, "husk-oci: unknown command 'nonsense'\n"));
        CHECK_INT(RUN(2, "husk-oci", "--log", path, "--log-format=json", "start"), 1);
        captured(file);
        unlink(path);
        CHECK(text_starts(
                printed,
                "{\"level\":\"error\",\"msg\":\"unknown command 'nonsense'\",\"time\":\""));
        CHECK(strstr(printed, "\"}\n{\"level\":\"error\",\"msg\":\"start: ID is missing\","));
}

static int even_names_only(struct invocation *in)
{
        struct rm_request *request = in->request;

        CHECK_INT(request->names.n, 1);
        if (strlen(request->names.items[0]) % 2 == 0)
                return 0;
        return trail(-ENOENT, "no %s", request->names.items[0]);
}

TEST(one_failing_name_does_not_keep_the_others)
{
        const char *names[] = { "aa", "b", "cc", NULL };
        struct rm_request request = { .names = { names, 3 } };
        auto_arena arena = { 0 };
        struct invocation in = {
                .face = &cli_face_husk, .command = &cli_cmd_rm, .arena = &arena, .request = &request
        };
        int out = dup(1), err = dup(2), out_file, err_file;

        fflush(stdout);
        out_file = capture(1);
        err_file = capture(2);
        CHECK_INT(cli_each_name(&in, &request.names, even_names_only), 0);
        dup2(out, 1);
        dup2(err, 2);
        CHECK_STR(captured(out_file), "aa\ncc\n");
        CHECK_STR(captured(err_file), "husk: no b\n");
        CHECK_INT(in.exit, 1);
        CHECK_INT(request.names.n, 3);
}

TEST(only_terminals_without_no_color_are_bold)
{
        struct winsize size = { .ws_col = 97, .ws_row = 20 };
        int master = posix_openpt(O_RDWR | O_NOCTTY), terminal;

        SKIP_UNLESS(master >= 0, "no pseudo-terminal to be had");
        CHECK_INT(grantpt(master) || unlockpt(master), 0);
        terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        CHECK(terminal >= 0);
        CHECK_INT(ioctl(terminal, TIOCSWINSZ, &size), 0);
        CHECK_INT(cli_terminal_width(terminal), 97);
        unsetenv("NO_COLOR");
        CHECK(cli_terminal_bold(terminal));
        setenv("NO_COLOR", "1", 1);
        CHECK(!cli_terminal_bold(terminal));
        unsetenv("NO_COLOR");
        terminal = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK(!cli_terminal_bold(terminal));
        CHECK_INT(cli_terminal_width(terminal), 0);
}
