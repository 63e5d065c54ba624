/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the words of --detach-keys, as docker has them: a key is its letter, or what a
 * terminal sends for Ctrl and a key, which is that key's ASCII code modulo 32. */
#include "keeper.h"

#include <string.h>

/* One word of the list: the byte, or -EINVAL. */
static int parse_key(const char *word, size_t size)
{
        if (size == 1)
                return (unsigned char)word[0] & 0x80 ? -EINVAL : (unsigned char)word[0];
        if (size == 3 && memcmp(word, "DEL", 3) == 0)
                return 127;
        if (size != 6 || memcmp(word, "ctrl-", 5) != 0)
                return -EINVAL;
        if ((word[5] >= 'a' && word[5] <= 'z') || (word[5] && strchr("@[\\]^_", word[5])))
                return (unsigned char)word[5] & 31;
        return -EINVAL;
}

int keeper_keys_parse(const char *words, struct keeper_keys *ret_keys)
{
        struct keeper_keys keys = { .n = 0 };

        for (const char *at = words; *words;) {
                size_t size = strcspn(at, ",");
                int key = parse_key(at, size);

                if (key < 0) {
                        trail_hint("keys are letters, or ctrl- and one of a-z @ [ \\ ] ^ _, with "
                                   "commas between: ctrl-p,ctrl-q");
                        return trail(key, "'%.*s' is not a key", (int)(size > 40 ? 40 : size), at);
                }
                if (keys.n == sizeof keys.bytes)
                        return trail(-EINVAL, "more than %zu keys", sizeof keys.bytes);
                keys.bytes[keys.n++] = (unsigned char)key;
                if (!at[size])
                        break;
                at += size + 1;
        }
        *ret_keys = keys;
        return 0;
}
