/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/base.h"

#include <elf.h>

/* What an ELF file says of how it is loaded: elf(5), ld.so(8). Nothing in it is believed to be within bounds. */

/* What both classes have, in one form. */
struct elf {
        bool wide;
        unsigned type, machine, entries, entry_size;
        uint64_t table;
};

/* From the first bytes of a file, sizeof(Elf64_Ehdr) of them, zeros where it is shorter. child-safe. */
struct elf elf_header(const char *head);
/* The program header `i`: 0 or -EIO. child-safe. */
int elf_segment(int fd, const struct elf *elf, unsigned i, Elf64_Phdr *ret);

struct elf_needs {
        bool wide;
        unsigned machine;
        const char *interpreter;     /* NULL: none, it is static or a library */
        const char *rpath, *runpath; /* NULL: none */
        const char **libraries;
        size_t n_libraries;
};

/* The strings live in `arena`. -ENOEXEC: it is no ELF file of this byte order; -EBADMSG: a damaged one. */
int elf_read_needs(struct arena *arena, int fd, struct elf_needs *ret);
