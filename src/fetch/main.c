/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: husk-registry is started by husk with one socket and nothing else. It lets libraries read
 * what they read of /etc, gives up every right, and serves. It prints nothing: descriptor 2 is /dev/null unless
 * somebody looks for a fault.
 *
 * Most of its memory would be the files of some thirty libraries, libcurl's: symbols and relocations, which the
 * loader read, and what lies around them. They are let go before the first request; what is called comes back. */
#include "fetch.h"
#include "linux/linux.h"

#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <sys/mman.h>

enum {
        HEAPS = 2, /* glibc's own number is eight a processor, each with what its threads have left */
        BUFFER = 64 << 10, /* goes back to the kernel with its job, wherever it lies */
};

/* What is never written is as it is in the file. */
static int let_go(struct dl_phdr_info *object, size_t size, void *context)
{
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;

        (void)size;
        (void)context;
        for (size_t i = 0; i < object->dlpi_phnum; i++) {
                const ElfW(Phdr) *part = &object->dlpi_phdr[i];
                uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~page;
                uintptr_t to = (object->dlpi_addr + part->p_vaddr + part->p_memsz + page) & ~page;

                if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
                        madvise((void *)from, to - from, MADV_DONTNEED); /* it stays: no harm */
        }
        return 0;
}

int main(void)
{
        struct fetcher fetcher = { .socket = REGISTRY_SOCKET, .lock = PTHREAD_MUTEX_INITIALIZER };

        signal(SIGPIPE, SIG_IGN);
        mallopt(M_ARENA_MAX, HEAPS);
        mallopt(M_MMAP_THRESHOLD, BUFFER);
        if (http_start() < 0)
                _exit(125);
        if (fetch_confine() < 0)
                _exit(126);
        dl_iterate_phdr(let_go, NULL);
        malloc_trim(0);
        /* Not exit(3): threads may be in the middle of anything. */
        _exit(fetch_serve(&fetcher) < 0 ? 124 : 0);
}
