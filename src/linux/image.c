/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one mount of an image for all who need it.
 *
 * Each mount of an EROFS image in a file is a file system of its own, with its own memory for what is read of it.
 * Containers of one image are to share that. So who has such a mount says so: with a lock of fcntl(2) on the image
 * at the offset that is the mount's descriptor. The kernel tells who holds a lock where (F_GETLK), and takes it away
 * when its holder ends; and pidfd_getfd(2) gives root a copy of that descriptor. There is nothing to register, to
 * repair or to unmount: the last copy takes the file system with it.
 *
 * A holder that is just ending has no descriptors any more before its locks go: it is waited for, since another one may
 * stand behind it. Where anything of this cannot be had (another pid namespace, a filter, two who begin at one moment),
 * the image is mounted once more. Only who may read the image can hold a lock of it. */
#include "linux.h"

#include <fcntl.h>
#include <unistd.h>

#include <linux/mount.h>
#include <sys/syscall.h>

/* Who has it mounted, and by which descriptor: l_pid and l_start. */
static bool find_holder(int image, struct flock *ret)
{
        *ret = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
        return fcntl(image, F_GETLK, ret) == 0 && ret->l_type != F_UNLCK && ret->l_pid > 0 &&
               ret->l_start <= INT32_MAX;
}

enum {
        ENDING_MS = 100, /* from a process's descriptors to its end, on a busy machine */
        HOLDERS = 64     /* that end one behind the other */
};

/* -EAGAIN: the holder has just ended. */
static int borrow_once(int image)
{
        struct flock before, after;
        auto_close process = NO_FD;
        int tree;

        if (!find_holder(image, &before))
                return -ENOENT;
        process = process_open(before.l_pid);
        if (process < 0)
                return process == -ESRCH ? -EAGAIN : process;
        tree = (int)syscall(SYS_pidfd_getfd, process, (int)before.l_start, 0);
        if (tree < 0) {
                int r = -errno;

                return (r == -EBADF || r == -ESRCH) && process_poll(process, ENDING_MS) > 0
                             ? -EAGAIN
                             : r;
        }
        /* A process that has the lock now had it all the time, or began with that number. */
        if (find_holder(image, &after) && after.l_pid == before.l_pid &&
            after.l_start == before.l_start && file_magic(tree) == MAGIC_EROFS)
                return tree;
        close(tree);
        return -EAGAIN;
}

static int borrow(int image)
{
        int tree = -EAGAIN;

        for (int i = 0; tree == -EAGAIN && i < HOLDERS; i++)
                tree = borrow_once(image);
        return tree;
}

static int mount_new(int image)
{
        auto_close fs = mount_open_fs("erofs");
        char source[32];
        int r = fs < 0 ? fs : 0;

        text_format(source, sizeof source, "/proc/self/fd/%d", image);
        if (r == 0)
                r = mount_set_fs(fs, "source", source);
        return r < 0 ? r : mount_make(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
}

int mount_image(const char *path, int *ret_lock)
{
        auto_close image = file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
        struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
        int tree;

        if (image < 0)
                return image;
        tree = borrow(image);
        if (tree < 0)
                tree = mount_new(image);
        if (tree == -ENOTBLK || tree == -ENODEV)
                trail_hint(
                        "the kernel mounts no layers that are images from there: pull the image again, "
                        "and they are directories");
        if (tree < 0)
                return tree;
        lock.l_start = tree;
        (void)fcntl(image, F_SETLK, &lock); /* else it is not shared */
        *ret_lock = image;
        image = NO_FD;
        return tree;
}
