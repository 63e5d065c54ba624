/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a tree of processes from the top, and the rights and the cgroups of each task in it.
 *
 * Nothing allocates, and no more than two descriptors are open however deep the tree is: the way down is kept as
 * numbers, and the list of a parent's children is read again behind the one that was done, some at a time. Parents
 * are those that we came through, never what the kernel says a parent is: that would lead out of the tree when one
 * ends in between. The list of groups stands in front of the capabilities in "status" and can be long: so that nobody
 * hides behind it the file is read to its end, a line at a time, and only the beginning of a line is kept. */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

enum {
        GENERATIONS_MAX = 500,
        SIBLINGS = 128 /* that are read at a time */
};

/* -- the tree ------------------------------------------------------------------------------------ */

/* Children of one process, in their order. */
struct siblings {
        pid_t parent, pids[SIBLINGS];
        size_t n, next;
};

static pid_t number(const char *text)
{
        uint64_t value;

        return text_u64(text, &value) == 0 && value <= INT32_MAX ? (pid_t)value : -1;
}

static int open_task(pid_t pid, pid_t tid, const char *file)
{
        char path[64];

        text_format(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
        return file_open(AT_FDCWD, path, O_RDONLY, 0);
}

/* "children": numbers, a space behind each. Those behind *after, which is 0 from there on. */
static int read_children(pid_t pid, pid_t tid, pid_t *after, struct siblings *siblings)
{
        auto_close fd = open_task(pid, tid, "children");
        char text[256];
        pid_t child = 0;
        ssize_t n;

        if (fd < 0)
                return fd;
        while (siblings->n < SIBLINGS && (n = read(fd, text, sizeof text)) != 0) {
                if (n < 0)
                        return -errno;
                for (ssize_t i = 0; i < n && siblings->n < SIBLINGS; i++) {
                        if (text[i] >= '0' && text[i] <= '9') {
                                child = child * 10 + (text[i] - '0');
                                continue;
                        }
                        if (child && !*after)
                                siblings->pids[siblings->n++] = child;
                        else if (child == *after)
                                *after = 0;
                        child = 0;
                }
        }
        return 0;
}

/* `look` NULL: read the children instead. */
static int each_task(
        pid_t pid, int (*look)(pid_t pid, pid_t tid, void *data), void *data, pid_t *after)
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
                                r = look ? look(pid, tid, data)
                                         : read_children(pid, tid, after, data);
                        if (r != 0)
                                return r;
                }
        return size < 0 ? -errno : 0;
}

/* The child of `parent` behind `after`, 0: the first. 1; 0: there is none. -ESRCH: `after` is no longer there. */
static int next_child(struct siblings *siblings, pid_t parent, pid_t after, pid_t *ret_child)
{
        struct siblings more = { .parent = parent };
        int r;

        if (!after || siblings->parent != parent || siblings->next == siblings->n ||
            siblings->pids[siblings->next - 1] != after) {
                r = each_task(parent, NULL, &more, &after);
                if (r == 0 && after)
                        r = -ESRCH;
                if (r < 0 || more.n == 0)
                        return r;
                *siblings = more;
        }
        *ret_child = siblings->pids[siblings->next++];
        return 1;
}

int tasks_walk(pid_t pid, int (*look)(pid_t pid, pid_t tid, void *data), void *data)
{
        struct siblings siblings = { 0 };
        pid_t way[GENERATIONS_MAX], after = 0;
        size_t n = 0;

        way[n++] = pid;
        for (;;) {
                pid_t child = 0, done = way[n - 1];
                int r = next_child(&siblings, done, after, &child);

                if (r > 0) {
                        if (n == GENERATIONS_MAX)
                                return -ELOOP;
                        way[n++] = child;
                        after = 0;
                        continue;
                }
                if (r == 0)
                        r = each_task(done, look, data, NULL);
                if (r != 0 || --n == 0)
                        return r;
                after = done;
        }
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
        STATE,
        MEMBERS
};

static const char *const member_names[MEMBERS] = {
        [INHERITABLE] = "CapInh:", [PERMITTED] = "CapPrm:", [EFFECTIVE] = "CapEff:",
        [BOUNDING] = "CapBnd:",    [AMBIENT] = "CapAmb:",   [NO_NEW_PRIVS] = "NoNewPrivs:",
        [FILTER] = "Seccomp:",     [INSIDE] = "NSpid:",     [STATE] = "State:",
};

/* "CapEff:\t000001ffffffffff"; of "NSpid:\t4711\t7" the last number counts, of "State:\tZ (zombie)" the letter. */
static void take_line(const char *line, uint64_t values[MEMBERS], unsigned *seen)
{
        for (enum member i = 0; i < MEMBERS; i++) {
                uint64_t value = 0;

                if (!text_starts(line, member_names[i]))
                        continue;
                for (const char *at = line + strlen(member_names[i]); *at; at++)
                        if (i == STATE)
                                value = value ? value : *at == '\t' ? 0 : (uint64_t)*at;
                        else if (*at == '\t' || *at == ' ')
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
        auto_close fd = open_task(pid, tid, "status");
        char text[1024], line[256];
        uint64_t values[MEMBERS] = { 0 };
        unsigned seen = 0;
        size_t size = 0;
        ssize_t n;

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
                .ended = values[STATE] == 'Z' || values[STATE] == 'X',
        };
        return seen == (1u << MEMBERS) - 1 ? 0 : -EPROTO;
}

/* -- cgroups ------------------------------------------------------------------------------------- */

/* A line of /proc/PID/cgroup, "4:memory:/path"; the v2 one is "0::/path". */
struct membership {
        const char *names, *path;
        size_t names_size, path_size;
};

static bool read_membership(const char *line, struct membership *ret)
{
        size_t size = strcspn(line, "\n");
        const char *names = memchr(line, ':', size);
        const char *path = names ? memchr(names + 1, ':', size - (size_t)(names + 1 - line)) : NULL;

        if (!path)
                return false;
        *ret = (struct membership){
                .names = names + 1,
                .names_size = (size_t)(path - names) - 1,
                .path = path + 1,
                .path_size = size - (size_t)(path + 1 - line),
        };
        return true;
}

static const char *next_line(const char *line)
{
        line += strcspn(line, "\n");
        return line + (*line == '\n');
}

/* The line of the same hierarchy. One that is not in the list was not there: all are at its top then. */
static struct membership find_membership(const char *list, const struct membership *like)
{
        struct membership top = { .path = "/", .path_size = 1 }, line;

        for (; *list; list = next_line(list))
                if (read_membership(list, &line) && line.names_size == like->names_size &&
                    memcmp(line.names, like->names, line.names_size) == 0)
                        return line;
        return top;
}

static bool is_path(const struct membership *a, const struct membership *b)
{
        return a->path_size == b->path_size && memcmp(a->path, b->path, a->path_size) == 0;
}

static bool is_path_below(const struct membership *a, const struct membership *b)
{
        return a->path_size > b->path_size && memcmp(a->path, b->path, b->path_size) == 0 &&
               a->path[b->path_size] == '/';
}

const char *cgroups_outside(const char *list, const char *place, const char *ours)
{
        for (; *list; list = next_line(list)) {
                struct membership is, may, we;

                if (!read_membership(list, &is))
                        return list;
                may = find_membership(place, &is);
                we = find_membership(ours, &is);
                if (!is_path(&is, &may) && (is_path(&may, &we) || !is_path_below(&is, &may)))
                        return list;
        }
        return NULL;
}

int task_cgroups_read(pid_t pid, pid_t tid, char *buffer, size_t size)
{
        char path[64];
        ssize_t n;

        text_format(path, sizeof path, "/proc/%d/task/%d/cgroup", (int)pid, (int)tid);
        n = file_get(AT_FDCWD, path, buffer, size);
        return n < 0 ? (int)n : 0;
}

/* -- who is not waited for ----------------------------------------------------------------------- */

static bool namespace_of(pid_t pid, char *link, size_t size)
{
        char path[32];
        ssize_t n;

        text_format(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
        n = file_read_link(path, link, size);
        link[n < 0 ? 0 : n] = '\0';
        return n > 0;
}

static void read_name(pid_t pid, char *name, size_t size)
{
        char path[32], text[64];

        text_format(path, sizeof path, "/proc/%d/comm", (int)pid);
        if (file_get(AT_FDCWD, path, text, sizeof text) < 0)
                text[0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        text_format(name, size, "%s", text);
}

int tasks_find_unreaped(pid_t first, struct task_unreaped *ret_unreaped)
{
        char wanted[64], link[64];
        struct task_rights rights;
        DIR *list;

        if (task_rights_read(first, first, &rights) < 0 || rights.inside != 1 ||
            !namespace_of(first, wanted, sizeof wanted))
                return 0;
        list = file_list("/proc");
        if (!list)
                return -errno;
        for (struct dirent *entry; (entry = readdir(list));) {
                pid_t pid = number(entry->d_name), parent, other;
                char state;

                /* One whose parent is in there, too, is waited for by the kernel. */
                if (pid <= 0 || pid == first || process_parent(pid, &parent, &state) < 0 ||
                    state != 'Z' || !namespace_of(pid, link, sizeof link) ||
                    !text_equal(link, wanted) || !namespace_of(parent, link, sizeof link) ||
                    text_equal(link, wanted))
                        continue;
                ret_unreaped->pid = pid;
                ret_unreaped->parent = parent;
                ret_unreaped->stopped = process_parent(parent, &other, &state) == 0 &&
                                        (state == 'T' || state == 't');
                read_name(pid, ret_unreaped->name, sizeof ret_unreaped->name);
                read_name(parent, ret_unreaped->parent_name, sizeof ret_unreaped->parent_name);
                closedir(list);
                return 1;
        }
        closedir(list);
        return 0;
}
