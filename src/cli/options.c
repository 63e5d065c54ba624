/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one parser for every command of both faces, driven by option rows. It
 * walks argv once, hands each value to its reader (values.c) and moves the operands to the front
 * of argv in place, so that "the rest of the line" is a slice which execve can take without a
 * copy. Rules are docker's (pflag's), since users' fingers know them.
 * Not getopt: that knows neither --flag=false nor which row a value came from, has global state,
 * and speaks to stderr itself. */
#include "options.h"

#include "help.h"
#include "values.h"

#include <string.h>

const struct option *cli_option_next(struct option_walk *walk)
{
        for (; walk->table < ARRAY_SIZE(walk->command->options); walk->table++, walk->row = 0) {
                const struct option *rows = walk->command->options[walk->table];

                for (; rows && rows[walk->row].kind == OPTION_HEADING; walk->row++)
                        walk->heading = rows[walk->row].name;
                if (rows && rows[walk->row].kind != OPTION_END)
                        return &rows[walk->row++];
        }
        return NULL;
}

struct slice {
        const char *start;
        size_t len;
};

static bool is_word(struct slice slice, const char *word)
{
        return !strncmp(word, slice.start, slice.len) && !word[slice.len];
}

static const struct option *find_name(const struct command *command, struct slice name)
{
        struct option_walk walk = { .command = command };
        const struct option *o;

        while ((o = cli_option_next(&walk)))
                if (is_word(name, o->name) || (*o->alias && is_word(name, o->alias)))
                        return o;
        return NULL;
}

static const struct option *find_letter(const struct command *command, char letter)
{
        struct option_walk walk = { .command = command };
        const struct option *o;

        while ((o = cli_option_next(&walk)))
                if (o->letter == letter)
                        return o;
        return NULL;
}

bool cli_option_has_letter(const struct command *command, char letter)
{
        return find_letter(command, letter) != NULL;
}

/* Two neighbours changed places: the commonest slip of fingers, two edits to text_distance. */
static bool is_swapped(const char *a, const char *b)
{
        while (*a && *a == *b)
                a++, b++;
        /* In this order neither word is read behind its end. */
        return *a && a[1] && a[1] == b[0] && a[0] == b[1] && text_equal(a + 2, b + 2);
}

/* An abbreviation counts as near: --mem means --memory. Else a third of the letters may differ. */
void cli_nearest_try(struct nearest *nearest, const char *candidate)
{
        size_t len = strlen(nearest->word);
        unsigned distance = text_distance(nearest->word, candidate);
        unsigned limit = len < 4 ? 1 : (unsigned)len / 3;

        if ((len >= 2 && text_starts(candidate, nearest->word)) ||
            is_swapped(nearest->word, candidate))
                distance = 1;
        if (distance > limit || (nearest->best && distance >= nearest->distance))
                return;
        nearest->best = candidate;
        nearest->distance = distance;
}

static void hint_help(const struct parse *parse)
{
        if (!parse->face)
                return;
        if (parse->command == parse->face->globals)
                trail_hint("see '%s --help'", parse->face->name);
        else
                trail_hint("see '%s %s --help'", parse->face->name, parse->command->name);
}

static int refuse_absent(const struct absent *absent, const char *shown)
{
        trail_hint("%s", absent->instead);
        return trail(-EINVAL, "there is no option %s here", shown);
}

static int unknown_letter(const struct parse *parse, char letter)
{
        const struct absent *absent = cli_absent_find(parse->command->absent, NULL, letter);
        char shown[] = { '-', letter, '\0' };

        if (absent)
                return refuse_absent(absent, shown);
        hint_help(parse);
        return trail(-EINVAL, "unknown option %s", shown);
}

static int unknown_option(const struct parse *parse, struct slice name)
{
        const char *word = arena_copy(parse->arena, name.start, name.len);
        const struct absent *absent = cli_absent_find(parse->command->absent, word, 0);
        struct nearest nearest = { .word = word };
        struct option_walk walk = { .command = parse->command };
        const struct option *o;

        if (absent)
                return refuse_absent(absent, arena_format(parse->arena, "--%s", word));
        if (parse->face && parse->command != parse->face->globals &&
            find_name(parse->face->globals, name)) {
                trail_hint(
                        "--%s goes before the command: %s --%s ... %s", word, parse->face->name,
                        word, parse->command->name);
                return trail(-EINVAL, "unknown option --%s", word);
        }
        while ((o = cli_option_next(&walk)))
                cli_nearest_try(&nearest, o->name);
        if (nearest.best)
                trail_hint("did you mean --%s?", nearest.best);
        else
                hint_help(parse);
        return trail(-EINVAL, "unknown option --%s", word);
}

/* `shown` is the option as the user knows it: "--memory", "CONTAINER". */
static int store(
        struct parse *parse, const struct option *option, const char *shown, const char *value)
{
        int r = cli_value_store(
                option, value, parse->request, parse->arena, (size_t)parse->argc + 1);

        if (r == 0)
                return 0;
        if (option->kind == OPTION_CHOICE)
                trail(-EINVAL, "expected one of %s", cli_help_values(parse->arena, option->values));
        else
                trail(-EINVAL, "%sexpected %s", r == -ERANGE ? "out of range, " : "",
                      cli_value_expected(option));
        return trail(-EINVAL, "'%s' is not a value for %s", value, shown);
}

/* The option's value: what is attached to it, else the next word. NULL: there is none. */
static const char *take_value(struct parse *parse, const char *attached, int *at)
{
        if (attached)
                return attached;
        return *at < parse->argc ? parse->argv[(*at)++] : NULL;
}

static int store_next(
        struct parse *parse, const struct option *option, const char *attached, int *at)
{
        char shown[64];
        const char *value = take_value(parse, attached, at);

        text_format(shown, sizeof shown, "--%s", option->name);
        if (value)
                return store(parse, option, shown, value);
        return trail(-EINVAL, "%s needs a value: %s", shown, cli_value_expected(option));
}

static int parse_long(struct parse *parse, const char *arg, int *at)
{
        const char *equals = strchr(arg, '=');
        struct slice name = { arg, equals ? (size_t)(equals - arg) : strlen(arg) };
        const struct option *option = find_name(parse->command, name);
        const char *attached = equals ? equals + 1 : NULL;

        if (option && option->kind == OPTION_FLAG && !attached)
                attached = "true";
        if (option)
                return store_next(parse, option, attached, at);
        if (text_equal(arg, "help")) {
                parse->help = true;
                return 0;
        }
        return unknown_option(parse, name);
}

/* `arg` is behind its dash: bundled flags, the last letter may take the rest as its value. */
static int parse_short(struct parse *parse, const char *arg, int *at)
{
        for (; *arg; arg++) {
                const struct option *option = find_letter(parse->command, *arg);
                const char *rest = arg[1] == '=' ? arg + 2 : arg + 1;
                int r;

                if (!option && *arg == 'h') {
                        parse->help = true;
                        return 0;
                }
                if (!option)
                        return unknown_letter(parse, *arg);
                if (option->kind != OPTION_FLAG || arg[1] == '=')
                        return store_next(
                                parse, option, rest == arg + 1 && !*rest ? NULL : rest, at);
                r = store(parse, option, option->name, "true");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_word(const struct parse *parse, const char *arg)
{
        if (text_equal(arg, parse->command->word))
                return 0;
        hint_help(parse);
        return trail(-EINVAL, "expected '%s', not '%s'", parse->command->word, arg);
}

/* Options go to the request, everything else to the front of argv. */
static int separate(struct parse *parse)
{
        char **argv = parse->argv;
        bool word_pending = parse->command->word != NULL;
        int at = 0, n = 0, r = 0;

        while (at < parse->argc && !parse->help) {
                char *arg = argv[at];

                if (text_equal(arg, "--")) {
                        at++;
                        break;
                }
                if (arg[0] == '-' && arg[1]) {
                        at++;
                        r = arg[1] == '-' ? parse_long(parse, arg + 2, &at)
                                          : parse_short(parse, arg + 1, &at);
                } else if (word_pending) {
                        at++;
                        word_pending = false;
                        r = take_word(parse, arg);
                } else if (parse->command->options_first) {
                        break;
                } else {
                        argv[n++] = argv[at++];
                }
                if (r < 0)
                        return r;
        }
        if (word_pending && !parse->help) {
                hint_help(parse);
                return trail(-EINVAL, "'%s' is missing", parse->command->word);
        }
        while (at < parse->argc)
                argv[n++] = argv[at++];
        argv[n] = NULL;
        parse->n_operands = n;
        return 0;
}

static int missing(const struct parse *parse, const char *name)
{
        hint_help(parse);
        return trail(-EINVAL, "%s is missing", name);
}

/* The words left over, by the operand rows: a repeatable one, the last, takes all the rest. */
static int store_operands(struct parse *parse)
{
        const struct option *row = parse->command->operands;
        char **argv = parse->argv;
        int n = 0;

        for (; row && row->kind != OPTION_END; row++) {
                if (n == parse->n_operands) {
                        if (row->required)
                                return missing(parse, row->name);
                        continue;
                }
                if (row->kind == OPTION_TEXTS) {
                        struct words *words = (void *)((char *)parse->request + row->at);

                        words->items = (const char **)(argv + n);
                        words->n = (size_t)(parse->n_operands - n);
                        return 0;
                }
                int r = store(parse, row, row->name, argv[n++]);
                if (r < 0)
                        return r;
        }
        if (n < parse->n_operands && parse->face && parse->command == parse->face->globals)
                return 0;
        if (n < parse->n_operands) {
                hint_help(parse);
                return trail(-EINVAL, "'%s' is one word too many", argv[n]);
        }
        return 0;
}

int cli_options_parse(struct parse *parse)
{
        int r = separate(parse);

        if (r < 0 || parse->help)
                return r;
        return store_operands(parse);
}
