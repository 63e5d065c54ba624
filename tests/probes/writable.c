/* SPDX-License-Identifier: Apache-2.0 */
/* What can be written below a directory: writable DIRECTORY... walks each and prints the files that
 * open for writing, and with a slash behind it each directory in which another can be made. Nothing is
 * written or cut short, no link is followed, and what can be made is removed again. Numbers of
 * processes are printed as N, so that two walks can be compared.
 *
 * Root opens a file of mode 0444, too. Such a file counts when the kernel has something behind it that
 * takes bytes: one byte from nowhere fails with EFAULT then, for want of a way in with EINVAL, EIO or
 * EACCES. /dev/null does not count: it is what masks a file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

enum {
        PATH_SIZE = 4096
};

/* "/proc/12/task/12/comm" is "/proc/N/task/N/comm": no other file of procfs has a name of digits but
 * in read-only directories, and those of sysfs stay as they are. */
static void print(const char *path, const char *behind)
{
        const int of_proc = !strncmp(path, "/proc/", 6);

        while (*path) {
                const size_t size = strspn(path, "0123456789");

                if (of_proc && size && path[-1] == '/' && (!path[size] || path[size] == '/')) {
                        putchar('N');
                        path += size;
                } else {
                        putchar(*path++);
                }
        }
        puts(behind);
}

static void try_directory(int dir, const char *path)
{
        if (mkdirat(dir, "husk-writable", 0700) < 0)
                return;
        unlinkat(dir, "husk-writable", AT_REMOVEDIR);
        print(path, "/");
}

static int takes_bytes(int fd)
{
        return syscall(SYS_write, fd, NULL, 1) >= 0 ||
               (errno != EINVAL && errno != EIO && errno != EACCES);
}

static void try_file(int dir, const char *name, const char *path)
{
        const int fd = openat(dir, name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return;
        if (fstat(fd, &st) == 0 && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) &&
            (st.st_mode & 0222 || takes_bytes(fd)))
                print(path, "");
        close(fd);
}

static void walk(int parent, const char *name, char *path)
{
        const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const size_t size = strlen(path);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir)
                return;
        try_directory(fd, path);
        for (struct dirent *entry; (entry = readdir(dir));) {
                if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
                    snprintf(path + size, PATH_SIZE - size, "/%s", entry->d_name) >=
                            (int)(PATH_SIZE - size))
                        continue;
                if (entry->d_type == DT_DIR)
                        walk(fd, entry->d_name, path);
                else if (entry->d_type != DT_LNK)
                        try_file(fd, entry->d_name, path);
        }
        path[size] = '\0';
        closedir(dir);
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                char path[PATH_SIZE];

                snprintf(path, sizeof path, "%s", argv[i]);
                walk(AT_FDCWD, path, path);
        }
        return fflush(stdout) == 0 ? 0 : 1;
}
