/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: mapped, filled and changed mounts; and those of containers that run.
 *
 * The operations on mounts that only some containers have; those of every container are in ops.c.
 * What is added to a running container is known by the kernel's number of the mount, which the journal
 * learns before the mount can be seen: whatever else the container puts there is not taken for it. */
#include "ops.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

int do_make_idmap(struct machine *m, const struct op_make_idmap *o)
{
        const struct idmap map = {
                .uid_map = o->uid_map,
                .gid_map = o->gid_map,
                .uid_helper = o->uid_helper,
                .gid_helper = o->gid_helper,
        };

        return put(m, o->ns, idmap_open(&map));
}

int do_map_mount(struct machine *m, const struct op_map_mount *o)
{
        int r = mount_map_ids(slot(m, o->tree), slot(m, o->ns), o->recursive != 0);

        if (r != -EINVAL)
                return r;
        trail_hint(
                "the kernel maps ids on most local file systems (tmpfs only since Linux 6.3), and on "
                "none that is mapped already or that keeps ids elsewhere (overlay, NFS, FUSE "
                "without support, procfs); with ridmap this goes for all that is mounted below, "
                "too");
        return trail(r, "the file system does not let its ids be mapped");
}

int do_mount_image(struct machine *m, const struct op_mount_image *o)
{
        int lock, tree = mount_image(o->path, &lock);

        if (tree < 0)
                return trail(tree, "cannot mount the layer %s: %s", o->path, text_errno(tree));
        m->fd[o->lock] = lock;
        return put(m, o->tree, tree);
}

enum {
        LAYERS_MOST = 64
};

/* "7:8:9", the option of layers, which stay open in `dirs`. */
static int open_layers(const WORDS *lower, int *dirs, char *option, size_t size)
{
        size_t len = 0;

        if (lower->n > LAYERS_MOST)
                return trail(-E2BIG, "%zu layers are too many", lower->n);
        for (size_t i = 0; i < lower->n; i++) {
                dirs[i] = file_open(AT_FDCWD, lower->items[i], O_PATH | O_DIRECTORY, 0);
                if (dirs[i] < 0)
                        return trail(dirs[i], "cannot open the layer %s", lower->items[i]);
                len += text_format(option + len, size - len, "%s%d", i ? ":" : "", dirs[i]);
        }
        return 0;
}

int do_make_layered(struct machine *m, const struct op_make_layered *o)
{
        auto_close before = file_open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
        int dirs[LAYERS_MOST], tree = process_change_dir("/proc/self/fd");
        char option[LAYERS_MOST * 12];

        for (size_t i = 0; i < LAYERS_MOST; i++)
                dirs[i] = NO_FD;
        if (before < 0 || tree < 0)
                return before < 0 ? before : tree;
        tree = open_layers(&o->lower, dirs, option, sizeof option);
        if (tree == 0)
                tree = mount_set_fs(slot(m, o->fs), "lowerdir", option);
        if (tree == 0)
                tree = mount_make(slot(m, o->fs), o->attrs);
        for (size_t i = 0; i < LAYERS_MOST; i++)
                file_close(&dirs[i]);
        if (m->actor == HOST)
                file_close(&m->fd[o->fs]);
        tree = put(m, o->tree, tree);
        return tree == 0 && fchdir(before) < 0 ? -errno : tree;
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
        struct copy_options options;
        int r;

        if (from == -ENOENT || from == -ENOTDIR)
                return 0; /* nothing to copy; attach makes the directory or says what is there */
        if (from < 0)
                return from;
        to = file_open(slot(m, o->tree), ".", O_RDONLY | O_DIRECTORY, 0);
        if (to < 0)
                return to;
        /* One that is no volume is mounted as the document says, for devices, too. */
        options = (struct copy_options){ .whole = o->whole != 0,
                                         .no_devices = o->no_devices != 0,
                                         .bytes = &m->copied };
        r = copy_tree(from, to, &options);
        if (r == -E2BIG)
                return trail(
                        r,
                        "%s has more than %d names, or is more than %d directories deep, or is, with what "
                        "was copied before, more than %d GiB of data",
                        o->path, (int)COPY_ENTRIES, (int)COPY_DEPTH, (int)(COPY_BYTES >> 30));
        if (r == -ENOSPC)
                trail_hint("if it is a tmpfs, give it a larger size=");
        return r < 0 ? trail(r, "cannot copy %s into its mount", o->path) : 0;
}

int do_open_mount(struct machine *m, const struct op_open_mount *o)
{
        int fd = rootpath_open(slot(m, o->root), o->path, O_PATH, false);

        if (fd == -ENOENT)
                return trail(fd, "%s does not exist, so nothing is mounted there", o->path);
        return put(m, o->tree, fd);
}

/* -- in a running container ---------------------------------------------------------------------- */

int do_record_mount(struct machine *m, const struct op_record_mount *o)
{
        char line[64];
        uint64_t number;
        int r = mount_number(slot(m, o->tree), &number, NULL);
        size_t size;

        if (r < 0)
                return r == -ENOSYS ? trail(r, "mounts have no numbers before Linux 5.8") : r;
        size = text_format(line, sizeof line, "{\"mount\":%llu}", (unsigned long long)number);
        return m->journal < 0 ? 0 : journal_append(m->journal, line, size);
}

/* Is the number one of the words? */
static bool is_listed(uint64_t number, const char *words)
{
        char word[24];
        size_t size = text_format(word, sizeof word, "%llu", (unsigned long long)number);

        for (const char *at = words; *at;) {
                size_t n = strcspn(at, " ");

                if (n == size && memcmp(at, word, n) == 0)
                        return true;
                at += n + (at[n] == ' ');
        }
        return false;
}

/* The container may put another mount on top of the one that was looked at: then that one goes, which
 * is the container's own loss. */
int do_detach_mount(struct machine *m, const struct op_detach_mount *o)
{
        auto_close target = rootpath_open(slot(m, o->root), o->target, O_PATH, false);
        uint64_t number;
        bool is_root;
        int r;

        if (target < 0)
                return target;
        r = mount_number(target, &number, &is_root);
        if (r < 0)
                return r;
        if (!is_root)
                return trail(-EINVAL, "nothing is mounted at %s", o->target);
        if (!is_listed(number, o->mounts))
                return trail(
                        -ESTALE, "what is mounted at %s was not added by `mounts add`", o->target);
        return mount_detach_fd(slot(m, o->fds), target);
}
