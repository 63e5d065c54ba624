/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the words of --volume, --mount and --tmpfs, each to the same struct wish. The
 * words are docker's; what it takes silently and does nothing about (a SELinux label on a host that
 * has SELinux) is refused here. */
#include "build.h"

#include <string.h>
#include <unistd.h>

#define PROPAGATIONS "private rprivate shared rshared slave rslave"
#define FLAGS        "exec noexec suid nosuid dev nodev"

int build_refuse_wish(const struct wish *wish, const char *reason)
{
        return build_refuse(wish->option, wish->value, "%s", reason);
}

static void add_word(struct wish *wish, const char *word)
{
        wish->more.items[wish->more.n++] = word;
}

/* As many words as the value can have. */
static struct wish wish_open(struct arena *arena, const char *option, const char *value)
{
        return (struct wish){ .option = option,
                              .value = value,
                              .more = { .items = arena_array(
                                                arena, strlen(value) + 16, sizeof(char *)) } };
}

/* Labels are SELinux's: without it there is nothing to be done, with it they would be missing. */
static int relabel(const struct wish *wish)
{
        if (file_access("/sys/fs/selinux/enforce", F_OK) == 0)
                return build_refuse_wish(
                        wish, "files are not labelled for SELinux yet: use chcon(1)");
        return 0;
}

/* "0-1000-1#1-100000-65536": id in the file system, id on the mount, how many. */
static int read_ids(struct build *b, char *words, struct spec_id_mapping_list *list)
{
        size_t most = strlen(words) / 5 + 1;

        list->items = arena_array(b->arena, most, sizeof *list->items);
        for (char *item; (item = build_cut(&words, '#'));) {
                uint64_t numbers[3];

                for (int i = 0; i < 3; i++) {
                        const char *word = build_cut(&item, '-');

                        if (!word || text_u64(word, &numbers[i]) < 0 || numbers[i] >= UINT32_MAX)
                                return -EINVAL;
                }
                if (item || list->n == most)
                        return -EINVAL;
                list->items[list->n++] = (struct spec_id_mapping){
                        .container_id = (uint32_t)numbers[0],
                        .host_id = (uint32_t)numbers[1],
                        .size = (uint32_t)numbers[2],
                };
        }
        return 0;
}

/* podman's idmap[=uids=...;gids=...]; alone: as the container's user namespace. */
static int read_idmap(struct build *b, struct wish *wish, const char *value)
{
        char *words = value ? arena_string(b->arena, value) : NULL;

        wish->idmap = true;
        for (char *part; (part = build_cut(&words, ';'));) {
                int r = -EINVAL;

                if (text_starts(part, "uids="))
                        r = read_ids(b, part + 5, &wish->uid_map);
                else if (text_starts(part, "gids="))
                        r = read_ids(b, part + 5, &wish->gid_map);
                if (r < 0)
                        return build_refuse_wish(
                                wish, "idmap is expected alone or as "
                                      "idmap=uids=0-1000-1#1-100000-65536;gids=0-1000-1");
        }
        if (!wish->uid_map.n != !wish->gid_map.n)
                return build_refuse_wish(wish, "idmap needs both uids and gids");
        return 0;
}

static int volume_option(struct build *b, struct wish *wish, const char *word)
{
        if (text_equal(word, "ro"))
                wish->read_only = true;
        else if (build_word_in("z Z", word))
                return relabel(wish);
        else if (build_word_in(PROPAGATIONS, word))
                wish->propagation = word;
        else if (text_equal(word, "bind"))
                wish->below = BELOW_NOTHING;
        else if (build_word_in(FLAGS, word))
                add_word(wish, word);
        else if (text_equal(word, "idmap") || text_starts(word, "idmap="))
                return read_idmap(b, wish, word[5] ? word + 6 : NULL);
        else if (!build_word_in("rw rbind nocopy consistent cached delegated", word))
                return build_refuse(
                        wish->option, wish->value,
                        "the option '%s' is none of ro, rw, bind, rbind, idmap, " PROPAGATIONS
                        ", " FLAGS,
                        word);
        return 0;
}

int build_read_volume(struct build *b, const char *value, struct wish *ret)
{
        struct wish wish = wish_open(b->arena, "--volume", value);
        char *at = arena_string(b->arena, value);
        const char *source = build_cut(&at, ':'), *target = build_cut(&at, ':');
        char *options = build_cut(&at, ':');

        if (at)
                return build_refuse_wish(&wish, "expected DIR:DIR[:OPTIONS], no more colons");
        if (!target)
                return build_refuse_wish(
                        &wish, "volumes without a source are not there yet: expected "
                               "DIR:DIR[:OPTIONS]");
        if (source[0] != '/' && source[0] != '.')
                return build_refuse_wish(
                        &wish,
                        *source ? "named volumes are not there yet: a path begins with / or ."
                                : "the source is empty");
        wish.source = store_absolute(b->arena, source);
        wish.target = target;
        wish.make_source = true;
        for (char *word; (word = build_cut(&options, ','));) {
                int r = volume_option(b, &wish, word);

                if (r < 0)
                        return r;
        }
        *ret = wish;
        return 0;
}

/* Options that are handed on as they are. */
static bool is_tmpfs_word(struct arena *arena, const char *word)
{
        size_t key = strcspn(word, "=");

        if (build_word_in(
                    FLAGS " " PROPAGATIONS " async atime diratime noatime nodiratime relatime "
                          "norelatime strictatime nosymfollow tmpcopyup",
                    word))
                return true;
        return word[key] &&
               build_word_in("uid gid nr_inodes mpol huge", arena_copy(arena, word, key));
}

int build_read_tmpfs(struct build *b, const char *value, struct wish *ret)
{
        struct wish wish = wish_open(b->arena, "--tmpfs", value);
        char *options = arena_string(b->arena, value);

        wish.is_tmpfs = true;
        wish.target = build_cut(&options, ':');
        for (char *word; (word = build_cut(&options, ','));) {
                size_t key = strcspn(word, "=");
                uint64_t bytes;
                uint32_t mode;

                if (text_equal(word, "ro")) {
                        wish.read_only = true;
                } else if (text_starts(word, "size=") || text_starts(word, "nr_blocks=")) {
                        const char *number = word + key + 1;
                        bool share = *number && number[strlen(number) - 1] == '%';

                        if (!share && text_size(number, &bytes) < 0)
                                return build_refuse_wish(
                                        &wish, "a size is expected as in size=64m");
                        add_word(&wish, word);
                } else if (text_starts(word, "mode=")) {
                        if (build_octal(word + 5, 07777, &mode) < 0)
                                return build_refuse_wish(
                                        &wish, "a mode is expected as in mode=1777");
                        add_word(&wish, word);
                } else if (is_tmpfs_word(b->arena, word)) {
                        add_word(&wish, word);
                } else if (!build_word_in("rw notmpcopyup", word)) {
                        return build_refuse(
                                wish.option, value, "'%s' is no option of tmpfs(5)", word);
                }
        }
        *ret = wish;
        return 0;
}

/* -- --mount ------------------------------------------------------------------------------------- */

/* The next field of a line of CSV: quotes keep commas, two of them are one. */
static int next_field(const struct wish *wish, char **at, char **ret_field)
{
        char *from = *at, *to = *at;
        bool quoted = *from == '"';

        *ret_field = to;
        if (!quoted) {
                *ret_field = build_cut(at, ',');
                return strchr(*ret_field, '"')
                             ? build_refuse_wish(wish, "a quote inside of a field")
                             : 0;
        }
        for (from++; *from != '"' || from[1] == '"'; from++) {
                if (!*from)
                        return build_refuse_wish(wish, "a quote is not closed");
                from += *from == '"';
                *to++ = *from;
        }
        from++;
        if (*from && *from != ',')
                return build_refuse_wish(wish, "expected a comma after a closing quote");
        *at = *from ? from + 1 : NULL;
        *to = '\0';
        return 0;
}

static int read_below(struct wish *wish, const char *value)
{
        if (text_equal(value, "enabled"))
                wish->below = BELOW_AS_ABOVE;
        else if (text_equal(value, "disabled"))
                wish->below = BELOW_NOTHING;
        else if (text_equal(value, "writable"))
                wish->below = BELOW_WRITABLE;
        else if (text_equal(value, "readonly"))
                wish->below = BELOW_READ_ONLY;
        else
                return build_refuse_wish(
                        wish, "bind-recursive is one of enabled, disabled, writable, readonly");
        return 0;
}

/* Keys that bind mounts have alone. 1: it is none of them. */
static int bind_key(struct build *b, struct wish *wish, const char *key, const char *value)
{
        bool on = false;
        uint32_t mode;

        if (text_equal(key, "bind-propagation") && value) {
                wish->propagation = value;
                return build_word_in(PROPAGATIONS, value)
                             ? 0
                             : build_refuse_wish(wish, "bind-propagation is one of " PROPAGATIONS);
        }
        if (text_equal(key, "bind-recursive") && value)
                return read_below(wish, value);
        if (text_equal(key, "bind-nonrecursive")) {
                if (build_bool(value, &on) < 0)
                        return build_refuse_wish(wish, "bind-nonrecursive is true or false");
                wish->below = on ? BELOW_NOTHING : wish->below;
                return 0;
        }
        if (text_equal(key, "bind-create-src")) {
                if (build_bool(value, &wish->make_source) < 0)
                        return build_refuse_wish(wish, "bind-create-src is true or false");
                return 0;
        }
        if (text_equal(key, "tmpfs-size") && value) {
                uint64_t bytes;

                if (text_size(value, &bytes) < 0)
                        return build_refuse_wish(wish, "tmpfs-size is a size such as 64m");
                wish->size = arena_format(b->arena, "size=%llu", (unsigned long long)bytes);
                return 0;
        }
        if (text_equal(key, "tmpfs-mode") && value) {
                if (build_octal(value, 07777, &mode) < 0)
                        return build_refuse_wish(wish, "tmpfs-mode is octal, such as 1770");
                wish->mode = arena_format(b->arena, "mode=%o", mode);
                return 0;
        }
        if (text_equal(key, "idmap"))
                return read_idmap(
                        b, wish, build_word_in("true", value ? value : "true") ? NULL : value);
        return 1;
}

static int mount_key(struct build *b, struct wish *wish, const char *key, const char *value)
{
        bool on;
        int r = bind_key(b, wish, key, value);

        if (r <= 0)
                return r;
        if (build_word_in("source src", key) && value) {
                wish->source = value;
        } else if (build_word_in("target destination dst", key) && value) {
                wish->target = value;
        } else if (build_word_in("readonly ro", key)) {
                if (build_bool(value, &wish->read_only) < 0)
                        return build_refuse_wish(wish, "readonly is true or false");
        } else if (text_equal(key, "rw")) {
                if (build_bool(value, &on) < 0)
                        return build_refuse_wish(wish, "rw is true or false");
                wish->read_only = !on;
        } else if (text_equal(key, "consistency") && value) {
                if (!build_word_in("default consistent cached delegated", value))
                        return build_refuse_wish(
                                wish, "consistency is consistent, cached or delegated");
        } else if (text_equal(key, "relabel")) {
                return relabel(wish);
        } else if (build_word_in(FLAGS, key) && !value) {
                add_word(wish, key);
        } else if (build_word_in(
                           "volume-nocopy volume-driver volume-opt volume-label volume-subpath "
                           "image-subpath",
                           key)) {
                return build_refuse(
                        wish->option, wish->value,
                        "'%s' is for volumes and images, which are not "
                        "there yet",
                        key);
        } else {
                return build_refuse(
                        wish->option, wish->value,
                        "unknown key '%s', or a value where none "
                        "belongs or none where one does",
                        key);
        }
        return 0;
}

/* What does not go together, in docker's words. */
static int check_mount(struct wish *wish, const char *type)
{
        bool bind_only = wish->propagation || wish->below != BELOW_AS_ABOVE || wish->make_source ||
                         wish->idmap;

        if (!type || text_equal(type, "volume"))
                return build_refuse_wish(
                        wish, "type=volume, which is the default, is not there yet: say type=bind "
                              "or type=tmpfs");
        wish->is_tmpfs = text_equal(type, "tmpfs");
        if (!wish->is_tmpfs && !text_equal(type, "bind"))
                return build_refuse(
                        wish->option, wish->value, "there is no type '%s': expected bind or tmpfs",
                        type);
        if (!wish->target)
                return build_refuse_wish(wish, "target is missing");
        if (wish->is_tmpfs && (wish->source || bind_only))
                return build_refuse_wish(
                        wish, "a tmpfs has no source and no options of bind mounts");
        if (!wish->is_tmpfs && (wish->size || wish->mode))
                return build_refuse_wish(wish, "tmpfs-size and tmpfs-mode are for type=tmpfs");
        if (!wish->is_tmpfs && !wish->source)
                return build_refuse_wish(wish, "source is missing");
        if (wish->below == BELOW_READ_ONLY && !wish->read_only)
                return build_refuse_wish(wish, "bind-recursive=readonly needs readonly");
        if (wish->below == BELOW_READ_ONLY && !text_equal(wish->propagation, "rprivate"))
                return build_refuse_wish(
                        wish, "bind-recursive=readonly needs bind-propagation=rprivate");
        if (wish->below == BELOW_WRITABLE && !wish->read_only)
                return build_refuse_wish(wish, "bind-recursive=writable needs readonly");
        return 0;
}

int build_read_mount(struct build *b, const char *value, struct wish *ret)
{
        struct wish wish = wish_open(b->arena, "--mount", value);
        char *at = arena_string(b->arena, value);
        const char *type = NULL;
        int r;

        if (!*at)
                return build_refuse_wish(&wish, "expected KEY=VALUE,...");
        while (at) {
                char *key, *setting;

                r = next_field(&wish, &at, &setting);
                if (r < 0)
                        return r;
                key = build_cut(&setting, '=');
                if (text_equal(key, "type") && setting)
                        type = setting;
                else
                        r = mount_key(b, &wish, key, setting);
                if (r < 0)
                        return r;
        }
        r = check_mount(&wish, type);
        if (r == 0 && wish.source && wish.source[0] != '/' && wish.source[0] != '.')
                r = build_refuse_wish(&wish, "source is a path: it begins with / or .");
        if (r < 0)
                return r;
        if (wish.source)
                wish.source = store_absolute(b->arena, wish.source);
        *ret = wish;
        return 0;
}
