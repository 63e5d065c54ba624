/* SPDX-License-Identifier: Apache-2.0 */
/* Says "stuck", and is: a write(2) from a page that nobody fills, userfaultfd(2), stays in the kernel
 * until SIGKILL, whatever a freezer says. Needs CAP_SYS_PTRACE. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
        struct uffdio_api api = { .api = UFFD_API };
        struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
        int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), ends[2];
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (fd < 0 || page == MAP_FAILED || pipe(ends) < 0 || ioctl(fd, UFFDIO_API, &api) < 0) {
                perror("userfaultfd");
                return 1;
        }
        range.range.start = (uintptr_t)page;
        range.range.len = 4096;
        if (ioctl(fd, UFFDIO_REGISTER, &range) < 0) {
                perror("UFFDIO_REGISTER");
                return 1;
        }
        puts("stuck");
        fflush(stdout);
        return write(ends[1], page, 1) != 1;
}
