/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: program headers say where the interpreter's name and the dynamic section are; that one's
 * entries are places in a table of strings, which is known by its address, so by the segment that is loaded
 * there. */
#include "elffile.h"

#include "linux.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum {
        DYNAMIC_MAX = 1 << 20,
        STRINGS_MAX = 64 << 20,
        LIBRARIES_MAX = 1024,
        SEGMENTS_MAX = 1024,
};

struct elf elf_header(const char *head)
{
        Elf64_Ehdr wide;
        Elf32_Ehdr narrow;

        memcpy(&wide, head, sizeof wide);
        if (head[EI_CLASS] == ELFCLASS64)
                return (struct elf){ true,         wide.e_type,      wide.e_machine,
                                     wide.e_phnum, wide.e_phentsize, wide.e_phoff };
        memcpy(&narrow, head, sizeof narrow);
        return (struct elf){ false,          narrow.e_type,      narrow.e_machine,
                             narrow.e_phnum, narrow.e_phentsize, narrow.e_phoff };
}

int elf_segment(int fd, const struct elf *elf, unsigned i, Elf64_Phdr *ret)
{
        off_t at = (off_t)(elf->table + (uint64_t)i * elf->entry_size);
        Elf32_Phdr narrow;

        if (elf->wide)
                return pread(fd, ret, sizeof *ret, at) == (ssize_t)sizeof *ret ? 0 : -EIO;
        if (pread(fd, &narrow, sizeof narrow, at) != (ssize_t)sizeof narrow)
                return -EIO;
        *ret = (Elf64_Phdr){ .p_type = narrow.p_type,
                             .p_offset = narrow.p_offset,
                             .p_vaddr = narrow.p_vaddr,
                             .p_filesz = narrow.p_filesz };
        return 0;
}

/* `size` bytes from an offset, and a NUL. */
static char *read_part(struct arena *arena, int fd, uint64_t offset, uint64_t size, uint64_t most)
{
        char *bytes;

        if (size > most || offset > INT64_MAX - size)
                return NULL;
        bytes = arena_alloc(arena, (size_t)size + 1);
        if (pread(fd, bytes, (size_t)size, (off_t)offset) != (ssize_t)size)
                return NULL;
        bytes[size] = '\0';
        return bytes;
}

static bool find_address(
        int fd, const struct elf *elf, uint64_t address, uint64_t *ret_offset, uint64_t *ret_left)
{
        Elf64_Phdr entry;

        for (unsigned i = 0; i < elf->entries && elf_segment(fd, elf, i, &entry) == 0; i++)
                if (entry.p_type == PT_LOAD && address >= entry.p_vaddr &&
                    address - entry.p_vaddr < entry.p_filesz) {
                        *ret_offset = entry.p_offset + (address - entry.p_vaddr);
                        *ret_left = entry.p_filesz - (address - entry.p_vaddr);
                        return true;
                }
        return false;
}

/* The entry `i` of the dynamic section; false: there are no more. */
static bool dynamic_entry(
        const struct elf *elf, const char *bytes, uint64_t size, size_t i, Elf64_Dyn *ret)
{
        size_t step = elf->wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
        Elf32_Dyn narrow;

        if (step * (i + 1) > size)
                return false;
        if (elf->wide) {
                memcpy(ret, bytes + step * i, step);
        } else {
                memcpy(&narrow, bytes + step * i, step);
                ret->d_tag = narrow.d_tag;
                ret->d_un.d_val = narrow.d_un.d_val;
        }
        return ret->d_tag != DT_NULL;
}

static int read_dynamic(
        struct arena *arena, int fd, const struct elf *elf, const Elf64_Phdr *segment,
        struct elf_needs *ret)
{
        const char *bytes = read_part(arena, fd, segment->p_offset, segment->p_filesz, DYNAMIC_MAX);
        uint64_t address = 0, size = 0, offset, left;
        const char *strings;
        Elf64_Dyn entry;

        for (size_t i = 0; bytes && dynamic_entry(elf, bytes, segment->p_filesz, i, &entry); i++) {
                if (entry.d_tag == DT_STRTAB)
                        address = entry.d_un.d_ptr;
                if (entry.d_tag == DT_STRSZ)
                        size = entry.d_un.d_val;
        }
        if (!bytes || !find_address(fd, elf, address, &offset, &left))
                return bytes && !address ? 0 : -EBADMSG;
        strings = read_part(arena, fd, offset, size < left ? size : left, STRINGS_MAX);
        if (!strings)
                return -EBADMSG;
        size = size < left ? size : left;
        ret->libraries = arena_array(arena, LIBRARIES_MAX, sizeof *ret->libraries);
        for (size_t i = 0; dynamic_entry(elf, bytes, segment->p_filesz, i, &entry); i++) {
                const char *word = entry.d_un.d_val < size ? strings + entry.d_un.d_val : NULL;

                if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH &&
                    entry.d_tag != DT_RUNPATH)
                        continue;
                if (!word || (entry.d_tag == DT_NEEDED && ret->n_libraries == LIBRARIES_MAX))
                        return -EBADMSG;
                if (entry.d_tag == DT_NEEDED)
                        ret->libraries[ret->n_libraries++] = word;
                else if (entry.d_tag == DT_RPATH)
                        ret->rpath = word;
                else
                        ret->runpath = word;
        }
        return 0;
}

int elf_read_needs(struct arena *arena, int fd, struct elf_needs *ret)
{
        char head[sizeof(Elf64_Ehdr)] = "";
        ssize_t n = pread(fd, head, sizeof head, 0);
        Elf64_Phdr entry;
        struct elf elf;
        int r = 0;

        *ret = (struct elf_needs){ .n_libraries = 0 };
        if (n < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0 ||
            head[EI_DATA] != ELFDATA2LSB)
                return -ENOEXEC;
        elf = elf_header(head);
        ret->wide = elf.wide;
        ret->machine = elf.machine;
        if (elf.entries > SEGMENTS_MAX ||
            (elf.entries && elf.entry_size != (elf.wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr))))
                return -EBADMSG;
        for (unsigned i = 0; r == 0 && i < elf.entries; i++) {
                r = elf_segment(fd, &elf, i, &entry);
                if (r == 0 && entry.p_type == PT_INTERP) {
                        ret->interpreter =
                                read_part(arena, fd, entry.p_offset, entry.p_filesz, PATH_MAX);
                        r = ret->interpreter ? 0 : -EBADMSG;
                }
                if (r == 0 && entry.p_type == PT_DYNAMIC)
                        r = read_dynamic(arena, fd, &elf, &entry, ret);
        }
        return r == -EIO ? -EBADMSG : r;
}
