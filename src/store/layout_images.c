/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: whether layers are kept as images is not asked of versions but tried, since it takes much
 * together: a kernel with EROFS that mounts files (6.12) and takes such a mount into an overlay without a path (6.15),
 * a file system below the store that it reads them from (no tmpfs), extended attributes in them, and root's
 * rights, which an ordinary user and a user namespace lack.
 *
 * The same entries make the same image, so one that was damaged is found by making it once more. */
#include "erofs_private.h"
#include "layout_private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/xattr.h>

/* An image with nothing but an opaque root. */
static int make_empty(int file)
{
        const struct layer_options options = { .image = true };
        const struct tar_entry opaque = { .type = TAR_FILE, .path = ".wh..wh..opq", .link = "" };
        struct layer_writer layer;
        int r;

        layer_begin(&layer, file, &options);
        r = layer_add(&layer, &opaque);
        if (r == 0)
                r = layer_end(&layer);
        layer_abort(&layer);
        return r;
}

static bool can_mount(const char *path)
{
        auto_close lock = NO_FD, tree = NO_FD, overlay = NO_FD, root = NO_FD;
        char value[2];

        tree = mount_image(path, &lock);
        if (tree < 0)
                return false;
        overlay = mount_open_fs("overlay");
        root = file_open(tree, ".", O_RDONLY | O_DIRECTORY, 0);
        return overlay >= 0 && mount_set_fs_fd(overlay, "lowerdir+", tree) == 0 && root >= 0 &&
               fgetxattr(root, "trusted.overlay.opaque", value, sizeof value) == 1;
}

static bool try_one(const struct layout *layout)
{
        auto_arena arena = { 0 };
        struct layout_work work;
        int r = layout_begin(layout, "trial", true, &work);
        bool can;

        if (r < 0)
                return false;
        can = tree_set_size(work.file, 0) == 0 && make_empty(work.file) == 0 &&
              can_mount(arena_format(&arena, "%s/tmp/%s", layout->path, work.key));
        layout_drop(&work);
        return can;
}

bool layout_mounts_images(const struct layout *layout)
{
        static int known = -1;

        if (known < 0) {
                known = !layout->map && geteuid() == 0 && try_one(layout);
                trail_reset();
        }
        return known > 0;
}

enum {
        PIECE = 128 << 10,
        UUID_AT = SUPER_AT +
                  48, /* of the layer's digest, or of its blob's when that alone was known */
        UUID_SIZE = 16,
};

static ssize_t read_piece(int fd, char *bytes, uint64_t at)
{
        size_t size = 0;
        ssize_t n = 1;

        while (n > 0 && size < PIECE) {
                n = pread(fd, bytes + size, PIECE - size, (off_t)(at + size));
                if (n > 0)
                        size += (size_t)n;
        }
        if (at == 0 && size >= UUID_AT + UUID_SIZE)
                memset(bytes + UUID_AT, 0, UUID_SIZE);
        return n < 0 ? -errno : (ssize_t)size;
}

int layout_compare_layer(const struct layout_work *work, const char *diff_id)
{
        auto_arena arena = { 0 };
        char *mine = arena_alloc(&arena, PIECE), *theirs = arena_alloc(&arena, PIECE);
        const char *path = arena_format(&arena, "%s/" LAYOUT_IMAGE, LAYOUT_HEX(diff_id));
        auto_close made = file_open(work->dir, LAYOUT_IMAGE, O_RDONLY | O_NOFOLLOW, 0);
        auto_close there = file_open(work->layout->layers, path, O_RDONLY | O_NOFOLLOW, 0);
        struct file_pair pair = { .fds = { made, there } };
        struct stat mine_st, theirs_st;
        uint64_t at = 0, size;
        int r;

        if (made < 0 || there < 0)
                return trail(made < 0 ? made : there, "cannot open its image");
        if (fstat(made, &mine_st) < 0 || fstat(there, &theirs_st) < 0)
                return trail(-errno, "cannot look at its image: %s", text_errno(errno));
        size = (uint64_t)mine_st.st_size;
        if (mine_st.st_size != theirs_st.st_size)
                return 0;
        /* A file of the layer may be a hole of terabytes. */
        while ((r = file_skip_holes(&pair, at, size, &at)) == 0 && at < size) {
                const ssize_t n = read_piece(made, mine, at), m = read_piece(there, theirs, at);

                if (n < 0 || m < 0)
                        return trail((int)(n < 0 ? n : m), "cannot read its image");
                if (n != m || memcmp(mine, theirs, (size_t)n) != 0)
                        return 0;
                if (n == 0)
                        break;
                at += (uint64_t)n;
        }
        return r < 0 ? trail(r, "cannot look for the holes of its image: %s", text_errno(r)) : 1;
}
