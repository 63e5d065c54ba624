/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: files of /proc/self that change the process itself.
 *
 * "self" is a symbolic link, and links are refused on the way: it is read, which gives our pid as
 * that procfs counts (in a new pid namespace the host's procfs knows us by another number than
 * getpid() does), and its directory is opened by that number. */
#include "linux.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        PROC_ROOT_INODE = 1
};

int selfproc_put(const char *file, const char *value)
{
        char path[128], pid[24];
        struct stat st;
        ssize_t n;
        auto_close proc = file_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
        auto_close fd = NO_FD;

        if (proc < 0)
                return proc;
        if (file_magic(proc) != MAGIC_PROC || fstat(proc, &st) < 0 || st.st_ino != PROC_ROOT_INODE)
                return -ENOTTY;
        n = readlinkat(proc, "self", pid, sizeof pid - 1);
        if (n < 0)
                return -errno;
        pid[n] = '\0';
        if (text_format(path, sizeof path, "%s/%s", pid, file) >= sizeof path)
                return -ENAMETOOLONG;
        fd = file_open_strict(proc, path, O_WRONLY);
        if (fd < 0)
                return fd;
        return file_write(fd, value, strlen(value));
}
