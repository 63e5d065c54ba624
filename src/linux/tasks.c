/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a tree of processes from the top, and the rights of each task in it.
 *
 * Nothing allocates: a directory is open and half read in each generation, which is why there is a limit. The list of
 * groups stands in front of the capabilities in "status" and can be long: so that nobody hides behind it the file
 * is read to its end, a line at a time, and only the beginning of a line is kept. */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

enum {
        GENERATIONS_MAX = 200
};

/* -- the tree ------------------------------------------------------------------------------------ */

struct walk {
        int (*look)(pid_t pid, pid_t tid, void *data);
        void *data;
        int depth;
};

static int walk_process(struct walk *walk, pid_t pid);

static pid_t number(const char *text)
{
        uint64_t value;

        return text_u64(text, &value) == 0 && value <= INT32_MAX ? (pid_t)value : -1;
}

/* "children": numbers, a space behind each. */
static int walk_children(struct walk *walk, pid_t pid, pid_t tid)
{
        char path[64], text[256];
        auto_close fd = NO_FD;
        uint64_t child = 0;
        ssize_t n;

        text_format(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
        fd = file_open(AT_FDCWD, path, O_RDONLY, 0);
        if (fd < 0)
                return fd;
        while ((n = read(fd, text, sizeof text)) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        int r;

                        if (text[i] >= '0' && text[i] <= '9') {
                                child = child * 10 + (uint64_t)(text[i] - '0');
                                continue;
                        }
                        r = child ? walk_process(walk, (pid_t)child) : 0;
                        if (r != 0)
                                return r;
                        child = 0;
                }
        return n < 0 ? -errno : 0;
}

static int walk_tasks(struct walk *walk, pid_t pid, bool children)
{
        _Alignas(struct dirent64) char entries[1024];
        auto_close fd = NO_FD;
        char path[32];
        long size;

        text_format(path, sizeof path, "/proc/%d/task", (int)pid);
        fd = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        while ((size = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
                for (long at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(entries + at);
                        pid_t tid = number(entry->d_name);
                        int r = 0;

                        at += entry->d_reclen;
                        if (tid > 0)
                                r = children ? walk_children(walk, pid, tid)
                                             : walk->look(pid, tid, walk->data);
                        if (r != 0)
                                return r;
                }
        return size < 0 ? -errno : 0;
}

static int walk_process(struct walk *walk, pid_t pid)
{
        int r;

        if (walk->depth++ == GENERATIONS_MAX)
                return -ELOOP;
        r = walk_tasks(walk, pid, true);
        if (r == 0)
                r = walk_tasks(walk, pid, false);
        walk->depth--;
        return r;
}

int tasks_walk(pid_t pid, int (*look)(pid_t pid, pid_t tid, void *data), void *data)
{
        struct walk walk = { look, data, 0 };

        return walk_process(&walk, pid);
}

/* -- rights -------------------------------------------------------------------------------------- */

enum member {
        INHERITABLE,
        PERMITTED,
        EFFECTIVE,
        BOUNDING,
        AMBIENT,
        NO_NEW_PRIVS,
        FILTER,
        INSIDE,
        MEMBERS
};

static const char *const names[MEMBERS] = {
        [INHERITABLE] = "CapInh:", [PERMITTED] = "CapPrm:", [EFFECTIVE] = "CapEff:",
        [BOUNDING] = "CapBnd:",    [AMBIENT] = "CapAmb:",   [NO_NEW_PRIVS] = "NoNewPrivs:",
        [FILTER] = "Seccomp:",     [INSIDE] = "NSpid:",
};

/* "CapEff:\t000001ffffffffff"; of "NSpid:\t4711\t7" the last number counts. */
static void take_line(const char *line, uint64_t values[MEMBERS], unsigned *seen)
{
        for (enum member i = 0; i < MEMBERS; i++) {
                uint64_t value = 0;

                if (!text_starts(line, names[i]))
                        continue;
                for (const char *at = line + strlen(names[i]); *at; at++)
                        if (*at == '\t' || *at == ' ')
                                value = 0;
                        else if (i == INSIDE)
                                value = value * 10 + (uint64_t)(*at - '0');
                        else
                                value = value << 4 |
                                        (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
                values[i] = value;
                *seen |= 1u << i;
        }
}

int task_rights_read(pid_t pid, pid_t tid, struct task_rights *ret_rights)
{
        char path[64], text[1024], line[256];
        uint64_t values[MEMBERS] = { 0 };
        auto_close fd = NO_FD;
        unsigned seen = 0;
        size_t size = 0;
        ssize_t n;

        text_format(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)tid);
        fd = file_open(AT_FDCWD, path, O_RDONLY, 0);
        if (fd < 0)
                return fd;
        while ((n = read(fd, text, sizeof text)) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        if (text[i] != '\n') {
                                if (size < sizeof line - 1)
                                        line[size++] = text[i];
                                continue;
                        }
                        line[size] = '\0';
                        take_line(line, values, &seen);
                        size = 0;
                }
        if (n < 0)
                return -errno;
        *ret_rights = (struct task_rights){
                .inheritable = values[INHERITABLE],
                .permitted = values[PERMITTED],
                .effective = values[EFFECTIVE],
                .bounding = values[BOUNDING],
                .ambient = values[AMBIENT],
                .no_new_privs = values[NO_NEW_PRIVS] != 0,
                .filtered = values[FILTER] != 0,
                .inside = (pid_t)values[INSIDE],
        };
        return seen == (1u << MEMBERS) - 1 ? 0 : -EPROTO;
}
