/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who is in a cgroup.
 *
 * A number read from cgroup.procs may be another process's by the time that it is used. So a pidfd is
 * opened for each, and the list read again: what is listed still is what the pidfd names. */
#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

enum {
        LIST_MAX = 16 << 20,
        DEPTH_MAX = 64,
        PATIENCE_MS = 2000,
        BATCH = 64 /* how many pidfds are open at a time */
};

struct members {
        struct arena *arena;
        pid_t *pids;
        size_t n, room;
};

static void add(struct members *m, pid_t pid)
{
        if (m->n == m->room) {
                size_t room = m->room ? 2 * m->room : 64;
                pid_t *pids = arena_array(m->arena, room, sizeof *pids);

                if (m->n)
                        memcpy(pids, m->pids, m->n * sizeof *pids);
                m->pids = pids;
                m->room = room;
        }
        m->pids[m->n++] = pid;
}

/* A threaded cgroup cannot say: its processes are listed above it. */
static int add_listed(struct members *m, int cgroup)
{
        struct text list;
        int r = file_read(m->arena, cgroup, "cgroup.procs", LIST_MAX, &list);
        const char *at = r < 0 ? "" : text_string(&list);

        while (*at) {
                char *end;
                long pid = strtol(at, &end, 10);

                if (end == at)
                        break;
                if (pid > 0 && pid <= INT_MAX) /* 0: in a pid namespace that we cannot see */
                        add(m, (pid_t)pid);
                at = end + (*end == '\n');
        }
        return r == -EOPNOTSUPP || r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int walk(struct members *m, int cgroup, unsigned depth)
{
        auto_close again = file_open(cgroup, ".", O_RDONLY | O_DIRECTORY, 0);
        int r = add_listed(m, cgroup);
        DIR *dir;

        if (again == -ENOENT || again == -ENODEV)
                return r; /* it went meanwhile */
        if (again < 0 || r < 0 || depth > DEPTH_MAX)
                return again < 0 ? again : r;
        dir = fdopendir(again);
        if (!dir)
                return -errno;
        again = NO_FD;
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
                auto_close below = NO_FD;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                below = file_open(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
                if (below >= 0)
                        r = walk(m, below, depth + 1);
        }
        closedir(dir);
        return r;
}

static int compare(const void *a, const void *b)
{
        pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

        return x < y ? -1 : x > y;
}

int members_list(struct arena *arena, const char *path, pid_t **ret_pids, size_t *ret_n)
{
        auto_close cgroup = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
        struct members m = { .arena = arena };
        int64_t magic;
        int r;

        if (cgroup < 0 && cgroup != -ENOENT)
                return cgroup;
        if (cgroup >= 0) {
                magic = file_magic(cgroup);
                if (magic != MAGIC_CGROUP1 && magic != MAGIC_CGROUP2)
                        return -ENOTTY;
                r = walk(&m, cgroup, 0);
                if (r < 0)
                        return r;
        }
        if (m.n)
                qsort(m.pids, m.n, sizeof *m.pids, compare);
        *ret_pids = m.pids;
        *ret_n = m.n;
        return 0;
}

/* -- whether there are any; nothing here allocates ------------------------------------------------- */

static int has_members(int cgroup, unsigned depth);

/* Those below a cgroup of v1, which has no file that tells. */
static int has_members_below(int cgroup, unsigned depth)
{
        _Alignas(struct dirent64) char entries[1024];
        auto_close fd = file_open(cgroup, ".", O_RDONLY | O_DIRECTORY, 0);
        long size;

        if (fd < 0 || depth == DEPTH_MAX)
                return fd < 0 ? fd : 1;
        while ((size = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
                for (long at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(entries + at);
                        auto_close child = NO_FD;
                        int r;

                        at += entry->d_reclen;
                        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                                continue;
                        child = file_open(fd, entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
                        r = child < 0 ? child : has_members(child, depth + 1);
                        if (r != 0 && r != -ENOENT && r != -ENODEV)
                                return r;
                }
        return size < 0 ? -errno : 0;
}

static int has_members(int cgroup, unsigned depth)
{
        char text[256];
        ssize_t n = file_get(cgroup, "cgroup.procs", text, 2);

        /* A threaded cgroup of v2 does not list them: it has the next file. */
        if (n > 0 || n == -EFBIG)
                return 1;
        if (n < 0 && n != -EOPNOTSUPP)
                return (int)n;
        n = file_get(cgroup, "cgroup.events", text, sizeof text);
        if (n >= 0)
                return strstr(text, "populated 1") != NULL;
        return n == -ENOENT ? has_members_below(cgroup, depth) : (int)n;
}

int members_exist(int cgroup)
{
        return has_members(cgroup, 0);
}

/* -- signals -------------------------------------------------------------------------------------- */

/* Pinned by their pidfds, and then looked for again: who is listed still is a member, or has ended and
 * cannot be signalled. */
static int signal_batch(const char *path, const pid_t *pids, size_t n, int signal, size_t *sent)
{
        auto_arena arena = { 0 };
        int fds[BATCH], r;
        size_t n_again;
        pid_t *again;

        for (size_t i = 0; i < n; i++)
                fds[i] = pids[i] > 1 ? process_open(pids[i]) : -ESRCH; /* 1 is nobody's but ours */
        r = members_list(&arena, path, &again, &n_again);
        for (size_t i = 0; i < n; i++) {
                if (r == 0 && fds[i] >= 0 && n_again &&
                    bsearch(&pids[i], again, n_again, sizeof *again, compare))
                        *sent += (signal ? process_signal(fds[i], signal) : 0) == 0;
                file_close(&fds[i]);
        }
        return r;
}

static int signal_listed(struct arena *arena, const char *path, int signal, size_t *ret_n)
{
        pid_t *pids;
        size_t n, sent = 0;
        int r = members_list(arena, path, &pids, &n);

        for (size_t at = 0; r == 0 && at < n; at += BATCH)
                r = signal_batch(path, pids + at, n - at < BATCH ? n - at : BATCH, signal, &sent);
        if (r == 0)
                *ret_n = sent;
        return r;
}

int members_kill(const char *path)
{
        auto_arena arena = { 0 };
        size_t n;

        return signal_listed(&arena, path, 9, &n);
}

int members_signal(struct arena *arena, const char *path, int signal, size_t *ret_n)
{
        pid_t *pids;
        bool held;
        int r;

        if (signal == 9) {
                r = members_list(arena, path, &pids, ret_n);
                return r < 0 ? r : cgroup_kill(path);
        }
        held = signal != 0 && freezer_is_frozen(path) == 0 &&
               freezer_freeze(path, PATIENCE_MS) == 0;
        r = signal_listed(arena, path, signal, ret_n);
        if (held)
                freezer_thaw(path);
        return r;
}
