/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a file of credentials is changed by writing another one beside it, for nobody else to
 * read, and renaming it: a reader sees one or the other, and a crash leaves the old one. What other programs
 * keep in the file is written back as it was. */
#include "image/image.h"
#include "linux/linux.h"
#include "registry.h"

#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>

enum {
        FILE_BYTES_MAX = 1 << 20,
};

/* docker's key for a registry. */
static const char *key_of(const char *registry)
{
        return text_equal(registry, IMAGE_DEFAULT_REGISTRY) ? "https://index.docker.io/v1/"
                                                            : registry;
}

static void add_base64(struct text *text, const char *plain)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        size_t size = strlen(plain);

        for (size_t i = 0; i < size; i += 3) {
                const unsigned char *in = (const unsigned char *)plain + i;
                size_t n = size - i < 3 ? size - i : 3;
                unsigned bits = (unsigned)in[0] << 16 | (n > 1 ? (unsigned)in[1] << 8 : 0) |
                                (n > 2 ? in[2] : 0);

                for (size_t k = 0; k < 4; k++)
                        text_add_char(text, k <= n ? letters[bits >> (18 - 6 * k) & 63] : '=');
        }
}

static void put_entry(
        struct arena *arena, struct json_writer *w, const char *key,
        const struct registry_credentials *credentials)
{
        struct text coded = { .arena = arena };

        json_open_object(w, key);
        if (credentials->password) {
                add_base64(
                        &coded,
                        arena_format(arena, "%s:%s", credentials->username, credentials->password));
                json_put_string(w, "auth", text_string(&coded));
        }
        if (credentials->identity_token)
                json_put_string(w, "identitytoken", credentials->identity_token);
        json_close_object(w);
}

/* The document with the entry for `key` changed, at its end: whether there was one. */
static bool edit(
        struct arena *arena, const struct json *root, const char *key,
        const struct registry_credentials *credentials, struct text *out)
{
        struct json_writer w = { .out = out, .indent = 2 };
        const struct json *auths = json_member(root, "auths");
        bool was = false;

        json_open_object(&w, NULL);
        json_open_object(&w, "auths");
        for (size_t i = 0; auths && auths->kind == JSON_OBJECT && i < auths->n; i++)
                if (text_equal(auths->members[i].name, key))
                        was = true;
                else
                        json_put_value(&w, auths->members[i].name, &auths->members[i].value);
        if (credentials)
                put_entry(arena, &w, key, credentials);
        json_close_object(&w);
        for (size_t i = 0; root && i < root->n; i++)
                if (!text_equal(root->members[i].name, "auths"))
                        json_put_value(&w, root->members[i].name, &root->members[i].value);
        json_close_object(&w);
        text_add_char(out, '\n');
        return was;
}

static int write_beside(const char *file, const char *temporary, const struct text *bytes)
{
        auto_close fd =
                file_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? fd : 0;

        if (r == 0 && fchmod(fd, 0600) < 0)
                r = -errno;
        if (r == 0)
                r = file_write(fd, bytes->data, bytes->len);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0)
                r = file_rename(temporary, file);
        return r < 0 ? trail(r, "cannot write '%s': %m", file) : 0;
}

/* Two at a time: the second reads what the first has written. */
static int lock_directory(struct arena *arena, const char *file)
{
        const char *slash = strrchr(file, '/');
        const char *directory = slash ? arena_copy(arena, file, (size_t)(slash - file)) : ".";
        int r, fd;

        if (slash == file)
                directory = "/";
        r = file_make_dirs(directory, 0700);
        if (r < 0)
                return trail(r, "cannot make the directory '%s': %m", directory);
        fd = file_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
        if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
                r = -errno;
                close(fd);
                fd = r;
        }
        return fd < 0 ? trail(fd, "cannot lock the directory '%s': %m", directory) : fd;
}

int registry_auth_store(
        const char *file, const char *registry, const struct registry_credentials *credentials,
        bool *ret_was)
{
        auto_arena arena = { 0 };
        struct text bytes = { .arena = &arena }, out = { .arena = &arena };
        const struct json *root = NULL;
        auto_close lock = lock_directory(&arena, file);
        int r = lock < 0 ? lock : file_read(&arena, AT_FDCWD, file, FILE_BYTES_MAX, &bytes);

        if (lock < 0)
                return lock;
        if (r < 0 && r != -ENOENT)
                return trail(r, "cannot read '%s': %m", file);
        if (r == 0) {
                r = json_parse(&arena, file, text_string(&bytes), bytes.len, &root);
                if (r == 0 && root->kind != JSON_OBJECT)
                        r = spec_error(root, file, "/", "expected an object");
                if (r < 0)
                        return r;
        }
        *ret_was = edit(&arena, root, key_of(registry), credentials, &out);
        if (!credentials && !*ret_was)
                return 0;
        return write_beside(file, arena_format(&arena, "%s.husk", file), &out);
}
