/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the hooks that are no part of a start's plan.
 *
 * poststart belongs to `start`, poststop to whatever removes the container: they come from the
 * document in the journal, as plans of one operation each. A poststop hook that fails is a warning,
 * and the next one runs. They run after everything is undone and before the journal goes: when we
 * are killed in between, the next command that removes the container runs them again. */
#include "runtime.h"

#include <string.h>

/* Is there any use in reading the document? Escapes could spell the word in other ways. */
static bool may_have(const struct container *container, const char *word)
{
        const char *config = container->config;
        size_t size = container->config_size;

        return container->pid > 0 && config &&
               (memmem(config, size, word, strlen(word)) || memmem(config, size, "\\u", 2));
}

static int read_plan(
        struct arena *arena, const struct container *container, enum runtime_hooks which,
        struct plan **ret_plan)
{
        const struct runtime_options options = { .id = container->id, .bundle = container->bundle };
        const struct spec *spec;
        int r = container_spec(arena, container, &spec);

        if (r == 0)
                *ret_plan = runtime_compile_hooks(arena, spec, &options, which);
        return r;
}

static int run_one(const struct plan *plan, size_t i, pid_t pid)
{
        struct plan one = *plan;
        struct machine machine;
        struct op *op = &plan->list[HOST].ops[i];
        int r;

        one.list[HOST] = (struct op_list){ op, 1, 1 };
        machine_init(&machine, &one);
        machine.pid = pid;
        r = plan_apply(&machine, HOST);
        return r < 0 ? trail(r, "%s", op->why) : 0;
}

void container_give_up(struct arena *arena, struct container *container)
{
        const char *words = arena_string(arena, trail_text());
        const char *hint = arena_string(arena, trail_hint_text());

        trail_reset();
        if (container_remove(arena, container) < 0)
                trail_warn("'%s' could not be removed: %s", container->id, trail_text());
        trail_reset();
        trail(0, "%s", words);
        if (*hint)
                trail_hint("%s", hint);
}

bool container_has_start_hooks(struct arena *arena, const struct container *container)
{
        const struct spec *spec;

        return may_have(container, "startContainer") &&
               container_spec(arena, container, &spec) == 0 && spec->hooks &&
               spec->hooks->start_container.n;
}

int container_poststart(struct arena *arena, struct container *container)
{
        struct plan *plan;
        int r;

        if (!may_have(container, "poststart"))
                return 0;
        r = read_plan(arena, container, HOOKS_POSTSTART, &plan);
        for (size_t i = 0; r == 0 && i < plan->list[HOST].n; i++)
                r = run_one(plan, i, container->pid);
        if (r < 0)
                container_give_up(arena, container);
        return r;
}

void container_poststop(struct arena *arena, const struct container *container)
{
        const char *words, *hint;
        struct plan *plan;

        if (!may_have(container, "poststop"))
                return;
        words = arena_string(arena, trail_text());
        hint = arena_string(arena, trail_hint_text());
        trail_reset();
        if (read_plan(arena, container, HOOKS_POSTSTOP, &plan) < 0) {
                trail_warn("poststop hooks: %s", trail_text());
        } else {
                /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): read_plan() has made it */
                for (size_t i = 0; i < plan->list[HOST].n; i++) {
                        if (run_one(plan, i, 0) < 0)
                                trail_warn("%s", trail_text());
                        trail_reset();
                }
        }
        trail_reset();
        if (*words)
                trail(0, "%s", words);
        if (*hint)
                trail_hint("%s", hint);
}
