/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: fuse-overlayfs(1), started for a mount that is there already.
 *
 * The mount was made by somebody else, with a /dev/fuse that we were given. As libfuse documents it, a mount point that
 * is called "/dev/fd/3" means that descriptor 3 is such a one. So the program neither mounts nor needs the rights for it,
 * and its life is that of the mount: the kernel ends its reading when the last mount is gone, and it exits; when it dies
 * first its descriptor closes, and whoever uses the file system gets ENOTCONN.
 *
 * It works for strangers, so it is let into nothing else: descriptors 0 to 2 are /dev/null and 3 is /dev/fuse; no new
 * privileges; by Landlock it changes the upper layer and its own working directory only, and reads the layers and
 * what a program of the host is loaded from. The rules are left out where the kernel cannot say that files may be moved
 * between directories (before Linux 5.19). It is in the pid namespace of its maker, whom the container does not see, and in
 * a user namespace over which the container's root has no right: there it is that namespace's root, which can change
 * owners and modes of what has the container's ids, as the kernel's overlay could.
 *
 * What it says is lost: it has no user who could read it. Started by hand it says the same. */
#include "linux.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
        OPTIONS_MAX = 32 * 4096, /* MAX_ARG_STRLEN: one argument of execve(2) */
        FUSE_FD = 3,
};

static const char *const loaded_from[] = { "/usr", "/lib", "/lib64", "/etc/ld.so.cache" };

static int add(char *options, size_t *at, const char *word, const char *path)
{
        size_t room = OPTIONS_MAX - *at, n = text_format(options + *at, room, "%s%s", word, path);

        if (n >= room)
                return -E2BIG;
        *at += n;
        return 0;
}

static int write_options(const struct serve_job *job, char *options)
{
        size_t at = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < job->n_lower; i++)
                r = add(options, &at, i ? ":" : "lowerdir=", job->lower[i]);
        if (r == 0)
                r = add(options, &at, ",upperdir=", job->upper);
        return r < 0 ? r : add(options, &at, ",workdir=", job->work);
}

/* A path that is not there is nothing to allow. */
static int allow(int rules, const char *path, uint64_t access)
{
        auto_close at = file_open(AT_FDCWD, path, O_PATH, 0);

        if (at < 0)
                return at == -ENOENT || at == -EACCES ? 0 : at;
        return landlock_allow_path(rules, at, access);
}

static int confine(const struct serve_job *job)
{
        const uint64_t read = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR;
        int abi = landlock_abi(), r = 0;
        uint64_t known = landlock_known(abi), all = known & ~(uint64_t)LANDLOCK_EXECUTE;
        auto_close rules = NO_FD;

        if (abi < 2)
                return 0;
        rules = landlock_make(known, 0);
        if (rules < 0)
                return rules;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(loaded_from); i++)
                r = allow(rules, loaded_from[i], read | LANDLOCK_EXECUTE);
        for (size_t i = 0; r == 0 && i < job->n_lower; i++)
                r = allow(rules, job->lower[i], read);
        if (r == 0)
                r = allow(rules, job->program, LANDLOCK_READ_FILE | LANDLOCK_EXECUTE);
        if (r == 0)
                r = allow(rules, "/proc", read);
        if (r == 0)
                r = allow(rules, "/dev/null", LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE);
        if (r == 0)
                r = allow(rules, job->upper, all);
        if (r == 0)
                r = allow(rules, job->work, all);
        return r < 0 ? r : landlock_restrict(rules);
}

/* 0, 1 and 2 are nothing, 3 is /dev/fuse, and all else closes at exec: `*error`, too, which moves out of the way. */
static int keep_fds(const struct serve_job *job, int *error)
{
        int null = file_open(AT_FDCWD, "/dev/null", O_RDWR, 0), fuse;

        null = null < 0 ? null : fcntl(null, F_DUPFD_CLOEXEC, FUSE_FD + 1);
        fuse = fcntl(job->fuse, F_DUPFD_CLOEXEC, FUSE_FD + 1);
        *error = fcntl(*error, F_DUPFD_CLOEXEC, FUSE_FD + 1);
        if (null < 0 || fuse < 0 || *error < 0)
                return -EMFILE;
        for (int i = 0; i < FUSE_FD; i++)
                if (dup2(null, i) < 0)
                        return -errno;
        if (dup2(fuse, FUSE_FD) < 0)
                return -errno;
        return process_seal_fds(FUSE_FD + 1, false);
}

static int enter(const struct serve_job *job)
{
        int r = job->ns < 0 ? 0 : namespace_join(job->ns, CLONE_NEWUSER);

        if (r == 0 && job->ns >= 0)
                r = process_set_ids(0, 0);
        return r == -EINVAL ? 0 : r; /* it has no id 0 */
}

static int become(const struct serve_job *job, const char *options, int *error)
{
        const char *const args[] = { job->program, "-f", "-o", options, "/dev/fd/3", NULL };
        const char *const env[] = { NULL };
        uint64_t soft, hard;
        int r;

        process_reset_signals();
        setsid();
        umask(0);
        if ((r = process_change_dir("/")) < 0 || (r = enter(job)) < 0 ||
            (r = process_no_new_privs()) < 0 || (r = confine(job)) < 0)
                return r;
        /* It has a descriptor for each file that somebody has open. */
        if (process_get_rlimit(RLIMIT_NOFILE, &soft, &hard) == 0)
                process_set_rlimit(RLIMIT_NOFILE, hard, hard);
        r = keep_fds(job, error);
        return r < 0 ? r : process_execute(job->program, args, env);
}

int serve_overlay(const struct serve_job *job)
{
        auto_close error = NO_FD, error_in = NO_FD, pidfd = NO_FD;
        int pair[2], r, failure = 0, status;
        char *options;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        error = pair[0];
        error_in = pair[1];
        options =
                mmap(NULL, OPTIONS_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (options == MAP_FAILED)
                return -errno;
        r = write_options(job, options);
        pid = r < 0 ? r : namespace_spawn(0, NO_FD, &pidfd);
        if (pid == 0) {
                failure = become(job, options, &error_in);
                file_write(error_in, (const char *)&failure, sizeof failure);
                _exit(127);
        }
        munmap(options, OPTIONS_MAX);
        if (pid < 0)
                return (int)pid;
        file_close(&error_in);
        if (read(error, &failure, sizeof failure) != (ssize_t)sizeof failure)
                return 0;
        process_wait(pid, &status);
        return failure;
}
