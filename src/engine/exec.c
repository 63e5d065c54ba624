/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `husk exec`: one more process in a running container.
 *
 * The process is compiled from the container's stored document with what the command line says over
 * it: it gets the same namespaces, limits, capabilities and filter as the first one. It is our
 * child; we relay its bytes and signals and pass on its exit status. In the background nobody waits for it. */
#include "new_image.h"
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
        return file_open(
                AT_FDCWD, arena_format(arena, "/proc/%d/root", (int)container->pid),
                O_PATH | O_DIRECTORY, 0);
}

static bool has_variable(const struct spec_texts *env, const char *name)
{
        size_t size = strlen(name);

        for (size_t i = 0; i < env->n; i++)
                if (strncmp(env->items[i], name, size) == 0 && env->items[i][size] == '=')
                        return true;
        return false;
}

/* Another user: its groups and home, and the capabilities of `run` with that user: root has what the
 * container may have, others have none. */
static int switch_user(
        struct arena *arena, const char *words, const struct container *container,
        struct spec_process *process, struct spec_texts *changes)
{
        struct spec_user *user = arena_new(arena, struct spec_user);
        const char *home;
        auto_close root = open_root(arena, container);
        struct user_files files;
        int r;

        if (root < 0)
                return root;
        files = user_files_of_root(arena, root);
        r = user_lookup(arena, &files, words, user, &home);
        if (r < 0)
                return trail(r, "--user");
        if (process->user)
                user->umask = process->user->umask;
        process->user = user;
        changes->items[changes->n++] = arena_format(arena, "HOME=%s", home);
        if (process->capabilities) {
                struct spec_capabilities *sets = arena_new(arena, struct spec_capabilities);

                sets->bounding = process->capabilities->bounding;
                if (user->uid == 0)
                        sets->effective = sets->permitted = sets->bounding;
                process->capabilities = sets;
        }
        return 0;
}

/* All that we have ourselves, and no filter. What is mounted stays as it is, and so do the devices
 * that its cgroup allows. */
static int raise_privileges(
        struct arena *arena, struct spec_process *process, const struct spec **spec)
{
        struct spec_capabilities *sets = arena_new(arena, struct spec_capabilities);
        struct spec_linux *linux_ = arena_new(arena, struct spec_linux);
        struct spec *copy = arena_new(arena, struct spec);
        uint64_t effective, permitted, inheritable;
        int r = caps_get(&effective, &permitted, &inheritable);

        if (r < 0)
                return trail(r, "--privileged: cannot read our capabilities");
        sets->bounding = capability_names(arena, permitted);
        if (!process->user || process->user->uid == 0)
                sets->effective = sets->permitted = sets->bounding;
        process->capabilities = sets;
        process->no_new_privileges = false;
        process->apparmor_profile = NULL;
        *copy = **spec;
        if (copy->linux_) {
                *linux_ = *copy->linux_;
                linux_->seccomp = NULL;
                copy->linux_ = linux_;
        }
        *spec = copy;
        return 0;
}

static int build_process(
        struct arena *arena, const struct exec_request *request, const struct container *container,
        const struct spec **spec_at, const struct spec_process **ret_process)
{
        const struct spec *spec = *spec_at;
        struct spec_process *process = arena_new(arena, struct spec_process);
        /* TERM, HOME, and what the command line says */
        struct spec_texts changes = { arena_array(arena, request->env.n + 2, sizeof(char *)), 0 };

        *process = *spec->process;
        process->terminal = request->tty;
        process->console_size = request->tty && !request->detach ? stdio_size(arena) : NULL;
        process->args = (struct spec_texts){ request->argv.items, request->argv.n };
        if (request->tty && !has_variable(&process->env, "TERM"))
                changes.items[changes.n++] = "TERM=xterm";
        if (request->workdir)
                process->cwd = request->workdir;
        if (process->cwd[0] != '/')
                return trail(-EINVAL, "--workdir: '%s' is not an absolute path", process->cwd);
        if (request->user) {
                int r = switch_user(arena, request->user, container, process, &changes);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < request->env.n; i++)
                changes.items[changes.n++] = request->env.items[i];
        change_env(arena, &process->env, &changes);
        *ret_process = process;
        return request->privileged ? raise_privileges(arena, process, spec_at) : 0;
}

/* Our child ends; meanwhile its bytes and our signals pass. */
static int attend(
        const struct exec_request *request, struct stdio *stdio, struct machine *machine,
        int master, int *ret_exit)
{
        struct keeper_relay relay;
        int r;

        keeper_relay_init(&relay);
        relay.end = relay.process = machine->pidfd;
        relay.child = machine->pid;
        if (master >= 0) {
                keeper_relay_terminal(&relay, master, request->interactive);
        } else {
                stdio_relay(stdio, &relay);
        }
        r = keeper_relay_run(&relay);
        if (relay.copies[0].done)
                stdio->ours[0] = NO_FD;
        if (r == 0)
                *ret_exit = process_exit_code(relay.status);
        return r;
}

/* A terminal whose master is closed hangs up on its program: that of one in the background is held, and emptied, by a
 * process that ends with the program. It has its keeper's manners, and no right that it could do without. */
static void hold_terminal(const struct machine *machine, int master)
{
        struct stdio away;
        int status, r;

        setsid();
        r = stdio_prepare(false, true, &away);
        if (r == 0)
                r = stdio_enter(&away);
        if (r == 0)
                r = stdio_forget_others(&away, master, machine->pidfd);
        if (r == 0 && process_change_dir("/") < 0)
                trail_reset(); /* then it keeps the caller's file system busy: no more than that */
        if (r == 0)
                r = keeper_harden(NULL, 0, NO_FD);
        if (r < 0)
                _exit(1); /* the program hears that its terminal is gone */
        (void)keeper_wait(machine->pidfd, machine->pid, NO_FD, master, &status); /* -ECHILD */
        (void)process_poll(machine->pidfd, -1);
        _exit(0);
}

/* The program goes on without us. */
static int leave_behind(const struct machine *machine, int master)
{
        pid_t pid = master < 0 ? 1 : fork();

        if (pid == 0)
                hold_terminal(machine, master);
        return pid < 0 ? trail(-errno, "cannot fork: %s", text_errno(errno)) : 0;
}

static int compile(struct arena *arena, const struct exec_request *request, struct plan **ret_plan)
{
        const struct spec_process *process = NULL;
        struct container container;
        struct record record;
        const struct spec *spec;
        int r = store_open(arena, &request->engine, request->container, false, &container);

        if (r < 0)
                return r;
        record_decode(arena, &container, &record);
        r = container_check_own(&container, "enter it");
        if (r == 0)
                r = oci_refuse_paused(&container, request->container, false);
        if (r == 0 && container.status != CONTAINER_RUNNING)
                r = trail(-ESRCH, "container '%s' is not running", request->container);
        if (r == 0)
                r = container_spec(arena, &container, &spec);
        if (r == 0)
                r = build_process(arena, request, &container, &spec, &process);
        if (r == 0)
                r = oci_exec_compile(
                        arena, &container, spec, process,
                        &(struct runtime_options){
                                .seccomp = request->privileged ? NULL : record.seccomp },
                        ret_plan);
        container_close(&container);
        return r;
}

int engine_exec(const struct exec_request *request, int *ret_exit)
{
        auto_arena arena = { 0 };
        static struct machine machine;
        struct keeper_terminal terminal;
        struct stdio stdio;
        struct plan *plan;
        bool command;
        int master, r = compile(&arena, request, &plan);

        if (r == 0)
                r = stdio_prepare(request->interactive, request->tty || request->detach, &stdio);
        if (r < 0)
                return r;
        process_reset_signals();
        keeper_terminal_enter(
                &terminal, request->tty && request->interactive && !request->detach ? 0 : NO_FD,
                !request->detach);
        r = stdio_enter(&stdio);
        if (r == 0)
                r = container_exec(plan, &machine, &master, &command);
        stdio_leave(&stdio);
        if (r < 0) {
                keeper_terminal_leave(&terminal);
                stdio_close(&stdio);
                if (!command)
                        return r;
                *ret_exit = r == -ENOENT || r == -ENOTDIR ? 127 : 126;
                return ENGINE_NO_COMMAND;
        }
        *ret_exit = 0;
        if (request->detach)
                r = leave_behind(&machine, master);
        else
                r = attend(request, &stdio, &machine, master, ret_exit);
        keeper_terminal_leave(&terminal);
        stdio_close(&stdio);
        machine_done(&machine);
        return r;
}
