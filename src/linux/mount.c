/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: mounts by descriptor.
 *
 * One call each of the new mount API, named for what it does. The kernel's own explanation of a
 * refused option is read from the fs context's message queue and left on the trail: "overlay: ..."
 * says more than EINVAL. glibc 2.36 and musl lack wrappers for some of these calls, so all go
 * through syscall(2). */
#include "linux.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

/* sys/mount.h of the C library and linux/mount.h define the same words; MS_* and MNT_* are taken
 * from whichever gives them. */
#ifndef MS_REMOUNT
#        define MS_RDONLY      1
#        define MS_NOSUID      2
#        define MS_NODEV       4
#        define MS_NOEXEC      8
#        define MS_REMOUNT     32
#        define MS_NOATIME     1024
#        define MS_NODIRATIME  2048
#        define MS_BIND        4096
#        define MS_REC         16384
#        define MS_RELATIME    (1 << 21)
#        define MS_STRICTATIME (1 << 24)
#endif

#ifndef SYS_open_tree_attr
#        define SYS_open_tree_attr 467 /* on every architecture */
#endif

static int result(long r)
{
        return r < 0 ? -errno : (int)r;
}

/* The kernel's message for a failed fsconfig, "e text" or "w text"; returns `error`. */
static int explain(int fs, int error)
{
        char message[256];
        ssize_t n = read(fs, message, sizeof message - 1);

        if (n > 2) {
                message[n] = '\0';
                if (message[n - 1] == '\n')
                        message[n - 1] = '\0';
                trail(error, "the kernel says: %s", message + 2);
        }
        return error;
}

/* Is it the kernel that finds fault with the arguments? */
static bool answers(long r, bool capable)
{
        return r < 0 && (errno == EINVAL || (errno == EPERM && !capable));
}

bool mount_has_interface(bool capable)
{
        const unsigned none = ~0u;

        return answers(syscall(SYS_open_tree, -1, "", none), true) &&
               answers(syscall(SYS_fsopen, "", none), capable) &&
               answers(syscall(SYS_fsmount, -1, none, 0), capable) &&
               answers(syscall(SYS_fsconfig, -1, none, NULL, NULL, 0), true) &&
               answers(syscall(SYS_move_mount, -1, "", -1, "", none), capable);
}

bool mount_has_setattr(void)
{
        return answers(syscall(SYS_mount_setattr, -1, "", ~0u, NULL, 0), true);
}

int mount_open_fs(const char *type)
{
        return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

int mount_set_fs(int fs, const char *key, const char *value)
{
        int r = result(syscall(
                SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0));

        return r < 0 ? explain(fs, r) : 0;
}

int mount_set_fs_fd(int fs, const char *key, int fd)
{
        int r = result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));

        return r < 0 ? explain(fs, r) : 0;
}

int mount_make(int fs, uint64_t attributes)
{
        int r = result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));

        if (r < 0)
                return explain(fs, r);
        return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)attributes));
}

static unsigned clone_flags(int dir, const char *path, bool recursive)
{
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

        if (recursive)
                flags |= AT_RECURSIVE;
        if (!*path)
                flags |= AT_EMPTY_PATH;
        else if (dir != AT_FDCWD)
                flags |= AT_SYMLINK_NOFOLLOW;
        return flags;
}

int mount_clone(int dir, const char *path, bool recursive)
{
        return result(syscall(SYS_open_tree, dir, path, clone_flags(dir, path, recursive)));
}

static struct mount_attr attributes_of(uint64_t set, uint64_t clear, uint64_t propagation)
{
        struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

        /* The atime bits are one field: setting one means clearing the field. */
        if (set & MOUNT_ATTR__ATIME || clear & MOUNT_ATTR__ATIME)
                attr.attr_clr |= MOUNT_ATTR__ATIME;
        return attr;
}

int mount_clone_changed(
        int dir, const char *path, bool recursive, const struct mount_change *change)
{
        struct mount_attr attr = attributes_of(change->set, change->clear, change->propagation);
        int tree, r;

        if (!change->set && !change->clear && !change->propagation)
                return mount_clone(dir, path, recursive);
        tree = result(
                syscall(SYS_open_tree_attr, dir, path, clone_flags(dir, path, recursive), &attr,
                        sizeof attr));
        if (tree != -ENOSYS && tree != -EPERM) /* an old kernel, or a filter around us */
                return tree;
        tree = mount_clone(dir, path, recursive);
        if (tree < 0)
                return tree;
        r = mount_set_attributes(tree, change->set, change->clear, change->propagation, recursive);
        if (r == 0)
                return tree;
        close(tree);
        return r;
}

int mount_set_attributes(
        int tree, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive)
{
        struct mount_attr attr = attributes_of(set, clear, propagation);
        unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

        return result(syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr));
}

int mount_map_ids(int tree, int ns, bool recursive)
{
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)ns };
        unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

        return result(syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr));
}

/* "mnt_id:" of /proc/self/fdinfo, proc(5); -1: it is not to be had. */
static long fdinfo_mount(int fd)
{
        char text[512];
        auto_close info = NO_FD;
        const char *at;
        long number = 0;
        ssize_t n;

        text_format(text, sizeof text, "/proc/self/fdinfo/%d", fd);
        info = file_open(AT_FDCWD, text, O_RDONLY, 0);
        /* A container's /proc may be anything. */
        n = info < 0 || file_magic(info) != MAGIC_PROC ? -1 : read(info, text, sizeof text - 1);
        if (n < 0)
                return -1;
        text[n] = '\0';
        at = strstr(text, "mnt_id:");
        at = at ? at + strlen("mnt_id:") : "";
        while (*at == '\t' || *at == ' ')
                at++;
        if (*at < '0' || *at > '9')
                return -1;
        for (; *at >= '0' && *at <= '9' && number <= INT32_MAX; at++)
                number = number * 10 + (*at - '0');
        return number;
}

/* The same of Linux 5.6 and 5.7: a mount's root is not on the mount that holds what is above it; and above "/", which
 * setns(2) makes the root of a mount, is nothing. */
static bool is_on_another_mount(int dir, const char *path)
{
        auto_close fd = NO_FD, above = NO_FD;
        struct stat own, other;
        char parent[PATH_MAX];
        char *slash;
        long number;

        fd = file_open(dir, *path ? path : ".", O_PATH | O_NOFOLLOW, 0);
        above = file_open(fd, "..", O_PATH | O_DIRECTORY, 0);
        /* Only a directory knows what is above it. */
        if (above == -ENOTDIR && text_format(parent, sizeof parent, "%s", path) < sizeof parent) {
                slash = strrchr(parent, '/');
                slash = slash ? slash + 1 : parent;
                *slash = '\0';
                above = file_open(dir, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0);
        }
        if (fd < 0 || above < 0 || file_stat(fd, "", AT_EMPTY_PATH, &own) < 0 ||
            file_stat(above, "", AT_EMPTY_PATH, &other) < 0)
                return false;
        if (own.st_dev == other.st_dev && own.st_ino == other.st_ino)
                return true;
        number = fdinfo_mount(fd);
        return number >= 0 && fdinfo_mount(above) >= 0 && number != fdinfo_mount(above);
}

/* statx(2), STATX_ATTR_MOUNT_ROOT. musl 1.2.3 has no struct statx, and the kernel's header that has
 * it cannot be included beside sys/stat.h: stx_attributes is the second of its 64-bit words, and the eighth says
 * which of them the kernel knows. */
bool mount_is_root(int dir, const char *path)
{
        const unsigned flags = AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH);
        const uint64_t root = 0x2000;
        uint64_t words[32];

        if (syscall(SYS_statx, dir, path, flags, 0, words) == 0 && words[7] & root)
                return words[1] & root;
        return is_on_another_mount(dir, path);
}

int mount_attach(int tree, int target)
{
        return result(
                syscall(SYS_move_mount, tree, "", target, "",
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int mount_attach_name(int tree, int dir, const char *name)
{
        return result(syscall(SYS_move_mount, tree, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH));
}

int mount_remount(int tree, uint64_t attributes)
{
        static const struct {
                uint64_t attribute;
                unsigned long flag;
        } words[] = {
                { MOUNT_ATTR_RDONLY, MS_RDONLY },
                { MOUNT_ATTR_NOSUID, MS_NOSUID },
                { MOUNT_ATTR_NODEV, MS_NODEV },
                { MOUNT_ATTR_NOEXEC, MS_NOEXEC },
                { MOUNT_ATTR_NOATIME, MS_NOATIME },
                { MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
                { MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
                { MOUNT_ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW */ },
        };

        unsigned long flags = MS_REMOUNT | MS_BIND;
        char path[32];

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (attributes & words[i].attribute)
                        flags |= words[i].flag;
        if (!(attributes & (MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME)))
                flags |= MS_RELATIME;
        text_format(path, sizeof path, "/proc/self/fd/%d", tree);
        return result(mount(NULL, path, NULL, flags, NULL));
}

int mount_change_attributes(int tree, uint64_t set, uint64_t clear)
{
        uint64_t attributes;
        int r = mount_get_attributes(tree, &attributes);

        if (r < 0)
                return r;
        if ((set | clear) & MOUNT_ATTR__ATIME)
                clear |= MOUNT_ATTR__ATIME;
        return mount_remount(tree, (attributes & ~clear) | set);
}

int mount_change_propagation(int tree, unsigned long flags)
{
        char path[32];

        text_format(path, sizeof path, "/proc/self/fd/%d", tree);
        return result(mount(NULL, path, NULL, flags, NULL));
}

/* Out of a chroot: joining our own mount namespace again makes its root ours, setns(2). */
static int leave_chroot(void)
{
        auto_close fd = file_open(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY, 0);

        return fd < 0 ? fd : namespace_join(fd, CLONE_NEWNS);
}

int mount_set_propagation(const char *path, unsigned long flags)
{
        auto_close root = NO_FD;
        int r = result(mount(NULL, path, NULL, flags, NULL));

        if (r != -EINVAL || !text_equal(path, "/"))
                return r;
        /* In a chroot "/" is no mount: say it to the namespace's own root, and come back. */
        root = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        if (root < 0)
                return root;
        r = leave_chroot();
        if (r == 0)
                r = result(mount(NULL, "/", NULL, flags, NULL));
        if (r == 0 && (fchdir(root) < 0 || chroot(".") < 0))
                r = -errno;
        return r;
}

int mount_pivot(int root)
{
        int r;

        if (fchdir(root) < 0)
                return -errno;
        r = result(syscall(SYS_pivot_root, ".", "."));
        if (r == -EINVAL && leave_chroot() == 0 && fchdir(root) == 0)
                /* A root that is no mount cannot be pivoted away from; the namespace's own can. */
                r = result(syscall(SYS_pivot_root, ".", "."));
        if (r < 0)
                return r;
        /* The old root now lies on top of the new one, and "." is it: pivot_root(2), NOTES. */
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return -errno;
        return 0;
}

/* The fifth word of a line of mountinfo, relative to "/" and with \\ooo decoded, in place; NULL for
 * "/" itself. */
static const char *mount_point(char *line)
{
        char *word = line, *to;

        for (int i = 0; i < 4 && word; i++)
                word = strchr(word + (i > 0), ' ');
        if (!word || word[1] != '/' || word[2] == ' ')
                return NULL;
        word = to = word + 2;
        for (const char *at = word; *at && *at != ' '; to++)
                if (at[0] == '\\' && at[1] && at[2] && at[3]) {
                        *to = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
                        at += 4;
                } else {
                        *to = *at++;
                }
        *to = '\0';
        return word;
}

static void detach_line(char *line)
{
        const char *path = mount_point(line);

        if (path)
                umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* Take away each mount that the list names, as seen from the current directory: what lies in a root
 * that was moved to the top is not found from there, or is no mount there. */
static int detach_listed(int list)
{
        char buffer[40 << 10]; /* holds a line's two paths at their longest, which is with \ooo; an
                                  overlay's options can be longer still, and are passed over */
        size_t used = 0;
        bool tail = false;
        ssize_t n;

        while ((n = read(list, buffer + used, sizeof buffer - 1 - used)) > 0) {
                char *line = buffer, *end;

                used += (size_t)n;
                buffer[used] = '\0';
                for (; (end = strchr(line, '\n')); line = end + 1, tail = false) {
                        *end = '\0';
                        if (!tail)
                                detach_line(line);
                }
                used -= (size_t)(line - buffer);
                memmove(buffer, line, used);
                if (used == sizeof buffer - 1) {
                        if (!tail)
                                detach_line(buffer);
                        tail = true;
                        used = 0;
                }
        }
        return n < 0 ? -errno : 0;
}

int mount_move_root(int root)
{
        auto_close old = NO_FD, list = NO_FD;
        int r = leave_chroot();

        if (r < 0)
                return r;
        old = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        list = file_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
        if (old < 0 || list < 0)
                return old < 0 ? old : list;
        r = mount_attach(root, old);
        if (r < 0)
                return r;
        if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(old) < 0)
                return -errno;
        r = detach_listed(list);
        return r == 0 && chdir("/") < 0 ? -errno : r;
}

int mount_detach(const char *path)
{
        return result(umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW));
}

int mount_unmount(const char *path)
{
        return result(umount2(path, UMOUNT_NOFOLLOW));
}

int mount_detach_fd(int fds, int fd)
{
        char name[16];
        int r;

        text_format(name, sizeof name, "%d", fd);
        if (fchdir(fds) < 0)
                return -errno;
        r = result(umount2(name, MNT_DETACH));
        if (chdir("/") < 0 && r == 0)
                r = -errno;
        return r;
}

/* struct statx of linux/stat.h, as far as it is needed: the C libraries' headers differ in the rest. */
struct mount_statx {
        uint32_t mask, block_size;
        uint64_t attributes;
        uint8_t others[128];
        uint64_t mount;
        uint8_t rest[104];
};

_Static_assert(sizeof(struct mount_statx) == 256, "as the kernel fills it");

int mount_number(int fd, uint64_t *ret_number, bool *ret_is_root)
{
        const unsigned mount = 0x1000, unique = 0x4000; /* STATX_MNT_ID, STATX_MNT_ID_UNIQUE */
        struct mount_statx st = { 0 };

        if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mount | unique, &st) < 0)
                return -errno;
        if (!(st.mask & (mount | unique)))
                return -ENOSYS;
        *ret_number = st.mount;
        if (ret_is_root)
                *ret_is_root = st.attributes & 0x2000; /* STATX_ATTR_MOUNT_ROOT */
        return 0;
}

int mount_get_attributes(int fd, uint64_t *ret_attributes)
{
        static const struct {
                unsigned long flag;
                uint64_t attribute;
        } words[] = {
                { 1, MOUNT_ATTR_RDONLY },         { 2, MOUNT_ATTR_NOSUID },
                { 4, MOUNT_ATTR_NODEV },          { 8, MOUNT_ATTR_NOEXEC },
                { 1024, MOUNT_ATTR_NOATIME },     { 2048, MOUNT_ATTR_NODIRATIME },
                { 8192, MOUNT_ATTR_NOSYMFOLLOW },
        };

        const unsigned long times = 1024 | 4096; /* ST_NOATIME, ST_RELATIME; neither: strict */
        struct statfs fs;
        uint64_t attributes = 0;

        if (fstatfs(fd, &fs) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if ((unsigned long)fs.f_flags & words[i].flag)
                        attributes |= words[i].attribute;
        if (!((unsigned long)fs.f_flags & times))
                attributes |= MOUNT_ATTR_STRICTATIME;
        *ret_attributes = attributes;
        return 0;
}
