/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk exec`: one more process in a running container.
 *
 * The process is compiled from the container's stored document with what the command line says over
 * it: it gets the same namespaces, limits, capabilities and filter as the first one. It is our
 * child; we relay its bytes and signals and pass on its exit status. */
#include "oci.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The container's root, by the descriptor of its first process. */
static int open_root(struct arena *arena, const struct container *container)
{
        auto_close process = container_process(container);

        if (process < 0)
                return process;
        return file_open(AT_FDCWD, arena_format(arena, "/proc/%d/root", (int)container->pid),
                         O_PATH | O_DIRECTORY, 0);
}

static int build_process(struct arena *arena, const struct exec_request *request,
                         const struct container *container, const struct spec *spec,
                         const struct spec_process **ret_process)
{
        struct spec_process *process = arena_new(arena, struct spec_process);
        size_t n = spec->process->env.n;

        *process = *spec->process;
        process->terminal = request->tty;
        process->args = (struct spec_texts){ request->argv.items, request->argv.n };
        process->env.items = arena_array(arena, n + request->env.n + 1, sizeof(char *));
        process->env.n = 0;
        for (size_t i = 0; i < n; i++)
                process->env.items[process->env.n++] = spec->process->env.items[i];
        for (size_t i = 0; i < request->env.n; i++)
                process->env.items[process->env.n++] = request->env.items[i];
        if (request->workdir)
                process->cwd = request->workdir;
        if (request->user) {
                struct spec_user *user = arena_new(arena, struct spec_user);
                const char *home;
                auto_close root = open_root(arena, container);
                int r = root < 0 ? root : user_lookup(arena, root, request->user, user, &home);

                if (r < 0)
                        return r;
                process->user = user;
                if (user->uid != 0 && process->capabilities) {
                        struct spec_capabilities *sets = arena_new(arena, struct spec_capabilities);

                        sets->bounding = process->capabilities->bounding;
                        process->capabilities = sets;
                }
        }
        *ret_process = process;
        return 0;
}

/* Our child ends; meanwhile its bytes and our signals pass. */
static int attend(const struct exec_request *request, struct stdio *stdio, struct machine *machine,
                  int master, int *ret_exit)
{
        struct keeper_relay relay;
        int r, status;

        keeper_relay_init(&relay);
        relay.end = relay.process = machine->pidfd;
        if (master >= 0) {
                relay.terminal = master;
                relay.user = isatty(0) ? 0 : NO_FD;
                if (request->interactive)
                        relay.copies[0] = (struct keeper_copy){ .from = 0, .to = master };
                relay.copies[1] = (struct keeper_copy){ .from = master, .to = 1, .last_words = true };
        } else {
                stdio_relay(stdio, &relay);
        }
        r = keeper_relay_run(&relay);
        if (relay.copies[0].done)
                stdio->ours[0] = NO_FD;
        if (r == 0)
                r = process_wait(machine->pid, &status);
        if (r == 0)
                *ret_exit = process_exit_code(status);
        return r;
}

static int compile(struct arena *arena, const struct exec_request *request, struct plan **ret_plan)
{
        const struct spec_process *process;
        struct container container;
        struct record record;
        const struct spec *spec;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        record_decode(arena, &container, &record);
        if (container.status != CONTAINER_RUNNING)
                r = trail(-ESRCH, "container '%s' is not running", request->container);
        if (r == 0)
                r = container_spec(arena, &container, &spec);
        if (r == 0)
                r = build_process(arena, request, &container, spec, &process);
        if (r == 0)
                r = oci_exec_compile(arena, &container, spec, process, record.seccomp, ret_plan);
        container_close(&container);
        return r;
}

int engine_exec(const struct exec_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        static struct machine machine;
        struct stdio stdio;
        struct plan *plan;
        bool command;
        int master, r = compile(&arena, request, &plan);

        if (r == 0)
                r = stdio_prepare(request->interactive, request->tty || request->detach, &stdio);
        if (r < 0)
                return r;
        stdio_reset_signals();
        r = stdio_enter(&stdio);
        if (r == 0)
                r = container_exec(plan, &machine, &master, &command);
        stdio_leave(&stdio);
        if (r < 0) {
                stdio_close(&stdio);
                if (!command)
                        return r;
                *ret_exit = r == -ENOENT || r == -ENOTDIR ? 127 : 126;
                return ENGINE_NO_COMMAND;
        }
        *ret_exit = 0;
        if (!request->detach)
                r = attend(request, &stdio, &machine, master, ret_exit);
        stdio_close(&stdio);
        machine_done(&machine);
        return r;
}
