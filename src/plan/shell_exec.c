/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the script's last command: from a shell to the container's program.
 *
 * Limits, groups, identity and capabilities are the process's own, and each tool that changes them
 * needs some of what it takes away. So they are gathered and said in one chain of tools that exec
 * each other: prlimit, setpriv, env, and last capsh, the one that can change the root and then
 * lose everything without executing anything of the host again. The kernel computes the program's
 * capabilities from the same sets as after husk's own exec. The environment is set before capsh
 * runs, hence what would act on capsh's own loader is left out. */
#include "linux/linux.h"
#include "shell.h"

#include <string.h>

#define PROCESS_OP(title) void shell_##title(struct shell *sh, const struct op_##title *o)

PROCESS_OP(new_session)
{
        (void)o;
        sh->new_session = true;
}

PROCESS_OP(set_rlimit)
{
        text_addf(&sh->limits, " --%s=", rlimit_name(o->resource));
        if (o->soft == UINT64_MAX)
                text_add(&sh->limits, "unlimited");
        else
                text_addf(&sh->limits, "%llu", (unsigned long long)o->soft);
        if (o->hard == UINT64_MAX)
                text_add(&sh->limits, ":unlimited");
        else
                text_addf(&sh->limits, ":%llu", (unsigned long long)o->hard);
}

/* "0,2,5" */
static const char *ids_list(struct shell *sh, const IDS *ids)
{
        struct text list = { .arena = sh->arena };

        for (size_t i = 0; i < ids->n; i++)
                text_addf(&list, "%s%u", i ? "," : "", ids->items[i]);
        return text_string(&list);
}

PROCESS_OP(set_affinity)
{
        shell_line(sh, "taskset --cpu-list --pid %s $$ >/dev/null", ids_list(sh, &o->cpus));
}

PROCESS_OP(set_scheduler)
{
        /* "SCHED_FIFO" -> "fifo" */
        char word[32] = "";

        for (size_t i = 0; o->policy[6 + i] && i + 1 < sizeof word; i++)
                word[i] = (char)(o->policy[6 + i] | ' ');
        shell_line(
                sh, "chrt%s --%s%s --pid %lld $$", o->flags & 1 ? " --reset-on-fork" : "", word,
                o->runtime
                        ? arena_format(
                                  sh->arena,
                                  " --sched-runtime %lld --sched-deadline %lld --sched-period %lld",
                                  (long long)o->runtime, (long long)o->deadline,
                                  (long long)o->period)
                        : "",
                (long long)o->priority);
        if (o->nice)
                shell_line(sh, "renice -n %lld -p $$ >/dev/null", (long long)o->nice);
}

PROCESS_OP(set_io_priority)
{
        int class = text_equal(o->class, "IOPRIO_CLASS_RT") ? 1
                  : text_equal(o->class, "IOPRIO_CLASS_BE") ? 2
                                                            : 3;

        if (class == 3)
                shell_line(sh, "ionice --class 3 --pid $$");
        else
                shell_line(
                        sh, "ionice --class %d --classdata %lld --pid $$", class,
                        (long long)o->level);
}

PROCESS_OP(set_personality)
{
        sh->setarch = o->persona ? "linux32" : "linux64";
}

PROCESS_OP(set_umask)
{
        sh->umask = o->mask;
}

PROCESS_OP(change_dir)
{
        sh->cwd = o->path;
        if (o->make && sh->root >= 0)
                shell_line(sh, "make_dir %s", shell_under(sh, sh->root, o->path));
}

PROCESS_OP(find_program)
{
        sh->program = o->program;
        sh->search = o->search;
}

/* Early ones make INIT root of its user namespace, which the script does when it starts. */
PROCESS_OP(set_groups)
{
        sh->groups = o->groups;
        sh->has_groups = true;
}

PROCESS_OP(set_ids)
{
        sh->uid = o->uid;
        sh->gid = o->gid;
        sh->has_ids = true;
}

PROCESS_OP(drop_bounding)
{
        sh->bounding = o->keep;
        sh->has_bounding = true;
}

PROCESS_OP(keep_caps)
{
        (void)sh; /* capsh is always told to */
        (void)o;
}

PROCESS_OP(set_caps)
{
        sh->effective = o->effective;
        sh->permitted = o->permitted;
        sh->inheritable = o->inheritable;
        sh->has_caps = true;
}

PROCESS_OP(set_ambient)
{
        sh->ambient = o->ambient;
        sh->has_ambient = true;
}

PROCESS_OP(no_new_privs)
{
        (void)o;
        sh->no_new_privs = true;
}

PROCESS_OP(exec)
{
        (void)sh; /* shell_finish() */
        (void)o;
}

static bool is_host_op(const struct shell *sh, const void *o)
{
        const struct op_list *host = &sh->plan->list[HOST];

        return (const void *)host->ops <= o && o < (const void *)(host->ops + host->n);
}

/* Only those between the mounts and the new root have a place in the script: the outer half ends
 * before the first process is there, and the last line execs from tool to tool. */
PROCESS_OP(run_hook)
{
        struct text command = { .arena = sh->arena };

        if (is_host_op(sh, o) || sh->pivoted) {
                struct text path = { .arena = sh->arena };

                text_add_visible(&path, o->path);
                shell_cannot(
                        sh, "run_hook",
                        arena_format(
                                sh->arena, "no hook runs %s: %s",
                                sh->pivoted ? "between capsh and the program"
                                            : "beside the first process",
                                text_string(&path)));
                return;
        }
        text_add(&command, "printf '{\"pid\":%d,%s' \"$$\" ");
        text_add_shell(&command, o->state + 1);
        text_add(&command, " | (umask 022");
        if (o->cwd)
                text_addf(&command, " && cd %s", shell_word(sh, o->cwd));
        text_add(&command, " && exec");
        if (o->timeout_s)
                text_addf(&command, " timeout -s KILL %lld", (long long)o->timeout_s);
        text_add(&command, " env -i --");
        for (size_t i = 0; i < o->env.n; i++) {
                text_add_char(&command, ' ');
                text_add_shell(&command, o->env.items[i]);
        }
        text_addf(&command, " %s", shell_word(sh, o->path));
        for (size_t i = 1; i < o->args.n; i++) {
                text_add_char(&command, ' ');
                text_add_shell(&command, o->args.items[i]);
        }
        shell_line(sh, "%s)", text_string(&command));
}

/* "cap_chown,cap_kill" */
static const char *caps_list(struct shell *sh, CAPS caps)
{
        struct text list = { .arena = sh->arena };
        const char *names[64];
        size_t n = caps_names(caps, names);

        for (size_t i = 0; i < n; i++)
                text_addf(&list, "%scap_%s", i ? "," : "", names[i]);
        return text_string(&list);
}

/* A clause of cap_from_text(3); nothing for no capabilities. */
static const char *caps_clause(struct shell *sh, CAPS caps, const char *flag)
{
        const char *list = caps_list(sh, caps);

        return *list ? arena_format(sh->arena, " %s+%s", list, flag) : "";
}

static const char *default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Sets the script's $program. Links count as found: they may lead to somewhere in the new root. */
static void put_program(struct shell *sh, const char *name)
{
        const char *search = sh->search ? sh->search : default_path;
        struct text dirs = { .arena = sh->arena };
        const char *word = shell_word(sh, name), *root = sh->root >= 0 ? "$root" : "";

        if (strchr(name, '/')) {
                shell_line(sh, "program=%s", word);
                return;
        }
        for (const char *dir = search; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
                size_t size = strcspn(dir, ":");

                text_add_char(&dirs, ' ');
                text_add_shell(&dirs, size ? arena_copy(sh->arena, dir, size) : ".");
        }
        shell_line(sh, "program=\nfor dir in%s; do", text_string(&dirs));
        shell_line(
                sh, "        if [ -x \"%s$dir/\"%s ] || [ -L \"%s$dir/\"%s ]; then", root, word,
                root, word);
        shell_line(
                sh, "                program=$dir/%s\n                break\n        fi\ndone",
                word);
        shell_line(sh, "[ \"$program\" ] || { echo \"program not found in PATH\" >&2; exit 127; }");
}

/* Variables with which the dynamic loader and libc of capsh, on the host and root, can be told to
 * load files. */
static bool acts_on_tools(const char *variable)
{
        static const char *const prefixes[] = {
                "LD_", "GLIBC_", "GCONV_PATH=", "LOCPATH=", "NLSPATH=", "MALLOC_", "LIBCAP_",
        };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (text_starts(variable, prefixes[i]))
                        return true;
        return false;
}

/* The first lines of the chain: " \\\n        tool options". */
static void put_step(struct text *chain, const char *step)
{
        text_addf(chain, " \\\n        %s", step);
}

static void put_env(struct shell *sh, struct text *chain, const WORDS *env)
{
        put_step(chain, "env -i --");
        for (size_t i = 0; i < env->n; i++) {
                if (acts_on_tools(env->items[i]) || *env->items[i] == '=' ||
                    !strchr(env->items[i], '=')) {
                        struct text name = { .arena = sh->arena };

                        text_add_visible(&name, env->items[i]);
                        shell_line(
                                sh, "# husk: exec: left out of the environment: %s",
                                text_string(&name));
                        continue;
                }
                text_add_char(chain, ' ');
                text_add_shell(chain, env->items[i]);
        }
}

static void put_groups(struct shell *sh, struct text *chain)
{
        if (!sh->has_groups)
                return;
        if (!sh->groups.n) {
                put_step(chain, "setpriv --clear-groups");
                return;
        }
        put_step(chain, "setpriv --groups ");
        for (size_t i = 0; i < sh->groups.n; i++)
                text_addf(chain, "%s%u", i ? "," : "", sh->groups.items[i]);
}

static void put_capsh(struct shell *sh, struct text *chain)
{
        const char *drop = caps_list(sh, caps_all() & ~sh->bounding);

        put_step(chain, "\"$capsh\" --quiet");
        if (sh->root >= 0)
                text_add(chain, " --chroot=.");
        if (sh->has_bounding && *drop)
                text_addf(chain, " --drop=%s", drop);
        if (sh->has_caps)
                text_add(chain, " --keep=1");
        if (sh->has_ids)
                text_addf(chain, " --gid=%lld --uid=%lld", (long long)sh->gid, (long long)sh->uid);
        if (sh->has_caps)
                text_addf(
                        chain, " --caps='=%s%s%s'", caps_clause(sh, sh->permitted, "p"),
                        caps_clause(sh, sh->inheritable, "i"), caps_clause(sh, sh->effective, "e"));
        if (sh->has_ambient || sh->uid_map)
                text_add(chain, " --noamb");
        if (sh->has_ambient && sh->ambient)
                text_addf(chain, " --addamb=%s", caps_list(sh, sh->ambient));
        if (sh->no_new_privs)
                text_add(chain, " --no-new-privs");
}

/* What a shell exports unasked, unless the program is to have it (then with the shell's value). */
static const char *shell_variables(struct shell *sh, const WORDS *env)
{
        static const char *const own[] = { "PWD=", "OLDPWD=", "SHLVL=", "_=" };
        struct text list = { .arena = sh->arena };

        for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
                bool wanted = false;

                for (size_t k = 0; k < env->n; k++)
                        wanted |= text_starts(env->items[k], own[i]);
                if (wanted)
                        shell_line(
                                sh, "# husk: exec: the shell that changes the directory sets %s",
                                own[i]);
                else
                        text_addf(&list, " %s", arena_copy(sh->arena, own[i], strlen(own[i]) - 1));
        }
        return text_string(&list);
}

static void put_args(struct shell *sh, struct text *chain, const WORDS *args, const WORDS *env)
{
        /* capsh goes to "/" of the new root; from there only a shell in it can go on. */
        bool elsewhere = sh->cwd && !text_equal(sh->cwd, "/");
        size_t first = elsewhere ? 0 : 1;

        if (elsewhere) {
                text_addf(
                        chain,
                        " --shell=/bin/sh -- -c 'cd \"$1\" && shift && unset%s && exec \"$@\"' sh ",
                        shell_variables(sh, env));
                text_add(chain, shell_word(sh, sh->cwd));
        } else {
                text_add(chain, " --shell=\"$program\" --");
        }
        for (size_t i = first; i < args->n; i++) {
                text_add_char(chain, ' ');
                text_add_shell(chain, args->items[i]);
        }
}

void shell_finish(struct shell *sh, const struct op_exec *exec)
{
        struct text chain = { .arena = sh->arena };
        bool elsewhere = sh->cwd && !text_equal(sh->cwd, "/");

        shell_line(sh, "\n# the process\ncapsh=$(command -v capsh)");
        if (!elsewhere)
                put_program(
                        sh, sh->program    ? sh->program
                            : exec->args.n ? exec->args.items[0]
                                           : "");
        if (sh->limits.len)
                put_step(&chain, arena_format(sh->arena, "prlimit%s", text_string(&sh->limits)));
        if (sh->setarch)
                put_step(&chain, arena_format(sh->arena, "setarch %s", sh->setarch));
        if (sh->new_session)
                put_step(&chain, "setsid");
        put_groups(sh, &chain);
        put_env(sh, &chain, &exec->env);
        put_capsh(sh, &chain);
        put_args(sh, &chain, &exec->args, &exec->env);

        /* pivot_root(2) without its umount: the new root is put over the old one, and capsh
         * enters it. */
        if (sh->root >= 0)
                shell_line(sh, "cd \"$root\"\nmount -n --move . /");
        if (sh->umask >= 0)
                shell_line(sh, "umask %04o", (unsigned)sh->umask);
        shell_line(sh, "exec%s", text_string(&chain));
}
