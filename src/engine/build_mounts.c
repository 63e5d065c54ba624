/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what was read from --volume, --mount and --tmpfs (build_wishes.c), and
 * --shm-size, to /mounts.
 *
 * A mount that was asked for takes the place of a default one with its destination; the others come
 * behind the defaults, shallow ones first, so that none hides another. */
#include "build.h"

#include <string.h>

#include <sys/stat.h>

/* The source is there; docker's -v makes a missing one a directory. */
static int check_source(struct build *b, const struct wish *wish)
{
        struct stat st;
        int r = file_stat(AT_FDCWD, wish->source, 0, &st);

        if (r == 0)
                return 0;
        if (r == -ENOENT && wish->make_source) {
                r = b->explain ? 0 : file_make_dirs(wish->source, 0755);
                if (r == 0)
                        return 0;
                trail_reset();
        }
        return build_refuse(
                wish->option, wish->value, "source %s: %s", wish->source, text_errno(r));
}

static int bind_words(struct build *b, const struct wish *wish, struct spec_texts *words)
{
        bool deep = facts_kernel(b->facts, 5, 12);
        const char *propagation = wish->propagation ? wish->propagation : "rprivate";

        words->items[words->n++] = wish->below == BELOW_NOTHING ? "bind" : "rbind";
        if (wish->below == BELOW_READ_ONLY && !deep)
                return build_refuse_wish(wish, "bind-recursive=readonly needs Linux 5.12");
        if (wish->read_only)
                words->items[words->n++] =
                        deep && (wish->below == BELOW_AS_ABOVE || wish->below == BELOW_READ_ONLY)
                                ? "rro"
                                : "ro";
        if (wish->idmap)
                words->items[words->n++] = wish->below == BELOW_NOTHING ? "idmap" : "ridmap";
        words->items[words->n++] = propagation;
        /* As docker: what is to flow needs a root that lets it through. */
        if (build_word_in("shared rshared", propagation))
                b->linux_->rootfs_propagation = "shared";
        else if (build_word_in("slave rslave", propagation) && !b->linux_->rootfs_propagation)
                b->linux_->rootfs_propagation = "rslave";
        return 0;
}

static int finish(struct build *b, struct wish *wish, struct spec_mount *ret)
{
        struct spec_texts words = { .items = arena_array(
                                            b->arena, wish->more.n + 12, sizeof(char *)) };
        int r = 0;

        wish->target = build_plain_path(b->arena, wish->target);
        if (!wish->target || text_equal(wish->target, "/"))
                return build_refuse_wish(
                        wish, "its place in the container is an absolute path other than /");
        if (!wish->is_tmpfs) {
                r = check_source(b, wish);
                if (r == 0)
                        r = bind_words(b, wish, &words);
        } else {
                static const char *const usual[] = { "noexec", "nosuid", "nodev" };

                for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
                        words.items[words.n++] = usual[i];
                if (wish->read_only)
                        words.items[words.n++] = "ro";
                if (wish->size)
                        words.items[words.n++] = wish->size;
                if (wish->mode)
                        words.items[words.n++] = wish->mode;
        }
        for (size_t i = 0; i < wish->more.n; i++)
                words.items[words.n++] = wish->more.items[i];
        *ret = (struct spec_mount){
                .destination = wish->target,
                .type = wish->is_tmpfs ? "tmpfs" : "bind",
                .source = wish->is_tmpfs ? "tmpfs" : wish->source,
                .options = words,
                .uid_mappings = wish->uid_map,
                .gid_mappings = wish->gid_map,
        };
        return r;
}

struct wishes {
        struct spec_mount *items;
        size_t n;
};

static int add_wishes(
        struct build *b, const struct words *values,
        int (*read)(struct build *b, const char *value, struct wish *ret), struct wishes *all)
{
        for (size_t i = 0; i < values->n; i++) {
                struct spec_mount *mount = &all->items[all->n];
                struct wish wish;
                int r = read(b, values->items[i], &wish);

                if (r == 0)
                        r = finish(b, &wish, mount);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < all->n; k++)
                        if (text_equal(all->items[k].destination, mount->destination))
                                return build_refuse(
                                        wish.option, wish.value, "%s is there twice",
                                        mount->destination);
                all->n++;
        }
        return 0;
}

static size_t depth(const char *path)
{
        size_t n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

/* Stable: of two alike the one that was said first stays first. */
static void sort_by_depth(struct spec_mount *mounts, size_t n)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = i;
                     k > 0 && depth(mounts[k].destination) < depth(mounts[k - 1].destination);
                     k--) {
                        struct spec_mount other = mounts[k];

                        mounts[k] = mounts[k - 1];
                        mounts[k - 1] = other;
                }
}

static void size_shm(struct build *b, struct spec_mount *mount)
{
        struct spec_texts words = build_texts(b->arena, &mount->options, 0);

        for (size_t i = 0; i < words.n; i++)
                if (text_starts(words.items[i], "size="))
                        words.items[i] = arena_format(
                                b->arena, "size=%llu", (unsigned long long)b->request->shm_bytes);
        mount->options = words;
}

/* In the user namespace that the container gets, or in ours. */
static bool is_mapped(struct build *b, const struct spec_linux *linux_, uint32_t gid)
{
        for (size_t i = 0; i < linux_->gid_mappings.n; i++) {
                const struct spec_id_mapping *map = &linux_->gid_mappings.items[i];

                if (gid >= map->container_id && gid - map->container_id < map->size)
                        return true;
        }
        return linux_->gid_mappings.n == 0 && subids_has_group(b->arena, gid);
}

/* devpts gives terminals to the group tty, when there is one. */
static void drop_tty_group(struct build *b, struct spec_mount *mount)
{
        struct spec_texts words = build_texts(b->arena, &mount->options, 0);
        size_t n = 0;

        for (size_t i = 0; i < words.n; i++)
                if (!text_equal(words.items[i], "gid=5"))
                        words.items[n++] = words.items[i];
        words.n = n;
        mount->options = words;
}

/* The directory that a container of the host's image needs for itself: what the host has there says
 * much about it, sockets of its daemons included. */
static struct spec_mount run_mount(struct build *b)
{
        struct spec_texts words = build_texts(b->arena, &(struct spec_texts){ 0 }, 3);

        words.items[words.n++] = "nosuid";
        words.items[words.n++] = "nodev";
        words.items[words.n++] = "mode=755";
        return (struct spec_mount){
                .destination = "/run", .type = "tmpfs", .source = "tmpfs", .options = words
        };
}

int build_mounts(struct build *b)
{
        const struct run_request *request = b->request;
        const struct spec_mount_list *defaults = &b->spec->mounts;
        size_t most = request->volume.n + request->mount.n + request->tmpfs.n + 1;
        struct wishes wishes = { arena_array(b->arena, most, sizeof *wishes.items), 0 };
        struct spec_mount_list list = { .items = arena_array(
                                                b->arena, defaults->n + most, sizeof *list.items) };
        int r = add_wishes(b, &request->volume, build_read_volume, &wishes);

        if (r == 0)
                r = add_wishes(b, &request->mount, build_read_mount, &wishes);
        if (r == 0)
                r = add_wishes(b, &request->tmpfs, build_read_tmpfs, &wishes);
        if (r < 0)
                return r;
        sort_by_depth(wishes.items, wishes.n);
        memcpy(list.items, defaults->items, defaults->n * sizeof *list.items);
        list.n = defaults->n;
        if (!request->rootfs && !b->image)
                list.items[list.n++] = run_mount(b);
        for (size_t i = 0; i < list.n; i++)
                if (request->shm_bytes && text_equal(list.items[i].destination, "/dev/shm"))
                        size_shm(b, &list.items[i]);
        for (size_t i = 0; i < list.n; i++)
                if (text_equal(list.items[i].type, "devpts") && !is_mapped(b, b->linux_, 5))
                        drop_tty_group(b, &list.items[i]);
        for (size_t i = 0, usual = list.n; i < wishes.n; i++) {
                size_t k = 0;

                while (k < usual &&
                       !text_equal(list.items[k].destination, wishes.items[i].destination))
                        k++;
                if (k == usual)
                        k = list.n++;
                list.items[k] = wishes.items[i];
        }
        b->spec->mounts = list;
        return 0;
}
