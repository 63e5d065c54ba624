/* SPDX-License-Identifier: Apache-2.0 */
/* Layers seen as one without a mount: the same as overlayfs shows, links and all. */
#include "linux/linux.h"
#include "store/store.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/xattr.h>

static struct arena arena;
static char base[64];
static struct view view;

static const char *at(const char *layer, const char *path)
{
        return arena_format(&arena, "%s/%s/%s", base, layer, path);
}

static void dir(const char *layer, const char *path)
{
        CHECK_INT(file_make_dirs(at(layer, path), 0755), 0);
}

/* A file that says which layer it is of. */
static void file(const char *layer, const char *path)
{
        int fd = open(at(layer, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        CHECK(fd >= 0);
        CHECK_INT(write(fd, layer, strlen(layer)), strlen(layer));
        close(fd);
}

static void link_to(const char *layer, const char *path, const char *target)
{
        CHECK_INT(symlink(target, at(layer, path)), 0);
}

static void whiteout(const char *layer, const char *path)
{
        CHECK_INT(mknod(at(layer, path), S_IFCHR, 0), 0);
}

static void opaque(const char *layer, const char *path)
{
        if (setxattr(at(layer, path), "trusted.overlay.opaque", "y", 1, 0) < 0)
                CHECK_INT(setxattr(at(layer, path), "user.overlay.opaque", "y", 1, 0), 0);
}

static const char *layers[3];

/* Three layers: "top" upon "mid" upon "low". */
static void begin(void)
{
        strcpy(base, "/var/tmp/husk-view-XXXXXX");
        CHECK(mkdtemp(base));
        layers[0] = arena_format(&arena, "%s/top", base);
        layers[1] = arena_format(&arena, "%s/mid", base);
        layers[2] = arena_format(&arena, "%s/low", base);
        for (int i = 0; i < 3; i++)
                CHECK_INT(mkdir(layers[i], 0755), 0);
        CHECK_INT(view_open_layers(&arena, layers, 3, false, &view), 0);
}

static void end(void)
{
        view_close(&view);
        CHECK_INT(file_remove_tree(AT_FDCWD, base), 0);
        arena_free(&arena);
}

/* What the file says, or the error. */
static const char *look(const char *path)
{
        struct text text = { .arena = &arena };
        int r = view_read(&arena, &view, path, 4096, &text);

        return r < 0 ? arena_format(&arena, "%s", text_errno_name(-r)) : text_string(&text);
}

TEST(the_topmost_wins)
{
        begin();
        dir("low", "etc");
        dir("mid", "etc/deep");
        dir("top", "etc");
        file("low", "etc/a");
        file("mid", "etc/a");
        file("top", "etc/b");
        file("low", "etc/c");
        file("mid", "etc/deep/d");
        CHECK_STR(look("/etc/a"), "mid");
        CHECK_STR(look("etc//./b"), "top");
        CHECK_STR(look("/etc/c"), "low");
        CHECK_STR(look("/etc/deep/d"), "mid");
        CHECK_STR(look("/etc/deep/../a"), "mid");
        CHECK_STR(look("/etc/none"), "ENOENT");
        CHECK_STR(look("/etc/a/x"), "ENOTDIR");
        CHECK_STR(look("/etc"), "EISDIR");
        CHECK_STR(look(""), "EISDIR");
        end();
}

TEST(what_is_removed_stays_removed)
{
        begin();
        dir("low", "etc");
        dir("low", "gone/x");
        dir("low", "new");
        dir("top", "etc");
        dir("top", "new");
        file("low", "etc/a");
        file("low", "etc/b");
        file("low", "gone/x/c");
        file("low", "new/old");
        file("top", "new/young");
        dir("mid", "etc");
        whiteout("mid", "etc/a");
        whiteout("mid", "gone");
        opaque("top", "new");
        CHECK_STR(look("/etc/a"), "ENOENT");
        CHECK_STR(look("/etc/b"), "low");
        CHECK_STR(look("/gone/x/c"), "ENOENT");
        CHECK_STR(look("/new/old"), "ENOENT");
        CHECK_STR(look("/new/young"), "top");
        end();
}

/* Overlayfs joins roots, whatever their attribute says. */
TEST(a_layer_whose_root_is_opaque_is_the_lowest)
{
        begin();
        dir("low", "etc");
        dir("mid", "etc");
        file("low", "etc/a");
        file("mid", "etc/b");
        file("top", "c");
        view_close(&view);
        opaque("mid", ".");
        CHECK_INT(view_open_layers(&arena, layers, 3, false, &view), 0);
        CHECK_INT(view.n, 2);
        CHECK_STR(look("/etc/a"), "ENOENT");
        CHECK_STR(look("/etc/b"), "mid");
        CHECK_STR(look("/c"), "top");
        end();
}

/* Only the attribute counts that the kernel looks at. */
TEST(a_strangers_attribute_is_none)
{
        begin();
        SKIP_UNLESS(caps_have(21 /* CAP_SYS_ADMIN */) && namespace_is_first_user(), "needs root");
        dir("low", "etc");
        dir("top", "etc");
        file("low", "etc/a");
        CHECK_INT(setxattr(at("top", "etc"), "user.overlay.opaque", "y", 1, 0), 0);
        CHECK_STR(look("/etc/a"), "low");
        end();
}

/* A directory upon a file, a file upon a directory: nothing joins. */
TEST(kinds_do_not_mix)
{
        begin();
        dir("low", "a");
        file("low", "a/x");
        file("mid", "a");
        dir("top", "a");
        file("top", "a/y");
        dir("low", "b");
        file("low", "b/x");
        file("top", "b");
        CHECK_STR(look("/a/x"), "ENOENT");
        CHECK_STR(look("/a/y"), "top");
        CHECK_STR(look("/b"), "top");
        CHECK_STR(look("/b/x"), "ENOTDIR");
        end();
}

TEST(links_stay_inside)
{
        begin();
        dir("low", "usr/etc");
        file("low", "usr/etc/passwd");
        link_to("mid", "etc", "usr/etc");
        link_to("top", "usr", "low");
        CHECK_STR(
                look("/etc/passwd"), "ENOENT"); /* usr is a link in the topmost layer, to nothing */
        CHECK_INT(unlink(at("top", "usr")), 0);
        CHECK_STR(look("/etc/passwd"), "low");
        dir("top", "usr/etc");
        link_to("top", "usr/etc/group", "/../../etc/passwd");
        link_to("top", "usr/etc/up", "../../../../../usr/etc/./group");
        link_to("top", "round", "round");
        link_to("top", "host", "/etc/hostname");
        CHECK_STR(look("/etc/group"), "low");
        CHECK_STR(look("/usr/etc/up"), "low");
        CHECK_STR(look("/round"), "ELOOP");
        CHECK_STR(look("/round/x"), "ELOOP");
        CHECK_STR(look("/host"), "ENOENT"); /* the host has that, the image has not */
        end();
}

TEST(a_layer_that_is_missing)
{
        const char *paths[] = { "/usr", "/no/such/layer" };
        struct view none;

        CHECK_INT(view_open_layers(&arena, paths, 2, false, &none), -ENOENT);
        CHECK(strstr(trail_text(), "cannot open the layer /no/such/layer"));
        arena_free(&arena);
}
