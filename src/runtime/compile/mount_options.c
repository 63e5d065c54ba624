/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: words of mount(8), sorted.
 *
 * A word is for the mount point (attributes, propagation), for husk (bind, idmap, tmpcopyup), for
 * the superblock (sync), for fstab's readers (auto), or else the file system's own. As in mount(8)
 * the later of two words wins. An attribute has a field, since the kernel keeps the three answers
 * to "when is a time written" in one. A recursive word takes the plain ones before it with it; a
 * plain one after it is an exception for the top: so recursive attributes are to be set first. */
#include "mount_options.h"

#include <string.h>

#include <linux/mount.h>

static const struct {
        const char *word;
        uint64_t field, value;
} attribute_words[] = {
        { "ro", MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY },
        { "rw", MOUNT_ATTR_RDONLY, 0 },
        { "nosuid", MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSUID },
        { "suid", MOUNT_ATTR_NOSUID, 0 },
        { "nodev", MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV },
        { "dev", MOUNT_ATTR_NODEV, 0 },
        { "noexec", MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC },
        { "exec", MOUNT_ATTR_NOEXEC, 0 },
        { "noatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME },
        { "strictatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME },
        { "relatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME },
        /* Back to the kernel's default, which is relatime: only from what they name. */
        { "atime", MOUNT_ATTR_NOATIME, 0 },
        { "nostrictatime", MOUNT_ATTR_STRICTATIME, 0 },
        { "norelatime", 0, 0 },
        { "nodiratime", MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NODIRATIME },
        { "diratime", MOUNT_ATTR_NODIRATIME, 0 },
        { "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
        { "symfollow", MOUNT_ATTR_NOSYMFOLLOW, 0 },
};

static const struct {
        const char *word;
        PROPAGATION kind;
        bool all;
} propagation_words[] = {
        { "private", PROPAGATE_PRIVATE, false },
        { "rprivate", PROPAGATE_PRIVATE, true },
        { "slave", PROPAGATE_SLAVE, false },
        { "rslave", PROPAGATE_SLAVE, true },
        { "shared", PROPAGATE_SHARED, false },
        { "rshared", PROPAGATE_SHARED, true },
        { "unbindable", PROPAGATE_UNBINDABLE, false },
        { "runbindable", PROPAGATE_UNBINDABLE, true },
};

/* What asks husk for something. */
enum husk_word {
        BIND,
        RBIND,
        IDMAP,
        RIDMAP,
        COPY_UP,
        REMOUNT
};

static const char *const husk_words[] = {
        [BIND] = "bind",     [RBIND] = "rbind",       [IDMAP] = "idmap",
        [RIDMAP] = "ridmap", [COPY_UP] = "tmpcopyup", [REMOUNT] = "remount",
};

/* The flags of a superblock that fsconfig(2) knows for every file system. The negative words take
 * the positive ones before them back and are the kernel's default. */
static const char *const super_words[] = { "sync", "dirsync", "lazytime", "mand" };
static const char *const super_no_words[] = { "async", "", "nolazytime", "nomand" };

/* Defaults of the kernel's and words of fstab(5) for other programs; words that were flags of
 * mount(2) once and have no place in the new interface. */
static const char *const idle_words[] = { "defaults", "loud",   "noiversion", "auto",
                                          "noauto",   "nouser", "_netdev" };
static const char *const unheard_words[] = { "silent", "iversion" };

static int word_find(const char *const *words, size_t n, const char *word)
{
        for (size_t i = 0; i < n; i++)
                if (text_equal(words[i], word))
                        return (int)i;
        return -1;
}

static void apply_attribute(struct mount_options *options, size_t word, bool all)
{
        uint64_t field = attribute_words[word].field, value = attribute_words[word].value;
        uint64_t *set = all ? &options->set_all : &options->set;
        uint64_t *clear = all ? &options->clear_all : &options->clear;

        if (all) {
                options->set &= ~field;
                options->clear &= ~field;
        }
        *set = (*set & ~field) | value;
        *clear = value ? *clear & ~field : *clear | field;
}

static bool attribute_option(struct mount_options *options, const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(attribute_words); i++) {
                const char *known = attribute_words[i].word;

                if (text_equal(known, word))
                        apply_attribute(options, i, false);
                else if (word[0] == 'r' && text_equal(known, word + 1))
                        apply_attribute(options, i, true);
                else
                        continue;
                return true;
        }
        return false;
}

PROPAGATION mount_options_propagation(const char *word, bool *ret_recursive)
{
        for (size_t i = 0; word && i < ARRAY_SIZE(propagation_words); i++)
                if (text_equal(propagation_words[i].word, word)) {
                        *ret_recursive = propagation_words[i].all;
                        return propagation_words[i].kind;
                }
        return PROPAGATE_UNCHANGED;
}

static bool propagation_option(struct mount_options *options, const char *word)
{
        bool all = false;
        PROPAGATION kind = mount_options_propagation(word, &all);

        if (kind == PROPAGATE_UNCHANGED)
                return false;
        options->propagation = kind;
        options->propagation_all = all;
        return true;
}

static bool husk_option(struct mount_options *options, const char *word)
{
        int found = word_find(husk_words, ARRAY_SIZE(husk_words), word);

        if (found < 0)
                return false;
        switch ((enum husk_word)found) {
        case BIND:
        case RBIND:
                options->bind = true;
                options->recursive |= found == RBIND;
                break;
        case IDMAP:
        case RIDMAP:
                options->idmap = true;
                options->idmap_all = found == RIDMAP;
                break;
        case COPY_UP:
                options->copy_up = true;
                break;
        case REMOUNT:
                options->remount = true;
        }
        return true;
}

static bool super_option(struct mount_options *options, const char *word)
{
        int given = word_find(super_words, ARRAY_SIZE(super_words), word), found = given;
        size_t n = 0;

        if (given < 0 && *word)
                found = word_find(super_no_words, ARRAY_SIZE(super_no_words), word);
        if (found < 0)
                return false;
        for (size_t k = 0; k < options->n_super; k++)
                if (!text_equal(options->super[k], super_words[found]))
                        options->super[n++] = options->super[k];
        if (given >= 0)
                options->super[n++] = super_words[given];
        options->n_super = n;
        return true;
}

static bool idle_option(struct mount_options *options, const char *word)
{
        if (word_find(unheard_words, ARRAY_SIZE(unheard_words), word) >= 0)
                options->unheard = word;
        else if (
                *word && word_find(idle_words, ARRAY_SIZE(idle_words), word) < 0 &&
                !text_starts(word, "x-") && !text_starts(word, "comment="))
                return false;
        return true;
}

static void put_words(struct json_writer *w, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (*words[i])
                        json_put_string(w, NULL, words[i]);
}

void mount_options_encode(struct json_writer *w, const char *name)
{
        json_open_array(w, name);
        for (size_t i = 0; i < ARRAY_SIZE(attribute_words); i++)
                json_put_string(w, NULL, attribute_words[i].word);
        for (size_t i = 0; i < ARRAY_SIZE(attribute_words); i++) {
                char all[32];

                text_format(all, sizeof all, "r%s", attribute_words[i].word);
                json_put_string(w, NULL, all);
        }
        for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++)
                json_put_string(w, NULL, propagation_words[i].word);
        put_words(w, husk_words, ARRAY_SIZE(husk_words));
        put_words(w, super_words, ARRAY_SIZE(super_words));
        put_words(w, super_no_words, ARRAY_SIZE(super_no_words));
        put_words(w, idle_words, ARRAY_SIZE(idle_words));
        put_words(w, unheard_words, ARRAY_SIZE(unheard_words));
        json_close_array(w);
}

void mount_options_parse(
        struct arena *arena, const struct spec_texts *words, struct mount_options *ret_options)
{
        struct mount_options options = { 0 };

        options.super = arena_array(arena, words->n + 1, sizeof *options.super);
        options.data = arena_array(arena, words->n + 1, sizeof *options.data);
        for (size_t i = 0; i < words->n; i++) {
                const char *word = words->items[i];

                if (!husk_option(&options, word) && !attribute_option(&options, word) &&
                    !propagation_option(&options, word) && !super_option(&options, word) &&
                    !idle_option(&options, word))
                        options.data[options.n_data++] = word;
        }
        *ret_options = options;
}
