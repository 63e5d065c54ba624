/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: directories on resctrl, the file system of cache and bandwidth allocation.
 *
 * A group is a directory, its shares are lines of the file `schemata`, membership is a pid written
 * to `tasks`. Unlike a cgroup a group can be removed while processes are in it: they fall back to
 * the group above. So what is there already is looked at, never changed. */
#include "linux.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        MAGIC_RESCTRL = 0x7655821
};

bool resctrl_is_mounted(const char *path)
{
        return file_magic_at(path) == MAGIC_RESCTRL;
}

static int open_group(const char *path)
{
        int fd = file_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

        if (fd >= 0 && file_magic(fd) != MAGIC_RESCTRL) {
                file_close(&fd);
                return -ENOTTY;
        }
        return fd;
}

/* Each line is one write(2), and without its line break the kernel does not take it. */
static int put_schemata(int group, const char *lines)
{
        auto_close fd = file_open(group, "schemata", O_WRONLY, 0);

        if (fd < 0)
                return fd;
        while (*lines) {
                char line[1024];
                size_t size = strcspn(lines, "\n");
                int r;

                if (size + 2 > sizeof line)
                        return -E2BIG;
                memcpy(line, lines, size);
                line[size] = '\n';
                r = file_write(fd, line, size + 1);
                if (r < 0) {
                        line[size] = '\0';
                        return trail(r, "cannot write '%s' to schemata", line);
                }
                lines += size + (lines[size] == '\n');
        }
        return 0;
}

int resctrl_make(const char *path, const char *schemata)
{
        int fd, r;

        if (mkdir(path, 0755) < 0)
                return -errno;
        fd = open_group(path);
        r = fd >= 0 && schemata ? put_schemata(fd, schemata) : 0;
        if (fd < 0 || r < 0) {
                rmdir(path);
                if (fd >= 0)
                        file_close(&fd);
                return r < 0 ? r : fd;
        }
        return fd;
}

int resctrl_open(const char *path, const char *schemata)
{
        char text[4096];
        int fd = open_group(path);
        ssize_t n;

        if (fd < 0 || !schemata)
                return fd;
        n = file_get(fd, "schemata", text, sizeof text);
        if (n >= 0 && resctrl_has(text, schemata))
                return fd;
        file_close(&fd);
        return n < 0 ? (int)n : -ESTALE;
}

static const char *skip(const char *at, const char *end)
{
        while (at < end && (*at == ' ' || *at == '\t'))
                at++;
        return at;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same(const char *a, size_t a_size, const char *b, size_t b_size)
{
        for (size_t i = 0; i < a_size && i < b_size; i++)
                if (lower(a[i]) != lower(b[i]))
                        return false;
        return a_size == b_size;
}

/* Equal but for blanks around and zeros in front? */
static bool same_value(const char *a, const char *a_end, const char *b, const char *b_end)
{
        a = skip(a, a_end);
        b = skip(b, b_end);
        while (a_end > a && a_end[-1] == ' ')
                a_end--;
        while (b_end > b && b_end[-1] == ' ')
                b_end--;
        while (a_end - a > 1 && *a == '0')
                a++;
        while (b_end - b > 1 && *b == '0')
                b++;
        return same(a, (size_t)(a_end - a), b, (size_t)(b_end - b));
}

/* Is "id=value" among "id=value;id=value"? */
static bool has_domain(const char *list, const char *end, const char *domain, const char *stop)
{
        const char *equals = memchr(domain, '=', (size_t)(stop - domain));

        while (equals && list < end) {
                const char *next = memchr(list, ';', (size_t)(end - list));
                const char *mark;

                next = next ? next : end;
                mark = memchr(list, '=', (size_t)(next - list));
                if (mark && same_value(list, mark, domain, equals))
                        return same_value(mark + 1, next, equals + 1, stop);
                list = next + (next < end);
        }
        return false;
}

/* Has the text a line of this one's resource, with all its domains? */
static bool has_line(const char *text, const char *line, const char *end)
{
        const char *colon = memchr(line, ':', (size_t)(end - line));

        line = skip(line, end);
        for (const char *at = text, *stop; colon && *at; at = stop + (*stop != '\0')) {
                const char *mark;

                stop = at + strcspn(at, "\n");
                at = skip(at, stop);
                mark = memchr(at, ':', (size_t)(stop - at));
                if (!mark || !same(at, (size_t)(mark - at), line, (size_t)(colon - line)))
                        continue;
                for (const char *domain = colon + 1, *next; domain < end; domain = next + 1) {
                        next = memchr(domain, ';', (size_t)(end - domain));
                        next = next ? next : end;
                        if (!has_domain(mark + 1, stop, domain, next))
                                return false;
                }
                return true;
        }
        return false;
}

bool resctrl_has(const char *text, const char *lines)
{
        while (*lines) {
                const char *end = lines + strcspn(lines, "\n");

                if (!has_line(text, lines, end))
                        return false;
                lines = end + (*end != '\0');
        }
        return true;
}

int resctrl_remove(const char *path, bool unused)
{
        auto_close fd = open_group(path);
        char tasks[16];

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        if (unused && file_get(fd, "tasks", tasks, sizeof tasks) != 0)
                return 0;
        return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}
