/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a fuzz target without the fuzzer. Each file of its corpus is given to it, whole
 * and cut at sixteen places: the same inputs in every run, in every build, sanitizers or not. The
 * documents of the golden plans are inputs of every target that reads documents. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t files, inputs;

/* A copy of exactly that size, so that a sanitizer sees a read beyond. */
static void give(const char *bytes, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                exit(1);
        memcpy(copy, bytes, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
        inputs++;
}

static void replay(const char *path)
{
        static char bytes[1 << 16];
        FILE *file = fopen(path, "re");
        size_t size;

        if (!file)
                return;
        size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t part = 0; part <= 16; part++)
                give(bytes, size * part / 16);
        files++;
}

static void replay_directory(const char *directory, const char *below)
{
        DIR *dir = opendir(directory);
        char path[4096];

        for (struct dirent *entry; dir && (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "%s/%s%s", directory, entry->d_name, below);
                replay(path);
        }
        if (dir)
                closedir(dir);
}

int main(void)
{
        const char *name = &FUZZ_TARGET[strlen("fuzz_")];
        char path[4096];

        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", SOURCE_DIR, name);
        replay_directory(path, "");
        if (!strcmp(name, "plan") || !strcmp(name, "config") || !strcmp(name, "json"))
                replay_directory(SOURCE_DIR "/tests/plans", "/config.json");
        printf("%sok 1 - %s: %zu inputs from %zu files\n1..1\n", files ? "" : "not ", name, inputs,
               files);
        return files ? EXIT_SUCCESS : EXIT_FAILURE;
}
