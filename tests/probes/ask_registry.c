/* SPDX-License-Identifier: Apache-2.0 */
/* husk's side of husk-registry on a command line, for the system tests. SETTINGS "-": those that the files
 * REGISTRY_AUTH_FILE and HUSK_REGISTRIES give.
 *
 *      probe_ask_registry HELPER SETTINGS manifest REGISTRY REPOSITORY REFERENCE FILE
 *      probe_ask_registry HELPER SETTINGS push REGISTRY REPOSITORY FILE DIGEST
 *      probe_ask_registry HELPER SETTINGS put REGISTRY REPOSITORY REFERENCE FILE DIGEST
 *      probe_ask_registry HELPER SETTINGS blob REGISTRY REPOSITORY DIGEST SIZE COMPRESSION FILE DIRECTORY
 *
 * FILE and DIRECTORY may be "-": none. With REGISTRY "file:PATH" the blob comes from there. Prints a line of what was answered; on failure the error as husk has it, with status 1. */
#include "linux/linux.h"
#include "registry/registry.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* As husk does: a process of its own makes of the records what they say. */
static pid_t unpack(const char *directory, int pipe_ends[2])
{
        const struct layer_options options = { 0 };
        static struct layer_writer layer;
        pid_t pid = fork();
        int root, r;

        if (pid)
                return pid;
        close(pipe_ends[1]);
        root = file_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
        layer_begin(&layer, root, &options);
        r = root < 0 ? root : stream_unpack(&layer, pipe_ends[0]);
        if (r == 0)
                r = layer_end(&layer);
        if (r < 0)
                fprintf(stderr, "unpack: %s: %s\n", text_errno_name(r), trail_text());
        _exit(r < 0);
}

static int await_blob(struct registry *registry, int id)
{
        auto_arena arena = { 0 };
        struct registry_answer answer;
        int r = registry_await(registry, &arena, (unsigned)id, &answer);

        if (r == 0)
                printf("%llu %s\n", (unsigned long long)answer.size,
                       answer.diff_id ? answer.diff_id : "-");
        return r;
}

static int blob(struct registry *registry, char **words)
{
        bool local = text_starts(words[0], "file:");
        auto_close file = text_equal(words[5], "-") ? NO_FD : open_file(words[5]);
        auto_close source =
                local ? file_open(AT_FDCWD, words[0] + strlen("file:"), O_RDONLY, 0) : NO_FD;
        struct registry_blob wanted = {
                .place = { local ? NULL : words[0], words[1] },
                .digest = words[2],
                .file = file,
                .records = NO_FD,
                .source = source,
                .compression = text_equal(words[4], "gzip") ? IMAGE_GZIP
                             : text_equal(words[4], "zstd") ? IMAGE_ZSTD
                                                            : IMAGE_PLAIN,
                .bytes_max = getenv("BYTES_MAX") ? strtoull(getenv("BYTES_MAX"), NULL, 10) : 0,
        };
        int ends[2] = { NO_FD, NO_FD }, status = 0, r = text_u64(words[3], &wanted.size);
        pid_t pid = 0;

        if (r == 0 && !text_equal(words[6], "-")) {
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return -errno;
                pid = unpack(words[6], ends);
                wanted.records = ends[1];
        }
        if (r == 0)
                r = registry_ask_blob(registry, &wanted);
        file_close(&ends[0]);
        file_close(&ends[1]);
        if (r > 0)
                r = await_blob(registry, r);
        if (pid > 0 && (process_wait(pid, &status) < 0 || status) && r == 0)
                r = -EIO;
        return r;
}

static int push(struct registry *registry, char **words)
{
        auto_arena arena = { 0 };
        auto_close file = file_open(AT_FDCWD, words[2], O_RDONLY, 0);
        struct registry_upload upload = { .place = { words[0], words[1] },
                                          .digest = words[3],
                                          .file = file };
        struct registry_answer answer;
        off_t size = lseek(file, 0, SEEK_END);
        int r;

        if (size < 0)
                return -errno;
        upload.size = (uint64_t)size;
        r = registry_ask_push(registry, &upload);
        if (r > 0)
                r = registry_await(registry, &arena, (unsigned)r, &answer);
        if (r == 0)
                printf("%llu %s\n", (unsigned long long)answer.size,
                       answer.there ? "there" : "pushed");
        return r;
}

static int put(struct registry *registry, char **words)
{
        auto_arena arena = { 0 };
        auto_close file = file_open(AT_FDCWD, words[3], O_RDONLY, 0);
        struct registry_document document = { .place = { words[0], words[1] },
                                              .reference = words[2],
                                              .digest = words[4],
                                              .media_type = IMAGE_TYPE_MANIFEST,
                                              .file = file };
        struct registry_answer answer;
        int r = file < 0 ? file : registry_ask_put(registry, &document);

        if (r > 0)
                r = registry_await(registry, &arena, (unsigned)r, &answer);
        if (r == 0)
                printf("%s\n", answer.subject ? "subject" : "-");
        return r;
}

static const struct {
        const char *name;
        int n;
        int (*run)(struct registry *registry, char **words);
} verbs[] = {
        { "manifest", 4, manifest },
        { "blob", 7, blob },
        { "push", 4, push },
        { "put", 5, put },
};

static int settings(struct arena *arena, char **argv)
{
        const struct registry_files files = { .config = getenv("HUSK_REGISTRIES"),
                                              .auth = { getenv("REGISTRY_AUTH_FILE") } };
        const struct registry_place place = { argv[4], argv[5] };
        const char *said;
        int r = 0;

        if (text_equal(argv[2], "-")) {
                r = registry_settings(arena, &files, &place, NULL, &said);
                argv[2] = (char *)(uintptr_t)said;
        }
        return r;
}

int main(int argc, char **argv)
{
        struct registry registry = REGISTRY_NONE;
        auto_arena arena = { 0 };
        int r = -EINVAL;

        for (size_t i = 0; argc > 3 && i < ARRAY_SIZE(verbs); i++) {
                if (!text_equal(argv[3], verbs[i].name) || argc - 4 != verbs[i].n)
                        continue;
                r = settings(&arena, argv);
                if (r == 0)
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
