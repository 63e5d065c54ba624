/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a plan is refused before it can do harm.
 *
 * Four passes over the lists, each for one kind of mistake: pairs (has_else), slots (written once,
 * read while open), gates (both lists are run against each other with every operation but the
 * messages left out) and order (the stages of ops.def, with a table of argued exceptions). The
 * rules are about what a compiler of plans gets wrong and a kernel would not notice: a descriptor
 * used after its end, a lock-out of the two sides, privileges dropped in an order that leaves some;
 * not whether the operands are what the user asked for. Allocates in the plan's arena; pure. */
#include "operand.h"

#include <sched.h>
#include <stdarg.h>

struct spot {
        enum actor actor;
        size_t i;
};

static const struct op *op_at(const struct plan *plan, struct spot spot)
{
        return &plan->list[spot.actor].ops[spot.i];
}

static int broken(const struct plan *plan, struct spot spot, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int broken(const struct plan *plan, struct spot spot, const char *format, ...)
{
        char rule[256];
        va_list values;

        va_start(values, format);
        text_vformat(rule, sizeof rule, format, values);
        va_end(values);
        return trail(
                -EINVAL, "plan: %s operation %zu (%s): %s", spot.actor == HOST ? "host" : "init",
                spot.i, op_name(op_at(plan, spot)), rule);
}

static size_t find_op(const struct op_list *list, enum op_code code)
{
        size_t i = 0;

        while (i < list->n && list->ops[i].code != code)
                i++;
        return i;
}

/* -- pairs ------------------------------------------------------------------------------------- */

static bool writes_slot(const struct op *op, int16_t slot)
{
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(op, operands);

        for (size_t i = 0; i < n; i++)
                if (operands[i].kind == KIND_NEWFD && operand_slot(&operands[i]) == slot)
                        return true;
        return false;
}

/* Does `b` write every slot that `a` writes? */
static bool writes_all_of(const struct op *a, const struct op *b)
{
        struct operand operands[OPERANDS_MAX];
        size_t n = op_operands(a, operands);

        for (size_t i = 0; i < n; i++)
                if (operands[i].kind == KIND_NEWFD && !writes_slot(b, operand_slot(&operands[i])))
                        return false;
        return true;
}

/* What the other side waits for, and what cannot be taken back, has no alternative. */
static bool may_be_in_pair(const struct op *op)
{
        switch ((int)op->code) {
        case OP_open_gate:
        case OP_await_gate:
        case OP_send_fd:
        case OP_take_fd:
        case OP_load_listener:
        case OP_spawn:
        case OP_fork_init:
        case OP_adopt:
        case OP_serve_overlay:
        case OP_pivot:
        case OP_exec:
        case OP_run_hook:
        case OP_stay_init:
                return false;
        default:
                return true;
        }
}

static int check_pairs(const struct plan *plan, enum actor actor)
{
        const struct op_list *list = &plan->list[actor];

        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i], *other = op + 1;
                struct spot spot = { actor, i };

                if (op->code >= OP_COUNT)
                        return broken(plan, spot, "there is no such operation");
                if (!op->has_else)
                        continue;
                if (i + 1 == list->n)
                        return broken(plan, spot, "it has no alternative: it is the last one");
                if (other->has_else)
                        return broken(plan, spot, "its alternative has an alternative");
                if (!may_be_in_pair(op) || !may_be_in_pair(other))
                        return broken(
                                plan, spot, "neither it nor %s can be in a pair", op_name(other));
                if (!writes_all_of(op, other) || !writes_all_of(other, op))
                        return broken(plan, spot, "its alternative writes other slots");
        }
        return 0;
}

/* -- slots ------------------------------------------------------------------------------------- */

enum slot_state {
        SLOT_EMPTY,
        SLOT_OPEN,
        SLOT_CLOSED
};

struct slots {
        uint8_t state[PLAN_SLOTS];   /* enum slot_state, as the actor at hand sees it */
        uint8_t written[PLAN_SLOTS]; /* by either list */
};

static int check_read(
        const struct plan *plan, struct spot spot, const struct slots *slots,
        const struct operand *operand)
{
        int16_t slot = operand_slot(operand);

        if (slot < 0 && operand->kind == KIND_FD)
                return 0;       /* none */
        if (slot == PLAN_SLOTS) /* of plan_slot() */
                return trail(
                        -E2BIG,
                        "%s: more than %d mounts and descriptors are too many for a container",
                        op_at(plan, spot)->why, (int)PLAN_SLOTS);
        if (slot < 0 || slot >= plan->slots)
                return broken(plan, spot, "%s: there is no slot %%%d", operand->name, slot);
        if (operand->kind == KIND_NEWFD || slots->state[slot] == SLOT_OPEN)
                return 0;
        if (slots->state[slot] == SLOT_CLOSED)
                return broken(plan, spot, "slot %%%d is read after it was closed", slot);
        return broken(plan, spot, "slot %%%d is read before it is written", slot);
}

/* What an operation has; asked for once, since this is done before every start. */
struct has {
        struct operand operands[OPERANDS_MAX];
        size_t n;
};

static int check_reads(
        const struct plan *plan, struct spot spot, const struct slots *slots, struct has *ret_has)
{
        int r = 0;

        ret_has->n = op_operands(op_at(plan, spot), ret_has->operands);
        for (size_t i = 0; i < ret_has->n && r == 0; i++) {
                const struct operand *operand = &ret_has->operands[i];

                if (operand->kind == KIND_FD || operand->kind == KIND_OLDFD ||
                    operand->kind == KIND_NEWFD)
                        r = check_read(plan, spot, slots, operand);
        }
        return r;
}

/* Close and write. The second of a pair writes what the first one wrote: not a second time. */
static int use_slots(
        const struct plan *plan, struct spot spot, struct slots *slots, const struct has *has,
        bool second)
{
        for (size_t i = 0; i < has->n; i++) {
                const struct operand *operand = &has->operands[i];
                int16_t slot = operand_slot(operand);

                if (operand->kind == KIND_OLDFD) {
                        slots->state[slot] = SLOT_CLOSED;
                } else if (operand->kind == KIND_NEWFD) {
                        if (slots->written[slot] && !second)
                                return broken(plan, spot, "slot %%%d is written twice", slot);
                        slots->written[slot] = true;
                        slots->state[slot] = SLOT_OPEN;
                }
        }
        return 0;
}

/* These close all descriptors that the process holds: none leads back to the host. */
static void close_all(const struct plan *plan, const struct op *op, struct slots *slots)
{
        int16_t keep = op->code == OP_close_others ? op->as.close_others.keep : -1;

        if (op->code != OP_close_others && op->code != OP_pivot)
                return;
        for (int16_t slot = 0; slot < plan->slots; slot++)
                if (slots->state[slot] == SLOT_OPEN && slot != keep)
                        slots->state[slot] = SLOT_CLOSED;
}

static int check_group(const struct plan *plan, struct spot first, struct slots *slots)
{
        struct spot second = { first.actor, first.i + 1 };
        bool pair = op_at(plan, first)->has_else;
        struct has one, other;
        int r = check_reads(plan, first, slots, &one);

        if (r == 0 && pair)
                r = check_reads(plan, second, slots, &other);
        if (r == 0)
                r = use_slots(plan, first, slots, &one, false);
        if (r == 0 && pair)
                r = use_slots(plan, second, slots, &other, true);
        close_all(plan, op_at(plan, first), slots);
        return r;
}

/* INIT has what HOST had just before `spawn`; what both write afterwards are two descriptors. */
static int check_slots(const struct plan *plan)
{
        struct slots slots = { 0 }, inherited = { 0 };
        const struct op_list *host = &plan->list[HOST], *init = &plan->list[INIT];
        int r;

        if (plan->slots > PLAN_SLOTS)
                return trail(-EINVAL, "plan: more than %d slots", (int)PLAN_SLOTS);
        for (size_t i = 0; i < host->n; i += host->ops[i].has_else ? 2 : 1) {
                if (host->ops[i].code == OP_spawn)
                        inherited = slots;
                r = check_group(plan, (struct spot){ HOST, i }, &slots);
                if (r < 0)
                        return r;
        }
        for (int16_t slot = 0; slot < plan->slots; slot++)
                inherited.written[slot] = slots.written[slot];
        for (size_t i = 0; i < init->n; i += init->ops[i].has_else ? 2 : 1) {
                r = check_group(plan, (struct spot){ INIT, i }, &inherited);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -- gates ------------------------------------------------------------------------------------- */

enum {
        DESCRIPTOR = GATE_COUNT
}; /* the message of send_fd */

struct side {
        enum actor actor;
        size_t at; /* next operation */
        int *sent; /* messages to the other side, in order */
        size_t n_sent;
        size_t received; /* of the other side's */
        int last_gate;   /* opened or awaited; -1: none yet */
        bool runs;
};

static enum actor gate_owner(GATE gate)
{
        return gate == GATE_ROOT_READY || (gate >= GATE_CREATED && gate != GATE_START) ? INIT
                                                                                       : HOST;
}

static bool host_opens(const struct plan *plan, GATE gate)
{
        for (size_t i = 0; i < plan->list[HOST].n; i++) {
                const struct op *op = &plan->list[HOST].ops[i];

                if (op->code == OP_open_gate && op->as.open_gate.gate == gate)
                        return true;
        }
        return false;
}

static int pass_gate(const struct plan *plan, struct side *side, GATE gate, bool opens)
{
        struct spot spot = { side->actor, side->at };

        if ((unsigned)gate >= GATE_COUNT)
                return broken(plan, spot, "there is no such gate");
        if ((gate_owner(gate) == side->actor) != opens)
                return broken(plan, spot, "the gate %s is the other side's", gate_name(gate));
        if (opens && gate == GATE_EXECUTED)
                return broken(plan, spot, "the gate executed is opened by exec itself");
        if ((int)gate == side->last_gate)
                return broken(plan, spot, "the gate %s a second time", gate_name(gate));
        if ((int)gate < side->last_gate)
                return broken(
                        plan, spot, "the gate %s comes after %s", gate_name(gate),
                        gate_name((GATE)side->last_gate));
        return 0;
}

/* Take `message` from the other side: 1 taken, 0 not there yet. */
static int receive(const struct plan *plan, struct side *side, const struct side *peer, int message)
{
        struct spot spot = { side->actor, side->at };

        if (message == GATE_EXECUTED)
                return peer->at == plan->list[peer->actor].n;
        if (message == GATE_START && !host_opens(plan, GATE_START))
                return 1; /* the start socket */
        if (side->received == peer->n_sent)
                return 0;
        if (peer->sent[side->received] != message) {
                int next = peer->sent[side->received];

                return broken(
                        plan, spot, "the next message will be %s",
                        next == DESCRIPTOR ? "a descriptor" : gate_name((GATE)next));
        }
        side->received++;
        return 1;
}

/* One operation: 1 done, 0 it has to wait. */
static int step(const struct plan *plan, struct side *side, struct side *peer)
{
        const struct op *op = &plan->list[side->actor].ops[side->at];
        int r;

        switch ((int)op->code) {
        case OP_spawn:
                peer->runs = true;
                return 1;
        case OP_open_gate:
                r = pass_gate(plan, side, op->as.open_gate.gate, true);
                if (r < 0)
                        return r;
                side->last_gate = (int)op->as.open_gate.gate;
                if (side->last_gate != GATE_HOOKED) /* which is for whoever starts it */
                        side->sent[side->n_sent++] = side->last_gate;
                return 1;
        case OP_fork_init: /* its pidfd */
        case OP_send_fd:
        case OP_load_listener:
                side->sent[side->n_sent++] = DESCRIPTOR;
                return 1;
        case OP_await_gate:
                r = pass_gate(plan, side, op->as.await_gate.gate, false);
                if (r == 0)
                        r = receive(plan, side, peer, (int)op->as.await_gate.gate);
                if (r > 0)
                        side->last_gate = (int)op->as.await_gate.gate;
                return r;
        case OP_adopt:
        case OP_serve_overlay:
        case OP_take_fd:
                return receive(plan, side, peer, DESCRIPTOR);
        default:
                return 1;
        }
}

static int run_side(const struct plan *plan, struct side *side, struct side *peer)
{
        int r = 1, progress = 0;

        while (side->runs && side->at < plan->list[side->actor].n && r > 0) {
                r = step(plan, side, peer);
                if (r > 0) {
                        side->at++;
                        progress = 1;
                }
        }
        return r < 0 ? r : progress;
}

static int check_gates(const struct plan *plan)
{
        struct side side[ACTORS] = {
                [HOST] = { .actor = HOST, .last_gate = -1, .runs = true },
                [INIT] = { .actor = INIT, .last_gate = -1 },
        };
        int host, init;

        for (int i = HOST; i < ACTORS; i++)
                side[i].sent = arena_array(plan->arena, plan->list[i].n + 1, sizeof(int));
        do {
                host = run_side(plan, &side[HOST], &side[INIT]);
                if (host < 0)
                        return host;
                init = run_side(plan, &side[INIT], &side[HOST]);
                if (init < 0)
                        return init;
        } while (host || init);

        for (int i = HOST; i < ACTORS; i++)
                if (side[i].at < plan->list[i].n)
                        return broken(
                                plan, (struct spot){ (enum actor)i, side[i].at },
                                "it waits for what the other side never sends");
        for (int i = HOST; i < ACTORS; i++)
                if (side[!i].received < side[i].n_sent)
                        return trail(
                                -EINVAL, "plan: %s sends messages that nobody awaits",
                                i == HOST ? "host" : "init");
        return 0;
}

/* -- order ------------------------------------------------------------------------------------- */

/* Operations of the init list that may come later than their stage says. */
static const struct {
        uint8_t code;
        enum stage latest;
        const char *reason;
} late[] = {
        { OP_set_propagation, STAGE_PIVOT, "the root's propagation is set when it is '/'" },
        { OP_set_mount, STAGE_MASK, "the root becomes read-only last" },
        { OP_remount, STAGE_MASK, "the same on old kernels" },
        { OP_change_dir, STAGE_SECCOMP, "the directory may be reachable for the user only" },
        { OP_find_program, STAGE_SECCOMP, "executable for the user who will run it" },
        { OP_fork_init, STAGE_PRIVS,
          "who enters a container shows up in it when it has no more rights" },
        { OP_new_session, STAGE_PRIVS, "a session begins with the process that it is for" },
        { OP_use_terminal, STAGE_PRIVS, "the same" },
        { OP_set_rlimit, STAGE_PRIVS,
          "limits of the user's processes count from set_ids, and of who is born last from then" },
};

static bool may_be_late(const struct op *op, enum stage now)
{
        for (size_t i = 0; i < ARRAY_SIZE(late); i++)
                if (late[i].code == op->code)
                        return now <= late[i].latest;
        return false;
}

/* What the order pass knows of the init list so far. */
struct order {
        enum stage stage;
        bool unfiltered; /* there is a filter, and it is not loaded yet */
        bool pivoted, bounded, sealed, mapped, has_nnp, forked;
        bool leaves;             /* it works in a running container */
        bool guarded, unguarded; /* guard_parent was on; and the kernel has forgotten it since */
};

/* Operations that may come earlier than their stage says, and leave the stage where it is. */
static bool is_early(const struct op *op, const struct order *order)
{
        switch ((int)op->code) {
        case OP_use_terminal: /* by descriptor, where the pty is made: its inode may go with devpts */
        case OP_new_session:
                return order->stage >= STAGE_NAMESPACE && order->stage < STAGE_PROCESS;
        case OP_restrict_landlock:
        case OP_load_listener:
        case OP_load_seccomp: /* without no_new_privs loading needs CAP_SYS_ADMIN */
                return !order->has_nnp && order->stage >= STAGE_PIVOT &&
                       order->stage < STAGE_SECCOMP;
        case OP_join_namespace: /* what is made by the host's paths goes along into the container */
                return order->leaves && op->as.join_namespace.type == CLONE_NEWNS &&
                       order->stage == STAGE_MOUNT;
        default:
                return false;
        }
}

static int check_privileges(const struct plan *plan, struct spot spot, const struct order *order)
{
        const struct op *op = op_at(plan, spot);

        if ((op->code == OP_set_ids || op->code == OP_set_caps) && !order->bounded)
                return broken(plan, spot, "drop_bounding must come before it");
        /* Its path is the container's then, whoever wrote what lies there. */
        if (op->code == OP_run_hook && order->pivoted &&
            (order->stage < STAGE_CAPS || order->unfiltered))
                return broken(plan, spot, "a program of the container's before its privileges are");
        if (op->code == OP_stay_init &&
            op_at(plan, (struct spot){ INIT, plan->list[INIT].n - 1 }) != op + 1)
                return broken(plan, spot, "exec must come right behind it");
        if (op->code == OP_become_root && !order->mapped)
                return broken(plan, spot, "it comes before the gate ids_mapped");
        if (op->code == OP_fork_init && order->forked)
                return broken(plan, spot, "init forks once");
        if (order->unguarded && op_stage(op) >= STAGE_MOUNT)
                return broken(plan, spot, "guard_parent must come before it: the guard was lost");
        if (order->pivoted && verify_host_path(op))
                return broken(plan, spot, "it takes a path of the host after pivot");
        if (op->code == OP_exec && !order->sealed)
                return broken(plan, spot, "seal_fds must come before it");
        return 0;
}

static int check_stage(const struct plan *plan, struct spot spot, struct order *order)
{
        const struct op *op = op_at(plan, spot);
        enum stage stage = op_stage(op);
        int r;

        if (op->code == OP_spawn)
                return broken(plan, spot, "only host spawns");
        if (verify_is_end(op) && spot.i + 1 != plan->list[INIT].n)
                return broken(plan, spot, "%s is not the last operation", op_name(op));
        if (is_early(op, order))
                return 0;
        r = check_privileges(plan, spot, order);
        if (r < 0)
                return r;
        if (stage == STAGE_ANY)
                return 0;
        if (stage < order->stage && !may_be_late(op, order->stage))
                return broken(plan, spot, "it comes after an operation of a later stage");
        if (stage > order->stage)
                order->stage = stage;
        return 0;
}

static void learn(const struct op *op, struct order *order)
{
        order->pivoted |= op->code == OP_pivot;
        order->unfiltered &= op->code != OP_load_seccomp;
        order->bounded |= op->code == OP_drop_bounding;
        order->sealed |= op->code == OP_seal_fds;
        order->forked |= op->code == OP_fork_init;
        /* fork(2) and a change of credentials clear PR_SET_PDEATHSIG. */
        if (op->code == OP_guard_parent) {
                order->guarded = op->as.guard_parent.on != 0;
                order->unguarded = false;
        }
        order->unguarded |=
                order->guarded && (op->code == OP_fork_init || op->code == OP_become_root);
        /* A user namespace that is joined has its maps. */
        order->mapped |=
                (op->code == OP_join_namespace && op->as.join_namespace.type & CLONE_NEWUSER) ||
                (op->code == OP_await_gate && op->as.await_gate.gate == GATE_IDS_MAPPED);
}

static int check_init(const struct plan *plan)
{
        const struct op_list *list = &plan->list[INIT];
        struct order order = {
                .has_nnp = find_op(list, OP_no_new_privs) < list->n,
                .unfiltered = find_op(list, OP_load_seccomp) < list->n,
                .leaves = find_op(list, OP_leave) < list->n,
        };

        for (size_t i = 0; i < list->n; i++) {
                int r = check_stage(plan, (struct spot){ INIT, i }, &order);

                if (r < 0)
                        return r;
                learn(&list->ops[i], &order);
        }
        if (list->n && !verify_is_end(&list->ops[list->n - 1]))
                return broken(plan, (struct spot){ INIT, list->n - 1 }, "the last must be exec");
        return 0;
}

static int check_host(const struct plan *plan)
{
        const struct op_list *list = &plan->list[HOST];
        size_t spawns = 0, record = find_op(list, OP_record);

        for (size_t i = 0; i < list->n; i++) {
                struct spot spot = { HOST, i };

                if (list->ops[i].code == OP_adopt && i > record)
                        return broken(plan, spot, "the journal knows the other process by now");
                if (verify_is_end(&list->ops[i]) || list->ops[i].code == OP_stay_init)
                        return broken(plan, spot, "only init executes");
                if (list->ops[i].code == OP_spawn && spawns++)
                        return broken(plan, spot, "a plan spawns once");
                if (list->ops[i].code == OP_open_process && list->ops[i].as.open_process.pid <= 0)
                        return broken(plan, spot, "no process has that number");
        }
        if (plan->list[INIT].n && !spawns)
                return trail(-EINVAL, "plan: init has operations, but host spawns no process");
        if (spawns && !plan->list[INIT].n)
                return trail(-EINVAL, "plan: host spawns a process that has nothing to do");
        return 0;
}

int plan_verify(const struct plan *plan)
{
        int r = check_pairs(plan, HOST);

        if (r == 0)
                r = check_pairs(plan, INIT);
        if (r == 0)
                r = check_host(plan);
        if (r == 0)
                r = check_slots(plan);
        if (r == 0)
                r = check_gates(plan);
        if (r == 0)
                r = check_init(plan);
        if (r == 0)
                r = verify_privileges(plan);
        return r;
}
