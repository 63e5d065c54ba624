/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: who is in a cgroup.
 *
 * A number read from cgroup.procs may be another process's by the time that it is used. So a pidfd is
 * opened for each, and the list read again: what is listed still is what the pidfd names. */
#include "linux.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
        LIST_MAX = 16 << 20,
        ROUNDS = 100,
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
static int add_listed(void *context, int cgroup)
{
        struct members *m = context;
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

/* Somebody takes cgroups away as fast as we read: a few times, since that may be the container itself. */
static int list_all(struct members *m, int cgroup)
{
        int r = -ESTALE;

        for (int round = 0; r == -ESTALE && round < ROUNDS; round++) {
                m->n = 0;
                r = add_listed(m, cgroup);
                if (r == 0)
                        r = cgroup_walk(cgroup, add_listed, m);
        }
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
                r = list_all(&m, cgroup);
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

static int has_processes(void *context, int cgroup)
{
        char text[2];
        ssize_t n = file_get(cgroup, "cgroup.procs", text, sizeof text);

        (void)context;
        /* A threaded cgroup of v2 does not list them: it has the file that is asked next. */
        return n > 0 || n == -EFBIG ? 1 : n == -EOPNOTSUPP ? 0 : (int)n;
}

int members_exist(int cgroup)
{
        char text[256];
        int r = has_processes(NULL, cgroup);
        ssize_t n;

        if (r != 0)
                return r;
        n = file_get(cgroup, "cgroup.events", text, sizeof text);
        if (n >= 0)
                return strstr(text, "populated 1") != NULL;
        if (n != -ENOENT)
                return (int)n;
        /* v1 has no file that tells of those below. Who takes such away is a process. */
        r = cgroup_walk(cgroup, has_processes, NULL);
        return r == -ESTALE ? 1 : r;
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
