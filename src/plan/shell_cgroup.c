/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what a script does to cgroups beyond making and filling one. */
#include "shell.h"

#include <string.h>

void shell_set_cgroup_pair(struct shell *sh, const struct op_set_cgroup_pair *o)
{
        const char *file = shell_under(sh, o->cgroup, o->file);
        const char *file2 = shell_under(sh, o->cgroup, o->file2);
        const char *value = shell_word(sh, o->value), *value2 = shell_word(sh, o->value2);

        shell_line(
                sh, "echo %s 2>/dev/null >%s || { echo %s >%s; echo %s >%s; }", value, file, value2,
                file2, value, file);
        shell_line(sh, "echo %s >%s", value2, file2);
}

/* Around the script, since the scope is made around processes: then all that is below finds it. */
static void say_unit(struct shell *sh, const char *how, const struct op_start_unit *o)
{
        struct text line = { .arena = sh->arena };

        for (size_t i = 0; i < o->properties.n; i++) {
                text_add_char(&line, ' ');
                text_add_shell(&line, o->properties.items[i]);
        }
        shell_line(
                sh, "# husk: %s the unit %s of the systemd at %s:%s", how, shell_word(sh, o->unit),
                shell_word(sh, o->socket), text_string(&line));
}

void shell_start_unit(struct shell *sh, const struct op_start_unit *o)
{
        say_unit(sh, "run this script in", o);
        shell_line(sh, "# (systemd-run --scope --unit=NAME --slice=SLICE -p Delegate=yes sh THIS)");
}

void shell_attach_unit(struct shell *sh, const struct op_attach_unit *o)
{
        say_unit(sh, "run this script in", &(struct op_start_unit){ o->socket, o->unit, { 0 } });
}

void shell_set_unit(struct shell *sh, const struct op_set_unit *o)
{
        say_unit(
                sh, "set the properties of",
                &(struct op_start_unit){ o->socket, o->unit, o->properties });
}

void shell_give_cgroup(struct shell *sh, const struct op_give_cgroup *o)
{
        shell_line(
                sh,
                "(cd %s && chown %lld . && for file in $(cat /sys/kernel/cgroup/delegate); do [ ! "
                "-e $file ] || chown %lld $file; done)",
                shell_under(sh, o->cgroup, ""), (long long)o->uid, (long long)o->uid);
}

/* From the top down: a controller must be in the parent before it can be given on. */
void shell_delegate_cgroup(struct shell *sh, const struct op_delegate_cgroup *o)
{
        const char *controllers = shell_word(sh, o->controllers);

        for (const char *end = strchr(o->path, '/'); end; end = strchr(end + 1, '/')) {
                const char *dir = arena_copy(sh->arena, o->path, (size_t)(end - o->path));
                const char *file =
                        shell_word(sh, arena_format(sh->arena, "%s/cgroup.subtree_control", dir));

                if (end != o->path)
                        shell_line(
                                sh, "[ ! -e %s ] || printf '%%s\\n' %s >%s", file, controllers,
                                file);
        }
}
