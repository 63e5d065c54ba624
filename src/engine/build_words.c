/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: how the values of options are taken apart, for all sections alike. A value is
 * understood whole or refused: a container that has less than it was asked for is worse than an
 * error. */
#include "build.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

int build_refuse(const char *option, const char *value, const char *format, ...)
{
        char reason[512];
        va_list values;

        va_start(values, format);
        text_vformat(reason, sizeof reason, format, values);
        va_end(values);
        trail(-EINVAL, "%s", reason);
        return trail(-EINVAL, "'%s' is not a value for %s", value, option);
}

char *build_cut(char **at, char border)
{
        char *start = *at, *end;

        if (!start)
                return NULL;
        end = strchr(start, border);
        if (end)
                *end++ = '\0';
        *at = end;
        return start;
}

const char *build_plain_path(struct arena *arena, const char *path)
{
        char *plain, *end;

        if (!path || path[0] != '/')
                return NULL;
        plain = end = arena_format(arena, "/%s", path);
        for (const char *at = path; *at;) {
                size_t size = strcspn(at, "/");

                if (size == 2 && at[0] == '.' && at[1] == '.') {
                        while (end > plain && *--end != '/')
                                ;
                } else if (size && !(size == 1 && at[0] == '.')) {
                        *end++ = '/';
                        memmove(end, at, size);
                        end += size;
                }
                at += size + (at[size] == '/');
        }
        if (end == plain)
                *end++ = '/';
        *end = '\0';
        return plain;
}

int build_bool(const char *word, bool *ret)
{
        if (!word || build_word_in("true 1 t T TRUE True", word))
                *ret = true;
        else if (build_word_in("false 0 f F FALSE False", word))
                *ret = false;
        else
                return -EINVAL;
        return 0;
}

bool build_word_in(const char *list, const char *word)
{
        size_t size = strlen(word);

        for (const char *at = list; *at;) {
                size_t n = strcspn(at, " ");

                if (n == size && strncmp(at, word, n) == 0)
                        return true;
                at += n + (at[n] == ' ');
        }
        return false;
}

int build_i64(const char *word, int64_t *ret)
{
        bool minus = word[0] == '-';
        uint64_t number;
        int r = text_u64(word + minus, &number);

        if (r < 0)
                return r;
        if (number > INT64_MAX)
                return -ERANGE;
        *ret = minus ? -(int64_t)number : (int64_t)number;
        return 0;
}

int build_octal(const char *word, uint32_t most, uint32_t *ret)
{
        uint32_t mode = 0;

        if (!*word || strlen(word) > 7)
                return -EINVAL;
        for (; *word; word++) {
                if (*word < '0' || *word > '7')
                        return -EINVAL;
                mode = mode * 8 + (uint32_t)(*word - '0');
        }
        if (mode > most)
                return -EINVAL;
        *ret = mode;
        return 0;
}

struct spec_texts build_texts(struct arena *arena, const struct spec_texts *from, size_t more)
{
        struct spec_texts texts = { .items = arena_array(arena, from->n + more + 1, sizeof(char *)),
                                    .n = from->n };

        if (from->n)
                memcpy(texts.items, from->items, from->n * sizeof(char *));
        return texts;
}

int build_map(struct build *b, const char *option, const struct words *words, struct spec_map *map)
{
        struct spec_map all = { .items = arena_array(
                                        b->arena, map->n + words->n + 1, sizeof *all.items),
                                .n = map->n };

        if (map->n)
                memcpy(all.items, map->items, map->n * sizeof *all.items);
        for (size_t i = 0; i < words->n; i++) {
                const char *equals = strchr(words->items[i], '=');
                const char *key;
                size_t k = 0;

                if (!equals || equals == words->items[i])
                        return build_refuse(option, words->items[i], "expected NAME=VALUE");
                key = arena_copy(b->arena, words->items[i], (size_t)(equals - words->items[i]));
                while (k < all.n && !text_equal(all.items[k].key, key))
                        k++;
                all.items[k] = (struct spec_pair){ key, equals + 1 };
                all.n += k == all.n;
        }
        *map = all;
        return 0;
}

int build_container_file(
        struct build *b, const char *option, const char *name, const char *file,
        const char **ret_path)
{
        struct container container;
        int r = store_open(b->arena, &b->request->engine, name, false, &container), process;

        if (r < 0)
                return trail(r, "%s container:%s", option, name);
        process = container_process(&container);
        if (process >= 0)
                close(process);
        container_close(&container);
        if ((container.status != CONTAINER_RUNNING && container.status != CONTAINER_PAUSED) ||
            process == -ESRCH) {
                trail_hint("it has namespaces only while it runs");
                return trail(-ESRCH, "%s container:%s: it is not running", option, name);
        }
        if (process < 0)
                return trail(process, "%s container:%s", option, name);
        if (!b->joined.items)
                b->joined.items = arena_array(b->arena, 8, sizeof *b->joined.items);
        if (b->joined.n < 8)
                b->joined.items[b->joined.n++] = (struct joined){ container.id, container.pid };
        *ret_path = arena_format(b->arena, "/proc/%d/%s", (int)container.pid, file);
        return 0;
}
