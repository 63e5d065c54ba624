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
        bool is_new = c->new_spaces & CLONE_NEWUSER;
        bool is_denied = is_new && c->ids.deny_setgroups;
        uint32_t *groups =
                arena_array(c->arena, user ? user->additional_gids.n + 1 : 1, sizeof *groups);
        size_t n = 0;

        for (size_t i = 0; user && i < user->additional_gids.n; i++)
                groups[n++] = user->additional_gids.items[i];
        if (!is_denied)
                plan_add(
                        c->plan, INIT, "/process/user/additionalGids", set_groups,
                        .groups = { groups, n },
                        .unless_denied = n == 0 && c->user_namespace && !c->ids.certain);
        else if (n)
                plan_note(
                        c->plan, "/process/user/additionalGids: none, because the host lets an "
                                 "ordinary user set no groups");
        plan_add(
                c->plan, INIT, "/process/capabilities/bounding", drop_bounding,
                .keep = compile_caps(c, &caps->bounding));
        if (!c->process->no_new_privileges) {
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

/* PATH of the program's own environment. */
static const char *search_path(const struct spec_process *process)
{
        for (size_t i = 0; i < process->env.n; i++)
                if (text_starts(process->env.items[i], "PATH="))
                        return process->env.items[i] + 5;
        return NULL;
}

static int add_no_new_privs(struct compile *c)
{
        plan_add(c->plan, INIT, "/process/noNewPrivileges", no_new_privs);
        return compile_seccomp(c);
}

/* HOME from the user database is the engine's business; an empty environment gets nothing. The
 * filter comes last, so that it need not allow what we do; but one with a listener comes before
 * `created`, because it is the host side of `create` that takes the listener to the agent. */
int compile_security(struct compile *c)
{
        static const char *const nothing[] = { NULL };
        const char *const *env =
                c->process->env.n ? (const char *const *)c->process->env.items : nothing;
        bool early = compile_seccomp_notifies(c), last = c->process->no_new_privileges;
        int r = 0;

        plan_add(
                c->plan, INIT, "/process/args/0", find_program,
                .program = c->process->args.items[0], .search = search_path(c->process));
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
        plan_add(
                c->plan, INIT, "/process/args", exec,
                .args = { (const char *const *)c->process->args.items, c->process->args.n },
                .env = { env, c->process->env.n });
        return r;
}
