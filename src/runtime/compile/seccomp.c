/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: "linux.seccomp" or a profile of our own to a filter that is loaded.
 *
 * What the words mean is in linux/seccomp*.c; here is what they need of the rest: the flags that
 * make sense for one thread, the capabilities that a profile of ours follows, and the way of a
 * listener to its agent: INIT hands it to HOST over the gate, HOST connects and sends it with the
 * container process state. The document for the agent is written here, all but the pid. */
#include "compile.h"

#include <sched.h>

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#        define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const char notify[] = "SCMP_ACT_NOTIFY";

bool compile_seccomp_notifies(const struct compile *c)
{
        const struct spec_seccomp *from = c->linux_->seccomp;

        if (c->options->seccomp || !from)
                return false;
        for (size_t i = 0; i < from->syscalls.n; i++)
                if (text_equal(from->syscalls.items[i].action, notify))
                        return true;
        return text_equal(from->default_action, notify);
}

/* The spec has checked the action's name: what can be wrong is the errno beside it. */
static int translate_action(
        const struct compile *c, const struct json *at, const char *pointer,
        const struct spec_seccomp_syscall *from, uint32_t *ret_action)
{
        int r = seccomp_action(
                from->action,
                from->errno_ret.set ? (int64_t)from->errno_ret.value : SECCOMP_NO_ERRNO,
                ret_action);

        if (r < 0)
                return spec_error(
                        at, c->document, pointer, "%u does not go with %s", from->errno_ret.value,
                        from->action);
        return 0;
}

static int add_rule(
        struct compile *c, const struct spec_seccomp_syscall *from, size_t number,
        struct seccomp_rule *rule)
{
        struct seccomp_argument *arguments =
                arena_array(c->arena, from->args.n + 1, sizeof *arguments);
        int r = translate_action(
                c, from->at, why(c, "/linux/seccomp/syscalls/%zu/errnoRet", number), from,
                &rule->action);

        if (r < 0)
                return r;
        if (from->names.n == 0)
                return spec_error(
                        from->at, c->document, why(c, "/linux/seccomp/syscalls/%zu/names", number),
                        "empty: which system calls?");
        for (size_t i = 0; i < from->args.n; i++) {
                const struct spec_seccomp_argument *argument = &from->args.items[i];
                enum seccomp_compare op;

                if (argument->index > 5 || seccomp_compare_op(argument->op, &op) < 0)
                        return spec_error(
                                argument->at, c->document,
                                why(c, "/linux/seccomp/syscalls/%zu/args/%zu/index", number, i),
                                "%u: a system call has arguments 0 to 5", argument->index);
                arguments[i] = (struct seccomp_argument){
                        .index = argument->index,
                        .op = op,
                        .value = argument->value,
                        .value_two = argument->value_two,
                };
        }
        rule->names = (const char *const *)from->names.items;
        rule->n_names = from->names.n;
        rule->arguments = arguments;
        rule->n_arguments = from->args.n;
        return 0;
}

/* A call of our own with these two arguments. */
static uint32_t answer(
        const struct sock_filter *program, size_t n, long number, uint64_t first, uint64_t second)
{
        const struct seccomp_data call = { .nr = (int)number,
                                           .arch = SECCOMP_ARCH_NATIVE,
                                           .args = { first, second } };

        return seccomp_run(program, n, &call);
}

static bool allows(
        const struct sock_filter *program, size_t n, long number, uint64_t first, uint64_t second)
{
        uint32_t action = answer(program, n, number, first, second) & SECCOMP_RET_ACTION_FULL;

        return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* clone3(2), or clone(2) where that is said not to be there (namespace_fork()). */
static bool allows_fork(const struct sock_filter *program, size_t n)
{
        return allows(program, n, SYS_clone3, 0, 0) ||
               (answer(program, n, SYS_clone3, 0, 0) == (SECCOMP_RET_ERRNO | ENOSYS) &&
                allows(program, n, SYS_clone, CLONE_PARENT, 0));
}

/* pty_use() */
static bool allows_terminal(const struct sock_filter *program, size_t n)
{
#ifdef SYS_dup2
        if (!allows(program, n, SYS_dup2, 0, 0))
                return false;
#endif
        return allows(program, n, SYS_ioctl, 0, TIOCSCTTY) && allows(program, n, SYS_dup3, 0, 0);
}

static bool has_process_limit(const struct compile *c)
{
        for (size_t i = 0; i < c->process->rlimits.n; i++)
                if (text_equal(c->process->rlimits.items[i].type, "RLIMIT_NPROC"))
                        return true;
        return false;
}

bool compile_filter_allows_session(const struct compile *c)
{
        const struct sock_filter *program = c->filter.data;

        return !c->filter.size ||
               allows(program, c->filter.size / sizeof *program, SYS_setsid, 0, 0);
}

/* The birth and the session. That the program then has its own is the point: where the filter forbids to make one, and
 * there is no terminal that needs it, the process has that of its maker, who has it to himself (compile_session()). */
bool compile_filter_lets_in(const struct compile *c)
{
        const struct sock_filter *program = c->filter.data;
        size_t n = c->filter.size / sizeof *program;

        if (!n)
                return true;
        /* The courier of a listener is a thread, which cannot be made behind setns(2) either. */
        if (compile_seccomp_notifies(c))
                return false;
        if (has_process_limit(c) && !allows(program, n, SYS_prlimit64, 0, RLIMIT_NPROC))
                return false;
        if (c->process->terminal &&
            !(compile_filter_allows_session(c) && allows_terminal(program, n)))
                return false;
        /* close: where there is no close_range */
        return allows_fork(program, n) && allows(program, n, SYS_close, 0, 0) &&
               allows(program, n, SYS_write, 0, 0) && allows(program, n, SYS_exit_group, 0, 0);
}

static int make_filter(struct compile *c, const struct seccomp_profile *profile, uint64_t flags)
{
        const struct sock_filter *program;
        size_t n;
        int r = seccomp_compile(c->arena, profile, &program, &n);

        if (r < 0)
                return trail(r, "/linux/seccomp");
        c->filter = (BYTES){ program, n * sizeof *program };
        /* One thread: TSYNC has nothing to synchronise, and its failure would look like success. */
        c->filter_flags = flags & ~(uint64_t)SECCOMP_FILTER_FLAG_TSYNC;
        if (!compile_seccomp_notifies(c)) {
                if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
                        plan_note(
                                c->plan,
                                "/linux/seccomp/flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is "
                                "for %s, which no rule has",
                                notify);
                c->filter_flags &= ~(uint64_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        }
        return 0;
}

/* A profile of our own depends on what the container may do at most. */
static int make_builtin(struct compile *c)
{
        static const struct spec_texts none;
        const struct seccomp_profile *profile = seccomp_default(
                c->arena,
                compile_caps(
                        c, NULL,
                        c->process->capabilities ? &c->process->capabilities->bounding : &none),
                c->options->seccomp);

        if (!profile) {
                trail_hint("there are 'default' and 'nesting'");
                return trail(-EINVAL, "there is no seccomp profile '%s'", c->options->seccomp);
        }
        return make_filter(c, profile, 0);
}

static int translate_flags(
        const struct compile *c, const struct spec_seccomp *from, uint64_t *ret_flags)
{
        uint64_t flags = 0;

        for (size_t i = 0; i < from->flags.n; i++) {
                unsigned flag;

                if (seccomp_flag(from->flags.items[i], &flag) < 0)
                        return spec_error(
                                from->at, c->document, why(c, "/linux/seccomp/flags/%zu", i),
                                "'%s' is not supported", from->flags.items[i]);
                flags |= flag;
        }
        *ret_flags = flags;
        return 0;
}

int compile_filter(struct compile *c)
{
        const struct spec_seccomp *from = c->linux_->seccomp;
        struct seccomp_profile profile = { 0 };
        struct seccomp_rule *rules;
        uint32_t *architectures;
        uint64_t flags;
        int r;

        if (c->filter.size)
                return 0;
        if (c->options->seccomp)
                return make_builtin(c);
        if (!from)
                return 0;
        r = translate_action(
                c, from->at, "/linux/seccomp/defaultErrnoRet",
                &(struct spec_seccomp_syscall){ .action = from->default_action,
                                                .errno_ret = from->default_errno_ret },
                &profile.default_action);
        if (r == 0)
                r = translate_flags(c, from, &flags);
        if (r < 0)
                return r;
        rules = arena_array(c->arena, from->syscalls.n + 1, sizeof *rules);
        architectures = arena_array(c->arena, from->architectures.n + 1, sizeof *architectures);
        for (size_t i = 0; i < from->architectures.n; i++) {
                uint32_t architecture;

                if (seccomp_architecture(from->architectures.items[i], &architecture) == 0)
                        architectures[profile.n_architectures++] = architecture;
        }
        for (size_t i = 0; i < from->syscalls.n; i++) {
                r = add_rule(c, &from->syscalls.items[i], i, &rules[i]);
                if (r < 0)
                        return r;
        }
        profile.rules = rules;
        profile.n_rules = from->syscalls.n;
        profile.architectures = architectures;
        return make_filter(c, &profile, flags);
}

int compile_seccomp(struct compile *c)
{
        int r = compile_filter(c);

        if (r < 0 || !c->filter.size)
                return r;
        compile_enter_pids(c, ENTRY_FILTER);
        if (compile_seccomp_notifies(c))
                plan_add(
                        c->plan, INIT, "/linux/seccomp", load_listener, .filter = c->filter,
                        .flags = c->filter_flags);
        else
                plan_add(
                        c->plan, INIT, "/linux/seccomp", load_seccomp, .filter = c->filter,
                        .flags = c->filter_flags);
        return 0;
}

/* -- the agent's document ------------------------------------------------------------------------ */

static void put_pid(struct json_writer *w, pid_t pid)
{
        if (pid)
                json_put_i64(w, "pid", pid);
        else
                json_put_raw(w, "pid", "@", 1);
}

static const char *process_state(const struct compile *c)
{
        const struct spec_seccomp *from = c->linux_->seccomp;
        const struct spec_map *annotations = &c->spec->annotations;
        struct text out = { .arena = c->arena };
        struct json_writer w = { .out = &out };

        json_open_object(&w, NULL);
        json_put_string(&w, "ociVersion", c->spec->oci_version);
        json_open_array(&w, "fds");
        json_put_string(&w, NULL, "seccompFd");
        json_close_array(&w);
        put_pid(&w, 0);
        if (from->listener_metadata)
                json_put_string(&w, "metadata", from->listener_metadata);
        json_open_object(&w, "state");
        json_put_string(&w, "ociVersion", c->spec->oci_version);
        json_put_string(&w, "id", c->options->id);
        json_put_string(&w, "status", c->container_pid ? "running" : "creating");
        put_pid(&w, c->container_pid);
        json_put_string(&w, "bundle", c->options->bundle ? c->options->bundle : "");
        if (annotations->n) {
                json_open_object(&w, "annotations");
                for (size_t i = 0; i < annotations->n; i++)
                        json_put_string(&w, annotations->items[i].key, annotations->items[i].value);
                json_close_object(&w);
        }
        json_close_object(&w);
        json_close_object(&w);
        return text_string(&out);
}

int compile_seccomp_host(struct compile *c)
{
        const struct spec_seccomp *from = c->linux_->seccomp;
        const char *path = from ? from->listener_path : NULL;
        bool notifies = compile_seccomp_notifies(c);
        FD listener;

        if (c->options->seccomp || !from)
                return 0;
        if (from->listener_metadata && *from->listener_metadata && (!path || !*path))
                return spec_error(
                        from->at, c->document, "/linux/seccomp/listenerMetadata",
                        "must not be set without listenerPath");
        if (!notifies) {
                if (path && *path)
                        plan_note(
                                c->plan,
                                "/linux/seccomp/listenerPath: nobody is told, since no rule has "
                                "the action %s",
                                notify);
                return 0;
        }
        if (!path || !*path)
                return spec_error(
                        from->at, c->document, "/linux/seccomp/listenerPath",
                        "missing: who answers the calls of the action %s?", notify);
        if (path[0] != '/')
                path = why(c, "%s/%s", c->options->bundle ? c->options->bundle : "", path);
        listener = plan_slot(c->plan);
        plan_add(c->plan, HOST, "/linux/seccomp/listenerPath", take_fd, .fd = listener);
        plan_add(
                c->plan, HOST, "/linux/seccomp/listenerPath", send_listener, .listener = listener,
                .socket = path, .state = process_state(c));
        return 0;
}
