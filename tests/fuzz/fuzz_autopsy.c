/* SPDX-License-Identifier: Apache-2.0 */
/* A file of any bytes as the program that could not be executed: the autopsy ends, says something,
 * gives back the error it was given, and leaves no descriptor open. */
#include "linux/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const int errors[] = { -ENOEXEC, -ENOENT, -EACCES, -ETXTBSY, -ELIBBAD, -E2BIG };
        static const char *const words[] = { "program", NULL };
        struct autopsy autopsy = { .error = errors[size % ARRAY_SIZE(errors)], .args = words };
        char path[64];
        int fd = memfd_create("program", MFD_CLOEXEC), free_before = dup(fd), free_after;

        if (fd < 0 || fchmod(fd, 0755) < 0 || file_write(fd, (const char *)bytes, size) < 0)
                abort();
        text_format(path, sizeof path, "/proc/self/fd/%d", fd);
        close(free_before);
        autopsy.program = path;
        if (autopsy_perform(&autopsy) != autopsy.error || !*trail_text())
                abort();
        trail_reset();
        free_after = dup(fd);
        if (free_after != free_before)
                abort();
        close(free_after);
        close(fd);
        return 0;
}
