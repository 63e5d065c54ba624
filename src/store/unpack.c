/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/linux.h"
#include "store.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

/* Theory of operation: each is a fork that closes everything but what it works on, gives up what it does not
 * need, works, and says in one message how it went. It dies with us, which is said once more when it has changed its
 * ids: it would go on for hours, in the background, and hold the lock of the layer.
 *
 * The writer of a directory keeps the capabilities that owners, devices and attributes of strangers take, and loses
 * all other files by Landlock. Hard links between directories need its second version: before that, names alone
 * (layer.h) keep it inside. The writer of an image has one file, open, and no rights. */

enum {
        NOBODY = 65534
};

struct report {
        int error;
        struct unpack_result result;
        char trail[1024], hint[512];
};

/* -- what they give up ---------------------------------------------------------------------------------- */

/* sigaltstack(2) is what a sanitizer asks before a function that does not return. */
static const char *const common_calls[] = {
        "read", "write",      "writev",       "sendmsg",         "close",       "brk",
        "mmap", "munmap",     "mremap",       "mprotect",        "madvise",     "futex",
        "exit", "exit_group", "rt_sigreturn", "restart_syscall", "sigaltstack",
};

/* The C libraries differ in which call of a family they use. */
static const char *const writer_calls[] = {
        "open",     "openat",    "openat2",    "fcntl",      "lseek",   "getdents64", "stat",
        "lstat",    "fstat",     "newfstatat", "statx",      "mkdirat", "mknodat",    "symlinkat",
        "linkat",   "unlinkat",  "rmdir",      "unlink",     "fchown",  "fchownat",   "fchmod",
        "fchmodat", "utimensat", "fsetxattr",  "readlinkat",
};

static const uint64_t writer_capabilities =
        1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
        1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP | 1ULL << CAP_SYS_ADMIN;

static int limit_files(int dir)
{
        const int abi = landlock_abi();
        auto_close rules = abi >= 2 ? landlock_make(landlock_known(abi), 0) : NO_FD;
        int r;

        if (abi < 2)
                return 0;
        if (rules < 0)
                return rules;
        r = dir < 0 ? 0
                    : landlock_allow_path(
                              rules, dir, landlock_known(abi) & ~(uint64_t)LANDLOCK_EXECUTE);
        return r < 0 ? r : landlock_restrict(rules);
}

/* Of who writes an image, which is open. */
static const char *const image_calls[] = { "pwrite64", "ftruncate" };

/* Behind the last change of ids. `dir`: NO_FD for who needs no files. */
static int confine(pid_t parent, int dir, uint64_t capabilities)
{
        const struct seccomp_rule rules[] = {
                { common_calls, ARRAY_SIZE(common_calls), SECCOMP_RET_ALLOW, NULL, 0 },
                { image_calls, ARRAY_SIZE(image_calls), SECCOMP_RET_ALLOW, NULL, 0 },
                { writer_calls, ARRAY_SIZE(writer_calls), SECCOMP_RET_ALLOW, NULL, 0 },
        };
        int r = process_hide();

        process_follow(parent);
        if (r == 0)
                r = process_no_new_privs();
        if (r == 0)
                r = limit_files(dir);
        if (r == 0)
                r = confine_capabilities(capabilities);
        if (r == 0)
                r = confine_calls(rules, dir < 0 ? 2 : 3);
        return r < 0 ? trail(r, "cannot give up rights before unpacking a layer: %m") : 0;
}

static int become_nobody(void)
{
        int r = geteuid() == 0 ? process_set_groups(NULL, 0) : 0;

        if (r == 0 && geteuid() == 0)
                r = process_set_ids(NOBODY, NOBODY);
        return r < 0 ? trail(r, "cannot become nobody before unpacking a layer: %m") : 0;
}

/* -- starting and ending ---------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void end(int report, int r, const struct unpack_result *result)
{
        struct report words = { .error = r, .result = *result };

        text_format(words.trail, sizeof words.trail, "%s", trail_text());
        text_format(words.hint, sizeof words.hint, "%s", trail_hint_text());
        socket_send(report, &words, sizeof words, NO_FD);
        _exit(0);
}

/* fork(2): 0 in the child, which has the descriptors in `kept` and *ret_report and no others. */
static pid_t start(const int *kept, size_t n, struct unpack_process *ret_process, int *ret_report)
{
        int pair[2], keep[8], pidfd = NO_FD;
        pid_t parent = getpid(), pid;
        int r = socket_pair(pair);

        if (r < 0)
                return trail(r, "cannot make a socket: %m");
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid != 0) {
                file_close(&pair[1]);
                if (pid < 0) {
                        file_close(&pair[0]);
                        return trail(pid, "cannot fork: %s", text_errno(pid));
                }
                *ret_process = (struct unpack_process){ pidfd, pair[0] };
                return pid;
        }
        process_follow(parent);
        process_reset_signals();
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* an error has words */
        memcpy(keep, kept, n * sizeof *kept);
        keep[n] = pair[1];
        r = process_close_fds(0, keep, n + 1);
        if (r < 0) { /* with others' ends of pipes it would wait for itself */
                const struct unpack_result none = { 0 };

                end(pair[1],
                    trail(r, "cannot close what is not for who unpacks: %s", text_errno(r)), &none);
        }
        *ret_report = pair[1];
        return 0;
}

int unpack_finish(struct unpack_process *process, struct unpack_result *ret_result)
{
        struct report report;
        ssize_t n = socket_receive(process->report, &report, sizeof report, NULL);

        unpack_kill(process);
        if (n != (ssize_t)sizeof report)
                return trail(-ECONNRESET, "the process that unpacks the layer has died");
        if (report.error < 0) {
                report.trail[sizeof report.trail - 1] = '\0';
                report.hint[sizeof report.hint - 1] = '\0';
                if (report.hint[0])
                        trail_hint("%s", report.hint);
                return trail(report.error, "%s", report.trail);
        }
        report.result.hex[SHA256_HEX_SIZE - 1] = '\0';
        *ret_result = report.result;
        return 0;
}

int unpack_finish_fed(struct unpack_process *writer, int fed, struct unpack_result *ret_result)
{
        int r;

        if (fed < 0 && fed != -EPIPE)
                return fed;
        if (fed < 0)
                trail_reset();
        r = unpack_finish(writer, ret_result);
        return r < 0 ? r : fed;
}

void unpack_kill(struct unpack_process *process)
{
        if (process->process >= 0) {
                process_signal(process->process, SIGKILL);
                process_reap(process->process);
        }
        file_close(&process->process);
        file_close(&process->report);
}

/* -- the writer ------------------------------------------------------------------------------------------- */

static int write_layer(
        pid_t parent, int dir, const struct layer_options *options, int ns, int pipe,
        struct unpack_result *result)
{
        struct layer_writer layer;
        int r = 0;

        if (ns >= 0) {
                r = namespace_join(ns, CLONE_NEWUSER);
                if (r == 0)
                        r = process_set_ids(0, 0);
                if (r == -EINVAL && options->plain)
                        r = 0; /* a namespace without an id 0; our rights there do not depend on it */
                if (r < 0)
                        return trail(r, "cannot enter the user namespace of the layer's files: %m");
        }
        umask(0); /* of directories that no entry speaks of: they are as every other one */
        if (options->image)
                r = become_nobody();
        if (r == 0)
                r =
                        confine(parent, options->image ? NO_FD : dir,
                                options->image ? 0 : writer_capabilities);
        if (r < 0)
                return r;
        layer_begin(&layer, dir, options);
        r = stream_unpack(&layer, pipe);
        result->entries = layer.entries;
        result->bytes = layer.bytes;
        result->passed = layer.passed;
        return r;
}

int unpack_start_writer(
        int dir, const struct layer_options *options, int ns, struct unpack_process *ret_process,
        int *ret_pipe)
{
        struct unpack_result result = { 0 };
        int ends[2], report, kept[3];
        pid_t parent = getpid(), pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return trail(-errno, "cannot make a pipe: %m");
        kept[0] = dir;
        kept[1] = ns;
        kept[2] = ends[0];
        pid = start(kept, ARRAY_SIZE(kept), ret_process, &report);
        if (pid == 0)
                end(report, write_layer(parent, dir, options, ns, ends[0], &result), &result);
        file_close(&ends[0]);
        if (pid < 0)
                file_close(&ends[1]);
        else
                *ret_pipe = ends[1];
        return pid < 0 ? (int)pid : 0;
}

/* -- the reader ------------------------------------------------------------------------------------------- */

struct input {
        int source, copy;
        uint64_t left;
        bool to_the_end;
        struct sha256 hash;
};

static ssize_t read_input(void *context, void *buffer, size_t size)
{
        struct input *input = context;
        ssize_t n = 0;
        int r = 0;

        if (size > input->left)
                size = (size_t)input->left;
        if (size)
                n = file_read_some(input->source, buffer, size);
        if (n < 0)
                return trail((int)n, "cannot read it: %s", text_errno((int)n));
        if (n == 0 && input->to_the_end)
                return 0;
        if (size && n == 0)
                return trail(
                        -EBADMSG, "it ends %llu bytes before it should",
                        (unsigned long long)input->left);
        if (!input->to_the_end)
                input->left -= (uint64_t)n;
        sha256_add(&input->hash, buffer, (size_t)n);
        if (input->copy >= 0)
                r = file_write(input->copy, buffer, (size_t)n);
        return r < 0 ? trail(r, "cannot write its copy: %s", text_errno(r)) : n;
}

static int send_entries(struct tar_reader *reader, struct stream_writer *to)
{
        static char bytes[64 << 10];
        int r = stream_archive(to, reader, bytes, sizeof bytes);

        /* Padding; it is part of what has the digest. */
        while (r == 0) {
                ssize_t n = read_input(reader->context, bytes, sizeof bytes);

                if (n <= 0)
                        return n < 0 ? (int)n : stream_end(to);
        }
        return r;
}

static int read_archive(pid_t parent, struct input *input, int pipe, struct unpack_result *result)
{
        static struct stream_writer to;
        struct tar_reader reader;
        int r = become_nobody();

        if (r == 0)
                r = confine(parent, NO_FD, 0);
        if (r < 0)
                return r;
        sha256_begin(&input->hash);
        tar_begin(&reader, read_input, input);
        r = stream_begin(&to, pipe);
        if (r == 0)
                r = send_entries(&reader, &to);
        tar_end(&reader);
        sha256_end_hex(&input->hash, result->hex);
        return r;
}

int unpack_start_reader(
        int source, uint64_t size, int copy, int pipe, struct unpack_process *ret_process)
{
        struct input input = { .source = source,
                               .copy = copy,
                               .left = size,
                               .to_the_end = size == UNPACK_TO_THE_END };
        const int kept[] = { source, copy, pipe };
        struct unpack_result result = { 0 };
        int report;
        pid_t parent = getpid(), pid = start(kept, ARRAY_SIZE(kept), ret_process, &report);

        if (pid == 0)
                end(report, read_archive(parent, &input, pipe, &result), &result);
        return pid < 0 ? (int)pid : 0;
}
