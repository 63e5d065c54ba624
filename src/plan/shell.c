/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a plan as a script that makes the same container without husk.
 *
 * The lists are walked symbolically: each slot remembers what it would hold (a directory, a
 * filesystem with its options, a clone of a path), and the commands come out where it is attached.
 * HOST becomes the outer script; INIT becomes an inner one that unshare(1) starts; what happens to
 * the process itself is gathered and said on the last line, by tools that exec each other. A
 * shell cannot pin a path by descriptor: the script refuses a target that leads out of the root,
 * and is for reading and comparing, not against a hostile root. Every string of the plan goes
 * through shell_word() or into a comment with its control characters made visible. */
#include "shell.h"

#include <stdarg.h>
#include <string.h>

#include <linux/sched.h>

/* -- helpers ----------------------------------------------------------------------------------- */

void shell_line(struct shell *sh, const char *format, ...)
{
        char small[512], *line = small;
        va_list values;
        size_t size;

        va_start(values, format);
        size = text_vformat(small, sizeof small, format, values);
        va_end(values);
        if (size >= sizeof small) {
                line = arena_alloc(sh->arena, size + 1);
                va_start(values, format);
                text_vformat(line, size + 1, format, values);
                va_end(values);
        }
        for (int i = 0; i < sh->indent; i++)
                text_add_char(&sh->body, ' ');
        if (*line == '#') /* whatever is in it, the comment does not end before the line */
                text_add_visible(&sh->body, line);
        else
                text_add(&sh->body, line);
        text_add_char(&sh->body, '\n');
}

void shell_cannot(struct shell *sh, const char *op, const char *reason)
{
        shell_line(sh, "# husk: %s: %s", op, reason);
}

const char *shell_word(struct shell *sh, const char *string)
{
        struct text word = { .arena = sh->arena };

        if (*string == '-')
                text_add(&word, "./");
        text_add_shell(&word, string);
        return text_string(&word);
}

struct shell_slot *shell_slot(struct shell *sh, int16_t slot)
{
        return &sh->slot[slot < 0 || slot > PLAN_SLOTS ? PLAN_SLOTS : slot];
}

const char *shell_under(struct shell *sh, int16_t slot, const char *path)
{
        struct text words = { .arena = sh->arena };
        const char *where = shell_slot(sh, slot)->where;

        text_add(&words, where ? where : "/nowhere");
        while (*path == '/')
                path++;
        if (*path) {
                text_add_char(&words, '/');
                text_add_shell(&words, path);
        }
        return text_string(&words);
}

const char *shell_each_line(struct shell *sh, const char *lines, const char **ret_line)
{
        size_t size = strcspn(lines, "\n");

        *ret_line = arena_copy(sh->arena, lines, size);
        lines += size;
        while (*lines == '\n')
                lines++;
        return *lines ? lines : NULL;
}

/* -- what a script need not do, or cannot -------------------------------------------------------- */

NOTHING(record) /* the journal is husk's */
NOTHING(record_mount)
NOTHING(leave)
NOTHING(note_status)
NOTHING(open_gate) /* the script is one sequence */
NOTHING(await_gate)
NOTHING(send_fd)
NOTHING(take_fd)
NOTHING(close_fd)
NOTHING(close_others)
NOTHING(adopt) /* unshare --fork waits for it */
NOTHING(open_clocks)
NOTHING(guard_parent) /* unshare --kill-child */
NOTHING(become_root)  /* what the script's user namespace begins with */
CANNOT(filter_devices, "a shell cannot load an eBPF program")
CANNOT(stay_init, "there is no init in front of the program")
CANNOT(open_terminal, "a shell cannot open a pty of the container's devpts")
CANNOT(use_terminal, "the script's own terminal is used")
CANNOT(exec_criu, "criu is asked over a socket")
NOTHING(call_criu) /* what exec_criu says */
NOTHING(await_criu)
NOTHING(take_terminal)
NOTHING(adopt_tree)
NOTHING(check_rights)
NOTHING(check_space)
NOTHING(hold_cgroup)
NOTHING(release_cgroup)
NOTHING(make_target)
NOTHING(end_criu)
CANNOT(detach_mount, "a shell cannot tell one mount from another that took its place")
CANNOT(seal_fds, "what the caller of this script left open stays open")
CANNOT(move_link, "the script makes the network namespace later than this")
CANNOT(set_label, "a shell cannot label the last exec only")
CANNOT(make_landlock, "a shell cannot restrict itself with Landlock")
NOTHING(allow_path) /* said once is enough */
NOTHING(allow_port)
NOTHING(restrict_landlock)
CANNOT(set_memory_policy, "no tool of util-linux sets a memory policy")
CANNOT(new_keyring, "a shell cannot join a new session keyring")
CANNOT(load_seccomp, "a shell cannot load a seccomp filter")
CANNOT(load_listener, "a shell cannot load a seccomp filter")
NOTHING(send_listener)

/* -- host side --------------------------------------------------------------------------------- */

void shell_set_self(struct shell *sh, const struct op_set_self *o)
{
        shell_line(sh, "echo %s >/proc/self/%s", shell_word(sh, o->value), o->file);
}

void shell_open_path(struct shell *sh, const struct op_open_path *o)
{
        struct shell_slot *slot = shell_slot(sh, o->fd);

        slot->where = shell_word(sh, o->path);
        if (o->fd == sh->root) {
                shell_line(sh, "root=$(realpath -- %s)", slot->where);
                slot->where = "\"$root\"";
        }
}

void shell_open_process(struct shell *sh, const struct op_open_process *o)
{
        shell_slot(sh, o->fd)->pid = o->pid;
}

void shell_open_namespace(struct shell *sh, const struct op_open_namespace *o)
{
        shell_slot(sh, o->ns)->where = shell_word(sh, o->path);
}

void shell_make_store(struct shell *sh, const struct op_make_store *o)
{
        const char *path = shell_word(sh, o->path);

        shell_line(sh, "mkdir -p -m %04o %s # stays when the script ends", o->mode, path);
}

void shell_make_file(struct shell *sh, const struct op_make_file *o)
{
        const char *path = shell_word(sh, o->path);

        shell_line(
                sh, "printf %%s %s >%s # stays when the script ends", shell_word(sh, o->content),
                path);
        shell_line(sh, "chmod %04o %s", o->mode, path);
}

void shell_make_cgroup(struct shell *sh, const struct op_make_cgroup *o)
{
        const char *path = shell_word(sh, o->path);

        shell_slot(sh, o->cgroup)->where =
                o->tasks ? shell_word(sh, arena_format(sh->arena, "%s/tasks", o->path)) : path;
        shell_line(sh, "make_cgroup %s", path);
        text_addf(&sh->undo, "        remove_cgroup %s\n", path);
}

static void put_schemata(struct shell *sh, const char *group, const char *schemata)
{
        const char *line;

        for (const char *lines = schemata; lines;) {
                lines = shell_each_line(sh, lines, &line);
                shell_line(
                        sh, "printf '%%s\\n' %s >%s/schemata || exit 125", shell_word(sh, line),
                        group);
        }
}

void shell_make_group(struct shell *sh, const struct op_make_group *o)
{
        const char *path = shell_word(sh, o->path);

        shell_slot(sh, o->group)->where = path;
        shell_line(sh, "mkdir %s || exit 125", path);
        text_addf(&sh->undo, "        rmdir %s 2>/dev/null || :\n", path);
        put_schemata(sh, path, o->schemata);
}

/* Whether one that exists has these lines is not for a shell to say: the kernel adds zeros. */
void shell_share_group(struct shell *sh, const struct op_share_group *o)
{
        const char *path = shell_word(sh, o->path);

        shell_slot(sh, o->group)->where = path;
        if (!o->schemata) {
                shell_line(sh, "[ -d %s ] || exit 125", path);
                return;
        }
        shell_line(sh, "if mkdir %s 2>/dev/null; then", path);
        put_schemata(sh, path, o->schemata);
        shell_line(sh, "fi");
}

void shell_set_cgroup(struct shell *sh, const struct op_set_cgroup *o)
{
        const char *file = shell_under(sh, o->cgroup, o->file), *line;

        for (const char *lines = o->values; lines;) {
                lines = shell_each_line(sh, lines, &line);
                shell_line(
                        sh, "%s%s%sprintf '%%s\\n' %s >%s", o->optional ? "[ ! -e " : "",
                        o->optional ? file : "", o->optional ? " ] || " : "", shell_word(sh, line),
                        file);
        }
}

void shell_spawn(struct shell *sh, const struct op_spawn *o)
{
        sh->spaces |= o->spaces;
        if (o->cgroup >= 0)
                text_addf(&sh->join, "echo 0 >%s\n", shell_under(sh, o->cgroup, "cgroup.procs"));
}

void shell_map_ids(struct shell *sh, const struct op_map_ids *o)
{
        sh->uid_map = shell_word(sh, o->uid_map);
        sh->gid_map = shell_word(sh, o->gid_map);
        sh->deny_setgroups = o->deny_setgroups != 0;
}

/* -- namespaces -------------------------------------------------------------------------------- */

void shell_unshare(struct shell *sh, const struct op_unshare *o)
{
        sh->spaces |= o->spaces;
}

void shell_fork_init(struct shell *sh, const struct op_fork_init *o)
{
        sh->spaces |= o->spaces;
}

void shell_join_namespace(struct shell *sh, const struct op_join_namespace *o)
{
        NUM pid = shell_slot(sh, o->ns)->pid;

        if (pid)
                text_addf(&sh->nsenter, " --target %lld", (long long)pid);
        for (size_t i = 0; i < SPACES; i++) {
                if (!(o->type & plan_spaces[i].bit))
                        continue;
                text_addf(&sh->nsenter, " --%s", plan_spaces[i].tool);
                if (!pid)
                        text_addf(&sh->nsenter, "=%s", shell_under(sh, o->ns, ""));
        }
}

/* unshare(1) takes whole seconds only. */
void shell_set_clocks(struct shell *sh, const struct op_set_clocks *o)
{
        const char *line;

        for (const char *lines = o->offsets; lines;) {
                lines = shell_each_line(sh, lines, &line);
                if (text_starts(line, "monotonic ") || text_starts(line, "1 "))
                        text_add(&sh->clocks, " --monotonic ");
                else if (text_starts(line, "boottime ") || text_starts(line, "7 "))
                        text_add(&sh->clocks, " --boottime ");
                else
                        continue;
                line = strchr(line, ' ') + 1;
                text_add_shell(&sh->clocks, arena_copy(sh->arena, line, strcspn(line, " ")));
        }
}

void shell_redirect_output(struct shell *sh, const struct op_redirect_output *o)
{
        const char *path = shell_word(sh, o->path);

        shell_line(sh, "( umask 077; : >>%s )", path);
        shell_line(sh, "exec >>%s 2>&1", path);
}

void shell_join_cgroup(struct shell *sh, const struct op_join_cgroup *o)
{
        text_addf(
                &sh->join, "echo 0 >%s\n",
                o->cgroup < 0 ? shell_word(sh, o->file) : shell_under(sh, o->cgroup, o->file));
}

void shell_join_group(struct shell *sh, const struct op_join_group *o)
{
        text_addf(&sh->join, "echo 0 >%s\n", shell_under(sh, o->group, "tasks"));
}

void shell_link_up(struct shell *sh, const struct op_link_up *o)
{
        shell_line(sh, "ip link set dev %s up", shell_word(sh, o->name));
}

/* The sysctl belongs to the host's root, so in a user namespace only the system call is left. */
static void set_name(struct shell *sh, const char *what, const char *name)
{
        if (sh->uid_map)
                shell_line(sh, "%s %s", what, name);
        else
                shell_line(sh, "printf %%s %s >/proc/sys/kernel/%s", name, what);
}

void shell_set_hostname(struct shell *sh, const struct op_set_hostname *o)
{
        set_name(sh, "hostname", shell_word(sh, o->name));
}

void shell_set_domainname(struct shell *sh, const struct op_set_domainname *o)
{
        set_name(sh, "domainname", shell_word(sh, o->name));
}

/* -- the walk ---------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): a table, written out by ops.def */
static void dispatch(struct shell *sh, const struct op *op)
{
        switch ((enum op_code)op->code) {
#define OP(title, manual, stage)                  \
        case OP_##title:                          \
                shell_##title(sh, &op->as.title); \
                break;
#define FIELD(kind, title)
#define END(title)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        case OP_COUNT:
                break;
        }
}

/* The commands of one operation, apart from the rest. */
static const char *render(struct shell *sh, const struct op *op)
{
        struct text saved = sh->body, out;

        sh->body = (struct text){ .arena = sh->arena };
        dispatch(sh, op);
        out = sh->body;
        sh->body = saved;
        return text_string(&out);
}

static int16_t written_slot(const struct op *op)
{
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(op, operands);

        for (size_t i = 0; i < n; i++)
                if (operands[i].kind == KIND_NEWFD)
                        return operand_slot(&operands[i]);
        return -1;
}

/* "Or else" between two trees is decided where they are attached; between two commands here. */
static void put_pair(struct shell *sh, const struct op *op, const struct op *other)
{
        int16_t written = written_slot(op);
        const char *first = render(sh, op), *second;

        if (written >= 0) {
                struct shell_slot saved = *shell_slot(sh, written);
                struct shell_slot *copy = arena_new(sh->arena, struct shell_slot);

                *shell_slot(sh, written) = (struct shell_slot){ 0 };
                second = render(sh, other);
                *copy = *shell_slot(sh, written);
                *shell_slot(sh, written) = saved;
                shell_slot(sh, written)->other = copy;
                text_add(&sh->body, first);
                return;
        }
        /* mount(8) finds the way that the kernel has by itself. */
        second = op->code == OP_set_mount ? "" : render(sh, other);
        if (!*first || *first == '#' || !*second || *second == '#') {
                text_add(&sh->body, *first && *first != '#' ? first : second);
                return;
        }
        shell_line(sh, "{\n%s} 2>/dev/null || {\n%s}", first, second);
}

static void put_why(const char *why, struct text *commands)
{
        text_add(commands, "\n# ");
        text_add_visible(commands, why ? why : "");
        text_add_char(commands, '\n');
}

/* The commands of a list, each group under its reason. */
static const char *walk(struct shell *sh, enum actor actor)
{
        const struct op_list *list = &sh->plan->list[actor];
        struct text commands = { .arena = sh->arena };
        const char *why = NULL;

        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];

                if (op->code == OP_exec)
                        break;
                sh->body = (struct text){ .arena = sh->arena };
                if (op->has_else && i + 1 < list->n)
                        put_pair(sh, op, &list->ops[++i]);
                else
                        dispatch(sh, op);
                if (!sh->body.len)
                        continue;
                if (!text_equal(why, op->why))
                        put_why(op->why, &commands);
                why = op->why;
                text_add(&commands, text_string(&sh->body));
        }
        return text_string(&commands);
}

/* -- the script -------------------------------------------------------------------------------- */

static const char cgroup_functions[] =
        "\n# A v1 cpuset is born empty and takes no process until it is filled.\n"
        "make_cgroup() {\n"
        "        [ -d \"$1\" ] || { make_cgroup \"${1%/*}\" && mkdir \"$1\"; } || exit 125\n"
        "        for file in cpuset.cpus cpuset.mems; do\n"
        "                if [ ! -e \"$1/cgroup.controllers\" ] && [ -e \"$1/$file\" ] &&\n"
        "                   [ -z \"$(cat \"$1/$file\")\" ]; then\n"
        "                        cat \"${1%/*}/$file\" >\"$1/$file\"\n"
        "                fi\n"
        "        done\n"
        "}\n"
        "remove_cgroup() {\n"
        "        rmdir \"$1\" 2>/dev/null || { sleep 1; rmdir \"$1\"; } || :\n"
        "}\n";

/* A word that no line of the text is: so that the text cannot end the here-document. */
static const char *delimiter(struct shell *sh, const char *text)
{
        const char *word = "INIT";

        for (unsigned i = 1; strstr(text, word); i++)
                word = arena_format(sh->arena, "INIT_%u", i);
        return word;
}

static void put_head(struct shell *sh, const char *host, struct text *out)
{
        text_add(out, "#!/bin/sh\n# Container ");
        text_add_visible(out, sh->plan->id ? sh->plan->id : "");
        text_add(
                out,
                ", as husk would make it, in the words of util-linux, coreutils, iproute2 and\n"
                "# libcap. To be run as root. Lines '# husk:' say what a shell cannot do.\n"
                "set -eu\numask 022\n");
        for (size_t i = 0; i < sh->plan->n_notes; i++) {
                text_add(out, "# note: ");
                text_add_visible(out, sh->plan->notes[i].words);
                text_add_char(out, '\n');
        }
        if (sh->undo.len) {
                text_add(out, cgroup_functions);
                text_addf(
                        out, "undo() {\n%s}\ntrap undo EXIT\ntrap 'exit 143' HUP INT TERM\n",
                        text_string(&sh->undo));
        }
        text_add(out, host);
}

/* The maps are written from outside, when the namespace is there: two fifos order the steps. */
static void put_mapper(struct shell *sh, struct text *out)
{
        text_add(
                out, "\n# The user namespace's maps are written from outside.\n"
                     "gates=$(mktemp -d)\n"
                     "mkfifo \"$gates/made\" \"$gates/mapped\"\n"
                     "(\n"
                     "        read -r pid <\"$gates/made\"\n");
        if (sh->deny_setgroups)
                text_add(out, "        printf deny >\"/proc/$pid/setgroups\"\n");
        text_addf(
                out,
                "        printf %%s %s >\"/proc/$pid/uid_map\"\n"
                "        printf %%s %s >\"/proc/$pid/gid_map\"\n"
                "        echo >\"$gates/mapped\"\n"
                "        rm -r \"$gates\"\n"
                ") &\n",
                sh->uid_map, sh->gid_map);
}

static void put_spawn(struct shell *sh, struct text *out)
{
        bool user = sh->spaces & CLONE_NEWUSER && sh->uid_map;

        text_add(out, "\n# In a subshell: this script stays outside of the cgroups.\n(\n");
        for (const char *line, *lines = text_string(&sh->join); lines && *lines;) {
                lines = shell_each_line(sh, lines, &line);
                text_addf(out, "        %s || exit 125\n", line);
        }
        text_add(out, "        exec");
        if (sh->nsenter.len)
                text_addf(out, " nsenter%s --", text_string(&sh->nsenter));
        text_add(out, " unshare --fork --kill-child");
        for (size_t i = 0; i < SPACES; i++)
                if (sh->spaces & plan_spaces[i].bit)
                        text_addf(out, " --%s", plan_spaces[i].tool);
        if (sh->spaces & CLONE_NEWUSER)
                text_add(out, " --keep-caps");
        if (sh->spaces & CLONE_NEWNS)
                text_add(out, " --propagation unchanged");
        text_addf(out, "%s --", text_string(&sh->clocks));
        if (user)
                text_addf(
                        out,
                        " sh -euc '\n"
                        "                read -r pid rest </proc/self/stat\n"
                        "                echo \"$pid\" >\"$1/made\"\n"
                        "                read -r rest <\"$1/mapped\"\n"
                        "                exec setpriv --reuid 0 --regid 0 %s sh -euc \"$2\"'"
                        " sh \"$gates\" \"$init\"\n)\n",
                        sh->deny_setgroups ? "--keep-groups" : "--clear-groups");
        else
                text_add(out, " sh -euc \"$init\"\n)\n");
}

static struct shell *shell_new(const struct plan *plan, struct text *out)
{
        struct shell *sh = arena_new(out->arena, struct shell);
        const struct op_list *init = &plan->list[INIT];

        sh->plan = plan;
        sh->arena = out->arena;
        sh->umask = sh->root = sh->mask_null = sh->mask_empty = -1;
        sh->join.arena = sh->undo.arena = sh->nsenter.arena = out->arena;
        sh->clocks.arena = sh->limits.arena = out->arena;
        for (size_t i = 0; i < init->n; i++)
                if (init->ops[i].code == OP_pivot)
                        sh->root = init->ops[i].as.pivot.root;
        return sh;
}

void plan_print_shell(const struct plan *plan, struct text *out)
{
        struct shell *sh = shell_new(plan, out);
        const struct op_list *init = &plan->list[INIT];
        const char *host = walk(sh, HOST), *inner = walk(sh, INIT), *end;

        put_head(sh, host, out);
        if (!init->n)
                return;
        sh->body = (struct text){ .arena = sh->arena };
        if (init->ops[init->n - 1].code == OP_exec)
                shell_finish(sh, &init->ops[init->n - 1].as.exec);
        inner = arena_format(
                sh->arena, "umask 022\n%s%s%s", shell_functions, inner, text_string(&sh->body));
        end = delimiter(sh, inner);
        text_addf(out, "\ninit=$(cat <<'%s'\n%s%s\n)\n", end, inner, end);
        if (sh->spaces & CLONE_NEWUSER && sh->uid_map)
                put_mapper(sh, out);
        put_spawn(sh, out);
}
