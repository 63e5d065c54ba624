/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: mapped, filled and changed mounts.
 *
 * The operations on mounts that only some containers have; those of every container are in ops.c. */
#include "ops.h"

#include <fcntl.h>
#include <unistd.h>

#include <sys/stat.h>

int do_make_idmap(struct machine *m, const struct op_make_idmap *o)
{
        return put(m, o->ns, idmap_open(o->uid_map, o->gid_map));
}

int do_map_mount(struct machine *m, const struct op_map_mount *o)
{
        int r = mount_map_ids(slot(m, o->tree), slot(m, o->ns), o->recursive != 0);

        if (r != -EINVAL)
                return r;
        trail_hint("the kernel maps ids on most local file systems, and on none that is mapped "
                   "already or that keeps ids elsewhere (NFS, FUSE without support, procfs); with "
                   "ridmap this goes for all that is mounted below, too");
        return trail(r, "the file system does not let its ids be mapped");
}

int do_copy_owner(struct machine *m, const struct op_copy_owner *o)
{
        auto_close dir = file_open(AT_FDCWD, o->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        struct stat st;

        if (dir < 0)
                return dir;
        if (fstat(slot(m, o->from), &st) < 0 || fchown(dir, st.st_uid, st.st_gid) < 0 ||
            fchmod(dir, st.st_mode & 07777) < 0)
                return trail(-errno, "cannot give %s its owner", o->path);
        return 0;
}

int do_copy_up(struct machine *m, const struct op_copy_up *o)
{
        auto_close from = rootpath_open(slot(m, o->root), o->path, O_RDONLY | O_DIRECTORY, false);
        auto_close to = NO_FD;
        int r;

        if (from == -ENOENT || from == -ENOTDIR)
                return 0; /* nothing to copy; attach makes the directory or says what is there */
        if (from < 0)
                return from;
        to = file_open(slot(m, o->tree), ".", O_RDONLY | O_DIRECTORY, 0);
        if (to < 0)
                return to;
        r = copy_tree(from, to, o->whole != 0);
        if (r == -E2BIG)
                return trail(
                        r, "%s has more than %d names, or is more than %d directories deep",
                        o->path, (int)COPY_ENTRIES, (int)COPY_DEPTH);
        if (r == -ENOSPC)
                trail_hint("the tmpfs is too small for it: give it a larger size=");
        return r < 0 ? trail(r, "cannot copy %s into the tmpfs", o->path) : 0;
}

int do_open_mount(struct machine *m, const struct op_open_mount *o)
{
        int fd = rootpath_open(slot(m, o->root), o->path, O_PATH, false);

        if (fd == -ENOENT)
                return trail(fd, "%s does not exist, so nothing is mounted there", o->path);
        return put(m, o->tree, fd);
}
