/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: husk without its protections, to see that an attack would succeed.
 *
 * A test that shows an attack failing proves little: the attack may be a bad one. So each is shown
 * to succeed against this program, which is all of husk, linked with this file, and in which the
 * protection is taken out that is said to stop the attack. HUSK_WEAK in the environment is a list,
 * with commas between, of
 *
 *   OPERATION, host:OPERATION, init:OPERATION, any of them with @N
 *            an operation of the plan by its name (the N-th of that name, from 1): it is passed over
 *   GUARD    one of the table below, which is no operation: the call to the kernel, or the function,
 *            that it stands for is replaced by what a program without that care would do
 *
 * The linker puts the functions __wrap_NAME in the place of NAME (tests/meson.build has the list).
 * The face is that of the name it is started by, as with husk. A word that is neither is an error. */
#include "cli/cli.h"
#include "linux/linux.h"
#include "plan/plan.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum guard {
        IN_ROOT,         /* names below a root: absolute links and ".." lead to the host's */
        STRICT,          /* mount targets may be reached through symbolic links */
        ONE_MOUNT,       /* files of procfs and cgroupfs: whatever lies there, mounts crossed */
        MAGIC,           /* every file system is the procfs that it should be */
        SEAL_EXECUTABLE, /* husk runs from its file, which can be written to */
        DUMPABLE,        /* husk can be looked into */
        CLOSE_RANGE,     /* descriptors stay open, and are not marked */
        INSIDE,          /* the working directory may be anywhere */
        VERIFY,          /* any plan is done */
        DESTINATION,     /* mounts may lie on and in /proc */
        HOST_NULL,       /* masks are of the file that HUSK_WEAK_NULL names, the container's */
        READ_ONLY,       /* new file systems are mounted so that they can be written to */
        CLOSED,          /* a new cgroup can be opened by all before it is claimed */
        IDENTITY,        /* a process with the container's number is its process */
        ARCHITECTURE,    /* the seccomp filter takes every call for one of x86-64 */
        VISIBLE,         /* what others named is printed as it is */
        NAMES,           /* ids of containers are any words */
        RANGE,           /* numbers are cut to 32 bits */
        CONTROL,         /* names may have lines and escapes */
        SYSCTL,          /* sysctls may be of no namespace */
        MODES,           /* our directories can be read by all */
        PLAIN,           /* a file is what its name says, and waited for */
        MARK,            /* every directory is marked as one that we have made */
        PLACE,           /* what anybody mounts in a namespace of their own has a say */
        NUMBER,          /* a cgroup is known by its path */
        BELOW,           /* what a container has frozen below its cgroup is not looked for */
        NOTE,            /* a layer is what an image says, whatever it was found in */
        NO_CGROUP_KILL, /* no protection: the kernel of before Linux 5.14, which has no cgroup.kill */
        STALLED,        /* no protection: a volume whose image has no end is filled for ever */
        HOLES,          /* every byte of a file is data */
        GUARDS
};

static const char *const guard_names[GUARDS] = {
        "in_root",  "strict",      "one_mount",   "magic",    "seal_executable",
        "dumpable", "close_range", "inside",      "verify",   "destination",
        "null",     "read_only",   "closed",      "identity", "architecture",
        "visible",  "names",       "range",       "control",  "sysctl",
        "modes",    "plain",       "mark",        "place",    "number",
        "below",    "note",        "cgroup.kill", "stalled",  "holes",
};

/* -- what HUSK_WEAK says ------------------------------------------------------------------------- */

static bool word_is(const char *word, size_t size, const char *name)
{
        return strlen(name) == size && memcmp(word, name, size) == 0;
}

static const char *name_of(uint8_t code)
{
        return op_name(&(struct op){ .code = code });
}

/* "init:mask_path@2": the actor (ACTORS: either), the operation and which of them (0: all). False: it is
 * no operation. */
static bool read_operation(const char *word, size_t size, int *ret_actor, int *ret_code, int *ret_n)
{
        const char *at = memchr(word, '@', size);

        *ret_n = at ? atoi(at + 1) : 0;
        *ret_actor = ACTORS;
        if (at)
                size = (size_t)(at - word);
        if (size > 5 && memcmp(word, "host:", 5) == 0)
                *ret_actor = HOST;
        if (size > 5 && memcmp(word, "init:", 5) == 0)
                *ret_actor = INIT;
        if (*ret_actor != ACTORS) {
                word += 5;
                size -= 5;
        }
        for (int code = 0; code < OP_COUNT; code++)
                if (word_is(word, size, name_of((uint8_t)code))) {
                        *ret_code = code;
                        return true;
                }
        return false;
}

/* The words of the list one by one; NULL: no more. */
static const char *next_word(const char *after, size_t *size)
{
        const char *word = after ? after + *size : getenv("HUSK_WEAK");

        if (word)
                word += strspn(word, ",");
        if (!word || !*word)
                return NULL;
        *size = strcspn(word, ",");
        return word;
}

static bool is_off(enum guard guard)
{
        size_t size = 0;

        for (const char *word = NULL; (word = next_word(word, &size));)
                if (word_is(word, size, guard_names[guard]))
                        return true;
        return false;
}

/* Before main: a misspelt word would be a control that protects. */
__attribute__((constructor)) static void check_words(void)
{
        size_t size = 0;

        for (const char *word = NULL; (word = next_word(word, &size));) {
                int actor, code, n;
                bool known = read_operation(word, size, &actor, &code, &n);

                for (enum guard guard = 0; guard < GUARDS; guard++)
                        known |= word_is(word, size, guard_names[guard]);
                if (known)
                        continue;
                fprintf(stderr, "weak: HUSK_WEAK: there is no %.*s\n", (int)size, word);
                exit(125);
        }
}

/* -- operations ---------------------------------------------------------------------------------- */

int plan_fault(const struct machine *m, bool after)
{
        const struct op *ops = m->plan->list[m->actor].ops;
        size_t size = 0;

        while (!after && ops[m->failed].code == OP_copy_up && is_off(STALLED))
                pause();
        for (const char *word = NULL; !after && (word = next_word(word, &size));) {
                int actor, code, n, place = 0;

                if (!read_operation(word, size, &actor, &code, &n) ||
                    (actor != ACTORS && actor != m->actor) || code != ops[m->failed].code)
                        continue;
                for (size_t i = 0; i <= m->failed; i++)
                        place += ops[i].code == code;
                if (n == 0 || n == place)
                        return 1;
        }
        return 0;
}

/* -- guards -------------------------------------------------------------------------------------- */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __real_cgroup_make_closed(const char *path, bool tasks, bool *ret_made);
int __wrap_cgroup_make_closed(const char *path, bool tasks, bool *ret_made);
int __real_file_put(int dir, const char *path, const char *value);
int __wrap_file_put(int dir, const char *path, const char *value);
int __real_process_is(pid_t pid, int pidfd, const struct process_id *id);
int __wrap_process_is(pid_t pid, int pidfd, const struct process_id *id);
int64_t __real_file_magic(int fd);
int64_t __wrap_file_magic(int fd);
struct mount_job;
int __real_compile_check_destination(const struct mount_job *job);
int __wrap_compile_check_destination(const struct mount_job *job);
int __real_plan_verify(const struct plan *plan);
int __wrap_plan_verify(const struct plan *plan);
int __real_container_check_id(const char *id);
int __wrap_container_check_id(const char *id);
void __real_text_add_visible(struct text *text, const char *string);
void __wrap_text_add_visible(struct text *text, const char *string);
int __real_text_u64(const char *string, uint64_t *ret);
int __wrap_text_u64(const char *string, uint64_t *ret);
bool __real_text_has_control(const char *string, size_t size);
bool __wrap_text_has_control(const char *string, size_t size);
int __real_json_u64(const struct json *value, uint64_t *ret);
int __wrap_json_u64(const struct json *value, uint64_t *ret);
int __real_spec_error(
        const struct json *at, const char *name, const char *pointer, const char *format, ...);
int __wrap_spec_error(
        const struct json *at, const char *name, const char *pointer, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_file_open(int dir, const char *path, int flags, mode_t mode);
int __wrap_file_open(int dir, const char *path, int flags, mode_t mode);
int __wrap_fstat(int fd, struct stat *ret);
int __wrap_fstat64(int fd, struct stat *ret); /* what glibc calls it */
int __real_cgroup_has_number(const char *path, uint64_t number);
int __wrap_cgroup_has_number(const char *path, uint64_t number);
int __real_freezer_is_frozen_below(const char *path);
int __wrap_freezer_is_frozen_below(const char *path);
bool __real_namespace_is_of_others(int dir, const char *path, uid_t user);
bool __wrap_namespace_is_of_others(int dir, const char *path, uid_t user);
bool __real_layout_has_unpacked(
        const struct layout *layout, const char *digest, const char *diff_id);
bool __wrap_layout_has_unpacked(
        const struct layout *layout, const char *digest, const char *diff_id);
int __real_file_next_data(int fd, uint64_t at, uint64_t size, struct file_data *ret);
int __wrap_file_next_data(int fd, uint64_t at, uint64_t size, struct file_data *ret);
int __real_process_seal_executable(char *const *argv, char *const *envp);
int __wrap_process_seal_executable(char *const *argv, char *const *envp);

/* As a program does that joins strings: a link is followed to wherever it leads. */
static long open_weakly(const long a[5])
{
        struct open_how how = *(const struct open_how *)a[2];

        if (how.resolve & RESOLVE_IN_ROOT) {
                if (is_off(STRICT))
                        how.resolve &= ~(uint64_t)RESOLVE_NO_SYMLINKS;
                if (is_off(IN_ROOT))
                        return openat((int)a[0], (const char *)a[1], (int)how.flags, how.mode);
        } else if (is_off(ONE_MOUNT)) {
                return openat((int)a[0], (const char *)a[1], (int)how.flags & ~O_NOFOLLOW);
        }
        return __real_syscall(SYS_openat2, a[0], a[1], &how, sizeof how);
}

/* A link that the target is, is followed, too: by a descriptor of what it leads to, which can be seen from outside. */
static long move_mount_weakly(const long a[5])
{
        const char *target = (const char *)a[3];
        auto_close to = NO_FD;

        if (!*target)
                return __real_syscall(SYS_move_mount, a[0], a[1], a[2], a[3], a[4]);
        to = openat((int)a[2], target, O_PATH | O_CLOEXEC);
        if (to < 0)
                return -1;
        return __real_syscall(SYS_move_mount, a[0], a[1], to, "", a[4] | MOVE_MOUNT_T_EMPTY_PATH);
}

/* The word of the call that says by which way it came in is a constant for this filter. Child-safe. */
static long load_weakly(const long a[5])
{
        const struct sock_fprog *given = (const struct sock_fprog *)a[2];
        struct sock_filter program[BPF_MAXINSNS];
        struct sock_fprog weak = { .len = given->len, .filter = program };

        memcpy(program, given->filter, given->len * sizeof *program);
        for (size_t i = 0; i < given->len; i++)
                if (program[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
                    program[i].k == offsetof(struct seccomp_data, arch))
                        program[i] =
                                (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, AUDIT_ARCH_X86_64);
        return __real_syscall(SYS_seccomp, a[0], a[1], &weak);
}

long __wrap_syscall(long number, ...)
{
        va_list values;
        long a[6];

        va_start(values, number);
        for (size_t i = 0; i < ARRAY_SIZE(a); i++)
                a[i] = va_arg(values, long);
        va_end(values);
        if (number == SYS_openat2)
                return open_weakly(a);
        if (number == SYS_move_mount && is_off(IN_ROOT))
                return move_mount_weakly(a);
        if (number == SYS_seccomp && a[0] == SECCOMP_SET_MODE_FILTER && is_off(ARCHITECTURE))
                return load_weakly(a);
        if (number == SYS_open_tree && a[1] && is_off(HOST_NULL) &&
            text_equal((const char *)a[1], "/dev/null") && getenv("HUSK_WEAK_NULL"))
                a[1] = (long)getenv("HUSK_WEAK_NULL");
        if (number == SYS_fsmount && is_off(READ_ONLY))
                a[2] &= ~(long)MOUNT_ATTR_RDONLY;
        if (number == SYS_getcwd && is_off(INSIDE))
                return (long)text_format((char *)a[0], (size_t)a[1], "/") + 1;
        if (number == SYS_close_range && is_off(CLOSE_RANGE))
                return 0;
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_prctl(int option, ...)
{
        va_list values;
        unsigned long a[4];

        va_start(values, option);
        for (size_t i = 0; i < ARRAY_SIZE(a); i++)
                a[i] = va_arg(values, unsigned long);
        va_end(values);
        if (option == PR_SET_DUMPABLE && is_off(DUMPABLE))
                return 0;
        return __real_prctl(option, a[0], a[1], a[2], a[3]);
}

int __wrap_cgroup_make_closed(const char *path, bool tasks, bool *ret_made)
{
        *ret_made = false;
        if (!is_off(CLOSED))
                return __real_cgroup_make_closed(path, tasks, ret_made);
        return cgroup_make(path, tasks);
}

int __wrap_file_put(int dir, const char *path, const char *value)
{
        if (is_off(NO_CGROUP_KILL) && text_equal(path, "cgroup.kill"))
                return -ENOENT;
        return __real_file_put(dir, path, value);
}

int __wrap_process_is(pid_t pid, int pidfd, const struct process_id *id)
{
        return is_off(IDENTITY) ? 1 : __real_process_is(pid, pidfd, id);
}

int64_t __wrap_file_magic(int fd)
{
        return is_off(MAGIC) ? MAGIC_PROC : __real_file_magic(fd);
}

int __wrap_compile_check_destination(const struct mount_job *job)
{
        return is_off(DESTINATION) ? 0 : __real_compile_check_destination(job);
}

int __wrap_plan_verify(const struct plan *plan)
{
        return is_off(VERIFY) ? 0 : __real_plan_verify(plan);
}

int __wrap_process_seal_executable(char *const *argv, char *const *envp)
{
        return is_off(SEAL_EXECUTABLE) ? 0 : __real_process_seal_executable(argv, envp);
}

int __wrap_container_check_id(const char *id)
{
        return is_off(NAMES) ? 0 : __real_container_check_id(id);
}

void __wrap_text_add_visible(struct text *text, const char *string)
{
        if (is_off(VISIBLE))
                text_add(text, string);
        else
                __real_text_add_visible(text, string);
}

int __wrap_text_u64(const char *string, uint64_t *ret)
{
        int r = __real_text_u64(string, ret);

        if (r == 0 && is_off(RANGE))
                *ret = (uint32_t)*ret;
        return r;
}

bool __wrap_text_has_control(const char *string, size_t size)
{
        return !is_off(CONTROL) && __real_text_has_control(string, size);
}

int __wrap_json_u64(const struct json *value, uint64_t *ret)
{
        int r = __real_json_u64(value, ret);

        if (r == 0 && is_off(RANGE))
                *ret = (uint32_t)*ret;
        return r;
}

/* Of a name or a value that cannot be taken nothing is written then. */
int __wrap_spec_error(
        const struct json *at, const char *name, const char *pointer, const char *format, ...)
{
        char words[1000];
        va_list values;

        if (is_off(SYSCTL) && text_starts(pointer, "/linux/sysctl/"))
                return 0;
        va_start(values, format);
        text_vformat(words, sizeof words, format, values);
        va_end(values);
        return __real_spec_error(at, name, pointer, "%s", words);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
        return __real_mkdir(path, is_off(MODES) ? mode | 0755 : mode);
}

int __wrap_file_open(int dir, const char *path, int flags, mode_t mode)
{
        if (is_off(PLAIN))
                flags &= ~(O_NONBLOCK | O_NOFOLLOW);
        return __real_file_open(dir, path, flags, mode);
}

int __wrap_fstat(int fd, struct stat *ret)
{
        int r = fstatat(fd, "", ret, AT_EMPTY_PATH);

        if (r == 0 && is_off(PLAIN) && !S_ISDIR(ret->st_mode))
                ret->st_mode = S_IFREG | 0600;
        if (r == 0 && is_off(MARK) && S_ISDIR(ret->st_mode))
                ret->st_mode = S_IFDIR | 01700;
        return r;
}

int __wrap_fstat64(int fd, struct stat *ret)
{
        return __wrap_fstat(fd, ret);
}

int __wrap_cgroup_has_number(const char *path, uint64_t number)
{
        int r = __real_cgroup_has_number(path, number);

        return r == 0 && is_off(NUMBER) ? 1 : r;
}

bool __wrap_namespace_is_of_others(int dir, const char *path, uid_t user)
{
        return !is_off(PLACE) && __real_namespace_is_of_others(dir, path, user);
}

int __wrap_freezer_is_frozen_below(const char *path)
{
        return is_off(BELOW) ? 0 : __real_freezer_is_frozen_below(path);
}

bool __wrap_layout_has_unpacked(
        const struct layout *layout, const char *digest, const char *diff_id)
{
        return __real_layout_has_unpacked(layout, digest, diff_id) ||
               (is_off(NOTE) && layout_has_layer(layout, diff_id));
}

int __wrap_file_next_data(int fd, uint64_t at, uint64_t size, struct file_data *ret)
{
        if (!is_off(HOLES))
                return __real_file_next_data(fd, at, size, ret);
        *ret = (struct file_data){ at, size };
        return at < size;
}
