/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: between a user and a container.
 *
 * One poll loop over at most five descriptors: the copies' sources, a signalfd, and the descriptor
 * that tells the end. Signals are blocked and read from the signalfd, so that none is lost and no
 * handler runs; each is passed on to the container's first process, but for SIGWINCH, which becomes
 * a new size of its terminal. Copies use one fixed buffer; a reader that is gone ends its copy and
 * nothing else. What goes to a terminal's master never blocks: its other direction is ours too. */
#include "keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/wait.h>

void keeper_relay_init(struct keeper_relay *relay)
{
        for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++)
                relay->copies[i] = (struct keeper_copy){ .from = NO_FD, .to = NO_FD, .done = true };
        relay->end = relay->process = relay->terminal = relay->user = NO_FD;
        relay->n_typed = 0;
        relay->ended = relay->in_line = false;
}

void keeper_relay_terminal(struct keeper_relay *relay, int master, bool input)
{
        relay->terminal = master;
        relay->user = isatty(0) ? 0 : NO_FD;
        if (input)
                relay->copies[0] = (struct keeper_copy){ .from = 0, .to = master };
        relay->copies[1] = (struct keeper_copy){ .from = master, .to = 1, .last_words = true };
}

static void finish(struct keeper_copy *copy)
{
        copy->done = true;
        if (copy->close_to)
                close(copy->to);
}

/* One buffer's worth: 1 go on, 0 the source has ended, -EPIPE and the like: nobody reads. */
static int copy_some(struct keeper_copy *copy)
{
        char bytes[16384];
        ssize_t n = read(copy->from, bytes, sizeof bytes);

        int r;

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (n <= 0) /* EIO: a pty without slaves */
                return 0;
        r = file_write(copy->to, bytes, (size_t)n);
        return r < 0 ? r : 1;
}

/* To a terminal: what it does not take at once is kept, for it takes nothing while the other side
 * is full, and that side is read by us. The end of the source is what its user would type. */
static int type_some(struct keeper_relay *relay, struct keeper_copy *copy)
{
        ssize_t n;

        if (relay->n_typed == 0) {
                struct termios mode;

                n = read(copy->from, relay->typed, sizeof relay->typed);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        return 1;
                if (n <= 0) {
                        if (relay->ended || tcgetattr(copy->to, &mode) < 0)
                                return 0;
                        relay->ended = true;
                        relay->typed[0] = relay->typed[1] = (char)mode.c_cc[VEOF];
                        n = relay->in_line ? 2 : 1; /* the first only ends the line then */
                } else {
                        relay->in_line = relay->typed[n - 1] != '\n';
                }
                relay->n_typed = (size_t)n;
        }
        n = write(copy->to, relay->typed, relay->n_typed);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        relay->n_typed -= (size_t)n;
        memmove(relay->typed, relay->typed + n, relay->n_typed);
        return relay->n_typed > 0 || !relay->ended;
}

static void follow_size(const struct keeper_relay *relay)
{
        unsigned rows, columns;

        if (relay->terminal >= 0 && relay->user >= 0 &&
            pty_get_size(relay->user, &rows, &columns) == 0 && (rows || columns))
                pty_set_size(relay->terminal, rows, columns);
}

static void pass_signals(const struct keeper_relay *relay, int signals)
{
        struct signalfd_siginfo info;

        while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
                int number = (int)info.ssi_signo;

                if (number == SIGWINCH)
                        follow_size(relay);
                else if (number != SIGCHLD && number != SIGPIPE && relay->process >= 0)
                        process_signal(relay->process, number);
        }
}

/* What the container wrote before its end is still in the pipes. */
static void last_words(struct keeper_relay *relay)
{
        for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++) {
                struct keeper_copy *copy = &relay->copies[i];
                struct pollfd entry = { .fd = copy->from, .events = POLLIN };

                while (!copy->done && copy->last_words && poll(&entry, 1, 0) == 1)
                        if (copy_some(copy) <= 0)
                                break;
        }
}

static int copy_one(struct keeper_relay *relay, struct keeper_copy *copy)
{
        return relay->terminal >= 0 && copy->to == relay->terminal ? type_some(relay, copy)
                                                                   : copy_some(copy);
}

/* Nobody looks at the terminal any more. What writes to it would wait for ever for us to read. */
static int hang_up(const struct keeper_relay *relay, int error)
{
        if (relay->process >= 0)
                process_signal(relay->process, SIGHUP);
        return error;
}

static int loop(struct keeper_relay *relay, int signals)
{
        enum {
                END,
                SIGNALS,
                COPIES
        };
        struct pollfd set[COPIES + ARRAY_SIZE(relay->copies)] = {
                [END] = { .fd = relay->end, .events = POLLIN },
                [SIGNALS] = { .fd = signals, .events = POLLIN },
        };

        for (;;) {
                for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++)
                        set[COPIES + i] = (struct pollfd){
                                .fd = relay->copies[i].done ? -1 : relay->copies[i].from,
                                .events = POLLIN,
                        };
                if (relay->n_typed > 0 && !relay->copies[0].done)
                        set[COPIES] = (struct pollfd){ .fd = relay->terminal, .events = POLLOUT };
                if (poll(set, ARRAY_SIZE(set), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (set[SIGNALS].revents)
                        pass_signals(relay, signals);
                for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++) {
                        int r = set[COPIES + i].revents ? copy_one(relay, &relay->copies[i]) : 1;

                        if (r < 0 && relay->terminal >= 0 &&
                            relay->copies[i].from == relay->terminal)
                                return hang_up(relay, r);
                        if (r <= 0)
                                finish(&relay->copies[i]);
                }
                if (set[END].revents) {
                        last_words(relay);
                        return 0;
                }
        }
}

int keeper_terminal_enter(struct keeper_terminal *terminal, int user)
{
        struct termios raw;

        terminal->user = NO_FD;
        if (user < 0 || !isatty(user))
                return 0;
        if (tcgetattr(user, &terminal->before) < 0)
                return -errno;
        raw = terminal->before;
        cfmakeraw(&raw);
        if (tcsetattr(user, TCSANOW, &raw) < 0)
                return -errno;
        terminal->user = user;
        return 0;
}

void keeper_terminal_leave(struct keeper_terminal *terminal)
{
        if (terminal->user >= 0)
                tcsetattr(terminal->user, TCSADRAIN, &terminal->before);
        terminal->user = NO_FD;
}

/* All but faults, which are our own, and those that stop us, which are the shell's business. */
static void choose_signals(sigset_t *ret_set)
{
        static const int own[] = { SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
                                   SIGABRT, SIGTSTP, SIGTTIN, SIGTTOU };

        sigfillset(ret_set);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                sigdelset(ret_set, own[i]);
}

int keeper_hold_signals(sigset_t *ret_before)
{
        sigset_t set;

        choose_signals(&set);
        return sigprocmask(SIG_BLOCK, &set, ret_before) < 0 ? -errno : 0;
}

int keeper_relay_run(struct keeper_relay *relay)
{
        auto_close signals = NO_FD;
        sigset_t set, before;
        int r = keeper_hold_signals(&before);

        if (r < 0)
                return r;
        choose_signals(&set);
        signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0) {
                r = -errno;
        } else {
                if (relay->terminal >= 0)
                        fcntl(relay->terminal, F_SETFL, O_RDWR | O_NONBLOCK);
                follow_size(relay);
                r = loop(relay, signals);
                /* None may stay pending: a SIGPIPE of our own would end us. */
                pass_signals(relay, signals);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

int keeper_wait(int process, pid_t pid, int client, int drain, int *ret_status)
{
        while (drain >= 0) {
                struct pollfd set[] = {
                        { .fd = process, .events = POLLIN },
                        { .fd = client },
                        { .fd = client >= 0 ? -1 : drain, .events = POLLIN },
                };
                char bytes[4096];

                if (poll(set, ARRAY_SIZE(set), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (set[0].revents)
                        break;
                if (set[1].revents & (POLLHUP | POLLERR))
                        client = NO_FD;
                if (set[2].revents && read(drain, bytes, sizeof bytes) <= 0 && errno != EAGAIN)
                        drain = NO_FD;
        }
        return process_wait(pid, ret_status);
}
