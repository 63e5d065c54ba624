/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the rules of verify.c that ask what a plan must have, not how it is ordered.
 *
 * A plan from which an operation is missing, or in which it stands twice, can be in perfect order and
 * still leave a process with groups, capabilities or a root that are not the container's. So: what
 * every process must go through before exec, once and in its order; who must be found after a crash;
 * and that a slot is read as what was put into it, which the operands' names in ops.def tell. */
#include "operand.h"

#include <sched.h>

#include <linux/capability.h>

enum {
        NOWHERE = -1
};

/* A list, and what is in it: looked through once, since the rules ask often. */
struct known {
        const struct op *ops;
        size_t n;
        int32_t first[OP_COUNT]; /* where, counted from 1; 0: nowhere */
        int32_t times[OP_COUNT]; /* an alternative is not counted */
};

static void know(struct known *known, const struct op_list *list)
{
        known->ops = list->ops;
        known->n = list->n;
        for (size_t i = 0; i < list->n; i++) {
                uint8_t code = list->ops[i].code;

                if (!known->first[code])
                        known->first[code] = (int32_t)(i + 1);
                known->times[code] += i == 0 || !list->ops[i - 1].has_else;
        }
}

static long place(const struct known *list, enum op_code code)
{
        return list->first[code] - 1;
}

static size_t count(const struct known *list, enum op_code code)
{
        return (size_t)list->times[code];
}

static const char *name_of(enum op_code code)
{
        const struct op op = { .code = (uint8_t)code };

        return op_name(&op);
}

static int lacking(enum op_code code, const char *why)
{
        return trail(-EINVAL, "plan: %s is missing: %s", name_of(code), why);
}

/* What each process goes through once, in this order. */
static const enum op_code steps[] = { OP_set_groups, OP_drop_bounding, OP_keep_caps,   OP_set_ids,
                                      OP_set_caps,   OP_set_ambient,   OP_no_new_privs };

static int check_steps(const struct known *init)
{
        long ids = place(init, OP_set_ids);

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (count(init, steps[i]) > 1)
                        return trail(
                                -EINVAL, "plan: %s stands there twice: which one counts?",
                                name_of(steps[i]));
        if (ids == NOWHERE)
                return lacking(OP_set_ids, "the process would keep our own ids");
        if (place(init, OP_drop_bounding) == NOWHERE)
                return lacking(OP_drop_bounding, "a setuid program would get them all");
        if (place(init, OP_set_caps) == NOWHERE)
                return lacking(OP_set_caps, "the process would keep our own");
        /* Without a number of its own in the namespace a process cannot set any. */
        if (place(init, OP_set_groups) == NOWHERE && place(init, OP_become_root) == NOWHERE &&
            place(init, OP_join_namespace) == NOWHERE)
                return lacking(OP_set_groups, "the process would keep our own");
        for (size_t i = 0; i < ARRAY_SIZE(steps) && steps[i] != OP_set_ids; i++)
                if (place(init, steps[i]) > ids)
                        return trail(
                                -EINVAL, "plan: %s comes after set_ids, which took the right to it",
                                name_of(steps[i]));
        if (place(init, OP_set_ambient) != NOWHERE &&
            place(init, OP_set_ambient) < place(init, OP_set_caps))
                return trail(-EINVAL, "plan: set_ambient comes before set_caps, which it needs");
        return 0;
}

/* Without no_new_privs a filter is the right of CAP_SYS_ADMIN, which set_caps may take away. */
static int check_filter(const struct known *init)
{
        long caps = place(init, OP_set_caps);

        if (place(init, OP_no_new_privs) != NOWHERE || caps == NOWHERE ||
            init->ops[caps].as.set_caps.effective >> CAP_SYS_ADMIN & 1)
                return 0;
        for (long i = caps; i < (long)init->n; i++)
                if (init->ops[i].code == OP_load_seccomp)
                        return trail(
                                -EINVAL, "plan: load_seccomp comes when the right to it is gone");
        return 0;
}

static int check_root(const struct known *init)
{
        size_t pivots = count(init, OP_pivot);

        if (pivots > 1)
                return trail(-EINVAL, "plan: it pivots twice");
        if (pivots == 0 && place(init, OP_attach) != NOWHERE)
                return lacking(OP_pivot, "the host's files would be the container's");
        return 0;
}

/* Is the gate opened (or awaited) in the list, and where? */
static long gate_place(const struct known *list, enum op_code code, GATE gate)
{
        for (long i = place(list, code); i >= 0 && i < (long)list->n; i++)
                if (list->ops[i].code == code &&
                    (code == OP_open_gate ? list->ops[i].as.open_gate.gate
                                          : list->ops[i].as.await_gate.gate) == gate)
                        return i;
        return NOWHERE;
}

/* Does the process die with its maker before it has done anything that would outlive it? */
static bool is_guarded(const struct known *init)
{
        for (size_t i = 0; i < init->n; i++) {
                if (init->ops[i].code == OP_guard_parent)
                        return init->ops[i].as.guard_parent.on != 0;
                if (op_stage(&init->ops[i]) != STAGE_ANY)
                        return false;
        }
        return false;
}

/* There is never a process that lives on and that no command would find. */
static int check_finding(const struct known *host, const struct known *init)
{
        long ready = gate_place(host, OP_open_gate, GATE_HOST_READY);
        long mapped = gate_place(host, OP_open_gate, GATE_IDS_MAPPED);
        long awaited = gate_place(init, OP_await_gate, GATE_HOST_READY), last = NOWHERE;

        if (count(host, OP_record) > 1)
                return trail(-EINVAL, "plan: record stands there twice");
        if (ready != NOWHERE && place(host, OP_record) == NOWHERE)
                return lacking(OP_record, "a crash would leave a process that nobody finds");
        if (ready != NOWHERE && place(host, OP_record) > ready)
                return trail(-EINVAL, "plan: record comes after the gate that lets go of it");
        if (mapped != NOWHERE && place(host, OP_map_ids) > mapped)
                return trail(-EINVAL, "plan: map_ids comes after the gate ids_mapped");
        for (long i = 0; i < (long)init->n; i++) {
                const struct op *op = &init->ops[i];

                if (op->code != OP_guard_parent)
                        continue;
                last = i;
                if (!op->as.guard_parent.on && i < awaited)
                        return trail(
                                -EINVAL, "plan: guard_parent goes off before the journal knows");
        }
        if (ready != NOWHERE && !is_guarded(init))
                return lacking(OP_guard_parent, "a crash would leave a process that nobody finds");
        if (last != NOWHERE && init->ops[last].as.guard_parent.on)
                return trail(-EINVAL, "plan: the program would die with the one who started it");
        return 0;
}

/* -- slots as what they are ------------------------------------------------------------------------ */

/* Readers that are particular, by the name of the operand; all others take what they get. */
static bool fits(const char *reader, const char *writer)
{
        static const char *const pairs[][3] = {
                { "fs", "fs", "fs" },           { "tree", "tree", "fd" },
                { "process", "process", "fd" }, { "cgroup", "cgroup", "fd" },
                { "ns", "ns", "fd" },           { "slave", "slave", "slave" },
                { "group", "group", "fd" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
                if (reader[0] == pairs[i][0][0] && text_equal(reader, pairs[i][0]))
                        return text_equal(writer, pairs[i][1]) || text_equal(writer, pairs[i][2]);
        return !text_equal(writer, "fs");
}

static int check_kinds_of(const struct plan *plan, enum actor actor, size_t i, const char **writers)
{
        const struct op *op = &plan->list[actor].ops[i];
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(op, operands);

        for (size_t o = 0; o < n; o++) {
                int16_t slot = operand_slot(&operands[o]);

                if (slot < 0)
                        continue;
                if (operands[o].kind == KIND_NEWFD)
                        writers[slot] = operands[o].name;
                else if (
                        writers[slot] && op->code != OP_close_fd &&
                        !fits(operands[o].name, writers[slot]))
                        return trail(
                                -EINVAL, "plan: %s operation %zu (%s): slot %%%d is no %s",
                                actor == HOST ? "host" : "init", i, op_name(op), slot,
                                operands[o].name);
        }
        return 0;
}

/* What a slot is read as was written to it before, by the same list or by HOST: verify.c knows. */
static int check_kinds(const struct plan *plan)
{
        const char *writers[PLAN_SLOTS] = { NULL };
        int r = 0;

        for (enum actor actor = HOST; actor < ACTORS; actor++)
                for (size_t i = 0; r == 0 && i < plan->list[actor].n; i++)
                        r = check_kinds_of(plan, actor, i, writers);
        return r;
}

/* Where systemd makes the cgroup it takes a process that is there: nothing of the container's may be
 * done before that is in it, and before the limits are, and no crash may leave the name of a unit in
 * the journal that was not made. */
static int check_placing(const struct known *host, const struct known *init)
{
        long unit = place(host, OP_start_unit), opened, awaited;

        if (unit == NOWHERE)
                unit = place(host, OP_attach_unit);
        if (unit == NOWHERE)
                return 0;
        if (count(host, OP_start_unit) + count(host, OP_attach_unit) > 1)
                return trail(-EINVAL, "plan: a process is in one unit");
        opened = gate_place(host, OP_open_gate, GATE_PLACED);
        awaited = gate_place(init, OP_await_gate, GATE_PLACED);
        if (opened < unit || awaited == NOWHERE || unit < place(host, OP_spawn))
                return trail(-EINVAL, "plan: nobody awaits that the process is in its unit");
        for (long i = opened; i < (long)host->n; i++)
                if (op_stage(&host->ops[i]) == STAGE_CGROUP)
                        return trail(
                                -EINVAL, "plan: %s comes after the gate placed",
                                op_name(&host->ops[i]));
        for (long i = 0; i < awaited; i++)
                if (op_stage(&init->ops[i]) != STAGE_ANY)
                        return trail(
                                -EINVAL, "plan: %s comes before the gate placed",
                                op_name(&init->ops[i]));
        if (place(host, OP_record) != NOWHERE && place(host, OP_record) < opened)
                return trail(-EINVAL, "plan: record comes before the gate placed");
        return 0;
}

/* A process that enters a running container is seen by those in it as soon as it is born in their pid
 * namespace, and one of them may have the right to look into it: so it is born when it has nothing of
 * the host's any more (CVE-2016-9962). */
static int check_entry(const struct known *host, const struct known *init)
{
        long fork = place(init, OP_fork_init), mounts = NOWHERE;

        if (place(host, OP_record) != NOWHERE)
                return 0; /* a start */
        for (long i = 0; i < (long)host->n; i++)
                if (host->ops[i].code == OP_join_namespace &&
                    host->ops[i].as.join_namespace.type & CLONE_NEWPID)
                        return trail(
                                -EINVAL, "plan: host enters the container's pid namespace, so "
                                         "that init is seen there with all that it has");
        for (long i = 0; i < (long)init->n && mounts == NOWHERE; i++)
                if (init->ops[i].code == OP_join_namespace &&
                    init->ops[i].as.join_namespace.type & CLONE_NEWNS)
                        mounts = i;
        if (fork == NOWHERE)
                return 0;
        if (mounts == NOWHERE || mounts > fork)
                return trail(-EINVAL, "plan: fork_init comes before the container's root is ours");
        if (init->ops[fork - 1].code != OP_close_others)
                return trail(-EINVAL, "plan: fork_init must come right behind close_others");
        return 0;
}

/* Nobody says that it runs before it does, and it does not before somebody says so. */
static int check_ends(const struct known *host, const struct known *init)
{
        if (gate_place(init, OP_open_gate, GATE_CREATED) != NOWHERE &&
            gate_place(init, OP_await_gate, GATE_START) == NOWHERE)
                return trail(-EINVAL, "plan: it says that it is created, and awaits no start");
        for (long i = gate_place(init, OP_await_gate, GATE_START); i >= 0 && i < (long)init->n; i++)
                if (init->ops[i].code == OP_run_hook &&
                    gate_place(init, OP_open_gate, GATE_HOOKED) < i)
                        return trail(
                                -EINVAL,
                                "plan: who starts it does not hear that its hooks are done");
        if (gate_place(host, OP_await_gate, GATE_CREATED) == NOWHERE &&
            gate_place(host, OP_await_gate, GATE_EXECUTED) == NOWHERE)
                return trail(-EINVAL, "plan: nobody hears whether the program could be executed");
        return 0;
}

bool verify_is_end(const struct op *op)
{
        return op->code == OP_exec || op->code == OP_leave || op->code == OP_exec_criu;
}

bool verify_host_path(const struct op *op)
{
        switch ((int)op->code) {
        case OP_open_path:
        case OP_open_namespace:
        case OP_open_fs:
        case OP_open_fuse:
        case OP_redirect_output:
        case OP_mount_image:
                return true;
        case OP_clone_tree:
                return op->as.clone_tree.dir < 0;
        case OP_set_propagation:
                return !text_equal(op->as.set_propagation.target, "/");
        default:
                return false;
        }
}

/* Who works in a running container, and ends: no program gets its rights. It changes mounts in the
 * container's own namespace only, the journal knows each of them, and it never outlives its maker. */
static int check_visit(const struct known *host, const struct known *init)
{
        long entry = NOWHERE;

        for (long i = 0; i < (long)init->n; i++) {
                const struct op *op = &init->ops[i];

                if (entry != NOWHERE && verify_host_path(op) &&
                    !(op->code == OP_open_path && text_equal(op->as.open_path.path, "/")))
                        return trail(
                                -EINVAL, "plan: %s takes a path of the host in a container",
                                op_name(op));
                if (op->code == OP_join_namespace && op->as.join_namespace.type & CLONE_NEWNS)
                        entry = i;
                if ((op->code == OP_attach || op->code == OP_detach_mount) && entry == NOWHERE)
                        return lacking(OP_join_namespace, "the host's mounts would be changed");
                if (op->code == OP_guard_parent && !op->as.guard_parent.on)
                        return trail(-EINVAL, "plan: guard_parent goes off in a container");
        }
        if (!is_guarded(init))
                return lacking(OP_guard_parent, "a crash would leave a process that nobody finds");
        if (count(host, OP_record_mount) < count(init, OP_attach))
                return lacking(OP_record_mount, "nobody could take the mount away again");
        if (place(init, OP_attach) != NOWHERE &&
            (gate_place(init, OP_await_gate, GATE_HOST_READY) == NOWHERE ||
             gate_place(init, OP_await_gate, GATE_HOST_READY) > place(init, OP_attach)))
                return trail(-EINVAL, "plan: attach comes before the journal knows of it");
        return 0;
}

/* Right behind the other look, while criu waits. */
static bool is_checked(const struct known *host, long check, const struct op_open_namespace *joined)
{
        for (size_t i = (size_t)check + 1; i < host->n && host->ops[i].code == OP_check_space; i++)
                if (host->ops[i].as.check_space.ns == joined->ns &&
                    host->ops[i].as.check_space.type == joined->type)
                        return true;
        return false;
}

/* As long as it is looked at, and no longer. */
static int check_held(const struct known *host, long check, long hold)
{
        long release = place(host, OP_release_cgroup), end = check + 1;
        bool makes = false;

        while (end < (long)host->n && host->ops[end].code == OP_check_space)
                end++;
        if (hold == NOWHERE)
                return release == NOWHERE ? 0 : lacking(OP_hold_cgroup, "nothing is held");
        for (size_t i = 0; i < host->n; i++)
                makes |= host->ops[i].code == OP_make_cgroup &&
                         text_equal(
                                 host->ops[i].as.make_cgroup.path,
                                 host->ops[hold].as.hold_cgroup.path);
        if (!makes)
                return trail(-EINVAL, "plan: hold_cgroup is of a cgroup that others made");
        if (hold != check - 1)
                return trail(-EINVAL, "plan: hold_cgroup must come right before check_rights");
        if (release != end ||
            !text_equal(
                    host->ops[hold].as.hold_cgroup.path, host->ops[release].as.release_cgroup.path))
                return lacking(OP_release_cgroup, "the container would stand still");
        return 0;
}

/* What the images give themselves is looked at when it is theirs, and nothing has run. */
static int check_restored(const struct known *host)
{
        long check = place(host, OP_check_rights), hold = place(host, OP_hold_cgroup);
        long first = hold != NOWHERE && hold == check - 1 ? hold : check;
        const struct op *before = first > 0 ? &host->ops[first - 1] : NULL;

        if (!before || before->code != OP_await_criu ||
            !text_equal(before->as.await_criu.event, "pre-resume"))
                return lacking(OP_check_rights, "the images could give themselves any right");
        for (size_t i = 0; i < host->n; i++)
                if (host->ops[i].code == OP_open_namespace &&
                    !is_checked(host, check, &host->ops[i].as.open_namespace))
                        return lacking(OP_check_space, "the images could be in another namespace");
        return check_held(host, check, hold);
}

/* criu has our rights. What it restores is in the journal before criu lets it run, as criu itself was
 * before that, which does not outlive us then: half a container is nobody's. One that dumps goes on until
 * it sees the end of the socket, since a container whose processes it holds would end with it. */
static int check_restore(const struct known *host, const struct known *init, long call)
{
        long adopted = place(host, OP_adopt_tree), last = 0;

        for (long i = 0; i < (long)init->n; i++)
                if (init->ops[i].code == OP_guard_parent && !init->ops[i].as.guard_parent.on)
                        return trail(-EINVAL, "plan: guard_parent goes off in front of criu");
        if (!is_guarded(init))
                return lacking(OP_guard_parent, "a crash would leave criu at work");
        if (place(init, OP_attach) != NOWHERE && place(init, OP_unshare) == NOWHERE)
                return lacking(OP_unshare, "the host's mounts would be changed");
        if (place(init, OP_attach) != NOWHERE && place(init, OP_attach) < place(init, OP_unshare))
                return trail(-EINVAL, "plan: attach changes the host's mounts");
        for (long i = 0; i < (long)host->n; i++)
                if (host->ops[i].code == OP_record)
                        last = i;
        if (adopted == NOWHERE || place(host, OP_record) == NOWHERE ||
            place(host, OP_record) > call || last < adopted)
                return lacking(OP_record, "a crash would leave processes that nobody finds");
        return check_restored(host);
}

static int check_criu(const struct known *host, const struct known *init)
{
        long call = place(host, OP_call_criu);

        if (call == NOWHERE || call < place(host, OP_spawn))
                return lacking(OP_call_criu, "criu would wait for ever");
        if (place(host, OP_await_criu) == NOWHERE || place(host, OP_await_criu) < call)
                return lacking(OP_await_criu, "nobody hears how it went");
        if (place(host, OP_end_criu) < place(host, OP_await_criu))
                return lacking(OP_end_criu, "criu would be left");
        if (text_equal(host->ops[call].as.call_criu.request, "restore"))
                return check_restore(host, init, call);
        return 0;
}

int verify_privileges(const struct plan *plan)
{
        struct known host = { 0 }, init = { 0 };
        int r = check_kinds(plan);

        if (r < 0 || plan->list[INIT].n == 0)
                return r;
        know(&host, &plan->list[HOST]);
        know(&init, &plan->list[INIT]);
        if (place(&init, OP_exec_criu) != NOWHERE)
                return check_criu(&host, &init);
        if (place(&init, OP_leave) != NOWHERE) {
                r = check_visit(&host, &init);
                return r < 0 ? r : check_ends(&host, &init);
        }
        if ((r = check_steps(&init)) < 0 || (r = check_filter(&init)) < 0 ||
            (r = check_root(&init)) < 0)
                return r;
        if ((r = check_placing(&host, &init)) < 0 || (r = check_finding(&host, &init)) < 0 ||
            (r = check_entry(&host, &init)) < 0)
                return r;
        return check_ends(&host, &init);
}
