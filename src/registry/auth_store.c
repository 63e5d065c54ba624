/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: a file of credentials is changed by writing another one beside it, for nobody else to
 * read, and renaming it: a reader sees one or the other, and a crash leaves the old one. What other programs
 * keep in the file is written back as it was.
 *
 * Where the file names a credential helper for the registry, that one keeps the password, and the file has an empty
 * entry, as docker writes it. */
#include "auth_private.h"
#include "linux/linux.h"

#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>

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
        auto_close fd = NO_FD;
        int r = file_remove(AT_FDCWD, temporary, 0); /* left of who was killed, or another's */

        if (r == 0 || r == -ENOENT) {
                fd = file_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
                r = fd < 0 ? fd : 0;
        }
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

static int read_file(struct arena *arena, const char *file, const struct json **ret_root)
{
        struct text bytes = { .arena = arena };
        int r = file_read(arena, AT_FDCWD, file, AUTH_BYTES_MAX, &bytes);

        *ret_root = NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return trail(r, "cannot read '%s': %s", file, text_errno(r));
        r = json_parse(arena, file, text_string(&bytes), bytes.len, ret_root);
        if (r == 0 && (*ret_root)->kind != JSON_OBJECT)
                r = spec_error(*ret_root, file, "/", "expected an object");
        return r;
}

static int forget(struct arena *arena, const char *helper, const char *registry, bool *ret_was)
{
        struct registry_credentials known;
        int r = helper_get(arena, helper, registry, &known);

        *ret_was = r == 0 && (known.password || known.identity_token);
        return *ret_was ? helper_erase(arena, helper, registry) : r;
}

/* What could not be finished keeps nothing, and the reason is why it could not. */
static void take_back(struct arena *arena, const char *helper, const char *registry)
{
        const char *words = arena_string(arena, trail_text());
        const char *hint = arena_string(arena, trail_hint_text());

        helper_erase(arena, helper, registry);
        trail_reset();
        if (*hint)
                trail_hint("%s", hint);
        trail(0, "%s", words);
}

int registry_auth_store(
        struct arena *arena, const char *file, const char *registry,
        const struct registry_credentials *credentials, struct registry_kept *ret_kept)
{
        static const struct registry_credentials elsewhere = { 0 };
        const struct registry_place place = { .registry = registry };
        struct text out = { .arena = arena };
        const struct json *root = NULL;
        const char *helper;
        bool was = false;
        auto_close lock = lock_directory(arena, file);
        int r = lock < 0 ? lock : read_file(arena, file, &root);

        if (r < 0)
                return r;
        helper = auth_helper(root, "credHelpers", &place);
        if (!helper)
                helper = auth_helper(root, "credsStore", &place);
        if (helper)
                r = credentials ? helper_store(arena, helper, registry, credentials)
                                : forget(arena, helper, registry, &was);
        if (r < 0)
                return r;
        was |=
                edit(arena, root, auth_key(registry),
                     credentials && helper ? &elsewhere : credentials, &out);
        if (credentials || was)
                r = write_beside(file, arena_format(arena, "%s.husk", file), &out);
        if (r < 0 && credentials && helper)
                take_back(arena, helper, registry);
        if (r == 0)
                *ret_kept = (struct registry_kept){ .was = was, .helper = helper };
        return r;
}
