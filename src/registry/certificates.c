/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: certificates in directories, as docker and podman have one for each host:
 *
 *      /etc/docker/certs.d/HOST[:PORT]/ca.crt, client.cert, client.key
 *
 * All that ends in .crt is taken, in the order of the names; of what ends in .cert the first, with the .key of its
 * name. What is in the files is for TLS to judge. */
#include "linux/linux.h"
#include "registry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

enum {
        PEM_BYTES_MAX = 48 << 10, /* what goes to the helper is one packet */
        NAMES_MAX = 256,
};

static bool ends_in(const char *name, const char *end)
{
        size_t size = strlen(name), last = strlen(end);

        return size > last && text_equal(name + size - last, end);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in it, sorted. -ENOENT without a trail. */
static int list(struct arena *arena, const char *directory, const char ***ret_names, size_t *ret_n)
{
        DIR *stream = file_list_at(AT_FDCWD, directory);
        int error = stream ? 0 : -errno;
        size_t n = 0;

        if (error == -ENOENT || error == -ENOTDIR)
                return -ENOENT;
        if (!stream)
                return trail(error, "cannot read the directory '%s': %m", directory);
        *ret_names = arena_array(arena, NAMES_MAX, sizeof **ret_names);
        for (struct dirent *entry; n < NAMES_MAX && (entry = readdir(stream));)
                (*ret_names)[n++] = arena_string(arena, entry->d_name);
        closedir(stream);
        if (n == NAMES_MAX)
                return trail(-E2BIG, "there are too many files in '%s'", directory);
        qsort(*ret_names, n, sizeof **ret_names, by_name);
        *ret_n = n;
        return 0;
}

static int read_pem(
        struct arena *arena, const char *directory, const char *name, const char **ret_pem)
{
        const char *path = arena_format(arena, "%s/%s", directory, name);
        struct text bytes = { .arena = arena };
        int r = file_read(arena, AT_FDCWD, path, PEM_BYTES_MAX, &bytes);

        if (r < 0)
                return trail(r, "cannot read '%s': %m", path);
        *ret_pem = text_string(&bytes);
        return 0;
}

/* One more certificate behind those that there are. */
static int add(struct arena *arena, const char *directory, const char *name, const char **pem)
{
        const char *more;
        int r = read_pem(arena, directory, name, &more);

        if (r < 0)
                return r;
        *pem = arena_format(arena, "%s%s\n", *pem ? *pem : "", more);
        return strlen(*pem) > PEM_BYTES_MAX
                     ? trail(-EFBIG, "there are more than 48 KiB of certificates in '%s'",
                             directory)
                     : 0;
}

static int read_pair(
        struct arena *arena, const char *directory, const char *name,
        struct registry_certificates *found)
{
        const char *key =
                arena_format(arena, "%.*s.key", (int)(strlen(name) - strlen(".cert")), name);
        int r = read_pem(arena, directory, name, &found->cert);

        if (r == 0)
                r = read_pem(arena, directory, key, &found->key);
        return r == -ENOENT ? trail(-EINVAL, "%s/%s has no key beside it", directory, name) : r;
}

int registry_certificates_read(
        struct arena *arena, const char *directory, struct registry_certificates *ret)
{
        struct registry_certificates found = { 0 };
        const char **names;
        size_t n = 0;
        int r = list(arena, directory, &names, &n);

        for (size_t i = 0; r == 0 && i < n; i++)
                if (ends_in(names[i], ".crt"))
                        r = add(arena, directory, names[i], &found.ca);
                else if (ends_in(names[i], ".cert") && !found.cert)
                        r = read_pair(arena, directory, names[i], &found);
        if (r == 0)
                *ret = found;
        return r;
}

int registry_authorities_read(struct arena *arena, const char *path, const char **ret_pem)
{
        struct text bytes = { .arena = arena };
        const char **names;
        struct stat st;
        size_t n = 0;
        int r = file_stat(AT_FDCWD, path, 0, &st);

        *ret_pem = NULL;
        if (r == 0 && !S_ISDIR(st.st_mode)) {
                r = file_read(arena, AT_FDCWD, path, PEM_BYTES_MAX, &bytes);
                *ret_pem = text_string(&bytes);
        }
        if (r < 0)
                return trail(r, "cannot read '%s': %m", path);
        if (*ret_pem)
                return 0;
        r = list(arena, path, &names, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (ends_in(names[i], ".crt") || ends_in(names[i], ".pem"))
                        r = add(arena, path, names[i], ret_pem);
        if (r == 0 && !*ret_pem)
                r = trail(-EINVAL, "there is no *.crt and no *.pem in '%s'", path);
        return r;
}
