/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: one reader a kind of option, in a table; each turns a word into the C type
 * that OPTION_TYPE_kind names and puts it at the row's offset. A reader is strict: it takes the
 * whole word or refuses it, since a limit that was half understood is worse than an error.
 * Memory is taken only for repeatable options, once each: no more values than argv has words.
 * Not done here: looking up users or files. Those belong to the container, not to the caller. */
#include "values.h"

#include "linux/linux.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct store {
        const struct option *option;
        const char *value;
        void *field;
        struct arena *arena;
        size_t room;
};

static int read_flag(const struct store *s)
{
        bool *field = s->field;

        if (cli_word_in("true 1 t T TRUE True", s->value))
                *field = true;
        else if (cli_word_in("false 0 f F FALSE False", s->value))
                *field = false;
        else
                return -EINVAL;
        return 0;
}

static int read_text(const struct store *s)
{
        *(const char **)s->field = s->value;
        return 0;
}

static int append_word(const struct store *s, const char *word)
{
        struct words *words = s->field;

        if (!words->items)
                words->items = arena_array(s->arena, s->room + 1, sizeof *words->items);
        else if (words->n >= s->room)
                return -ERANGE;
        words->items[words->n++] = word;
        return 0;
}

static int read_texts(const struct store *s)
{
        return append_word(s, s->value);
}

static int read_env(const struct store *s)
{
        const char *equals = strchr(s->value, '='), *inherited;

        if (!*s->value || equals == s->value)
                return -EINVAL;
        if (equals)
                return append_word(s, s->value);
        /* As docker: a variable that the caller does not have is left out silently. */
        inherited = getenv(s->value);
        if (!inherited)
                return 0;
        return append_word(s, arena_format(s->arena, "%s=%s", s->value, inherited));
}

static int read_choice(const struct store *s)
{
        return cli_word_in(s->option->values, s->value) ? read_text(s) : -EINVAL;
}

static int read_user(const struct store *s)
{
        const char *colon = strchr(s->value, ':');

        if (!*s->value || colon == s->value)
                return -EINVAL;
        if (colon && (!colon[1] || strchr(colon + 1, ':')))
                return -EINVAL;
        return read_text(s);
}

static int read_u64(const struct store *s)
{
        return text_u64(s->value, s->field);
}

static int read_i64(const struct store *s)
{
        uint64_t number;
        bool minus = *s->value == '-';
        int r = text_u64(s->value + minus, &number);

        if (r < 0)
                return r;
        if (number > INT64_MAX)
                return -ERANGE;
        *(int64_t *)s->field = minus ? -(int64_t)number : (int64_t)number;
        return 0;
}

static int read_number(const struct store *s)
{
        struct number *field = s->field;
        struct store value = *s;
        int r;

        value.field = &field->value;
        r = read_i64(&value);
        field->set = r == 0;
        return r;
}

static int read_limit(const struct store *s)
{
        uint64_t bytes;
        int r;

        if (text_equal(s->value, "-1")) {
                *(int64_t *)s->field = -1;
                return 0;
        }
        r = text_size(s->value, &bytes);
        if (r == 0 && bytes > INT64_MAX)
                r = -ERANGE;
        if (r == 0)
                *(int64_t *)s->field = (int64_t)bytes;
        return r;
}

static int read_size(const struct store *s)
{
        return text_size(s->value, s->field);
}

/* Decimal with up to nine places; finer ones are refused rather than rounded to a surprise. */
static int read_cpus(const struct store *s)
{
        const uint64_t unit = 1000000000;
        const char *p = s->value;
        uint64_t whole = 0, part = 0, scale = unit;

        if (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1])))
                return -EINVAL;
        for (; isdigit((unsigned char)*p); p++) {
                whole = whole * 10 + (uint64_t)(*p - '0');
                if (whole > UINT64_MAX / unit / 2)
                        return -ERANGE;
        }
        if (*p == '.')
                for (p++; isdigit((unsigned char)*p); p++) {
                        scale /= 10;
                        if (!scale)
                                return -EINVAL;
                        part += (uint64_t)(*p - '0') * scale;
                }
        if (*p)
                return -EINVAL;
        *(uint64_t *)s->field = whole * unit + part;
        return 0;
}

static int read_signal(const struct store *s)
{
        int number = cli_signal(s->value);

        if (number < 0)
                return number;
        *(int *)s->field = number;
        return 0;
}

static int read_seconds(const struct store *s)
{
        size_t len = strlen(s->value);
        char digits[24];
        uint64_t number, factor = 1;
        int r;

        if (text_equal(s->value, "-1")) {
                *(int64_t *)s->field = -1;
                return 0;
        }
        if (len && strchr("smh", s->value[len - 1])) {
                len--;
                factor = s->value[len] == 's' ? 1 : s->value[len] == 'm' ? 60 : 3600;
        }
        if (len >= sizeof digits)
                return -ERANGE;
        memcpy(digits, s->value, len);
        digits[len] = 0;
        r = text_u64(digits, &number);
        if (r < 0)
                return r;
        if (number > (uint64_t)INT32_MAX / factor)
                return -ERANGE;
        *(int64_t *)s->field = (int64_t)(number * factor);
        return 0;
}

static int read_gids(const struct store *s)
{
        struct ids *ids = s->field;
        size_t more = 1;
        uint32_t *items;
        char *copy = arena_string(s->arena, s->value);

        for (const char *p = copy; *p; p++)
                more += *p == ',';
        items = arena_array(s->arena, ids->n + more, sizeof *items);
        if (ids->n)
                memcpy(items, ids->items, ids->n * sizeof *items);
        for (size_t i = 0; i < more; i++) {
                char *word = copy, *comma = strchr(copy, ',');
                uint64_t number;
                int r;

                if (comma) {
                        *comma = 0;
                        copy = comma + 1;
                }
                r = text_u64(word, &number);
                if (r < 0)
                        return r;
                /* (gid_t)-1 means "no change" to the kernel: never an id. */
                if (number >= UINT32_MAX)
                        return -ERANGE;
                items[ids->n + i] = (uint32_t)number;
        }
        ids->items = items;
        ids->n += more;
        return 0;
}

static const struct kind {
        int (*read)(const struct store *s);
        const char *expected;
        bool repeats;
} kinds[OPTION_KINDS] = {
        [OPTION_FLAG] = { read_flag, "true or false", false },
        [OPTION_TEXT] = { read_text, "text", false },
        [OPTION_TEXTS] = { read_texts, "text", true },
        [OPTION_ENV] = { read_env, "NAME=VALUE, or NAME to pass on your own", true },
        [OPTION_CHOICE] = { read_choice, NULL, false },
        [OPTION_USER] = { read_user, "NAME or UID, optionally with :GROUP or :GID", false },
        [OPTION_U64] = { read_u64, "a whole number", false },
        [OPTION_I64] = { read_i64, "a whole number", false },
        [OPTION_NUMBER] = { read_number, "a whole number", false },
        [OPTION_LIMIT] = { read_limit, "a size such as 512m or 1.5g, or -1 for no limit", false },
        [OPTION_SIZE] = { read_size, "a size such as 512m or 1.5g", false },
        [OPTION_CPUS] = { read_cpus, "a number of CPUs such as 2 or 0.5", false },
        [OPTION_SIGNAL] = { read_signal, "a signal's name or number, such as TERM or 15", false },
        [OPTION_SECONDS] = { read_seconds, "seconds such as 10, or 2m, 1h, -1 for ever", false },
        [OPTION_GIDS] = { read_gids, "numeric group ids such as 10,20", true },
};

int cli_value_store(
        const struct option *option, const char *value, void *request, struct arena *arena,
        size_t room)
{
        struct store s = { option, value, (char *)request + option->at, arena, room };

        return kinds[option->kind].read(&s);
}

const char *cli_value_expected(const struct option *option)
{
        return option->kind == OPTION_CHOICE ? option->values : kinds[option->kind].expected;
}

bool cli_value_repeats(const struct option *option)
{
        return kinds[option->kind].repeats;
}

bool cli_word_in(const char *values, const char *word)
{
        size_t len = strlen(word);

        if (!len || strchr(word, ' '))
                return false;
        for (const char *at = values; (at = strstr(at, word)); at++)
                if ((at == values || at[-1] == ' ') && (!at[len] || at[len] == ' '))
                        return true;
        return false;
}

int cli_signal(const char *text)
{
        const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;

        /* A second name that kill(1) and docker know. */
        return strcasecmp(name, "CLD") ? process_signal_number(text) : SIGCHLD;
}
