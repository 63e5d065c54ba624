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

static int write_map(pid_t pid, const char *file, const char *map)
{
        char path[64];
        int r;

        text_format(path, sizeof path, "/proc/%d/%s", (int)pid, file);
        r = file_put(AT_FDCWD, path, map);
        return r < 0 ? trail(r, "cannot write the map '%s' to %s", map, path) : 0;
}

int idmap_open(const char *uid_map, const char *gid_map)
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
                r = write_map(pid, "uid_map", uid_map);
        if (r == 0)
                r = write_map(pid, "gid_map", gid_map);
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
