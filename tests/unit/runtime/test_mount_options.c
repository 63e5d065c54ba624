/* SPDX-License-Identifier: Apache-2.0 */
/* The words of mount options, each against what it is to become. */
#include "runtime/compile/mount_options.h"
#include "tap.h"

#include <string.h>

#include <linux/mount.h>

/* "ro,nosuid" as the parser gets it. */
static struct mount_options parse(struct arena *arena, const char *list)
{
        struct spec_texts words = { .items = arena_array(arena, strlen(list) + 1, sizeof(char *)) };
        struct mount_options options;

        for (const char *at = list; *at;) {
                size_t size = strcspn(at, ",");

                words.items[words.n++] = arena_copy(arena, at, size);
                at += size + (at[size] == ',');
        }
        mount_options_parse(arena, &words, &options);
        return options;
}

TEST(attributes)
{
        static const struct {
                const char *words;
                uint64_t set, clear;
        } rows[] = {
                { "ro", MOUNT_ATTR_RDONLY, 0 },
                { "ro,rw", 0, MOUNT_ATTR_RDONLY },
                { "rw,ro", MOUNT_ATTR_RDONLY, 0 },
                { "nosuid,nodev,noexec", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                  0 },
                { "suid,dev,exec", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC },
                { "noatime", MOUNT_ATTR_NOATIME, 0 },
                { "noatime,strictatime", MOUNT_ATTR_STRICTATIME, 0 },
                { "strictatime,noatime", MOUNT_ATTR_NOATIME, 0 },
                { "strictatime,norelatime", MOUNT_ATTR_STRICTATIME, 0 },
                { "noatime,relatime", 0, MOUNT_ATTR__ATIME },
                { "noatime,atime", 0, MOUNT_ATTR_NOATIME },
                { "strictatime,nostrictatime", 0, MOUNT_ATTR_STRICTATIME },
                { "noatime,nostrictatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME },
                { "nodiratime", MOUNT_ATTR_NODIRATIME, 0 },
                { "nodiratime,diratime", 0, MOUNT_ATTR_NODIRATIME },
                { "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
                { "nosymfollow,symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW },
                { "defaults,loud,auto,_netdev,x-systemd.automount,comment=us", 0, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                struct mount_options options = parse(&arena, rows[i].words);

                CHECK_INT((int64_t)options.set, (int64_t)rows[i].set);
                CHECK_INT((int64_t)options.clear, (int64_t)rows[i].clear);
                CHECK_INT(options.set_all | options.clear_all, 0);
                CHECK_INT((int64_t)(options.n_data + options.n_super), 0);
        }
}

TEST(recursive_attributes)
{
        static const struct {
                const char *words;
                uint64_t set, clear, set_all, clear_all;
        } rows[] = {
                { "rro", 0, 0, MOUNT_ATTR_RDONLY, 0 },
                { "rrw", 0, 0, 0, MOUNT_ATTR_RDONLY },
                { "rnosuid,rnodev", 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0 },
                { "rsuid,rdev,rexec", 0, 0, 0,
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC },
                { "rnoexec", 0, 0, MOUNT_ATTR_NOEXEC, 0 },
                { "rnoatime", 0, 0, MOUNT_ATTR_NOATIME, 0 },
                { "rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, 0 },
                { "rrelatime", 0, 0, 0, MOUNT_ATTR__ATIME },
                { "ratime", 0, 0, 0, MOUNT_ATTR_NOATIME },
                { "rnostrictatime", 0, 0, 0, MOUNT_ATTR_STRICTATIME },
                { "rnorelatime", 0, 0, 0, 0 },
                { "rnodiratime", 0, 0, MOUNT_ATTR_NODIRATIME, 0 },
                { "rdiratime", 0, 0, 0, MOUNT_ATTR_NODIRATIME },
                { "rnosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0 },
                { "rsymfollow", 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW },
                /* an exception for the top, and none */
                { "rro,rw", 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY, 0 },
                { "rw,rro", 0, 0, MOUNT_ATTR_RDONLY, 0 },
                { "noatime,rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                struct mount_options options = parse(&arena, rows[i].words);

                CHECK_INT((int64_t)options.set, (int64_t)rows[i].set);
                CHECK_INT((int64_t)options.clear, (int64_t)rows[i].clear);
                CHECK_INT((int64_t)options.set_all, (int64_t)rows[i].set_all);
                CHECK_INT((int64_t)options.clear_all, (int64_t)rows[i].clear_all);
                CHECK_INT((int64_t)options.n_data, 0);
        }
}

TEST(propagation)
{
        static const struct {
                const char *words;
                PROPAGATION kind;
                bool all;
        } rows[] = {
                { "private", PROPAGATE_PRIVATE, false },
                { "rprivate", PROPAGATE_PRIVATE, true },
                { "slave", PROPAGATE_SLAVE, false },
                { "rslave", PROPAGATE_SLAVE, true },
                { "shared", PROPAGATE_SHARED, false },
                { "rshared", PROPAGATE_SHARED, true },
                { "unbindable", PROPAGATE_UNBINDABLE, false },
                { "runbindable", PROPAGATE_UNBINDABLE, true },
                { "rshared,private", PROPAGATE_PRIVATE, false },
                { "ro", PROPAGATE_UNCHANGED, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                auto_arena arena = { 0 };
                struct mount_options options = parse(&arena, rows[i].words);

                CHECK_INT(options.propagation, rows[i].kind);
                CHECK_INT(options.propagation_all, rows[i].all);
        }
}

TEST(husks_own)
{
        auto_arena arena = { 0 };
        struct mount_options options = parse(&arena, "rbind,ridmap,tmpcopyup,remount,silent");

        CHECK(options.bind && options.recursive && options.idmap && options.idmap_all);
        CHECK(options.copy_up && options.remount);
        CHECK_STR(options.unheard, "silent");
        options = parse(&arena, "bind,idmap,iversion");
        CHECK(options.bind && !options.recursive && options.idmap && !options.idmap_all);
        CHECK_STR(options.unheard, "iversion");
}

TEST(superblock_and_data)
{
        auto_arena arena = { 0 };
        struct mount_options options =
                parse(&arena, "sync,dirsync,lazytime,mand,size=64k,ro,nodevil,rfoo,r,r=1");

        CHECK_INT((int64_t)options.n_super, 4);
        CHECK_STR(options.super[0], "sync");
        CHECK_STR(options.super[3], "mand");
        CHECK_INT((int64_t)options.n_data, 5);
        CHECK_STR(options.data[0], "size=64k");
        CHECK_STR(options.data[1], "nodevil");
        CHECK_STR(options.data[2], "rfoo");
        options = parse(&arena, "sync,lazytime,lazytime,async,mand,nomand");
        CHECK_INT((int64_t)options.n_super, 1);
        CHECK_STR(options.super[0], "lazytime");
        options = parse(&arena, "lazytime,nolazytime,");
        CHECK_INT((int64_t)(options.n_super + options.n_data), 0);
}
