/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: `--change`: one instruction of a Dockerfile each, those that say something of the configuration
 * alone. Words are divided and quoted as there; variables are not replaced, since there is no build that
 * would have any. Every list is made anew, as the base's is somebody else's. */
#include "new_image.h"
#include "store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct change {
        struct arena *arena;
        struct image_defaults *defaults;
        const char *whole; /* as it was given */
        const char *rest;  /* behind the instruction */
};

static int refuse(const struct change *change, const char *what)
{
        trail_hint(
                "--change 'CMD [\"sh\"]', 'ENV NAME=VALUE', 'LABEL key=value', 'EXPOSE 80/tcp', 'USER name', "
                "'WORKDIR /dir' and so on");
        return trail(-EINVAL, "--change '%.200s': %s", change->whole, what);
}

/* -- words ------------------------------------------------------------------------------------------------ */

/* The next word, without its quotes: 1, 0 at the end, -EINVAL when a quote is not closed. */
static int next_word(struct change *change, const char **ret_word)
{
        struct text word = { .arena = change->arena };
        const char *at = change->rest + strspn(change->rest, " \t");
        char quote = 0;

        if (!*at)
                return 0;
        for (; *at && (quote || (*at != ' ' && *at != '\t')); at++) {
                if (quote ? *at == quote : *at == '"' || *at == '\'')
                        quote = quote ? 0 : *at;
                else if (*at == '\\' && quote != '\'' && at[1])
                        text_add_char(&word, *++at);
                else
                        text_add_char(&word, *at);
        }
        if (quote)
                return refuse(change, "a quote is not closed");
        change->rest = at;
        *ret_word = text_string(&word);
        return 1;
}

/* To a list that is ours: it has room for as many as the next power of two. */
static void append(struct arena *arena, struct spec_texts *list, const char *word)
{
        if ((list->n & (list->n - 1)) == 0) {
                const char **items = arena_array(arena, list->n ? list->n * 2 : 1, sizeof *items);

                if (list->n)
                        memcpy(items, list->items, list->n * sizeof *items);
                list->items = items;
        }
        list->items[list->n++] = word;
}

/* ["a", "b"]: 1, or 0 when it is none. */
static int read_json(const struct change *change, struct spec_texts *ret)
{
        const struct json *root;
        struct spec_texts list = { 0 };

        if (*change->rest != '[')
                return 0;
        if (json_parse(change->arena, "--change", change->rest, strlen(change->rest), &root) < 0) {
                trail_reset(); /* a shell's word that begins with a bracket */
                return 0;
        }
        for (size_t i = 0; i < root->n; i++) {
                if (!json_string(&root->items[i]))
                        return refuse(change, "a list of words was expected");
                append(change->arena, &list, json_string(&root->items[i]));
        }
        *ret = list;
        return 1;
}

/* -- instructions ----------------------------------------------------------------------------------------- */

/* A list, or a line for the shell. */
static int read_command(struct change *change, struct spec_texts *ret)
{
        const struct spec_texts *shell = &change->defaults->shell;
        struct spec_texts list = { 0 };
        int r = read_json(change, ret);

        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < shell->n; i++)
                append(change->arena, &list, shell->items[i]);
        if (!shell->n) {
                append(change->arena, &list, "/bin/sh");
                append(change->arena, &list, "-c");
        }
        append(change->arena, &list, change->rest);
        *ret = list;
        return 0;
}

static int set_cmd(struct change *change)
{
        return read_command(change, &change->defaults->cmd);
}

static int set_entrypoint(struct change *change)
{
        return read_command(change, &change->defaults->entrypoint);
}

/* One of the base's list or of the changes. The numbers are places in both, one behind the other. */
struct named {
        const char *name;
        size_t size; /* of the name */
        size_t place, value;
};

static int by_name(const void *a, const void *b)
{
        const struct named *one = a, *other = b;
        const size_t size = one->size < other->size ? one->size : other->size;
        const int order = memcmp(one->name, other->name, size);

        if (order)
                return order;
        if (one->size != other->size)
                return one->size < other->size ? -1 : 1;
        return one->place < other->place ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
        const struct named *one = a, *other = b;

        return one->place < other->place ? -1 : 1;
}

static bool is_same_name(const struct named *one, const struct named *other)
{
        return one->size == other->size && memcmp(one->name, other->name, one->size) == 0;
}

/* Each name once, where it was first, with the value of the last change, if there is one. How many are left. An image
 * may have as many as it likes, so nothing here asks each about all. */
static size_t merge(struct named *all, size_t n, size_t n_base)
{
        size_t left = 0;

        qsort(all, n, sizeof *all, by_name);
        for (size_t i = 0; i < n; i++) {
                if (!left || !is_same_name(&all[left - 1], &all[i]))
                        all[left++] = all[i];
                else if (all[i].value >= n_base)
                        all[left - 1].value = all[i].value;
        }
        qsort(all, left, sizeof *all, by_place);
        return left;
}

/* Two lists of things of `size` bytes, one behind the other. */
static void *join(
        struct arena *arena, const void *base, size_t n_base, const void *changes, size_t n_changes,
        size_t size)
{
        char *all = arena_array(arena, n_base + n_changes + 1, size);

        if (n_base)
                memcpy(all, base, n_base * size);
        if (n_changes)
                memcpy(all + n_base * size, changes, n_changes * size);
        return all;
}

void change_env(struct arena *arena, struct spec_texts *env, const struct spec_texts *changes)
{
        const size_t n = env->n + changes->n;
        const char *const *words =
                join(arena, env->items, env->n, changes->items, changes->n, sizeof *env->items);
        struct named *all = arena_array(arena, n + 1, sizeof *all);
        struct spec_texts merged = { arena_array(arena, n + 1, sizeof *merged.items), 0 };

        for (size_t i = 0; i < n; i++)
                all[i] = (struct named){ words[i], strcspn(words[i], "="), i, i };
        merged.n = merge(all, n, env->n);
        for (size_t i = 0; i < merged.n; i++)
                merged.items[i] = words[all[i].value];
        *env = merged;
}

void change_labels(struct arena *arena, struct spec_map *labels, const struct spec_map *changes)
{
        const size_t n = labels->n + changes->n;
        const struct spec_pair *pairs = join(
                arena, labels->items, labels->n, changes->items, changes->n, sizeof *labels->items);
        struct named *all = arena_array(arena, n + 1, sizeof *all);
        struct spec_map merged = { arena_array(arena, n + 1, sizeof *merged.items), 0 };

        for (size_t i = 0; i < n; i++)
                all[i] = (struct named){ pairs[i].key, strlen(pairs[i].key), i, i };
        merged.n = merge(all, n, labels->n);
        for (size_t i = 0; i < merged.n; i++)
                merged.items[i] = pairs[all[i].value];
        *labels = merged;
}

size_t change_keep_last(struct arena *arena, const char **words, size_t n)
{
        struct named *all = arena_array(arena, n + 1, sizeof *all);
        size_t left = 0;

        for (size_t i = 0; i < n; i++)
                all[i] = (struct named){ words[i], strcspn(words[i], "="), i, i };
        qsort(all, n, sizeof *all, by_name);
        for (size_t i = 0; i < n; i++)
                if (i + 1 == n || !is_same_name(&all[i], &all[i + 1]))
                        all[left++] = all[i];
        qsort(all, left, sizeof *all, by_place);
        for (size_t i = 0; i < left; i++)
                words[i] = all[i].name;
        return left;
}

/* NAME=VALUE..., or NAME VALUE. `take` gets both. */
static int read_pairs(
        struct change *change,
        void (*take)(struct change *change, const char *name, const char *value))
{
        const char *word;
        size_t n = 0;
        int r;

        while ((r = next_word(change, &word)) > 0) {
                const char *equals = strchr(word, '=');
                const char *name =
                        equals ? arena_copy(change->arena, word, (size_t)(equals - word)) : word;

                if (!equals && n == 0 && change->rest[strspn(change->rest, " \t")]) {
                        take(change, name, change->rest + strspn(change->rest, " \t"));
                        return 0;
                }
                if (!equals || !*name)
                        return refuse(change, "NAME=VALUE was expected");
                take(change, name, equals + 1);
                n++;
        }
        return r < 0 ? r : n ? 0 : refuse(change, "NAME=VALUE was expected");
}

static void take_env(struct change *change, const char *name, const char *value)
{
        const char *word = arena_format(change->arena, "%s=%s", name, value);

        change_env(change->arena, &change->defaults->env, &(struct spec_texts){ &word, 1 });
}

static void take_label(struct change *change, const char *name, const char *value)
{
        struct spec_pair label = { name, value };

        change_labels(change->arena, &change->defaults->labels, &(struct spec_map){ &label, 1 });
}

static int set_env(struct change *change)
{
        return read_pairs(change, take_env);
}

static int set_label(struct change *change)
{
        return read_pairs(change, take_label);
}

/* One more key, if it is not there. */
static void add_key(struct arena *arena, struct image_empty_table *table, const char *key)
{
        struct image_empty_table copy = { arena_array(arena, table->n + 1, sizeof *copy.items), 0 };

        for (size_t i = 0; i < table->n; i++) {
                if (text_equal(table->items[i].key, key))
                        return;
                copy.items[copy.n++] = table->items[i];
        }
        copy.items[copy.n++] = (struct image_empty_entry){ .key = key };
        *table = copy;
}

static bool is_port(const char *word)
{
        size_t digits = strspn(word, "0123456789");
        size_t second = word[digits] == '-' ? strspn(word + digits + 1, "0123456789") : 0;
        const char *protocol = word + digits + (second ? second + 1 : 0);

        return digits && digits < 6 && second < 6 &&
               (text_equal(protocol, "/tcp") || text_equal(protocol, "/udp") ||
                text_equal(protocol, "/sctp"));
}

static int set_expose(struct change *change)
{
        const char *word;
        int r, n = 0;

        for (; (r = next_word(change, &word)) > 0; n++) {
                if (!strchr(word, '/'))
                        word = arena_format(change->arena, "%s/tcp", word);
                if (!is_port(word))
                        return refuse(change, "a port was expected: 80, 80/udp or 8000-8010");
                add_key(change->arena, &change->defaults->exposed_ports, word);
        }
        return r < 0 ? r : n ? 0 : refuse(change, "a port was expected");
}

static int set_volume(struct change *change)
{
        struct spec_texts list = { 0 };
        const char *word;
        int r = read_json(change, &list);

        if (r == 0)
                while ((r = next_word(change, &word)) > 0)
                        append(change->arena, &list, word);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                if (list.items[i][0] != '/')
                        return refuse(change, "an absolute path was expected");
                add_key(change->arena, &change->defaults->volumes, list.items[i]);
        }
        return list.n ? 0 : refuse(change, "a path was expected");
}

static int set_user(struct change *change)
{
        const char *word;
        int r = next_word(change, &word);

        if (r > 0)
                change->defaults->user = word;
        return r > 0 ? 0 : r < 0 ? r : refuse(change, "a user was expected");
}

static int set_working_dir(struct change *change)
{
        const char *before = change->defaults->working_dir, *word;
        int r = next_word(change, &word);

        if (r <= 0)
                return r < 0 ? r : refuse(change, "a directory was expected");
        change->defaults->working_dir =
                word[0] == '/'
                        ? word
                        : arena_format(
                                  change->arena, "%s/%s",
                                  before && *before && !text_equal(before, "/") ? before : "",
                                  word);
        return 0;
}

static int set_stop_signal(struct change *change)
{
        const char *word;
        int r = next_word(change, &word);

        if (r > 0)
                change->defaults->stop_signal = word;
        return r > 0 ? 0 : r < 0 ? r : refuse(change, "a signal was expected");
}

static int add_on_build(struct change *change)
{
        const struct spec_texts *base = &change->defaults->on_build;
        struct spec_texts list = { 0 };

        for (size_t i = 0; i < base->n; i++)
                append(change->arena, &list, base->items[i]);
        append(change->arena, &list, change->rest);
        change->defaults->on_build = list;
        return 0;
}

static int change_one(struct change *change)
{
        static const struct {
                const char *name;
                int (*set)(struct change *change);
        } instructions[] = {
                { "CMD", set_cmd },          { "ENTRYPOINT", set_entrypoint },
                { "ENV", set_env },          { "EXPOSE", set_expose },
                { "LABEL", set_label },      { "USER", set_user },
                { "VOLUME", set_volume },    { "WORKDIR", set_working_dir },
                { "ONBUILD", add_on_build }, { "STOPSIGNAL", set_stop_signal },
        };

        const char *at = change->whole + strspn(change->whole, " \t");
        size_t size = strcspn(at, " \t=");
        char name[16] = "";

        for (size_t i = 0; i < size && size < sizeof name; i++)
                name[i] = (char)toupper((unsigned char)at[i]);
        change->rest = at + size + (at[size] == '=') + strspn(at + size, " \t");
        for (size_t i = 0; i < ARRAY_SIZE(instructions); i++)
                if (text_equal(name, instructions[i].name))
                        return *change->rest ? instructions[i].set(change)
                                             : refuse(change, "nothing follows the instruction");
        return refuse(change, "no instruction that an image could be changed by");
}

int change_defaults(
        struct arena *arena, struct image_defaults *defaults, const struct words *changes)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < changes->n; i++) {
                struct change change = { .arena = arena,
                                         .defaults = defaults,
                                         .whole = changes->items[i] };

                r = change_one(&change);
        }
        return r;
}
