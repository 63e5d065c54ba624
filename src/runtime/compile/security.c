/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who the program is and what it may do; then the exec.
 *
 * The order is fixed: groups, bounding set, ids, capabilities, no_new_privs, seccomp last. Without
 * no_new_privs a filter can be loaded only while CAP_SYS_ADMIN is still there, so it goes before
 * the capabilities then. `exec` compiles through here too, from the stored document: it cannot
 * forget what `create` did. */
#include "compile.h"

#include <string.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

uint64_t compile_caps(struct compile *c, const struct spec_texts *names)
{
        uint64_t caps = 0;

        for (size_t i = 0; i < names->n; i++) {
                int number = caps_number(names->items[i]);

                if (number < 0)
                        plan_note(
                                c->plan, "/process/capabilities: unknown capability '%s'",
                                names->items[i]);
                else
                        caps |= 1ULL << number;
        }
        return caps;
}

static bool has_filter(const struct compile *c)
{
        return c->options->seccomp || c->linux_->seccomp;
}

int compile_identity(struct compile *c)
{
        static const struct spec_capabilities none;
        const struct spec_capabilities *caps =
                c->process->capabilities ? c->process->capabilities : &none;
        const struct spec_user *user = c->process->user;
        uint32_t uid = user ? user->uid : 0, gid = user ? user->gid : 0;
        uint64_t permitted = compile_caps(c, &caps->permitted);
        uint64_t ambient = compile_caps(c, &caps->ambient);
        uint64_t inheritable = compile_caps(c, &caps->inheritable);
        bool may_set_groups = !(c->user_namespace && c->facts->uid != 0);
        uint32_t *groups =
                arena_array(c->arena, user ? user->additional_gids.n + 1 : 1, sizeof *groups);
        size_t n = 0;

        for (size_t i = 0; user && i < user->additional_gids.n; i++)
                groups[n++] = user->additional_gids.items[i];
        if (may_set_groups)
                plan_add(
                        c->plan, INIT, "/process/user/additionalGids", set_groups,
                        .groups = { groups, n });
        else if (n)
                plan_note(
                        c->plan, "/process/user/additionalGids: none, because the host lets an "
                                 "ordinary user set no groups");
        plan_add(
                c->plan, INIT, "/process/capabilities/bounding", drop_bounding,
                .keep = compile_caps(c, &caps->bounding));
        if (has_filter(c) && !c->process->no_new_privileges) {
                int r = compile_seccomp(c);

                if (r < 0)
                        return r;
        }
        plan_add(c->plan, INIT, "/process/user", keep_caps);
        plan_add(c->plan, INIT, "/process/user", set_ids, .uid = uid, .gid = gid);
        plan_add(
                c->plan, INIT, "/process/capabilities", set_caps,
                .effective = compile_caps(c, &caps->effective) & permitted, .permitted = permitted,
                .inheritable = inheritable);
        if (ambient)
                plan_add(
                        c->plan, INIT, "/process/capabilities/ambient", set_ambient,
                        .ambient = ambient & permitted & inheritable);
        return 0;
}

static int add_rule(
        struct compile *c, const struct spec_seccomp_syscall *from, size_t number,
        struct seccomp_rule *rule)
{
        struct seccomp_argument *arguments =
                arena_array(c->arena, from->args.n + 1, sizeof *arguments);

        int r = seccomp_action(
                from->action,
                from->errno_ret.set ? (int64_t)from->errno_ret.value : SECCOMP_NO_ERRNO,
                &rule->action);

        /* Nobody listens: each such call would fail with ENOSYS. */
        if (r < 0 || rule->action == SECCOMP_RET_USER_NOTIF)
                return spec_error(
                        from->at, c->document, why(c, "/linux/seccomp/syscalls/%zu/action", number),
                        "'%s' is not supported", from->action);
        for (size_t i = 0; i < from->args.n; i++) {
                enum seccomp_compare op;

                if (seccomp_compare_op(from->args.items[i].op, &op) < 0 ||
                    from->args.items[i].index > 5)
                        return spec_error(
                                from->args.items[i].at, c->document,
                                why(c, "/linux/seccomp/syscalls/%zu/args/%zu", number, i),
                                "a system call has arguments 0 to 5");
                arguments[i] = (struct seccomp_argument){
                        .index = from->args.items[i].index,
                        .op = op,
                        .value = from->args.items[i].value,
                        .value_two = from->args.items[i].value_two,
                };
        }
        rule->names = (const char *const *)from->names.items;
        rule->n_names = from->names.n;
        rule->arguments = arguments;
        rule->n_arguments = from->args.n;
        return 0;
}

static int add_filter(struct compile *c, const struct seccomp_profile *profile, uint64_t flags)
{
        const struct sock_filter *program;
        size_t n;
        int r = seccomp_compile(c->arena, profile, &program, &n);

        if (r < 0)
                return trail(r, "/linux/seccomp");
        /* One thread: TSYNC has nothing to synchronise, and its failure would look like success. */
        plan_add(
                c->plan, INIT, "/linux/seccomp", load_seccomp,
                .filter = { program, n * sizeof *program },
                .flags = flags & ~(uint64_t)SECCOMP_FILTER_FLAG_TSYNC);
        return 0;
}

/* A profile of our own depends on what the container may do at most. */
static int add_builtin(struct compile *c)
{
        static const struct spec_texts none;
        const struct seccomp_profile *profile = seccomp_default(
                c->arena,
                compile_caps(
                        c, c->process->capabilities ? &c->process->capabilities->bounding : &none),
                c->options->seccomp);

        if (!profile)
                return trail(-EINVAL, "there is no seccomp profile '%s'", c->options->seccomp);
        return add_filter(c, profile, 0);
}

int compile_seccomp(struct compile *c)
{
        const struct spec_seccomp *from = c->linux_->seccomp;
        struct seccomp_profile profile = { 0 };
        struct seccomp_rule *rules;
        uint32_t *architectures;
        uint64_t flags = 0;
        int r;

        if (c->options->seccomp)
                return add_builtin(c);
        r = seccomp_action(
                from->default_action,
                from->default_errno_ret.set ? (int64_t)from->default_errno_ret.value
                                            : SECCOMP_NO_ERRNO,
                &profile.default_action);

        if (r < 0 || profile.default_action == SECCOMP_RET_USER_NOTIF)
                return spec_error(
                        from->at, c->document, "/linux/seccomp/defaultAction",
                        "'%s' is not supported", from->default_action);
        rules = arena_array(c->arena, from->syscalls.n + 1, sizeof *rules);
        architectures = arena_array(c->arena, from->architectures.n + 1, sizeof *architectures);
        for (size_t i = 0; i < from->architectures.n; i++) {
                uint32_t architecture;

                if (seccomp_architecture(from->architectures.items[i], &architecture) == 0)
                        architectures[profile.n_architectures++] = architecture;
        }
        for (size_t i = 0; i < from->flags.n; i++) {
                unsigned flag;

                r = seccomp_flag(from->flags.items[i], &flag);
                if (r < 0)
                        return spec_error(
                                from->at, c->document, why(c, "/linux/seccomp/flags/%zu", i),
                                "'%s' is not supported", from->flags.items[i]);
                flags |= flag;
        }
        for (size_t i = 0; i < from->syscalls.n; i++) {
                r = add_rule(c, &from->syscalls.items[i], i, &rules[i]);
                if (r < 0)
                        return r;
        }
        profile.rules = rules;
        profile.n_rules = from->syscalls.n;
        profile.architectures = architectures;
        return add_filter(c, &profile, flags);
}

/* PATH of the program's own environment. */
static const char *search_path(const struct spec_process *process)
{
        for (size_t i = 0; i < process->env.n; i++)
                if (text_starts(process->env.items[i], "PATH="))
                        return process->env.items[i] + 5;
        return NULL;
}

/* HOME from the user database is the engine's business; an empty environment gets nothing. */
int compile_security(struct compile *c)
{
        static const char *const nothing[] = { NULL };
        const char *const *env =
                c->process->env.n ? (const char *const *)c->process->env.items : nothing;

        plan_add(
                c->plan, INIT, "/process/args/0", find_program,
                .program = c->process->args.items[0], .search = search_path(c->process));
        plan_add(
                c->plan, INIT, "[descriptors]", seal_fds,
                .first = 3 + (NUM)c->options->preserve_fds);
        if (c->options->await_start) {
                plan_add(c->plan, INIT, "[start]", open_gate, .gate = GATE_CREATED);
                plan_add(c->plan, INIT, "[start]", await_gate, .gate = GATE_START);
        }
        if (c->process->no_new_privileges) {
                plan_add(c->plan, INIT, "/process/noNewPrivileges", no_new_privs);
                if (has_filter(c)) {
                        int r = compile_seccomp(c);

                        if (r < 0)
                                return r;
                }
        }
        compile_hooks_start(c);
        plan_add(
                c->plan, INIT, "/process/args", exec,
                .args = { (const char *const *)c->process->args.items, c->process->args.n },
                .env = { env, c->process->env.n });
        return 0;
}
