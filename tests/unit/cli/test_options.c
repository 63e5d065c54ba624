/* SPDX-License-Identifier: Apache-2.0 */
/* The parser, by the real commands' rows: what a user types is what the request holds. */
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/values.h"
#include "tap.h"

static struct arena arena;

/* Parse words into the command's request; *ret_request gets it. */
static int parse(
        const struct face *face, const struct command *command, const char *const *words,
        void *ret_request)
{
        static char *argv[64];
        struct parse p = { .face = face, .command = command, .arena = &arena, .argv = argv };
        int r;

        for (p.argc = 0; words[p.argc]; p.argc++)
                argv[p.argc] = arena_string(&arena, words[p.argc]);
        argv[p.argc] = NULL;
        p.request = arena_alloc(&arena, command->request_size);
        if (command->defaults)
                memcpy(p.request, command->defaults, command->request_size);
        trail_reset();
        r = cli_options_parse(&p);
        *(void **)ret_request = p.request;
        return r < 0 ? r : p.help;
}

#define WORDS(...)      ((const char *const[]){ __VA_ARGS__, NULL })
#define HUSK(name, ...) parse(&cli_face_husk, &cli_cmd_##name, WORDS(__VA_ARGS__), &q)
#define OCI(name, ...)  parse(&cli_face_oci, &cli_oci_##name, WORDS(__VA_ARGS__), &q)
#define REFUSES(name, text, ...)                             \
        do {                                                 \
                CHECK_INT(HUSK(name, __VA_ARGS__), -EINVAL); \
                CHECK_STR(trail_text(), text);               \
        } while (0)

TEST(run_without_options_has_the_defaults)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "host"), 0);
        CHECK_INT(cli_run_finish(&arena, q), 0);
        CHECK_STR(q->image, "host");
        CHECK_STR(q->network, "none");
        CHECK(q->pids_limit == PIDS_LIMIT_UNSET);
        CHECK_INT(q->memory_bytes, 0);
        CHECK_INT(q->argv.n, 0);
        CHECK(!q->tty && !q->remove && !q->env.n);
}

TEST(every_way_to_give_a_value)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "--name=a", "host"), 0);
        CHECK_STR(q->name, "a");
        CHECK_INT(HUSK(run, "--name", "b", "host"), 0);
        CHECK_STR(q->name, "b");
        CHECK_INT(HUSK(run, "-h", "c", "host"), 0);
        CHECK_STR(q->hostname, "c");
        CHECK_INT(HUSK(run, "-hd", "host"), 0);
        CHECK_STR(q->hostname, "d");
        CHECK_INT(HUSK(run, "-h=e", "host"), 0);
        CHECK_STR(q->hostname, "e");
        CHECK_INT(HUSK(run, "--name=", "host"), 0);
        CHECK_STR(q->name, "");
        CHECK_INT(HUSK(run, "--name=x=y", "host"), 0);
        CHECK_STR(q->name, "x=y");
}

TEST(flags_bundle_and_can_be_switched_off)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "-it", "--rm", "host"), 0);
        CHECK(q->interactive && q->tty && q->remove && !q->detach);
        CHECK_INT(HUSK(run, "-itw/srv", "host"), 0);
        CHECK(q->interactive && q->tty);
        CHECK_STR(q->workdir, "/srv");
        CHECK_INT(HUSK(run, "-it", "-t=false", "--interactive=0", "host"), 0);
        CHECK(!q->interactive && !q->tty);
        REFUSES(run, "'maybe' is not a value for --tty: expected true or false", "--tty=maybe",
                "host");
}

TEST(options_end_at_the_first_operand)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "--rm", "host", "ls", "-l", "--name", "--"), 0);
        CHECK_INT(cli_run_finish(&arena, q), 0);
        CHECK_STR(q->image, "host");
        CHECK_INT(q->argv.n, 4);
        CHECK_STR(q->argv.items[0], "ls");
        CHECK_STR(q->argv.items[2], "--name");
        CHECK_STR(q->argv.items[3], "--");
        CHECK(!q->argv.items[4] && !q->name);
}

TEST(two_dashes_end_the_options)
{
        struct rm_request *q;

        CHECK_INT(HUSK(rm, "a", "--", "-f", "b"), 0);
        CHECK_INT(q->names.n, 3);
        CHECK_STR(q->names.items[1], "-f");
        CHECK(!q->force);
}

TEST(options_may_follow_operands_elsewhere)
{
        struct rm_request *q;

        CHECK_INT(HUSK(rm, "a", "-f", "b"), 0);
        CHECK_INT(q->names.n, 2);
        CHECK_STR(q->names.items[1], "b");
        CHECK(q->force && !q->names.items[2]);
}

TEST(rootfs_takes_the_place_of_the_image)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "--rootfs", "/srv", "host", "x"), 0);
        CHECK_INT(cli_run_finish(&arena, q), 0);
        CHECK(!q->image);
        CHECK_STR(q->argv.items[0], "host");
        CHECK_INT(HUSK(run, "--rm"), 0);
        CHECK_INT(cli_run_finish(&arena, q), -EINVAL);
        CHECK_STR(trail_text(), "an image, or --rootfs DIR, is missing");
}

TEST(repeatable_options_keep_their_order)
{
        struct run_request *q;

        setenv("HUSK_TEST_A", "from outside", 1);
        unsetenv("HUSK_TEST_B");
        CHECK_INT(
                HUSK(run, "-e", "X=1", "-eHUSK_TEST_A", "--env=HUSK_TEST_B", "-e", "Y=", "host"),
                0);
        CHECK_INT(q->env.n, 3);
        CHECK_STR(q->env.items[0], "X=1");
        CHECK_STR(q->env.items[1], "HUSK_TEST_A=from outside");
        CHECK_STR(q->env.items[2], "Y=");
        CHECK(!q->env.items[3]);
        REFUSES(run,
                "'=x' is not a value for --env: expected NAME=VALUE, or NAME to pass on your own",
                "-e", "=x", "host");
}

TEST(numbers_are_read_whole_or_not_at_all)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "-m", "512m", "--cpus", "1.5", "--pids-limit", "-1", "host"), 0);
        CHECK_INT(q->memory_bytes, 512 << 20);
        CHECK_INT(q->nano_cpus, 1500000000);
        CHECK_INT(q->pids_limit, -1);
        CHECK_INT(HUSK(run, "--cpus", ".000000001", "host"), 0);
        CHECK_INT(q->nano_cpus, 1);
        REFUSES(run, "'5q' is not a value for --memory: expected a size such as 512m or 1.5g",
                "-m5q", "host");
        REFUSES(run,
                "'1.0000000001' is not a value for --cpus: expected a number of CPUs such as 2 or "
                "0.5",
                "--cpus=1.0000000001", "host");
        REFUSES(run,
                "'99999999999999999999' is not a value for --cpus: out of range, expected a "
                "number of CPUs such as 2 or 0.5",
                "--cpus=99999999999999999999", "host");
        CHECK_INT(HUSK(run, "--cpus", ".", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "--cpus", "", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "--cpus", "-1", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "--pids-limit", "1x", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "--pids-limit", "--1", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "--pids-limit", "9223372036854775808", "host"), -EINVAL);
}

TEST(seconds_take_units)
{
        struct stop_request *q;

        CHECK_INT(HUSK(stop, "a"), 0);
        CHECK(q->timeout_s == STOP_TIMEOUT_UNSET);
        CHECK_INT(HUSK(stop, "-t2", "a"), 0);
        CHECK_INT(q->timeout_s, 2);
        CHECK_INT(HUSK(stop, "--time=2m", "a"), 0);
        CHECK_INT(q->timeout_s, 120);
        CHECK_INT(HUSK(stop, "-t", "-1", "a"), 0);
        CHECK_INT(q->timeout_s, -1);
        CHECK_INT(HUSK(stop, "-t", "-2", "a"), -EINVAL);
        CHECK_INT(HUSK(stop, "-t", "s", "a"), -EINVAL);
        CHECK_INT(HUSK(stop, "-t", "99999999h", "a"), -EINVAL);
}

TEST(signals_have_names_and_numbers)
{
        struct kill_request *q;

        CHECK_INT(HUSK(kill, "a"), 0);
        CHECK_INT(q->signal, SIGKILL);
        CHECK_INT(HUSK(kill, "-s", "SIGHUP", "a"), 0);
        CHECK_INT(q->signal, SIGHUP);
        CHECK_INT(HUSK(kill, "-susr1", "a"), 0);
        CHECK_INT(q->signal, SIGUSR1);
        CHECK_INT(cli_signal("15"), 15);
        CHECK_INT(cli_signal("RTMIN+3"), 37);
        CHECK_INT(cli_signal("sigCLD"), 17);
        CHECK_INT(cli_signal("SIGCLD+1"), -EINVAL);
        CHECK_INT(cli_signal("SIGRTMAX"), 64);
        CHECK_INT(cli_signal("RTMAX-1"), 63);
        CHECK_INT(cli_signal("RTMIN+31"), -EINVAL);
        CHECK_INT(cli_signal("RTMIN-1"), -EINVAL);
        CHECK_INT(cli_signal("65"), -EINVAL);
        CHECK_INT(cli_signal(""), -EINVAL);
        CHECK_INT(cli_signal("SIG"), -EINVAL);
        CHECK_INT(cli_signal("-9"), -EINVAL);
}

TEST(users_have_one_colon_at_most)
{
        struct run_request *q;

        CHECK_INT(HUSK(run, "-u", "1000:10", "host"), 0);
        CHECK_STR(q->user, "1000:10");
        CHECK_INT(HUSK(run, "-u", "www-data", "host"), 0);
        CHECK_INT(HUSK(run, "-u", "a:b:c", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "-u", ":b", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "-u", "a:", "host"), -EINVAL);
        CHECK_INT(HUSK(run, "-u", "", "host"), -EINVAL);
}

TEST(choices_are_whole_words)
{
        struct explain_request *q;

        CHECK_INT(HUSK(explain, "--format", "json", "run", "host"), 0);
        CHECK_STR(q->format, "json");
        REFUSES(explain, "'jso' is not a value for --format: expected one of text, json, shell",
                "--format=jso", "run", "host");
        CHECK(cli_word_in("text json", "json") && !cli_word_in("text json", "son"));
        CHECK(!cli_word_in("text json", "text json") && !cli_word_in("text json", ""));
}

TEST(unknown_words_get_the_nearest_one)
{
        struct run_request *q;

        REFUSES(run, "unknown option --hostnam", "--hostnam", "x", "host");
        CHECK_STR(trail_hint_text(), "did you mean --hostname?");
        REFUSES(run, "unknown option --mem", "--mem=5", "host");
        CHECK_STR(trail_hint_text(), "did you mean --memory?");
        REFUSES(run, "unknown option --frobnicate", "--frobnicate", "host");
        CHECK_STR(trail_hint_text(), "see 'husk run --help'");
        /* A known word with more behind it: once read behind the known one's end. */
        REFUSES(run, "unknown option --envxx", "--envxx", "host");
        REFUSES(run, "unknown option -Z", "-iZ", "host");
        REFUSES(run, "unknown option --root", "--root", "/x", "host");
        CHECK_STR(trail_hint_text(), "--root goes before the command: husk --root ... run");
        trail_reset();
        CHECK_INT(cli_face_unknown(&cli_face_husk, NULL, "rnu"), -EINVAL);
        CHECK_STR(trail_hint_text(), "did you mean 'husk run'?");
}

TEST(words_of_other_engines_are_refused_with_what_to_do)
{
        struct run_request *q;
        struct explain_request *e;

        REFUSES(run, "there is no option --publish here", "--publish=80:80", "host");
        CHECK(text_starts(trail_hint_text(), "there is no network with addresses yet"));
        REFUSES(run, "there is no option -p here", "-itp", "80:80", "host");
        CHECK(text_starts(trail_hint_text(), "there is no network with addresses yet"));
        CHECK_INT(
                parse(&cli_face_husk, &cli_cmd_explain, WORDS("run", "--gpus", "all"), &e),
                -EINVAL);
        CHECK_STR(trail_text(), "there is no option --gpus here");
        trail_reset();
        CHECK_INT(cli_face_unknown(&cli_face_husk, NULL, "attach"), -EINVAL);
        CHECK_STR(trail_text(), "there is no command 'attach' here");
        trail_reset();
        CHECK_INT(cli_face_unknown(&cli_face_husk, &cli_cmd_image, "pul"), -EINVAL);
        CHECK_STR(trail_text(), "unknown command 'image pul'");
        CHECK_STR(trail_hint_text(), "did you mean 'husk image pull'?");
        trail_reset();
        CHECK_INT(HUSK(run, "--net", "host", "host"), 0);
        CHECK_STR(q->network, "host");
        CHECK_INT(HUSK(run, "--net=host", "host"), 0);
        CHECK_STR(q->network, "host");
}

/* A word that came to be must leave the table. */
TEST(what_is_absent_is_not_there)
{
        struct option_walk walk = { .command = &cli_cmd_run };
        const struct option *o;

        while ((o = cli_option_next(&walk))) {
                CHECK(!cli_absent_find(cli_run_absent, o->name, 0));
                CHECK(!cli_absent_find(cli_run_absent, NULL, o->letter));
        }
        for (const struct absent *a = cli_commands_absent; *a->name; a++)
                CHECK(!cli_face_command(&cli_face_husk, a->name));
}

#define FITS(row, field) CHECK(memchr((row)->field, '\0', sizeof(row)->field))

static void check_row(const struct option *o)
{
        FITS(o, name);
        FITS(o, alias);
        FITS(o, metavar);
        FITS(o, help);
        FITS(o, values);
        FITS(o, shown_default);
}

static void check_command(const struct command *command)
{
        struct option_walk walk = { .command = command };
        const struct option *o;

        while ((o = cli_option_next(&walk)))
                check_row(o);
        for (o = command->operands; o && o->kind != OPTION_END; o++)
                check_row(o);
        for (const struct example *e = command->examples; e && *e->line; e++) {
                FITS(e, line);
                FITS(e, does);
        }
        for (const struct absent *a = command->absent; a && *a->name; a++) {
                FITS(a, name);
                FITS(a, instead);
        }
}

/* The compiler lets a word fill its place to the last byte, and leaves out the NUL. */
TEST(words_of_rows_end_inside_them)
{
        static const struct face *const faces[] = { &cli_face_husk, &cli_face_oci };

        for (size_t i = 0; i < ARRAY_SIZE(faces); i++) {
                check_command(faces[i]->globals);
                for (const struct command *const *c = faces[i]->commands; *c; c++)
                        check_command(*c);
                for (const struct example *e = faces[i]->examples; e && *e->line; e++) {
                        FITS(e, line);
                        FITS(e, does);
                }
        }
        for (const struct absent *a = cli_commands_absent; *a->name; a++) {
                FITS(a, name);
                FITS(a, instead);
        }
}

TEST(missing_and_superfluous_words)
{
        void *q;

        REFUSES(run, "--memory needs a value: a size such as 512m or 1.5g", "-m");
        REFUSES(run, "--name needs a value: text", "--name");
        REFUSES(exec, "COMMAND is missing", "web");
        REFUSES(exec, "CONTAINER is missing", "-t");
        REFUSES(history, "'b' is one word too many", "a", "b");
        REFUSES(explain, "'run' is missing", "--format=json");
        REFUSES(explain, "expected 'run', not 'host'", "host");
}

TEST(explain_reads_runs_options_behind_the_word)
{
        struct explain_request *q;

        CHECK_INT(HUSK(explain, "--format=shell", "run", "-m", "1k", "host", "run", "-x"), 0);
        CHECK_INT(cli_run_finish(&arena, &q->run), 0);
        CHECK_STR(q->format, "shell");
        CHECK_INT(q->run.memory_bytes, 1024);
        CHECK_STR(q->run.image, "host");
        CHECK_STR(q->run.argv.items[0], "run");
        CHECK_STR(q->run.argv.items[1], "-x");
}

TEST(help_is_met_anywhere_before_operands_end_it)
{
        void *q;

        CHECK_INT(HUSK(run, "--rm", "--help"), 1);
        CHECK_INT(HUSK(rm, "-h"), 1);
        CHECK_INT(HUSK(run, "host", "ls", "--help"), 0);
}

TEST(oci_create_as_engines_call_it)
{
        struct oci_create_request *q;

        CHECK_INT(
                OCI(create, "--bundle", "/b", "-f", "/f", "--pid-file", "/p", "--console-socket",
                    "/c", "--no-pivot", "--preserve-fds=3", "--no-new-keyring", "one"),
                0);
        CHECK_STR(q->bundle, "/b");
        CHECK_STR(q->config, "/f");
        CHECK_STR(q->pid_file, "/p");
        CHECK_STR(q->console_socket, "/c");
        CHECK_STR(q->id, "one");
        CHECK_INT(q->preserve_fds, 3);
        CHECK(q->no_pivot && q->no_new_keyring && !q->run && !q->detach);
        CHECK_INT(OCI(run, "one", "-d", "-b", "/b"), 0);
        CHECK(q->run && q->detach);
        CHECK_INT(OCI(create, "--detach", "one"), -EINVAL);
}

TEST(oci_exec_takes_lists_of_groups)
{
        struct oci_exec_request *q;

        CHECK_INT(
                OCI(exec, "-g", "10,20", "-g30", "--cap", "CAP_KILL", "-u1:2", "one", "ls", "-g"),
                0);
        CHECK_INT(q->additional_gids.n, 3);
        CHECK_INT(q->additional_gids.items[0], 10);
        CHECK_INT(q->additional_gids.items[1], 20);
        CHECK_INT(q->additional_gids.items[2], 30);
        CHECK_STR(q->caps.items[0], "CAP_KILL");
        CHECK_INT(q->argv.n, 2);
        CHECK_INT(OCI(exec, "-g", "1,", "one", "ls"), -EINVAL);
        CHECK_INT(OCI(exec, "-g", "4294967295", "one", "ls"), -EINVAL);
}

TEST(oci_kill_has_an_optional_signal)
{
        struct oci_kill_request *q;

        CHECK_INT(OCI(kill, "one"), 0);
        CHECK_INT(q->signal, SIGTERM);
        CHECK_INT(OCI(kill, "--all", "one", "9"), 0);
        CHECK_INT(q->signal, 9);
        CHECK(q->all);
        CHECK_INT(OCI(kill, "one", "NOPE"), -EINVAL);
}

static bool same_name(const struct option *a, const struct option *b)
{
        return !strcmp(a->name, b->name) || (a->letter && a->letter == b->letter);
}

static void check_rows(const struct face *face)
{
        struct command_walk walk = { .face = face };
        struct option_walk one = { 0 };

        while ((one.command = cli_command_next(&walk))) {
                const struct option *a, *b;

                while ((a = cli_option_next(&one))) {
                        struct option_walk two = one;

                        CHECK((a->kind == OPTION_FLAG) == !*a->metavar);
                        CHECK(a->kind != OPTION_CHOICE || *a->values);
                        CHECK(a->at < one.command->request_size);
                        while ((b = cli_option_next(&two)))
                                CHECK(!same_name(a, b));
                }
                one = (struct option_walk){ 0 };
        }
}

/* Tables that a later row could break. */
TEST(no_two_rows_of_a_command_collide)
{
        const struct face *const faces[] = { &cli_face_husk, &cli_face_oci };

        for (size_t f = 0; f < ARRAY_SIZE(faces); f++)
                check_rows(faces[f]);
}
