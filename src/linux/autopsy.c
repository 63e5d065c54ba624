/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: why a program could not be executed, with the guilty file.
 *
 * Performed only after execve(2) has failed (or a look-up that foresaw it), by the process that
 * wanted to execute: it has the program's root, ids and capabilities, so what it sees is what the
 * kernel saw. The path is walked a component at a time, then the file is examined as the kernel
 * does: type, mode, mount, then its first bytes. An interpreter (behind #!, or the loader in an ELF
 * header) is a program that is examined in turn. The first thing that is wrong is the answer. If
 * nothing is, the errno decides between a limit, a writer, and somebody who forbids it (seccomp, a
 * security module).
 *
 * What a program lacks after it has been executed, a shared library, is told by its own loader,
 * which runs in the container and writes to its stderr: nothing here reads DT_NEEDED. */
#include "elffile.h"
#include "linux.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

enum {
        LINKS_MAX = 40,            /* path_resolution(7) */
        INTERPRETERS_MAX = 5,      /* execve(2): a script's interpreter may be a script, so often */
        HEAD_SIZE = 256,           /* what the kernel reads to recognise a program */
        ARGUMENT_MAX = 128 * 1024, /* MAX_ARG_STRLEN */
};

#if defined(__aarch64__)
#        define MACHINE EM_AARCH64
#else
#        define MACHINE EM_X86_64
#endif

/* A walk along a path. */
struct place {
        const char *path;       /* as it was given */
        char at[PATH_MAX];      /* where we are, without symbolic links */
        char rest[PATH_MAX];    /* what is still to go */
        char link[PATH_MAX];    /* the last symbolic link that was followed; "": none */
        char target[PATH_MAX];  /* what it points to */
        char scratch[PATH_MAX]; /* for the next `rest` */
        unsigned links;
};

/* ---- the path ---- */

static void place_up(struct place *p)
{
        char *slash = strrchr(p->at, '/');

        if (slash)
                *slash = '\0';
}

/* The next component goes from `rest` to `at`. 1, or 0 at the end, or -ENAMETOOLONG. */
static int place_next(struct place *p)
{
        const char *name = p->rest + strspn(p->rest, "/");
        size_t size = strcspn(name, "/"), used = strlen(p->at);

        if (!size)
                return 0;
        if (size == 2 && !strncmp(name, "..", 2))
                place_up(p);
        else if (size != 1 || name[0] != '.') {
                if (used + size + 2 > sizeof p->at)
                        return -ENAMETOOLONG;
                p->at[used] = '/';
                memcpy(p->at + used + 1, name, size);
                p->at[used + 1 + size] = '\0';
        }
        memmove(p->rest, name + size, strlen(name + size) + 1);
        return 1;
}

static bool place_at_end(const struct place *p)
{
        return p->rest[strspn(p->rest, "/")] == '\0';
}

static int place_missing(const struct place *p, int error)
{
        if (error != -ENOENT)
                return trail(error, "%s", p->at);
        if (p->link[0]) {
                trail_hint("a link is followed inside the container's root, not the host's");
                return trail(
                        error, "%s is a symbolic link to %s, and %s does not exist", p->link,
                        p->target, p->at);
        }
        if (!place_at_end(p))
                return trail(error, "%s: there is no directory %s", p->path, p->at);
        trail_hint("the path is one of the container's root file system, not of the host's");
        return trail(error, "%s does not exist", p->at);
}

static int place_follow(struct place *p)
{
        ssize_t n = readlink(p->at, p->target, sizeof p->target - 1);

        if (n < 0)
                return trail(-errno, "%s", p->at);
        p->target[n] = '\0';
        if (++p->links > LINKS_MAX) {
                trail_hint("see where it points to with readlink(1)");
                return trail(-ELOOP, "%s: the symbolic link %s leads in a circle", p->path, p->at);
        }
        memcpy(p->link, p->at, strlen(p->at) + 1);
        if (text_format(p->scratch, sizeof p->scratch, "%s/%s", p->target, p->rest) >=
            sizeof p->scratch)
                return trail(-ENAMETOOLONG, "%s", p->path);
        memcpy(p->rest, p->scratch, strlen(p->scratch) + 1);
        if (p->target[0] == '/')
                p->at[0] = '\0';
        else
                place_up(p);
        return 0;
}

/* Does the kernel take this link elsewhere than its text says? So do those of /proc/PID: to a file
 * that has lost its name or never had one, or that has it in another root. */
static bool is_magic(struct place *p)
{
        struct stat there, named;
        char *slash = strrchr(p->at, '/');
        ssize_t n = readlink(p->at, p->target, sizeof p->target - 1);
        size_t size;

        if (n < 0 || stat(p->at, &there) < 0)
                return false;
        p->target[n] = '\0';
        if (p->target[0] == '/')
                size = text_format(p->scratch, sizeof p->scratch, "%s", p->target);
        else
                size = text_format(
                        p->scratch, sizeof p->scratch, "%.*s/%s", slash ? (int)(slash - p->at) : 0,
                        p->at, p->target);
        return size < sizeof p->scratch &&
               (stat(p->scratch, &named) < 0 || there.st_dev != named.st_dev ||
                there.st_ino != named.st_ino);
}

/* One component: what stands in the way there. 0, or an error with a trail. */
static int place_look(struct place *p)
{
        struct stat st;

        if (!p->at[0])
                return 0;
        if (lstat(p->at, &st) < 0)
                return place_missing(p, -errno);
        if (S_ISLNK(st.st_mode)) {
                if (!is_magic(p))
                        return place_follow(p);
                if (stat(p->at, &st) < 0)
                        return place_missing(p, -errno);
        }
        if (place_at_end(p))
                return 0;
        if (!S_ISDIR(st.st_mode))
                return trail(-ENOTDIR, "%s: %s is not a directory", p->path, p->at);
        if (faccessat(AT_FDCWD, p->at, X_OK, AT_EACCESS) < 0 && errno == EACCES) {
                trail_hint("`chmod a+x` on the directory, or another user (--user)");
                return trail(
                        -EACCES,
                        "%s: uid %u may not enter the directory %s (mode %04o, owner %u:%u)",
                        p->path, geteuid(), p->at, st.st_mode & 07777, st.st_uid, st.st_gid);
        }
        return 0;
}

/* To the file behind a path. 0, or an error with a trail. */
static int place_walk(struct place *p, const char *path)
{
        int r;

        p->path = path;
        p->at[0] = p->link[0] = '\0';
        p->links = 0;
        if (path[0] != '/' && (!getcwd(p->at, sizeof p->at) || !strcmp(p->at, "/")))
                p->at[0] = '\0';
        if (text_format(p->rest, sizeof p->rest, "%s", path) >= sizeof p->rest)
                return trail(-ENAMETOOLONG, "the program's path is too long");
        while ((r = place_next(p)) > 0) {
                r = place_look(p);
                if (r < 0)
                        return r;
        }
        return r < 0 ? trail(r, "%s", path) : 0;
}

/* ---- mode and mount ---- */

/* Cut `path` back to the mount point that it lies below. */
static void mount_point(char *path)
{
        while (*path && !mount_is_root(AT_FDCWD, path)) {
                char *slash = strrchr(path, '/');

                *(slash ? slash : path) = '\0';
        }
}

static int permission_examine(struct place *p, const struct stat *st)
{
        struct statfs fs;

        if (S_ISDIR(st->st_mode))
                return trail(-EISDIR, "%s is a directory", p->at[0] ? p->at : "/");
        if (!S_ISREG(st->st_mode))
                return trail(-EACCES, "%s is not a regular file", p->at);
        if (statfs(p->at, &fs) == 0 && fs.f_flags & ST_NOEXEC) {
                memcpy(p->scratch, p->at, strlen(p->at) + 1);
                mount_point(p->scratch);
                trail_hint("give that mount the option exec, or copy the program elsewhere");
                return trail(
                        -EACCES, "%s lies on a file system that is mounted noexec (%s)", p->at,
                        p->scratch[0] ? p->scratch : "/");
        }
        if (faccessat(AT_FDCWD, p->at, X_OK, AT_EACCESS) == 0 || errno != EACCES)
                return 0;
        if (st->st_mode & 0111)
                trail_hint("it is executable for others: `chmod a+x`, or another user (--user)");
        else
                trail_hint("`chmod +x` makes it executable");
        return trail(
                -EACCES, "%s is not executable for uid %u (mode %04o, owner %u:%u)", p->at,
                geteuid(), st->st_mode & 07777, st->st_uid, st->st_gid);
}

/* ---- what is in it ---- */

static int program_examine(struct place *p, const char *path, unsigned depth);

/* The interpreter that `p->at` asks for; its words go behind ours. */
static int interpreter_examine(struct place *p, const char *interpreter, unsigned depth)
{
        char program[PATH_MAX], where[PATH_MAX];
        int r;

        text_format(program, sizeof program, "%s", p->at);
        text_format(where, sizeof where, "%s", interpreter);
        if (depth + 1 > INTERPRETERS_MAX)
                return trail(-ELOOP, "%s: too many interpreters, one behind another", program);
        r = program_examine(p, where, depth + 1);
        return r < 0 ? trail(r, "%s asks for the interpreter %s", program, where) : 0;
}

static int script_examine(struct place *p, char head[HEAD_SIZE + 1], size_t size, unsigned depth)
{
        char *line = head + 2 + strspn(head + 2, " \t");
        size_t length = strcspn(line, "\n"), word = strcspn(line, " \t\n");

        if (memchr(line, '\0', (size_t)(head + size - line)) && !line[length])
                return trail(-ENOEXEC, "%s: its #! line holds a NUL byte or never ends", p->at);
        if (!line[length] && size == HEAD_SIZE)
                return trail(-ENOEXEC, "%s: its #! line is longer than %d bytes", p->at, HEAD_SIZE);
        if (!word || line[0] == '\r')
                return trail(-ENOEXEC, "%s: its #! line names no interpreter", p->at);
        line[word] = '\0';
        if (line[word - 1] == '\r') {
                line[word - 1] = '\0';
                trail_hint("convert it: sed -i 's/\\r$//' %s", p->at);
                return trail(
                        -ENOENT,
                        "%s has line ends of Windows (CR LF): its #! line asks for an interpreter "
                        "'%s' with a CR behind its name",
                        p->at, line);
        }
        return interpreter_examine(p, line, depth);
}

static const char *machine_name(unsigned machine)
{
        static const struct {
                uint16_t machine;
                char name[14];
        } names[] = {
                { EM_386, "i386" },        { EM_X86_64, "x86-64" },   { EM_ARM, "arm" },
                { EM_AARCH64, "aarch64" }, { EM_PPC, "ppc" },         { EM_PPC64, "ppc64" },
                { EM_S390, "s390x" },      { EM_RISCV, "riscv" },     { EM_MIPS, "mips" },
                { 258, "loongarch" },      { EM_SPARCV9, "sparc64" }, { EM_68K, "m68k" },
                { EM_BPF, "BPF" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i].machine == machine)
                        return names[i].name;
        return "an unknown machine";
}

static int elf_cut_off(const struct place *p, const struct stat *st)
{
        trail_hint("copy it again: the file is incomplete");
        return trail(
                -ENOEXEC, "%s is cut off: its ELF header speaks of more than its %llu bytes", p->at,
                (unsigned long long)st->st_size);
}

/* The loader named in the program headers. */
static int elf_loader(
        int fd, struct place *p, const struct elf *elf, const struct stat *st, unsigned depth)
{
        char path[PATH_MAX];
        Elf64_Phdr entry;

        for (unsigned i = 0; i < elf->entries; i++) {
                ssize_t n;
                int r;

                if (elf_segment(fd, elf, i, &entry) < 0)
                        return elf_cut_off(p, st);
                if (entry.p_type != PT_INTERP)
                        continue;
                if (entry.p_filesz < 2 || entry.p_filesz > sizeof path)
                        return trail(-ENOEXEC, "%s: its ELF header is damaged", p->at);
                n = pread(fd, path, (size_t)entry.p_filesz, (off_t)entry.p_offset);
                if (n != (ssize_t)entry.p_filesz)
                        return elf_cut_off(p, st);
                if (path[n - 1])
                        return trail(-ENOEXEC, "%s: its ELF header is damaged", p->at);
                r = interpreter_examine(p, path, depth);
                if (r < 0 && strstr(path, "ld-musl"))
                        trail_hint("it was built for musl (Alpine): this root has another libc");
                else if (r < 0)
                        trail_hint("install the libc that it was built for, or link it statically");
                return r;
        }
        return 0;
}

static int elf_examine(
        int fd, struct place *p, const char *head, const struct stat *st, unsigned depth)
{
        struct elf elf = elf_header(head);

        if ((uint64_t)st->st_size < sizeof(Elf32_Ehdr) ||
            (elf.wide && (uint64_t)st->st_size < sizeof(Elf64_Ehdr)))
                return elf_cut_off(p, st);
        if (head[EI_DATA] != ELFDATA2LSB)
                return trail(-ENOEXEC, "%s is a program for a big-endian machine", p->at);
        if (elf.machine != MACHINE) {
                trail_hint("this machine is %s: an image for it is needed", machine_name(MACHINE));
                if (elf.machine != EM_386 && elf.machine != EM_ARM)
                        return trail(
                                -ENOEXEC, "%s is a program for %s", p->at,
                                machine_name(elf.machine));
        }
        if (elf.type != ET_EXEC && elf.type != ET_DYN)
                return trail(
                        -ENOEXEC, "%s is %s, not a program", p->at,
                        elf.type == ET_REL    ? "an object file (.o)"
                        : elf.type == ET_CORE ? "a core dump"
                                              : "an ELF file of an unknown type");
        if (!elf.entries || elf.entry_size != (elf.wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
                return trail(-ENOEXEC, "%s: its ELF header is damaged", p->at);
        return elf_loader(fd, p, &elf, st, depth);
}

/* What else it may be. */
static int unknown_examine(const struct place *p, const char *head, size_t size)
{
        static const struct {
                char magic[5];
                char words[36];
        } kinds[] = {
                { "MZ", "a program for Windows" },
                { "\xcf\xfa\xed\xfe", "a program for macOS" },
                { "\xca\xfe\xba\xbe", "a program for macOS, or of Java" },
                { "PK\x03\x04", "a zip archive" },
                { "\x1f\x8b", "a gzip file" },
                { "!<ar", "a static library or a package" },
                { "\xef\xbb\xbf#", "a script with a byte order mark" },
        };

        if (size >= 4 && !memcmp(head, "\0asm", 4))
                return trail(-ENOEXEC, "%s is WebAssembly, not a program of this machine", p->at);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (size >= 4 && !strncmp(head, kinds[i].magic, strlen(kinds[i].magic)))
                        return trail(
                                -ENOEXEC, "%s is %s, which Linux does not execute", p->at,
                                kinds[i].words);
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)head[i] < ' ' && !strchr("\t\n\r\f\033", head[i]))
                        return trail(
                                -ENOEXEC, "%s is no program: neither ELF nor a script with #!",
                                p->at);
        trail_hint("put #!/bin/sh on its first line, or run it as /bin/sh %s", p->at);
        return trail(-ENOEXEC, "%s is a text without a #! line", p->at);
}

static int content_examine(int fd, struct place *p, const struct stat *st, unsigned depth)
{
        char head[HEAD_SIZE + 1] = "";
        ssize_t n = pread(fd, head, HEAD_SIZE, 0);

        if (n < 0)
                return trail(-errno, "%s cannot be read", p->at);
        if (n == 0)
                return trail(-ENOEXEC, "%s is empty", p->at);
        if (!memcmp(head, "#!", 2))
                return script_examine(p, head, (size_t)n, depth);
        if (!memcmp(head, ELFMAG, SELFMAG))
                return elf_examine(fd, p, head, st, depth);
        return unknown_examine(p, head, (size_t)n);
}

/* A file that execve may not read but execute leaves no more to look at. */
static int program_examine(struct place *p, const char *path, unsigned depth)
{
        auto_close fd = NO_FD;
        struct stat st;
        int r = place_walk(p, path);

        if (r < 0)
                return r;
        if (stat(p->at[0] ? p->at : "/", &st) < 0)
                return trail(-errno, "%s", p->at);
        r = permission_examine(p, &st);
        if (r < 0)
                return r;
        fd = file_open(AT_FDCWD, p->at, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        return fd < 0 ? 0 : content_examine(fd, p, &st, depth);
}

/* ---- what is not in the file ---- */

static void sizes_add(const char *const *words, uint64_t *total, uint64_t *longest)
{
        for (; words && *words; words++) {
                uint64_t size = strlen(*words) + 1;

                *total += size + sizeof *words;
                *longest = size > *longest ? size : *longest;
        }
}

static int size_examine(const struct autopsy *a)
{
        uint64_t total = 0, longest = 0, soft = 0, hard = 0, most;

        sizes_add(a->args, &total, &longest);
        sizes_add(a->env, &total, &longest);
        if (longest > ARGUMENT_MAX)
                return trail(
                        a->error,
                        "%s: an argument or variable has %llu bytes; the kernel takes at most %d",
                        a->program, (unsigned long long)longest, ARGUMENT_MAX);
        process_get_rlimit(RLIMIT_STACK, &soft, &hard);
        most = soft / 4 < 6 << 20 ? soft / 4 : 6 << 20; /* as the kernel reckons, execve(2) */
        most = most > 128 << 10 ? most : 128 << 10;
        trail_hint("pass them in a file, or raise the limit: a quarter of RLIMIT_STACK counts");
        return trail(
                a->error,
                "%s: arguments and environment have %llu bytes; with this stack limit the kernel "
                "takes %llu",
                a->program, (unsigned long long)total, (unsigned long long)most);
}

/* Nothing is wrong with the files. */
static int bystander_examine(const struct autopsy *a)
{
        switch (-a->error) {
        case ETXTBSY:
                trail_hint("fuser(1) on the host says who; wait, or copy the program");
                return trail(a->error, "%s is open for writing in some process", a->program);
        case EAGAIN:
                return trail(
                        a->error, "%s: uid %u has more processes than RLIMIT_NPROC allows",
                        a->program, getuid());
        case EACCES:
        case EPERM:
        case ENOSYS:
                trail_hint(
                        "look for execve in the seccomp profile; Landlock needs a rule exec: for the "
                        "program, its loader and its libraries; AppArmor and SELinux leave a line "
                        "in the kernel's log");
                return trail(
                        a->error,
                        "%s: the file is in order: the seccomp profile or a security module "
                        "forbids it",
                        a->program);
        default:
                return trail(a->error, "%s", a->program);
        }
}

int autopsy_perform(const struct autopsy *a)
{
        struct place place;

        if (a->error == -E2BIG && a->args)
                return size_examine(a);
        if (program_examine(&place, a->program, 0) < 0)
                return a->error;
        return bystander_examine(a);
}
