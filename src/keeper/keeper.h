/* SPDX-License-Identifier: Apache-2.0 */
/* The front door of keeper: what stays with a container while it runs. */
#pragma once

#include "base/base.h"
#include "linux/linux.h"

#include <signal.h>
#include <termios.h>

#include <sys/types.h>

/* One direction of bytes. Both descriptors are borrowed. */
struct keeper_copy {
        int from, to;
        bool done;       /* from has ended, or there is nothing to do */
        bool close_to;   /* close `to` when `from` ends, so that the reader sees the end */
        bool small;      /* `to` is a terminal: pieces; the relay's own */
        bool last_words; /* what is left in `from` is still copied after the end */
        size_t n;        /* bytes that were read, and not taken by `to` yet; the relay's own */
        char bytes[4096];
};

/* Keys that leave a container which goes on: the bytes that a terminal sends for them. */
struct keeper_keys {
        unsigned char bytes[16];
        size_t n; /* 0: none */
};

/* "ctrl-p,ctrl-q": keys by their letter, or ctrl- and one of a to z and @ [ \ ] ^ _, or DEL; none for
 * an empty word. -EINVAL with a trail. */
int keeper_keys_parse(const char *words, struct keeper_keys *ret_keys);

/* What is the container's from before it starts: keys that make signals, since the user's terminal is in
 * raw mode; and with `front` the signals that come. */
struct keeper_terminal {
        int user;
        bool held;
        struct termios before;
        sigset_t signals; /* of before, when they are held */
};

/* A user's side of a running container: copies bytes, forwards signals, carries the size of the
 * terminal over, until the end. */
struct keeper_relay {
        struct keeper_copy copies[3];
        int end;     /* readable when the container has ended: a pidfd, or the keeper's socket */
        int process; /* pidfd that gets our signals */
        pid_t child; /* its number when it is our child, which is reaped at its end; 0: it is not, or is no more */
        int status;   /* result: the wait status of `child` */
        int terminal; /* master whose size follows that of `user`, NO_FD without one */
        int user;     /* our own terminal, whose size it is; NO_FD without one */
        const struct keeper_terminal *raw; /* to be raw again after a stop; NULL: none is */
        struct keeper_keys keys;           /* looked for in what goes to `terminal` */
        bool keep_signals; /* signals are ours: one that would end us ends the relay */
        size_t n_held;     /* of the keys: typed so far */
        bool in_line;      /* the last byte read for the terminal did not end a line */
        bool ended;        /* the end of the input was told to it */
        bool detached;     /* result: the keys were typed */
        int caught;        /* result: the signal that ended the relay, 0 */
};

/* `user` NO_FD, or no terminal: none is raw. `front`: signals wait until the relay runs, but SIGHUP where it is
 * ignored (nohup), and those that came after it do what they always do when this is left. */
int keeper_terminal_enter(struct keeper_terminal *terminal, int user, bool front);
void keeper_terminal_leave(struct keeper_terminal *terminal);

/* Until `end` is readable: 0. Or until a signal that was to end a program (SIGINT, SIGTERM, SIGQUIT, SIGHUP), held by
 * `terminal`, has waited for that for so long: the signal, which is nobody's any more then. */
int keeper_await(const struct keeper_terminal *terminal, int end, int patience_ms);

void keeper_relay_init(struct keeper_relay *relay);
/* Between our descriptors 0 and 1 and a container's terminal, whose master it is (borrowed). Its size
 * follows ours when 0 is a terminal; what is typed goes there only with `input`. */
void keeper_relay_terminal(struct keeper_relay *relay, int master, bool input);
/* 0 when `end` became readable, or `detached`; -EINTR when a signal was `caught`; -EPIPE and the like
 * when the reader of the terminal is gone, which got SIGHUP then; or another -errno. The signal mask is as it was afterwards. Source: signalfd(2),
 * termios(3). */
int keeper_relay_run(struct keeper_relay *relay);

/* Wait for the first process, our child. When the user's side `client` is gone before that, empty
 * `drain` in its place (a pty's master; NO_FD: nothing), so that the container never blocks on a
 * terminal that nobody reads. */
int keeper_wait(int process, pid_t pid, int client, int drain, int *ret_status);

/* When a log grew: what `times` beside it consists of, in this machine's byte order. One whose `end` is less
 * than the last one's tells that the log was cut. */
struct keeper_note {
        uint64_t end;     /* so many bytes the log had */
        uint64_t time_ns; /* at this time, since 1970 */
};

struct keeper_times {
        int dir, log, notes, signals;
        off_t size; /* what was noted last; -1: nothing */
};

#define KEEPER_TIMES_NONE \
        ((struct keeper_times){ .dir = NO_FD, .log = NO_FD, .notes = NO_FD, .signals = NO_FD })

/* Open `log` and `times` in a container's directory `dir` (borrowed), and hold SIGIO back. -ENOENT: there is no log.
 * What is open is to be closed by keeper_times_end() in any case. Source: fcntl(2). */
int keeper_times_begin(struct keeper_times *times, int dir);
/* Note the log's growth until `process` (a pidfd) has ended; nothing without a log. */
void keeper_times_run(struct keeper_times *times, int process);
void keeper_times_end(struct keeper_times *times);

/* Rights on files that remain, LANDLOCK_*, below a path. */
struct keeper_grant {
        const char *path;
        uint64_t access;
};

/* For a process that has nothing left to do but keeper_wait() and to clean up: it becomes
 * non-dumpable, gets no_new_privs, loses all capabilities but those that removing takes, all files
 * but those granted (where there is Landlock: since Linux 5.13), and all system calls but a short
 * list. `namespace` is a user namespace that it may still join, NO_FD: none. Not to be undone. 0 or -errno
 * with a trail. */
int keeper_harden(const struct keeper_grant *grants, size_t n, int namespace);
