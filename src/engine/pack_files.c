/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: which files a program takes to run.
 *
 * What the kernel and the loader would do is done without running either: interpreters of scripts and ELF files,
 * then the libraries that a file says it needs, searched for as in ld.so(8): DT_RPATH of it and of who loads it, unless
 * it has DT_RUNPATH; that; the loader's cache; the usual directories. What a program opens by itself later, by
 * dlopen(3) or as data, is not known to anybody: the user adds it. Symbolic links on the way are part of the image, so
 * that every name is what it was.
 *
 * What is added may be another user's, who exchanges names while they are read. So each link is followed here, once;
 * a name that was no link is opened as none, and what is in a directory is found from its descriptor. */
#include "linux/linux.h"
#include "pack.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum {
        LINKS_MAX = 40,
        DEPTH_MAX = 64, /* libraries behind libraries, directories in directories */
        FILES_MAX = 1000000,
        CACHE_MAX = 64 << 20,
};

/* Who asks for a library. */
struct loader {
        const struct elf_needs *needs;
        const char *path;
        const struct loader *above;
};

static const char *const usual[] = {
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
#if defined(__aarch64__)
        "/lib/aarch64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
#else
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
#endif
};

/* -- the list --------------------------------------------------------------------------------------------- */

/* Where the path is, or would be. */
static size_t find(const struct pack *pack, const char *path, bool *ret_found)
{
        size_t from = 0, to = pack->n;

        while (from < to) {
                size_t middle = (from + to) / 2;
                int order = strcmp(pack->files[middle].path, path);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        *ret_found = false;
        return from;
}

static void put(struct pack *pack, const struct pack_file *file)
{
        bool found;
        size_t at = find(pack, file->path, &found);

        if (found)
                return;
        pack->files = arena_more(
                pack->arena, pack->files, pack->n, &pack->room, sizeof *pack->files, 256);
        memmove(&pack->files[at + 1], &pack->files[at], (pack->n - at) * sizeof *file);
        pack->files[at] = *file;
        pack->files[at].path = arena_string(pack->arena, file->path);
        pack->n++;
}

void pack_add_content(struct pack *pack, const char *path, const char *content)
{
        const struct pack_file file = {
                .path = path,
                .content = content,
                .st = { .st_mode = S_IFREG | 0644, .st_size = (off_t)strlen(content) },
        };

        put(pack, &file);
}

static int changed(const char *path)
{
        return trail(-ESTALE, "%s was changed while it was read", path);
}

int pack_open(const struct pack *pack, const char *path, int flags)
{
        int fd = rootpath_open(pack->root, path, (uint64_t)(flags | O_NOFOLLOW), true);

        if (fd == -ELOOP || fd == -ENOTDIR)
                return changed(path);
        return fd < 0 ? trail(fd, "%s: %s", path, text_errno(fd)) : fd;
}

/* What it is, and where it leads to if it is a symbolic link. */
static int look(struct pack *pack, int place, struct pack_file *file)
{
        int r = file_stat(place, "", AT_EMPTY_PATH, &file->st);
        char target[PATH_MAX];
        ssize_t n;

        if (r < 0 || !S_ISLNK(file->st.st_mode))
                return r;
        n = tree_read_link(place, target, sizeof target);
        if (n < 0)
                return (int)n;
        file->target = arena_string(pack->arena, target);
        return 0;
}

/* A path on the way to what it names. */
struct walk {
        char rest[PATH_MAX];
        char *real; /* what was walked, without links; has room for PATH_MAX */
        unsigned links;
};

/* The next name goes from the rest to what was walked. 0: there was none; 1; -ENAMETOOLONG. */
static int step(struct walk *walk)
{
        const char *name = walk->rest + strspn(walk->rest, "/");
        size_t size = strcspn(name, "/"), used = strlen(walk->real);

        if (!size)
                return 0;
        if (size == 2 && !strncmp(name, "..", 2)) {
                char *slash = strrchr(walk->real, '/');

                if (slash)
                        *slash = '\0';
        } else if (size != 1 || name[0] != '.') {
                if (used + size + 2 > PATH_MAX)
                        return -ENAMETOOLONG;
                walk->real[used] = '/';
                memcpy(walk->real + used + 1, name, size);
                walk->real[used + 1 + size] = '\0';
        }
        memmove(walk->rest, name + size, strlen(name + size) + 1);
        return 1;
}

/* What was walked is a link: on from where it points to. */
static int follow(struct walk *walk, const char *target)
{
        char more[2 * PATH_MAX];

        if (++walk->links > LINKS_MAX)
                return -ELOOP;
        if (text_format(more, sizeof more, "%s%s", target, walk->rest) >= sizeof walk->rest)
                return -ENAMETOOLONG;
        memcpy(walk->rest, more, strlen(more) + 1);
        return 0;
}

/* Every link and directory on the way, and what is at its end: in ret_real, which has room for PATH_MAX. */
static int walk_path(struct pack *pack, const char *path, char *ret_real)
{
        struct walk walk = { .real = ret_real };
        int r;

        ret_real[0] = '\0';
        if (path[0] != '/' || strlen(path) >= sizeof walk.rest)
                return trail(-EINVAL, "'%.200s' is not an absolute path", path);
        memcpy(walk.rest, path, strlen(path) + 1);
        while ((r = step(&walk)) > 0) {
                struct pack_file file = { .path = ret_real };
                auto_close place = NO_FD;

                if (!ret_real[0])
                        continue;
                place = pack_open(pack, ret_real, O_PATH);
                if (place < 0)
                        return place;
                r = look(pack, place, &file);
                if (r < 0)
                        return trail(r, "%s: %s", ret_real, text_errno(r));
                if (file.target) {
                        r = follow(&walk, file.target);
                        if (r < 0)
                                break;
                        put(pack, &file);
                        *(file.target[0] == '/' ? ret_real : strrchr(ret_real, '/')) = '\0';
                } else if (S_ISDIR(file.st.st_mode) || S_ISREG(file.st.st_mode)) {
                        put(pack, &file);
                }
        }
        return r < 0 ? trail(r, "%s: %s", path, text_errno(r)) : 0;
}

static int add_inside(struct pack *pack, int dir, const char *path);

/* An entry of a directory, and if it is one itself, what is in that. */
static int add_entry(struct pack *pack, int dir, const char *name, const char *path)
{
        auto_close place = file_open(dir, name, O_PATH | O_NOFOLLOW, 0);
        struct pack_file file = { .path = path };
        int r = place < 0 ? place : look(pack, place, &file);

        if (place == -ENOENT)
                return 0; /* it has gone since the directory was read */
        if (r < 0)
                return trail(r, "%s: %s", path, text_errno(r));
        if (!file.target && !S_ISDIR(file.st.st_mode) && !S_ISREG(file.st.st_mode))
                return 0;
        put(pack, &file);
        if (pack->n > FILES_MAX)
                return trail(-E2BIG, "%s: more than %d files", path, (int)FILES_MAX);
        return S_ISDIR(file.st.st_mode) ? add_inside(pack, place, path) : 0;
}

static int add_inside(struct pack *pack, int dir, const char *path)
{
        DIR *list = file_list_at(dir, ".");
        int r = list ? 0 : -errno;

        if (++pack->depth > DEPTH_MAX)
                r = -ELOOP;
        for (struct dirent *entry; r == 0 && list && (entry = readdir(list));)
                if (!text_is_dots(entry->d_name))
                        r = add_entry(
                                pack, dir, entry->d_name,
                                arena_format(pack->arena, "%s/%s", path, entry->d_name));
        pack->depth--;
        if (list)
                closedir(list);
        return r < 0 && !*trail_text() ? trail(r, "%s: %s", path, text_errno(r)) : r;
}

int pack_add(struct pack *pack, const char *path)
{
        auto_close place = NO_FD;
        char real[PATH_MAX];
        struct stat st;
        int r = walk_path(pack, path, real);

        if (r < 0)
                return r;
        place = pack_open(pack, real, O_PATH);
        if (place < 0)
                return place;
        r = file_stat(place, "", AT_EMPTY_PATH, &st);
        if (r == 0 && S_ISDIR(st.st_mode))
                return add_inside(pack, place, real);
        if (r == 0 && !S_ISREG(st.st_mode))
                return trail(-EINVAL, "%s is neither a file nor a directory", path);
        return r;
}

/* -- libraries -------------------------------------------------------------------------------------------- */

static int add_file(struct pack *pack, const char *path, const struct loader *above);

/* Would the loader take it for this one? */
static bool fits(struct pack *pack, const char *path, const struct elf_needs *wanted)
{
        auto_close fd = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct elf_needs needs;

        return fd >= 0 && elf_read_needs(pack->arena, fd, &needs) == 0 &&
               needs.wide == wanted->wide && needs.machine == wanted->machine;
}

/* $ORIGIN is the directory that the file lies in. */
static const char *expand(struct pack *pack, const char *dir, size_t size, const char *file)
{
        static const char *const words[] = { "$ORIGIN", "${ORIGIN}" };
        const char *slash = strrchr(file, '/');
        char *copy = arena_copy(pack->arena, dir, size);

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (text_starts(copy, words[i]))
                        return arena_format(
                                pack->arena, "%.*s%s", (int)(slash - file), file,
                                copy + strlen(words[i]));
        return copy;
}

/* In directories with a colon between them, which `file` says. */
static const char *search_list(
        struct pack *pack, const char *list, const char *file, const char *name,
        const struct elf_needs *wanted)
{
        while (list && *list) {
                size_t size = strcspn(list, ":");
                const char *dir = expand(pack, list, size, file);
                const char *path = arena_format(pack->arena, "%s/%s", dir, name);

                if (dir[0] == '/' && fits(pack, path, wanted))
                        return path;
                list += size + (list[size] == ':');
        }
        return NULL;
}

static uint32_t word_at(const struct text *cache, size_t at)
{
        uint32_t word = 0;

        if (at + sizeof word <= cache->len)
                memcpy(&word, cache->data + at, sizeof word);
        return word;
}

/* ld.so.cache: a header of 48 bytes, entries of 24: flags, name, path, and what hardware they are for; strings by
 * their places from the header on. */
static const char *search_cache(struct pack *pack, const char *name, const struct elf_needs *wanted)
{
        static const char magic[] = "glibc-ld.so.cache1.1";
        const struct text *cache = &pack->cache;
        const char *head;
        size_t start, n;

        if (!pack->cache.arena) {
                pack->cache.arena = pack->arena;
                if (file_read(pack->arena, AT_FDCWD, "/etc/ld.so.cache", CACHE_MAX, &pack->cache) <
                    0)
                        trail_reset();
        }
        head = cache->len ? memmem(cache->data, cache->len, magic, sizeof magic - 1) : NULL;
        if (!head)
                return NULL;
        start = (size_t)(head - cache->data);
        n = word_at(cache, start + 20);
        for (size_t i = 0; i < n && start + 48 + 24 * (i + 1) <= cache->len; i++) {
                size_t at = start + 48 + 24 * i, key = start + word_at(cache, at + 4),
                       value = start + word_at(cache, at + 8);

                /* Without those for some processors only, which the image may not meet. */
                if (word_at(cache, at + 16) || word_at(cache, at + 20) || key >= cache->len ||
                    value >= cache->len || !text_equal(cache->data + key, name) ||
                    cache->data[value] != '/')
                        continue;
                if (fits(pack, cache->data + value, wanted))
                        return arena_string(pack->arena, cache->data + value);
        }
        return NULL;
}

static bool is_usual(const char *path)
{
        size_t size = (size_t)(strrchr(path, '/') - path);

        for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
                if (strlen(usual[i]) == size && strncmp(usual[i], path, size) == 0)
                        return true;
        return false;
}

static const char *search_usual(struct pack *pack, const char *name, const struct elf_needs *wanted)
{
        for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
                const char *path = arena_format(pack->arena, "%s/%s", usual[i], name);

                if (fits(pack, path, wanted))
                        return path;
        }
        return NULL;
}

static int add_library(struct pack *pack, const char *name, const struct loader *loader)
{
        const struct elf_needs *wanted = loader->needs;
        const char *path = NULL;

        if (strchr(name, '/'))
                path = name;
        for (const struct loader *at = loader; !path && !wanted->runpath && at; at = at->above)
                if (!at->needs->runpath)
                        path = search_list(pack, at->needs->rpath, at->path, name, wanted);
        if (!path)
                path = search_list(pack, wanted->runpath, loader->path, name, wanted);
        if (!path) {
                path = search_cache(pack, name, wanted);
                if (path && !is_usual(path) && !pack->cached) {
                        pack->cached = true;
                        pack_add(pack, "/etc/ld.so.cache");
                }
        }
        if (!path)
                path = search_usual(pack, name, wanted);
        if (!path) {
                trail_hint("what is missing here is missing in the image, too: install it");
                return trail(
                        -ENOENT, "%s needs the library %s, which is not there", loader->path, name);
        }
        return add_file(pack, path, loader);
}

/* -- programs --------------------------------------------------------------------------------------------- */

static int add_elf(struct pack *pack, const struct loader *loader)
{
        int r = loader->needs->interpreter ? add_file(pack, loader->needs->interpreter, NULL) : 0;

        for (size_t i = 0; r == 0 && i < loader->needs->n_libraries; i++)
                r = add_library(pack, loader->needs->libraries[i], loader);
        return r;
}

/* "#!/usr/bin/env NAME" is looked for as env(1) would. */
static int add_script(struct pack *pack, int fd, const char *path)
{
        char line[257] = "", *word = line + 2, *argument;
        ssize_t n = pread(fd, line, sizeof line - 1, 0);
        const char *found;
        int r;

        if (n < 2 || line[0] != '#' || line[1] != '!')
                return 0;
        line[strcspn(line, "\r\n")] = '\0';
        word += strspn(word, " \t");
        argument = word + strcspn(word, " \t");
        if (*argument)
                *argument++ = '\0';
        argument += strspn(argument, " \t");
        r = pack_add_program(pack, word, &found);
        if (r == 0 && strlen(word) > 4 && text_equal(word + strlen(word) - 4, "/env")) {
                if (text_starts(argument, "-S"))
                        argument += 2 + strspn(argument + 2, " \t");
                argument[strcspn(argument, " \t")] = '\0';
                if (*argument && *argument != '-' && !strchr(argument, '='))
                        r = pack_add_program(pack, argument, &found);
        }
        return r < 0 ? trail(r, "%s", path) : 0;
}

static int add_file(struct pack *pack, const char *path, const struct loader *above)
{
        struct elf_needs needs;
        auto_close fd = NO_FD;
        char real[PATH_MAX];
        size_t before = pack->n, at;
        bool known;
        int r;

        r = walk_path(pack, path, real);
        if (r < 0)
                return r;
        at = find(pack, real, &known);
        if (known && !S_ISREG(pack->files[at].st.st_mode))
                return trail(-EINVAL, "%s is not a file", path);
        if (pack->n == before)
                return 0; /* all that it needs is there, or being added */
        if (++pack->depth > DEPTH_MAX)
                return trail(-ELOOP, "%s: too many files, one behind another", path);
        fd = pack_open(pack, real, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;
        r = elf_read_needs(pack->arena, fd, &needs);
        if (r == 0)
                r = add_elf(
                        pack, &(struct loader){ &needs, arena_string(pack->arena, real), above });
        else if (r == -ENOEXEC)
                r = add_script(pack, fd, real);
        else
                r = trail(r, "%s is a damaged ELF file", real);
        pack->depth--;
        return r;
}

int pack_add_program(struct pack *pack, const char *name, const char **ret_path)
{
        const char *list = pack->search, *path = strchr(name, '/') ? name : NULL;
        int r;

        while (!path && list && *list) {
                size_t size = strcspn(list, ":");
                const char *there = arena_format(pack->arena, "%.*s/%s", (int)size, list, name);
                struct stat st;

                if (*list == '/' && file_stat(AT_FDCWD, there, 0, &st) == 0 &&
                    S_ISREG(st.st_mode) && file_access(there, X_OK) == 0)
                        path = there;
                list += size + (list[size] == ':');
        }
        if (!path)
                return trail(-ENOENT, "there is no program '%s' in %s", name, pack->search);
        path = store_absolute(pack->arena, path);
        r = file_access(path, X_OK);
        if (r < 0)
                return trail(r, "%s: %s", path, text_errno(r));
        *ret_path = path;
        return add_file(pack, path, NULL);
}
