/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

/* Processes and the calling process's own attributes. */

/* A pidfd of a running process (-ESRCH: there is none); then process_is() tells whether it is the one meant. */
int process_open(pid_t pid);
int process_signal(int pidfd, int signal);
/* Its pid as /proc shows it; -ESRCH when it has ended. */
pid_t process_number(int pidfd);
/* Is it a child of ours that was not waited for yet? */
bool process_is_child(int pidfd);
/* Run a program of the host by its path, with an empty environment, descriptors 0 and 1 on /dev/null,
 * and wait for it: its wait status, and the beginning of what it wrote to stderr, NUL at the end. */
int process_run(const char *const *arguments, char *words, size_t size, int *ret_status);

/* What tells a process from every other one that had or will have its pid since the boot. */
struct process_id {
        uint64_t inode; /* of its pidfd; 0: this kernel's pidfds share one */
        uint64_t start; /* then: proc_pid_stat(5) field 22, clock ticks since boot */
};

/* Of a process and its pidfd. -ESRCH. Child-safe. Inodes since Linux 6.9. */
int process_identify(pid_t pid, int pidfd, struct process_id *ret_id);
/* Is it that one, and not dead? 1, 0, or -errno. */
int process_is(pid_t pid, int pidfd, const struct process_id *id);
/* Has it called execve(2) since it was forked? Answers for a zombie, too; true when it is gone and
 * nobody knows. Child-safe. */
bool process_has_executed(pid_t pid);
/* The number of its parent, and the letter of its state, proc_pid_stat(5). -ESRCH. */
int process_parent(pid_t pid, pid_t *ret_parent, char *ret_state);
/* Wait for a child: its wait status as of waitpid(2). */
int process_wait(pid_t pid, int *ret_status);
/* Wait for a child by its pidfd, whatever it ends with. */
int process_reap(int pidfd);
/* A signal to each child of ours that has stopped, once for each stop: how many got it. Child-safe. */
size_t process_signal_stopped(int signal);
/* Has a signal come, and is blocked, that asks us to end: HUP, INT, QUIT, TERM? Child-safe. */
bool process_is_told_to_end(void);
/* Wait at most timeout_ms (-1: for ever) for the process to end; of a socket: for something to be heard. 1 ended,
 * 0 time is over. */
int process_poll(int pidfd, int timeout_ms);
/* The shell's exit code for a wait status: code, or 128 + signal. */
int process_exit_code(int wait_status);

/* Die with the parent, PR_SET_PDEATHSIG (signal 0: no longer). */
int process_guard(int signal);
/* The same by SIGKILL for a child, and at once when `parent`, which made it, is gone already. The kernel forgets it
 * whenever ids change or rights come, by setuid(2) or by a user namespace: to be said again behind that. Not in
 * a pid namespace that the parent is outside of. Child-safe. */
void process_follow(pid_t parent);
int process_set_ids(uint32_t uid, uint32_t gid); /* setresgid, setresuid; read back */
int process_set_groups(const uint32_t *groups, size_t n);
int process_set_rlimit(int resource, uint64_t soft, uint64_t hard);
int process_get_rlimit(int resource, uint64_t *ret_soft, uint64_t *ret_hard);
/* Let us have `most` files open and some more: the soft limit becomes the hard one where it is too low, and then
 * *ret_soft is what it was. -EMFILE with a hint: the hard one is below `most`, too. Child-safe. */
int process_raise_files(uint64_t most, uint64_t *ret_soft);
int process_restore_files(uint64_t soft);
/* Nothing ignored, nothing blocked: both would be handed on by exec. */
void process_reset_signals(void);
/* Every signal there is, as sigfillset(3) but with those that a C library keeps to itself (musl 34,
 * which is RTMIN to the programs of others). For signalfd(2), sigprocmask(2), sigwaitinfo(2). */
void process_fill_signals(sigset_t *ret_set);
int process_no_new_privs(void);
int process_seccomp(const void *filter, size_t size, uint64_t flags);
/* Would seccomp(2) take this SECCOMP_FILTER_FLAG_*? Nothing is loaded. */
bool process_has_seccomp_flag(unsigned flag);
int process_new_keyring(const char *name);
/* Neither ptrace nor /proc/PID/{fd,exe,mem} for those who could: PR_SET_DUMPABLE 0. */
int process_hide(void);
/* Descriptors from `first` on get close-on-exec; or are closed when `now`. */
int process_seal_fds(unsigned first, bool now);
/* Close first to last, both included. */
int process_close_range(unsigned first, unsigned last);
/* Close all from `first` on but the `n` in `keep`, in any order; NO_FD among them is none. */
int process_close_fds(unsigned first, const int *keep, size_t n);
uint64_t process_clock_ns(void); /* CLOCK_MONOTONIC */

/* chdir(2) and execve(2), which returns only with an error. Child-safe. */
int process_change_dir(const char *path);
int process_execute(const char *path, const char *const *args, const char *const *env);

/* Go on from a copy of the executable that nothing inside a container can write to: a detached
 * read-only mount of it, or (without the right to mount) a sealed memfd. Execs this program again
 * with the same arguments; returns 0 at once when it already runs sealed. CVE-2019-5736. */
int process_seal_executable(char *const *argv, char *const *envp);

/* The RLIMIT_* number of "RLIMIT_NOFILE" or "nofile", or -EINVAL; and "nofile" back, or NULL. */
int process_rlimit_number(const char *name);
const char *process_rlimit_name(int resource);
/* The number of "SIGTERM", "TERM", "rtmin+1" or "15"; -EINVAL. And "SIGTERM" back, or NULL. */
int process_signal_number(const char *name);
const char *process_signal_name(int signal);
