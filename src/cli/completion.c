/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: completion scripts written from the option tables, so that a new row
 * completes without further work. The scripts are static but for the names of containers, which
 * they ask of `husk ps` (`husk-oci list`) when a word is completed. They need nothing that is not in the shell
 * itself: no bash-completion package. */
#include "completion.h"

#include "options.h"
#include "values.h"

#include <string.h>

/* The face's name as a part of shell function names. */
static const char *identifier(struct arena *arena, const struct face *face)
{
        char *name = arena_string(arena, face->name);

        for (char *p = name; *p; p++)
                if (*p == '-')
                        *p = '_';
        return name;
}

static const char *list_line(const struct face *face)
{
        return face == &cli_face_oci ? "husk-oci list -q 2>/dev/null"
                                     : "husk ps -a --format '{{.Names}}' 2>/dev/null";
}

/* The names of images; those without one are called by ids. */
#define IMAGES_LINE \
        "husk images --filter dangling=false --format '{{.Repository}}:{{.Tag}}' 2>/dev/null"

static void put_command_names(struct text *out, const struct face *face)
{
        for (size_t i = 0; face->commands[i]; i++)
                text_addf(out, i ? " %s" : "%s", face->commands[i]->name);
}

static void put_member_names(struct text *out, const struct command *group)
{
        for (const struct member *m = group->members; *m->name; m++)
                text_addf(out, m == group->members ? "%s" : " %s", m->name);
}

/* The names of the groups, divided by `between`; false: there are none. */
static bool put_groups(struct text *out, const struct face *face, char between)
{
        bool any = false;

        for (size_t i = 0; face->commands[i]; i++) {
                if (!face->commands[i]->members)
                        continue;
                if (any)
                        text_add_char(out, between);
                text_add(out, face->commands[i]->name);
                any = true;
        }
        return any;
}

/* All words for a command, quoted and divided by `between`: "'images'|'image ls'". */
static void put_words(
        struct text *out, const struct face *face, const struct command *command, char between)
{
        text_addf(out, "'%s'", command->name);
        if (command->alias)
                text_addf(out, "%c'%s'", between, command->alias);
        for (size_t i = 0; face->commands[i]; i++) {
                const struct command *group = face->commands[i];

                for (const struct member *m = group->members; m && *m->name; m++) {
                        bool own = text_starts(command->name, group->name) &&
                                   strchr(command->name, ' ');

                        if (m->command == command &&
                            !(own && text_equal(strchr(command->name, ' ') + 1, m->name)))
                                text_addf(out, "%c'%s %s'", between, group->name, m->name);
                }
        }
}

static void put_option_names(struct text *out, const struct command *command)
{
        struct option_walk walk = { .command = command };
        const struct option *o;

        while ((o = cli_option_next(&walk))) {
                text_addf(out, "--%s ", o->name);
                if (o->letter)
                        text_addf(out, "-%c ", o->letter);
        }
        text_add(out, "--help");
}

/* "--name|-n" for a case of bash. */
static void put_pattern(struct text *out, const struct option *o)
{
        text_addf(out, "--%s", o->name);
        if (o->letter)
                text_addf(out, "|-%c", o->letter);
}

/* The command that offers what `o` takes. */
static void bash_offer(struct text *out, const struct option *o, const char *id)
{
        if (*o->values)
                text_addf(out, "_%s_words '%s'", id, o->values);
        else if (o->complete == COMPLETE_FILE)
                text_addf(out, "_%s_paths -f", id);
        else if (o->complete == COMPLETE_DIRECTORY)
                text_addf(out, "_%s_paths -d", id);
        else if (o->complete == COMPLETE_CONTAINER)
                text_addf(out, "_%s_words \"$(_%s_containers)\"", id, id);
        else if (o->complete == COMPLETE_IMAGE)
                text_addf(out, "_%s_words \"$(" IMAGES_LINE ")\"", id);
        else if (o->complete == COMPLETE_COMMAND)
                text_addf(out, "_%s_words \"$(_%s_commands)\"", id, id);
        else
                text_add(out, ":");
}

/* The operand row that has something to offer; one without, if none has. */
static const struct option *completed_operand(const struct command *command)
{
        static const struct option nothing = { .complete = COMPLETE_NOTHING };

        for (const struct option *o = command->operands; o && o->kind != OPTION_END; o++)
                if (o->complete || *o->values)
                        return o;
        return &nothing;
}

static void bash_command(
        struct text *out, const struct face *face, const struct command *command, const char *id)
{
        static const struct option any_command = { .complete = COMPLETE_COMMAND };
        struct option_walk walk = { .command = command };
        const struct option *o;

        if (command->members) {
                text_addf(out, "                _%s_words '", id);
                put_member_names(out, command);
                text_add(out, " --help' ;;\n");
                return;
        }
        text_add(out, "                case $prev in\n");
        while ((o = cli_option_next(&walk))) {
                if (o->kind == OPTION_FLAG)
                        continue;
                text_add(out, "                ");
                put_pattern(out, o);
                text_add(out, ") ");
                bash_offer(out, o, id);
                text_add(out, "; return ;;\n");
        }
        text_add(out, "                esac\n                case $cur in\n                -*) ");
        text_addf(out, "_%s_words '", id);
        put_option_names(out, command);
        text_add(out, "' ;;\n                *) ");
        if (command->word)
                text_addf(out, "_%s_words '%s'; ", id, command->word);
        bash_offer(out, command == face->globals ? &any_command : completed_operand(command), id);
        text_add(out, " ;;\n                esac ;;\n");
}

static void bash_prologue(struct text *out, const struct face *face, const char *id)
{
        text_addf(out, "# bash completion for %s\n\n", face->name);
        text_addf(
                out,
                "_%s_words() { COMPREPLY+=($(compgen -W \"$1\" -- \"$cur\")); }\n"
                "_%s_paths() { compopt -o filenames; "
                "mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\"); }\n"
                "_%s_containers() { %s; }\n",
                id, id, id, list_line(face));
        text_addf(out, "_%s_commands() { echo ", id);
        put_command_names(out, face);
        text_addf(
                out,
                "; }\n\n_%s() {\n"
                "        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                "        local command= i=1\n"
                "        COMPREPLY=()\n"
                "        # bash hands --name=value over as three words\n"
                "        if [ \"$cur\" = = ]; then cur=; "
                "elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                "        while [ \"$i\" -lt \"$COMP_CWORD\" ]; do\n"
                "                case ${COMP_WORDS[i]} in\n",
                id);
}

static void bash_put(struct text *out, const struct face *face)
{
        const char *id = identifier(out->arena, face), *separator = "                ";
        struct option_walk walk = { .command = face->globals };
        struct command_walk commands = { .face = face };
        struct text groups = { .arena = out->arena };
        const struct command *command;
        const struct option *o;

        bash_prologue(out, face, id);
        while ((o = cli_option_next(&walk))) {
                if (o->kind == OPTION_FLAG)
                        continue;
                text_add(out, separator);
                put_pattern(out, o);
                separator = "|";
        }
        if (*separator == '|')
                text_add(out, ") i=$((i + 1)); [ \"${COMP_WORDS[i]}\" != = ] || i=$((i + 1)) ;;\n");
        text_add(
                out, "                -*) ;;\n"
                     "                *) command=${COMP_WORDS[i]}; break ;;\n"
                     "                esac\n"
                     "                i=$((i + 1))\n"
                     "        done\n");
        if (put_groups(&groups, face, '|'))
                text_addf(
                        out,
                        "        case $command in %s)\n"
                        "                [ $((i + 1)) -ge \"$COMP_CWORD\" ] || "
                        "command=\"$command ${COMP_WORDS[i+1]}\" ;;\n"
                        "        esac\n",
                        text_string(&groups));
        text_add(out, "        case $command in\n        '')\n");
        bash_command(out, face, face->globals, id);
        while ((command = cli_command_next(&commands))) {
                text_add(out, "        ");
                put_words(out, face, command, '|');
                text_add(out, ")\n");
                bash_command(out, face, command, id);
        }
        text_addf(out, "        esac\n}\n\ncomplete -F _%s %s\n", id, face->name);
}

/* Inside of a zsh single-quoted _arguments spec: ' ends the quotes, [ ] : have meaning. */
static void zsh_text(struct text *out, const char *string)
{
        for (; *string; string++) {
                if (*string == '\'')
                        text_add(out, "'\\''");
                else if (strchr("[]:\\", *string))
                        text_addf(out, "\\%c", *string);
                else
                        text_add_char(out, *string);
        }
}

static void zsh_action(struct text *out, const struct option *o, const char *id)
{
        if (*o->values)
                text_addf(out, "(%s)", o->values);
        else if (o->complete == COMPLETE_FILE)
                text_add(out, "_files");
        else if (o->complete == COMPLETE_DIRECTORY)
                text_add(out, "_files -/");
        else if (o->complete == COMPLETE_CONTAINER)
                text_addf(out, "_%s_containers", id);
        else if (o->complete == COMPLETE_IMAGE)
                text_addf(out, "_%s_images", id);
        else if (o->complete == COMPLETE_COMMAND)
                text_addf(out, "_%s_commands", id);
        else
                text_add(out, " ");
}

static void zsh_option(struct text *out, const struct option *o, const char *id, bool letter)
{
        text_add(out, " \\\n                '");
        if (cli_value_repeats(o))
                text_add_char(out, '*');
        if (letter)
                text_addf(out, "-%c", o->letter);
        else
                text_addf(out, "--%s", o->name);
        if (*o->metavar)
                text_add_char(out, letter ? '+' : '=');
        text_add_char(out, '[');
        zsh_text(out, o->help);
        text_add_char(out, ']');
        if (*o->metavar) {
                text_add_char(out, ':');
                zsh_text(out, o->metavar);
                text_add_char(out, ':');
                zsh_action(out, o, id);
        }
        text_add_char(out, '\'');
}

static void zsh_options(struct text *out, const struct command *command, const char *id)
{
        struct option_walk walk = { .command = command };
        const struct option *o;

        while ((o = cli_option_next(&walk))) {
                zsh_option(out, o, id, false);
                if (o->letter)
                        zsh_option(out, o, id, true);
        }
        text_add(out, " \\\n                '--help[show help]'");
}

static void zsh_operands(struct text *out, const struct command *command, const char *id)
{
        if (command->word)
                text_addf(out, " \\\n                ':word:(%s)'", command->word);
        for (const struct option *o = command->operands; o && o->kind != OPTION_END; o++) {
                text_addf(out, " \\\n                '%s:", o->kind == OPTION_TEXTS ? "*" : "");
                zsh_text(out, o->name);
                text_add_char(out, ':');
                zsh_action(out, o, id);
                text_add_char(out, '\'');
        }
}

/* What follows a group's word takes its place. */
static void zsh_groups(struct text *out, const struct face *face)
{
        struct text groups = { .arena = out->arena };

        text_add(out, "        local command=$line[1]\n");
        if (!put_groups(&groups, face, '|'))
                return;
        text_addf(
                out,
                "        case $command in %s)\n"
                "                if (( CURRENT > 2 )); then\n"
                "                        command=\"$command $words[2]\"\n"
                "                        shift words\n"
                "                        (( CURRENT-- ))\n"
                "                fi ;;\n"
                "        esac\n",
                text_string(&groups));
}

static void zsh_command(
        struct text *out, const struct face *face, const struct command *command, const char *id)
{
        text_add(out, "        ");
        put_words(out, face, command, '|');
        text_add(out, ")\n                ");
        if (command->members) {
                text_add(out, "compadd ");
                put_member_names(out, command);
        } else {
                text_add(out, "_arguments -s");
                zsh_options(out, command, id);
                zsh_operands(out, command, id);
        }
        text_add(out, " ;;\n");
}

static void zsh_put(struct text *out, const struct face *face)
{
        const char *id = identifier(out->arena, face);
        struct command_walk commands = { .face = face };
        const struct command *command;

        text_addf(out, "#compdef %s\n\n_%s_containers() {\n", face->name, id);
        text_addf(
                out, "        local -a names\n        names=(${(f)\"$(%s)\"})\n", list_line(face));
        text_add(out, "        compadd -a names\n}\n\n");
        if (face == &cli_face_husk)
                text_addf(
                        out,
                        "_%s_images() {\n        local -a names\n"
                        "        names=(${(f)\"$(" IMAGES_LINE
                        ")\"})\n        compadd -a names\n}\n\n",
                        id);
        text_addf(out, "_%s_commands() {\n", id);
        text_add(out, "        local -a commands\n        commands=(\n");
        for (size_t i = 0; face->commands[i]; i++) {
                text_addf(out, "                '%s:", face->commands[i]->name);
                zsh_text(out, face->commands[i]->summary);
                text_add(out, "'\n");
        }
        text_addf(
                out,
                "        )\n        _describe command commands\n}\n\n_%s() {\n"
                "        local curcontext=$curcontext state line\n"
                "        typeset -A opt_args\n"
                "        _arguments -C",
                id);
        zsh_options(out, face->globals, id);
        text_addf(
                out,
                " \\\n                '1:command:_%s_commands' \\\n"
                "                '*::argument:->argument'\n"
                "        [[ $state == argument ]] || return\n",
                id);
        zsh_groups(out, face);
        text_add(out, "        case $command in\n");
        while ((command = cli_command_next(&commands)))
                zsh_command(out, face, command, id);
        text_addf(out, "        esac\n}\n\n");
        text_addf(
                out, "if [[ $funcstack[1] == _%s ]]; then _%s \"$@\"; else compdef _%s %s; fi\n",
                id, id, id, face->name);
}

/* In fish only \ and ' are special between single quotes. */
static void fish_text(struct text *out, const char *string)
{
        text_add_char(out, '\'');
        for (; *string; string++) {
                if (*string == '\'' || *string == '\\')
                        text_add_char(out, '\\');
                text_add_char(out, *string);
        }
        text_add_char(out, '\'');
}

static void fish_offer(struct text *out, const struct option *o, const char *id)
{
        if (*o->values)
                text_addf(out, " -x -a '%s'", o->values);
        else if (o->complete == COMPLETE_FILE)
                text_add(out, " -r -F");
        else if (o->complete == COMPLETE_DIRECTORY)
                text_add(out, " -x -a '(__fish_complete_directories)'");
        else if (o->complete == COMPLETE_CONTAINER)
                text_addf(out, " -x -a '(__%s_containers)'", id);
        else if (o->complete == COMPLETE_IMAGE)
                text_addf(out, " -x -a '(__%s_images)'", id);
        else if (o->complete == COMPLETE_COMMAND)
                text_addf(out, " -x -a '(__%s_commands)'", id);
        else if (*o->metavar)
                text_add(out, " -x");
}

static void fish_command(
        struct text *out, const struct face *face, const struct command *command, const char *id)
{
        struct option_walk walk = { .command = command };
        struct text words = { .arena = out->arena };
        const char *when;
        const struct option *o;

        if (command != face->globals)
                put_words(&words, face, command, ' ');
        else
                text_add(&words, "''");
        when = arena_format(out->arena, "__%s_at %s", id, text_string(&words));
        for (const struct member *m = command->members; m && *m->name; m++) {
                text_addf(out, "complete -c %s -n \"%s\" -a %s -d ", face->name, when, m->name);
                fish_text(out, m->command->summary);
                text_add_char(out, '\n');
        }
        while ((o = cli_option_next(&walk))) {
                text_addf(out, "complete -c %s -n \"%s\" -l %s", face->name, when, o->name);
                if (o->letter)
                        text_addf(out, " -s %c", o->letter);
                fish_offer(out, o, id);
                text_add(out, " -d ");
                fish_text(out, o->help);
                text_add_char(out, '\n');
        }
        for (o = command->operands; o && o->kind != OPTION_END; o++) {
                if (!*o->values && !o->complete)
                        continue;
                text_addf(out, "complete -c %s -n \"%s\"", face->name, when);
                fish_offer(out, o, id);
                text_add_char(out, '\n');
        }
}

/* Which command the line has so far, and whether it is one of these. */
static void fish_command_of_line(struct text *out, const struct face *face, const char *id)
{
        struct option_walk walk = { .command = face->globals };
        struct text groups = { .arena = out->arena };
        const struct option *o;

        text_addf(
                out,
                "function __%s_command\n"
                "        set -l words\n"
                "        set -l value no\n"
                "        for word in (commandline -opc)[2..-1]\n"
                "                if test $value = yes\n"
                "                        set value no\n"
                "                        continue\n"
                "                end\n"
                "                switch $word\n",
                id);
        while ((o = cli_option_next(&walk)))
                if (o->kind != OPTION_FLAG)
                        text_addf(
                                out,
                                "                        case --%s\n"
                                "                                test -z \"$words\"; "
                                "and set value yes\n",
                                o->name);
        text_addf(
                out, "                        case '-*'\n"
                     "                        case '*'\n"
                     "                                set -a words $word\n"
                     "                end\n"
                     "        end\n");
        if (put_groups(&groups, face, ' '))
                text_addf(
                        out,
                        "        if set -q words[2]; and contains -- $words[1] %s\n"
                        "                set words[1] \"$words[1] $words[2]\"\n"
                        "        end\n",
                        text_string(&groups));
        text_addf(
                out,
                "        echo $words[1]\n"
                "end\n"
                "function __%s_at\n"
                "        set -l command (__%s_command)\n"
                "        contains -- \"$command\" $argv\n"
                "end\n",
                id, id);
}

static void fish_put(struct text *out, const struct face *face)
{
        const char *id = identifier(out->arena, face);
        struct command_walk commands = { .face = face };
        const struct command *command;

        text_addf(
                out, "# fish completion for %s\n\nfunction __%s_containers\n        %s\nend\n",
                face->name, id, list_line(face));
        if (face == &cli_face_husk)
                text_addf(out, "function __%s_images\n        " IMAGES_LINE "\nend\n", id);
        text_addf(out, "function __%s_commands\n        string split ' ' '", id);
        put_command_names(out, face);
        text_add(out, "'\nend\n");
        fish_command_of_line(out, face, id);
        text_addf(out, "complete -c %s -f\n", face->name);
        for (size_t i = 0; face->commands[i]; i++) {
                text_addf(
                        out, "complete -c %s -n \"__%s_at ''\" -a %s -d ", face->name, id,
                        face->commands[i]->name);
                fish_text(out, face->commands[i]->summary);
                text_add_char(out, '\n');
        }
        fish_command(out, face, face->globals, id);
        while ((command = cli_command_next(&commands)))
                fish_command(out, face, command, id);
}

int cli_completion_put(struct text *out, const struct face *face, const char *shell)
{
        static const struct {
                const char *shell;
                void (*put)(struct text *out, const struct face *face);
        } writers[] = { { "bash", bash_put }, { "zsh", zsh_put }, { "fish", fish_put } };

        for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
                if (text_equal(shell, writers[i].shell)) {
                        writers[i].put(out, face);
                        return 0;
                }
        return trail(-EINVAL, "no completion for '%s': expected bash, zsh or fish", shell);
}
