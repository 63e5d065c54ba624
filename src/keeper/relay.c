/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: between a user and a container.
 *
 * One poll loop over at most five descriptors: a source or a reader of each copy, a signalfd, and the
 * descriptor that tells the end. Signals are blocked and read from the signalfd, so that none is lost and no
 * handler runs; each is passed on to the container's first process, but for SIGWINCH, which becomes
 * a new size of its terminal. Nothing is written before poll says that it will be taken, so no reader
 * holds up a signal; a reader that is gone ends its copy and nothing else. In what goes to a
 * terminal's master the keys that detach are looked for. */
#include "keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/wait.h>

enum {
        /* A terminal that has room has some for so many, each of them a new line that becomes two: a buffer of pty(7) is
         * a multiple of 256 bytes, and a serial line's wakes us with less than 256 in it. Made of more, write(2) would
         * wait for a reader. To be non-blocking is not ours to choose: others share the open file. */
        PIECE = 128
};

void keeper_relay_init(struct keeper_relay *relay)
{
        *relay = (struct keeper_relay){ .end = NO_FD };
        relay->process = relay->terminal = relay->user = NO_FD;
        for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++)
                relay->copies[i] = (struct keeper_copy){ .from = NO_FD, .to = NO_FD, .done = true };
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

/* The end of the source is what its user would type. */
static size_t type_end(struct keeper_relay *relay, struct keeper_copy *copy)
{
        struct termios mode;

        if (relay->ended || tcgetattr(copy->to, &mode) < 0)
                return 0;
        relay->ended = true;
        copy->bytes[0] = copy->bytes[1] = (char)mode.c_cc[VEOF];
        return relay->in_line ? 2 : 1; /* the first only ends the line then */
}

/* Take the keys out of what was typed. A key that may be the first of them is held back until the
 * next one shows whether it is. */
static size_t find_keys(struct keeper_relay *relay, const char *typed, size_t n, char *out)
{
        const struct keeper_keys *keys = &relay->keys;
        size_t size = 0;

        for (size_t i = 0; i < n && !relay->detached; i++) {
                if (relay->n_held && (unsigned char)typed[i] != keys->bytes[relay->n_held]) {
                        memcpy(out + size, keys->bytes, relay->n_held);
                        size += relay->n_held;
                        relay->n_held = 0;
                }
                if (keys->n && (unsigned char)typed[i] == keys->bytes[relay->n_held])
                        relay->detached = ++relay->n_held == keys->n;
                else
                        out[size++] = typed[i];
        }
        return size;
}

/* For a terminal: 1 go on, 0 the end was typed and taken. */
static int read_keys(struct keeper_relay *relay, struct keeper_copy *copy)
{
        char typed[sizeof copy->bytes - sizeof relay->keys.bytes];
        ssize_t n = relay->ended ? 0 : read(copy->from, typed, sizeof typed);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (n <= 0) {
                copy->n = type_end(relay, copy);
                return copy->n > 0;
        }
        relay->in_line = typed[n - 1] != '\n';
        copy->n = find_keys(relay, typed, (size_t)n, copy->bytes);
        return 1;
}

/* One buffer's worth: 1 go on, 0 the source has ended. */
static int read_some(struct keeper_copy *copy)
{
        ssize_t n = read(copy->from, copy->bytes, sizeof copy->bytes);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (n <= 0) /* EIO: a pty without slaves */
                return 0;
        copy->n = (size_t)n;
        return 1;
}

/* What the reader takes now; the rest stays. -EPIPE and the like: nobody reads. */
static int write_some(struct keeper_copy *copy)
{
        size_t most = copy->small ? PIECE : sizeof copy->bytes;
        ssize_t n = write(copy->to, copy->bytes, copy->n < most ? copy->n : most);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 1 : -errno;
        copy->n -= (size_t)n;
        memmove(copy->bytes, copy->bytes + n, copy->n);
        return 1;
}

static int copy_one(struct keeper_relay *relay, struct keeper_copy *copy, int events)
{
        bool typing = relay->terminal >= 0 && copy->to == relay->terminal;
        int r;

        if (copy->n == 0)
                return typing ? read_keys(relay, copy) : read_some(copy);
        r = write_some(copy);
        /* All have closed the terminal, and it is full: poll would return at once until one opens it. */
        if (r > 0 && copy->n && typing && events & POLLHUP && !(events & POLLOUT))
                copy->n = 0;
        return r < 0 && typing ? 0 : r; /* a terminal without its container reads no more */
}

static void follow_size(const struct keeper_relay *relay)
{
        unsigned rows, columns;

        if (relay->terminal >= 0 && relay->user >= 0 &&
            pty_get_size(relay->user, &rows, &columns) == 0 && (rows || columns))
                pty_set_size(relay->terminal, rows, columns);
}

static void make_raw(const struct keeper_terminal *terminal)
{
        struct termios raw = terminal->before;

        cfmakeraw(&raw);
        tcsetattr(terminal->user, TCSANOW, &raw);
}

static void pass_signals(struct keeper_relay *relay, int signals)
{
        struct signalfd_siginfo info;

        while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
                int number = (int)info.ssi_signo;

                if (number == SIGCONT && relay->raw && relay->raw->user >= 0)
                        make_raw(relay->raw); /* the shell has had the terminal meanwhile */
                if (number == SIGWINCH || number == SIGCONT)
                        follow_size(relay);
                if (number == SIGWINCH || number == SIGCHLD || number == SIGPIPE)
                        continue;
                if (!relay->keep_signals && relay->process >= 0)
                        process_signal(relay->process, number);
                else if (relay->keep_signals && number != SIGCONT && number != SIGURG)
                        relay->caught = number;
        }
}

/* Nobody looks at the terminal any more. What writes to it would wait for ever for us to read. */
static int hang_up(const struct keeper_relay *relay, int error)
{
        if (relay->process >= 0)
                process_signal(relay->process, SIGHUP);
        return error;
}

enum {
        END,
        SIGNALS,
        COPIES,
        ENTRIES = COPIES + 3
};

/* A copy waits for its reader while it has something for it, else for its source. A pipe that can be written to
 * takes a buffer of this size without making us wait, and a terminal a piece, so that signals are passed on however
 * slow a reader is. */
static void fill_set(const struct keeper_relay *relay, struct pollfd *set)
{
        for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++) {
                const struct keeper_copy *copy = &relay->copies[i];

                set[COPIES + i] = (struct pollfd){
                        .fd = copy->done ? -1
                            : copy->n    ? copy->to
                                         : copy->from,
                        .events = copy->n ? POLLOUT : POLLIN,
                };
        }
}

static int wait_for(struct pollfd *set, int timeout)
{
        int n;

        do
                n = poll(set, ENTRIES, timeout);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* Does somebody want us to end? Only asked when nothing else can be done. */
static bool is_told_to_end(int signals)
{
        struct signalfd_siginfo info;
        bool told = false;

        while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
                told |= info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
                        info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT;
        return told;
}

/* What the container wrote before its end is still in the pipes. A reader that takes its time is
 * waited for, until a signal tells us not to. */
static void last_words(struct keeper_relay *relay, int signals, struct pollfd *set)
{
        set[END].fd = -1;
        for (;;) {
                bool pending = false, left = false;
                int n;

                for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++) {
                        struct keeper_copy *copy = &relay->copies[i];

                        copy->done |= !copy->last_words;
                        pending |= !copy->done && copy->n;
                        left |= !copy->done;
                }
                if (!left)
                        return;
                fill_set(relay, set);
                set[SIGNALS].fd = -1;
                n = wait_for(set, 0);
                if (n < 0 || (n == 0 && !pending))
                        return;
                set[SIGNALS].fd = signals;
                if (n == 0 && wait_for(set, -1) < 0)
                        return;
                if (n == 0 && set[SIGNALS].revents && is_told_to_end(signals))
                        return;
                for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++)
                        if (set[COPIES + i].revents &&
                            copy_one(relay, &relay->copies[i], set[COPIES + i].revents) <= 0)
                                relay->copies[i].done = true;
        }
}

/* Each copy that can go on does; what the terminal's reader is gone for is an error. */
static int copy_all(struct keeper_relay *relay, const struct pollfd *set)
{
        for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++) {
                struct keeper_copy *copy = &relay->copies[i];
                int events = set[COPIES + i].revents;
                int r = events ? copy_one(relay, copy, events) : 1;

                if (r < 0 && relay->terminal >= 0 && copy->from == relay->terminal)
                        return hang_up(relay, r);
                if (r <= 0)
                        finish(copy);
        }
        return 0;
}

/* Before the last words, whose reader takes its time: the pid namespace that it was in does not end before. */
static int reap(struct keeper_relay *relay)
{
        int r = relay->child > 0 ? process_wait(relay->child, &relay->status) : 0;

        relay->child = 0;
        return r;
}

static int loop(struct keeper_relay *relay, int signals)
{
        struct pollfd set[ENTRIES] = {
                [END] = { .fd = relay->end, .events = POLLIN },
                [SIGNALS] = { .fd = signals, .events = POLLIN },
        };

        for (;;) {
                int r;

                fill_set(relay, set);
                r = wait_for(set, -1);
                if (r < 0)
                        return r;
                if (set[SIGNALS].revents)
                        pass_signals(relay, signals);
                if (relay->caught)
                        return -EINTR;
                r = copy_all(relay, set);
                if (r < 0)
                        return r;
                if (relay->detached) {
                        if (relay->copies[0].n)
                                write_some(&relay->copies[0]);
                        return 0;
                }
                if (set[END].revents) {
                        r = reap(relay);
                        if (r == 0)
                                last_words(relay, signals, set);
                        return r;
                }
        }
}

/* All but faults, which are our own, and those that stop us, which are the shell's business. */
static void choose_signals(sigset_t *ret_set)
{
        static const int own[] = { SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
                                   SIGABRT, SIGTSTP, SIGTTIN, SIGTTOU };

        struct sigaction hangup;

        process_fill_signals(ret_set);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                sigdelset(ret_set, own[i]);
        if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN)
                sigdelset(ret_set, SIGHUP);
}

static int hold(sigset_t *ret_held, sigset_t *ret_before)
{
        choose_signals(ret_held);
        return sigprocmask(SIG_BLOCK, ret_held, ret_before) < 0 ? -errno : 0;
}

int keeper_terminal_enter(struct keeper_terminal *terminal, int user, bool front)
{
        struct termios raw;
        sigset_t held;

        terminal->user = NO_FD;
        terminal->held = front && hold(&held, &terminal->signals) == 0;
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
        if (terminal->held)
                sigprocmask(SIG_SETMASK, &terminal->signals, NULL);
        terminal->held = false;
}

/* Those that ask a program to end. */
static void choose_ends(const struct keeper_terminal *terminal, sigset_t *ret_set)
{
        static const int ends[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };
        sigset_t held;

        sigemptyset(ret_set);
        if (!terminal->held || sigprocmask(SIG_BLOCK, NULL, &held) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (sigismember(&held, ends[i]) == 1 &&
                    sigismember(&terminal->signals, ends[i]) == 0)
                        sigaddset(ret_set, ends[i]);
}

int keeper_await(const struct keeper_terminal *terminal, int end, int patience_ms)
{
        auto_close signals = NO_FD;
        struct signalfd_siginfo info;
        sigset_t set;
        int r;

        choose_ends(terminal, &set);
        signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0)
                return -errno;
        do {
                struct pollfd entries[] = { { .fd = end, .events = POLLIN },
                                            { .fd = signals, .events = POLLIN } };

                r = poll(entries, ARRAY_SIZE(entries), -1);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0 && entries[0].revents)
                        return 0;
        } while (r < 0);
        /* It has come, and is the program's if that runs soon. */
        r = process_poll(end, patience_ms);
        if (r != 0)
                return r < 0 ? r : 0;
        return read(signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int keeper_relay_run(struct keeper_relay *relay)
{
        auto_close signals = NO_FD;
        sigset_t set, before;
        int r = hold(&set, &before);

        if (r < 0)
                return r;
        signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0) {
                r = -errno;
        } else {
                if (relay->terminal >= 0)
                        fcntl(relay->terminal, F_SETFL, O_RDWR | O_NONBLOCK);
                for (size_t i = 0; i < ARRAY_SIZE(relay->copies); i++)
                        relay->copies[i].small = !relay->copies[i].done &&
                                                 relay->copies[i].to != relay->terminal &&
                                                 isatty(relay->copies[i].to);
                follow_size(relay);
                r = loop(relay, signals);
                /* None may stay pending: a SIGPIPE of our own would end us. */
                if (!relay->caught)
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
