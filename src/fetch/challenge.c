/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a challenge is a word (the scheme), then parameters NAME=VALUE between commas; commas
 * stand between challenges, too. So after a comma a word is a parameter when '=' follows it, and else the next
 * scheme. A scheme may be followed by one token68 instead of parameters; those schemes are not ours. */
#include "challenge.h"

#include <strings.h>

static const char token_characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

static const char *skip(const char *at)
{
        return at + strspn(at, " \t");
}

static const char *skip_commas(const char *at)
{
        return at + strspn(at, " \t,");
}

/* A token or a quoted string: where it ends, or NULL. */
static const char *value(struct arena *arena, const char *at, const char **ret_value)
{
        struct text text = { .arena = arena };

        if (*at != '"') {
                size_t size = strspn(at, token_characters);

                /* Some say realm=https://... without quotes; nothing else can be meant. */
                size += strcspn(at + size, " \t,\"");
                *ret_value = arena_copy(arena, at, size);
                return size ? at + size : NULL;
        }
        for (at++; *at != '"'; at++) {
                if (*at == '\\')
                        at++;
                if (!*at)
                        return NULL;
                text_add_char(&text, *at);
        }
        *ret_value = arena_string(arena, text_string(&text));
        return at + 1;
}

static bool is_word(const char *at, size_t size, const char *word)
{
        return size == strlen(word) && !strncasecmp(at, word, size);
}

static void take(struct challenge *challenge, const char *name, size_t size, const char *value)
{
        if (is_word(name, size, "realm"))
                challenge->realm = value;
        else if (is_word(name, size, "service"))
                challenge->service = value;
        else if (is_word(name, size, "scope"))
                challenge->scope = value;
        else if (is_word(name, size, "error"))
                challenge->error = value;
}

/* The parameters behind a scheme: where the next challenge begins, or NULL. */
static const char *parameters(struct arena *arena, const char *at, struct challenge *challenge)
{
        for (;;) {
                const char *name = at = skip_commas(at), *text;
                size_t size = strspn(at, token_characters);

                at = skip(at + size);
                if (!size || *at != '=')
                        return name; /* the next scheme, or the end */
                if (at[1] == '=' || !at[1 + strspn(at + 1, " \t")])
                        return NULL; /* what is left of a token68 */
                at = value(arena, skip(at + 1), &text);
                if (!at)
                        return NULL;
                at = skip(at);
                if (*at && *at != ',')
                        return NULL;
                take(challenge, name, size, text);
        }
}

int challenge_parse(
        struct arena *arena, const char *line, struct challenge ret_challenges[CHALLENGES_MAX],
        size_t *ret_n)
{
        const char *at = skip_commas(line);
        size_t n = 0;

        while (*at) {
                struct challenge challenge = { 0 };
                size_t size = strspn(at, token_characters);
                const char *rest = skip(at + size);

                if (!size || (rest == at + size && *rest && *rest != ','))
                        return -EBADMSG;
                if (is_word(at, size, "bearer"))
                        challenge.scheme = CHALLENGE_BEARER;
                else if (is_word(at, size, "basic"))
                        challenge.scheme = CHALLENGE_BASIC;
                /* A token68: all up to the comma, in which '=' stands only at the end. */
                size = strcspn(rest, ",");
                if (challenge.scheme == CHALLENGE_OTHER && !memchr(rest, '=', size))
                        at = skip_commas(rest + size);
                else
                        at = parameters(arena, rest, &challenge);
                if (!at)
                        return -EBADMSG;
                if (n < CHALLENGES_MAX)
                        ret_challenges[n++] = challenge;
        }
        *ret_n = n;
        return 0;
}
