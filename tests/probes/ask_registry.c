/* SPDX-License-Identifier: Apache-2.0 */
/* husk's side of husk-registry on a command line, for the system tests.
 *
 *      probe_ask_registry HELPER SETTINGS manifest REGISTRY REPOSITORY REFERENCE FILE
 *
 * Prints a line of what was answered; on failure the error as husk has it, with status 1. */
#include "linux/linux.h"
#include "registry/registry.h"

#include <fcntl.h>
#include <stdio.h>

static int open_file(const char *path)
{
        return file_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static int manifest(struct registry *registry, char **words)
{
        const struct registry_place place = { words[0], words[1] };
        auto_arena arena = { 0 };
        auto_close file = open_file(words[3]);
        struct registry_answer answer;
        int r = file < 0 ? file : registry_ask_manifest(registry, &place, words[2], file);

        if (r > 0)
                r = registry_await(registry, &arena, (unsigned)r, &answer);
        if (r == 0)
                printf("%s %llu %s\n", answer.media_type ? answer.media_type : "-",
                       (unsigned long long)answer.size, answer.digest);
        return r;
}

static const struct {
        const char *name;
        int n;
        int (*run)(struct registry *registry, char **words);
} verbs[] = {
        { "manifest", 4, manifest },
};

int main(int argc, char **argv)
{
        struct registry registry = REGISTRY_NONE;
        int r = -EINVAL;

        for (size_t i = 0; argc > 3 && i < ARRAY_SIZE(verbs); i++) {
                if (!text_equal(argv[3], verbs[i].name) || argc - 4 != verbs[i].n)
                        continue;
                r = registry_start(argv[1], argv[2], &registry);
                if (r == 0)
                        r = verbs[i].run(&registry, argv + 4);
        }
        registry_end(&registry);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", text_errno_name(r), trail_text());
                if (*trail_hint_text())
                        fprintf(stderr, "hint: %s\n", trail_hint_text());
        }
        return r < 0;
}
