/* SPDX-License-Identifier: Apache-2.0 */
/* What is written from the tables: help as golden files, scripts and pages by their own readers. */
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/man.h"
#include "tap.h"

static struct arena arena;
static const struct face *const faces[] = { &cli_face_husk, &cli_face_oci };

static const char *help(const struct face *face, const struct command *command, unsigned width)
{
        struct text out = { .arena = &arena };
        struct help_style style = { .width = width };

        if (command)
                cli_help_command(&out, face, command, style);
        else
                cli_help_face(&out, face, style);
        return text_string(&out);
}

TEST(help_is_as_in_the_golden_files)
{
        CHECK_GOLDEN("tests/unit/cli/help-husk.txt", help(&cli_face_husk, NULL, 80));
        CHECK_GOLDEN("tests/unit/cli/help-run.txt", help(&cli_face_husk, &cli_cmd_run, 80));
        CHECK_GOLDEN("tests/unit/cli/help-explain.txt", help(&cli_face_husk, &cli_cmd_explain, 60));
        CHECK_GOLDEN("tests/unit/cli/help-oci-kill.txt", help(&cli_face_oci, &cli_oci_kill, 80));
}

static bool is_plain(const char *string, size_t width)
{
        size_t column = 0;

        for (; *string; string++) {
                column = *string == '\n' ? 0 : column + 1;
                if ((*string != '\n' && (*string < ' ' || *string > '~')) || column > width)
                        return false;
        }
        return true;
}

TEST(help_is_ascii_and_keeps_to_the_width)
{
        for (size_t f = 0; f < ARRAY_SIZE(faces); f++) {
                struct command_walk walk = { .face = faces[f] };
                const struct command *command;

                CHECK(is_plain(help(faces[f], NULL, 80), 80));
                while ((command = cli_command_next(&walk)))
                        CHECK(is_plain(help(faces[f], command, 80), 96));
        }
}

TEST(headings_are_bold_only_when_asked)
{
        struct text out = { .arena = &arena };

        CHECK(!strchr(help(&cli_face_husk, &cli_cmd_run, 80), '\033'));
        cli_help_command(&out, &cli_face_husk, &cli_cmd_run, (struct help_style){ 80, true });
        CHECK(strstr(text_string(&out), "\033[1mContainer:\033[0m"));
}

/* Run `command` with `input` in the file $1; its exit status. */
static int check_with(const char *command, const char *input)
{
        char path[] = "/tmp/husk-test-XXXXXX", line[512];
        int fd = mkstemp(path), status;

        CHECK(fd >= 0);
        CHECK(write(fd, input, strlen(input)) == (ssize_t)strlen(input));
        close(fd);
        snprintf(line, sizeof line, "set -- %s; %s", path, command);
        status = system(line);
        unlink(path);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool has_program(const char *name)
{
        char line[128];

        snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", name);
        return system(line) == 0;
}

static void check_shell(const char *shell)
{
        char command[64];

        SKIP_UNLESS(has_program(shell), "the shell is not installed");
        snprintf(command, sizeof command, "%s -n $1 >&2", shell);
        for (size_t f = 0; f < ARRAY_SIZE(faces); f++) {
                struct text out = { .arena = &arena };

                CHECK_INT(cli_completion_put(&out, faces[f], shell), 0);
                CHECK_INT(check_with(command, text_string(&out)), 0);
        }
}

TEST(bash_reads_its_completion)
{
        check_shell("bash");
}

TEST(zsh_reads_its_completion)
{
        check_shell("zsh");
}

TEST(fish_reads_its_completion)
{
        check_shell("fish");
}

TEST(no_completion_for_other_shells)
{
        struct text out = { .arena = &arena };

        CHECK_INT(cli_completion_put(&out, &cli_face_husk, "csh"), -EINVAL);
}

/* What bash offers for a line whose last word is being typed. */
static void check_offer(const char *words, const char *expected)
{
        struct text script = { .arena = &arena };

        CHECK_INT(cli_completion_put(&script, &cli_face_husk, "bash"), 0);
        text_addf(
                &script,
                "\nCOMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _husk\n"
                "[ \"${COMPREPLY[*]}\" = '%s' ] || { echo \"# offered: ${COMPREPLY[*]}\"; exit 1; }\n",
                words, expected);
        CHECK_INT(check_with("bash $1", text_string(&script)), 0);
}

TEST(bash_completes_commands_options_and_values)
{
        SKIP_UNLESS(has_program("bash"), "bash is not installed");
        check_offer("husk exp", "export explain");
        check_offer("husk --root /x sto", "stop");
        check_offer("husk --root = /x --debug st", "start stop");
        check_offer("husk run --cap", "--cap-add --cap-drop");
        check_offer("husk run --network ''", "none host");
        check_offer("husk run --network = h", "host");
        check_offer("husk explain --format s", "shell");
        check_offer("husk explain r", "run");
        check_offer("husk help comp", "completion");
        check_offer("husk completion z", "zsh");
        check_offer("husk --root /x image l", "ls list load");
        check_offer("husk image --h", "--help");
        check_offer("husk image ls --no", "--no-trunc");
        check_offer("husk container rm --fo", "--force");
}

TEST(fish_completes_the_words_of_groups)
{
        struct text script = { .arena = &arena };

        SKIP_UNLESS(has_program("fish"), "fish is not installed");
        CHECK_INT(cli_completion_put(&script, &cli_face_husk, "fish"), 0);
        text_add(
                &script, "\nfunction offers; set -l found (complete -C $argv[1] | cut -f1)\n"
                         "        test \"$found\" = \"$argv[2]\"; or exit 1\nend\n"
                         "offers 'husk --root /x image l' 'list load ls'\n"
                         "offers 'husk image ls --no' --no-trunc\n"
                         "offers 'husk list' ''\n");
        CHECK_INT(
                check_with(
                        "home=$(mktemp -d); HOME=$home fish --no-config $1 >&2; r=$?;"
                        "rm -r $home; exit $r",
                        text_string(&script)),
                0);
}

static const char *page(const struct face *face, const struct command *command)
{
        struct text out = { .arena = &arena };

        cli_man_put(&out, face, command);
        return text_string(&out);
}

TEST(man_pages_have_no_fault)
{
        /* The date is left out on purpose: a build must come out the same every day. */
        const char *lint = "mandoc -Tlint -Wwarning $1 | grep -v 'missing date' | grep . >&2;"
                           "[ $? = 1 ]";

        SKIP_UNLESS(has_program("mandoc"), "mandoc is not installed");
        for (size_t f = 0; f < ARRAY_SIZE(faces); f++) {
                struct command_walk walk = { .face = faces[f] };
                const struct command *command;

                CHECK_INT(check_with(lint, page(faces[f], NULL)), 0);
                while ((command = cli_command_next(&walk)))
                        CHECK_INT(check_with(lint, page(faces[f], command)), 0);
        }
}

TEST(man_pages_show_options_with_real_hyphens)
{
        const char *roff = page(&cli_face_husk, &cli_cmd_run);

        CHECK(strstr(roff, "\n.TP\n\\fB\\-m\\fR, \\fB\\-\\-memory\\fR \\fISIZE\\fR\n"));
        CHECK(strstr(roff, "\n.TP\n126\n"));
        CHECK(!strstr(page(&cli_face_husk, &cli_cmd_ps), "\n.TP\n126\n"));
        CHECK(strstr(page(&cli_face_oci, NULL), ".TH HUSK-OCI 1 "));
}
