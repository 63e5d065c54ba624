/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: the first byte picks a command of a face, the lines after it are its
 * words. Nothing is run: what may go wrong is the parser's walk over argv and the readers of
 * values. A parse that succeeds must have left the words it kept inside argv. */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
        WORDS_MAX = 64
};

static const struct command *pick(uint8_t byte, const struct face **ret_face)
{
        const struct face *face = byte & 1 ? &cli_face_oci : &cli_face_husk;
        size_t n = 0;

        while (face->commands[n])
                n++;
        *ret_face = face;
        byte >>= 1;
        return byte % (n + 1) == n ? face->globals : face->commands[byte % (n + 1)];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        auto_arena arena = { 0 };
        struct parse parse = { .arena = &arena };
        char *argv[WORDS_MAX + 1] = { 0 }, *text, *save = NULL;

        if (!size)
                return 0;
        parse.command = pick(bytes[0], &parse.face);
        text = arena_copy(&arena, (const char *)bytes + 1, size - 1);
        for (char *word = strtok_r(text, "\n", &save); word && parse.argc < WORDS_MAX;
             word = strtok_r(NULL, "\n", &save))
                argv[parse.argc++] = word;
        parse.argv = argv;
        parse.request = arena_alloc(&arena, parse.command->request_size + 1);
        if (parse.command->defaults)
                memcpy(parse.request, parse.command->defaults, parse.command->request_size);
        if (cli_options_parse(&parse) == 0 && !parse.help &&
            (parse.n_operands > parse.argc || argv[parse.n_operands]))
                abort();
        trail_reset();
        return 0;
}
