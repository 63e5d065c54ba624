/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the keeper of a container, and its client.
 *
 * A keeper is forked: it makes the container, is its parent, notes its exit status and cleans up, whatever
 * happens to the client, which only relays bytes and signals until the keeper says that it is over. */
#include "oci.h"
#include "place.h"
#include "run.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/file.h>

/* What the keeper tells the client: once when the container runs (or does not), once at its end. */
struct report {
        int error;     /* 0, or what failed */
        bool command;  /* it was the program that could not be executed */
        bool terminal; /* the terminal's master follows in a message of its own */
        bool left; /* something of the container is there yet: whoever has more rights removes it */
        int exit_code;
        pid_t pid; /* the container's first process */
        char trail[2048];
        char hint[512];
};

/* -- the keeper ----------------------------------------------------------------------------------- */

static int send_report(int client, struct report *report, int error, int passed)
{
        report->error = error;
        text_format(report->trail, sizeof report->trail, "%s", trail_text());
        text_format(report->hint, sizeof report->hint, "%s", trail_hint_text());
        return socket_send(client, report, sizeof *report, passed);
}

int run_lock_name(struct run *run, int *ret_lock)
{
        const char *other;
        int r;

        if (!run->request->name)
                return 0;
        r = file_make_dirs(run->containers, 0711);
        if (r < 0)
                return trail(r, "cannot make %s: %s", run->containers, text_errno(r));
        *ret_lock = file_open(AT_FDCWD, run->containers, O_RDONLY | O_DIRECTORY, 0);
        if (*ret_lock < 0 || flock(*ret_lock, LOCK_EX) < 0)
                return trail(-errno, "cannot lock %s: %s", run->containers, text_errno(errno));
        r = store_find_name(run->arena, run->containers, run->request->name, &other);
        if (r < 0)
                return r;
        if (other) {
                trail_hint(
                        "remove that one with `husk rm %s`, or choose another name",
                        run->request->name);
                return trail(
                        -EEXIST, "the name '%s' is taken by container %.12s", run->request->name,
                        other);
        }
        return 0;
}

struct container_request run_container_request(struct run *run)
{
        struct text extra = { .arena = run->arena }, config = { .arena = run->arena };

        if (!run->again) {
                record_encode(&run->record, &extra);
                spec_encode(run->spec, 0, &config);
        }
        return (struct container_request){
                .root = run->containers,
                .searchable = true,
                .spec = run->spec,
                .config = text_string(&config),
                .config_size = config.len,
                .options = &run->options,
                .plan = run->plan,
                .extra = text_string(&extra),
                .by = run->by,
                .trace = run->trace,
        };
}

struct run_said run_said(struct arena *arena)
{
        return (struct run_said){ arena_string(arena, trail_text()),
                                  arena_string(arena, trail_hint_text()) };
}

int run_say_again(const struct run_said *said, int error)
{
        trail_reset();
        trail(error, "%s", said->words);
        if (*said->hint)
                trail_hint("%s", said->hint);
        return error;
}

/* One that is only good for one start, which has failed. As long as the caller has its lock no other start has
 * it, and its journal is what it was before. */
static void remove_spent(struct run *run, int error)
{
        const struct run_said said = run_said(run->arena);
        struct container own;

        if (container_open(run->arena, run->containers, run->id, false, &own) == 0) {
                container_remove(run->arena, &own);
                container_close(&own);
        }
        run_say_again(&said, error);
}

/* What is started is what the plan was made of. */
static int create_again(
        struct run *run, struct machine *machine, int *ret_master, bool *ret_command)
{
        const struct container_request request = run_container_request(run);
        struct container container;
        const char *mounted;
        int r = container_open(run->arena, run->containers, run->id, true, &container);

        if (r < 0)
                return r;
        r = container.size == run->found->size ? run_check_again(&container, &run->record) : -EBUSY;
        if (r == 0)
                r = place_of_container(run->arena, &container, &mounted);
        if (r == 0 && !mounted != !run->mounted)
                r = -EBUSY;
        if (r == -EBUSY && !*trail_text())
                trail(r, "another command has changed container '%s' meanwhile", run->record.name);
        if (r == 0) {
                r = container_start_again(
                        run->arena, &request, &container, machine, ret_master, ret_command);
                if (r < 0 && run->record.remove)
                        remove_spent(run, r);
        }
        container_close(&container);
        return r;
}

static int create(struct run *run, struct machine *machine, int *ret_master, bool *ret_command)
{
        struct container_request request;
        auto_close lock = NO_FD;
        int r;

        if (run->again)
                return create_again(run, machine, ret_master, ret_command);
        r = run_lock_name(run, &lock);
        if (r < 0)
                return r;
        request = run_container_request(run);
        return container_create(run->arena, &request, machine, ret_master, ret_command);
}

/* Is its last start the one that we asked for? Others may have come first, or have started it since. */
static bool is_our_start(const struct run *run, const struct container *container)
{
        return run->by ? text_equal(container->by, run->by) : !container->by;
}

/* What was made is of no use. One that was there before stays, unless it is only good for one time. */
static int give_up(struct run *run)
{
        struct container own;
        int r = container_open(run->arena, run->containers, run->id, true, &own);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (!is_our_start(run, &own)) {
                container_close(&own);
                return 0;
        }
        if (run->inside >= 0)
                namespace_join(run->inside, CLONE_NEWUSER); /* what fails for it, removing tells */
        if (!run->again || run->record.remove) {
                r = container_remove(run->arena, &own);
        } else if (container_signal(&own, SIGKILL) == 0) {
                auto_close process = container_process(&own);

                if (process >= 0)
                        process_poll(process, 10000);
                r = container_release(run->arena, &own);
        }
        container_close(&own);
        return r;
}

/* By the keeper, which may have no right to it any more: then it is the client's. What it failed with before is told. */
static void give_up_and_tell(struct run *run, int client, struct report *report, int error)
{
        const struct run_said said = run_said(run->arena);

        report->left = give_up(run) < 0;
        run_say_again(&said, error);
        send_report(client, report, error, NO_FD);
}

/* The document names the namespaces of other containers by their processes' numbers. When these are
 * still the processes that were meant, now that the namespaces were entered, no number was used
 * again meanwhile. */
static int check_joined(struct run *run)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < run->record.joined.n; i++) {
                struct container container;
                auto_close process = NO_FD;

                r = container_open(
                        run->arena, run->containers, run->record.joined.items[i].id, false,
                        &container);
                if (r < 0)
                        break;
                process = container_process(&container);
                container_close(&container);
                r = process < 0 ? process : 0;
        }
        return r < 0 ? trail(r, "a container whose namespace is joined has ended meanwhile") : 0;
}

/* What finish() needs of the host's files: the container's directory, its cgroups, /proc to see who
 * is who. An entry is removed by a right on the directory above it. */
static int harden(struct run *run)
{
        const struct op_list *host = &run->plan->list[HOST];
        struct keeper_grant *grants = arena_array(run->arena, 2 * host->n + 3, sizeof *grants);
        size_t n = 0;
        int r;

        grants[n++] = (struct keeper_grant){ run->state, LANDLOCK_FILES_ALL };
        grants[n++] = (struct keeper_grant){ run->containers, LANDLOCK_REMOVE_DIR };
        grants[n++] = (struct keeper_grant){ "/proc", LANDLOCK_READ_FILE };
        for (size_t i = 0; i < host->n; i++) {
                const char *path = host->ops[i].as.make_cgroup.path;
                char *parent;

                if (host->ops[i].code != OP_make_cgroup)
                        continue;
                parent = arena_alloc(run->arena, 4096);
                grants[n++] = (struct keeper_grant){ path, LANDLOCK_READ_FILE | LANDLOCK_READ_DIR |
                                                                   LANDLOCK_WRITE_FILE |
                                                                   LANDLOCK_REMOVE_DIR };
                r = cgroup_lasting_parent(path, parent);
                if (r < 0)
                        return trail(r, "cannot read the marks of %s: %s", path, text_errno(r));
                grants[n++] = (struct keeper_grant){ parent, LANDLOCK_REMOVE_DIR };
        }
        /* What an ordinary user's container wrote is removed in a user namespace, which takes calls and
         * helpers that are given up here: it is made now. */
        if (run->record.remove && geteuid() != 0) {
                const struct idmap map = subids_all(run->arena);

                run->inside = idmap_open(&map);
                if (run->inside < 0)
                        return trail(
                                run->inside, "cannot make a user namespace to remove files in");
        }
        return keeper_harden(grants, n, run->inside);
}

/* After the end: the status into the journal and the kernel's objects back, or everything away. */
static int finish(struct run *run, int exit_code)
{
        struct container container;
        int r = container_open(run->arena, run->containers, run->id, true, &container), noted;

        if (r < 0)
                return r == -ENOENT ? 0 : r; /* removed meanwhile */
        if (container.pid != run->pid || container.process.inode != run->process.inode ||
            container.process.start != run->process.start) {
                container_close(&container);
                return 0; /* started again meanwhile: it is another keeper's */
        }
        /* Noted even when it goes at once: who waits for it has the journal open. */
        noted = container_note(
                &container, "{\"status\":\"stopped\",\"code\":%d,\"at\":%lld%s}", exit_code,
                (long long)time(NULL),
                container_is_oom_killed(run->arena, &container) ? ",\"oomKilled\":true" : "");
        if (run->inside >= 0)
                namespace_join(run->inside, CLONE_NEWUSER); /* what fails for it, removing tells */
        /* We have given up the right to unmount: what is shown (`husk mount`) stays until `husk umount`. */
        if (run->record.remove && container_unplace(run->arena, &container) == 0)
                r = container_remove(run->arena, &container);
        else
                r = container_release(run->arena, &container);
        container_close(&container);
        return r < 0 ? r : noted;
}

/* What was open for the plan: mounts, cgroups, the container's stdio. The mounts of images stay: other containers
 * borrow them. */
static void let_go(
        const struct run *run, int client, const struct machine *machine, int master,
        const struct keeper_times *times)
{
        const struct op_list *host = &run->plan->list[HOST];
        int *kept = arena_array(run->arena, 9 + 2 * host->n, sizeof *kept);
        size_t n = 0;

        kept[n++] = client;
        kept[n++] = machine->pidfd;
        kept[n++] = master;
        kept[n++] = run->inside;
        kept[n++] = times->dir;
        kept[n++] = times->log;
        kept[n++] = times->notes;
        kept[n++] = times->signals;
        for (size_t i = 0; i < host->n; i++)
                if (host->ops[i].code == OP_mount_image) {
                        kept[n++] = machine->fd[host->ops[i].as.mount_image.tree];
                        kept[n++] = machine->fd[host->ops[i].as.mount_image.lock];
                }
        process_close_fds(3, kept, n);
}

/* Without times there is a log yet: what is in the way is told by who asks for them. */
static void begin_times(const struct run *run, struct keeper_times *ret_times)
{
        auto_close dir = run->options.log
                               ? file_open(AT_FDCWD, run->state, O_RDONLY | O_DIRECTORY, 0)
                               : NO_FD;

        if (dir >= 0 && keeper_times_begin(ret_times, dir) < 0)
                keeper_times_end(ret_times);
}

/* The keeper's life. Its rights go before anybody is told that the container runs. Its own stdio is let go once the container has it, so that readers see the end
 * when the container ends. */
static void keep(struct run *run, int client)
{
        static struct machine machine;
        struct keeper_times times = KEEPER_TIMES_NONE;
        struct report report = { 0 };
        struct stdio away;
        int master = NO_FD, status = 0, ended, r;
        bool has_away;

        setsid();
        process_reset_signals();
        signal(SIGXFSZ, SIG_IGN); /* an error has words */
        r = stdio_forget_others(&run->stdio, client, run->image.hold);
        if (r == 0)
                r = stdio_enter(&run->stdio);
        if (r == 0)
                r = create(run, &machine, &master, &report.command);
        if (r < 0) {
                send_report(client, &report, r, NO_FD);
                _exit(1);
        }
        run->pid = machine.pid;
        run->process = machine.process;
        file_close(&run->image.hold); /* the journal says what the container needs of its image */
        if (process_change_dir("/") < 0)
                trail_reset(); /* then it keeps the caller's file system busy: no more than that */
        r = check_joined(run);
        has_away = r == 0 && stdio_prepare(false, true, &away) == 0;
        if (r == 0)
                begin_times(run, &times);
        if (r == 0)
                r = harden(run);
        if (r < 0) {
                give_up_and_tell(run, client, &report, r);
                _exit(1);
        }
        report.terminal = master >= 0;
        report.pid = machine.pid;
        if (send_report(client, &report, 0, machine.pidfd) < 0) {
                give_up(run); /* nobody knows of it, nor will: who asked for it has failed, or is dead */
                _exit(1);
        }
        if (master >= 0)
                socket_send(client, "", 1, master);
        stdio_close(&run->stdio);
        if (has_away)
                stdio_enter(&away);
        let_go(run, client, &machine, master, &times);
        keeper_times_run(&times, machine.pidfd);
        keeper_times_end(&times);
        r = keeper_wait(machine.pidfd, machine.pid, client, master, &status);
        report.exit_code = process_exit_code(status);
        trail_reset();
        if (r < 0)
                trail(r, "cannot learn how the container ended: %s", text_errno(r));
        /* It has ended, whatever its status is. */
        ended = finish(run, report.exit_code);
        send_report(client, &report, r < 0 ? r : ended, NO_FD);
        _exit(0);
}

/* -- the client ----------------------------------------------------------------------------------- */

/* The next report: 0, the error that it tells of, or ENGINE_NO_COMMAND. */
static int receive(int keeper, struct report *report, int *ret_passed)
{
        ssize_t n = socket_receive(keeper, report, sizeof *report, ret_passed);

        if (n < 0)
                return trail(
                        (int)n, "cannot hear from the container's keeper: %s", text_errno((int)n));
        if (n != (ssize_t)sizeof *report)
                return trail(-ECONNRESET, "the container's keeper died");
        if (report->error < 0) {
                report->trail[sizeof report->trail - 1] = '\0';
                report->hint[sizeof report->hint - 1] = '\0';
                trail_reset();
                trail(report->error, "%s", report->trail);
                if (report->hint[0])
                        trail_hint("%s", report->hint);
        }
        return report->error;
}

/* Relay until the end. */
static int attend(struct run *run, int keeper, int process, int master, struct report *report)
{
        struct keeper_relay relay;
        int r;

        keeper_relay_init(&relay);
        relay.end = keeper;
        relay.process = process;
        relay.keep_signals = !run->request->sig_proxy;
        relay.raw = &run->terminal;
        if (run->request->interactive)
                relay.keys = run->keys;
        if (master >= 0) {
                keeper_relay_terminal(&relay, master, run->request->interactive);
        } else {
                stdio_relay(&run->stdio, &relay);
        }
        r = keeper_relay_run(&relay);
        if (relay.copies[0].done)
                run->stdio.ours[0] = NO_FD; /* closed with the end of our input */
        run->caught = relay.caught;
        if (relay.caught || relay.detached) {
                report->exit_code = relay.caught ? 128 + relay.caught : 0;
                return 0;
        }
        return r < 0 ? r : receive(keeper, report, NULL);
}

/* --cidfile and --pidfile. The file of the id was made before, so that no other container has it. */
static int write_files(struct run *run, pid_t pid)
{
        int r = run->again ? 0 : run_write_id(run);

        return r < 0 ? r : oci_write_pid_file(run->arena, run->request->pid_file, pid);
}

/* A container is made in milliseconds, but one whose volumes are filled, or whose hooks run, may take as long as its
 * image or a hook likes. A signal that comes meanwhile is the program's, if there is one soon; else it ends the start:
 * by the first process, of which the keeper then tells as of any that dies, and at last by the keeper, with which all
 * goes that it has begun. */
static void await_start(struct run *run, int keeper, pid_t pid)
{
        struct container own;
        int r = keeper_await(&run->terminal, keeper, 2000);

        if (r <= 0)
                return;
        run->caught = r;
        if (container_open(run->arena, run->containers, run->id, false, &own) == 0) {
                if (is_our_start(run, &own))
                        (void)container_signal(&own, SIGKILL);
                container_close(&own);
        }
        trail_reset();
        if (process_poll(keeper, 5000) == 0)
                kill(pid, SIGKILL);
}

static int follow(struct run *run, int keeper, pid_t pid, int *ret_exit)
{
        struct report report = { 0 };
        auto_close process = NO_FD, master = NO_FD;
        char byte;
        int r;

        await_start(run, keeper, pid);
        r = receive(keeper, &report, &process);
        file_close(&run->image.hold);
        if (r < 0 && report.command) {
                *ret_exit = r == -ENOENT || r == -ENOTDIR ? 127 : 126;
                return ENGINE_NO_COMMAND;
        }
        if (r == 0 && report.terminal) {
                ssize_t n = socket_receive(keeper, &byte, 1, &master);

                if (n != 1)
                        r = trail(n < 0 ? (int)n : -ECONNRESET, "the container's keeper died");
        }
        if (r < 0) {
                /* Nobody was told of the container: what there is of it is in nobody's hands. It may be in the
                 * making yet: the keeper has come to its end with that when there is word of it, or is dead. */
                if (report.error == 0 || report.left) {
                        process_poll(keeper, 10000);
                        give_up(run);
                }
                return r;
        }
        run->ran = true;
        r = write_files(run, report.pid);
        if (r < 0) {
                process_signal(process, SIGKILL);
                return r;
        }
        if (run->request->detach) {
                *ret_exit = 0;
                if (run->request->id_out)
                        text_add(run->request->id_out, run->id);
                return 0;
        }
        r = attend(run, keeper, process, master, &report);
        *ret_exit = report.exit_code;
        return r;
}

/* The keeper is forked; the rest is the client's. */
int run_start(struct run *run, int *ret_exit)
{
        const struct run_request *request = run->request;
        auto_close keeper = NO_FD, client = NO_FD;
        int pair[2], r = socket_pair(pair);
        pid_t pid;

        if (r < 0)
                return r;
        keeper = pair[0];
        client = pair[1];
        /* From here on keys and signals are the container's, also those that come before it runs. */
        keeper_terminal_enter(
                &run->terminal,
                request->tty && request->interactive && !request->detach ? 0 : NO_FD, true);
        pid = fork();
        if (pid == 0) {
                file_close(&keeper);
                for (int i = 0; i < 3; i++)
                        file_close(&run->stdio.ours[i]);
                keep(run, client);
        }
        file_close(&client);
        for (int i = 0; i < 3; i++)
                file_close(&run->stdio.theirs[i]);
        r = pid < 0 ? trail(-EAGAIN, "cannot fork the keeper") : follow(run, keeper, pid, ret_exit);
        if (run->caught)
                kill(getpid(), run->caught); /* still held: it ends us below, as if never caught */
        keeper_terminal_leave(&run->terminal);
        return r;
}
