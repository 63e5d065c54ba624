/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who the program is and what it may do; then the exec.
 *
 * The order is fixed: groups, bounding set, ids, capabilities, no_new_privs, seccomp last. Without
 * no_new_privs a filter can be loaded only while CAP_SYS_ADMIN is still there, so it goes before
 * the capabilities then. `exec` compiles through here too, from the stored document: it cannot
 * forget what `create` did. */
#include "compile.h"

#include <sched.h>
#include <string.h>

#include <linux/capability.h>

uint64_t compile_caps(struct compile *c, const char *set, const struct spec_texts *names)
{
        uint64_t caps = 0;

        for (size_t i = 0; i < names->n; i++) {
                int number = caps_number(names->items[i]);

                if (number >= 0)
                        caps |= 1ULL << number;
                else if (set)
                        plan_note(
                                c->plan, "/process/capabilities/%s/%zu: unknown capability '%s'",
                                set, i, names->items[i]);
        }
        return caps;
}

/* What the kernel has and we may hand on: in a user namespace all of it. */
static uint64_t available_caps(const struct compile *c)
{
        uint64_t caps = caps_all();

        if (!facts_kernel(c->facts, 5, 9))
                caps &= ~(1ULL << CAP_CHECKPOINT_RESTORE);
        if (!facts_kernel(c->facts, 5, 8))
                caps &= ~(1ULL << CAP_PERFMON | 1ULL << CAP_BPF);
        return c->user_namespace ? caps : caps & c->facts->caps;
}

/* Take what is not in `most` out of a set, and say so. */
static void limit_caps(
        struct compile *c, const char *set, uint64_t *caps, uint64_t most, const char *reason)
{
        struct text words = { .arena = c->arena };
        uint64_t lost = *caps & ~most;

        if (!lost)
                return;
        for (unsigned i = 0; i < 64; i++)
                if (lost >> i & 1)
                        text_addf(&words, "%s%s", words.len ? ", " : "", caps_name(i));
        plan_note(
                c->plan, "/process/capabilities%s: without %s: %s", set, text_string(&words),
                reason);
        *caps &= most;
}

struct caps {
        uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* What the kernel would refuse with EPERM and not a word is left out with one. */
static struct caps read_caps(struct compile *c)
{
        static const struct spec_capabilities none;
        const struct spec_capabilities *from =
                c->process->capabilities ? c->process->capabilities : &none;
        struct caps caps = {
                .bounding = compile_caps(c, "bounding", &from->bounding),
                .effective = compile_caps(c, "effective", &from->effective),
                .permitted = compile_caps(c, "permitted", &from->permitted),
                .inheritable = compile_caps(c, "inheritable", &from->inheritable),
                .ambient = compile_caps(c, "ambient", &from->ambient),
        };
        uint64_t asked =
                caps.bounding | caps.effective | caps.permitted | caps.inheritable | caps.ambient;
        uint64_t there = available_caps(c);

        limit_caps(c, "", &asked, there, "this host has none to give");
        caps.bounding &= there;
        caps.effective &= there;
        caps.permitted &= there;
        caps.inheritable &= there;
        caps.ambient &= there;
        limit_caps(
                c, "/effective", &caps.effective, caps.permitted,
                "what is effective must be permitted, too");
        limit_caps(
                c, "/inheritable", &caps.inheritable, caps.bounding,
                "what is inheritable must be in the bounding set, too");
        limit_caps(
                c, "/ambient", &caps.ambient, caps.permitted & caps.inheritable,
                "what is ambient must be permitted and inheritable, too");
        return caps;
}

/* Where nobody can set groups the program keeps those that we have, which are not mapped there. */
static void add_groups(struct compile *c)
{
        const struct spec_user *user = c->process->user;
        size_t n = user ? user->additional_gids.n : 0;
        uint32_t *groups = arena_array(c->arena, n + 1, sizeof *groups);
        bool made = c->new_spaces & CLONE_NEWUSER, joined = c->joined_spaces & CLONE_NEWUSER;
        bool denied = made ? c->ids.deny_setgroups : c->facts->denies_groups && !joined;

        for (size_t i = 0; i < n; i++)
                groups[i] = user->additional_gids.items[i];
        if (denied && n)
                plan_note(
                        c->plan, "/process/user/additionalGids: none, because the host lets an "
                                 "ordinary user set no groups");
        if (denied)
                n = 0;
        if (!made || !denied)
                plan_add(
                        c->plan, INIT, "/process/user/additionalGids", set_groups,
                        .groups = { groups, n },
                        .unless_denied = n == 0 && ((c->user_namespace && !c->ids.certain) ||
                                                    c->facts->in_user_namespace));
}

int compile_identity(struct compile *c)
{
        const struct spec_user *user = c->process->user;
        struct caps caps = read_caps(c);

        add_groups(c);
        plan_add(
                c->plan, INIT, "/process/capabilities/bounding", drop_bounding,
                .keep = caps.bounding);
        if (!c->process->no_new_privileges) {
                int r;

                compile_landlock_restrict(c);
                r = compile_seccomp(c);
                if (r < 0)
                        return r;
        }
        plan_add(c->plan, INIT, "/process/user", keep_caps);
        plan_add(
                c->plan, INIT, "/process/user", set_ids, .uid = user ? user->uid : 0,
                .gid = user ? user->gid : 0);
        plan_add(
                c->plan, INIT, "/process/capabilities", set_caps, .effective = caps.effective,
                .permitted = caps.permitted, .inheritable = caps.inheritable);
        if (caps.ambient)
                plan_add(
                        c->plan, INIT, "/process/capabilities/ambient", set_ambient,
                        .ambient = caps.ambient);
        return 0;
}

void compile_check_rights(
        struct compile *c, FD criu, uint32_t spaces, const char *uid_map, const char *gid_map)
{
        struct caps caps = read_caps(c);

        plan_add(
                c->plan, HOST, "[criu]", check_rights, .process = c->process_fd, .criu = criu,
                .caps = caps.bounding | caps.permitted | caps.inheritable,
                .bounding = caps.bounding, .filter = c->linux_->seccomp != NULL, .spaces = spaces,
                .uid_map = uid_map, .gid_map = gid_map);
}

/* PATH of the program's own environment. */
static const char *search_path(const struct spec_process *process)
{
        for (size_t i = 0; i < process->env.n; i++)
                if (text_starts(process->env.items[i], "PATH="))
                        return process->env.items[i] + 5;
        return NULL;
}

bool compile_stays_init(const struct compile *c)
{
        const char *value = compile_annotation(c, ANNOTATION_INIT);

        return value && text_equal(value, "true");
}

static int add_init(struct compile *c)
{
        const char *value = c->start ? compile_annotation(c, ANNOTATION_INIT) : NULL;

        if (!value || text_equal(value, "false"))
                return 0;
        if (!text_equal(value, "true"))
                return spec_error(
                        c->spec->at, c->document, "/annotations/dev.husk.init",
                        "'%s' is neither true nor false", value);
        plan_add(c->plan, INIT, "/annotations/dev.husk.init", stay_init);
        return 0;
}

static int add_no_new_privs(struct compile *c)
{
        plan_add(c->plan, INIT, "/process/noNewPrivileges", no_new_privs);
        compile_landlock_restrict(c);
        compile_enter_pids(c, ENTRY_LATE);
        return compile_seccomp(c);
}

static bool is_listen_variable(const char *variable)
{
        return text_starts(variable, "LISTEN_FDS=") || text_starts(variable, "LISTEN_PID=") ||
               text_starts(variable, "LISTEN_FDNAMES=");
}

/* Sockets that a service manager opened go on to the program, sd_listen_fds(3), which is to be process
 * 1: nobody could write its number later. */
static WORDS program_env(struct compile *c)
{
        const struct spec_texts *from = &c->process->env;
        const char **all = arena_array(c->arena, from->n + 4, sizeof *all);
        size_t n = 0;

        for (size_t i = 0; i < from->n; i++)
                if (!c->options->listen_fds || !is_listen_variable(from->items[i]))
                        all[n++] = from->items[i];
        if (c->options->listen_fds) {
                all[n++] = why(c, "LISTEN_FDS=%u", c->options->listen_fds);
                all[n++] = "LISTEN_PID=1";
                if (c->options->listen_names)
                        all[n++] = why(c, "LISTEN_FDNAMES=%s", c->options->listen_names);
                if (!(c->new_spaces & CLONE_NEWPID) || compile_stays_init(c))
                        plan_note(
                                c->plan,
                                "LISTEN_FDS: the program is not process 1, so that it will "
                                "not take the sockets for its own");
        }
        return (WORDS){ all, n };
}

/* A value may have lines, a name may not; and what others take HOME for, a field of passwd(5), has neither
 * lines nor colons (CVE-2022-4318). */
static int check_env(const struct compile *c)
{
        const struct spec_texts *env = &c->process->env;
        const char *wrong = NULL;
        size_t i = 0;

        for (; i < env->n && !wrong; i++) {
                const char *variable = env->items[i];

                if (text_has_control(variable, strcspn(variable, "=")))
                        wrong = "the name of a variable has no control characters";
                else if (
                        text_starts(variable, "HOME=") &&
                        (text_has_control(variable, SIZE_MAX) || strchr(variable, ':')))
                        wrong = "a home directory has no control characters and no colons";
        }
        return wrong ? spec_error(
                               c->process->at, c->document, why(c, "/process/env/%zu", i - 1),
                               "'%s': %s", env->items[i - 1], wrong)
                     : 0;
}

void compile_find_program(struct compile *c)
{
        plan_add(
                c->plan, INIT, "/process/args/0", find_program,
                .program = c->process->args.items[0], .search = search_path(c->process));
}

/* HOME from the user database is the engine's business; an empty environment gets nothing. The
 * filter comes last, so that it need not allow what we do; but one with a listener comes before
 * `created`, because it is the host side of `create` that takes the listener to the agent. */
int compile_security(struct compile *c)
{
        bool early = compile_seccomp_notifies(c), last = c->process->no_new_privileges;
        int r = check_env(c);

        if (r < 0)
                return r;
        if (c->entry != ENTRY_LATE && !c->options->visit)
                compile_find_program(c);
        plan_add(
                c->plan, INIT, "[descriptors]", seal_fds,
                .first = 3 + (NUM)c->options->preserve_fds);
        if (last && early)
                r = add_no_new_privs(c);
        if (c->options->await_start) {
                plan_add(c->plan, INIT, "[start]", open_gate, .gate = GATE_CREATED);
                plan_add(c->plan, INIT, "[start]", await_gate, .gate = GATE_START);
        }
        if (last && !early)
                r = add_no_new_privs(c);
        compile_hooks_start(c);
        if (r == 0)
                r = add_init(c);
        if (!last)
                compile_enter_pids(c, ENTRY_LATE);
        plan_add(
                c->plan, INIT, "/process/args", exec,
                .args = { (const char *const *)c->process->args.items, c->process->args.n },
                .env = program_env(c));
        return r;
}
