/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: from a document to a plan.
 *
 * Pure: the spec, the options and the facts go in, operations come out; no system call is made, so
 * everything in this folder is tested without root. runtime_compile() reads as the container is
 * built: the host's part up to the first process, then that process's own way to its program. The
 * order of the second half is the security order which plan_verify() holds every plan to. */
#include "compile.h"

#include <sched.h>

static const struct spec_linux no_linux;

const char *const compile_annotations[ANNOTATIONS] = {
        [ANNOTATION_INIT] = "dev.husk.init",
        [ANNOTATION_LANDLOCK] = "dev.husk.landlock",
        [ANNOTATION_SYSTEMD] = "org.systemd.property.",
};

const char *compile_annotation(const struct compile *c, enum annotation which)
{
        const struct spec_map *map = &c->spec->annotations;

        for (size_t i = 0; i < map->n; i++)
                if (text_equal(map->items[i].key, compile_annotations[which]))
                        return map->items[i].value;
        return NULL;
}

void compile_init(
        struct compile *c, struct arena *arena, const struct spec *spec,
        const struct runtime_options *options, const struct facts *facts)
{
        *c = (struct compile){
                .arena = arena,
                .spec = spec,
                .document = options->document ? options->document : "config.json",
                .linux_ = spec->linux_ ? spec->linux_ : &no_linux,
                .process = spec->process,
                .options = options,
                .facts = facts,
                .guard = "[journal]",
                .plan = arena_new(arena, struct plan),
                .root = -1,
                .proc = -1,
                .dev = -1,
                .devpts = -1,
                .slave = -1,
                .landlock = -1,
                .groups = { -1, -1 },
                .cgroup2 = -1,
                .own_pid = -1,
                .idmap = -1,
                .served = -1,
                .mounts_at = "/mounts",
        };
        c->plan->arena = arena;
        c->plan->id = options->id;
        for (size_t i = 0; i < ARRAY_SIZE(c->join); i++)
                c->join[i] = -1;
}

bool compile_has_namespace(const struct compile *c, uint32_t type)
{
        return ((c->new_spaces | c->joined_spaces) & type) != 0;
}

static int check(const struct compile *c)
{
        const struct spec *spec = c->spec;

        if (!facts_kernel(c->facts, 5, 6)) {
                trail_hint("every name in a container's root is resolved with openat2(2), which is "
                           "since Linux 5.6; there is no safe way without it");
                return trail(
                        -ENOSYS, "this kernel (%u.%u) is too old", c->facts->kernel_major,
                        c->facts->kernel_minor);
        }
        if (!c->facts->has_mount_api) {
                trail_hint(
                        "husk makes no mount by a path, which could change meanwhile: the seccomp "
                        "profile around us must allow fsopen, fsconfig, fsmount, open_tree and "
                        "move_mount");
                return trail(
                        -ENOSYS, "the kernel's mount interface (since Linux 5.2) is refused here");
        }
        if (!spec->root && c->options->n_overlays == 0 && !compile_joins_root(c))
                return spec_error(
                        spec->at, c->document, "/root",
                        "missing: where is the root "
                        "file system?");
        if (!spec->process)
                return spec_error(spec->at, c->document, "/process", "missing: what is to be run?");
        if (spec->process->args.n == 0)
                return spec_error(
                        spec->process->at, c->document, "/process/args",
                        "missing or empty: what is to be run?");
        if (spec->process->cwd[0] != '/')
                return spec_error(
                        spec->process->at, c->document, "/process/cwd",
                        "'%s' is not an absolute path", spec->process->cwd);
        return 0;
}

/* The host's part after the first process is there: it waits at every gate that needs the host. */
static int finish_host(struct compile *c)
{
        bool hooks = compile_has_create_hooks(c);
        int r;

        plan_add(c->plan, HOST, "[journal]", record, .process = c->process_fd);
        compile_serve(c);
        r = compile_net_devices(c);
        if (r < 0)
                return r;
        compile_hooks_return(c);
        if (!hooks)
                plan_add(c->plan, HOST, "[journal]", open_gate, .gate = GATE_HOST_READY);
        if (c->process->terminal)
                plan_add(c->plan, HOST, "/process/terminal", take_fd, .fd = plan_slot(c->plan));
        for (int i = 0; c->options->visit && i < 1 + c->user_namespace; i++)
                plan_add(c->plan, HOST, "[visit]", take_fd, .fd = plan_slot(c->plan));
        if (hooks) {
                plan_add(c->plan, HOST, "/hooks", await_gate, .gate = GATE_ROOT_READY);
                compile_hooks_runtime(c);
                plan_add(c->plan, HOST, "/hooks", open_gate, .gate = GATE_HOST_READY);
        }
        r = compile_seccomp_host(c);
        plan_add(
                c->plan, HOST, "[start]", await_gate,
                .gate = c->options->await_start ? GATE_CREATED : GATE_EXECUTED);
        if (!c->options->await_start)
                compile_hooks_poststart(c);
        return r;
}

static void await_host(struct compile *c)
{
        if (compile_has_create_hooks(c))
                plan_add(c->plan, INIT, "/hooks", open_gate, .gate = GATE_ROOT_READY);
        plan_add(c->plan, INIT, "[journal]", await_gate, .gate = GATE_HOST_READY);
        compile_own_filled(c);
        compile_hooks_container(c);
        compile_guard(c, false);
}

/* HOST gets the root with all that is mounted there, and the user namespace: by /proc it could not, where it is an
 * ordinary user. */
static void hand_over(struct compile *c, FD users)
{
        plan_add(c->plan, INIT, "[visit]", send_fd, .fd = c->root);
        if (c->user_namespace)
                plan_add(c->plan, INIT, "[visit]", send_fd, .fd = users);
}

/* All that is in the container's root. One that is joined is there, and stays as it is. */
static int fill_root(struct compile *c)
{
        FD users = -1;
        int r;

        if (compile_joins_root(c))
                return compile_terminal(c);
        if (c->options->visit && c->user_namespace) {
                users = plan_slot(c->plan);
                plan_add(
                        c->plan, INIT, "[visit]", open_namespace, .path = "/proc/self/ns/user",
                        .type = CLONE_NEWUSER, .ns = users);
        }
        if ((r = compile_root_init(c)) < 0 || (r = compile_mounts(c)) < 0 ||
            (r = compile_devices(c)) < 0 || (r = compile_terminal(c)) < 0 ||
            (r = compile_sysctl(c)) < 0 || (r = compile_masks(c)) < 0)
                return r;
        if (c->options->visit)
                hand_over(c, users);
        return 0;
}

int runtime_compile(
        struct arena *arena, const struct spec *spec, const struct runtime_options *options,
        const struct facts *facts, struct plan **ret_plan)
{
        struct compile state, *c = &state;
        int r;

        compile_init(c, arena, spec, options, facts);
        c->start = true;
        if ((r = check(c)) < 0 || (r = compile_hooks_check(c)) < 0 ||
            /* the host's part */
            (r = compile_namespaces_host(c)) < 0 || (r = compile_cgroup_host(c)) < 0 ||
            (r = compile_resctrl_host(c)) < 0)
                return r;
        if (!compile_joins_root(c) &&
            ((r = compile_root_host(c)) < 0 || (r = compile_mounts_host(c)) < 0))
                return r;
        compile_hooks_leave(c);
        if ((r = compile_spawn(c)) < 0 || (r = finish_host(c)) < 0)
                return r;
        /* the first process's own */
        if ((r = compile_namespaces_init(c)) < 0 || (r = fill_root(c)) < 0)
                return r;
        await_host(c);
        if (c->root >= 0) {
                compile_pivot(c);
        }
        if ((r = compile_process(c)) < 0 || (r = compile_identity(c)) < 0 ||
            (r = compile_security(c)) < 0)
                return r;
        *ret_plan = c->plan;
        return 0;
}

static bool may_trace(const struct spec_process *process)
{
        const struct spec_texts *names =
                process && process->capabilities ? &process->capabilities->bounding : NULL;

        for (size_t i = 0; names && i < names->n; i++)
                if (text_equal(names->items[i], "CAP_SYS_PTRACE"))
                        return true;
        return false;
}

/* Those in the container's pid namespace see a process that is born there, and who has CAP_SYS_PTRACE,
 * or is root of the container's user namespace while we come in, could take what it has: descriptors
 * and directories of the host, rights (CVE-2016-9962). So it is born late, and there is nothing left. */
static int choose_entry(struct compile *c)
{
        const struct spec_scheduler *scheduler = c->process->scheduler;
        int r;

        if (!((c->new_spaces | c->joined_spaces) & CLONE_NEWPID))
                return 0;
        /* Who has a deadline cannot fork; a flag may be that the child has no such policy. */
        if (scheduler && (text_equal(scheduler->policy, "SCHED_DEADLINE") || scheduler->flags.n)) {
                c->entry = ENTRY_EARLY;
                return 0;
        }
        c->entry = ENTRY_LATE;
        if (c->process->no_new_privileges)
                return 0;
        r = compile_filter(c);
        if (r < 0 || compile_filter_lets_in(c))
                return r;
        c->entry = ENTRY_FILTER;
        if (!c->user_namespace && (may_trace(c->process) || may_trace(c->spec->process)))
                plan_note(
                        c->plan,
                        "/linux/seccomp: behind this filter no process can be born in the container's pid namespace, so "
                        "that is done before: who has CAP_SYS_PTRACE there can take its rights meanwhile, and "
                        "could not with noNewPrivileges");
        return 0;
}

void compile_enter_pids(struct compile *c, enum entry here)
{
        if (!c->entry || c->entry != here)
                return;
        plan_add(
                c->plan, INIT, "/linux/namespaces", close_others,
                .preserve_fds = c->options->preserve_fds, .keep = c->slave);
        plan_add(c->plan, INIT, "/linux/namespaces", fork_init, .spaces = 0);
        if (!c->in_session)
                compile_session(c);
        if (here != ENTRY_LATE)
                return;
        compile_process_limit(c);
        compile_find_program(c); /* which may be /proc/self/exe */
}

/* The namespaces to enter, all by the pidfd of the container's first process. The pid namespace is for
 * children only. */
static int enter(struct compile *c)
{
        FD process = plan_slot(c->plan);
        uint32_t spaces = c->new_spaces | c->joined_spaces;
        int r;

        if (c->options->restored) /* by criu, with clocks of its own that go on where they were */
                spaces |= CLONE_NEWTIME;
        c->process_fd = process;
        c->container_pid = c->options->pid;
        plan_add(
                c->plan, HOST, "[container]", open_process, .pid = c->options->pid,
                .inode = (int64_t)c->options->process.inode,
                .start = (int64_t)c->options->process.start, .fd = process);
        r = choose_entry(c);
        if (r == 0)
                r = compile_cgroup_exec(c);
        if (r < 0)
                return r;
        compile_resctrl_exec(c);
        compile_guard(c, true);
        r = compile_host_groups(c);
        if (r < 0)
                return r;
        plan_add(c->plan, INIT, "/linux/namespaces", join_namespace, .ns = process, .type = spaces);
        compile_become_root(c);
        return 0;
}

int runtime_compile_exec(
        struct arena *arena, const struct spec *spec, const struct spec_process *process,
        const struct runtime_options *options, const struct facts *facts, struct plan **ret_plan)
{
        struct compile state, *c = &state;
        FD child;
        int r;

        compile_init(c, arena, spec, options, facts);
        c->process = process;
        c->guard = "[exec]";
        if (process->args.n == 0)
                return trail(-EINVAL, "/process/args: what is to be run?");
        if ((r = compile_namespaces_host(c)) < 0)
                return r;
        c->plan->list[HOST].n = 0;
        if ((r = compile_affinity_host(c)) < 0 || (r = enter(c)) < 0)
                return r;
        child = plan_slot(c->plan);
        plan_add(
                c->plan, HOST, "[exec]", spawn, .spaces = 0, .cgroup = compile_birth_cgroup(c),
                .process = child);
        compile_unit_attach(c);
        if (process->terminal)
                plan_add(c->plan, HOST, "/process/terminal", take_fd, .fd = plan_slot(c->plan));
        if (c->entry)
                plan_add(
                        c->plan, HOST, "[exec]", adopt, .maker = child,
                        .process = plan_slot(c->plan));
        r = compile_seccomp_host(c);
        if (r < 0)
                return r;
        plan_add(c->plan, HOST, "[exec]", await_gate, .gate = GATE_EXECUTED);
        if ((r = compile_terminal(c)) < 0)
                return r;
        compile_guard(c, false);
        compile_enter_pids(c, ENTRY_EARLY);
        if ((r = compile_process(c)) < 0 || (r = compile_identity(c)) < 0 ||
            (r = compile_security(c)) < 0)
                return r;
        *ret_plan = c->plan;
        return 0;
}
