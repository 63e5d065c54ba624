/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: the sample plan passes, each rule refuses a plan that breaks it, and random
 * mutations never get by an independent check of the order of privileges. */
#include "sample.h"
#include "tap.h"

static size_t at(const struct sample *s, enum actor actor, enum op_code code)
{
        for (size_t i = 0; i < s->plan.list[actor].n; i++)
                if (s->plan.list[actor].ops[i].code == code)
                        return i;
        CHECK(!"the sample has no such operation");
        return 0;
}

static void delete_op(struct sample *s, enum actor actor, size_t i)
{
        struct op_list *list = &s->plan.list[actor];

        list->n--;
        memmove(&list->ops[i], &list->ops[i + 1], (list->n - i) * sizeof *list->ops);
}

/* Put the operation `from` before the one at `to`. */
static void move_op(struct sample *s, enum actor actor, size_t from, size_t to)
{
        struct op_list *list = &s->plan.list[actor];
        struct op op = list->ops[from];

        delete_op(s, actor, from);
        if (from < to)
                to--;
        memmove(&list->ops[to + 1], &list->ops[to], (list->n - to) * sizeof *list->ops);
        list->ops[to] = op;
        list->n++;
}

static void insert_op(struct sample *s, enum actor actor, size_t to, struct op op)
{
        plan_push(&s->plan, actor, op);
        move_op(s, actor, s->plan.list[actor].n - 1, to);
}

static void refused(const struct sample *s, const char *words)
{
        trail_reset();
        CHECK_INT(plan_verify(&s->plan), -EINVAL);
        if (!strstr(trail_text(), words))
                CHECK_STR(trail_text(), words);
}

TEST(sample_is_valid)
{
        auto_sample s = { 0 };

        sample_build(&s);
        CHECK_INT(plan_verify(&s.plan), 0);
}

TEST(slot_before_write)
{
        auto_sample s = { 0 };

        sample_build(&s);
        s.plan.list[INIT].ops[at(&s, INIT, OP_set_fs)].as.set_fs.fs = s.null;
        refused(&s, "plan: init operation 10 (set_fs): slot %18 is read before it is written");
}

TEST(slot_after_close)
{
        auto_sample s = { 0 };
        size_t i;

        sample_build(&s);
        i = at(&s, INIT, OP_make_mount);
        s.plan.list[INIT].ops[i + 1].as.attach.tree = s.plan.list[INIT].ops[i].as.make_mount.fs;
        refused(&s, "(attach): slot %3 is read after it was closed");
}

TEST(slot_twice_or_nowhere)
{
        auto_sample s = { 0 };

        sample_build(&s);
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].as.open_fs.fs = s.root;
        refused(&s, "(open_fs): slot %2 is written twice");
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].as.open_fs.fs = PLAN_SLOTS + 1;
        refused(&s, "(open_fs): fs: there is no slot %1601");
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].as.open_fs.fs = PLAN_SLOTS;
        CHECK_INT(
                plan_verify(&s.plan), -E2BIG); /* what plan_slot() gives when there is none left */
        trail_reset();
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].as.open_fs.fs = -1;
        refused(&s, "there is no slot %-1");
}

TEST(slot_of_host_after_spawn)
{
        auto_sample s = { 0 };
        int16_t slot;

        sample_build(&s);
        slot = plan_slot(&s.plan);
        insert_op(&s, HOST, 1, (struct op){ .code = OP_open_path, .as.open_path = { "/", slot } });
        insert_op(&s, INIT, 0, (struct op){ .code = OP_send_fd, .as.send_fd = { slot } });
        refused(&s, "init operation 0 (send_fd): slot %21 is read before");
        move_op(&s, HOST, 1, 0);
        delete_op(&s, INIT, 0);
        insert_op(&s, INIT, 0, (struct op){ .code = OP_close_fd, .as.close_fd = { slot } });
        CHECK_INT(plan_verify(&s.plan), 0);
}

TEST(pairs)
{
        auto_sample s = { 0 };
        size_t i;

        sample_build(&s);
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].has_else = true;
        refused(&s, "(open_fs): its alternative writes other slots");
        s.plan.list[INIT].ops[at(&s, INIT, OP_open_fs)].has_else = false;
        i = at(&s, INIT, OP_remount);
        s.plan.list[INIT].ops[i].has_else = true;
        refused(&s, "(set_mount): its alternative has an alternative");
        s.plan.list[INIT].ops[i].has_else = false;
        s.plan.list[INIT].ops[s.plan.list[INIT].n - 1].has_else = true;
        refused(&s, "(exec): it has no alternative: it is the last one");
        s.plan.list[INIT].ops[s.plan.list[INIT].n - 1].has_else = false;
        s.plan.list[HOST].ops[2].has_else = true;
        refused(&s, "host operation 2 (await_gate): neither it nor open_gate can be in a pair");
}

TEST(pair_writes_one_slot)
{
        auto_sample s = { 0 };
        size_t i;
        int16_t slot;

        sample_build(&s);
        i = at(&s, INIT, OP_open_path);
        slot = s.plan.list[INIT].ops[i].as.open_path.fd;
        s.plan.list[INIT].ops[i].has_else = true;
        insert_op(
                &s, INIT, i + 1,
                (struct op){ .code = OP_open_path, .as.open_path = { "/else", slot } });
        CHECK_INT(plan_verify(&s.plan), 0);
        s.plan.list[INIT].ops[i].has_else = false;
        refused(&s, "is written twice");
}

TEST(gates)
{
        auto_sample s = { 0 };

        sample_build(&s);
        s.plan.list[HOST].ops[3].as.open_gate.gate = GATE_CREATED;
        refused(&s, "host operation 3 (open_gate): the gate created is the other side's");
        s.plan.list[HOST].ops[3].as.open_gate.gate = GATE_IDS_MAPPED;
        refused(&s, "the gate ids_mapped comes after root_ready");
        delete_op(&s, HOST, 3);
        refused(&s, "(await_gate): it waits for what the other side never sends");
        delete_op(&s, INIT, at(&s, INIT, OP_await_gate));
        CHECK_INT(plan_verify(&s.plan), 0);
        delete_op(&s, HOST, 2);
        refused(&s, "plan: init sends messages that nobody awaits");
        delete_op(&s, INIT, at(&s, INIT, OP_open_gate));
        CHECK_INT(plan_verify(&s.plan), 0);
}

TEST(gates_deadlock)
{
        auto_sample s = { 0 };
        size_t open;

        sample_build(&s);
        /* Both wait first. */
        open = at(&s, INIT, OP_open_gate);
        move_op(&s, INIT, open, open + 2);
        refused(&s, "host operation 2 (await_gate)");
}

TEST(start_comes_from_outside)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(
                &s, INIT, s.plan.list[INIT].n - 1,
                (struct op){ .code = OP_open_gate, .as.open_gate = { GATE_CREATED } });
        insert_op(
                &s, INIT, s.plan.list[INIT].n - 1,
                (struct op){ .code = OP_await_gate, .as.await_gate = { GATE_START } });
        s.plan.list[HOST].n--; /* the sample's own end */
        plan_add(&s.plan, HOST, "", await_gate, .gate = GATE_CREATED);
        CHECK_INT(plan_verify(&s.plan), 0);
        plan_add(&s.plan, HOST, "", open_gate, .gate = GATE_START);
        plan_add(&s.plan, HOST, "", await_gate, .gate = GATE_EXECUTED);
        CHECK_INT(plan_verify(&s.plan), 0);
        plan_add(&s.plan, HOST, "", await_gate, .gate = GATE_EXECUTED);
        refused(&s, "the gate executed a second time");
}

TEST(descriptors_are_messages_too)
{
        auto_sample s = { 0 };
        int16_t slot;

        sample_build(&s);
        slot = plan_slot(&s.plan);
        insert_op(
                &s, INIT, at(&s, INIT, OP_open_gate),
                (struct op){ .code = OP_send_fd, .as.send_fd = { s.dev } });
        refused(&s, "host operation 2 (await_gate): the next message will be a descriptor");
        insert_op(&s, HOST, 2, (struct op){ .code = OP_take_fd, .as.take_fd = { slot } });
        CHECK_INT(plan_verify(&s.plan), 0);
}

TEST(one_spawn_one_exec)
{
        auto_sample s = { 0 };
        struct op spawn;

        sample_build(&s);
        spawn = s.plan.list[HOST].ops[0];
        spawn.as.spawn.process = plan_slot(&s.plan);
        plan_push(&s.plan, HOST, spawn);
        refused(&s, "(spawn): a plan spawns once");
        s.plan.list[HOST].n--;
        plan_push(&s.plan, INIT, (struct op){ .code = OP_new_session });
        refused(&s, "(exec): exec is not the last operation");
        s.plan.list[INIT].n -= 2;
        refused(&s, "(seal_fds): the last must be exec");
        s.plan.list[INIT].n = 0;
        s.plan.list[HOST].n = 1;
        refused(&s, "plan: host spawns a process that has nothing to do");
        s.plan.list[HOST].n = 0;
        CHECK_INT(plan_verify(&s.plan), 0);
}

TEST(order_of_privileges)
{
        auto_sample s = { 0 };
        size_t i;

        sample_build(&s);
        i = at(&s, INIT, OP_drop_bounding);
        move_op(&s, INIT, i, at(&s, INIT, OP_set_ids) + 1);
        refused(&s, "(set_ids): drop_bounding must come before it");
        move_op(&s, INIT, at(&s, INIT, OP_drop_bounding), i);
        CHECK_INT(plan_verify(&s.plan), 0);
        move_op(&s, INIT, at(&s, INIT, OP_no_new_privs), at(&s, INIT, OP_set_ids));
        refused(&s, "it comes after an operation of a later stage");
        move_op(&s, INIT, at(&s, INIT, OP_no_new_privs), at(&s, INIT, OP_seal_fds));
        delete_op(&s, INIT, at(&s, INIT, OP_seal_fds));
        refused(&s, "(exec): seal_fds must come before it");
}

TEST(a_hook_of_the_containers_gets_no_more_than_its_program)
{
        static const char *const nothing[] = { NULL };
        const struct op hook = { .code = OP_run_hook,
                                 .why = "/hooks/startContainer/0",
                                 .as.run_hook = {
                                         .path = "/x", .env = { nothing, 0 }, .state = "{}" } };
        const struct op filter = { .code = OP_load_seccomp, .why = "/linux/seccomp" };
        auto_sample s = { 0 };
        size_t last;

        sample_build(&s);
        last = s.plan.list[INIT].n - 1;
        insert_op(&s, INIT, last, hook);
        CHECK_INT(plan_verify(&s.plan), 0);
        insert_op(&s, INIT, last + 1, filter);
        refused(&s, "a program of the container's before its privileges are");
        move_op(&s, INIT, last + 1, last);
        CHECK_INT(plan_verify(&s.plan), 0);
        move_op(&s, INIT, last + 1, at(&s, INIT, OP_set_ids));
        refused(&s, "a program of the container's before its privileges are");
}

TEST(an_init_stays_right_before_exec)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(&s, INIT, s.plan.list[INIT].n - 1, (struct op){ .code = OP_stay_init });
        CHECK_INT(plan_verify(&s.plan), 0);
        move_op(&s, INIT, at(&s, INIT, OP_stay_init), at(&s, INIT, OP_seal_fds));
        refused(&s, "(stay_init): exec must come right behind it");
        insert_op(&s, HOST, 0, (struct op){ .code = OP_stay_init });
        refused(&s, "(stay_init): only init executes");
}

TEST(mounts_come_before_pivot)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(
                &s, INIT, at(&s, INIT, OP_pivot) + 1,
                (struct op){ .code = OP_make_link, .as.make_link = { -1, "a", "b" } });
        refused(&s, "(make_link): it comes after an operation of a later stage");
}

TEST(pivot_closes_descriptors)
{
        auto_sample s = { 0 };
        size_t pivot;

        sample_build(&s);
        pivot = at(&s, INIT, OP_pivot);
        insert_op(
                &s, INIT, pivot + 1, (struct op){ .code = OP_close_fd, .as.close_fd = { s.root } });
        refused(&s, "(close_fd): slot %2 is read after it was closed");
        delete_op(&s, INIT, pivot + 1);
        move_op(&s, INIT, at(&s, INIT, OP_set_mount), pivot + 1);
        refused(&s, "(set_mount)");
        s.plan.list[INIT].ops[at(&s, INIT, OP_link_up)].has_else = true;
        move_op(&s, INIT, at(&s, INIT, OP_pivot), at(&s, INIT, OP_link_up) + 1);
        refused(&s, "neither it nor pivot can be in a pair");
}

TEST(host_path_after_pivot)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(
                &s, INIT, at(&s, INIT, OP_pivot) + 1,
                (struct op){ .code = OP_open_path, .as.open_path = { "/", plan_slot(&s.plan) } });
        refused(&s, "(open_path): it takes a path of the host after pivot");
        s.plan.list[INIT].ops[at(&s, INIT, OP_pivot) + 1] =
                (struct op){ .code = OP_redirect_output, .as.redirect_output = { "/log" } };
        refused(&s, "(redirect_output): it takes a path of the host after pivot");
}

TEST(seccomp_before_caps_only_without_no_new_privs)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(&s, INIT, at(&s, INIT, OP_set_groups), (struct op){ .code = OP_load_seccomp });
        refused(&s, "(set_groups): it comes after an operation of a later stage");
        delete_op(&s, INIT, at(&s, INIT, OP_no_new_privs));
        CHECK_INT(plan_verify(&s.plan), 0);
}

/* load_listener is a message to the other side, and no alternative of anything. */
TEST(a_listener_is_sent_and_taken)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(
                &s, INIT, at(&s, INIT, OP_no_new_privs) + 1,
                (struct op){ .code = OP_load_listener });
        CHECK_INT(plan_verify(&s.plan), -EINVAL);
        trail_reset();
        insert_op(
                &s, HOST, s.plan.list[HOST].n,
                (struct op){ .code = OP_take_fd, .as.take_fd = { plan_slot(&s.plan) } });
        CHECK_INT(plan_verify(&s.plan), 0);
        s.plan.list[INIT].ops[at(&s, INIT, OP_load_listener)].has_else = true;
        refused(&s, "can be in a pair");
}

TEST(becoming_root_of_a_user_namespace)
{
        auto_sample s = { 0 };

        sample_build(&s);
        insert_op(&s, INIT, 1, (struct op){ .code = OP_become_root });
        refused(&s, "init operation 1 (become_root): it comes before the gate ids_mapped");
        insert_op(
                &s, INIT, 1,
                (struct op){ .code = OP_await_gate, .as.await_gate = { GATE_IDS_MAPPED } });
        insert_op(
                &s, HOST, 1,
                (struct op){ .code = OP_open_gate, .as.open_gate = { GATE_IDS_MAPPED } });
        refused(&s, "(set_propagation): guard_parent must come before it: the guard was lost");
        insert_op(
                &s, INIT, 3,
                (struct op){ .code = OP_guard_parent, .as.guard_parent = { .on = 1 } });
        CHECK_INT(plan_verify(&s.plan), 0);
        s.plan.list[INIT].ops[2].code = OP_set_ids;
        refused(&s, "(set_ids): drop_bounding must come before it");
}

/* Nothing is done before the process is in its unit, and no journal knows a unit that is not there. */
TEST(in_a_unit)
{
        auto_sample s = { 0 };
        struct op start = { .code = OP_start_unit, .as.start_unit = { "/s", "a.scope", { 0 } } };
        struct op limit = { .code = OP_delegate_cgroup, .as.delegate_cgroup = { "/c", "+cpu" } };
        struct op opens = { .code = OP_open_gate, .as.open_gate = { GATE_PLACED } };
        struct op awaits = { .code = OP_await_gate, .as.await_gate = { GATE_PLACED } };
        size_t spawn;

        sample_build(&s);
        spawn = at(&s, HOST, OP_spawn);
        insert_op(&s, HOST, spawn + 1, start);
        refused(&s, "nobody awaits that the process is in its unit");
        insert_op(&s, HOST, spawn + 2, opens);
        insert_op(&s, INIT, 1, awaits);
        CHECK_INT(plan_verify(&s.plan), 0);
        insert_op(&s, HOST, spawn + 2, limit);
        CHECK_INT(plan_verify(&s.plan), 0);
        move_op(&s, HOST, spawn + 2, spawn + 4);
        refused(&s, "delegate_cgroup comes after the gate placed");
        delete_op(&s, HOST, spawn + 3);
        move_op(&s, HOST, at(&s, HOST, OP_record), spawn + 1);
        refused(&s, "record comes before the gate placed");
        move_op(&s, HOST, spawn + 1, spawn + 4);
        CHECK_INT(plan_verify(&s.plan), 0);
        insert_op(&s, HOST, spawn + 1, start);
        refused(&s, "a process is in one unit");
        delete_op(&s, HOST, spawn + 1);
        move_op(&s, HOST, spawn + 1, 0);
        refused(&s, "nobody awaits that the process is in its unit");
        move_op(&s, HOST, 0, spawn + 2);
        insert_op(
                &s, INIT, 1, (struct op){ .code = OP_set_hostname, .as.set_hostname = { "name" } });
        refused(&s, "set_hostname comes before the gate placed");
}

/* A second process goes on: the host takes it over before the journal learns of it. */
TEST(another_process_goes_on)
{
        auto_sample s = { 0 };
        struct op adopt = { .code = OP_adopt };

        sample_build(&s);
        adopt.as.adopt = (struct op_adopt){ .maker = s.plan.list[HOST].ops[0].as.spawn.process,
                                            .process = plan_slot(&s.plan) };
        insert_op(&s, INIT, 1, (struct op){ .code = OP_fork_init });
        refused(&s, "host operation 2 (await_gate): the next message will be a descriptor");
        insert_op(&s, HOST, 2, adopt);
        refused(&s, "host operation 2 (adopt): the journal knows the other process by now");
        delete_op(&s, HOST, 2);
        insert_op(&s, HOST, 1, adopt);
        refused(&s, "host operation 2 (record): slot %0 is read after it was closed");
        s.plan.list[HOST].ops[2].as.record.process = adopt.as.adopt.process;
        refused(&s, "(set_propagation): guard_parent must come before it: the guard was lost");
        insert_op(
                &s, INIT, 2,
                (struct op){ .code = OP_guard_parent, .as.guard_parent = { .on = 1 } });
        CHECK_INT(plan_verify(&s.plan), 0);
        insert_op(&s, INIT, 3, (struct op){ .code = OP_fork_init });
        adopt.as.adopt.maker = adopt.as.adopt.process;
        adopt.as.adopt.process = plan_slot(&s.plan);
        insert_op(&s, HOST, 2, adopt);
        s.plan.list[HOST].ops[3].as.record.process = adopt.as.adopt.process;
        refused(&s, "init operation 3 (fork_init): init forks once");
}

/* As `exec` does it: those in the container may look into a process once it is born among them. */
TEST(who_enters_a_container_is_born_with_nothing)
{
        auto_sample s = { 0 };
        struct plan *p = &s.plan;
        int16_t container, maker;
        size_t close;

        p->arena = &s.arena;
        container = plan_slot(p);
        maker = plan_slot(p);
        plan_add(p, HOST, "-", open_process, .pid = 1, .fd = container);
        plan_add(p, HOST, "-", spawn, .cgroup = -1, .process = maker);
        plan_add(p, HOST, "-", adopt, .maker = maker, .process = plan_slot(p));
        plan_add(p, HOST, "-", await_gate, .gate = GATE_EXECUTED);
        plan_add(p, INIT, "-", join_namespace, .ns = container, .type = CLONE_NEWPID | CLONE_NEWNS);
        plan_add(p, INIT, "-", drop_bounding, .keep = 0);
        plan_add(p, INIT, "-", set_ids, .uid = 0);
        plan_add(p, INIT, "-", set_caps, .effective = 0);
        plan_add(p, INIT, "-", seal_fds, .first = 3);
        plan_add(p, INIT, "-", close_others, .keep = -1);
        plan_add(p, INIT, "-", fork_init, .spaces = 0);
        plan_add(p, INIT, "-", exec, .args = { NULL, 0 });
        CHECK_INT(plan_verify(p), 0);

        close = at(&s, INIT, OP_close_others);
        move_op(&s, INIT, close, close - 1);
        refused(&s, "plan: fork_init must come right behind close_others");
        delete_op(&s, INIT, close - 1);
        refused(&s, "plan: fork_init must come right behind close_others");
        insert_op(&s, INIT, close, (struct op){ .code = OP_close_others });
        p->list[INIT].ops[close].as.close_others.keep = -1;
        CHECK_INT(plan_verify(p), 0);
        p->list[INIT].ops[0].as.join_namespace.type = CLONE_NEWPID;
        refused(&s, "plan: fork_init comes before the container's root is ours");
        p->list[INIT].ops[0].as.join_namespace.type = CLONE_NEWNS;
        insert_op(
                &s, HOST, 1,
                (struct op){ .code = OP_join_namespace,
                             .as.join_namespace = { container, CLONE_NEWPID } });
        refused(&s, "plan: host enters the container's pid namespace");

        p->list[HOST].ops[0].as.open_process.pid = 0;
        refused(&s, "host operation 0 (open_process): no process has that number");
}

/* What must hold of any plan that passes, said in another way than verify.c says it. */
static size_t last_of(const struct op_list *list, enum op_code code)
{
        for (size_t i = list->n; i > 0; i--)
                if (list->ops[i - 1].code == code)
                        return i;
        return 0;
}

static bool is_sound(const struct sample *s)
{
        const struct op_list *init = &s->plan.list[INIT];
        size_t caps = last_of(init, OP_set_caps), ids = last_of(init, OP_set_ids);
        size_t pivot = last_of(init, OP_pivot), bound = last_of(init, OP_drop_bounding);
        bool open[PLAN_SLOTS] = { false };

        if (last_of(init, OP_exec) != init->n || !last_of(init, OP_seal_fds))
                return false;
        if (caps && (!bound || bound > caps || ids > caps))
                return false;
        if (last_of(init, OP_no_new_privs) && last_of(init, OP_no_new_privs) < caps)
                return false;
        if (pivot && (last_of(init, OP_attach) > pivot || last_of(init, OP_mask_path) > pivot))
                return false;
        for (size_t i = 0; i < init->n; i++) {
                const struct op *op = &init->ops[i];

                if (op->code == OP_make_mount) {
                        if (!open[op->as.make_mount.fs])
                                return false;
                        open[op->as.make_mount.tree] = true;
                } else if (op->code == OP_open_fs) {
                        open[op->as.open_fs.fs] = true;
                } else if (op->code == OP_clone_tree) {
                        open[op->as.clone_tree.tree] = true;
                } else if (op->code == OP_attach && !open[op->as.attach.tree]) {
                        return false;
                }
        }
        return true;
}

static unsigned next_random(unsigned *state)
{
        *state = *state * 1103515245 + 12345;
        return *state >> 8;
}

TEST(random_mutations)
{
        unsigned state = 1, refusals = 0;

        for (int round = 0; round < 3000; round++) {
                auto_sample s = { 0 };
                struct op_list *init = &s.plan.list[INIT];
                size_t a, b;

                sample_build(&s);
                a = next_random(&state) % init->n;
                b = next_random(&state) % init->n;
                if (round % 2) {
                        delete_op(&s, INIT, a);
                } else {
                        struct op op = init->ops[a];

                        init->ops[a] = init->ops[b];
                        init->ops[b] = op;
                }
                trail_reset();
                if (plan_verify(&s.plan) < 0)
                        refusals++;
                else if (!is_sound(&s))
                        CHECK_STR("a broken plan passed", "");
        }
        printf("# %u of 3000 mutations refused\n", refusals);
        CHECK(refusals > 1500 && refusals < 3000);
}
