/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the input's lines are the options of a mount. The parser never fails, so what
 * is held against it is what it promises: nothing is both set and cleared, every word it keeps is one
 * that it was given, and no word is kept twice. */
#include "runtime/compile/mount_options.h"

#include <stdlib.h>
#include <string.h>

#include <linux/mount.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
        WORDS_MAX = 256
};

static bool was_given(const struct spec_texts *words, const char *word)
{
        for (size_t i = 0; i < words->n; i++)
                if (words->items[i] == word)
                        return true;
        return false;
}

static void check(const struct spec_texts *words, const struct mount_options *options)
{
        const uint64_t times = MOUNT_ATTR__ATIME;

        if (options->set & options->clear & ~times ||
            options->set_all & options->clear_all & ~times)
                abort();
        if ((options->set & times) == times || (options->set_all & times) == times)
                abort();
        if (options->n_super > 4 || options->n_data + options->n_super > words->n)
                abort();
        if (options->recursive && !options->bind)
                abort();
        for (size_t i = 0; i < options->n_data; i++)
                if (!was_given(words, options->data[i]))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct spec_texts words = { .items = arena_array(&arena, WORDS_MAX, sizeof(char *)) };
        struct mount_options options;
        char *text = arena_copy(&arena, (const char *)bytes, size), *save = NULL;

        for (char *word = strtok_r(text, "\n", &save); word && words.n < WORDS_MAX;
             word = strtok_r(NULL, "\n", &save))
                words.items[words.n++] = word;
        mount_options_parse(&arena, &words, &options);
        check(&words, &options);
        return 0;
}
