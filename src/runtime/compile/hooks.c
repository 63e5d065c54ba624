/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: /hooks, each group at the place that the specification gives it.
 *
 * prestart and createRuntime run on HOST while INIT, with all its mounts made, waits at host_ready;
 * createContainer in INIT behind that gate, while "/" is still the host's; startContainer in INIT as
 * the last thing before exec: what its path names is the container's, so it gets no more than the
 * container's program gets, the filter included. poststart runs on HOST behind `executed`, or in
 * `start`; poststop where a container is removed. The state that a hook reads is made here but for
 * the pid, which only the run knows. */
#include "compile.h"

#include <sched.h>

static const struct spec_hooks no_hooks;

static const struct spec_hooks *hooks_of(const struct spec *spec)
{
        return spec->hooks ? spec->hooks : &no_hooks;
}

static int check_list(const struct compile *c, const struct spec_hook_list *list, const char *kind)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct spec_hook *hook = &list->items[i];

                if (hook->path[0] != '/')
                        return spec_error(
                                hook->at, c->document, why(c, "/hooks/%s/%zu/path", kind, i),
                                "'%s' is not an absolute path", hook->path);
                if (hook->timeout.set && hook->timeout.value <= 0)
                        return spec_error(
                                hook->at, c->document, why(c, "/hooks/%s/%zu/timeout", kind, i),
                                "%lld is not a time-out: seconds, greater than zero",
                                (long long)hook->timeout.value);
        }
        return 0;
}

int compile_hooks_check(const struct compile *c)
{
        const struct spec_hooks *hooks = hooks_of(c->spec);
        int r;

        if ((r = check_list(c, &hooks->prestart, "prestart")) < 0 ||
            (r = check_list(c, &hooks->create_runtime, "createRuntime")) < 0 ||
            (r = check_list(c, &hooks->create_container, "createContainer")) < 0 ||
            (r = check_list(c, &hooks->start_container, "startContainer")) < 0 ||
            (r = check_list(c, &hooks->poststart, "poststart")) < 0 ||
            (r = check_list(c, &hooks->poststop, "poststop")) < 0)
                return r;
        if (hooks->poststop.n)
                plan_remark(
                        c->plan, "/hooks/poststop: %zu to be run when the container is removed",
                        hooks->poststop.n);
        if (hooks->poststart.n && c->options->await_start)
                plan_remark(
                        c->plan, "/hooks/poststart: %zu to be run when the container is started",
                        hooks->poststart.n);
        return 0;
}

/* runtime.md, "State", without the pid. */
static const char *state_text(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        const char *status)
{
        struct text out = { .arena = arena };
        struct json_writer w = { .out = &out };

        json_open_object(&w, NULL);
        json_put_string(&w, "ociVersion", spec->oci_version);
        json_put_string(&w, "id", options->id);
        json_put_string(&w, "status", status);
        json_put_string(&w, "bundle", options->bundle ? options->bundle : "");
        json_open_object(&w, "annotations");
        for (size_t i = 0; i < spec->annotations.n; i++)
                json_put_string(
                        &w, spec->annotations.items[i].key, spec->annotations.items[i].value);
        json_close_object(&w);
        json_close_object(&w);
        return text_string(&out);
}

/* One group: what its hooks have in common. */
struct group {
        enum actor actor;
        const char *kind;
        const struct spec_hook_list *list;
        const char *status;
        const char *cwd;
};

static WORDS words_of(const struct spec_texts *texts)
{
        static const char *const nothing[] = { NULL };

        return texts->n ? (WORDS){ (const char *const *)texts->items, texts->n }
                        : (WORDS){ nothing, 0 };
}

static void add_group(
        struct plan *plan, const struct spec *spec, const struct runtime_options *options,
        const struct group *group)
{
        const char *state = NULL;

        for (size_t i = 0; i < group->list->n; i++) {
                const struct spec_hook *hook = &group->list->items[i];

                if (!state)
                        state = state_text(plan->arena, spec, options, group->status);
                plan_add(
                        plan, group->actor,
                        arena_format(plan->arena, "/hooks/%s/%zu", group->kind, i), run_hook,
                        .path = hook->path, .args = words_of(&hook->args),
                        .env = words_of(&hook->env), .cwd = group->cwd,
                        .timeout_s = hook->timeout.set ? hook->timeout.value : 0, .state = state);
        }
}

static void add_hooks(
        struct compile *c, enum actor actor, const char *kind, const struct spec_hook_list *list,
        const char *status)
{
        bool inside = text_equal(kind, "startContainer");

        add_group(
                c->plan, c->spec, c->options,
                &(struct group){ actor, kind, list, status, inside ? "/" : c->options->bundle });
}

bool compile_has_create_hooks(const struct compile *c)
{
        const struct spec_hooks *hooks = hooks_of(c->spec);

        return hooks->prestart.n || hooks->create_runtime.n || hooks->create_container.n;
}

static bool has_runtime_hooks(const struct compile *c)
{
        const struct spec_hooks *hooks = hooks_of(c->spec);

        return hooks->prestart.n || hooks->create_runtime.n ||
               (hooks->poststart.n && !c->options->await_start);
}

/* The next child's pid namespace is the container's, once HOST has asked for that; its
 * hooks' are the host's. */
void compile_hooks_leave(struct compile *c)
{
        if (!has_runtime_hooks(c))
                return;
        if (c->joined_spaces & CLONE_NEWPID && !c->forks) {
                c->own_pid = plan_slot(c->plan);
                plan_add(
                        c->plan, HOST, "/hooks", open_namespace, .path = "/proc/self/ns/pid",
                        .type = CLONE_NEWPID, .ns = c->own_pid);
        }
}

void compile_hooks_return(struct compile *c)
{
        if (c->own_pid >= 0)
                plan_add(
                        c->plan, HOST, "/hooks", join_namespace, .ns = c->own_pid,
                        .type = CLONE_NEWPID);
}

void compile_hooks_runtime(struct compile *c)
{
        const struct spec_hooks *hooks = hooks_of(c->spec);

        add_hooks(c, HOST, "prestart", &hooks->prestart, "creating");
        add_hooks(c, HOST, "createRuntime", &hooks->create_runtime, "creating");
}

void compile_hooks_container(struct compile *c)
{
        add_hooks(c, INIT, "createContainer", &hooks_of(c->spec)->create_container, "creating");
}

void compile_hooks_start(struct compile *c)
{
        const struct spec_hook_list *list = &hooks_of(c->spec)->start_container;

        if (!c->start)
                return;
        add_hooks(c, INIT, "startContainer", list, "created");
        /* Hooks take their time: who is killed in them must not be taken for a program that has ended already. */
        if (list->n && c->options->await_start)
                plan_add(c->plan, INIT, "/hooks/startContainer", open_gate, .gate = GATE_HOOKED);
}

/* The journal says "started" itself where hooks look at the container before husk has. */
void compile_hooks_poststart(struct compile *c)
{
        if (!runtime_has_hooks(c->spec))
                return;
        plan_add(c->plan, HOST, "/hooks", note_status, .status = "started");
        add_hooks(c, HOST, "poststart", &hooks_of(c->spec)->poststart, "running");
}

struct plan *runtime_compile_hooks(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        enum runtime_hooks which)
{
        const struct spec_hooks *hooks = hooks_of(spec);
        struct plan *plan = arena_new(arena, struct plan);

        plan->arena = arena;
        plan->id = options->id;
        if (which == HOOKS_POSTSTART)
                add_group(
                        plan, spec, options,
                        &(struct group){ HOST, "poststart", &hooks->poststart, "running",
                                         options->bundle });
        else
                add_group(
                        plan, spec, options,
                        &(struct group){ HOST, "poststop", &hooks->poststop, "stopped",
                                         options->bundle });
        return plan;
}

bool runtime_has_hooks(const struct spec *spec)
{
        const struct spec_hooks *hooks = hooks_of(spec);

        return hooks->prestart.n || hooks->create_runtime.n || hooks->create_container.n ||
               hooks->start_container.n || hooks->poststart.n || hooks->poststop.n;
}
