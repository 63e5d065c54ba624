/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the loop that does a plan.
 *
 * One switch, made from ops.def; an operation that failed ends the list, with its number in the
 * machine and its words on the trail. INIT runs in the forked child, between clone and exec, so all
 * that is called from here is child-safe. The two lists meet at gates: messages on a SEQPACKET
 * pair. A side that fails sends what it knows; a side that dies closes the socket, which the other
 * sees at its next gate: nobody waits for the dead. */
#include "ops.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

/* What a gate message holds: a gate's number, or FAILURE with what the peer's trail says. */
enum {
        FAILURE = 0xff
};

enum {
        FEW_SLOTS = 200, /* for so many there is always room */
        TICK_MS = 250,   /* how often a peer that says nothing is looked after */
        TOLD_MAX =
                8, /* two seconds: a signal that comes meanwhile is the program's, if there is one soon */
        STOPS_MAX = 40 /* ten seconds */
};

struct message {
        uint8_t gate;
        uint8_t more; /* another failure follows that says it better; unless we die over it */
        int32_t error;
        uint32_t operation;
        uint16_t text_size, hint_size;
        char words[3000]; /* text, NUL, hint, NUL */
};

void machine_init(struct machine *machine, const struct plan *plan)
{
        machine->plan = plan;
        machine->actor = HOST;
        for (size_t i = 0; i < ARRAY_SIZE(machine->fd); i++)
                machine->fd[i] = NO_FD;
        machine->gate = machine->gate_peer = NO_FD;
        machine->journal = machine->state_dir = machine->start = machine->pidfd = NO_FD;
        machine->claim = NO_FD;
        machine->pid = 0;
        machine->copied = 0;
        machine->attended = false;
        machine->stopped = machine->told = 0;
        machine->recorded = false;
        machine->criu_waits = false;
        machine->criu_told = 0;
        machine->place[0] = '\0';
        machine->held = NULL;
        machine->is_started = false;
        machine->program[0] = '\0';
        machine->trace = NULL;
        machine->parent_path = NULL;
        machine->parent = NO_FD;
        machine->files_soft = 0;
        machine->failed = 0;
        machine->failed_actor = HOST;
}

/* Slots are filled in turn, so their descriptors come in runs: a call a run. */
static void close_slots(struct machine *machine)
{
        int first = NO_FD, last = NO_FD;

        for (int16_t i = 0; i < machine->plan->slots; i++) {
                int fd = machine->fd[i];

                machine->fd[i] = NO_FD;
                if (fd < 0)
                        continue;
                if (first >= 0 && fd != last + 1)
                        process_close_range((unsigned)first, (unsigned)last);
                if (first < 0 || fd != last + 1)
                        first = fd;
                last = fd;
        }
        if (first >= 0)
                process_close_range((unsigned)first, (unsigned)last);
}

void machine_done(struct machine *machine)
{
        close_slots(machine);
        file_close(&machine->gate);
        file_close(&machine->gate_peer);
        file_close(&machine->start);
        file_close(&machine->parent);
        file_close(&machine->claim);
}

/* What the peer is to print. One that came by the start socket has no plan in which to look the
 * operation up: it gets the whole sentence. */
static size_t last_words(const struct machine *m, int error, char *words, size_t room)
{
        const struct op *op = &m->plan->list[m->actor].ops[m->failed];

        if (!m->is_started)
                return text_format(words, room, "%s", trail_text());
        if (op->code == OP_run_hook)
                return text_format(words, room, "%s: %s", op->why, trail_text());
        return text_format(
                words, room, "%s (%s): %s%s%s", op->why, op_name(op), trail_text(),
                *trail_text() ? ": " : "", text_errno(error));
}

void gate_fail(struct machine *m, int error, bool more)
{
        struct message message = {
                .gate = FAILURE, .more = more, .error = error, .operation = (uint32_t)m->failed
        };
        size_t text, room = sizeof message.words;

        if (m->gate < 0)
                return;
        text = last_words(m, error, message.words, room);
        if (text >= room - 1)
                text = room - 2;
        message.text_size = (uint16_t)text;
        text_format(message.words + text + 1, room - text - 1, "%s", trail_hint_text());
        /* A filter that forbids sendmsg(2) may allow write(2); SIGPIPE finds nobody who has more to do. */
        if (socket_send(m->gate, &message, sizeof message, NO_FD) < 0 && m->actor == INIT &&
            write(m->gate, &message, sizeof message) < 0)
                return;
}

/* Those in a container can stop a process that comes into their pid namespace, before it is what it will be: it is
 * told to go on, and we hear who does not want to wait. The signals are blocked, and wait for us in any case. */
static int attend(struct machine *m)
{
        m->told += process_is_told_to_end();
        if (m->told >= TOLD_MAX)
                return -EINTR;
        if (process_signal_stopped(SIGCONT) > 0 && ++m->stopped >= STOPS_MAX)
                return trail(
                        -ETIMEDOUT, "the process that enters the container is stopped (SIGSTOP) by "
                                    "those in it, again and again");
        return 0;
}

/* A tick costs nothing while the peer is quick. */
static ssize_t hear(struct machine *m, struct message *message, int *ret_fd)
{
        for (;;) {
                ssize_t n =
                        socket_receive_from(m->gate, message, sizeof *message, ret_fd, &m->sender);
                int r = n == -EAGAIN && m->attended ? attend(m) : (int)n;

                if (n != -EAGAIN || r < 0)
                        return r;
        }
}

ssize_t gate_receive(struct machine *m, void *bytes, size_t size, int *ret_fd)
{
        struct message message, better;
        ssize_t n;

        if (m->gate < 0)
                return -ECONNRESET;
        n = hear(m, &message, ret_fd);
        /* A peer that ended with a message of ours unread: the kernel tells that first and once;
         * what the peer had to say is still in the queue. */
        if (n == -ECONNRESET)
                n = hear(m, &message, ret_fd);
        if (n == 0)
                return -ECONNRESET;
        if (n < 0)
                return n;
        if (n == (ssize_t)sizeof message && message.gate == FAILURE) {
                if (message.more && hear(m, &better, NULL) == sizeof better)
                        message = better;
                message.words[sizeof message.words - 1] = '\0';
                if (message.error >= 0 || message.text_size > sizeof message.words - 2)
                        return -EPROTO; /* none of ours says that */
                m->failed = message.operation;
                m->failed_actor = m->actor == HOST ? INIT : HOST;
                trail(message.error, "%s", message.words);
                if (message.words[message.text_size + 1])
                        trail_hint("%s", message.words + message.text_size + 1);
                return message.error;
        }
        memcpy(bytes, &message, size < (size_t)n ? size : (size_t)n);
        return n;
}

int do_open_gate(struct machine *m, const struct op_open_gate *o)
{
        uint8_t gate = (uint8_t)o->gate;
        int r = socket_send(m->gate, &gate, 1, NO_FD);

        /* A `start` that was killed meanwhile: nobody waits to hear it, and its container runs. */
        if ((r == -EPIPE || r == -ECONNRESET) && o->gate == GATE_HOOKED)
                return 0;
        /* The peer failed before it could see the gate: what it said waits in the socket, behind a
         * descriptor perhaps. */
        if (r == -EPIPE || r == -ECONNRESET) {
                ssize_t n;

                do
                        n = gate_receive(m, &gate, 1, NULL);
                while (n > 0);
                return n < 0 ? (int)n : -ECONNRESET;
        }
        return r;
}

/* The start socket: whoever connects and says START starts us. The connection stays open until the
 * exec, so that `start` hears how it went; it becomes our gate. */
static int await_start(struct machine *m)
{
        uint8_t gate = GATE_COUNT;

        for (;;) {
                int peer = socket_accept(m->start);

                if (peer < 0)
                        return peer;
                file_close(&m->gate);
                m->gate = peer;
                if (socket_receive(peer, &gate, 1, NULL) == 1 && gate == GATE_START) {
                        file_close(&m->start);
                        m->is_started = true;
                        return 0;
                }
        }
}

int do_await_gate(struct machine *m, const struct op_await_gate *o)
{
        uint8_t gate = GATE_COUNT;
        ssize_t n;

        if (o->gate == GATE_START && m->start >= 0)
                return await_start(m);
        n = gate_receive(m, &gate, 1, NULL);
        if (o->gate == GATE_EXECUTED && n == -ECONNRESET)
                return process_has_executed(m->pid) ? 0 : (int)n;
        if (n < 0)
                return (int)n;
        return gate == (uint8_t)o->gate ? 0 : -EPROTO;
}

static bool has_op(const struct op_list *list, enum op_code code)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->ops[i].code == code)
                        return true;
        return false;
}

/* The child's life: its list, then exec; whatever goes wrong is told and ends it. */
static void init_run(struct machine *m)
{
        int r;

        file_close(&m->gate);
        m->gate = m->gate_peer;
        m->gate_peer = NO_FD;
        process_reset_signals(); /* here, because a filter may forbid it later */
        /* Nothing of the host's that the list does not need. */
        if (!has_op(&m->plan->list[INIT], OP_note_status))
                file_close(&m->journal);
        file_close(&m->state_dir);
        r = plan_apply(m, INIT);
        /* A filter may be loaded that kills us for looking into files: so the bare error first. */
        if (program_failed(m)) {
                gate_fail(m, r, true);
                program_explain(m, r);
        }
        gate_fail(m, r, false);
        _exit(1);
}

int do_spawn(struct machine *m, const struct op_spawn *o)
{
        int pair[2];
        int r = socket_pair(pair);
        pid_t pid;

        if (r < 0)
                return r;
        m->gate = pair[0];
        m->gate_peer = pair[1];
        if (has_op(&m->plan->list[HOST], OP_adopt) && (r = socket_ask_sender(m->gate)) < 0)
                return r;
        if (m->attended && (r = socket_set_patience(m->gate, TICK_MS)) < 0)
                return r;
        pid = namespace_spawn(o->spaces, o->cgroup < 0 ? NO_FD : m->fd[o->cgroup], &m->pidfd);
        if (pid < 0)
                return pid;
        if (pid == 0)
                init_run(m);
        file_close(&m->gate_peer);
        file_close(&m->start);
        if (m->claim >= 0 && m->closed)
                cgroup_disclose(
                        m->claim); /* it stays closed when that fails: who looks is told less */
        file_close(&m->claim);     /* INIT has it until it is in */
        m->pid = pid;
        m->fd[o->process] = m->pidfd;
        return 0;
}

static int dispatch(struct machine *m, const struct op *op)
{
        switch ((enum op_code)op->code) {
#define OP(name, manual, stage) \
        case OP_##name:         \
                return do_##name(m, &op->as.name);
#define FIELD(kind, name)
#define END(name)
#include "ops.def"
#undef OP
#undef FIELD
#undef END
        case OP_COUNT:
                break;
        }
        return -ENOSYS;
}

/* With what the tests link in (apply.h), each operation can fail, be the last, or be left out. */
static int do_op(struct machine *m, const struct op *op)
{
        int r = plan_fault ? plan_fault(m, false) : 0;

        if (r > 0)
                return 0;
        if (r == 0)
                r = dispatch(m, op);
        if (r >= 0 && plan_fault) {
                int late = plan_fault(m, true);

                r = late < 0 ? late : r;
        }
        return r;
}

static void stamp(struct machine *m, int actor, size_t i)
{
        if (i < ARRAY_SIZE(m->trace->end[0]))
                m->trace->end[actor][i] = process_clock_ns();
}

/* Hundreds of layers take more descriptors than the usual limit of 1024. pivot gives the container its own back. */
static int make_room(struct machine *m)
{
        const int slots = m->plan->slots;
        int r = 0;

        if (slots > PLAN_SLOTS)
                return trail(-E2BIG, "the plan needs more than %d descriptors", (int)PLAN_SLOTS);
        if (m->actor == HOST && slots > FEW_SLOTS)
                r = process_raise_files((uint64_t)slots, &m->files_soft);
        return r < 0 ? trail(r, "the plan needs %d descriptors, more than we may have open", slots)
                     : 0;
}

int plan_apply(struct machine *m, int actor)
{
        const struct op_list *list = &m->plan->list[actor];
        int room;

        m->actor = actor;
        room = make_room(m);
        if (room < 0)
                return room;
        if (actor == INIT)
                umask(0); /* modes as the plan says; set_umask gives the program its own */
        if (m->trace)
                m->trace->begin[actor] = process_clock_ns();
        for (size_t i = 0; i < list->n; i++) {
                const struct op *op = &list->ops[i];
                bool skip = false;
                int r;

                m->failed = i;
                m->failed_actor = actor;
                r = do_op(m, op);
                if (op->has_else && (r == -EPERM || r == -ENOSYS || r == -EINVAL))
                        trail_reset();
                else if (r < 0)
                        return r;
                else
                        skip = op->has_else;
                if (m->trace)
                        stamp(m, actor, i);
                if (skip && m->trace)
                        stamp(m, actor, i + 1);
                i += skip;
        }
        return 0;
}
