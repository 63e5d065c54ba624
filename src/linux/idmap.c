/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a user namespace that is only a mapping.
 *
 * The kernel takes the mapping of a mount as a user namespace, and a user namespace needs a process
 * to be made. It lives for three messages: it hands over its own /proc/self/ns/user, which works
 * whatever the pids in that /proc are, waits for the socket's end and goes. Should we die, the
 * socket ends, too. */
#include "linux.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* The process in the new namespace. */
static void lend_namespace(int gate)
{
        char byte = 0;
        int ns = file_open(AT_FDCWD, "/proc/self/ns/user", O_RDONLY, 0);

        if (ns >= 0 && socket_send(gate, &byte, 1, ns) == 0)
                socket_receive(gate, &byte, 1, NULL);
        _exit(0);
}

/* How the writing of the maps went, told by another process. */
struct mapped {
        int result;
        char trail[1024];
};

enum {
        MAP_LINES = 340, /* user_namespaces(7) */
        MAP_SIZE = 4096,
};

/* "newuidmap PID inside outside count ...": words of the map, which must not be longer than a page. */
static int run_helper(pid_t process, const char *helper, const char *map)
{
        const char *arguments[2 + 3 * MAP_LINES + 1];
        char words[MAP_SIZE], pid[16], said[512];
        size_t n = 0, size = strlen(map);
        int status, r;

        if (size >= sizeof words)
                return -E2BIG;
        memcpy(words, map, size + 1);
        text_format(pid, sizeof pid, "%d", (int)process);
        arguments[n++] = helper;
        arguments[n++] = pid;
        for (char *at = words; *at && n < ARRAY_SIZE(arguments) - 1;) {
                size_t length = strcspn(at, " \n");
                bool last = !at[length];

                if (length)
                        arguments[n++] = at;
                at[length] = '\0';
                at += length + !last;
        }
        arguments[n] = NULL;
        r = process_run(arguments, said, sizeof said, &status);
        if (r < 0)
                return trail(r, "cannot run %s", helper);
        said[strcspn(said, "\n")] = '\0';
        return status == 0 ? 0
                           : trail(-EPERM, "%s refused: %s", helper,
                                   *said ? said : "it does not say why");
}

int idmap_write(pid_t process, const char *file, const char *helper, const char *map)
{
        char path[64];
        int r;

        if (helper)
                return run_helper(process, helper, map);
        text_format(path, sizeof path, "/proc/%d/%s", (int)process, file);
        r = file_put(AT_FDCWD, path, map);
        return r < 0 ? trail(r, "cannot write the %s '%s'", file, map) : 0;
}

/* Who has no right over the parent's groups may map a group only when setgroups(2) is given up. */
static int write_maps(pid_t pid, const struct idmap *map)
{
        char path[64];
        int r = 0;

        if (!map->gid_helper && geteuid() != 0) {
                text_format(path, sizeof path, "/proc/%d/setgroups", (int)pid);
                r = file_put(AT_FDCWD, path, "deny");
        }
        if (r == 0)
                r = idmap_write(pid, "uid_map", map->uid_helper, map->uid_map);
        return r < 0 ? r : idmap_write(pid, "gid_map", map->gid_helper, map->gid_map);
}

/* How the work went, and what there is to say of it. */
struct worked {
        int result;
        char trail[TRAIL_SIZE], hint[TRAIL_SIZE], warnings[TRAIL_SIZE];
};

/* In the new namespace, once its maps are there. The work dies with who wants it: nobody hears its result, and it may
 * hold locks that he had. */
static void work_inside(pid_t parent, int gate, idmap_work *work, void *context)
{
        struct worked worked = { 0 };
        size_t before = strlen(trail_warnings()); /* whoever made us has these */
        char byte = 0;

        if (socket_receive(gate, &byte, 1, NULL) != 1)
                _exit(1);
        trail_reset();
        worked.result = process_set_ids(0, 0);
        process_follow(parent);
        if (worked.result == 0)
                worked.result = work(context);
        text_format(worked.trail, sizeof worked.trail, "%s", trail_text());
        text_format(worked.hint, sizeof worked.hint, "%s", trail_hint_text());
        text_format(worked.warnings, sizeof worked.warnings, "%s", trail_warnings() + before);
        socket_send(gate, &worked, sizeof worked, NO_FD);
        _exit(0);
}

/* Its words are ours from now on. */
static void take_words(const struct worked *worked)
{
        const char *line = worked->warnings, *end;

        for (; (end = strchr(line, '\n')); line = end + 1)
                trail_warn("%.*s", (int)(end - line), line);
        if (*worked->hint)
                trail_hint("%s", worked->hint);
        if (*worked->trail)
                trail(worked->result, "%s", worked->trail);
}

int idmap_run(const struct idmap *map, idmap_work *work, void *context)
{
        int pair[2], pidfd = NO_FD, status;
        struct worked worked;
        char byte = 0;
        pid_t parent = getpid(), pid;
        int r = socket_pair(pair);

        if (r < 0)
                return r;
        pid = namespace_spawn(CLONE_NEWUSER, NO_FD, &pidfd);
        if (pid == 0) {
                file_close(&pair[0]);
                work_inside(parent, pair[1], work, context);
        }
        file_close(&pair[1]);
        r = pid < 0 ? pid : write_maps(pid, map);
        if (r == 0)
                r = socket_send(pair[0], &byte, 1, NO_FD);
        if (r == 0 && socket_receive(pair[0], &worked, sizeof worked, NULL) != sizeof worked)
                r = -ECONNRESET;
        if (r == 0) {
                take_words(&worked);
                r = worked.result;
        }
        file_close(&pair[0]);
        file_close(&pidfd);
        if (pid > 0)
                process_wait(pid, &status);
        return r;
}

int idmap_open(const struct idmap *map)
{
        int pair[2], pidfd = NO_FD, ns = NO_FD, status;
        char byte;
        pid_t pid;
        int r = socket_pair(pair);

        if (r < 0)
                return r;
        pid = namespace_spawn(CLONE_NEWUSER, NO_FD, &pidfd);
        if (pid == 0) {
                file_close(&pair[0]);
                lend_namespace(pair[1]);
        }
        file_close(&pair[1]);
        r = pid < 0 ? pid : socket_receive(pair[0], &byte, 1, &ns) == 1 ? 0 : -ECONNRESET;
        if (r == 0 && ns < 0)
                r = -ECONNRESET;
        if (r == 0)
                r = write_maps(pid, map);
        file_close(&pair[0]);
        file_close(&pidfd);
        if (pid > 0)
                process_wait(pid, &status);
        if (r < 0) {
                file_close(&ns);
                return r;
        }
        return ns;
}

/* Who is in the namespace may not write its maps: a child that stayed outside does, when it is told. */
static void map_parent(int gate, pid_t parent, const struct idmap *map)
{
        struct mapped mapped = { 0 };
        char byte;

        if (socket_receive(gate, &byte, 1, NULL) != 1 || getppid() != parent)
                _exit(1);
        mapped.result = write_maps(parent, map);
        text_format(mapped.trail, sizeof mapped.trail, "%s", trail_text());
        socket_send(gate, &mapped, sizeof mapped, NO_FD);
        _exit(0);
}

int idmap_enter(const struct idmap *map, uint32_t types)
{
        int pair[2], pidfd = NO_FD, status;
        struct mapped mapped = { .result = -ECONNRESET };
        pid_t pid, own = getpid();
        int r = socket_pair(pair);

        if (r < 0)
                return r;
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid == 0) {
                file_close(&pair[0]);
                map_parent(pair[1], own, map);
        }
        file_close(&pair[1]);
        r = pid < 0 ? pid : namespace_unshare(CLONE_NEWUSER | types);
        if (r == 0)
                r = socket_send(pair[0], "", 1, NO_FD);
        if (r == 0 && socket_receive(pair[0], &mapped, sizeof mapped, NULL) == sizeof mapped) {
                mapped.trail[sizeof mapped.trail - 1] = '\0';
                r = mapped.result < 0 ? trail(mapped.result, "%s", mapped.trail) : 0;
        } else if (r == 0) {
                r = -ECONNRESET;
        }
        file_close(&pair[0]);
        file_close(&pidfd);
        if (pid > 0)
                process_wait(pid, &status);
        return r < 0 ? r : process_set_ids(0, 0);
}
