/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a mount that is another process's, for us.
 *
 * The kernel clones a mount only for who is in its mount namespace. So a child of ours goes there,
 * takes the clone, which belongs to no namespace then, and hands it over; its end is the end of the
 * visit. Whose namespace it is may be hostile: the child shows nothing of itself to a debugger,
 * resolves the path inside that root without any symbolic link, and takes only the root of a mounted
 * tmpfs, memory that has no server behind it and no directory above it; or the mount that is the root
 * of the namespace itself. */
#include "linux.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/* The mount namespace of an outer user's process belongs to a user namespace that has to be entered
 * with it, where we have no rights over mounts of our own. */
static int enter(int process)
{
        int r = namespace_join(process, CLONE_NEWNS);

        return r == -EPERM ? namespace_join(process, CLONE_NEWUSER | CLONE_NEWNS) : r;
}

static int take(int process, const char *path, const struct mount_change *change)
{
        auto_close root = NO_FD, at = NO_FD;
        int r = process_hide();

        if (r == 0)
                r = enter(process);
        if (r < 0)
                return r;
        root = file_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
        if (root < 0)
                return root;
        if (!path)
                return mount_is_root(root, "") ? mount_clone_changed(root, "", false, change)
                                               : -EMEDIUMTYPE;
        at = rootpath_open(root, path, O_PATH, true);
        if (at < 0)
                return at;
        if (!mount_is_root(at, "") || file_magic(at) != MAGIC_TMPFS)
                return -EMEDIUMTYPE;
        return mount_clone_changed(at, "", false, change);
}

int mount_borrow(int process, const char *path, const struct mount_change *change)
{
        int pair[2], pidfd = NO_FD, tree = NO_FD, result = -ECONNRESET, status;
        pid_t pid;
        int r = socket_pair(pair);

        if (r < 0)
                return r;
        pid = namespace_spawn(0, NO_FD, &pidfd);
        if (pid == 0) {
                tree = take(process, path, change);
                result = tree < 0 ? tree : 0;
                socket_send(pair[1], &result, sizeof result, tree < 0 ? NO_FD : tree);
                _exit(0);
        }
        file_close(&pair[1]);
        r = pid < 0 ? pid : 0;
        if (r == 0 && socket_receive(pair[0], &result, sizeof result, &tree) != sizeof result)
                r = -ECONNRESET;
        if (r == 0)
                r = result < 0 ? result : tree;
        file_close(&pair[0]);
        file_close(&pidfd);
        if (pid > 0)
                process_wait(pid, &status);
        return r;
}

int mount_borrow_root(int process, const struct mount_change *change)
{
        return mount_borrow(process, NULL, change);
}
